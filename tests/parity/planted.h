// planted.h: matrices of which the answer is known, and fits of them.
#pragma once

#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "mdx/random.h"
#include "parity/given.h"

enum { MOST = 64 };

// Largest difference of float32 states that a fit may make of an exact answer of order 1.
static const double NEAR = 2e-5;

// ---- Random numbers: SplitMix64 (Steele, Lea and Flood 2014)

static uint64_t seed;

static inline double uniform(void) {
    uint64_t z = seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static inline double normal(void) {
    return sqrt(-2 * log(1 - uniform())) * cos(2 * 3.14159265358979323846 * uniform());
}

// ---- Matrices of doubles, row by row

typedef struct {
    uint32_t rows, columns;
    double at[MOST * MOST];
} Matrix;

static inline Matrix random_matrix(uint32_t rows, uint32_t columns) {
    Matrix m = {.rows = rows, .columns = columns};
    for (uint32_t i = 0; i < rows * columns; i++) m.at[i] = normal();
    return m;
}

static inline Matrix product(const Matrix *a, const Matrix *b) {
    Matrix out = {.rows = a->rows, .columns = b->columns};
    for (uint32_t r = 0; r < a->rows; r++)
        for (uint32_t k = 0; k < a->columns; k++)
            for (uint32_t c = 0; c < b->columns; c++)
                out.at[r * b->columns + c] += a->at[r * a->columns + k] * b->at[k * b->columns + c];
    return out;
}

static inline Matrix turned(const Matrix *m) {
    Matrix out = {.rows = m->columns, .columns = m->rows};
    for (uint32_t r = 0; r < m->rows; r++)
        for (uint32_t c = 0; c < m->columns; c++) out.at[c * m->rows + r] = m->at[r * m->columns + c];
    return out;
}

// Gram and Schmidt, twice, on the rows; rows that lie in those before them become zero.
static inline void orthonormal_rows(Matrix *m) {
    for (uint32_t r = 0; r < m->rows; r++) {
        double *row = m->at + r * m->columns, before = 0, norm = 0;
        for (uint32_t c = 0; c < m->columns; c++) before += row[c] * row[c];
        for (uint32_t i = 0; i < 2 * r; i++) {
            const double *other = m->at + i % r * m->columns;
            double dot = 0;
            for (uint32_t c = 0; c < m->columns; c++) dot += row[c] * other[c];
            for (uint32_t c = 0; c < m->columns; c++) row[c] -= dot * other[c];
        }
        for (uint32_t c = 0; c < m->columns; c++) norm += row[c] * row[c];
        bool new_direction = norm > 1e-20 * before;
        for (uint32_t c = 0; c < m->columns; c++) row[c] = new_direction ? row[c] / sqrt(norm) : 0;
    }
}

static inline Matrix random_rotation(uint32_t size) {
    Matrix m = random_matrix(size, size);
    orthonormal_rows(&m);
    return m;
}

// Columns 1 … `columns` of the Hadamard matrix of 64 rows: orthogonal, of mean 0 and variance 1, and exact in float32.
static inline Matrix hadamard(uint32_t columns) {
    Matrix m = {.rows = MOST, .columns = columns};
    for (uint32_t r = 0; r < MOST; r++)
        for (uint32_t c = 0; c < columns; c++) m.at[r * columns + c] = __builtin_parity(r & (c + 1)) ? -1 : 1;
    return m;
}

static inline void scale_columns(Matrix *m, const double *by) {
    for (uint32_t i = 0; i < m->rows * m->columns; i++) m->at[i] *= by[i % m->columns];
}

// The first `rank` columns of u times the first `rank` rows of vt.
static inline Matrix outer(const Matrix *u, const Matrix *vt, uint32_t rank) {
    Matrix left = {.rows = u->rows, .columns = rank}, right = {.rows = rank, .columns = vt->columns};
    for (uint32_t r = 0; r < u->rows; r++)
        for (uint32_t c = 0; c < rank; c++) left.at[r * rank + c] = u->at[r * u->columns + c];
    memcpy(right.at, vt->at, rank * vt->columns * sizeof *vt->at);
    return product(&left, &right);
}

static inline double distance(const Matrix *a, const Matrix *b) {
    double most = 0;
    if (a->rows != b->rows || a->columns != b->columns) return INFINITY;
    for (uint32_t i = 0; i < a->rows * a->columns; i++) {
        double off = fabs(a->at[i] - b->at[i]);
        if (!(off <= most)) most = off;
    }
    return most;
}

// ---- Fits

typedef struct {
    FitReport report;
    Matrix w, b;
} Fitted;

static inline void to_floats(const Matrix *m, double shift, float *out) {
    for (uint32_t i = 0; i < m->rows * m->columns; i++) out[i] = (float)(m->at[i] + shift);
}

static bool on_sums; // of the rows: what a fit is given

// x and y get the means 1 and -2.
static inline Fitted fit(const Matrix *x, const Matrix *y, Procrustes how) {
    static float xs[MOST * MOST], ys[MOST * MOST], map[MOST * (MOST + 1)];
    Fitted out = {.w = {.rows = x->columns, .columns = y->columns}, .b = {.rows = 1, .columns = y->columns}};
    Error err;
    to_floats(x, 1, xs);
    to_floats(y, -2, ys);
    Arena *arena = arena_open();
    how.given = (Given){.x = xs, .y = ys, .n = x->rows, .in = x->columns, .out = y->columns};
    if (on_sums) how.given = given_of_sums(arena, &how.given);
    CHECK(fit_procrustes(&how, map, &out.report, &err));
    arena_close(arena);
    for (uint32_t i = 0; i < x->columns * y->columns; i++) out.w.at[i] = map[i];
    for (uint32_t c = 0; c < y->columns; c++) out.b.at[c] = map[x->columns * y->columns + c];
    return out;
}

// The shift of a map w between the two means, given those of x and y before they were moved.
static inline Matrix shift_of(const Matrix *w, const Matrix *x, const Matrix *y) {
    Matrix out = {.rows = 1, .columns = w->columns};
    for (uint32_t c = 0; c < w->columns; c++) {
        double mean = 0;
        for (uint32_t r = 0; r < y->rows; r++) mean += (y->at[r * y->columns + c] - 2) / y->rows;
        out.at[c] = mean;
        for (uint32_t r = 0; r < x->rows; r++)
            for (uint32_t k = 0; k < w->rows; k++)
                out.at[c] -= (x->at[r * x->columns + k] + 1) / x->rows * w->at[k * w->columns + c];
    }
    return out;
}

#define CHECK_MAP(got, want_w, x, y)                                                                                   \
    do {                                                                                                               \
        Matrix want_shift = shift_of(&(want_w), &(x), &(y));                                                           \
        CHECK(distance(&(got).w, &(want_w)) < NEAR);                                                                   \
        CHECK(distance(&(got).b, &want_shift) < NEAR * 20);                                                            \
    } while (0)

static inline Matrix scaled(const Matrix *m, double by) {
    Matrix out = *m;
    for (uint32_t i = 0; i < m->rows * m->columns; i++) out.at[i] *= by;
    return out;
}

// An orthonormal basis of the rows about their mean, and below it zeros.
static inline Matrix span_of(const Matrix *x) {
    Matrix m = *x;
    for (uint32_t c = 0; c < x->columns; c++) {
        double mean = 0;
        for (uint32_t r = 0; r < x->rows; r++) mean += x->at[r * x->columns + c] / x->rows;
        for (uint32_t r = 0; r < x->rows; r++) m.at[r * x->columns + c] -= mean;
    }
    m.rows--; // the last is minus the sum of the others
    orthonormal_rows(&m);
    return m;
}

static inline Fitted ridge(const Matrix *x, const Matrix *y, Ridge how) {
    static float xs[MOST * MOST], ys[MOST * MOST], map[MOST * (MOST + 1)];
    Fitted out = {.w = {.rows = x->columns, .columns = y->columns}, .b = {.rows = 1, .columns = y->columns}};
    Error err;
    to_floats(x, 1, xs);
    to_floats(y, -2, ys);
    Arena *arena = arena_open();
    how.given = (Given){.x = xs, .y = ys, .n = x->rows, .in = x->columns, .out = y->columns};
    if (on_sums) ridge_of_sums(arena, &how);
    CHECK(fit_ridge(&how, map, &out.report, &err));
    arena_close(arena);
    for (uint32_t i = 0; i < x->columns * y->columns; i++) out.w.at[i] = map[i];
    for (uint32_t c = 0; c < y->columns; c++) out.b.at[c] = map[x->columns * y->columns + c];
    return out;
}
