// passes.h: the middle of the compiler: what is done to the graph, in which order, and why in that order.
#pragma once

#include "compiler/graph.h"

typedef struct {
    const char *name;
    Graph (*run)(const Graph *graph);
    const char *what;
    const char *why; // it stands where it does
} Pass;

extern const Pass passes[];
extern const size_t pass_count;

typedef struct {
    StrList disabled; // names of passes; "share" makes equal nodes stay apart
    StrList dump;     // names after which the graph is printed; "all"
    bool verify;      // after each pass
} PassOptions;

// Whether the name is a pass, or another word that --disable takes.
bool pass_known(Str name, bool disable);

// Runs the passes in order. Dumps go to `dumps`; a graph that breaks a rule ends the program: that is a bug.
Graph passes_run(const Graph *graph, const PassOptions *options, Text *dumps);
void passes_print(Text *out);

// fires.c: how many of the rows that something reads each of Tables.fires writes in the graph that is run; false when
// these are not the rows that the spec selects.
bool fires_check(const Graph *graph, Arena *arena, uint64_t **written, Error *err);

// batch.c: the same graph over `parts` micro-batches of the prompts, with the same bits but in maps when fits of many rows
// may be given sums of them. At most graph_most_parts help.
Graph graph_batched(const Graph *graph, uint32_t parts, bool sums);
uint32_t graph_most_parts(const Graph *graph);

Graph pass_axes(const Graph *graph);
Graph pass_fold(const Graph *graph);
Graph pass_slice(const Graph *graph);
Graph pass_prune(const Graph *graph);
// Of the graph as it was built: which rows that patches write something reads (Fire.read).
void graph_find_read(const Graph *built);

// The sweeps that reach a node: those of its inputs, its own for a value of one. by_axis gets the ranges of `like`.
AxisSet axes_reaching(const Node *like, AxisRange *by_axis);
