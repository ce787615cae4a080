// execute.h: runs a plan on a device and fills in the results.
#pragma once

#include <signal.h>

#include "runtime/device.h"
#include "runtime/results.h"

// How a run tells its caller what it does. All may be NULL.
typedef struct {
    void *self;
    void (*progress)(void *self, const char *phase, double done, double total); // total 0: not known
    void (*warn)(void *self, Span span, const char *text);
} Listener;

typedef struct {
    const Plan *plan;
    const DeviceApi *api;
    DeviceOptions options;
    const Listener *listener;
    const volatile sig_atomic_t *stop; // becomes nonzero when the user wants to stop; NULL: never
} Execution;

// A model's weights, for the manifest.
typedef struct {
    Weights **weights; // [plan->file_count], open until execute_close
    size_t count;
} OpenFiles;

// Opens the files of the plan and checks every tensor that it needs: there, of the shape the model needs, of a type
// that can be read. The weights live in the arena.
bool execute_open(const Plan *plan, Arena *arena, OpenFiles *files, Error *err);
void execute_close(OpenFiles *files);

// The tensors of the plan's values that lie in files, by value.
const Tensor *const *execute_bind(const Plan *plan, const OpenFiles *files, Arena *arena);

// After a run failed with ERR_NOT_FINITE: runs the plan, which must be one without row kernels, until a value is not
// finite, and adds the site and the line of the spec where that is to err.
void execute_origin(const Execution *execution, const OpenFiles *files, Arena *arena, Error *err);

// What the device makes of the plan's kernels, as text.
bool execute_print(const Execution *execution, const OpenFiles *files, Arena *arena, Text *out, Error *err);

// A plan on a device, ready to run: kernels compiled, memory taken. `execution` and the arena live as long. NULL on error.
typedef struct Executor Executor;
Executor *executor_open(const Execution *execution, const OpenFiles *files, Arena *arena, Error *err);
void executor_close(Executor *executor); // NULL is fine

// Runs all steps, or those that vary with the values of sweeps, of a plan that was lowered to be resident and ran once.
// Results (NULL: nobody wants them) are filled in as they come. When the user stops it: false with ERR_INTERRUPTED, and
// what is done stays. Errors carry the span of the step.
bool executor_run(Executor *executor, bool varying, Results *results, Error *err);

// From then on each step's seconds are added to seconds [plan->step_count].
void executor_clock(Executor *executor, double *seconds);

// The plan's matrix products and nothing else; seconds [plan->step_count] become what each step's took. Of devices that
// offer it (DeviceApi.bare_products).
bool executor_bare(Executor *executor, double *seconds, Error *err);

// Bytes a second that a plain copy within the device's memory makes, read and written; 0: the device does not say.
bool executor_copy_rate(Executor *executor, double *rate, Error *err);

double executor_step_bytes(const Executor *executor, const Step *step); // runtime/traffic.h

// Other values for a sweep of numbers; `values` has as many as the sweep.
void plan_set_axis(const Plan *plan, uint32_t axis, const double *values);
