// fit_given.c: means and products of what a fit is given, of rows or of their sums.
#include <math.h>

#include "runtime/fit.h"
#include "runtime/matrix.h"

static uint32_t width_of(const Given *given, int side) {
    return side ? given->out : given->in;
}

static const float *rows_of(const Given *given, int side) {
    return side ? given->y : given->x;
}

double *given_mean(Arena *arena, const Given *given, int side) {
    uint32_t width = width_of(given, side);
    if (given->sums) return arena_copy(arena, given->sums->mean[side], width * sizeof(double));
    const float *rows = rows_of(given, side);
    double *mean = matrix_new(arena, width, 1);
    for (uint64_t r = 0; r < given->n; r++)
        for (uint32_t c = 0; c < width; c++) mean[c] += rows[r * width + c];
    for (uint32_t c = 0; c < width; c++) mean[c] /= (double)given->n;
    return mean;
}

double *given_deviation(Arena *arena, const Given *given, int side, const double *mean) {
    uint32_t width = width_of(given, side);
    double *out = matrix_new(arena, width, 1);
    const float *rows = rows_of(given, side);
    for (uint32_t c = 0; c < width && given->sums; c++)
        out[c] = fmax(given->sums->square[side][(size_t)c * width + c], 0); // not below what rounding leaves
    for (uint64_t r = 0; r < given->n && !given->sums; r++)
        for (uint32_t c = 0; c < width; c++) {
            double off = rows[r * width + c] - mean[c];
            out[c] += off * off;
        }
    for (uint32_t c = 0; c < width; c++) out[c] = sqrt(out[c] / (double)given->n);
    return out;
}

double *given_square(Arena *arena, const Given *given, int side) {
    uint32_t width = width_of(given, side);
    if (given->sums) return arena_copy(arena, given->sums->square[side], (size_t)width * width * sizeof(double));
    double *square = matrix_new(arena, width, width), *mean = matrix_new(arena, width, 1);
    matrix_gram_add(matrix_centred(arena, rows_of(given, side), given->n, width, mean), given->n, width, square);
    return square;
}

double *given_cross(Arena *arena, const Given *given) {
    uint32_t in = given->in, out = given->out;
    if (given->sums) return arena_copy(arena, given->sums->cross, (size_t)in * out * sizeof(double));
    double *x_mean = matrix_new(arena, in, 1), *y_mean = matrix_new(arena, out, 1), *cross = matrix_new(arena, in, out);
    matrix_cross(matrix_centred(arena, given->x, given->n, in, x_mean), in,
                 matrix_centred(arena, given->y, given->n, out, y_mean), out, given->n, cross);
    return cross;
}

bool given_spread(Arena *arena, const Given *given, int side, Spread *out, Error *err) {
    uint32_t width = width_of(given, side);
    double *mean = matrix_new(arena, width, 1);
    if (given->sums) return spread_of_square(arena, given_square(arena, given, side), given->n, width, out, err);
    return spread_find(arena, matrix_centred(arena, rows_of(given, side), given->n, width, mean), given->n, width, out,
                       err);
}
