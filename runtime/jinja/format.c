// format.c: Python's printf-style formatting, format % values.
#include <math.h>
#include <stdio.h>

#include "runtime/jinja/builtin.h"
#include "runtime/jinja/text.h"

typedef struct {
    Eval *e;
    Str rest;     // of the format
    Value values; // a tuple, a mapping, or one value
    size_t used;  // values that were taken
    bool safe;    // the format is marked safe: what is put in is escaped
    Text *out;
} Formatter;

typedef struct {
    bool left, plus, space, zero, alternate;
    int64_t width, precision; // precision -1: none
    char conversion;
} Spec;

static bool next_value(Formatter *f, Value *out) {
    if (f->values.kind == VALUE_TUPLE) {
        const ValueList *items = &f->values.seq->items;
        if (f->used < items->len) return jb_give(out, items->at[f->used++]);
    } else if (!f->used++) {
        return jb_give(out, f->values);
    }
    return je_fail(f->e, "a format asks for more values than there are");
}

static char peek(const Formatter *f) {
    return f->rest.len ? f->rest.at[0] : '\0';
}

static char take(Formatter *f) {
    char c = peek(f);
    if (f->rest.len) f->rest = str_part(f->rest, 1, f->rest.len);
    return c;
}

// "(name)" picks the value from a mapping.
static bool take_name(Formatter *f, Value *value, bool *picked) {
    *picked = peek(f) == '(';
    if (!*picked) return true;
    size_t end = 1, open = 1;
    for (; end < f->rest.len && open; end++) open += (f->rest.at[end] == '('), open -= (f->rest.at[end] == ')');
    if (open) return je_fail(f->e, "a name in a format lacks its ')'");
    Str name = str_part(f->rest, 1, end - 1);
    f->rest = str_part(f->rest, end, f->rest.len);
    if (f->values.kind != VALUE_DICT) return je_fail(f->e, "a format with names takes a mapping");
    const Value *found = jv_get(f->e, f->values.dict, jv_str(name));
    if (!found && f->e->err->kind == ERR_NONE) return je_fail(f->e, "a format asks for '%s'", je_quote(f->e, name));
    if (!found) return false;
    return jb_give(value, *found);
}

static void take_flags(Formatter *f, Spec *spec) {
    for (;; take(f)) {
        switch (peek(f)) {
        case '-': spec->left = true; break;
        case '+': spec->plus = true; break;
        case ' ': spec->space = true; break;
        case '0': spec->zero = true; break;
        case '#': spec->alternate = true; break;
        default: return;
        }
    }
}

static bool take_number(Formatter *f, int64_t *out) {
    *out = 0;
    if (peek(f) == '*') {
        Value value;
        take(f);
        TRY(next_value(f, &value));
        if (!jv_is_int(value, out)) return je_fail(f->e, "'*' in a format takes an integer");
    }
    while (peek(f) >= '0' && peek(f) <= '9' && *out <= MAX_OUTPUT) *out = *out * 10 + (take(f) - '0');
    if (*out >= -MAX_OUTPUT && *out <= MAX_OUTPUT) return true;
    return je_fail(f->e, "a width in a format is too large");
}

static bool take_spec(Formatter *f, Spec *spec) {
    *spec = (Spec){.precision = -1};
    take_flags(f, spec);
    TRY(take_number(f, &spec->width));
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -spec->width;
    }
    if (peek(f) == '.') {
        take(f);
        TRY(take_number(f, &spec->precision));
        spec->precision = MAX(spec->precision, 0);
    }
    while (peek(f) && strchr("hlL", peek(f))) take(f);
    if (!f->rest.len) return je_fail(f->e, "a format ends in the middle of a conversion");
    spec->conversion = take(f);
    return true;
}

// ---- Conversions

static bool format_text(Formatter *f, const Spec *spec, Value value, Text *out) {
    Text text = text_open(f->e->arena);
    TRY(spec->conversion == 'r' ? jv_repr(f->e, value, &text) : jv_print(f->e, value, &text));
    bool escaped = f->safe && !(value.kind == VALUE_STR && value.how);
    Text fitting = text_open(f->e->arena);
    if (escaped)
        jb_escape(&fitting, text_view(&text));
    else
        text_str(&fitting, text_view(&text));
    Str shown = text_view(&fitting);
    if (spec->precision >= 0) shown.len = jt_offset(shown, (size_t)spec->precision);
    text_str(out, shown);
    return true;
}

static bool format_int(Formatter *f, const Spec *spec, Value value, Text *out) {
    int64_t i;
    bool decimal = strchr("diu", spec->conversion) != NULL;
    if (decimal && value.kind == VALUE_REAL && fabs(value.real) < 0x1p63) value = jv_int((int64_t)value.real);
    if (!jv_is_int(value, &i))
        return je_fail(f->e, "'%%%c' in a format takes a number, not %s", spec->conversion, jv_words[value.kind]);
    unsigned long long size = i < 0 ? 0ull - (unsigned long long)i : (unsigned long long)i;
    char digits[80];
    snprintf(digits, sizeof digits,
             spec->conversion == 'x'   ? "%llx"
             : spec->conversion == 'X' ? "%llX"
             : spec->conversion == 'o' ? "%llo"
                                       : "%llu",
             size);
    text_str(out, i < 0 ? STR("-") : spec->plus ? STR("+") : spec->space ? STR(" ") : STR(""));
    if (spec->alternate && !decimal) text_add(out, "0%c", spec->conversion);
    TRY(je_room(f->e, spec->precision > 0 ? (size_t)spec->precision : 0));
    text_repeat(out, '0', spec->precision > (int64_t)strlen(digits) ? (size_t)spec->precision - strlen(digits) : 0);
    text_str(out, str_of(digits));
    return true;
}

static bool format_real(Formatter *f, const Spec *spec, Value value, Text *out) {
    double x;
    if (!jv_is_number(value, &x))
        return je_fail(f->e, "'%%%c' in a format takes a number, not %s", spec->conversion, jv_words[value.kind]);
    if (spec->precision > 1000) return je_fail(f->e, "a precision in a format is too large");
    char printf_format[16];
    snprintf(printf_format, sizeof printf_format, "%%%s%s%s.*%c", spec->plus ? "+" : "", spec->space ? " " : "",
             spec->alternate ? "#" : "", spec->conversion);
    char digits[1500];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(digits, sizeof digits, printf_format, spec->precision < 0 ? 6 : (int)spec->precision, x);
#pragma GCC diagnostic pop
    text_str(out, str_of(digits));
    return true;
}

static bool format_char(Formatter *f, Value value, Text *out) {
    int64_t code;
    if (value.kind == VALUE_STR && jt_length(value.text) == 1) {
        text_str(out, value.text);
        return true;
    }
    bool is_code = jv_is_int(value, &code) && code >= 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
    if (!is_code) return je_fail(f->e, "'%%c' in a format takes one character");
    jt_put(out, (int32_t)code);
    return true;
}

// Fills up to the width: spaces, or zeros behind the sign and the base.
static bool put_padded(Formatter *f, const Spec *spec, Str shown) {
    size_t length = jt_length(shown);
    size_t pad = spec->width > (int64_t)length ? (size_t)spec->width - length : 0;
    bool zeros = spec->zero && !spec->left && !strchr("rsac", spec->conversion);
    size_t head = 0;
    if (zeros && shown.len && strchr("+- ", shown.at[0])) head = 1;
    if (zeros && spec->alternate && strchr("xXo", spec->conversion)) head += 2;
    TRY(je_room(f->e, f->out->len + pad + shown.len) && je_work(f->e, pad + shown.len));
    if (!spec->left && !zeros) text_repeat(f->out, ' ', pad);
    text_str(f->out, str_part(shown, 0, head));
    if (zeros) text_repeat(f->out, '0', pad);
    text_str(f->out, str_part(shown, head, shown.len));
    if (spec->left) text_repeat(f->out, ' ', pad);
    return true;
}

static bool convert(Formatter *f) {
    Spec spec;
    Value value = jv_none();
    bool picked;
    Text shown = text_open(f->e->arena);
    TRY(take_name(f, &value, &picked) && take_spec(f, &spec));
    if (spec.conversion == '%') {
        text_char(f->out, '%');
        return true;
    }
    if (!strchr("diuoxXeEfFgGcrs", spec.conversion))
        return je_fail(f->e, "unsupported conversion '%%%c' in a format", spec.conversion);
    if (!picked) TRY(next_value(f, &value));
    if (value.kind == VALUE_UNDEFINED && !strchr("rs", spec.conversion))
        return je_fail(f->e, "%s", jv_undefined_why(f->e, value).at);
    bool ok = strchr("rs", spec.conversion)       ? format_text(f, &spec, value, &shown)
              : spec.conversion == 'c'            ? format_char(f, value, &shown)
              : strchr("diuoxX", spec.conversion) ? format_int(f, &spec, value, &shown)
                                                  : format_real(f, &spec, value, &shown);
    return ok && put_padded(f, &spec, text_view(&shown));
}

bool je_format(Eval *e, Value format, Value values, Value *out) {
    Text text = text_open(e->arena);
    Formatter f = {.e = e, .rest = format.text, .values = values, .safe = format.how, .out = &text};
    while (f.rest.len) {
        size_t at = MIN(jt_find(f.rest, STR("%"), 0), f.rest.len);
        TRY(je_work(e, at) && je_room(e, text.len + at));
        text_str(&text, str_part(f.rest, 0, at));
        f.rest = str_part(f.rest, at, f.rest.len);
        if (!f.rest.len) break;
        take(&f);
        TRY(convert(&f));
    }
    bool all = values.kind == VALUE_TUPLE
                   ? f.used == values.seq->items.len
                   : f.used || values.kind == VALUE_DICT || values.kind == VALUE_LIST || values.kind == VALUE_UNDEFINED;
    if (!all) return je_fail(e, "a format uses fewer values than there are");
    return jb_give_str(e, format, text_view(&text), out);
}
