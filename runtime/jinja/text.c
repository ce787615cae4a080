// text.c: strings as Python sees them, over UTF-8.
//
// Case follows Unicode's full mappings, as Python's does: utf8proc has those of one character to one, the file
// case.def the others.
#define _GNU_SOURCE // memmem
#include <utf8proc.h>

#include "runtime/jinja/text.h"

size_t jt_next(Str s, size_t at, int32_t *code) {
    utf8proc_ssize_t n = utf8proc_iterate((const uint8_t *)s.at + at, (utf8proc_ssize_t)(s.len - at), code);
    if (n > 0) return at + (size_t)n;
    *code = 0xfffd;
    return at + 1;
}

void jt_put(Text *out, int32_t code) {
    uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char(code, bytes);
    if (n > 0) text_str(out, (Str){(const char *)bytes, (size_t)n});
}

static bool continues(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t jt_length(Str s) {
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) count += !continues(s.at[i]);
    return count;
}

size_t jt_offset(Str s, size_t count) {
    size_t i = 0;
    for (; i < s.len; i++)
        if (!continues(s.at[i]) && count-- == 0) return i;
    return i;
}

bool jt_is_space(int32_t code) {
    return (code >= 9 && code <= 13) || (code >= 28 && code <= 32) || code == 0x85 || code == 0xa0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f ||
           code == 0x3000;
}

static bool is_letter(utf8proc_category_t category) {
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

static bool is_number(utf8proc_category_t category) {
    return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool jt_in_name(int32_t code, bool first) {
    if (code == '_') return true;
    utf8proc_category_t category = utf8proc_category(code);
    if (is_letter(category) || category == UTF8PROC_CATEGORY_NL) return true;
    return !first && (category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
                      category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_PC);
}

bool jt_is_printable(int32_t code) {
    utf8proc_category_t category = utf8proc_category(code);
    return code == ' ' || (category != UTF8PROC_CATEGORY_CN && category < UTF8PROC_CATEGORY_ZS);
}

static bool stripped(int32_t code, const Str *chars) {
    if (!chars) return jt_is_space(code);
    for (size_t i = 0; i < chars->len;) {
        int32_t candidate;
        i = jt_next(*chars, i, &candidate);
        if (candidate == code) return true;
    }
    return false;
}

Str jt_strip(Str s, const Str *chars, bool left, bool right) {
    int32_t code;
    for (size_t next; left && s.len && (next = jt_next(s, 0, &code), stripped(code, chars));)
        s = str_part(s, next, s.len);
    while (right && s.len) {
        size_t last = s.len - 1;
        while (last && continues(s.at[last])) last--;
        jt_next(s, last, &code);
        if (!stripped(code, chars)) break;
        s.len = last;
    }
    return s;
}

size_t jt_find(Str s, Str part, size_t from) {
    if (from > s.len || part.len > s.len - from) return SIZE_MAX;
    if (!part.len) return from;
    const char *at = memmem(s.at + from, s.len - from, part.at, part.len);
    return at ? (size_t)(at - s.at) : SIZE_MAX;
}

size_t jt_find_last(Str s, Str part) {
    size_t found = SIZE_MAX;
    if (!part.len) return s.len;
    for (size_t at = jt_find(s, part, 0); at != SIZE_MAX; at = jt_find(s, part, at + 1)) found = at;
    return found;
}

// str.splitlines knows ten kinds of line end; \r\n is one.
static bool ends_line(int32_t code) {
    return (code >= 10 && code <= 13) || (code >= 28 && code <= 30) || code == 0x85 || code == 0x2028 || code == 0x2029;
}

bool jt_line(Str *rest, Str *line) {
    if (!rest->len) return false;
    size_t at = 0, next = 0;
    int32_t code = 0;
    for (; at < rest->len; at = next) {
        next = jt_next(*rest, at, &code);
        if (ends_line(code)) break;
    }
    *line = str_part(*rest, 0, at);
    if (code == '\r' && at < rest->len && next < rest->len && rest->at[next] == '\n') next++;
    *rest = str_part(*rest, at < rest->len ? next : at, rest->len);
    return true;
}

// ---- Case

static const struct {
    int32_t code;
    const char *upper, *title;
} longer[] = {
#define LONGER_CASE(code, upper, title) {code, upper, title},
#include "runtime/jinja/case.def"
#undef LONGER_CASE
};

// Upper or title case of one character.
static void put_upper(Text *out, int32_t code, bool title) {
    size_t low = 0, high = COUNT(longer);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (longer[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < COUNT(longer) && longer[low].code == code)
        text_str(out, str_of(title ? longer[low].title : longer[low].upper));
    else
        jt_put(out, title ? utf8proc_totitle(code) : utf8proc_toupper(code));
}

// Letters, and what has case without being one, as Roman numerals.
static bool is_lower(int32_t code) {
    return utf8proc_category(code) == UTF8PROC_CATEGORY_LL || utf8proc_islower(code);
}

static bool is_upper(int32_t code) {
    return utf8proc_category(code) == UTF8PROC_CATEGORY_LU || utf8proc_isupper(code);
}

static bool is_cased(int32_t code) {
    return is_lower(code) || is_upper(code) || utf8proc_category(code) == UTF8PROC_CATEGORY_LT;
}

// Characters that case looks through: marks, modifiers, and the punctuation that stands inside words.
static bool case_ignores(int32_t code) {
    utf8proc_category_t category = utf8proc_category(code);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME || category == UTF8PROC_CATEGORY_CF ||
           category == UTF8PROC_CATEGORY_LM || category == UTF8PROC_CATEGORY_SK || code == '\'' || code == '.' ||
           code == ':' || code == 0xb7 || code == 0x2018 || code == 0x2019;
}

// Is the sigma that ends at byte `end` the last letter of its word? `begins`: a letter stands before it.
static bool ends_word(Str s, size_t end, bool after_letter) {
    int32_t code = 0;
    for (size_t i = end; i < s.len;) {
        i = jt_next(s, i, &code);
        if (!case_ignores(code)) return after_letter && !is_cased(code);
    }
    return after_letter;
}

static void put_lower(Text *out, Str s, size_t end, int32_t code, bool after_letter) {
    enum { CAPITAL_I_DOT = 0x130, CAPITAL_SIGMA = 0x3a3, FINAL_SIGMA = 0x3c2 };
    if (code == CAPITAL_I_DOT)
        text_str(out, STR("i\xcc\x87"));
    else if (code == CAPITAL_SIGMA && ends_word(s, end, after_letter))
        jt_put(out, FINAL_SIGMA);
    else
        jt_put(out, utf8proc_tolower(code));
}

void jt_case(Text *out, Str s, Case how) {
    bool after_letter = false; // the last character that case does not ignore was a letter
    bool inside_word = false;  // the character before was a letter
    for (size_t at = 0, next; at < s.len; at = next) {
        int32_t code;
        next = jt_next(s, at, &code);
        bool title = (how == CASE_CAPITAL && at == 0) || (how == CASE_TITLE && !inside_word);
        if (title || how == CASE_UPPER || (how == CASE_SWAP && is_lower(code)))
            put_upper(out, code, title);
        else if (how == CASE_SWAP && !is_upper(code))
            jt_put(out, code);
        else
            put_lower(out, s, next, code, after_letter);
        inside_word = is_cased(code);
        if (!case_ignores(code)) after_letter = inside_word;
    }
}

// Digits that make no decimal numbers: superscripts, circled ones and the like.
static bool is_other_digit(int32_t code) {
    static const int32_t ranges[][2] = {
        {0xb2, 0xb3},     {0xb9, 0xb9},       {0x1369, 0x1371},   {0x19da, 0x19da},   {0x2070, 0x2070},
        {0x2074, 0x2079}, {0x2080, 0x2089},   {0x2460, 0x2468},   {0x2474, 0x247c},   {0x2488, 0x2490},
        {0x24ea, 0x24ea}, {0x24f5, 0x24fd},   {0x24ff, 0x24ff},   {0x2776, 0x277e},   {0x2780, 0x2788},
        {0x278a, 0x2792}, {0x10a40, 0x10a43}, {0x10e60, 0x10e68}, {0x11052, 0x1105a}, {0x1f100, 0x1f10a},
    };
    for (size_t i = 0; i < COUNT(ranges); i++)
        if (code >= ranges[i][0] && code <= ranges[i][1]) return true;
    return false;
}

static unsigned char_properties(int32_t code, bool *cased) {
    utf8proc_category_t category = utf8proc_category(code);
    *cased |= is_cased(code);
    return (is_letter(category) ? IS_ALPHA : 0u) | (category == UTF8PROC_CATEGORY_ND ? IS_DECIMAL | IS_DIGIT : 0u) |
           (is_other_digit(code) ? IS_DIGIT : 0u) | (is_letter(category) || is_number(category) ? IS_ALNUM : 0u) |
           (jt_is_space(code) ? IS_SPACE : 0u) | (is_lower(code) || category == UTF8PROC_CATEGORY_LT ? 0u : IS_UPPER) |
           (is_upper(code) || category == UTF8PROC_CATEGORY_LT ? 0u : IS_LOWER) | (code < 0x80 ? IS_ASCII : 0u) |
           (jt_is_printable(code) ? IS_PRINTABLE : 0u);
}

unsigned jt_properties(Str s) {
    unsigned all = s.len ? ~0u : IS_ASCII | IS_PRINTABLE;
    bool cased = false;
    for (size_t at = 0; at < s.len;) {
        int32_t code;
        at = jt_next(s, at, &code);
        all &= char_properties(code, &cased);
    }
    return cased ? all : all & ~(unsigned)(IS_UPPER | IS_LOWER);
}
