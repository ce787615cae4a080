// attention.c: the GPU's attention against plain loops, the bits of a query, and what it costs.
//
//     test_gpu_attention [CACHE]              skipped (77) where there is no GPU; kernels are kept in the folder CACHE
//     test_gpu_attention --times [CACHE]      only the times
//     test_gpu_attention --compile ARCH CACHE only compiles, without a GPU
#include <stdio.h>

#include "check.h"
#include "gpu/attention_case.h"
#include "runtime/cuda/compile.h"

enum { GUARD_BYTES = 4096, POISON_BYTES = 48 << 10, SAMPLE_ROWS = 40 };
static const unsigned char POISON = 0xff, GUARD = 0x5a; // 0xff…: no number in any type

static Gpu gpu;
static struct {
    bool only_compile;
    Arena *arena;
    StrMap seen;
    LIST(CuFunction) functions;
} kept;

#define GPU(call)                                                                                                      \
    do {                                                                                                               \
        Error gpu_err;                                                                                                 \
        if (!cuda_ok((call), #call, &gpu_err)) {                                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, gpu_err.text);                                          \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

// ---- Kernels: each text once

static CuFunction function_of(const char *name, Str text) {
    uint32_t number = 0;
    if (strmap_get(&kept.seen, text, &number)) return kept.only_compile ? NULL : kept.functions.at[number];
    KernelSource source = {.name = name, .text = text, .fused_multiply_add = true};
    KernelImage image;
    Error err;
    if (!kernels_compile(&source, 1, gpu.arch, gpu.cache, kept.arena, &image, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    strmap_put(&kept.seen, text, (uint32_t)kept.functions.len);
    CuModule module;
    CuFunction function = NULL;
    if (!kept.only_compile) {
        GPU(cuda.ModuleLoadData(&module, image.image));
        GPU(cuda.ModuleGetFunction(&function, module, name));
    }
    list_push(kept.arena, &kept.functions, function);
    return function;
}

static CuFunction plan_function(const AttentionPlan *plan) {
    return function_of("attention", attention_text(plan, kept.arena));
}

static void launch_poison(CuFunction function) {
    Error err;
    uint32_t none = 0;
    const GpuLaunch how = {function, {gpu.multiprocessors * 4, 1, 1}, {256, 1, 1}, POISON_BYTES};
    MUST(gpu_launch(&gpu, &how, &none, "poison shared memory", &err));
}

// What lay in shared memory before must not matter.
static void poison_shared(void) {
    static const char text[] = "extern \"C\" __global__ void poison(unsigned) { begin_kernel(); extern __shared__ volatile unsigned memory[];\n"
                               "for (int i = threadIdx.x; i < 12288; i += blockDim.x) memory[i] = ~0u; }\n";
    CuFunction function = function_of("poison", str_of(text));
    if (!kept.only_compile)
        launch_poison(function);
}

// ---- Memory

// `more` numbers stand between two rows, which must not be read.
static DevicePtr upload(DType dtype, const Numbers *numbers, uint32_t more) {
    size_t size = dtype_info[dtype].bytes, row = numbers->width * size, stride = row + more * size, bytes = numbers->rows * stride;
    unsigned char *stored = malloc(bytes + 1);
    MUST(stored);
    memset(stored, POISON, bytes);
    for (size_t r = 0; r < numbers->rows; r++) numbers_store(dtype, numbers->at + r * numbers->width, stored + r * stride, numbers->width);
    DevicePtr at = 0;
    GPU(cuda.MemAlloc(&at, bytes + 256));
    GPU(cuda.MemsetD8Async(at, POISON, bytes + 256, gpu.stream));
    GPU(cuda.MemcpyHtoDAsync(at, stored, bytes, gpu.stream));
    GPU(cuda.StreamSynchronize(gpu.stream));
    free(stored);
    return at;
}

typedef struct {
    DevicePtr q, keys[2], other[2];
} Uploaded;

enum { Q_MORE = 48, KEYS_MORE = 16, OTHER_MORE = 32, VALUES_MORE = 80 };

// Queries, keys and values as columns of wider rows.
static Uploaded upload_columns(const Attending *a) {
    Uploaded up = {0};
    if (kept.only_compile) return up;
    DType dtype = a->attention.dtype;
    up.q = upload(dtype, &a->q, Q_MORE);
    for (int i = 0; i < 2; i++) up.keys[i] = upload(dtype, &a->keys[i], i ? VALUES_MORE : KEYS_MORE), up.other[i] = upload(dtype, &a->other[i], OTHER_MORE);
    return up;
}

static Uploaded upload_all(const Attending *a) {
    Uploaded up = {0};
    if (kept.only_compile) return up;
    DType dtype = a->attention.dtype;
    up.q = upload(dtype, &a->q, 0);
    for (int i = 0; i < 2; i++) up.keys[i] = upload(dtype, &a->keys[i], 0), up.other[i] = upload(dtype, &a->other[i], 0);
    return up;
}

static void give_back(Uploaded *up) {
    if (kept.only_compile) return;
    GPU(cuda.MemFree(up->q));
    for (int i = 0; i < 2; i++) {
        GPU(cuda.MemFree(up->keys[i]));
        GPU(cuda.MemFree(up->other[i]));
    }
}

// ---- One attention, ready to be launched

typedef struct {
    CudaAttention attention;
    const AttentionPlan *plan;
    CuFunction function;
    DevicePtr tables;
    size_t out_bytes;
} Ready;

static Ready prepare(Arena *arena, const CudaAttention *of, const Uploaded *up, uint32_t multiprocessors) {
    Ready r = {.attention = *of, .plan = attention_plan(of, multiprocessors, arena)};
    r.function = plan_function(r.plan);
    r.out_bytes = of->rows * of->heads * of->size * dtype_info[of->dtype].bytes;
    if (kept.only_compile) return r;
    r.attention.q = up->q;
    r.attention.keys.at = up->keys[0], r.attention.keys.other = up->other[0];
    r.attention.values.at = up->keys[1], r.attention.values.other = up->other[1];
    GPU(cuda.MemAlloc(&r.attention.out, r.out_bytes + GUARD_BYTES));
    GPU(cuda.MemAlloc(&r.tables, r.plan->table_bytes));
    GPU(cuda.MemcpyHtoDAsync(r.tables, r.plan->tables, r.plan->table_bytes, gpu.stream));
    return r;
}

static void launch(const Ready *r) {
    Error err;
    if (attention_launch(&gpu, r->plan, &r->attention, r->tables, r->function, &err)) return;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

static void finish(Ready *r) {
    if (kept.only_compile) return;
    GPU(cuda.MemFree(r->attention.out));
    GPU(cuda.MemFree(r->tables));
}

static unsigned char *run(Arena *arena, const Ready *r) {
    unsigned char *out = arena_alloc(arena, r->out_bytes + GUARD_BYTES);
    if (kept.only_compile) return out;
    GPU(cuda.MemsetD8Async(r->attention.out, POISON, r->out_bytes, gpu.stream));
    GPU(cuda.MemsetD8Async(r->attention.out + r->out_bytes, GUARD, GUARD_BYTES, gpu.stream));
    poison_shared();
    launch(r);
    GPU(cuda.StreamSynchronize(gpu.stream));
    GPU(cuda.MemcpyDtoH(out, r->attention.out, r->out_bytes + GUARD_BYTES));
    size_t touched = 0;
    for (size_t i = 0; i < GUARD_BYTES; i++) touched += out[r->out_bytes + i] != GUARD;
    CHECK(!touched);
    return out;
}

// ---- Values

// Weights, and results of numbers up to 1, are rounded to what is stored.
static double allowed(DType dtype, float large) {
    return dtype == DTYPE_bf16 ? 3.0 / 512 : dtype == DTYPE_f16 ? 3.0 / 4096 + 1e-6 * large : 2e-6 + 4e-7 * large;
}

static void describe(const CudaAttention *a, const AttentionPlan *plan, const char *what) {
    fprintf(stderr, "%s, %u/%u heads of %u, %zu rows, %zu blocks%s%s: %s\n", dtype_info[a->dtype].name, a->heads,
            a->kv_heads, a->size, (size_t)a->rows, plan->block_count, plan->wide ? ", wide" : "",
            plan->mixed       ? ", mixed"
            : plan->split > 1 ? ", split"
            : plan->team > 1  ? ", in teams"
                              : "",
            what);
}

static void check_values(const Attending *a, const Ready *r, const unsigned char *out, float large) {
    if (kept.only_compile) return;
    const CudaAttention *of = &a->attention;
    Arena *scratch = arena_open();
    double *weights = arena_many(scratch, double, 5000), *want = arena_many(scratch, double, of->size), worst = 0,
           squares = 0, numbers = 0;
    float *got = arena_many(scratch, float, of->size);
    uint64_t step = of->rows <= SAMPLE_ROWS ? 1 : of->rows / SAMPLE_ROWS | 1;
    for (uint64_t i = 0; i < of->rows + step; i += step)
        for (uint32_t head = 0; head < of->heads; head++) {
            uint64_t row = MIN(i, of->rows - 1);
            attention_define(a, of, row, head, weights, want);
            dtype_to_f32(of->dtype, out + (row * of->heads + head) * of->size * dtype_info[of->dtype].bytes, got,
                         of->size);
            for (uint32_t d = 0; d < of->size; d++, numbers++) {
                double apart = fabs(want[d] - got[d]);
                squares += apart * apart;
                if (!(apart <= worst)) worst = apart;
            }
        }
    double most = allowed(of->dtype, large);
    bool good = worst <= most && sqrt(squares / numbers) <= most / 4;
    if (!good) {
        char what[128];
        snprintf(what, sizeof what, "wrong by %g (mean %g), %g allowed", worst, sqrt(squares / numbers), most);
        describe(of, r->plan, what);
    }
    CHECK(good);
    arena_close(scratch);
}

// ---- Bits

static void check_rows(Arena *arena, const Attending *a, const Uploaded *up, const unsigned char *all,
                       const uint32_t *keep, uint32_t count, uint32_t multiprocessors) {
    CudaAttention some = attention_some(arena, &a->attention, keep, count);
    some.strict = attention_plan(&some, multiprocessors, arena)->split > 1; // which has bits of its own
    size_t width = (size_t)some.heads * some.size * dtype_info[some.dtype].bytes, differ = 0;
    Ready r = prepare(arena, &some, up, multiprocessors);
    const unsigned char *got = run(arena, &r);
    for (uint32_t i = 0; i < count && !kept.only_compile; i++)
        differ += memcmp(got + i * width, all + keep[i] * width, width) != 0;
    if (differ) {
        char what[128];
        snprintf(what, sizeof what, "%zu queries among fewer others differ", differ);
        describe(&some, r.plan, what);
    }
    CHECK(!differ);
    finish(&r);
}

static void check_some(const Attending *a, const Uploaded *up, const unsigned char *all) {
    uint32_t rows = (uint32_t)a->attention.rows, step = rows > 8 ? rows / 8 | 1 : 1;
    for (uint32_t r = 0; r < rows; r += step) {
        Arena *arena = arena_open();
        check_rows(arena, a, up, all, &r, 1, 132);
        arena_close(arena);
    }
    static const uint32_t steps[] = {2, 3, 17};
    for (size_t i = 0; i < COUNT(steps); i++) {
        Arena *arena = arena_open();
        uint32_t *keep = arena_many(arena, uint32_t, rows), count = 0;
        for (uint32_t r = rows; r-- > 0;)
            if (r % steps[i] == 0) keep[count++] = r;
        check_rows(arena, a, up, all, keep, count, steps[i] == 2 ? 1 : UINT32_MAX / 4);
        arena_close(arena);
    }
}

// What is split has bits of its own, which do not depend on the rows beside a row either.
static bool is_split(const Ready *r) {
    return r->plan->split > 1;
}

// Wide or not, mixed or not, in teams or not.
static void check_forms(const Attending *a, const Uploaded *up, const unsigned char *out, bool split) {
    Arena *arena = arena_open();
    for (int form = 0; form < 3; form++) {
        CudaAttention other = a->attention;
        other.strict = form == 2;
        Ready r = prepare(arena, &other, up, form == 1 ? 1 : UINT32_MAX / 4);
        bool same = is_split(&r) != split || memcmp(out, run(arena, &r), r.out_bytes) == 0;
        if (!same) describe(&other, r.plan, other.strict ? "the strict form differs" : "another form differs");
        CHECK(same);
        finish(&r);
    }
    arena_close(arena);
}

static void test_strict(const Attending *a, const Uploaded *up, float large) {
    Arena *arena = arena_open();
    CudaAttention strict = a->attention;
    strict.strict = true;
    Ready r = prepare(arena, &strict, up, gpu.multiprocessors);
    check_values(a, &r, run(arena, &r), large);
    finish(&r);
    arena_close(arena);
}

static void check_columns(const Attending *a, const unsigned char *out) {
    Arena *arena = arena_open();
    CudaAttention apart = a->attention;
    uint32_t width = apart.kv_heads * apart.size;
    apart.q_stride = apart.heads * apart.size + Q_MORE;
    apart.keys.stride = width + KEYS_MORE, apart.values.stride = width + VALUES_MORE;
    apart.keys.other_stride = apart.values.other_stride = width + OTHER_MORE;
    Uploaded up = upload_columns(a);
    Ready r = prepare(arena, &apart, &up, gpu.multiprocessors);
    bool same = memcmp(out, run(arena, &r), r.out_bytes) == 0;
    if (!same) describe(&apart, r.plan, "columns of wider rows differ");
    CHECK(same || kept.only_compile);
    finish(&r);
    give_back(&up);
    arena_close(arena);
}

static void test_case(const AttentionCase *c, DType dtype) {
    Attending a = attending_open(c, dtype);
    Uploaded up = upload_all(&a);
    Ready r = prepare(a.arena, &a.attention, &up, gpu.multiprocessors);
    const unsigned char *out = run(a.arena, &r);
    check_values(&a, &r, out, c->large);
    for (int i = test_small() ? 18 : 0; i < 20 && !kept.only_compile; i++) {
        Arena *arena = arena_open();
        CHECK(memcmp(out, run(arena, &r), r.out_bytes) == 0);
        arena_close(arena);
    }
    check_columns(&a, out);
    check_forms(&a, &up, out, is_split(&r));
    if (is_split(&r)) test_strict(&a, &up, c->large);
    if (!is_split(&r)) check_some(&a, &up, out);
    finish(&r);
    give_back(&up);
    attending_close(&a);
}

// ---- Cases

// heads, kv_heads, size, prompts, length, less, points, queries, own, every, plain_values, mapped, large
static const AttentionCase sized[] = {
    {8, 2, 0, 4, 66, 1, 1, 66, 0, 1, false, false, 2}, // 63 to 66 keys
    {4, 4, 0, 17, 17, 1, 1, 17, 0, 1, false, true, 1}, // 1 to 17
    {8, 2, 0, 5, 66, 1, 16, 1, 1, 1, false, false, 2}, // a patch at the last token, 16 points
    {6, 2, 0, 2, 200, 60, 5, 3, 9, 2, true, true, 1},
};
static const uint32_t sizes[] = {16, 32, 64, 80, 96, 128, 256};

static const AttentionCase others[] = {
    {1, 1, 16, 1, 1, 0, 1, 1, 0, 1, false, false, 1},        {8, 2, 128, 1, 4096, 0, 1, 1, 0, 1, false, false, 4},
    {4, 1, 128, 1, 4096, 0, 1, 4096, 0, 1, false, false, 2}, {2, 2, 64, 1, 1000, 0, 1, 1000, 0, 1, false, false, 40},
    {14, 2, 64, 3, 130, 50, 6, 2, 3, 1, false, false, 1},    {71, 1, 64, 2, 40, 3, 3, 4, 2, 1, false, false, 1},
    {12, 12, 64, 3, 70, 1, 20, 1, 1, 1, false, true, 1},     {32, 2, 128, 2, 300, 33, 2, 40, 40, 1, false, false, 1},
    {8, 2, 128, 2, 700, 130, 1, 9, 5, 2, false, true, 2},    {2, 1, 256, 1, 600, 0, 1, 3, 0, 1, false, false, 1},
    {4, 2, 16, 3, 1200, 500, 1, 2, 3, 1, true, false, 1},    {4, 2, 128, 2, 900, 1, 1, 900, 30, 2, false, true, 2},
    {8, 1, 256, 2, 120, 1, 9, 1, 40, 1, false, false, 1},
};
static const AttentionCase odd[] = {
    {3, 1, 2, 2, 70, 3, 2, 5, 2, 1, false, false, 1},   {6, 3, 30, 2, 97, 60, 3, 4, 3, 2, false, true, 1},
    {5, 5, 20, 2, 40, 1, 1, 40, 0, 1, false, false, 3}, {2, 1, 288, 1, 300, 0, 1, 20, 0, 1, false, false, 1},
    {2, 1, 600, 2, 33, 1, 3, 2, 2, 1, false, false, 1}, {1, 1, 1100, 1, 70, 0, 1, 6, 0, 1, false, false, 1},
    {2, 1, 2048, 1, 40, 0, 2, 3, 2, 1, false, true, 1},
};
static const DType dtypes[] = {DTYPE_bf16, DTYPE_f16, DTYPE_f32};

static void test_values(void) {
    for (size_t d = 0; d < COUNT(dtypes); d++) {
        for (size_t s = test_small() ? d % 3 : 0; s < COUNT(sizes); s += test_small() ? 3 : 1)
            for (size_t i = 0; i < COUNT(sized); i++) {
                AttentionCase c = sized[i];
                c.size = sizes[s];
                test_case(&c, dtypes[d]);
            }
        for (size_t i = 0; i < COUNT(others); i++)
            if (others[i].length < 1000 || (dtypes[d] != DTYPE_f32 && !test_small())) test_case(&others[i], dtypes[d]);
        for (size_t i = 0; i < COUNT(odd); i++) test_case(&odd[i], dtypes[d]);
    }
}

// ---- What it costs

typedef struct {
    const char *name;
    DType dtype;
    AttentionCase c;
} Timed;

static const Timed timed[] = {
    {"150 prompts of 64", DTYPE_bf16, {32, 8, 128, 150, 64, 0, 1, 64, 0, 1, false, false, 1}},
    {"1 prompt of 64", DTYPE_bf16, {32, 8, 128, 1, 64, 0, 1, 64, 0, 1, false, false, 1}},
    {"2400 rows, 64 keys, 16 a list", DTYPE_bf16, {32, 8, 128, 150, 64, 0, 16, 1, 1, 1, false, false, 1}},
    {"600 rows, 64 keys, 4 a list", DTYPE_bf16, {32, 8, 128, 150, 64, 0, 4, 1, 1, 1, false, false, 1}},
    {"150 rows, 128 keys each", DTYPE_bf16, {32, 8, 128, 150, 128, 0, 1, 1, 0, 1, false, false, 1}},
    {"1 row, 4096 keys", DTYPE_bf16, {32, 8, 128, 1, 4096, 0, 1, 1, 0, 1, false, false, 1}},
    {"1 prompt of 4096", DTYPE_bf16, {32, 8, 128, 1, 4096, 0, 1, 4096, 0, 1, false, false, 1}},
    {"8 prompts of 1024", DTYPE_bf16, {32, 8, 128, 8, 1024, 0, 1, 1024, 0, 1, false, false, 1}},
    {"150 prompts of 64, 9 heads of 64", DTYPE_bf16, {9, 3, 64, 150, 64, 0, 1, 64, 0, 1, false, false, 1}},
    {"150 prompts of 64, heads of 256", DTYPE_bf16, {8, 4, 256, 150, 64, 0, 1, 64, 0, 1, false, false, 1}},
    {"150 prompts of 64, float32", DTYPE_f32, {9, 3, 64, 150, 64, 0, 1, 64, 0, 1, false, false, 1}},
    {"1 prompt of 2048, float32", DTYPE_f32, {9, 3, 64, 1, 2048, 0, 1, 2048, 0, 1, false, false, 1}},
};

static float time_launches(const Ready *r, int count) {
    float ms = 0;
    launch(r);
    GPU(cuda.EventRecord(gpu.before, gpu.stream));
    for (int i = 0; i < count; i++) launch(r);
    GPU(cuda.EventRecord(gpu.after, gpu.stream));
    GPU(cuda.EventSynchronize(gpu.after));
    GPU(cuda.EventElapsedTime(&ms, gpu.before, gpu.after));
    return ms * 1000 / (float)count;
}

static int order_times(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static void time_form(const Timed *t, const Attending *a, const Uploaded *up, uint32_t multiprocessors, bool strict) {
    enum { SAMPLES = 7, LAUNCHES = 40 };
    Arena *arena = arena_open();
    CudaAttention of = a->attention;
    of.strict = strict;
    Ready r = prepare(arena, &of, up, multiprocessors);
    float us[SAMPLES];
    for (int i = 0; i < SAMPLES && !kept.only_compile; i++) us[i] = time_launches(&r, LAUNCHES);
    qsort(us, SAMPLES, sizeof *us, order_times);
    double seen = 0, bytes = (double)dtype_info[of.dtype].bytes;
    for (uint64_t i = 0; i < of.rows; i++) seen += of.count[i];
    double once = (2.0 * (double)of.rows * of.heads * of.size +
                   2.0 * (double)(a->keys[0].rows + a->other[0].rows) * of.kv_heads * of.size) *
                  bytes;
    double flops = 4 * seen * of.heads * of.size, s = us[SAMPLES / 2] * 1e-6;
    if (!kept.only_compile)
        printf("%-34s %5s%6s%7s%7s %9.1f us  %6.2f TB/s once  %6.1f TFLOP/s\n", t->name, dtype_info[of.dtype].name,
               r.plan->wide ? " wide" : "",
               r.plan->mixed       ? " mixed"
               : r.plan->split > 1 ? " split"
               : r.plan->team > 1  ? " team"
                                   : "",
               strict ? " strict" : "", us[SAMPLES / 2], once / s / 1e12, flops / s / 1e12);
    finish(&r);
    arena_close(arena);
}

static void print_times(void) {
    for (size_t i = 0; i < COUNT(timed); i++) {
        Attending a = attending_open(&timed[i].c, timed[i].dtype);
        Uploaded up = upload_all(&a);
        time_form(&timed[i], &a, &up, gpu.multiprocessors, false);
        time_form(&timed[i], &a, &up, gpu.multiprocessors, true);
        give_back(&up);
        attending_close(&a);
    }
}

// ---- The whole

int main(int count, char **args) {
    kept.arena = arena_open();
    kept.seen = strmap_open(kept.arena, 256);
    kept.only_compile = count > 3 && !strcmp(args[1], "--compile");
    bool only_times = count > 1 && !strcmp(args[1], "--times");
    int before = kept.only_compile ? 3 : only_times ? 2 : 1; // arguments before the cache
    const char *cache = count > before ? args[before] : NULL;
    Error err;
    gpu = (Gpu){.multiprocessors = 132, .cache = cache};
    if (kept.only_compile) snprintf(gpu.arch, sizeof gpu.arch, "%s", args[2]);
    if (!kept.only_compile && !gpu_open(&gpu, kept.arena, NULL, cache, &err)) {
        printf("skipped: %s\n", err.text);
        return 77;
    }
    if (!test_small()) print_times();
    fflush(stdout);
    if (!only_times) test_values();
    arena_close(kept.arena);
    return check_done();
}
