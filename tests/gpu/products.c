// products.c: products of few rows (kernels/few_rows.cu) against sums in double, with guards around the results, and
// what they cost. Needs a GPU of architecture 9.0; skipped where there is none.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "runtime/cuda/few.h"
#include "runtime/cuda/kernel_set.h"

static Gpu gpu;

typedef struct {
    uint32_t rows, in, out, x_more, y_more;
    DType dtype, result;
    bool timed;
} Case;

static const Case cases[] = {
    {1, 256, 256, 0, 0, DTYPE_bf16, DTYPE_bf16, false},    {64, 4096, 6144, 0, 0, DTYPE_bf16, DTYPE_bf16, true},
    {64, 4096, 4096, 0, 0, DTYPE_bf16, DTYPE_bf16, true},  {64, 4096, 28672, 0, 0, DTYPE_bf16, DTYPE_bf16, true},
    {64, 14336, 4096, 0, 0, DTYPE_bf16, DTYPE_bf16, true}, {1, 4096, 128256, 0, 0, DTYPE_bf16, DTYPE_f32, true},
    {7, 576, 49152, 0, 0, DTYPE_f16, DTYPE_f32, false},    {20, 1536, 577, 8, 3, DTYPE_bf16, DTYPE_bf16, false},
    {33, 288, 100, 16, 40, DTYPE_f16, DTYPE_f16, false},   {9, 10240, 300, 0, 1, DTYPE_bf16, DTYPE_f32, false},
    {64, 2048, 255, 24, 0, DTYPE_f16, DTYPE_f32, false},   {16, 4096, 4096, 0, 0, DTYPE_bf16, DTYPE_bf16, true},
};

static float *numbers(Arena *arena, size_t count, float size) {
    static uint32_t state = 1;
    float *out = arena_many(arena, float, count);
    for (size_t i = 0; i < count; i++)
        out[i] = size * ((float)((state = state * 1664525 + 1013904223) >> 8) / (1 << 23) - 1);
    return out;
}

// Rounded to the type, here and there.
static DevicePtr upload(Arena *arena, DType dtype, float *at, size_t count) {
    Error err;
    DevicePtr to;
    void *stored = arena_alloc(arena, count * dtype_info[dtype].bytes);
    dtype_from_f32(dtype, at, stored, count);
    dtype_to_f32(dtype, stored, at, count);
    MUST(gpu_take(count * dtype_info[dtype].bytes, "test", &to, &err) &&
         gpu_put(&gpu, to, stored, count * dtype_info[dtype].bytes, &err) && gpu_wait(&gpu, &err));
    return to;
}

static void check_numbers(const Case *c, const float *x, const float *w, const float *y) {
    uint32_t x_stride = c->in + c->x_more, y_stride = c->out + c->y_more, wrong = 0;
    double rounding = c->result == DTYPE_f32 ? 1e-5 : c->result == DTYPE_f16 ? 6e-4 : 5e-3;
    for (uint32_t r = 0; r < c->rows; r++)
        for (uint32_t k = 0; k<c->out; k += c->out> 3000 ? 61 : 1) {
            double sum = 0, size = 0;
            for (uint32_t i = 0; i < c->in; i++) {
                double term = (double)x[(size_t)r * x_stride + i] * w[(size_t)k * c->in + i];
                sum += term, size += fabs(term);
            }
            double got = (double)y[(size_t)r * y_stride + k];
            if (fabs(got - sum) <= rounding * fabs(sum) + 2e-6 * size) continue;
            if (!wrong++) fprintf(stderr, "[%u, %u] is %g, not %g\n", r, k, got, sum);
        }
    CHECK(!wrong);
}

// Milliseconds of the kernel, the weights out of the cache.
static double timed(const GpuGemm *gemm, uint32_t form, CuFunction few) {
    float least = 1e30f, took = 0;
    Error err;
    for (int i = 0; i < 5; i++) {
        cuda.MemsetD8Async(gpu.workspace, 0, GPU_WORKSPACE_BYTES, gpu.stream);
        cuda.EventRecord(gpu.before, gpu.stream);
        MUST(few_rows_launch(&gpu, gemm, form, few, &err));
        cuda.EventRecord(gpu.after, gpu.stream);
        MUST(!cuda.EventSynchronize(gpu.after) && !cuda.EventElapsedTime(&took, gpu.before, gpu.after));
        least = fminf(least, took);
    }
    return (double)least;
}

static void test_form(const Case *c, uint32_t form) {
    Arena *arena = arena_open();
    Error err;
    size_t x_count = (size_t)c->rows * (c->in + c->x_more), w_count = (size_t)c->out * c->in,
           y_count = (size_t)c->rows * (c->out + c->y_more);
    enum { GUARD = 64 };
    size_t y_bytes = dtype_info[c->result].bytes;
    float *x = numbers(arena, x_count, 1), *w = numbers(arena, w_count, 0.05f);
    GpuGemm gemm = {
        .shape = {c->dtype, c->dtype, c->result, c->in, c->out, c->rows, false, c->in + c->x_more, c->out + c->y_more}};
    KernelSet *kernels = kernel_set_open(arena);
    uint32_t kernel = kernel_set_add_text(kernels, "few_rows", few_rows_text(form, &gemm.shape, arena), true);
    if (!kernel_set_build(kernels, &gpu, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    CuFunction few = kernel_set_function(kernels, kernel);
    gemm.x = upload(arena, c->dtype, x, x_count), gemm.w = upload(arena, c->dtype, w, w_count);
    DevicePtr y;
    MUST(gpu_take((y_count + 2 * GUARD) * y_bytes, "test", &y, &err));
    gemm.y = y + GUARD * y_bytes;
    unsigned char *raw = arena_alloc(arena, (y_count + 2 * GUARD) * y_bytes), *first = NULL;
    for (int i = 0; i < 3; i++) {
        MUST(!cuda.MemsetD8Async(y, 0x5a, (y_count + 2 * GUARD) * y_bytes, gpu.stream));
        MUST(few_rows_launch(&gpu, &gemm, form, few, &err));
        CHECK(gpu_get(&gpu, raw, y, (y_count + 2 * GUARD) * y_bytes, &err));
        if (first) CHECK(memcmp(first, raw, (y_count + 2 * GUARD) * y_bytes) == 0);
        if (!first) first = arena_copy(arena, raw, (y_count + 2 * GUARD) * y_bytes);
    }
    size_t touched = 0, width = (c->out + c->y_more) * y_bytes;
    for (size_t i = 0; i < GUARD * y_bytes; i++)
        touched += raw[i] != 0x5a || raw[(y_count + GUARD) * y_bytes + i] != 0x5a;
    for (size_t r = 0; r < c->rows; r++)
        for (size_t k = c->out * y_bytes; k < width; k++) touched += raw[GUARD * y_bytes + r * width + k] != 0x5a;
    CHECK(!touched);
    float *got = arena_many(arena, float, y_count);
    dtype_to_f32(c->result, raw + GUARD * y_bytes, got, y_count);
    check_numbers(c, x, w, got);
    if (c->timed) {
        double ms = timed(&gemm, form, few);
        printf("%3u rows, %5u to %6u, form %u  %8.1f us  %5.2f TB/s of weights\n", c->rows, c->in, c->out, form, 1e3 * ms,
               2e-9 * (double)w_count / ms);
    }
    gpu_give(gemm.x), gpu_give(gemm.w), gpu_give(y);
    kernel_set_close(kernels);
    arena_close(arena);
}

// What is timed in the forms that are worth it, as a run would; all else in two forms, so that each has its turn.
static void test_case(const Case *c) {
    const GemmShape shape = {c->dtype, c->dtype, c->result, c->in, c->out, c->rows, false, c->in + c->x_more, c->out + c->y_more};
    uint32_t worth[FEW_FORMS], count = few_rows_forms(&gpu, &shape, worth), number = (uint32_t)(c - cases);
    CHECK(count > 0);
    for (uint32_t i = 0; i < count && c->timed; i++) test_form(c, worth[i]);
    for (uint32_t i = 0; i < 2 && !c->timed; i++) test_form(c, (number * 2 + i) % FEW_FORMS);
}

int main(int count, char **args) {
    Arena *arena = arena_open();
    Error err;
    if (!gpu_open(&gpu, arena, NULL, count > 1 ? args[1] : NULL, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 77;
    }
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!cases[i].timed || !test_small()) test_case(&cases[i]);
    gpu_close(&gpu);
    arena_close(arena);
    return check_done();
}
