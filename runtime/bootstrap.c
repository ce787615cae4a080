// bootstrap.c: percentile and basic intervals (Davison and Hinkley 1997, section 5.2).
//
// The percentile interval is where 95 % of the draws lie. The basic one turns it around: as far as draws lie above the
// number, the number may lie above the truth.
#include <math.h>

#include "runtime/bootstrap.h"
#include "runtime/reduce.h"

static const double TAIL = 0.025;

Interval bootstrap_interval(double number, double *drawn, uint32_t count, bool basic) {
    uint32_t defined = 0;
    for (uint32_t i = 0; i < count; i++)
        if (isfinite(drawn[i])) drawn[defined++] = drawn[i];
    double lo = reduce(REDUCE_quantile, drawn, defined, TAIL), hi = reduce(REDUCE_quantile, drawn, defined, 1 - TAIL);
    if (basic) return (Interval){2 * number - hi, 2 * number - lo, count - defined};
    return (Interval){lo, hi, count - defined};
}
