// eval.c: the value of an expression, and the bounds that every evaluation is held to.
#include <stdio.h>

#include "runtime/jinja/builtin.h"

// ---- Bounds and messages

bool je_fail(Eval *e, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char message[sizeof e->err->text];
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return jp_refuse_at(&e->jinja->source, e->at, e->err, "%s", message);
}

bool je_step(Eval *e) {
    if (++e->steps > MAX_STEPS) return je_fail(e, "more than %d steps: the template does not end", MAX_STEPS);
    if (arena_bytes(e->arena) > MAX_BYTES)
        return je_fail(e, "more than %d MiB of memory for one rendering", MAX_BYTES >> 20);
    return true;
}

bool je_work(Eval *e, size_t amount) {
    e->steps += MIN(amount / WORK_PER_STEP, (size_t)MAX_STEPS);
    return je_step(e);
}

bool je_room(Eval *e, size_t bytes) {
    if (bytes <= MAX_OUTPUT) return true;
    return je_fail(e, "a string of more than %d MiB", MAX_OUTPUT >> 20);
}

bool je_enter(Eval *e) {
    if (e->calls == MAX_CALLS) return je_fail(e, "nested more than %d levels deep", MAX_CALLS);
    e->calls++;
    if (je_step(e)) return true;
    e->calls--;
    return false;
}

const char *je_quote(Eval *e, Str s) {
    enum { SHOWN = 200 };
    char *shown = str_c(e->arena, str_part(s, 0, SHOWN));
    for (size_t i = 0; i < MIN(s.len, (size_t)SHOWN); i++)
        if ((unsigned char)shown[i] < 0x20) shown[i] = ' ';
    return shown;
}

bool je_exhausted(Eval *e, const Seq *seq) {
    if (!seq->error.len) return true;
    return error_set(e->err, ERR_INPUT, "%.*s", STR_ARG(seq->error));
}

// ---- One function for each kind of expression

static bool eval_const(Eval *e, const Node *node, Value *out) {
    (void)e;
    return jb_give(out, node->value);
}

static bool eval_name(Eval *e, const Node *node, Value *out) {
    return je_lookup(e, node->name, out);
}

static bool eval_all(Eval *e, const NodeList *nodes, ValueList *out) {
    for (size_t i = 0; i < nodes->len; i++) {
        Value item;
        TRY(je_evaluate(e, nodes->at[i], &item));
        list_push(e->arena, out, item);
    }
    return true;
}

static bool eval_list(Eval *e, const Node *node, Value *out) {
    ValueList items = {0};
    TRY(eval_all(e, &node->items, &items));
    return jb_give_list(e, node->kind == NODE_LIST ? VALUE_LIST : VALUE_TUPLE, items, STR(""), out);
}

static bool eval_dict(Eval *e, const Node *node, Value *out) {
    ValueList items = {0};
    Dict *dict = arena_new(e->arena, Dict);
    TRY(eval_all(e, &node->items, &items));
    for (size_t i = 0; i < items.len; i += 2) {
        if (!jv_hashable(items.at[i])) return je_fail(e, "%s cannot be a key", jv_words[items.at[i].kind]);
        jv_put(e, dict, items.at[i], items.at[i + 1]);
        if (e->err->kind != ERR_NONE) return false;
    }
    return jb_give(out, jv_dict(VALUE_DICT, dict));
}

static bool eval_slice(Eval *e, const Node *node, Value *out) {
    (void)node, (void)out;
    return je_fail(e, "unsupported slice in a tuple of subscripts");
}

static bool eval_attribute(Eval *e, const Node *node, Value *out) {
    Value object;
    TRY(je_evaluate(e, node->a, &object));
    e->at = node->at;
    return je_attribute(e, object, node->name, out);
}

static bool eval_item(Eval *e, const Node *node, Value *out) {
    Value object, bounds[3] = {jv_absent(), jv_absent(), jv_absent()};
    TRY(je_evaluate(e, node->a, &object));
    if (node->b->kind != NODE_SLICE) {
        TRY(je_evaluate(e, node->b, &bounds[0]));
        e->at = node->at;
        return je_item(e, object, bounds[0], out);
    }
    const Node *parts[] = {node->b->a, node->b->b, node->b->c};
    for (size_t i = 0; i < COUNT(parts); i++)
        if (parts[i]) TRY(je_evaluate(e, parts[i], &bounds[i]));
    e->at = node->at;
    return je_slice(e, object, bounds, out);
}

// ---- Calls

static bool spread(Eval *e, const Node *node, ValueList *out) {
    Value value;
    ValueList items;
    if (!node) return true;
    TRY(je_evaluate(e, node, &value));
    TRY(jv_items(e, value, &items) && je_work(e, items.len));
    for (size_t i = 0; i < items.len; i++) list_push(e->arena, out, items.at[i]);
    return true;
}

typedef LIST(Variable) VariableList;

static bool push_named(Eval *e, VariableList *out, Str name, Value value) {
    for (size_t i = 0; i < out->len; i++)
        if (str_eq(out->at[i].name, name)) return je_fail(e, "the argument '%s' is given twice", je_quote(e, name));
    list_push(e->arena, out, ((Variable){name, value}));
    return je_work(e, out->len);
}

static bool spread_named(Eval *e, const Node *node, VariableList *out) {
    Value value;
    if (!node) return true;
    TRY(je_evaluate(e, node, &value));
    if (value.kind != VALUE_DICT) return je_fail(e, "'**' takes a mapping, not %s", jv_words[value.kind]);
    for (size_t i = 0; i < value.dict->pairs.len; i++) {
        Value key = value.dict->pairs.at[i].key;
        if (key.kind != VALUE_STR) return je_fail(e, "'**' takes string keys, not %s", jv_words[key.kind]);
        TRY(push_named(e, out, key.text, value.dict->pairs.at[i].value));
    }
    return true;
}

static bool eval_args(Eval *e, const Node *node, Args *out) {
    ValueList items = {0};
    VariableList named = {0};
    TRY(eval_all(e, &node->items, &items) && spread(e, node->b, &items));
    for (size_t i = 0; i < node->named.len; i++) {
        Value value;
        TRY(je_evaluate(e, node->named.at[i]->a, &value));
        TRY(push_named(e, &named, node->named.at[i]->name, value));
    }
    TRY(spread_named(e, node->c, &named));
    *out = (Args){items.at, items.len, named.at, named.len};
    e->at = node->at;
    return true;
}

static bool eval_call(Eval *e, const Node *node, Value *out) {
    Value callee;
    Args args;
    TRY(je_evaluate(e, node->a, &callee) && eval_args(e, node, &args));
    return je_call(e, callee, &args, out);
}

static bool eval_filter(Eval *e, const Node *node, Value *out) {
    Value subject = e->filtered;
    Args args;
    if (node->a) TRY(je_evaluate(e, node->a, &subject));
    TRY(eval_args(e, node, &args));
    return je_filter(e, node->name, subject, &args, out);
}

static bool eval_test(Eval *e, const Node *node, Value *out) {
    Value subject;
    Args args;
    bool holds;
    TRY(je_evaluate(e, node->a, &subject) && eval_args(e, node, &args));
    TRY(je_test(e, node->name, subject, &args, &holds));
    return jb_give(out, jv_bool(holds));
}

// ---- Operators

static bool eval_not(Eval *e, const Node *node, Value *out) {
    Value operand;
    TRY(je_evaluate(e, node->a, &operand));
    return jb_give(out, jv_bool(!jv_truth(operand)));
}

static bool eval_sign(Eval *e, const Node *node, Value *out) {
    Value operand;
    TRY(je_evaluate(e, node->a, &operand));
    e->at = node->at;
    return je_sign(e, node->op, operand, out);
}

static bool eval_binary(Eval *e, const Node *node, Value *out) {
    Value a, b;
    TRY(je_evaluate(e, node->a, &a) && je_evaluate(e, node->b, &b));
    e->at = node->at;
    return je_binary(e, node->op, a, b, out);
}

// "and" and "or" give one of their operands, not a boolean.
static bool eval_logic(Eval *e, const Node *node, Value *out) {
    TRY(je_evaluate(e, node->a, out));
    return jv_truth(*out) == (node->kind == NODE_OR) || je_evaluate(e, node->b, out);
}

static bool eval_concat(Eval *e, const Node *node, Value *out) {
    Text text = text_open(e->arena);
    for (size_t i = 0; i < node->items.len; i++) {
        Value item;
        TRY(je_evaluate(e, node->items.at[i], &item));
        e->at = node->at;
        TRY(jv_print(e, item, &text));
    }
    return jb_give_text(e, &text, out);
}

static bool eval_compare(Eval *e, const Node *node, Value *out) {
    Value left, right;
    TRY(je_evaluate(e, node->a, &left));
    bool holds = true;
    for (size_t i = 0; holds && i < node->items.len; i++) {
        const Node *operand = node->items.at[i];
        TRY(je_evaluate(e, operand->a, &right));
        e->at = operand->at;
        TRY(je_compare(e, operand->op, left, right, &holds));
        left = right;
    }
    return jb_give(out, jv_bool(holds));
}

static bool eval_cond(Eval *e, const Node *node, Value *out) {
    Value condition;
    TRY(je_evaluate(e, node->a, &condition));
    if (jv_truth(condition)) return je_evaluate(e, node->b, out);
    if (node->c) return je_evaluate(e, node->c, out);
    return jb_give(out, jv_undefined(WHY_MESSAGE, STR("an 'if' without 'else' did not hold")));
}

static bool (*const evaluators[NODE_KIND_COUNT])(Eval *e, const Node *node, Value *out) = {
    [NODE_CONST] = eval_const,   [NODE_NAME] = eval_name,       [NODE_TUPLE] = eval_list,     [NODE_LIST] = eval_list,
    [NODE_DICT] = eval_dict,     [NODE_SLICE] = eval_slice,     [NODE_ATTR] = eval_attribute, [NODE_ITEM] = eval_item,
    [NODE_CALL] = eval_call,     [NODE_FILTER] = eval_filter,   [NODE_TEST] = eval_test,      [NODE_NOT] = eval_not,
    [NODE_SIGN] = eval_sign,     [NODE_BINARY] = eval_binary,   [NODE_AND] = eval_logic,      [NODE_OR] = eval_logic,
    [NODE_CONCAT] = eval_concat, [NODE_COMPARE] = eval_compare, [NODE_COND] = eval_cond,
};

bool je_evaluate(Eval *e, const Node *node, Value *out) {
    e->at = node->at;
    if (!je_enter(e)) return false;
    bool ok = evaluators[node->kind](e, node, out);
    e->calls--;
    return ok;
}
