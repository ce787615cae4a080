// fit_baseline.c: maps that say little of the pairing of rows, for others to be compared with: the mean, the moments of
// each dimension, a random rotation.
#include <lapacke.h>
#include <math.h>

#include "mdx/random.h"
#include "runtime/fit.h"
#include "runtime/matrix.h"

static const double CONSTANT = 1e-6; // a dimension that deviates less is left out

void fit_mean(const Given *given, uint32_t in, float *map) {
    uint32_t width = given->in;
    Arena *arena = arena_open();
    const double *mean = given_mean(arena, given, 0);
    memset(map, 0, (size_t)in * width * sizeof *map);
    for (uint32_t c = 0; c < width; c++) map[(size_t)in * width + c] = (float)mean[c];
    arena_close(arena);
}

// ---- Moments

bool fit_moments(const Given *given, float *map, FitReport *report, Error *err) {
    uint32_t width = given->in;
    *report = (FitReport){.rows = given->n, .in = width, .out = width, .scale = 1, .unique = true};
    if (given->n < 2) FAIL(err, ERR_INPUT, "a map needs at least 2 rows to be fitted on, there is 1");
    Arena *arena = arena_open();
    double *x_mean = given_mean(arena, given, 0), *y_mean = given_mean(arena, given, 1), *w = matrix_new(arena, width, width);
    const double *of_x = given_deviation(arena, given, 0, x_mean), *of_y = given_deviation(arena, given, 1, y_mean);
    for (uint32_t c = 0; c < width; c++) {
        if (!(of_x[c] > CONSTANT)) continue;
        w[(size_t)c * width + c] = of_y[c] / of_x[c];
        report->rank += of_y[c] > 0;
        report->kept_in++;
    }
    report->kept_out = report->kept_in;
    map_write(w, 1, x_mean, y_mean, width, width, map);
    arena_close(arena);
    if (report->kept_in) return true;
    FAIL(err, ERR_INPUT, "the source's states are the same for every prompt: nothing to fit");
}

// ---- A random rotation

// Orthonormal columns [rows, columns] of the uniform distribution: Q of a matrix of normal numbers, with the signs that
// make the diagonal of R positive (Stewart 1980; without them what LAPACK chooses would show).
static bool orthonormal(double *q, uint32_t rows, uint32_t columns, Random *random, Arena *arena, Error *err) {
    double *tau = matrix_new(arena, columns, 1), *sign = matrix_new(arena, columns, 1);
    for (size_t i = 0; i < (size_t)rows * columns; i++) q[i] = random_normal(random);
    bool ok = LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, (int)rows, (int)columns, q, (int)columns, tau) == 0;
    for (uint32_t c = 0; c < columns; c++) sign[c] = q[(size_t)c * columns + c] < 0 ? -1 : 1;
    ok = ok && LAPACKE_dorgqr(LAPACK_ROW_MAJOR, (int)rows, (int)columns, (int)columns, q, (int)columns, tau) == 0;
    if (!ok) FAIL(err, ERR_SYSTEM, "the QR of a %u x %u matrix failed", rows, columns);
    for (size_t i = 0; i < (size_t)rows * columns; i++) q[i] *= sign[i % columns];
    return true;
}

static double *turned(Arena *arena, const double *q, uint32_t rows, uint32_t columns) {
    double *out = matrix_new(arena, columns, rows);
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < columns; c++) out[(size_t)c * rows + r] = q[(size_t)r * columns + c];
    return out;
}

bool fit_random_rotation(const Given *given, uint64_t seed, float *map, FitReport *report, Error *err) {
    uint32_t in = given->in, out = given->out, most = MAX(in, out), least = MIN(in, out);
    *report = (FitReport){.rows = given->n, .in = in, .out = out, .scale = 1, .unique = true, .rank = least};
    Arena *arena = arena_open();
    Random random = random_open(seed, "random_rotation");
    double *x_mean = given_mean(arena, given, 0), *y_mean = given_mean(arena, given, 1), *q = matrix_new(arena, most, least);
    bool ok = orthonormal(q, most, least, &random, arena, err);
    if (ok) map_write(in < out ? turned(arena, q, most, least) : q, 1, x_mean, y_mean, in, out, map);
    arena_close(arena);
    return ok;
}
