// lower.h: from Graph to Plan: steps in order, which row reads which, where everything lies.
#pragma once

#include "compiler/graph.h"

// Everything of the plan lives in the arena. False when the plan is too large to index.
bool lower(const Graph *graph, Arena *arena, Plan *out, Error *err);

// memory.c: gives every value of the arena an offset, so that values that are needed at the same time do not
// overlap; sets plan->arena_bytes.
void memory_plan(Value *values, size_t count, size_t steps, uint64_t *arena_bytes, Arena *scratch);

// NULL, or what is wrong with which step.
const char *plan_verify(const Plan *plan, Arena *arena);
void plan_print(const Plan *plan, const Sources *sources, Text *out);
