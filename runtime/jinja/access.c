// access.c: variables, attributes, items and slices.
//
// object.name looks for a member of the object's type first and for a key then, object["name"] the other way
// round; both give an undefined value when there is neither. Only an undefined object is an error.
#include <stdlib.h>

#include "runtime/jinja/builtin.h"
#include "runtime/jinja/text.h"

// ---- Variables

static Variable *find_in(Eval *e, Scope *scope, Str name) {
    for (size_t i = scope->variables.len; i-- > 0;)
        if (str_eq(scope->variables.at[i].name, name)) {
            e->steps += (scope->variables.len - i) / WORK_PER_STEP;
            return &scope->variables.at[i];
        }
    e->steps += scope->variables.len / WORK_PER_STEP;
    return NULL;
}

bool je_lookup(Eval *e, Str name, Value *out) {
    for (Scope *scope = e->scope; scope; scope = scope->parent) {
        const Variable *variable = find_in(e, scope, name);
        if (variable) return jb_give(out, variable->value);
    }
    const Builtin *global = jb_global(name);
    if (!global) return jb_give(out, jv_undefined(WHY_VARIABLE, name));
    Bound *bound = arena_new(e->arena, Bound);
    bound->builtin = global;
    return jb_give(out, (Value){.kind = VALUE_FUNCTION, .bound = bound});
}

bool je_bind(Eval *e, Str name, Value value) {
    Variable *variable = find_in(e, e->scope, name);
    if (variable)
        variable->value = value;
    else
        list_push(e->arena, &e->scope->variables, ((Variable){name, value}));
    return je_step(e);
}

// ---- Members of an object's type

static bool is_internal(Str name) {
    return name.len > 4 && str_starts(name, STR("__")) && str_ends(name, STR("__"));
}

// Gives a bound method, or an undefined value for a member that a template may not have; *found is false when the
// type has no such member.
static bool type_member(Eval *e, Value object, Str name, bool *found, Value *out) {
    *found = true;
    if (object.kind == VALUE_LOOP) return je_loop_attribute(e, object.loop, name, out);
    const Builtin *method = jb_method((ValueKind)object.kind, name);
    if ((method && !method->params) || (is_internal(name) && object.kind != VALUE_NAMESPACE)) {
        Str why =
            str_format(e->arena, "'%s' of %s may not be used by a template", je_quote(e, name), jv_words[object.kind]);
        return jb_give(out, jv_undefined(WHY_MESSAGE, why));
    }
    *found = method != NULL;
    if (!method) return true;
    Bound *bound = arena_new(e->arena, Bound);
    *bound = (Bound){method, object};
    return jb_give(out, (Value){.kind = VALUE_FUNCTION, .bound = bound});
}

// ---- Items

// The place that a Python index means; false when there is none.
static bool place(int64_t index, size_t length, size_t *out) {
    if (index < 0) index += (int64_t)length;
    *out = (size_t)index;
    return index >= 0 && (size_t)index < length;
}

static bool str_item(Eval *e, Value object, int64_t index, bool *found, Value *out) {
    size_t at;
    TRY(je_work(e, object.text.len));
    *found = place(index, jt_length(object.text), &at);
    if (!*found) return true;
    size_t begin = jt_offset(object.text, at);
    int32_t code;
    return jb_give_str(e, object, str_part(object.text, begin, jt_next(object.text, begin, &code)), out);
}

static bool own_item(Eval *e, Value object, Value key, bool *found, Value *out) {
    int64_t index;
    size_t at;
    *found = false;
    if (object.kind == VALUE_DICT) {
        const Value *value = jv_hashable(key) ? jv_get(e, object.dict, key) : NULL;
        *found = value != NULL;
        if (value) *out = *value;
        return e->err->kind == ERR_NONE;
    }
    if (!jv_is_int(key, &index)) return true;
    if (object.kind == VALUE_STR) return str_item(e, object, index, found, out);
    *found = jv_is_seq(object) && place(index, object.seq->items.len, &at);
    if (*found) *out = object.seq->items.at[at];
    return true;
}

// The attributes of a namespace, which are neither members of a type nor items.
static bool namespace_attribute(Eval *e, Value object, Str name, bool *found, Value *out) {
    const Value *value = object.kind == VALUE_NAMESPACE ? jv_get(e, object.dict, jv_str(name)) : NULL;
    *found = value != NULL;
    if (value) *out = *value;
    return e->err->kind == ERR_NONE;
}

static bool nothing(Eval *e, Value object, Value key, Value *out) {
    if (key.kind == VALUE_STR) return jb_give(out, jv_undefined(object.kind, key.text));
    Text shown = text_open(e->arena);
    TRY(jv_repr(e, key, &shown));
    return jb_give(out, jv_undefined(object.kind, text_view(&shown)));
}

bool je_attribute(Eval *e, Value object, Str name, Value *out) {
    if (object.kind == VALUE_UNDEFINED) return je_fail(e, "%s", jv_undefined_why(e, object).at);
    bool found;
    TRY(namespace_attribute(e, object, name, &found, out));
    if (!found) TRY(type_member(e, object, name, &found, out));
    if (!found) TRY(own_item(e, object, jv_str(name), &found, out));
    return found || nothing(e, object, jv_str(name), out);
}

bool je_item(Eval *e, Value object, Value key, Value *out) {
    if (object.kind == VALUE_UNDEFINED) return je_fail(e, "%s", jv_undefined_why(e, object).at);
    bool found;
    TRY(own_item(e, object, key, &found, out));
    if (!found && key.kind == VALUE_STR) TRY(namespace_attribute(e, object, key.text, &found, out));
    if (!found && key.kind == VALUE_STR) TRY(type_member(e, object, key.text, &found, out));
    return found || nothing(e, object, key, out);
}

// ---- Slices

// Start, stop and step of a slice over `length` items, as Python computes them.
static bool slice_bounds(Eval *e, const Value bounds[3], int64_t length, int64_t *start, int64_t *stop, int64_t *step) {
    int64_t given[3] = {0, 0, 1};
    for (int i = 0; i < 3; i++)
        if (bounds[i].kind != VALUE_NONE && bounds[i].kind != VALUE_ABSENT && !jv_is_int(bounds[i], &given[i]))
            return je_fail(e, "a slice takes integers, not %s", jv_words[bounds[i].kind]);
    *step = given[2];
    if (*step == 0) return je_fail(e, "the step of a slice is 0");
    bool down = *step < 0;
    int64_t least = down ? -1 : 0, most = down ? length - 1 : length;
    int64_t *ends[2] = {start, stop};
    for (int i = 0; i < 2; i++) {
        bool left_out = bounds[i].kind == VALUE_NONE || bounds[i].kind == VALUE_ABSENT;
        int64_t at = given[i] < 0 ? MAX(given[i], -length - 1) + length : MIN(given[i], length);
        *ends[i] = left_out ? ((i == 0) == down ? most : least) : MAX(MIN(at, most), least);
    }
    return true;
}

static bool goes_on(int64_t at, int64_t stop, int64_t step) {
    return step > 0 ? at < stop : at > stop;
}

static int64_t advance(int64_t at, int64_t step) {
    int64_t next;
    return __builtin_add_overflow(at, step, &next) ? (step > 0 ? INT64_MAX : INT64_MIN) : next;
}

static bool slice_str(Eval *e, Value object, const Value bounds[3], Value *out) {
    Str s = object.text;
    int64_t length = (int64_t)jt_length(s), start, stop, step;
    TRY(je_work(e, s.len) && slice_bounds(e, bounds, length, &start, &stop, &step));
    if (step == 1) {
        size_t begin = jt_offset(s, (size_t)start), count = stop > start ? (size_t)(stop - start) : 0;
        Str rest = str_part(s, begin, s.len);
        return jb_give_str(e, object, str_part(rest, 0, jt_offset(rest, count)), out);
    }
    ValueList all;
    TRY(jv_items(e, jv_str(s), &all));
    Text text = text_open(e->arena);
    for (int64_t i = start; goes_on(i, stop, step); i = advance(i, step)) text_str(&text, all.at[i].text);
    return jb_give_str(e, object, text_view(&text), out);
}

bool je_slice(Eval *e, Value object, const Value bounds[3], Value *out) {
    if (object.kind == VALUE_STR) return slice_str(e, object, bounds, out);
    if (object.kind == VALUE_UNDEFINED) return je_fail(e, "%s", jv_undefined_why(e, object).at);
    if (object.kind != VALUE_LIST && object.kind != VALUE_TUPLE)
        return je_fail(e, "unsupported slice of %s", jv_words[object.kind]);
    const ValueList *items = &object.seq->items;
    int64_t start, stop, step;
    TRY(slice_bounds(e, bounds, (int64_t)items->len, &start, &stop, &step));
    TRY(je_work(e, items->len));
    ValueList part = {0};
    for (int64_t i = start; goes_on(i, stop, step); i = advance(i, step)) list_push(e->arena, &part, items->at[i]);
    return jb_give_list(e, (ValueKind)object.kind, part, STR(""), out);
}

// ---- Paths

static bool path_part(Eval *e, Str part, Value *key) {
    bool digits = part.len > 0;
    for (size_t i = 0; i < part.len; i++) digits &= part.at[i] >= '0' && part.at[i] <= '9';
    if (digits && part.len > 18) return je_fail(e, "'%s' is too large for an index", je_quote(e, part));
    *key = digits ? jv_int(strtoll(str_c(e->arena, part), NULL, 10)) : jv_str(part);
    return true;
}

bool je_path(Eval *e, Value object, Value path, Value otherwise, Value *out) {
    bool has_otherwise = otherwise.kind != VALUE_NONE && otherwise.kind != VALUE_ABSENT;
    *out = object;
    if (path.kind == VALUE_NONE || path.kind == VALUE_ABSENT) return true;
    if (path.kind != VALUE_STR) {
        TRY(je_item(e, object, path, out));
        if (has_otherwise && out->kind == VALUE_UNDEFINED) *out = otherwise;
        return true;
    }
    for (size_t begin = 0; begin <= path.text.len;) {
        size_t end = MIN(jt_find(path.text, STR("."), begin), path.text.len);
        Value key;
        TRY(path_part(e, str_part(path.text, begin, end), &key));
        TRY(je_item(e, *out, key, out));
        if (has_otherwise && out->kind == VALUE_UNDEFINED) *out = otherwise;
        begin = end + 1;
    }
    return true;
}
