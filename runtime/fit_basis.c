// fit_basis.c: orthonormal bases of states: principal directions, a difference of means.
#include <math.h>

#include "runtime/fit.h"
#include "runtime/matrix.h"

// An eigenvector's sign is free: the largest component is made positive.
static void fix_sign(float *basis, uint32_t width, uint32_t rank, uint32_t column) {
    float largest = 0;
    for (uint32_t c = 0; c < width; c++)
        if (fabsf(basis[(size_t)c * rank + column]) > fabsf(largest)) largest = basis[(size_t)c * rank + column];
    for (uint32_t c = 0; c < width && largest < 0; c++) basis[(size_t)c * rank + column] *= -1;
}

// The `rank` leading eigenvectors of the upper half of c, which is used up: the sum of the squares of n rows.
static bool leading(Arena *arena, double *c, uint64_t n, uint32_t width, uint32_t rank, float *basis, Error *err) {
    double *values = matrix_new(arena, width, 1);
    TRY(matrix_eigen(c, width, values, err));
    double least = values[width - 1] * (double)MAX(n, (uint64_t)width) * 0x1p-52;
    if (!(values[width - rank] > least)) FAIL(err, ERR_INPUT, "%llu rows span fewer than %u directions", (unsigned long long)n, rank);
    for (uint32_t k = 0; k < rank; k++) {
        for (uint32_t i = 0; i < width; i++) basis[(size_t)i * rank + k] = (float)c[(size_t)i * width + (width - 1 - k)];
        fix_sign(basis, width, rank, k);
    }
    return true;
}

bool fit_pca(const float *x, uint64_t n, uint32_t width, uint32_t rank, bool center, float *basis, Error *err) {
    Arena *arena = arena_open();
    double *mean = matrix_new(arena, width, 1), *rows = matrix_centred(arena, x, n, width, mean), *c = matrix_new(arena, width, width);
    for (uint64_t r = 0; r < n && !center; r++)
        for (uint32_t i = 0; i < width; i++) rows[r * width + i] += mean[i];
    matrix_gram_add(rows, n, width, c);
    bool ok = leading(arena, c, n, width, rank, basis, err);
    arena_close(arena);
    return ok;
}

bool fit_joint(const float *x, const float *y, uint64_t n, uint32_t width, uint32_t rank, float *basis, Error *err) {
    Arena *arena = arena_open();
    double *mean = matrix_new(arena, width, 1), *c = matrix_new(arena, width, width);
    matrix_gram_add(matrix_centred(arena, x, n, width, mean), n, width, c);
    matrix_gram_add(matrix_centred(arena, y, n, width, mean), n, width, c);
    bool ok = leading(arena, c, 2 * n, width, rank, basis, err);
    arena_close(arena);
    return ok;
}

bool fit_directions(double *squares, uint64_t n, uint32_t width, uint32_t rank, float *basis, Error *err) {
    Arena *arena = arena_open();
    bool ok = leading(arena, squares, n, width, rank, basis, err);
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
