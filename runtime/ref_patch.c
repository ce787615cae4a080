// ref_patch.c: arithmetic, and the ops of hooks, patches and maps.
#include "runtime/ref.h"

// ---- Arithmetic: float32 on states, double on numbers; a number, or one number a row, goes with every column.

static double element(const RefOp *op, int i, uint64_t r, uint32_t c) {
    const RefInput *in = &op->in[i];
    uint64_t at = ref_row(op, i, r) * in->width + (in->width == 1 ? 0 : c);
    return in->dtype == DTYPE_f32 ? ((const float *)in->data)[at] : ((const double *)in->data)[at];
}

static float f32_of(Op op, float a, float b) {
    return op == OP_add ? a + b : op == OP_sub ? a - b : op == OP_mul ? a * b : op == OP_div ? a / b : -a;
}

static double f64_of(Op op, double a, double b) {
    return op == OP_add ? a + b : op == OP_sub ? a - b : op == OP_mul ? a * b : op == OP_div ? a / b : -a;
}

static bool arithmetic(const RefOp *op) {
    bool two = op_info[op->step->op].inputs == 2;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        for (uint32_t c = 0; c < op->width; c++) {
            double a = element(op, 0, r, c), b = two ? element(op, 1, r, c) : 0;
            if (op->out_dtype == DTYPE_f32)
                ref_out(op, r)[c] = f32_of(op->step->op, (float)a, (float)b);
            else
                ref_out_f64(op)[r * op->width + c] = f64_of(op->step->op, a, b);
        }
    }
    return true;
}

REF(add) {
    return arithmetic(op);
}

REF(sub) {
    return arithmetic(op);
}

REF(mul) {
    return arithmetic(op);
}

REF(div) {
    return arithmetic(op);
}

REF(negate) {
    return arithmetic(op);
}

// ---- Hooks and patches

// Column of the whole that is column c of the named blocks.
static uint32_t block_column(const RefOp *op, const Blocks *blocks, uint32_t c) {
    if (!blocks->size) return c;
    return op->plan->lists[blocks->list][1 + c / blocks->size] * blocks->size + c % blocks->size;
}

REF(columns) {
    for (uint64_t r = 0; r < op->step->rows; r++)
        for (uint32_t c = 0; c < op->width; c++)
            ref_out(op, r)[c] = ref_f32(op, 0, r)[block_column(op, &op->step->attr.columns.blocks, c)];
    return true;
}

REF(rows) {
    for (uint64_t r = 0; r < op->step->rows; r++) memcpy(ref_out(op, r), ref_f32(op, 0, r), op->width * sizeof(float));
    return true;
}

REF(join) {
    size_t row = op->width * dtype_info[op->out_dtype].bytes, first = op->in[0].rows * row;
    memcpy(op->out, op->in[0].data, first);
    memcpy((unsigned char *)op->out + first, op->in[1].data, op->in[1].rows * row);
    return true;
}

// The value is states, or one number for all columns.
static float written(const RefOp *op, uint32_t row, uint32_t c) {
    const RefInput *value = &op->in[1];
    size_t at = (size_t)row * value->width + (value->width == 1 ? 0 : c);
    return value->dtype == DTYPE_f32 ? ((const float *)value->data)[at] : (float)((const double *)value->data)[at];
}

REF(write) {
    const Blocks *blocks = &op->step->attr.write.blocks;
    uint32_t columns = blocks->size ? op->plan->lists[blocks->list][0] * blocks->size : op->width;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        uint32_t row = op->step->source[r];
        bool whole = row != UINT32_MAX && !blocks->size; // then the old row may not exist
        if (!whole) memcpy(ref_out(op, r), ref_f32(op, 0, r), op->width * sizeof(float));
        for (uint32_t c = 0; row != UINT32_MAX && c < columns; c++)
            ref_out(op, r)[block_column(op, blocks, c)] = written(op, row, c);
    }
    return true;
}

REF(splice) {
    size_t row = op->width * dtype_info[op->out_dtype].bytes;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        uint32_t own = op->step->source[r];
        size_t from = own != UINT32_MAX ? own : ref_row(op, 0, r);
        memcpy((unsigned char *)op->out + r * row, (const unsigned char *)op->in[own != UINT32_MAX].data + from * row, row);
    }
    return true;
}

// ---- Maps

// out[r, c] = sum_k x[r, k] W[k, c]
REF(product) {
    const float *w = op->in[1].data;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *x = ref_f32(op, 0, r);
        for (uint32_t c = 0; c < op->width; c++) {
            double sum = 0;
            for (uint32_t k = 0; k < op->in[0].width; k++) sum += (double)x[k] * w[(size_t)k * op->width + c];
            ref_out(op, r)[c] = (float)sum;
        }
    }
    return true;
}

REF(nearest) {
    uint32_t width = op->in[0].width, count = (uint32_t)op->in[1].rows;
    double *rows = arena_many(op->scratch, double, (size_t)count *width);
    float *row = arena_many(op->scratch, float, width);
    for (uint32_t k = 0; k < count; k++) {
        ref_weight_row(&op->in[1], k, row);
        for (uint32_t c = 0; c < width; c++) rows[(size_t)k * width + c] = row[c];
    }
    for (uint64_t r = 0; r < op->step->rows; r++)
        ref_out_f64(op)[r] = nearest_centroid(ref_f32(op, 0, r), rows, count, width);
    return true;
}

REF(choose) {
    const double *number = op->in[2].data;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        int from = number[ref_row(op, 2, r)] >= op->step->attr.choose.from;
        memcpy(ref_out(op, r), ref_f32(op, from, r), op->width * sizeof(float));
    }
    return true;
}
