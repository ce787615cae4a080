// choose.c: what is chosen over a sweep: ties, undefined values, what is not there yet, metrics with fewer sweeps.
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
    results_choose(&results);
}

int main(void) {
    choose(LAYER, 2, false); // of layer 0: 3, 1, 1; of layer 1: 5 alone
    CHECK(out_done[0] && out[0] == 1 && chosen[0] == 1 && out[1] == 5 && chosen[1] == 0);
    choice.highest = true;
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
