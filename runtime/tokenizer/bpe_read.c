// bpe_read.c: "model" of a tokenizer.json: the vocabulary and the merges.
#include <math.h>

#include "mdx/json.h"
#include "runtime/tokenizer/bpe.h"
#include "runtime/tokenizer/unicode.h"

typedef struct {
    Arena *arena;
    const char *name;
    Bpe *bpe;
    Error *err;
} Reader;

#define REFUSE(reader, format, ...) FAIL((reader)->err, ERR_INPUT, "%s: " format, (reader)->name, __VA_ARGS__)

// ---- Options that change what merging means.
static bool check_empty(Reader *reader, const cJSON *model, const char *key) {
    const cJSON *value = json_member(model, key);
    bool empty = !value || cJSON_IsFalse(value) || (cJSON_IsString(value) && !*value->valuestring) ||
                 (cJSON_IsNumber(value) && value->valuedouble == 0);
    if (!empty) REFUSE(reader, "'model.%s' is set; it is not supported", key);
    return true;
}

static bool read_options(Reader *reader, const cJSON *model) {
    static const char *const unsupported[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < COUNT(unsupported); i++) TRY(check_empty(reader, model, unsupported[i]));
    return json_bool(reader->name, model, "ignore_merges", false, &reader->bpe->ignore_merges, reader->err);
}

// ---- The vocabulary
static bool read_id(Reader *reader, const cJSON *entry, uint32_t *id) {
    Str token = str_of(entry->string);
    if (!cJSON_IsNumber(entry))
        REFUSE(reader, "the id of token '%s' is %s, expected a number", quote(token).text, json_kind(entry));
    double value = entry->valuedouble;
    if (!(value >= 0 && value <= BPE_LARGEST_ID && value == floor(value)))
        REFUSE(reader, "the id of token '%s' is %.17g, expected a whole number from 0 to %d", quote(token).text, value,
               BPE_LARGEST_ID);
    *id = (uint32_t)value;
    return true;
}

static bool measure_vocabulary(Reader *reader, const cJSON *vocabulary) {
    Bpe *bpe = reader->bpe;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, vocabulary) {
        uint32_t id = 0;
        TRY(read_id(reader, entry, &id));
        bpe->size = MAX(bpe->size, id + 1);
        bpe->longest = MAX(bpe->longest, strlen(entry->string));
        bpe->count++;
    }
    return true;
}

static bool read_vocabulary(Reader *reader, const cJSON *vocabulary) {
    if (!cJSON_IsObject(vocabulary)) REFUSE(reader, "'model.vocab' is %s, expected an object", json_kind(vocabulary));
    TRY(measure_vocabulary(reader, vocabulary));
    Bpe *bpe = reader->bpe;
    bpe->ids = strmap_open(reader->arena, bpe->count);
    bpe->spellings = arena_many(reader->arena, Str, bpe->size);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, vocabulary) {
        Str spelling = str_copy(reader->arena, str_of(entry->string));
        uint32_t id = (uint32_t)entry->valuedouble;
        if (bpe->spellings[id].at)
            REFUSE(reader, "tokens '%s' and '%s' have the same id %u", quote(bpe->spellings[id]).text,
                   quote(spelling).text, id);
        bpe->spellings[id] = spelling;
        size_t before = bpe->ids.len;
        strmap_put(&bpe->ids, spelling, id);
        if (bpe->ids.len == before) REFUSE(reader, "token '%s' is listed twice", quote(spelling).text);
    }
    return true;
}

// A byte that no token stands for is left out by Hugging Face, unless an unknown token or a fallback takes its
// place. The latter are only read when they cannot matter.
static bool read_bytes(Reader *reader, const cJSON *model) {
    Bpe *bpe = reader->bpe;
    byte_alphabet_fill(&bpe->alphabet);
    unsigned missing = 0;
    for (unsigned b = 0; b < 256; b++) {
        bpe->byte_ids[b] = BPE_NO_ID;
        if (!strmap_get(&bpe->ids, (Str){bpe->alphabet.utf8[b], bpe->alphabet.length[b]}, &bpe->byte_ids[b])) missing++;
    }
    if (!missing) return true;
    TRY(check_empty(reader, model, "unk_token"));
    return check_empty(reader, model, "byte_fallback");
}

// ---- The merges
static size_t pair_slot(const Bpe *bpe, uint32_t left, uint32_t right) {
    uint64_t h = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32) * 0xd6e8feb86659fd93u;
    size_t i = (size_t)(h >> 32) & bpe->slot_mask;
    for (;; i = (i + 1) & bpe->slot_mask) {
        if (!bpe->slots[i]) return i;
        const BpeMerge *merge = &bpe->merges[bpe->slots[i] - 1];
        if (merge->left == left && merge->right == right) return i;
    }
}

uint32_t bpe_rank(const Bpe *bpe, uint32_t left, uint32_t right) {
    return bpe->slots[pair_slot(bpe, left, right)] - 1; // an empty slot gives BPE_NO_RANK
}

// "a b" or ["a", "b"].
static bool read_pair(const cJSON *entry, Str *left, Str *right) {
    if (cJSON_IsString(entry)) {
        Str pair = str_of(entry->valuestring);
        const char *space = strchr(pair.at, ' ');
        if (!space || strchr(space + 1, ' ')) return false;
        *left = str_part(pair, 0, (size_t)(space - pair.at));
        *right = str_part(pair, left->len + 1, pair.len);
        return true;
    }
    const cJSON *first = cJSON_IsArray(entry) ? entry->child : NULL;
    const cJSON *second = first ? first->next : NULL;
    if (!cJSON_IsString(first) || !cJSON_IsString(second) || second->next) return false;
    *left = str_of(first->valuestring);
    *right = str_of(second->valuestring);
    return true;
}

static bool find_token(Reader *reader, uint32_t rank, Str spelling, uint32_t *id) {
    if (!strmap_get(&reader->bpe->ids, spelling, id))
        REFUSE(reader, "merge %u needs the token '%s', which is not in the vocabulary", rank, quote(spelling).text);
    return true;
}

// `joined` has room for the longest token.
static bool read_merge(Reader *reader, const cJSON *entry, char *joined) {
    Bpe *bpe = reader->bpe;
    uint32_t rank = bpe->merge_count;
    BpeMerge *merge = &bpe->merges[rank];
    Str left, right;
    if (!read_pair(entry, &left, &right))
        REFUSE(reader, "merge %u is neither \"a b\" nor [\"a\", \"b\"] with two tokens", rank);
    TRY(find_token(reader, rank, left, &merge->left));
    TRY(find_token(reader, rank, right, &merge->right));
    if (left.len + right.len > bpe->longest)
        REFUSE(reader, "merge %u makes '%s%s', which is not in the vocabulary", rank, quote(left).text,
               quote(right).text);
    memcpy(joined, left.at, left.len);
    memcpy(joined + left.len, right.at, right.len);
    TRY(find_token(reader, rank, (Str){joined, left.len + right.len}, &merge->result));
    bpe->slots[pair_slot(bpe, merge->left, merge->right)] = rank + 1; // listed twice: the last one counts
    bpe->merge_count++;
    return true;
}

static bool read_merges(Reader *reader, const cJSON *merges) {
    if (!cJSON_IsArray(merges)) REFUSE(reader, "'model.merges' is %s, expected a list", json_kind(merges));
    Bpe *bpe = reader->bpe;
    size_t count = 0, slots = 16;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, merges) count++;
    if (count > UINT32_MAX / 4) REFUSE(reader, "%zu merges are too many", count);
    while (slots < 2 * count) slots *= 2;
    bpe->merges = arena_many(reader->arena, BpeMerge, count);
    bpe->slots = arena_many(reader->arena, uint32_t, slots);
    bpe->slot_mask = slots - 1;
    char *joined = arena_alloc(reader->arena, bpe->longest);
    bool first = true;
    cJSON_ArrayForEach(entry, merges) {
        bool version = first && cJSON_IsString(entry) && str_starts(str_of(entry->valuestring), STR("#version"));
        first = false;
        if (!version) TRY(read_merge(reader, entry, joined));
    }
    return true;
}

bool bpe_read(Arena *arena, const char *name, const cJSON *model, Bpe *out, Error *err) {
    *out = (Bpe){0};
    Reader reader = {arena, name, out, err};
    TRY(read_vocabulary(&reader, json_member(model, "vocab")));
    TRY(read_options(&reader, model));
    TRY(read_bytes(&reader, model));
    return read_merges(&reader, json_member(model, "merges"));
}
