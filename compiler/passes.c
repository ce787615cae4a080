// passes.c: the table of passes, and the loop that runs, verifies and dumps them.
#include <stdio.h>
#include <stdlib.h>

#include "compiler/passes.h"

const Pass passes[] = {
    {"axes", pass_axes, "a node has the points of the sweeps that reach it, no others",
     "first: what no sweep reaches becomes one node with its twin in other runs, and all later passes see it once"},
    {"fold", pass_fold, "arithmetic on constants, identities, patches that write what is there",
     "before prune: what is folded away reads no rows"},
    {"slice", pass_slice, "a patched run has the rows that can differ from the run without the patch, no others",
     "after fold: a patch that writes what is there makes no row differ"},
    {"prune", pass_prune, "a node has the rows that something reads, no others",
     "last: every earlier pass changes who reads what"},
};
const size_t pass_count = COUNT(passes);

static bool list_has(const StrList *list, const char *name) {
    for (size_t i = 0; i < list->len; i++)
        if (str_is(list->at[i], name) || str_is(list->at[i], "all")) return true;
    return false;
}

bool pass_known(Str name, bool disable) {
    if (str_is(name, "all") || (disable && (str_is(name, "share") || str_is(name, "fuse") || str_is(name, "batch")))) return true;
    for (size_t i = 0; i < pass_count; i++)
        if (str_is(name, passes[i].name)) return true;
    return false;
}

static void check_graph(const Graph *graph, const char *after) {
    Arena *scratch = arena_open();
    const char *wrong = graph_verify(graph, scratch);
    if (wrong) {
        Text text = text_open(scratch);
        graph_print(graph, &text);
        fprintf(stderr, "%smdx: after %s: %s\n", text.at, after, wrong);
        BUG("the graph breaks a rule");
    }
    arena_close(scratch);
}

static void dump(const Graph *graph, const char *after, size_t nodes_before, Text *dumps) {
    text_add(dumps, "---- after %s: %zu nodes%s\n", after, graph->nodes.len,
             graph->nodes.len == nodes_before ? " (unchanged in number)" : "");
    graph_print(graph, dumps);
}

Graph passes_run(const Graph *graph, const PassOptions *options, Text *dumps) {
    Graph now = *graph;
    if (options->verify) check_graph(&now, "build");
    if (list_has(&options->dump, "build")) dump(&now, "build", 0, dumps);
    for (size_t i = 0; i < pass_count; i++) {
        if (list_has(&options->disabled, passes[i].name)) continue;
        size_t before = now.nodes.len;
        now = passes[i].run(&now);
        if (options->verify) check_graph(&now, passes[i].name);
        if (list_has(&options->dump, passes[i].name)) dump(&now, passes[i].name, before, dumps);
    }
    return now;
}

void passes_print(Text *out) {
    for (size_t i = 0; i < pass_count; i++)
        text_add(out, "%-8s %s\n         %s\n", passes[i].name, passes[i].what, passes[i].why);
}
