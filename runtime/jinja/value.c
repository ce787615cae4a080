// value.c: truth, length, equality and order of values, as in Python.
#include <math.h>

#include "runtime/jinja/eval.h"
#include "runtime/jinja/text.h"

const char *const jv_words[VALUE_KIND_COUNT] = {
#define VALUE_WORDS(kind, words) [VALUE_##kind] = words,
    VALUE_KINDS(VALUE_WORDS)
#undef VALUE_WORDS
};

bool jv_is_int(Value v, int64_t *out) {
    if (v.kind != VALUE_INT && v.kind != VALUE_BOOL) return false;
    *out = v.kind == VALUE_INT ? v.integer : v.boolean;
    return true;
}

bool jv_is_number(Value v, double *out) {
    int64_t i = 0;
    if (v.kind != VALUE_REAL && !jv_is_int(v, &i)) return false;
    *out = v.kind == VALUE_REAL ? v.real : (double)i;
    return true;
}

bool jv_length(Value v, size_t *out) {
    switch ((ValueKind)v.kind) {
    case VALUE_STR: *out = jt_length(v.text); return true;
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_RANGE:
    case VALUE_VIEW: *out = v.seq->items.len; return true;
    case VALUE_DICT: *out = v.dict->pairs.len; return true;
    case VALUE_UNDEFINED: *out = 0; return true;
    default: return false;
    }
}

bool jv_truth(Value v) {
    size_t length;
    switch ((ValueKind)v.kind) {
    case VALUE_ABSENT:
    case VALUE_NONE: return false;
    case VALUE_BOOL: return v.boolean;
    case VALUE_INT: return v.integer != 0;
    case VALUE_REAL: return v.real != 0;
    case VALUE_STR: return v.text.len != 0;
    default: return !jv_length(v, &length) || length;
    }
}

Str jv_undefined_why(Eval *e, Value v) {
    if (v.how == WHY_MESSAGE) return v.text;
    if (v.how == WHY_VARIABLE) return str_format(e->arena, "'%s' is undefined", je_quote(e, v.text));
    return str_format(e->arena, "%s has no member '%s'", jv_words[v.how], je_quote(e, v.text));
}

bool jv_hashable(Value v) {
    if (v.kind == VALUE_LIST || v.kind == VALUE_DICT || v.kind == VALUE_VIEW || v.kind == VALUE_LOOP) return false;
    for (size_t i = 0; v.kind == VALUE_TUPLE && i < v.seq->items.len; i++) {
        Value item = v.seq->items.at[i];
        if (item.kind == VALUE_TUPLE || !jv_hashable(item)) return false; // tuples of tuples are refused: no need yet
    }
    return true;
}

// Keys are few and mostly strings: a scan is enough, and it is counted.
static const Pair *find_pair(Eval *e, const Dict *dict, Value key) {
    if (!je_work(e, dict->pairs.len)) return NULL;
    for (size_t i = 0; i < dict->pairs.len; i++) {
        const Pair *pair = &dict->pairs.at[i];
        bool same = false;
        if (key.kind == VALUE_STR && pair->key.kind == VALUE_STR)
            same = str_eq(key.text, pair->key.text);
        else if (!jv_equal(e, pair->key, key, &same))
            return NULL;
        if (same) return pair;
    }
    return NULL;
}

const Value *jv_get(Eval *e, const Dict *dict, Value key) {
    const Pair *pair = find_pair(e, dict, key);
    return pair ? &pair->value : NULL;
}

void jv_put(Eval *e, Dict *dict, Value key, Value value) {
    const Pair *pair = find_pair(e, dict, key);
    if (pair)
        dict->pairs.at[pair - dict->pairs.at].value = value;
    else
        list_push(e->arena, &dict->pairs, ((Pair){key, value}));
}

// ---- Equality

static bool equal_lists(Eval *e, const ValueList *a, const ValueList *b, bool *out) {
    *out = a->len == b->len;
    for (size_t i = 0; *out && i < a->len; i++) TRY(jv_equal(e, a->at[i], b->at[i], out));
    return true;
}

static bool equal_dicts(Eval *e, const Dict *a, const Dict *b, bool *out) {
    *out = a->pairs.len == b->pairs.len;
    for (size_t i = 0; *out && i < a->pairs.len; i++) {
        const Value *other = jv_get(e, b, a->pairs.at[i].key);
        if (e->err->kind != ERR_NONE) return false;
        if (!other) *out = false;
        if (other) TRY(jv_equal(e, a->pairs.at[i].value, *other, out));
    }
    return true;
}

static bool equal_same_kind(Eval *e, Value a, Value b, bool *out) {
    switch ((ValueKind)a.kind) {
    case VALUE_STR: *out = str_eq(a.text, b.text); return je_work(e, a.text.len);
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_RANGE:
    case VALUE_VIEW: *out = a.seq == b.seq; return *out || equal_lists(e, &a.seq->items, &b.seq->items, out);
    case VALUE_DICT: *out = a.dict == b.dict; return *out || equal_dicts(e, a.dict, b.dict, out);
    case VALUE_FUNCTION:
        *out = a.bound->builtin == b.bound->builtin && a.bound->self.kind == b.bound->self.kind &&
               a.bound->self.seq == b.bound->self.seq;
        return true;
    case VALUE_ABSENT:
    case VALUE_UNDEFINED:
    case VALUE_NONE: *out = true; return true;
    default: *out = a.seq == b.seq; return true; // the same object
    }
}

bool jv_equal(Eval *e, Value a, Value b, bool *out) {
    if (!je_enter(e)) return false;
    double x, y;
    int64_t i, j;
    bool ok = true;
    if (jv_is_int(a, &i) && jv_is_int(b, &j))
        *out = i == j;
    else if (jv_is_number(a, &x) && jv_is_number(b, &y))
        *out = x == y;
    else if (a.kind != b.kind)
        *out = false;
    else
        ok = equal_same_kind(e, a, b, out);
    e->calls--;
    return ok;
}

// ---- Order

static bool less_lists(Eval *e, const ValueList *a, const ValueList *b, bool or_equal, bool *out) {
    for (size_t i = 0; i < MIN(a->len, b->len); i++) {
        bool same;
        TRY(jv_equal(e, a->at[i], b->at[i], &same));
        if (!same) return jv_less(e, a->at[i], b->at[i], or_equal, out);
    }
    *out = a->len < b->len || (or_equal && a->len == b->len);
    return true;
}

static bool less(Eval *e, Value a, Value b, bool or_equal, bool *out) {
    double x, y;
    int64_t i, j;
    if (jv_is_int(a, &i) && jv_is_int(b, &j)) {
        *out = or_equal ? i <= j : i < j;
        return true;
    }
    if (jv_is_number(a, &x) && jv_is_number(b, &y)) {
        *out = or_equal ? x <= y : x < y;
        return true;
    }
    if (a.kind == VALUE_STR && b.kind == VALUE_STR) { // the order of UTF-8 is that of code points
        int order = str_order(a.text, b.text);
        *out = or_equal ? order <= 0 : order < 0;
        return je_work(e, MIN(a.text.len, b.text.len));
    }
    if (a.kind == b.kind && (a.kind == VALUE_LIST || a.kind == VALUE_TUPLE))
        return less_lists(e, &a.seq->items, &b.seq->items, or_equal, out);
    if (a.kind == VALUE_UNDEFINED || b.kind == VALUE_UNDEFINED)
        return je_fail(e, "%s", jv_undefined_why(e, a.kind == VALUE_UNDEFINED ? a : b).at);
    return je_fail(e, "%s and %s have no order", jv_words[a.kind], jv_words[b.kind]);
}

bool jv_less(Eval *e, Value a, Value b, bool or_equal, bool *out) {
    if (!je_enter(e)) return false;
    bool ok = less(e, a, b, or_equal, out);
    e->calls--;
    return ok;
}

// ---- Membership and iteration

static bool list_contains(Eval *e, const ValueList *list, Value one, size_t *at, bool *out) {
    *out = false;
    for (; !*out && *at < list->len; ++*at) TRY(jv_equal(e, list->at[*at], one, out));
    return true;
}

bool jv_contains(Eval *e, Value all, Value one, bool *out) {
    size_t from = 0;
    *out = false;
    switch ((ValueKind)all.kind) {
    case VALUE_STR:
        if (one.kind != VALUE_STR) return je_fail(e, "%s cannot be in a string", jv_words[one.kind]);
        *out = jt_find(all.text, one.text, 0) != SIZE_MAX;
        return je_work(e, all.text.len);
    case VALUE_UNDEFINED: return true;
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_RANGE:
    case VALUE_VIEW: return list_contains(e, &all.seq->items, one, &from, out);
    case VALUE_ITERATOR:
        TRY(list_contains(e, &all.seq->items, one, &all.seq->taken, out));
        return *out || je_exhausted(e, all.seq);
    case VALUE_DICT:
        if (!jv_hashable(one)) return je_fail(e, "%s cannot be a key", jv_words[one.kind]);
        *out = jv_get(e, all.dict, one) != NULL;
        return e->err->kind == ERR_NONE;
    default: return je_fail(e, "nothing can be in %s", jv_words[all.kind]);
    }
}

static bool characters(Eval *e, Str s, ValueList *out) {
    int32_t code;
    for (size_t at = 0, next; at < s.len; at = next) {
        TRY(je_step(e));
        next = jt_next(s, at, &code);
        list_push(e->arena, out, jv_str(str_part(s, at, next)));
    }
    return true;
}

ValueList jv_behind(const Value *at, size_t len, size_t skip) {
    if (skip >= len) return (ValueList){0};
    return (ValueList){(Value *)(uintptr_t)(at + skip), len - skip, len - skip};
}

bool jv_items(Eval *e, Value v, ValueList *out) {
    *out = (ValueList){0};
    switch ((ValueKind)v.kind) {
    case VALUE_UNDEFINED: return true;
    case VALUE_STR: return characters(e, v.text, out);
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_RANGE:
    case VALUE_VIEW: *out = v.seq->items; break;
    case VALUE_ITERATOR:
        *out = jv_behind(v.seq->items.at, v.seq->items.len, v.seq->taken);
        v.seq->taken = v.seq->items.len;
        TRY(je_exhausted(e, v.seq));
        break;
    case VALUE_DICT:
        TRY(je_work(e, v.dict->pairs.len));
        for (size_t i = 0; i < v.dict->pairs.len; i++) list_push(e->arena, out, v.dict->pairs.at[i].key);
        break;
    default: return je_fail(e, "%s cannot be iterated over", jv_words[v.kind]);
    }
    out->cap = out->len; // a push to it must not write into the list that it came from
    return true;
}
