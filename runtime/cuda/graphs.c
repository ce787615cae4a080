// graphs.c: launching what a run repeats as CUDA graphs.
//
// A graph costs about as much to make as a few launches of its steps, and saves nothing where steps take longer than
// their launches: few steps, and steps that are large, are launched as they are.
#include "runtime/cuda/graphs.h"

enum { LEAST_STEPS = 8, MOST_STEPS = 4096 };
static const double MOST_FLOPS = 2e14; // about a quarter of a second: what waits cannot be stopped

typedef struct {
    Str steps; // their numbers
    uint32_t uses;
    CuGraphExec exec;
} Segment;

struct Graphs {
    const Gpu *gpu;
    LaunchStep *launch;
    void *self;
    Arena *arena;
    StrMap seen; // steps to segment
    LIST(Segment) segments;
    U32List waiting;
    double flops;
};

Graphs *graphs_open(const Gpu *gpu, LaunchStep *launch, void *self, Arena *arena) {
    Graphs *graphs = arena_new(arena, Graphs);
    *graphs = (Graphs){.gpu = gpu, .launch = launch, .self = self, .arena = arena, .seen = strmap_open(arena, 16)};
    return graphs;
}

static bool launch_all(Graphs *graphs, Error *err) {
    for (size_t i = 0; i < graphs->waiting.len; i++) TRY(graphs->launch(graphs->self, graphs->waiting.at[i], err));
    return true;
}

static Segment *segment_of(Graphs *graphs) {
    Str steps = {(const char *)graphs->waiting.at, graphs->waiting.len * sizeof *graphs->waiting.at};
    uint32_t number;
    if (strmap_get(&graphs->seen, steps, &number)) return &graphs->segments.at[number];
    steps = str_copy(graphs->arena, steps);
    strmap_put(&graphs->seen, steps, (uint32_t)graphs->segments.len);
    list_push(graphs->arena, &graphs->segments, (Segment){.steps = steps});
    return &graphs->segments.at[graphs->segments.len - 1];
}

// A capture that fails has launched nothing: the steps are launched one by one then, and ever after.
static void capture(Graphs *graphs, Segment *segment) {
    Error ignored;
    CuGraph graph = NULL;
    if (cuda.StreamBeginCapture(graphs->gpu->stream, CAPTURE_RELAXED)) return;
    bool launched = launch_all(graphs, &ignored);
    bool ended = !cuda.StreamEndCapture(graphs->gpu->stream, &graph);
    if (launched && ended && cuda.GraphInstantiateWithFlags(&segment->exec, graph, 0)) segment->exec = NULL;
    if (graph) cuda.GraphDestroy(graph);
}

static bool launch_segment(Graphs *graphs, Error *err) {
    if (graphs->waiting.len < LEAST_STEPS) return launch_all(graphs, err);
    Segment *segment = segment_of(graphs);
    if (++segment->uses == 2) capture(graphs, segment);
    if (!segment->exec) return launch_all(graphs, err);
    return cuda_ok(cuda.GraphLaunch(segment->exec, graphs->gpu->stream), "launching a graph", err);
}

bool graphs_flush(Graphs *graphs, Error *err) {
    if (!graphs->waiting.len) return true;
    bool ok = launch_segment(graphs, err);
    graphs->waiting.len = 0;
    graphs->flops = 0;
    return ok;
}

bool graphs_add(Graphs *graphs, uint32_t step, double flops, Error *err) {
    list_push(graphs->arena, &graphs->waiting, step);
    graphs->flops += flops;
    return (graphs->waiting.len < MOST_STEPS && graphs->flops < MOST_FLOPS) || graphs_flush(graphs, err);
}

void graphs_close(Graphs *graphs) {
    for (size_t i = 0; graphs && i < graphs->segments.len; i++)
        if (graphs->segments.at[i].exec) cuda.GraphExecDestroy(graphs->segments.at[i].exec);
}
