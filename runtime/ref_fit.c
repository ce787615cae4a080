// ref_fit.c: the ops that learn from states: rows are gathered, fit.c does the work.
#include <math.h>

#include "runtime/fit.h"
#include "runtime/matrix.h"
#include "runtime/ref.h"

// Rows of an input in the order of the step; NULL when one is not finite.
static float *gathered_from(const RefOp *op, int i, uint64_t first, uint64_t count, Error *err) {
    const uint64_t width = op->in[i].width;
    float *rows = arena_many(op->scratch, float, count * width);
    for (uint64_t r = 0; r < count; r++) memcpy(rows + r * width, ref_f32(op, i, first + r), width * sizeof *rows);
    for (uint64_t k = 0; k < count * width; k++) {
        if (isfinite(rows[k])) continue;
        unsigned long long row = first + k / width, column = k % width;
        error_set(err, ERR_NOT_FINITE, "the states to fit on are not finite (column %llu of row %llu)", column, row);
        return NULL;
    }
    return rows;
}

static float *gathered(const RefOp *op, int i, Error *err) {
    return gathered_from(op, i, 0, op->step->rows, err);
}

// Adds the named rows to the sums in `out`. Of one side: the second has no columns.
static bool add_sums(const RefOp *op, Error *err) {
    const uint64_t first = op->step->attr.sums.first, count = op->step->attr.sums.count;
    const bool one = op->step->attr.sums.one;
    const float *x = gathered_from(op, 0, first, count, err), *y = x && !one ? gathered_from(op, 1, first, count, err) : NULL;
    if (!x || (!one && !y)) return false;
    sums_add(op->out, x, y, count, op->in[0].width, one ? 0 : op->in[1].width);
    return true;
}

REF(sums) {
    memset(op->out, 0, (size_t)op->out_rows * op->width * sizeof(double));
    return add_sums(op, err);
}

REF(sums_more) {
    memcpy(op->out, op->in[2].data, (size_t)op->out_rows * op->width * sizeof(double));
    return add_sums(op, err);
}

// ---- What fits are given: states, or sums of them (doubles)

static const Sums *read_sums(const RefOp *op, int i, uint32_t in, uint32_t out) {
    Sums *sums = arena_new(op->scratch, Sums);
    *sums = sums_of(op->scratch, op->in[i].data, in, out);
    return sums;
}

static bool given_of(const RefOp *op, uint32_t in, uint32_t out, Given *given, Error *err) {
    *given = (Given){.n = op->step->rows, .in = in, .out = out};
    if (op->in[0].dtype == DTYPE_f64) {
        given->sums = read_sums(op, 0, in, out);
        given->n = given->sums->n;
        return true;
    }
    given->x = gathered(op, 0, err);
    given->y = given->x && out ? gathered(op, 1, err) : NULL;
    return given->x && (!out || given->y);
}

REF(map_of) {
    float *map = op->out;
    uint64_t part = op->step->attr.map_of.part, rows = op->in[0].rows / op->in[1].rows;
    for (uint64_t r = 0; r < rows; r++) ref_weight_row(&op->in[0], part * rows + r, map + r * op->width);
    ref_weight_row(&op->in[1], part, map + rows * op->width);
    return true;
}

REF(fit_mean) {
    uint32_t in = op->step->attr.fit_mean.in_width;
    Given given;
    TRY(given_of(op, op->width, 0, &given, err));
    *op->fit = (FitReport){.rows = given.n, .in = in, .out = op->width, .scale = 1, .unique = true};
    fit_mean(&given, in, op->out);
    return true;
}

static bool given_of_map(const RefOp *op, Given *given, Error *err) {
    return given_of(op, (uint32_t)op->out_rows - 1, op->width, given, err);
}

REF(fit_procrustes) {
    Procrustes fit = procrustes_of(&op->step->attr, (Given){0});
    if (!op->memo) return given_of_map(op, &fit.given, err) && fit_procrustes(&fit, op->out, op->fit, err);
    const ProcrustesParts *parts = fit_memo_find(op->memo, op->step);
    if (!parts) parts = given_of_map(op, &fit.given, err) ? procrustes_parts(fit_memo_renew(op->memo), &fit, err) : NULL;
    bool ok = parts && procrustes_map(&fit, parts, op->out, op->fit, err);
    fit_memo_pass(op->memo, op->plan, op->step, parts);
    return ok;
}

REF(fit_moments) {
    Given given;
    return given_of_map(op, &given, err) && fit_moments(&given, op->out, op->fit, err);
}

REF(random_rotation) {
    Given given;
    return given_of_map(op, &given, err) && fit_random_rotation(&given, op->step->attr.random.seed, op->out, op->fit, err);
}

// The second input are the sums of the held rows, when there are any.
static void add_held(const RefOp *op, Ridge *fit) {
    Given *given = &fit->given;
    Sums *all = arena_new(op->scratch, Sums);
    fit->sums_above = given->sums;
    fit->sums_held = read_sums(op, 1, given->in, given->out);
    *all = sums_both(op->scratch, fit->sums_above, fit->sums_held);
    given->sums = all;
    given->n = all->n;
}

REF(fit_ridge) {
    Ridge fit = ridge_of(&op->step->attr, (Given){0}, op->in[2].data, (uint32_t)op->in[2].rows);
    TRY(given_of_map(op, &fit.given, err));
    if (fit.given.sums && fit.held) add_held(op, &fit);
    return fit_ridge(&fit, op->out, op->fit, err);
}

REF(kmeans) {
    const float *x = gathered(op, 0, err);
    return x &&
           fit_kmeans(x, op->step->rows, op->width, (uint32_t)op->out_rows, op->step->attr.random.seed, op->out, err);
}

// Of the rows of input i those of the cluster.
static RefInput members(const RefOp *op, int i, uint64_t count, const bool *member, Error *err) {
    uint32_t width = op->in[i].width;
    const float *rows = gathered(op, i, err);
    float *out = arena_many(op->scratch, float, count * width), *next = out;
    for (uint64_t r = 0; r < op->step->rows && rows; r++) {
        if (!member[r]) continue;
        memcpy(next, rows + r * width, width * sizeof *out);
        next += width;
    }
    return (RefInput){rows ? out : NULL, DTYPE_f32, count, width};
}

// The step of the fit itself. Of the rows that choose lambda those of the cluster do.
static Step step_of_part(const RefOp *op, uint64_t count, const bool *member) {
    Step step = {.op = (Op)op->step->attr.cluster.fit, .rows = count, .span = op->step->span};
    memcpy(&step.attr, op->plan->lists[op->step->attr.cluster.attr] + 1, sizeof step.attr);
    if (step.op != OP_fit_ridge) return step;
    uint64_t held = step.attr.ridge.held;
    step.attr.ridge.held = 0;
    for (uint64_t r = op->step->rows - held; r < op->step->rows; r++) step.attr.ridge.held += member[r];
    return step;
}

REF(fit_cluster) {
    uint32_t number = op->step->attr.cluster.number, lambdas = op->step->attr.cluster.lambdas;
    const double *numbers = op->in[2].data;
    bool *member = arena_many(op->scratch, bool, op->step->rows);
    uint64_t count = 0;
    for (uint64_t r = 0; r < op->step->rows; r++) count += member[r] = numbers[ref_row(op, 2, r)] == number;
    if (!count) FAIL(err, ERR_INPUT, "cluster %u has no rows; use fewer clusters or another seed", number);
    Step step = step_of_part(op, count, member);
    RefOp part = {.step = &step,
                  .plan = op->plan,
                  .out = op->out,
                  .out_dtype = op->out_dtype,
                  .out_rows = op->out_rows,
                  .width = op->width,
                  .fit = op->fit,
                  .scratch = op->scratch};
    part.in[0] = members(op, 0, count, member, err), part.in[1] = members(op, 1, count, member, err);
    if (!part.in[0].data || !part.in[1].data) return false;
    if (lambdas)
        part.in[2] = (RefInput){op->plan->tables[lambdas - 1].data, DTYPE_f64, op->plan->tables[lambdas - 1].rows, 1};
    if (ref_functions[step.op](&part, err)) return true;
    return error_prefix(err, "cluster %u, %llu row%s", number, (unsigned long long)count, count == 1 ? "" : "s");
}

REF(basis_pca) {
    const Attr *attr = &op->step->attr;
    Given given;
    return given_of(op, (uint32_t)op->out_rows, 0, &given, err) && fit_pca(&given, attr->pca.rank, attr->pca.center, op->out, err);
}

static bool given_of_basis(const RefOp *op, Given *given, Error *err) {
    return given_of(op, (uint32_t)op->out_rows, (uint32_t)op->out_rows, given, err);
}

REF(basis_joint) {
    Given given;
    return given_of_basis(op, &given, err) && fit_joint(&given, op->step->attr.pca.rank, op->out, err);
}

// The sum of the squares of a weight's rows, a block at a time.
static bool add_squares(const RefOp *op, int i, double *squares, Error *err) {
    enum { BLOCK = 256 };
    uint32_t width = op->in[i].width;
    float *row = arena_many(op->scratch, float, width);
    double *block = matrix_new(op->scratch, BLOCK, width);
    for (uint64_t first = 0; first < op->in[i].rows; first += BLOCK) {
        uint64_t count = MIN(op->in[i].rows - first, (uint64_t)BLOCK);
        for (uint64_t r = 0; r < count; r++) {
            ref_weight_row(&op->in[i], first + r, row);
            for (uint32_t c = 0; c < width; c++) block[r * width + c] = row[c];
        }
        matrix_gram_add(block, count, width, squares);
    }
    for (size_t k = 0; k < (size_t)width * width; k++)
        if (!isfinite(squares[k])) FAIL(err, ERR_NOT_FINITE, "the unembedding is not finite");
    return true;
}

REF(basis_logits) {
    uint32_t width = op->in[0].width;
    double *squares = matrix_new(op->scratch, width, width);
    bool one = op->in[0].data == op->in[1].data;
    if (!add_squares(op, 0, squares, err) || (!one && !add_squares(op, 1, squares, err))) return false;
    return fit_directions(squares, op->in[0].rows + op->in[1].rows, width, op->step->attr.pca.rank, op->out, err);
}

REF(map_inside) {
    InsideShape shape = {(uint32_t)op->in[1].rows, (uint32_t)op->in[2].rows, op->in[1].width, op->in[2].width};
    map_inside(op->in[0].data, op->in[1].data, op->in[2].data, shape, op->out);
    return true;
}

REF(map_outside) {
    memcpy(op->out, op->in[0].data, (size_t)op->in[0].rows * op->width * sizeof(float));
    map_outside(op->in[2].data, op->in[1].data, (uint32_t)op->in[0].rows - 1, op->width, op->in[1].width, op->out);
    return true;
}

REF(basis_diff) {
    Given given;
    return given_of_basis(op, &given, err) && fit_difference(&given, op->out, err);
}
