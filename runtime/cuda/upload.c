// upload.c: weights from mapped files through pinned memory to the GPU.
//
// Two pinned buffers take turns: while one is copied to the GPU, threads fill the other from the mapped files. They are no
// larger than all weights: pinning memory takes longer than copying a small model.
#include <pthread.h>

#include "runtime/cuda/upload.h"

#define STAGE_BYTES ((size_t)32 << 20)

enum { ALIGN = 256, LEAST_ALIGN = 16, THREADS = 8 };

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

typedef struct {
    Upload *upload;
    const Tensor *const *tensors;
    StrMap names;   // to tensor + 1
    uint32_t *next; // by tensor: tensor + 1 of the same name before it
    U32List *order;
    Arena *scratch;
} Layout;

static uint64_t round_up(uint64_t bytes, uint64_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

// Tensors of other models with the same name are the only ones compared.
static uint32_t held_already(Layout *l, uint32_t i) {
    uint32_t before = 0;
    strmap_get(&l->names, l->tensors[i]->name, &before);
    l->next[i] = before;
    for (uint32_t k = before; k; k = l->next[k - 1])
        if (l->upload->dtype[i] == l->upload->dtype[k - 1] && same(l->tensors[i], l->tensors[k - 1])) return k;
    return 0;
}

static void place(Layout *l, uint32_t i, bool follows) {
    Upload *upload = l->upload;
    uint32_t held = held_already(l, i);
    if (held) {
        upload->offset[i] = upload->offset[held - 1];
        return;
    }
    strmap_put(&l->names, l->tensors[i]->name, i + 1);
    upload->offset[i] = round_up(upload->bytes, follows ? LEAST_ALIGN : ALIGN);
    upload->bytes = upload->offset[i] + element_count(l->tensors[i]) * dtype_info[upload->dtype[i]].bytes;
    list_push(l->scratch, l->order, i);
}

// order: the tensors that must be copied, by where they lie.
static void lay_out(Upload *upload, const Tensor *const *tensors, size_t count, const DType *as, const uint32_t *above,
                    Arena *scratch, U32List *order) {
    Layout l = {upload, tensors, strmap_open(scratch, count), arena_many(scratch, uint32_t, count + 1), order, scratch};
    uint32_t *below = arena_many(scratch, uint32_t, count + 1); // tensor + 1
    for (uint32_t i = 0; i < count; i++) {
        if (!tensors[i]) continue;
        upload->dtype[i] = dtype_held(tensors[i]->dtype, as[i]);
        if (above[i] && tensors[above[i] - 1]) below[above[i] - 1] = i + 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!tensors[i] || (above[i] && tensors[above[i] - 1])) continue;
        place(&l, i, false);
        for (uint32_t k = below[i]; k; k = below[k - 1]) place(&l, k - 1, true);
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
    uint64_t bytes; // of a buffer
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
        TRY(cuda_ok(cuda.MemHostAlloc(&stage->buffer[i], (size_t)stage->bytes, 0), "take memory for the weights", err));
        TRY(cuda_ok(cuda.EventCreate(&stage->done[i], EVENT_NO_TIMING), "copy the weights to the GPU", err));
    }
    return true;
}

static bool copy_tensor(Stage *stage, const Tensor *tensor, DType as, DevicePtr to, Error *err) {
    uint64_t count = element_count(tensor), bytes = dtype_info[as].bytes, step = stage->bytes / bytes;
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

static bool copy_all(const Upload *upload, const Gpu *gpu, const Tensor *const *tensors, const U32List *order, Error *err) {
    Stage stage = {.gpu = gpu, .bytes = MIN(upload->bytes, (uint64_t)STAGE_BYTES)};
    bool ok = !order->len || stage_open(&stage, err);
    for (size_t k = 0; k < order->len && ok; k++) {
        uint32_t i = order->at[k];
        ok = copy_tensor(&stage, tensors[i], upload->dtype[i], upload->at + upload->offset[i], err);
    }
    ok = ok && gpu_wait(gpu, err);
    stage_close(&stage);
    return ok;
}

Upload *upload_open(const Gpu *gpu, const Tensor *const *tensors, size_t count, const DType *as, const uint32_t *above,
                    Arena *arena, Error *err) {
    Upload *upload = arena_new(arena, Upload);
    *upload = (Upload){.offset = arena_many(arena, uint64_t, count + 1), .dtype = arena_many(arena, DType, count + 1)};
    Arena *scratch = arena_open();
    U32List order = {0};
    if (tensors) lay_out(upload, tensors, count, as, above, scratch, &order);
    bool ok = gpu_take(upload->bytes, "the weights", &upload->at, err) && copy_all(upload, gpu, tensors, &order, err);
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
