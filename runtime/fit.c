// fit.c: Procrustes maps, means, principal directions.
//
// Sources: Schönemann 1966 (orthogonal Procrustes: Q = U V^T of X^T Y), with scale s = sum of singular values / |X|^2;
// whitening by the symmetric root of a shrunk covariance (Ledoit and Wolf's form with a given weight).
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include <cblas.h>

#include "runtime/fit.h"

// A matrix of doubles, row by row, in an arena.
static double *matrix(Arena *arena, size_t rows, size_t columns) {
    return arena_many(arena, double, MAX(rows * columns, (size_t)1));
}

// Means of the columns, and the rows minus them.
static double *centred(Arena *arena, const float *x, uint64_t n, uint32_t width, double *mean) {
    double *out = matrix(arena, n, width);
    memset(mean, 0, width * sizeof *mean);
    for (uint64_t r = 0; r < n; r++)
        for (uint32_t c = 0; c < width; c++) mean[c] += x[r * width + c];
    for (uint32_t c = 0; c < width; c++) mean[c] /= (double)n;
    for (uint64_t r = 0; r < n; r++)
        for (uint32_t c = 0; c < width; c++) out[r * width + c] = x[r * width + c] - mean[c];
    return out;
}

// out [a, b] = x^T y for x [n, a], y [n, b]
static void cross(const double *x, uint32_t a, const double *y, uint32_t b, uint64_t n, double *out) {
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)a, (int)b, (int)n, 1, x, (int)a, y, (int)b, 0, out, (int)b);
}

// out [m, n] = a [m, k] b [k, n]
static void product(const double *a, const double *b, uint32_t m, uint32_t n, uint32_t k, double *out) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b, (int)n, 0, out, (int)n);
}

static double trace(const double *a, uint32_t n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += a[(size_t)i * n + i];
    return sum;
}

// Eigenvalues, ascending, and eigenvectors (columns) of the symmetric a, which they replace.
static bool eigen(double *a, uint32_t n, double *values, Error *err) {
    if (LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', (int)n, a, (int)n, values) == 0) return true;
    FAIL(err, ERR_SYSTEM, "the eigenvalues of a %u x %u covariance did not converge", n, n);
}

// vectors diag(values^power) vectors^T
static void power_of(const double *vectors, const double *values, uint32_t n, double power, double *scratch, double *out) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++) scratch[(size_t)i * n + k] = vectors[(size_t)i * n + k] * pow(values[k], power);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)n, (int)n, 1, scratch, (int)n, vectors, (int)n, 0, out, (int)n);
}

// One side of a whitened fit: C^-1/2 and C^1/2 of the shrunk covariance whose eigenvalues are floored.
typedef struct {
    double *down, *up;
} Whitening;

static bool whitening(Arena *arena, const double *x, uint64_t n, uint32_t width, const Procrustes *fit, const char *side,
                      Whitening *out, Error *err) {
    double *c = matrix(arena, width, width), *values = matrix(arena, width, 1), *scratch = matrix(arena, width, width);
    cross(x, width, x, width, n, c);
    for (size_t i = 0; i < (size_t)width * width; i++) c[i] /= (double)n;
    double ridge = fit->shrink * trace(c, width) / width;
    for (size_t i = 0; i < (size_t)width * width; i++) c[i] *= 1 - fit->shrink;
    for (uint32_t i = 0; i < width; i++) c[(size_t)i * width + i] += ridge;
    TRY(eigen(c, width, values, err));
    double largest = values[width - 1];
    if (!(largest > 0)) FAIL(err, ERR_INPUT, "the %s's states are the same for every prompt: nothing to fit", side);
    double least = fit->floor * largest;
    // Without a floor a direction of no variance would be divided by zero.
    if (!(least > 0)) least = largest * width * 0x1p-52;
    for (uint32_t i = 0; i < width; i++) values[i] = fmax(values[i], least);
    out->down = matrix(arena, width, width);
    out->up = matrix(arena, width, width);
    power_of(c, values, width, -0.5, scratch, out->down);
    power_of(c, values, width, 0.5, scratch, out->up);
    return true;
}

// Singular triples of m [a, b]: u [a, k], values [k], vt [k, b], k = min(a, b).
static bool singular(Arena *arena, const double *m, uint32_t a, uint32_t b, double *u, double *values, double *vt, Error *err) {
    uint32_t k = MIN(a, b);
    double *copy = arena_copy(arena, m, (size_t)a * b * sizeof *m);
    if (LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', (int)a, (int)b, copy, (int)b, values, u, (int)k, vt, (int)b) == 0) return true;
    FAIL(err, ERR_SYSTEM, "the singular values of a %u x %u cross-covariance did not converge", a, b);
}

// q = u_r v_r^T for the r leading triples. Those beyond the numerical rank are never used: what an SVD returns there
// is not a function of the data.
static uint32_t rotation(Arena *arena, const double *u, const double *values, const double *vt, uint32_t a, uint32_t b,
                         uint64_t n, uint32_t want, double *q) {
    uint32_t k = MIN(a, b), r = 0;
    double least = values[0] * (double)MAX(n, (uint64_t)MAX(a, b)) * 0x1p-52;
    while (r < k && values[r] > least) r++;
    if (want && want < r) r = want;
    double *left = matrix(arena, a, r);
    for (uint32_t i = 0; i < a; i++)
        for (uint32_t j = 0; j < r; j++) left[(size_t)i * r + j] = u[(size_t)i * k + j];
    if (r) product(left, vt, a, b, r, q);
    return r;
}

// map = [s q; y_mean - x_mean s q]
static void write_map(const double *q, double s, const double *x_mean, const double *y_mean, uint32_t in, uint32_t out, float *map) {
    for (uint32_t c = 0; c < out; c++) {
        double shift = y_mean[c];
        for (uint32_t k = 0; k < in; k++) {
            double w = s * q[(size_t)k * out + c];
            map[(size_t)k * out + c] = (float)w;
            shift -= x_mean[k] * w;
        }
        map[(size_t)in * out + c] = (float)shift;
    }
}

static bool procrustes_in(Arena *arena, const Procrustes *fit, float *map, FitReport *report, Error *err) {
    uint32_t in = fit->in, out = fit->out, k = MIN(in, out);
    double *x_mean = matrix(arena, in, 1), *y_mean = matrix(arena, out, 1);
    double *x = centred(arena, fit->x, fit->n, in, x_mean), *y = centred(arena, fit->y, fit->n, out, y_mean);
    double *m = matrix(arena, in, out), *q = matrix(arena, in, out), *scratch = matrix(arena, in, out);
    double *xx = matrix(arena, in, in), norm;
    cross(x, in, y, out, fit->n, m);
    cross(x, in, x, in, fit->n, xx);
    norm = trace(xx, in);
    Whitening wx = {0}, wy = {0};
    if (fit->whiten) {
        TRY(whitening(arena, x, fit->n, in, fit, "source", &wx, err));
        TRY(whitening(arena, y, fit->n, out, fit, "target", &wy, err));
        product(wx.down, m, in, out, in, scratch);
        product(scratch, wy.down, in, out, out, m);
        double *white = matrix(arena, in, in), *half = matrix(arena, in, in);
        product(wx.down, xx, in, in, in, half);
        product(half, wx.down, in, in, in, white);
        norm = trace(white, in);
    }
    double *u = matrix(arena, in, k), *values = matrix(arena, k, 1), *vt = matrix(arena, k, out), sum = 0;
    TRY(singular(arena, m, in, out, u, values, vt, err));
    if (!(norm > 0) || !(values[0] > 0))
        FAIL(err, ERR_INPUT, "the source's and the target's states do not vary together: nothing to fit");
    report->rank = rotation(arena, u, values, vt, in, out, fit->n, fit->rank, q);
    for (uint32_t i = 0; i < k; i++) sum += values[i];
    report->scale = fit->scale ? sum / norm : 1;
    if (fit->whiten) {
        product(wx.down, q, in, out, in, scratch);
        product(scratch, wy.up, in, out, out, q);
    }
    write_map(q, report->scale, x_mean, y_mean, in, out, map);
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

void fit_mean(const float *y, uint64_t n, uint32_t in, uint32_t out, float *map) {
    memset(map, 0, (size_t)in * out * sizeof *map);
    for (uint32_t c = 0; c < out; c++) {
        double sum = 0;
        for (uint64_t r = 0; r < n; r++) sum += y[r * out + c];
        map[(size_t)in * out + c] = (float)(sum / (double)n);
    }
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
    double *mean = matrix(arena, width, 1), *rows = centred(arena, x, n, width, mean);
    double *c = matrix(arena, width, width), *values = matrix(arena, width, 1);
    for (uint64_t r = 0; r < n && !center; r++)
        for (uint32_t i = 0; i < width; i++) rows[r * width + i] += mean[i];
    cross(rows, width, rows, width, n, c);
    bool ok = eigen(c, width, values, err);
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
    double *a = matrix(arena, width, 1), *b = matrix(arena, width, 1), norm = 0;
    centred(arena, x, n, width, a);
    centred(arena, y, n, width, b);
    for (uint32_t c = 0; c < width; c++) norm += (a[c] - b[c]) * (a[c] - b[c]);
    for (uint32_t c = 0; c < width && norm > 0; c++) basis[c] = (float)((a[c] - b[c]) / sqrt(norm));
    arena_close(arena);
    if (norm > 0) return true;
    FAIL(err, ERR_INPUT, "the two means are the same: there is no direction between them");
}
