// filter_list.c: filters on sequences and mappings.
//
// Where Python gives an iterator the result is one too, though its items are computed at once: it has no length
// and no items by number, it counts as true, and what was taken from it is gone. An error on the way waits in it
// until an item is asked for that could not be computed.
#include "runtime/jinja/builtin.h"
#include "runtime/jinja/text.h"

// `ok`: all items could be computed.
static bool give_iterator(Eval *e, bool ok, ValueList items, const char *name, Value *out) {
    if (ok) return jb_give_list(e, VALUE_ITERATOR, items, str_of(name), out);
    Str error = str_copy(e->arena, str_of(e->err->text));
    e->err->kind = ERR_NONE;
    TRY(je_work(e, e->jinja->source.text.len)); // what finding the place took; a bound that was reached does not wait
    TRY(jb_give_list(e, VALUE_ITERATOR, items, str_of(name), out));
    out->seq->error = error;
    return true;
}

// ---- Parts and whole

static bool filter_length(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    size_t length;
    int64_t loop_length;
    if (self.kind == VALUE_LOOP) return je_loop_length(e, self.loop, &loop_length) && jb_give(out, jv_int(loop_length));
    if (!jv_length(self, &length)) return je_fail(e, "%s has no length", jv_words[self.kind]);
    return je_work(e, self.kind == VALUE_STR ? self.text.len : 0) && jb_give(out, jv_int((int64_t)length));
}

static bool filter_list(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    ValueList items;
    return jv_items(e, self, &items) && jb_give_list(e, VALUE_LIST, items, STR(""), out);
}

static bool filter_first(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    if (self.kind == VALUE_ITERATOR) { // takes one item and leaves the others
        Seq *seq = self.seq;
        if (seq->taken < seq->items.len) return jb_give(out, seq->items.at[seq->taken++]);
        return je_exhausted(e, seq) && jb_give(out, jv_undefined(WHY_MESSAGE, STR("there is no first item")));
    }
    ValueList items;
    TRY(jv_items(e, self, &items));
    return jb_give(out, items.len ? items.at[0] : jv_undefined(WHY_MESSAGE, STR("there is no first item")));
}

static bool filter_last(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    ValueList items;
    if (self.kind == VALUE_ITERATOR) return je_fail(e, "an iterator has no last item: make a list of it first");
    TRY(jv_items(e, self, &items));
    Value none = jv_undefined(WHY_MESSAGE, STR("there is no last item"));
    return jb_give(out, items.len ? items.at[items.len - 1] : none);
}

static bool filter_reverse(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    ValueList items, turned = {0};
    TRY(jv_items(e, self, &items) && je_work(e, items.len));
    for (size_t i = items.len; i-- > 0;) list_push(e->arena, &turned, items.at[i]);
    if (self.kind == VALUE_ITERATOR) return jb_give_list(e, VALUE_LIST, turned, STR(""), out);
    if (self.kind != VALUE_STR) return give_iterator(e, true, turned, "reverse", out);
    Text text = text_open(e->arena);
    for (size_t i = 0; i < turned.len; i++) text_str(&text, turned.at[i].text);
    return jb_give_str(e, self, text_view(&text), out);
}

static bool filter_join(Eval *e, Value self, const Args *args, Value *out) {
    Str between;
    ValueList items;
    Value path = jb_value(args, 1, jv_none());
    Text text = text_open(e->arena);
    TRY(jv_text(e, jb_value(args, 0, jv_str(STR(""))), &between) && jv_items(e, self, &items));
    for (size_t i = 0; i < items.len; i++) {
        Value item;
        if (i) text_str(&text, between);
        TRY(je_path(e, items.at[i], path, jv_none(), &item) && jv_print(e, item, &text));
        TRY(je_work(e, between.len) && je_room(e, text.len));
    }
    return jb_give_text(e, &text, out);
}

static bool filter_items(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    ValueList all = {0};
    bool ok = self.kind == VALUE_DICT || self.kind == VALUE_UNDEFINED ||
              je_fail(e, "'items' takes a mapping, not %s", jv_words[self.kind]);
    for (size_t i = 0; self.kind == VALUE_DICT && i < self.dict->pairs.len; i++) {
        Value pair;
        ValueList two = {0};
        list_push(e->arena, &two, self.dict->pairs.at[i].key);
        list_push(e->arena, &two, self.dict->pairs.at[i].value);
        TRY(je_step(e) && jb_give_list(e, VALUE_TUPLE, two, STR(""), &pair));
        list_push(e->arena, &all, pair);
    }
    return give_iterator(e, ok, all, "items", out);
}

static bool push_list(Eval *e, ValueList items, ValueList *out) {
    Value list;
    TRY(je_work(e, items.len) && jb_give_list(e, VALUE_LIST, items, STR(""), &list));
    list_push(e->arena, out, list);
    return true;
}

// Lists of `count` items, the last one filled up.
static bool batches_of(Eval *e, Value self, const Args *args, ValueList *out) {
    int64_t count;
    ValueList items, batch = {0};
    Value fill = jb_value(args, 1, jv_none());
    TRY(jv_items(e, self, &items) && jb_int(e, args, 0, 0, &count));
    for (size_t i = 0; i < items.len; i++) {
        if ((int64_t)batch.len == count) {
            TRY(push_list(e, batch, out));
            batch = (ValueList){0};
        }
        list_push(e->arena, &batch, items.at[i]);
    }
    if (!batch.len) return true;
    if (fill.kind != VALUE_NONE && count > MAX_RANGE) return je_fail(e, "'batch': more than %d items", MAX_RANGE);
    while (fill.kind != VALUE_NONE && (int64_t)batch.len < count) list_push(e->arena, &batch, fill);
    return push_list(e, batch, out);
}

static bool filter_batch(Eval *e, Value self, const Args *args, Value *out) {
    ValueList batches = {0};
    bool ok = batches_of(e, self, args, &batches);
    return give_iterator(e, ok, batches, "batch", out);
}

// So many lists, the first ones longer by one when it does not come out even; the others are filled up.
static bool slices_of(Eval *e, Value self, const Args *args, ValueList *out) {
    int64_t count;
    ValueList items;
    Value fill = jb_value(args, 1, jv_none());
    TRY(jv_items(e, self, &items) && jb_int(e, args, 0, 0, &count));
    if (count == 0 || count > MAX_RANGE) return je_fail(e, "'slice': the number of slices must be 1 to %d", MAX_RANGE);
    size_t begin = 0, each = count > 0 ? items.len / (size_t)count : 0,
           longer = count > 0 ? items.len % (size_t)count : 0;
    for (size_t s = 0; (int64_t)s < count; s++) {
        ValueList part = {0};
        size_t end = begin + each + (s < longer);
        for (; begin < end; begin++) list_push(e->arena, &part, items.at[begin]);
        if (fill.kind != VALUE_NONE && s >= longer) list_push(e->arena, &part, fill);
        TRY(push_list(e, part, out));
    }
    return true;
}

static bool filter_slice(Eval *e, Value self, const Args *args, Value *out) {
    ValueList slices = {0};
    bool ok = slices_of(e, self, args, &slices);
    return give_iterator(e, ok, slices, "slice", out);
}

// ---- Order. What is compared is a key: an attribute, or several, with strings in lower case unless asked.

typedef struct {
    Value key, value;
} Keyed;

static bool fold_case(Eval *e, Value *key) {
    if (key->kind != VALUE_STR) return true;
    Text text = text_open(e->arena);
    TRY(je_work(e, key->text.len));
    jt_case(&text, key->text, CASE_LOWER);
    return jb_give(key, jv_str(text_view(&text)));
}

static bool key_of(Eval *e, Value item, Value path, bool case_sensitive, Value *out) {
    return je_path(e, item, path, jv_none(), out) && (case_sensitive || fold_case(e, out));
}

// "a,b" sorts by a, then by b. A single key is a list too: lists of what is equal need no order inside.
static bool keys_of(Eval *e, Value item, Value path, bool case_sensitive, Value *out) {
    ValueList keys = {0};
    Value key;
    if (path.kind != VALUE_STR) {
        TRY(key_of(e, item, path, case_sensitive, &key));
        list_push(e->arena, &keys, key);
    }
    for (size_t begin = 0; path.kind == VALUE_STR && begin <= path.text.len;) {
        size_t end = MIN(jt_find(path.text, STR(","), begin), path.text.len);
        TRY(key_of(e, item, jv_str(str_part(path.text, begin, end)), case_sensitive, &key));
        list_push(e->arena, &keys, key);
        begin = end + 1;
    }
    return jb_give_list(e, VALUE_LIST, keys, STR(""), out);
}

// Merges the sorted halves of `at` through `spare`. What is equal keeps its order, in both directions.
static bool merge(Eval *e, Keyed *at, size_t len, Keyed *spare, bool reverse) {
    size_t middle = len / 2, left = 0, right = middle;
    for (size_t i = 0; i < len; i++) {
        bool from_right = left == middle;
        if (left < middle && right < len) {
            const Value *a = &at[reverse ? left : right].key, *b = &at[reverse ? right : left].key;
            TRY(jv_less(e, *a, *b, false, &from_right));
        }
        spare[i] = at[from_right ? right++ : left++];
    }
    memcpy(at, spare, len * sizeof *at);
    return true;
}

static bool merge_sort(Eval *e, Keyed *at, size_t len, Keyed *spare, bool reverse) {
    if (len < 2) return true;
    size_t middle = len / 2;
    return merge_sort(e, at, middle, spare, reverse) && merge_sort(e, at + middle, len - middle, spare, reverse) &&
           merge(e, at, len, spare, reverse);
}

static bool give_sorted(Eval *e, Keyed *keyed, size_t len, bool reverse, Value *out) {
    ValueList sorted = {0};
    TRY(merge_sort(e, keyed, len, arena_many(e->arena, Keyed, len), reverse));
    for (size_t i = 0; i < len; i++) list_push(e->arena, &sorted, keyed[i].value);
    return jb_give_list(e, VALUE_LIST, sorted, STR(""), out);
}

static bool filter_sort(Eval *e, Value self, const Args *args, Value *out) {
    ValueList items;
    bool reverse = jb_bool(args, 0, false), case_sensitive = jb_bool(args, 1, false);
    Value path = jb_value(args, 2, jv_none());
    TRY(jv_items(e, self, &items));
    Keyed *keyed = arena_many(e->arena, Keyed, items.len);
    for (size_t i = 0; i < items.len; i++) {
        keyed[i].value = items.at[i];
        TRY(keys_of(e, items.at[i], path, case_sensitive, &keyed[i].key));
    }
    return give_sorted(e, keyed, items.len, reverse, out);
}

static bool filter_dictsort(Eval *e, Value self, const Args *args, Value *out) {
    Str by;
    TRY(jb_str(e, args, 1, STR("key"), &by));
    bool by_value = str_is(by, "value");
    if (!by_value && !str_is(by, "key")) return je_fail(e, "'dictsort' sorts by 'key' or 'value'");
    if (self.kind == VALUE_UNDEFINED) return je_fail(e, "%s", jv_undefined_why(e, self).at);
    if (self.kind != VALUE_DICT) return je_fail(e, "'dictsort' takes a mapping, not %s", jv_words[self.kind]);
    size_t len = self.dict->pairs.len;
    Keyed *keyed = arena_many(e->arena, Keyed, len);
    for (size_t i = 0; i < len; i++) {
        Pair pair = self.dict->pairs.at[i];
        ValueList two = {0};
        list_push(e->arena, &two, pair.key);
        list_push(e->arena, &two, pair.value);
        keyed[i].key = by_value ? pair.value : pair.key;
        if (!jb_bool(args, 0, false)) TRY(fold_case(e, &keyed[i].key));
        TRY(jb_give_list(e, VALUE_TUPLE, two, STR(""), &keyed[i].value));
    }
    return give_sorted(e, keyed, len, jb_bool(args, 2, false), out);
}

static bool unique_of(Eval *e, Value self, const Args *args, ValueList *out) {
    ValueList items, keys = {0};
    Value path = jb_value(args, 1, jv_none()), key;
    TRY(jv_items(e, self, &items));
    for (size_t i = 0; i < items.len; i++) {
        bool seen = false;
        TRY(key_of(e, items.at[i], path, jb_bool(args, 0, false), &key));
        if (!jv_hashable(key)) return je_fail(e, "'unique' does not take %s", jv_words[key.kind]);
        for (size_t k = 0; !seen && k < keys.len; k++) TRY(jv_equal(e, keys.at[k], key, &seen));
        if (seen) continue;
        list_push(e->arena, &keys, key);
        list_push(e->arena, out, items.at[i]);
    }
    return true;
}

static bool filter_unique(Eval *e, Value self, const Args *args, Value *out) {
    ValueList kept = {0};
    bool ok = unique_of(e, self, args, &kept);
    return give_iterator(e, ok, kept, "unique", out);
}

static bool extreme(Eval *e, Value self, const Args *args, bool largest, Value *out) {
    ValueList items;
    Value path = jb_value(args, 1, jv_none()), best, key;
    TRY(jv_items(e, self, &items));
    *out = jv_undefined(WHY_MESSAGE, STR("an empty sequence has no extreme"));
    for (size_t i = 0; i < items.len; i++) {
        bool better = i == 0;
        TRY(key_of(e, items.at[i], path, jb_bool(args, 0, false), &key));
        if (i) TRY(largest ? jv_less(e, best, key, false, &better) : jv_less(e, key, best, false, &better));
        if (!better) continue;
        best = key;
        *out = items.at[i];
    }
    return true;
}

static bool filter_min(Eval *e, Value self, const Args *args, Value *out) {
    return extreme(e, self, args, false, out);
}

static bool filter_max(Eval *e, Value self, const Args *args, Value *out) {
    return extreme(e, self, args, true, out);
}

static bool filter_sum(Eval *e, Value self, const Args *args, Value *out) {
    ValueList items;
    Value path = jb_value(args, 0, jv_none()), item;
    *out = jb_value(args, 1, jv_int(0));
    if (out->kind == VALUE_STR) return je_fail(e, "'sum' does not add strings: use 'join'");
    TRY(jv_items(e, self, &items));
    for (size_t i = 0; i < items.len; i++) {
        TRY(je_path(e, items.at[i], path, jv_none(), &item));
        TRY(je_binary(e, OP_ADD, *out, item, out));
    }
    return true;
}

// ---- One filter or test for each item

static Args later_arguments(const Args *args, size_t skip) {
    ValueList later = jv_behind(args->at, args->len, skip);
    return (Args){later.at, later.len, args->named, args->named_len};
}

static bool map_attribute(Eval *e, const ValueList *items, const Args *args, ValueList *out) {
    Value path = jv_none(), otherwise = jv_none();
    for (size_t i = 0; i < args->named_len; i++) {
        Str name = args->named[i].name;
        if (str_is(name, "attribute"))
            path = args->named[i].value;
        else if (str_is(name, "default"))
            otherwise = args->named[i].value;
        else
            return je_fail(e, "'map' has no argument '%s'", je_quote(e, name));
    }
    for (size_t i = 0; i < items->len; i++) {
        Value item;
        TRY(je_path(e, items->at[i], path, otherwise, &item));
        list_push(e->arena, out, item);
    }
    return true;
}

static bool map_filter(Eval *e, const ValueList *items, const Args *args, ValueList *out) {
    Str name;
    Args rest = later_arguments(args, 1);
    TRY(jb_str(e, args, 0, STR(""), &name));
    for (size_t i = 0; i < items->len; i++) {
        Value item;
        TRY(je_filter(e, name, items->at[i], &rest, &item));
        list_push(e->arena, out, item);
    }
    return true;
}

static bool mapped_of(Eval *e, Value self, const Args *args, ValueList *out) {
    ValueList items;
    if (!jv_truth(self)) return true;
    TRY(jv_items(e, self, &items));
    bool by_attribute = false;
    for (size_t i = 0; i < args->named_len; i++) by_attribute |= str_is(args->named[i].name, "attribute");
    if (!args->len && !by_attribute) return je_fail(e, "'map' takes the name of a filter, or attribute=…");
    return args->len ? map_filter(e, &items, args, out) : map_attribute(e, &items, args, out);
}

static bool filter_map(Eval *e, Value self, const Args *args, Value *out) {
    ValueList mapped = {0};
    bool ok = mapped_of(e, self, args, &mapped);
    return give_iterator(e, ok, mapped, "map", out);
}

// select and its like: keeps the items whose test, on themselves or on an attribute, is `wanted`.
static bool chosen_of(Eval *e, Value self, const Args *args, bool attribute, bool wanted, ValueList *out) {
    ValueList items;
    if (!jv_truth(self)) return true;
    if (args->len < attribute) return je_fail(e, "the name of an attribute is missing");
    TRY(jv_items(e, self, &items));
    Args rest = later_arguments(args, MIN(args->len, 1u + attribute));
    for (size_t i = 0; i < items.len; i++) {
        Value item = items.at[i];
        Str test;
        if (attribute) TRY(je_path(e, item, args->at[0], jv_none(), &item));
        bool holds = jv_truth(item);
        if (args->len > attribute)
            TRY(jb_str(e, args, attribute, STR(""), &test) && je_test(e, test, item, &rest, &holds));
        if (holds == wanted) list_push(e->arena, out, items.at[i]);
    }
    return true;
}

static bool choose(Eval *e, Value self, const Args *args, bool attribute, bool wanted, Value *out) {
    ValueList kept = {0};
    bool ok = chosen_of(e, self, args, attribute, wanted, &kept);
    return give_iterator(e, ok, kept, "select", out);
}

static bool filter_select(Eval *e, Value self, const Args *args, Value *out) {
    return choose(e, self, args, false, true, out);
}

static bool filter_reject(Eval *e, Value self, const Args *args, Value *out) {
    return choose(e, self, args, false, false, out);
}

static bool filter_selectattr(Eval *e, Value self, const Args *args, Value *out) {
    return choose(e, self, args, true, true, out);
}

static bool filter_rejectattr(Eval *e, Value self, const Args *args, Value *out) {
    return choose(e, self, args, true, false, out);
}

const Builtin jb_filters_list[] = {
    {"batch", "linecount fill_with?", filter_batch},
    {"count", "", filter_length},
    {"dictsort", "case_sensitive? by? reverse?", filter_dictsort},
    {"first", "", filter_first},
    {"groupby", "", NULL},
    {"items", "", filter_items},
    {"join", "d? attribute?", filter_join},
    {"last", "", filter_last},
    {"length", "", filter_length},
    {"list", "", filter_list},
    {"map", "*", filter_map},
    {"max", "case_sensitive? attribute?", filter_max},
    {"min", "case_sensitive? attribute?", filter_min},
    {"random", "", NULL},
    {"reject", "*", filter_reject},
    {"rejectattr", "*", filter_rejectattr},
    {"reverse", "", filter_reverse},
    {"select", "*", filter_select},
    {"selectattr", "*", filter_selectattr},
    {"slice", "slices fill_with?", filter_slice},
    {"sort", "reverse? case_sensitive? attribute?", filter_sort},
    {"sum", "attribute? start?", filter_sum},
    {"unique", "case_sensitive? attribute?", filter_unique},
    {0},
};
