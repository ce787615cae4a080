// listed.c: reads lists of token positions, and looks them up by the prompt's id.
#include "runtime/listed.h"
#include "runtime/jsonl.h"

static const double MOST_POSITION = 1 << 30;

static bool read_position(const Jsonl *at, const cJSON *item, int64_t *out, Error *err) {
    double x = cJSON_IsNumber(item) ? item->valuedouble : 0;
    if (!cJSON_IsNumber(item)) return jsonl_fail(at, err, "a position is %s, expected a whole number", json_kind(item));
    if (!(x >= -MOST_POSITION && x <= MOST_POSITION) || x != (double)(int64_t)x)
        return jsonl_fail(at, err, "the position %g is no whole number of a token", x);
    *out = (int64_t)x;
    return true;
}

static bool read_prompt(Jsonl *at, const cJSON *object, Error *err) {
    ListedFile *file = at->self;
    ListedPrompt prompt = {.line = at->line};
    const cJSON *list = json_member(object, "positions"), *item;
    TRY(jsonl_id(at, object, STR("id"), true, &prompt.id, err));
    if (!cJSON_IsArray(list))
        return jsonl_fail(at, err, "'positions' is %s, expected a list of whole numbers", json_kind(list));
    if (!list->child) return jsonl_fail(at, err, "'positions' is an empty list");
    int64_t *positions = arena_many(at->arena, int64_t, (size_t)cJSON_GetArraySize(list));
    cJSON_ArrayForEach(item, list) TRY(read_position(at, item, &positions[prompt.count++], err));
    prompt.at = positions;
    strmap_put(&file->ids, prompt.id, (uint32_t)file->prompts.len);
    list_push(at->arena, &file->prompts, prompt);
    return true;
}

bool listed_read(Arena *arena, const char *path, ListedFile *out, Error *err) {
    *out = (ListedFile){.path = path, .ids = strmap_open(arena, 256)};
    return jsonl_read(arena, path, STR("the fields 'id' and 'positions'"), read_prompt, out, err);
}

bool listed_flags(const ListedFile *file, const Stream *stream, uint32_t prompt, bool *flags, Error *err) {
    Str id = stream->ids[prompt];
    int64_t length = stream->length[prompt];
    uint32_t i;
    if (!strmap_get(&file->ids, id, &i))
        FAIL(err, ERR_INPUT, "%s: prompt %.*s has no line here", file->path, STR_ARG(id));
    const ListedPrompt *listed = &file->prompts.at[i];
    for (size_t k = 0; k < listed->count; k++) {
        int64_t at = listed->at[k] < 0 ? listed->at[k] + length : listed->at[k];
        if (at < 0 || at >= length)
            FAIL(err, ERR_INPUT, "%s:%u: prompt %.*s has %lld tokens, %lld is none of them", file->path, listed->line,
                 STR_ARG(id), (long long)length, (long long)listed->at[k]);
        if (flags[at])
            FAIL(err, ERR_INPUT, "%s:%u: token %lld of prompt %.*s is listed twice, the second time as %lld",
                 file->path, listed->line, (long long)at, STR_ARG(id), (long long)listed->at[k]);
        flags[at] = true;
    }
    return true;
}
