// parse_stmt.c: statements: text, "{{ … }}" and the tags.
#include "runtime/jinja/ast.h"

// Parses up to a tag that has one of the names, and stops behind that name. `ends` is a list ended by NULL; NULL
// stands for the end of the template.
static bool parse_body(Parser *p, const char *const *ends, NodeList *out, const char **ended);

static bool push_done(Parser *p, NodeList *list, Node *node) {
    if (!node || !jp_done(p, node)) return false;
    list_push(p->arena, list, node);
    return true;
}

static bool expect_tag_end(Parser *p) {
    if (p->token->kind == TOKEN_TAG_END) {
        p->token++;
        return true;
    }
    return jp_refuse(p, p->token, "expected '%%}', found %s", jp_describe(p, p->token));
}

// A tag's body: "%}", statements, the name of the tag that ends it.
static bool parse_block(Parser *p, const char *const *ends, NodeList *out, const char **ended) {
    jp_skip_op(p, OP_COLON);
    return expect_tag_end(p) && parse_body(p, ends, out, ended);
}

static bool parse_until(Parser *p, const char *end, NodeList *out) {
    const char *ended;
    return parse_block(p, (const char *const[]){end, NULL}, out, &ended);
}

// The body of something that Jinja makes a function of: "break" does not reach out of it.
static bool parse_function_body(Parser *p, const char *end, NodeList *out) {
    unsigned loops = p->loops;
    p->loops = 0;
    bool ok = parse_until(p, end, out);
    p->loops = loops;
    return ok;
}

// ---- Tags. Each is called behind the tag's name and fills in the node.

static bool parse_if(Parser *p, Node *node) {
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    const char *ended = "if";
    while (strcmp(ended, "endif") != 0) {
        Node *branch = jp_node(p, NODE_BRANCH, p->token->at);
        bool otherwise = strcmp(ended, "else") == 0;
        if (!otherwise && !(branch->a = jp_tuple(p, false, NULL))) return false;
        if (!parse_block(p, otherwise ? ends + 2 : ends, &branch->body, &ended)) return false;
        if (!push_done(p, &node->items, branch)) return false;
    }
    return true;
}

static bool assigns_loop(const Node *target) {
    if (target->kind == NODE_NAME && str_is(target->name, "loop")) return true;
    for (size_t i = 0; i < target->items.len; i++)
        if (assigns_loop(target->items.at[i])) return true;
    return false;
}

static bool check_target(Parser *p, const Node *target) {
    if (!p->loops || !assigns_loop(target)) return true;
    return jp_refuse_at(p->source, target->at, p->err, "'loop' cannot be assigned to in a loop");
}

static bool parse_for_head(Parser *p, Node *node) {
    if (!(node->a = jp_target(p, false, "in"))) return false;
    if (!jp_skip_name(p, "in")) return jp_refuse(p, p->token, "expected 'in', found %s", jp_describe(p, p->token));
    if (!(node->b = jp_tuple(p, false, "recursive"))) return false;
    if (jp_skip_name(p, "if") && !(node->c = jp_expression(p, true))) return false;
    node->recursive = jp_skip_name(p, "recursive");
    return true;
}

static bool parse_for(Parser *p, Node *node) {
    static const char *const ends[] = {"endfor", "else", NULL};
    const char *ended;
    if (!parse_for_head(p, node)) return false;
    p->loops++;
    bool ok = check_target(p, node->a) && parse_block(p, ends, &node->body, &ended);
    p->loops--;
    if (!ok || strcmp(ended, "endfor") == 0) return ok;
    Node *otherwise = jp_node(p, NODE_ELSE, p->token->at);
    return parse_until(p, "endfor", &otherwise->body) && push_done(p, &node->items, otherwise);
}

static bool parse_set(Parser *p, Node *node) {
    if (!(node->a = jp_target(p, true, NULL)) || !check_target(p, node->a)) return false;
    if (jp_skip_op(p, OP_ASSIGN)) return (node->b = jp_tuple(p, true, NULL)) != NULL;
    node->kind = NODE_SETBLOCK;
    if (jp_is_op(p, OP_PIPE) && !(node->b = jp_filters(p, NULL, false))) return false;
    return parse_until(p, "endset", &node->body);
}

static bool parse_macro(Parser *p, Node *node) {
    return jp_expect_name(p, &node->name) && jp_signature(p, node) && parse_function_body(p, "endmacro", &node->body);
}

static bool parse_call_block(Parser *p, Node *node) {
    if (jp_is_op(p, OP_LPAREN) && !jp_signature(p, node)) return false;
    const Token *token = p->token;
    if (!(node->a = jp_expression(p, true))) return false;
    if (node->a->kind != NODE_CALL) return jp_refuse(p, token, "expected a call");
    return parse_function_body(p, "endcall", &node->body);
}

static bool parse_filter_block(Parser *p, Node *node) {
    return (node->a = jp_filters(p, NULL, true)) != NULL && parse_until(p, "endfilter", &node->body);
}

static bool parse_with(Parser *p, Node *node) {
    while (p->token->kind != TOKEN_TAG_END) {
        if (node->items.len && !jp_expect_op(p, OP_COMMA)) return false;
        Node *target = jp_target(p, false, NULL), *value;
        if (!target || !jp_expect_op(p, OP_ASSIGN) || !(value = jp_expression(p, true))) return false;
        list_push(p->arena, &node->items, target);
        list_push(p->arena, &node->items, value);
    }
    return parse_until(p, "endwith", &node->body);
}

static bool parse_print(Parser *p, Node *node) {
    while (p->token->kind != TOKEN_TAG_END) {
        if (node->items.len && !jp_expect_op(p, OP_COMMA)) return false;
        Node *value = jp_expression(p, true);
        if (!value) return false;
        list_push(p->arena, &node->items, value);
    }
    return true;
}

static bool parse_generation(Parser *p, Node *node) {
    return parse_function_body(p, "endgeneration", &node->body);
}

static bool parse_loop_control(Parser *p, Node *node) {
    if (p->loops) return true;
    return jp_refuse_at(p->source, node->at, p->err, "'%s' outside a loop",
                        node->kind == NODE_BREAK ? "break" : "continue");
}

static const struct {
    const char *name;
    NodeKind kind;
    bool (*parse)(Parser *p, Node *node); // NULL: a tag of Jinja that is not supported here
} tags[] = {
    {"if", NODE_IF, parse_if},
    {"for", NODE_FOR, parse_for},
    {"set", NODE_SET, parse_set},
    {"macro", NODE_MACRO, parse_macro},
    {"call", NODE_CALLBLOCK, parse_call_block},
    {"filter", NODE_FILTERED, parse_filter_block},
    {"with", NODE_WITH, parse_with},
    {"print", NODE_OUTPUT, parse_print},
    {"generation", NODE_SCOPE, parse_generation},
    {"break", NODE_BREAK, parse_loop_control},
    {"continue", NODE_CONTINUE, parse_loop_control},
    {"block", NODE_SCOPE, NULL},
    {"extends", NODE_SCOPE, NULL},
    {"include", NODE_SCOPE, NULL},
    {"import", NODE_SCOPE, NULL},
    {"from", NODE_SCOPE, NULL},
    {"autoescape", NODE_SCOPE, NULL},
};

static Node *parse_tag(Parser *p) {
    const Token *token = p->token;
    Str name;
    if (!jp_expect_name(p, &name)) return NULL;
    for (size_t i = 0; i < COUNT(tags); i++) {
        if (!str_is(name, tags[i].name)) continue;
        Node *node = jp_node(p, tags[i].kind, token->at);
        if (tags[i].parse) return tags[i].parse(p, node) && expect_tag_end(p) ? node : NULL;
        jp_refuse(p, token, "unsupported tag '%s'", tags[i].name);
        return NULL;
    }
    jp_refuse(p, token, "unknown tag '%.*s'", STR_ARG(str_part(name, 0, 100)));
    return NULL;
}

static Node *parse_output(Parser *p) {
    Node *node = jp_node(p, NODE_OUTPUT, p->token->at);
    Node *value = jp_tuple(p, true, NULL);
    if (!value) return NULL;
    list_push(p->arena, &node->items, value);
    if (p->token->kind != TOKEN_PRINT_END) {
        jp_refuse(p, p->token, "expected '}}', found %s", jp_describe(p, p->token));
        return NULL;
    }
    p->token++;
    return node;
}

static Node *parse_text(Parser *p) {
    Node *node = jp_node(p, NODE_TEXT, p->token->at);
    node->name = p->token++->text;
    return node;
}

// The name of `ends` that the tag at the current token has, or NULL.
static const char *ending(const Parser *p, const char *const *ends) {
    for (; *ends; ends++)
        if (jp_is_name(p, *ends)) return *ends;
    return NULL;
}

static bool refuse_end(Parser *p, const char *const *ends) {
    Text expected = text_open(p->arena);
    for (size_t i = 0; ends[i]; i++) text_add(&expected, "%s'%s'", i ? " or " : "", ends[i]);
    return jp_refuse(p, p->token, "the template ends, expected %s", expected.at);
}

static bool parse_body(Parser *p, const char *const *ends, NodeList *out, const char **ended) {
    if (!jp_enter(p)) return false;
    while (p->token->kind != TOKEN_END) {
        Node *node;
        if (p->token->kind == TOKEN_DATA) {
            node = parse_text(p);
        } else if (p->token++->kind == TOKEN_PRINT) {
            node = parse_output(p);
        } else if ((*ended = ending(p, ends))) {
            p->token++;
            p->nesting--;
            return true;
        } else {
            node = parse_tag(p);
        }
        if (!push_done(p, out, node)) return false;
    }
    p->nesting--;
    *ended = NULL;
    return !*ends || refuse_end(p, ends);
}

Node *jp_template(Parser *p) {
    Node *root = jp_node(p, NODE_SCOPE, 0);
    const char *ended;
    return parse_body(p, (const char *const[]){NULL}, &root->body, &ended) && jp_done(p, root) ? root : NULL;
}
