// ref_fit.c: the ops that learn from states: rows are gathered, fit.c does the work.
#include "runtime/fit.h"
#include "runtime/ref.h"

// The rows of an input in the order of the step.
static float *gathered(const RefOp *op, int i) {
    uint32_t width = op->in[i].width;
    float *rows = arena_many(op->scratch, float, op->step->rows * width);
    for (uint64_t r = 0; r < op->step->rows; r++) memcpy(rows + r * width, ref_f32(op, i, r), width * sizeof *rows);
    return rows;
}

REF(map_of) {
    float *map = op->out;
    for (uint64_t r = 0; r < op->in[0].rows; r++) ref_weight_row(&op->in[0], r, map + r * op->width);
    ref_weight_row(&op->in[1], 0, map + op->in[0].rows * op->width);
    return true;
}

REF(fit_mean) {
    *op->fit = (FitReport){.rows = op->step->rows, .in = op->step->attr.fit_mean.in_width, .out = op->width, .scale = 1, .unique = true};
    fit_mean(gathered(op, 0), op->step->rows, op->step->attr.fit_mean.in_width, op->width, op->out);
    return true;
}

REF(fit_procrustes) {
    const Attr *attr = &op->step->attr;
    Procrustes fit = {
        .x = gathered(op, 0),
        .y = gathered(op, 1),
        .n = op->step->rows,
        .in = op->in[0].width,
        .out = op->width,
        .scale = attr->procrustes.scale,
        .whiten = attr->procrustes.whiten,
        .shrink = attr->procrustes.shrink,
        .floor = attr->procrustes.floor,
        .rank = attr->procrustes.rank,
    };
    return fit_procrustes(&fit, op->out, op->fit, err);
}

REF(basis_pca) {
    const Attr *attr = &op->step->attr;
    return fit_pca(gathered(op, 0), op->step->rows, op->in[0].width, attr->pca.rank, attr->pca.center, op->out, err);
}

REF(basis_diff) {
    return fit_difference(gathered(op, 0), gathered(op, 1), op->step->rows, op->in[0].width, op->out, err);
}
