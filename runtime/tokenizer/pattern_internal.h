// pattern_internal.h: one translation from Oniguruma's syntax to PCRE2's, under way.
#pragma once

#include "runtime/tokenizer/pattern.h"

enum { PATTERN_MAX_DEPTH = 32 };

typedef struct {
    Arena *arena;
    Str in;
    size_t at;     // the next byte of in
    bool caseless; // inside (?i)
    int depth;     // of groups and classes that are open
    Error *err;
} PatternReader;

// The next byte is taken when it is `c`.
static inline bool pattern_accept(PatternReader *reader, char c) {
    bool is = reader->at < reader->in.len && reader->in.at[reader->at] == c;
    reader->at += is;
    return is;
}

// An escape after its backslash: a character, or a set of them.
typedef struct {
    bool is_set, negated;
    uint32_t c;
    Str set;     // what stands between the brackets of a class
    Str outside; // what more it holds outside a class
} PatternEscape;

bool pattern_escape(PatternReader *reader, PatternEscape *out);
uint32_t pattern_char(PatternReader *reader); // takes one character
// A class after its '[': an expression that matches one character.
bool pattern_class(PatternReader *reader, Str *out);
void pattern_add_char(Text *out, uint32_t c); // spelled so that it means itself, inside a class and outside
