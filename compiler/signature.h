// signature.h: the arguments that a function of the tables takes, read from the table's own text.
//
// "values: values, p: number = 0.5, on: prompts?, columns: column..." : name, type (param.def), then nothing
// (required), "= default", "?" (may be left out) or "..." (one or more, last). A type can be words to choose from,
// "none|identity", and a default a list, "[0.1, 1]".
#pragma once

#include "compiler/ast.h"
#include "compiler/diag.h"

typedef enum {
#define MDX_PARAM(type, words) PARAM_##type,
#include "compiler/param.def"
    PARAM_TYPES
} ParamType;
extern const char *const param_words[PARAM_TYPES];

typedef struct {
    Str name;
    ParamType type;
    bool required, many;
    Str otherwise; // the default as text, or empty
    Str words;     // to choose from: "none|identity"
} Param;

enum { MOST_PARAMS = 8 };

typedef struct {
    const char *name; // of the function
    const char *text; // as in the table
    const char *what; // one line of documentation
    Param params[MOST_PARAMS];
    size_t count;
} Signature;

// Fills in the params from `text`. A text that is no signature is a bug.
Signature signature_read(const char *name, const char *text, const char *what);

// Takes the part before the first `separator` outside of brackets off the front of `rest`, without blanks around it.
Str signature_part(Str *rest, char separator);

// The param that argument i of a call is for, by its label or its place; NULL when there is none.
const Param *signature_param(const Signature *signature, const Ast *call, size_t i);

// Matches the arguments of a call to the params: out[i] is the argument of param i, NULL when it was left out.
// For a param with `many`, out[i] is the first and the rest follow it in the call. Errors (missing, unknown,
// twice, too many) go to diags; false when there were any.
bool signature_match(const Signature *signature, const Ast *call, Diags *diags, const Ast *out[MOST_PARAMS]);
