// parse_expr.c: expressions, by recursive descent with one table of binary operators.
//
// Which expression is accepted where follows Jinja's parser, its oddities included: filters and tests bind more
// tightly than any operator, a sign less tightly than both, and powers group from the left.
#include "runtime/jinja/ast.h"

// The node itself when it is not too deep, else NULL.
static Node *done(Parser *p, Node *node) {
    return jp_done(p, node) ? node : NULL;
}

static void push(Parser *p, NodeList *list, Node *node) {
    list_push(p->arena, list, node);
}

// A node with up to two operands; NULL when one is missing.
static Node *with(Parser *p, NodeKind kind, uint32_t at, Operator op, Node *a, Node *b) {
    Node *node = jp_node(p, kind, at);
    node->op = op;
    node->a = a;
    node->b = b;
    return a && b ? done(p, node) : NULL;
}

static Node *with_one(Parser *p, NodeKind kind, uint32_t at, Operator op, Node *a) {
    Node *node = jp_node(p, kind, at);
    node->op = op;
    node->a = a;
    return a ? done(p, node) : NULL;
}

// ---- Primaries

static Node *constant(Parser *p, uint32_t at, Value value) {
    Node *node = jp_node(p, NODE_CONST, at);
    node->value = value;
    return done(p, node);
}

// Items up to a closing bracket, which is eaten; a comma may stand behind the last one.
static bool parse_items(Parser *p, Operator close, bool pairs, NodeList *out) {
    while (!jp_is_op(p, close)) {
        if (out->len && !jp_expect_op(p, OP_COMMA)) return false;
        if (jp_is_op(p, close)) break;
        for (int i = 0; i < 1 + pairs; i++) {
            if (i && !jp_expect_op(p, OP_COLON)) return false;
            Node *item = jp_expression(p, true);
            if (!item) return false;
            push(p, out, item);
        }
    }
    return jp_expect_op(p, close);
}

static Node *parse_bracketed(Parser *p, NodeKind kind, Operator close) {
    Node *node = jp_node(p, kind, p->token++->at);
    return parse_items(p, close, kind == NODE_DICT, &node->items) ? done(p, node) : NULL;
}

static Node *parse_parenthesis(Parser *p) {
    uint32_t at = p->token++->at;
    if (jp_skip_op(p, OP_RPAREN)) return done(p, jp_node(p, NODE_TUPLE, at));
    Node *node = jp_tuple(p, true, NULL);
    return node && jp_expect_op(p, OP_RPAREN) ? node : NULL;
}

static const struct {
    const char *name;
    Value value;
} constants[] = {
    {"true", {.kind = VALUE_BOOL, .boolean = true}},
    {"True", {.kind = VALUE_BOOL, .boolean = true}},
    {"false", {.kind = VALUE_BOOL, .boolean = false}},
    {"False", {.kind = VALUE_BOOL, .boolean = false}},
    {"none", {.kind = VALUE_NONE}},
    {"None", {.kind = VALUE_NONE}},
};

static Node *parse_name(Parser *p) {
    const Token *token = p->token++;
    for (size_t i = 0; i < COUNT(constants); i++)
        if (str_is(token->text, constants[i].name)) return constant(p, token->at, constants[i].value);
    Node *node = jp_node(p, NODE_NAME, token->at);
    node->name = token->text;
    return done(p, node);
}

// Strings that stand side by side are one.
static Node *parse_string(Parser *p) {
    const Token *first = p->token++;
    if (p->token->kind != TOKEN_STRING) return constant(p, first->at, jv_str(first->text));
    Text text = text_open(p->arena);
    text_str(&text, first->text);
    while (p->token->kind == TOKEN_STRING) text_str(&text, p->token++->text);
    return constant(p, first->at, jv_str(text_view(&text)));
}

static Node *parse_primary(Parser *p) {
    const Token *token = p->token;
    switch (token->kind) {
    case TOKEN_NAME: return parse_name(p);
    case TOKEN_STRING: return parse_string(p);
    case TOKEN_INT: p->token++; return constant(p, token->at, jv_int(token->integer));
    case TOKEN_REAL: p->token++; return constant(p, token->at, jv_real(token->real));
    default: break;
    }
    if (jp_is_op(p, OP_LPAREN)) return parse_parenthesis(p);
    if (jp_is_op(p, OP_LBRACKET)) return parse_bracketed(p, NODE_LIST, OP_RBRACKET);
    if (jp_is_op(p, OP_LBRACE)) return parse_bracketed(p, NODE_DICT, OP_RBRACE);
    jp_refuse(p, token, "expected an expression, found %s", jp_describe(p, token));
    return NULL;
}

// ---- What follows a primary

static bool parse_argument(Parser *p, Node *call) {
    Node **star = jp_is_op(p, OP_MUL) ? &call->b : jp_is_op(p, OP_POW) ? &call->c : NULL;
    bool keyword = p->token->kind == TOKEN_NAME && p->token[1].kind == TOKEN_OP && p->token[1].op == OP_ASSIGN;
    bool in_order = star == &call->c ? !call->c
                    : star           ? !call->b && !call->c
                    : keyword        ? !call->c
                                     : !call->b && !call->c && !call->named.len;
    if (!in_order) return jp_refuse(p, p->token, "an argument in the wrong place");
    if (star) {
        p->token++;
        return (*star = jp_expression(p, true)) != NULL;
    }
    Node *node;
    if (keyword) {
        node = jp_node(p, NODE_KEYWORD, p->token->at);
        node->name = p->token->text;
        p->token += 2;
        node->a = jp_expression(p, true);
        if (!node->a || !jp_done(p, node)) return false;
    } else if (!(node = jp_expression(p, true))) {
        return false;
    }
    push(p, keyword ? &call->named : &call->items, node);
    return true;
}

// "(…)" of a call, a filter or a test.
static bool parse_arguments(Parser *p, Node *call) {
    if (!jp_expect_op(p, OP_LPAREN)) return false;
    for (bool first = true; !jp_is_op(p, OP_RPAREN); first = false) {
        if (!first && !jp_expect_op(p, OP_COMMA)) return false;
        if (jp_is_op(p, OP_RPAREN)) break;
        if (!parse_argument(p, call)) return false;
    }
    return jp_expect_op(p, OP_RPAREN);
}

static Node *parse_call(Parser *p, Node *callee) {
    Node *node = jp_node(p, NODE_CALL, p->token->at);
    node->a = callee;
    return parse_arguments(p, node) ? done(p, node) : NULL;
}

static bool ends_slice_part(const Parser *p) {
    return jp_is_op(p, OP_COLON) || jp_is_op(p, OP_RBRACKET) || jp_is_op(p, OP_COMMA);
}

// One subscript: an expression, or start:stop:step.
static Node *parse_subscribed(Parser *p) {
    Node *slice = jp_node(p, NODE_SLICE, p->token->at);
    Node **parts[] = {&slice->a, &slice->b, &slice->c};
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (!ends_slice_part(p) || (i == 0 && !jp_is_op(p, OP_COLON)))
            if (!(*parts[i] = jp_expression(p, true))) return NULL;
        if (i == 0 && !jp_is_op(p, OP_COLON)) return slice->a;
        if (i < 2 && !jp_skip_op(p, OP_COLON)) break;
    }
    return done(p, slice);
}

static Node *parse_subscript(Parser *p, Node *object) {
    uint32_t at = p->token++->at;
    Node *key = NULL;
    NodeList keys = {0};
    for (; !jp_is_op(p, OP_RBRACKET); push(p, &keys, key)) {
        if (keys.len && !jp_expect_op(p, OP_COMMA)) return NULL;
        if (!(key = parse_subscribed(p))) return NULL;
    }
    p->token++;
    if (keys.len != 1) { // x[1, 2] asks for the key (1, 2)
        key = jp_node(p, NODE_TUPLE, at);
        key->items = keys;
        if (!jp_done(p, key)) return NULL;
    }
    return with(p, NODE_ITEM, at, OP_NONE, object, key);
}

static Node *parse_attribute(Parser *p, Node *object) {
    uint32_t at = p->token++->at;
    if (p->token->kind == TOKEN_INT) {
        Node *key = constant(p, p->token->at, jv_int(p->token->integer));
        p->token++;
        return with(p, NODE_ITEM, at, OP_NONE, object, key);
    }
    Node *node = jp_node(p, NODE_ATTR, at);
    node->a = object;
    return jp_expect_name(p, &node->name) ? done(p, node) : NULL;
}

static Node *parse_postfix(Parser *p, Node *node) {
    while (node) {
        if (jp_is_op(p, OP_DOT))
            node = parse_attribute(p, node);
        else if (jp_is_op(p, OP_LBRACKET))
            node = parse_subscript(p, node);
        else if (jp_is_op(p, OP_LPAREN))
            node = parse_call(p, node);
        else
            break;
    }
    return node;
}

// A filter's or a test's name may have dots.
static bool parse_dotted(Parser *p, Str *name) {
    if (!jp_expect_name(p, name)) return false;
    while (jp_skip_op(p, OP_DOT)) {
        Str part = {0};
        if (!jp_expect_name(p, &part)) return false;
        *name = str_format(p->arena, "%.*s.%.*s", STR_ARG(*name), STR_ARG(part));
    }
    return true;
}

Node *jp_filters(Parser *p, Node *subject, bool inline_first) {
    while (inline_first || jp_is_op(p, OP_PIPE)) {
        p->token += !inline_first;
        inline_first = false;
        Node *node = jp_node(p, NODE_FILTER, p->token->at);
        node->a = subject;
        if (!parse_dotted(p, &node->name)) return NULL;
        if (jp_is_op(p, OP_LPAREN) && !parse_arguments(p, node)) return NULL;
        if (!jp_done(p, node)) return NULL;
        subject = node;
    }
    return subject;
}

// A test may have one argument without parentheses.
static bool starts_test_argument(const Parser *p) {
    if (jp_is_name(p, "else") || jp_is_name(p, "or") || jp_is_name(p, "and")) return false;
    TokenKind kind = p->token->kind;
    return kind == TOKEN_NAME || kind == TOKEN_STRING || kind == TOKEN_INT || kind == TOKEN_REAL ||
           jp_is_op(p, OP_LBRACKET) || jp_is_op(p, OP_LBRACE);
}

static Node *parse_test(Parser *p, Node *subject) {
    uint32_t at = p->token++->at;
    bool negated = jp_skip_name(p, "not");
    Node *node = jp_node(p, NODE_TEST, p->token->at);
    node->a = subject;
    if (!parse_dotted(p, &node->name)) return NULL;
    if (jp_is_op(p, OP_LPAREN)) {
        if (!parse_arguments(p, node)) return NULL;
    } else if (starts_test_argument(p)) {
        if (jp_is_name(p, "is")) {
            jp_refuse(p, p->token, "tests cannot be chained with 'is'");
            return NULL;
        }
        Node *argument = parse_postfix(p, parse_primary(p));
        if (!argument) return NULL;
        push(p, &node->items, argument);
    }
    if (!jp_done(p, node)) return NULL;
    return negated ? with_one(p, NODE_NOT, at, OP_NONE, node) : node;
}

static Node *parse_filters_and_tests(Parser *p, Node *node) {
    while (node) {
        if (jp_is_op(p, OP_PIPE))
            node = jp_filters(p, node, false);
        else if (jp_is_name(p, "is"))
            node = parse_test(p, node);
        else if (jp_is_op(p, OP_LPAREN))
            node = parse_call(p, node);
        else
            break;
    }
    return node;
}

static Node *parse_unary(Parser *p, bool with_filters) {
    if (!jp_enter(p)) return NULL;
    const Token *token = p->token;
    Node *node;
    if (jp_is_op(p, OP_SUB) || jp_is_op(p, OP_ADD)) {
        p->token++;
        node = with_one(p, NODE_SIGN, token->at, token->op, parse_unary(p, false));
    } else {
        node = parse_primary(p);
    }
    node = parse_postfix(p, node);
    if (with_filters) node = parse_filters_and_tests(p, node);
    p->nesting--;
    return node;
}

// ---- Operators

// Levels of the binary operators that group from the left, loosest first. "~" is one node for a whole chain.
static const struct {
    NodeKind kind;
    Operator ops[5];
} levels[] = {
    {NODE_BINARY, {OP_ADD, OP_SUB}},
    {NODE_CONCAT, {OP_TILDE}},
    {NODE_BINARY, {OP_MUL, OP_DIV, OP_FLOORDIV, OP_MOD}},
    {NODE_BINARY, {OP_POW}},
};

static Operator operator_of(const Parser *p, size_t level) {
    for (size_t i = 0; levels[level].ops[i]; i++)
        if (jp_is_op(p, levels[level].ops[i])) return levels[level].ops[i];
    return OP_NONE;
}

static Node *parse_level(Parser *p, size_t level) {
    if (level == COUNT(levels)) return parse_unary(p, true);
    Node *left = parse_level(p, level + 1);
    Node *chain = NULL;
    for (Operator op; left && (op = operator_of(p, level));) {
        uint32_t at = p->token++->at;
        Node *right = parse_level(p, level + 1);
        if (levels[level].kind == NODE_BINARY) {
            left = with(p, NODE_BINARY, at, op, left, right);
        } else {
            if (!chain) push(p, &(chain = jp_node(p, NODE_CONCAT, at))->items, left);
            if (!right) return NULL;
            push(p, &chain->items, right);
        }
    }
    return left && chain ? done(p, chain) : left;
}

static Operator comparison(Parser *p) {
    static const Operator ops[] = {OP_EQ, OP_NE, OP_GE, OP_LE, OP_GT, OP_LT};
    for (size_t i = 0; i < COUNT(ops); i++)
        if (jp_skip_op(p, ops[i])) return ops[i];
    if (jp_skip_name(p, "in")) return OP_IN;
    if (!jp_is_name(p, "not") || p->token[1].kind != TOKEN_NAME || !str_is(p->token[1].text, "in")) return OP_NONE;
    p->token += 2;
    return OP_NOT_IN;
}

// a < b <= c compares each with the next, as in Python.
static Node *parse_compare(Parser *p) {
    const Token *token = p->token;
    Node *first = parse_level(p, 0);
    Node *node = NULL;
    for (Operator op; first && (token = p->token, op = comparison(p));) {
        if (!node) (node = jp_node(p, NODE_COMPARE, token->at))->a = first;
        Node *operand = with_one(p, NODE_OPERAND, token->at, op, parse_level(p, 0));
        if (!operand) return NULL;
        push(p, &node->items, operand);
    }
    return first && node ? done(p, node) : first;
}

static Node *parse_not(Parser *p) {
    if (!jp_is_name(p, "not")) return parse_compare(p);
    if (!jp_enter(p)) return NULL;
    uint32_t at = p->token++->at;
    Node *node = with_one(p, NODE_NOT, at, OP_NONE, parse_not(p));
    p->nesting--;
    return node;
}

static Node *parse_and(Parser *p) {
    Node *left = parse_not(p);
    while (left && jp_is_name(p, "and")) {
        uint32_t at = p->token++->at;
        left = with(p, NODE_AND, at, OP_NONE, left, parse_not(p));
    }
    return left;
}

static Node *parse_or(Parser *p) {
    Node *left = parse_and(p);
    while (left && jp_is_name(p, "or")) {
        uint32_t at = p->token++->at;
        left = with(p, NODE_OR, at, OP_NONE, left, parse_and(p));
    }
    return left;
}

// a if condition else b; without else it is undefined when the condition does not hold.
static Node *parse_conditional(Parser *p) {
    Node *then = parse_or(p);
    while (then && jp_is_name(p, "if")) {
        Node *node = jp_node(p, NODE_COND, p->token++->at);
        node->b = then;
        if (!(node->a = parse_or(p))) return NULL;
        if (jp_skip_name(p, "else") && !(node->c = jp_expression(p, true))) return NULL;
        then = done(p, node);
    }
    return then;
}

Node *jp_expression(Parser *p, bool conditional) {
    if (!jp_enter(p)) return NULL;
    Node *node = conditional ? parse_conditional(p) : parse_or(p);
    p->nesting--;
    return node;
}

static bool ends_tuple(const Parser *p, const char *end) {
    TokenKind kind = p->token->kind;
    return kind == TOKEN_PRINT_END || kind == TOKEN_TAG_END || jp_is_op(p, OP_RPAREN) || (end && jp_is_name(p, end));
}

// One item of a tuple: an expression, or, when it is to be assigned to, a primary.
static Node *parse_part(Parser *p, bool conditional, bool target, bool attributes) {
    if (!target) return jp_expression(p, conditional);
    if (!jp_enter(p)) return NULL;
    Node *node = parse_primary(p);
    p->nesting--;
    if (!node || !attributes || node->kind != NODE_NAME || !jp_skip_op(p, OP_DOT)) return node;
    node->kind = NODE_NSREF;
    Str attribute = {0};
    if (!jp_expect_name(p, &attribute)) return NULL;
    return (node->a = constant(p, node->at, jv_str(attribute))) ? node : NULL;
}

static Node *parse_parts(Parser *p, bool conditional, bool target, bool attributes, const char *end) {
    Node *tuple = jp_node(p, NODE_TUPLE, p->token->at);
    bool is_tuple = false;
    while (!ends_tuple(p, end)) {
        Node *part = parse_part(p, conditional, target, attributes);
        if (!part) return NULL;
        push(p, &tuple->items, part);
        if (!jp_skip_op(p, OP_COMMA)) break;
        is_tuple = true;
    }
    if (is_tuple) return done(p, tuple);
    if (tuple->items.len) return tuple->items.at[0];
    jp_refuse(p, p->token, "expected an expression, found %s", jp_describe(p, p->token));
    return NULL;
}

Node *jp_tuple(Parser *p, bool conditional, const char *end) {
    return parse_parts(p, conditional, false, false, end);
}

static bool may_be_assigned(Parser *p, const Node *node) {
    if (node->kind == NODE_NAME || node->kind == NODE_NSREF) return true;
    if (node->kind != NODE_TUPLE) return jp_refuse_at(p->source, node->at, p->err, "only names can be assigned to");
    for (size_t i = 0; i < node->items.len; i++)
        if (!may_be_assigned(p, node->items.at[i])) return false;
    return true;
}

Node *jp_target(Parser *p, bool attributes, const char *end) {
    Node *node = parse_parts(p, false, true, attributes, end);
    return node && may_be_assigned(p, node) ? node : NULL;
}

bool jp_signature(Parser *p, Node *macro) {
    if (!jp_expect_op(p, OP_LPAREN)) return false;
    while (!jp_is_op(p, OP_RPAREN)) {
        if (macro->items.len && !jp_expect_op(p, OP_COMMA)) return false;
        Node *name = jp_node(p, NODE_NAME, p->token->at);
        if (!jp_expect_name(p, &name->name) || !jp_done(p, name)) return false;
        push(p, &macro->items, name);
        if (jp_skip_op(p, OP_ASSIGN)) {
            Node *otherwise = jp_expression(p, true);
            if (!otherwise) return false;
            push(p, &macro->named, otherwise);
        } else if (macro->named.len) {
            return jp_refuse(p, p->token, "a parameter without a default behind one with a default");
        }
    }
    return jp_expect_op(p, OP_RPAREN);
}
