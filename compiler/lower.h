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

// narrow.c: sets what states are stored as.
void narrow_states(Lowered *lowered, DType states);

// fuse.c: gathers steps into row kernels, and metrics of logits with the product that they read.
void fuse_steps(Lowered *lowered);
uint32_t lowered_code(Lowered *lowered, const RowCode *code); // its number; equal codes are one; NO_CODE for none

// The values that a step that is no kernel reads, in out [STEP_MOST_INPUTS]; how many.
enum { STEP_MOST_INPUTS = OP_MOST_INPUTS + 2 };
uint32_t step_inputs(const Step *step, uint32_t *out);

// merge.c: makes steps that do the same with the same weights one step.
void merge_groups(Lowered *lowered);

// beside.c: makes products of the same rows with several weights one product.
void beside_products(Lowered *lowered);

typedef struct {
    bool fuse;           // for a device that runs row kernels
    bool merge;
    bool beside;         // for a device that takes several weights in one product
    bool resident;       // what does not vary with a sweep's values stays in memory for a rerun with others
    DType states;        // what states between products are stored as: f32, or what the device multiplies
    double window;       // operations that a device does at one go: what comes out is read after them; 0: at once
    uint64_t merge_rows; // so many rows of products are enough for one step: more gain nothing
} LowerOptions;

// Everything of the plan lives in the arena. False when the plan is too large to index.
bool lower(const Graph *graph, const LowerOptions *options, Arena *arena, Plan *out, Error *err);

// plan_values.c: where a value lies in the one that lies by itself.
typedef struct {
    uint32_t whole, column, columns;
    uint64_t row, rows;
} Area;
Area value_area(const Value *values, uint32_t number);
uint64_t area_shared(const Area *a, const Area *b); // numbers that lie in both

// lifetimes.c: when each value is written first and read last; when each output is complete, and sorts them by that.
// resident: values that steps that vary read of steps that do not vary keep their memory for themselves.
// window: as in LowerOptions.
void lifetimes_find(const Plan *plan, bool resident, double window, Value *values, Output *outputs);
// Results that can lie where an operand lay that their kernel is the last to read.
void take_over(const Plan *plan, Value *values);

// memory.c: gives every value of the arena an offset, so that values that are needed at the same time do not
// overlap; sets plan->arena_bytes.
void memory_plan(Value *values, size_t count, size_t steps, uint64_t *arena_bytes, Arena *scratch);

// NULL, or what is wrong with which step.
const char *plan_verify(const Plan *plan, Arena *arena);
void plan_print(const Plan *plan, const Sources *sources, Text *out);
void kernels_print(const Plan *plan, Text *out); // each row kernel, and how often the plan runs it
