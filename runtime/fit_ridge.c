// fit_ridge.c: ridge regression: W = argmin |X W - Y|^2 + lambda |W|^2, X and Y standardised, lambda by R2 on held rows.
//
// Source: Hoerl and Kennard 1970. With X = U S V^T, W = V (S^2 + lambda)^-1 S U^T Y. One eigendecomposition serves all
// lambdas: of X^T X = V S^2 V^T, or of X X^T = U S^2 U^T when there are fewer rows than dimensions; then
// W = X^T U (S^2 + lambda)^-1 U^T Y.
#include <math.h>

#include "runtime/fit.h"
#include "runtime/matrix.h"

static const double CONSTANT = 1e-6; // a dimension that deviates less is left out

// One side, standardised: the dimensions that are kept, of the rows that are fitted on.
typedef struct {
    const char *name;
    const float *all;
    uint32_t width, kept;
    double *mean, *deviation; // [width]
    uint32_t *column;         // [kept]
    double *rows;             // [n, kept]
} Side;

typedef struct {
    Side x, y;
    uint64_t n;
    bool of_rows;   // the Gram matrix is X X^T
    uint32_t size;  // of the Gram matrix
    double *gram;
    const double *right;      // [size, y.kept] Y, or X^T Y
    double *vectors, *values; // the Gram matrix's eigenvectors (columns) and eigenvalues
    double *projected;        // [size, y.kept] U^T Y, or V^T X^T Y
} Solver;

// ---- Standardising

static Side side_open(Arena *arena, const char *name, const float *all, uint64_t n, uint32_t width) {
    Side side = {.name = name, .all = all, .width = width, .column = arena_many(arena, uint32_t, width)};
    side.mean = matrix_new(arena, width, 1);
    side.deviation = matrix_new(arena, width, 1);
    for (uint64_t r = 0; r < n; r++)
        for (uint32_t c = 0; c < width; c++) side.mean[c] += all[r * width + c];
    for (uint32_t c = 0; c < width; c++) side.mean[c] /= (double)n;
    for (uint64_t r = 0; r < n; r++) {
        for (uint32_t c = 0; c < width; c++) {
            double off = all[r * width + c] - side.mean[c];
            side.deviation[c] += off * off;
        }
    }
    for (uint32_t c = 0; c < width; c++) side.deviation[c] = sqrt(side.deviation[c] / (double)n);
    return side;
}

// When standardising, what is constant is left out: on both sides, when the two have the same dimensions.
static bool side_keep(Side *side, const Side *other, bool standardize, Error *err) {
    bool all = !standardize, varies = false;
    for (uint32_t c = 0; c < side->width; c++) {
        bool kept = side->deviation[c] > CONSTANT && (other->width != side->width || other->deviation[c] > CONSTANT);
        varies |= all ? side->deviation[c] > 0 : kept;
        if (all || kept) side->column[side->kept++] = c;
    }
    if (varies) return true;
    if (!all && other->width == side->width) FAIL(err, ERR_INPUT, "no dimension varies in both the source and the target: nothing to fit");
    FAIL(err, ERR_INPUT, "the %s's states are the same for every prompt: nothing to fit", side->name);
}

static double *side_rows(Arena *arena, const Side *side, const float *rows, uint64_t n) {
    double *out = matrix_new(arena, n, side->kept);
    for (uint64_t r = 0; r < n; r++)
        for (uint32_t k = 0; k < side->kept; k++) {
            uint32_t c = side->column[k];
            out[r * side->kept + k] = (rows[r * side->width + c] - side->mean[c]) / side->deviation[c];
        }
    return out;
}

// Without standardising, the means alone are taken away.
static void unit_deviation(Side *side, bool standardize) {
    for (uint32_t c = 0; c < side->width && !standardize; c++) side->deviation[c] = 1;
}

// ---- Solving

static bool solver_open(Arena *arena, const Ridge *fit, uint64_t n, Solver *out, Error *err) {
    *out = (Solver){.n = n, .x = side_open(arena, "source", fit->x, n, fit->in), .y = side_open(arena, "target", fit->y, n, fit->out)};
    bool standardize = fit->standardize;
    TRY(side_keep(&out->x, &out->y, standardize, err) && side_keep(&out->y, &out->x, standardize, err));
    unit_deviation(&out->x, standardize);
    unit_deviation(&out->y, standardize);
    out->x.rows = side_rows(arena, &out->x, fit->x, n);
    out->y.rows = side_rows(arena, &out->y, fit->y, n);
    uint32_t in = out->x.kept, to = out->y.kept;
    out->of_rows = n < in;
    out->size = out->of_rows ? (uint32_t)n : in;
    out->gram = matrix_new(arena, out->size, out->size);
    out->values = matrix_new(arena, out->size, 1);
    matrix_gram(out->x.rows, n, in, out->of_rows, out->gram);
    out->right = out->y.rows;
    if (!out->of_rows) {
        double *cross = matrix_new(arena, in, to);
        matrix_cross(out->x.rows, in, out->y.rows, to, n, cross);
        out->right = cross;
    }
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
        matrix_product_turned(x, solver->x.rows, count, size, in, dots);
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
    matrix_cross(solver->x.rows, in, half, to, solver->n, w);
    return w;
}

// ---- Choosing lambda

// sum |y - mean y|^2 over the held rows, and over those dimensions of it that the map leaves at the mean of the fit.
static double spread(Arena *arena, const Side *side, const float *held, uint64_t rows, double *left_out) {
    Side own = side_open(arena, side->name, held, rows, side->width);
    double sum = 0;
    *left_out = 0;
    for (uint32_t c = 0, k = 0; c < side->width; c++) {
        double square = own.deviation[c] * own.deviation[c], off = own.mean[c] - side->mean[c];
        sum += square * (double)rows;
        if (k < side->kept && side->column[k] == c)
            k++;
        else
            *left_out += (square + off * off) * (double)rows;
    }
    return sum;
}

// What |Y - A D P|^2 is made of, for A [rows, size] and P [size, columns] that all lambdas share and D that is diagonal:
// |Y|^2 - 2 sum_k d_k linear_k + sum_kl d_k d_l square_kl. No lambda costs a product.
typedef struct {
    double whole;
    double *linear; // [size] of A^T Y P^T, the diagonal
    double *square; // [size, size] (A^T A)_kl (P P^T)_kl, the upper half
    uint32_t size;
} Residual;

static Residual residual(Arena *arena, const double *y, const double *a, const double *p, uint32_t rows, uint32_t size, uint32_t columns) {
    Residual out = {0, matrix_new(arena, size, 1), matrix_new(arena, size, size), size};
    double *across = matrix_new(arena, rows, size), *of_p = matrix_new(arena, size, size);
    matrix_product_turned(y, p, rows, size, columns, across);
    for (size_t i = 0; i < (size_t)rows * columns; i++) out.whole += y[i] * y[i];
    for (size_t i = 0; i < (size_t)rows * size; i++) out.linear[i % size] += a[i] * across[i];
    matrix_gram(a, rows, size, false, out.square);
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

// Rows of the target's kept dimensions from standardised units back in its own.
static void in_units(const Side *side, double *rows, uint64_t n) {
    for (uint64_t r = 0; r < n; r++)
        for (uint32_t k = 0; k < side->kept; k++) rows[r * side->kept + k] *= side->deviation[side->column[k]];
}

// R2 of each lambda on the last rows, fitted on the others, in the target's own units.
static bool score(Arena *arena, const Ridge *fit, double *scores, Error *err) {
    uint64_t n = fit->n - fit->held;
    const float *held_x = fit->x + n * fit->in, *held_y = fit->y + n * fit->out;
    Solver solver;
    TRY(solver_open(arena, fit, n, &solver, err) && decompose(arena, &solver, err));
    const Side *y = &solver.y;
    double left_out, whole = spread(arena, y, held_y, fit->held, &left_out), *d = matrix_new(arena, solver.size, 1);
    double *x_held = side_rows(arena, &solver.x, held_x, fit->held), *y_held = side_rows(arena, y, held_y, fit->held);
    in_units(y, y_held, fit->held);
    in_units(y, solver.projected, solver.size);
    const double *at = coordinates(arena, &solver, x_held, fit->held);
    Residual left = residual(arena, y_held, at, solver.projected, (uint32_t)fit->held, solver.size, y->kept);
    for (uint32_t i = 0; i < fit->lambda_count; i++)
        scores[i] = whole > 0 ? 1 - (left_out + residual_at(&left, solver.values, fit->lambdas[i], d)) / whole : NAN;
    return true;
}

// The lambda with the best score; of equal ones the largest.
static bool choose(Arena *arena, const Ridge *fit, FitReport *report, Error *err) {
    bool enough = fit->held && fit->n >= fit->held + 2, scored = enough && score(arena, fit, report->scores, err);
    uint32_t best = UINT32_MAX;
    if (enough && !scored && fit->lambda_count > 1) return false;
    for (uint32_t i = 0; i < fit->lambda_count; i++) {
        report->lambdas[i] = fit->lambdas[i];
        if (!scored) report->scores[i] = NAN;
        if (isnan(report->scores[i])) continue;
        bool better = best == UINT32_MAX || report->scores[i] > report->scores[best] ||
                      (report->scores[i] == report->scores[best] && fit->lambdas[i] > fit->lambdas[best]);
        if (better) best = i;
    }
    report->lambda_count = fit->lambda_count;
    if (best == UINT32_MAX && fit->lambda_count > 1)
        FAIL(err, ERR_INPUT, "lambda is chosen by R2 on the last fifth of the prompts: %llu row%s that %s not vary; fit on more, or give one lambda",
             (unsigned long long)fit->held, fit->held == 1 ? "" : "s", fit->held == 1 ? "does" : "do");
    report->lambda = fit->lambdas[best == UINT32_MAX ? 0 : best];
    return true;
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
    const Side *x = &solver->x, *y = &solver->y;
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

static bool ridge_in(Arena *arena, const Ridge *fit, float *map, FitReport *report, Error *err) {
    Solver solver;
    TRY(choose(arena, fit, report, err));
    TRY(solver_open(arena, fit, fit->n, &solver, err));
    double *w = solution(arena, &solver, report->lambda, err);
    if (!w) return false;
    report->source = spread_of(solver.values, solver.size, fit->n, solver.x.kept);
    TRY(spread_find(arena, solver.y.rows, fit->n, solver.y.kept, &report->target, err));
    uint32_t rank = MIN(report->source.rank, solver.y.kept);
    TRY(keep_rank(arena, w, solver.x.kept, solver.y.kept, fit->rank, err));
    report->rank = fit->rank ? MIN(fit->rank, rank) : rank;
    report->kept_in = solver.x.kept;
    report->kept_out = solver.y.kept;
    write_states(arena, &solver, w, map);
    return true;
}

bool fit_ridge(const Ridge *fit, float *map, FitReport *report, Error *err) {
    *report = (FitReport){.rows = fit->n, .in = fit->in, .out = fit->out, .scale = 1, .unique = true};
    if (fit->n < 2) FAIL(err, ERR_INPUT, "a map needs at least 2 rows to be fitted on, there is 1");
    Arena *arena = arena_open();
    bool ok = ridge_in(arena, fit, map, report, err);
    arena_close(arena);
    return ok;
}
