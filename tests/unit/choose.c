// choose.c: what is found in finished numbers: ties, undefined values, what is not there yet, metrics with fewer
// sweeps, and what is found in what was found.
#include <math.h>

#include "check.h"
#include "runtime/results.h"

static const Str texts[] = {{"0", 1}, {"1", 1}, {"2", 1}};
static const double alphas[] = {0.25, 0.5, 0.75};
enum { ALPHA = 1, LAYER = 2 }; // sets of axes; a point is alpha * 2 + layer

static double x[] = {3, 5, 1, NAN, 1, NAN}, other[] = {10, 20, 30}, out[2];
static bool done[] = {true, true, true, true, true, true}, out_done[2];
static size_t chosen[2];
static ResultInterval bounds[] = {{1, 2, 0}, {3, 4, 1}, {5, 6, 2}}, out_bounds[2];
static ResultChoice choice = {.axis = 0, .of = 0, .give = 0, .chosen = chosen};

static void choose(uint64_t axes, size_t points, bool intervals) {
    ResultAxis sweeps[] = {{STR("alpha"), 3, texts, alphas}, {STR("layer"), 2, texts, alphas}};
    ResultMetric metrics[] = {
        {.name = STR("x"), .axes = ALPHA | LAYER, .points = 6, .values = x, .done = done},
        {.name = STR("other"), .axes = ALPHA, .points = 3, .values = other, .done = done, .intervals = bounds},
        {.name = STR("best"),
         .axes = axes,
         .points = points,
         .values = out,
         .done = out_done,
         .choice = &choice,
         .intervals = intervals ? out_bounds : NULL},
    };
    Results results = {.axes = sweeps, .axis_count = 2, .metrics = metrics, .metric_count = 3};
    Arena *scratch = arena_open();
    results_choose(&results, scratch);
    arena_close(scratch);
}

// Over alpha the mean, then over layer the highest of these: the later metric is found first.
static void find_in_found(void) {
    double numbers[] = {3, 5, 1, NAN, 2, 7}, means[2], best[1];
    bool there[] = {true, true, true, true, true, true}, means_done[2] = {0}, best_done[1] = {0};
    ResultInterval lie[2];
    size_t which[1];
    ResultChoice mean = {.found = FOUND_mean, .axis = 0, .of = 2, .give = 2},
                 highest = {.found = FOUND_highest, .axis = 1, .of = 1, .give = 1, .chosen = which};
    ResultAxis sweeps[] = {{STR("alpha"), 3, texts, alphas}, {STR("layer"), 2, texts, alphas}};
    ResultMetric metrics[] = {
        {.name = STR("best"), .points = 1, .values = best, .done = best_done, .choice = &highest},
        {.name = STR("means"),
         .axes = LAYER,
         .points = 2,
         .values = means,
         .done = means_done,
         .intervals = lie,
         .choice = &mean},
        {.name = STR("x"), .axes = ALPHA | LAYER, .points = 6, .values = numbers, .done = there},
    };
    Results results = {.axes = sweeps, .axis_count = 2, .metrics = metrics, .metric_count = 3};
    Arena *scratch = arena_open();
    results_choose(&results, scratch);
    CHECK(means_done[0] && means[0] == 2 && means_done[1] && means[1] == 6); // of 3, 1, 2; of 5, 7
    CHECK(fabs(lie[0].lo - 1.05) < 1e-12 && fabs(lie[0].hi - 2.95) < 1e-12 && lie[0].undefined == 0);
    CHECK(fabs(lie[1].lo - 5.05) < 1e-12 && lie[1].undefined == 1);
    CHECK(best_done[0] && best[0] == 6 && which[0] == 1);
    there[2] = false;
    results_choose(&results, scratch);
    CHECK(!means_done[0] && means_done[1] && !best_done[0]);
    arena_close(scratch);
}

// The most of all runs' values, whatever the metric varies with; without a run that proved itself there is none.
static void find_noise(void) {
    double values[] = {3, 5}, floor[1];
    bool there[] = {true, true}, floor_done[1] = {0};
    ResultChoice noise = {.found = FOUND_noise};
    ResultAxis sweep = {STR("layer"), 2, texts, alphas};
    ResultMetric metrics[] = {
        {.name = STR("x"), .axes = 1, .points = 2, .values = values, .done = there},
        {.name = STR("floor"), .points = 1, .values = floor, .done = floor_done, .choice = &noise},
    };
    ResultTerm terms[] = {{.metric = STR("x")}, {.metric = STR("y")}};
    ResultProbe probes[] = {{.term = 0, .value = {0.25, 0.5}, .done = {true, true}},
                            {.term = 0, .value = {0.5, 0}, .done = {true, true}},
                            {.term = 1, .value = {0, 9}, .done = {true, true}}};
    Results results = {
        .axes = &sweep, .axis_count = 1, .metrics = metrics, .metric_count = 2, .terms = terms, .term_count = 2};
    Arena *scratch = arena_open();
    results_choose(&results, scratch);
    CHECK(floor_done[0] && isnan(floor[0]));
    results.probes = probes;
    results.probe_count = COUNT(probes);
    results_choose(&results, scratch);
    CHECK(floor_done[0] && floor[0] == 0.5);
    arena_close(scratch);
}

int main(void) {
    find_in_found();
    find_noise();
    choose(LAYER, 2, false); // of layer 0: 3, 1, 1; of layer 1: 5 alone
    CHECK(out_done[0] && out[0] == 1 && chosen[0] == 1 && out[1] == 5 && chosen[1] == 0);
    choice.found = FOUND_highest;
    choose(LAYER, 2, false);
    CHECK(out[0] == 3 && chosen[0] == 0 && out[1] == 5);
    choice = (ResultChoice){.axis = 0, .of = 0, .gives_axis = true, .chosen = chosen};
    choose(LAYER, 2, false);
    CHECK(out[0] == 0.5 && out[1] == 0.25);
    choice = (ResultChoice){.axis = 0, .of = 0, .give = 1, .chosen = chosen};
    choose(LAYER, 2, true);
    CHECK(out[0] == 20 && out_bounds[0].lo == 3 && out_bounds[0].undefined == 1 && out[1] == 10 &&
          out_bounds[1].hi == 2);
    x[1] = NAN;
    choose(LAYER, 2, true);
    CHECK(out_done[1] && isnan(out[1]) && isnan(out_bounds[1].lo) && chosen[1] == 3);
    done[4] = false;
    choose(LAYER, 2, true);
    CHECK(!out_done[0] && out_done[1]);
    return check_done();
}
