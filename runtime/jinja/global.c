// global.c: the functions that every template has: Jinja's, and those that transformers adds.
#define _GNU_SOURCE // strptime, timegm
#include <time.h>

#include "runtime/jinja/builtin.h"

// ---- range

static bool global_range(Eval *e, Value self, const Args *args, Value *out) {
    (void)self;
    int64_t given[3] = {0, 0, 1};
    for (size_t i = 0; i < COUNT(given); i++) TRY(jb_int(e, args, i, given[i], &given[i]));
    bool one = !jb_given(args, 1);
    int64_t start = one ? 0 : given[0], stop = one ? given[0] : given[1], step = given[2];
    if (step == 0) return je_fail(e, "the step of a range is 0");
    ValueList items = {0};
    for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
        if (items.len == MAX_RANGE) return je_fail(e, "a range of more than %d items", MAX_RANGE);
        list_push(e->arena, &items, jv_int(i));
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    TRY(je_work(e, items.len));
    Str label =
        step == 1 ? str_format(e->arena, "range(%lld, %lld)", (long long)start, (long long)stop)
                  : str_format(e->arena, "range(%lld, %lld, %lld)", (long long)start, (long long)stop, (long long)step);
    return jb_give_list(e, VALUE_RANGE, items, label, out);
}

// ---- dict and namespace

static bool put_pair(Eval *e, Dict *dict, Value key, Value value) {
    if (!jv_hashable(key)) return je_fail(e, "%s cannot be a key", jv_words[key.kind]);
    jv_put(e, dict, key, value);
    return e->err->kind == ERR_NONE;
}

static bool put_all(Eval *e, Dict *dict, Value from) {
    ValueList items, pair;
    if (from.kind == VALUE_DICT) {
        for (size_t i = 0; i < from.dict->pairs.len; i++)
            TRY(put_pair(e, dict, from.dict->pairs.at[i].key, from.dict->pairs.at[i].value));
        return true;
    }
    TRY(jv_items(e, from, &items));
    for (size_t i = 0; i < items.len; i++) {
        TRY(jv_items(e, items.at[i], &pair));
        if (pair.len != 2) return je_fail(e, "a mapping is made of pairs, not of %zu values", pair.len);
        TRY(put_pair(e, dict, pair.at[0], pair.at[1]));
    }
    return true;
}

// Python's dict(…): pairs or a mapping, then names.
static bool make_dict(Eval *e, const Args *args, Dict **out) {
    Dict *dict = *out = arena_new(e->arena, Dict);
    if (args->len > 1) return je_fail(e, "a mapping is made of one argument and of names, not of %zu", args->len);
    if (args->len) TRY(put_all(e, dict, args->at[0]));
    for (size_t i = 0; i < args->named_len; i++)
        TRY(put_pair(e, dict, jv_str(args->named[i].name), args->named[i].value));
    return true;
}

static bool global_dict(Eval *e, Value self, const Args *args, Value *out) {
    (void)self;
    Dict *dict;
    return make_dict(e, args, &dict) && jb_give(out, jv_dict(VALUE_DICT, dict));
}

static bool global_namespace(Eval *e, Value self, const Args *args, Value *out) {
    (void)self;
    Dict *dict;
    TRY(make_dict(e, args, &dict));
    for (size_t i = 0; i < dict->pairs.len; i++) {
        Value key = dict->pairs.at[i].key;
        if (key.kind == VALUE_STR && str_starts(key.text, STR("_")))
            return je_fail(e, "an attribute of a namespace cannot begin with '_'");
    }
    return jb_give(out, jv_dict(VALUE_NAMESPACE, dict));
}

// ---- What transformers adds

static bool global_raise_exception(Eval *e, Value self, const Args *args, Value *out) {
    (void)self, (void)out;
    Str message;
    TRY(jv_text(e, args->at[0], &message));
    return je_fail(e, "the template refuses: %s", je_quote(e, message));
}

// The clock would give another text tomorrow, so that no result could be repeated: the time is a variable,
// strftime_now_value, "2024-07-26" or "2024-07-26T12:30:00", or calling this is an error.
static bool global_strftime_now(Eval *e, Value self, const Args *args, Value *out) {
    (void)self;
    Value now;
    Str format;
    TRY(jb_str(e, args, 0, STR(""), &format) && je_lookup(e, STR("strftime_now_value"), &now));
    if (now.kind != VALUE_STR) return je_fail(e, "strftime_now: a template that reads the clock cannot be reproduced");
    struct tm time = {0};
    const char *text = str_c(e->arena, now.text), *end = strptime(text, "%Y-%m-%d", &time);
    if (end && *end) end = strptime(text, "%Y-%m-%dT%H:%M:%S", &time);
    if (!end || *end)
        return je_fail(e, "strftime_now_value is '%s', expected 2024-07-26T12:30:00", je_quote(e, now.text));
    (void)timegm(&time); // fills in the day of the week
    char shown[8192];
    if (format.len > 200) return je_fail(e, "strftime_now: the format is too long");
    size_t length = strftime(shown, sizeof shown, str_c(e->arena, format), &time);
    return jb_give(out, jv_str(str_copy(e->arena, (Str){shown, length})));
}

const Builtin jb_globals[] = {
    {"cycler", "*", NULL},
    {"dict", "*", global_dict},
    {"joiner", "*", NULL},
    {"lipsum", "*", NULL},
    {"namespace", "*", global_namespace},
    {"raise_exception", "message", global_raise_exception},
    {"range", "0 1? 2?", global_range},
    {"strftime_now", "format", global_strftime_now},
    {0},
};
