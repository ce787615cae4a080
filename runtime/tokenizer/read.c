// read.c: opening a tokenizer.json.
#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/tokenizer/internal.h"
#include "runtime/tokenizer/unicode.h"

enum { LARGEST_FILE = 256 << 20, LONGEST_ADDED = 1024 };

// ---- Added tokens
// The id must be the one that Hugging Face gives: that of the vocabulary where it has the token, whatever the
// entry says, else the next free one.
static bool read_added_id(const Bpe *bpe, const char *name, const cJSON *entry, AddedToken *token, uint32_t next,
                          Error *err) {
    bool listed = strmap_get(&bpe->ids, token->content, &token->id);
    uint32_t expected = listed ? token->id : next;
    TRY(json_u32(name, entry, "id", 0, UINT32_MAX, &token->id, err));
    if (token->id != expected)
        FAIL(err, ERR_INPUT, "%s has id %u, expected %u: %s", name, token->id, expected,
             listed ? "its id in the vocabulary" : "the next free one");
    if (!listed && token->id < bpe->size && bpe->spellings[token->id].at)
        FAIL(err, ERR_INPUT, "%s has id %u, as has '%s' in the vocabulary", name, token->id,
             quote(bpe->spellings[token->id]).text);
    return true;
}

static bool read_flags(const char *name, const cJSON *entry, AddedToken *out, Error *err) {
    TRY(json_bool(name, entry, "special", false, &out->special, err));
    TRY(json_bool(name, entry, "normalized", true, &out->normalized, err));
    TRY(json_bool(name, entry, "lstrip", false, &out->lstrip, err));
    TRY(json_bool(name, entry, "rstrip", false, &out->rstrip, err));
    return json_bool(name, entry, "single_word", false, &out->single_word, err);
}

// An empty token, and one that was there before, is left out as Hugging Face does. `next` is the next free id.
static bool read_added(Tokenizer *tokenizer, const cJSON *entry, uint32_t *next, Error *err) {
    const char *name = tokenizer->name.at;
    AddedToken token = {0};
    if (!cJSON_IsObject(entry))
        FAIL(err, ERR_INPUT, "%s: an added token is %s, expected an object", name, json_kind(entry));
    TRY(json_str(name, entry, "content", &token.content, err));
    name = str_format(tokenizer->arena, "%s: the added token '%s'", name, quote(token.content).text).at;
    TRY(read_flags(name, entry, &token, err));
    uint32_t seen;
    if (!token.content.len || strmap_get(&tokenizer->added_ids, token.content, &seen)) return true;
    if (token.content.len > LONGEST_ADDED)
        FAIL(err, ERR_INPUT, "%s has %zu bytes, at most %d are accepted", name, token.content.len, LONGEST_ADDED);
    TRY(read_added_id(&tokenizer->bpe, name, entry, &token, *next, err));
    token.content = str_copy(tokenizer->arena, token.content);
    strmap_put(&tokenizer->added_ids, token.content, token.id);
    list_push(tokenizer->arena, &tokenizer->added, token);
    *next = MAX(*next, token.id + 1);
    return true;
}

static void index_added(Tokenizer *tokenizer) {
    tokenizer->size = tokenizer->bpe.size;
    for (size_t i = 0; i < tokenizer->added.len; i++)
        tokenizer->size = MAX(tokenizer->size, tokenizer->added.at[i].id + 1);
    tokenizer->added_by_id = arena_many(tokenizer->arena, uint32_t, tokenizer->size);
    tokenizer->special = arena_many(tokenizer->arena, bool, tokenizer->size);
    for (size_t i = 0; i < tokenizer->added.len; i++) {
        const AddedToken *token = &tokenizer->added.at[i];
        tokenizer->added_by_id[token->id] = (uint32_t)i + 1;
        tokenizer->special[token->id] = token->special;
    }
}

static bool read_all_added(Tokenizer *tokenizer, const cJSON *root, Error *err) {
    const cJSON *list = json_member(root, "added_tokens"), *entry;
    if (list && !cJSON_IsArray(list))
        FAIL(err, ERR_INPUT, "%s: 'added_tokens' is %s, expected a list", tokenizer->name.at, json_kind(list));
    tokenizer->added_ids = strmap_open(tokenizer->arena, 0);
    uint32_t next = tokenizer->bpe.count;
    if (list) {
        cJSON_ArrayForEach(entry, list) TRY(read_added(tokenizer, entry, &next, err));
    }
    index_added(tokenizer);
    return true;
}

// ---- The model
// Is there a part of this type? Deep nesting is refused elsewhere.
static bool has_part(const cJSON *part, const char *list, const char *type, int nesting) {
    const cJSON *own = json_member(part, "type"), *item;
    if (cJSON_IsString(own) && strcmp(own->valuestring, type) == 0) return true;
    if (nesting == 16) return false;
    cJSON_ArrayForEach(item, json_member(part, list)) if (has_part(item, list, type, nesting + 1)) return true;
    return false;
}

// Without ByteLevel the vocabulary spells characters. SentencePiece's way of that is told by its mark of a space.
static bool check_byte_level(const char *name, const cJSON *root, Error *err) {
    if (has_part(json_member(root, "pre_tokenizer"), "pretokenizers", "ByteLevel", 0)) return true;
    const cJSON *model = json_member(root, "model");
    if (json_member(json_member(model, "vocab"), "▁") || cJSON_IsTrue(json_member(model, "byte_fallback")))
        FAIL(err, ERR_INPUT, "%s: SentencePiece-style tokenizers are not supported yet; known: byte-level BPE", name);
    FAIL(err, ERR_INPUT, "%s: pre_tokenizer has no ByteLevel; only byte-level BPE is supported", name);
}

static bool read_model(Tokenizer *tokenizer, const cJSON *root, Error *err) {
    const char *name = tokenizer->name.at;
    const cJSON *model = json_member(root, "model"), *type = json_member(model, "type");
    if (!cJSON_IsObject(model)) FAIL(err, ERR_INPUT, "%s: 'model' is %s, expected an object", name, json_kind(model));
    if (type && !cJSON_IsString(type))
        FAIL(err, ERR_INPUT, "%s: 'model.type' is %s, expected a string", name, json_kind(type));
    if (type && strcmp(type->valuestring, "BPE") != 0) // old files of BPE have no type
        FAIL(err, ERR_INPUT, "%s: the model type '%s' is not supported; known: BPE", name,
             quote(str_of(type->valuestring)).text);
    TRY(check_byte_level(name, root, err));
    return bpe_read(tokenizer->arena, name, model, &tokenizer->bpe, err);
}

// "truncation" and "padding" are left alone, as transformers does: nothing is cut that nobody asked to cut.
static bool read_all(Tokenizer *tokenizer, const cJSON *root, Error *err) {
    if (!cJSON_IsObject(root))
        FAIL(err, ERR_INPUT, "%s: is %s, expected an object", tokenizer->name.at, json_kind(root));
    TRY(read_model(tokenizer, root, err));
    TRY(read_all_added(tokenizer, root, err));
    TRY(tokenizer_read_parts(tokenizer, root, err));
    for (size_t i = 0; i < tokenizer->added.len; i++) {
        AddedToken *token = &tokenizer->added.at[i];
        size_t forms = token->normalized ? tokenizer->form_count : 0;
        token->text = normalize(tokenizer->arena, token->content, tokenizer->forms, forms).text;
    }
    tokenizer->plain = added_open(tokenizer->arena, &tokenizer->added, false);
    tokenizer->normalized = added_open(tokenizer->arena, &tokenizer->added, true);
    return true;
}

Tokenizer *tokenizer_parse(Arena *arena, const char *name, Str json, Error *err) {
    cJSON *root = json_parse(name, json, err);
    if (!root) return NULL;
    Tokenizer *tokenizer = arena_new(arena, Tokenizer);
    tokenizer->arena = arena;
    tokenizer->name = str_copy(arena, str_of(name));
    bool ok = read_all(tokenizer, root, err);
    cJSON_Delete(root);
    if (ok) return tokenizer;
    tokenizer_close(tokenizer);
    return NULL;
}

Tokenizer *tokenizer_open(Arena *arena, const char *path, Error *err) {
    Arena *scratch = arena_open();
    Str json;
    Tokenizer *tokenizer = NULL;
    if (file_read(scratch, path, LARGEST_FILE, &json, err)) tokenizer = tokenizer_parse(arena, path, json, err);
    arena_close(scratch);
    return tokenizer;
}

void tokenizer_close(Tokenizer *tokenizer) {
    if (!tokenizer) return;
    for (size_t i = 0; i < tokenizer->steps.len; i++) pattern_close(tokenizer->steps.at[i].pattern);
    tokenizer->steps.len = 0;
}
