// pass_axes.c: "share below": a node is computed once for each point of the sweeps that reach it.
//
// Build gives every node of a run the points of all sweeps of the run. What a sweep reaches is the union over a
// node's inputs, and its own sweep for a value of one. A node that loses an axis often becomes the same as a node of
// another run (the layers below a patch), and graph_node then makes them one.
#include "compiler/passes.h"

AxisSet axes_reaching(const Node *like, AxisRange *by_axis) {
    space_ranges(like->space, by_axis);
    if (like->op == OP_axis) return like->space->axes;
    AxisSet axes = 0;
    for (size_t i = 0; i < OP_MOST_INPUTS && like->in[i]; i++) axes |= like->in[i]->space->axes;
    return axes;
}

static Node *narrow_axes(Graph *to, const Node *old, Node like, void *self) {
    (void)old, (void)self;
    AxisRange by_axis[MOST_AXES];
    like.space = space_with_axes(&to->tables->spaces, like.space, axes_reaching(&like, by_axis), by_axis);
    return graph_node(to, like);
}

Graph pass_axes(const Graph *graph) {
    return graph_rewrite(graph, narrow_axes, NULL);
}
