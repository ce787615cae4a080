// ref_fit.c: the ops that learn from states: rows are gathered, fit.c does the work.
#include <math.h>

#include "runtime/fit.h"
#include "runtime/matrix.h"
#include "runtime/ref.h"

// The rows of an input in the order of the step; NULL when one is not finite.
static float *gathered(const RefOp *op, int i, Error *err) {
    uint32_t width = op->in[i].width;
    float *rows = arena_many(op->scratch, float, op->step->rows * width);
    for (uint64_t r = 0; r < op->step->rows; r++) memcpy(rows + r * width, ref_f32(op, i, r), width * sizeof *rows);
    for (uint64_t k = 0; k < op->step->rows * width; k++) {
        if (isfinite(rows[k])) continue;
        error_set(err, ERR_NOT_FINITE, "the states to fit on are not finite (column %llu of row %llu)", (unsigned long long)(k % width), (unsigned long long)(k / width));
        return NULL;
    }
    return rows;
}

REF(map_of) {
    float *map = op->out;
    for (uint64_t r = 0; r < op->in[0].rows; r++) ref_weight_row(&op->in[0], r, map + r * op->width);
    ref_weight_row(&op->in[1], 0, map + op->in[0].rows * op->width);
    return true;
}

REF(fit_mean) {
    const float *y = gathered(op, 0, err);
    if (!y) return false;
    *op->fit = (FitReport){.rows = op->step->rows, .in = op->step->attr.fit_mean.in_width, .out = op->width, .scale = 1, .unique = true};
    fit_mean(y, op->step->rows, op->step->attr.fit_mean.in_width, op->width, op->out);
    return true;
}

REF(fit_procrustes) {
    const Attr *attr = &op->step->attr;
    Procrustes fit = {
        .x = gathered(op, 0, err),
        .y = gathered(op, 1, err),
        .n = op->step->rows,
        .in = op->in[0].width,
        .out = op->width,
        .scale = attr->procrustes.scale,
        .whiten = attr->procrustes.whiten,
        .complete = attr->procrustes.complete,
        .shrink = attr->procrustes.shrink,
        .floor = attr->procrustes.floor,
        .rank = attr->procrustes.rank,
    };
    return fit.x && fit.y && fit_procrustes(&fit, op->out, op->fit, err);
}

REF(fit_moments) {
    const float *x = gathered(op, 0, err), *y = gathered(op, 1, err);
    return x && y && fit_moments(x, y, op->step->rows, op->width, op->out, op->fit, err);
}

REF(random_rotation) {
    const float *x = gathered(op, 0, err), *y = gathered(op, 1, err);
    return x && y && fit_random_rotation(x, y, op->step->rows, op->in[0].width, op->width, op->step->attr.random.seed, op->out, op->fit, err);
}

REF(fit_ridge) {
    const Attr *attr = &op->step->attr;
    Ridge fit = {
        .x = gathered(op, 0, err),
        .y = gathered(op, 1, err),
        .n = op->step->rows,
        .held = attr->ridge.held,
        .in = op->in[0].width,
        .out = op->width,
        .lambdas = op->in[2].data,
        .lambda_count = (uint32_t)op->in[2].rows,
        .standardize = attr->ridge.standardize,
        .rank = attr->ridge.rank,
    };
    return fit.x && fit.y && fit_ridge(&fit, op->out, op->fit, err);
}

REF(basis_pca) {
    const Attr *attr = &op->step->attr;
    const float *x = gathered(op, 0, err);
    return x && fit_pca(x, op->step->rows, op->in[0].width, attr->pca.rank, attr->pca.center, op->out, err);
}

REF(basis_joint) {
    const float *x = gathered(op, 0, err), *y = gathered(op, 1, err);
    return x && y && fit_joint(x, y, op->step->rows, op->in[0].width, op->step->attr.pca.rank, op->out, err);
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
    const float *x = gathered(op, 0, err), *y = gathered(op, 1, err);
    return x && y && fit_difference(x, y, op->step->rows, op->in[0].width, op->out, err);
}
