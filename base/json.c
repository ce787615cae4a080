// json.c: cJSON behind checks that it does not make itself.
#include <math.h>
#include <stdlib.h>

#include "mdx/file.h"
#include "mdx/json.h"

// Length of the valid UTF-8 sequence at s, or 0. Refuses overlong forms, surrogates and values over U+10FFFF.
static size_t utf8_sequence(const unsigned char *s, size_t left) {
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || left < n) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0;
    if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
    return n;
}

size_t utf8_valid_prefix(Str text) {
    size_t i = 0;
    while (i < text.len) {
        size_t n = utf8_sequence((const unsigned char *)text.at + i, text.len - i);
        if (!n) break;
        i += n;
    }
    return i;
}

void text_position(Str text, size_t offset, size_t *line, size_t *column) {
    *line = *column = 1;
    for (size_t i = 0; i < MIN(offset, text.len); i++) {
        if (text.at[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text.at[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

static cJSON *json_refuse(const char *name, Str text, size_t offset, const char *what, Error *err) {
    size_t line, column;
    text_position(text, offset, &line, &column);
    error_set(err, ERR_INPUT, "%s:%zu:%zu: %s", name, line, column, what);
    return NULL;
}

// Offset of the first \u0000 escape in a JSON text, or its length. A backslash always eats the next byte.
static size_t find_nul_escape(Str text) {
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.at[i] != '\\') continue;
        if (text.len - i >= 6 && memcmp(text.at + i, "\\u0000", 6) == 0) return i;
        i++;
    }
    return text.len;
}

cJSON *json_parse(const char *name, Str text, Error *err) {
    if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0) text = str_part(text, 3, text.len); // a BOM
    size_t valid = utf8_valid_prefix(text);
    if (valid < text.len) return json_refuse(name, text, valid, "not valid UTF-8", err);
    const char *nul = text.len ? memchr(text.at, '\0', text.len) : NULL;
    if (nul) return json_refuse(name, text, (size_t)(nul - text.at), "a NUL byte in JSON", err);
    size_t escape = find_nul_escape(text);
    if (escape < text.len) return json_refuse(name, text, escape, "the character \\u0000 is not accepted", err);

    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text.len ? text.at : "", text.len, &end, false);
    size_t stop = end && text.len ? (size_t)(end - text.at) : 0;
    if (!value) return json_refuse(name, text, stop, "not valid JSON from here", err);
    while (stop < text.len && strchr(" \t\r\n", text.at[stop])) stop++;
    if (stop < text.len) {
        cJSON_Delete(value);
        return json_refuse(name, text, stop, "more text after the end of the JSON value", err);
    }
    return value;
}

cJSON *json_read(const char *path, size_t limit, Error *err) {
    Arena *arena = arena_open();
    Str text;
    cJSON *value = NULL;
    if (file_read(arena, path, limit, &text, err)) value = json_parse(path, text, err);
    arena_close(arena);
    return value;
}

const char *json_kind(const cJSON *value) {
    if (!value) return "missing";
    if (cJSON_IsNull(value)) return "null";
    if (cJSON_IsBool(value)) return "true or false";
    if (cJSON_IsNumber(value)) return "a number";
    if (cJSON_IsString(value)) return "a string";
    return cJSON_IsArray(value) ? "a list" : "an object";
}

const cJSON *json_member(const cJSON *object, const char *key) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNull(member) ? NULL : member;
}

static bool json_expected(const char *name, const char *key, const cJSON *got, const char *expected, Error *err) {
    return error_set(err, ERR_INPUT, "%s: '%s' is %s, expected %s", name, key, json_kind(got), expected);
}

bool json_f64(const char *name, const cJSON *object, const char *key, double least, double most, double *out,
              Error *err) {
    const cJSON *got = json_member(object, key);
    if (!cJSON_IsNumber(got)) return json_expected(name, key, got, "a number", err);
    *out = got->valuedouble;
    if (!(*out >= least && *out <= most))
        FAIL(err, ERR_INPUT, "%s: '%s' is %.17g, expected %.17g to %.17g", name, key, *out, least, most);
    return true;
}

bool json_u32(const char *name, const cJSON *object, const char *key, uint32_t least, uint32_t most, uint32_t *out,
              Error *err) {
    const cJSON *got = json_member(object, key);
    if (!cJSON_IsNumber(got)) return json_expected(name, key, got, "a whole number", err);
    double x = got->valuedouble;
    if (!(x == floor(x) && x >= least && x <= most))
        FAIL(err, ERR_INPUT, "%s: '%s' is %.17g, expected a whole number from %u to %u", name, key, x, least, most);
    *out = (uint32_t)x;
    return true;
}

bool json_bool(const char *name, const cJSON *object, const char *key, bool otherwise, bool *out, Error *err) {
    const cJSON *got = json_member(object, key);
    if (got && !cJSON_IsBool(got)) return json_expected(name, key, got, "true or false", err);
    *out = got ? cJSON_IsTrue(got) : otherwise;
    return true;
}

bool json_str(const char *name, const cJSON *object, const char *key, Str *out, Error *err) {
    const cJSON *got = json_member(object, key);
    if (!cJSON_IsString(got)) return json_expected(name, key, got, "a string", err);
    *out = str_of(got->valuestring);
    return true;
}
