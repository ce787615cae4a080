// ast.c: building and printing the syntax tree.
#include "compiler/ast.h"

const StmtInfo stmt_info[STMT_KINDS] = {
#define MDX_STATEMENT(kind, defines, noun) [STMT_##kind] = {#kind, defines, noun},
#include "compiler/statement.def"
};

static const char *const ast_kind_name[AST_KINDS] = {
#define MDX_AST(kind) [AST_##kind] = #kind,
#include "compiler/ast.def"
};

Ast *ast_leaf(Arena *arena, AstKind kind, Span span, Str text) {
    Ast *ast = arena_new(arena, Ast);
    *ast = (Ast){.kind = kind, .depth = 1, .span = span, .text = text, .label_span = NO_SPAN};
    return ast;
}

Ast *ast_node(Arena *arena, AstKind kind, Span span, Str text, AstList kids) {
    Ast *ast = ast_leaf(arena, kind, span, text);
    ast->kids = kids;
    for (size_t i = 0; i < kids.len; i++) ast->depth = MAX(ast->depth, kids.at[i]->depth + 1);
    return ast;
}

Ast *ast_pair(Arena *arena, AstKind kind, Span span, Ast *left, Ast *right) {
    AstList kids = {0};
    list_push(arena, &kids, left);
    list_push(arena, &kids, right);
    return ast_node(arena, kind, span, STR(""), kids);
}

// ---- Printing

static void print_node(const Ast *ast, size_t level, const char *role, Text *out) {
    text_repeat(out, ' ', 2 * level);
    if (*role) text_add(out, "%s: ", role);
    if (ast->label.len) text_add(out, "%.*s: ", STR_ARG(ast->label));
    text_str(out, str_of(ast_kind_name[ast->kind]));
    if (ast->kind == AST_string) {
        text_char(out, ' ');
        text_json(out, ast->text);
    } else if (ast->text.len) {
        text_add(out, " %.*s", STR_ARG(ast->text));
    }
    text_add(out, "  [%u..%u]\n", ast->span.begin, ast->span.end);
    for (size_t i = 0; i < ast->kids.len; i++) print_node(ast->kids.at[i], level + 1, "", out);
}

static void print_statement(const Stmt *stmt, Text *out) {
    text_str(out, str_of(stmt_info[stmt->kind].name));
    if (stmt->name.len) text_add(out, " %.*s", STR_ARG(stmt->name));
    text_add(out, "  [%u..%u]\n", stmt->span.begin, stmt->span.end);
    const struct {
        const char *role;
        const Ast *ast;
    } parts[] = {
        {"place", stmt->target}, {"", stmt->value},    {"from", stmt->from}, {"to", stmt->to},
        {"on", stmt->on},        {"in", stmt->inside}, {"per", stmt->per},
    };
    for (size_t i = 0; i < COUNT(parts); i++)
        if (parts[i].ast) print_node(parts[i].ast, 1, parts[i].role, out);
    for (size_t i = 0; i < stmt->with.len; i++) print_node(stmt->with.at[i], 1, "with", out);
}

void ast_print(const StmtList *statements, Text *out) {
    for (size_t i = 0; i < statements->len; i++) print_statement(&statements->at[i], out);
}

static void write_items(const AstList *kids, size_t first, Text *out) {
    for (size_t i = first; i < kids->len; i++) {
        if (i > first) text_str(out, STR(", "));
        if (kids->at[i]->label.len) text_add(out, "%.*s: ", STR_ARG(kids->at[i]->label));
        ast_write(kids->at[i], out);
    }
}

// Parentheses where the tree would otherwise read differently: a sum under a product or behind a minus.
static void write_operand(const Ast *ast, bool tight, Text *out) {
    bool sum = ast->kind == AST_add || ast->kind == AST_sub;
    bool product = ast->kind == AST_mul || ast->kind == AST_div;
    bool wrap = tight && (sum || product);
    if (wrap) text_char(out, '(');
    ast_write(ast, out);
    if (wrap) text_char(out, ')');
}

static void write_binary(const Ast *ast, const char *sign, Text *out) {
    const Ast *left = ast->kids.at[0], *right = ast->kids.at[1];
    bool product = ast->kind == AST_mul || ast->kind == AST_div;
    bool left_sum = left->kind == AST_add || left->kind == AST_sub;
    write_operand(left, product && left_sum, out);
    text_add(out, " %s ", sign);
    bool right_sum = right->kind == AST_add || right->kind == AST_sub;
    write_operand(right, right_sum || product, out);
}

void ast_write(const Ast *ast, Text *out) {
    const AstList *kids = &ast->kids;
    switch (ast->kind) {
    case AST_name:
    case AST_number: text_str(out, ast->text); break;
    case AST_string: text_json(out, ast->text); break;
    case AST_list:
        text_char(out, '[');
        write_items(kids, 0, out);
        text_char(out, ']');
        break;
    case AST_range:
        ast_write(kids->at[0], out);
        text_str(out, STR(".."));
        ast_write(kids->at[1], out);
        if (kids->len > 2) {
            text_str(out, STR(" step "));
            ast_write(kids->at[2], out);
        }
        break;
    case AST_call:
        text_str(out, ast->text);
        text_char(out, '(');
        write_items(kids, 0, out);
        text_char(out, ')');
        break;
    case AST_member:
        ast_write(kids->at[0], out);
        text_add(out, ".%.*s", STR_ARG(ast->text));
        break;
    case AST_index:
        ast_write(kids->at[0], out);
        text_char(out, '[');
        write_items(kids, 1, out);
        text_char(out, ']');
        break;
    case AST_at:
        ast_write(kids->at[0], out);
        text_str(out, STR(" @ "));
        ast_write(kids->at[1], out);
        break;
    case AST_negate:
        text_char(out, '-');
        write_operand(kids->at[0], true, out);
        break;
    case AST_add: write_binary(ast, "+", out); break;
    case AST_sub: write_binary(ast, "-", out); break;
    case AST_mul: write_binary(ast, "*", out); break;
    case AST_div: write_binary(ast, "/", out); break;
    case AST_KINDS: BUG("no such kind of expression");
    }
}
