// tokenizer.c: every feature of tokenizer.json, against what Hugging Face says about texts that go wrong easily.
#include "runtime/tokenizer/bpe.h"
#include "unit/tokenizer_fixture.h"

static bool same_ids(const TokenList *got, const cJSON *want) {
    size_t i = 0;
    const cJSON *id;
    cJSON_ArrayForEach(id, want) {
        if (i == got->len || got->at[i].id != (uint32_t)id->valuedouble) return false;
        i++;
    }
    return i == got->len;
}

static void report(const char *variant, Str text, const TokenList *got, const cJSON *want) {
    fprintf(stderr, "%s: '%.*s'\n  got ", variant, STR_ARG(text));
    for (size_t i = 0; i < got->len; i++)
        fprintf(stderr, " %u[%u,%u]", got->at[i].id, got->at[i].begin, got->at[i].end);
    char *wanted = cJSON_PrintUnformatted(want);
    fprintf(stderr, "\n  want %s\n", wanted);
    cJSON_free(wanted);
}

static bool is_inside(Str text, uint32_t at) {
    return at < text.len && ((unsigned char)text.at[at] & 0xc0) == 0x80;
}

// The ranges widened to whole characters, against those of Hugging Face.
static bool same_ranges(Str text, const TokenList *got, const cJSON *want) {
    const cJSON *bound = want->child;
    for (size_t i = 0; i < got->len; i++) {
        uint32_t begin = got->at[i].begin, end = got->at[i].end;
        bool empty = begin == end;
        while (is_inside(text, begin)) begin--;
        while (!empty && is_inside(text, end)) end++;
        uint32_t want_begin = (uint32_t)bound->valuedouble, want_end = (uint32_t)bound->next->valuedouble;
        if (empty ? want_begin != want_end : begin != want_begin || end != want_end) return false;
        bound = bound->next->next;
    }
    return true;
}

static void check_case(const char *name, const Tokenizer *tokenizer, Str text, const cJSON *expected) {
    Arena *arena = arena_open();
    TokenList tokens = fixture_encode(tokenizer, arena, text);
    const cJSON *ids = json_member(expected, "ids"), *ranges = json_member(expected, "ranges");
    bool same = same_ids(&tokens, ids);
    if (!same) report(name, text, &tokens, ids);
    CHECK(same);
    if (same && ranges) {
        bool right = same_ranges(text, &tokens, ranges);
        if (!right) report(name, text, &tokens, ranges);
        CHECK(right);
    }
    const cJSON *with = json_member(expected, "text"), *without = json_member(expected, "plain");
    CHECK_STR(fixture_decode(tokenizer, arena, &tokens, false), with ? str_of(with->valuestring) : text);
    CHECK_STR(fixture_decode(tokenizer, arena, &tokens, true), without ? str_of(without->valuestring) : text);
    arena_close(arena);
}

static void check_variants(Arena *arena, const cJSON *model, const cJSON *variants) {
    StrList texts = fixture_nasty(arena);
    const cJSON *variant, *expected;
    size_t count = 0;
    cJSON_ArrayForEach(variant, variants) {
        Tokenizer *tokenizer = fixture_variant(arena, model, variant);
        size_t i = 0;
        cJSON_ArrayForEach(expected, json_member(variant, "cases")) {
            check_case(json_member(variant, "name")->valuestring, tokenizer, texts.at[i++], expected);
            count++;
        }
        CHECK(i == texts.len);
        tokenizer_close(tokenizer);
    }
    CHECK(count == 12 * texts.len);
}

static const cJSON *find(const cJSON *variants, const char *name) {
    const cJSON *variant;
    cJSON_ArrayForEach(variant,
                       variants) if (strcmp(json_member(variant, "name")->valuestring, name) == 0) return variant;
    BUG("no such variant");
}

// Special tokens by the file and by tokenizer_mark_special; spellings; the prefix.
static void check_specials(Arena *arena, const cJSON *model, const cJSON *variants) {
    Tokenizer *tokenizer = fixture_variant(arena, model, find(variants, "llama3"));
    uint32_t bos = 0, the = 0;
    const uint32_t *prefix;
    CHECK(tokenizer_id(tokenizer, STR("<|bos|>"), &bos) && bos == 900);
    CHECK(tokenizer_vocab_size(tokenizer) == 904);
    CHECK(tokenizer_prefix(tokenizer, &prefix) == 1 && prefix[0] == bos);
    CHECK(tokenizer_is_special(tokenizer, bos) && !tokenizer_is_special(tokenizer, 904));
    CHECK_STR(tokenizer_spelling(tokenizer, bos), STR("<|bos|>"));
    CHECK(tokenizer_spelling(tokenizer, 904).len == 0 && !tokenizer_id(tokenizer, STR("no such"), &the));
    CHECK(tokenizer_id(tokenizer, STR("Ġthe"), &the) && !tokenizer_is_special(tokenizer, the));
    TokenList tokens = fixture_encode(tokenizer, arena, STR("<|end|> the"));
    CHECK(tokens.len == 3 && tokens.at[0].special && tokens.at[0].end == 0 && tokens.at[1].special &&
          !tokens.at[2].special);
    tokenizer_mark_special(tokenizer, STR("Ġthe"));
    tokenizer_mark_special(tokenizer, STR("no such"));
    tokens = fixture_encode(tokenizer, arena, STR("<|end|> the"));
    CHECK(tokens.at[2].special && tokens.at[2].begin == 7 && tokens.at[2].end == 11);
    CHECK_STR(fixture_decode(tokenizer, arena, &tokens, true), STR(""));
    CHECK_STR(fixture_decode(tokenizer, arena, &tokens, false), STR("<|bos|><|end|> the"));
    tokenizer_close(tokenizer);
}

// Without add_special nothing is added; a token that is a part of a character covers only its bytes; NUL is text.
static void check_encode(Arena *arena, const cJSON *model, const cJSON *variants) {
    Tokenizer *tokenizer = fixture_variant(arena, model, find(variants, "prefix-space"));
    TokenList tokens = {0};
    Error err = {0};
    CHECK(tokenizer_encode(tokenizer, arena, STR("x"), false, &tokens, &err) && tokens.len == 1);
    CHECK_STR(tokenizer_spelling(tokenizer, tokens.at[0].id), STR("Ġx"));
    CHECK(tokens.at[0].begin == 0 && tokens.at[0].end == 1);
    tokens.len = 0;
    CHECK(tokenizer_encode(tokenizer, arena, STR(";\0\xe2\x98\x83"), false, &tokens, &err) && tokens.len == 6);
    for (uint32_t i = 0; i < tokens.len; i++) CHECK(tokens.at[i].begin == (i ? i - 1 : 0) && tokens.at[i].end == i);
    CHECK_STR(fixture_decode(tokenizer, arena, &tokens, false), STR(" ;\0\xe2\x98\x83"));
    tokens.len = 5;
    CHECK_STR(fixture_decode(tokenizer, arena, &tokens, false), STR(" ;\0\xef\xbf\xbd")); // two bytes of three
    tokenizer_close(tokenizer);
}

// A normalized character covers the whole cluster that it was made from; what did not change covers itself.
static void check_normalized_ranges(Arena *arena, const cJSON *model, const cJSON *variants) {
    Tokenizer *tokenizer = fixture_variant(arena, model, find(variants, "qwen"));
    Str text = STR("xи\xcc\x86y<tool>и\xcc\x86"); // 'й' in two characters, four bytes
    TokenList tokens = fixture_encode(tokenizer, arena, text);
    uint32_t last = (uint32_t)text.len;
    size_t clusters = 0;
    for (size_t i = 0; i < tokens.len; i++) {
        Token token = tokens.at[i];
        if (token.begin == 6) CHECK_STR(tokenizer_spelling(tokenizer, token.id), STR("<tool>"));
        bool in_cluster = (token.begin >= 1 && token.end <= 5) || token.begin >= last - 4;
        if (!in_cluster) continue;
        clusters++;
        CHECK((token.begin == 1 && token.end == 5) || (token.begin == last - 4 && token.end == last));
    }
    CHECK(clusters >= 2 && tokens.at[0].begin == 0 && tokens.at[tokens.len - 1].end == last);
    tokenizer_close(tokenizer);
}

// What Rust's from_utf8_lossy makes of bytes that are no text.
static void check_lossy(Arena *arena, const cJSON *model, const cJSON *variants) {
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"\xff", "\ufffd"},
        {"a\x80\x80z", "a\ufffd\ufffdz"},
        {"\xe2\x98z", "\ufffdz"},
        {"\xe2\x98\xe2\x98\x83", "\ufffd☃"},
        {"\xf0\x9f\x98", "\ufffd"},
        {"\xf0\x9f\x98\x41", "\ufffdA"},
        {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
        {"\xc0\xaf", "\ufffd\ufffd"},
        {"\xe0\x9f\x80", "\ufffd\ufffd\ufffd"},
        {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
        {"\xf5\x80", "\ufffd\ufffd"},
        {"\xf1\x80\x80\xc3", "\ufffd\ufffd"},
    };
    Tokenizer *tokenizer = fixture_variant(arena, model, find(variants, "digits"));
    ByteAlphabet alphabet = {0};
    byte_alphabet_fill(&alphabet);
    for (size_t i = 0; i < COUNT(cases); i++) {
        TokenList tokens = {0};
        for (const char *at = cases[i].bytes; *at; at++) {
            Token token = {0};
            uint8_t byte = (uint8_t)*at;
            CHECK(tokenizer_id(tokenizer, (Str){alphabet.utf8[byte], alphabet.length[byte]}, &token.id));
            list_push(arena, &tokens, token);
        }
        CHECK_STR(fixture_decode(tokenizer, arena, &tokens, false), str_of(cases[i].text));
    }
    Str text;
    Error err = {0};
    CHECK(!tokenizer_decode(tokenizer, arena, (uint32_t[]){1, 4000000000}, 2, false, &text, &err));
    CHECK_STR(str_of(err.text), STR("digits: no token has the id 4000000000"));
    tokenizer_close(tokenizer);
}

int main(void) {
    Arena *arena = arena_open();
    cJSON *model = fixture_json(FIXTURES "model.json"), *variants = fixture_json(FIXTURES "variants.json");
    check_variants(arena, model, variants);
    check_specials(arena, model, variants);
    check_encode(arena, model, variants);
    check_normalized_ranges(arena, model, variants);
    check_lossy(arena, model, variants);
    cJSON_Delete(variants);
    cJSON_Delete(model);
    arena_close(arena);
    return check_done();
}
