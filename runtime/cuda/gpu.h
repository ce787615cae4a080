// gpu.h: what the parts of the CUDA device share: one GPU, its stream, and memory that is filled once.
#pragma once

#include "runtime/cuda/compile.h"
#include "runtime/cuda/load.h"

typedef struct {
    CuContext context;
    CuStream stream;
    CuEvent before, after; // of what is timed
    CuDevice device;
    char name[128], arch[16]; // "sm_90a"
    uint32_t multiprocessors;
    bool overlaps;     // a kernel may begin while the one before it ends (kernels/prelude.cuh)
    const char *cache; // folder, or NULL
    Arena *arena;      // as long as the device
    LtHandle blas;
    DevicePtr workspace;
} Gpu;

enum { GPU_WORKSPACE_BYTES = 64 << 20 };

// The first GPU that the driver shows. path: as for cuda_load. cache: where kernels and
// algorithms are kept, or NULL.
bool gpu_open(Gpu *gpu, Arena *arena, const char *path, const char *cache, Error *err);
void gpu_close(Gpu *gpu);
bool gpu_take(uint64_t bytes, const char *what, DevicePtr *out, Error *err); // 256-byte aligned; 0 bytes: 0
void gpu_give(DevicePtr at);
bool gpu_wait(const Gpu *gpu, Error *err); // until the stream is done
// From the host's memory, which may change afterwards; in the stream, so that what is launched next finds it there.
bool gpu_put(const Gpu *gpu, DevicePtr to, const void *from, uint64_t bytes, Error *err);
// To the host's memory, of what was launched before; when it returns, it is there.
bool gpu_get(const Gpu *gpu, void *to, DevicePtr from, uint64_t bytes, Error *err);

// Random numbers, as bf16 between -2 and 2, for what is only timed: zeros are multiplied faster than numbers are.
bool gpu_fill(const Gpu *gpu, DevicePtr at, uint64_t bytes, Error *err);

// ---- Kernels
typedef struct {
    CuFunction function;
    uint32_t grid[3], block[3]; // blocks, threads of one
    uint32_t shared_bytes;      // dynamic ones
} GpuLaunch;

// In the stream. argument: the kernel's only parameter. what: for messages, such as "run a row kernel".
bool gpu_launch(const Gpu *gpu, const GpuLaunch *launch, void *argument, const char *what, Error *err);

// ---- Constants: host tables that kernels read, in one piece of the GPU's memory. Equal ones lie there once.
typedef struct Constants Constants;
Constants *constants_open(Arena *arena);
uint64_t constants_add(Constants *constants, const void *data, uint64_t bytes);     // where it will lie; NULL: at 0
uint64_t constants_add_own(Constants *constants, const void *data, uint64_t bytes); // shared with none: it may change
bool constants_load(Constants *constants, const Gpu *gpu, Error *err);
DevicePtr constants_at(const Constants *constants, uint64_t offset); // after loading
void constants_close(Constants *constants);                          // NULL is allowed
