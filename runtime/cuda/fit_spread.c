// fit_spread.c: in how many dimensions rows vary, and how unevenly: the largest eigenvalue of their Gram matrix over the
// smallest one above rounding.
//
// All eigenvalues cost as much as forty products. Where all dimensions vary that can, the two at the ends are enough:
// Lanczos's method with the matrix, and with its inverse from Cholesky's factor (Golub and Van Loan, 10.1). That they do
// is known when the smallest is well above rounding; else all eigenvalues are found.
#include <lapacke.h>
#include <math.h>

#include "runtime/cuda/fits.h"

enum { SMALL = 64, MOST_STEPS = 128, LOOK_EACH = 4 };

// ---- Lanczos

// The largest eigenvalue of the tridiagonal matrix, and by how much at most it is off one of the whole: the next entry
// beside the diagonal times the last entry of the eigenvector.
static double largest_of(const double *diagonal, const double *beside, int size, double next, double *off) {
    double d[MOST_STEPS], e[MOST_STEPS], vectors[MOST_STEPS * MOST_STEPS];
    memcpy(d, diagonal, (size_t)size * sizeof *d);
    memcpy(e, beside, (size_t)size * sizeof *e);
    if (LAPACKE_dstev(LAPACK_COL_MAJOR, 'V', size, d, e, vectors, size) != 0) return NAN;
    *off = next * fabs(vectors[(size_t)size * (size_t)size - 1]);
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

// w -= its share of the rows of the basis, which are orthonormal; returns that of the last of them.
static double subtract_shares(DenseSpace *space, Dense basis, Dense w) {
    double shares[MOST_STEPS + 1];
    Dense found = dense_product_turned(space, w, basis);
    dense_subtract_cross(space, (Dense){found.at, basis.rows, 1}, basis, w);
    dense_get(space, found, shares);
    return shares[basis.rows - 1];
}

// The largest eigenvalue of a symmetric positive matrix, to 1e-6 of itself; NaN when it is not found in so many steps.
static double largest_eigenvalue(DenseSpace *space, Dense a) {
    static const double GOOD = 1e-6;
    double diagonal[MOST_STEPS], beside[MOST_STEPS], off;
    Dense basis = dense_new(space, MOST_STEPS + 1, a.columns);
    dense_set(space, dense_rows(basis, 0, 1), first_row(space, a.columns));
    for (uint32_t k = 0; k < MOST_STEPS; k++) {
        const Dense so_far = dense_rows(basis, 0, k + 1), next = dense_rows(basis, k + 1, 1);
        Dense w = dense_product_turned(space, dense_rows(basis, k, 1), a);
        diagonal[k] = subtract_shares(space, so_far, w);
        diagonal[k] += subtract_shares(space, so_far, w); // what rounding left
        beside[k] = dense_norm(space, w);
        bool done = !(beside[k] > diagonal[0] * 1e-14); // the basis holds all that it can reach
        if (done || k % LOOK_EACH == LOOK_EACH - 1) {
            double largest = largest_of(diagonal, beside, (int)k + 1, beside[k], &off);
            if (isnan(largest) || done || off <= GOOD * largest) return largest;
        }
        const double length = 1 / beside[k];
        dense_scale(space, w, &length, NULL);
        dense_set(space, next, w);
    }
    return NAN;
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

// The inverse of a matrix of which the factor is given.
static Dense inverse_of(const FitWork *work, Dense factor) {
    Dense out = dense_zeros(work->space, factor.rows, factor.columns);
    fit_add_diagonal(work, out, 1);
    dense_solve(work->space, factor, out);
    return out;
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
    double largest = largest_eigenvalue(space, gram), least = 1 / largest_eigenvalue(space, inverse_of(work, factor));
    if (!(least > largest * (double)size * 0x1p-52 * ABOVE_ROUNDING)) return spread_by_values(arena, work, rows);
    return (Spread){gram.columns - of_rows, largest / least};
}
