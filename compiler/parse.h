// parse.h: text to syntax tree; includes and --set options.
#pragma once

#include "compiler/ast.h"
#include "compiler/diag.h"
#include "mdx/error.h"

// What one scanner and parser share. The grammar's actions call only the parse_* functions below.
typedef struct {
    Arena *arena;
    Diags *diags;
    uint32_t source;
    uint32_t offset;  // bytes scanned so far
    uint32_t token_end, last_end; // of the newest token, and of the one before it
    bool broken;      // statements are missing: what they defined is not known
    StmtList *out;    // where statements go
    bool cut;         // this statement had an expression that is too deep
    Ast *set_value;   // result of parsing the right side of a --set option
    int first_token;  // given to the parser before the text: which of its two languages it reads
} Parse;

void grammar_read(Parse *parse, Str text); // grammar/mdx.l

Span parse_span(const Parse *parse, uint32_t begin, uint32_t end);
Span parse_join(Span a, Span b);
Ast *parse_number(Parse *parse, Span span);
Ast *parse_string(Parse *parse, Span span);
Ast *parse_name(Parse *parse, Span span);
Ast *parse_node(Parse *parse, AstKind kind, Span span, Str text, AstList kids); // errors when nested too deeply
Ast *parse_pair(Parse *parse, AstKind kind, Ast *left, Ast *right);
void parse_statement(Parse *parse, Stmt stmt);
Str parse_text(const Parse *parse, Span span);

// Everything that was read for one spec.
typedef struct {
    Sources sources;
    StmtList statements;
    bool broken; // a syntax error: statements are missing, so nothing should be checked
} Spec;

// Reads and parses the file and all that it includes. Errors in the text go to diags, what cannot be read
// at all to err (and false).
bool spec_read(Arena *arena, const char *path, Spec *spec, Diags *diags, Error *err);
// The same for a text in memory; its includes are found from the folder of `name`.
bool spec_parse(Arena *arena, Str name, Str text, Spec *spec, Diags *diags, Error *err);
// Adds statements that stand for one of the spec, as a source of their own.
void spec_add(Arena *arena, Spec *spec, Str name, Str text, Diags *diags);
// Applies "name=value" or "name.argument=value" to the statements. Errors go to diags.
void spec_set(Arena *arena, Spec *spec, Str option, Diags *diags);
