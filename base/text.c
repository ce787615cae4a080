// text.c: strings, text being built, and the map from strings to numbers.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mdx/base.h"

Str str_of(const char *terminated) {
    return terminated ? (Str){terminated, strlen(terminated)} : (Str){"", 0};
}

char *str_c(Arena *arena, Str s) {
    char *at = arena_alloc(arena, s.len + 1);
    if (s.len) memcpy(at, s.at, s.len);
    return at;
}

Str str_copy(Arena *arena, Str s) {
    return (Str){str_c(arena, s), s.len};
}

Str str_format(Arena *arena, const char *format, ...) {
    Text text = text_open(arena);
    va_list args;
    va_start(args, format);
    text_add_list(&text, format, args);
    va_end(args);
    return text_view(&text);
}

bool str_eq(Str a, Str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool str_is(Str a, const char *terminated) {
    return str_eq(a, str_of(terminated));
}

int str_order(Str a, Str b) {
    size_t shared = MIN(a.len, b.len);
    int order = shared ? memcmp(a.at, b.at, shared) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(Str s, Str prefix) {
    return s.len >= prefix.len && str_eq((Str){s.at, prefix.len}, prefix);
}

bool str_ends(Str s, Str suffix) {
    return s.len >= suffix.len && str_eq((Str){s.at + s.len - suffix.len, suffix.len}, suffix);
}

Str str_part(Str s, size_t begin, size_t end) {
    end = MIN(end, s.len);
    begin = MIN(begin, end);
    return (Str){begin ? s.at + begin : s.at, end - begin}; // a view of nothing may have no address
}

// FNV-1a by eight bytes with a final mix: good spread for short keys, no table, same on every machine.
uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed) {
    const unsigned char *at = bytes;
    uint64_t h = seed ^ 0xcbf29ce484222325u ^ (size * 0x9e3779b97f4a7c15u);
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        h = (h ^ word) * 0x9ddfea08eb382d69u;
        h ^= h >> 29;
    }
    for (; size; size--) h = (h ^ *at++) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

Text text_open(Arena *arena) {
    return (Text){.arena = arena, .at = arena_alloc(arena, 1)};
}

static void text_reserve(Text *text, size_t more) {
    if (text->len + more + 1 <= text->cap) return;
    size_t cap = MAX(text->cap * 2, text->len + more + 1);
    char *at = arena_alloc(text->arena, cap);
    if (text->len) memcpy(at, text->at, text->len);
    text->at = at;
    text->cap = cap;
}

void text_str(Text *text, Str s) {
    if (!s.len) return;
    text_reserve(text, s.len);
    memcpy(text->at + text->len, s.at, s.len);
    text->len += s.len;
    text->at[text->len] = '\0';
}

void text_char(Text *text, char c) {
    text_str(text, (Str){&c, 1});
}

void text_repeat(Text *text, char c, size_t count) {
    for (size_t i = 0; i < count; i++) text_char(text, c);
}

void text_add_list(Text *text, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    if (need < 0) BUG("a format that printf refuses");
    text_reserve(text, (size_t)need);
    vsnprintf(text->at + text->len, (size_t)need + 1, format, again);
    text->len += (size_t)need;
    va_end(again);
}

void text_add(Text *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    text_add_list(text, format, args);
    va_end(args);
}

void text_json(Text *text, Str s) {
    text_char(text, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c == '"' || c == '\\')
            text_add(text, "\\%c", c);
        else if (c == '\n')
            text_str(text, STR("\\n"));
        else if (c < 0x20 || c == 0x7f)
            text_add(text, "\\u%04x", c);
        else
            text_char(text, (char)c);
    }
    text_char(text, '"');
}

void text_number(Text *text, double x) {
    if (!isfinite(x)) {
        text_str(text, STR("null"));
        return;
    }
    char digits[40];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, x);
        if (strtod(digits, NULL) == x) break;
    }
    if (strchr(digits, 'e') && fabs(x) >= 1 && fabs(x) < 1e15 && x == floor(x)) snprintf(digits, sizeof digits, "%.0f", x);
    text_str(text, str_of(digits));
}

Str text_view(const Text *text) {
    return (Str){text->at, text->len};
}

// ---- StrMap: open addressing, linear probing, at most half full.
struct StrMapSlot {
    Str key; // at == NULL: empty
    uint64_t hash;
    uint32_t value;
};

StrMap strmap_open(Arena *arena, size_t expected) {
    size_t cap = 16;
    while (cap / 2 < expected) cap *= 2;
    return (StrMap){.arena = arena, .slots = arena_many(arena, struct StrMapSlot, cap), .cap = cap};
}

static struct StrMapSlot *strmap_slot(const StrMap *map, Str key, uint64_t hash) {
    for (size_t i = hash & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        struct StrMapSlot *slot = &map->slots[i];
        if (!slot->key.at || (slot->hash == hash && str_eq(slot->key, key))) return slot;
    }
}

static void strmap_grow(StrMap *map) {
    StrMap bigger = strmap_open(map->arena, map->cap);
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].key.at) *strmap_slot(&bigger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
    bigger.len = map->len;
    *map = bigger;
}

void strmap_put(StrMap *map, Str key, uint32_t value) {
    if (map->len * 2 >= map->cap) strmap_grow(map);
    uint64_t hash = hash_bytes(key.at, key.len, 0);
    struct StrMapSlot *slot = strmap_slot(map, key, hash);
    if (!slot->key.at) map->len++;
    *slot = (struct StrMapSlot){key.at ? key : STR(""), hash, value};
}

bool strmap_get(const StrMap *map, Str key, uint32_t *value) {
    if (!map->cap) return false;
    const struct StrMapSlot *slot = strmap_slot(map, key, hash_bytes(key.at, key.len, 0));
    if (!slot->key.at) return false;
    *value = slot->value;
    return true;
}
