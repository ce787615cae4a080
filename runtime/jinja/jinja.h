// jinja.h: the part of Jinja that chat templates use, rendered as Hugging Face renders it
// (trim_blocks and lstrip_blocks on; raise_exception, tojson as in transformers).
#pragma once

#include <cjson/cJSON.h>

#include "mdx/error.h"

typedef struct JinjaTemplate JinjaTemplate;

// Parses a template. `name` is what messages call it; messages carry name:line:column. A construct that is
// not supported is an error with its name. NULL on error. The result lives in the arena and does not need
// `source` afterwards.
JinjaTemplate *jinja_parse(Arena *arena, Str name, Str source, Error *err);

// Renders with the members of the object `variables` as variables (1.0 counts as an integer: cJSON does not tell).
// Output, steps, nesting and memory are bounded: a template that does not end is an error. strftime_now() is an
// error unless the variable strftime_now_value holds the time, "2024-07-26T12:30:00".
bool jinja_render(const JinjaTemplate *jinja, Arena *arena, const cJSON *variables, Str *out, Error *err);
