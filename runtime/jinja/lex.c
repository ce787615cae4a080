// lex.c: a template's characters to tokens.
//
// White space around tags is decided here, as Jinja does with trim_blocks and lstrip_blocks: the first line end
// after a tag goes, and so does the white space between a line's beginning and a tag; "-" takes all of it, "+" none.
#include <stdio.h>
#include <stdlib.h>

#include "mdx/json.h"
#include "runtime/jinja/ast.h"
#include "runtime/jinja/text.h"

const char *const jp_operator[OP_COUNT] = {
    [OP_NONE] = "",
#define OPERATOR_SPELLING(op, spelling) [OP_##op] = spelling,
    OPERATORS(OPERATOR_SPELLING)
#undef OPERATOR_SPELLING
        [OP_IN] = "in",
    [OP_NOT_IN] = "not in",
};

typedef struct {
    Arena *arena;
    const Source *source;
    Str text;
    size_t at;
    bool line_start; // what was cut last ended a line
    TokenList *out;
    Error *err;
} Lexer;

bool jp_refuse_at(const Source *source, uint32_t at, Error *err, const char *format, ...) {
    size_t line, column;
    text_position(source->text, at, &line, &column);
    va_list args;
    va_start(args, format);
    char message[sizeof err->text];
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return error_set(err, ERR_INPUT, "%.*s:%zu:%zu: %s", STR_ARG(source->name), line, column, message);
}

static Token *push(Lexer *lex, TokenKind kind, size_t at) {
    list_push(lex->arena, lex->out, ((Token){.kind = kind, .at = (uint32_t)at}));
    return &lex->out->at[lex->out->len - 1];
}

static bool looking_at(const Lexer *lex, size_t at, const char *what) {
    return str_starts(str_part(lex->text, at, lex->text.len), str_of(what));
}

static char char_at(const Lexer *lex, size_t at) {
    return at < lex->text.len ? lex->text.at[at] : '\0';
}

static size_t skip_space(const Lexer *lex, size_t at) {
    Str rest = str_part(lex->text, at, lex->text.len);
    return at + (rest.len - jt_strip(rest, NULL, true, false).len);
}

// ---- Between tags

// The end of a tag: "}}", "-%}" …. Sets *end behind it and behind the white space that it takes along.
static bool tag_end(const Lexer *lex, size_t at, const char *close, bool trims_line, size_t *end) {
    char sign = char_at(lex, at);
    bool signed_end = sign == '-' || (sign == '+' && trims_line);
    if (!looking_at(lex, at + signed_end, close)) return false;
    *end = at + signed_end + 2;
    if (sign == '-')
        *end = skip_space(lex, *end);
    else if (!signed_end && trims_line && char_at(lex, *end) == '\n')
        ++*end;
    return true;
}

// Data before a tag, without what the tag's sign, or the rule for lines, takes away.
static void push_data(Lexer *lex, size_t begin, size_t end, char sign, bool strips_line) {
    Str data = str_part(lex->text, begin, end);
    if (sign == '-') {
        data = jt_strip(data, NULL, false, true);
    } else if (sign != '+' && strips_line) {
        size_t line = data.len;
        while (line && data.at[line - 1] != '\n') line--;
        Str indent = str_part(data, line, data.len);
        if ((line || lex->line_start) && !jt_strip(indent, NULL, true, false).len) data.len = line;
    }
    if (data.len) push(lex, TOKEN_DATA, begin)->text = data;
}

static void moved_to(Lexer *lex, size_t at) {
    lex->line_start = at > 0 && lex->text.at[at - 1] == '\n';
    lex->at = at;
}

static char sign_at(const Lexer *lex, size_t at) {
    char c = char_at(lex, at);
    return c == '-' || c == '+' ? c : '\0';
}

// "{% raw %}" at `at`? Sets *end behind it.
static bool raw_begin(const Lexer *lex, size_t at, size_t *end) {
    size_t i = skip_space(lex, at + 2 + (sign_at(lex, at + 2) != '\0'));
    if (!looking_at(lex, i, "raw")) return false;
    return tag_end(lex, skip_space(lex, i + 3), "%}", false, end);
}

static bool lex_raw(Lexer *lex, size_t tag, size_t begin) {
    moved_to(lex, begin);
    for (size_t i = begin; i < lex->text.len; i++) {
        if (!looking_at(lex, i, "{%")) continue;
        char sign = sign_at(lex, i + 2);
        size_t word = skip_space(lex, i + 2 + (sign != '\0')), end;
        if (!looking_at(lex, word, "endraw") || !tag_end(lex, skip_space(lex, word + 6), "%}", true, &end)) continue;
        push_data(lex, begin, i, sign, true);
        moved_to(lex, end);
        return true;
    }
    lex->at = lex->text.len;
    if (begin == lex->text.len) return true; // Jinja does not miss the end of what it has not begun
    return jp_refuse_at(lex->source, (uint32_t)tag, lex->err, "'raw' without 'endraw'");
}

static bool lex_comment(Lexer *lex, size_t tag, size_t begin) {
    for (size_t i = begin; i < lex->text.len; i++) {
        size_t end;
        if (!tag_end(lex, i, "#}", true, &end)) continue;
        moved_to(lex, end);
        return true;
    }
    lex->at = lex->text.len;
    if (begin == lex->text.len) return true;
    return jp_refuse_at(lex->source, (uint32_t)tag, lex->err, "a comment without '#}'");
}

// ---- Inside tags

static bool digits_follow(const Lexer *lex, size_t at) {
    char c = char_at(lex, at);
    return c >= '0' && c <= '9';
}

// Behind digits with single underscores between them.
static size_t skip_digits(const Lexer *lex, size_t at) {
    while (digits_follow(lex, at) || (char_at(lex, at) == '_' && digits_follow(lex, at + 1))) at++;
    return at;
}

// Behind a float's digits, or `at` when there is none: it has a fraction or an exponent.
static size_t real_end(const Lexer *lex, size_t at) {
    if (at > 0 && lex->text.at[at - 1] == '.') return at; // x.0.1 is two subscripts
    size_t whole = skip_digits(lex, at), end = whole;
    if (char_at(lex, end) == '.' && digits_follow(lex, end + 1)) end = skip_digits(lex, end + 1);
    char e = char_at(lex, end), sign = char_at(lex, end + 1);
    size_t exponent = end + 1 + (sign == '+' || sign == '-');
    if ((e == 'e' || e == 'E') && digits_follow(lex, exponent)) end = skip_digits(lex, exponent);
    return end == whole ? at : end;
}

static int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

// Reads digits of a base with single underscores between them. Sets *end behind; false: more than 64 bits.
static bool whole_number(const Lexer *lex, size_t at, int base, size_t *end, int64_t *out) {
    *out = 0;
    for (*end = at;; ++*end) {
        if (char_at(lex, *end) == '_' && digit_value(char_at(lex, *end + 1)) < base) continue;
        int digit = digit_value(char_at(lex, *end));
        if (digit >= base) return true;
        if (__builtin_mul_overflow(*out, base, out) || __builtin_add_overflow(*out, digit, out)) return false;
    }
}

static bool lex_number(Lexer *lex) {
    size_t begin = lex->at, end = real_end(lex, begin);
    if (end > begin) {
        Text digits = text_open(lex->arena);
        for (size_t i = begin; i < end; i++)
            if (lex->text.at[i] != '_') text_char(&digits, lex->text.at[i]);
        push(lex, TOKEN_REAL, begin)->real = strtod(digits.at, NULL);
        lex->at = end;
        return true;
    }
    static const char letters[] = "bBoOxX";
    static const int bases[] = {2, 2, 8, 8, 16, 16};
    const char *letter = char_at(lex, begin) == '0' ? strchr(letters, char_at(lex, begin + 1)) : NULL;
    int base = letter && *letter ? bases[letter - letters] : 10;
    size_t digits = begin + 2 + (char_at(lex, begin + 2) == '_');
    if (base != 10 && digit_value(char_at(lex, digits)) >= base) base = 10; // "0x" is 0, then a name
    int64_t number;
    if (!whole_number(lex, base == 10 ? begin : digits, base, &end, &number))
        return jp_refuse_at(lex->source, (uint32_t)begin, lex->err, "an integer of more than 64 bits");
    if (base == 10 && char_at(lex, begin) == '0') { // 007 is 00, then 7
        number = 0;
        for (end = begin; char_at(lex, end) == '0' || (char_at(lex, end) == '_' && char_at(lex, end + 1) == '0');)
            end++;
    }
    push(lex, TOKEN_INT, begin)->integer = number;
    lex->at = end;
    return true;
}

static bool string_refuse(Lexer *lex, size_t at, const char *what) {
    return jp_refuse_at(lex->source, (uint32_t)at, lex->err, "%s", what);
}

// \xHH, \uHHHH, \UHHHHHHHH: `count` digits at `at`.
static bool hex_escape(Lexer *lex, size_t at, size_t count, Text *out) {
    uint32_t code = 0;
    for (size_t i = 0; i < count; i++) {
        int digit = digit_value(char_at(lex, at + i));
        if (digit > 15) return string_refuse(lex, at - 2, "an escape with too few hexadecimal digits");
        code = code << 4 | (uint32_t)digit;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return string_refuse(lex, at - 2, "an escape that stands for no character");
    jt_put(out, (int32_t)code);
    return true;
}

static size_t octal_escape(const Lexer *lex, size_t at, Text *out) {
    int32_t code = 0;
    size_t end = at;
    while (end < at + 3 && digit_value(char_at(lex, end)) < 8) code = code * 8 + digit_value(char_at(lex, end++));
    jt_put(out, code);
    return end;
}

// The escape whose backslash is at *at. Python keeps the backslash of an escape that it does not know.
static bool lex_escape(Lexer *lex, size_t *at, Text *out) {
    static const char letters[] = "\\'\"abfnrtv", meanings[] = "\\'\"\a\b\f\n\r\t\v";
    char c = char_at(lex, *at + 1);
    const char *simple = c ? strchr(letters, c) : NULL;
    size_t hex = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    *at += 2;
    if (simple) {
        text_char(out, meanings[simple - letters]);
    } else if (hex) {
        if (!hex_escape(lex, *at, hex, out)) return false;
        *at += hex;
    } else if (digit_value(c) < 8) {
        *at = octal_escape(lex, *at - 1, out);
    } else if (c == 'N') {
        return string_refuse(lex, *at - 2, "unsupported escape '\\N'");
    } else if (c & 0x80) { // Jinja escapes the character first, so that two backslashes meet
        int32_t code;
        *at = jt_next(lex->text, *at - 1, &code);
        text_add(out, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)code);
    } else if (c != '\n') {
        text_char(out, '\\');
        text_char(out, c);
    }
    return true;
}

static bool lex_string(Lexer *lex) {
    size_t begin = lex->at, i = begin + 1;
    char quote = lex->text.at[begin];
    Text text = text_open(lex->arena);
    while (i < lex->text.len && lex->text.at[i] != quote) {
        if (lex->text.at[i] != '\\') {
            text_char(&text, lex->text.at[i++]);
        } else if (i + 1 >= lex->text.len) {
            break;
        } else if (!lex_escape(lex, &i, &text)) {
            return false;
        }
    }
    if (char_at(lex, i) != quote || i >= lex->text.len) return string_refuse(lex, begin, "a string without its end");
    push(lex, TOKEN_STRING, begin)->text = text_view(&text);
    lex->at = i + 1;
    return true;
}

static bool lex_name(Lexer *lex) {
    size_t end = lex->at, next;
    int32_t code;
    while (end < lex->text.len && (next = jt_next(lex->text, end, &code), jt_in_name(code, end == lex->at))) end = next;
    if (end == lex->at) {
        next = jt_next(lex->text, end, &code);
        return jp_refuse_at(lex->source, (uint32_t)end, lex->err, "unexpected character '%.*s'",
                            STR_ARG(str_part(lex->text, end, next)));
    }
    push(lex, TOKEN_NAME, lex->at)->text = str_part(lex->text, lex->at, end);
    lex->at = end;
    return true;
}

// Keeps the open brackets of a tag, so that "}}" can close two mappings.
static bool balance(Lexer *lex, Operator op, size_t at, Text *open) {
    if (op == OP_LPAREN || op == OP_LBRACKET || op == OP_LBRACE)
        text_char(open, op == OP_LPAREN ? ')' : op == OP_LBRACKET ? ']' : '}');
    if (op != OP_RPAREN && op != OP_RBRACKET && op != OP_RBRACE) return true;
    char c = jp_operator[op][0];
    if (!open->len) return jp_refuse_at(lex->source, (uint32_t)at, lex->err, "unexpected '%c'", c);
    char expected = open->at[--open->len];
    if (expected != c)
        return jp_refuse_at(lex->source, (uint32_t)at, lex->err, "unexpected '%c', expected '%c'", c, expected);
    return true;
}

static Operator operator_at(const Lexer *lex) {
    for (Operator op = OP_NONE + 1; op < OP_IN; op++)
        if (looking_at(lex, lex->at, jp_operator[op])) return op;
    return OP_NONE;
}

static bool lex_operator(Lexer *lex, Operator op, Text *open) {
    if (!balance(lex, op, lex->at, open)) return false;
    push(lex, TOKEN_OP, lex->at)->op = op;
    lex->at += strlen(jp_operator[op]);
    return true;
}

// From behind "{{" or "{%" to behind its end.
static bool lex_tag(Lexer *lex, const char *close, TokenKind end_kind) {
    bool trims_line = end_kind == TOKEN_TAG_END;
    Text open = text_open(lex->arena);
    for (;;) {
        lex->at = skip_space(lex, lex->at);
        if (lex->at >= lex->text.len) return true; // the parser misses the end
        size_t end;
        if (!open.len && tag_end(lex, lex->at, close, trims_line, &end)) {
            push(lex, end_kind, lex->at);
            moved_to(lex, end);
            return true;
        }
        char c = char_at(lex, lex->at);
        Operator op = operator_at(lex);
        if (digits_follow(lex, lex->at))
            TRY(lex_number(lex));
        else if (c == '"' || c == '\'')
            TRY(lex_string(lex));
        else if (op != OP_NONE)
            TRY(lex_operator(lex, op, &open));
        else
            TRY(lex_name(lex));
    }
}

// The next "{{", "{%" or "{#", or the end.
static size_t find_tag(const Lexer *lex) {
    for (size_t i = lex->at; i + 1 < lex->text.len; i++)
        if (lex->text.at[i] == '{' && strchr("{%#", lex->text.at[i + 1]) && lex->text.at[i + 1]) return i;
    return lex->text.len;
}

static bool lex_next(Lexer *lex) {
    size_t tag = find_tag(lex), end;
    if (tag == lex->text.len) {
        push_data(lex, lex->at, tag, '+', false);
        lex->at = tag;
        return true;
    }
    char kind = lex->text.at[tag + 1], sign = sign_at(lex, tag + 2);
    push_data(lex, lex->at, tag, sign, kind != '{');
    size_t inside = tag + 2 + (sign != '\0');
    if (kind == '#') return lex_comment(lex, tag, inside);
    if (kind == '%' && raw_begin(lex, tag, &end)) return lex_raw(lex, tag, end);
    push(lex, kind == '{' ? TOKEN_PRINT : TOKEN_TAG, tag);
    lex->at = inside;
    return kind == '{' ? lex_tag(lex, "}}", TOKEN_PRINT_END) : lex_tag(lex, "%}", TOKEN_TAG_END);
}

bool jp_lex(Arena *arena, const Source *source, TokenList *out, Error *err) {
    Lexer lex = {.arena = arena, .source = source, .text = source->text, .line_start = true, .out = out, .err = err};
    while (lex.at < lex.text.len) TRY(lex_next(&lex));
    push(&lex, TOKEN_END, lex.text.len);
    return true;
}
