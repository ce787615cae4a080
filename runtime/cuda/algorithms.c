// algorithms.c: a text file, a line a product: workspace, the algorithm's bytes in hexadecimal, the product.
#include <stdio.h>
#include <stdlib.h>

#include "mdx/file.h"
#include "mdx/hash.h"
#include "runtime/cuda/algorithms.h"

enum { MOST_BYTES = 4 << 20 };

typedef struct {
    Str key;
    LtAlgo algo;
    size_t workspace;
} Known;

struct Algorithms {
    Arena *arena;
    const char *path;
    StrMap seen;
    LIST(Known) list;
    bool changed;
};

static void add(Algorithms *a, Known known) {
    strmap_put(&a->seen, known.key, (uint32_t)a->list.len);
    list_push(a->arena, &a->list, known);
}

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// "12345 0123…ef key": false when it is no such line.
static bool read_line(Algorithms *a, Str line) {
    Known known = {0};
    unsigned char *to = (unsigned char *)&known.algo;
    size_t i = 0, bytes = sizeof known.algo;
    for (; i < line.len && line.at[i] >= '0' && line.at[i] <= '9'; i++)
        known.workspace = known.workspace * 10 + (size_t)(line.at[i] - '0');
    if (i == 0 || i > 12 || line.len < i + 2 * bytes + 3 || line.at[i] != ' ' || line.at[i + 1 + 2 * bytes] != ' ')
        return false;
    for (size_t k = 0; k < bytes; k++) {
        int high = digit(line.at[i + 1 + 2 * k]), low = digit(line.at[i + 2 + 2 * k]);
        if (high < 0 || low < 0) return false;
        to[k] = (unsigned char)(high * 16 + low);
    }
    known.key = (Str){line.at + i + 2 + 2 * bytes, line.len - i - 2 - 2 * bytes};
    add(a, known);
    return true;
}

static void read_all(Algorithms *a) {
    Error ignored = {0};
    Str text;
    if (!file_read(a->arena, a->path, MOST_BYTES, &text, &ignored)) return;
    while (text.len) {
        size_t end = 0;
        while (end < text.len && text.at[end] != '\n') end++;
        if (!read_line(a, (Str){text.at, end})) return;
        text = end < text.len ? (Str){text.at + end + 1, text.len - end - 1} : (Str){text.at, 0};
    }
}

Algorithms *algorithms_open(const char *folder, const char *gpu, uint64_t version, Arena *arena) {
    Algorithms *a = arena_new(arena, Algorithms);
    *a = (Algorithms){.arena = arena, .seen = strmap_open(arena, 64)};
    Str what = str_format(arena, "%s, cuBLASLt %llu", gpu, (unsigned long long)version);
    a->path = str_format(arena, "%s/products-%.16s", folder, sha256_bytes(what.at, what.len).hex).at;
    read_all(a);
    return a;
}

bool algorithms_find(const Algorithms *a, Str key, LtAlgo *algo, size_t *workspace) {
    uint32_t number;
    if (!a || !strmap_get(&a->seen, key, &number)) return false;
    *algo = a->list.at[number].algo;
    *workspace = a->list.at[number].workspace;
    return true;
}

void algorithms_keep(Algorithms *a, Str key, const LtAlgo *algo, size_t workspace) {
    if (!a) return;
    add(a, (Known){key, *algo, workspace});
    a->changed = true;
}

static void write_known(const Known *known, Text *out) {
    text_add(out, "%zu ", known->workspace);
    const unsigned char *bytes = (const unsigned char *)&known->algo;
    for (size_t i = 0; i < sizeof known->algo; i++) text_add(out, "%02x", bytes[i]);
    text_add(out, " %.*s\n", STR_ARG(known->key));
}

void algorithms_close(Algorithms *a) {
    if (!a || !a->changed) return;
    Text text = text_open(a->arena);
    for (size_t i = 0; i < a->list.len; i++) write_known(&a->list.at[i], &text);
    Error ignored = {0}; // a cache that cannot be written is none
    file_write(a->path, text_view(&text), &ignored);
}
