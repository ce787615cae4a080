// exec.c: statements.
#include "runtime/jinja/builtin.h"

// ---- Scopes and output

bool je_open_scope(Eval *e, const Node *node, Scope *parent) {
    e->scope = arena_new(e->arena, Scope);
    e->scope->parent = parent;
    for (size_t i = 0; i < node->shadowed.len; i++)
        TRY(je_bind(e, node->shadowed.at[i], jv_undefined(WHY_VARIABLE, node->shadowed.at[i])));
    return true;
}

bool je_capture(Eval *e, const NodeList *body, Str *out) {
    Text text = text_open(e->arena), *outer = e->out;
    e->out = &text;
    bool ok = je_run(e, body);
    e->out = outer;
    *out = text_view(&text);
    return ok;
}

// Runs a body in a scope of its own.
static bool run_inside(Eval *e, const Node *node) {
    Scope *outer = e->scope;
    bool ok = je_open_scope(e, node, outer) && je_run(e, &node->body);
    e->scope = outer;
    return ok;
}

static bool write_value(Eval *e, Value value) {
    TRY(jv_print(e, value, e->out));
    if (e->out->len <= MAX_OUTPUT) return true;
    return je_fail(e, "more than %d MiB of output", MAX_OUTPUT >> 20);
}

// ---- Assignment

static bool assign_attribute(Eval *e, const Node *target, Value value) {
    Value object;
    TRY(je_lookup(e, target->name, &object));
    e->at = target->at;
    if (object.kind != VALUE_NAMESPACE)
        return je_fail(e, "'%s' is %s: only a namespace has attributes that can be set", je_quote(e, target->name),
                       jv_words[object.kind]);
    Str name = target->a->value.text;
    if (str_starts(name, STR("_"))) return je_fail(e, "an attribute of a namespace cannot begin with '_'");
    jv_put(e, object.dict, jv_str(name), value);
    return e->err->kind == ERR_NONE;
}

bool je_assign(Eval *e, const Node *target, Value value) {
    e->at = target->at;
    if (target->kind == NODE_NAME) return je_bind(e, target->name, value);
    if (target->kind == NODE_NSREF) return assign_attribute(e, target, value);
    ValueList items;
    TRY(jv_items(e, value, &items));
    if (items.len != target->items.len) return je_fail(e, "%zu values for %zu names", items.len, target->items.len);
    for (size_t i = 0; i < items.len; i++) TRY(je_assign(e, target->items.at[i], items.at[i]));
    return true;
}

// ---- One function for each kind of statement

static bool run_text(Eval *e, const Node *node) {
    return write_value(e, jv_str(node->name));
}

static bool run_output(Eval *e, const Node *node) {
    for (size_t i = 0; i < node->items.len; i++) {
        Value value;
        TRY(je_evaluate(e, node->items.at[i], &value));
        e->at = node->at;
        TRY(write_value(e, value));
    }
    return true;
}

static bool run_if(Eval *e, const Node *node) {
    for (size_t i = 0; i < node->items.len; i++) {
        const Node *branch = node->items.at[i];
        Value condition = jv_bool(true);
        if (branch->a) TRY(je_evaluate(e, branch->a, &condition));
        if (jv_truth(condition)) return je_run(e, &branch->body);
    }
    return true;
}

static bool run_set(Eval *e, const Node *node) {
    Value value;
    TRY(je_evaluate(e, node->b, &value));
    return je_assign(e, node->a, value);
}

// What a body writes, in a scope of its own, through the filters in front of it. A body that a "break" left gives
// nothing: the caller looks at e->flow.
static bool filtered_body(Eval *e, const Node *node, const Node *filters, Value *out) {
    Scope *outer = e->scope;
    Str text = {0};
    bool ok = je_open_scope(e, node, outer) && je_capture(e, &node->body, &text);
    *out = e->filtered = jv_str(text);
    if (ok && filters && e->flow == FLOW_ON) ok = je_evaluate(e, filters, out);
    e->scope = outer;
    return ok;
}

static bool run_set_block(Eval *e, const Node *node) {
    Value value;
    TRY(filtered_body(e, node, node->b, &value));
    return e->flow != FLOW_ON || je_assign(e, node->a, value);
}

static bool run_filtered(Eval *e, const Node *node) {
    Value value;
    TRY(filtered_body(e, node, node->a, &value));
    return e->flow != FLOW_ON || write_value(e, value);
}

static Value macro_value(Eval *e, const Node *node) {
    Macro *macro = arena_new(e->arena, Macro);
    *macro = (Macro){node, e->scope};
    return (Value){.kind = VALUE_MACRO, .macro = macro};
}

static bool run_macro(Eval *e, const Node *node) {
    return je_bind(e, node->name, macro_value(e, node));
}

// {% call(x) f(y) %}body{% endcall %}: f gets a macro that renders the body, as `caller`.
static bool run_call_block(Eval *e, const Node *node) {
    Node caller = {.kind = NODE_CONST, .value = macro_value(e, node), .at = node->at};
    Node keyword = {.kind = NODE_KEYWORD, .name = STR("caller"), .a = &caller};
    Node call = *node->a;
    call.named = (NodeList){0};
    for (size_t i = 0; i < node->a->named.len; i++) list_push(e->arena, &call.named, node->a->named.at[i]);
    list_push(e->arena, &call.named, &keyword);
    Value value;
    return je_evaluate(e, &call, &value) && write_value(e, value);
}

// The values are computed outside the new scope.
static bool run_with(Eval *e, const Node *node) {
    Scope *outer = e->scope;
    TRY(je_open_scope(e, node, outer));
    Scope *inner = e->scope;
    bool ok = true;
    for (size_t i = 0; ok && i < node->items.len; i += 2) {
        Value value;
        e->scope = outer;
        ok = je_evaluate(e, node->items.at[i + 1], &value);
        e->scope = inner;
        if (ok) ok = je_assign(e, node->items.at[i], value);
    }
    ok = ok && je_run(e, &node->body);
    e->scope = outer;
    return ok;
}

static bool run_break(Eval *e, const Node *node) {
    e->flow = node->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
    return true;
}

static bool (*const runners[NODE_KIND_COUNT])(Eval *e, const Node *node) = {
    [NODE_TEXT] = run_text,
    [NODE_OUTPUT] = run_output,
    [NODE_IF] = run_if,
    [NODE_FOR] = je_for,
    [NODE_SET] = run_set,
    [NODE_SETBLOCK] = run_set_block,
    [NODE_MACRO] = run_macro,
    [NODE_CALLBLOCK] = run_call_block,
    [NODE_FILTERED] = run_filtered,
    [NODE_WITH] = run_with,
    [NODE_SCOPE] = run_inside,
    [NODE_ELSE] = run_inside,
    [NODE_BREAK] = run_break,
    [NODE_CONTINUE] = run_break,
};

bool je_run(Eval *e, const NodeList *body) {
    if (!je_enter(e)) return false;
    bool ok = true;
    for (size_t i = 0; ok && e->flow == FLOW_ON && i < body->len; i++) {
        e->at = body->at[i]->at;
        ok = je_step(e) && runners[body->at[i]->kind](e, body->at[i]);
    }
    e->calls--;
    return ok;
}
