// given.h: what fits are given in tests: rows, or what they come to when they are added in three parts of unlike sizes.
#pragma once

#include "runtime/fit.h"

static inline const Sums *sums_in_parts(Arena *arena, const float *x, const float *y, uint64_t n, uint32_t in,
                                        uint32_t out) {
    const uint64_t ends[] = {n / 5, n / 2, n};
    double *matrix = arena_many(arena, double, (size_t)(in + out + SUMS_PRODUCTS) * (in + out));
    Sums *sums = arena_new(arena, Sums);
    for (uint64_t i = 0, from = 0; i < COUNT(ends); from = ends[i++])
        sums_add(matrix, x + from * in, out ? y + from * out : NULL, ends[i] - from, in, out);
    *sums = sums_of(arena, matrix, in, out);
    return sums;
}

static inline Given given_of_sums(Arena *arena, const Given *rows) {
    Given out = *rows;
    out.sums = sums_in_parts(arena, rows->x, rows->y, rows->n, rows->in, rows->out);
    out.x = out.y = NULL;
    return out;
}

static inline void ridge_of_sums(Arena *arena, Ridge *fit) {
    const Given rows = fit->given;
    uint64_t above = rows.n - fit->held;
    fit->sums_above = sums_in_parts(arena, rows.x, rows.y, above, rows.in, rows.out);
    fit->sums_held =
        sums_in_parts(arena, rows.x + above * rows.in, rows.y + above * rows.out, fit->held, rows.in, rows.out);
    fit->given = given_of_sums(arena, &rows);
}
