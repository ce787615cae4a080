// rows.c: row kernels on the GPU: random ones against the interpreter, between guard bytes; and how fast those of a
// transformer are.
#include "../unit/rows_maker.h"

#include "runtime/cuda/gpu.h"
#include "runtime/cuda/print_row.h"

enum { CODES = 300, ARENA = 32 << 20, ALIGN = 256 };

static Gpu gpu;
static DevicePtr device_arena;

// ---- A bench's buffers on the GPU

typedef struct {
    DevicePtr at[4 * MOST_POINTERS];
    const Bench *bench;
    DevicePtr next;
} Copied;

static const void *address_of(const Copied *c, const void *host) {
    for (size_t i = 0; i < c->bench->buffers.len; i++)
        if (c->bench->buffers.at[i].at == host) return (const void *)(uintptr_t)c->at[i];
    return NULL;
}

// Each lies at an odd place as often as at an even one, as it does on the host.
static void copy_in(Copied *c, bool out) {
    for (size_t i = 0; i < c->bench->buffers.len; i++) {
        const Guarded *g = &c->bench->buffers.at[i];
        size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = g->map_size - 2 * page;
        if (!out) {
            c->at[i] = c->next + (DevicePtr)(g->at - (g->map + page));
            c->next += (inside + ALIGN) / ALIGN * ALIGN;
            MUST(c->next <= device_arena + ARENA);
        }
        DevicePtr from = c->at[i] - (DevicePtr)(g->at - (g->map + page));
        if (!inside) continue;
        if (!out) MUST(!cuda.MemcpyHtoDAsync(from, g->map + page, inside, gpu.stream));
        bool result = false;
        for (uint32_t k = 0; k < c->bench->code.result_count; k++)
            result |= c->bench->pointers[c->bench->code.operand_count + k].at == g->at;
        if (out && result) MUST(!cuda.MemcpyDtoH(g->map + page, from, inside));
    }
}

static Str run_on_gpu(Bench *b, CuFunction function, const RowLaunch *launch) {
    Error err = {0};
    uint32_t count = b->code.operand_count + b->code.result_count;
    Copied copied = {.bench = b, .next = device_arena};
    MUST(b->buffers.len <= COUNT(copied.at));
    copy_in(&copied, false);
    RowPointer pointers[MOST_POINTERS];
    for (uint32_t k = 0; k < count; k++) {
        pointers[k] = b->pointers[k];
        pointers[k].at = (void *)(uintptr_t)address_of(&copied, b->pointers[k].at);
        pointers[k].map = address_of(&copied, b->pointers[k].map);
        pointers[k].blocks = address_of(&copied, b->pointers[k].blocks);
    }
    const CudaRows rows = {pointers, count, b->columns, b->base, b->rows};
    if (!cuda_rows_launch(&gpu, function, launch, &rows, &err) || !gpu_wait(&gpu, &err))
        return str_copy(b->arena, str_of(err.text));
    copy_in(&copied, true);
    for (uint32_t k = 0; k < b->code.result_count; k++)
        if (!untouched(b, k)) return str_format(b->arena, "result %u: written outside of its rows and columns", k);
    return rows_differ(&b->code, b->types, b->pointers, b->columns, b->base, 0, b->rows, b->arena);
}

// ---- Random codes

typedef struct {
    Maker maker;
    RowCode code;
    RowLaunch launch;
    CuModule module;
    CuFunction function;
} Kernel;

static void make(Arena *arena, uint64_t seed, Random *random, Kernel *out, KernelSource *source) {
    *random = (Random){seed * 0x9e3779b97f4a7c15u};
    out->maker = (Maker){.b = {.arena = arena}, .random = random};
    out->code = random_code(&out->maker);
    DType *types = arena_many(arena, DType, MOST_POINTERS);
    memcpy(types, out->maker.types, sizeof out->maker.types);
    bool *still = arena_many(arena, bool, MOST_POINTERS); // all lie still here: some are said to
    for (uint32_t k = 0; k < out->code.operand_count; k++) still[k] = (seed + k) % 2;
    for (uint32_t k = 0; k < out->code.result_count; k++)
        types[out->code.operand_count + k] = out->code.instrs[out->code.results[k].value].wide ? DTYPE_f64 : DTYPE_f32;
    Text text = text_open(arena);
    cuda_print_row(&out->code, types, seed % 3 ? still : NULL, gpu.overlaps && seed % 2 ? 8 : 1, "rows", &text, &out->launch);
    *source = (KernelSource){.name = "rows", .text = text_view(&text)};
}

static bool try_code(Kernel *kernel, Random *random, uint64_t seed) {
    Arena *arena = arena_open();
    Bench b = bench_open(arena, random, kernel->code, kernel->maker.types, random_below(random, 700),
                         1 + random_below(random, MOST_ROWS));
    Str wrong = run_on_gpu(&b, kernel->function, &kernel->launch);
    if (wrong.len) {
        Text text = text_open(arena);
        row_print(&kernel->code, &text);
        fprintf(stderr, "seed %llu, %llu columns, %llu rows: %.*s\n%s\n", (unsigned long long)seed,
                (unsigned long long)b.columns, (unsigned long long)b.rows, STR_ARG(wrong), text.at);
    }
    bench_close(&b);
    arena_close(arena);
    return wrong.len == 0;
}

static void random_codes(Arena *arena) {
    static Kernel kernels[CODES];
    static KernelSource sources[CODES];
    static KernelImage images[CODES];
    static Random randoms[CODES];
    Error err = {0};
    for (uint64_t i = 0; i < CODES; i++) make(arena, i + 1, &randoms[i], &kernels[i], &sources[i]);
    bool ok = kernels_compile(sources, CODES, gpu.arch, gpu.cache, arena, images, &err);
    if (!ok) fprintf(stderr, "%s\n", err.text);
    CHECK(ok);
    for (uint64_t i = 0; ok && i < CODES; i++) {
        MUST(!cuda.ModuleLoadData(&kernels[i].module, images[i].image));
        MUST(!cuda.ModuleGetFunction(&kernels[i].function, kernels[i].module, "rows"));
        for (int again = 0; again < 4; again++) {
            bool right = try_code(&kernels[i], &randoms[i], i + 1);
            CHECK(right);
            if (!right) break;
        }
        cuda.ModuleUnload(kernels[i].module);
    }
}

// ---- Speed

static void clock_code(Arena *arena, const char *what, const RowCode *code, const DType *types, uint64_t rows,
                       uint32_t width) {
    Error err = {0};
    Text text = text_open(arena);
    RowLaunch launch;
    KernelImage image;
    CuModule module;
    CuFunction function;
    cuda_print_row(code, types, NULL, 1, "rows", &text, &launch);
    const KernelSource source = {.name = "rows", .text = text_view(&text)};
    MUST(kernels_compile(&source, 1, gpu.arch, gpu.cache, arena, &image, &err));
    MUST(!cuda.ModuleLoadData(&module, image.image) && !cuda.ModuleGetFunction(&function, module, "rows"));
    RowPointer pointers[MOST_POINTERS] = {0};
    uint32_t count = code->operand_count + code->result_count;
    double bytes = 0;
    for (uint32_t k = 0; k < count; k++) {
        bool fixed = k < code->operand_count && code->operands[k].fixed,
             number = k < code->operand_count && code->operands[k].number;
        uint64_t wide = number ? 1 : width, all = (fixed ? 1 : rows) * wide * dtype_info[types[k]].bytes;
        DevicePtr at;
        MUST(gpu_take(all, "the test's numbers", &at, &err) && !cuda.MemsetD8Async(at, 0x3c, all, gpu.stream));
        pointers[k] = (RowPointer){.at = (void *)(uintptr_t)at, .stride = fixed ? 0 : wide};
        bytes += fixed ? 0 : (double)all;
    }
    float best = 1e9f, took;
    const CudaRows run = {pointers, count, width, 0, rows};
    for (int i = 0; i < 12; i++) {
        cuda.EventRecord(gpu.before, gpu.stream);
        MUST(cuda_rows_launch(&gpu, function, &launch, &run, &err));
        cuda.EventRecord(gpu.after, gpu.stream);
        MUST(!cuda.EventSynchronize(gpu.after) && !cuda.EventElapsedTime(&took, gpu.before, gpu.after));
        best = MIN(best, took);
    }
    printf("%-34s %6llu x %5u  %8.1f us  %7.0f GB/s\n", what, (unsigned long long)rows, width, 1e3 * (double)best,
           bytes / (double)best / 1e6);
    for (uint32_t k = 0; k < count; k++) gpu_give((DevicePtr)(uintptr_t)pointers[k].at);
    cuda.ModuleUnload(module);
}

static uint16_t load(RowBuilder *b, bool fixed) {
    return row_load(b, row_operand(b, (RowOperand){.fixed = fixed}));
}

static void speeds(Arena *arena) {
    static const DType short_types[] = {DTYPE_bf16, DTYPE_bf16, DTYPE_bf16, DTYPE_bf16, DTYPE_bf16};
    RowBuilder b = {.arena = arena};
    uint16_t sum = row_op(&b, ROW_bf16, row_op(&b, ROW_add, load(&b, false), load(&b, false), 0), 0, 0);
    uint16_t mean = row_op(&b, ROW_div, row_op(&b, ROW_sum, row_op(&b, ROW_mul, sum, sum, 0), 0, 0),
                           row_constant(&b, 4096, false), 0);
    uint16_t by = row_op(&b, ROW_sqrt, row_op(&b, ROW_add, mean, row_constant(&b, 1e-5, false), 0), 0, 0);
    row_result(&b, sum, false);
    row_result(&b, row_op(&b, ROW_mul, row_op(&b, ROW_div, sum, by, 0), load(&b, true), 0), false);
    RowCode norm = row_done(&b, 4096, 4096);
    clock_code(arena, "residual add and rms norm, bf16", &norm, short_types, 9600, 4096);
    clock_code(arena, "residual add and rms norm, bf16", &norm, short_types, 64, 4096);
    RowBuilder s = {.arena = arena};
    uint16_t gate = load(&s, false), up = load(&s, false), one = row_constant(&s, 1, false);
    uint16_t below = row_op(&s, ROW_add, one, row_op(&s, ROW_exp, row_op(&s, ROW_negate, gate, 0, 0), 0, 0), 0);
    row_result(&s, row_op(&s, ROW_mul, row_op(&s, ROW_div, gate, below, 0), up, 0), false);
    RowCode swiglu = row_done(&s, 14336, 14336);
    clock_code(arena, "swiglu, bf16", &swiglu, short_types, 9600, 14336);
    clock_code(arena, "swiglu, bf16", &swiglu, short_types, 64, 14336);
}

int main(void) {
    Error err = {0};
    Arena *arena = arena_open();
    if (!gpu_open(&gpu, arena, NULL, NULL, &err)) {
        fprintf(stderr, "skipped: %s\n", err.text);
        return 77;
    }
    MUST(gpu_take(ARENA, "the test's numbers", &device_arena, &err));
    random_codes(arena);
    if (!test_small()) speeds(arena);
    gpu_give(device_arena);
    gpu_close(&gpu);
    arena_close(arena);
    return check_done();
}
