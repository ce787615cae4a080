// results_choose.c: metrics that are found in the finished numbers of others: chosen over a sweep, averaged over one,
// their noise floor.
#include <math.h>

#include "runtime/bootstrap.h"
#include "runtime/reduce.h"
#include "runtime/results.h"

// The point of `to` at a point of a metric that is found in others, where its sweep has value number `value`.
static size_t point_at(const Results *results, const ResultMetric *metric, size_t point, size_t value, uint64_t to) {
    size_t out = 0;
    for (size_t a = 0; a < results->axis_count; a++) {
        if (!(to >> a & 1)) continue;
        size_t at = a == metric->choice->axis ? value : results_value(results, metric->axes, point, a);
        out = out * results->axes[a].count + at;
    }
    return out;
}

// The first of the best values; `count` when there is none. False when not all of them are there yet.
static bool find_best(const Results *results, const ResultMetric *metric, size_t point, size_t *best) {
    const ResultMetric *of = &results->metrics[metric->choice->of];
    size_t count = results->axes[metric->choice->axis].count;
    double sign = metric->choice->found == FOUND_highest ? -1 : 1, least = INFINITY;
    *best = count;
    for (size_t v = 0; v < count; v++) {
        size_t at = point_at(results, metric, point, v, of->axes);
        if (!of->done[at]) return false;
        if (isnan(of->values[at]) || (*best < count && sign * of->values[at] >= least)) continue;
        least = sign * of->values[at];
        *best = v;
    }
    return true;
}

static bool give_metric(const Results *results, ResultMetric *metric, size_t point, size_t best) {
    const ResultMetric *from = &results->metrics[metric->choice->give];
    size_t at = point_at(results, metric, point, best, from->axes);
    metric->values[point] = from->values[at];
    if (metric->intervals) metric->intervals[point] = from->intervals[at];
    return from->done[at];
}

static void choose_at(const Results *results, ResultMetric *metric, size_t point) {
    const ResultAxis *axis = &results->axes[metric->choice->axis];
    size_t best;
    metric->values[point] = NAN;
    metric->done[point] = find_best(results, metric, point, &best);
    metric->choice->chosen[point] = best;
    if (!metric->done[point]) return;
    if (metric->intervals) metric->intervals[point] = (ResultInterval){NAN, NAN, 0};
    if (best == axis->count) return;
    if (metric->choice->gives_axis)
        metric->values[point] = axis->numbers[best];
    else
        metric->done[point] = give_metric(results, metric, point, best);
}

// The mean over the sweep's values, and where 95 % of them lie; what is undefined is left out.
static void mean_at(const Results *results, ResultMetric *metric, size_t point, double *values) {
    const ResultMetric *of = &results->metrics[metric->choice->of];
    size_t count = results->axes[metric->choice->axis].count, defined = 0;
    metric->done[point] = true;
    for (size_t v = 0; v < count; v++) {
        size_t at = point_at(results, metric, point, v, of->axes);
        metric->done[point] &= of->done[at];
        if (isfinite(of->values[at])) values[defined++] = of->values[at];
    }
    metric->values[point] = reduce(REDUCE_mean, values, defined, 0);
    Interval lie = bootstrap_interval(metric->values[point], values, (uint32_t)defined, false);
    metric->intervals[point] = (ResultInterval){lie.lo, lie.hi, (uint32_t)(count - defined)};
}

// One number of all points.
static void noise_at(const Results *results, ResultMetric *metric, size_t point) {
    const ResultMetric *of = &results->metrics[metric->choice->of];
    bool known = results_noise(results, of, &metric->values[point]);
    metric->done[point] = known || of->done[of->points - 1];
    if (!known) metric->values[point] = NAN;
}

static void find_at(const Results *results, ResultMetric *metric, size_t point, double *values) {
    switch (metric->choice->found) {
    case FOUND_lowest:
    case FOUND_highest: choose_at(results, metric, point); break;
    case FOUND_mean: mean_at(results, metric, point, values); break;
    case FOUND_noise: noise_at(results, metric, point); break;
    }
}

// After those that it is found in, which may be found in others themselves.
static void find_metric(const Results *results, size_t index, bool *found, double *values) {
    ResultMetric *metric = &results->metrics[index];
    if (!metric->choice || found[index]) return;
    found[index] = true;
    find_metric(results, metric->choice->of, found, values);
    find_metric(results, metric->choice->give, found, values);
    for (size_t p = 0; p < metric->points; p++) find_at(results, metric, p, values);
}

void results_choose(const Results *results, Arena *scratch) {
    size_t most = 0;
    for (size_t a = 0; a < results->axis_count; a++) most = MAX(most, results->axes[a].count);
    double *values = arena_many(scratch, double, most + 1);
    bool *found = arena_many(scratch, bool, results->metric_count + 1);
    for (size_t i = 0; i < results->metric_count; i++) find_metric(results, i, found, values);
}
