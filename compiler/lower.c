// lower.c: nodes to steps and values.
//
// Order: depth first from the outputs in their order, so that a result is complete as early as can be and values do
// not wait for their readers.
#include <stdlib.h>

#include "compiler/lower.h"

enum { NO_STEP_YET = 0x7fffffff };

// What steps over one space need to know of another, once it was asked for: layers ask for the same again and again.
typedef struct {
    bool mapped;
    const uint32_t *map;                    // row of `to` to row of `from`
    const uint32_t *begin, *count;          // keys of each row of `to` among the rows of `from`
    const uint32_t *position;               // of each row (to == from)
} Pair;

typedef struct {
    const Graph *graph;
    Arena *arena;
    Spaces *spaces;
    LIST(Pair *) pairs;
    StrMap pair_keys;      // to indices of pairs
    uint32_t *value_of;    // node id to value + 1
    Lowered made;
} Lower;

// ---- Which row reads which

static Pair *pair_of(Lower *lower, const Space *to, const Space *from) {
    const uint32_t ids[2] = {to->id, from->id};
    uint32_t i;
    if (strmap_get(&lower->pair_keys, (Str){(const char *)ids, sizeof ids}, &i)) return lower->pairs.at[i];
    const char *key = arena_copy(lower->arena, ids, sizeof ids);
    strmap_put(&lower->pair_keys, (Str){key, sizeof ids}, (uint32_t)lower->pairs.len);
    list_push(lower->arena, &lower->pairs, arena_new(lower->arena, Pair));
    return lower->pairs.at[lower->pairs.len - 1];
}

static const uint32_t *map_rows(Lower *lower, const Space *to, const Space *from) {
    Pair *pair = pair_of(lower, to, from);
    if (!pair->mapped) pair->map = space_map(lower->spaces, to, from, lower->arena);
    pair->mapped = true;
    return pair->map;
}

static void map_inputs(Lower *lower, const Node *node, Step *step, const Space *over) {
    for (size_t i = 0; i < OP_MOST_INPUTS && node->in[i]; i++) step->map[i] = map_rows(lower, over, node->in[i]->space);
}

static const Selection *selection_at(const Lower *lower, uint32_t id) {
    return lower->spaces->selections.at[id];
}

// The rows that are taken stand in the same order as the rows that they become.
static void lower_rows(Lower *lower, const Node *node, Step *step) {
    AxisRange by_axis[MOST_AXES];
    space_ranges(node->space, by_axis);
    const Selection *from = selection_at(lower, node->attr.rows.selection);
    const Space *taken = space_tokens(lower->spaces, from, node->space->axes, by_axis);
    step->map[0] = map_rows(lower, taken, node->in[0]->space);
}

// For each row of the result, the row of the value that replaces it, or UINT32_MAX; of the rows that are replaced
// whole, x may have none.
static void lower_write(Lower *lower, const Node *node, Step *step) {
    const Selection *where = selection_at(lower, node->attr.write.selection), *own = node->space->selection;
    const Selection *kept = node->attr.write.blocks.size ? own : selection_minus(lower->spaces, own, where);
    const uint32_t *from_x = map_rows(lower, space_with_selection(lower->spaces, node->space, kept), node->in[0]->space);
    const uint32_t *from_value = map_rows(lower, space_with_selection(lower->spaces, node->space, where), node->in[1]->space);
    Arena *scratch = arena_open();
    RowInfo rows = space_rows(lower->spaces, node->space, scratch);
    uint32_t *source = arena_many(lower->arena, uint32_t, node->space->rows), next_x = 0, next_value = 0;
    uint32_t *map = arena_many(lower->arena, uint32_t, node->space->rows);
    for (uint64_t r = 0; r < node->space->rows; r++) {
        bool replaced = selection_has(where, rows.token[r]);
        source[r] = !replaced ? UINT32_MAX : from_value ? from_value[next_value] : next_value;
        next_value += replaced;
        if (!selection_has(kept, rows.token[r])) continue;
        map[r] = from_x ? from_x[next_x] : next_x;
        next_x++;
    }
    arena_close(scratch);
    step->map[0] = node->in[0]->space == node->space ? NULL : map;
    step->source = source;
}

// Keys of row (prompt, point, position): the rows of its prompt and point up to its position. The row itself stands
// among them as the last.
static void find_keys(Lower *lower, const Space *space, const Space *keys, Pair *pair) {
    const uint32_t *own = map_rows(lower, space, keys);
    Arena *scratch = arena_open();
    RowInfo rows = space_rows(lower->spaces, space, scratch);
    uint32_t *first = arena_many(lower->arena, uint32_t, space->rows);
    uint32_t *many = arena_many(lower->arena, uint32_t, space->rows);
    const Stream *stream = lower->spaces->streams.at[keys->selection->stream].stream;
    for (uint64_t r = 0; r < space->rows; r++) {
        uint32_t before = 0;
        for (uint32_t t = stream->start[rows.prompt[r]]; t < rows.token[r]; t++) before += selection_has(keys->selection, t);
        first[r] = (own ? own[r] : (uint32_t)r) - before;
        many[r] = before + 1;
    }
    arena_close(scratch);
    pair->begin = first;
    pair->count = many;
}

static const Pair *keys_of(Lower *lower, const Space *space, const Space *keys) {
    Pair *pair = pair_of(lower, space, keys);
    if (!pair->begin) find_keys(lower, space, keys, pair);
    return pair;
}

static void lower_attention(Lower *lower, const Node *node, Step *step) {
    step->map[0] = map_rows(lower, node->space, node->in[0]->space);
    const Pair *keys = keys_of(lower, node->space, node->in[1]->space);
    step->begin = keys->begin;
    step->count = keys->count;
    step->value_begin = keys_of(lower, node->space, node->in[2]->space)->begin;
}

static void lower_prompt(Lower *lower, const Node *node, Step *step) {
    const Space *in = node->in[0]->space;
    Arena *scratch = arena_open();
    RowInfo rows = space_rows(lower->spaces, node->space, scratch);
    uint32_t *first = arena_many(lower->arena, uint32_t, node->space->rows);
    uint32_t *many = arena_many(lower->arena, uint32_t, node->space->rows);
    for (uint64_t r = 0; r < node->space->rows; r++) {
        many[r] = selection_in_prompt(in->selection, rows.prompt[r]);
        first[r] = (uint32_t)(in->selection->before[rows.prompt[r]] * in->points + (uint64_t)rows.point[r] * many[r]);
    }
    arena_close(scratch);
    step->begin = first;
    step->count = many;
}

// Sums over everything go over `over`; `owner` says which point each of its rows belongs to.
static void lower_point(Lower *lower, const Node *node, Step *step) {
    AxisRange by_axis[MOST_AXES];
    space_ranges(node->space, by_axis);
    const Space *over = space_with_axes(lower->spaces, node->in[0]->space, node->space->axes, by_axis);
    step->rows = over->rows;
    map_inputs(lower, node, step, over);
    step->owner = map_rows(lower, over, node->space);
}

static void lower_matrix(Lower *lower, const Node *node, Step *step) {
    const Node *last = node->in[1] ? node->in[1] : node->in[0];
    step->rows = last->space->rows;
    if (last->space->kind == SPACE_tokens) map_inputs(lower, node, step, last->space);
}

static void lower_positions(Lower *lower, const Node *node, Step *step) {
    Pair *pair = pair_of(lower, node->space, node->space);
    if (!pair->position) pair->position = space_rows(lower->spaces, node->space, lower->arena).position;
    step->position = pair->position;
}

// Leaves that are numbers over rows: their values are a table that the compiler fills in.
static uint32_t leaf_table(Lower *lower, const Node *node) {
    Tables *tables = lower->graph->tables;
    PlanTable table = {node->dtype, node->space->rows, 1, NULL};
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
    if (op_info[node->op].rows == ROWS_MATRIX) return 4 * rows * in * in + 60 * in * in * in;
    return rows * MAX(width, in) * 4;
}

static uint32_t value_add(Lower *lower, const Node *node) {
    Value value = {.dtype = node->dtype, .rows = node->space->rows, .width = node->width};
    value.bytes = value.rows * value.width * dtype_info[value.dtype].bytes;
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
    Step step = {.op = node->op, .attr = node->attr, .out = value, .rows = node->space->rows, .span = node->span, .name = node->name};
    for (size_t i = 0; i < OP_MOST_INPUTS && node->in[i]; i++) step.in[i] = lower->value_of[node->in[i]->id] - 1;
    switch (op_info[node->op].rows) {
    case ROWS_LEAF: break;
    case ROWS_ROWWISE:
        if (node->op == OP_write)
            lower_write(lower, node, &step);
        else
            map_inputs(lower, node, &step, node->space);
        if (node->op == OP_rope) lower_positions(lower, node, &step);
        break;
    case ROWS_ATTENTION: lower_attention(lower, node, &step); break;
    case ROWS_ROWS:
        if (node->op == OP_rows) lower_rows(lower, node, &step);
        break;
    case ROWS_PROMPT: lower_prompt(lower, node, &step); break;
    case ROWS_POINT: lower_point(lower, node, &step); break;
    case ROWS_MATRIX: lower_matrix(lower, node, &step); break;
    }
    step.flops = step_flops(node, &step);
    list_push(lower->arena, &lower->made.steps, step);
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
            if (node->in[i] && !lower->value_of[node->in[i]->id]) missing = node->in[i];
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
    if (from->kind != OUT_map) output_points(lower, from, &out);
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

// ---- The order of things

typedef struct {
    Value *values;
    uint32_t step;
} Lifetimes;

static void live(void *self, uint32_t value, bool written) {
    Lifetimes *lifetimes = self;
    Value *v = &lifetimes->values[value];
    if (written) v->first = lifetimes->step;
    v->last = lifetimes->step;
}

static int by_after(const void *a, const void *b) {
    const Output *x = a, *y = b;
    return x->after < y->after ? -1 : x->after > y->after;
}

// When each value is written and read last; outputs are taken as soon as they are there.
static void find_lifetimes(const Plan *plan, Value *values, Output *outputs) {
    Lifetimes lifetimes = {values, 0};
    for (size_t i = 0; i < plan->value_count; i++) values[i].first = values[i].last = NO_STEP_YET;
    for (; lifetimes.step < plan->step_count; lifetimes.step++) step_values(plan, &plan->steps[lifetimes.step], live, &lifetimes);
    for (size_t i = 0; i < plan->output_count; i++) {
        Value *value = &values[outputs[i].value];
        outputs[i].after = value->place == IN_ARENA ? value->first : 0;
    }
    for (size_t i = 0; i < plan->value_count; i++)
        if (values[i].place == IN_ARENA && values[i].first == NO_STEP_YET) values[i].place = NOWHERE, values[i].bytes = 0;
    qsort(outputs, plan->output_count, sizeof *outputs, by_after);
}

// ---- Micro-batches

// How many joins stand one behind another below each node.
static uint32_t *join_levels(const Graph *graph, Arena *scratch) {
    uint32_t *level = arena_many(scratch, uint32_t, graph->nodes.len + 1);
    for (size_t i = 0; i < graph->nodes.len; i++) {
        const Node *node = graph->nodes.at[i];
        for (size_t k = 0; k < OP_MOST_INPUTS && node->in[k]; k++) level[i] = MAX(level[i], level[node->in[k]->id]);
        // a chain of joins is one level: its links are told apart by their parts
        if (node->op == OP_join) level[i] = node->in[0]->op == OP_join ? MAX(level[node->in[0]->id], level[node->in[1]->id] + 1) : level[i] + 1;
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

// All that is joined of one micro-batch comes before the next: what only that batch needs is given back by then.
static void visit_parts(Lower *lower, Arena *scratch) {
    const Graph *graph = lower->graph;
    const uint32_t *level = join_levels(graph, scratch);
    const bool *reached = graph_reached(graph, scratch);
    LIST(Turn) turns = {0};
    for (size_t i = 0; i < graph->nodes.len; i++) {
        const Node *node = graph->nodes.at[i];
        if (node->op != OP_join || !reached[i]) continue;
        if (node->in[0]->op != OP_join) list_push(scratch, &turns, ((Turn){level[i], 0, node->id, node->in[0]}));
        list_push(scratch, &turns, ((Turn){level[i], node->attr.join.part, node->id, node}));
    }
    if (turns.len) qsort(turns.at, turns.len, sizeof *turns.at, by_turn);
    for (size_t i = 0; i < turns.len; i++) visit(lower, turns.at[i].node);
}

// Whether a kernel goes over its columns once, each for itself: then a result can lie where an operand lay.
static bool goes_once(const RowCode *code) {
    for (uint32_t i = 0; i < code->instr_count; i++)
        if (row_info[code->instrs[i].op].shape == SHAPE_REDUCE || code->instrs[i].op == ROW_rotate) return false;
    return true;
}

static uint32_t readers_of(const RowCode *code, const Fused *fused, uint32_t value) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < code->operand_count; k++) count += fused->operands[k].value == value;
    return count;
}

static void take_over(const Plan *plan, Value *values, uint32_t number) {
    const Step *step = &plan->steps[number];
    const RowCode *code = &plan->codes[step->fused->code];
    if (code->result_count != 1 || code->results[0].mapped || !goes_once(code)) return;
    Value *result = &values[step->fused->results[0].value];
    for (uint32_t k = 0; k < code->operand_count && !result->instead; k++) {
        const RowOperand *operand = &code->operands[k];
        bool plain = !operand->flag && !operand->number && !operand->mapped && !operand->fixed && operand->columns == COLUMNS_SAME;
        if (!plain || readers_of(code, step->fused, step->fused->operands[k].value) > 1) continue;
        const Value *value = &values[step->fused->operands[k].value];
        bool fits = value->place == IN_ARENA && value->last == number && value->dtype == result->dtype && value->bytes == result->bytes;
        if (fits) result->instead = step->fused->operands[k].value + 1;
    }
}

bool lower(const Graph *graph, bool fuse, Arena *arena, Plan *out, Error *err) {
    TRY(few_enough(graph, err));
    Tables *tables = graph->tables;
    Arena *scratch = arena_open();
    Lower lower = {.graph = graph, .arena = arena, .spaces = &tables->spaces, .made = {.tables = tables, .arena = arena}};
    lower.pair_keys = strmap_open(arena, 256);
    lower.value_of = arena_many(scratch, uint32_t, graph->nodes.len);
    visit_parts(&lower, scratch);
    for (size_t i = 0; i < graph->outputs.len; i++) {
        visit(&lower, graph->outputs.at[i].node);
        output_add(&lower, &graph->outputs.at[i]);
    }
    if (fuse) fuse_steps(&lower.made);
    Lowered *made = &lower.made;
    *out = (Plan){.values = made->values.at, .steps = made->steps.at, .outputs = made->outputs.at, .files = tables->files.at,
                  .tables = tables->tables.at, .texts = tables->texts.at, .lists = (const uint32_t *const *)tables->lists.at,
                  .codes = made->codes.at, .value_count = made->values.len, .step_count = made->steps.len,
                  .output_count = made->outputs.len, .file_count = tables->files.len, .table_count = tables->tables.len,
                  .text_count = tables->texts.len, .list_count = tables->lists.len, .code_count = made->codes.len};
    find_lifetimes(out, made->values.at, made->outputs.at);
    for (uint32_t i = 0; i < out->step_count; i++)
        if (out->steps[i].fused) take_over(out, made->values.at, i);
    memory_plan(made->values.at, made->values.len, made->steps.len, &out->arena_bytes, scratch);
    for (size_t i = 0; i < out->step_count; i++) out->flops += out->steps[i].flops;
    arena_close(scratch);
    return true;
}
