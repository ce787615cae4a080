// listed.h: token positions of each prompt, as a JSONL file lists them.
#pragma once

#include "mdx/facts.h"
#include "mdx/map.h"

typedef struct {
    Str id; // of the prompt
    uint32_t line;
    const int64_t *at; // [count] each once; negative from the end of the prompt
    size_t count;      // at least 1
} ListedPrompt;

typedef struct {
    const char *path;
    LIST(ListedPrompt) prompts;
    StrMap ids; // to prompts
} ListedFile;

// Reads {"id": …, "positions": […]} a line. Errors name file and line.
bool listed_read(Arena *arena, const char *path, ListedFile *out, Error *err);
// Sets flags [tokens of the prompt] of the positions that are listed for a prompt of a stream. False when it has no
// line, or one of its positions is none of its tokens, or names a token again.
bool listed_flags(const ListedFile *file, const Stream *stream, uint32_t prompt, bool *flags, Error *err);
