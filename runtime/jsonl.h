// jsonl.h: files with one JSON object a line, each with an id.
#pragma once

#include "mdx/json.h"
#include "mdx/map.h"

// Where a file is read. What a visit keeps goes into the arena.
typedef struct {
    Arena *arena;
    const char *path;
    void *self;
    uint32_t line; // 1-based
    bool enough;   // the lines behind this one are not looked at
    StrMap ids;    // to the line that has it
} Jsonl;

typedef bool JsonlVisit(Jsonl *at, const cJSON *object, Error *err);

// Visits each line that is not blank. `expected`: what an object has, for messages. False when a line is no JSON
// object, is too long, or the visit fails.
bool jsonl_read(Arena *arena, const char *path, Str expected, JsonlVisit *visit, void *self, Error *err);
// "PATH:LINE: what is wrong". Returns false.
bool jsonl_fail(const Jsonl *at, Error *err, const char *format, ...) PRINTF_LIKE(3, 4);
// The member of that name, a string or a number; when there may be none, "line N". Each id stands once.
bool jsonl_id(Jsonl *at, const cJSON *object, Str field, bool required, Str *out, Error *err);
