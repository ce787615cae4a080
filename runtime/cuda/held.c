// held.c: as what the GPU holds the weights of a plan, in which order, and which values stay on the host.
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

// ---- Values that stay on the host

static void mark_value(void *marks, uint32_t value, bool written) {
    (void)written;
    ((bool *)marks)[value] = true;
}

void **plan_host_values(const Plan *plan, bool (*on_gpu)(const Step *), Arena *arena) {
    enum { MOST_BYTES = 1 << 20 };
    bool *touched = arena_many(arena, bool, plan->value_count + 1); // by the GPU
    void **host = arena_many(arena, void *, plan->value_count + 1);
    for (size_t i = 0; i < plan->step_count; i++)
        if (on_gpu(&plan->steps[i])) step_values(plan, &plan->steps[i], mark_value, touched);
    for (size_t i = 0; i < plan->value_count; i++)
        if (plan->values[i].base) touched[i] = touched[plan->values[i].base - 1] = true;
    for (size_t i = 0; i < plan->step_count; i++) {
        const Step *step = &plan->steps[i];
        const Value *out = &plan->values[step->out];
        if (on_gpu(step) || touched[step->out] || dtype_is_short(out->dtype)) continue;
        uint64_t bytes = out->rows * out->width * dtype_info[out->dtype].bytes;
        if (bytes <= MOST_BYTES) host[step->out] = arena_alloc(arena, (size_t)bytes);
    }
    return host;
}
