// noise.c: effects that are hardly above the noise floor of their metric are said to be so.
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "runtime/results.h"

static double values[] = {0.5, 0.009, -0.002, NAN};
static bool done[] = {true, true, true, false};
static const Str points[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}};

static Str printed(double with, bool known, Arena *arena) {
    ResultAxis axis = {STR("site"), 4, points, NULL};
    ResultMetric metric = {STR("m"), STR("mean(kl(p, c))"), 1, 4, values, done, NULL, NULL};
    ResultTerm term = {.metric = STR("m"), .text = STR("kl(p, c)")};
    ResultProbe probe = {.term = 0, .value = {0.25, with}, .done = {true, known}};
    ResultColumn columns[] = {{true, 0, RESULT_value}, {false, 0, RESULT_value}};
    ResultTable table = {1, 4, 2, columns};
    Results results = {.experiment = STR("e"), .axes = &axis, .axis_count = 1, .metrics = &metric, .metric_count = 1, .terms = &term,
                       .term_count = 1, .probes = &probe, .probe_count = 1, .tables = &table, .table_count = 1};
    double floor;
    CHECK(results_noise(&results, &metric, &floor) == known && (!known || fabs(floor - fabs(with - 0.25)) < 1e-15));
    Text out = text_open(arena);
    results_print(&results, &out);
    return text_view(&out);
}

static bool has(Str text, const char *part) {
    return strstr(text.at, part) != NULL;
}

int main(void) {
    Arena *arena = arena_open();
    CHECK(has(printed(0.251, true, arena), "m: 2 of 4 values are below 10 x the noise floor, which is 0.001\n"));
    CHECK(has(printed(0.2505, true, arena), "m: 1 of 4 values are"));
    CHECK(!has(printed(0.25, true, arena), "noise"));
    CHECK(!has(printed(0.3, false, arena), "noise"));
    arena_close(arena);
    return check_done();
}
