// ast.h: tokens and syntax tree of a template.
#pragma once

#include "runtime/jinja/value.h"

enum {
    MAX_SOURCE = 1 << 20, // bytes of a template; published ones have less than a twentieth
    MAX_NESTING = 200,    // of the syntax tree; Python gives up at about half of it
};

// clang-format off
// ---- Tokens
typedef enum {
    TOKEN_END, TOKEN_DATA,
    TOKEN_PRINT, TOKEN_PRINT_END, // {{ and }}
    TOKEN_TAG, TOKEN_TAG_END,     // {% and %}
    TOKEN_NAME, TOKEN_STRING, TOKEN_INT, TOKEN_REAL, TOKEN_OP,
} TokenKind;

// Operators, long spellings first: the first one that fits is it.
#define OPERATORS(X)                                                                                                   \
    X(FLOORDIV, "//") X(POW, "**") X(EQ, "==") X(NE, "!=") X(GE, ">=") X(LE, "<=")                                     \
    X(ADD, "+") X(SUB, "-") X(DIV, "/") X(MUL, "*") X(MOD, "%") X(TILDE, "~") X(GT, ">") X(LT, "<")                    \
    X(LBRACKET, "[") X(RBRACKET, "]") X(LPAREN, "(") X(RPAREN, ")") X(LBRACE, "{") X(RBRACE, "}")                      \
    X(ASSIGN, "=") X(DOT, ".") X(COLON, ":") X(PIPE, "|") X(COMMA, ",") X(SEMICOLON, ";")

typedef enum {
    OP_NONE,
#define OPERATOR_ENUM(op, spelling) OP_##op,
    OPERATORS(OPERATOR_ENUM)
#undef OPERATOR_ENUM
    OP_IN, OP_NOT_IN, // spelled with letters: the parser makes them
    OP_COUNT
} Operator;
// clang-format on
extern const char *const jp_operator[OP_COUNT]; // spellings

typedef struct {
    TokenKind kind;
    Operator op;
    uint32_t at; // byte offset in the source
    Str text;    // name, data, or the string that the literal means
    union {
        int64_t integer;
        double real;
    };
} Token;
typedef LIST(Token) TokenList;

typedef struct {
    Str name; // for messages
    Str text;
} Source;

// lex.c: cuts a source (valid UTF-8, line ends normalized) into tokens, the last one TOKEN_END.
bool jp_lex(Arena *arena, const Source *source, TokenList *out, Error *err);
// "name:line:column: message" in err; returns false.
bool jp_refuse_at(const Source *source, uint32_t at, Error *err, const char *format, ...) PRINTF_LIKE(4, 5);

// ---- Tree
// clang-format off
typedef enum {
    //               which members it uses:
    //               name       a          b          c          items            named     body
    NODE_CONST,   // value
    NODE_NAME,    // name
    NODE_NSREF,   // namespace  attribute (a CONST): a target, ns.x
    NODE_TUPLE,   //                                             items
    NODE_LIST,    //                                             items
    NODE_DICT,    //                                             key, value, …
    NODE_SLICE,   //            start      stop       step
    NODE_ATTR,    // attribute  object
    NODE_ITEM,    //            object     key
    NODE_CALL,    //            callee     *args      **named    arguments        KEYWORD
    NODE_FILTER,  // filter     subject    *args      **named    arguments        KEYWORD
    NODE_TEST,    // test       subject    *args      **named    arguments        KEYWORD
    NODE_KEYWORD, // name       value
    NODE_NOT,     //            operand
    NODE_SIGN,    // op         operand
    NODE_BINARY,  // op         left       right
    NODE_AND,     //            left       right
    NODE_OR,      //            left       right
    NODE_CONCAT,  //                                             operands
    NODE_COMPARE, //            first                            OPERAND
    NODE_OPERAND, // op         right
    NODE_COND,    //            condition  then       else
    // statements
    NODE_TEXT,    // text
    NODE_OUTPUT,  //                                             values
    NODE_IF,      //                                             BRANCH
    NODE_BRANCH,  //            condition                                                   body
    NODE_FOR,     //            target     iterable   filter     ELSE                       body
    NODE_ELSE,    //                                                                        body
    NODE_SET,     //            target     value
    NODE_SETBLOCK, //           target     filter                                           body
    NODE_MACRO,   // name                                        parameters       defaults  body
    NODE_CALLBLOCK, //          call                             parameters       defaults  body
    NODE_FILTERED, //           filter                                                      body
    NODE_WITH,    //                                             target, value, …           body
    NODE_SCOPE,   // template, generation                                                   body
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_KIND_COUNT
} NodeKind;
// clang-format on

typedef LIST(Node *) NodeList;

enum { USES_CALLER = 1, USES_KWARGS = 2, USES_VARARGS = 4 };

struct Node {
    NodeKind kind;
    Operator op;
    uint32_t at;
    uint16_t depth; // of the tree below
    uint8_t uses;   // macro: which of the special variables its body mentions
    bool recursive; // for
    Str name;
    Node *a, *b, *c;
    NodeList items;
    NodeList named; // macro: the defaults of its last parameters
    NodeList body;
    StrList shadowed; // scope: names that are undefined in it until they are set (scope.c)
    Value value;
};

typedef struct JinjaTemplate {
    Source source;
    Node *root; // SCOPE
} JinjaTemplate;

typedef struct Parser {
    Arena *arena;
    const Source *source;
    const Token *token; // the current one
    Error *err;
    unsigned nesting; // of the parsing functions
    unsigned loops;   // around the current statement, inside the innermost macro
} Parser;

// parse.c: what all parsing functions share.
Node *jp_node(Parser *p, NodeKind kind, uint32_t at);
bool jp_done(Parser *p, Node *node); // computes the depth; an error when it is too much
bool jp_enter(Parser *p);            // one level of recursion deeper; undo it with p->nesting--
bool jp_refuse(Parser *p, const Token *at, const char *format, ...) PRINTF_LIKE(3, 4);
const char *jp_describe(Parser *p, const Token *token);
bool jp_is_op(const Parser *p, Operator op);
bool jp_is_name(const Parser *p, const char *name);
bool jp_skip_op(Parser *p, Operator op);
bool jp_skip_name(Parser *p, const char *name);
bool jp_expect_op(Parser *p, Operator op);
bool jp_expect_name(Parser *p, Str *name);
// parse_expr.c. What returns a node returns NULL after an error.
Node *jp_expression(Parser *p, bool conditional);
// A tuple, or the expression itself when there is no comma; `end` is a name that ends it, or NULL.
Node *jp_tuple(Parser *p, bool conditional, const char *end);
Node *jp_target(Parser *p, bool attributes, const char *end);  // what may be assigned to
Node *jp_filters(Parser *p, Node *subject, bool inline_first); // "|f(x)|g" after a subject, NULL for a block
bool jp_signature(Parser *p, Node *macro);
// parse_stmt.c
Node *jp_template(Parser *p);
// scope.c
bool jp_resolve(Arena *arena, const Source *source, Node *root, Error *err);
