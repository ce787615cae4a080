// batch.c: a graph whose rows are computed in micro-batches of prompts, so that less memory is needed at once.
//
// Prompts know nothing of each other: every value of tokens becomes one value for each part of its prompts, with the
// same rows. Where something needs all rows (a fit, a mean over prompts, a result), the parts are joined; rows stand
// in the order of the prompts, so joining them is putting one behind the other.
#include "compiler/passes.h"

typedef struct {
    Spaces *spaces;
    uint32_t parts;
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

static void batch_node(Batch *batch, Graph *to, const Node *old, Arena *scratch) {
    if (old->space->kind == SPACE_tokens) {
        batch->part[old->id] = arena_many(scratch, Node *, batch->parts);
        for (uint32_t b = 0; b < batch->parts; b++) batch->part[old->id][b] = part_of(batch, to, old, b);
        return;
    }
    Node like = *old;
    for (size_t i = 0; i < OP_MOST_INPUTS && old->in[i]; i++)
        like.in[i] = batch->part[old->in[i]->id] ? joined(batch, to, old->in[i]) : batch->whole[old->in[i]->id];
    batch->whole[old->id] = graph_node(to, like);
}

Graph graph_batched(const Graph *graph, uint32_t parts) {
    Arena *scratch = arena_open();
    Batch batch = {.spaces = &graph->tables->spaces, .parts = parts, .part = arena_many(scratch, Node **, graph->nodes.len + 1),
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
