// print.c: values as text: Python's str() and repr(), and JSON both ways.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/jinja/builtin.h"
#include "runtime/jinja/text.h"

// ---- str() and repr()

// The shortest decimal that reads back as x; Python writes an exponent below 1e-4 and from 1e16 on.
void jv_print_real(double x, Text *out) {
    if (!isfinite(x)) {
        text_add(out, "%s", isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
        return;
    }
    char digits[40];
    int precision = 0;
    do snprintf(digits, sizeof digits, "%.*e", precision, x);
    while (strtod(digits, NULL) != x && ++precision < 17);
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent >= -4 && exponent < 16)
        text_add(out, "%.*f", MAX(precision - exponent, 1), x);
    else
        text_str(out, str_of(digits));
}

static void repr_code(int32_t code, char quote, Text *out) {
    static const char known[] = "\\\n\r\t", letters[] = "\\nrt";
    const char *at = code && code < 0x80 ? strchr(known, (char)code) : NULL;
    if (at)
        text_add(out, "\\%c", letters[at - known]);
    else if (code == quote)
        text_add(out, "\\%c", quote);
    else if (jt_is_printable(code))
        jt_put(out, code);
    else
        text_add(out, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)code);
}

static bool repr_str(Eval *e, Value v, Text *out) {
    Str s = v.text;
    TRY(je_work(e, s.len) && je_room(e, out->len + s.len));
    bool single = s.len && memchr(s.at, '\'', s.len), twice = s.len && memchr(s.at, '"', s.len);
    char quote = single && !twice ? '"' : '\'';
    text_add(out, "%s%c", v.how ? "Markup(" : "", quote);
    for (size_t at = 0; at < s.len;) {
        int32_t code;
        at = jt_next(s, at, &code);
        repr_code(code, quote, out);
    }
    text_add(out, "%c%s", quote, v.how ? ")" : "");
    return je_room(e, out->len);
}

static bool repr_list(Eval *e, const ValueList *items, const char *open, const char *close, Text *out) {
    text_str(out, str_of(open));
    for (size_t i = 0; i < items->len; i++) {
        if (i) text_str(out, STR(", "));
        TRY(jv_repr(e, items->at[i], out));
    }
    text_str(out, str_of(close));
    return true;
}

static bool repr_dict(Eval *e, const Dict *dict, Text *out) {
    text_char(out, '{');
    for (size_t i = 0; i < dict->pairs.len; i++) {
        if (i) text_str(out, STR(", "));
        TRY(jv_repr(e, dict->pairs.at[i].key, out));
        text_str(out, STR(": "));
        TRY(jv_repr(e, dict->pairs.at[i].value, out));
    }
    text_char(out, '}');
    return true;
}

static bool repr_framed_dict(Eval *e, const Dict *dict, Text *out) {
    text_str(out, STR("<Namespace "));
    TRY(repr_dict(e, dict, out));
    text_char(out, '>');
    return true;
}

static bool repr_view(Eval *e, const Seq *seq, Text *out) {
    text_str(out, seq->label);
    return repr_list(e, &seq->items, "([", "])", out);
}

static bool repr_loop(Eval *e, Loop *loop, Text *out) {
    int64_t length;
    TRY(je_loop_length(e, loop, &length));
    text_add(out, "<LoopContext %lld/%lld>", (long long)je_loop_index(loop) + 1, (long long)length);
    return true;
}

static bool repr_macro(const Macro *macro, Text *out) {
    Str name = macro->node->name;
    if (name.len)
        text_add(out, "<Macro '%.*s'>", STR_ARG(name));
    else
        text_str(out, STR("<Macro anonymous>"));
    return true;
}

static bool repr(Eval *e, Value v, Text *out) {
    switch ((ValueKind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_UNDEFINED: text_str(out, STR("Undefined")); return true;
    case VALUE_NONE: text_str(out, STR("None")); return true;
    case VALUE_BOOL: text_str(out, v.boolean ? STR("True") : STR("False")); return true;
    case VALUE_INT: text_add(out, "%lld", (long long)v.integer); return true;
    case VALUE_REAL: jv_print_real(v.real, out); return true;
    case VALUE_STR: return repr_str(e, v, out);
    case VALUE_LIST: return repr_list(e, &v.seq->items, "[", "]", out);
    case VALUE_TUPLE: return repr_list(e, &v.seq->items, "(", v.seq->items.len == 1 ? ",)" : ")", out);
    case VALUE_RANGE: text_str(out, v.seq->label); return true;
    case VALUE_VIEW: return repr_view(e, v.seq, out);
    case VALUE_DICT: return repr_dict(e, v.dict, out);
    case VALUE_NAMESPACE: return repr_framed_dict(e, v.dict, out);
    case VALUE_LOOP: return repr_loop(e, v.loop, out);
    case VALUE_MACRO: return repr_macro(v.macro, out);
    case VALUE_ITERATOR: return je_fail(e, "%s cannot be printed: make a list of it first", jv_words[v.kind]);
    case VALUE_FUNCTION: return je_fail(e, "'%s' cannot be printed: it is a function", v.bound->builtin->name);
    case VALUE_KIND_COUNT: break;
    }
    BUG("no such kind of value");
}

bool jv_repr(Eval *e, Value v, Text *out) {
    if (!je_enter(e)) return false;
    bool ok = repr(e, v, out) && je_room(e, out->len);
    e->calls--;
    return ok;
}

bool jv_print(Eval *e, Value v, Text *out) {
    if (v.kind == VALUE_UNDEFINED) return true;
    if (v.kind != VALUE_STR) return jv_repr(e, v, out);
    TRY(je_work(e, v.text.len) && je_room(e, out->len + v.text.len));
    text_str(out, v.text);
    return true;
}

bool jv_text(Eval *e, Value v, Str *out) {
    if (v.kind == VALUE_STR) {
        *out = v.text;
        return true;
    }
    Text text = text_open(e->arena);
    TRY(jv_print(e, v, &text));
    *out = text_view(&text);
    return true;
}

// ---- JSON, as Python's json.dumps writes it

static void json_code(int32_t code, bool ascii, Text *out) {
    static const char known[] = "\"\\\n\r\t\f\b", letters[] = "\"\\nrtfb";
    const char *at = code && code < 0x80 ? strchr(known, (char)code) : NULL;
    if (at)
        text_add(out, "\\%c", letters[at - known]);
    else if (code >= 0x20 && (!ascii || code < 0x7f))
        jt_put(out, code);
    else if (code < 0x10000)
        text_add(out, "\\u%04x", (unsigned)code);
    else
        text_add(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((code - 0x10000) >> 10)),
                 (unsigned)(0xdc00 + ((code - 0x10000) & 0x3ff)));
}

static bool json_str(Eval *e, Str s, bool ascii, Text *out) {
    TRY(je_work(e, s.len) && je_room(e, out->len + s.len));
    text_char(out, '"');
    for (size_t at = 0; at < s.len;) {
        int32_t code;
        at = jt_next(s, at, &code);
        json_code(code, ascii, out);
    }
    text_char(out, '"');
    return true;
}

static void json_real(double x, Text *out) {
    if (isfinite(x))
        jv_print_real(x, out);
    else
        text_str(out, isnan(x) ? STR("NaN") : x > 0 ? STR("Infinity") : STR("-Infinity"));
}

static bool json_value(Eval *e, Value v, const JsonStyle *style, unsigned level, Text *out);

static bool json_line(Eval *e, const JsonStyle *style, unsigned level, Text *out) {
    if (!style->lines) return true;
    text_char(out, '\n');
    TRY(je_work(e, level * style->indent.len) && je_room(e, out->len + level * style->indent.len));
    for (unsigned i = 0; i < level; i++) text_str(out, style->indent);
    return true;
}

static bool json_list(Eval *e, const ValueList *items, const JsonStyle *style, unsigned level, Text *out) {
    text_char(out, '[');
    for (size_t i = 0; i < items->len; i++) {
        if (i) text_str(out, style->item);
        TRY(json_line(e, style, level + 1, out));
        TRY(json_value(e, items->at[i], style, level + 1, out));
    }
    if (items->len) TRY(json_line(e, style, level, out));
    text_char(out, ']');
    return true;
}

static bool json_key(Eval *e, Value key, const JsonStyle *style, Text *out) {
    Text text = text_open(e->arena);
    if (key.kind == VALUE_STR) return json_str(e, key.text, style->ascii, out);
    if (key.kind != VALUE_NONE && key.kind != VALUE_BOOL && key.kind != VALUE_INT && key.kind != VALUE_REAL)
        return je_fail(e, "%s cannot be a key in JSON", jv_words[key.kind]);
    TRY(json_value(e, key, style, 0, &text));
    return json_str(e, text_view(&text), style->ascii, out);
}

// The pairs of a mapping, by their keys when the style says so. Insertion sort: such mappings are small, and
// every comparison is counted.
static bool json_pairs(Eval *e, const Dict *dict, bool sorted, Dict *out) {
    *out = *dict;
    if (!sorted) return true;
    out->pairs.at = arena_copy(e->arena, dict->pairs.at, dict->pairs.len * sizeof(Pair));
    for (size_t i = 1; i < out->pairs.len; i++) {
        for (size_t j = i; j > 0; j--) {
            Pair *a = &out->pairs.at[j - 1], *b = &out->pairs.at[j], swap = *a;
            bool later;
            TRY(jv_less(e, b->key, a->key, false, &later));
            if (!later) break;
            *a = *b;
            *b = swap;
        }
    }
    return true;
}

static bool json_dict(Eval *e, const Dict *dict, const JsonStyle *style, unsigned level, Text *out) {
    Dict ordered;
    TRY(json_pairs(e, dict, style->sorted, &ordered));
    text_char(out, '{');
    for (size_t i = 0; i < ordered.pairs.len; i++) {
        if (i) text_str(out, style->item);
        TRY(json_line(e, style, level + 1, out));
        TRY(json_key(e, ordered.pairs.at[i].key, style, out));
        text_str(out, style->key);
        TRY(json_value(e, ordered.pairs.at[i].value, style, level + 1, out));
    }
    if (ordered.pairs.len) TRY(json_line(e, style, level, out));
    text_char(out, '}');
    return true;
}

static bool json(Eval *e, Value v, const JsonStyle *style, unsigned level, Text *out) {
    switch ((ValueKind)v.kind) {
    case VALUE_NONE: text_str(out, STR("null")); return true;
    case VALUE_BOOL: text_str(out, v.boolean ? STR("true") : STR("false")); return true;
    case VALUE_INT: return jv_repr(e, v, out);
    case VALUE_REAL: json_real(v.real, out); return true;
    case VALUE_STR: return json_str(e, v.text, style->ascii, out);
    case VALUE_LIST:
    case VALUE_TUPLE: return json_list(e, &v.seq->items, style, level, out);
    case VALUE_DICT: return json_dict(e, v.dict, style, level, out);
    case VALUE_UNDEFINED: return je_fail(e, "%s: it cannot be written as JSON", jv_undefined_why(e, v).at);
    default: return je_fail(e, "%s cannot be written as JSON", jv_words[v.kind]);
    }
}

static bool json_value(Eval *e, Value v, const JsonStyle *style, unsigned level, Text *out) {
    if (!je_enter(e)) return false;
    bool ok = json(e, v, style, level, out) && je_room(e, out->len);
    e->calls--;
    return ok;
}

bool jv_json(Eval *e, Value v, const JsonStyle *style, Text *out) {
    return json_value(e, v, style, 0, out);
}

// ---- From JSON

static Value number_of_json(double x) {
    bool whole = x == floor(x) && fabs(x) < 0x1p53; // cJSON does not tell 1 from 1.0
    return whole ? jv_int((int64_t)x) : jv_real(x);
}

static bool members_of_json(Eval *e, const cJSON *json, Value *out) {
    Seq *seq = arena_new(e->arena, Seq);
    Dict *dict = arena_new(e->arena, Dict);
    bool object = cJSON_IsObject(json);
    for (const cJSON *member = json->child; member; member = member->next) {
        Value value;
        TRY(jv_of_json(e, member, &value));
        if (object)
            jv_put(e, dict, jv_str(str_copy(e->arena, str_of(member->string))), value);
        else
            list_push(e->arena, &seq->items, value);
        if (e->err->kind != ERR_NONE) return false;
    }
    *out = object ? jv_dict(VALUE_DICT, dict) : jv_seq(VALUE_LIST, seq);
    return true;
}

bool jv_of_json(Eval *e, const cJSON *json, Value *out) {
    if (!je_enter(e)) return false;
    bool ok = true;
    if (cJSON_IsObject(json) || cJSON_IsArray(json))
        ok = members_of_json(e, json, out);
    else if (cJSON_IsString(json))
        *out = jv_str(str_copy(e->arena, str_of(json->valuestring)));
    else if (cJSON_IsNumber(json))
        *out = number_of_json(json->valuedouble);
    else
        *out = cJSON_IsBool(json) ? jv_bool(cJSON_IsTrue(json)) : jv_none();
    e->calls--;
    return ok;
}
