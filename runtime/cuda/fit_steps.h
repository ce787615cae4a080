// fit_steps.h: the fits of a plan that stay on the GPU: what they need is asked for when the plan is prepared.
#pragma once

#include "runtime/cuda/fits.h"
#include "runtime/cuda/logits.h"

typedef struct {
    const Gpu *gpu;
    const Plan *plan;
    KernelSet *kernels;
    Constants *constants;
    GpuResolve *resolve; // of values, with
    void *resolver;
    void *const *host; // by value: where it lies in the host's memory, or NULL (plan_host_values)
} FitWorld;

typedef struct Fits Fits;
typedef struct FitStep FitStep;

// Before the plan's kernels and constants are there, which are asked for. In the arena; NULL: no fit of the plan is large,
// or there is no cuSOLVER (path: as for cuda_load). Then, and where fits_step is NULL, fits are the processor's.
Fits *fits_open(const FitWorld *world, const char *path, Arena *arena);
const FitStep *fits_step(const Fits *fits, const Step *step);
// The map to the value, or to `host` when that is not NULL; when it returns, it is there. False: the processor does it.
bool fits_run(Fits *fits, const FitStep *fit, float *host, FitReport *report);
void fits_close(Fits *fits); // NULL is allowed
// What the fits of the plan take of the GPU's memory at most, about.
uint64_t fits_bytes(const Plan *plan);
