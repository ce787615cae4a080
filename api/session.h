// session.h: what the files of api/ share: one spec on its way from text to results.
#pragma once

#include "compiler/build.h"
#include "compiler/check.h"
#include "compiler/explain.h"
#include "compiler/lower.h"
#include "compiler/passes.h"
#include "mdx/mdx.h"
#include "runtime/execute.h"
#include "runtime/streams.h"

struct Mdx {
    Arena *arena;
    // options
    Str out;               // folder for results
    bool write;            // whether results are written
    bool json;             // messages as JSON
    bool parse_only;       // mdx_read looks at the syntax alone
    const DeviceApi *device;
    DeviceOptions device_options;
    DType states;          // what states are stored as where the device shortens them; DTYPE_COUNT: as the weights
    uint64_t memory;       // bytes that a run may use; 0: most of what the machine has
    uint64_t used;          // memory of the process before there was a plan
    uint32_t least_parts;  // micro-batches that the user asked for
    uint32_t parts;        // those of the plan
    bool apart;            // no two steps are made one: memory is too short for that
    bool keep;             // what a rerun with other values of a sweep needs
    uint32_t bench_repeat; // runs of each row of mdx_bench; 0: until their interval is narrow
    Str bench_rows;        // what mdx_bench measures beside the experiment; empty: all
    double bench_longest;  // seconds that a row may take
    bool profile;          // say where the time of a run went
    BuildOptions build;
    PassOptions passes;
    StrList sets;
    // the spec
    Spec spec;
    Diags diags;
    Experiment *exp;       // NULL before a spec was read without errors
    const DType *weights;  // [exp->models.len] what they are stored as
    // the plan
    Streams *streams;
    Facts facts;
    Tables *tables;
    Graph graph;
    uint64_t *fired;       // [tables->fires.len] rows that each patch of a run writes
    bool graph_made;
    Plan plan;
    bool plan_made;
    Text dumps;
    // the results
    Results results;
    OpenFiles files;
    Execution execution;
    Executor *executor;    // of a run that is kept
    bool ran;
    Str folder;
    Text profiled;         // where the time went
    Text messages;         // rendered, beside diags
    size_t rendered;       // diags that are in messages
    volatile sig_atomic_t stop;
    bool stopped;
    Listener listener;
    void (*progress)(void *self, const char *phase, double done, double total);
    void *progress_self;
};

void session_drop_executor(Mdx *mdx);
// Tells who listens that a part of the work begins of which it is not known how long it is.
void session_phase(const Mdx *mdx, const char *name);
bool session_disabled(const Mdx *mdx, const char *pass); // by the option disable

// memory.c: what the machine has and the process uses, in bytes; 0 when it cannot be known.
uint64_t memory_used(void);      // now, mapped files not counted
uint64_t memory_peak(void);      // at most, mapped files among it
uint64_t memory_available(void); // that a run can still have
// "2GiB", "512 MB", "1e9" as bytes.
bool memory_parse(const char *text, uint64_t *out);
void memory_write(uint64_t bytes, Text *out);

// The stages: each makes the earlier ones when they are missing.
bool session_streams(Mdx *mdx, Error *err);
bool session_graph(Mdx *mdx, Error *err);
bool session_plan(Mdx *mdx, Error *err);
// Puts an error into the messages: with its line of the spec when it has one. Returns false.
bool session_failed(Mdx *mdx, const Error *err);
void session_warning(Mdx *mdx, Span span, const char *text);
bool session_refuse(Mdx *mdx, const char *format, ...) PRINTF_LIKE(2, 3); // a message without a place

// states.c: what each model's weights are stored as, by its config.json (f32 when it does not say); what states become.
const DType *session_weights(Mdx *mdx); // reads the files: Mdx.weights has them
DType session_states(const Mdx *mdx);

// explain.c: what the last run multiplied, as mdx_explain counts it.
Cost session_executed(const Mdx *mdx);

// overlap.c: whether no prompt on which something is measured is one that it was fitted on, under another name.
bool session_overlap(Mdx *mdx, Error *err);

// results_open.c: the empty results that the experiment will fill.
bool session_results(Mdx *mdx, Error *err);

// artifact.c: writes the results' folder and sets mdx->folder. `seconds` are the run's own.
typedef struct {
    double started, seconds; // seconds since 1970, seconds
    uint64_t peak;           // bytes of memory that the process had at most, mapped files among them; 0: not known
} RunTimes;
bool session_write(Mdx *mdx, const OpenFiles *files, const RunTimes *times, Error *err);
