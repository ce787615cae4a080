// positions.c: content(k, skip) against linspace, its fall-backs, and span through what the facts say.
#include <math.h>

#include "check.h"
#include "compiler/build.h"

enum { PROMPTS = 4 };
static const uint32_t start[] = {0, 30, 33, 40, 60}, length[] = {30, 3, 7, 20};
static const Str ids[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}};
static bool content[60];

static bool cover(void *self, const Stream *stream, uint32_t prompt, Str text, uint32_t n, bool *flags, uint32_t *found,
                  Error *err) {
    (void)self, (void)stream, (void)err;
    *found = str_is(text, "here") && n == 2 ? 2 : prompt;
    if (*found == n) flags[1] = flags[2] = true;
    return true;
}

static Spaces open_spaces(Arena *arena) {
    static const Facts facts = {.cover = cover};
    static const Stream stream = {PROMPTS, start, length, NULL, content, ids};
    // All tokens but each prompt's first and last.
    for (uint32_t p = 0; p < PROMPTS; p++)
        for (uint32_t t = start[p] + 1; t + 1 < start[p + 1]; t++) content[t] = true;
    Spaces spaces = spaces_open(arena, NULL, &facts);
    CHECK(spaces_stream(&spaces, &stream, 0, STR("val/m")) == 0);
    return spaces;
}

static const Selection *select_at(Spaces *spaces, Positions at, Error *err) {
    const Selection *out = NULL;
    at.span = NO_SPAN;
    return positions_select(spaces, 0, &at, &out, err) ? out : NULL;
}

// numpy's floor(linspace(0, usable - 1, k) + 0.5), with one point at the first.
static void spread(Arena *arena) {
    Error err;
    for (uint32_t k = 1; k <= 20; k++) {
        Spaces spaces = open_spaces(arena);
        const Selection *got = select_at(&spaces, (Positions){.word = POSITION_content, .k = k}, &err);
        CHECK(got && selection_in_prompt(got, 0) == k);
        for (uint32_t i = 0; got && i < k; i++)
            CHECK(selection_has(got, 1 + (uint32_t)floor((k > 1 ? 27.0 * i / (k - 1) : 0) + 0.5)));
    }
}

static void fallbacks(Arena *arena) {
    Error err;
    Spaces spaces = open_spaces(arena);
    const Selection *got = select_at(&spaces, (Positions){.word = POSITION_content, .k = 5}, &err);
    CHECK(got && selection_in_prompt(got, 1) == 1 && selection_in_prompt(got, 2) == 5);
    got = select_at(&spaces, (Positions){.word = POSITION_content, .k = 6}, &err);
    CHECK(got && selection_in_prompt(got, 2) == 5 && selection_has(got, 34) && selection_has(got, 38) &&
          !selection_has(got, 39));
    select_at(&spaces, (Positions){.word = POSITION_content, .k = 6}, &err);
    CHECK(spaces.counts.len == 2);
    const PositionCount *count = &spaces.counts.at[1];
    CHECK(count->fallbacks == 2 && count->least == 1 && count->most == 6 && count->total == 6 + 1 + 5 + 6);
    CHECK(!select_at(&spaces, (Positions){.word = POSITION_content, .k = 2, .skip = 1}, &err));
    CHECK_STR(str_of(err.text), STR("prompt b has 1 tokens of content, and the last 1 are left out"));
}

static void spans(Arena *arena) {
    Error err;
    Spaces spaces = open_spaces(arena);
    const Selection *got = select_at(&spaces, (Positions){.word = POSITION_span, .k = 2, .text = STR("here")}, &err);
    CHECK(got && got->count == 2 * PROMPTS && selection_has(got, 31) && selection_has(got, 32));
    CHECK(!select_at(&spaces, (Positions){.word = POSITION_span, .k = 1, .text = STR("there")}, &err));
    CHECK_STR(str_of(err.text), STR("prompt a has the text \"there\" 0 times, not 1"));
}

int main(void) {
    Arena *arena = arena_open();
    spread(arena);
    fallbacks(arena);
    spans(arena);
    arena_close(arena);
    return check_done();
}
