// error.c: filling in what went wrong.
#include <stdio.h>

#include "mdx/error.h"

bool error_set(Error *err, ErrorKind kind, const char *format, ...) {
    err->kind = kind;
    err->span = NO_SPAN;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return false;
}

bool error_prefix(Error *err, const char *format, ...) {
    char prefix[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    size_t add = strlen(prefix) + 2, have = strlen(err->text);
    if (add + have + 1 > sizeof err->text) have = sizeof err->text - add - 1;
    memmove(err->text + add, err->text, have);
    err->text[add + have] = '\0';
    memcpy(err->text, prefix, add - 2);
    memcpy(err->text + add - 2, ": ", 2);
    return false;
}

bool error_at(Error *err, Span span) {
    if (!span_known(err->span)) err->span = span;
    return false;
}
