// memory.h: what a plan takes of the GPU's memory, before there is anything on it.
#pragma once

#include "mdx/plan.h"

// Of the first GPU; 0 when there is none that can be used. path: as for cuda_load.
uint64_t cuda_free_memory(const char *path);
// All but the plan's arena, at most about so many: weights, tables, tiles of logits, rows of products.
uint64_t cuda_plan_bytes(const Plan *plan);
