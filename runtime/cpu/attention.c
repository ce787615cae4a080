// attention.c: causal attention over packed prompts, tile of keys by tile of keys (online softmax: Milakov and
// Gimelshein 2018; in tiles: Dao et al. 2022), so that no matrix of tokens by tokens exists.
//
// A task takes a block of queries of one prompt under one key head: its rows are (query, head) pairs, so that the heads
// that share keys are rows of one product. For each tile of keys: S = Q K^T, P = exp(S scale - m) with the running
// maximum m of each row, sums of P, O = O e^(m_old - m) + P V.
//
// A query's result does not depend on which others are computed: its tiles begin where its prompt's keys do, what it
// does not see counts as 0, and the products are chains of sums in the order of the keys. For that, sgemm is called in
// forms that keep this order however small the call is (gemm.c): the first factor transposed, or a second factor of
// whole vectors; and where the machine wants guards, keys and values are copied between them.
//
// Points of a sweep that write at one token differ in one key: the last. Their queries are one block: its last tile has
// the keys that all see and then the last one of each query, which count as 0 for the others.
//
// What is not finite and unseen does not count as 0 in O: 0 times it is no number. It shows in every pair of a block,
// whose queries are then taken one by one, each with the keys that it sees.
#include <cblas.h>
#include <math.h>

#include "mdx/map.h"
#include "runtime/cpu/cpu.h"

enum {
    Q_FLOATS = 192 << 10, // of a worker's scratch: the queries, transposed
    O_FLOATS = 224 << 10,
    S_FLOATS = 128 << 10,
    COPY_FLOATS = 416 << 10, // keys, then values
    TILE_KEYS = 240,
    OLD_TILE_KEYS = 128, // Prescott cuts longer sums
    SHORT_ROWS = 96,     // pairs of a block: of a short prompt few, so that less is computed that no query sees
    LONG_ROWS = 192,
    SHORT_KEYS = 320,
    UNIT = 16,
    MOST_PADDING = 48,   // of pairs
    MOST_HEADS = 48,     // of a task
    VALUE_COLUMNS = 256, // of one product with values
    CHAIN = 256,         // a longer sum would be cut, in large calls alone
    LARGEST_HEAD = 2048, // for which the buffers have room
};

typedef struct {
    uint64_t first;
    uint32_t count, most; // queries; keys that one of them sees
    uint32_t others;      // when each query has a last key of its own: those of the queries after the first
} Block;

typedef struct {
    Cpu *cpu;
    const Attention *attention;
    const Block *blocks;
    uint32_t block_count;
    uint32_t group, heads; // heads that share a key head; of those, heads of a task
    uint32_t tasks;        // of a block
    uint32_t tile, guard;  // keys of a tile; columns beside those that count, of copies
} Work;

// One task.
typedef struct {
    const Work *work;
    const Block *block;
    uint32_t head, kv_head, heads; // the first head, and how many
    uint32_t rows, padded;         // pairs
    uint32_t stride;               // of S
    float *q, *s, *o, *copy;       // s: after the guard
    float m[LONG_ROWS], sum[LONG_ROWS], shrink[LONG_ROWS];
    uint32_t hide[LONG_ROWS]; // row of Cpu.hide
    bool hides;               // some key of the block, from some pair
} Task;

static uint32_t round_up(uint32_t n, uint32_t unit) {
    return (n + unit - 1) / unit * unit;
}

// ---- Queries: [size, pairs], so that sgemm takes the first factor transposed

typedef float Four __attribute__((vector_size(16)));

static Four load_four(const float *at) {
    Four x;
    memcpy(&x, at, sizeof x);
    return x;
}

static void store_four(float *at, Four x) {
    memcpy(at, &x, sizeof x);
}

#define PICK(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)

// Four rows of `size` numbers become four columns of `to`.
static void transpose_four(const float *const rows[4], uint32_t size, float *to, uint32_t stride) {
    uint32_t d = 0;
    for (; d + 4 <= size; d += 4) {
        Four a = load_four(rows[0] + d), b = load_four(rows[1] + d), c = load_four(rows[2] + d),
             e = load_four(rows[3] + d);
        Four ab = PICK(a, b, 0, 4, 1, 5), ce = PICK(c, e, 0, 4, 1, 5), ab2 = PICK(a, b, 2, 6, 3, 7),
             ce2 = PICK(c, e, 2, 6, 3, 7);
        store_four(to + (size_t)d * stride, PICK(ab, ce, 0, 1, 4, 5));
        store_four(to + (size_t)(d + 1) * stride, PICK(ab, ce, 2, 3, 6, 7));
        store_four(to + (size_t)(d + 2) * stride, PICK(ab2, ce2, 0, 1, 4, 5));
        store_four(to + (size_t)(d + 3) * stride, PICK(ab2, ce2, 2, 3, 6, 7));
    }
    for (; d < size; d++)
        for (uint32_t i = 0; i < 4; i++) to[(size_t)d * stride + i] = rows[i][d];
}

static const float *query_of(const Task *t, uint32_t pair) {
    const Attention *a = t->work->attention;
    uint64_t r = t->block->first + pair / t->heads, row = a->q_map ? a->q_map[r] : r;
    return a->q + row * a->q_stride + (t->head + pair % t->heads) * a->size;
}

static void take_queries(Task *t) {
    static const float nothing[LARGEST_HEAD];
    for (uint32_t p = 0; p < round_up(t->padded, 4); p += 4) {
        const float *rows[4];
        for (uint32_t i = 0; i < 4; i++) rows[i] = p + i < t->rows ? query_of(t, p + i) : nothing;
        transpose_four(rows, t->work->attention->size, t->q + p, round_up(t->padded, 4));
    }
}

// ---- Keys and values, where they lie or between guards

typedef struct {
    const float *at;
    uint32_t stride;
} KeyRow;

// Numbers from `most` on: the last keys of the queries after the first.
static KeyRow key_row(const Task *t, const AttentionKeys *keys, uint32_t number) {
    uint32_t most = t->block->most, other = number < most ? 0 : number - (most - 1);
    uint64_t query = t->block->first + other, at = (uint64_t)keys->rows.begin[query] + number - other;
    const float *from = keys->at;
    uint32_t stride = keys->stride;
    if (keys->rows.rows) {
        at = keys->rows.rows[at];
        if (at & OTHER_ROW)
            from = keys->other, stride = keys->other_stride, at = keys->rows.own[query] + (at & ~OTHER_ROW);
    }
    return (KeyRow){from + at * stride + t->kv_head * t->work->attention->size, stride};
}

// Whether keys stand one behind another in memory.
static bool together(const Task *t, const AttentionKeys *keys, uint32_t first, uint32_t count) {
    const uint32_t *rows = keys->rows.rows;
    if (first + count > t->block->most) return false;
    return !rows || rows_are_run(rows + keys->rows.begin[t->block->first] + first, count);
}

// The second factor of a product, how far apart its rows are, and how wide the result is, guards and all.
typedef struct {
    const float *at;
    uint32_t stride, width;
} Factor;

static Factor keys_of(const Task *t, uint32_t first, uint32_t count) {
    const Attention *a = t->work->attention;
    uint32_t guard = t->work->guard;
    bool plain = t->work->cpu->steady.rows == 1;
    KeyRow row = key_row(t, &a->keys, first);
    if (plain && together(t, &a->keys, first, count)) return (Factor){row.at, row.stride, count};
    uint32_t width = plain ? count : round_up(count + 2 * guard, UNIT);
    if (!plain) memset(t->copy, 0, (size_t)width * a->size * sizeof *t->copy);
    for (uint32_t i = 0; i < count; i++)
        memcpy(t->copy + (size_t)(guard + i) * a->size, key_row(t, &a->keys, first + i).at, a->size * sizeof *t->copy);
    return (Factor){t->copy, a->size, width};
}

// Keys of a tile that are summed over: those that a query does not see count as 0, those after the last too where the
// number of them changes the order of the sums.
static uint32_t summed(const Task *t, uint32_t count) {
    return t->work->cpu->steady.rows == 1 ? count : round_up(count, UNIT);
}

// Columns of the values of a tile.
static Factor values_of(const Task *t, uint32_t first, uint32_t count, uint32_t column, uint32_t columns) {
    const Attention *a = t->work->attention;
    uint32_t guard = t->work->guard, width = round_up(columns + 2 * guard, UNIT);
    bool plain = t->work->cpu->steady.rows == 1 && width == columns;
    KeyRow row = key_row(t, &a->values, first);
    if (plain && together(t, &a->values, first, count)) return (Factor){row.at + column, row.stride, width};
    if (!plain) memset(t->copy, 0, (size_t)width * summed(t, count) * sizeof *t->copy);
    for (uint32_t i = 0; i < count; i++)
        memcpy(t->copy + (size_t)i * width + guard, key_row(t, &a->values, first + i).at + column,
               columns * sizeof *t->copy);
    return (Factor){t->copy, width, width};
}

// ---- Products

static void score_tile(Task *t, uint32_t first, uint32_t count) {
    Factor keys = keys_of(t, first, count);
    uint32_t size = t->work->attention->size, stride = round_up(t->padded, 4);
    for (uint32_t d = 0; d < size; d += CHAIN)
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasTrans, (int)t->padded, (int)keys.width, (int)MIN(CHAIN, size - d),
                    1, t->q + (size_t)d * stride, (int)stride, keys.at + d, (int)keys.stride, d > 0,
                    t->s - t->work->guard, (int)t->stride);
}

// Columns of O come in parts of VALUE_COLUMNS, one part after another.
typedef struct {
    float *at; // of the first pair
    uint32_t column, columns, stride;
} OutPart;

static bool next_part(const Task *t, OutPart *part) {
    uint32_t size = t->work->attention->size;
    part->at = part->at ? part->at + (size_t)t->padded * part->stride : t->o;
    part->column += part->columns;
    part->columns = MIN(VALUE_COLUMNS, size - part->column);
    part->stride = round_up(part->columns + 2 * t->work->guard, UNIT);
    return part->columns > 0;
}

static void shrink_part(Task *t, const OutPart *part) {
    RowPointer pointers[3] = {{.at = part->at, .stride = part->stride},
                              {.at = t->shrink, .stride = 1},
                              {.at = part->at, .stride = part->stride}};
    t->work->cpu->rescale(pointers, part->stride, 0, 0, t->rows);
}

static void add_values(Task *t, uint32_t first, uint32_t count) {
    bool shrinks = false;
    for (uint32_t p = 0; p < t->rows; p++) shrinks |= t->shrink[p] != 1;
    for (OutPart part = {0}; next_part(t, &part);) {
        if (first && shrinks) shrink_part(t, &part);
        Factor values = values_of(t, first, count, part.column, part.columns);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)t->padded, (int)values.width, (int)summed(t, count),
                    1, t->s, (int)t->stride, values.at, (int)values.stride, first > 0, part.at, (int)part.stride);
    }
}

// ---- Softmax

// Which keys of a tile a row sees is data: the row of `hide` that is added to it. False: all rows see all of them.
static bool hide_unseen(Task *t, uint32_t first, uint32_t count) {
    bool hides = false;
    for (uint32_t query = 0, p = 0; query < t->block->count; query++) {
        uint32_t all = t->work->attention->count[t->block->first + query],
                 sees = all <= first ? 0 : MIN(all - first, count);
        hides |= sees < count;
        for (uint32_t h = 0; h < t->heads; h++) t->hide[p++] = TILE_KEYS - sees;
    }
    return hides;
}

// Scores become exponentials; those of keys that a query does not see 0.
static void soften_tile(Task *t, uint32_t first, uint32_t count) {
    const Cpu *cpu = t->work->cpu;
    float scale = t->work->attention->scale;
    RowPointer scores = {.at = t->s, .stride = t->stride}, hide = {.at = cpu->hide, .map = t->hide, .stride = 1};
    RowPointer m = {.at = t->m, .stride = 1}, sum = {.at = t->sum, .stride = 1},
               shrink = {.at = t->shrink, .stride = 1};
    RowPointer pointers[] = {scores, {.at = &scale}, m, sum, hide, scores, m, sum, shrink};
    bool hides = hide_unseen(t, first, count);
    t->hides |= hides;
    if (!hides) memmove(pointers + 4, pointers + 5, 4 * sizeof *pointers);
    (hides ? cpu->soften_some : cpu->soften)(pointers, count, 0, 0, t->rows);
    for (uint32_t p = 0; p < t->rows && summed(t, count) > count; p++)
        memset(t->s + (size_t)p * t->stride + count, 0, (summed(t, count) - count) * sizeof *t->s);
}

// ---- The last keys of several queries: in a tile, the scores are for a time as if there were one

static void take_own_scores(Task *t, uint32_t count) {
    float *last = t->s + count - 1;
    for (uint32_t p = 0; p < t->rows; p++, last += t->stride) *last = last[p / t->heads];
}

static void put_own_scores(Task *t, uint32_t count) {
    float *last = t->s + count - 1;
    for (uint32_t p = 0; p < t->rows; p++, last += t->stride) {
        float own = *last;
        memset(last, 0, t->block->count * sizeof *last);
        last[p / t->heads] = own;
    }
}

// ---- Tasks

// All heads of a query after one another: neighbours in the result.
static void copy_part(const Task *t, const OutPart *part) {
    const Attention *a = t->work->attention;
    for (uint32_t p = 0; p < t->rows; p++) {
        uint64_t query = t->block->first + p / t->heads, head = t->head + p % t->heads;
        memcpy(a->out + (query * a->heads + head) * a->size + part->column,
               part->at + (size_t)p * part->stride + t->work->guard, part->columns * sizeof *a->out);
    }
}

static void keep_results(Task *t) {
    for (OutPart part = {0}; next_part(t, &part);) {
        RowPointer values = {.at = part.at, .stride = part.stride},
                   pointers[3] = {values, {.at = t->sum, .stride = 1}, values};
        t->work->cpu->divide(pointers, part.stride, 0, 0, t->rows);
        copy_part(t, &part);
    }
}

static void open_task(Task *t, uint32_t worker) {
    const Work *w = t->work;
    t->rows = t->block->count * t->heads;
    t->padded = round_up(t->rows, w->cpu->steady.rows);
    t->stride = w->tile + 2 * w->guard + UNIT;
    t->q = (float *)w->cpu->scratch[worker];
    t->o = t->q + Q_FLOATS;
    t->s = t->o + O_FLOATS + w->guard;
    t->copy = t->o + O_FLOATS + S_FLOATS;
    for (uint32_t p = 0; p < t->rows; p++) t->m[p] = -INFINITY;
}

static void attend_block(Task *t, uint32_t worker) {
    open_task(t, worker);
    take_queries(t);
    for (uint32_t first = 0; first < t->block->most; first += t->work->tile) {
        uint32_t count = MIN(t->work->tile, t->block->most - first);
        uint32_t others = first + count == t->block->most ? t->block->others : 0;
        score_tile(t, first, count + others);
        if (others) take_own_scores(t, count);
        soften_tile(t, first, count);
        if (others) put_own_scores(t, count);
        add_values(t, first, count + others);
    }
    t->hides |= t->block->others > 0;
}

// Every pair has summed all values of the block, each times a number: the first pair tells of all.
static bool all_finite(const Task *t) {
    bool finite = true;
    for (OutPart part = {0}; next_part(t, &part);)
        for (uint32_t d = 0; d < part.columns; d++) finite &= isfinite(part.at[t->work->guard + d]) != 0;
    return finite;
}

static void attend_one_by_one(const Task *all, uint32_t worker) {
    for (uint32_t i = 0; i < all->block->count; i++) {
        uint64_t query = all->block->first + i;
        Block block = {query, 1, all->work->attention->count[query], 0};
        Task t = {.work = all->work, .block = &block, .head = all->head, .kv_head = all->kv_head, .heads = all->heads};
        attend_block(&t, worker);
        keep_results(&t);
    }
}

// Blocks from the last on: they see most keys, and what is long comes first.
static void attend_task(void *self, uint32_t task, uint32_t worker) {
    const Work *w = self;
    Task t = {.work = w, .block = &w->blocks[w->block_count - 1 - task / w->tasks]};
    uint32_t in_group = (w->group + w->heads - 1) / w->heads, part = task % w->tasks % in_group;
    t.kv_head = task % w->tasks / in_group;
    t.head = t.kv_head * w->group + part * w->heads;
    t.heads = MIN(w->heads, w->group - part * w->heads);
    attend_block(&t, worker);
    if (t.hides && !all_finite(&t))
        attend_one_by_one(&t, worker);
    else
        keep_results(&t);
}

// ---- The whole

static bool same_begin(const KeyRows *rows, uint64_t r, uint64_t s) {
    return rows->begin[r] == rows->begin[s] && (!rows->rows || rows->own[r] == rows->own[s]);
}

static bool same_prompt(const Attention *a, uint64_t r, uint64_t s) {
    return same_begin(&a->keys.rows, r, s) && same_begin(&a->values.rows, r, s);
}

// Whether all keys but the last are those of any query with this list.
static bool only_last_own(const KeyRows *rows, uint64_t r, uint32_t count) {
    bool own = false;
    for (uint32_t k = 0; k + 1 < count && rows->rows; k++) own |= (rows->rows[rows->begin[r] + k] & OTHER_ROW) != 0;
    return !own;
}

// How many queries from a row on read the same keys but for the last. Elsewhere (gemm.c), sums are cut by their length.
static uint32_t points_at(const Work *w, uint64_t first, uint32_t room) {
    const Attention *a = w->attention;
    const KeyRows *keys = &a->keys.rows, *values = &a->values.rows;
    uint32_t all = a->count[first], points = 1;
    if (w->cpu->steady.rows > 1 || !only_last_own(keys, first, all) || !only_last_own(values, first, all)) return 1;
    room = MIN(room, w->tile + UNIT - (all - 1) % w->tile); // that many keys a product takes
    for (uint64_t r = first + 1; r < a->rows && points < room && a->count[r] == all; r++, points++)
        if (keys->begin[r] != keys->begin[first] || values->begin[r] != values->begin[first]) break;
    return points;
}

// The next block from a row on.
static Block block_at(const Work *w, uint64_t first) {
    const Attention *a = w->attention;
    Block block = {.first = first};
    uint32_t rows = MIN(a->count[first] > SHORT_KEYS ? LONG_ROWS : SHORT_ROWS, Q_FLOATS / a->size - MOST_PADDING);
    uint32_t room = MAX(rows / w->heads, 1);
    for (uint64_t r = first; r < a->rows && block.count < room && same_prompt(a, first, r); r++) {
        block.count++;
        block.most = MAX(block.most, a->count[r]);
    }
    if (block.count == 1) block.others = points_at(w, first, room) - 1;
    block.count += block.others;
    return block;
}

static const Block *cut_blocks(Work *w, Arena *scratch) {
    for (uint64_t r = 0; r < w->attention->rows; r += block_at(w, r).count) w->block_count++;
    Block *blocks = arena_many(scratch, Block, w->block_count);
    uint64_t r = 0;
    for (uint32_t i = 0; i < w->block_count; r += blocks[i++].count) blocks[i] = block_at(w, r);
    return blocks;
}

static void fill_strides(Attention *a) {
    AttentionKeys *keys[] = {&a->keys, &a->values};
    if (!a->q_stride) a->q_stride = a->heads * a->size;
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (!keys[i]->stride) keys[i]->stride = a->kv_heads * a->size;
        if (!keys[i]->other_stride) keys[i]->other_stride = a->kv_heads * a->size;
    }
}

bool cpu_attention(Cpu *cpu, const Attention *attention, Error *err) {
    Attention whole = *attention, *a = &whole;
    fill_strides(a);
    Work w = {.cpu = cpu, .attention = a, .guard = cpu->steady.guard};
    if (a->size > LARGEST_HEAD)
        FAIL(err, ERR_INPUT, "a head of %u numbers is larger than the %d that attention has room for", a->size,
             LARGEST_HEAD);
    uint32_t fit = COPY_FLOATS / a->size - 2 * w.guard - UNIT;
    bool old = cpu->steady.rows > 1 && !w.guard;
    w.tile = MIN(old ? OLD_TILE_KEYS : TILE_KEYS, fit / UNIT * UNIT);
    w.group = a->heads / a->kv_heads;
    w.heads = MIN(w.group, MOST_HEADS);
    w.tasks = a->kv_heads * ((w.group + w.heads - 1) / w.heads);
    Arena *scratch = arena_open();
    w.blocks = cut_blocks(&w, scratch);
    pool_run(cpu->pool, attend_task, &w, w.block_count * w.tasks);
    arena_close(scratch);
    return true;
}

// ---- Its row kernels

static bool compile(Cpu *cpu, RowBuilder *b, RowFunction **out, Error *err) {
    RowCode code = row_done(b, 0, 0);
    DType types[] = {DTYPE_f32, DTYPE_f32, DTYPE_f32, DTYPE_f32, DTYPE_f32};
    return jit_function(cpu->jit, &code, types, out, err);
}

static uint16_t number(RowBuilder *b, bool fixed) {
    return row_number(b, row_operand(b, (RowOperand){.number = true, .fixed = fixed}), false);
}

// e^x, but never a number below the normal ones: processors take a hundred cycles for each. What is no number stays.
static uint16_t exponential(RowBuilder *b, uint16_t x) {
    return row_op(b, ROW_exp, row_op(b, ROW_greater, row_constant(b, -87, false), x, 0), 0, 0);
}

// scores, scale, m, sum and perhaps what hides -> exponentials, the new m, the new sum, by what the old ones shrink
static bool compile_soften(Cpu *cpu, bool hides, RowFunction **out, Error *err) {
    RowBuilder b = {.arena = cpu->arena};
    uint16_t scores = row_load(&b, row_operand(&b, (RowOperand){0})), scale = number(&b, true);
    uint16_t m = number(&b, false), sum = number(&b, false), x = row_op(&b, ROW_mul, scores, scale, 0), hide = 0;
    if (hides) hide = row_load(&b, row_operand(&b, (RowOperand){.mapped = true}));
    if (hides) x = row_op(&b, ROW_add, x, hide, 0);
    uint16_t most = row_op(&b, ROW_greater, m, row_op(&b, ROW_largest, x, 0, 0), 0);
    uint16_t e = exponential(&b, row_op(&b, ROW_sub, x, most, 0));
    if (hides) e = row_op(&b, ROW_choose, hide, row_constant(&b, 0, false), e);
    uint16_t shrink = exponential(&b, row_op(&b, ROW_sub, m, most, 0));
    uint16_t total = row_op(&b, ROW_add, row_op(&b, ROW_mul, sum, shrink, 0), row_op(&b, ROW_sum, e, 0, 0), 0);
    const uint16_t results[] = {e, most, total, shrink};
    for (size_t i = 0; i < COUNT(results); i++) row_result(&b, results[i], false);
    return compile(cpu, &b, out, err);
}

static bool compile_rescale(Cpu *cpu, bool divides, RowFunction **out, Error *err) {
    RowBuilder b = {.arena = cpu->arena};
    uint16_t x = row_load(&b, row_operand(&b, (RowOperand){0})), by = number(&b, false);
    if (divides) by = row_op(&b, ROW_div, row_constant(&b, 1, false), by, 0);
    row_result(&b, row_op(&b, ROW_mul, x, by, 0), false);
    return compile(cpu, &b, out, err);
}

bool attention_compile(Cpu *cpu, Error *err) {
    cpu->hide = arena_many(cpu->arena, float, 2 * TILE_KEYS);
    for (uint32_t i = 0; i < TILE_KEYS; i++) cpu->hide[TILE_KEYS + i] = -INFINITY;
    return compile_soften(cpu, false, &cpu->soften, err) && compile_soften(cpu, true, &cpu->soften_some, err) &&
           compile_rescale(cpu, false, &cpu->rescale, err) && compile_rescale(cpu, true, &cpu->divide, err);
}
