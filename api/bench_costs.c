// bench_costs.c: what follows from the measured rows.
#include <math.h>

#include "api/bench.h"

const BenchInfo bench_info[BENCH_COUNT] = {
#define MDX_BENCH(key, part, what) {#key, what, PART_##part},
#include "api/bench.def"
};

const char *const bench_kind_names[KIND_COUNT] = {"products", "attention", "kernels", "logits", "fits", "rest"};

static double median(const Bench *bench, BenchId id) {
    return bench->rows[id].runs.len ? bench_summary(bench, id).median : NAN;
}

double bench_saving(const Bench *bench, BenchId without) {
    return median(bench, without) / median(bench, BENCH_experiment);
}

static void find_kinds(const Bench *bench, BenchCosts *out) {
    const BenchSample *run = bench_summary(bench, BENCH_experiment).run, *bare = bench_summary(bench, BENCH_floor).run;
    for (int k = 0; k < KIND_COUNT; k++) {
        bool multiplies = bare && (k == KIND_products || k == KIND_logits);
        out->kinds[k].seconds = run ? run->kinds[k] : NAN;
        out->kinds[k].share = run ? run->kinds[k] / run->seconds : NAN;
        out->kinds[k].bare = multiplies ? bare->kinds[k] : NAN;
    }
}

BenchCosts bench_costs(const Bench *bench) {
    BenchCosts out = {.others = NAN};
    out.floor_ratio = median(bench, BENCH_experiment) / median(bench, BENCH_floor);
    out.intervention = median(bench, BENCH_patched) - median(bench, BENCH_plain);
    out.point = median(bench, BENCH_rerun) / (double)bench->points;
    find_kinds(bench, &out);
    for (size_t i = 0; i < BENCH_COUNT; i++)
        if (bench->rows[i].others >= 0) out.others = fmax(out.others, bench->rows[i].others);
    return out;
}
