// tokenizer.c: ids and spellings; text of ids.
#include "mdx/json.h"
#include "runtime/tokenizer/internal.h"

uint32_t tokenizer_vocab_size(const Tokenizer *tokenizer) {
    return tokenizer->size;
}

bool tokenizer_id(const Tokenizer *tokenizer, Str spelling, uint32_t *id) {
    return strmap_get(&tokenizer->added_ids, spelling, id) || strmap_get(&tokenizer->bpe.ids, spelling, id);
}

static const AddedToken *added_token(const Tokenizer *tokenizer, uint32_t id) {
    uint32_t index = id < tokenizer->size ? tokenizer->added_by_id[id] : 0;
    return index ? &tokenizer->added.at[index - 1] : NULL;
}

Str tokenizer_spelling(const Tokenizer *tokenizer, uint32_t id) {
    const AddedToken *added = added_token(tokenizer, id);
    if (added) return added->content;
    return id < tokenizer->bpe.size ? tokenizer->bpe.spellings[id] : (Str){0};
}

bool tokenizer_is_special(const Tokenizer *tokenizer, uint32_t id) {
    return id < tokenizer->size && tokenizer->special[id];
}

void tokenizer_mark_special(Tokenizer *tokenizer, Str content) {
    uint32_t id;
    if (tokenizer_id(tokenizer, content, &id)) tokenizer->special[id] = true;
}

size_t tokenizer_prefix(const Tokenizer *tokenizer, const uint32_t **ids) {
    *ids = tokenizer->prefix.at;
    return tokenizer->prefix.len;
}

// ---- Decoding

// How many bytes at the beginning of `text`, which is not valid there, one U+FFFD replaces: as many as a valid
// sequence could begin with, at least one. So Unicode recommends and Rust does.
static size_t broken_sequence(Str text) {
    const unsigned char *s = (const unsigned char *)text.at;
    size_t whole = s[0] < 0xc2 || s[0] > 0xf4 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4, n = 1;
    unsigned least = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned most = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    for (; n < whole && n < text.len && s[n] >= least && s[n] <= most; n++) {
        least = 0x80;
        most = 0xbf;
    }
    return n;
}

static Str replace_invalid(Arena *arena, Str bytes) {
    size_t valid = utf8_valid_prefix(bytes);
    if (valid == bytes.len) return bytes;
    Text out = text_open(arena);
    while (bytes.len) {
        text_str(&out, str_part(bytes, 0, valid));
        bytes = str_part(bytes, valid, bytes.len);
        if (!bytes.len) break;
        text_str(&out, STR("\xef\xbf\xbd"));
        bytes = str_part(bytes, broken_sequence(bytes), bytes.len);
        valid = utf8_valid_prefix(bytes);
    }
    return text_view(&out);
}

// A spelling in which a character stands for no byte is text itself.
static void add_bytes(const Tokenizer *tokenizer, Str spelling, Text *out) {
    size_t before = out->len;
    if (byte_alphabet_read(&tokenizer->bpe.alphabet, spelling, out)) return;
    out->len = before;
    text_str(out, spelling);
}

bool tokenizer_decode(const Tokenizer *tokenizer, Arena *arena, const uint32_t *ids, size_t count, bool skip_special,
                      Str *out, Error *err) {
    DecoderRules rules = tokenizer->decoder;
    Text text = text_open(arena);
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        const AddedToken *added = added_token(tokenizer, ids[i]);
        Str spelling = added ? added->text : tokenizer_spelling(tokenizer, ids[i]);
        if (!spelling.at) FAIL(err, ERR_INPUT, "%s: no token has the id %u", tokenizer->name.at, ids[i]);
        if (skip_special && tokenizer_is_special(tokenizer, ids[i])) continue;
        if (rules.joins && !first) text_char(&text, ' ');
        first = false;
        if (rules.bytes && !rules.fuse_first)
            add_bytes(tokenizer, spelling, &text);
        else
            text_str(&text, spelling);
    }
    Str whole = text_view(&text);
    if (rules.bytes && rules.fuse_first) {
        text = text_open(arena);
        add_bytes(tokenizer, whole, &text);
        whole = text_view(&text);
    }
    *out = rules.bytes ? replace_invalid(arena, whole) : whole;
    return true;
}
