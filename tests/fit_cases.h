// fit_cases.h: fits on a GPU against the same fits on the processor, on random states of many shapes: maps, ranks,
// spectra, scores. Used with a real GPU and with one that is made for tests.
#pragma once

#include <math.h>

#include "check.h"
#include "runtime/cuda/fits.h"

typedef struct {
    uint32_t n, in, out, kept; // rows; widths; dimensions of the source that vary freely (0: all)
    uint32_t rank;
    bool standardize, constant; // ridge: constant: some dimensions are
    uint32_t held;
    double lambdas[15]; // 0 ends them; none: Procrustes
    bool whiten, scale;
    double shrink;
    bool mapped;
} FitCase;

static const FitCase fit_cases[] = {
    {.n = 40, .in = 64, .out = 64, .held = 8, .lambdas = {0.1, 1, 10, 100}, .standardize = true},
    {.n = 40, .in = 64, .out = 48, .held = 8, .lambdas = {1, 10, 100}, .standardize = true, .mapped = true, .constant = true},
    {.n = 200, .in = 30, .out = 50, .held = 40, .lambdas = {1, 10, 100}, .standardize = false},
    {.n = 200, .in = 64, .out = 64, .held = 40, .lambdas = {1e-6, 1, 100}, .standardize = true, .constant = true},
    {.n = 60, .in = 90, .out = 90, .held = 12, .lambdas = {1e-9, 1e-3, 1}, .standardize = true, .mapped = true},
    {.n = 100, .in = 40, .out = 40, .held = 0, .lambdas = {5}, .standardize = true, .rank = 7},
    {.n = 100, .in = 40, .out = 30, .kept = 20, .held = 20, .lambdas = {1e-6}, .standardize = false},
    {.n = 500, .in = 290, .out = 150, .held = 100, .lambdas = {1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4}, .standardize = true},
    {.n = 380, .in = 500, .out = 140, .held = 70, .lambdas = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096}, .standardize = true, .mapped = true},
    {.n = 900, .in = 700, .out = 620, .held = 0, .lambdas = {50}},
    {.n = 40, .in = 64, .out = 64, .scale = true},
    {.n = 64, .in = 64, .out = 90, .scale = true, .mapped = true},
    {.n = 200, .in = 320, .out = 300, .rank = 30},
    {.n = 60, .in = 80, .out = 80, .kept = 20, .scale = true},
    {.n = 200, .in = 64, .out = 64, .scale = true, .mapped = true},
    {.n = 200, .in = 64, .out = 48, .whiten = true, .shrink = 0.05, .scale = true},
    {.n = 50, .in = 48, .out = 64, .whiten = true, .shrink = 0.05, .scale = true, .mapped = true},
    {.n = 300, .in = 40, .out = 40, .whiten = true, .kept = 25},
    {.n = 300, .in = 40, .out = 70, .rank = 5},
    {.n = 300, .in = 40, .out = 40, .whiten = true, .shrink = 0.1, .rank = 9, .scale = true},
};

static uint32_t fit_seed = 99;

static float fit_number(void) {
    fit_seed = fit_seed * 1664525 + 1013904223;
    return (float)(fit_seed >> 8) / (1 << 23) - 1;
}

// Columns of very different sizes about means that are not 0; the target follows the source, with noise.
static void fit_make(const FitCase *c, float *x, float *y) {
    uint32_t kept = c->kept ? c->kept : c->in;
    for (uint32_t r = 0; r < c->n; r++) {
        float *to = x + (size_t)r * c->in;
        for (uint32_t i = 0; i < c->in; i++) to[i] = i < kept ? fit_number() * (1 + (float)(i % 7)) + (float)(i % 5) : to[i % kept] * 0.5f;
        for (uint32_t i = 0; i < c->in && c->constant; i += 9) to[i] = 3;
        for (uint32_t i = 0; i < c->out; i++)
            y[(size_t)r * c->out + i] = to[i % c->in] + 0.5f * to[(i * 7 + 3) % c->in] + 0.3f * fit_number() - 2;
    }
}

static void check_spread(const char *what, Spread want, Spread got) {
    if (want.rank != got.rank || !(fabs(want.condition - got.condition) <= 1e-4 * want.condition))
        fprintf(stderr, "%s: rank %u of condition %g, not %u of %g\n", what, got.rank, got.condition, want.rank, want.condition);
    CHECK(want.rank == got.rank && fabs(want.condition - got.condition) <= 1e-4 * want.condition);
}

static void check_reports(const FitReport *want, const FitReport *got) {
    CHECK(want->rows == got->rows && want->in == got->in && want->out == got->out && want->rank == got->rank && want->unique == got->unique);
    CHECK(fabs(want->scale - got->scale) <= 1e-9 * want->scale && want->kept_in == got->kept_in && want->kept_out == got->kept_out);
    CHECK(want->lambda_count == got->lambda_count && want->lambda == got->lambda && fabs(want->orthogonality - got->orthogonality) < 1e-10);
    check_spread("source", want->source, got->source);
    check_spread("target", want->target, got->target);
    for (uint32_t i = 0; i < want->lambda_count; i++) {
        bool same = fabs(want->scores[i] - got->scores[i]) <= 1e-7 || (isnan(want->scores[i]) && isnan(got->scores[i]));
        if (!same) fprintf(stderr, "lambda %g: score %.12g, not %.12g\n", want->lambdas[i], got->scores[i], want->scores[i]);
        CHECK(same && want->lambdas[i] == got->lambdas[i]);
    }
}

static double map_error(const float *want, const float *got, size_t count) {
    double worst = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        worst = fmax(worst, isfinite(got[i]) ? fabs((double)want[i] - (double)got[i]) : INFINITY);
        largest = fmax(largest, fabs((double)want[i]));
    }
    return worst / largest;
}

static uint32_t lambda_count(const FitCase *c) {
    uint32_t count = 0;
    while (count < COUNT(c->lambdas) && c->lambdas[count] > 0) count++;
    return count;
}

// `given` with rows for the processor, without for the GPU (work not NULL).
static bool fit_run(const FitCase *c, Given given, const FitWork *work, float *map, FitReport *report, Arena *arena) {
    Error err;
    uint32_t lambdas = lambda_count(c);
    Ridge ridge = {.given = given, .held = c->held, .lambdas = c->lambdas, .lambda_count = lambdas, .standardize = c->standardize, .rank = c->rank};
    Procrustes turn = {.given = given, .scale = c->scale, .whiten = c->whiten, .shrink = c->shrink, .rank = c->rank};
    GpuProcrustes *parts = NULL;
    if (work && lambdas) return gpu_fit_ridge(work, &ridge, report);
    if (work) return gpu_fit_procrustes(work, &turn, &parts, arena, report);
    bool ok = lambdas ? fit_ridge(&ridge, map, report, &err) : fit_procrustes(&turn, map, report, &err);
    if (!ok) fprintf(stderr, "%s\n", err.text);
    return ok;
}

// What the GPU made of the states against what the processor makes of them; apart: of the map's largest entry.
static void check_fit(const FitCase *c, const float *x, const float *y, const float *got, const FitReport *report, double apart,
                      Arena *arena) {
    size_t count = ((size_t)c->in + 1) * c->out;
    float *want = arena_many(arena, float, count);
    FitReport host = {0};
    CHECK(fit_run(c, (Given){.x = x, .y = y, .n = c->n, .in = c->in, .out = c->out}, NULL, want, &host, arena));
    double error = map_error(want, got, count);
    if (!(error <= apart)) fprintf(stderr, "case %td: %g of the largest entry\n", c - fit_cases, error);
    CHECK(error <= apart);
    check_reports(&host, report);
}
