// filter_text.c: filters that make strings of strings. What is no string is printed first.
#include "runtime/jinja/builtin.h"
#include "runtime/jinja/text.h"

// The subject as a string that keeps its mark of being safe.
static bool soft(Eval *e, Value self, Value *out) {
    Str text;
    if (self.kind == VALUE_STR) return jb_give(out, self);
    TRY(jv_text(e, self, &text));
    return jb_give(out, jv_str(text));
}

static bool filter_string(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    return soft(e, self, out);
}

static bool with_case(Eval *e, Value self, Case how, Value *out) {
    Value s;
    Text text = text_open(e->arena);
    TRY(soft(e, self, &s) && je_work(e, s.text.len));
    jt_case(&text, s.text, how);
    return jb_give_str(e, s, text_view(&text), out);
}

static bool filter_upper(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    return with_case(e, self, CASE_UPPER, out);
}

static bool filter_lower(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    return with_case(e, self, CASE_LOWER, out);
}

static bool filter_capitalize(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    return with_case(e, self, CASE_CAPITAL, out);
}

static bool separates_words(int32_t code) {
    return jt_is_space(code) || code == '-' || code == '(' || code == '{' || code == '[' || code == '<';
}

// Unlike str.title, words end at spaces, hyphens and opening brackets only.
static bool filter_title(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    Value s;
    Text text = text_open(e->arena);
    TRY(soft(e, self, &s) && je_work(e, s.text.len));
    for (size_t at = 0; at < s.text.len;) {
        int32_t first, code;
        size_t rest = jt_next(s.text, at, &first), end = rest;
        for (size_t next; end < s.text.len; end = next) {
            next = jt_next(s.text, end, &code);
            if (separates_words(code) != separates_words(first)) break;
        }
        jt_case(&text, str_part(s.text, at, rest), CASE_UPPER);
        jt_case(&text, str_part(s.text, rest, end), CASE_LOWER);
        at = end;
    }
    return jb_give_text(e, &text, out);
}

static bool filter_trim(Eval *e, Value self, const Args *args, Value *out) {
    Value s;
    Str chars;
    bool given = jb_given(args, 0) && args->at[0].kind != VALUE_NONE;
    TRY(soft(e, self, &s));
    if (given) TRY(jb_str(e, args, 0, STR(""), &chars) && je_work(e, s.text.len * chars.len));
    return je_work(e, s.text.len) && jb_give_str(e, s, jt_strip(s.text, given ? &chars : NULL, true, true), out);
}

bool jb_replace(Eval *e, Str s, Str old, Str new, int64_t count, Text *out) {
    size_t at = 0, next;
    for (; count != 0 && (next = jt_find(s, old, at)) != SIZE_MAX; count -= count > 0) {
        text_str(out, str_part(s, at, next));
        text_str(out, new);
        TRY(je_work(e, next - at + new.len) && je_room(e, out->len));
        at = next + old.len;
        if (old.len) continue;
        if (at == s.len) return true; // nothing stands between all characters, and at both ends
        int32_t code;
        next = jt_next(s, at, &code);
        text_str(out, str_part(s, at, next));
        at = next;
    }
    text_str(out, str_part(s, at, s.len));
    return je_room(e, out->len);
}

static bool filter_replace(Eval *e, Value self, const Args *args, Value *out) {
    Str s, old, new;
    int64_t count = -1;
    Text text = text_open(e->arena);
    bool counted = jb_given(args, 2) && args->at[2].kind != VALUE_NONE;
    TRY(jv_text(e, self, &s) && jv_text(e, args->at[0], &old) && jv_text(e, args->at[1], &new));
    if (counted) TRY(jb_int(e, args, 2, -1, &count));
    TRY(je_work(e, s.len) && jb_replace(e, s, old, new, count, &text));
    return jb_give_text(e, &text, out);
}

// The indentation: so many spaces, or a string.
static bool indentation(Eval *e, const Args *args, Str *out) {
    int64_t width;
    if (jb_given(args, 0) && args->at[0].kind == VALUE_STR) return jb_str(e, args, 0, STR(""), out);
    TRY(jb_int(e, args, 0, 4, &width) && je_room(e, width > 0 ? (size_t)width : 0));
    Text spaces = text_open(e->arena);
    text_repeat(&spaces, ' ', width > 0 ? (size_t)width : 0);
    *out = text_view(&spaces);
    return true;
}

static bool filter_indent(Eval *e, Value self, const Args *args, Value *out) {
    if (self.kind == VALUE_UNDEFINED) return je_fail(e, "%s", jv_undefined_why(e, self).at);
    if (self.kind != VALUE_STR) return je_fail(e, "'indent' takes a string, not %s", jv_words[self.kind]);
    bool first = jb_bool(args, 1, false), blank = jb_bool(args, 2, false);
    Str indent, line, rest = self.text;
    TRY(indentation(e, args, &indent));
    Text text = text_open(e->arena), source = text_open(e->arena);
    text_str(&source, rest); // Jinja ends the last line first, so that a last empty line counts
    text_char(&source, '\n');
    rest = text_view(&source);
    for (size_t i = 0; jt_line(&rest, &line); i++) {
        if (i) text_char(&text, '\n');
        if (i ? blank || line.len : first) text_str(&text, indent);
        text_str(&text, line);
        TRY(je_work(e, line.len + indent.len) && je_room(e, text.len));
    }
    return jb_give_str(e, self, text_view(&text), out);
}

bool jb_center(Eval *e, Value s, int64_t width, Str fill, Value *out) {
    size_t length = jt_length(s.text);
    if (width < 0 || (size_t)width <= length) return jb_give(out, s);
    TRY(je_room(e, (size_t)width));
    size_t pad = (size_t)width - length, left = pad / 2 + (pad & (size_t)width & 1); // as CPython shares it out
    Text text = text_open(e->arena);
    for (size_t i = 0; i < left; i++) text_str(&text, fill);
    text_str(&text, s.text);
    for (size_t i = left; i < pad; i++) text_str(&text, fill);
    return jb_give_str(e, s, text_view(&text), out);
}

static bool filter_center(Eval *e, Value self, const Args *args, Value *out) {
    Value s;
    int64_t width;
    TRY(soft(e, self, &s) && jb_int(e, args, 0, 80, &width));
    return jb_center(e, s, width, STR(" "), out);
}

// Cuts at the last word's beginning, unless words may be cut; a text that is longer by the leeway stays whole.
static bool filter_truncate(Eval *e, Value self, const Args *args, Value *out) {
    int64_t length, leeway = 5;
    Str end;
    TRY(jb_int(e, args, 0, 255, &length) && jb_str(e, args, 2, STR("..."), &end));
    if (jb_given(args, 3) && args->at[3].kind != VALUE_NONE) TRY(jb_int(e, args, 3, 5, &leeway));
    size_t items;
    bool short_list = self.kind != VALUE_STR && jv_length(self, &items) && (int64_t)items <= length;
    if (self.kind != VALUE_STR && !short_list)
        return je_fail(e, "'truncate' takes a string, not %s", jv_words[self.kind]);
    int64_t kept = length - (int64_t)jt_length(end);
    if (kept < 0 || leeway < 0) return je_fail(e, "'truncate': the length or the leeway is too small");
    if (short_list) return jb_give(out, self);
    TRY(je_work(e, self.text.len));
    if ((int64_t)jt_length(self.text) - leeway <= length) return jb_give(out, self);
    Str text = str_part(self.text, 0, jt_offset(self.text, (size_t)kept));
    size_t space = jt_find_last(text, STR(" "));
    if (!jb_bool(args, 1, false) && space != SIZE_MAX) text.len = space;
    Value front = self, back = jb_value(args, 2, jv_str(end));
    front.text = text;
    return je_binary(e, OP_ADD, front, back, out);
}

static bool filter_wordcount(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    Str s;
    int64_t count = 0;
    bool inside = false;
    TRY(jv_text(e, self, &s) && je_work(e, s.len));
    for (size_t at = 0, next; at < s.len; at = next) {
        int32_t code;
        next = jt_next(s, at, &code);
        bool word = code == '_' || jt_properties(str_part(s, at, next)) & IS_ALNUM;
        count += word && !inside;
        inside = word;
    }
    return jb_give(out, jv_int(count));
}

static bool filter_format(Eval *e, Value self, const Args *args, Value *out) {
    Value s, values;
    TRY(soft(e, self, &s));
    if (args->len && args->named_len) return je_fail(e, "'format' takes values in order or by name, not both");
    Dict *dict = arena_new(e->arena, Dict);
    for (size_t i = 0; i < args->named_len; i++) jv_put(e, dict, jv_str(args->named[i].name), args->named[i].value);
    TRY(jb_give_list(e, VALUE_TUPLE, (ValueList){args->at, args->len, args->len}, STR(""), &values));
    return je_format(e, s, args->named_len ? jv_dict(VALUE_DICT, dict) : values, out);
}

// ---- Marks of being safe. Nothing is escaped on output; but what is added to a safe string is.

static bool filter_safe(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    TRY(soft(e, self, out));
    out->how = 1;
    return true;
}

static bool filter_forceescape(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    Str s;
    Text text = text_open(e->arena);
    TRY(jv_text(e, self, &s) && je_work(e, s.len));
    jb_escape(&text, s);
    TRY(jb_give_text(e, &text, out));
    out->how = 1;
    return true;
}

static bool filter_escape(Eval *e, Value self, const Args *args, Value *out) {
    return self.kind == VALUE_STR && self.how ? jb_give(out, self) : filter_forceescape(e, self, args, out);
}

const Builtin jb_filters_text[] = {
    {"capitalize", "", filter_capitalize},
    {"center", "width?", filter_center},
    {"e", "", filter_escape},
    {"escape", "", filter_escape},
    {"filesizeformat", "", NULL},
    {"forceescape", "", filter_forceescape},
    {"format", "*", filter_format},
    {"indent", "width? first? blank?", filter_indent},
    {"lower", "", filter_lower},
    {"replace", "old new count?", filter_replace},
    {"safe", "", filter_safe},
    {"string", "", filter_string},
    {"striptags", "", NULL},
    {"title", "", filter_title},
    {"trim", "chars?", filter_trim},
    {"truncate", "length? killwords? end? leeway?", filter_truncate},
    {"upper", "", filter_upper},
    {"urlencode", "", NULL},
    {"urlize", "", NULL},
    {"wordcount", "", filter_wordcount},
    {"wordwrap", "", NULL},
    {"xmlattr", "", NULL},
    {0},
};
