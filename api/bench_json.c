// bench_json.c: what was measured, as JSON. Keys stay; what is not known is null.
#include <inttypes.h>
#include <math.h>

#include "api/bench.h"

static void member(Text *out, const char *key, double value) {
    text_add(out, "\"%s\": ", key);
    text_number(out, value);
    text_str(out, STR(", "));
}

static void member_known(Text *out, const char *key, double value) {
    if (value >= 0)
        member(out, key, value);
    else
        text_add(out, "\"%s\": null, ", key);
}

static const char *truth(bool value) {
    return value ? "true" : "false";
}

static void json_row(const Bench *bench, BenchId id, Text *out) {
    const BenchRow *row = &bench->rows[id];
    BenchSummary summary = bench_summary(bench, id);
    text_add(out, "    \"%s\": {", bench_info[id].key);
    if (!row->runs.len) {
        text_str(out, STR("\"seconds\": null, \"why\": "));
        text_json(out, str_of(row->why ? row->why : "stopped before"));
        text_char(out, '}');
        return;
    }
    member(out, "seconds", summary.median);
    text_str(out, STR("\"quartiles\": ["));
    text_number(out, summary.low);
    text_str(out, STR(", "));
    text_number(out, summary.high);
    text_add(out, "], \"runs\": %zu, \"points\": %zu, \"estimated\": %s, \"warm\": %s, ", row->runs.len, row->measured,
             truth(row->scale != 1), truth(!row->unwarmed));
    if (row->gflop > 0) member(out, "gflop", row->gflop);
    if (bench_info[id].part == PART_without) member(out, "ratio", bench_saving(bench, id));
    member_known(out, "others", row->others);
    text_add(out, "\"noisy\": %s}", truth(bench_is_wide(&summary) || bench_is_crowded(row)));
}

static void json_part(const Bench *bench, BenchPart part, const char *key, Text *out) {
    const char *between = "";
    text_add(out, "  \"%s\": {\n", key);
    for (BenchId id = 0; id < BENCH_COUNT; id++) {
        if (bench_info[id].part != part) continue;
        text_str(out, str_of(between));
        json_row(bench, id, out);
        between = ",\n";
    }
    text_str(out, STR("\n  },\n"));
}

static void json_kinds(const BenchCosts *costs, Text *out) {
    text_str(out, STR("  \"kinds\": {\n"));
    for (int k = 0; k < KIND_COUNT; k++) {
        text_add(out, "    \"%s\": {", bench_kind_names[k]);
        member(out, "seconds", costs->kinds[k].seconds);
        member(out, "bare", costs->kinds[k].bare);
        text_str(out, STR("\"share\": "));
        text_number(out, costs->kinds[k].share);
        text_str(out, k + 1 < KIND_COUNT ? STR("},\n") : STR("}\n"));
    }
    text_str(out, STR("  },\n"));
}

static void json_plan(const Bench *bench, Text *out) {
    text_add(out, "  \"plan\": {\"steps\": %zu, \"products\": %zu, ", bench->steps, bench->products);
    member(out, "gflop", bench->gflop);
    member(out, "product_gflop", bench->product_gflop);
    text_add(out, "\"micro_batches\": %u, \"bytes\": %" PRIu64 ", \"peak_bytes\": %" PRIu64 "},\n", bench->parts,
             bench->arena_bytes, bench->peak);
}

static void json_costs(const Bench *bench, const BenchCosts *costs, Text *out) {
    text_str(out, STR("  \"costs\": {"));
    member(out, "floor_ratio", costs->floor_ratio);
    member(out, "intervention", costs->intervention);
    member(out, "point", costs->point);
    text_str(out, STR("\"patched\": ["));
    for (size_t i = 0; i < bench->patched.len; i++) {
        if (i) text_str(out, STR(", "));
        text_json(out, bench->patched.at[i]);
    }
    text_str(out, STR("]}\n"));
}

void bench_json(const Bench *bench, Text *out) {
    BenchCosts costs = bench_costs(bench);
    text_add(out, "{\n  \"mdx\": \"%s\",\n  \"experiment\": ", mdx_version());
    text_json(out, bench->mdx->exp->name);
    text_add(out, ",\n  \"device\": \"%s\",\n  \"points\": %zu,\n  \"complete\": %s,\n", bench->mdx->device->name,
             bench->points, truth(!bench->mdx->stopped));
    text_str(out, STR("  \"load\": {"));
    member_known(out, "others", costs.others);
    text_add(out, "\"own\": ");
    text_number(out, bench->rows[BENCH_experiment].busy >= 0 ? bench->rows[BENCH_experiment].busy : NAN);
    text_str(out, STR("},\n"));
    json_plan(bench, out);
    json_part(bench, PART_runs, "runs", out);
    json_kinds(&costs, out);
    json_part(bench, PART_without, "without", out);
    json_part(bench, PART_start, "start", out);
    json_costs(bench, &costs, out);
    text_str(out, STR("}\n"));
}
