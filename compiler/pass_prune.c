// pass_prune.c: rows that nothing reads are not computed.
//
// Backwards from what metrics, captures and fits name: N(node) is the set of rows that somebody reads (the table in
// docs/architecture.md). A run that is read at layer L ends there; the last block and the unembedding go over the
// rows that a metric reads; a row that a patch replaces is not computed below it.
#include "compiler/passes.h"

typedef struct {
    const Graph *graph;
    Spaces *spaces;
    const Selection **need; // by id; NULL: nothing so far, or no rows of tokens
} Prune;

static bool is_tokens(const Node *node) {
    return node->space->kind == SPACE_tokens;
}

static void demand(Prune *prune, const Node *node, const Selection *rows) {
    if (!is_tokens(node)) return;
    const Selection **need = &prune->need[node->id];
    *need = *need ? selection_or(prune->spaces, *need, rows) : rows;
}

static const Selection *selection_at(const Prune *prune, uint32_t id) {
    return prune->spaces->selections.at[id];
}

// A patch of whole rows takes them from its value; of some heads, from both.
static void demand_write(Prune *prune, const Node *node, const Selection *rows) {
    const Selection *where = selection_at(prune, node->attr.write.selection);
    bool whole = !node->attr.write.blocks.size;
    demand(prune, node->in[0], whole ? selection_minus(prune->spaces, rows, where) : rows);
    demand(prune, node->in[1], selection_and(prune->spaces, rows, where));
}

static void demand_splice(Prune *prune, const Node *node, const Selection *rows) {
    const Selection *own = selection_at(prune, node->attr.write.selection);
    demand(prune, node->in[0], selection_minus(prune->spaces, rows, own));
    demand(prune, node->in[1], selection_and(prune->spaces, rows, own));
}

static void demand_inputs(Prune *prune, const Node *node) {
    const Selection *rows = prune->need[node->id];
    for (size_t i = 0; i < OP_MOST_INPUTS && node->in[i]; i++) {
        const Node *in = node->in[i];
        if (!is_tokens(in)) continue;
        switch (op_info[node->op].rows) {
        case ROWS_LEAF: break;
        case ROWS_ROWWISE:
            if (node->op != OP_write && node->op != OP_splice) demand(prune, in, rows);
            break;
        case ROWS_ATTENTION: demand(prune, in, i == 0 ? rows : selection_causal(prune->spaces, rows)); break;
        case ROWS_ROWS: {
            if (node->op == OP_join) { // made after prune, of rows that are read
                demand(prune, in, in->space->selection);
                break;
            }
            const Selection *from = selection_at(prune, node->attr.rows.selection);
            demand(prune, in, selection_ranks(prune->spaces, rows, node->space->selection, from));
            break;
        }
        case ROWS_PROMPT: // these read all rows that they were given
        case ROWS_POINT:
        case ROWS_MATRIX: demand(prune, in, in->space->selection); break;
        }
    }
    if (node->op == OP_write) demand_write(prune, node, rows);
    if (node->op == OP_splice) demand_splice(prune, node, rows);
}

// A patch none of whose rows is read is its input; one all of whose rows are read, and replaced whole, is its value.
static Node *narrow_write(Prune *prune, Graph *to, const Node *old, Node like) {
    const Selection *rows = prune->need[old->id], *where = selection_at(prune, old->attr.write.selection);
    const Selection *written = selection_and(prune->spaces, rows, where);
    if (!written->count) return like.in[0];
    like.attr.write.selection = written->id;
    bool replaced = !like.attr.write.blocks.size && written == rows && is_tokens(like.in[1]);
    if (replaced && like.in[1]->space == like.space && like.in[1]->width == like.width) {
        if (!like.in[1]->name.len) like.in[1]->name = like.name;
        return like.in[1];
    }
    return graph_node(to, like);
}

// A splice of whose rows one side has all is that side.
static Node *narrow_splice(Prune *prune, Graph *to, const Node *old, Node like) {
    const Selection *rows = prune->need[old->id], *own = selection_and(prune->spaces, rows, selection_at(prune, old->attr.write.selection));
    if (!own->count) return like.in[0];
    like.attr.write.selection = own->id;
    return own == rows ? like.in[1] : graph_node(to, like);
}

static Node *narrow(Graph *to, const Node *old, Node like, void *self) {
    Prune *prune = self;
    if (!is_tokens(old)) return graph_node(to, like);
    const Selection *rows = prune->need[old->id];
    if (!rows) rows = selection_none(prune->spaces, old->space->selection->stream);
    if (old->op == OP_rows) {
        const Selection *from = selection_at(prune, old->attr.rows.selection);
        like.attr.rows.selection = selection_ranks(prune->spaces, rows, old->space->selection, from)->id;
    }
    like.space = space_with_selection(prune->spaces, like.space, rows);
    if (old->op == OP_splice) return narrow_splice(prune, to, old, like);
    return old->op == OP_write ? narrow_write(prune, to, old, like) : graph_node(to, like);
}

static Node *keep(Graph *to, const Node *old, Node like, void *self) {
    (void)old, (void)self;
    return graph_node(to, like);
}

static Prune find_needs(const Graph *graph, Arena *arena) {
    Prune prune = {graph, &graph->tables->spaces, arena_many(arena, const Selection *, graph->nodes.len + 1)};
    const bool *reached = graph_reached(graph, arena);
    for (size_t i = 0; i < graph->outputs.len; i++) { // captured states: all the rows that were asked for
        const Node *node = graph->outputs.at[i].node;
        if (is_tokens(node)) demand(&prune, node, node->space->selection);
    }
    for (size_t i = graph->nodes.len; i-- > 0;)
        if (reached[i]) demand_inputs(&prune, graph->nodes.at[i]);
    return prune;
}

void graph_find_read(const Graph *built) {
    Arena *scratch = arena_open();
    Prune prune = find_needs(built, scratch);
    for (size_t i = 0; i < built->fires.len; i++) {
        const GraphFire *fire = &built->fires.at[i];
        const Selection *need = prune.need[fire->node->id];
        Fire *of = &built->tables->fires.at[fire->fire];
        if (need) of->read = selection_and(prune.spaces, need, of->where);
    }
    arena_close(scratch);
}

// Patches none of whose rows are read are gone.
static void drop_unread(Prune *prune, Graph *graph) {
    size_t kept = 0;
    for (size_t i = 0; i < graph->fires.len; i++) {
        const GraphFire *fire = &graph->fires.at[i];
        const Selection *need = prune->need[fire->node->id], *where = graph->tables->fires.at[fire->fire].where;
        if (need && selection_and(prune->spaces, need, where)->count) graph->fires.at[kept++] = *fire;
    }
    graph->fires.len = kept;
}

Graph pass_prune(const Graph *graph) {
    Arena *scratch = arena_open();
    Prune prune = find_needs(graph, scratch);
    Graph from = *graph;
    from.fires.at = arena_copy(scratch, graph->fires.at, graph->fires.len * sizeof *from.fires.at);
    drop_unread(&prune, &from);
    Graph out = graph_rewrite(&from, narrow, &prune);
    arena_close(scratch);
    return graph_rewrite(&out, keep, NULL); // without what only replaced values needed
}
