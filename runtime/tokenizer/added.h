// added.h: added tokens: texts that become one token before any other rule looks at them.
#pragma once

#include "mdx/base.h"

typedef struct {
    Str content; // as tokenizer.json spells it
    Str text;    // what is looked for, and what decoding writes: the content, normalized if `normalized`
    uint32_t id;
    bool special;
    bool normalized;     // looked for after normalization
    bool lstrip, rstrip; // takes the white space on that side with it
    bool single_word;    // only where no word character is beside it
} AddedToken;
typedef LIST(AddedToken) AddedTokens;

// The tokens that are looked for at one of the two stages, as a tree of their bytes.
typedef struct {
    Arena *arena;
    const AddedToken *tokens;
    LIST(struct AddedNode) nodes;
    uint32_t roots[256]; // node + 1 by first byte, or 0
} AddedSet;

// Those of the tokens whose `normalized` is as given.
AddedSet added_open(Arena *arena, const AddedTokens *tokens, bool normalized);

// A stretch of text: an added token, or what stands between two (token == NULL).
typedef struct {
    const AddedToken *token;
    size_t begin, end;
} AddedPart;

typedef struct {
    const AddedSet *set;
    Str text;
    size_t searched, done;     // where to look on; what was handed out
    size_t run_begin, run_end; // of white space that was looked through
    AddedPart held;            // a token that waits while what stands before it is handed out
} AddedScan;

// Hands out the next part, from left to right; false at the end. Begin with {set, text}. A token that takes white
// space with it may overlap the token after it.
bool added_next(AddedScan *scan, AddedPart *part);
