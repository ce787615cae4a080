// traffic.c: the bytes of what a step reads and writes.
#include "runtime/traffic.h"

static double numbers_bytes(const BoundPlan *bound, uint32_t value, uint64_t rows, uint64_t columns) {
    const Value *v = &bound->plan->values[value];
    DType dtype = v->place == IN_FILE ? bound->tensors[value]->dtype : v->dtype;
    return (double)MIN(rows, v->rows) * (double)columns * dtype_info[dtype].bytes;
}

static double value_bytes(const BoundPlan *bound, uint32_t value, uint64_t rows) {
    return numbers_bytes(bound, value, rows, bound->plan->values[value].width);
}

// ---- Row kernels

static uint64_t columns_read(const RowCode *code, const RowOperand *operand) {
    if (operand->number) return 1;
    return operand->columns == COLUMNS_LOCAL ? code->block : code->width;
}

static uint64_t rows_written(const RowBinding *result, uint64_t rows) {
    uint64_t count = result->map ? 0 : rows;
    for (uint64_t r = 0; result->map && r < rows; r++) count += result->map[r] != ROW_NONE;
    return count;
}

static double kernel_bytes(const BoundPlan *bound, const Step *step) {
    const Fused *fused = step->fused;
    const RowCode *code = &bound->plan->codes[fused->code];
    double bytes = 0;
    for (uint32_t k = 0; k < code->operand_count; k++) {
        const RowOperand *operand = &code->operands[k];
        if (operand->flag) continue;
        uint64_t rows = operand->fixed ? 1 : step->rows;
        bytes += numbers_bytes(bound, fused->operands[k].value, rows, columns_read(code, operand));
    }
    for (uint32_t k = 0; k < code->result_count; k++)
        bytes += value_bytes(bound, fused->results[k].value, rows_written(&fused->results[k], step->rows));
    return bytes;
}

// ---- Other steps

static double logits_bytes(const BoundPlan *bound, const Step *step) {
    double bytes = 0;
    for (uint32_t i = 0; i < step->logits->source_count; i++) {
        const LogitsSource *source = &step->logits->sources[i];
        bytes += value_bytes(bound, source->x, step->rows);
        if (source->weight != NO_VALUE) bytes += value_bytes(bound, source->weight, UINT64_MAX);
    }
    for (uint32_t i = 0; i < step->logits->metric_count; i++)
        bytes += value_bytes(bound, step->logits->metrics[i].out, step->rows);
    return bytes;
}

// Of an input of an operation: a matrix that rows are multiplied with is read whole, as are keys and values.
static uint64_t rows_read(const Step *step, uint32_t input) {
    bool whole = input && (step->op == OP_linear || step->op == OP_product || step->op == OP_attention);
    return whole ? UINT64_MAX : step->rows;
}

static double other_bytes(const BoundPlan *bound, const Step *step) {
    double bytes = value_bytes(bound, step->out, UINT64_MAX);
    for (uint32_t i = 0; i < op_info[step->op].inputs; i++)
        bytes += value_bytes(bound, step->in[i], rows_read(step, i));
    for (uint32_t i = 0; i < step->weight_count; i++)
        if (step->weights[i] != step->in[1]) bytes += value_bytes(bound, step->weights[i], UINT64_MAX);
    if (step->keys.rows) bytes += value_bytes(bound, step->keys.other, UINT64_MAX);
    if (step->values.rows) bytes += value_bytes(bound, step->values.other, UINT64_MAX);
    return bytes;
}

double step_bytes(const BoundPlan *bound, const Step *step) {
    if (step->fused) return kernel_bytes(bound, step);
    return step->logits ? logits_bytes(bound, step) : other_bytes(bound, step);
}
