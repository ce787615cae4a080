// matrix.c: matrices of doubles, through BLAS and LAPACK.
#include <lapacke.h>

#include <cblas.h>

#include "runtime/matrix.h"

double *matrix_new(Arena *arena, size_t rows, size_t columns) {
    return arena_many(arena, double, MAX(rows * columns, (size_t)1));
}

double *matrix_centred(Arena *arena, const float *x, uint64_t n, uint32_t width, double *mean) {
    double *out = matrix_new(arena, n, width);
    memset(mean, 0, width * sizeof *mean);
    for (uint64_t r = 0; r < n; r++)
        for (uint32_t c = 0; c < width; c++) mean[c] += x[r * width + c];
    for (uint32_t c = 0; c < width; c++) mean[c] /= (double)n;
    for (uint64_t r = 0; r < n; r++)
        for (uint32_t c = 0; c < width; c++) out[r * width + c] = x[r * width + c] - mean[c];
    return out;
}

double matrix_trace(const double *a, uint32_t n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += a[(size_t)i * n + i];
    return sum;
}

void matrix_cross(const double *x, uint32_t a, const double *y, uint32_t b, uint64_t n, double *out) {
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)a, (int)b, (int)n, 1, x, (int)a, y, (int)b, 0, out, (int)b);
}

void matrix_product(const double *a, const double *b, uint32_t m, uint32_t n, uint32_t k, double *out) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b, (int)n, 0, out, (int)n);
}

void matrix_product_turned(const double *a, const double *b, uint32_t m, uint32_t n, uint32_t k, double *out) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b, (int)k, 0, out, (int)n);
}

void matrix_gram(const double *x, uint64_t n, uint32_t width, bool rows, double *out) {
    int size = (int)(rows ? n : width), over = (int)(rows ? width : n);
    cblas_dsyrk(CblasRowMajor, CblasUpper, rows ? CblasNoTrans : CblasTrans, size, over, 1, x, (int)width, 0, out, size);
}

void matrix_gram_add(const double *x, uint64_t n, uint32_t width, double *out) {
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)width, (int)n, 1, x, (int)width, 1, out, (int)width);
}

bool matrix_eigen(double *a, uint32_t n, double *values, Error *err) {
    if (LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', (int)n, a, (int)n, values) == 0) return true;
    FAIL(err, ERR_SYSTEM, "the eigenvalues of a %u x %u covariance did not converge", n, n);
}

bool matrix_eigenvalues(double *a, uint32_t n, double *values, Error *err) {
    if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'N', 'L', (int)n, a, (int)n, values) == 0) return true; // as it lies: turned over
    FAIL(err, ERR_SYSTEM, "the eigenvalues of a %u x %u covariance did not converge", n, n);
}

// The upper half, row by row, is the lower one column by column: a = R^T R.
bool matrix_solve(double *a, uint32_t n, double *b, uint32_t k, Error *err) {
    if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', (int)n, a, (int)n) != 0) FAIL(err, ERR_SYSTEM, "a %u x %u covariance is not positive", n, n);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, (int)n, (int)k, 1, a, (int)n, b, (int)k);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, (int)n, (int)k, 1, a, (int)n, b, (int)k);
    return true;
}

bool matrix_singular(Arena *arena, const double *m, uint32_t a, uint32_t b, double *u, double *values, double *vt, Error *err) {
    uint32_t k = MIN(a, b);
    double *copy = arena_copy(arena, m, (size_t)a * b * sizeof *m);
    if (LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', (int)a, (int)b, copy, (int)b, values, u, (int)k, vt, (int)b) == 0) return true;
    FAIL(err, ERR_SYSTEM, "the singular values of a %u x %u cross-covariance did not converge", a, b);
}

void map_write(const double *q, double s, const double *x_mean, const double *y_mean, uint32_t in, uint32_t out, float *map) {
    Arena *arena = arena_open();
    double *shift = arena_copy(arena, y_mean, out * sizeof *shift);
    for (uint32_t k = 0; k < in; k++) {
        for (uint32_t c = 0; c < out; c++) {
            double w = s * q[(size_t)k * out + c];
            map[(size_t)k * out + c] = (float)w;
            shift[c] -= x_mean[k] * w;
        }
    }
    for (uint32_t c = 0; c < out; c++) map[(size_t)in * out + c] = (float)shift[c];
    arena_close(arena);
}
