// fit_ridge.c: ridge regression on the GPU: with few rows G = X X^T and W = X^T (G + lambda)^-1 Y, else G = X^T X and
// W = (G + lambda)^-1 X^T Y. Held rows are predicted without W: with (G + lambda)^-1 of their products with X, or of
// themselves, times Y, or X^T Y.
//
// Cholesky's factors of G + lambda, all at once (factor.h), cost less than G's eigenvectors, and are as good while lambda is well
// above the rounding of G; else the eigenvectors serve all.
#include "runtime/fit_ridge.h"
#include "runtime/cuda/factor.h"

typedef struct {
    const FitWork *work;
    DenseSpace *space;
    RidgeSide x, y;
    Dense x_rows, y_rows, gram, right; // [n, kept]; [size, size]; [size, y.kept] Y, or X^T Y
    bool of_rows;                      // the Gram matrix is X X^T
    bool decomposed;
    Dense vectors; // the Gram matrix's eigenvectors, as rows, and eigenvalues, when it is decomposed
    double *values;
} Solver;

// ---- Rows

static bool side_open(Arena *arena, const FitWork *work, int side, uint64_t first, uint64_t rows, RidgeSide *out) {
    const FitStates *states = side ? &work->y : &work->x;
    double *mean = arena_many(arena, double, states->width), *deviation = arena_many(arena, double, states->width);
    *out = ridge_side(arena, side, states->width, mean, deviation);
    return fit_moments_of(work, states, first, rows, mean, deviation);
}

static Dense side_rows(const FitWork *work, const FitStates *states, const RidgeSide *side, uint64_t first, uint64_t rows) {
    return fit_rows_of(work, states, first, rows, side->column, side->kept, side->mean, side->deviation);
}

// Deviations of what is kept, or what they are divided by.
static double *units(Arena *arena, const RidgeSide *side, bool inverse) {
    double *out = arena_many(arena, double, side->kept);
    for (uint32_t k = 0; k < side->kept; k++) out[k] = inverse ? 1 / side->deviation[side->column[k]] : side->deviation[side->column[k]];
    return out;
}

// ---- Solving

// Of the first rows. least: the smallest lambda that will be asked for.
static bool solver_open(Arena *arena, const FitWork *work, uint64_t rows, const Ridge *fit, double least, Solver *out) {
    static const double ABOVE_ROUNDING = 1e-10; // of the trace
    Error ignored;
    *out = (Solver){.work = work, .space = work->space};
    TRY(side_open(arena, work, 0, 0, rows, &out->x) && side_open(arena, work, 1, 0, rows, &out->y));
    TRY(ridge_keep(&out->x, &out->y, fit->standardize, &ignored));
    out->x_rows = side_rows(work, &work->x, &out->x, 0, rows);
    out->y_rows = side_rows(work, &work->y, &out->y, 0, rows);
    out->of_rows = rows < out->x.kept;
    out->gram = dense_gram(out->space, out->x_rows, out->of_rows);
    double norm = dense_norm(out->space, out->x_rows);
    out->decomposed = !(least > norm * norm * ABOVE_ROUNDING);
    return dense_ok(out->space, &ignored);
}

// Y, or X^T Y, as it is to be multiplied.
static void set_right(Solver *solver) {
    solver->right = solver->of_rows ? solver->y_rows : dense_cross(solver->space, solver->x_rows, solver->y_rows);
}

static void decompose(Arena *arena, Solver *solver) {
    solver->values = arena_many(arena, double, solver->gram.columns);
    solver->vectors = dense_copy(solver->space, solver->gram);
    dense_eigen(solver->space, solver->vectors, solver->values);
}

// b = (G + lambda)^-1 b, in coordinates along the eigenvectors.
static void divide(Arena *arena, const Solver *solver, double lambda, Dense b) {
    double *weights = arena_many(arena, double, solver->gram.columns);
    for (uint32_t i = 0; i < solver->gram.columns; i++) weights[i] = 1 / (MAX(solver->values[i], 0) + lambda);
    dense_scale(solver->space, b, weights, NULL);
}

// ---- Choosing lambda

static double least_of(const Ridge *fit) {
    double least = fit->lambdas[0];
    for (uint32_t i = 1; i < fit->lambda_count; i++) least = MIN(least, fit->lambdas[i]);
    return least;
}

// [size, held]: products of the held rows with those that are fitted on, or themselves.
static Dense held_right(const Solver *solver, Dense x) {
    return solver->of_rows ? dense_product_turned(solver->space, solver->x_rows, x) : dense_turned(solver->space, x);
}

// Rows that are held out, and what is known of them.
typedef struct {
    Dense y, right;          // [held, y.kept]; [size, held]
    double left_out, whole;  // sums of squares: of what the map leaves at the mean of the fit, of all
} Held;

static double score_of(const Held *held, DenseSpace *space, Dense rest) {
    double norm = dense_norm(space, rest);
    return 1 - (held->left_out + norm * norm) / held->whole;
}

static void score_decomposed(Arena *arena, const Solver *solver, const Held *held, const Ridge *fit, double *scores) {
    DenseSpace *space = solver->space;
    const Dense along = dense_product(space, solver->vectors, held->right), right = dense_product(space, solver->vectors, solver->right);
    Dense solved = dense_copy(space, along), rest = dense_copy(space, held->y);
    for (uint32_t i = 0; i < fit->lambda_count; i++) {
        dense_set(space, solved, along);
        dense_set(space, rest, held->y);
        divide(arena, solver, fit->lambdas[i], solved);
        dense_subtract_cross(space, solved, right, rest);
        scores[i] = score_of(held, space, rest);
    }
}

// Several lambdas at once: the rest of each is what the prediction leaves of the held rows.
static bool score_factored(const Solver *solver, const Held *held, const double *lambdas, uint32_t count, DenseParts solved, DenseParts rest,
                           double *scores) {
    DenseSpace *space = solver->space;
    const Dense y = held->y;
    TRY(factor_solve_each(solver->work, solver->gram, lambdas, count, held->right, solved.at));
    for (uint32_t i = 0; i < count; i++) dense_set(space, (Dense){rest.at + i * rest.next * sizeof(double), y.rows, y.columns}, y);
    dense_multiply(space, &(DenseHow){y.rows, y.columns, solver->right.rows, true, -1, 1, count}, solved, (DenseParts){solver->right.at, y.columns, 0}, rest);
    for (uint32_t i = 0; i < count; i++) scores[i] = score_of(held, space, (Dense){rest.at + i * rest.next * sizeof(double), y.rows, y.columns});
    return true;
}

static bool score_each(const Solver *solver, const Held *held, const Ridge *fit, double *scores) {
    DenseSpace *space = solver->space;
    const uint32_t together = MIN(fit->lambda_count, (uint32_t)FACTOR_TOGETHER);
    DenseParts solved = dense_parts(held->right), rest = dense_parts(held->y);
    solved.at = dense_take(space, together * solved.next * sizeof(double));
    rest.at = dense_take(space, together * rest.next * sizeof(double));
    for (uint32_t i = 0; i < fit->lambda_count; i += together)
        TRY(score_factored(solver, held, fit->lambdas + i, MIN(together, fit->lambda_count - i), solved, rest, scores + i));
    return true;
}

// R2 of each lambda on the last rows, fitted on the others, in the target's own units.
static bool score(Arena *arena, const FitWork *work, const Ridge *fit, double *scores) {
    uint64_t above = fit->given.n - fit->held;
    Error ignored;
    Solver solver;
    RidgeSide own;
    Held held;
    TRY(solver_open(arena, work, above, fit, least_of(fit), &solver) && side_open(arena, work, 1, above, fit->held, &own));
    held.whole = ridge_spread(&solver.y, own.mean, own.deviation, fit->held, &held.left_out);
    if (!(held.whole > 0)) return false; // the processor says so
    held.y = side_rows(work, &work->y, &solver.y, above, fit->held);
    held.right = held_right(&solver, side_rows(work, &work->x, &solver.x, above, fit->held));
    const double *deviations = units(arena, &solver.y, false);
    dense_scale(work->space, held.y, NULL, deviations);
    dense_scale(work->space, solver.y_rows, NULL, deviations);
    set_right(&solver);
    if (solver.decomposed) {
        decompose(arena, &solver);
        score_decomposed(arena, &solver, &held, fit, scores);
    } else
        TRY(score_each(&solver, &held, fit, scores));
    return dense_ok(work->space, &ignored);
}

// ---- The map

// W [x.kept, y.kept] in standardised units.
static bool solution(Arena *arena, Solver *solver, double lambda, Dense *w) {
    DenseSpace *space = solver->space;
    set_right(solver);
    Dense half = solver->decomposed ? dense_product(space, solver->vectors, solver->right) : dense_copy(space, solver->right);
    if (solver->decomposed) {
        divide(arena, solver, lambda, half);
        half = dense_cross(space, solver->vectors, half);
    } else {
        fit_add_diagonal(solver->work, solver->gram, lambda);
        TRY(dense_factor(space, solver->gram));
        factor_solve(solver->work, solver->gram, half);
    }
    *w = solver->of_rows ? dense_cross(space, solver->x_rows, half) : half;
    return true;
}

static Dense with_rank(Arena *arena, DenseSpace *space, Dense w, uint32_t rank) {
    uint32_t k = (uint32_t)MIN(w.rows, (uint64_t)w.columns);
    if (!rank || rank >= k) return w;
    Dense ut, vt;
    double *values = arena_many(arena, double, k);
    dense_singular(space, w, &ut, values, &vt);
    ut = dense_rows(ut, 0, rank);
    dense_scale(space, ut, values, NULL);
    return dense_cross(space, ut, dense_rows(vt, 0, rank));
}

static void write_states(Arena *arena, const Solver *solver, Dense w) {
    dense_scale(solver->space, w, units(arena, &solver->x, true), units(arena, &solver->y, false));
    fit_write(solver->work, w, solver->x.column, solver->y.column, solver->x.mean, solver->y.mean);
}

static bool ridge_in(Arena *arena, const FitWork *work, const Ridge *fit, FitReport *report) {
    Error err;
    Solver solver;
    Dense w;
    uint64_t n = fit->given.n;
    bool scored = ridge_has_rows(fit) && score(arena, work, fit, report->scores);
    TRY(dense_ok(work->space, &err) && (scored || fit->lambda_count == 1) && ridge_choose(fit, scored, report, &err));
    dense_reset(work->space);
    TRY(solver_open(arena, work, n, fit, report->lambda, &solver));
    if (solver.decomposed) decompose(arena, &solver);
    report->source = solver.decomposed ? spread_of(solver.values, solver.gram.columns, n, solver.x.kept) : fit_spread(arena, work, solver.x_rows);
    report->target = fit_spread(arena, work, solver.y_rows);
    TRY(solution(arena, &solver, report->lambda, &w));
    w = with_rank(arena, work->space, w, fit->rank);
    ridge_tell(fit, &solver.x, &solver.y, report);
    write_states(arena, &solver, w);
    return dense_ok(work->space, &err);
}

bool gpu_fit_ridge(const FitWork *work, const Ridge *fit, FitReport *report) {
    *report = ridge_report(&fit->given);
    dense_reset(work->space);
    Arena *arena = arena_open();
    bool ok = ridge_in(arena, work, fit, report);
    arena_close(arena);
    return ok;
}
