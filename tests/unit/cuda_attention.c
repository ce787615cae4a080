// cuda_attention.c: the tables of the GPU's attention, walked on the CPU as the kernel walks them, and its kernels,
// compiled.
#include "check.h"
#include "gpu/attention_case.h"
#include "runtime/cuda/compile.h"

// heads, kv_heads, size, prompts, length, less, points, queries, own, every, plain_values, mapped, large
static const AttentionCase cases[] = {
    {1, 1, 2, 1, 1, 0, 1, 1, 0, 1, false, false, 1},       {4, 2, 16, 3, 70, 20, 1, 70, 0, 1, false, true, 2},
    {8, 2, 16, 5, 66, 3, 16, 1, 1, 1, false, false, 1},    {8, 2, 16, 2, 130, 1, 7, 3, 5, 2, false, true, 1},
    {6, 1, 32, 2, 65, 10, 9, 2, 40, 1, true, false, 1},    {3, 3, 16, 2, 64, 0, 40, 1, 1, 1, false, false, 1},
    {70, 1, 16, 1, 20, 0, 3, 4, 2, 1, false, false, 1},    {4, 4, 256, 2, 40, 7, 5, 2, 1, 1, true, true, 1},
    {2, 2, 600, 2, 33, 1, 2, 5, 2, 1, false, false, 1},    {7, 1, 80, 1, 150, 0, 1, 150, 0, 1, false, false, 1},
    {16, 2, 32, 2, 140, 5, 1, 140, 0, 1, false, false, 1}, {4, 1, 64, 1, 80, 0, 9, 20, 20, 1, false, false, 1},
};

// ---- What the kernel reads

typedef struct {
    const Attending *all;
    const CudaAttention *of;
    const AttentionPlan *plan;
    const AttentionBlock *blocks;
    const uint32_t *rows;
    float *out;
    uint8_t *written; // by (row, head)
} Walk;

static uint32_t field(const Walk *w, AttentionColumn column, uint32_t row) {
    return w->rows[column * w->plan->row_total + row];
}

static const uint32_t *list_of(const Walk *w, int which) {
    const KeyRows *rows = which ? &w->of->values.rows : &w->of->keys.rows;
    return rows->rows ? (const uint32_t *)(const void *)((const char *)w->plan->tables + w->plan->list_at[which])
                      : NULL;
}

// A mixed block takes each row's own from the row table, another its own.
static const float *walk_key(const Walk *w, const AttentionBlock *b, uint32_t row, int which, uint32_t key) {
    const uint32_t *list = list_of(w, which);
    if (!list) return w->all->keys[which].at + (size_t)(b->begin[which] + key) * w->all->keys[which].width;
    const uint32_t *end = (const uint32_t *)(const void *)((const char *)w->plan->tables + w->plan->table_bytes);
    CHECK(list + b->begin[which] + key < end);
    uint32_t entry = list[b->begin[which] + key],
             own = b->mixed ? field(w, ATTENTION_OWN + (AttentionColumn)which, row) : b->own[which];
    const Numbers *from = entry & OTHER_ROW ? &w->all->other[which] : &w->all->keys[which];
    return from->at + (size_t)(entry & OTHER_ROW ? own + (entry & ~OTHER_ROW) : entry) * from->width;
}

// Tile by tile, with a running maximum.
static void walk_pair(const Walk *w, const AttentionBlock *b, uint32_t row, uint32_t head) {
    uint32_t size = w->of->size, column = head / (w->of->heads / w->of->kv_heads) * size,
             count = field(w, ATTENTION_COUNT, row);
    const float *q = w->all->q.at + (size_t)field(w, ATTENTION_Q, row) * w->all->q.width + (size_t)head * size;
    float *out = w->out + ((size_t)field(w, ATTENTION_OUT, row) * w->of->heads + head) * size, most = -INFINITY,
          sum = 0, s[64];
    for (uint32_t d = 0; d < size; d++) out[d] = 0;
    for (uint32_t first = 0; first < b->most; first += w->plan->keys) {
        uint32_t sees = count <= first ? 0 : MIN(count - first, w->plan->keys);
        float before = most;
        for (uint32_t t = 0; t < sees; t++) {
            const float *k = walk_key(w, b, row, 0, first + t) + column;
            s[t] = 0;
            for (uint32_t d = 0; d < size; d++) s[t] += q[d] * k[d];
            s[t] *= w->of->scale;
            most = fmaxf(most, s[t]);
        }
        float shrink = before == most ? 1 : expf(before - most);
        sum *= shrink;
        for (uint32_t d = 0; d < size; d++) out[d] *= shrink;
        for (uint32_t t = 0; t < sees; t++) {
            const float *v = walk_key(w, b, row, 1, first + t) + column;
            float e = expf(s[t] - most);
            sum += e;
            for (uint32_t d = 0; d < size; d++) out[d] += e * v[d];
        }
    }
    for (uint32_t d = 0; d < size; d++) out[d] /= sum;
    w->written[(size_t)field(w, ATTENTION_OUT, row) * w->of->heads + head]++;
}

// ---- Blocks

static uint32_t heads_of(const Walk *w) {
    uint32_t group = w->of->heads / w->of->kv_heads;
    return (group + w->plan->parts - 1) / w->plan->parts;
}

// A mixed block has a slot for each row's own key of a tile; the rows of another have the same own keys.
static void check_own(const Walk *w, const AttentionBlock *b) {
    for (int which = 0; which < 2; which++) {
        const uint32_t *list = list_of(w, which);
        for (uint32_t row = 0; row < b->rows && list && !b->mixed; row++)
            CHECK(field(w, ATTENTION_OWN + (AttentionColumn)which, b->first + row) == b->own[which]);
        for (uint32_t first = 0; first < b->most && list && b->mixed; first += w->plan->keys) {
            uint32_t own = 0;
            for (uint32_t key = first; key < MIN(b->most, first + w->plan->keys); key++)
                own += list[b->begin[which] + key] >> 31;
            CHECK(own * b->rows <= w->plan->slots);
        }
    }
}

static void walk_block(const Walk *w, const AttentionBlock *b) {
    uint32_t group = w->of->heads / w->of->kv_heads, heads = heads_of(w), most = 0;
    CHECK(b->rows > 0 && b->rows * heads <= w->plan->pairs);
    CHECK(!b->mixed || w->plan->mixed);
    check_own(w, b);
    for (uint32_t row = b->first; row < b->first + b->rows; row++) most = MAX(most, field(w, ATTENTION_COUNT, row));
    CHECK(most == b->most);
    for (uint32_t column = 0; column < w->of->kv_heads * w->plan->parts; column++) {
        uint32_t first = column % w->plan->parts * heads;
        for (uint32_t pair = 0; pair < b->rows * heads; pair++)
            if (first + pair % heads < group)
                walk_pair(w, b, b->first + pair / heads, column / w->plan->parts * group + first + pair % heads);
    }
}

static void check_walk(const Walk *w) {
    size_t blocks_over = 0;
    uint32_t before = UINT32_MAX;
    for (size_t i = 0; i < w->plan->block_count; i++) {
        uint32_t tiles = (w->blocks[i].most + w->plan->keys - 1) / w->plan->keys;
        blocks_over += tiles > before;
        before = tiles;
        CHECK(w->blocks[i].first == i * w->plan->row_room && w->blocks[i].rows <= w->plan->row_room);
        walk_block(w, &w->blocks[i]);
    }
    CHECK(!blocks_over);
    Arena *scratch = arena_open();
    double *weights = arena_many(scratch, double, 5000), *want = arena_many(scratch, double, w->of->size), worst = 0;
    for (uint64_t r = 0; r < w->of->rows; r++)
        for (uint32_t head = 0; head < w->of->heads; head++) {
            CHECK(w->written[r * w->of->heads + head] == 1);
            if (w->of->rows > 200 && (r * 7 + head) % 31) continue;
            attention_define(w->all, w->of, r, head, weights, want);
            for (uint32_t d = 0; d < w->of->size; d++) {
                double apart = fabs(want[d] - w->out[(r * w->of->heads + head) * w->of->size + d]);
                if (!(apart <= worst)) worst = apart;
            }
        }
    if (!(worst < 1e-5)) fprintf(stderr, "heads of %u: wrong by %g\n", w->of->size, worst);
    CHECK(worst < 1e-5);
    arena_close(scratch);
}

static void walk(const Attending *all, const CudaAttention *of, const AttentionPlan *plan) {
    Arena *scratch = arena_open();
    Walk w = {.all = all, .of = of, .plan = plan, .blocks = plan->tables};
    w.rows = (const uint32_t *)(const void *)((const char *)plan->tables + plan->rows_at);
    w.out = arena_many(scratch, float, of->rows * of->heads * of->size);
    w.written = arena_many(scratch, uint8_t, of->rows * of->heads);
    check_walk(&w);
    arena_close(scratch);
}

// ---- Texts to compile: each once

typedef struct {
    Arena *arena;
    StrMap seen;
    LIST(KernelSource) sources;
} Texts;

static void add_text(Texts *texts, const AttentionPlan *plan) {
    Str text = attention_text(plan, texts->arena);
    uint32_t known;
    if (strmap_get(&texts->seen, text, &known)) return;
    strmap_put(&texts->seen, text, 1);
    KernelSource source = {.name = "attention", .text = text, .fused_multiply_add = true};
    list_push(texts->arena, &texts->sources, source);
}

// ---- Tests

static void test_case(const AttentionCase *c, DType dtype, Texts *texts) {
    Attending a = attending_open(c, dtype);
    for (int strict = 0; strict < 2; strict++) {
        a.attention.strict = strict;
        AttentionPlan *plan = attention_plan(&a.attention, 2, a.arena);
        CHECK(!(strict && (plan->mixed || plan->wide)));
        walk(&a, &a.attention, plan);
        if (texts && !strict) add_text(texts, plan);
    }
    uint32_t *keep = arena_many(a.arena, uint32_t, a.attention.rows), count = 0;
    for (uint64_t r = a.attention.rows; r > a.attention.rows / 2; r -= MIN(r, 2)) keep[count++] = (uint32_t)r - 1;
    CudaAttention some = attention_some(a.arena, &a.attention, keep, count);
    walk(&a, &some, attention_plan(&some, 132, a.arena));
    some.rows = 0;
    CHECK(attention_plan(&some, 132, a.arena)->block_count == 0);
    attending_close(&a);
}

typedef struct {
    AttentionCase c;
    bool mixed, wide, split, team;
    size_t blocks;
} Form;

// The forms that make it fast are chosen where they should be.
static void test_forms(Texts *texts) {
    static const Form forms[] = {
        {{32, 8, 128, 6, 64, 0, 16, 1, 1, 1, false, false, 1}, true, false, false, false, 6},
        {{32, 8, 128, 3, 64, 0, 1, 64, 0, 1, false, false, 1}, false, false, false, true, 48},
        {{32, 8, 96, 3, 64, 0, 1, 64, 0, 1, false, false, 1}, false, false, false, false, 12},
        {{32, 8, 64, 5, 64, 0, 1, 64, 0, 1, false, false, 1}, false, false, false, false, 20},
        {{32, 8, 128, 2, 1024, 0, 1, 1024, 0, 1, false, false, 1}, false, true, false, false, 64},
        {{32, 8, 128, 1, 512, 0, 1, 1, 0, 1, false, false, 1}, false, false, true, false, 1},
        // each point's own keys are many, and so are its rows
        {{32, 8, 16, 2, 80, 0, 4, 32, 32, 1, false, false, 1}, false, false, false, false, 16},
    };
    for (size_t i = 0; i < COUNT(forms); i++) {
        Attending a = attending_open(&forms[i].c, DTYPE_bf16);
        const AttentionPlan *plan = attention_plan(&a.attention, 132, a.arena);
        CHECK(plan->mixed == forms[i].mixed && plan->wide == forms[i].wide && (plan->split > 1) == forms[i].split && (plan->team > 1) == forms[i].team);
        CHECK(plan->block_count == forms[i].blocks);
        add_text(texts, plan);
        a.attention.strict = true;
        plan = attention_plan(&a.attention, 132, a.arena);
        CHECK(!plan->mixed && !plan->wide && plan->split == 1);
        attending_close(&a);
    }
}

// No GPU is needed to compile for one.
static bool test_compiling(const Texts *texts) {
    static const char *archs[] = {"sm_80", "sm_90a", "sm_100"};
    Error err;
    if (!nvrtc_load(NULL, &err)) {
        printf("skipped: %s\n", err.text);
        return false;
    }
    KernelImage *images = arena_many(texts->arena, KernelImage, texts->sources.len);
    for (size_t i = 0; i < COUNT(archs); i++) {
        bool ok = kernels_compile(texts->sources.at, texts->sources.len, archs[i], NULL, texts->arena, images, &err);
        if (!ok) fprintf(stderr, "%s: %s\n", archs[i], err.text);
        CHECK(ok);
        for (size_t k = 0; k < texts->sources.len && ok; k++) CHECK(images[k].bytes > 0);
    }
    return true;
}

int main(void) {
    static const DType dtypes[] = {DTYPE_bf16, DTYPE_f16, DTYPE_f32};
    Texts texts = {.arena = arena_open()};
    texts.seen = strmap_open(texts.arena, 64);
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t k = 0; k < COUNT(dtypes); k++)
            if (i < 4 || k == i % 3) test_case(&cases[i], dtypes[k], i % 4 == 3 && k == i % 3 ? &texts : NULL);
    test_forms(&texts);
    bool compiled = test_compiling(&texts);
    arena_close(texts.arena);
    int status = check_done();
    return status ? status : compiled ? 0 : 77;
}
