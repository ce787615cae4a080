// reduce.c: the reductions: one function a row of reduction.def.
#include <math.h>
#include <stdlib.h>

#include "runtime/reduce.h"

static double reduce_sum(double *x, size_t n, double p) {
    (void)p;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

static double reduce_mean(double *x, size_t n, double p) {
    return reduce_sum(x, n, p) / (double)n;
}

// Two passes: the mean first, so that nothing cancels.
static double reduce_std(double *x, size_t n, double p) {
    if (n < 2) return NAN;
    double mean = reduce_mean(x, n, p), sum = 0;
    for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Linear between order statistics: position p (n - 1), as numpy's default.
static double reduce_quantile(double *x, size_t n, double p) {
    qsort(x, n, sizeof *x, by_value);
    double at = p * (double)(n - 1);
    size_t below = (size_t)at;
    if (below + 1 >= n) return x[n - 1];
    return x[below] + (at - (double)below) * (x[below + 1] - x[below]);
}

static double reduce_median(double *x, size_t n, double p) {
    (void)p;
    return reduce_quantile(x, n, 0.5);
}

static double reduce_min(double *x, size_t n, double p) {
    (void)p;
    double best = x[0];
    for (size_t i = 1; i < n; i++) best = x[i] < best ? x[i] : best;
    return best;
}

static double reduce_max(double *x, size_t n, double p) {
    (void)p;
    double best = x[0];
    for (size_t i = 1; i < n; i++) best = x[i] > best ? x[i] : best;
    return best;
}

static double reduce_count(double *x, size_t n, double p) {
    (void)x, (void)p;
    return (double)n;
}

static double (*const reductions[REDUCE_COUNT])(double *, size_t, double) = {
#define MDX_REDUCTION(name, arguments, what) [REDUCE_##name] = reduce_##name,
#include "mdx/reduction.def"
};

_Static_assert(COUNT(reductions) == REDUCE_COUNT, "");

double reduce(Reduction reduction, double *values, size_t n, double p) {
    if (!n) return NAN;
    for (size_t i = 0; i < n && reduction != REDUCE_count; i++)
        if (isnan(values[i])) return NAN;
    return reductions[reduction](values, n, p);
}
