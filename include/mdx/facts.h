// facts.h: what the compiler must know of the data before it can plan: how prompts become tokens.
//
// The runtime has tokenizers and files; the compiler asks it through this table of functions. Nothing here
// needs weights.
#pragma once

#include "mdx/error.h"

// The prompts of one definition under one model's tokenizer (and chat template), packed one after another,
// perhaps with a text appended to each.
typedef struct {
    uint32_t count;          // of prompts, at least 1
    const uint32_t *start;   // [count + 1] first token of each prompt
    const uint32_t *length;  // [count] tokens of the prompt itself, without an appended text
    const uint32_t *tokens;  // [start[count]]
    const bool *content;     // [start[count]] whether the token belongs to the user's text
    const Str *ids;          // [count] what the prompts are called
} Stream;

// Of the map in a file, or of the maps of several clusters.
typedef struct {
    uint32_t in, out;
    uint32_t clusters; // 0: one map
} MapShape;

typedef struct {
    void *self;
    // The tokens of a PromptsDef under a ModelDef (indices in the Experiment), with `text` appended to each prompt
    // (tokenized alone) or nothing. Equal tokenizations may give the same Stream. NULL on error.
    const Stream *(*stream)(void *self, uint32_t model, uint32_t prompts, Str text, Error *err);
    // Sets flags [tokens of the prompt] of those that cover the n-th occurrence of `text` in the content of a prompt of a
    // stream; occurrences do not overlap. *found: how many there are up to it.
    bool (*cover)(void *self, const Stream *stream, uint32_t prompt, Str text, uint32_t n, bool *flags, uint32_t *found, Error *err);
    // Sets flags [tokens of the prompt] of those that a file of positions lists for a prompt of a stream.
    bool (*listed)(void *self, const char *path, const Stream *stream, uint32_t prompt, bool *flags, Error *err);
    // The one token that `text` is under a model's tokenizer; an error when it is none or several.
    bool (*token)(void *self, uint32_t model, Str text, uint32_t *id, Error *err);
    // What the map in a safetensors file goes between.
    bool (*map_shape)(void *self, const char *path, MapShape *shape, Error *err);
} Facts;
