// unicode.h: kinds of characters, as the tokenizer's rules mean them; UTF-8, one step at a time; quoting.
#pragma once

#include "mdx/base.h"

// The White_Space property: what \s means to Hugging Face's tokenizers.
bool unicode_is_space(uint32_t c);
// A character that can be part of a word: what \w means where added tokens ask for whole words.
bool unicode_is_word(uint32_t c);
// Adds "\x{..}-\x{..}" for the code points of Unicode 15 and 16 whose category begins with `category`.
void unicode_add_younger(Text *out, Str category);

// What a message says of a text: at most 160 bytes of it, on one line.
typedef struct {
    char text[168];
} Quote;
Quote quote(Str text); // valid UTF-8

// Bytes of the UTF-8 sequence that begins with `lead`; the text must be valid.
static inline size_t utf8_length(unsigned char lead) {
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

// The code point at `at`; the text must be valid.
static inline uint32_t utf8_at(const char *at) {
    const unsigned char *s = (const unsigned char *)at;
    if (s[0] < 0x80) return s[0];
    if (s[0] < 0xe0) return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    if (s[0] < 0xf0) return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}
