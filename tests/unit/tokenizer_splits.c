// tokenizer_splits.c: the pieces that patterns and behaviors make, as Oniguruma inside Hugging Face makes them; and
// patterns that PCRE2 would read differently, which must be refused.
#include "runtime/tokenizer/pretokenize.h"
#include "unit/tokenizer_fixture.h"

typedef struct {
    PieceSink sink;
    const cJSON *want; // the next piece
    bool same;
    Text got; // for the report
} Comparison;

static bool compare(PieceSink *sink, const Piece *piece, Error *err) {
    (void)err;
    Comparison *c = (Comparison *)sink;
    c->same = c->same && c->want && str_is(piece->text, c->want->valuestring);
    if (c->want) c->want = c->want->next;
    text_json(&c->got, piece->text);
    return true;
}

// A tokenizer whose pre-tokenizer is this one, then bytes.
static Tokenizer *with_step(Arena *arena, const cJSON *step, Error *err) {
    char *text = cJSON_PrintUnformatted(step);
    Str json =
        str_format(arena,
                   "{\"model\":{\"vocab\":{},\"merges\":[]},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":"
                   "[%s,{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}}",
                   text);
    cJSON_free(text);
    return tokenizer_parse(arena, "step", json, err);
}

static void check_split(const cJSON *step, const cJSON *texts, const cJSON *want) {
    Arena *arena = arena_open();
    Error err = {0};
    Tokenizer *tokenizer = with_step(arena, step, &err);
    if (!tokenizer) fixture_fail("split", &err);
    const cJSON *text = texts->child;
    for (const cJSON *pieces = want->child; pieces; pieces = pieces->next, text = text->next) {
        Comparison c = {{compare}, pieces->child, true, text_open(arena)};
        Matcher *matcher = matcher_open(arena, 1);
        bool ok = pretokenize(tokenizer, arena, matcher, str_of(text->valuestring), &c.sink, &err);
        bool same = ok && c.same && !c.want;
        if (!same) {
            char *shown = cJSON_PrintUnformatted(step), *wanted = cJSON_PrintUnformatted(pieces);
            fprintf(stderr, "%s\n  got  %s %s\n  want %s\n", shown, ok ? "" : err.text, c.got.at, wanted);
            cJSON_free(shown);
            cJSON_free(wanted);
        }
        CHECK(same);
        matcher_close(matcher);
    }
    tokenizer_close(tokenizer);
    arena_close(arena);
}

static void check_refused(const cJSON *patterns) {
    const cJSON *pattern;
    cJSON_ArrayForEach(pattern, patterns) {
        Arena *arena = arena_open();
        Error err = {0};
        Pattern *opened = pattern_open(arena, str_of(pattern->valuestring), false, &err);
        if (opened) fprintf(stderr, "not refused: %s\n", pattern->valuestring);
        CHECK(!opened && err.kind == ERR_INPUT && str_starts(str_of(err.text), STR("pattern '")));
        pattern_close(opened);
        arena_close(arena);
    }
}

// What a pattern becomes, where the two syntaxes differ. A reader of PCRE2's manual can check these.
static void check_translation(void) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"(a|b)+$", "(?:a|b)+$"},
        {"a{,2}b", "a{0,2}b"},
        {"a{2}+", "(?:a{2})+"},
        {"a{2}?", "(?:a{2})?"},
        {"a{1,2}?", "a{1,2}?"},
        {"ab**", "a(?:b*)*"},
        {"(?i)a|b", "(?i:a|b)"},
        {"(x(?i)a|b)c", "(?:x(?i:a|b))c"},
        {"\\h\\v", "[0-9A-Fa-f]\\x{b}"},
        {"[a&&b]", "(?:(?=[a])[b])"},
        {"[^a&&b]", "(?:(?!(?:(?=[a])[b]))(?s:.))"},
        {"[a[^b]]", "(?:[a]|[^b])"},
        {"#{", "\\x{23}\\x{7b}"},
        {"\\p{Zs}\\P{^Zs}", "[\\p{Zs}][\\p{Zs}]"},
        {"\\p{Greek}", "[\\p{sc:greek}]"},
    };
    Arena *arena = arena_open();
    for (size_t i = 0; i < COUNT(cases); i++) {
        Str out = {0};
        Error err = {0};
        CHECK(pattern_translate(arena, str_of(cases[i].in), &out, &err));
        CHECK_STR(out, str_of(cases[i].out));
    }
    arena_close(arena);
}

int main(void) {
    cJSON *fixture = fixture_json(FIXTURES "splits.json");
    const cJSON *texts = json_member(fixture, "texts"), *split;
    size_t count = 0;
    cJSON_ArrayForEach(split, json_member(fixture, "splits")) {
        check_split(split->child, texts, split->child->next);
        count++;
    }
    CHECK(count > 150);
    check_refused(json_member(fixture, "refused"));
    check_translation();
    cJSON_Delete(fixture);
    return check_done();
}
