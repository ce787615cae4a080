// few.c: the host part of kernels/few_rows.cu.
#include <stdlib.h>

#include "runtime/cuda/few.h"

// As in kernels/few_rows.cu.
enum { THREADS = 256, COLUMNS = 256, DEPTH = 32, PARTS = 5, PITCH = COLUMNS + 4, MOST_ROWS = 64 };
enum { LEAST_PARTS = 8, MOST_SPLIT = 8, BLOCKS = 2, CLUSTERS = 90 }; // of the depth, of a block; of a multiprocessor

typedef struct {
    DevicePtr x, w, y;
    uint32_t rows, in, out, x_stride, y_stride;
} Work;

static uint32_t room(uint64_t rows) {
    return rows <= 8 ? 8 : rows <= 16 ? 16 : rows <= 32 ? 32 : MOST_ROWS;
}

static uint32_t blocks_of(const GemmShape *shape) {
    return (shape->out + COLUMNS - 1) / COLUMNS;
}

// As many parts of the depth as keep all multiprocessors busy at once.
static uint32_t split_of(const Gpu *gpu, const GemmShape *shape) {
    uint32_t split = 1;
    while (split < MOST_SPLIT && 2 * split * blocks_of(shape) <= BLOCKS * gpu->multiprocessors && shape->in / DEPTH / (2 * split) >= LEAST_PARTS) split *= 2;
    return split;
}

bool few_rows_take(const Gpu *gpu, const GemmShape *shape) {
    bool narrow = (shape->x == DTYPE_bf16 || shape->x == DTYPE_f16) && shape->w == shape->x;
    return atoi(gpu->arch + 3) >= CLUSTERS && narrow && !shape->transposed && shape->rows && shape->rows <= MOST_ROWS && shape->in % DEPTH == 0 &&
           shape->x_stride % 8 == 0 && shape->in >= DEPTH * LEAST_PARTS;
}

Str few_rows_text(const Gpu *gpu, const GemmShape *shape, Arena *arena) {
    Text text = text_open(arena);
    text_add(&text, "#define STORED %s\n#define RESULT %s\n#define ROWS %u\n#define SPLIT %u\n", dtype_info[shape->x].name,
             dtype_info[shape->y].name, room(shape->rows), split_of(gpu, shape));
    text_str(&text, kernel_text("few_rows.cu"));
    return text_view(&text);
}

bool few_rows_launch(const Gpu *gpu, const GpuGemm *gemm, Error *err) {
    const GemmShape *shape = &gemm->shape;
    Work work = {gemm->x, gemm->w, gemm->y, (uint32_t)shape->rows, shape->in, shape->out, shape->x_stride, shape->y_stride};
    void *arguments[] = {&work};
    uint32_t rows = room(shape->rows), ring = PARTS * (COLUMNS + rows) * DEPTH * 2, found = rows * PITCH * (uint32_t)sizeof(float);
    uint32_t bytes = MAX(ring, found);
    return cuda_ok(cuda.FuncSetAttribute(gemm->few, FUNC_MOST_DYNAMIC_SHARED, (int)bytes), "multiply few rows", err) &&
           cuda_ok(cuda.LaunchKernel(gemm->few, blocks_of(shape) * split_of(gpu, shape), 1, 1, THREADS, 1, 1, bytes, gpu->stream, arguments, NULL),
                   "multiply few rows", err);
}
