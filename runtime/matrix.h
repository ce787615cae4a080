// matrix.h: matrices of doubles, row by row in an arena: what fits are computed with. Products and decompositions are
// those of BLAS and LAPACK.
#pragma once

#include "mdx/error.h"

double *matrix_new(Arena *arena, size_t rows, size_t columns);
// Means of the columns of x [n, width], and the rows minus them.
double *matrix_centred(Arena *arena, const float *x, uint64_t n, uint32_t width, double *mean);
double matrix_trace(const double *a, uint32_t n);
// out [a, b] = x^T y, x [n, a], y [n, b]
void matrix_cross(const double *x, uint32_t a, const double *y, uint32_t b, uint64_t n, double *out);
// out [m, n] = a b, a [m, k], b [k, n]; turned: a b^T, b [n, k]
void matrix_product(const double *a, const double *b, uint32_t m, uint32_t n, uint32_t k, double *out);
void matrix_product_turned(const double *a, const double *b, uint32_t m, uint32_t n, uint32_t k, double *out);
// The upper half of x x^T [n, n] (rows) or of x^T x [width, width], x [n, width].
void matrix_gram(const double *x, uint64_t n, uint32_t width, bool rows, double *out);
void matrix_gram_add(const double *x, uint64_t n, uint32_t width, double *out); // out += the upper half of x^T x
// Eigenvalues, ascending, and eigenvectors (columns) of the symmetric a, of which the upper half is read, and which
// they replace.
bool matrix_eigen(double *a, uint32_t n, double *values, Error *err);
// The eigenvalues alone; a is used up.
bool matrix_eigenvalues(double *a, uint32_t n, double *values, Error *err);
// b [n, k] = a^-1 b, a symmetric and positive, of which the upper half is read; it is used up.
bool matrix_solve(double *a, uint32_t n, double *b, uint32_t k, Error *err);
// Singular triples of m [a, b]: u [a, k], values [k], vt [k, b], k = min(a, b).
bool matrix_singular(Arena *arena, const double *m, uint32_t a, uint32_t b, double *u, double *values, double *vt, Error *err);
// map [in + 1, out] = [s q; y_mean - x_mean s q]
void map_write(const double *q, double s, const double *x_mean, const double *y_mean, uint32_t in, uint32_t out, float *map);
