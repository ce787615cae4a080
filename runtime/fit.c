// fit.c: Procrustes maps, principal directions, differences of means.
//
// Sources: Schönemann 1966 (orthogonal Procrustes: Q = U V^T of X^T Y), with scale s = sum of singular values / |X|^2;
// whitening by the symmetric root of a shrunk covariance (Ledoit and Wolf's form with a given weight).
#include <math.h>

#include "runtime/fit.h"
#include "runtime/matrix.h"

// The whitened coordinates of one side: along the eigenvectors of the covariance on which the rows vary at all, divided
// by the deviation. A direction on which no row says anything has no coordinate: divided by its floor, the rounding
// of its covariance would look like data.
typedef struct {
    double *axes; // [width, rank]
    double *deviation; // of the shrunk covariance, floored
    double norm; // sum of the squares of all whitened rows
    uint32_t rank;
} Whitening;

static bool whitening(Arena *arena, const double *x, uint64_t n, uint32_t width, const Procrustes *fit, const char *side,
                      Whitening *out, Error *err) {
    double *c = matrix_new(arena, width, width), *values = matrix_new(arena, width, 1);
    matrix_cross(x, width, x, width, n, c);
    double mean = matrix_trace(c, width) / width;
    TRY(matrix_eigen(c, width, values, err));
    double largest = values[width - 1], none = largest * (double)MAX(n, (uint64_t)width) * 0x1p-52;
    if (!(largest > 0)) FAIL(err, ERR_INPUT, "the %s's states are the same for every prompt: nothing to fit", side);
    uint32_t first = 0;
    while (first < width && !(values[first] > none)) first++;
    out->rank = width - first;
    out->norm = 0;
    out->axes = matrix_new(arena, width, out->rank);
    out->deviation = matrix_new(arena, out->rank, 1);
    double ridge = fit->shrink * mean, least = fit->floor * ((1 - fit->shrink) * largest + ridge);
    for (uint32_t k = 0; k < out->rank; k++) {
        double value = fmax((1 - fit->shrink) * values[first + k] + ridge, least);
        out->deviation[k] = sqrt(value / (double)n);
        out->norm += values[first + k] / value * (double)n;
        for (uint32_t i = 0; i < width; i++) out->axes[(size_t)i * out->rank + k] = c[(size_t)i * width + first + k];
    }
    return true;
}

// m [in, out], between the states, in whitened coordinates [x->rank, y->rank].
static double *whitened(Arena *arena, const double *m, uint32_t in, uint32_t out, const Whitening *x, const Whitening *y) {
    double *half = matrix_new(arena, x->rank, out), *white = matrix_new(arena, x->rank, y->rank);
    matrix_cross(x->axes, x->rank, m, out, in, half);
    matrix_product(half, y->axes, x->rank, y->rank, out, white);
    for (uint32_t i = 0; i < x->rank; i++)
        for (uint32_t k = 0; k < y->rank; k++) white[(size_t)i * y->rank + k] /= x->deviation[i] * y->deviation[k];
    return white;
}

// q of whitened coordinates, which it changes, between the states: Cx^-1/2 q Cy^1/2.
static double *coloured(Arena *arena, double *q, uint32_t in, uint32_t out, const Whitening *x, const Whitening *y) {
    double *half = matrix_new(arena, in, y->rank), *map = matrix_new(arena, in, out);
    for (uint32_t i = 0; i < x->rank; i++)
        for (uint32_t k = 0; k < y->rank; k++) q[(size_t)i * y->rank + k] *= y->deviation[k] / x->deviation[i];
    matrix_product(x->axes, q, in, y->rank, x->rank, half);
    matrix_product_turned(half, y->axes, in, out, y->rank, map);
    return map;
}

// q = u_r v_r^T for the r leading triples. Those beyond the numerical rank are never used: what an SVD returns there
// is not a function of the data. size: the larger of the rows and the widths.
static uint32_t rotation(Arena *arena, const double *u, const double *values, const double *vt, uint32_t a, uint32_t b,
                         uint64_t size, uint32_t want, double *q) {
    uint32_t k = MIN(a, b), r = 0;
    double least = values[0] * (double)size * 0x1p-52;
    while (r < k && values[r] > least) r++;
    if (want && want < r) r = want;
    double *left = matrix_new(arena, a, r);
    for (uint32_t i = 0; i < a; i++)
        for (uint32_t j = 0; j < r; j++) left[(size_t)i * r + j] = u[(size_t)i * k + j];
    if (r) matrix_product(left, vt, a, b, r, q);
    return r;
}

static bool procrustes_in(Arena *arena, const Procrustes *fit, float *map, FitReport *report, Error *err) {
    uint32_t in = fit->in, out = fit->out;
    double *x_mean = matrix_new(arena, in, 1), *y_mean = matrix_new(arena, out, 1), norm = 0;
    double *x = matrix_centred(arena, fit->x, fit->n, in, x_mean), *y = matrix_centred(arena, fit->y, fit->n, out, y_mean);
    double *m = matrix_new(arena, in, out);
    matrix_cross(x, in, y, out, fit->n, m);
    for (size_t i = 0; i < fit->n * in; i++) norm += x[i] * x[i];
    uint32_t a = in, b = out;
    Whitening wx = {0}, wy = {0};
    if (fit->whiten) {
        TRY(whitening(arena, x, fit->n, in, fit, "source", &wx, err));
        TRY(whitening(arena, y, fit->n, out, fit, "target", &wy, err));
        m = whitened(arena, m, in, out, &wx, &wy);
        norm = wx.norm;
        a = wx.rank, b = wy.rank;
    }
    uint32_t k = MIN(a, b);
    double *u = matrix_new(arena, a, k), *values = matrix_new(arena, k, 1), *vt = matrix_new(arena, k, b), sum = 0;
    double *q = matrix_new(arena, a, b);
    TRY(matrix_singular(arena, m, a, b, u, values, vt, err));
    if (!(norm > 0) || !(values[0] > 0))
        FAIL(err, ERR_INPUT, "the source's and the target's states do not vary together: nothing to fit");
    report->rank = rotation(arena, u, values, vt, a, b, MAX(fit->n, (uint64_t)MAX(in, out)), fit->rank, q);
    for (uint32_t i = 0; i < k; i++) sum += values[i];
    report->scale = fit->scale ? sum / norm : 1;
    if (fit->whiten) q = coloured(arena, q, in, out, &wx, &wy);
    map_write(q, report->scale, x_mean, y_mean, in, out, map);
    return true;
}

bool fit_procrustes(const Procrustes *fit, float *map, FitReport *report, Error *err) {
    *report = (FitReport){.rows = fit->n, .in = fit->in, .out = fit->out, .scale = 1};
    report->unique = fit->n > MIN(fit->in, fit->out);
    if (fit->n < 2) FAIL(err, ERR_INPUT, "a map needs at least 2 rows to be fitted on, there is 1");
    Arena *arena = arena_open();
    bool ok = procrustes_in(arena, fit, map, report, err);
    arena_close(arena);
    return ok;
}

// An eigenvector's sign is free: the largest component is made positive.
static void fix_sign(float *basis, uint32_t width, uint32_t rank, uint32_t column) {
    float largest = 0;
    for (uint32_t c = 0; c < width; c++)
        if (fabsf(basis[(size_t)c * rank + column]) > fabsf(largest)) largest = basis[(size_t)c * rank + column];
    for (uint32_t c = 0; c < width && largest < 0; c++) basis[(size_t)c * rank + column] *= -1;
}

bool fit_pca(const float *x, uint64_t n, uint32_t width, uint32_t rank, bool center, float *basis, Error *err) {
    Arena *arena = arena_open();
    double *mean = matrix_new(arena, width, 1), *rows = matrix_centred(arena, x, n, width, mean);
    double *c = matrix_new(arena, width, width), *values = matrix_new(arena, width, 1);
    for (uint64_t r = 0; r < n && !center; r++)
        for (uint32_t i = 0; i < width; i++) rows[r * width + i] += mean[i];
    matrix_cross(rows, width, rows, width, n, c);
    bool ok = matrix_eigen(c, width, values, err);
    double least = ok ? values[width - 1] * (double)MAX(n, (uint64_t)width) * 0x1p-52 : 0;
    if (ok && !(values[width - rank] > least))
        ok = error_set(err, ERR_INPUT, "%llu rows span fewer than %u directions", (unsigned long long)n, rank);
    for (uint32_t k = 0; ok && k < rank; k++) {
        for (uint32_t i = 0; i < width; i++) basis[(size_t)i * rank + k] = (float)c[(size_t)i * width + (width - 1 - k)];
        fix_sign(basis, width, rank, k);
    }
    arena_close(arena);
    return ok;
}

bool fit_difference(const float *x, const float *y, uint64_t n, uint32_t width, float *basis, Error *err) {
    Arena *arena = arena_open();
    double *a = matrix_new(arena, width, 1), *b = matrix_new(arena, width, 1), norm = 0;
    matrix_centred(arena, x, n, width, a);
    matrix_centred(arena, y, n, width, b);
    for (uint32_t c = 0; c < width; c++) norm += (a[c] - b[c]) * (a[c] - b[c]);
    for (uint32_t c = 0; c < width && norm > 0; c++) basis[c] = (float)((a[c] - b[c]) / sqrt(norm));
    arena_close(arena);
    if (norm > 0) return true;
    FAIL(err, ERR_INPUT, "the two means are the same: there is no direction between them");
}
