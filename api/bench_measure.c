// bench_measure.c: runs what is measured until its median is worth something, and what else the machine did meanwhile.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/bench.h"
#include "runtime/clock.h"

enum { LEAST_RUNS = 5, MOST_RUNS = 25 };
static const double NARROW = 0.03;       // of the median, to either quartile
static const double CROWDED = 0.1;       // of a processor, taken by others
static const double LEAST_SECONDS = 0.5; // of a row, for what others do to be known

// ---- The processors

typedef struct {
    double busy, own; // seconds of processors since the machine or the process began; busy 0: not known
} Load;

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

// The first line of /proc/stat counts user, nice, system, idle, waiting, interrupts (2) and what other guests took.
static Load load_now(void) {
    Load load = {0};
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) load.own = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    FILE *file = fopen("/proc/stat", "r");
    uint64_t t[8];
    if (file &&
        fscanf(file, "cpu %" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64, &t[0],
               &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8)
        load.busy = (double)(t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) / (double)sysconf(_SC_CLK_TCK);
    if (file) fclose(file);
    return load;
}

// A clock that ticks a hundred times a second knows nothing of short rows.
static void keep_load(BenchRow *row, const Load *before, double seconds) {
    Load after = load_now();
    double own = after.own - before->own;
    bool known = before->busy > 0 && seconds >= LEAST_SECONDS;
    row->busy = known ? own / seconds : -1;
    row->others = known ? MAX(after.busy - before->busy - own, 0) / seconds : -1;
}

bool bench_is_crowded(const BenchRow *row) {
    return row->others > CROWDED;
}

// ---- Medians

static int by_seconds(const void *a, const void *b) {
    double x = ((const BenchSample *)a)->seconds, y = ((const BenchSample *)b)->seconds;
    return x < y ? -1 : x > y;
}

static double quantile(const BenchSample *sorted, size_t count, double p) {
    double at = p * (double)(count - 1);
    size_t low = (size_t)at, high = MIN(low + 1, count - 1);
    return sorted[low].seconds + (at - (double)low) * (sorted[high].seconds - sorted[low].seconds);
}

BenchSummary bench_summary(const Bench *bench, BenchId id) {
    const BenchRow *row = &bench->rows[id];
    size_t count = row->runs.len;
    if (!count) return (BenchSummary){0};
    BenchSample *sorted = arena_copy(bench->arena, row->runs.at, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_seconds);
    BenchSummary out = {quantile(sorted, count, 0.5), quantile(sorted, count, 0.25), quantile(sorted, count, 0.75), 0,
                        &sorted[(count - 1) / 2]};
    out.spread = out.median > 0 ? MAX(out.high - out.median, out.median - out.low) / out.median : 0;
    out.median *= row->scale;
    out.low *= row->scale;
    out.high *= row->scale;
    return out;
}

bool bench_is_wide(const BenchSummary *summary) {
    return summary->spread > NARROW;
}

// ---- Running

uint32_t bench_least_runs(const Bench *bench) {
    return bench->mdx->bench_repeat ? bench->mdx->bench_repeat : LEAST_RUNS;
}

static bool all_narrow(const Bench *bench, const BenchSubject *subjects, size_t count) {
    for (size_t i = 0; i < count; i++) {
        BenchSummary summary = bench_summary(bench, subjects[i].row);
        if (bench_is_wide(&summary)) return false;
    }
    return true;
}

// `round`: seconds that the last one took.
static bool enough(const Bench *bench, const BenchSubject *subjects, size_t count, double begin, double round) {
    size_t runs = bench->rows[subjects[0].row].runs.len;
    if (clock_now() - begin + round > bench->mdx->bench_longest * (double)count) return true;
    if (bench->mdx->bench_repeat) return runs >= bench->mdx->bench_repeat;
    return runs >= MOST_RUNS || (runs >= LEAST_RUNS && all_narrow(bench, subjects, count));
}

static bool run_round(Bench *bench, const BenchSubject *subjects, size_t count, Error *err) {
    for (size_t i = 0; i < count; i++) {
        BenchRow *row = &bench->rows[subjects[i].row];
        BenchSample sample = {0};
        if (bench->mdx->stop) FAIL(err, ERR_INTERRUPTED, "stopped");
        TRY(subjects[i].run(subjects[i].self, &sample, err));
        list_push(bench->arena, &row->runs, sample);
    }
    return true;
}

static void show(const Bench *bench, BenchId row) {
    const Mdx *mdx = bench->mdx;
    if (!mdx->progress) return;
    Str without = bench_info[row].part == PART_without ? STR("without ") : STR("");
    Str text = str_format(bench->arena, "%.*s%s: run %zu", STR_ARG(without), bench_info[row].what,
                          bench->rows[row].runs.len + 1);
    mdx->progress(mdx->progress_self, text.at, 0, 0);
}

static void drop_first_run(BenchRow *row) {
    row->runs.len = 0;
    row->unwarmed = false;
}

static bool run_rounds(Bench *bench, const BenchSubject *subjects, size_t count, Error *err) {
    double begin = clock_now();
    show(bench, subjects[0].row);
    TRY(run_round(bench, subjects, count, err));
    bool done = clock_now() - begin > bench->mdx->bench_longest * (double)count;
    for (size_t i = 0; !done && i < count; i++) drop_first_run(&bench->rows[subjects[i].row]);
    while (!done) {
        double round = clock_now();
        show(bench, subjects[0].row);
        TRY(run_round(bench, subjects, count, err));
        done = enough(bench, subjects, count, begin, clock_now() - round);
    }
    return true;
}

bool bench_measure(Bench *bench, const BenchSubject *subjects, size_t count, Error *err) {
    double begin = clock_now();
    Load before = load_now();
    bool ok = run_rounds(bench, subjects, count, err);
    for (size_t i = 0; i < count; i++) keep_load(&bench->rows[subjects[i].row], &before, clock_now() - begin);
    return ok;
}
