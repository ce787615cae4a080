// jsonl.c: one JSON object a line, each checked before it is looked at.
#include "runtime/jsonl.h"
#include "mdx/file.h"

enum { LONGEST_LINE = 16 << 20 };

bool jsonl_fail(const Jsonl *at, Error *err, const char *format, ...) {
    Text text = text_open(at->arena);
    va_list args;
    va_start(args, format);
    text_add_list(&text, format, args);
    va_end(args);
    return error_set(err, ERR_INPUT, "%s:%u: %s", at->path, at->line, text.at);
}

bool jsonl_id(Jsonl *at, const cJSON *object, Str field, bool required, Str *out, Error *err) {
    const cJSON *id = json_member(object, str_c(at->arena, field));
    Text text = text_open(at->arena);
    if (cJSON_IsString(id))
        text_str(&text, str_of(id->valuestring));
    else if (cJSON_IsNumber(id))
        text_number(&text, id->valuedouble);
    else if (id || required)
        return jsonl_fail(at, err, "'%.*s' is %s, expected a string or a number", STR_ARG(field), json_kind(id));
    else
        text_add(&text, "line %u", at->line);
    *out = text_view(&text);
    uint32_t before;
    if (strmap_get(&at->ids, *out, &before))
        return jsonl_fail(at, err, "the id '%.*s' stands in line %u already", STR_ARG(*out), before);
    strmap_put(&at->ids, *out, at->line);
    return true;
}

static bool read_line(Jsonl *at, Str line, Str expected, JsonlVisit *visit, Error *err) {
    Error wrong;
    cJSON *object = json_parse("", line, &wrong);
    if (!object) { // ":1:COLUMN: what", of a text without a name
        const char *column = strchr(wrong.text + 1, ':');
        return error_set(err, ERR_INPUT, "%s:%u%s", at->path, at->line, column ? column : wrong.text);
    }
    bool ok = cJSON_IsObject(object) ||
              jsonl_fail(at, err, "this is %s, expected an object with %.*s", json_kind(object), STR_ARG(expected));
    ok = ok && visit(at, object, err);
    cJSON_Delete(object);
    return ok;
}

static bool is_blank(Str line) {
    for (size_t i = 0; i < line.len; i++)
        if (!strchr(" \t\r", line.at[i]) || !line.at[i]) return false;
    return true;
}

static bool read_lines(Jsonl *at, Str text, Str expected, JsonlVisit *visit, Error *err) {
    while (text.len && !at->enough) {
        const char *end = memchr(text.at, '\n', text.len);
        Str line = str_part(text, 0, end ? (size_t)(end - text.at) : text.len);
        text = str_part(text, line.len + 1, text.len);
        at->line++;
        if (line.len > LONGEST_LINE)
            return jsonl_fail(at, err, "this line has %zu bytes, at most %d are accepted", line.len, LONGEST_LINE);
        if (!is_blank(line)) TRY(read_line(at, line, expected, visit, err));
    }
    return true;
}

bool jsonl_read(Arena *arena, const char *path, Str expected, JsonlVisit *visit, void *self, Error *err) {
    FileMap map;
    TRY(file_map(path, &map, err));
    Jsonl at = {.arena = arena, .path = path, .self = self, .ids = strmap_open(arena, 256)};
    bool ok = read_lines(&at, (Str){(const char *)map.at, map.size}, expected, visit, err);
    file_unmap(&map);
    return ok;
}
