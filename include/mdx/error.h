// error.h: the world went wrong: a file, a device, memory, data that does not fit.
//
// Errors about the text of an experiment are not these: they are collected as
// diagnostics (compiler/diag.h). A function that can fail returns bool and takes
// `Error *err` last; on false, err holds one line in the user's words: the thing,
// its value, what was expected. The caller passes it on with TRY.
#pragma once

#include "mdx/base.h"

typedef enum {
    ERR_NONE,
    ERR_INPUT,       // a file or a value from outside is wrong
    ERR_SYSTEM,      // the machine refused: no such file, no memory, no device
    ERR_INTERRUPTED, // the user asked to stop
    ERR_NOT_FINITE,  // a result would have been NaN or infinite: what made it so is looked for
} ErrorKind;

typedef struct {
    ErrorKind kind;
    Span span;       // the text of the experiment that led here, or NO_SPAN
    char text[4096]; // one line, lower case, no full stop
} Error;

// Fills err and returns false. `format` gives the message.
bool error_set(Error *err, ErrorKind kind, const char *format, ...) PRINTF_LIKE(3, 4);
// Puts "prefix: " before the message of err; returns false. Adds context on the way up.
bool error_prefix(Error *err, const char *format, ...) PRINTF_LIKE(2, 3);
// Says where in the experiment's text the cause stands, if nothing said so before; returns false.
bool error_at(Error *err, Span span);

#define FAIL(err, kind, ...) return error_set((err), (kind), __VA_ARGS__)
#define TRY(call)                                                                                            \
    do {                                                                                                     \
        if (!(call)) return false;                                                                           \
    } while (0)
