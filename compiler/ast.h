// ast.h: the syntax tree: what the text says, without what it means.
#pragma once

#include "mdx/base.h"

typedef enum {
#define MDX_AST(kind) AST_##kind,
#include "compiler/ast.def"
    AST_KINDS
} AstKind;

typedef struct Ast Ast;
typedef LIST(Ast *) AstList;

// One expression. Open to read; built only by the functions below.
struct Ast {
    AstKind kind;
    uint32_t depth; // 1 for a leaf; bounded, so that every later stage may recurse
    Span span;
    Str text;
    double number;
    AstList kids;
    Str label;       // when it stands as a named argument: `label: expression`
    Span label_span; // or NO_SPAN
};

typedef enum {
#define MDX_STATEMENT(kind, defines, text) STMT_##kind,
#include "compiler/statement.def"
    STMT_KINDS
} StmtKind;

typedef struct {
    const char *name; // the word that begins it
    bool defines;
    const char *noun;
} StmtInfo;
extern const StmtInfo stmt_info[STMT_KINDS];

// One statement. Members that a kind does not have are NULL.
typedef struct {
    StmtKind kind;
    Span span;
    Str name;
    Span name_span;
    Ast *target;         // patch: the place that is written
    Ast *value;          // the right side; report and include: what follows the word
    Ast *from, *to, *on; // mapper, run
    Ast *inside, *per;   // mapper: what stands behind `in`, `per`
    AstList with;        // run: the patches
} Stmt;
typedef LIST(Stmt) StmtList;

enum { AST_MAX_DEPTH = 500 };

Ast *ast_leaf(Arena *arena, AstKind kind, Span span, Str text);
// A node over `kids`; its span is `span`.
Ast *ast_node(Arena *arena, AstKind kind, Span span, Str text, AstList kids);
Ast *ast_pair(Arena *arena, AstKind kind, Span span, Ast *left, Ast *right);

// The printed tree: one node a line, two spaces a level.
void ast_print(const StmtList *statements, Text *out);
// An expression as a user would write it, on one line.
void ast_write(const Ast *ast, Text *out);
