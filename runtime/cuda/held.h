// held.h: as what the GPU holds the weights of a plan, in which order, and which values stay on the host.
#pragma once

#include "mdx/plan.h"

DType plan_states_type(const Plan *plan);                       // of the states: f32, or the short type of all
const DType *plan_weight_types(const Plan *plan, Arena *arena); // by value; DTYPE_COUNT: as it is stored
// By value, weight + 1 behind whose end it should begin, or 0.
const uint32_t *plan_weights_above(const Plan *plan, Arena *arena);

// By value: where the processor keeps what it alone computes and reads, when that is little; else NULL. on_gpu: whether a
// step is the GPU's.
void **plan_host_values(const Plan *plan, bool (*on_gpu)(const Step *), Arena *arena);
