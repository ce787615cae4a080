// bench.h: what the files bench*.c share: what is measured, and the sessions that it is measured on.
#pragma once

#include "api/session.h"

typedef enum { PART_runs, PART_without, PART_start } BenchPart;

typedef enum {
#define MDX_BENCH(key, part, what) BENCH_##key,
#include "api/bench.def"
    BENCH_COUNT
} BenchId;

// What a step does: every step is of one kind, and what no step takes is the rest.
typedef enum { KIND_products, KIND_attention, KIND_kernels, KIND_logits, KIND_fits, KIND_rest, KIND_COUNT } BenchKind;

// One run of what is measured.
typedef struct {
    double seconds;
    double kinds[KIND_COUNT]; // of the experiment and the floor: their sum is `seconds`
} BenchSample;

typedef struct {
    const char *why; // there is nothing: why; else NULL
    LIST(BenchSample) runs;
    bool unwarmed;       // the one run was the first: there was no time for another
    double scale;        // from a run to all points; 1 unless fewer were measured
    size_t measured;     // points, of bench->points
    double gflop;        // 0: none are counted
    double others, busy; // processors that other programs kept busy meanwhile, and this one; -1: not known
} BenchRow;

typedef struct {
    Mdx *mdx;
    Arena *arena;
    BenchRow rows[BENCH_COUNT];
    size_t points;          // of the experiment's largest report
    size_t steps, products; // of its plan
    double gflop, product_gflop;
    uint32_t parts;
    uint64_t arena_bytes;
    uint64_t peak;              // after a run, before anything else was measured
    bool has_runs, has_patches; // among what is reported
    StrList patched;            // runs with patches, at one point
    Str sweep;                  // that is rerun
} Bench;

// ---- bench_measure.c
typedef struct {
    BenchId row;
    bool (*run)(void *self, BenchSample *out, Error *err); // once; seconds is what it says it took
    void *self;
} BenchSubject;

// Runs the subjects in turns: once to warm up, then until their intervals are narrow.
bool bench_measure(Bench *bench, const BenchSubject *subjects, size_t count, Error *err);
uint32_t bench_least_runs(const Bench *bench);

typedef struct {
    double median, low, high; // seconds, and their quartiles
    double spread;            // how far the farther quartile is from the median, as a part of it
    const BenchSample *run;   // the one in the middle
} BenchSummary;
BenchSummary bench_summary(const Bench *bench, BenchId row); // zeros when nothing was measured
bool bench_is_wide(const BenchSummary *summary);
bool bench_is_crowded(const BenchRow *row);

// ---- bench_session.c
// A session of its own for the same spec, with more --set and --disable; prompts that were read are shared. One that is
// `fresh` shares nothing. NULL on error.
Mdx *bench_session(const Bench *bench, const StrList *sets, const StrList *disabled, bool fresh, Error *err);
void bench_session_close(Mdx *session, bool fresh);
StrList bench_one_point(const Bench *bench); // --set of every sweep to its middle value
void bench_find_runs(Bench *bench);          // sets has_runs, has_patches
// Makes the session's experiment one that reports the next token of each run with patches, or, when not `patched`, of
// the model of each such run over its prompts without any. Of a spec without patches: of all runs.
// bench->patched gets their names.
void bench_forwards(Bench *bench, Mdx *session, bool patched);

// ---- bench_costs.c: what follows from the rows; a number that is not known is NAN.
typedef struct {
    const char *key, *what;
    BenchPart part;
} BenchInfo;
extern const BenchInfo bench_info[BENCH_COUNT];
extern const char *const bench_kind_names[KIND_COUNT];

typedef struct {
    double floor_ratio;  // the experiment by its bare products
    double intervention; // seconds: a forward with patches at one point, less one without
    double point;        // seconds of one point in a rerun
    struct {
        double seconds, share, bare; // in the experiment's run in the middle; the same products bare
    } kinds[KIND_COUNT];
    double others; // the most processors that others kept busy during a row
} BenchCosts;
BenchCosts bench_costs(const Bench *bench);
double bench_saving(const Bench *bench, BenchId without); // by how much the experiment is longer without it

// ---- bench_print.c, bench_json.c
void bench_print(const Bench *bench, Text *out);
void bench_json(const Bench *bench, Text *out);
