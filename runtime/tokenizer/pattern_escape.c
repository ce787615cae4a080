// pattern_escape.c: what follows a backslash in a pattern: characters, and sets of characters.
#include <utf8proc.h>

#include "runtime/tokenizer/pattern_internal.h"
#include "runtime/tokenizer/unicode.h"

#define SPACE "\\t-\\r\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
// Letters, marks, digits, letter-like numbers, connectors; and the circled and squared Latin letters, which are
// symbols.
#define WORD                                                                                                           \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}"                                                                                \
    "\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"
// Six characters of Latin-1 (²³¹¼½¾) that Oniguruma counts as word characters too, but not inside a class.
#define WORD_OUTSIDE "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"

// Sets by letter. The categories say which younger characters belong to them.
static const struct {
    char letter;
    const char *set, *outside; // what it holds; what more it holds outside a class
    const char *categories[3];
} sets[] = {
    {'s', SPACE, "", {NULL}},
    {'w', WORD, WORD_OUTSIDE, {"L", "M", "Nd"}},
    {'d', "\\p{Nd}", "", {"Nd"}},
    {'h', "0-9A-Fa-f", "", {NULL}},
};

// Properties that are general categories, under their short and long names (lower case, no separators). The
// unassigned are missing: which they are depends on the library's version of Unicode.
static const struct {
    const char *name, *category;
    bool case_closed; // holds all cases of each of its letters
} categories[] = {
    {"l", "L", true},       {"letter", "L", true}, {"lu", "Lu", false},        {"ll", "Ll", false},
    {"lt", "Lt", false},    {"lm", "Lm", false},   {"lo", "Lo", false},        {"m", "M", false},
    {"mark", "M", false},   {"mn", "Mn", false},   {"mc", "Mc", false},        {"me", "Me", false},
    {"n", "N", true},       {"number", "N", true}, {"nd", "Nd", true},         {"nl", "Nl", false},
    {"no", "No", true},     {"p", "P", true},      {"punctuation", "P", true}, {"punct", "P", true},
    {"pc", "Pc", true},     {"pd", "Pd", true},    {"ps", "Ps", true},         {"pe", "Pe", true},
    {"pi", "Pi", true},     {"pf", "Pf", true},    {"po", "Po", true},         {"s", "S", false},
    {"symbol", "S", false}, {"sm", "Sm", false},   {"sc", "Sc", false},        {"sk", "Sk", false},
    {"so", "So", false},    {"z", "Z", true},      {"separator", "Z", true},   {"zs", "Zs", true},
    {"zl", "Zl", true},     {"zp", "Zp", true},    {"cc", "Cc", true},         {"cf", "Cf", true},
    {"co", "Co", true},
};

static const struct {
    char letter;
    uint32_t c;
} controls[] = {{'t', '\t'}, {'n', '\n'}, {'r', '\r'}, {'f', '\f'}, {'v', '\v'}, {'a', '\a'}, {'e', 0x1b}};

uint32_t pattern_char(PatternReader *reader) {
    const char *at = reader->in.at + reader->at;
    reader->at += utf8_length((unsigned char)*at);
    return utf8_at(at);
}

void pattern_add_char(Text *out, uint32_t c) {
    bool plain = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    if (!plain) {
        text_add(out, "\\x{%x}", c);
        return;
    }
    utf8proc_uint8_t utf8[4];
    text_str(out, (Str){(const char *)utf8, (size_t)utf8proc_encode_char((utf8proc_int32_t)c, utf8)});
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Up to `most` hexadecimal digits; at least `least` must be there.
static bool read_hex(PatternReader *reader, int least, int most, uint32_t *out) {
    *out = 0;
    int count = 0;
    for (; count < most && reader->at < reader->in.len; count++, reader->at++) {
        int value = hex_value(reader->in.at[reader->at]);
        if (value < 0) break;
        *out = *out * 16 + (uint32_t)value;
    }
    if (count < least) FAIL(reader->err, ERR_INPUT, "hexadecimal digits are missing at byte %zu", reader->at);
    return true;
}

static bool read_code_point(PatternReader *reader, bool four, uint32_t *out) {
    if (four) {
        TRY(read_hex(reader, 4, 4, out));
    } else if (pattern_accept(reader, '{')) {
        TRY(read_hex(reader, 1, 8, out));
        if (!pattern_accept(reader, '}')) FAIL(reader->err, ERR_INPUT, "'}' is missing at byte %zu", reader->at);
    } else {
        TRY(read_hex(reader, 1, 2, out));
        if (*out >= 0x80) FAIL(reader->err, ERR_INPUT, "'\\x%x' names a byte, a character was expected", *out);
    }
    if (*out > 0x10ffff || (*out >= 0xd800 && *out < 0xe000))
        FAIL(reader->err, ERR_INPUT, "U+%04X is no character", *out);
    return true;
}

// A category or, failing that, a script; PCRE2 says whether it knows the script.
static bool read_property(PatternReader *reader, PatternEscape *out) {
    char name[32] = "";
    size_t len = 0;
    bool closed = false;
    out->negated ^= pattern_accept(reader, '^');
    while (reader->at < reader->in.len && len + 1 < sizeof name) {
        char c = reader->in.at[reader->at++];
        if ((closed = c == '}')) break;
        if (c != ' ' && c != '-' && c != '_') name[len++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    for (size_t i = 0; i < len; i++)
        if (name[i] < 'a' || name[i] > 'z') closed = false;
    if (!closed || !len) FAIL(reader->err, ERR_INPUT, "the property before byte %zu has no known name", reader->at);
    Text set = text_open(reader->arena);
    bool case_closed = false;
    for (size_t i = 0; i < COUNT(categories); i++) {
        if (strcmp(categories[i].name, name) != 0) continue;
        text_add(&set, "\\p{%s}", categories[i].category);
        unicode_add_younger(&set, str_of(categories[i].category));
        case_closed = categories[i].case_closed;
    }
    if (!set.len && (strcmp(name, "c") == 0 || strcmp(name, "cn") == 0 || strcmp(name, "cs") == 0))
        FAIL(reader->err, ERR_INPUT, "the property '%s' is not supported", name);
    if (!set.len) text_add(&set, "\\p{sc:%s}", name);
    if (reader->caseless && !case_closed)
        FAIL(reader->err, ERR_INPUT, "the property '%s' inside (?i) is not supported", name);
    out->set = text_view(&set);
    return true;
}

static bool find_set(PatternReader *reader, char letter, PatternEscape *out) {
    for (size_t i = 0; i < COUNT(sets); i++) {
        if (sets[i].letter != (letter | 0x20)) continue;
        Text set = text_open(reader->arena);
        text_str(&set, str_of(sets[i].set));
        for (size_t k = 0; k < COUNT(sets[i].categories) && sets[i].categories[k]; k++)
            unicode_add_younger(&set, str_of(sets[i].categories[k]));
        out->is_set = true;
        out->negated = letter != sets[i].letter;
        out->set = text_view(&set);
        out->outside = str_of(sets[i].outside);
        return true;
    }
    return false;
}

bool pattern_escape(PatternReader *reader, PatternEscape *out) {
    *out = (PatternEscape){0};
    if (reader->at == reader->in.len) FAIL(reader->err, ERR_INPUT, "it ends with a backslash");
    char c = reader->in.at[reader->at];
    if (find_set(reader, c, out)) {
        reader->at++;
        return true;
    }
    for (size_t i = 0; i < COUNT(controls); i++)
        if (controls[i].letter == c) out->c = controls[i].c;
    if (out->c || c == 'x' || c == 'u') {
        reader->at++;
        return out->c || read_code_point(reader, c == 'u', &out->c);
    }
    if (c == 'p' || c == 'P') {
        reader->at++;
        if (!pattern_accept(reader, '{')) FAIL(reader->err, ERR_INPUT, "'\\%c' without '{' is not supported", c);
        out->is_set = true;
        out->negated = c == 'P';
        return read_property(reader, out);
    }
    if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
        FAIL(reader->err, ERR_INPUT, "the escape '\\%c' is not supported here", c);
    out->c = pattern_char(reader);
    return true;
}
