// device.h: the device cuda, as its parts see it.
#pragma once

#include "runtime/cuda/attention.h"
#include "runtime/cuda/fit_steps.h"
#include "runtime/cuda/graphs.h"
#include "runtime/cuda/logits.h"
#include "runtime/cuda/reads.h"
#include "runtime/cuda/upload.h"
#include "runtime/device.h"

// What a step needs beside its values.
typedef struct {
    uint32_t kernel;      // of a row kernel, or of what gathers a product's rows
    RowPointer *pointers; // of the operands, then of the results
    uint32_t pointer_count;
    GpuLogits *logits;
    GpuGemm *gemms; // of a product: one, or one a weight
    uint32_t gemm_count;
    bool gathers, rounds; // a product whose rows are copied first; whose results are float32 and copied then
    uint32_t rounder;     // kernel
    CudaAttention attention;
    AttentionPlan *attends;
    uint64_t tables; // of attention, among the constants
    uint64_t kept;   // of logits: where, of DeviceCuda.kept
} BoundStep;

typedef struct {
    Gpu gpu;
    Arena *arena; // of one plan
    const Plan *plan;
    const Tensor *const *tensors;
    Upload *upload;
    Constants *constants;
    KernelSet *kernels;
    Gemms *gemms;
    Graphs *graphs;
    Reads *reads;
    U32List unchecked;                 // steps of logits that may have found what is not finite
    DevicePtr memory, tiles, kept;     // the plan's values; of logits; what is kept of these
    DevicePtr gathered, rounded;   // rows of a product, in another type or order; its results before they are rounded
    uint64_t *table;                   // by value: where a table of the plan lies among the constants
    DType *table_type;                 // and what it holds there
    void **host;                       // plan_host_values
    BoundStep *steps;
    uint64_t gathered_bytes;
    bool strict, filled; // memory holds numbers of a run
    LIST(CuEvent) marks;
    Fits *fits; // NULL: all are the processor's
    size_t marked;
} DeviceCuda;

GpuValue cuda_value_at(const DeviceCuda *self, uint32_t value);

// ---- Steps that the processor takes, and what it reads and writes for them (host.c)

// What waits is launched, all that was launched is done, and logits were finite.
bool cuda_settle(DeviceCuda *self, Error *err);
// Rows of a value as ref has them, when all that was launched is done: states that are stored short become float32.
bool cuda_copy_wide(DeviceCuda *self, uint32_t value, uint64_t first, uint64_t rows, void *out, Error *err);
bool host_run(Device *device, const Step *step, Error *err);
