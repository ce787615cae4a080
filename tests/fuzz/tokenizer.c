// tokenizer.c: any bytes as a tokenizer.json; what opens must encode and decode a text that goes wrong easily.
#include <stdlib.h>

#include "runtime/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "a ab  abc<x>\r\n\t12 'S \xd2\x9b\xd0\xb0\xd0\xb7\xd0\xb8\xcc\x86 e\xcc\x81\xcc\xa3\xc2\xa0\xf0\x9f\x91\x8d"
    "\xf0\x9f\x8f\xbd\0\xe1\x84\x80\xe1\x85\xa1\xef\xac\x81 aaaaaaaaaaaaaaaaaaaaaaaa   ";

static void check(bool must) {
    if (!must) abort();
}

static void use(Tokenizer *tokenizer, Arena *arena) {
    Error err = {0};
    TokenList tokens = {0};
    Str decoded;
    const uint32_t *prefix;
    tokenizer_mark_special(tokenizer, STR("ab"));
    size_t count = tokenizer_prefix(tokenizer, &prefix);
    for (int add = 0; add < 2; add++) {
        if (!tokenizer_encode(tokenizer, arena, (Str){text, sizeof text - 1}, add, &tokens, &err)) {
            check(err.kind != ERR_NONE && err.text[0]);
            return;
        }
    }
    check(tokens.len >= count);
    uint32_t *ids = arena_many(arena, uint32_t, tokens.len + 1);
    for (size_t i = 0; i < tokens.len; i++) {
        check(tokens.at[i].begin <= tokens.at[i].end && tokens.at[i].end < sizeof text);
        check(tokens.at[i].id < tokenizer_vocab_size(tokenizer));
        ids[i] = tokens.at[i].id;
    }
    check(tokenizer_decode(tokenizer, arena, ids, tokens.len, false, &decoded, &err));
    check(tokenizer_decode(tokenizer, arena, ids, tokens.len, true, &decoded, &err));
    ids[tokens.len] = tokenizer_vocab_size(tokenizer);
    check(!tokenizer_decode(tokenizer, arena, ids, tokens.len + 1, true, &decoded, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena *arena = arena_open();
    Error err = {0};
    Tokenizer *tokenizer = tokenizer_parse(arena, "fuzz", (Str){(const char *)data, size}, &err);
    if (tokenizer)
        use(tokenizer, arena);
    else
        check(err.kind != ERR_NONE && err.text[0]);
    tokenizer_close(tokenizer);
    arena_close(arena);
    return 0;
}
