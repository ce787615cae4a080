// narrow.c: which values are stored in the short type that the products of a device take.
//
// States of a run are: what tensor cores multiply must be short, and what lies in memory between two products costs
// half. Each such value is rounded where it is made, in memory or not (fuse.c): whether a hook keeps it changes nothing.
// Maps, what is fitted, numbers of a row, and logits stay as they are.
#include "compiler/fuse.h"

// Logits, and what they are made of row by row: what a metric reads.
static void mark_logits(const Lowered *lowered, bool *wide) {
    for (size_t i = lowered->steps.len; i-- > 0;) {
        const Step *step = &lowered->steps.at[i];
        uint32_t width = lowered->values.at[step->in[0]].width;
        bool metric = metric_has_codes(step->op), passes = wide[step->out] && op_info[step->op].rows != ROWS_MATRIX && step->op != OP_linear;
        for (uint32_t k = 0; k < op_info[step->op].inputs && (metric || passes); k++)
            if (lowered->values.at[step->in[k]].width == width) wide[step->in[k]] = true;
    }
}

// Coordinates that a map is fitted on, products of states and a basis: no product reads them, and a fit is as good as they
// are. Those of micro-batches are joined first.
static void mark_coordinates(const Lowered *lowered, bool *wide, Arena *scratch) {
    bool *fitted = arena_many(scratch, bool, lowered->values.len + 1), *product = arena_many(scratch, bool, lowered->values.len + 1);
    for (size_t i = 0; i < lowered->steps.len; i++) {
        const Step *step = &lowered->steps.at[i];
        product[step->out] = step->op == OP_product || (step->op == OP_join && product[step->in[1]]);
    }
    for (size_t i = lowered->steps.len; i-- > 0;) {
        const Step *step = &lowered->steps.at[i];
        bool passes = step->op == OP_join && fitted[step->out];
        wide[step->out] |= fitted[step->out] && product[step->out];
        for (uint32_t k = 0; k < op_info[step->op].inputs && (passes || op_info[step->op].rows == ROWS_MATRIX); k++) fitted[step->in[k]] = true;
    }
}

void narrow_states(Lowered *lowered, DType states) {
    if (states == DTYPE_f32) return;
    Arena *scratch = arena_open();
    bool *wide = arena_many(scratch, bool, lowered->values.len + 1);
    mark_logits(lowered, wide);
    mark_coordinates(lowered, wide, scratch);
    for (size_t i = 0; i < lowered->steps.len; i++) {
        const Step *step = &lowered->steps.at[i];
        Value *value = &lowered->values.at[step->out];
        if (value->dtype != DTYPE_f32 || value->width == 1 || wide[step->out] || op_info[step->op].rows == ROWS_MATRIX) continue;
        value->dtype = states;
        value->bytes = value->rows * value->width * dtype_info[states].bytes;
    }
    arena_close(scratch);
}
