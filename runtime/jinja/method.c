// method.c: methods of mappings, lists, tuples and ranges. Rows without parameters (NULL) would change their
// object: a template may not have them.
#include "runtime/jinja/builtin.h"

static bool dict_get(Eval *e, Value self, const Args *args, Value *out) {
    if (!jv_hashable(args->at[0])) return je_fail(e, "%s cannot be a key", jv_words[args->at[0].kind]);
    const Value *value = jv_get(e, self.dict, args->at[0]);
    *out = value ? *value : jb_value(args, 1, jv_none());
    return e->err->kind == ERR_NONE;
}

static bool dict_keys(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    ValueList keys;
    return jv_items(e, self, &keys) && jb_give_list(e, VALUE_VIEW, keys, STR("dict_keys"), out);
}

static bool dict_values(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    ValueList values = {0};
    TRY(je_work(e, self.dict->pairs.len));
    for (size_t i = 0; i < self.dict->pairs.len; i++) list_push(e->arena, &values, self.dict->pairs.at[i].value);
    return jb_give_list(e, VALUE_VIEW, values, STR("dict_values"), out);
}

static bool dict_items(Eval *e, Value self, const Args *args, Value *out) {
    TRY(jb_filter(STR("items"))->run(e, self, args, out));
    return jb_give_list(e, VALUE_VIEW, out->seq->items, STR("dict_items"), out);
}

// Values do not change, so that a copy is the value itself.
static bool any_copy(Eval *e, Value self, const Args *args, Value *out) {
    (void)e, (void)args;
    return jb_give(out, self);
}

static bool list_count(Eval *e, Value self, const Args *args, Value *out) {
    int64_t count = 0;
    for (size_t i = 0; i < self.seq->items.len; i++) {
        bool same;
        TRY(jv_equal(e, self.seq->items.at[i], args->at[0], &same));
        count += same;
    }
    return jb_give(out, jv_int(count));
}

static bool list_index(Eval *e, Value self, const Args *args, Value *out) {
    bool same = false;
    for (size_t i = 0; i < self.seq->items.len; i++) {
        TRY(jv_equal(e, self.seq->items.at[i], args->at[0], &same));
        if (same) return jb_give(out, jv_int((int64_t)i));
    }
    return je_fail(e, "the list does not have that item");
}

const Builtin jb_methods_other[] = {
    {"dict.clear", NULL, NULL},       {"dict.copy", "", any_copy},       {"dict.fromkeys", "", NULL},
    {"dict.get", "0 1?", dict_get},   {"dict.items", "", dict_items},    {"dict.keys", "", dict_keys},
    {"dict.pop", NULL, NULL},         {"dict.popitem", NULL, NULL},      {"dict.setdefault", NULL, NULL},
    {"dict.update", NULL, NULL},      {"dict.values", "", dict_values},  {"list.append", NULL, NULL},
    {"list.clear", NULL, NULL},       {"list.copy", "", any_copy},       {"list.count", "0", list_count},
    {"list.extend", NULL, NULL},      {"list.index", "0", list_index},   {"list.insert", NULL, NULL},
    {"list.pop", NULL, NULL},         {"list.remove", NULL, NULL},       {"list.reverse", NULL, NULL},
    {"list.sort", NULL, NULL},        {"macro.arguments", "", NULL},     {"macro.caller", "", NULL},
    {"macro.catch_kwargs", "", NULL}, {"macro.catch_varargs", "", NULL}, {"macro.explicit_caller", "", NULL},
    {"macro.name", "", NULL},         {"range.count", "0", list_count},  {"range.index", "0", list_index},
    {"tuple.count", "0", list_count}, {"tuple.index", "0", list_index},  {0},
};
