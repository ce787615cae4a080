// pass_slice.c: "share before": a patched run computes only the rows that can differ from the run without the patch.
//
// D(node), forwards: the rows that may differ once the patches that count here are left out (the table in
// docs/architecture.md). Each node of tokens becomes up to three: `clean`, without those patches; `own`, the same
// operation over the rows of D alone; and `full`, a splice of both, where a reader needs rows of either kind. prune,
// which comes after, then leaves each with the rows that are read, and most splices with one side: C = D and N.
//
// The pass goes once for each sweep of numbers, with the patches that bring it in: what does not differ from point to
// point is computed once for all points. Then it goes once more with all patches that are left.
#include "compiler/passes.h"

typedef struct {
    const Graph *from;
    Graph *to;
    Spaces *spaces;
    AxisSet axis;             // the patches that count bring in this sweep; 0: all patches count
    const Selection **differ; // by old id, of tokens: D; NULL when it is empty
    Node **clean, **own, **full;
} Slice;

static bool is_tokens(const Node *node) {
    return node->space->kind == SPACE_tokens;
}

static const Selection *selection_at(const Slice *slice, uint32_t id) {
    return slice->spaces->selections.at[id];
}

static const Selection *empty_as_null(const Selection *selection) {
    return selection && selection->count ? selection : NULL;
}

static const Selection *both(const Slice *slice, const Selection *a, const Selection *b) {
    return !a ? b : !b ? a : selection_or(slice->spaces, a, b);
}

// ---- D

// Whether the run differs here from one without patches, on purpose: the patch counts.
static bool counts(const Slice *slice, const Node *node) {
    if (node->op != OP_write) return false;
    return !slice->axis || ((node->in[1]->space->axes & slice->axis) && !(node->in[0]->space->axes & slice->axis));
}

static const Selection *differ_attention(const Slice *slice, const Node *node) {
    const Selection *q = slice->differ[node->in[0]->id], *k = slice->differ[node->in[1]->id], *v = slice->differ[node->in[2]->id];
    const Selection *keys = both(slice, k, v);
    return both(slice, q, keys ? selection_suffix(slice->spaces, keys) : NULL);
}

static const Selection *differ_rows(const Slice *slice, const Node *node) {
    const Selection *in = slice->differ[node->in[0]->id], *from = selection_at(slice, node->attr.rows.selection);
    if (!in) return NULL;
    return selection_ranks(slice->spaces, selection_and(slice->spaces, in, from), from, node->space->selection);
}

static const Selection *differ_rowwise(const Slice *slice, const Node *node) {
    const Selection *rows = NULL;
    for (size_t i = 0; i < OP_MOST_INPUTS && node->in[i]; i++)
        if (is_tokens(node->in[i])) rows = both(slice, rows, slice->differ[node->in[i]->id]);
    return rows;
}

static const Selection *differ_write(const Slice *slice, const Node *node) {
    const Selection *where = selection_at(slice, node->attr.write.selection), *x = slice->differ[node->in[0]->id];
    if (counts(slice, node)) return both(slice, x, where);
    const Selection *value = is_tokens(node->in[1]) ? slice->differ[node->in[1]->id] : NULL;
    if (x && !node->attr.write.blocks.size) x = selection_minus(slice->spaces, x, where);
    return both(slice, x, value ? selection_and(slice->spaces, value, where) : NULL);
}

// A splice of an earlier sweep. All rows of its second part, when any differ: parts of parts would gain nothing.
static const Selection *differ_splice(const Slice *slice, const Node *node) {
    const Selection *rows = differ_rowwise(slice, node);
    return rows ? both(slice, rows, selection_at(slice, node->attr.write.selection)) : NULL;
}

static const Selection *find_differ(const Slice *slice, const Node *node) {
    const Selection *rows = node->op == OP_write                       ? differ_write(slice, node)
                            : node->op == OP_splice                    ? differ_splice(slice, node)
                            : node->op == OP_rows                      ? differ_rows(slice, node)
                            : op_info[node->op].rows == ROWS_ATTENTION ? differ_attention(slice, node)
                                                                       : differ_rowwise(slice, node);
    return rows ? empty_as_null(selection_and(slice->spaces, rows, node->space->selection)) : NULL;
}

// ---- The three nodes

static Node *add_node(Slice *slice, Node like) {
    AxisRange by_axis[MOST_AXES];
    like.space = space_with_axes(slice->spaces, like.space, axes_reaching(&like, by_axis), by_axis);
    return graph_node(slice->to, like);
}

static Node *full_of(Slice *slice, const Node *old) {
    Node **full = &slice->full[old->id];
    if (*full) return *full;
    Node *own = slice->own[old->id], *clean = slice->clean[old->id];
    if (!own) return *full = clean;
    if (own->space->selection == old->space->selection) return *full = own;
    Node like = {.op = OP_splice, .dtype = old->dtype, .width = old->width, .space = old->space, .in = {clean, own},
                 .span = own->span, .run = own->run, .name = old->name};
    like.attr.write.selection = own->space->selection->id;
    return *full = add_node(slice, like);
}

// The input of a node that computes `rows`: from one side when that has them all.
static Node *picked(Slice *slice, const Node *in, const Selection *rows) {
    const Selection *differ = is_tokens(in) ? slice->differ[in->id] : NULL;
    if (!differ) return slice->clean[in->id];
    if (selection_within(rows, differ)) return slice->own[in->id];
    return selection_and(slice->spaces, rows, differ)->count ? full_of(slice, in) : slice->clean[in->id];
}

static Node *own_of(Slice *slice, const Node *old, const Selection *rows) {
    Node like = *old;
    like.space = space_with_selection(slice->spaces, old->space, rows);
    const Selection *reads[OP_MOST_INPUTS] = {rows, rows, rows};
    if (op_info[old->op].rows == ROWS_ATTENTION) reads[1] = reads[2] = selection_causal(slice->spaces, rows);
    if (old->op == OP_rows) {
        const Selection *from = selection_at(slice, old->attr.rows.selection);
        reads[0] = selection_ranks(slice->spaces, rows, old->space->selection, from);
        like.attr.rows.selection = reads[0]->id;
    }
    if (old->op == OP_write) {
        reads[1] = selection_and(slice->spaces, rows, selection_at(slice, old->attr.write.selection));
        like.attr.write.selection = reads[1]->id;
    }
    if (old->op == OP_splice) reads[1] = selection_at(slice, old->attr.write.selection);
    for (size_t i = 0; i < OP_MOST_INPUTS && old->in[i]; i++) like.in[i] = picked(slice, old->in[i], reads[i]);
    return add_node(slice, like);
}

static Node *clean_of(Slice *slice, const Node *old) {
    if (counts(slice, old)) return slice->clean[old->in[0]->id];
    Node like = *old;
    for (size_t i = 0; i < OP_MOST_INPUTS && old->in[i]; i++) like.in[i] = slice->clean[old->in[i]->id];
    return add_node(slice, like);
}

// What goes over rows of tokens has three nodes; what goes over prompts, points or matrices reads whole inputs.
static void slice_node(Slice *slice, const Node *old) {
    if (is_tokens(old)) {
        const Selection *rows = slice->differ[old->id] = find_differ(slice, old);
        slice->clean[old->id] = clean_of(slice, old);
        if (rows) slice->own[old->id] = own_of(slice, old, rows);
        return;
    }
    Node like = *old;
    for (size_t i = 0; i < OP_MOST_INPUTS && old->in[i]; i++)
        like.in[i] = is_tokens(old->in[i]) ? full_of(slice, old->in[i]) : slice->clean[old->in[i]->id];
    slice->clean[old->id] = add_node(slice, like);
}

static Graph slice_once(const Graph *graph, AxisSet axis) {
    Arena *scratch = arena_open();
    Graph out = graph_open(graph->tables);
    size_t count = graph->nodes.len;
    Slice slice = {.from = graph, .to = &out, .spaces = &graph->tables->spaces, .axis = axis};
    slice.differ = arena_many(scratch, const Selection *, count);
    slice.clean = arena_many(scratch, Node *, count);
    slice.own = arena_many(scratch, Node *, count);
    slice.full = arena_many(scratch, Node *, count);
    const bool *reached = graph_reached(graph, scratch);
    for (size_t i = 0; i < count; i++)
        if (reached[i]) slice_node(&slice, graph->nodes.at[i]);
    for (size_t i = 0; i < graph->outputs.len; i++) {
        GraphOutput output = graph->outputs.at[i];
        output.node = is_tokens(output.node) ? full_of(&slice, output.node) : slice.clean[output.node->id];
        list_push(graph->tables->arena, &out.outputs, output);
    }
    for (size_t i = 0; i < graph->fires.len; i++) {
        GraphFire fire = graph->fires.at[i];
        if (!reached[fire.node->id]) continue;
        Node *own = slice.own[fire.node->id];
        fire.node = own ? own : slice.clean[fire.node->id];
        list_push(graph->tables->arena, &out.fires, fire);
    }
    arena_close(scratch);
    return out;
}

static Node *keep(Graph *to, const Node *old, Node like, void *self) {
    (void)old, (void)self;
    return graph_node(to, like);
}

Graph pass_slice(const Graph *graph) {
    Graph now = *graph;
    AxisSet axes = 0;
    for (size_t i = 0; i < graph->nodes.len; i++)
        if (graph->nodes.at[i]->op == OP_write) axes |= graph->nodes.at[i]->space->axes;
    for (uint32_t a = 0; a < MOST_AXES; a++)
        if (axes >> a & 1) now = slice_once(&now, (AxisSet)1 << a);
    now = slice_once(&now, 0);
    return graph_rewrite(&now, keep, NULL); // without what nothing reads
}
