// base_json.c: JSON with its errors by line and column, members by kind and range, and what is UTF-8.
#include "check.h"
#include "mdx/json.h"

static Error err;

// ---- UTF-8

// What the standard says, by decoding: the shortest form of a code point up to U+10FFFF that is no surrogate.
static size_t sequence_length(const unsigned char *s, size_t size) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (n == 0 || n > size) return 0;
    uint32_t point = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (s[i] >> 6 != 2) return 0;
        point = point << 6 | (s[i] & 63);
    }
    return point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? 0 : n;
}

static size_t expected_prefix(const unsigned char *s, size_t size) {
    size_t i = 0;
    while (i < size) {
        size_t n = sequence_length(s + i, size - i);
        if (!n) break;
        i += n;
    }
    return i;
}

static size_t utf8_mistakes;

static void check_prefix(const unsigned char *s, size_t size) {
    utf8_mistakes += utf8_valid_prefix((Str){(const char *)s, size}) != expected_prefix(s, size);
}

// All strings of up to three bytes, and those of four whose bytes stand at the borders of the rules.
static void test_utf8(void) {
    static const unsigned char edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2,
                                          0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};
    unsigned char s[5] = {0};
    check_prefix(s, 0);
    for (unsigned a = 0; a < 256; a++) {
        s[0] = (unsigned char)a;
        check_prefix(s, 1);
        for (unsigned b = 0; b < 256; b++) {
            s[1] = (unsigned char)b;
            check_prefix(s, 2);
            for (unsigned c = 0; c < 256; c++) {
                s[2] = (unsigned char)c;
                check_prefix(s, 3);
            }
            for (size_t c = 0; c < COUNT(edges) * COUNT(edges); c++) {
                s[2] = edges[c / COUNT(edges)];
                s[3] = edges[c % COUNT(edges)];
                check_prefix(s, 4);
            }
        }
    }
    CHECK(utf8_mistakes == 0);
}

static void test_utf8_examples(void) {
    CHECK(utf8_valid_prefix(STR("")) == 0 && utf8_valid_prefix((Str){0}) == 0);
    CHECK(utf8_valid_prefix(STR("aé€😀z")) == 11);
    CHECK(utf8_valid_prefix(STR("aé\xe2\x82")) == 3);       // cut short
    CHECK(utf8_valid_prefix(STR("ab\xc0\xaf")) == 2);       // overlong
    CHECK(utf8_valid_prefix(STR("\xed\x9f\xbf")) == 3);     // U+D7FF
    CHECK(utf8_valid_prefix(STR("\xed\xa0\x80")) == 0);     // U+D800
    CHECK(utf8_valid_prefix(STR("\xf4\x8f\xbf\xbf")) == 4); // U+10FFFF
    CHECK(utf8_valid_prefix(STR("\xf4\x90\x80\x80")) == 0); // U+110000
}

static void check_position(Str text, size_t offset, size_t line, size_t column) {
    size_t got_line, got_column;
    text_position(text, offset, &got_line, &got_column);
    CHECK(got_line == line && got_column == column);
}

static void test_position(void) {
    Str text = STR("aé\n\n€z");
    const size_t places[][3] = {{0, 1, 1}, {1, 1, 2}, {3, 1, 3}, {4, 2, 1},
                                {5, 3, 1}, {8, 3, 2}, {9, 3, 3}, {99, 3, 3}};
    for (size_t i = 0; i < COUNT(places); i++) check_position(text, places[i][0], places[i][1], places[i][2]);
    check_position(STR(""), 0, 1, 1);
}

// ---- Parsing

static const struct {
    Str text;
    const char *message; // NULL: it is accepted
} texts[] = {
    {STR("{\"a\":[1,2.5,-3e2,true,null,\"\\u00e9\\n\"]}"), NULL},
    {STR(" \t\r\n7 \t\r\n"), NULL},
    {STR("\xef\xbb\xbf{}"), NULL},
    {STR("\"\\\\u0000\""), NULL}, // a backslash and u0000, no escape
    {STR(""), "t:1:1: not valid JSON from here"},
    {STR("   "), "t:1:3: not valid JSON from here"},
    {STR("{\"a\":1"), "t:1:6: not valid JSON from here"},
    {STR("{\"a\":\n  nul}"), "t:2:3: not valid JSON from here"},
    {STR("[1,\n2,\n\"é\" 3]"), "t:3:5: not valid JSON from here"},
    {STR("{\"a\":1,}"), "t:1:8: not valid JSON from here"},
    {STR("[1] [2]"), "t:1:5: more text after the end of the JSON value"},
    {STR("{}\n\nx"), "t:3:1: more text after the end of the JSON value"},
    {STR("[\"\n\xff\"]"), "t:2:1: not valid UTF-8"},
    {STR("{\"a\0\":1}"), "t:1:4: a NUL byte in JSON"},
    {STR("{}\0"), "t:1:3: a NUL byte in JSON"},
    {STR("[\"a\\u0000b\"]"), "t:1:4: the character \\u0000 is not accepted"},
    {STR("\"\\\\\\u0000\""), "t:1:4: the character \\u0000 is not accepted"},
    {STR("\xef\xbb\xbf{"), "t:1:1: not valid JSON from here"},
};

static void test_parse(void) {
    for (size_t i = 0; i < COUNT(texts); i++) {
        err = (Error){0};
        cJSON *value = json_parse("t", texts[i].text, &err);
        CHECK(!value == !!texts[i].message);
        if (texts[i].message) CHECK_STR(str_of(err.text), str_of(texts[i].message));
        if (texts[i].message) CHECK(err.kind == ERR_INPUT);
        cJSON_Delete(value);
    }
}

// Deep nesting is refused before it can use up the stack, and only so deep that no real file is met.
static void test_depth(void) {
    Arena *arena = arena_open();
    for (int depth = 500; depth <= 1000000; depth += 999500) {
        Text text = text_open(arena);
        text_repeat(&text, '[', (size_t)depth);
        text_repeat(&text, ']', (size_t)depth);
        cJSON *value = json_parse("t", text_view(&text), &err);
        CHECK(!value == (depth > 500));
        cJSON_Delete(value);
    }
    CHECK(strstr(err.text, "t:1:") && strstr(err.text, "not valid JSON from here"));
    arena_close(arena);
}

// ---- Members

static void check_error(bool outcome, const char *message) {
    CHECK(!outcome);
    CHECK_STR(str_of(err.text), str_of(message));
}

static void test_members(void) {
    cJSON *o =
        json_parse("t", STR("{\"n\":3,\"x\":-2.5,\"s\":\"text\",\"t\":true,\"z\":null,\"l\":[],\"big\":1e300}"), &err);
    CHECK(o);
    if (!o) return;
    uint32_t u = 0;
    double x = 0;
    bool b = false;
    Str s = {0};
    CHECK(json_u32("o", o, "n", 0, 3, &u, &err) && u == 3 && json_f64("o", o, "x", -3, 0, &x, &err) && x == -2.5);
    CHECK(json_bool("o", o, "t", false, &b, &err) && b && json_bool("o", o, "none", false, &b, &err) && !b);
    CHECK(json_bool("o", o, "z", true, &b, &err) && b && json_str("o", o, "s", &s, &err) && str_is(s, "text"));
    CHECK(json_member(o, "n") && !json_member(o, "N") && !json_member(o, "z") && !json_member(o, "none"));
    check_error(json_u32("o", o, "n", 4, 9, &u, &err), "o: 'n' is 3, expected a whole number from 4 to 9");
    check_error(json_u32("o", o, "x", 0, 9, &u, &err), "o: 'x' is -2.5, expected a whole number from 0 to 9");
    check_error(json_u32("o", o, "big", 0, 9, &u, &err),
                "o: 'big' is 1.0000000000000001e+300, expected a whole number from 0 to 9");
    check_error(json_u32("o", o, "s", 0, 9, &u, &err), "o: 's' is a string, expected a whole number");
    check_error(json_u32("o", o, "none", 0, 9, &u, &err), "o: 'none' is missing, expected a whole number");
    check_error(json_f64("o", o, "x", 0, 1.5, &x, &err), "o: 'x' is -2.5, expected 0 to 1.5");
    check_error(json_f64("o", o, "l", 0, 1, &x, &err), "o: 'l' is a list, expected a number");
    check_error(json_bool("o", o, "n", false, &b, &err), "o: 'n' is a number, expected true or false");
    check_error(json_str("o", o, "t", &s, &err), "o: 't' is true or false, expected a string");
    CHECK_STR(str_of(json_kind(o)), STR("an object"));
    CHECK_STR(str_of(json_kind(NULL)), STR("missing"));
    cJSON_Delete(o);
}

int main(void) {
    test_utf8();
    test_utf8_examples();
    test_position();
    test_parse();
    test_depth();
    test_members();
    return check_done();
}
