// logits.h: metrics of logits, tile by tile of the vocabulary (mdx/plan.h), on the GPU.
#pragma once

#include "mdx/plan.h"
#include "runtime/cuda/gemm.h"
#include "runtime/cuda/kernel_set.h"

// Where a value of the plan lies, and as what.
typedef struct {
    DevicePtr at;
    DType dtype;
    uint64_t rows;
    uint32_t width, stride; // numbers of a row; from one row to the next
} GpuValue;
typedef GpuValue GpuResolve(void *self, uint32_t value);

typedef struct {
    const Gpu *gpu;
    Gemms *gemms;
    KernelSet *kernels;
    Constants *constants;
    const RowCode *codes; // of the plan
    GpuResolve *resolve;
    void *self;
    bool strict; // bits do not depend on the number of rows
} LogitsWorld;

typedef struct GpuLogits GpuLogits;

uint64_t gpu_logits_most_bytes(const Plan *plan, const Step *step); // of its buffers, at most, before all else

// Asks for the kernels and tables that the step needs. Its buffers are the tiles' (see bytes), which steps share.
GpuLogits *gpu_logits_plan(const LogitsWorld *world, const Step *step, Arena *arena);
uint64_t gpu_logits_bytes(const GpuLogits *logits);
uint64_t gpu_logits_kept(const GpuLogits *logits); // bytes of its own: what tells whether all was finite
// After kernels and tables are there.
void gpu_logits_bind(GpuLogits *logits, DevicePtr buffer, DevicePtr kept);
void gpu_logits_prepare(const GpuLogits *logits); // adds its products to the plan's
bool gpu_logits_products(const GpuLogits *logits, Error *err); // alone, after a run
bool gpu_logits_run(const GpuLogits *logits, Error *err);      // launches
bool gpu_logits_check(const GpuLogits *logits, Error *err); // when what was launched is done: were all logits finite?
