// upload.c: weights from mapped files through pinned memory to the GPU.
//
// Two pinned buffers take turns: while one is copied to the GPU, threads fill the other from the mapped files.
#include <pthread.h>

#include "runtime/cuda/upload.h"

#define STAGE_BYTES ((size_t)32 << 20)

enum { ALIGN = 256, THREADS = 8 };

struct Upload {
    DevicePtr at;
    uint64_t bytes;
    uint64_t *offset; // by tensor
    DType *dtype;
};

// ---- Where each lies

static uint64_t element_count(const Tensor *tensor) {
    uint64_t count = 1;
    for (uint32_t i = 0; i < tensor->rank; i++) count *= tensor->shape[i];
    return count;
}

static bool same(const Tensor *a, const Tensor *b) {
    if (a == b || a->data == b->data) return true;
    if (a->dtype != b->dtype || a->bytes != b->bytes || a->rank != b->rank) return false;
    return memcmp(a->shape, b->shape, a->rank * sizeof *a->shape) == 0 &&
           memcmp(a->data, b->data, (size_t)a->bytes) == 0;
}

static bool is_float(DType dtype) {
    return dtype == DTYPE_f32 || dtype == DTYPE_f16 || dtype == DTYPE_bf16;
}

// Tensors of other models with the same name are the only ones compared.
static void lay_out(Upload *upload, const Tensor *const *tensors, size_t count, const DType *as, Arena *scratch) {
    StrMap names = strmap_open(scratch, count);
    uint32_t *next = arena_many(scratch, uint32_t, count + 1); // tensor + 1 of the same name before it
    for (size_t i = 0; i < count; i++) {
        if (!tensors[i]) continue;
        uint32_t before = 0, same_as = 0;
        upload->dtype[i] = as[i] != DTYPE_COUNT && is_float(tensors[i]->dtype) ? as[i] : tensors[i]->dtype;
        strmap_get(&names, tensors[i]->name, &before);
        for (uint32_t k = before; k && !same_as; k = next[k - 1])
            if (upload->dtype[i] == upload->dtype[k - 1] && same(tensors[i], tensors[k - 1])) same_as = k;
        if (same_as) {
            upload->offset[i] = upload->offset[same_as - 1];
            continue;
        }
        next[i] = before;
        strmap_put(&names, tensors[i]->name, (uint32_t)i + 1);
        upload->offset[i] = upload->bytes;
        upload->bytes += (element_count(tensors[i]) * dtype_info[upload->dtype[i]].bytes + ALIGN - 1) / ALIGN * ALIGN;
    }
}

// ---- Copying

typedef struct {
    unsigned char *to;
    const Tensor *tensor;
    DType as;
    uint64_t first, count; // elements
} Share;

static void *fill_share(void *self) {
    const Share *share = self;
    size_t bytes = dtype_info[share->tensor->dtype].bytes;
    const unsigned char *from = (const unsigned char *)share->tensor->data + share->first * bytes;
    if (share->as == share->tensor->dtype) {
        memcpy(share->to, from, share->count * bytes);
        return NULL;
    }
    float *wide = share->as == DTYPE_f32 ? (float *)share->to : NULL;
    enum { PART = 1024 };
    float part[PART];
    for (uint64_t i = 0; i < share->count; i += PART) {
        size_t n = (size_t)MIN(share->count - i, (uint64_t)PART);
        dtype_to_f32(share->tensor->dtype, from + i * bytes, wide ? wide + i : part, n);
        if (!wide) dtype_from_f32(share->as, part, share->to + i * dtype_info[share->as].bytes, n);
    }
    return NULL;
}

// A part of a tensor, by several threads; one that cannot be started is done here.
static void fill(unsigned char *to, const Tensor *tensor, DType as, uint64_t first, uint64_t count) {
    enum { LEAST = 1 << 18 };
    Share shares[THREADS];
    pthread_t threads[THREADS];
    bool started[THREADS] = {0};
    uint64_t parts = MIN(count / LEAST + 1, (uint64_t)THREADS);
    for (uint64_t i = 0; i < parts; i++) {
        uint64_t begin = count * i / parts, end = count * (i + 1) / parts;
        shares[i] = (Share){to + begin * dtype_info[as].bytes, tensor, as, first + begin, end - begin};
        if (i + 1 < parts) started[i] = !pthread_create(&threads[i], NULL, fill_share, &shares[i]);
        if (!started[i]) fill_share(&shares[i]);
    }
    for (uint64_t i = 0; i < parts; i++)
        if (started[i]) pthread_join(threads[i], NULL);
}

typedef struct {
    const Gpu *gpu;
    void *buffer[2];
    CuEvent done[2];
    bool busy[2];
    int turn;
} Stage;

static void stage_close(Stage *stage) {
    for (int i = 0; i < 2; i++) {
        if (stage->done[i]) cuda.EventDestroy(stage->done[i]);
        if (stage->buffer[i]) cuda.MemFreeHost(stage->buffer[i]);
    }
}

static bool stage_open(Stage *stage, Error *err) {
    for (int i = 0; i < 2; i++) {
        TRY(cuda_ok(cuda.MemHostAlloc(&stage->buffer[i], STAGE_BYTES, 0), "take memory for the weights", err));
        TRY(cuda_ok(cuda.EventCreate(&stage->done[i], EVENT_NO_TIMING), "copy the weights to the GPU", err));
    }
    return true;
}

static bool copy_tensor(Stage *stage, const Tensor *tensor, DType as, DevicePtr to, Error *err) {
    uint64_t count = element_count(tensor), bytes = dtype_info[as].bytes, step = STAGE_BYTES / bytes;
    for (uint64_t first = 0; first < count; first += step, stage->turn = !stage->turn) {
        int turn = stage->turn;
        uint64_t n = MIN(step, count - first);
        if (stage->busy[turn])
            TRY(cuda_ok(cuda.EventSynchronize(stage->done[turn]), "copy the weights to the GPU", err));
        fill(stage->buffer[turn], tensor, as, first, n);
        TRY(cuda_ok(
            cuda.MemcpyHtoDAsync(to + first * bytes, stage->buffer[turn], (size_t)(n * bytes), stage->gpu->stream),
            "copy the weights to the GPU", err));
        TRY(cuda_ok(cuda.EventRecord(stage->done[turn], stage->gpu->stream), "copy the weights to the GPU", err));
        stage->busy[turn] = true;
    }
    return true;
}

static bool copy_all(const Upload *upload, const Gpu *gpu, const Tensor *const *tensors, size_t count, Error *err) {
    Stage stage = {.gpu = gpu};
    bool ok = stage_open(&stage, err);
    uint64_t done = 0; // offsets of new tensors only grow
    for (size_t i = 0; i < count && ok; i++) {
        if (!tensors[i] || upload->offset[i] < done) continue;
        ok = copy_tensor(&stage, tensors[i], upload->dtype[i], upload->at + upload->offset[i], err);
        done = upload->offset[i] + 1;
    }
    ok = ok && gpu_wait(gpu, err);
    stage_close(&stage);
    return ok;
}

Upload *upload_open(const Gpu *gpu, const Tensor *const *tensors, size_t count, const DType *as, Arena *arena,
                    Error *err) {
    Upload *upload = arena_new(arena, Upload);
    *upload = (Upload){.offset = arena_many(arena, uint64_t, count + 1), .dtype = arena_many(arena, DType, count + 1)};
    Arena *scratch = arena_open();
    if (!tensors) count = 0;
    lay_out(upload, tensors, count, as, scratch);
    bool ok = gpu_take(upload->bytes, "the weights", &upload->at, err) && copy_all(upload, gpu, tensors, count, err);
    arena_close(scratch);
    if (ok) return upload;
    upload_close(upload);
    return NULL;
}

DevicePtr upload_at(const Upload *upload, size_t i) {
    return upload->at + upload->offset[i];
}

DType upload_dtype(const Upload *upload, size_t i) {
    return upload->dtype[i];
}

void upload_close(Upload *upload) {
    if (upload) gpu_give(upload->at);
}
