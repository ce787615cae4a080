// plan_values.c: which values a step reads and writes, whatever kind of step it is, and where these lie in each other.
#include "compiler/lower.h"

Area value_area(const Value *values, uint32_t number) {
    Area area = {.whole = number, .columns = values[number].width, .rows = values[number].rows};
    for (const Value *v = &values[number]; v->base; v = &values[area.whole]) {
        area.row += v->base_row;
        area.column += v->base_column;
        area.whole = v->base - 1;
    }
    return area;
}

uint64_t area_shared(const Area *a, const Area *b) {
    if (a->whole != b->whole) return 0;
    uint64_t first = MAX(a->row, b->row), end = MIN(a->row + a->rows, b->row + b->rows);
    uint32_t left = MAX(a->column, b->column), right = MIN(a->column + a->columns, b->column + b->columns);
    return first < end && left < right ? (end - first) * (right - left) : 0;
}

static void fused_values(const RowCode *code, const Fused *fused, ValueVisit *visit, void *self) {
    for (uint32_t i = 0; i < code->result_count; i++) visit(self, fused->results[i].value, true);
    for (uint32_t i = 0; i < code->operand_count; i++)
        if (fused->operands[i].value != NO_VALUE) visit(self, fused->operands[i].value, false);
}

static void logits_values(const Logits *logits, ValueVisit *visit, void *self) {
    for (uint32_t i = 0; i < logits->metric_count; i++) visit(self, logits->metrics[i].out, true);
    for (uint32_t i = 0; i < logits->metric_count; i++)
        if (logits->metrics[i].ids != NO_VALUE) visit(self, logits->metrics[i].ids, false);
    for (uint32_t i = 0; i < logits->source_count; i++) {
        visit(self, logits->sources[i].x, false);
        if (logits->sources[i].weight != NO_VALUE) visit(self, logits->sources[i].weight, false);
    }
}

uint32_t step_inputs(const Step *step, uint32_t *out) {
    uint32_t count = op_info[step->op].inputs;
    memcpy(out, step->in, count * sizeof *out);
    if (step->keys.rows) out[count++] = step->keys.other;
    if (step->values.rows) out[count++] = step->values.other;
    return count;
}

void step_values(const Plan *plan, const Step *step, ValueVisit *visit, void *self) {
    if (step->fused) {
        fused_values(&plan->codes[step->fused->code], step->fused, visit, self);
    } else if (step->logits) {
        logits_values(step->logits, visit, self);
    } else {
        visit(self, step->out, true);
        uint32_t inputs[STEP_MOST_INPUTS], count = step_inputs(step, inputs);
        for (uint32_t i = 0; i < count; i++) visit(self, inputs[i], false);
        for (uint32_t i = 1; i < step->weight_count; i++) visit(self, step->weights[i], false);
    }
}
