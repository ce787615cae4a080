// pattern.h: the regular expressions of tokenizer.json, run by PCRE2.
//
// The files are written for Oniguruma. pattern_open translates what means something else to PCRE2 (white space,
// word characters, '{,n}', '(?i)' …) and refuses what it cannot say exactly. Searching is bounded: a pattern
// that needs too many steps on a text is an error, not a hang. Categories are those of Unicode 16 everywhere;
// which characters a script has is PCRE2's to say.
#pragma once

#include "mdx/error.h"

typedef struct Pattern Pattern;

// Compiles `source`; a literal pattern matches its own text. NULL on error. pattern_close frees what PCRE2 holds.
Pattern *pattern_open(Arena *arena, Str source, bool literal, Error *err);
void pattern_close(Pattern *pattern);

// What searching one text needs; not to be shared between threads.
typedef struct Matcher Matcher;
Matcher *matcher_open(Arena *arena, size_t text_bytes); // the steps allowed grow with the text
void matcher_close(Matcher *matcher);

typedef struct {
    bool found;
    size_t begin, end;
} Match;
// The leftmost match in `text` (valid UTF-8) that begins at `from` or later.
bool pattern_find(const Pattern *pattern, Matcher *matcher, Str text, size_t from, Match *out, Error *err);

// The same expression in PCRE2's syntax, to be compiled with UTF, UCP, MULTILINE, newlines being '\n' alone.
bool pattern_translate(Arena *arena, Str source, Str *out, Error *err);
