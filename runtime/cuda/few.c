// few.c: the host's part of kernels/few_rows.cu.
#include "runtime/cuda/few.h"

// As in kernels/few_rows.cu.
enum { ROWS = 64, DEPTH = 64, THREADS = 160, ALIGN = 1024 };

typedef struct {
    CuTensorMap w, x;
    DevicePtr y;
    uint32_t rows, in, out, y_stride;
} Work;

// Of a thread block: columns, in how many blocks the depth is cut, parts of the ring; how many a multiprocessor holds at
// once. What the depth is cut for has a deep ring, but leaves room for a block of attention in a team (attention.c): else
// its first parts could not be asked for while attention is at work. Blocks whose depth is not cut overlap with each
// other. Wide ones read x less often.
typedef struct {
    uint32_t columns, split, parts, held;
} Form;

static const Form forms[FEW_FORMS] = {{64, 2, 11, 1}, {96, 2, 10, 1}, {112, 1, 4, 2}, {128, 1, 4, 2}, {192, 4, 7, 1}, {224, 1, 6, 1}};

static uint32_t blocks_of(const Form *form, const GemmShape *shape) {
    return (shape->out + form->columns - 1) / form->columns * form->split;
}

// Blocks that come in whole rounds of all multiprocessors leave none of them idle: what is used of those rounds.
static double used(const Form *form, const Gpu *gpu, const GemmShape *shape) {
    uint32_t blocks = blocks_of(form, shape), round = gpu->multiprocessors * form->held,
             rounds = (blocks + round - 1) / round;
    return (double)blocks / ((double)rounds * round);
}

// The copy engine wants rows that begin at multiples of 16 bytes.
static bool takes(const Gpu *gpu, const GemmShape *shape) {
    bool narrow = dtype_is_short(shape->x) && shape->w == shape->x;
    return strcmp(gpu->arch, "sm_90a") == 0 && narrow && !shape->transposed && shape->rows && shape->rows <= ROWS &&
           shape->in % 8 == 0 && shape->x_stride % 8 == 0;
}

uint32_t few_rows_forms(const Gpu *gpu, const GemmShape *shape, uint32_t *out) {
    static const double WORTH = 0.9; // of what the best uses
    double best = 0;
    uint32_t count = 0;
    for (size_t i = 0; i < FEW_FORMS; i++) best = MAX(best, used(&forms[i], gpu, shape));
    for (uint32_t i = 0; i < FEW_FORMS && takes(gpu, shape); i++)
        if (used(&forms[i], gpu, shape) >= WORTH * best) out[count++] = i;
    return count;
}

Str few_rows_text(uint32_t form, const GemmShape *shape, Arena *arena) {
    Text text = text_open(arena);
    text_add(&text, "#define STORED %s\n#define RESULT %s\n#define COLUMNS %u\n#define SPLIT %u\n#define PARTS %u\n",
             dtype_info[shape->x].name, dtype_info[shape->y].name, forms[form].columns, forms[form].split, forms[form].parts);
    text_str(&text, kernel_text("few_rows.cu"));
    return text_view(&text);
}

static bool map_matrix(CuTensorMap *out, DType dtype, DevicePtr at, uint64_t rows, uint32_t width, uint32_t stride,
                       uint32_t box_rows, Error *err) {
    const uint64_t sizes[] = {width, rows}, strides[] = {stride * (uint64_t)sizeof(uint16_t)};
    const uint32_t box[] = {DEPTH, box_rows}, steps[] = {1, 1};
    return cuda_ok(cuda.TensorMapEncodeTiled(out, dtype == DTYPE_f16 ? TENSOR_F16 : TENSOR_BF16, 2,
                                             (void *)(uintptr_t)at, sizes, strides, box, steps, TENSOR_NOT_INTERLEAVED,
                                             TENSOR_EXCHANGE_128, TENSOR_FETCH_256, TENSOR_ZEROS_OUTSIDE),
                   "multiply few rows", err);
}

bool few_rows_launch(const Gpu *gpu, const GpuGemm *gemm, uint32_t number, CuFunction function, Error *err) {
    const GemmShape *shape = &gemm->shape;
    const Form *form = &forms[number];
    Work work = {
        .y = gemm->y, .rows = (uint32_t)shape->rows, .in = shape->in, .out = shape->out, .y_stride = shape->y_stride};
    TRY(map_matrix(&work.w, shape->w, gemm->w, shape->out, shape->in, shape->in, form->columns, err));
    TRY(map_matrix(&work.x, shape->x, gemm->x, shape->rows, shape->in, shape->x_stride, ROWS, err));
    uint32_t ring = form->parts * (ROWS + form->columns) * DEPTH * (uint32_t)sizeof(uint16_t);
    uint32_t found = ROWS * (form->columns + 4) * (uint32_t)sizeof(float);
    const GpuLaunch how = {function, {blocks_of(form, shape), 1, 1}, {THREADS, 1, 1}, MAX(ring, found) + ALIGN};
    return gpu_launch(gpu, &how, &work, "multiply few rows", err);
}
