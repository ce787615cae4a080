// tokenizer_normal.c: the four normal forms against Python's, and where every byte came from.
#include "runtime/tokenizer/normalize.h"
#include "unit/tokenizer_fixture.h"

static void check_form(Arena *arena, Str text, NormalForm form, Str want) {
    Normalized got = normalize(arena, text, &form, 1);
    CHECK_STR(got.text, want);
    CHECK(got.origin || str_eq(got.text, text));
    uint32_t reached = 0;
    for (size_t i = 0; got.origin && i < got.text.len; i++) {
        Origin origin = got.origin[i];
        CHECK(origin.begin < origin.end && origin.end <= text.len);
        CHECK(origin.begin <= reached && origin.end >= reached); // in order, and nothing is left out
        reached = origin.end;
    }
    CHECK(!got.origin || reached == text.len);
}

static void check_origins(Arena *arena) {
    const NormalForm forms[] = {NORMAL_NFD, NORMAL_NFC};
    // Back and forth: 'é' is one cluster of two bytes both times, 'e' + U+0301 one of three.
    Normalized got = normalize(arena,
                               STR("a\xc3\xa9"
                                   "e\xcc\x81z"),
                               forms, 2);
    static const Origin want[] = {{0, 1}, {1, 3}, {1, 3}, {3, 6}, {3, 6}, {6, 7}};
    CHECK_STR(got.text, STR("a\xc3\xa9\xc3\xa9z"));
    CHECK(got.origin && memcmp(got.origin, want, sizeof want) == 0);
    CHECK(normalize(arena, STR("қазақ йод"), &forms[1], 1).origin == NULL);
}

// A run of marks in the worst order must not take quadratic time: 200,000 of them.
static void check_long_run(Arena *arena) {
    Text text = text_open(arena);
    text_char(&text, 'q');
    for (int i = 0; i < 100000; i++) text_str(&text, STR("\xcc\x81\xcc\xa3")); // above, below
    Normalized got = normalize(arena, text_view(&text), &(NormalForm){NORMAL_NFC}, 1);
    CHECK(got.text.len == 400001 && got.origin && got.origin[400000].end == 400001);
    CHECK_STR(str_part(got.text, 0, 5), STR("q\xcc\xa3\xcc\xa3"));
    CHECK_STR(str_part(got.text, 399997, 400001), STR("\xcc\x81\xcc\x81"));
}

int main(void) {
    Arena *arena = arena_open();
    cJSON *fixture = fixture_json(FIXTURES "normal.json");
    const cJSON *entry;
    size_t count = 0;
    cJSON_ArrayForEach(entry, fixture) {
        const cJSON *form = entry->child->next;
        for (NormalForm f = NORMAL_NFC; f <= NORMAL_NFKD; f++, form = form->next)
            check_form(arena, str_of(entry->child->valuestring), f, str_of(form->valuestring));
        count++;
    }
    CHECK(count > 250);
    check_origins(arena);
    check_long_run(arena);
    cJSON_Delete(fixture);
    arena_close(arena);
    return check_done();
}
