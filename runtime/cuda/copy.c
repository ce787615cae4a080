// copy.c: copies more than the second cache holds, within the GPU's memory.
#include "runtime/cuda/copy.h"

enum { COPY_BYTES = 256 << 20, TIMES = 5 };

// The first time warms up.
static bool time_copies(const Gpu *gpu, DevicePtr memory, double *rate, Error *err) {
    for (int i = 0; i < TIMES; i++) {
        float milliseconds = 0;
        TRY(cuda_ok(cuda.EventRecord(gpu->before, gpu->stream), "time a copy", err));
        TRY(cuda_ok(cuda.MemcpyDtoDAsync(memory + COPY_BYTES, memory, COPY_BYTES, gpu->stream), "time a copy", err));
        TRY(cuda_ok(cuda.EventRecord(gpu->after, gpu->stream), "time a copy", err) && gpu_wait(gpu, err));
        TRY(cuda_ok(cuda.EventElapsedTime(&milliseconds, gpu->before, gpu->after), "time a copy", err));
        if (i && milliseconds > 0) *rate = MAX(*rate, 2e3 * COPY_BYTES / (double)milliseconds);
    }
    return true;
}

bool gpu_copy_rate(const Gpu *gpu, double *rate, Error *err) {
    DevicePtr memory;
    *rate = 0;
    TRY(gpu_take(2 * (uint64_t)COPY_BYTES, "a copy to be timed", &memory, err));
    bool ok = time_copies(gpu, memory, rate, err);
    gpu_give(memory);
    return ok;
}
