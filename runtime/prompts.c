// prompts.c: one JSON object a line, each with a text and perhaps an id.
#include "runtime/prompts.h"
#include "runtime/jsonl.h"

typedef struct {
    const PromptsFile *file;
    PromptTexts *out;
} Reader;

static bool read_text(const Jsonl *at, Str field, const cJSON *object, PromptText *out, Error *err) {
    const cJSON *text = json_member(object, str_c(at->arena, field));
    if (!text) return jsonl_fail(at, err, "there is no field '%.*s'", STR_ARG(field));
    if (!cJSON_IsString(text))
        return jsonl_fail(at, err, "'%.*s' is %s, expected a string", STR_ARG(field), json_kind(text));
    out->text = str_copy(at->arena, str_of(text->valuestring));
    return out->text.len || jsonl_fail(at, err, "'%.*s' is empty", STR_ARG(field));
}

static bool read_prompt(Jsonl *at, const cJSON *object, Error *err) {
    const Reader *reader = at->self;
    const PromptsFile *file = reader->file;
    PromptText prompt = {.line = at->line};
    TRY(read_text(at, file->text_field, object, &prompt, err));
    TRY(jsonl_id(at, object, file->id_field, file->id_required, &prompt.id, err));
    list_push(at->arena, reader->out, prompt);
    at->enough = file->limit && reader->out->len == file->limit;
    return true;
}

bool prompts_read(Arena *arena, const PromptsFile *file, PromptTexts *out, Error *err) {
    Reader reader = {file, out};
    Str expected = str_format(arena, "the field '%.*s'", STR_ARG(file->text_field));
    TRY(jsonl_read(arena, file->path, expected, read_prompt, &reader, err));
    if (out->len) return true;
    FAIL(err, ERR_INPUT, "%s: there is no prompt in this file", file->path);
}
