// prompts.c: one JSON object a line, each with a text and perhaps an id.
#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/prompts.h"

enum { LONGEST_LINE = 16 << 20 };

typedef struct {
    Arena *arena;
    const PromptsFile *file;
    PromptTexts *out;
    StrMap ids; // to the line that has it
    uint32_t line;
} Reader;

static bool fail_line(const Reader *reader, Error *err, const char *format, ...) PRINTF_LIKE(3, 4);

static bool fail_line(const Reader *reader, Error *err, const char *format, ...) {
    Text text = text_open(reader->arena);
    va_list args;
    va_start(args, format);
    text_add_list(&text, format, args);
    va_end(args);
    return error_set(err, ERR_INPUT, "%s:%u: %s", reader->file->path, reader->line, text.at);
}

static bool read_text(Reader *reader, const cJSON *object, PromptText *out, Error *err) {
    const cJSON *text = json_member(object, str_c(reader->arena, reader->file->text_field));
    if (!text) return fail_line(reader, err, "there is no field '%.*s'", STR_ARG(reader->file->text_field));
    if (!cJSON_IsString(text))
        return fail_line(reader, err, "'%.*s' is %s, expected a string", STR_ARG(reader->file->text_field), json_kind(text));
    out->text = str_copy(reader->arena, str_of(text->valuestring));
    return out->text.len || fail_line(reader, err, "'%.*s' is empty", STR_ARG(reader->file->text_field));
}

static bool read_id(Reader *reader, const cJSON *object, PromptText *out, Error *err) {
    const cJSON *id = json_member(object, str_c(reader->arena, reader->file->id_field));
    Text text = text_open(reader->arena);
    if (cJSON_IsString(id))
        text_str(&text, str_of(id->valuestring));
    else if (cJSON_IsNumber(id))
        text_number(&text, id->valuedouble);
    else if (id || reader->file->id_required)
        return fail_line(reader, err, "'%.*s' is %s, expected a string or a number", STR_ARG(reader->file->id_field), json_kind(id));
    else
        text_add(&text, "line %u", reader->line);
    out->id = text_view(&text);
    uint32_t before;
    if (strmap_get(&reader->ids, out->id, &before))
        return fail_line(reader, err, "the id '%.*s' stands in line %u already", STR_ARG(out->id), before);
    strmap_put(&reader->ids, out->id, reader->line);
    return true;
}

static bool read_line(Reader *reader, Str line, Error *err) {
    Error wrong;
    cJSON *object = json_parse("", line, &wrong);
    if (!object) { // ":1:COLUMN: what", of a text without a name
        const char *column = strchr(wrong.text + 1, ':');
        return error_set(err, ERR_INPUT, "%s:%u%s", reader->file->path, reader->line, column ? column : wrong.text);
    }
    PromptText prompt = {.line = reader->line};
    bool ok = cJSON_IsObject(object) ||
              fail_line(reader, err, "this is %s, expected an object with the field '%.*s'", json_kind(object),
                        STR_ARG(reader->file->text_field));
    ok = ok && read_text(reader, object, &prompt, err) && read_id(reader, object, &prompt, err);
    cJSON_Delete(object);
    if (ok) list_push(reader->arena, reader->out, prompt);
    return ok;
}

static bool is_blank(Str line) {
    for (size_t i = 0; i < line.len; i++)
        if (!strchr(" \t\r", line.at[i]) || !line.at[i]) return false;
    return true;
}

static bool read_lines(Reader *reader, Str text, Error *err) {
    while (text.len && (!reader->file->limit || reader->out->len < reader->file->limit)) {
        const char *end = memchr(text.at, '\n', text.len);
        Str line = str_part(text, 0, end ? (size_t)(end - text.at) : text.len);
        text = str_part(text, line.len + 1, text.len);
        reader->line++;
        if (line.len > LONGEST_LINE)
            return fail_line(reader, err, "this line has %zu bytes, at most %d are accepted", line.len, LONGEST_LINE);
        if (!is_blank(line)) TRY(read_line(reader, line, err));
    }
    if (reader->out->len) return true;
    FAIL(err, ERR_INPUT, "%s: there is no prompt in this file", reader->file->path);
}

bool prompts_read(Arena *arena, const PromptsFile *file, PromptTexts *out, Error *err) {
    FileMap map;
    TRY(file_map(file->path, &map, err));
    Reader reader = {.arena = arena, .file = file, .out = out, .ids = strmap_open(arena, 256)};
    bool ok = read_lines(&reader, (Str){(const char *)map.at, map.size}, err);
    file_unmap(&map);
    return ok;
}
