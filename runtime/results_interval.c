// results_interval.c: intervals of metrics as text, and what must be said of them.
#include <math.h>

#include "runtime/results.h"

bool interval_holds(const ResultMetric *metric, size_t point) {
    const ResultInterval *interval = &metric->intervals[point];
    double value = metric->values[point], rounding = 1e-12 * (fabs(interval->lo) + fabs(interval->hi));
    return !(value < interval->lo - rounding || value > interval->hi + rounding); // of an undefined one nothing is said
}

void interval_write(const ResultMetric *metric, size_t point, Text *out) {
    const ResultInterval *interval = &metric->intervals[point];
    if (isfinite(interval->lo) && isfinite(interval->hi))
        text_add(out, " [%.6g, %.6g]%s", interval->lo, interval->hi, interval_holds(metric, point) ? "" : "!");
    else
        text_str(out, STR(" [undefined]"));
}

const char *interval_verdict(const ResultMetric *metric, size_t point) {
    const ResultInterval *interval = &metric->intervals[point];
    if (!isfinite(interval->lo) || !isfinite(interval->hi)) return "undefined";
    if (interval->lo == 0 && interval->hi == 0) return "the same";
    return interval->lo > 0 ? "beaten" : interval->hi < 0 ? "better" : "not beaten";
}

void interval_json(const ResultMetric *metric, size_t point, Text *out) {
    const ResultInterval *interval = &metric->intervals[point];
    text_str(out, STR(", \"lo\": "));
    text_number(out, interval->lo);
    text_str(out, STR(", \"hi\": "));
    text_number(out, interval->hi);
    text_add(out, ", \"holds_value\": %s", interval_holds(metric, point) ? "true" : "false");
    if (interval->undefined) text_add(out, ", \"undefined_draws\": %u", interval->undefined);
}

void interval_notes(const ResultMetric *metric, Text *out) {
    size_t outside = 0, points = 0;
    uint32_t most = 0;
    for (size_t p = 0; metric->intervals && p < metric->points; p++) {
        if (!metric->done[p]) continue;
        points++;
        outside += !interval_holds(metric, p);
        most = MAX(most, metric->intervals[p].undefined);
    }
    if (outside)
        text_add(out, "%.*s: %zu of %zu intervals, marked !, do not hold the number itself: drawn prompts repeat\n",
                 STR_ARG(metric->name), outside, points);
    if (most)
        text_add(out, "%.*s: up to %u draws of a point are undefined and left out of its interval\n",
                 STR_ARG(metric->name), most);
}

// ---- Columns behind the number's own

static const char *const endings[] = {"_lo", "_hi", "_holds"};

void interval_columns_json(const ResultMetric *metric, Text *out) {
    for (size_t i = 0; metric->intervals && i < COUNT(endings); i++)
        text_add(out, ", \"%.*s%s\"", STR_ARG(metric->name), endings[i]);
}

void interval_columns_csv(const ResultMetric *metric, Text *out) {
    for (size_t i = 0; metric->intervals && i < COUNT(endings); i++)
        text_add(out, ",%.*s%s", STR_ARG(metric->name), endings[i]);
}

void interval_cells_json(const ResultMetric *metric, size_t point, Text *out) {
    if (!metric->intervals) return;
    text_str(out, STR(", "));
    text_number(out, metric->intervals[point].lo);
    text_str(out, STR(", "));
    text_number(out, metric->intervals[point].hi);
    text_str(out, str_of(!isfinite(metric->intervals[point].lo) ? ", null"
                         : interval_holds(metric, point)        ? ", true"
                                                                : ", false"));
}

void interval_cells_csv(const ResultMetric *metric, size_t point, Text *out) {
    if (!metric->intervals) return;
    const double bounds[] = {metric->intervals[point].lo, metric->intervals[point].hi};
    for (size_t i = 0; i < COUNT(bounds); i++) {
        text_char(out, ',');
        if (isfinite(bounds[i])) text_number(out, bounds[i]);
    }
    text_char(out, ',');
    if (isfinite(bounds[0])) text_str(out, str_of(interval_holds(metric, point) ? "true" : "false"));
}
