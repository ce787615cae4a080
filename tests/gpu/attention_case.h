// attention_case.h: prompts, points and queries for the tests of the GPU's attention, and what their results are.
#pragma once

#include <math.h>
#include <stdlib.h>

#include "runtime/cuda/attention.h"

typedef struct {
    uint32_t heads, kv_heads, size;
    uint32_t prompts, length; // keys of the first prompt; others are shorter by `less` each, but never without
    uint32_t less;
    uint32_t points;     // of a sweep: rows of each prompt for each
    uint32_t queries;    // of the last tokens of each prompt and point
    uint32_t own, every; // of the last `own` keys each `every`-th lies in memory of its point (0: none does)
    bool plain_values;   // only the keys do
    bool mapped;         // queries lie in another order
    float large;         // size of queries: large ones make one key win
} AttentionCase;

// Numbers in the host's memory, as float32.
typedef struct {
    float *at;
    size_t rows, width;
} Numbers;

typedef struct {
    CudaAttention attention; // without addresses
    Numbers q, keys[2], other[2];
    Arena *arena;
} Attending;

static uint32_t attention_seed = 4711;

static float attention_number(void) {
    attention_seed = attention_seed * 1664525 + 1013904223;
    return (float)(attention_seed >> 8) / (1 << 23) - 1;
}

static inline uint16_t bf16_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (isnan(x)) return 0x7fff;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline uint16_t f16_of(float x) {
    _Float16 half = (_Float16)x;
    uint16_t bits;
    memcpy(&bits, &half, sizeof bits);
    return bits;
}

static inline void numbers_store(DType dtype, const float *from, void *to, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (dtype == DTYPE_f32) ((float *)to)[i] = from[i];
        if (dtype == DTYPE_bf16) ((uint16_t *)to)[i] = bf16_of(from[i]);
        if (dtype == DTYPE_f16) ((uint16_t *)to)[i] = f16_of(from[i]);
    }
}

// As the type stores them, so that the definition sees what the kernel sees.
static inline Numbers numbers_of(Arena *arena, DType dtype, size_t rows, size_t width, float size) {
    Numbers numbers = {arena_many(arena, float, rows *width + 1), rows, width};
    uint32_t stored = 0;
    for (size_t i = 0; i < rows * width; i++) {
        float x = attention_number() * size;
        numbers_store(dtype, &x, &stored, 1);
        dtype_to_f32(dtype, &stored, &numbers.at[i], 1);
    }
    return numbers;
}

static inline uint32_t case_length(const AttentionCase *c, uint32_t prompt) {
    uint32_t less = prompt * c->less;
    return less < c->length ? c->length - less : 1;
}

// Keys of prompts lie behind one another, values in the other order; a row that nobody may read stands before each.
// Keys that are a point's own are no numbers where all others' are.
typedef struct {
    const AttentionCase *c;
    Attending *out;
    uint32_t *begin[2], *list[2], *own[2], *count, *q_map;
} CaseBuild;

static inline bool is_own(const AttentionCase *c, uint32_t length, uint32_t key) {
    uint32_t own = c->own < length ? c->own : length;
    return c->own && key >= length - own && (length - 1 - key) % c->every == 0;
}

static inline void fill_row(Numbers *to, size_t row, float x) {
    for (size_t i = 0; i < to->width; i++) to->at[row * to->width + i] = x;
}

static inline void build_keys(CaseBuild *b, int which) {
    const AttentionCase *c = b->c;
    bool listed = c->own && !(which && c->plain_values);
    uint32_t next = 0, row = 0, own_next = 0;
    for (uint32_t i = 0; i < c->prompts; i++) {
        uint32_t prompt = which ? c->prompts - 1 - i : i, length = case_length(c, prompt), first_row = 0;
        for (uint32_t p = 0; p < prompt; p++)
            first_row += c->points * (c->queries < case_length(c, p) ? c->queries : case_length(c, p));
        uint32_t queries = c->queries < length ? c->queries : length, owned = 0, begin = listed ? next : row + 1;
        fill_row(&b->out->keys[which], row++, NAN);
        for (uint32_t key = 0; key < length; key++, row++) {
            bool own = listed && is_own(c, length, key);
            if (listed) b->list[which][next++] = own ? OTHER_ROW | owned : row;
            if (own) fill_row(&b->out->keys[which], row, NAN);
            owned += own;
        }
        for (uint32_t point = 0; point < c->points; point++, own_next += owned)
            for (uint32_t q = 0; q < queries; q++) {
                uint32_t r = first_row + point * queries + q;
                b->begin[which][r] = begin;
                b->own[which][r] = own_next;
                b->count[r] = length - queries + q + 1;
            }
    }
}

static inline Attending attending_open(const AttentionCase *c, DType dtype) {
    Attending out = {.arena = arena_open()};
    uint32_t rows = 0, tokens = 0, own = 1;
    for (uint32_t p = 0; p < c->prompts; p++) {
        uint32_t length = case_length(c, p);
        tokens += length;
        rows += c->points * (c->queries < length ? c->queries : length);
        for (uint32_t key = 0; key < length; key++) own += is_own(c, length, key) * c->points;
    }
    size_t width = (size_t)c->kv_heads * c->size;
    out.q = numbers_of(out.arena, dtype, rows, (size_t)c->heads * c->size, c->large);
    CaseBuild b = {.c = c,
                   .out = &out,
                   .count = arena_many(out.arena, uint32_t, rows),
                   .q_map = arena_many(out.arena, uint32_t, rows)};
    for (int i = 0; i < 2; i++) {
        out.keys[i] = numbers_of(out.arena, dtype, tokens + c->prompts, width, 1);
        out.other[i] = numbers_of(out.arena, dtype, own, width, 1);
        b.begin[i] = arena_many(out.arena, uint32_t, rows);
        b.own[i] = arena_many(out.arena, uint32_t, rows);
        b.list[i] = arena_many(out.arena, uint32_t, tokens + 1);
        build_keys(&b, i);
    }
    for (uint32_t r = 0; r < rows; r++) b.q_map[r] = rows - 1 - r;
    bool listed[2] = {c->own > 0, c->own > 0 && !c->plain_values};
    out.attention = (CudaAttention){.dtype = dtype,
                                    .q_map = c->mapped ? b.q_map : NULL,
                                    .count = b.count,
                                    .rows = rows,
                                    .heads = c->heads,
                                    .kv_heads = c->kv_heads,
                                    .size = c->size,
                                    .scale = 1 / sqrtf((float)c->size)};
    KeyRows *rows_of[2] = {&out.attention.keys.rows, &out.attention.values.rows};
    for (int i = 0; i < 2; i++)
        *rows_of[i] = (KeyRows){.begin = b.begin[i], .rows = listed[i] ? b.list[i] : NULL, .own = b.own[i]};
    return out;
}

static inline void attending_close(Attending *a) {
    arena_close(a->arena);
}

// The same with some rows only, in the order of `keep`.
static inline CudaAttention attention_some(Arena *arena, const CudaAttention *all, const uint32_t *keep,
                                           uint32_t count) {
    CudaAttention some = *all;
    uint32_t *lists[6];
    for (int i = 0; i < 6; i++) lists[i] = arena_many(arena, uint32_t, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = keep[i];
        const uint32_t from[6] = {all->q_map ? all->q_map[r] : r, all->count[r],         all->keys.rows.begin[r],
                                  all->values.rows.begin[r],      all->keys.rows.own[r], all->values.rows.own[r]};
        for (int k = 0; k < 6; k++) lists[k][i] = from[k];
    }
    some.q_map = lists[0], some.count = lists[1];
    some.keys.rows.begin = lists[2], some.values.rows.begin = lists[3];
    some.keys.rows.own = lists[4], some.values.rows.own = lists[5];
    some.rows = count;
    return some;
}

// ---- The definition

static inline const float *attention_key(const Attending *a, const CudaAttention *of, int which, uint64_t r,
                                         uint32_t key) {
    const KeyRows *rows = which ? &of->values.rows : &of->keys.rows;
    size_t row = rows->rows ? rows->rows[rows->begin[r] + key] : rows->begin[r] + key;
    bool other = rows->rows && row & OTHER_ROW;
    if (other) row = rows->own[r] + (row & ~OTHER_ROW);
    const Numbers *from = other ? &a->other[which] : &a->keys[which];
    return from->at + row * from->width;
}

// weights [count]; out [size]
static inline void attention_define(const Attending *a, const CudaAttention *of, uint64_t r, uint32_t head,
                                    double *weights, double *out) {
    uint32_t size = of->size, column = head / (of->heads / of->kv_heads) * size, count = of->count[r];
    const float *q = a->q.at + (size_t)(of->q_map ? of->q_map[r] : r) * a->q.width + (size_t)head * size;
    double most = -INFINITY, total = 0;
    for (uint32_t t = 0; t < count; t++) {
        const float *k = attention_key(a, of, 0, r, t) + column;
        weights[t] = 0;
        for (uint32_t d = 0; d < size; d++) weights[t] += (double)q[d] * k[d];
        weights[t] *= of->scale;
        most = fmax(most, weights[t]);
    }
    for (uint32_t t = 0; t < count; t++) total += weights[t] = exp(weights[t] - most);
    for (uint32_t d = 0; d < size; d++) out[d] = 0;
    for (uint32_t t = 0; t < count; t++) {
        const float *v = attention_key(a, of, 1, r, t) + column;
        for (uint32_t d = 0; d < size; d++) out[d] += weights[t] / total * v[d];
    }
}
