// fit_spread.c: in how many dimensions rows vary, and how unevenly: the largest eigenvalue of their Gram matrix over the
// smallest one above rounding.
//
// All eigenvalues cost as much as forty products. Where all dimensions vary that can, the two at the ends are enough:
// Lanczos's method with the matrix, and with its inverse, R^-1 R^-T of Cholesky's factor (Golub and Van Loan, 10.1). That they do
// is known when the smallest is well above rounding; else all eigenvalues are found.
#include <lapacke.h>
#include <math.h>

#include "runtime/cuda/factor.h"

enum { SMALL = 64, MOST_STEPS = 128, LOOK_EACH = 8 };

// ---- Lanczos

// A symmetric positive matrix: `a`, or t t^T.
typedef struct {
    Dense a, t;
    bool squared;
} Matrix;

typedef struct {
    const FitWork *work;
    Dense basis, shares[2], norms; // orthonormal rows; step by step: a step's shares of them, found twice; of what was left
} Lanczos;

// The largest eigenvalue of the tridiagonal matrix, and by how much at most one of the whole is off it. With next, the
// entry beside the diagonal that comes next, and the eigenvector's last entry: |next last|, or its square over the gap to
// the eigenvalue below (Parlett 1998, 4.5 and 11.7).
static double largest_of(const double *diagonal, const double *beside, int size, double *off) {
    double d[MOST_STEPS], e[MOST_STEPS], vectors[MOST_STEPS * MOST_STEPS];
    memcpy(d, diagonal, (size_t)size * sizeof *d);
    memcpy(e, beside, (size_t)size * sizeof *e);
    if (LAPACKE_dstev(LAPACK_COL_MAJOR, 'V', size, d, e, vectors, size) != 0) return NAN;
    const double rest = beside[size - 1] * fabs(vectors[(size_t)size * (size_t)size - 1]);
    *off = size > 1 ? fmin(rest, rest * rest / (d[size - 1] - d[size - 2])) : rest;
    return d[size - 1];
}

// Any direction will do that is not at right angles to what is looked for.
static Dense first_row(DenseSpace *space, uint32_t width) {
    Arena *arena = arena_open();
    double *x = arena_many(arena, double, width), sum = 0;
    uint32_t state = 1;
    for (uint32_t i = 0; i < width; i++) {
        state = state * 1664525 + 1013904223;
        x[i] = (double)(state >> 8) / (1 << 24) - 0.5;
        sum += x[i] * x[i];
    }
    for (uint32_t i = 0; i < width; i++) x[i] /= sqrt(sum);
    Dense out = dense_put(space, x, 1, width);
    arena_close(arena);
    return out;
}

// One more row of the basis: the matrix times the last one, without its shares of all rows before.
static void step(const Lanczos *l, const Matrix *m, uint32_t k) {
    DenseSpace *space = l->work->space;
    const Dense so_far = dense_rows(l->basis, 0, k + 1), last = dense_rows(l->basis, k, 1);
    Dense w = dense_product_turned(space, m->squared ? dense_product(space, last, m->t) : last, m->squared ? m->t : m->a);
    for (int i = 0; i < 2; i++) { // the second time: what rounding left
        const Dense found = dense_product_turned(space, w, so_far), kept = dense_rows(l->shares[i], k, 1);
        dense_set(space, (Dense){kept.at, 1, k + 1}, found);
        dense_subtract_cross(space, (Dense){found.at, k + 1, 1}, so_far, w);
    }
    fit_unit_of(l->work, w, dense_rows(l->basis, k + 1, 1), (Dense){l->norms.at + k * sizeof(double), 1, 1});
}

// What the steps up to `until` have found. Returns how many of them there are before the basis held all that it can reach.
static uint32_t look(const Lanczos *l, Arena *arena, uint32_t until, double *diagonal, double *beside) {
    const uint32_t width = l->shares[0].columns;
    double *shares[2];
    for (int i = 0; i < 2; i++) {
        shares[i] = arena_many(arena, double, (size_t)until * width);
        dense_get(l->work->space, dense_rows(l->shares[i], 0, until), shares[i]);
    }
    dense_get(l->work->space, (Dense){l->norms.at, 1, until}, beside);
    for (uint32_t k = 0; k < until; k++) {
        diagonal[k] = shares[0][(size_t)k * width + k] + shares[1][(size_t)k * width + k];
        if (!(beside[k] > diagonal[0] * 1e-14)) return k + 1;
    }
    return until;
}

// The largest eigenvalue, good to a ten-millionth; NaN when it is not found in so many steps.
static double largest_eigenvalue(const FitWork *work, const Matrix *m) {
    static const double GOOD = 1e-7;
    const uint32_t width = m->squared ? m->t.columns : m->a.columns;
    double diagonal[MOST_STEPS], beside[MOST_STEPS], off, found = NAN;
    DenseSpace *space = work->space;
    Arena *arena = arena_open();
    Lanczos l = {.work = work, .basis = dense_new(space, MOST_STEPS + 1, width), .norms = dense_new(space, 1, MOST_STEPS)};
    for (int i = 0; i < 2; i++) l.shares[i] = dense_zeros(space, MOST_STEPS, MOST_STEPS);
    dense_set(space, dense_rows(l.basis, 0, 1), first_row(space, width));
    for (uint32_t k = 0; k < MOST_STEPS; k++) {
        step(&l, m, k);
        if (k % LOOK_EACH != LOOK_EACH - 1) continue;
        const uint32_t steps = look(&l, arena, k + 1, diagonal, beside);
        const double largest = largest_of(diagonal, beside, (int)steps, &off);
        const bool done = steps <= k || isnan(largest) || off <= GOOD * largest;
        if (done) found = largest;
        if (done) break;
    }
    arena_close(arena);
    return found;
}

// ---- The spread

static Spread spread_by_values(Arena *arena, const FitWork *work, Dense rows) {
    bool of_rows = rows.rows < rows.columns;
    const Dense gram = dense_gram(work->space, rows, of_rows);
    double *values = arena_many(arena, double, gram.columns);
    dense_eigenvalues(work->space, gram, values);
    return spread_of(values, gram.columns, rows.rows, rows.columns);
}

// Rows about their mean have no share of (1, 1, ...): it gets the mean of the other eigenvalues, which is between them.
static void fill_ones(const FitWork *work, Arena *arena, Dense gram, double trace) {
    double *ones = arena_many(arena, double, gram.columns), *others = arena_many(arena, double, gram.columns);
    for (uint32_t i = 0; i < gram.columns; i++) {
        ones[i] = 1;
        others[i] = -trace / (gram.columns - 1.0) / gram.columns;
    }
    dense_subtract_cross(work->space, dense_put(work->space, ones, 1, gram.columns), dense_put(work->space, others, 1, gram.columns), gram);
}

Spread fit_spread(Arena *arena, const FitWork *work, Dense rows) {
    static const double ABOVE_ROUNDING = 64;
    DenseSpace *space = work->space;
    uint64_t n = rows.rows, size = MAX(n, (uint64_t)rows.columns);
    bool of_rows = n <= rows.columns;
    if (MIN(n, (uint64_t)rows.columns) < SMALL) return spread_by_values(arena, work, rows);
    Dense gram = of_rows ? dense_product_turned(space, rows, rows) : dense_cross(space, rows, rows);
    double norm = dense_norm(space, rows);
    if (of_rows) fill_ones(work, arena, gram, norm * norm);
    Dense factor = dense_copy(space, gram);
    if (!dense_factor(space, factor)) return spread_by_values(arena, work, rows);
    double largest = largest_eigenvalue(work, &(Matrix){.a = gram});
    double least = 1 / largest_eigenvalue(work, &(Matrix){.t = factor_inverse(work, factor), .squared = true});
    if (!(least > largest * (double)size * 0x1p-52 * ABOVE_ROUNDING)) return spread_by_values(arena, work, rows);
    return (Spread){gram.columns - of_rows, largest / least};
}
