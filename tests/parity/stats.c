// stats.c: CKA, intervals, correlations, spread positions, how well maps do.
#include "parity.h"

int main(void) {
    static const Case cases[] = {
        {.name = "stats"},
        {.name = "stats", .options = {"micro-batches", "3", "disable", "all"}},
    };
    return parity_main(cases, COUNT(cases));
}
