// results_choose.c: metrics that are chosen over a sweep, from the finished metrics that they choose among.
#include <math.h>

#include "runtime/results.h"

// The point of `to` at a point of a choice, where its sweep has value number `value`.
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
    double sign = metric->choice->highest ? -1 : 1, least = INFINITY;
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

void results_choose(const Results *results) {
    for (size_t i = 0; i < results->metric_count; i++)
        for (size_t p = 0; results->metrics[i].choice && p < results->metrics[i].points; p++)
            choose_at(results, &results->metrics[i], p);
}
