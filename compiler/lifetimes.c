// lifetimes.c: when each value is written and read last, and which results lie where an operand lay.
#include <stdlib.h>

#include "compiler/lower.h"

enum { NO_STEP_YET = 0x7fffffff };

typedef struct {
    const Plan *plan;
    Value *values;
    uint32_t *written; // by value: the step that writes it by itself
    bool resident;
    uint32_t step;
} Lifetimes;

static void live(void *self, uint32_t value, bool written) {
    Lifetimes *lifetimes = self;
    Value *v = &lifetimes->values[value], *whole;
    bool stays = lifetimes->resident && !written && !v->varies && lifetimes->plan->steps[lifetimes->step].varies;
    if (written) v->first = lifetimes->written[value] = lifetimes->step;
    v->last = lifetimes->step;
    v->stays |= stays;
    for (; v->base; v = whole) { // the whole lives as long as its parts
        whole = &lifetimes->values[v->base - 1];
        whole->first = MIN(whole->first, v->first);
        whole->last = lifetimes->step;
        whole->stays |= stays;
    }
}

// A part that no step writes by itself is written with its whole.
static void settle(Value *values, size_t i) {
    Value *value = &values[i];
    const Value *whole = value;
    while (whole->first == NO_STEP_YET && whole->base) whole = &values[whole->base - 1];
    value->first = whole->first;
    if (value->place != IN_ARENA || value->first != NO_STEP_YET) return;
    value->place = NOWHERE;
    value->bytes = 0;
}

static int by_after(const void *a, const void *b) {
    const Output *x = a, *y = b;
    return x->after < y->after ? -1 : x->after > y->after;
}

// By step: after which what comes out of it is read: the last of so many operations.
static uint32_t *window_ends(const Plan *plan, double window, Arena *scratch) {
    uint32_t *end = arena_many(scratch, uint32_t, plan->step_count + 1), last = 0;
    double left = 0;
    for (size_t i = plan->step_count; i-- > 0; left -= plan->steps[i].flops) {
        if (left <= 0) last = (uint32_t)i, left = window;
        end[i] = last;
    }
    return end;
}

static void keep_until(Value *values, uint32_t number, uint32_t step) {
    for (Value *v = &values[number];; v = &values[v->base - 1]) {
        v->last = MAX(v->last, step);
        if (!v->base) return;
    }
}

// ---- What comes out

// The step after which all of a value is there: several may write what lies in one place.
static uint32_t ready_after(const Lifetimes *lifetimes, uint32_t number) {
    if (lifetimes->written[number] != NO_STEP_YET) return lifetimes->written[number];
    const Area area = value_area(lifetimes->values, number);
    uint32_t last = lifetimes->values[number].first;
    for (uint32_t i = 0; i < lifetimes->plan->value_count; i++) {
        if (lifetimes->written[i] == NO_STEP_YET) continue;
        const Area other = value_area(lifetimes->values, i);
        if (area_shared(&area, &other)) last = MAX(last, lifetimes->written[i]);
    }
    return last;
}

// When each value is written and read last; outputs are taken at the end of a window: as soon as they are there when
// there is none. States, which are large, are asked for at once: a device with windows hands them over when it is ready.
void lifetimes_find(const Plan *plan, bool resident, double window, Value *values, Output *outputs) {
    Arena *scratch = arena_open();
    Lifetimes lifetimes = {plan, values, arena_many(scratch, uint32_t, plan->value_count + 1), resident, 0};
    for (size_t i = 0; i < plan->value_count; i++) values[i].first = values[i].last = lifetimes.written[i] = NO_STEP_YET;
    for (; lifetimes.step < plan->step_count; lifetimes.step++) step_values(plan, &plan->steps[lifetimes.step], live, &lifetimes);
    for (size_t i = 0; i < plan->value_count; i++) settle(values, i);
    const uint32_t *ends = window_ends(plan, window, scratch);
    for (size_t i = 0; i < plan->output_count; i++) {
        const Value *value = &values[outputs[i].value];
        uint32_t ready = value->place == IN_ARENA ? ready_after(&lifetimes, outputs[i].value) : 0;
        outputs[i].after = value->place != IN_ARENA ? 0 : outputs[i].kind == OUT_states ? ready : ends[ready];
        if (value->place == IN_ARENA) keep_until(values, outputs[i].value, outputs[i].after);
    }
    arena_close(scratch);
    qsort(outputs, plan->output_count, sizeof *outputs, by_after);
}

// Whether a kernel goes over its columns once, each for itself: then a result can lie where an operand lay.
static bool goes_once(const RowCode *code) {
    for (uint32_t i = 0; i < code->instr_count; i++)
        if (row_info[code->instrs[i].op].shape == SHAPE_REDUCE || code->instrs[i].op == ROW_rotate) return false;
    return true;
}

static uint32_t readers_of(const RowCode *code, const Fused *fused, uint32_t value) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < code->operand_count; k++) count += fused->operands[k].value == value;
    return count;
}

// The result becomes the columns that the value was of its whole, when this step is the last to read any of it.
static void take_columns(Value *values, const Value *value, uint32_t number, Value *result) {
    Value *whole = &values[value->base - 1];
    if (whole->base || whole->stays || whole->last != number || whole->width == value->width) return;
    result->base = value->base;
    result->base_row = value->base_row;
    result->base_column = value->base_column;
    whole->last = MAX(whole->last, result->last);
}

static void take_over_at(const Plan *plan, Value *values, uint32_t number) {
    const Step *step = &plan->steps[number];
    const RowCode *code = &plan->codes[step->fused->code];
    if (code->result_count != 1 || code->results[0].mapped || !goes_once(code)) return;
    Value *result = &values[step->fused->results[0].value];
    for (uint32_t k = 0; k < code->operand_count && !result->instead; k++) {
        const RowOperand *operand = &code->operands[k];
        bool plain = !operand->flag && !operand->number && !operand->mapped && !operand->fixed && operand->columns == COLUMNS_SAME;
        if (!plain || readers_of(code, step->fused, step->fused->operands[k].value) > 1) continue;
        const Value *value = &values[step->fused->operands[k].value];
        bool same = value->dtype == result->dtype && value->rows == result->rows && value->width == result->width;
        if (!same || value->place != IN_ARENA || result->base || result->stays) continue;
        if (value->base)
            take_columns(values, value, number, result);
        else if (!value->stays && value->last == number)
            result->instead = step->fused->operands[k].value + 1;
        if (result->base) return;
    }
}

void take_over(const Plan *plan, Value *values) {
    for (uint32_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].fused) take_over_at(plan, values, i);
}
