// metrics.c: tokens, metrics, reductions and arithmetic: each prompt's value and what is made of them.
#include "parity.h"

int main(void) {
    static const Case cases[] = {
        {.name = "tokens"},
        {.name = "metrics-chat"},
        {.name = "metrics-raw"},
        {.name = "metrics-raw", .options = {"batch-points", "0", "disable", "all"}},
    };
    return parity_main(cases, COUNT(cases));
}
