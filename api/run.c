// run.c: mdx_run, and what can be asked about the results.
#include <math.h>
#include <time.h>

#include "api/session.h"

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// What a stopped run has not computed, in words.
static void warn_missing(Mdx *mdx) {
    const Results *results = &mdx->results;
    size_t table = 0;
    for (size_t i = 0; i < mdx->exp->reports.len; i++) {
        const Report *report = &mdx->exp->reports.at[i];
        size_t done = 0, points = report->table ? results->tables[table].points : results->states[report->capture].points;
        for (size_t p = 0; p < points; p++)
            done += report->table ? results_row_done(results, &results->tables[table], p) : results->states[report->capture].at[p].states != NULL;
        table += report->table;
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

static bool run_files(Mdx *mdx, const OpenFiles *files, Error *err) {
    RunTimes times = {now(CLOCK_REALTIME), 0, 0};
    double begin = now(CLOCK_MONOTONIC);
    Execution execution = {&mdx->plan, mdx->device, mdx->device_options, &mdx->listener, &mdx->stop};
    bool ok = execute(&execution, files, &mdx->results, mdx->arena, err);
    if (!ok && err->kind == ERR_NOT_FINITE) find_origin(mdx, files, err);
    times.seconds = now(CLOCK_MONOTONIC) - begin;
    times.peak = memory_peak();
    mdx->stopped = !ok && err->kind == ERR_INTERRUPTED;
    if (!ok && !mdx->stopped) return false;
    mdx->ran = true;
    if (mdx->stopped) warn_missing(mdx);
    return !mdx->write || session_write(mdx, files, &times, err);
}

bool mdx_run(Mdx *mdx) {
    Error err;
    OpenFiles files = {0};
    if (!mdx->exp) return session_refuse(mdx, "no spec was read without errors");
    if (!mdx->exp->reports.len) return session_refuse(mdx, "the spec reports nothing; add report table(METRIC, ...)");
    bool ok = session_plan(mdx, &err) && session_results(mdx, &err) && execute_open(&mdx->plan, mdx->arena, &files, &err) &&
              run_files(mdx, &files, &err);
    execute_close(&files);
    if (!ok) return session_failed(mdx, &err);
    return !mdx->stopped;
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
