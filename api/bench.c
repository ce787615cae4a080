// bench.c: mdx bench: what is measured, and in which order.
#include <stdlib.h>

#include "api/bench.h"
#include "runtime/clock.h"
#include "runtime/products.h"

// ---- A plan on the device

// A session of its own, ready to run.
typedef struct {
    Bench *bench;
    Mdx *session;
    double *clock; // by step
    bool varying, results;
    uint32_t axis;     // that is given other values in turns
    double *values[2]; // NULL: none is
    uint32_t turn;
} Trial;

static BenchKind kind_of(const Step *step) {
    if (step->fused) return KIND_kernels;
    if (step->logits) return KIND_logits;
    if (step_is_product(step)) return KIND_products;
    if (step->op == OP_attention) return KIND_attention;
    return op_info[step->op].rows == ROWS_MATRIX ? KIND_fits : KIND_rest;
}

static void add_kinds(const Trial *trial, BenchSample *out) {
    const Plan *plan = &trial->session->plan;
    double steps = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        out->kinds[kind_of(&plan->steps[i])] += trial->clock[i];
        steps += trial->clock[i];
    }
    out->kinds[KIND_rest] += MAX(out->seconds - steps, 0); // results
}

static bool trial_run(void *self, BenchSample *out, Error *err) {
    Trial *trial = self;
    Mdx *session = trial->session;
    memset(trial->clock, 0, session->plan.step_count * sizeof *trial->clock);
    if (trial->values[0]) plan_set_axis(&session->plan, trial->axis, trial->values[trial->turn++ % 2]);
    Results *results = trial->results ? &session->results : NULL;
    bool launches = session->device->mark != NULL; // then the clock of each step costs time: a run without it comes first
    if (launches) executor_clock(session->executor, NULL);
    double begin = clock_now();
    TRY(executor_run(session->executor, trial->varying, results, err));
    out->seconds = clock_now() - begin;
    executor_clock(session->executor, trial->clock);
    if (launches) TRY(executor_run(session->executor, trial->varying, results, err));
    add_kinds(trial, out);
    if (!trial->bench->peak) trial->bench->peak = memory_peak();
    return true;
}

static bool trial_bare(void *self, BenchSample *out, Error *err) {
    Trial *trial = self;
    TRY(executor_bare(trial->session->executor, trial->clock, err));
    for (size_t i = 0; i < trial->session->plan.step_count; i++) out->seconds += trial->clock[i];
    add_kinds(trial, out);
    return true;
}

// Of what a rerun computes.
static bool trial_bare_varying(void *self, BenchSample *out, Error *err) {
    Trial *trial = self;
    const Plan *plan = &trial->session->plan;
    TRY(executor_bare(trial->session->executor, trial->clock, err));
    for (size_t i = 0; i < plan->step_count; i++) out->seconds += plan->steps[i].varies ? trial->clock[i] : 0;
    return true;
}

static void trial_close(Trial *trial) {
    bench_session_close(trial->session, false);
    trial->session = NULL;
}

// Places that a child's --set texts name are not in the first session's sources.
static bool trial_failed(Trial *trial, Error *err) {
    if (err->span.source >= trial->bench->mdx->spec.sources.len) err->span = NO_SPAN;
    trial_close(trial);
    return false;
}

static bool trial_plan(Trial *trial, Error *err) {
    if (!session_plan(trial->session, err)) return trial_failed(trial, err);
    trial->clock = arena_many(trial->session->arena, double, trial->session->plan.step_count + 1);
    return true;
}

static bool trial_open(Trial *trial, Error *err) {
    Mdx *session = trial->session;
    session->execution =
        (Execution){&session->plan, session->device, session->device_options, NULL, &trial->bench->mdx->stop};
    if (!trial->results || session_results(session, err))
        if (execute_open(&session->plan, session->arena, &session->files, err))
            session->executor = executor_open(&session->execution, &session->files, session->arena, err);
    if (!session->executor) return trial_failed(trial, err);
    executor_clock(session->executor, trial->clock);
    return true;
}

// Measures the trial as a row and closes it.
static bool trial_measure(Trial *trial, BenchId id, Error *err) {
    BenchRow *row = &trial->bench->rows[id];
    TRY(trial_open(trial, err));
    row->why = NULL;
    row->gflop = trial->session->plan.flops / 1e9;
    bool ok = bench_measure(trial->bench, &(BenchSubject){id, trial_run, trial}, 1, err);
    if (!ok) return trial_failed(trial, err);
    trial_close(trial);
    return true;
}

// ---- The experiment and its products

static void describe_plan(Bench *bench, const Mdx *session) {
    const Plan *plan = &session->plan;
    PlanProducts products = plan_products(plan, bench->arena);
    bench->steps = plan->step_count;
    bench->gflop = plan->flops / 1e9;
    bench->arena_bytes = plan->arena_bytes;
    bench->parts = session->parts;
    bench->products = products.len;
    for (size_t i = 0; i < products.len; i++) bench->product_gflop += product_flops(&products.at[i]) / 1e9;
}

static bool measure_experiment(Bench *bench, Error *err) {
    Trial trial = {.bench = bench, .results = true};
    TRY((trial.session = bench_session(bench, NULL, NULL, false, err)) != NULL);
    TRY(trial_plan(&trial, err) && trial_open(&trial, err));
    describe_plan(bench, trial.session);
    bench->rows[BENCH_experiment].why = NULL;
    bench->rows[BENCH_experiment].gflop = bench->gflop;
    const BenchSubject subjects[] = {{BENCH_experiment, trial_run, &trial}, {BENCH_floor, trial_bare, &trial}};
    bool bare = trial.session->device->bare_products && bench->products;
    if (bare)
        bench->rows[BENCH_floor] =
            (BenchRow){.scale = 1, .measured = bench->points, .gflop = bench->product_gflop, .unwarmed = true};
    else
        bench->rows[BENCH_floor].why =
            bench->products ? "the device multiplies no bare products; --device=cpu does" : "the plan has no products";
    if (!bench_measure(bench, subjects, bare ? 2 : 1, err)) return trial_failed(&trial, err);
    trial_close(&trial);
    return true;
}

// ---- Forwards

static bool open_forward(Trial *trial, bool patched, Error *err) {
    StrList sets = bench_one_point(trial->bench);
    TRY((trial->session = bench_session(trial->bench, &sets, NULL, false, err)) != NULL);
    trial->session->build.prove = false; // that a patch changes nothing else is not part of its cost
    bench_forwards(trial->bench, trial->session, patched);
    TRY(trial_plan(trial, err) && trial_open(trial, err));
    BenchRow *row = &trial->bench->rows[patched ? BENCH_patched : BENCH_plain];
    row->why = NULL;
    row->measured = 1;
    row->gflop = trial->session->plan.flops / 1e9;
    return true;
}

// In turns: what the patches cost is their difference.
static bool run_forwards(Bench *bench, Trial *plain, Trial *patched, Error *err) {
    const BenchSubject subjects[] = {{BENCH_plain, trial_run, plain}, {BENCH_patched, trial_run, patched}};
    TRY(open_forward(plain, false, err));
    bool both = bench->has_runs && bench->has_patches;
    if (both) TRY(open_forward(patched, true, err));
    return bench_measure(bench, subjects, both ? 2 : 1, err);
}

static bool measure_forwards(Bench *bench, Error *err) {
    Trial plain = {.bench = bench}, patched = {.bench = bench};
    bench_find_runs(bench);
    if (!bench->has_runs) bench->rows[BENCH_plain].why = "nothing is reported of a run";
    if (!bench->has_patches) bench->rows[BENCH_patched].why = "no run has a patch";
    bool ok = !bench->has_runs || run_forwards(bench, &plain, &patched, err);
    if (!ok) trial_failed(&plain, err);
    trial_close(&plain);
    trial_close(&patched);
    return ok;
}

// ---- The same points with other values

static double *other_values(Arena *arena, const Axis *axis, double factor) {
    double *out = arena_many(arena, double, axis->count);
    for (size_t i = 0; i < axis->count; i++) out[i] = axis->numbers[i] * factor;
    return out;
}

static const Axis *numeric_sweep(const Mdx *mdx, uint32_t *number) {
    AxisSet reported = 0;
    for (size_t i = 0; i < mdx->exp->reports.len; i++) reported |= mdx->exp->reports.at[i].axes;
    for (uint32_t a = 0; a < mdx->exp->axes.len; a++) {
        const Axis *axis = &mdx->exp->axes.at[a];
        if ((reported >> a & 1) && axis->numeric && !axis->structural) return *number = a, axis;
    }
    return NULL;
}

// In turns; where bare products may write over what a rerun starts from, one after the other.
static bool measure_rerun_and_floor(Trial *trial, Error *err) {
    Bench *bench = trial->bench;
    const DeviceApi *device = trial->session->device;
    const BenchSubject both[] = {{BENCH_rerun, trial_run, trial}, {BENCH_rerun_floor, trial_bare_varying, trial}};
    bool bare = device->bare_products && bench->products;
    bench->rows[BENCH_rerun_floor].why = bare ? NULL : bench->rows[BENCH_floor].why;
    if (bare && device->bare_apart) return bench_measure(bench, both, 2, err);
    return bench_measure(bench, &both[0], 1, err) && (!bare || bench_measure(bench, &both[1], 1, err));
}

static bool measure_rerun(Bench *bench, Error *err) {
    static const double FACTOR = 1.03125;
    Trial trial = {.bench = bench};
    const Axis *axis = numeric_sweep(bench->mdx, &trial.axis);
    if (!axis) {
        bench->rows[BENCH_rerun].why = bench->rows[BENCH_rerun_floor].why = "the spec has no sweep of numbers";
        return true;
    }
    bench->sweep = axis->name;
    TRY((trial.session = bench_session(bench, NULL, NULL, false, err)) != NULL);
    trial.session->keep = true;
    for (int i = 0; i < 2; i++) trial.values[i] = other_values(bench->arena, axis, i ? 1 : FACTOR);
    TRY(trial_plan(&trial, err) && trial_open(&trial, err));
    BenchRow *row = &bench->rows[BENCH_rerun];
    for (size_t i = 0; i < trial.session->plan.step_count; i++)
        row->gflop += trial.session->plan.steps[i].varies ? trial.session->plan.steps[i].flops / 1e9 : 0;
    row->why = NULL;
    BenchSample whole;
    bool ok = trial_run(&trial, &whole, err);
    trial.varying = true;
    if (!ok || !measure_rerun_and_floor(&trial, err)) return trial_failed(&trial, err);
    trial_close(&trial);
    return true;
}

// ---- Without one of the savings

static const char *const savings[] = {[BENCH_slice] = "slice", [BENCH_batch] = "batch", [BENCH_share] = "share",
                                      [BENCH_axes] = "axes",   [BENCH_prune] = "prune", [BENCH_all] = NULL};

static bool is_off(const Mdx *mdx, const char *pass) {
    for (size_t i = 0; i < mdx->passes.disabled.len; i++)
        if (str_is(mdx->passes.disabled.at[i], pass) || str_is(mdx->passes.disabled.at[i], "all")) return true;
    return false;
}

static bool plan_without(Trial *trial, BenchId id, const StrList *sets, Error *err) {
    Bench *bench = trial->bench;
    StrList disabled = {0};
    for (size_t i = BENCH_slice; i < BENCH_all; i++)
        if (id == BENCH_all || id == i) list_push(bench->arena, &disabled, str_of(savings[i]));
    TRY((trial->session = bench_session(bench, sets, &disabled, false, err)) != NULL);
    if (id == BENCH_all || id == BENCH_batch) trial->session->build.batch_points = 1;
    return trial_plan(trial, err);
}

// All points when there is time for them; else one, from which the time of all follows as their operations do.
static bool choose_points(Trial *trial, BenchId id, Error *err) {
    Bench *bench = trial->bench;
    double flops = trial->session->plan.flops, experiment = bench_summary(bench, BENCH_experiment).median;
    double all = experiment * flops / 1e9 / bench->gflop * (bench_least_runs(bench) + 1);
    if (bench->points == 1 || all <= bench->mdx->bench_longest) return true;
    StrList sets = bench_one_point(bench);
    trial_close(trial);
    TRY(plan_without(trial, id, &sets, err));
    bench->rows[id].scale = flops / trial->session->plan.flops;
    bench->rows[id].measured = 1;
    return true;
}

static bool measure_without(Bench *bench, BenchId id, Error *err) {
    Trial trial = {.bench = bench};
    if (id != BENCH_all && is_off(bench->mdx, savings[id])) {
        bench->rows[id].why = "it is off already";
        return true;
    }
    if (plan_without(&trial, id, NULL, err) && choose_points(&trial, id, err)) return trial_measure(&trial, id, err);
    bench->rows[id].why = str_copy(bench->arena, str_of(err->text)).at; // too large without it
    return true;
}

// ---- Before the first run

static bool plan_again(void *self, BenchSample *out, Error *err) {
    double begin = clock_now();
    Mdx *session = bench_session(self, NULL, NULL, true, err);
    bool ok = session && session_plan(session, err);
    out->seconds = clock_now() - begin;
    bench_session_close(session, true);
    return ok;
}

static bool open_again(Trial *trial, bool cache, BenchSample *out, Error *err) {
    Mdx *session = trial->session;
    Execution execution = session->execution;
    Arena *arena = arena_open();
    execution.options.cache = cache;
    double begin = clock_now();
    Executor *executor = executor_open(&execution, &session->files, arena, err);
    out->seconds = clock_now() - begin;
    executor_close(executor);
    arena_close(arena);
    return executor != NULL;
}

static bool open_cold(void *self, BenchSample *out, Error *err) {
    return open_again(self, false, out, err);
}

static bool open_warm(void *self, BenchSample *out, Error *err) {
    return open_again(self, true, out, err);
}

static bool measure_opening(Bench *bench, Error *err) {
    Trial trial = {.bench = bench};
    bool cache = bench->mdx->device_options.cache;
    TRY((trial.session = bench_session(bench, NULL, NULL, false, err)) != NULL);
    TRY(trial_plan(&trial, err) && trial_open(&trial, err));
    session_drop_executor(trial.session);
    bench->rows[BENCH_cold].why = NULL;
    bench->rows[BENCH_warm].why = cache ? NULL : "the cache is off";
    const BenchSubject subjects[] = {{BENCH_cold, open_cold, &trial}, {BENCH_warm, open_warm, &trial}};
    if (!bench_measure(bench, subjects, cache ? 2 : 1, err)) return trial_failed(&trial, err);
    trial_close(&trial);
    return true;
}

static bool measure_start(Bench *bench, Error *err) {
    bench->rows[BENCH_plan].why = NULL;
    TRY(bench_measure(bench, &(BenchSubject){BENCH_plan, plan_again, bench}, 1, err));
    return measure_opening(bench, err);
}

// ---- All of it

static const char before[] = "stopped before";

static bool is_wanted(const Bench *bench, const char *part) {
    return !bench->mdx->bench_rows.len || strstr(bench->mdx->bench_rows.at, part);
}

static bool measure_all(Bench *bench, Error *err) {
    TRY(session_streams(bench->mdx, err));
    TRY(measure_experiment(bench, err));
    if (is_wanted(bench, "forwards")) TRY(measure_forwards(bench, err));
    if (is_wanted(bench, "rerun")) TRY(measure_rerun(bench, err));
    if (is_wanted(bench, "start")) TRY(measure_start(bench, err));
    for (BenchId id = BENCH_slice; id <= BENCH_all && is_wanted(bench, "without"); id++) TRY(measure_without(bench, id, err));
    for (BenchId id = 0; id < BENCH_COUNT; id++)
        if (bench->mdx->bench_rows.len && bench->rows[id].why == before) bench->rows[id].why = "not asked for";
    return true;
}

static Bench bench_open(Mdx *mdx) {
    Bench bench = {.mdx = mdx, .arena = mdx->arena, .points = 1};
    for (size_t i = 0; i < mdx->exp->reports.len; i++)
        bench.points = MAX(bench.points, points_count(mdx->exp, mdx->exp->reports.at[i].axes));
    for (size_t i = 0; i < BENCH_COUNT; i++)
        bench.rows[i] = (BenchRow){
            .why = before, .scale = 1, .measured = bench.points, .others = -1, .busy = -1, .unwarmed = true};
    return bench;
}

const char *mdx_bench(Mdx *mdx, bool json) {
    Error err;
    if (!mdx->exp) return session_refuse(mdx, "no spec was read without errors"), NULL;
    if (!mdx->exp->reports.len)
        return session_refuse(mdx, "the spec reports nothing; add report table(METRIC, ...)"), NULL;
    Bench bench = bench_open(mdx);
    bool ok = measure_all(&bench, &err);
    mdx->stopped = !ok && err.kind == ERR_INTERRUPTED;
    if (!ok && !mdx->stopped) return session_failed(mdx, &err), NULL;
    Text out = text_open(mdx->arena);
    (json ? bench_json : bench_print)(&bench, &out);
    return out.at;
}
