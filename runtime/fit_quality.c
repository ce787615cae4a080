// fit_quality.c: what a fit says about the rows that it was given.
#include "runtime/fit.h"
#include "runtime/matrix.h"

Spread spread_of(const double *values, uint32_t count, uint64_t n, uint32_t width) {
    double largest = values[count - 1], least = largest * (double)MAX(n, (uint64_t)width) * 0x1p-52;
    uint32_t first = 0;
    while (first < count && !(values[first] > least)) first++;
    return (Spread){count - first, first < count ? largest / values[first] : 0};
}

bool spread_of_square(Arena *arena, double *square, uint64_t n, uint32_t width, Spread *out, Error *err) {
    double *values = matrix_new(arena, width, 1);
    TRY(matrix_eigenvalues(square, width, values, err));
    *out = spread_of(values, width, n, width);
    return true;
}

bool spread_find(Arena *arena, const double *x, uint64_t n, uint32_t width, Spread *out, Error *err) {
    bool rows = n < width;
    uint32_t size = rows ? (uint32_t)n : width;
    double *gram = matrix_new(arena, size, size), *values = matrix_new(arena, size, 1);
    matrix_gram(x, n, width, rows, gram);
    TRY(matrix_eigenvalues(gram, size, values, err));
    *out = spread_of(values, size, n, width);
    return true;
}
