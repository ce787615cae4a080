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

bool fit_pca(const Given *given, uint32_t rank, bool center, float *basis, Error *err) {
    Arena *arena = arena_open();
    uint32_t width = given->in;
    double *square = given_square(arena, given, 0), *mean = given_mean(arena, given, 0);
    for (uint32_t i = 0; i < width && !center; i++)
        for (uint32_t k = i; k < width; k++) square[(size_t)i * width + k] += (double)given->n * mean[i] * mean[k];
    bool ok = leading(arena, square, given->n, width, rank, basis, err);
    arena_close(arena);
    return ok;
}

bool fit_joint(const Given *given, uint32_t rank, float *basis, Error *err) {
    Arena *arena = arena_open();
    uint32_t width = given->in;
    double *square = given_square(arena, given, 0);
    const double *other = given_square(arena, given, 1);
    for (size_t i = 0; i < (size_t)width * width; i++) square[i] += other[i];
    bool ok = leading(arena, square, 2 * given->n, width, rank, basis, err);
    arena_close(arena);
    return ok;
}

bool fit_directions(double *squares, uint64_t n, uint32_t width, uint32_t rank, float *basis, Error *err) {
    Arena *arena = arena_open();
    bool ok = leading(arena, squares, n, width, rank, basis, err);
    arena_close(arena);
    return ok;
}

bool fit_difference(const Given *given, float *basis, Error *err) {
    Arena *arena = arena_open();
    uint32_t width = given->in;
    const double *a = given_mean(arena, given, 0), *b = given_mean(arena, given, 1);
    double norm = 0;
    for (uint32_t c = 0; c < width; c++) norm += (a[c] - b[c]) * (a[c] - b[c]);
    for (uint32_t c = 0; c < width && norm > 0; c++) basis[c] = (float)((a[c] - b[c]) / sqrt(norm));
    arena_close(arena);
    if (norm > 0) return true;
    FAIL(err, ERR_INPUT, "the two means are the same: there is no direction between them");
}
