// held.h: as what the GPU holds the weights of a plan, and in which order.
#pragma once

#include "mdx/plan.h"

DType plan_states_type(const Plan *plan);                       // of the states: f32, or the short type of all
const DType *plan_weight_types(const Plan *plan, Arena *arena); // by value; DTYPE_COUNT: as it is stored
// By value, weight + 1 behind whose end it should begin, or 0.
const uint32_t *plan_weights_above(const Plan *plan, Arena *arena);
