// call.c: calling macros, functions, methods, filters and tests.
#include "runtime/jinja/builtin.h"

// ---- Macros

// A named argument, taken out of those that are left; ABSENT when there is none.
static Value take_named(Args *left, Str name) {
    for (size_t i = 0; i < left->named_len; i++) {
        if (!str_eq(left->named[i].name, name)) continue;
        Value value = left->named[i].value;
        ((Variable *)(uintptr_t)left->named)[i] = left->named[--left->named_len];
        return value;
    }
    return jv_absent();
}

// The parameters: given in order, by name, or not at all.
static bool bind_parameters(Eval *e, const Macro *macro, const Args *args, Args *left, ValueList *given) {
    const NodeList *parameters = &macro->node->items;
    for (size_t i = 0; i < parameters->len; i++) {
        Str name = parameters->at[i]->name;
        Value value = i < args->len ? args->at[i] : take_named(left, name);
        list_push(e->arena, given, value);
        TRY(je_bind(e, name, value.kind == VALUE_ABSENT ? jv_undefined(WHY_VARIABLE, name) : value));
    }
    return true;
}

// Parameters that were not given get their defaults, which may use the parameters before them.
static bool bind_defaults(Eval *e, const Macro *macro, const ValueList *given) {
    const NodeList *parameters = &macro->node->items, *defaults = &macro->node->named;
    size_t first = parameters->len - defaults->len;
    for (size_t i = first; i < parameters->len; i++) {
        if (given->at[i].kind != VALUE_ABSENT) continue;
        Value value;
        TRY(je_evaluate(e, defaults->at[i - first], &value));
        TRY(je_bind(e, parameters->at[i]->name, value));
    }
    return true;
}

static const char *macro_name(Eval *e, const Macro *macro) {
    return macro->node->name.len ? je_quote(e, macro->node->name) : "caller";
}

static bool has_parameter(const Macro *macro, const char *name) {
    for (size_t i = 0; i < macro->node->items.len; i++)
        if (str_is(macro->node->items.at[i]->name, name)) return true;
    return false;
}

// Jinja's special variables, for macros that mention them: caller, kwargs, varargs.
static bool bind_special(Eval *e, const Macro *macro, const Args *args, Args *left) {
    size_t taken = MIN(args->len, macro->node->items.len);
    if (macro->node->uses & USES_CALLER && !has_parameter(macro, "caller")) {
        Value caller = take_named(left, STR("caller"));
        if (caller.kind == VALUE_ABSENT || caller.kind == VALUE_NONE)
            caller = jv_undefined(WHY_MESSAGE, STR("there is no caller"));
        TRY(je_bind(e, STR("caller"), caller));
    }
    if (macro->node->uses & USES_KWARGS && !has_parameter(macro, "kwargs")) {
        Dict *dict = arena_new(e->arena, Dict);
        for (size_t i = 0; i < left->named_len; i++) jv_put(e, dict, jv_str(left->named[i].name), left->named[i].value);
        left->named_len = 0;
        TRY(je_bind(e, STR("kwargs"), jv_dict(VALUE_DICT, dict)));
    }
    if (macro->node->uses & USES_VARARGS && !has_parameter(macro, "varargs")) {
        Value rest;
        TRY(jb_give_list(e, VALUE_TUPLE, jv_behind(args->at, args->len, taken), STR(""), &rest) &&
            je_bind(e, STR("varargs"), rest));
    } else if (args->len > taken) {
        return je_fail(e, "the macro '%s' takes %zu arguments, not %zu", macro_name(e, macro), taken, args->len);
    }
    if (!left->named_len) return e->err->kind == ERR_NONE;
    return je_fail(e, "the macro '%s' has no argument '%s'", macro_name(e, macro), je_quote(e, left->named[0].name));
}

static bool call_macro(Eval *e, const Macro *macro, const Args *args, Value *out) {
    Scope *outer = e->scope;
    Args left = *args;
    ValueList given = {0};
    Str text;
    left.named = arena_copy(e->arena, args->named, args->named_len * sizeof *args->named);
    bool ok = je_open_scope(e, macro->node, macro->scope) && bind_parameters(e, macro, args, &left, &given) &&
              bind_special(e, macro, args, &left) && bind_defaults(e, macro, &given) &&
              je_capture(e, &macro->node->body, &text);
    e->scope = outer;
    return ok && jb_give(out, jv_str(text));
}

// ---- Everything else

static bool call_builtin(Eval *e, const Builtin *builtin, Value self, const Args *args, Value *out) {
    Args bound;
    Value slots[MAX_PARAMETERS];
    if (!builtin->run) return je_fail(e, "unsupported function '%s'", builtin->name);
    return jb_bind(e, builtin, args, slots, &bound) && builtin->run(e, self, &bound, out);
}

bool je_call(Eval *e, Value callee, const Args *args, Value *out) {
    switch ((ValueKind)callee.kind) {
    case VALUE_MACRO: return call_macro(e, callee.macro, args, out);
    case VALUE_FUNCTION: return call_builtin(e, callee.bound->builtin, callee.bound->self, args, out);
    case VALUE_LOOP: return je_loop_call(e, callee.loop, args, out);
    case VALUE_UNDEFINED: return je_fail(e, "%s", jv_undefined_why(e, callee).at);
    default: return je_fail(e, "%s cannot be called", jv_words[callee.kind]);
    }
}

static bool apply(Eval *e, const Builtin *builtin, const char *what, Str name, Value subject, const Args *args,
                  Value *out) {
    Args bound;
    Value slots[MAX_PARAMETERS];
    if (!builtin || !builtin->run)
        return je_fail(e, "%s %s '%s'", builtin ? "unsupported" : "unknown", what, je_quote(e, name));
    return je_step(e) && jb_bind(e, builtin, args, slots, &bound) && builtin->run(e, subject, &bound, out);
}

bool je_filter(Eval *e, Str name, Value subject, const Args *args, Value *out) {
    return apply(e, jb_filter(name), "filter", name, subject, args, out);
}

bool je_test(Eval *e, Str name, Value subject, const Args *args, bool *out) {
    Value result;
    TRY(apply(e, jb_test(name), "test", name, subject, args, &result));
    *out = jv_truth(result);
    return true;
}
