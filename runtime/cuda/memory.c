// memory.c: what a plan takes of the GPU's memory, before there is anything on it.
#include "runtime/cuda/memory.h"
#include "runtime/cuda/fit_steps.h"
#include "runtime/cuda/held.h"
#include "runtime/cuda/logits.h"

enum { SLACK = 192 << 20, MOST_MAPS = 4 }; // the workspace of products, results on their way, kernels; maps of a step

uint64_t cuda_free_memory(const char *path) {
    static bool open; // the context stays: opening the device takes it again
    Error ignored;
    CuDevice device;
    CuContext context;
    size_t free_bytes = 0, bytes = 0;
    int count = 0;
    if (!cuda_load(path, &ignored) || cuda.DeviceGetCount(&count) || !count || cuda.DeviceGet(&device, 0)) return 0;
    if (!open && cuda.DevicePrimaryCtxRetain(&context, device)) return 0;
    if (!open && cuda.CtxSetCurrent(context)) return 0;
    open = true;
    return cuda.MemGetInfo(&free_bytes, &bytes) ? 0 : free_bytes;
}

// Rows that a product gathers or rounds first, at most.
static uint64_t product_bytes(const Plan *plan, const Step *step) {
    if (!step_is_product(step)) return 0;
    return step->rows * ((uint64_t)plan->values[step->in[0]].width + plan->values[step->out].width) * sizeof(float);
}

uint64_t cuda_plan_bytes(const Plan *plan) {
    uint64_t weights = 0, tables = 0, products = 0, tiles = 0, size = dtype_info[plan_states_type(plan)].bytes;
    for (size_t i = 0; i < plan->value_count; i++) {
        const Value *value = &plan->values[i];
        if (value->place == IN_FILE) weights += value->rows * value->width * size;
        if (value->place == IN_PLAN) tables += value->rows * value->width * dtype_info[value->dtype].bytes;
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        const Step *step = &plan->steps[i];
        tables += step->rows * sizeof(uint32_t) * MOST_MAPS;
        products = MAX(products, product_bytes(plan, step));
        if (step->logits) tiles = MAX(tiles, gpu_logits_most_bytes(plan, step));
    }
    return weights + tables + products + tiles + fits_bytes(plan) + SLACK;
}
