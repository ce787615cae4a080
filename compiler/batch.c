// batch.c: a graph whose rows are computed in micro-batches of prompts, so that less memory is needed at once.
//
// Prompts know nothing of each other: every value of tokens becomes one value for each part of its prompts, with the
// same rows. Where something needs all rows (a fit, a mean over prompts, a result), the parts are joined; rows stand
// in the order of the prompts, so joining them is putting one behind the other.
#include "compiler/passes.h"

typedef struct {
    Spaces *spaces;
    uint32_t parts;
    bool sums; // fits of many rows may be given sums
    const Selection ***limit;  // [stream][part]: all tokens of the part's prompts
    Node ***part;              // [old node][part], of tokens
    Node **whole;              // [old node]
} Batch;

// Prompts of part b end where b + 1 of `parts` equal shares of the tokens do. Both tokenizations of a definition must
// be cut at the same prompts: the first that is asked decides.
static uint32_t *cuts_of(const Stream *stream, uint32_t parts, Arena *arena) {
    uint32_t *cut = arena_many(arena, uint32_t, parts + 1), p = 0;
    for (uint32_t b = 1; b <= parts; b++) {
        uint64_t share = (uint64_t)stream->start[stream->count] * b / parts;
        while (p < stream->count && (stream->start[p + 1] <= share || b == parts)) p++;
        cut[b] = p;
    }
    return cut;
}

static void find_limits(Batch *batch, Arena *scratch) {
    Spaces *spaces = batch->spaces;
    size_t streams = spaces->streams.len;
    uint32_t **cuts = arena_many(scratch, uint32_t *, spaces->exp->prompts.len + 1);
    batch->limit = arena_many(scratch, const Selection **, streams + 1);
    for (uint32_t s = 0; s < streams; s++) {
        const Stream *stream = spaces->streams.at[s].stream;
        uint32_t **cut = &cuts[spaces->streams.at[s].prompts];
        if (!*cut) *cut = cuts_of(stream, batch->parts, scratch);
        batch->limit[s] = arena_many(scratch, const Selection *, batch->parts);
        for (uint32_t b = 0; b < batch->parts; b++) {
            uint32_t from = stream->start[(*cut)[b]], to = stream->start[(*cut)[b + 1]];
            bool *flags = arena_many(scratch, bool, stream->start[stream->count] + 1);
            memset(flags + from, true, to - from);
            batch->limit[s][b] = selection_of(spaces, s, flags);
        }
    }
}

static const Selection *limited(const Batch *batch, const Selection *selection, uint32_t b) {
    return selection_and(batch->spaces, selection, batch->limit[selection->stream][b]);
}

static uint32_t limited_id(const Batch *batch, uint32_t selection, uint32_t b) {
    return limited(batch, batch->spaces->selections.at[selection], b)->id;
}

static Node *part_of(const Batch *batch, Graph *to, const Node *old, uint32_t b) {
    Node like = *old;
    like.space = space_with_selection(batch->spaces, old->space, limited(batch, old->space->selection, b));
    if (old->op == OP_rows) like.attr.rows.selection = limited_id(batch, old->attr.rows.selection, b);
    if (old->op == OP_write || old->op == OP_splice) like.attr.write.selection = limited_id(batch, old->attr.write.selection, b);
    for (size_t i = 0; i < OP_MOST_INPUTS && old->in[i]; i++) {
        Node **parts = batch->part[old->in[i]->id];
        like.in[i] = parts ? parts[b] : batch->whole[old->in[i]->id];
    }
    return graph_node(to, like);
}

static Node *joined(Batch *batch, Graph *to, const Node *old) {
    if (batch->whole[old->id]) return batch->whole[old->id];
    Node *node = NULL;
    for (uint32_t b = 0; b < batch->parts; b++) {
        Node *part = batch->part[old->id][b];
        if (!part->space->rows && (node || b + 1 < batch->parts)) continue;
        if (!node) {
            node = part;
            continue;
        }
        Node like = {.op = OP_join, .dtype = old->dtype, .width = old->width, .in = {node, part}, .span = old->span, .run = old->run, .name = old->name};
        const Selection *rows = selection_or(batch->spaces, node->space->selection, part->space->selection);
        like.space = space_with_selection(batch->spaces, old->space, rows);
        like.attr.join.part = b;
        node = graph_node(to, like);
    }
    return batch->whole[old->id] = node;
}

// ---- Fits of many rows: what the rows come to is summed up micro-batch by micro-batch, and they are dropped

static bool fits_on_sums(Op op) {
    switch (op) {
    case OP_fit_mean:
    case OP_fit_procrustes:
    case OP_fit_ridge:
    case OP_fit_moments:
    case OP_random_rotation:
    case OP_basis_pca:
    case OP_basis_diff:
    case OP_basis_joint: return true;
    default: return false;
    }
}

static uint64_t sums_width(const Node *fit) {
    return fit->in[0]->width + (op_info[fit->op].inputs > 1 ? fit->in[1]->width : 0ull);
}

// Where the rows are more than their sums. Of pairs that are none of the prompts' own one row's source comes in one micro-batch, and its target in
// another.
static bool becomes_sums(const Batch *batch, const Node *old) {
    bool two = op_info[old->op].inputs > 1;
    if (!batch->sums || !fits_on_sums(old->op) || !batch->part[old->in[0]->id] || (two && !batch->part[old->in[1]->id])) return false;
    if (op_is_paired(old->op) && old->attr.pairs.target) return false;
    return old->in[two]->space->rows > 2 * (sums_width(old) + SUMS_PRODUCTS);
}

// Of the rows from `first` on, before `end`; NULL when there are none.
static Node *sums_node(const Batch *batch, Graph *to, const Node *old, uint64_t first, uint64_t end) {
    bool two = op_info[old->op].inputs > 1;
    Node *sums = NULL, **x = batch->part[old->in[0]->id], **y = batch->part[old->in[two]->id];
    uint64_t begin = 0, width = sums_width(old);
    for (uint32_t b = 0; b < batch->parts; b++) {
        uint64_t rows = y[b]->space->rows, from = MAX(first, begin), until = MIN(end, begin + rows);
        if (from < until) {
            Node like = {.op = sums ? OP_sums_more : OP_sums, .dtype = DTYPE_f64, .width = (uint32_t)width, .in = {x[b], y[b], sums}, .span = old->span};
            like.space = space_matrix(batch->spaces, width + SUMS_PRODUCTS);
            like.attr.sums.first = from - begin;
            like.attr.sums.count = until - from;
            like.attr.sums.part = b;
            like.attr.sums.one = !two;
            sums = graph_node(to, like);
        }
        begin += rows;
    }
    return sums;
}

static Node *fit_of_sums(const Batch *batch, Graph *to, const Node *old) {
    bool two = op_info[old->op].inputs > 1;
    uint64_t rows = old->in[two]->space->rows, held = old->op == OP_fit_ridge ? old->attr.ridge.held : 0;
    Node like = *old;
    like.in[0] = sums_node(batch, to, old, 0, rows - held);
    if (two) like.in[1] = held ? sums_node(batch, to, old, rows - held, rows) : like.in[0];
    if (old->op == OP_fit_ridge) like.in[2] = batch->whole[old->in[2]->id];
    return graph_node(to, like);
}

static void batch_node(Batch *batch, Graph *to, const Node *old, Arena *scratch) {
    if (old->space->kind == SPACE_tokens) {
        batch->part[old->id] = arena_many(scratch, Node *, batch->parts);
        for (uint32_t b = 0; b < batch->parts; b++) batch->part[old->id][b] = part_of(batch, to, old, b);
        return;
    }
    if (becomes_sums(batch, old)) {
        batch->whole[old->id] = fit_of_sums(batch, to, old);
        return;
    }
    Node like = *old;
    for (size_t i = 0; i < OP_MOST_INPUTS && old->in[i]; i++)
        like.in[i] = batch->part[old->in[i]->id] ? joined(batch, to, old->in[i]) : batch->whole[old->in[i]->id];
    batch->whole[old->id] = graph_node(to, like);
}

Graph graph_batched(const Graph *graph, uint32_t parts, bool sums) {
    Arena *scratch = arena_open();
    Batch batch = {.spaces = &graph->tables->spaces, .parts = parts, .sums = sums, .part = arena_many(scratch, Node **, graph->nodes.len + 1),
                   .whole = arena_many(scratch, Node *, graph->nodes.len + 1)};
    find_limits(&batch, scratch);
    Graph out = graph_open(graph->tables);
    const bool *reached = graph_reached(graph, scratch);
    for (size_t i = 0; i < graph->nodes.len; i++)
        if (reached[i]) batch_node(&batch, &out, graph->nodes.at[i], scratch);
    for (size_t i = 0; i < graph->outputs.len; i++) {
        GraphOutput output = graph->outputs.at[i];
        const Node *old = output.node;
        output.node = batch.part[old->id] ? joined(&batch, &out, old) : batch.whole[old->id];
        list_push(graph->tables->arena, &out.outputs, output);
    }
    arena_close(scratch);
    return out;
}

uint32_t graph_most_parts(const Graph *graph) {
    const Spaces *spaces = &graph->tables->spaces;
    uint32_t most = 1;
    for (size_t i = 0; i < spaces->streams.len; i++) most = MAX(most, spaces->streams.at[i].stream->count);
    return most;
}
