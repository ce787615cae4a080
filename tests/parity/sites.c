// sites.c: every site of four models, and their tokens, against transformers.
#include "parity.h"

int main(void) {
    static const Case cases[] = {
        {.name = "sites-toy"}, {.name = "sites-stories"}, {.name = "sites-base"}, {.name = "sites-tuned"}};
    return parity_main(cases, COUNT(cases));
}
