// cuda_variants.c: whatever attention_plan asks for compiles, for each kind of GPU: head sizes, types and forms. The
// head size of most models is compiled in all ways; of the others each in each form, types and GPUs in turns. So do
// products of few rows, and what fits read and write.
#include "check.h"
#include "gpu/attention_case.h"
#include "runtime/cuda/compile.h"
#include "runtime/cuda/few.h"
#include "runtime/cuda/fits.h"

enum { PLAIN, WIDE, MIXED, SPLIT, TEAM, FORMS, ARCHS = 3, COMMON = 128 };

static const char *const archs[ARCHS] = {"sm_80", "sm_90a", "sm_100"};
enum { LARGEST_SHARED = 163 << 10 }; // of a block on sm_80, the least of the three

// heads, kv_heads, size, prompts, length, less, points, queries, own, every, plain_values, mapped, large
static const AttentionCase forms[FORMS] = {
    [PLAIN] = {4, 1, 0, 2, 40, 3, 1, 40, 0, 1, false, false, 1},
    [WIDE] = {4, 1, 0, 1, 800, 0, 1, 800, 0, 1, false, false, 1},
    [MIXED] = {4, 1, 0, 2, 40, 0, 16, 1, 1, 1, false, false, 1},
    [SPLIT] = {4, 1, 0, 1, 600, 0, 1, 1, 0, 1, false, false, 1},
    [TEAM] = {4, 1, 0, 1, 40, 0, 1, 40, 0, 1, false, false, 1},
};

typedef struct {
    Arena *arena;
    LIST(KernelSource) sources[ARCHS];
} Texts;

static bool has_form(const AttentionPlan *plan, size_t form) {
    return plan->wide == (form == WIDE) && plan->mixed == (form == MIXED) && (plan->split > 1) == (form == SPLIT) && (plan->team > 1) == (form == TEAM);
}

// For `count` kinds of GPU, from the first on.
static void add(Texts *texts, uint32_t size, DType dtype, size_t form, size_t first, size_t count) {
    AttentionCase c = forms[form];
    c.size = size;
    Attending a = attending_open(&c, dtype);
    const AttentionPlan *plan = attention_plan(&a.attention, 4, texts->arena);
    bool offered = !plan->tensor ? form == PLAIN : form == WIDE ? size <= 128 : form != TEAM || size == 64 || size == 128;
    CHECK(!offered || has_form(plan, form));
    CHECK(plan->shared_bytes <= LARGEST_SHARED);
    KernelSource source = {str_format(texts->arena, "attention of %u numbers, form %zu", size, form).at,
                           attention_text(plan, texts->arena), true};
    for (size_t i = first; offered && i < first + count; i++)
        list_push(texts->arena, &texts->sources[i % ARCHS], source);
    attending_close(&a);
}

static void add_tensor(Texts *texts) {
    static const DType dtypes[] = {DTYPE_bf16, DTYPE_f16};
    for (uint32_t size = 16; size <= 256; size += 16)
        for (size_t form = 0; form < FORMS; form++)
            for (size_t t = 0; t < COUNT(dtypes); t++) {
                if (size == COMMON) add(texts, size, dtypes[t], form, 0, ARCHS);
                if (size != COMMON && t == (size / 16 + form) % 2)
                    add(texts, size, dtypes[t], form, size / 16 + form, 1);
            }
}

// Sizes on both sides of where the kernel changes; those that attention.cu takes in float32 alone.
static void add_plain(Texts *texts) {
    static const uint32_t sizes[] = {1, 30, 64, 128, 255, 256, 257, 272, 512, 513, 1024, 1025};
    static const DType dtypes[] = {DTYPE_f32, DTYPE_bf16, DTYPE_f16};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        bool taken = sizes[i] % 16 == 0 && sizes[i] <= 256;
        add(texts, sizes[i], taken ? DTYPE_f32 : dtypes[i % COUNT(dtypes)], PLAIN, i, 1);
    }
}

// Widths that fill 132 multiprocessors best in different forms; 64 rows of 4,096 numbers. Every form compiles.
static void add_few_rows(Texts *texts) {
    static const uint32_t widths[] = {4096, 6144, 28672, 33792};
    static const DType dtypes[] = {DTYPE_bf16, DTYPE_f16}, results[] = {DTYPE_bf16, DTYPE_f16};
    const Gpu gpu = {.arch = "sm_90a", .multiprocessors = 132};
    bool seen[FEW_FORMS] = {0};
    for (size_t w = 0; w < COUNT(widths); w++)
        for (size_t t = 0; t < COUNT(dtypes) * 2; t++) {
            const GemmShape shape = {dtypes[t / 2], dtypes[t / 2], t % 2 ? DTYPE_f32 : results[t / 2],
                                     4096,          widths[w],     64,
                                     false,         4096,          widths[w]};
            uint32_t worth[FEW_FORMS], count = few_rows_forms(&gpu, &shape, worth);
            CHECK(count > 0);
            for (uint32_t i = 0; i < count; i++) seen[worth[i]] = true;
            KernelSource source = {str_format(texts->arena, "few rows by %u", widths[w]).at,
                                   few_rows_text((uint32_t)(w * 4 + t) % FEW_FORMS, &shape, texts->arena), true};
            for (size_t i = 0; i < ARCHS; i++) list_push(texts->arena, &texts->sources[i], source);
        }
    for (size_t i = 0; i < FEW_FORMS; i++) CHECK(seen[i]);
}

static void add_fits(Texts *texts) {
    static const char *const functions[] = {"fit_sums", "fit_rows", "fit_map"};
    static const DType dtypes[] = {DTYPE_f32, DTYPE_bf16, DTYPE_f16};
    for (size_t t = 0; t < COUNT(dtypes); t++) {
        KernelSource source = {"fits", fit_text("fit.cu", functions[t], dtypes[t], texts->arena), true};
        for (size_t i = 0; i < ARCHS; i++) list_push(texts->arena, &texts->sources[i], source);
    }
}

int main(void) {
    Error err;
    if (!nvrtc_load(NULL, &err)) {
        printf("skipped: %s\n", err.text);
        return 77;
    }
    Texts texts = {.arena = arena_open()};
    add_tensor(&texts);
    add_plain(&texts);
    add_few_rows(&texts);
    add_fits(&texts);
    for (size_t i = 0; i < ARCHS; i++) {
        size_t count = texts.sources[i].len;
        KernelImage *images = arena_many(texts.arena, KernelImage, count);
        bool ok = kernels_compile(texts.sources[i].at, count, archs[i], NULL, texts.arena, images, &err);
        if (!ok) fprintf(stderr, "%s: %s\n", archs[i], err.text);
        CHECK(ok);
        for (size_t k = 0; ok && k < count; k++) CHECK(images[k].bytes > 0);
        printf("%s: %zu kernels\n", archs[i], count);
    }
    arena_close(texts.arena);
    return check_done();
}
