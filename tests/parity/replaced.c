// replaced.c: patches whose value does not hang on what it replaces, in runs that share nothing with a clean one: the
// rows that are replaced are not computed at all.
#include "parity.h"

int main(void) {
    static const Case cases[] = {{.name = "replaced", .options = {"disable", "prune"}}, {.name = "replaced"}};
    return parity_main(cases, COUNT(cases));
}
