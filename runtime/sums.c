// sums.c: sums of rows and of their products, about means.
#include "runtime/sums.h"
#include "runtime/matrix.h"

// ---- Adding rows

// Rows of both sides beside each other, less the shift.
static void put_beside(const double *shift, const float *x, const float *y, uint64_t n, uint32_t in, uint32_t out,
                       double *to) {
    for (uint64_t r = 0; r < n; r++) {
        for (uint32_t c = 0; c < in; c++) *to++ = x[r * in + c] - shift[c];
        for (uint32_t c = 0; c < out; c++) *to++ = y[r * out + c] - shift[in + c];
    }
}

static void find_mean(const float *x, uint64_t n, uint32_t width, double *mean) {
    for (uint64_t r = 0; r < n; r++)
        for (uint32_t c = 0; c < width; c++) mean[c] += x[r * width + c];
    for (uint32_t c = 0; c < width; c++) mean[c] /= (double)n;
}

void sums_add(double *matrix, const float *x, const float *y, uint64_t n, uint32_t in, uint32_t out) {
    enum { BLOCK = 256 };
    const size_t width = (size_t)in + out;
    double *shift = matrix + SUMS_SHIFT * width, *total = matrix + SUMS_TOTAL * width,
           *count = matrix + SUMS_COUNT * width;
    if (!n) return;
    if (*count == 0) {
        find_mean(x, n, in, shift);
        find_mean(y, n, out, shift + in);
    }
    Arena *arena = arena_open();
    double *block = matrix_new(arena, MIN(n, (uint64_t)BLOCK), width);
    for (uint64_t r = 0; r < n; r += BLOCK) {
        uint64_t rows = MIN(n - r, (uint64_t)BLOCK);
        put_beside(shift, x + r * in, out ? y + r * out : NULL, rows, in, out, block);
        for (size_t i = 0; i < rows * width; i++) total[i % width] += block[i];
        matrix_gram_add(block, rows, (uint32_t)width, matrix + SUMS_PRODUCTS * width);
    }
    *count += (double)n;
    arena_close(arena);
}

// ---- About means

static Sums sums_new(Arena *arena, uint64_t n, uint32_t in, uint32_t out) {
    Sums sums = {.n = n, .width = {in, out}, .cross = matrix_new(arena, in, out)};
    for (int s = 0; s < 2; s++) {
        sums.mean[s] = matrix_new(arena, sums.width[s], 1);
        sums.square[s] = matrix_new(arena, sums.width[s], sums.width[s]);
    }
    return sums;
}

// a [rows, columns] += by x y^T
static void add_outer(double *a, double by, const double *x, const double *y, uint32_t rows, uint32_t columns) {
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t k = 0; k < columns; k++) a[(size_t)i * columns + k] += by * x[i] * y[k];
}

static void add_outers(Sums *sums, double by, const double *x, const double *y) {
    add_outer(sums->square[0], by, x, x, sums->width[0], sums->width[0]);
    add_outer(sums->square[1], by, y, y, sums->width[1], sums->width[1]);
    add_outer(sums->cross, by, x, y, sums->width[0], sums->width[1]);
}

Sums sums_of(Arena *arena, const double *matrix, uint32_t in, uint32_t out) {
    const size_t width = (size_t)in + out;
    const double *products = matrix + SUMS_PRODUCTS * width, *shift = matrix + SUMS_SHIFT * width,
                 *total = matrix + SUMS_TOTAL * width;
    Sums sums = sums_new(arena, (uint64_t)matrix[SUMS_COUNT * width], in, out);
    for (uint32_t i = 0; i < in; i++) {
        for (uint32_t k = 0; k < in; k++) sums.square[0][(size_t)i * in + k] = products[MIN(i, k) * width + MAX(i, k)];
        for (uint32_t k = 0; k < out; k++) sums.cross[(size_t)i * out + k] = products[i * width + in + k];
    }
    for (uint32_t i = 0; i < out; i++)
        for (uint32_t k = 0; k < out; k++)
            sums.square[1][(size_t)i * out + k] = products[(in + MIN(i, k)) * width + in + MAX(i, k)];
    if (!sums.n) return sums;
    for (uint32_t c = 0; c < width; c++)
        *(c < in ? &sums.mean[0][c] : &sums.mean[1][c - in]) = total[c] / (double)sums.n;
    add_outers(&sums, -(double)sums.n, sums.mean[0], sums.mean[1]);
    for (uint32_t c = 0; c < width; c++) *(c < in ? &sums.mean[0][c] : &sums.mean[1][c - in]) += shift[c];
    return sums;
}

static void add(double *to, const double *from, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] += from[i];
}

static void add_products(Sums *to, const Sums *from) {
    for (int s = 0; s < 2; s++) add(to->square[s], from->square[s], (size_t)to->width[s] * to->width[s]);
    add(to->cross, from->cross, (size_t)to->width[0] * to->width[1]);
}

Sums sums_about(Arena *arena, const Sums *sums, const double *x_mean, const double *y_mean) {
    const double *mean[2] = {x_mean, y_mean};
    Sums out = sums_new(arena, sums->n, sums->width[0], sums->width[1]);
    for (int s = 0; s < 2; s++)
        for (uint32_t c = 0; c < out.width[s]; c++) out.mean[s][c] = sums->mean[s][c] - mean[s][c];
    add_products(&out, sums);
    add_outers(&out, (double)out.n, out.mean[0], out.mean[1]);
    for (int s = 0; s < 2; s++) memcpy(out.mean[s], mean[s], out.width[s] * sizeof(double));
    return out;
}

// Chan, Golub and LeVeque 1983: the products of both, and that of how far the means are apart.
Sums sums_both(Arena *arena, const Sums *a, const Sums *b) {
    Sums out = sums_new(arena, a->n + b->n, a->width[0], a->width[1]);
    double share = out.n ? (double)b->n / (double)out.n : 0;
    for (int s = 0; s < 2; s++)
        for (size_t c = 0; c < out.width[s]; c++) out.mean[s][c] = b->mean[s][c] - a->mean[s][c];
    add_products(&out, a);
    add_products(&out, b);
    add_outers(&out, (double)a->n * share, out.mean[0], out.mean[1]);
    for (int s = 0; s < 2; s++)
        for (size_t c = 0; c < out.width[s]; c++) out.mean[s][c] = a->mean[s][c] + share * out.mean[s][c];
    return out;
}
