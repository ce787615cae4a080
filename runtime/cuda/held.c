// held.c: as what the GPU holds the weights of a plan, and in which order.
#include "runtime/cuda/held.h"

DType plan_states_type(const Plan *plan) {
    for (size_t i = 0; i < plan->value_count; i++)
        if (plan->values[i].place == IN_ARENA && dtype_is_short(plan->values[i].dtype)) return plan->values[i].dtype;
    return DTYPE_f32;
}

// Matrices that states are multiplied with become of their type.
const DType *plan_weight_types(const Plan *plan, Arena *arena) {
    DType states = plan_states_type(plan), *as = arena_many(arena, DType, plan->value_count + 1);
    for (size_t i = 0; i < plan->value_count; i++) as[i] = DTYPE_COUNT;
    for (size_t i = 0; i < plan->step_count; i++) {
        const Step *step = &plan->steps[i];
        for (uint32_t k = 0; step_is_product(step) && k < step_weight_count(step); k++)
            as[step_weight(step, k)] = step->op == OP_linear ? states : DTYPE_f32;
        for (uint32_t k = 0; step->logits && k < step->logits->source_count; k++)
            if (step->logits->sources[k].weight != NO_VALUE) as[step->logits->sources[k].weight] = states;
    }
    return as;
}

// Weights of one product lie one below another: each behind the one before it, but those that another product placed.
const uint32_t *plan_weights_above(const Plan *plan, Arena *arena) {
    uint32_t *above = arena_many(arena, uint32_t, plan->value_count + 1);
    Arena *scratch = arena_open();
    bool *placed = arena_many(scratch, bool, plan->value_count + 1), *last = arena_many(scratch, bool, plan->value_count + 1);
    for (size_t i = 0; i < plan->step_count; i++) {
        const Step *step = &plan->steps[i];
        for (uint32_t k = 0; k < step->weight_count; k++) {
            uint32_t weight = step->weights[k], before = k ? step->weights[k - 1] : 0;
            if (!placed[weight] && k && last[before]) above[weight] = before + 1, last[before] = false;
            if (!placed[weight]) placed[weight] = last[weight] = true;
        }
    }
    arena_close(scratch);
    return above;
}
