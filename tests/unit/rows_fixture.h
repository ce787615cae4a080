// rows_fixture.h: runs a row kernel on generated data between guarded pages and compares it with the interpreter.
//
// Operands are read-only and end (or begin) at a page that cannot be touched; what lies between their rows is no
// number. Results are checked byte by byte: what is not a result keeps its pattern.
#pragma once

#define _DEFAULT_SOURCE // MAP_ANONYMOUS

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "rows.h"
#include "runtime/cpu/jit.h"

// ---- Pseudo-random numbers (xorshift64*)

typedef struct {
    uint64_t state;
} Random;

static inline uint32_t random_below(Random *random, uint32_t limit) {
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return (uint32_t)((random->state * 0x2545f4914f6cdd1du) >> 33) % limit;
}

static inline bool random_one_in(Random *random, uint32_t n) {
    return random_below(random, n) == 0;
}

// ---- Buffers between pages that cannot be touched

typedef struct {
    unsigned char *map, *at;
    size_t map_size, bytes;
} Guarded;

static inline Guarded guarded_open(size_t bytes, bool at_end, int fill) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (bytes + page - 1) / page * page;
    Guarded g = {.map_size = inside + 2 * page, .bytes = bytes};
    g.map = mmap(NULL, g.map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(g.map != MAP_FAILED);
    if (inside) MUST(mprotect(g.map + page, inside, PROT_READ | PROT_WRITE) == 0);
    memset(g.map + page, fill, inside);
    g.at = g.map + page + (at_end ? inside - bytes : 0);
    return g;
}

static inline void guarded_seal(Guarded *g) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (g->map_size > 2 * page) MUST(mprotect(g->map + page, g->map_size - 2 * page, PROT_READ) == 0);
}

// ---- A kernel with its data

enum { MOST_POINTERS = 24, MOST_ROWS = 8, PATTERN = 0xa5 };

typedef struct {
    RowCode code;
    DType types[MOST_POINTERS];
    RowPointer pointers[MOST_POINTERS];
    uint64_t columns, base, rows;
    uint64_t result_rows; // of each result
    LIST(Guarded) buffers;
    Arena *arena;
    Random *random;
} Bench;

static inline Guarded bench_buffer(Bench *b, size_t bytes, int fill) {
    Guarded g = guarded_open(bytes, !random_one_in(b->random, 4), fill);
    list_push(b->arena, &b->buffers, g);
    return g;
}

static inline void bench_close(Bench *b) {
    for (size_t i = 0; i < b->buffers.len; i++) munmap(b->buffers.at[i].map, b->buffers.at[i].map_size);
    b->buffers.len = 0;
}

static inline const uint32_t *bench_table(Bench *b, const uint32_t *entries, size_t count) {
    Guarded g = bench_buffer(b, count * sizeof *entries, 0);
    memcpy(g.at, entries, count * sizeof *entries);
    guarded_seal(&g);
    return (const uint32_t *)(void *)g.at;
}

// ---- Values

static inline double random_value(Random *random, bool special) {
    static const double specials[] = {0, -0.0, 1, -1, INFINITY, -INFINITY, NAN, 1e30, -1e30, 1e-40, 100, -104, 88.7};
    if (special && random_one_in(random, 8)) return specials[random_below(random, COUNT(specials))];
    if (random_one_in(random, 4)) return (double)random_below(random, 5) - 2;
    return (random_below(random, 1 << 20) - (double)(1 << 19)) / (1 << 17);
}

static inline uint16_t f16_of(double x) {
    uint32_t sign = signbit(x) ? 0x8000 : 0;
    int exponent;
    double fraction = frexp(fabs(x), &exponent);
    if (isnan(x)) return 0x7e00;
    if (fabs(x) > 60000) return (uint16_t)(sign | 0x7c00);
    if (fabs(x) < 0x1p-14) return (uint16_t)(sign | (uint32_t)(fabs(x) * 0x1p24));
    return (uint16_t)(sign | (uint32_t)(exponent + 14) << 10 | ((uint32_t)(fraction * 2048) & 0x3ff));
}

static inline void put_value(DType dtype, void *at, size_t i, double x) {
    float f = (float)x;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    switch (dtype) {
    case DTYPE_f32: ((float *)at)[i] = f; break;
    case DTYPE_f64: ((double *)at)[i] = x; break;
    case DTYPE_bf16: ((uint16_t *)at)[i] = (uint16_t)(bits >> 16 | (isnan(x) ? 0x40 : 0)); break;
    case DTYPE_f16: ((uint16_t *)at)[i] = f16_of(x); break;
    case DTYPE_i32: ((int32_t *)at)[i] = (int32_t)x; break;
    case DTYPE_COUNT: BUG("no such dtype");
    }
}

// Numbers of columns, some of them outside.
static inline double random_column(const Bench *b) {
    return (double)b->base + random_below(b->random, (uint32_t)b->columns + 2) - 1;
}

static inline uint64_t operand_width(Bench *b, const RowOperand *operand) {
    if (operand->number) return 1;
    if (operand->columns == COLUMNS_LOCAL) return b->code.block;
    if (operand->columns == COLUMNS_BLOCKS) return operand->span * (1 + (uint64_t)random_below(b->random, 3));
    return b->columns;
}

static inline void fill_rows(Bench *b, uint32_t k, uint64_t rows, uint64_t width) {
    RowPointer *pointer = &b->pointers[k];
    size_t size = dtype_info[b->types[k]].bytes;
    pointer->stride = width + random_below(b->random, 10);
    Guarded g = bench_buffer(b, rows ? ((rows - 1) * pointer->stride + width) * size : 0, 0xff);
    bool special = random_one_in(b->random, 3);
    for (uint64_t r = 0; r < rows; r++)
        for (uint64_t c = 0; c < width; c++)
            put_value(b->types[k], g.at, r * pointer->stride + c,
                      b->types[k] == DTYPE_i32 ? random_column(b) : random_value(b->random, special));
    guarded_seal(&g);
    pointer->at = g.at;
    if (rows == 1) pointer->stride = 0;
}

static inline void fill_operand(Bench *b, uint32_t k) {
    const RowOperand *operand = &b->code.operands[k];
    uint32_t entries[MOST_ROWS + 100], sources = 1 + random_below(b->random, 5);
    uint64_t width = operand_width(b, operand);
    for (uint64_t r = 0; r < b->rows; r++)
        entries[r] = operand->flag && random_one_in(b->random, 2) ? ROW_NONE : random_below(b->random, sources);
    b->pointers[k] = (RowPointer){0};
    if (!operand->flag) fill_rows(b, k, operand->fixed ? 1 : operand->mapped ? sources : b->rows, width);
    if (operand->mapped) b->pointers[k].map = bench_table(b, entries, b->rows);
    if (operand->columns != COLUMNS_BLOCKS) return;
    uint32_t spans = (b->code.width + operand->span - 1) / operand->span,
             most = MAX((uint32_t)(width / operand->span), 1);
    for (uint32_t i = 0; i < spans; i++)
        entries[i] = random_one_in(b->random, 3) ? ROW_NONE : random_below(b->random, most);
    b->pointers[k].blocks = bench_table(b, entries, spans);
}

static inline void fill_result(Bench *b, uint32_t k) {
    const RowInstr *instr = &b->code.instrs[b->code.results[k].value];
    RowPointer *pointer = &b->pointers[b->code.operand_count + k];
    uint64_t width = instr->columns ? b->columns : 1;
    *pointer = (RowPointer){.stride = width + random_below(b->random, 10)};
    pointer->at = bench_buffer(b, ((b->result_rows - 1) * pointer->stride + width) * (instr->wide ? 8 : 4), PATTERN).at;
    if (!b->code.results[k].mapped) return;
    uint32_t map[MOST_ROWS], shift = random_below(b->random, (uint32_t)b->result_rows); // no row twice
    for (uint64_t r = 0; r < b->rows; r++)
        map[r] = random_one_in(b->random, 3) ? ROW_NONE : (uint32_t)((r * 3 + shift) % b->result_rows);
    pointer->map = bench_table(b, map, b->rows);
}

// Rows are at most MOST_ROWS; columns are read when the code has none.
static inline Bench bench_open(Arena *arena, Random *random, RowCode code, const DType *types, uint64_t columns,
                               uint64_t rows) {
    Bench b = {
        .code = code, .columns = code.width ? code.width : columns, .rows = rows, .arena = arena, .random = random};
    MUST(code.operand_count + code.result_count <= MOST_POINTERS && rows <= MOST_ROWS);
    memcpy(b.types, types, code.operand_count * sizeof *types);
    b.base = random_one_in(random, 2) ? 0 : 1000;
    b.result_rows = MOST_ROWS + 2; // no multiple of 3
    for (uint32_t k = 0; k < code.operand_count; k++) fill_operand(&b, k);
    for (uint32_t k = 0; k < code.result_count; k++) fill_result(&b, k);
    return b;
}

// ---- Running

// Everything in the pages of a result that no row of it owns has the pattern.
static inline bool untouched(const Bench *b, uint32_t k) {
    const RowPointer *pointer = &b->pointers[b->code.operand_count + k];
    const RowInstr *instr = &b->code.instrs[b->code.results[k].value];
    size_t size = instr->wide ? 8 : 4, page = (size_t)sysconf(_SC_PAGESIZE);
    const Guarded *g = NULL;
    for (size_t i = 0; i < b->buffers.len; i++)
        if (b->buffers.at[i].at == pointer->at) g = &b->buffers.at[i];
    MUST(g);
    bool *owned = arena_many(b->arena, bool, g->map_size);
    for (uint64_t r = 0; r < b->rows; r++) {
        uint64_t row = b->code.results[k].mapped ? pointer->map[r] : r;
        if (row == ROW_NONE) continue;
        memset(owned + (g->at - g->map) + row * pointer->stride * size, 1, (instr->columns ? b->columns : 1) * size);
    }
    for (size_t i = page; i < g->map_size - page; i++)
        if (!owned[i] && g->map[i] != PATTERN) return false;
    return true;
}

// Runs the rows in two calls; empty when everything is right.
static inline Str bench_run(Bench *b, RowFunction *function) {
    uint64_t split = random_below(b->random, (uint32_t)b->rows + 1);
    function(b->pointers, b->columns, b->base, 0, split);
    function(b->pointers, b->columns, b->base, split, b->rows);
    for (uint32_t k = 0; k < b->code.result_count; k++)
        if (!untouched(b, k)) return str_format(b->arena, "result %u: written outside of its rows and columns", k);
    return rows_differ(&b->code, b->types, b->pointers, b->columns, b->base, 0, b->rows, b->arena);
}

// Compiles and runs a code; says what differs, with the code.
static inline bool bench_check(Jit *jit, Random *random, RowCode code, const DType *types, uint64_t columns,
                               uint64_t rows) {
    Arena *arena = arena_open();
    Error err = {0};
    RowFunction *function;
    Str wrong;
    Bench b = bench_open(arena, random, code, types, columns, rows);
    if (jit_function(jit, &code, types, &function, &err))
        wrong = bench_run(&b, function);
    else
        wrong = str_of(err.text);
    if (wrong.len) {
        Text text = text_open(arena);
        row_print(&code, &text);
        for (uint32_t k = 0; k < code.operand_count; k++)
            text_add(&text, " in%u: %s", k, code.operands[k].flag ? "flag" : dtype_info[types[k]].name);
        fprintf(stderr, "%llu columns, %llu rows: %.*s\n%s\n", (unsigned long long)b.columns, (unsigned long long)rows,
                STR_ARG(wrong), text.at);
    }
    bool ok = wrong.len == 0;
    bench_close(&b);
    arena_close(arena);
    return ok;
}
