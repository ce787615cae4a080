// ops_attention.h: attention: prompts of several lengths, heads that share keys, keys in spaces of their own.
#pragma once

#include "ops_bench.h"

// Lists that name each key: some of the input (rows `first` and on of a prompt), some of `other` (two of them a prompt,
// the prompt's last token and one before).
static KeyRows listed_keys(Bench *b, const uint32_t *lengths, uint32_t prompts, const uint32_t *own, const uint32_t *begin, uint32_t shift) {
    uint32_t tokens = 0, next = 0, first = 0;
    for (uint32_t p = 0; p < prompts; p++) tokens += lengths[p];
    uint32_t *rows = arena_many(b->arena, uint32_t, tokens);
    for (uint32_t p = 0; p < prompts; first += lengths[p++])
        for (uint32_t t = 0; t < lengths[p]; t++) {
            rows[next++] = shift + first + t;
            if (t + 1 == lengths[p]) rows[next - 1] = OTHER_ROW | 1;
            if (t + 1 < lengths[p] && t == lengths[p] / 2) rows[next - 1] = OTHER_ROW;
        }
    return (KeyRows){.begin = begin, .rows = rows, .own = own};
}

typedef enum { ALL_QUERIES, FEW_QUERIES, LISTED_KEYS, ATTENTION_CASES } AttentionCase;

// Prompts of several lengths, queries at all or some of their tokens, keys and values in spaces of their own.
static void attention_case(uint32_t heads, uint32_t kv_heads, uint32_t size, const uint32_t *lengths, uint32_t prompts, AttentionCase which) {
    bool few = which != ALL_QUERIES;
    Bench b = bench_open();
    uint32_t tokens = 0, rows = 0;
    for (uint32_t p = 0; p < prompts; p++) tokens += lengths[p];
    uint32_t *begin = arena_many(b.arena, uint32_t, tokens), *count = arena_many(b.arena, uint32_t, tokens);
    uint32_t *values = arena_many(b.arena, uint32_t, tokens), *map = arena_many(b.arena, uint32_t, tokens);
    uint32_t *own = arena_many(b.arena, uint32_t, tokens);
    for (uint32_t p = 0, first = 0; p < prompts; first += lengths[p++]) {
        for (uint32_t t = 0; t < lengths[p]; t++) {
            if (few && t + 1 < lengths[p] && below(3)) continue;
            begin[rows] = first;
            values[rows] = first + 2;
            map[rows] = first + t;
            own[rows] = 2 * p;
            count[rows++] = t + 1;
        }
    }
    Step s = {.op = OP_attention, .rows = rows, .count = count, .map = {few ? map : NULL}};
    s.keys = (KeyRows){.begin = begin};
    s.values = (KeyRows){.begin = values};
    if (which == LISTED_KEYS) s.keys = listed_keys(&b, lengths, prompts, own, begin, 0), s.values = listed_keys(&b, lengths, prompts, own, begin, 2);
    s.attr.attention.heads = heads;
    s.attr.attention.kv_heads = kv_heads;
    s.attr.attention.scale = 1 / sqrtf((float)size);
    s.in[0] = states(&b, tokens, heads * size);
    s.in[1] = states(&b, tokens, kv_heads * size);
    s.in[2] = states(&b, tokens + 2, kv_heads * size);
    if (which == LISTED_KEYS) s.keys.other = states(&b, 2 * prompts, kv_heads * size), s.values.other = states(&b, 2 * prompts, kv_heads * size);
    s.out = result(&b, DTYPE_f32, rows, heads * size);
    step(&b, s);
    check(&b, "attention", 3e-6);
}

CASES(attention) {
    static const uint32_t lengths[] = {1, 2, 33, 17, 64, 65, 5};
    static const uint32_t shapes[][3] = {{1, 1, 2}, {4, 2, 12}, {6, 2, 8}, {4, 4, 16}, {9, 3, 64}, {3, 1, 34}};
    for (size_t i = 0; i < COUNT(shapes); i++)
        for (int which = 0; which < ATTENTION_CASES; which++)
            attention_case(shapes[i][0], shapes[i][1], shapes[i][2], lengths, COUNT(lengths), (AttentionCase)which);
    static const uint32_t longer[] = {300, 131};
    for (int which = 0; which < ATTENTION_CASES; which++) attention_case(2, 1, 32, longer, 2, (AttentionCase)which);
}
