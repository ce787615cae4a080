// text.h: strings as Python sees them: sequences of code points, in valid UTF-8.
#pragma once

#include "mdx/base.h"

size_t jt_next(Str s, size_t at, int32_t *code); // the code point at byte `at`; returns the byte behind it
void jt_put(Text *out, int32_t code);
size_t jt_length(Str s);                   // in code points
size_t jt_offset(Str s, size_t count);     // byte offset of a code point, or s.len
bool jt_is_space(int32_t code);            // str.isspace
bool jt_in_name(int32_t code, bool first); // str.isidentifier
bool jt_is_printable(int32_t code);        // str.isprintable

// str.strip, str.lstrip, str.rstrip; `chars` NULL: white space.
Str jt_strip(Str s, const Str *chars, bool left, bool right);
size_t jt_find(Str s, Str part, size_t from); // byte offset, or SIZE_MAX
size_t jt_find_last(Str s, Str part);
// Cuts a line off the front of *rest, without its end. False: nothing was left.
bool jt_line(Str *rest, Str *line);

typedef enum { CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_CAPITAL, CASE_SWAP } Case;
void jt_case(Text *out, Str s, Case how); // str.upper, lower, title, capitalize, swapcase

// str.isupper and its like: a bit for each property that every character has. IS_UPPER and IS_LOWER look at the
// characters that have case, of which there must be one.
enum {
    IS_ALPHA = 1,
    IS_DECIMAL = 2,
    IS_DIGIT = 4,
    IS_ALNUM = 8,
    IS_SPACE = 16,
    IS_UPPER = 32,
    IS_LOWER = 64,
    IS_ASCII = 128,
    IS_PRINTABLE = 256,
};
unsigned jt_properties(Str s); // of an empty string: IS_ASCII and IS_PRINTABLE alone
