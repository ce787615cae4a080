// gpu.c: opening the GPU, and its memory.
#include <stdio.h>

#include "runtime/cuda/gpu.h"

enum { ALIGN = 256 };

static int attribute(const Gpu *gpu, int which) {
    int value = 0;
    cuda.DeviceGetAttribute(&value, which, gpu->device);
    return value;
}

// Architectures from 9.0 on have instructions that no other version has: "a" allows them.
static bool describe(Gpu *gpu, Error *err) {
    int major = attribute(gpu, GPU_ATTR_CAPABILITY_MAJOR), minor = attribute(gpu, GPU_ATTR_CAPABILITY_MINOR);
    cuda.DeviceGetName(gpu->name, sizeof gpu->name, gpu->device);
    if (major < 8)
        FAIL(err, ERR_SYSTEM, "%s has compute capability %d.%d; mdx needs 8.0 or newer; try --device=cpu", gpu->name,
             major, minor);
    snprintf(gpu->arch, sizeof gpu->arch, "sm_%d%d%s", major, minor, major == 9 ? "a" : "");
    gpu->overlaps = major >= 9;
    gpu->multiprocessors = (uint32_t)attribute(gpu, GPU_ATTR_MULTIPROCESSORS);
    return true;
}

static bool open_parts(Gpu *gpu, const char *path, Error *err) {
    int count = 0;
    TRY(cuda_load(path, err) && nvrtc_load(path, err) && blaslt_load(path, err));
    TRY(cuda_ok(cuda.DeviceGetCount(&count), "count the GPUs", err));
    if (!count) FAIL(err, ERR_SYSTEM, "the driver shows no GPU; try --device=cpu");
    TRY(cuda_ok(cuda.DeviceGet(&gpu->device, 0), "open the GPU", err) && describe(gpu, err));
    TRY(cuda_ok(cuda.DevicePrimaryCtxRetain(&gpu->context, gpu->device), "open the GPU", err));
    TRY(cuda_ok(cuda.CtxSetCurrent(gpu->context), "open the GPU", err));
    TRY(cuda_ok(cuda.StreamCreate(&gpu->stream, STREAM_NON_BLOCKING), "open the GPU", err));
    TRY(cuda_ok(cuda.EventCreate(&gpu->before, 0), "open the GPU", err) &&
        cuda_ok(cuda.EventCreate(&gpu->after, 0), "open the GPU", err));
    TRY(gpu_take(GPU_WORKSPACE_BYTES, "the products' sums", &gpu->workspace, err));
    return blaslt_ok(blaslt.Create(&gpu->blas), "open cuBLASLt", err);
}

bool gpu_open(Gpu *gpu, Arena *arena, const char *path, const char *cache, Error *err) {
    *gpu = (Gpu){.arena = arena, .cache = cache};
    if (open_parts(gpu, path, err)) return true;
    gpu_close(gpu);
    return false;
}

void gpu_close(Gpu *gpu) {
    if (!gpu->context) return;
    if (gpu->blas) blaslt.Destroy(gpu->blas);
    gpu_give(gpu->workspace);
    if (gpu->before) cuda.EventDestroy(gpu->before);
    if (gpu->after) cuda.EventDestroy(gpu->after);
    if (gpu->stream) cuda.StreamDestroy(gpu->stream);
    cuda.DevicePrimaryCtxRelease(gpu->device);
    *gpu = (Gpu){0};
}

bool gpu_take(uint64_t bytes, const char *what, DevicePtr *out, Error *err) {
    *out = 0;
    if (!bytes) return true;
    int result = cuda.MemAlloc(out, (size_t)bytes);
    if (!result) return true;
    *out = 0;
    size_t free_bytes = 0, all = 0;
    if (result != GPU_OUT_OF_MEMORY || cuda.MemGetInfo(&free_bytes, &all)) return cuda_ok(result, what, err);
    FAIL(err, ERR_SYSTEM,
         "%s need %.2f GB of the GPU's memory, and %.2f GB of its %.2f GB are free; try --memory=SIZE or fewer prompts "
         "(limit:)",
         what, (double)bytes / 1e9, (double)free_bytes / 1e9, (double)all / 1e9);
}

void gpu_give(DevicePtr at) {
    if (at) cuda.MemFree(at);
}

bool gpu_wait(const Gpu *gpu, Error *err) {
    return cuda_ok(cuda.StreamSynchronize(gpu->stream), "run on the GPU", err);
}

// Not MemcpyHtoD: that may return before small pieces have arrived, and the stream waits for no other.
bool gpu_put(const Gpu *gpu, DevicePtr to, const void *from, uint64_t bytes, Error *err) {
    return cuda_ok(cuda.MemcpyHtoDAsync(to, from, (size_t)bytes, gpu->stream), "copy to the GPU", err);
}

bool gpu_get(const Gpu *gpu, void *to, DevicePtr from, uint64_t bytes, Error *err) {
    return cuda_ok(cuda.MemcpyDtoHAsync(to, from, (size_t)bytes, gpu->stream), "read results", err) && gpu_wait(gpu, err);
}

bool gpu_fill(const Gpu *gpu, DevicePtr at, uint64_t bytes, Error *err) {
    enum { PIECE = 4 << 20 };
    Arena *scratch = arena_open();
    uint16_t *piece = arena_many(scratch, uint16_t, PIECE);
    uint32_t state = 1;
    for (size_t i = 0; i < PIECE; i++) {
        state = state * 1664525 + 1013904223;
        piece[i] = (uint16_t)((state >> 16 & 0x80ff) | 0x3e00 | (state >> 8 & 0x100));
    }
    bool ok = true;
    for (uint64_t from = 0; from < bytes && ok; from += PIECE * sizeof *piece)
        ok = gpu_put(gpu, at + from, piece, MIN(bytes - from, PIECE * sizeof *piece), err);
    arena_close(scratch);
    return ok;
}

// ---- Kernels

bool gpu_launch(const Gpu *gpu, const GpuLaunch *launch, void *argument, const char *what, Error *err) {
    enum { PLAIN_SHARED = 48 << 10 };
    CuLaunchAttribute overlap = {.id = LAUNCH_OVERLAP, .overlap = 1};
    CuLaunch how = {.grid = {launch->grid[0], launch->grid[1], launch->grid[2]},
                    .block = {launch->block[0], launch->block[1], launch->block[2]},
                    .shared_bytes = launch->shared_bytes,
                    .stream = gpu->stream,
                    .attributes = &overlap,
                    .attribute_count = gpu->overlaps};
    void *arguments[] = {argument};
    if (launch->shared_bytes > PLAIN_SHARED)
        TRY(cuda_ok(cuda.FuncSetAttribute(launch->function, FUNC_MOST_DYNAMIC_SHARED, (int)launch->shared_bytes), what,
                    err));
    return cuda_ok(cuda.LaunchKernelEx(&how, launch->function, arguments, NULL), what, err);
}

// ---- Constants

typedef struct {
    const void *data;
    uint64_t bytes, offset;
} Piece;

struct Constants {
    Arena *arena;
    StrMap seen; // content to number of a piece
    LIST(Piece) pieces;
    uint64_t bytes;
    DevicePtr at;
};

Constants *constants_open(Arena *arena) {
    Constants *constants = arena_new(arena, Constants);
    constants->arena = arena;
    constants->seen = strmap_open(arena, 64);
    return constants;
}

uint64_t constants_add_own(Constants *constants, const void *data, uint64_t bytes) {
    Piece piece = {data, bytes, constants->bytes};
    list_push(constants->arena, &constants->pieces, piece);
    constants->bytes += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return piece.offset;
}

uint64_t constants_add(Constants *constants, const void *data, uint64_t bytes) {
    if (!data || !bytes) return 0;
    Str content = {data, (size_t)bytes};
    uint32_t known = (uint32_t)constants->pieces.len;
    if (strmap_get(&constants->seen, content, &known)) return constants->pieces.at[known].offset;
    strmap_put(&constants->seen, content, known);
    return constants_add_own(constants, data, bytes);
}

bool constants_load(Constants *constants, const Gpu *gpu, Error *err) {
    TRY(gpu_take(constants->bytes, "tables of the plan", &constants->at, err));
    for (size_t i = 0; i < constants->pieces.len; i++) {
        const Piece *piece = &constants->pieces.at[i];
        TRY(gpu_put(gpu, constants->at + piece->offset, piece->data, piece->bytes, err));
    }
    return true;
}

DevicePtr constants_at(const Constants *constants, uint64_t offset) {
    return constants->at + offset;
}

void constants_close(Constants *constants) {
    if (constants) gpu_give(constants->at);
}
