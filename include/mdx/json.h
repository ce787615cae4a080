// json.h: cJSON with checks: valid UTF-8, no NUL, one value, errors with line and column.
#pragma once

#include <cjson/cJSON.h>

#include "mdx/error.h"

// Parses one JSON value. `name` is what messages call the text, usually its path. The caller frees the
// result with cJSON_Delete. NULL on error. Refuses invalid UTF-8, NUL bytes and the escape \u0000 (cJSON
// would cut the string there), and anything but white space after the value.
cJSON *json_parse(const char *name, Str text, Error *err);
// The same from a file of at most `limit` bytes.
cJSON *json_read(const char *path, size_t limit, Error *err);

// Members of an object. Each fails with the path of the member, what it is, and what was expected.
// `name` is what messages call the object.
const cJSON *json_member(const cJSON *object, const char *key); // exact case; NULL when absent or null
bool json_u32(const char *name, const cJSON *object, const char *key, uint32_t least, uint32_t most, uint32_t *out,
              Error *err);                                      // must be there
bool json_f64(const char *name, const cJSON *object, const char *key, double least, double most, double *out,
              Error *err);
bool json_bool(const char *name, const cJSON *object, const char *key, bool otherwise, bool *out, Error *err);
bool json_str(const char *name, const cJSON *object, const char *key, Str *out, Error *err); // a view into the object
const char *json_kind(const cJSON *value);                      // "a string", "null" …, for messages

// Offset of the first byte that is not part of valid UTF-8, or text.len.
size_t utf8_valid_prefix(Str text);
// 1-based line, and column in characters, of a byte offset.
void text_position(Str text, size_t offset, size_t *line, size_t *column);
