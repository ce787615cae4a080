// tokenizer_lines.c: 2,000 lines of Kazakh and English: ids as Hugging Face gives them, ranges that tile the line,
// decoding that gives the line back.
#include "unit/tokenizer_fixture.h"

static size_t read_varint(Str data, size_t *at) {
    size_t value = 0;
    for (unsigned shift = 0; *at < data.len; shift += 7) {
        unsigned char byte = (unsigned char)data.at[(*at)++];
        value |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80) break;
    }
    return value;
}

static void check_ids(const char *name, size_t line, Str ids, size_t *at, const TokenList *tokens) {
    size_t count = read_varint(ids, at);
    bool same = count == tokens->len;
    for (size_t i = 0; i < count; i++) {
        size_t id = read_varint(ids, at);
        same = same && tokens->at[i].id == id;
    }
    if (!same) fprintf(stderr, "%s, line %zu:\n", name, line + 1);
    CHECK(same);
}

static void check_ranges(Str line, const TokenList *tokens) {
    uint32_t at = 0;
    for (size_t i = 0; i < tokens->len; i++) {
        CHECK(tokens->at[i].begin == at && tokens->at[i].end >= at);
        at = tokens->at[i].end;
    }
    CHECK(at == line.len);
}

static void check_lines(Arena *arena, const char *name, Tokenizer *tokenizer, const StrList *lines, size_t step) {
    Str ids = fixture_text(arena, str_format(arena, FIXTURES "lines.%s.ids", name).at);
    size_t at = 0;
    for (size_t i = 0; i < lines->len; i += step) {
        Arena *scratch = arena_open();
        TokenList tokens = fixture_encode(tokenizer, scratch, lines->at[i]);
        check_ids(name, i, ids, &at, &tokens);
        check_ranges(lines->at[i], &tokens);
        CHECK_STR(fixture_decode(tokenizer, scratch, &tokens, true), lines->at[i]);
        arena_close(scratch);
    }
    CHECK(at == ids.len);
    tokenizer_close(tokenizer);
}

int main(void) {
    Arena *arena = arena_open();
    StrList lines = fixture_lines(arena);
    CHECK(lines.len == 2000);
    static const char *const models[] = {"base", "tuned"};
    for (size_t i = 0; i < COUNT(models); i++) {
        Error err = {0};
        Str path = str_format(arena, REPO "/examples/models/steppe/%s/tokenizer.json", models[i]);
        Tokenizer *tokenizer = tokenizer_open(arena, path.at, &err);
        if (!tokenizer) fixture_fail("open", &err);
        check_lines(arena, models[i], tokenizer, &lines, 1);
    }
    cJSON *model = fixture_json(FIXTURES "model.json"), *variants = fixture_json(FIXTURES "variants.json");
    static const char *const small[] = {"llama3", "qwen", "digits"};
    const cJSON *variant;
    for (size_t i = 0; i < COUNT(small); i++) {
        cJSON_ArrayForEach(variant, variants) if (strcmp(json_member(variant, "name")->valuestring, small[i]) == 0)
            check_lines(arena, small[i], fixture_variant(arena, model, variant), &lines, 4);
    }
    cJSON_Delete(variants);
    cJSON_Delete(model);
    arena_close(arena);
    return check_done();
}
