// tokenizer.h: tokenizer.json of Hugging Face: text to token ids and back.
//
// Byte-level BPE. Ids equal those of Hugging Face `tokenizers` on the same file. What a file asks for and
// this reader does not know is an error that names it, never a different tokenization. A byte that the vocabulary
// has no token for is left out, as there. A tokenizer that is not being changed may be used by many threads.
#pragma once

#include "mdx/error.h"

typedef struct Tokenizer Tokenizer;

typedef struct {
    uint32_t id;
    uint32_t begin, end; // the bytes of the text that it covers; begin == end for what was added
    bool special;        // an added token with `special: true`, or one given to tokenizer_mark_special
} Token;
typedef LIST(Token) TokenList;

// Reads a tokenizer.json. The result lives in the arena; tokenizer_close frees what PCRE2 holds. NULL on error.
Tokenizer *tokenizer_open(Arena *arena, const char *path, Error *err);
Tokenizer *tokenizer_parse(Arena *arena, const char *name, Str json, Error *err); // the file's text; name: for messages
void tokenizer_close(Tokenizer *tokenizer);

// Declares that the token spelled `content` is special; a spelling that is no token is ignored.
void tokenizer_mark_special(Tokenizer *tokenizer, Str content);

// Appends the tokens of `text` (valid UTF-8, at most 1 GiB) to `out`, which grows in `arena`. With add_special
// the post-processor's tokens are added. Text that spells a special token becomes that token.
bool tokenizer_encode(const Tokenizer *tokenizer, Arena *arena, Str text, bool add_special, TokenList *out, Error *err);

// The ids that the post-processor writes before a single text (usually BOS). The view belongs to the tokenizer.
size_t tokenizer_prefix(const Tokenizer *tokenizer, const uint32_t **ids);

// Text of the ids, as Hugging Face decodes them: bytes that are no UTF-8 become U+FFFD. An id that does not
// exist is an error.
bool tokenizer_decode(const Tokenizer *tokenizer, Arena *arena, const uint32_t *ids, size_t count, bool skip_special,
                      Str *out, Error *err);
uint32_t tokenizer_vocab_size(const Tokenizer *tokenizer);                 // largest id + 1
bool tokenizer_id(const Tokenizer *tokenizer, Str spelling, uint32_t *id); // as tokenizer.json spells it
Str tokenizer_spelling(const Tokenizer *tokenizer, uint32_t id);           // empty when there is no such id
bool tokenizer_is_special(const Tokenizer *tokenizer, uint32_t id);
