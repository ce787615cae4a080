// html.c: nothing of a user's text becomes markup, and pages are well-formed whatever it holds.
#include "api/html.h"
#include "check.h"

static Str escaped(Arena *arena, Str s) {
    Text out = text_open(arena);
    html_text(&out, s);
    return text_view(&out);
}

#define ESCAPED(from, to) CHECK(str_eq(escaped(arena, STR(from)), STR(to)))

static void test_text(Arena *arena) {
    ESCAPED("", "");
    ESCAPED("plain \xc3\xa9 \xe2\x86\x92", "plain \xc3\xa9 \xe2\x86\x92");
    ESCAPED("<script>alert('a' & \"b\")</script>", "&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)&lt;/script&gt;");
    ESCAPED("a\r\nb\tc", "a\nb\tc");
    ESCAPED("\x1b[31m\x7f\x01", "\xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd");
    ESCAPED("\xff<\xc3", "\xef\xbf\xbd&lt;\xef\xbf\xbd");
    ESCAPED("\xef\xbf\xbf.\xef\xbf\xbe.\xef\xbf\xbd", "\xef\xbf\xbd.\xef\xbf\xbd.\xef\xbf\xbd");
    CHECK(str_eq(escaped(arena, (Str){"a\0b", 3}), STR("a\xef\xbf\xbd" "b")));
}

static void test_count(Arena *arena) {
    static const struct {
        uint64_t number;
        const char *cell;
    } cases[] = {{0, "0"}, {999, "999"}, {1000, "1,000"}, {1234567, "1,234,567"}, {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        Text out = text_open(arena);
        html_count(&out, cases[i].number);
        CHECK(str_eq(text_view(&out), str_format(arena, "<td class=\"n\">%s</td>", cases[i].cell)));
    }
}

static void test_code(Arena *arena) {
    Text out = text_open(arena);
    html_code(&out, STR("a < b\n\nlast"));
    CHECK(strstr(out.at, "<pre><span class=\"l\">a &lt; b\n</span><span class=\"l\">\n</span><span class=\"l\">last\n</span></pre>"));
}

static void test_image(Arena *arena) {
    static const char *const cases[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        Text out = text_open(arena);
        html_image(&out, "svg+xml", str_of(cases[i][0]), STR("a \"b\""));
        CHECK(str_eq(text_view(&out), str_format(arena, "<img src=\"data:image/svg+xml;base64,%s\" alt=\"a &quot;b&quot;\" />", cases[i][1])));
    }
}

int main(void) {
    Arena *arena = arena_open();
    test_text(arena);
    test_count(arena);
    test_code(arena);
    test_image(arena);
    arena_close(arena);
    return check_done();
}
