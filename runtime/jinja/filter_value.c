// filter_value.c: filters on numbers and on any value.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/jinja/builtin.h"
#include "runtime/jinja/text.h"

static bool filter_default(Eval *e, Value self, const Args *args, Value *out) {
    (void)e;
    bool missing = self.kind == VALUE_UNDEFINED || (jb_bool(args, 1, false) && !jv_truth(self));
    return jb_give(out, missing ? jb_value(args, 0, jv_str(STR(""))) : self);
}

static bool expect_number(Eval *e, Value self, const char *name, double *out) {
    if (jv_is_number(self, out)) return true;
    if (self.kind == VALUE_UNDEFINED) return je_fail(e, "%s", jv_undefined_why(e, self).at);
    return je_fail(e, "'%s' takes a number, not %s", name, jv_words[self.kind]);
}

static bool filter_abs(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    double x;
    TRY(expect_number(e, self, "abs", &x));
    return x < 0 ? je_sign(e, OP_SUB, self, out) : je_sign(e, OP_ADD, self, out);
}

// ---- Numbers out of text, as Python's int() and float() read it

// The digits of a number without its white space and underscores, terminated; NULL when an underscore is misplaced.
static char *plain_digits(Eval *e, Str s) {
    s = jt_strip(s, NULL, true, true);
    Text text = text_open(e->arena);
    for (size_t i = 0; i < s.len; i++) {
        bool inside = i > 0 && i + 1 < s.len && s.at[i - 1] != '_' && s.at[i + 1] != '_';
        if (s.at[i] == '_' && !inside) return NULL;
        if (s.at[i] != '_') text_char(&text, s.at[i]);
    }
    return text.at;
}

// Python also reads the digits of other scripts.
static bool refuse_other_digits(Eval *e, Value self) {
    if (self.kind != VALUE_STR) return true;
    TRY(je_work(e, self.text.len));
    for (size_t at = 0, next; at < self.text.len; at = next) {
        int32_t code;
        next = jt_next(self.text, at, &code);
        if (code >= 0x80 && jt_properties(str_part(self.text, at, next)) & IS_DECIMAL)
            return je_fail(e, "unsupported: digits that are not 0 to 9, in '%s'", je_quote(e, self.text));
    }
    return true;
}

typedef enum { NOT_A_NUMBER, A_NUMBER, TOO_LARGE } Reading;

static Reading read_int(Eval *e, Str s, int base, int64_t *out) {
    static const struct {
        char letter;
        int base;
    } prefixes[] = {{'b', 2}, {'o', 8}, {'x', 16}};
    char *digits = plain_digits(e, s), *end;
    if (!digits || strlen(digits) > 100) return digits ? TOO_LARGE : NOT_A_NUMBER;
    bool negative = *digits == '-';
    digits += *digits == '-' || *digits == '+';
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        bool prefixed = digits[0] == '0' && (digits[1] | 0x20) == prefixes[i].letter;
        if (!prefixed || (base && base != prefixes[i].base)) continue;
        base = prefixes[i].base;
        digits += 2;
    }
    if (base == 0) base = 10;
    for (const char *c = digits; *c; c++) { // strtoull takes more than Python does
        int digit = *c >= '0' && *c <= '9'                     ? *c - '0'
                    : (*c | 0x20) >= 'a' && (*c | 0x20) <= 'z' ? (*c | 0x20) - 'a' + 10
                                                               : 99;
        if (digit >= base) return NOT_A_NUMBER;
    }
    if (!*digits) return NOT_A_NUMBER;
    unsigned long long value = strtoull(digits, &end, base);
    if (value > INT64_MAX) return TOO_LARGE;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return A_NUMBER;
}

static bool read_real(Eval *e, Str s, double *out) {
    const char *digits = plain_digits(e, s);
    if (!digits || !*digits || strpbrk(digits, "xXpP(")) return false; // strtod takes hexadecimal, Python does not
    char *end;
    *out = strtod(digits, &end);
    return !*end;
}

static bool int_of_real(Eval *e, double x, const Args *args, Value *out) {
    if (!isfinite(x)) return jb_give(out, jb_value(args, 0, jv_int(0)));
    if (fabs(x) >= 0x1p63) return je_fail(e, "an integer of more than 64 bits");
    return jb_give(out, jv_int((int64_t)x));
}

static bool filter_int(Eval *e, Value self, const Args *args, Value *out) {
    int64_t base, i;
    double x;
    TRY(jb_int(e, args, 1, 10, &base));
    if (self.kind == VALUE_UNDEFINED) return je_fail(e, "%s", jv_undefined_why(e, self).at);
    if (jv_is_int(self, &i)) return jb_give(out, jv_int(i));
    if (self.kind == VALUE_REAL) return int_of_real(e, self.real, args, out);
    Reading reading = NOT_A_NUMBER;
    bool valid_base = base == 0 || (base >= 2 && base <= 36);
    TRY(refuse_other_digits(e, self));
    if (self.kind == VALUE_STR && valid_base) reading = read_int(e, self.text, (int)base, &i);
    if (reading == TOO_LARGE) return je_fail(e, "an integer of more than 64 bits");
    if (reading == A_NUMBER) return jb_give(out, jv_int(i));
    if (self.kind == VALUE_STR && read_real(e, self.text, &x)) return int_of_real(e, x, args, out);
    return jb_give(out, jb_value(args, 0, jv_int(0)));
}

static bool filter_float(Eval *e, Value self, const Args *args, Value *out) {
    double x;
    if (self.kind == VALUE_UNDEFINED) return je_fail(e, "%s", jv_undefined_why(e, self).at);
    TRY(refuse_other_digits(e, self));
    if (jv_is_number(self, &x) || (self.kind == VALUE_STR && read_real(e, self.text, &x)))
        return jb_give(out, jv_real(x));
    return jb_give(out, jb_value(args, 0, jv_real(0)));
}

// ---- Rounding

// Half to even on the exact binary value, as Python; printf does the same.
static double round_decimal(double x, int64_t digits) {
    if (!isfinite(x) || digits > 300) return x;
    if (digits < -300) return copysign(0.0, x);
    if (digits < 0) {
        double unit = pow(10.0, (double)-digits);
        return nearbyint(x / unit) * unit;
    }
    char text[700];
    snprintf(text, sizeof text, "%.*f", (int)digits, x);
    return strtod(text, NULL);
}

static bool filter_round(Eval *e, Value self, const Args *args, Value *out) {
    int64_t digits, i;
    double x;
    Str method;
    TRY(expect_number(e, self, "round", &x) && jb_int(e, args, 0, 0, &digits));
    TRY(jb_str(e, args, 1, STR("common"), &method));
    bool up = str_is(method, "ceil"), down = str_is(method, "floor");
    if (!up && !down && !str_is(method, "common"))
        return je_fail(e, "'round' knows the methods 'common', 'ceil' and 'floor'");
    if (up || down) {
        double unit = pow(10.0, (double)digits);
        return jb_give(out, jv_real((up ? ceil(x * unit) : floor(x * unit)) / unit));
    }
    if (self.kind == VALUE_REAL) return jb_give(out, jv_real(round_decimal(x, digits)));
    if (digits < 0) return je_fail(e, "unsupported: 'round' of an integer to fewer digits");
    return jv_is_int(self, &i) && jb_give(out, jv_int(i));
}

// ---- JSON

static bool json_indent(Eval *e, const Args *args, JsonStyle *style) {
    style->lines = jb_given(args, 1) && args->at[1].kind != VALUE_NONE;
    if (!style->lines) return true;
    style->item = STR(",");
    if (args->at[1].kind == VALUE_STR) return jb_str(e, args, 1, STR(""), &style->indent);
    int64_t width;
    TRY(jb_int(e, args, 1, 0, &width) && je_room(e, width > 0 ? (size_t)width : 0));
    Text spaces = text_open(e->arena);
    text_repeat(&spaces, ' ', width > 0 ? (size_t)width : 0);
    style->indent = text_view(&spaces);
    return true;
}

static bool json_separators(Eval *e, const Args *args, JsonStyle *style) {
    if (!jb_given(args, 2) || args->at[2].kind == VALUE_NONE) return true;
    ValueList two;
    TRY(jv_items(e, args->at[2], &two));
    if (two.len != 2 || two.at[0].kind != VALUE_STR || two.at[1].kind != VALUE_STR)
        return je_fail(e, "'tojson': separators are two strings");
    style->item = two.at[0].text;
    style->key = two.at[1].text;
    return true;
}

// The parameters are those of the filter that transformers puts in the place of Jinja's.
static bool filter_tojson(Eval *e, Value self, const Args *args, Value *out) {
    JsonStyle style = {.item = STR(", "), .key = STR(": ")};
    style.ascii = jb_bool(args, 0, false);
    style.sorted = jb_bool(args, 3, false);
    Text text = text_open(e->arena);
    TRY(json_indent(e, args, &style) && json_separators(e, args, &style) && jv_json(e, self, &style, &text));
    return jb_give_text(e, &text, out);
}

const Builtin jb_filters_value[] = {
    {"abs", "", filter_abs},
    {"attr", "", NULL},
    {"d", "default_value? boolean?", filter_default},
    {"default", "default_value? boolean?", filter_default},
    {"float", "default?", filter_float},
    {"int", "default? base?", filter_int},
    {"pprint", "", NULL},
    {"round", "precision? method?", filter_round},
    {"tojson", "ensure_ascii? indent? separators? sort_keys?", filter_tojson},
    {0},
};
