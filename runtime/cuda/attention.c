// attention.c: cutting the rows of attention into blocks, and launching the kernel that goes over them.
//
// Rows that read the same list of keys become neighbours in the row table, wherever they stand. A block is neighbours
// whose own keys (OTHER_ROW) are the same, or, mixed, some rows each with its own: then the few keys that differ are
// read for each row and all others once for all.
#include <stdlib.h>

#include "runtime/cuda/attention.h"
#include "runtime/cuda/compile.h"

enum {
    WARPS = 4,
    SLOTS = 32,
    LARGEST_TENSOR_HEAD = 256,
    LARGEST_WIDE_HEAD = 128,
    LONG_KEYS = 384, // of a query, on average: from here on arithmetic takes the time, which WIDE saves
    HEADS_TOGETHER = 64,
    TEAM = WARPS,    // warps of one block's pairs, where there are few blocks
    TEAM_BYTES = (16 * 4 + 32 * 16) * TEAM,
    SPLIT = 8,       // thread blocks of one block, where there are few and each sees
    SPLIT_TILES = 8, // so many tiles or more
};

typedef struct {
    uint32_t begin[2], own[2];
    uint32_t count, row;
} Query;

typedef struct {
    const CudaAttention *attention;
    AttentionPlan *plan;
    Query *queries; // in the order of the row table
    uint32_t room;  // rows of a block
    LIST(AttentionBlock) blocks;
    Arena *arena, *scratch;
} Cut;

// ---- The order of the row table

static int order(uint32_t a, uint32_t b) {
    return a < b ? -1 : a > b;
}

static int order_queries(const void *first, const void *second) {
    const Query *a = first, *b = second;
    const uint32_t pairs[][2] = {{a->begin[0], b->begin[0]}, {a->begin[1], b->begin[1]}, {a->own[0], b->own[0]},
                                 {a->own[1], b->own[1]},     {a->count, b->count},       {a->row, b->row}};
    for (size_t i = 0; i < COUNT(pairs); i++)
        if (pairs[i][0] != pairs[i][1]) return order(pairs[i][0], pairs[i][1]);
    return 0;
}

static void order_rows(Cut *cut) {
    const CudaAttention *a = cut->attention;
    const KeyRows *rows[2] = {&a->keys.rows, &a->values.rows};
    cut->queries = arena_many(cut->scratch, Query, a->rows);
    for (uint64_t r = 0; r < a->rows; r++) {
        Query *query = &cut->queries[r];
        *query = (Query){.count = a->count[r], .row = (uint32_t)r};
        for (int i = 0; i < 2; i++) {
            query->begin[i] = rows[i]->begin[r];
            if (rows[i]->rows) query->own[i] = rows[i]->own[r];
        }
    }
    qsort(cut->queries, a->rows, sizeof *cut->queries, order_queries);
}

// ---- Blocks

static bool same_keys(const Query *a, const Query *b) {
    return a->begin[0] == b->begin[0] && a->begin[1] == b->begin[1];
}

static bool same_own(const Query *a, const Query *b) {
    return same_keys(a, b) && a->own[0] == b->own[0] && a->own[1] == b->own[1];
}

static size_t run_end(const Cut *cut, size_t first, bool same(const Query *, const Query *)) {
    size_t end = first + 1;
    while (end < cut->attention->rows && same(&cut->queries[first], &cut->queries[end])) end++;
    return end;
}

// Of a tile of keys, at most: how many are rows' own.
static uint32_t own_in_tile(const Cut *cut, const KeyRows *keys, uint32_t begin, uint32_t count) {
    uint32_t most = 0, here = 0;
    for (uint32_t i = 0; i < count && keys->rows; i++) {
        if (i % cut->plan->keys == 0) here = 0;
        here += keys->rows[begin + i] >> 31;
        most = MAX(most, here);
    }
    return most;
}

static void add_block(Cut *cut, size_t first, size_t end) {
    const Query *query = &cut->queries[first];
    AttentionBlock block = {.first = (uint32_t)first, .rows = (uint32_t)(end - first)};
    for (size_t i = first; i < end; i++) block.most = MAX(block.most, cut->queries[i].count);
    for (int i = 0; i < 2; i++) block.begin[i] = query->begin[i], block.own[i] = query->own[i];
    block.mixed = !same_own(query, &cut->queries[end - 1]);
    cut->plan->mixed |= block.mixed;
    list_push(cut->arena, &cut->blocks, block);
}

// How many rows of one list may be in a mixed block; 0: none are mixed.
static size_t mixed_room(const Cut *cut, size_t first, size_t end) {
    const CudaAttention *a = cut->attention;
    if (a->strict || !cut->plan->tensor || cut->plan->wide || (!a->keys.rows.rows && !a->values.rows.rows)) return 0;
    uint32_t count = 0;
    for (size_t i = first; i < end; i++) count = MAX(count, cut->queries[i].count);
    uint32_t own = own_in_tile(cut, &a->keys.rows, cut->queries[first].begin[0], count);
    own = MAX(own, own_in_tile(cut, &a->values.rows, cut->queries[first].begin[1], count));
    return MIN(cut->room, own ? SLOTS / own : cut->room);
}

// Rows of one list: many with the same keys of their own are blocks of their own, few share one.
static void cut_list(Cut *cut, size_t first, size_t end) {
    size_t mixed = mixed_room(cut, first, end);
    for (size_t at = first, next; at < end; at = next) {
        next = MIN(run_end(cut, at, same_own), at + cut->room);
        while (next < end && next - at < mixed) {
            size_t more = run_end(cut, next, same_own);
            if (more - at > mixed) break;
            next = more;
        }
        add_block(cut, at, next);
    }
}

static int order_blocks(const void *first, const void *second) {
    const AttentionBlock *const *a = first, *const *b = second;
    return (*a)->most != (*b)->most ? -order((*a)->most, (*b)->most) : order((*a)->first, (*b)->first);
}

// Blocks of many tiles come first; those of one size stay beside those that read the same keys.
static void write_blocks(const Cut *cut, AttentionBlock *out) {
    size_t count = cut->blocks.len;
    AttentionBlock *rounded = arena_copy(cut->scratch, cut->blocks.at, count * sizeof *rounded);
    AttentionBlock **sorted = arena_many(cut->scratch, AttentionBlock *, count);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &rounded[i];
        rounded[i].most = (rounded[i].most + cut->plan->keys - 1) / cut->plan->keys;
    }
    qsort(sorted, count, sizeof *sorted, order_blocks);
    for (size_t i = 0; i < count; i++) out[i] = cut->blocks.at[sorted[i] - rounded];
}

// ---- Tables: blocks, rows, the part of each list that is used

typedef struct {
    uint32_t first, end;
} Range;

static Range used_list(const Cut *cut, int which) {
    const KeyRows *keys = which ? &cut->attention->values.rows : &cut->attention->keys.rows;
    Range range = {UINT32_MAX, 0};
    for (size_t i = 0; i < cut->attention->rows; i++) {
        const Query *query = &cut->queries[i];
        range.first = MIN(range.first, query->begin[which]);
        range.end = MAX(range.end, query->begin[which] + query->count);
    }
    return keys->rows && range.first < range.end ? range : (Range){0, 0};
}

static void write_row(const Cut *cut, const Query *query, uint32_t *out) {
    const uint32_t *q_map = cut->attention->q_map;
    size_t column = cut->plan->row_total;
    out[ATTENTION_Q * column] = q_map ? q_map[query->row] : query->row;
    out[ATTENTION_OUT * column] = query->row;
    out[ATTENTION_COUNT * column] = query->count;
    for (size_t k = 0; k < 2; k++) out[(ATTENTION_OWN + k) * column] = query->own[k];
}

// From the blocks' numbers of queries to those of the row table.
static void write_rows(const Cut *cut, AttentionBlock *blocks, uint32_t *out) {
    for (uint32_t i = 0; i < cut->plan->block_count; i++) {
        uint32_t first = i * cut->plan->row_room;
        for (uint32_t k = 0; k < blocks[i].rows; k++)
            write_row(cut, &cut->queries[blocks[i].first + k], out + first + k);
        blocks[i].first = first;
    }
}

static void write_tables(Cut *cut) {
    AttentionPlan *plan = cut->plan;
    const uint32_t *lists[2] = {cut->attention->keys.rows.rows, cut->attention->values.rows.rows};
    Range used[2] = {used_list(cut, 0), used_list(cut, 1)};
    bool one = lists[0] == lists[1] && used[0].first == used[1].first && used[0].end == used[1].end;
    size_t lengths[2] = {used[0].end - used[0].first, one ? 0 : used[1].end - used[1].first};
    plan->block_count = cut->blocks.len;
    for (size_t i = 0; i < plan->block_count; i++) plan->row_room = MAX(plan->row_room, cut->blocks.at[i].rows);
    plan->row_total = plan->block_count * plan->row_room;
    plan->rows_at = plan->block_count * sizeof(AttentionBlock);
    plan->list_at[0] = plan->rows_at + ATTENTION_COLUMNS * plan->row_total * sizeof(uint32_t);
    plan->list_at[1] = plan->list_at[0] + (one ? 0 : lengths[0] * sizeof(uint32_t));
    plan->table_bytes = plan->list_at[0] + (lengths[0] + lengths[1]) * sizeof(uint32_t);
    unsigned char *tables = arena_alloc(cut->arena, plan->table_bytes);
    plan->tables = tables;
    for (size_t i = 0; i < cut->blocks.len; i++)
        for (int k = 0; k < 2; k++) cut->blocks.at[i].begin[k] -= used[k].first;
    write_blocks(cut, (AttentionBlock *)(void *)tables);
    write_rows(cut, (AttentionBlock *)(void *)tables, (uint32_t *)(void *)(tables + plan->rows_at));
    for (int k = 0; k < 2; k++)
        if (lengths[k]) memcpy(tables + plan->list_at[k], lists[k] + used[k].first, lengths[k] * sizeof(uint32_t));
}

static void cut_rows(Cut *cut) {
    order_rows(cut);
    for (size_t r = 0, end; r < cut->attention->rows; r = end) {
        end = run_end(cut, r, same_keys);
        cut_list(cut, r, end);
    }
    write_tables(cut);
}

// ---- The kernel

// As in kernels/attention_plain.cu.
static void choose_plain(AttentionPlan *plan, uint32_t size) {
    uint32_t rows = size <= 256 ? 8 : size <= 512 ? 4 : size <= 1024 ? 2 : 1;
    uint32_t width = (size + 3) / 4 * 4, part = MIN(width, 128), parts = (width + part - 1) / part;
    uint32_t stride = part / 4 % 2 ? part : part + 4;
    plan->keys = 32;
    plan->pairs = WARPS * rows;
    plan->shared_bytes =
        (plan->pairs * parts * part + plan->keys * stride + plan->pairs * plan->keys) * (uint32_t)sizeof(float);
}

// Too few pairs for a block on each multiprocessor, not so many keys that tiles are shared out instead, and no rows with
// keys of their own, which are mixed.
static bool is_for_teams(const AttentionPlan *plan, const CudaAttention *a, uint32_t multiprocessors) {
    uint32_t most = 0;
    for (uint64_t r = 0; r < a->rows; r++) most = MAX(most, a->count[r]);
    bool few = a->rows * a->heads <= (uint64_t)multiprocessors * WARPS * 16;
    bool mixes = !a->strict && (a->keys.rows.rows || a->values.rows.rows);
    return few && !mixes && !plan->wide && (a->size == 64 || a->size == 128) && most < SPLIT_TILES * plan->keys;
}

// As in kernels/attention.cu; the slots are not counted yet.
static void choose_tensor(AttentionPlan *plan, const CudaAttention *a, uint32_t multiprocessors) {
    uint64_t keys = 0;
    for (uint64_t r = 0; r < a->rows; r++) keys += a->count[r];
    uint64_t wide_blocks = a->rows * a->heads / (2 * WARPS * 16);
    plan->wide = !a->strict && a->size <= LARGEST_WIDE_HEAD && keys / MAX(a->rows, 1) >= LONG_KEYS &&
                 wide_blocks >= 2 * multiprocessors;
    plan->keys = a->size > 128 ? 32 : 64;
    plan->team = is_for_teams(plan, a, multiprocessors) ? TEAM : 1;
    plan->pairs = WARPS / plan->team * 16 * (plan->wide ? 2 : 1);
}

static void finish_tensor(AttentionPlan *plan, const CudaAttention *a, uint32_t multiprocessors) {
    uint32_t most = 0, size = a->size;
    for (uint64_t r = 0; r < a->rows; r++) most = MAX(most, a->count[r]);
    bool few = (uint64_t)plan->block_count * a->kv_heads * plan->parts * 4 <= multiprocessors;
    if (few && !a->strict && !plan->wide && !plan->mixed && plan->team == 1 && most >= SPLIT_TILES * plan->keys) plan->split = SPLIT;
    plan->slots = plan->mixed ? SLOTS : 0;
    uint32_t tables = 64 + (uint32_t)sizeof(uint32_t) * (ATTENTION_COLUMNS * plan->pairs + 2 * plan->keys);
    plan->shared_bytes = (plan->pairs + 2 * (plan->keys + plan->slots)) * (size + 8) * 2 + tables + (plan->team > 1 ? TEAM_BYTES : 0);
}

AttentionPlan *attention_plan(const CudaAttention *attention, uint32_t multiprocessors, Arena *arena) {
    AttentionPlan *plan = arena_new(arena, AttentionPlan);
    uint32_t group = attention->heads / attention->kv_heads;
    plan->threads = WARPS * 32;
    plan->split = plan->team = 1;
    plan->tensor = attention->dtype != DTYPE_f32 && attention->size % 16 == 0 && attention->size <= LARGEST_TENSOR_HEAD;
    if (plan->tensor)
        choose_tensor(plan, attention, multiprocessors);
    else
        choose_plain(plan, attention->size);
    uint32_t together = MIN(HEADS_TOGETHER, plan->pairs);
    plan->parts = (group + together - 1) / together;
    uint32_t heads = (group + plan->parts - 1) / plan->parts;
    Cut cut = {
        .attention = attention, .plan = plan, .room = plan->pairs / heads, .arena = arena, .scratch = arena_open()};
    if (attention->rows) cut_rows(&cut);
    if (plan->tensor) finish_tensor(plan, attention, multiprocessors);
    plan->defines = str_format(
        arena,
        "#define HEAD %u\n#define STORED %s\n#define GROUP %u\n#define WIDE %d\n#define MIXED %d\n#define SPLIT %u\n#define TEAM %u\n",
        attention->size, dtype_info[attention->dtype].name, heads, plan->wide, plan->mixed, plan->split, plan->team);
    arena_close(cut.scratch);
    return plan;
}

Str attention_text(const AttentionPlan *plan, Arena *arena) {
    const Str parts[] = {plan->defines, kernel_text("attention_work.cuh"),
                         kernel_text(plan->tensor ? "attention.cu" : "attention_plain.cu")};
    Text text = text_open(arena);
    for (size_t i = 0; i < COUNT(parts); i++) text_str(&text, parts[i]);
    return text_view(&text);
}

// ---- Launching

// As in kernels/attention_work.cuh.
typedef struct {
    DevicePtr at, other, list;
    uint32_t stride, other_stride;
} KeySource;

typedef struct {
    DevicePtr q, out;
    KeySource source[2];
    DevicePtr blocks, rows;
    uint32_t row_total, row_room, heads, kv_heads, parts, q_stride;
    float scale;
} Work;

static KeySource source_of(const CudaKeys *keys, DevicePtr list, uint32_t width) {
    return (KeySource){keys->at, keys->other, keys->rows.rows ? list : 0, keys->stride ? keys->stride : width,
                       keys->other_stride ? keys->other_stride : width};
}

bool attention_launch(const Gpu *gpu, const AttentionPlan *plan, const CudaAttention *attention, DevicePtr tables,
                      CuFunction function, Error *err) {
    if (!plan->block_count) return true;
    uint32_t width = attention->kv_heads * attention->size;
    Work work = {.q = attention->q,
                 .out = attention->out,
                 .source = {source_of(&attention->keys, tables + plan->list_at[0], width),
                            source_of(&attention->values, tables + plan->list_at[1], width)},
                 .blocks = tables,
                 .rows = tables + plan->rows_at,
                 .row_total = (uint32_t)plan->row_total,
                 .row_room = plan->row_room,
                 .heads = attention->heads,
                 .kv_heads = attention->kv_heads,
                 .parts = plan->parts,
                 .q_stride = attention->q_stride ? attention->q_stride : attention->heads * attention->size,
                 .scale = attention->scale};
    uint64_t grid = (uint64_t)plan->block_count * attention->kv_heads * plan->parts * plan->split;
    if (grid > INT32_MAX)
        FAIL(err, ERR_INPUT, "attention in %zu blocks is more than one launch can do", plan->block_count);
    const GpuLaunch how = {function, {(uint32_t)grid, 1, 1}, {plan->threads, 1, 1}, plan->shared_bytes};
    return gpu_launch(gpu, &how, &work, "compute attention", err);
}
