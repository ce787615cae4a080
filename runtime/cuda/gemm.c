// gemm.c: matrix products through cuBLASLt.
//
// cuBLASLt's matrices go down their columns, ours along their rows: our y = x W^T is its y' = W' x', with W' the m =
// out by k = in matrix that the transposed reading of W is, and x' with n = rows columns.
//
// Which of its algorithms is best no rule says: those that it proposes for a shape are timed once, and the choice is
// kept on disk, so that a later run computes the same bits. Without a cache its first proposal is taken, for the same
// reason; where our own kernel for few rows takes the shape, it is one of those that are timed. With --strict a weight
// has one algorithm whatever the number of rows, without split sums: then each element is one sum in one order.
#include "runtime/cuda/gemm.h"
#include "runtime/cuda/algorithms.h"
#include "runtime/cuda/few.h"
#include "runtime/cuda/kernel_set.h"

enum { PROPOSALS = 32, TRIES = 3, STRICT_ROWS = 512, MOST_LIKE = 8 };

typedef struct {
    GemmShape shape;
    LtMatmulDesc desc;
    LtLayout a, b, d;
    LtAlgo algo;
    size_t workspace;
    GpuGemm like[MOST_LIKE]; // of this shape, with different weights
    uint32_t like_count;
    uint32_t forms[FEW_FORMS], kernels[FEW_FORMS], form_count; // of few_rows.cu, for this shape
    uint32_t form;   // of these, when
    CuFunction own;  // is used; NULL: algo is
} Product;

struct Gemms {
    Arena *arena;
    bool strict;
    Algorithms *algorithms;
    KernelSet *kernels;
    StrMap seen; // shape to number
    LIST(Product) list;
};

// ---- Descriptors

static int data_type(DType dtype) {
    return dtype == DTYPE_f32 ? LT_F32 : dtype == DTYPE_f16 ? LT_F16 : LT_BF16;
}

static bool set(LtMatmulDesc desc, int what, int value, Error *err) {
    return blaslt_ok(blaslt.MatmulDescSetAttribute(desc, what, &value, sizeof value), "multiply matrices", err);
}

static bool layout(LtLayout *out, DType dtype, uint64_t rows, uint64_t columns, uint32_t stride, Error *err) {
    return blaslt_ok(blaslt.MatrixLayoutCreate(out, data_type(dtype), rows, columns, stride), "multiply matrices", err);
}

static bool describe(Product *p, Error *err) {
    const GemmShape *s = &p->shape;
    TRY(blaslt_ok(blaslt.MatmulDescCreate(&p->desc, LT_COMPUTE_F32, LT_F32), "multiply matrices", err));
    TRY(set(p->desc, LT_DESC_TRANS_A, s->transposed ? LT_PLAIN : LT_TRANSPOSED, err));
    TRY(s->transposed ? layout(&p->a, s->w, s->out, s->in, s->out, err)
                      : layout(&p->a, s->w, s->in, s->out, s->in, err));
    return layout(&p->b, s->x, s->in, s->rows, s->x_stride, err) &&
           layout(&p->d, s->y, s->out, s->rows, s->y_stride, err);
}

static void forget(Product *p) {
    if (p->d) blaslt.MatrixLayoutDestroy(p->d);
    if (p->b) blaslt.MatrixLayoutDestroy(p->b);
    if (p->a) blaslt.MatrixLayoutDestroy(p->a);
    if (p->desc) blaslt.MatmulDescDestroy(p->desc);
    p->desc = NULL;
    p->a = p->b = p->d = NULL;
}

// ---- Algorithms

static bool propose(const Gemms *gemms, const Gpu *gpu, const Product *p, LtHeuristic *out, int *count, Error *err) {
    LtPreference preference = NULL;
    uint64_t workspace = gemms->strict ? 0 : GPU_WORKSPACE_BYTES;
    uint32_t whole_sums = 0;
    *count = 0;
    TRY(blaslt_ok(blaslt.MatmulPreferenceCreate(&preference), "multiply matrices", err));
    int result = blaslt.MatmulPreferenceSetAttribute(preference, LT_PREF_WORKSPACE_BYTES, &workspace, sizeof workspace);
    if (!result && gemms->strict)
        result = blaslt.MatmulPreferenceSetAttribute(preference, LT_PREF_REDUCTIONS, &whole_sums, sizeof whole_sums);
    if (!result)
        result = blaslt.MatmulAlgoGetHeuristic(gpu->blas, p->desc, p->a, p->b, p->d, p->d, preference, PROPOSALS, out,
                                               count);
    blaslt.MatmulPreferenceDestroy(preference);
    return blaslt_ok(result, "choose how to multiply matrices", err);
}

static int multiply(const Gpu *gpu, const Product *p, const GpuGemm *g) {
    const float one = 1, beta = 0;
    return blaslt.Matmul(gpu->blas, p->desc, &one, (const void *)(uintptr_t)g->w, p->a, (const void *)(uintptr_t)g->x,
                         p->b, &beta, (const void *)(uintptr_t)g->y, p->d, (void *)(uintptr_t)g->y, p->d, &p->algo,
                         (void *)(uintptr_t)gpu->workspace, p->workspace, gpu->stream);
}

static bool run_once(const Gpu *gpu, const Product *p, const GpuGemm *g, Error *err) {
    return p->own ? few_rows_launch(gpu, g, p->form, p->own, err) : blaslt_ok(multiply(gpu, p, g), "multiply matrices", err);
}

static bool multiply_all(const Gpu *gpu, const Product *p) {
    Error ignored;
    for (uint32_t i = 0; i < p->like_count; i++)
        if (!run_once(gpu, p, &p->like[i], &ignored)) return false;
    return true;
}

// Few rows are multiplied as fast as the weights come from memory: several weights are taken one after another, as in a
// run.
static bool reads_weights(const GemmShape *s) {
    return s->rows * (s->in + (uint64_t)s->out) < (uint64_t)s->in * s->out;
}

// Milliseconds for all of the shape that are known; none when it cannot. What is far from the best so far is tried
// once.
static bool clock_algorithm(const Gpu *gpu, const Product *p, float best, float *least) {
    *least = 1e30f;
    if (!multiply_all(gpu, p)) return false;
    for (int i = 0; i < TRIES && (!i || *least * 0.9f < best); i++) {
        float took;
        cuda.EventRecord(gpu->before, gpu->stream);
        if (!multiply_all(gpu, p)) return false;
        cuda.EventRecord(gpu->after, gpu->stream);
        if (cuda.EventSynchronize(gpu->after) || cuda.EventElapsedTime(&took, gpu->before, gpu->after)) return false;
        *least = MIN(*least, took);
    }
    return true;
}

static void use(Product *p, const LtHeuristic *proposal) {
    p->algo = proposal->algo;
    p->workspace = proposal->workspace_bytes;
}

static void use_own(const Gemms *gemms, Product *p, uint32_t i) {
    p->form = p->forms[i];
    p->own = kernel_set_function(gemms->kernels, p->kernels[i]);
}

static bool choose_fastest(const Gemms *gemms, const Gpu *gpu, Product *p, const LtHeuristic *proposals, int count) {
    float best = 1e30f, took;
    int chosen = -1;
    for (int i = 0; i < count; i++) {
        use(p, &proposals[i]);
        if (proposals[i].state || !clock_algorithm(gpu, p, best, &took) || took >= best) continue;
        best = took;
        chosen = i;
        if (!gemms->algorithms) break;
    }
    if (chosen >= 0) use(p, &proposals[chosen]);
    int own = -1;
    for (uint32_t i = 0; i < p->form_count && gemms->algorithms; i++) {
        use_own(gemms, p, i);
        if (!clock_algorithm(gpu, p, best, &took) || took >= best) continue;
        best = took;
        own = (int)i;
    }
    p->own = NULL;
    if (own >= 0) use_own(gemms, p, (uint32_t)own);
    return chosen >= 0 || p->own;
}

// The first proposal for STRICT_ROWS that can be used for this number of rows.
static bool choose_strict(const Gemms *gemms, const Gpu *gpu, Product *p, Error *err) {
    LtHeuristic proposals[PROPOSALS], checked;
    int count;
    Product model = {.shape = p->shape};
    model.shape.rows = STRICT_ROWS;
    bool ok = describe(&model, err) && propose(gemms, gpu, &model, proposals, &count, err), found = false;
    for (int i = 0; ok && i < count && !found; i++) {
        found = !proposals[i].state &&
                !blaslt.MatmulAlgoCheck(gpu->blas, p->desc, p->a, p->b, p->d, p->d, &proposals[i].algo, &checked);
        if (found) use(p, &proposals[i]);
    }
    forget(&model);
    return ok && (found || error_set(err, ERR_SYSTEM,
                                     "cuBLASLt has no algorithm for a product of any number of rows by %u columns",
                                     p->shape.out));
}

static Str key_of(const GemmShape *s, Arena *arena) {
    return str_format(arena, "%s %s %s %u %u %llu %d %u %u", dtype_info[s->x].name, dtype_info[s->w].name,
                      dtype_info[s->y].name, s->in, s->out, (unsigned long long)s->rows, s->transposed, s->x_stride,
                      s->y_stride);
}

// A form of our own kernel is kept as its number + 1 in words that are zeros otherwise.
static LtAlgo own_algo(uint32_t form) {
    LtAlgo algo = {0};
    uint64_t number = form + 1;
    memcpy(&algo, &number, sizeof number);
    return algo;
}

// Of an earlier search.
static bool choose_known(Gemms *gemms, const Gpu *gpu, Product *p, Str key) {
    LtHeuristic checked;
    if (!algorithms_find(gemms->algorithms, key, &p->algo, &p->workspace)) return false;
    for (uint32_t i = 0; i < p->form_count; i++) {
        const LtAlgo own = own_algo(p->forms[i]);
        if (memcmp(&p->algo, &own, sizeof own) != 0) continue;
        use_own(gemms, p, i);
        return true;
    }
    return p->workspace <= GPU_WORKSPACE_BYTES &&
           !blaslt.MatmulAlgoCheck(gpu->blas, p->desc, p->a, p->b, p->d, p->d, &p->algo, &checked) &&
           checked.workspace_bytes <= p->workspace;
}

static bool choose(Gemms *gemms, const Gpu *gpu, Product *p, Error *err) {
    if (gemms->strict) return choose_strict(gemms, gpu, p, err);
    Str key = key_of(&p->shape, gemms->arena);
    if (choose_known(gemms, gpu, p, key)) return true;
    LtHeuristic proposals[PROPOSALS];
    int count;
    TRY(propose(gemms, gpu, p, proposals, &count, err));
    if (!choose_fastest(gemms, gpu, p, proposals, count))
        FAIL(err, ERR_SYSTEM, "cuBLASLt has no algorithm for a product of %llu rows, %u by %u",
             (unsigned long long)p->shape.rows, p->shape.in, p->shape.out);
    const LtAlgo own = own_algo(p->form);
    algorithms_keep(gemms->algorithms, key, p->own ? &own : &p->algo, p->own ? 0 : p->workspace);
    return true;
}

// ---- All of a plan

Gemms *gemms_open(const Gpu *gpu, bool strict, Arena *arena) {
    Gemms *gemms = arena_new(arena, Gemms);
    *gemms =
        (Gemms){.arena = arena, .strict = strict, .kernels = kernel_set_open(arena), .seen = strmap_open(arena, 64)};
    if (gpu->cache && !strict)
        gemms->algorithms = algorithms_open(gpu->cache, gpu->name, (uint64_t)blaslt.GetVersion(), arena);
    return gemms;
}

// A shape as plain words, without padding.
typedef struct {
    uint64_t words[9];
} GemmKey;

static GemmKey gemm_key(const GemmShape *s) {
    return (GemmKey){{s->x, s->w, s->y, s->in, s->out, s->rows, s->transposed, s->x_stride, s->y_stride}};
}

static Product *product_of(const Gemms *gemms, const GemmShape *shape) {
    uint32_t number;
    GemmKey key = gemm_key(shape);
    return strmap_get(&gemms->seen, (Str){(const char *)&key, sizeof key}, &number) ? &gemms->list.at[number] : NULL;
}

void gemms_add(Gemms *gemms, const GpuGemm *gemm) {
    Product *p = product_of(gemms, &gemm->shape);
    if (!p) {
        GemmKey *key = arena_new(gemms->arena, GemmKey);
        *key = gemm_key(&gemm->shape);
        strmap_put(&gemms->seen, (Str){(const char *)key, sizeof *key}, (uint32_t)gemms->list.len);
        list_push(gemms->arena, &gemms->list, (Product){.shape = gemm->shape});
        p = &gemms->list.at[gemms->list.len - 1];
    }
    for (uint32_t i = 0; i < p->like_count; i++)
        if (p->like[i].w == gemm->w) return;
    if (p->like_count < (reads_weights(&p->shape) ? MOST_LIKE : 1)) p->like[p->like_count++] = *gemm;
}

// Without a search, and without cuBLASLt's sums in any order, our own kernel is not taken.
static bool build_own(Gemms *gemms, const Gpu *gpu, Error *err) {
    for (size_t i = 0; i < gemms->list.len && gemms->algorithms; i++) {
        Product *p = &gemms->list.at[i];
        p->form_count = few_rows_forms(gpu, &p->shape, p->forms);
        for (uint32_t k = 0; k < p->form_count; k++)
            p->kernels[k] = kernel_set_add_text(gemms->kernels, "few_rows", few_rows_text(p->forms[k], &p->shape, gemms->arena), true);
    }
    return kernel_set_build(gemms->kernels, gpu, err);
}

bool gemms_prepare(Gemms *gemms, const Gpu *gpu, Error *err) {
    TRY(build_own(gemms, gpu, err));
    for (size_t i = 0; i < gemms->list.len; i++)
        TRY(describe(&gemms->list.at[i], err) && choose(gemms, gpu, &gemms->list.at[i], err));
    return true;
}

bool gemms_run(Gemms *gemms, const Gpu *gpu, const GpuGemm *gemm, Error *err) {
    const Product *p = product_of(gemms, &gemm->shape);
    MUST(p); // prepared
    return run_once(gpu, p, gemm, err);
}

void gemms_close(Gemms *gemms) {
    if (!gemms) return;
    for (size_t i = 0; i < gemms->list.len; i++) forget(&gemms->list.at[i]);
    algorithms_close(gemms->algorithms);
    kernel_set_close(gemms->kernels);
}
