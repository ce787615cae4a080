// patches.c: runs with writes: logits and KL against transformers, with the points of a sweep one by one and together.
#include "parity.h"

int main(void) {
    static const Case cases[] = {
        {.name = "patches-toy"},     {.name = "patches-toy", .options = {"batch-points", "0"}},
        {.name = "patches-stories"}, {.name = "patches-stories", .options = {"batch-points", "0", "disable", "all"}},
        {.name = "patches-tuned"},
    };
    return parity_main(cases, COUNT(cases));
}
