// run.c: mdx_run, and what can be asked about the results.
#include <math.h>
#include <time.h>

#include "api/profile.h"

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// How many points of a table, a figure or states there are.
static size_t points_done(const Mdx *mdx, const ResultTable *table, uint32_t capture, size_t *points) {
    const Results *results = &mdx->results;
    size_t done = 0;
    *points = table ? table->points : results->states[capture].points;
    for (size_t p = 0; p < *points; p++) done += table ? results_row_done(results, table, p) : results->states[capture].at[p].states != NULL;
    return done;
}

// What a stopped run has not computed, in words.
static void warn_missing(Mdx *mdx) {
    const Results *results = &mdx->results;
    size_t tables = 0, figures = 0, points;
    for (size_t i = 0; i < mdx->exp->reports.len; i++) {
        const Report *report = &mdx->exp->reports.at[i];
        if (report->hidden) continue;
        const ResultTable *table = NULL;
        if (report_is_table(report)) table = &results->tables[tables++];
        if (report->name.len) table = &results->figures[figures++].table;
        size_t done = points_done(mdx, table, report->capture, &points);
        if (done == points) continue;
        Str text = str_format(mdx->arena, "stopped: %zu of %zu points are there; run the spec again to get the others", done, points);
        session_warning(mdx, report->span, text.at);
    }
}

// Runs again, slowly, to say where a number that is not finite began.
static void find_origin(Mdx *mdx, const OpenFiles *files, Error *err) {
    Plan plan;
    Error ignored;
    if (!lower(&mdx->graph, &(LowerOptions){0}, mdx->arena, &plan, &ignored)) return;
    Execution execution = {&plan, mdx->device, mdx->device_options, &mdx->listener, &mdx->stop};
    execute_origin(&execution, files, mdx->arena, err);
}

// On a device whose rows do not depend on each other, a run that is patched with its own values is the run without the
// patch, to the bit.
static bool check_probes(const Mdx *mdx, Error *err) {
    const Results *results = &mdx->results;
    for (size_t i = 0; i < results->probe_count && mdx->device->strict; i++) {
        const ResultProbe *probe = &results->probes[i];
        const ResultTerm *term = &results->terms[probe->term];
        bool same = probe->value[0] == probe->value[1] || (isnan(probe->value[0]) && isnan(probe->value[1]));
        if (!probe->done[0] || !probe->done[1] || same) continue;
        error_set(err, ERR_SYSTEM, "%.*s on prompt %.*s is %.17g, but %.17g when %.*s is patched at %.*s with its own values: this is a bug in mdx, nothing is written; --disable=slice,batch may avoid it",
                  STR_ARG(term->text), STR_ARG(results->prompts[term->prompts].ids[probe->prompt]), probe->value[0], probe->value[1],
                  STR_ARG(probe->run), STR_ARG(probe->sites));
        return error_at(err, probe->span);
    }
    return true;
}

// The profile's own measuring is no part of the run's time and memory.
static bool run_timed(Mdx *mdx, RunTimes *times, Error *err) {
    Profile profile;
    bool ok = mdx->profile ? profile_run(mdx, &profile, err) : executor_run(mdx->executor, false, &mdx->results, err);
    double measuring = now(CLOCK_MONOTONIC);
    times->peak = memory_peak();
    if (ok && mdx->profile) {
        session_phase(mdx, "measuring limits");
        profile_limits(&profile);
        profile_print(&profile, &mdx->profiled);
    }
    times->seconds -= now(CLOCK_MONOTONIC) - measuring;
    return ok;
}

static bool run_files(Mdx *mdx, const OpenFiles *files, Error *err) {
    RunTimes times = {now(CLOCK_REALTIME), 0, 0};
    double begin = now(CLOCK_MONOTONIC);
    mdx->execution = (Execution){&mdx->plan, mdx->device, mdx->device_options, &mdx->listener, &mdx->stop};
    session_phase(mdx, "compiling");
    mdx->executor = executor_open(&mdx->execution, files, mdx->arena, err);
    bool ok = mdx->executor && run_timed(mdx, &times, err);
    if (!ok || !mdx->keep) session_drop_executor(mdx);
    ok = ok && check_probes(mdx, err);
    if (!ok && err->kind == ERR_NOT_FINITE) find_origin(mdx, files, err);
    times.seconds += now(CLOCK_MONOTONIC) - begin;
    if (!mdx->profile) times.peak = memory_peak();
    mdx->stopped = !ok && err->kind == ERR_INTERRUPTED;
    if (!ok && !mdx->stopped) return false;
    mdx->ran = true;
    if (mdx->stopped) warn_missing(mdx);
    if (mdx->write) session_phase(mdx, "writing");
    return !mdx->write || session_write(mdx, files, &times, err);
}

void session_drop_executor(Mdx *mdx) {
    executor_close(mdx->executor);
    mdx->executor = NULL;
}

bool mdx_run(Mdx *mdx) {
    Error err;
    OpenFiles *files = &mdx->files;
    if (files->count) return session_refuse(mdx, "a session runs once; mdx_rerun runs it with other values");
    if (!mdx->exp) return session_refuse(mdx, "no spec was read without errors");
    if (!mdx->exp->reports.len) return session_refuse(mdx, "the spec reports nothing; add report table(METRIC, ...)");
    bool ok = session_plan(mdx, &err) && session_results(mdx, &err) && execute_open(&mdx->plan, mdx->arena, files, &err) &&
              run_files(mdx, files, &err);
    if (!mdx->executor) execute_close(files);
    if (!ok) return session_failed(mdx, &err);
    return !mdx->stopped;
}

static const Axis *axis_named(const Mdx *mdx, const char *name, uint32_t *number) {
    for (uint32_t a = 0; a < mdx->exp->axes.len; a++)
        if (str_is(mdx->exp->axes.at[a].name, name)) return *number = a, &mdx->exp->axes.at[a];
    return NULL;
}

bool mdx_rerun(Mdx *mdx, const char *sweep, const double *values, size_t count) {
    Error err;
    uint32_t number = 0;
    if (!mdx->executor) return session_refuse(mdx, "there is no run to repeat; set the option keep before mdx_run");
    const Axis *axis = axis_named(mdx, sweep, &number);
    if (!axis || axis->structural) return session_refuse(mdx, "'%s' is no sweep of numbers", sweep);
    if (axis->count != count) return session_refuse(mdx, "sweep %s has %zu values, not %zu", sweep, axis->count, count);
    plan_set_axis(&mdx->plan, number, values);
    results_set_axis(&mdx->results, number, values, mdx->arena);
    if (executor_run(mdx->executor, true, &mdx->results, &err)) return true;
    return session_failed(mdx, &err);
}

const char *mdx_tables(const Mdx *mdx) {
    if (!mdx->ran) return "";
    Text out = text_open(mdx->arena);
    results_print(&mdx->results, &out);
    return out.at;
}

const char *mdx_json(const Mdx *mdx) {
    if (!mdx->ran) return "";
    Text out = text_open(mdx->arena);
    results_json(&mdx->results, &out);
    return out.at;
}

const char *mdx_profile(const Mdx *mdx) {
    return mdx->profiled.at;
}

const char *mdx_folder(const Mdx *mdx) {
    return mdx->folder.len ? mdx->folder.at : "";
}

static const ResultMetric *metric_named(const Mdx *mdx, const char *name) {
    for (size_t i = 0; i < mdx->results.metric_count; i++)
        if (str_is(mdx->results.metrics[i].name, name)) return &mdx->results.metrics[i];
    return NULL;
}

size_t mdx_points(const Mdx *mdx, const char *metric) {
    const ResultMetric *found = metric_named(mdx, metric);
    return found ? found->points : 0;
}

bool mdx_value(const Mdx *mdx, const char *metric, size_t point, double *out) {
    const ResultMetric *found = metric_named(mdx, metric);
    if (!found || point >= found->points || !found->done[point] || isnan(found->values[point])) return false;
    *out = found->values[point];
    return true;
}

bool mdx_interval(const Mdx *mdx, const char *metric, size_t point, double *lo, double *hi) {
    const ResultMetric *found = metric_named(mdx, metric);
    if (!found || !found->intervals || point >= found->points || !found->done[point]) return false;
    *lo = found->intervals[point].lo;
    *hi = found->intervals[point].hi;
    return !isnan(*lo) && !isnan(*hi);
}
