// bench_print.c: what was measured, for people.
#include <inttypes.h>
#include <math.h>

#include "api/bench.h"

// ---- Rows

static void print_names(const StrList *names, Text *out) {
    enum { MOST = 3 };
    for (size_t i = 0; i < MIN(names->len, (size_t)MOST); i++)
        text_add(out, "%s%.*s", i ? ", " : "", STR_ARG(names->at[i]));
    if (names->len > MOST) text_add(out, " and %zu more", names->len - MOST);
}

// What comes of the row, beside its seconds.
static void note_runs(const Bench *bench, BenchId id, Text *out) {
    BenchCosts costs = bench_costs(bench);
    double seconds = bench_summary(bench, id).median;
    if (id == BENCH_floor)
        text_add(out, "  %zu products, %.1f GFLOP, %.0f GFLOP/s", bench->products, bench->product_gflop,
                 bench->product_gflop / seconds);
    if (id == BENCH_experiment && isfinite(costs.floor_ratio))
        text_add(out, "  %.2f x its products", costs.floor_ratio);
    if (id == BENCH_patched && isfinite(costs.intervention)) {
        text_add(out, "  %+.4f s for ", costs.intervention);
        print_names(&bench->patched, out);
    }
    if (id == BENCH_rerun)
        text_add(out, "  %.4f s a point, %zu of %.*s", costs.point, bench->points, STR_ARG(bench->sweep));
    if (id == BENCH_rerun_floor)
        text_add(out, "  the rerun is %.2f x its products", bench_summary(bench, BENCH_rerun).median / seconds);
    if (bench_info[id].part == PART_without) text_add(out, "  %.2f x", bench_saving(bench, id));
}

static void print_row(const Bench *bench, BenchId id, Text *out) {
    const BenchRow *row = &bench->rows[id];
    BenchSummary summary = bench_summary(bench, id);
    text_add(out, "  %-36s ", bench_info[id].what);
    if (!row->runs.len) {
        text_add(out, "%9s  %s\n", "-", row->why ? row->why : "stopped before");
        return;
    }
    text_add(out, "%9.4f  %5.1f %%  %4zu", summary.median, 100 * summary.spread, row->runs.len);
    note_runs(bench, id, out);
    if (row->scale != 1) text_add(out, "  estimated from %zu of %zu points", row->measured, bench->points);
    if (row->unwarmed) text_str(out, STR("  not warmed up"));
    if (bench_is_wide(&summary) || bench_is_crowded(row)) text_str(out, STR("  noisy"));
    text_char(out, '\n');
}

static void print_part(const Bench *bench, BenchPart part, const char *title, Text *out) {
    text_add(out, "\n%-38s %9s  %7s  %4s\n", title, "seconds", "within", "runs");
    for (BenchId id = 0; id < BENCH_COUNT; id++)
        if (bench_info[id].part == part) print_row(bench, id, out);
}

// ---- The experiment's time

static void print_kinds(const Bench *bench, Text *out) {
    static const char *const kinds[KIND_COUNT] = {"matrix products",          "attention", "row kernels",
                                                  "logits and their metrics", "fits",      "the rest"};
    BenchCosts costs = bench_costs(bench);
    if (!isfinite(costs.kinds[0].seconds)) return;
    text_add(out, "\n%-38s %9s  %7s  %s\n", "the experiment's time goes to", "seconds", "of all",
             "the same products bare");
    for (int k = 0; k < KIND_COUNT; k++) {
        text_add(out, "  %-36s %9.4f  %5.1f %%", kinds[k], costs.kinds[k].seconds, 100 * costs.kinds[k].share);
        if (costs.kinds[k].bare > 0)
            text_add(out, "  %9.4f, %.2f x", costs.kinds[k].bare, costs.kinds[k].seconds / costs.kinds[k].bare);
        text_char(out, '\n');
    }
}

static void print_head(const Bench *bench, Text *out) {
    double busy = bench->rows[BENCH_experiment].busy;
    text_add(out, "%.*s: %zu point%s on %s; a plan of %zu steps, %.1f GFLOP, %" PRIu64 " MiB",
             STR_ARG(bench->mdx->exp->name), bench->points, bench->points == 1 ? "" : "s", bench->mdx->device->name,
             bench->steps, bench->gflop, bench->arena_bytes >> 20);
    if (bench->parts > 1) text_add(out, " in %u micro-batches", bench->parts);
    if (bench->peak) text_add(out, "; peak memory %" PRIu64 " MiB, mapped weights among them", bench->peak >> 20);
    if (busy >= 0) text_add(out, "; %.1f processors", busy);
    text_char(out, '\n');
}

static void print_noise(const Bench *bench, Text *out) {
    bool crowded = false, wide = false;
    for (BenchId id = 0; id < BENCH_COUNT; id++) {
        BenchSummary summary = bench_summary(bench, id);
        crowded |= bench_is_crowded(&bench->rows[id]);
        wide |= bench_is_wide(&summary);
    }
    if (crowded) text_add(out, "\nnoisy: other programs kept up to %.1f processors busy\n", bench_costs(bench).others);
    if (wide && !crowded) text_str(out, STR("\nnoisy: some quartiles are more than 3 % from their median\n"));
}

void bench_print(const Bench *bench, Text *out) {
    print_head(bench, out);
    print_part(bench, PART_runs, "medians", out);
    print_kinds(bench, out);
    print_part(bench, PART_without, "the experiment without", out);
    print_part(bench, PART_start, "before the first run", out);
    print_noise(bench, out);
}
