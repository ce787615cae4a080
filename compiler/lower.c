// lower.c: nodes to steps and values.
//
// Order: depth first from the outputs in their order, so that a result is complete as early as can be and values do
// not wait for their readers.
#include <stdlib.h>

#include "compiler/lower_rows.h"

// Leaves that are numbers over rows: their values are a table that the compiler fills in.
static uint32_t leaf_table(Lower *lower, const Node *node) {
    Tables *tables = lower->graph->tables;
    PlanTable table = {.dtype = node->dtype, .rows = node->space->rows, .width = 1};
    if (node->dtype == DTYPE_i32) {
        Arena *scratch = arena_open();
        RowInfo rows = space_rows(lower->spaces, node->space, scratch);
        const Stream *stream = lower->spaces->streams.at[node->space->selection->stream].stream;
        int32_t *ids = arena_many(lower->arena, int32_t, table.rows);
        uint32_t behind = node->op == OP_next_tokens;
        for (uint64_t r = 0; r < table.rows; r++) ids[r] = (int32_t)stream->tokens[rows.token[r] + behind];
        table.data = ids;
        arena_close(scratch);
    } else {
        double *numbers = arena_many(lower->arena, double, table.rows);
        const Axis *axis = node->op == OP_axis ? &tables->exp->axes.at[node->attr.axis.axis] : NULL;
        for (uint64_t r = 0; r < table.rows; r++)
            numbers[r] = axis ? axis->numbers[node->attr.axis.first + r] : node->attr.constant.value;
        table.data = numbers;
        if (axis) table.axis = node->attr.axis.axis + 1, table.first = node->attr.axis.first;
    }
    list_push(tables->arena, &tables->tables, table);
    return (uint32_t)tables->tables.len - 1;
}

// ---- Steps

static double step_flops(const Node *node, const Step *step) {
    double rows = (double)step->rows, width = node->width, in = node->in[0] ? node->in[0]->width : 0, keys = 0;
    if (node->op == OP_linear || node->op == OP_product) return 2 * rows * width * in;
    if (node->op == OP_attention) {
        for (uint64_t r = 0; r < step->rows; r++) keys += step->count[r];
        return 4 * keys * width;
    }
    if (node->op == OP_sums || node->op == OP_sums_more) return (double)node->attr.sums.count * width * width;
    if (op_info[node->op].rows == ROWS_MATRIX) in = MIN(in, (double)node->space->rows);
    if (op_info[node->op].rows == ROWS_MATRIX) return 4 * rows * in * in + 60 * in * in * in;
    return rows * MAX(width, in) * 4;
}

static bool input_varies(const Lower *lower, const Node *in) {
    if (in->op != OP_splice || lower->value_of[in->id]) return lower->made.values.at[lower->value_of[in->id] - 1].varies;
    return input_varies(lower, in->in[0]) || input_varies(lower, in->in[1]); // attention reads through it
}

static uint32_t value_add(Lower *lower, const Node *node) {
    Value value = {.dtype = node->dtype, .rows = node->space->rows, .width = node->width};
    value.bytes = value.rows * value.width * dtype_info[value.dtype].bytes;
    value.varies = node->op == OP_axis;
    for (size_t i = 0; i < OP_MOST_INPUTS && node->in[i]; i++) value.varies |= input_varies(lower, node->in[i]);
    if (node->op == OP_weight) {
        value.place = IN_FILE;
        value.file = node->attr.weight.file;
        value.tensor = node->attr.weight.tensor;
    } else if (op_info[node->op].rows == ROWS_LEAF) {
        value.place = IN_PLAN;
        value.table = node->op == OP_table ? node->attr.table.table : leaf_table(lower, node);
    }
    list_push(lower->arena, &lower->made.values, value);
    return lower->value_of[node->id] = (uint32_t)lower->made.values.len;
}

static void step_add(Lower *lower, const Node *node) {
    uint32_t value = value_add(lower, node) - 1;
    if (lower->made.values.at[value].place != IN_ARENA) return;
    Step step = {.op = node->op, .attr = node->attr, .out = value, .rows = node->space->rows, .span = node->span, .name = node->name,
                 .group = lower->group};
    bool attends = op_info[node->op].rows == ROWS_ATTENTION;
    for (size_t i = 0; i < OP_MOST_INPUTS && node->in[i]; i++)
        step.in[i] = lower->value_of[(attends ? key_side(node, i, 0) : node->in[i])->id] - 1;
    lower_step_rows(lower, node, &step);
    step.flops = step_flops(node, &step);
    list_push(lower->arena, &lower->made.steps, step);
}

// An input of the node, or a side of it, that has no value yet.
static const Node *lacks(const Lower *lower, const Node *node, size_t i) {
    bool attends = op_info[node->op].rows == ROWS_ATTENTION;
    for (size_t side = 0; side < (attends ? 2 : 1); side++) {
        const Node *in = attends ? key_side(node, i, side) : node->in[i];
        if (in && !lower->value_of[in->id]) return in;
    }
    return NULL;
}

// Inputs first. An explicit stack: a graph is as deep as its models.
static void visit(Lower *lower, const Node *root) {
    LIST(const Node *) stack = {0};
    Arena *scratch = arena_open();
    list_push(scratch, &stack, root);
    while (stack.len) {
        const Node *node = stack.at[stack.len - 1];
        const Node *missing = NULL;
        for (size_t i = OP_MOST_INPUTS; i-- > 0;)
            if (node->in[i] && lacks(lower, node, i)) missing = lacks(lower, node, i);
        // what a patch writes comes before the run that it goes to: then the patch can be part of that run's kernels
        if (node->op == OP_write && !lower->value_of[node->in[1]->id]) missing = node->in[1];
        if (missing) {
            list_push(scratch, &stack, missing);
            continue;
        }
        if (!lower->value_of[node->id]) step_add(lower, node);
        stack.len--;
    }
    arena_close(scratch);
}

// ---- Outputs

// Every point of the output's axes that lies in its tile, with the row of the value that it reads.
static void output_points(Lower *lower, const GraphOutput *from, Output *out) {
    const Experiment *exp = lower->graph->tables->exp;
    AxisSet structural = axes_structural(exp, from->axes), values = from->axes & ~structural;
    const Space *tile = space_points(lower->spaces, values, from->ranges);
    const Space *have = from->node->space;
    const Space *over = space_with_axes(lower->spaces, have, values, from->ranges);
    const uint32_t *map = map_rows(lower, over, have);
    RowInfo rows = space_rows(lower->spaces, over, lower->arena);
    uint32_t *row = arena_many(lower->arena, uint32_t, over->rows), *point = arena_many(lower->arena, uint32_t, over->rows);
    for (uint64_t r = 0; r < over->rows; r++) {
        uint64_t in_tile = rows.point[r], full = 0;
        uint32_t value[MOST_AXES] = {0};
        for (uint32_t i = tile->range_count; i-- > 0;) {
            value[tile->ranges[i].axis] = tile->ranges[i].first + (uint32_t)(in_tile % tile->ranges[i].count);
            in_tile /= tile->ranges[i].count;
        }
        for (uint32_t a = 0; a < exp->axes.len; a++) {
            if (!(from->axes >> a & 1)) continue;
            uint32_t at = structural >> a & 1 ? point_value(exp, structural, from->point, a) : value[a];
            full = full * exp->axes.at[a].count + at;
        }
        row[r] = map ? map[r] : (uint32_t)r;
        point[r] = (uint32_t)full;
    }
    out->count = over->rows;
    out->rows = row;
    out->points = point;
    out->prompts = have->kind >= SPACE_prompts ? rows.prompt : NULL;
    out->positions = have->kind == SPACE_tokens ? rows.position : NULL;
}

static void output_add(Lower *lower, const GraphOutput *from) {
    uint32_t value = lower->value_of[from->node->id] - 1;
    Output out = {.kind = from->kind, .value = value, .index = from->index};
    bool of_map = from->kind == OUT_map || from->kind == OUT_centroids || from->kind == OUT_norm;
    if (of_map)
        out.part = (uint32_t)from->point;
    else
        output_points(lower, from, &out);
    list_push(lower->arena, &lower->made.outputs, out);
}

static bool few_enough(const Graph *graph, Error *err) {
    for (size_t i = 0; i < graph->nodes.len; i++) {
        const Node *node = graph->nodes.at[i];
        if (node->space->rows < UINT32_MAX / 2) continue;
        error_set(err, ERR_INPUT, "this would have %llu rows at once; make the sweep or the prompts smaller",
                  (unsigned long long)node->space->rows);
        return error_at(err, node->span);
    }
    return true;
}

// ---- Micro-batches

// What takes up the rows of one micro-batch: links of a chain.
static bool is_link(const Node *node) {
    return node->op == OP_join || node->op == OP_sums || node->op == OP_sums_more;
}

static uint32_t part_of(const Node *node) {
    return node->op == OP_join ? node->attr.join.part : node->attr.sums.part;
}

// The input of a link that is the link before it.
static size_t link_before(const Node *node) {
    if (node->op == OP_join && node->in[0]->op == OP_join) return 0;
    return node->op == OP_sums_more ? 2 : OP_MOST_INPUTS;
}

// How many chains stand one behind another below each node. A chain is one level: its links are told apart by their parts.
static uint32_t *chain_levels(const Graph *graph, Arena *scratch) {
    uint32_t *level = arena_many(scratch, uint32_t, graph->nodes.len + 1);
    for (size_t i = 0; i < graph->nodes.len; i++) {
        const Node *node = graph->nodes.at[i];
        for (size_t k = 0; k < OP_MOST_INPUTS && node->in[k]; k++)
            level[i] = MAX(level[i], level[node->in[k]->id] + (is_link(node) && k != link_before(node)));
    }
    return level;
}

typedef struct {
    uint32_t level, part, id;
    const Node *node;
} Turn;

static int by_turn(const void *a, const void *b) {
    const Turn *x = a, *y = b;
    if (x->level != y->level) return x->level < y->level ? -1 : 1;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

// ---- Groups of steps that may become one where they do the same

static void next_group(Lower *lower) {
    lower->group++;
    lower->group_rows = 0;
}

static void visit_turn(Lower *lower, const LowerOptions *options, const Node *node) {
    size_t first = lower->made.steps.len;
    uint64_t most = 0;
    if (lower->group_rows >= options->merge_rows) next_group(lower);
    visit(lower, node);
    for (size_t i = first; i < lower->made.steps.len; i++)
        if (lower->made.steps.at[i].op == OP_linear) most = MAX(most, lower->made.steps.at[i].rows);
    lower->group_rows += most;
}

// All that is joined or summed up of one micro-batch comes before the next: what only that batch needs is given back by then.
static void visit_parts(Lower *lower, const LowerOptions *options, Arena *scratch) {
    const Graph *graph = lower->graph;
    const uint32_t *level = chain_levels(graph, scratch);
    const bool *reached = graph_reached(graph, scratch);
    LIST(Turn) turns = {0};
    for (size_t i = 0; i < graph->nodes.len; i++) {
        const Node *node = graph->nodes.at[i];
        if (!is_link(node) || !reached[i]) continue;
        if (node->op == OP_join && node->in[0]->op != OP_join) list_push(scratch, &turns, ((Turn){level[i], 0, node->id, node->in[0]}));
        list_push(scratch, &turns, ((Turn){level[i], part_of(node), node->id, node}));
    }
    if (turns.len) qsort(turns.at, turns.len, sizeof *turns.at, by_turn);
    for (size_t i = 0; i < turns.len; i++) {
        if (i && (turns.at[i].level != turns.at[i - 1].level || turns.at[i].part != turns.at[i - 1].part)) next_group(lower);
        visit_turn(lower, options, turns.at[i].node);
    }
    next_group(lower);
}

typedef struct {
    const Plan *plan;
    Step *step;
} Varying;

static void note_varies(void *self, uint32_t value, bool written) {
    const Varying *varying = self;
    if (written && varying->plan->values[value].varies) varying->step->varies = true;
}

bool lower(const Graph *graph, const LowerOptions *options, Arena *arena, Plan *out, Error *err) {
    TRY(few_enough(graph, err));
    Tables *tables = graph->tables;
    Arena *scratch = arena_open();
    Lower lower = {.graph = graph, .arena = arena, .spaces = &tables->spaces, .made = {.tables = tables, .arena = arena}};
    lower.pair_keys = strmap_open(arena, 256);
    lower.key_keys = strmap_open(arena, 64);
    lower.value_of = arena_many(scratch, uint32_t, graph->nodes.len);
    visit_parts(&lower, options, scratch);
    for (size_t i = 0; i < graph->outputs.len; i++) {
        visit_turn(&lower, options, graph->outputs.at[i].node);
        output_add(&lower, &graph->outputs.at[i]);
    }
    narrow_states(&lower.made, options->states);
    if (options->fuse) fuse_steps(&lower.made);
    if (options->merge) merge_groups(&lower.made);
    if (options->beside) beside_products(&lower.made);
    Lowered *made = &lower.made;
    *out = (Plan){.values = made->values.at, .steps = made->steps.at, .outputs = made->outputs.at, .files = tables->files.at,
                  .tables = tables->tables.at, .texts = tables->texts.at, .lists = (const uint32_t *const *)tables->lists.at,
                  .codes = made->codes.at, .value_count = made->values.len, .step_count = made->steps.len,
                  .output_count = made->outputs.len, .file_count = tables->files.len, .table_count = tables->tables.len,
                  .text_count = tables->texts.len, .list_count = tables->lists.len, .code_count = made->codes.len};
    for (size_t i = 0; i < out->step_count; i++) step_values(out, &out->steps[i], note_varies, &(Varying){out, &made->steps.at[i]});
    lifetimes_find(out, options->resident, options->window, made->values.at, made->outputs.at);
    take_over(out, made->values.at);
    memory_plan(made->values.at, made->values.len, made->steps.len, &out->arena_bytes, scratch);
    for (size_t i = 0; i < out->step_count; i++) out->flops += out->steps[i].flops;
    arena_close(scratch);
    return true;
}
