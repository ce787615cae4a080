// tokenizer_fixture.h: reading the files of tests/data/tokenizers.
#pragma once

#include <stdlib.h>

#include "check.h"
#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/tokenizer/tokenizer.h"

#define FIXTURES TESTS "/data/tokenizers/"

static inline void fixture_fail(const char *what, const Error *err) {
    fprintf(stderr, "%s: %s\n", what, err->text);
    exit(1);
}

static inline Str fixture_text(Arena *arena, const char *path) {
    Str text;
    Error err = {0};
    if (!file_read(arena, path, 1 << 28, &text, &err)) fixture_fail("fixture", &err);
    return text;
}

static inline cJSON *fixture_json(const char *path) {
    Error err = {0};
    cJSON *json = json_read(path, 1 << 28, &err);
    if (!json) fixture_fail("fixture", &err);
    return json;
}

static inline StrList fixture_lines(Arena *arena) {
    Str text = fixture_text(arena, FIXTURES "lines.txt");
    StrList lines = {0};
    for (size_t begin = 0; begin < text.len;) {
        const char *end = memchr(text.at + begin, '\n', text.len - begin);
        size_t stop = end ? (size_t)(end - text.at) : text.len;
        list_push(arena, &lines, str_part(text, begin, stop));
        begin = stop + 1;
    }
    return lines;
}

static inline StrList fixture_nasty(Arena *arena) {
    cJSON *json = fixture_json(FIXTURES "nasty.json");
    const cJSON *item;
    StrList texts = {0};
    cJSON_ArrayForEach(item, json) list_push(arena, &texts, str_copy(arena, str_of(item->valuestring)));
    cJSON_Delete(json);
    return texts;
}

static inline TokenList fixture_encode(const Tokenizer *tokenizer, Arena *arena, Str text) {
    TokenList tokens = {0};
    Error err = {0};
    if (!tokenizer_encode(tokenizer, arena, text, true, &tokens, &err)) fixture_fail("encode", &err);
    return tokens;
}

static inline Str fixture_decode(const Tokenizer *tokenizer, Arena *arena, const TokenList *tokens, bool skip_special) {
    uint32_t *ids = arena_many(arena, uint32_t, tokens->len);
    for (size_t i = 0; i < tokens->len; i++) ids[i] = tokens->at[i].id;
    Str text = {0};
    Error err = {0};
    if (!tokenizer_decode(tokenizer, arena, ids, tokens->len, skip_special, &text, &err)) fixture_fail("decode", &err);
    return text;
}

// The model of model.json between the rest of a tokenizer.json and options, as make.py's build().
static inline Tokenizer *fixture_variant(Arena *arena, const cJSON *model, const cJSON *variant) {
    const cJSON *options = json_member(variant, "options"), *name = json_member(variant, "name");
    cJSON *root = cJSON_Duplicate(json_member(variant, "rest"), true), *own = cJSON_Duplicate(model, true), *item;
    cJSON_AddBoolToObject(own, "ignore_merges", json_member(options, "ignore_merges") != NULL);
    const cJSON *limit = json_member(options, "merges");
    for (int i = limit ? limit->valueint : 0; limit && cJSON_GetArrayItem(cJSON_GetObjectItem(own, "merges"), i);)
        cJSON_DeleteItemFromArray(cJSON_GetObjectItem(own, "merges"), i);
    if (json_member(options, "string_merges")) {
        cJSON *merges = cJSON_CreateArray();
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(own, "merges")) {
            Str pair = str_format(arena, "%s %s", item->child->valuestring, item->child->next->valuestring);
            cJSON_AddItemToArray(merges, cJSON_CreateString(pair.at));
        }
        cJSON_ReplaceItemInObjectCaseSensitive(own, "merges", merges);
    }
    if (json_member(options, "drop")) {
        cJSON *vocab = cJSON_GetObjectItem(own, "vocab");
        cJSON *dropped = cJSON_DetachItemFromObjectCaseSensitive(vocab, "§");
        cJSON_AddItemToObject(vocab, "(none)", dropped);
    }
    cJSON_AddItemToObject(root, "model", own);
    char *text = cJSON_PrintUnformatted(root);
    Error err = {0};
    Tokenizer *tokenizer = tokenizer_parse(arena, name->valuestring, str_of(text), &err);
    if (!tokenizer) fixture_fail("variant", &err);
    cJSON_free(text);
    cJSON_Delete(root);
    return tokenizer;
}
