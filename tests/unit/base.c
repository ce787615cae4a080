// base.c: arenas, lists, strings, text being built, the map from strings to numbers, errors.
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "mdx/dtype.h"
#include "mdx/error.h"

static Arena *arena;

// The same numbers on every machine (splitmix64).
static uint64_t random_bits(void) {
    static uint64_t state = 7;
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

// ---- Arenas

static bool all_bytes(const unsigned char *at, size_t size, unsigned char value) {
    for (size_t i = 0; i < size; i++)
        if (at[i] != value) return false;
    return true;
}

// Blocks of all sizes, each filled with its own byte: zeroed at first, aligned, and never one over another.
static void test_arena(void) {
    enum { BLOCKS = 3000 };
    static unsigned char *blocks[BLOCKS];
    static size_t sizes[BLOCKS];
    Arena *own = arena_open();
    size_t asked = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        sizes[i] = i % 1000 == 999 ? 5000000 : random_bits() % 600;
        blocks[i] = arena_alloc(own, sizes[i]);
        CHECK((uintptr_t)blocks[i] % 16 == 0);
        CHECK(all_bytes(blocks[i], sizes[i], 0));
        memset(blocks[i], (int)(i % 255 + 1), sizes[i]);
        asked += sizes[i];
    }
    for (size_t i = 0; i < BLOCKS; i++) CHECK(all_bytes(blocks[i], sizes[i], (unsigned char)(i % 255 + 1)));
    CHECK(arena_bytes(own) >= asked && arena_bytes(own) <= asked + BLOCKS * 16);
    CHECK(memcmp(arena_copy(own, "copied", 7), "copied", 7) == 0);
    CHECK(arena_copy(own, NULL, 0) && arena_alloc(own, 0));
    arena_close(own);
    arena_close(NULL);
}

// Runs in a child, which must end with status 1 and not return.
static void check_out_of_memory(size_t count, size_t size) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) _exit(3);
        arena_array(arena, count, size);
        _exit(2);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void test_out_of_memory(void) {
    check_out_of_memory(SIZE_MAX, 2);
    check_out_of_memory((size_t)1 << 33, (size_t)1 << 31);
    check_out_of_memory(SIZE_MAX, 1);
    check_out_of_memory(SIZE_MAX - 15, 1);
    check_out_of_memory(SIZE_MAX - 40, 1);
}

static void test_list(void) {
    U32List list = {0};
    for (uint32_t i = 0; i < 100000; i++) list_push(arena, &list, i * 3);
    CHECK(list.len == 100000 && list.cap >= list.len);
    bool same = true;
    for (uint32_t i = 0; i < list.len; i++) same &= list.at[i] == i * 3;
    CHECK(same);
}

// ---- Strings

static void test_str(void) {
    Str s = STR("alphabet");
    CHECK(str_of(NULL).len == 0 && str_of(NULL).at && str_of("").len == 0 && str_of("abc").len == 3);
    CHECK(str_eq(s, str_of("alphabet")) && !str_eq(s, STR("alphabeta")) && !str_eq(s, STR("alphabeT")));
    CHECK(str_eq((Str){0}, STR("")) && str_is(s, "alphabet") && !str_is(s, "alpha") &&
          !str_eq(STR("a\0b"), STR("a\0c")));
    CHECK(str_starts(s, STR("alpha")) && str_starts(s, STR("")) && !str_starts(s, STR("alphabets")));
    CHECK(str_ends(s, STR("bet")) && str_ends(s, STR("")) && !str_ends(s, STR("Bet")) && !str_ends(STR("t"), s));
    CHECK_STR(str_part(s, 2, 5), STR("pha"));
    CHECK_STR(str_part(s, 5, 100), STR("bet"));
    CHECK_STR(str_part(s, 5, 2), STR(""));
    CHECK_STR(str_part(s, 100, 200), STR(""));
    CHECK(str_part((Str){0}, 0, 5).len == 0);
    Str copy = str_copy(arena, STR("a\0b"));
    CHECK(copy.len == 3 && memcmp(copy.at, "a\0b", 4) == 0);
    CHECK(strcmp(str_c(arena, str_part(s, 0, 5)), "alpha") == 0 && strcmp(str_c(arena, (Str){0}), "") == 0);
    CHECK_STR(str_format(arena, "%d-%s", 42, "x"), STR("42-x"));
}

// By bytes as unsigned numbers, a prefix before what it begins.
static void test_str_order(void) {
    const Str sorted[] = {STR(""),  STR("\0"), STR("A"),    STR("A\0"),     STR("AA"),
                          STR("B"), STR("a"),  STR("\x7f"), STR("\xc3\xa9")};
    for (size_t i = 0; i < COUNT(sorted); i++) {
        for (size_t j = 0; j < COUNT(sorted); j++) {
            int order = str_order(sorted[i], sorted[j]);
            CHECK((order < 0) == (i < j) && (order > 0) == (i > j));
        }
    }
}

// One bit more or less changes a good half of the hash, whatever the length.
static void test_hash_bytes(void) {
    unsigned char key[64] = {0};
    for (size_t size = 1; size <= sizeof key; size++) {
        CHECK(hash_bytes(key, size, 0) != hash_bytes(key, size - 1, 0));
        CHECK(hash_bytes(key, size, 0) != hash_bytes(key, size, 1));
        for (size_t bit = 0; bit < size * 8; bit++) {
            uint64_t before = hash_bytes(key, size, 0);
            key[bit / 8] ^= (unsigned char)(1 << bit % 8);
            int changed = __builtin_popcountll(before ^ hash_bytes(key, size, 0));
            CHECK(changed >= 8 && changed <= 56);
            key[bit / 8] = 0;
        }
    }
}

// ---- Text

static void test_text(void) {
    Text text = text_open(arena);
    CHECK_STR(text_view(&text), STR(""));
    text_str(&text, STR(""));
    text_add(&text, "%s", "");
    CHECK(text.len == 0 && text.at[0] == '\0');
    static char expected[6001 + 16];
    for (int i = 0; i < 1000; i++) {
        text_add(&text, "%03d", i);
        text_char(&text, ',');
        text_repeat(&text, '.', 1);
        text_str(&text, STR("\0"));
        snprintf(expected + 6 * i, 16, "%03d,.", i);
    }
    CHECK(text.len == 6000 && memcmp(text.at, expected, 6001) == 0);
    text_repeat(&text, 'x', 0);
    CHECK(text.len == 6000);
}

static Str json_of(Str s) {
    Text text = text_open(arena);
    text_json(&text, s);
    return text_view(&text);
}

static void test_text_json(void) {
    CHECK_STR(json_of(STR("")), STR("\"\""));
    CHECK_STR(json_of(STR("a\"b\\c/d")), STR("\"a\\\"b\\\\c/d\""));
    CHECK_STR(json_of(STR("\n\t\r\x01\x1f\x7f\0")), STR("\"\\n\\u0009\\u000d\\u0001\\u001f\\u007f\\u0000\""));
    CHECK_STR(json_of(STR("é😀")), STR("\"é😀\""));
}

static Str number_of(double x) {
    Text text = text_open(arena);
    text_number(&text, x);
    return text_view(&text);
}

// Reads back exactly, and no number of fewer digits would.
static void check_number(double x) {
    Str shown = number_of(x);
    double back = strtod(shown.at, NULL);
    CHECK(memcmp(&back, &x, sizeof x) == 0);
    int digits = 0;
    bool leading = true, whole = true;
    for (size_t i = 0; i < shown.len && shown.at[i] != 'e'; i++) {
        whole &= shown.at[i] != '.';
        if (shown.at[i] >= '1' && shown.at[i] <= '9') leading = false;
        digits += !leading && shown.at[i] >= '0' && shown.at[i] <= '9';
    }
    if (whole || digits < 2) return; // 100 needs one digit, but is written out
    char fewer[40];
    snprintf(fewer, sizeof fewer, "%.*e", digits - 2, x);
    CHECK(strtod(fewer, NULL) != x);
}

static void test_text_number(void) {
    CHECK_STR(number_of(0.1), STR("0.1"));
    CHECK_STR(number_of(0.1 + 0.2), STR("0.30000000000000004"));
    CHECK_STR(number_of(100), STR("100")); // whole numbers people read are written out
    CHECK_STR(number_of(-123456789012), STR("-123456789012"));
    CHECK_STR(number_of(1e15), STR("1e+15"));
    CHECK_STR(number_of(-2.5), STR("-2.5"));
    CHECK_STR(number_of(1e300), STR("1e+300"));
    CHECK_STR(number_of(NAN), STR("null"));
    CHECK_STR(number_of(INFINITY), STR("null"));
    CHECK_STR(number_of(-INFINITY), STR("null"));
    const double edges[] = {0,      -0.0,       5e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
                            0x1p53, 0x1p53 + 2, 1 / 3.0};
    for (size_t i = 0; i < COUNT(edges); i++) check_number(edges[i]);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = random_bits();
        double x;
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x)) check_number(x);
        check_number((double)(float)(1e-3 * (double)(bits % 2000001) - 1000));
    }
}

// ---- StrMap

static void test_strmap(void) {
    enum { KEYS = 100000 };
    StrMap map = strmap_open(arena, 0);
    uint32_t value;
    CHECK(!strmap_get(&map, STR("key"), &value) && !strmap_get(&(StrMap){0}, STR("key"), &value));
    for (uint32_t i = 0; i < KEYS; i++) strmap_put(&map, str_format(arena, "key.%u", i), i);
    CHECK(map.len == KEYS);
    for (uint32_t i = 0; i < KEYS; i += 2) strmap_put(&map, str_format(arena, "key.%u", i), i + KEYS);
    CHECK(map.len == KEYS);
    size_t wrong = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        bool found = strmap_get(&map, str_format(arena, "key.%u", i), &value);
        wrong += !found || value != (i % 2 ? i : i + KEYS);
        wrong += strmap_get(&map, str_format(arena, "key.%u", i + KEYS), &value);
        wrong += strmap_get(&map, str_format(arena, "Key.%u", i), &value);
    }
    CHECK(wrong == 0);
}

static void test_strmap_odd_keys(void) {
    StrMap map = strmap_open(arena, 4);
    const Str keys[] = {STR(""),    STR("\0"),   STR("\0\0"), STR("a"),
                        STR("a\0"), STR("a\0b"), STR("a\0c"), STR("\xff\xff")};
    for (uint32_t i = 0; i < COUNT(keys); i++) strmap_put(&map, keys[i], i);
    strmap_put(&map, (Str){0}, 100); // the empty key again
    CHECK(map.len == COUNT(keys));
    for (uint32_t i = 0; i < COUNT(keys); i++) {
        uint32_t value;
        CHECK(strmap_get(&map, keys[i], &value) && value == (i ? i : 100));
    }
}

// ---- Errors

static bool passes_on(bool outcome, int *after) {
    TRY(outcome);
    ++*after;
    return true;
}

static void test_error(void) {
    Error err;
    CHECK(!error_set(&err, ERR_INPUT, "%s: is %d", "x", 3));
    CHECK(err.kind == ERR_INPUT && !span_known(err.span));
    CHECK_STR(str_of(err.text), STR("x: is 3"));
    CHECK(!error_prefix(&err, "in %s", "f") && !error_prefix(&err, "at %d", 7));
    CHECK_STR(str_of(err.text), STR("at 7: in f: x: is 3"));
    CHECK(!error_at(&err, (Span){1, 2, 3}) && !error_at(&err, (Span){4, 5, 6})); // the first one stays
    CHECK(err.span.source == 1 && err.span.begin == 2 && err.span.end == 3);
    int after = 0;
    CHECK(passes_on(true, &after) && !passes_on(false, &after) && after == 1);
}

// Both ways to fill the text to its end: it stays terminated, and a prefix pushes out the end.
static void test_long_error(void) {
    Error err;
    char *longer = arena_alloc(arena, 3 * sizeof err.text);
    memset(longer, 'a', 3 * sizeof err.text - 1);
    error_set(&err, ERR_SYSTEM, "%s", longer);
    CHECK(strlen(err.text) == sizeof err.text - 1);
    error_prefix(&err, "prefix");
    CHECK(strlen(err.text) == sizeof err.text - 1 && str_starts(str_of(err.text), STR("prefix: aaa")));
    error_prefix(&err, "%s", longer);
    CHECK(strlen(err.text) == sizeof err.text - 1 && strstr(err.text, "a: prefix: aaa"));
}

// Every short number comes back; what lies between two goes to the nearer, in the middle to the even one.
static void check_rounding(DType dtype, uint32_t infinity) {
    for (uint32_t bits = 0; bits <= infinity; bits++) {
        uint16_t low = (uint16_t)bits, high = (uint16_t)(bits + 1), back;
        float x, y;
        dtype_to_f32(dtype, &low, &x, 1);
        dtype_from_f32(dtype, &x, &back, 1);
        CHECK(back == low);
        x = -x;
        dtype_from_f32(dtype, &x, &back, 1);
        CHECK(back == (low | 0x8000));
        if (bits + 1 >= infinity) continue;
        dtype_to_f32(dtype, &high, &y, 1);
        float middle = y / 2 - x / 2, below = nextafterf(middle, 0), above = nextafterf(middle, INFINITY);
        const float between[3] = {middle, below, above};
        const uint16_t want[3] = {bits & 1 ? high : low, low, high};
        for (int i = 0; i < 3; i++) {
            dtype_from_f32(dtype, &between[i], &back, 1);
            CHECK(back == want[i]);
        }
    }
    const float large[] = {3.4028234e38f, NAN};
    uint16_t back[2];
    float again;
    dtype_from_f32(dtype, large, back, 2);
    CHECK(back[0] == infinity);
    dtype_to_f32(dtype, &back[1], &again, 1);
    CHECK(isnan(again));
}

static void test_rounding(void) {
    check_rounding(DTYPE_f16, 0x7c00);
    check_rounding(DTYPE_bf16, 0x7f80);
}

int main(void) {
    arena = arena_open();
    test_rounding();
    test_arena();
    test_out_of_memory();
    test_list();
    test_str();
    test_str_order();
    test_hash_bytes();
    test_text();
    test_text_json();
    test_text_number();
    test_strmap();
    test_strmap_odd_keys();
    test_error();
    test_long_error();
    arena_close(arena);
    return check_done();
}
