// prompts.h: prompts from a JSONL file.
#pragma once

#include "mdx/error.h"

typedef struct {
    const char *path;
    Str text_field, id_field;
    bool id_required; // else a line without that field is called by its number
    uint32_t limit;   // 0: all lines
    bool chat;        // the text goes through the model's chat template
} PromptsFile;

typedef struct {
    Str id, text;
    uint32_t line; // 1-based
} PromptText;

typedef LIST(PromptText) PromptTexts;

// Reads the first `limit` prompts; lines behind them are not looked at. Empty lines are skipped. Errors name file
// and line: no JSON, no such field, a field that is no text, an empty text, an id for the second time, no prompt at all.
bool prompts_read(Arena *arena, const PromptsFile *file, PromptTexts *out, Error *err);
