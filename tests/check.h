// check.h: the whole test framework: CHECK counts, check_done reports.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "mdx/base.h"

static int check_failures;

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            check_failures++;                                                                                \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                          \
        }                                                                                                    \
    } while (0)

// Two texts must be equal; both are shown when they are not.
#define CHECK_STR(got, want)                                                                                 \
    do {                                                                                                     \
        Str check_got = (got), check_want = (want);                                                          \
        if (!str_eq(check_got, check_want)) {                                                                \
            check_failures++;                                                                                \
            fprintf(stderr, "%s:%d: %s\n  got  '%.*s'\n  want '%.*s'\n", __FILE__, __LINE__, #got,            \
                    STR_ARG(check_got), STR_ARG(check_want));                                                \
        }                                                                                                    \
    } while (0)

// Under tools that make kernels a hundred times slower nothing is timed, large cases are left out, and little is repeated.
static inline bool test_small(void) {
    return getenv("MDX_TEST_SMALL") != NULL;
}

static inline int check_done(void) {
    if (check_failures) fprintf(stderr, "%d checks failed\n", check_failures);
    return check_failures ? 1 : 0;
}
