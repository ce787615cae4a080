// ref_point.c: one number a point, of all prompts: reductions and what is measured over all rows. All in double.
#include <math.h>

#include "runtime/cka.h"
#include "runtime/reduce.h"
#include "runtime/ref.h"

// A metric of states that are not finite is no "undefined" number: something broke before.
bool ref_states_finite(const RefOp *op, Error *err) {
    for (int i = 0; i < (int)op_info[op->step->op].inputs; i++)
        for (uint64_t r = 0; r < op->step->rows; r++)
            for (uint32_t c = 0; c < op->in[i].width; c++)
                if (!isfinite(ref_f32(op, i, r)[c])) FAIL(err, ERR_NOT_FINITE, "a state is not finite (column %u of row %llu)", c, (unsigned long long)r);
    return true;
}

static uint64_t owner_of(const RefOp *op, uint64_t r) {
    return op->step->owner ? op->step->owner[r] : r;
}

REF(reduce) {
    const double *x = op->in[0].data;
    double *values = arena_many(op->scratch, double, op->step->rows);
    for (uint64_t out = 0; out < op->out_rows; out++) {
        size_t n = 0;
        for (uint64_t r = 0; r < op->step->rows; r++)
            if (owner_of(op, r) == out) values[n++] = x[ref_row(op, 0, r)];
        ref_out_f64(op)[out] = reduce((Reduction)op->step->attr.reduce.reduction, values, n, op->step->attr.reduce.p);
    }
    return true;
}

// 1 - sum |y - x|^2 / sum |y - mean y|^2, over rows and dimensions. Undefined when y does not vary.
static double r2_of(const RefOp *op, uint64_t out) {
    uint32_t n = op->in[1].width;
    double *mean = arena_many(op->scratch, double, n), rows = 0, wrong = 0, whole = 0;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        if (owner_of(op, r) != out) continue;
        for (uint32_t c = 0; c < n; c++) mean[c] += ref_f32(op, 1, r)[c];
        rows++;
    }
    for (uint64_t r = 0; r < op->step->rows; r++) {
        if (owner_of(op, r) != out) continue;
        const float *x = ref_f32(op, 0, r), *y = ref_f32(op, 1, r);
        for (uint32_t c = 0; c < n; c++) {
            double off = (double)y[c] - x[c], spread = y[c] - mean[c] / rows;
            wrong += off * off;
            whole += spread * spread;
        }
    }
    return whole > 0 ? 1 - wrong / whole : NAN;
}

REF(r2) {
    TRY(ref_states_finite(op, err));
    for (uint64_t out = 0; out < op->out_rows; out++) ref_out_f64(op)[out] = r2_of(op, out);
    return true;
}

// The rows of one result, side by side.
static Sides sides_of(const RefOp *op, uint64_t out) {
    uint64_t rows = 0;
    for (uint64_t r = 0; r < op->step->rows; r++) rows += owner_of(op, r) == out;
    Sides sides = sides_open(op->scratch, rows, op->in[0].width, op->in[1].width);
    rows = 0;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        if (owner_of(op, r) != out) continue;
        for (int s = 0; s < 2; s++)
            for (uint32_t c = 0; c < sides.width[s]; c++) sides.states[s][rows * sides.width[s] + c] = ref_f32(op, s, r)[c];
        rows++;
    }
    return sides;
}

REF(cka) {
    TRY(ref_states_finite(op, err));
    for (uint64_t out = 0; out < op->out_rows; out++) {
        Sides sides = sides_of(op, out);
        ref_out_f64(op)[out] = sides_centre(&sides) ? cka(&sides, op->step->attr.cka.debiased, op->scratch) : NAN;
    }
    return true;
}
