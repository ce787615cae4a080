// lower.h: from Graph to Plan: steps in order, which row reads which, where everything lies.
#pragma once

#include "compiler/graph.h"

typedef LIST(Step) Steps;

// A plan in the making.
typedef struct {
    Tables *tables;
    Arena *arena;
    LIST(Value) values;
    Steps steps;
    LIST(Output) outputs;
    LIST(RowCode) codes;
} Lowered;

// fuse.c: gathers steps into row kernels, and metrics of logits with the product that they read.
void fuse_steps(Lowered *lowered);
uint32_t lowered_code(Lowered *lowered, const RowCode *code); // its number; equal codes are one; NO_CODE for none

// Every value that a step reads or writes, its result first; NO_VALUE never comes.
typedef void ValueVisit(void *self, uint32_t value, bool written);
void step_values(const Plan *plan, const Step *step, ValueVisit *visit, void *self);

// Everything of the plan lives in the arena. False when the plan is too large to index.
// fuse: for a device that runs row kernels.
bool lower(const Graph *graph, bool fuse, Arena *arena, Plan *out, Error *err);

// memory.c: gives every value of the arena an offset, so that values that are needed at the same time do not
// overlap; sets plan->arena_bytes.
void memory_plan(Value *values, size_t count, size_t steps, uint64_t *arena_bytes, Arena *scratch);

// NULL, or what is wrong with which step.
const char *plan_verify(const Plan *plan, Arena *arena);
void plan_print(const Plan *plan, const Sources *sources, Text *out);
void kernels_print(const Plan *plan, Text *out); // each row kernel, and how often the plan runs it
