// internal.h: what a tokenizer.json says, as reading it left it for encoding and decoding.
#pragma once

#include "runtime/tokenizer/bpe.h"
#include "runtime/tokenizer/normalize.h"
#include "runtime/tokenizer/pattern.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tokenizer/added.h"

typedef enum {
    SPLIT_removed,
    SPLIT_isolated,
    SPLIT_merged_with_previous,
    SPLIT_merged_with_next,
    SPLIT_contiguous,
} SplitBehavior;

// One step of pre-tokenization: splits pieces, or puts a space before each.
typedef struct {
    Pattern *pattern; // NULL: the step that adds a space
    SplitBehavior behavior;
    bool invert; // what the pattern does not match is what it stands for
} SplitStep;
typedef LIST(SplitStep) SplitSteps;

// What the decoder does with the spellings of tokens.
typedef struct {
    bool joins;      // no decoder: spellings, with spaces between them
    bool fuse_first; // all spellings become one before bytes are read from it
    bool bytes;      // read as bytes
} DecoderRules;

struct Tokenizer {
    Arena *arena;
    Str name; // what messages call it
    Bpe bpe;
    AddedTokens added;
    StrMap added_ids;
    AddedSet plain, normalized; // added tokens that are looked for before, and after, normalization
    NormalForm forms[8];
    size_t form_count;
    SplitSteps steps;
    bool byte_level; // the pre-tokenizer turned text into bytes, which comes last
    bool has_template;
    U32List prefix, suffix; // what the post-processor writes around a text
    DecoderRules decoder;
    uint32_t size;         // largest id + 1
    uint32_t *added_by_id; // index in added + 1, or 0
    bool *special;         // by id
};

// Reads the normalizer, the pre-tokenizer, the post-processor and the decoder.
bool tokenizer_read_parts(Tokenizer *tokenizer, const cJSON *root, Error *err);
