// diag.h: errors and warnings about the user's text: collected, then rendered with carets.
//
// A diagnostic points into a Source by byte offsets; lines and columns are computed when it is printed.
// One place has one error: the same mistake seen again (at another point of a sweep, in another model) is not kept.
#pragma once

#include "mdx/base.h"

// One text that was read: the spec, an included file, or a --set option.
typedef struct {
    Str name; // as the user would name it: a path, or "--set"
    Str text;
    bool made; // by mdx, from a line of the spec
} Source;
typedef LIST(Source) Sources;

typedef enum { DIAG_error, DIAG_warning } Severity;

typedef struct {
    Severity severity;
    Span span;      // underlined with ^~~~
    Span also;      // a second place: underlined with ~~~~ when on the same line, else quoted below; or NO_SPAN
    Str message;
    Str also_message; // what the second place is, "first defined here"
    Str help;         // empty when there is not one thing to do
} Diag;

typedef struct {
    Arena *arena;
    const Sources *sources;
    LIST(Diag) list;
    size_t errors, warnings;
    size_t dropped; // beyond the most that are kept
} Diags;

Diags diags_open(Arena *arena, const Sources *sources);

// Each returns the diagnostic, to add help to; NULL when it repeats one that is already there.
Diag *diag_error(Diags *diags, Span span, const char *format, ...) PRINTF_LIKE(3, 4);
Diag *diag_warning(Diags *diags, Span span, const char *format, ...) PRINTF_LIKE(3, 4);
// These accept the NULL of a repeated diagnostic.
void diag_help(Diags *diags, Diag *diag, const char *format, ...) PRINTF_LIKE(3, 4);
void diag_also(Diags *diags, Diag *diag, Span also, const char *format, ...) PRINTF_LIKE(4, 5);

// Help for a name that is not known: the nearest of `names`, or all of them when there are at most `list_up_to`.
void diag_suggest(Diags *diags, Diag *diag, Str name, const StrList *names, size_t list_up_to);

// Diagnostics in the order of the text, as text for people, or as one JSON object a line for editors; of what mdx made from
// lines of the spec only when nothing is wrong with the spec itself.
void diags_render(const Diags *diags, Text *out);
void diags_render_json(const Diags *diags, Text *out);
// "file:line" of a span, for printouts of later stages.
void span_render(const Sources *sources, Span span, Text *out);
// The quoted line with its carets, as in a diagnostic.
void span_quote(const Sources *sources, Span span, Span also, Text *out);
