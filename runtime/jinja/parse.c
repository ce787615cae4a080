// parse.c: what all parsing functions share: looking at tokens, making nodes, and the bound on nesting.
#include <stdio.h>

#include "runtime/jinja/ast.h"

bool jp_refuse(Parser *p, const Token *at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char message[sizeof p->err->text];
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return jp_refuse_at(p->source, at->at, p->err, "%s", message);
}

const char *jp_describe(Parser *p, const Token *token) {
    static const char *const words[] = {
        [TOKEN_END] = "the end of the template",
        [TOKEN_DATA] = "text",
        [TOKEN_PRINT] = "'{{'",
        [TOKEN_PRINT_END] = "'}}'",
        [TOKEN_TAG] = "'{%'",
        [TOKEN_TAG_END] = "'%}'",
        [TOKEN_NAME] = "a name",
        [TOKEN_STRING] = "a string",
        [TOKEN_INT] = "a number",
        [TOKEN_REAL] = "a number",
        [TOKEN_OP] = "an operator",
    };
    if (token->kind == TOKEN_NAME) return str_format(p->arena, "'%.*s'", STR_ARG(str_part(token->text, 0, 100))).at;
    if (token->kind == TOKEN_OP) return str_format(p->arena, "'%s'", jp_operator[token->op]).at;
    return words[token->kind];
}

bool jp_enter(Parser *p) {
    if (++p->nesting <= MAX_NESTING) return true;
    return jp_refuse(p, p->token, "nested more than %d levels deep", MAX_NESTING);
}

Node *jp_node(Parser *p, NodeKind kind, uint32_t at) {
    Node *node = arena_new(p->arena, Node);
    node->kind = kind;
    node->at = at;
    return node;
}

static uint16_t deepest(const NodeList *list, uint16_t depth) {
    for (size_t i = 0; i < list->len; i++) depth = MAX(depth, list->at[i]->depth);
    return depth;
}

bool jp_done(Parser *p, Node *node) {
    const Node *children[] = {node->a, node->b, node->c};
    uint16_t depth = 0;
    for (size_t i = 0; i < COUNT(children); i++)
        if (children[i]) depth = MAX(depth, children[i]->depth);
    depth = deepest(&node->items, deepest(&node->named, deepest(&node->body, depth)));
    node->depth = (uint16_t)(depth + 1);
    if (node->depth <= MAX_NESTING) return true;
    return jp_refuse_at(p->source, node->at, p->err, "nested more than %d levels deep", MAX_NESTING);
}

bool jp_is_op(const Parser *p, Operator op) {
    return p->token->kind == TOKEN_OP && p->token->op == op;
}

bool jp_is_name(const Parser *p, const char *name) {
    return p->token->kind == TOKEN_NAME && str_is(p->token->text, name);
}

bool jp_skip_op(Parser *p, Operator op) {
    bool is = jp_is_op(p, op);
    p->token += is;
    return is;
}

bool jp_skip_name(Parser *p, const char *name) {
    bool is = jp_is_name(p, name);
    p->token += is;
    return is;
}

bool jp_expect_op(Parser *p, Operator op) {
    if (jp_skip_op(p, op)) return true;
    return jp_refuse(p, p->token, "expected '%s', found %s", jp_operator[op], jp_describe(p, p->token));
}

bool jp_expect_name(Parser *p, Str *name) {
    if (p->token->kind != TOKEN_NAME)
        return jp_refuse(p, p->token, "expected a name, found %s", jp_describe(p, p->token));
    *name = p->token++->text;
    return true;
}
