// scope.c: which variable a name means, before the template runs.
//
// Jinja decides for each scope (template, loop body, macro …) once which names are its own. A name that a scope
// sets, and that neither it nor a scope around it reads or sets earlier in the text, is the scope's own from the
// beginning: until it is set it is undefined, even if a variable of that name was passed in. A set inside "if"
// does not count. These names are the `shadowed` ones; with them, looking a name up from the inside out when the
// template runs finds what Jinja finds.
//
// The same walk refuses filters and tests that do not exist. Like Jinja it leaves those inside "if" alone: such a
// template may run as long as it does not get there.
#include "runtime/jinja/builtin.h"

typedef struct Frame {
    struct Frame *parent;
    Node *scope; // where its shadowed names and uses go
    StrMap names;
} Frame;

typedef struct {
    Arena *arena;
    const Source *source;
    Error *err;
    Frame *frame;
    bool soft; // inside "if" or a conditional expression of this scope
} Resolver;

static bool known(const Frame *frame, Str name) {
    uint32_t ignored;
    for (; frame; frame = frame->parent)
        if (strmap_get(&frame->names, name, &ignored)) return true;
    return false;
}

static void note_use(Frame *frame, Str name) {
    uint8_t use = str_is(name, "caller")    ? USES_CALLER
                  : str_is(name, "kwargs")  ? USES_KWARGS
                  : str_is(name, "varargs") ? USES_VARARGS
                                            : 0;
    for (; use && frame; frame = frame->parent) frame->scope->uses |= use;
}

static void load(Resolver *r, Str name) {
    note_use(r->frame, name);
    if (!known(r->frame, name)) strmap_put(&r->frame->names, name, 0);
}

static void store(Resolver *r, Str name) {
    uint32_t ignored;
    if (strmap_get(&r->frame->names, name, &ignored)) return;
    if (!r->soft && !known(r->frame, name)) list_push(r->arena, &r->frame->scope->shadowed, name);
    strmap_put(&r->frame->names, name, 0);
}

static void store_target(Resolver *r, const Node *target) {
    if (target->kind == NODE_NAME) store(r, target->name);
    if (target->kind == NODE_NSREF) load(r, target->name);
    for (size_t i = 0; i < target->items.len; i++) store_target(r, target->items.at[i]);
}

// A variable that the scope is given: never shadowed.
static void declare_target(Resolver *r, const Node *target) {
    if (target->kind == NODE_NAME) strmap_put(&r->frame->names, target->name, 0);
    for (size_t i = 0; i < target->items.len; i++) declare_target(r, target->items.at[i]);
}

static bool check_builtin(Resolver *r, const Node *node) {
    bool filter = node->kind == NODE_FILTER;
    const Builtin *builtin = filter ? jb_filter(node->name) : jb_test(node->name);
    if (r->soft || (builtin && builtin->run)) return true;
    return jp_refuse_at(r->source, node->at, r->err, "%s %s '%.*s'", builtin ? "unsupported" : "unknown",
                        filter ? "filter" : "test", STR_ARG(str_part(node->name, 0, 100)));
}

// Reads every name of an expression.
static bool load_expression(Resolver *r, const Node *node) {
    if (!node) return true;
    bool soft = r->soft;
    if (node->kind == NODE_NAME) load(r, node->name);
    if (node->kind == NODE_FILTER || node->kind == NODE_TEST) TRY(check_builtin(r, node));
    r->soft |= node->kind == NODE_COND;
    const Node *operands[] = {node->a, node->b, node->c};
    for (size_t i = 0; i < COUNT(operands); i++) TRY(load_expression(r, operands[i]));
    for (size_t i = 0; i < node->items.len; i++) TRY(load_expression(r, node->items.at[i]));
    for (size_t i = 0; i < node->named.len; i++) TRY(load_expression(r, node->named.at[i]));
    r->soft = soft;
    return true;
}

// ---- First all names of a scope, in the order of the text, without the scopes inside it …

static bool collect(Resolver *r, const NodeList *body);

static bool collect_branches(Resolver *r, const Node *node) {
    bool soft = r->soft, ok = true;
    r->soft = true;
    for (size_t i = 0; ok && i < node->items.len; i++)
        ok = load_expression(r, node->items.at[i]->a) && collect(r, &node->items.at[i]->body);
    r->soft = soft;
    return ok;
}

static bool collect_statement(Resolver *r, const Node *node) {
    switch (node->kind) {
    case NODE_IF: return collect_branches(r, node);
    case NODE_FOR: return load_expression(r, node->b);
    case NODE_MACRO: store(r, node->name); return true;
    case NODE_CALLBLOCK:
    case NODE_FILTERED: return load_expression(r, node->a);
    case NODE_OUTPUT: return load_expression(r, node);
    case NODE_WITH:
        for (size_t i = 1; i < node->items.len; i += 2) TRY(load_expression(r, node->items.at[i]));
        return true;
    case NODE_SET:
        TRY(load_expression(r, node->b));
        store_target(r, node->a);
        return true;
    case NODE_SETBLOCK: store_target(r, node->a); return true;
    default: return true;
    }
}

static bool collect(Resolver *r, const NodeList *body) {
    for (size_t i = 0; i < body->len; i++) TRY(collect_statement(r, body->at[i]));
    return true;
}

// ---- … then the scopes inside it.

static bool descend(Resolver *r, const NodeList *body);

// A scope: `targets` are given to it, the expressions are evaluated in it before the body.
static bool scope(Resolver *r, Node *node, const NodeList *targets, const NodeList *expressions) {
    Frame frame = {.parent = r->frame, .scope = node, .names = strmap_open(r->arena, 0)};
    Resolver inner = *r;
    inner.frame = &frame;
    inner.soft = false;
    for (size_t i = 0; i < targets->len; i++) declare_target(&inner, targets->at[i]);
    for (size_t i = 0; i < expressions->len; i++) TRY(load_expression(&inner, expressions->at[i]));
    return collect(&inner, &node->body) && descend(&inner, &node->body);
}

static bool for_scopes(Resolver *r, Node *node) {
    NodeList target = {&node->a, 1, 1}, filter = {&node->c, node->c ? 1 : 0, 1}, none = {0};
    Node filter_only = {.kind = NODE_SCOPE};
    Node loop = {.kind = NODE_NAME, .name = STR("loop")}, *given[] = {&loop, node->a};
    TRY(scope(r, &filter_only, &target, &filter));
    TRY(scope(r, node, &(NodeList){given, COUNT(given), COUNT(given)}, &none));
    return !node->items.len || scope(r, node->items.at[0], &none, &none);
}

static bool with_scope(Resolver *r, Node *node) {
    NodeList targets = {0}, none = {0};
    for (size_t i = 0; i < node->items.len; i += 2) list_push(r->arena, &targets, node->items.at[i]);
    return scope(r, node, &targets, &none);
}

static bool descend_branches(Resolver *r, const Node *node) {
    for (size_t i = 0; i < node->items.len; i++) TRY(descend(r, &node->items.at[i]->body));
    return true;
}

static bool descend_statement(Resolver *r, Node *node) {
    NodeList none = {0}, filter = {0};
    switch (node->kind) {
    case NODE_IF: return descend_branches(r, node);
    case NODE_FOR: return for_scopes(r, node);
    case NODE_MACRO:
    case NODE_CALLBLOCK: return scope(r, node, &node->items, &node->named);
    case NODE_FILTERED: filter = (NodeList){&node->a, 1, 1}; return scope(r, node, &none, &filter);
    case NODE_SETBLOCK: filter = (NodeList){&node->b, node->b ? 1 : 0, 1}; return scope(r, node, &none, &filter);
    case NODE_WITH: return with_scope(r, node);
    case NODE_SCOPE: return scope(r, node, &none, &none);
    default: return true;
    }
}

static bool descend(Resolver *r, const NodeList *body) {
    for (size_t i = 0; i < body->len; i++) TRY(descend_statement(r, body->at[i]));
    return true;
}

bool jp_resolve(Arena *arena, const Source *source, Node *root, Error *err) {
    Resolver r = {.arena = arena, .source = source, .err = err};
    NodeList none = {0};
    return scope(&r, root, &none, &none);
}
