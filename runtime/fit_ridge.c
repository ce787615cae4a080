// fit_ridge.c: ridge regression: W = argmin |X W - Y|^2 + lambda |W|^2, X and Y standardised, lambda by R2 on held rows.
//
// Source: Hoerl and Kennard 1970. With X = U S V^T, W = V (S^2 + lambda)^-1 S U^T Y. One eigendecomposition serves all
// lambdas: of X^T X = V S^2 V^T, or of X X^T = U S^2 U^T when there are fewer rows than dimensions; then
// W = X^T U (S^2 + lambda)^-1 U^T Y.
#include <math.h>

#include "runtime/fit_ridge.h"
#include "runtime/matrix.h"

// The rows of both sides that are fitted on, standardised, and what is solved.
typedef struct {
    RidgeSide x, y;
    double *x_rows, *y_rows; // [n, kept]; NULL where the fit is given sums
    uint64_t n;
    bool of_rows;   // the Gram matrix is X X^T
    uint32_t size;  // of the Gram matrix
    double *gram;
    const double *right;      // [size, y.kept] Y, or X^T Y
    double *vectors, *values; // the Gram matrix's eigenvectors (columns) and eigenvalues
    double *projected;        // [size, y.kept] U^T Y, or V^T X^T Y
} Solver;

// ---- Standardising

static RidgeSide side_open(Arena *arena, const Given *given, int side) {
    double *mean = given_mean(arena, given, side);
    return ridge_side(arena, side, side ? given->out : given->in, mean, given_deviation(arena, given, side, mean));
}

static double *side_rows(Arena *arena, const RidgeSide *side, const float *rows, uint64_t n) {
    double *out = matrix_new(arena, n, side->kept);
    for (uint64_t r = 0; r < n; r++)
        for (uint32_t k = 0; k < side->kept; k++) {
            uint32_t c = side->column[k];
            out[r * side->kept + k] = (rows[r * side->width + c] - side->mean[c]) / side->deviation[c];
        }
    return out;
}

// Sums of products of two sides, standardised: of what is kept.
static double *side_products(Arena *arena, const RidgeSide *a, const RidgeSide *b, const double *products) {
    double *out = matrix_new(arena, a->kept, b->kept);
    for (uint32_t i = 0; i < a->kept; i++)
        for (uint32_t k = 0; k < b->kept; k++)
            out[(size_t)i * b->kept + k] = products[(size_t)a->column[i] * b->width + b->column[k]] / a->deviation[a->column[i]] / b->deviation[b->column[k]];
    return out;
}

// ---- Solving

static void open_rows(Arena *arena, const Given *given, Solver *out) {
    uint64_t n = given->n;
    out->x_rows = side_rows(arena, &out->x, given->x, n);
    out->y_rows = side_rows(arena, &out->y, given->y, n);
    uint32_t in = out->x.kept, to = out->y.kept;
    out->of_rows = n < in;
    out->size = out->of_rows ? (uint32_t)n : in;
    out->gram = matrix_new(arena, out->size, out->size);
    matrix_gram(out->x_rows, n, in, out->of_rows, out->gram);
    out->right = out->y_rows;
    if (out->of_rows) return;
    double *cross = matrix_new(arena, in, to);
    matrix_cross(out->x_rows, in, out->y_rows, to, n, cross);
    out->right = cross;
}

static void open_sums(Arena *arena, const Sums *sums, Solver *out) {
    out->size = out->x.kept;
    out->gram = side_products(arena, &out->x, &out->x, sums->square[0]);
    out->right = side_products(arena, &out->x, &out->y, sums->cross);
}

static bool solver_open(Arena *arena, const Given *given, bool standardize, Solver *out, Error *err) {
    *out = (Solver){.n = given->n, .x = side_open(arena, given, 0), .y = side_open(arena, given, 1)};
    TRY(ridge_keep(&out->x, &out->y, standardize, err));
    if (given->sums)
        open_sums(arena, given->sums, out);
    else
        open_rows(arena, given, out);
    out->values = matrix_new(arena, out->size, 1);
    return true;
}

// For all lambdas.
static bool decompose(Arena *arena, Solver *solver, Error *err) {
    uint32_t size = solver->size, to = solver->y.kept;
    solver->vectors = arena_copy(arena, solver->gram, (size_t)size * size * sizeof *solver->gram);
    solver->projected = matrix_new(arena, size, to);
    TRY(matrix_eigen(solver->vectors, size, solver->values, err));
    matrix_cross(solver->vectors, size, solver->right, to, size, solver->projected);
    return true;
}

// [rows, size] in eigenvectors: what is then weighed by 1 / (S^2 + lambda) and multiplied with `projected`.
static double *coordinates(Arena *arena, const Solver *solver, const double *x, uint64_t rows) {
    uint32_t in = solver->x.kept, size = solver->size, count = (uint32_t)rows;
    double *out = matrix_new(arena, rows, size);
    if (solver->of_rows) {
        double *dots = matrix_new(arena, rows, size);
        matrix_product_turned(x, solver->x_rows, count, size, in, dots);
        x = dots;
    }
    matrix_product(x, solver->vectors, count, size, size, out);
    return out;
}

static void weigh(const Solver *solver, const double *from, uint64_t rows, double lambda, double *out) {
    for (uint64_t r = 0; r < rows; r++)
        for (uint32_t k = 0; k < solver->size; k++)
            out[r * solver->size + k] = from[r * solver->size + k] / (fmax(solver->values[k], 0) + lambda);
}

// (G + lambda)^-1 right [size, y.kept], and the eigenvalues of the Gram matrix G.
static bool solve_decomposed(Arena *arena, Solver *solver, double lambda, double *out, Error *err) {
    uint32_t size = solver->size;
    double *weighed = matrix_new(arena, size, size);
    TRY(decompose(arena, solver, err));
    weigh(solver, solver->vectors, size, lambda, weighed);
    matrix_product(weighed, solver->projected, size, solver->y.kept, size, out);
    return true;
}

static bool solve_directly(Arena *arena, Solver *solver, double lambda, double *out, Error *err) {
    uint32_t size = solver->size, to = solver->y.kept;
    double *copy = arena_copy(arena, solver->gram, (size_t)size * size * sizeof *copy);
    TRY(matrix_eigenvalues(copy, size, solver->values, err));
    for (uint32_t i = 0; i < size; i++) solver->gram[(size_t)i * size + i] += lambda;
    memcpy(out, solver->right, (size_t)size * to * sizeof *out);
    return matrix_solve(solver->gram, size, out, to, err);
}

// W [x.kept, y.kept] in standardised units; NULL on error. Cholesky's factors are a third of the work, and as good while
// lambda is well above the rounding of the Gram matrix.
static double *solution(Arena *arena, Solver *solver, double lambda, Error *err) {
    uint32_t in = solver->x.kept, to = solver->y.kept;
    double *half = matrix_new(arena, solver->size, to);
    bool direct = lambda > matrix_trace(solver->gram, solver->size) * 1e-10;
    if (!(direct ? solve_directly : solve_decomposed)(arena, solver, lambda, half, err)) return NULL;
    if (!solver->of_rows) return half;
    double *w = matrix_new(arena, in, to);
    matrix_cross(solver->x_rows, in, half, to, solver->n, w);
    return w;
}

// ---- Choosing lambda

// Of the held rows, about the means of those that are fitted on: the sum of the squares of the target in its own units,
// |Y|^2; what belongs to their coordinates A [rows, size], A^T A (the upper half) and A^T Y.
typedef struct {
    double whole;
    double *square, *across; // [size, size], [size, y.kept]
} Held;

// Rows of the target's kept dimensions from standardised units back in its own.
static void in_units(const RidgeSide *side, double *rows, uint64_t n) {
    for (uint64_t r = 0; r < n; r++)
        for (uint32_t k = 0; k < side->kept; k++) rows[r * side->kept + k] *= side->deviation[side->column[k]];
}

static void held_of_rows(Arena *arena, const Solver *solver, const Given *held, Held *out) {
    double *x = side_rows(arena, &solver->x, held->x, held->n), *y = side_rows(arena, &solver->y, held->y, held->n);
    uint32_t size = solver->size, to = solver->y.kept;
    in_units(&solver->y, y, held->n);
    const double *a = coordinates(arena, solver, x, held->n);
    for (size_t i = 0; i < (size_t)held->n * to; i++) out->whole += y[i] * y[i];
    matrix_gram(a, held->n, size, false, out->square);
    matrix_cross(a, size, y, to, held->n, out->across);
}

static void held_of_sums(Arena *arena, const Solver *solver, const Sums *sums, Held *out) {
    const Sums held = sums_about(arena, sums, solver->x.mean, solver->y.mean);
    uint32_t size = solver->size, to = solver->y.kept;
    const double *of_x = side_products(arena, &solver->x, &solver->x, held.square[0]);
    double *of_both = side_products(arena, &solver->x, &solver->y, held.cross), *half = matrix_new(arena, size, size);
    in_units(&solver->y, of_both, size);
    for (uint32_t k = 0; k < to; k++) out->whole += held.square[1][(size_t)solver->y.column[k] * (solver->y.width + 1u)];
    matrix_product(of_x, solver->vectors, size, size, size, half);
    matrix_cross(solver->vectors, size, half, size, size, out->square);
    matrix_cross(solver->vectors, size, of_both, to, size, out->across);
}

static Held held_open(Arena *arena, const Solver *solver, const Given *held) {
    Held out = {0, matrix_new(arena, solver->size, solver->size), matrix_new(arena, solver->size, solver->y.kept)};
    if (held->sums)
        held_of_sums(arena, solver, held->sums, &out);
    else
        held_of_rows(arena, solver, held, &out);
    return out;
}

// What |Y - A D P|^2 is made of, for A [rows, size] and P [size, columns] that all lambdas share and D that is diagonal:
// |Y|^2 - 2 sum_k d_k linear_k + sum_kl d_k d_l square_kl. No lambda costs a product.
typedef struct {
    double whole;
    double *linear; // [size] of A^T Y P^T, the diagonal
    double *square; // [size, size] (A^T A)_kl (P P^T)_kl, the upper half
    uint32_t size;
} Residual;

static Residual residual(Arena *arena, const Held *held, const double *p, uint32_t size, uint32_t columns) {
    Residual out = {held->whole, matrix_new(arena, size, 1), held->square, size};
    double *of_p = matrix_new(arena, size, size);
    for (size_t i = 0; i < (size_t)size * columns; i++) out.linear[i / columns] += held->across[i] * p[i];
    matrix_gram(p, size, columns, true, of_p);
    for (size_t i = 0; i < (size_t)size * size; i++) out.square[i] *= of_p[i];
    return out;
}

static double residual_at(const Residual *r, const double *values, double lambda, double *d) {
    double sum = r->whole;
    for (uint32_t k = 0; k < r->size; k++) d[k] = 1 / (fmax(values[k], 0) + lambda);
    for (uint32_t k = 0; k < r->size; k++) {
        double rest = d[k] * r->square[(size_t)k * r->size + k] / 2 - r->linear[k];
        for (uint32_t l = k + 1; l < r->size; l++) rest += d[l] * r->square[(size_t)k * r->size + l];
        sum += 2 * d[k] * rest;
    }
    return fmax(sum, 0);
}

// The rows above those that choose lambda, or these.
static Given part_of(const Ridge *fit, bool held) {
    Given part = fit->given;
    uint64_t above = part.n - fit->held;
    part.n = held ? fit->held : above;
    if (part.sums)
        part.sums = held ? fit->sums_held : fit->sums_above;
    else if (held)
        part.x += above * part.in, part.y += above * part.out;
    return part;
}

// R2 of each lambda on the last rows, fitted on the others, in the target's own units.
static bool score(Arena *arena, const Ridge *fit, double *scores, Error *err) {
    const Given above = part_of(fit, false), last = part_of(fit, true);
    Solver solver;
    TRY(solver_open(arena, &above, fit->standardize, &solver, err) && decompose(arena, &solver, err));
    const RidgeSide own = side_open(arena, &last, 1);
    double left_out, whole = ridge_spread(&solver.y, own.mean, own.deviation, last.n, &left_out), *d = matrix_new(arena, solver.size, 1);
    in_units(&solver.y, solver.projected, solver.size);
    const Held held = held_open(arena, &solver, &last);
    Residual left = residual(arena, &held, solver.projected, solver.size, solver.y.kept);
    for (uint32_t i = 0; i < fit->lambda_count; i++)
        scores[i] = whole > 0 ? 1 - (left_out + residual_at(&left, solver.values, fit->lambdas[i], d)) / whole : NAN;
    return true;
}

static bool choose(Arena *arena, const Ridge *fit, FitReport *report, Error *err) {
    bool scored = ridge_has_rows(fit) && score(arena, fit, report->scores, err);
    if (ridge_has_rows(fit) && !scored && fit->lambda_count > 1) return false;
    return ridge_choose(fit, scored, report, err);
}

// ---- The map

static bool keep_rank(Arena *arena, double *w, uint32_t in, uint32_t out, uint32_t rank, Error *err) {
    uint32_t k = MIN(in, out);
    if (!rank || rank >= k) return true;
    double *u = matrix_new(arena, in, k), *values = matrix_new(arena, k, 1), *vt = matrix_new(arena, k, out), *left = matrix_new(arena, in, rank);
    TRY(matrix_singular(arena, w, in, out, u, values, vt, err));
    for (uint32_t i = 0; i < in; i++)
        for (uint32_t j = 0; j < rank; j++) left[(size_t)i * rank + j] = u[(size_t)i * k + j] * values[j];
    matrix_product(left, vt, in, out, rank, w);
    return true;
}

// W in the units of the states, with zeros for what was left out, and the shift between the means.
static void write_states(Arena *arena, const Solver *solver, const double *w, float *map) {
    const RidgeSide *x = &solver->x, *y = &solver->y;
    double *shift = arena_copy(arena, y->mean, y->width * sizeof *shift);
    memset(map, 0, (size_t)x->width * y->width * sizeof *map);
    for (uint32_t i = 0; i < x->kept; i++) {
        uint32_t row = x->column[i];
        for (uint32_t k = 0; k < y->kept; k++) {
            uint32_t c = y->column[k];
            double value = w[(size_t)i * y->kept + k] * y->deviation[c] / x->deviation[row];
            map[(size_t)row * y->width + c] = (float)value;
            shift[c] -= x->mean[row] * value;
        }
    }
    for (uint32_t c = 0; c < y->width; c++) map[(size_t)x->width * y->width + c] = (float)shift[c];
}

static bool target_spread(Arena *arena, const Solver *solver, const Given *given, Spread *out, Error *err) {
    const RidgeSide *y = &solver->y;
    if (!given->sums) return spread_find(arena, solver->y_rows, given->n, y->kept, out, err);
    return spread_of_square(arena, side_products(arena, y, y, given->sums->square[1]), given->n, y->kept, out, err);
}

static bool ridge_in(Arena *arena, const Ridge *fit, float *map, FitReport *report, Error *err) {
    Solver solver;
    TRY(choose(arena, fit, report, err));
    TRY(solver_open(arena, &fit->given, fit->standardize, &solver, err));
    double *w = solution(arena, &solver, report->lambda, err);
    if (!w) return false;
    report->source = spread_of(solver.values, solver.size, solver.n, solver.x.kept);
    TRY(target_spread(arena, &solver, &fit->given, &report->target, err));
    TRY(keep_rank(arena, w, solver.x.kept, solver.y.kept, fit->rank, err));
    ridge_tell(fit, &solver.x, &solver.y, report);
    write_states(arena, &solver, w, map);
    return true;
}

bool fit_ridge(const Ridge *fit, float *map, FitReport *report, Error *err) {
    const Given *given = &fit->given;
    *report = ridge_report(given);
    if (given->n < 2) FAIL(err, ERR_INPUT, "a map needs at least 2 rows to be fitted on, there is 1");
    Arena *arena = arena_open();
    bool ok = ridge_in(arena, fit, map, report, err);
    arena_close(arena);
    return ok;
}
