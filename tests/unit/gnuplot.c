// gnuplot.c: texts as gnuplot's strings: nothing in them ends the string, is run or is a format.
#include "api/figures.h"
#include "check.h"

static Str quoted(Arena *arena, Str text, size_t most, bool tic) {
    Text out = text_open(arena);
    gnuplot_text(&out, text, most, tic);
    return text_view(&out);
}

int main(void) {
    Arena *arena = arena_open();
    CHECK(str_is(quoted(arena, STR(""), 9, false), "''"));
    CHECK(str_is(quoted(arena, STR("kl_raw, site=z"), 20, false), "'kl_raw, site=z'"));
    CHECK(str_is(quoted(arena, STR("it's `id`\\"), 20, false), "'it’s ’id’∖'"));
    CHECK(str_is(quoted(arena, STR("a\nset x\r\x01"), 20, false), "'a set x  '"));
    CHECK(str_is(quoted(arena, STR("50%"), 20, true), "'50%%'"));
    CHECK(str_is(quoted(arena, STR("50%"), 20, false), "'50%'"));
    CHECK(str_is(quoted(arena, STR("ééééé"), 5, false), "'ééééé'"));
    CHECK(str_is(quoted(arena, STR("éééééé"), 5, false), "'ééééé…'"));
    arena_close(arena);
    return check_done();
}
