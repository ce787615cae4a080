// extremes.c: metrics of logits of any size.
#include "parity.h"

int main(void) {
    static const Case cases[] = {{.name = "extremes"}};
    return parity_main(cases, COUNT(cases));
}
