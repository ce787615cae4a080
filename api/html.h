// html.h: a page for a reader, in one file that asks no network for anything.
//
// Pages are well-formed XML too (without entities of HTML), so that a strict parser can check them.
#pragma once

#include "mdx/base.h"

void html_open(Text *out, Str title);
void html_close(Text *out);
// Text of a user: nothing in it is markup, in an element as in an attribute with double quotes.
void html_text(Text *out, Str s);
// <TAG CLASS>text</TAG>; `class` may be NULL.
void html_element(Text *out, const char *tag, const char *class, Str text);

// A table in a box of its own, which scrolls when it is wide.
typedef struct {
    const char *name;
    bool number; // right-aligned
} HtmlColumn;
void html_table_open(Text *out, const HtmlColumn *columns, size_t count);
void html_cell(Text *out, bool number, Str text);
void html_count(Text *out, uint64_t number);      // a cell
void html_hash(Text *out, const char *hex);       // a cell: the beginning, whole when pointed at
void html_table_close(Text *out);
// A picture inside the page; `type` is "svg+xml", `what` is for who cannot see it.
void html_image(Text *out, const char *type, Str bytes, Str what);
// Lines with their numbers, which a copy of the text does not have.
void html_code(Text *out, Str text);
