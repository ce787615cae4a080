// lower_rows.c: which row of a step reads which: through the spaces of a node and of its inputs.
//
// Layers ask for the same pairs of spaces again and again: each is worked out once.
#include "compiler/lower_rows.h"

struct RowPair {
    bool mapped;
    const uint32_t *map;      // row of `to` to row of `from`
    const uint32_t *position, *prompt; // of each row (to == from)
};

// Where the keys of each row of a space lie, and how many they are.
struct RowKeys {
    KeyRows rows;
    const uint32_t *count;
};

// ---- Which row reads which

static RowPair *pair_of(Lower *lower, const Space *to, const Space *from) {
    const uint32_t ids[2] = {to->id, from->id};
    uint32_t i;
    if (strmap_get(&lower->pair_keys, (Str){(const char *)ids, sizeof ids}, &i)) return lower->pairs.at[i];
    const char *key = arena_copy(lower->arena, ids, sizeof ids);
    strmap_put(&lower->pair_keys, (Str){key, sizeof ids}, (uint32_t)lower->pairs.len);
    list_push(lower->arena, &lower->pairs, arena_new(lower->arena, RowPair));
    return lower->pairs.at[lower->pairs.len - 1];
}

const uint32_t *map_rows(Lower *lower, const Space *to, const Space *from) {
    RowPair *pair = pair_of(lower, to, from);
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

// For each row of the result, the row of the value (of the second part of a splice) that stands there, or UINT32_MAX;
// of the rows that are replaced whole, x may have none.
static void lower_write(Lower *lower, const Node *node, Step *step) {
    const Selection *own = node->space->selection;
    const Selection *where = selection_at(lower, node->attr.write.selection);
    bool whole = node->op == OP_splice || !node->attr.write.blocks.size;
    const Selection *kept = whole ? selection_minus(lower->spaces, own, where) : own;
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

// ---- Attention

const Node *key_side(const Node *attention, size_t i, size_t side) {
    const Node *in = attention->in[i];
    if (in->op == OP_splice && i > 0) return in->in[side];
    return side == 0 ? in : NULL;
}

// Keys of row (prompt, point, position): the rows of its prompt and point up to its position. The row itself stands
// among them as the last.
static void find_keys(Lower *lower, const Space *space, const Space *keys, RowKeys *out) {
    const uint32_t *own = map_rows(lower, space, keys);
    Arena *scratch = arena_open();
    RowInfo rows = space_rows(lower->spaces, space, scratch);
    uint32_t *first = arena_many(lower->arena, uint32_t, space->rows);
    uint32_t *many = arena_many(lower->arena, uint32_t, space->rows);
    const uint32_t *before = selection_rank(lower->spaces, keys->selection, scratch);
    for (uint64_t r = 0; r < space->rows; r++) {
        first[r] = (own ? own[r] : (uint32_t)r) - before[rows.token[r]];
        many[r] = before[rows.token[r]] + 1;
    }
    arena_close(scratch);
    out->rows.begin = first;
    out->count = many;
}

static uint64_t first_row(const Space *space, uint32_t prompt, uint32_t point) {
    const Selection *selection = space->selection;
    return selection->before[prompt] * space->points + (uint64_t)point * selection_in_prompt(selection, prompt);
}

// One list for each prompt and point of the clean side: for each token in order, where its key lies.
static void list_keys(Lower *lower, const Node *splice, RowKeys *out, uint32_t *list_begin) {
    const Space *clean = splice->in[0]->space, *own = splice->in[1]->space, *all = splice->space;
    const Selection *where = selection_at(lower, splice->attr.write.selection);
    const Stream *stream = lower->spaces->streams.at[all->selection->stream].stream;
    uint32_t *rows = arena_many(lower->arena, uint32_t, all->selection->count * clean->points + 1), next = 0;
    for (uint32_t p = 0; p < stream->count; p++) {
        for (uint32_t point = 0; point < clean->points; point++) {
            uint32_t of_clean = (uint32_t)first_row(clean, p, point), of_own = 0;
            list_begin[p * clean->points + point] = next;
            for (uint32_t t = stream->start[p]; t < stream->start[p + 1]; t++) {
                if (selection_has(all->selection, t)) rows[next++] = selection_has(where, t) ? OTHER_ROW | of_own : of_clean;
                of_own += selection_has(own->selection, t);
                of_clean += selection_has(clean->selection, t);
            }
        }
    }
    out->rows.rows = rows;
}

static void find_spliced_keys(Lower *lower, const Space *space, const Node *splice, RowKeys *out) {
    const Space *clean = splice->in[0]->space, *own = splice->in[1]->space;
    Arena *scratch = arena_open();
    uint32_t *list_begin = arena_many(scratch, uint32_t, space->prompt_count * clean->points + 1);
    list_keys(lower, splice, out, list_begin);
    RowInfo rows = space_rows(lower->spaces, space, scratch);
    const uint32_t *clean_point = space_point_map(space, clean, scratch), *own_point = space_point_map(space, own, scratch);
    const uint32_t *before = selection_rank(lower->spaces, splice->space->selection, scratch);
    uint32_t *first = arena_many(lower->arena, uint32_t, space->rows), *many = arena_many(lower->arena, uint32_t, space->rows);
    uint32_t *from = arena_many(lower->arena, uint32_t, space->rows);
    for (uint64_t r = 0; r < space->rows; r++) {
        uint32_t p = rows.prompt[r], point = rows.point[r];
        first[r] = list_begin[p * clean->points + clean_point[point]];
        many[r] = before[rows.token[r]] + 1;
        from[r] = (uint32_t)first_row(own, p, own_point[point]);
    }
    arena_close(scratch);
    out->rows.begin = first;
    out->rows.own = from;
    out->count = many;
}

static const RowKeys *keys_of(Lower *lower, const Space *space, const Node *attention, size_t i) {
    const Node *clean = key_side(attention, i, 0), *own = key_side(attention, i, 1);
    const uint32_t ids[5] = {space->id, clean->space->id, own ? own->space->id : UINT32_MAX, attention->in[i]->space->id,
                             own ? attention->in[i]->attr.write.selection : UINT32_MAX};
    uint32_t at;
    if (strmap_get(&lower->key_keys, (Str){(const char *)ids, sizeof ids}, &at)) return lower->keys.at[at];
    RowKeys *keys = arena_new(lower->arena, RowKeys);
    if (own)
        find_spliced_keys(lower, space, attention->in[i], keys);
    else
        find_keys(lower, space, clean->space, keys);
    const char *kept = arena_copy(lower->arena, ids, sizeof ids);
    strmap_put(&lower->key_keys, (Str){kept, sizeof ids}, (uint32_t)lower->keys.len);
    list_push(lower->arena, &lower->keys, keys);
    return keys;
}

static KeyRows lower_keys(Lower *lower, const Node *node, size_t i, Step *step) {
    const RowKeys *keys = keys_of(lower, node->space, node, i);
    KeyRows rows = keys->rows;
    rows.other = NO_VALUE;
    if (key_side(node, i, 1)) rows.other = lower->value_of[key_side(node, i, 1)->id] - 1;
    step->count = keys->count;
    return rows;
}

static void lower_attention(Lower *lower, const Node *node, Step *step) {
    step->map[0] = map_rows(lower, node->space, node->in[0]->space);
    step->keys = lower_keys(lower, node, 1, step);
    step->values = lower_keys(lower, node, 2, step);
}

// ---- Over prompts, points, matrices

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
    RowPair *pair = pair_of(lower, over, over);
    if (!pair->prompt) pair->prompt = space_rows(lower->spaces, over, lower->arena).prompt;
    step->prompt = pair->prompt;
    map_inputs(lower, node, step, over);
    step->owner = map_rows(lower, over, node->space);
}

// The rows of an input with those of another prompt in the place of each: its j-th for the j-th. All prompts have as
// many.
static const uint32_t *paired_rows(Lower *lower, const Space *space, uint32_t order, const uint32_t *rows) {
    const uint32_t *list = order ? lower->graph->tables->lists.at[order - 1] + 1 : NULL;
    if (!list) return rows;
    uint32_t *map = arena_many(lower->arena, uint32_t, space->rows),
             *before = arena_many(lower->arena, uint32_t, space->prompt_count + 1);
    for (uint32_t p = 0; p <= space->prompt_count; p++) before[p] = (uint32_t)space->selection->before[p];
    for (uint32_t p = 0; p < space->prompt_count; p++)
        for (uint32_t r = before[p]; r < before[p + 1]; r++) {
            uint32_t other = before[list[p]] + r - before[p];
            map[r] = rows ? rows[other] : other;
        }
    return map;
}

static void lower_matrix(Lower *lower, const Node *node, Step *step) {
    const Node *last = node->in[1] ? node->in[1] : node->in[0];
    step->rows = last->space->rows;
    if (last->space->kind == SPACE_tokens) map_inputs(lower, node, step, last->space);
    if (!op_is_paired(node->op)) return;
    step->map[0] = paired_rows(lower, last->space, node->attr.pairs.source, step->map[0]);
    step->map[1] = paired_rows(lower, last->space, node->attr.pairs.target, step->map[1]);
    if (node->op == OP_fit_cluster) step->map[2] = paired_rows(lower, last->space, node->attr.pairs.source, step->map[2]);
}

static void lower_positions(Lower *lower, const Node *node, Step *step) {
    RowPair *pair = pair_of(lower, node->space, node->space);
    if (!pair->position) pair->position = space_rows(lower->spaces, node->space, lower->arena).position;
    step->position = pair->position;
}

void lower_step_rows(Lower *lower, const Node *node, Step *step) {
    switch (op_info[node->op].rows) {
    case ROWS_LEAF: break;
    case ROWS_ROWWISE:
        if (node->op == OP_write || node->op == OP_splice)
            lower_write(lower, node, step);
        else
            map_inputs(lower, node, step, node->space);
        if (node->op == OP_rope) lower_positions(lower, node, step);
        break;
    case ROWS_ATTENTION: lower_attention(lower, node, step); break;
    case ROWS_ROWS:
        if (node->op == OP_rows) lower_rows(lower, node, step);
        break;
    case ROWS_PROMPT: lower_prompt(lower, node, step); break;
    case ROWS_POINT: lower_point(lower, node, step); break;
    case ROWS_MATRIX: lower_matrix(lower, node, step); break;
    }
}
