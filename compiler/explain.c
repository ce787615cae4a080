// explain.c: what is planned: rows of the products of the graph, by run and layer, and what runs read of each other.
//
// A product is charged to the run that the graph says it is of: the plainest that asks for it. The layers are counted
// from the graph. How often a row is unembedded is decided when metrics become steps, so that is read off the plan.
#include "compiler/explain.h"
#include "compiler/fuse.h"
#include "mdx/map.h"

uint64_t product_bytes(const Explanation *e, const Product *product) {
    return product->in * product->out * e->options->weight_bytes[product->model];
}

uint32_t run_of_node(const Explanation *e, const Node *node) {
    return node->run ? e->run_of[node->run - 1] : 0;
}

// ---- The work

// For each product that metrics alone read, where they unembed what they read: the tokens that they do.
static const Selection **find_unembedded(const Explanation *e, const bool *reached, Arena *scratch) {
    Spaces *spaces = (Spaces *)(uintptr_t)&e->graph->tables->spaces;
    const Selection **read = arena_many(scratch, const Selection *, e->graph->nodes.len + 1);
    for (size_t i = 0; i < e->graph->nodes.len; i++) {
        const Node *node = e->graph->nodes.at[i];
        for (size_t k = 0; k < OP_MOST_INPUTS && node->in[k] && reached[i]; k++) {
            const Node *in = node->in[k];
            if (!product_at(&e->products, in)) continue;
            const Selection *rows =
                e->options->fuses && metric_has_codes(node->op) ? node->space->selection : in->space->selection;
            read[in->id] = read[in->id] ? selection_or(spaces, read[in->id], rows) : rows;
        }
    }
    for (size_t i = 0; i < e->graph->outputs.len; i++) { // states that are kept
        const Node *node = e->graph->outputs.at[i].node;
        if (product_at(&e->products, node)) read[node->id] = node->space->selection;
    }
    return read;
}

// The nodes that something else than a proof needs, by id.
static bool *find_asked(const Graph *graph, Arena *arena) {
    bool *asked = arena_many(arena, bool, graph->nodes.len + 1);
    for (size_t i = 0; i < graph->outputs.len; i++)
        if (graph->outputs.at[i].kind != OUT_probe) asked[graph->outputs.at[i].node->id] = true;
    for (size_t i = graph->nodes.len; i-- > 0;)
        for (size_t k = 0; k < OP_MOST_INPUTS && asked[i]; k++)
            if (graph->nodes.at[i]->in[k]) asked[graph->nodes.at[i]->in[k]->id] = true;
    return asked;
}

static void find_work(Explanation *e, const bool *asked, Arena *scratch) {
    const bool *reached = graph_reached(e->graph, scratch);
    const Selection **unembedded = find_unembedded(e, reached, scratch);
    for (size_t i = 0; i < e->graph->nodes.len; i++) {
        const Node *node = e->graph->nodes.at[i];
        const Product *product = reached[i] ? product_at(&e->products, node) : NULL;
        if (!product || !node->space->rows) continue;
        MUST(run_of_node(e, node));
        const Selection *rows = product->unembeds && unembedded[i] ? unembedded[i] : node->space->selection;
        Work work = {node, product, rows, rows->count * node->space->points, run_of_node(e, node) - 1, !asked[i]};
        list_push(e->arena, &e->work, work);
    }
}

// ---- Rows of each run

static void layer_add(LayerCost *layer, const Work *work) {
    layer->flop = count_plus(layer->flop, product_flop(work->product, work->rows));
    if (!work->product->token_layer && !work->product->unembeds) return;
    if (layer->selection && layer->selection != work->selection) layer->mixed = true;
    layer->selection = work->selection;
    layer->rows += work->rows;
    layer->points += work->node->space->points;
}

static void add_planned(Explanation *e) {
    for (size_t i = 0; i < e->work.len; i++) {
        const Work *work = &e->work.at[i];
        RunCost *run = &e->runs.at[work->run];
        cost_add(work->proof ? &e->proofs : &run->planned, work->product, work->rows);
        if (work->proof) continue;
        layer_add(&run->layer[work->product->layer], work);
        run->most_together = MAX(run->most_together, work->node->space->points);
    }
}

// ---- What a run reads of others

typedef struct {
    Explanation *e;
    uint32_t run;
    uint32_t file; // of its model
    bool *seen;
    LIST(const Node *) open;
    Arena *scratch;
} Reader;

static Reads *reads_of(Reader *reader, uint32_t other) {
    Explanation *e = reader->e;
    RunCost *run = &e->runs.at[reader->run];
    for (size_t i = 0; i < run->reads.len; i++)
        if (run->reads.at[i].run == other) return &run->reads.at[i];
    list_push(e->arena, &run->reads, ((Reads){.run = other, .rows = arena_many(e->arena, uint64_t, run->layers + 1)}));
    return &run->reads.at[run->reads.len - 1];
}

static void note_read(Reader *reader, const Node *node) {
    const Product *product = product_at(&reader->e->products, node);
    uint32_t other = run_of_node(reader->e, node);
    if (!product || product->file != reader->file || !other || other - 1 == reader->run || !node->space->rows) return;
    Reads *reads = reads_of(reader, other - 1);
    cost_add(&reads->cost, product, node->space->rows);
    if (product->token_layer || product->unembeds) reads->rows[product->layer] += node->space->rows;
}

static void open_node(Reader *reader, const Node *node) {
    if (reader->seen[node->id]) return;
    reader->seen[node->id] = true;
    list_push(reader->scratch, &reader->open, node);
}

// The forward pass below a node. What a patch writes is of no forward pass: it has no run.
static void open_inputs(Reader *reader, const Node *node) {
    for (size_t i = 0; i < OP_MOST_INPUTS && node->in[i]; i++) {
        const Node *in = node->in[i];
        bool value = node->op == OP_write && i == 1;
        if (!value && (in->run || in->op == OP_write || in->op == OP_splice)) open_node(reader, in);
    }
}

static void find_reads(Explanation *e, uint32_t run, const bool *asked) {
    Arena *scratch = arena_open();
    Reader reader = {
        .e = e, .run = run, .scratch = scratch, .seen = arena_many(scratch, bool, e->graph->nodes.len + 1)};
    reader.file = product_file(e->graph->tables, e->runs.at[run].model);
    for (size_t i = 0; i < e->graph->nodes.len; i++)
        if (asked[i] && run_of_node(e, e->graph->nodes.at[i]) == run + 1) open_node(&reader, e->graph->nodes.at[i]);
    while (reader.open.len) {
        const Node *node = reader.open.at[--reader.open.len];
        note_read(&reader, node);
        open_inputs(&reader, node);
    }
    arena_close(scratch);
}

// ---- The plan

static const Product *product_of_value(const Explanation *e, uint32_t value) {
    if (value == NO_VALUE || e->plan->values[value].place != IN_FILE) return NULL;
    return product_of(&e->products, e->plan->values[value].file, e->plan->values[value].tensor);
}

// A row that a step unembeds for several of its rows is made once.
static uint64_t product_rows(const Step *step, const LogitsSource *source) {
    return source ? rows_distinct(source->map, 0, step->rows, NULL, NULL) : step->rows;
}

// By each source of logits; `again` holds all that the plan unembeds, until what the graph has is taken off.
static void add_step(Explanation *e, const Step *step) {
    if (!step->logits && (!step_is_product(step) || step->op != OP_linear)) return;
    for (uint32_t i = 0; i < (step->logits ? step->logits->source_count : step_weight_count(step)); i++) {
        const LogitsSource *source = step->logits ? &step->logits->sources[i] : NULL;
        const Product *product = product_of_value(e, source ? source->weight : step_weight(step, i));
        if (!product || !step->rows) continue;
        e->planned_weights = count_plus(e->planned_weights, product_bytes(e, product));
        if (product->unembeds) cost_add(&e->again, product, product_rows(step, source));
    }
}

static void add_plan(Explanation *e) {
    for (size_t i = 0; i < e->plan->step_count; i++) add_step(e, &e->plan->steps[i]);
    for (size_t i = 0; i < e->work.len; i++) {
        const Work *work = &e->work.at[i];
        if (!work->product->unembeds) continue;
        e->again.unembedding_rows -= work->rows;
        e->again.gemm_flop -= product_flop(work->product, work->rows);
    }
}

bool explain(const Graph *graph, const Plan *plan, const ExplainOptions *options, Explanation *out, Error *err) {
    Tables *tables = graph->tables;
    *out = (Explanation){.arena = tables->arena, .graph = graph, .plan = plan, .exp = tables->exp, .options = options};
    out->products = products_find(tables);
    out->run_of = arena_many(out->arena, uint32_t, out->exp->runs.len + 1);
    TRY(explain_naive(out, err));
    Arena *scratch = arena_open();
    const bool *asked = find_asked(graph, scratch);
    find_work(out, asked, scratch);
    add_planned(out);
    for (uint32_t i = 0; i < out->runs.len; i++) find_reads(out, i, asked);
    add_plan(out);
    out->planned = out->again;
    cost_join(&out->planned, &out->proofs);
    for (size_t i = 0; i < out->runs.len; i++) {
        const RunCost *run = &out->runs.at[i];
        cost_join(&out->naive, &run->naive);
        cost_join(&out->planned, &run->planned);
        out->naive_weights = count_plus(out->naive_weights, run->naive_weights);
    }
    explain_lines(out);
    explain_why(out);
    arena_close(scratch);
    return true;
}
