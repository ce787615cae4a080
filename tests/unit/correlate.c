// correlate.c: closed forms, ties, and what has no variance.
#include <math.h>

#include "check.h"
#include "runtime/correlate.h"

static double spearman(const double *a, const double *b, size_t n) {
    double ranks[2][16];
    uint32_t order[32];
    ranks_of(a, n, ranks[0], order);
    ranks_of(b, n, ranks[1], order);
    return correlate(ranks[0], ranks[1], n);
}

int main(void) {
    static const double a[] = {1, 2, 3, 4, 5, 6}, line[] = {5, 3, 1, -1, -3, -5}, curve[] = {1, 8, 27, 64, 125, 216};
    static const double same[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, ties[] = {2, 1, 2, 3, 1, 2};
    CHECK(correlate(a, line, 6) == -1 && spearman(a, line, 6) == -1);
    CHECK(correlate(a, curve, 6) < 0.95 && spearman(a, curve, 6) == 1);
    CHECK(isnan(correlate(a, same, 6)) && isnan(spearman(same, a, 6)) && isnan(correlate(a, line, 1)));
    double ranks[6];
    uint32_t order[12];
    static const double want[] = {4, 1.5, 4, 6, 1.5, 4};
    ranks_of(ties, 6, ranks, order);
    for (int i = 0; i < 6; i++) CHECK(ranks[i] == want[i]);
    return check_done();
}
