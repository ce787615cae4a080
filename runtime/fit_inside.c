// fit_inside.c: a map between coordinates in two bases, as a map between states.
#include "runtime/fit.h"
#include "runtime/matrix.h"

static double *widened(Arena *arena, const float *x, size_t count) {
    double *out = matrix_new(arena, count, 1);
    for (size_t i = 0; i < count; i++) out[i] = x[i];
    return out;
}

void map_inside(const float *inner, const float *from, const float *to, InsideShape shape, float *map) {
    uint32_t in = shape.in, out = shape.out, a = shape.from_rank, b = shape.to_rank;
    Arena *arena = arena_open();
    const double *w = widened(arena, inner, (a + 1u) * (size_t)b), *to_basis = widened(arena, to, (size_t)out * b);
    double *half = matrix_new(arena, in + 1u, b), *whole = matrix_new(arena, in + 1u, out);
    matrix_product(widened(arena, from, (size_t)in * a), w, in, b, a, half);
    memcpy(half + (size_t)in * b, w + (size_t)a * b, b * sizeof *half); // the shift is in the target's coordinates already
    matrix_product_turned(half, to_basis, in + 1u, out, b, whole);
    for (size_t i = 0; i < (in + 1u) * (size_t)out; i++) map[i] = (float)whole[i];
    arena_close(arena);
}

void map_outside(const float *rest, const float *basis, uint32_t in, uint32_t out, uint32_t rank, float *map) {
    Arena *arena = arena_open();
    const double *r = widened(arena, rest, (in + 1u) * (size_t)out), *b = widened(arena, basis, (size_t)out * rank);
    double *along = matrix_new(arena, in + 1u, rank), *within = matrix_new(arena, in + 1u, out);
    matrix_product(r, b, in + 1u, rank, out, along);
    matrix_product_turned(along, b, in + 1u, out, rank, within);
    for (size_t i = 0; i < (in + 1u) * (size_t)out; i++) map[i] = (float)(map[i] + r[i] - within[i]);
    arena_close(arena);
}
