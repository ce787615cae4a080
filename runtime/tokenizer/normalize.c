// normalize.c: normal forms, cluster by cluster, with utf8proc's tables.
//
// A cluster is a character that nothing before it can change, and what follows up to the next such character.
// It is normalized by itself, so that memory and offsets stay local. utf8proc's own ordering of marks takes
// quadratic time on a long run of them; here they are put in order by counting.
#include <utf8proc.h>

#include "runtime/tokenizer/normalize.h"
#include "runtime/tokenizer/unicode.h"

enum { HANGUL_FIRST = 0xac00, HANGUL_LAST = 0xd7a3, NO_DECOMPOSITION = UINT16_MAX, CLASSES = 256 };

typedef LIST(utf8proc_int32_t) Chars;

typedef struct {
    Arena *arena;
    utf8proc_option_t options;
    Chars chars, ordered; // the cluster, decomposed; room for ordering it
    LIST(char) bytes;     // the output
    LIST(Origin) origin;
} Normalizer;

static const int form_options[] = {
    [NORMAL_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
    [NORMAL_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
    [NORMAL_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
    [NORMAL_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
};

static bool decomposes(uint32_t c) {
    return (c >= HANGUL_FIRST && c <= HANGUL_LAST) ||
           utf8proc_get_property((utf8proc_int32_t)c)->decomp_seqindex != NO_DECOMPOSITION;
}

static void decompose(Normalizer *n, uint32_t c) {
    utf8proc_int32_t parts[32]; // the longest decomposition has 18
    int last_class = 0;
    utf8proc_ssize_t count = utf8proc_decompose_char((utf8proc_int32_t)c, parts, COUNT(parts), n->options, &last_class);
    MUST(count >= 0 && count <= (utf8proc_ssize_t)COUNT(parts));
    for (utf8proc_ssize_t i = 0; i < count; i++) list_push(n->arena, &n->chars, parts[i]);
}

// Neither a mark nor a vowel or final of Hangul: those may join what stands before them.
static bool stands_alone(uint32_t c) {
    if (c < 0x300) return true;
    if (c >= 0x1160 && c <= 0x11ff) return false;
    utf8proc_propval_t category = utf8proc_get_property((utf8proc_int32_t)c)->category;
    return category != UTF8PROC_CATEGORY_MN && category != UTF8PROC_CATEGORY_MC && category != UTF8PROC_CATEGORY_ME;
}

static bool begins_cluster(Normalizer *n, uint32_t c) {
    if (c < 0x300 || !stands_alone(c)) return c < 0x300;
    if (!(n->options & UTF8PROC_COMPAT) || !decomposes(c)) return true;
    n->chars.len = 0; // a compatibility character, such as a halfwidth sound mark, can begin with a mark
    decompose(n, c);
    return stands_alone((uint32_t)n->chars.at[0]);
}

static int combining_class(utf8proc_int32_t c) {
    return utf8proc_get_property(c)->combining_class;
}

// Sorts chars [from, to), a run of marks, by combining class; equals keep their order.
static void order_run(Normalizer *n, size_t from, size_t to) {
    size_t begin[CLASSES + 1] = {0};
    for (size_t i = from; i < to; i++) begin[combining_class(n->chars.at[i]) + 1]++;
    for (size_t c = 1; c <= CLASSES; c++) begin[c] += begin[c - 1];
    n->ordered.len = 0;
    for (size_t i = from; i < to; i++) list_push(n->arena, &n->ordered, 0);
    for (size_t i = from; i < to; i++) n->ordered.at[begin[combining_class(n->chars.at[i])]++] = n->chars.at[i];
    memcpy(n->chars.at + from, n->ordered.at, (to - from) * sizeof *n->chars.at);
}

static void order_marks(Normalizer *n) {
    for (size_t i = 0; i < n->chars.len;) {
        size_t from = i;
        while (i < n->chars.len && combining_class(n->chars.at[i]) > 0) i++;
        if (i - from > 1) order_run(n, from, i);
        i += i == from;
    }
}

static void add_bytes(Normalizer *n, const char *at, size_t count, Origin origin) {
    for (size_t i = 0; i < count; i++) {
        list_push(n->arena, &n->bytes, at[i]);
        list_push(n->arena, &n->origin, origin);
    }
}

// The bytes themselves, each from its own place.
static void add_unchanged(Normalizer *n, Str text, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) add_bytes(n, text.at + i, 1, (Origin){(uint32_t)i, (uint32_t)i + 1});
}

static size_t cluster_end(Normalizer *n, Str text, size_t begin) {
    size_t end = begin + utf8_length((unsigned char)text.at[begin]);
    while (end < text.len && !begins_cluster(n, utf8_at(text.at + end)))
        end += utf8_length((unsigned char)text.at[end]);
    return end;
}

// Normalizes the cluster into chars; false when that is the cluster as it stands.
static bool normalize_cluster(Normalizer *n, Str cluster) {
    if (cluster.len == utf8_length((unsigned char)cluster.at[0]) && !decomposes(utf8_at(cluster.at))) return false;
    n->chars.len = 0;
    for (size_t i = 0; i < cluster.len; i += utf8_length((unsigned char)cluster.at[i]))
        decompose(n, utf8_at(cluster.at + i));
    order_marks(n);
    if (n->options & UTF8PROC_COMPOSE)
        n->chars.len = (size_t)utf8proc_normalize_utf32(n->chars.at, (utf8proc_ssize_t)n->chars.len, n->options);
    size_t at = 0, i = 0;
    for (; at < cluster.len && i < n->chars.len; i++, at += utf8_length((unsigned char)cluster.at[at]))
        if (utf8_at(cluster.at + at) != (uint32_t)n->chars.at[i]) return true;
    return at != cluster.len || i != n->chars.len;
}

static Normalized apply(Arena *arena, Str text, NormalForm form) {
    Normalizer n = {.arena = arena, .options = (utf8proc_option_t)form_options[form]};
    size_t copied = 0; // of text
    for (size_t at = 0, end; at < text.len; at = end) {
        if ((unsigned char)text.at[at] < 0x80 && at + 1 < text.len && (unsigned char)text.at[at + 1] < 0x80) {
            end = at + 1;
            continue;
        }
        end = cluster_end(&n, text, at);
        if (!normalize_cluster(&n, str_part(text, at, end))) continue;
        add_unchanged(&n, text, copied, at);
        for (size_t i = 0; i < n.chars.len; i++) {
            utf8proc_uint8_t utf8[4];
            utf8proc_ssize_t size = utf8proc_encode_char(n.chars.at[i], utf8);
            add_bytes(&n, (const char *)utf8, (size_t)size, (Origin){(uint32_t)at, (uint32_t)end});
        }
        copied = end;
    }
    if (copied == 0) return (Normalized){text, NULL};
    add_unchanged(&n, text, copied, text.len);
    return (Normalized){{n.bytes.at, n.bytes.len}, n.origin.at};
}

Normalized normalize(Arena *arena, Str text, const NormalForm *forms, size_t count) {
    Normalized result = {text, NULL};
    for (size_t i = 0; i < count; i++) {
        Normalized next = apply(arena, result.text, forms[i]);
        if (!next.origin) continue;
        Origin *origin = arena_many(arena, Origin, next.text.len);
        for (size_t k = 0; k < next.text.len; k++) {
            Origin o = next.origin[k];
            origin[k] = result.origin ? (Origin){result.origin[o.begin].begin, result.origin[o.end - 1].end} : o;
        }
        result = (Normalized){next.text, origin};
    }
    return result;
}
