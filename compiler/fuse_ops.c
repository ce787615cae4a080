// fuse_ops.c: operations of the graph as instructions of a row kernel, one function each.
#include <math.h>

#include "compiler/fuse.h"

// ---- Maps

// first, then `then`: row then[first[r]]; ROW_NONE stays.
const uint32_t *map_compose(Fuse *fuse, uint64_t rows, const uint32_t *first, const uint32_t *then) {
    if (!first) return then;
    if (!then) return first;
    uint32_t *map = arena_many(fuse->lowered->arena, uint32_t, rows);
    for (uint64_t r = 0; r < rows; r++) map[r] = first[r] == ROW_NONE ? ROW_NONE : then[first[r]];
    return map;
}

static bool is_identity(const uint32_t *map, uint64_t rows) {
    for (uint64_t r = 0; map && r < rows; r++)
        if (map[r] != ROW_NONE && map[r] != r) return false;
    return true;
}

// Rows that do not matter read row 0.
static const uint32_t *map_readable(Fuse *fuse, const Unit *unit, const uint32_t *map) {
    bool holes = false;
    for (uint64_t r = 0; map && r < unit->rows && !holes; r++) holes = map[r] == ROW_NONE;
    if (!holes) return map;
    uint32_t *out = arena_many(fuse->lowered->arena, uint32_t, unit->rows);
    for (uint64_t r = 0; r < unit->rows; r++) out[r] = map[r] == ROW_NONE ? 0 : map[r];
    return out;
}

// ---- Operands

static bool same_table(const uint32_t *a, const uint32_t *b, uint64_t count) {
    return a == b || (a && b && memcmp(a, b, count * sizeof *a) == 0);
}

static uint16_t operand(Unit *unit, RowOperand rule, RowBinding binding) {
    uint64_t blocks = rule.span ? unit->width / rule.span : 0;
    for (size_t i = 0; i < unit->operands.len; i++) {
        const RowBinding *have = &unit->operands.at[i];
        if (have->value == binding.value && have->row == binding.row && same_table(have->map, binding.map, unit->rows) &&
            same_table(have->blocks, binding.blocks, blocks) && memcmp(&unit->code.operands.at[i], &rule, sizeof rule) == 0)
            return (uint16_t)i;
    }
    list_push(unit->code.arena, &unit->operands, binding);
    return row_operand(&unit->code, rule);
}

static uint32_t common_divisor(uint32_t a, uint32_t b) {
    return b ? common_divisor(b, a % b) : a;
}

static void need_block(Unit *unit, uint32_t size) {
    unit->block = common_divisor(unit->block, size);
}

static RowOperand rule_of(Unit *unit, Path path) {
    RowOperand rule = {.mapped = path.map != NULL};
    if (!path.span) return rule;
    need_block(unit, path.span);
    rule.columns = COLUMNS_BLOCKS;
    rule.span = path.span;
    return rule;
}

// One row of a matrix, for every row of the unit.
static uint16_t fixed_row(Unit *unit, uint32_t value, uint32_t row, Path path) {
    path.map = NULL;
    RowOperand rule = rule_of(unit, path);
    rule.fixed = true;
    return row_load(&unit->code, operand(unit, rule, (RowBinding){.value = value, .row = row, .blocks = path.blocks}));
}

static bool load(Fuse *fuse, Unit *unit, uint32_t value, Path path, uint16_t *out) {
    const Value *v = &fuse->lowered->values.at[value];
    if (v->place == IN_ARENA && (fuse->deferred[value] || fuse->ready[value] >= unit->root)) {
        fuse->blocked = value;
        return false;
    }
    bool number = v->dtype == DTYPE_f64 || v->dtype == DTYPE_i32 || (v->width == 1 && unit->width != 1 && !path.span);
    if (number) path.span = 0, path.blocks = NULL;
    path.map = map_readable(fuse, unit, path.map);
    RowOperand rule = rule_of(unit, path);
    rule.number = number;
    RowBinding binding = {.value = value, .map = path.map, .blocks = path.blocks};
    if (v->rows == 1) rule.fixed = true, rule.mapped = false, binding.map = NULL;
    uint16_t k = operand(unit, rule, binding);
    *out = number ? row_number(&unit->code, k, false) : row_load(&unit->code, k);
    return true;
}

static const Member *member_of(const Unit *unit, uint32_t value) {
    for (size_t i = 0; i < unit->members.len; i++)
        if (unit->members.at[i].value == value && !unit->members.at[i].map) return &unit->members.at[i];
    return NULL;
}

bool fuse_step(Fuse *fuse, Unit *unit, const Step *step, Path path, uint16_t *out) {
    TRY(row_expansions[step->op](fuse, unit, step, path, out));
    DType dtype = fuse->lowered->values.at[step->out].dtype;
    if (dtype == DTYPE_bf16) *out = row_op(&unit->code, ROW_bf16, *out, 0, 0);
    if (dtype == DTYPE_f16) *out = row_op(&unit->code, ROW_f16, *out, 0, 0);
    return true;
}

bool fuse_value(Fuse *fuse, Unit *unit, uint32_t value, Path path, uint16_t *out) {
    const Member *member = member_of(unit, value);
    if (member && !path.span && is_identity(path.map, unit->rows)) {
        *out = member->instr;
        return true;
    }
    if (!fuse->deferred[value]) return load(fuse, unit, value, path, out);
    const Step *step = &fuse->lowered->steps.at[fuse->producer[value]];
    fuse->blocked = value;
    return fuse_step(fuse, unit, step, path, out);
}

// ---- Operations

#define EXPAND(name) static bool expand_##name(Fuse *fuse, Unit *unit, const Step *step, Path path, uint16_t *out)

static bool input(Fuse *fuse, Unit *unit, const Step *step, uint32_t k, Path path, uint16_t *out) {
    path.map = map_compose(fuse, unit->rows, path.map, step->map[k]);
    return fuse_value(fuse, unit, step->in[k], path, out);
}

// What goes over whole rows cannot be looked at through spans: it must lie in memory.
static bool whole_rows(Fuse *fuse, const Step *step, Path path) {
    if (!path.span) return true;
    fuse->blocked = step->out;
    return false;
}

// Blocks whose pairs are turned stay as they are: spans beside them are some of them, or lie in memory.
static bool spans_fit(Fuse *fuse, const Unit *unit, const Step *step, uint32_t span) {
    if (!unit->turned || span % unit->turned == 0) return true;
    fuse->blocked = step->out;
    return false;
}

static bool arithmetic(Fuse *fuse, Unit *unit, const Step *step, Path path, RowOp op, uint16_t *out) {
    uint16_t in[2] = {0};
    for (uint32_t k = 0; k < row_info[op].inputs; k++) TRY(input(fuse, unit, step, k, path, &in[k]));
    *out = row_op(&unit->code, op, in[0], in[1], 0);
    return true;
}

EXPAND(add) {
    return arithmetic(fuse, unit, step, path, ROW_add, out);
}

EXPAND(sub) {
    return arithmetic(fuse, unit, step, path, ROW_sub, out);
}

EXPAND(mul) {
    return arithmetic(fuse, unit, step, path, ROW_mul, out);
}

EXPAND(div) {
    return arithmetic(fuse, unit, step, path, ROW_div, out);
}

EXPAND(negate) {
    return arithmetic(fuse, unit, step, path, ROW_negate, out);
}

EXPAND(bias) {
    uint16_t x;
    TRY(input(fuse, unit, step, 0, path, &x));
    *out = row_op(&unit->code, ROW_add, x, fixed_row(unit, step->in[1], step->attr.bias.row, path), 0);
    return true;
}

// The row of the table is the token's: known when the plan is made.
EXPAND(embed) {
    TRY(whole_rows(fuse, step, path));
    const Value *ids = &fuse->lowered->values.at[step->in[0]];
    const int32_t *token = fuse->lowered->tables->tables.at[ids->table].data;
    const uint32_t *from = map_compose(fuse, unit->rows, path.map, step->map[0]);
    uint32_t *map = arena_many(fuse->lowered->arena, uint32_t, unit->rows);
    for (uint64_t r = 0; r < unit->rows; r++) {
        uint32_t row = from ? from[r] : (uint32_t)r;
        map[r] = row == ROW_NONE ? ROW_NONE : (uint32_t)token[row];
    }
    path.map = map;
    return load(fuse, unit, step->in[1], path, out);
}

// x / sqrt(mean(x^2) + eps) * weight. Squares are summed in float64: those of a patched stream may be beyond float32.
EXPAND(rms_norm) {
    TRY(whole_rows(fuse, step, path));
    RowBuilder *b = &unit->code;
    uint16_t x;
    TRY(input(fuse, unit, step, 0, path, &x));
    uint16_t wide = row_op(b, ROW_widen, x, 0, 0), sum = row_op(b, ROW_sum, row_op(b, ROW_mul, wide, wide, 0), 0, 0);
    uint16_t mean = row_op(b, ROW_div, sum, row_constant(b, unit->width, true), 0);
    uint16_t root = row_op(b, ROW_sqrt, row_op(b, ROW_add, mean, row_constant(b, step->attr.norm.eps, true), 0), 0, 0);
    uint16_t scale = row_op(b, ROW_narrow, row_op(b, ROW_div, row_constant(b, 1, true), root, 0), 0, 0);
    uint16_t normed = row_op(b, ROW_mul, x, scale, 0);
    *out = row_op(b, ROW_mul, normed, fixed_row(unit, step->in[1], 0, path), 0);
    return true;
}

// gate / (1 + e^-gate) * up
EXPAND(swiglu) {
    RowBuilder *b = &unit->code;
    uint16_t gate, up;
    TRY(input(fuse, unit, step, 0, path, &gate) && input(fuse, unit, step, 1, path, &up));
    uint16_t less = row_op(b, ROW_exp, row_op(b, ROW_negate, gate, 0, 0), 0, 0);
    uint16_t silu = row_op(b, ROW_div, gate, row_op(b, ROW_add, row_constant(b, 1, false), less, 0), 0);
    *out = row_op(b, ROW_mul, silu, up, 0);
    return true;
}

// A table of cosines or sines, [positions, half a head]. The angle is rounded to float32 first, as in transformers.
static uint32_t angle_table(Fuse *fuse, const Value *inv_freq, uint32_t positions, bool sine) {
    Lowered *lowered = fuse->lowered;
    const uint32_t key[3] = {inv_freq->table, positions, sine};
    uint32_t have;
    if (strmap_get(&fuse->tables, (Str){(const char *)key, sizeof key}, &have)) return have;
    const float *freq = lowered->tables->tables.at[inv_freq->table].data;
    float *table = arena_many(lowered->arena, float, (size_t)positions * inv_freq->width);
    for (uint32_t p = 0; p < positions; p++)
        for (uint32_t i = 0; i < inv_freq->width; i++)
            table[(size_t)p * inv_freq->width + i] = (sine ? sinf : cosf)((float)p * freq[i]);
    list_push(lowered->tables->arena, &lowered->tables->tables, ((PlanTable){.dtype = DTYPE_f32, .rows = positions, .width = inv_freq->width, .data = table}));
    Value value = {.place = IN_PLAN, .dtype = DTYPE_f32, .rows = positions, .width = inv_freq->width,
                   .table = (uint32_t)lowered->tables->tables.len - 1};
    list_push(lowered->arena, &lowered->values, value);
    const char *kept = arena_copy(fuse->scratch, key, sizeof key);
    have = (uint32_t)lowered->values.len - 1;
    strmap_put(&fuse->tables, (Str){kept, sizeof key}, have);
    return have;
}

static uint32_t positions_of(const Step *step) {
    uint32_t most = 0;
    for (uint64_t r = 0; r < step->rows; r++) most = MAX(most, step->position[r]);
    uint32_t size = 1; // a power of two: prompts of about equal length share a table
    while (size <= most) size *= 2;
    return size;
}

EXPAND(rope) {
    TRY(whole_rows(fuse, step, path));
    uint32_t half = step->attr.rope.heads ? unit->width / step->attr.rope.heads / 2 : 0, positions = positions_of(step);
    uint16_t x, turn[2];
    need_block(unit, half);
    if (unit->block != half || (unit->turned && unit->turned != half)) return whole_rows(fuse, step, (Path){.span = 1});
    unit->turned = half;
    TRY(input(fuse, unit, step, 0, path, &x));
    for (int sine = 0; sine < 2; sine++) {
        uint32_t table = angle_table(fuse, &fuse->lowered->values.at[step->in[1]], positions, sine);
        RowOperand rule = {.mapped = true, .columns = COLUMNS_LOCAL};
        const uint32_t *map = map_readable(fuse, unit, map_compose(fuse, unit->rows, path.map, step->position));
        turn[sine] = row_load(&unit->code, operand(unit, rule, (RowBinding){.value = table, .map = map}));
    }
    *out = row_op(&unit->code, ROW_rotate, x, turn[0], turn[1]);
    return true;
}

// The numbers are whole.
EXPAND(choose) {
    uint16_t a, b, number;
    TRY(input(fuse, unit, step, 0, path, &a) && input(fuse, unit, step, 1, path, &b) &&
        input(fuse, unit, step, 2, path, &number));
    uint16_t from =
        row_op(&unit->code, ROW_above, number, row_constant(&unit->code, step->attr.choose.from - 0.5, false), 0);
    *out = row_op(&unit->code, ROW_choose, from, b, a);
    return true;
}

EXPAND(rows) {
    return input(fuse, unit, step, 0, path, out);
}

// Block j of the result is block list[j] of the input.
EXPAND(columns) {
    const Blocks *blocks = &step->attr.columns.blocks;
    const uint32_t *list = fuse->lowered->tables->lists.at[blocks->list] + 1;
    if (path.span && path.span != blocks->size) return whole_rows(fuse, step, path);
    TRY(spans_fit(fuse, unit, step, blocks->size));
    if (path.span) {
        uint32_t count = unit->width / path.span, *table = arena_many(fuse->lowered->arena, uint32_t, count);
        for (uint32_t i = 0; i < count; i++) table[i] = path.blocks[i] == ROW_NONE ? ROW_NONE : list[path.blocks[i]];
        path.blocks = table;
    } else {
        path.span = blocks->size;
        path.blocks = list;
    }
    return input(fuse, unit, step, 0, path, out);
}

// For each span of the unit's columns, which block of the value replaces it.
static const uint32_t *written_blocks(Fuse *fuse, const Unit *unit, const Blocks *blocks) {
    const uint32_t *list = fuse->lowered->tables->lists.at[blocks->list];
    uint32_t count = unit->width / blocks->size, *table = arena_many(fuse->lowered->arena, uint32_t, count);
    for (uint32_t i = 0; i < count; i++) table[i] = ROW_NONE;
    for (uint32_t i = 0; i < list[0]; i++) table[list[1 + i]] = i;
    return table;
}

// The value where the row (and the block of columns) is written, else x.
EXPAND(write) {
    TRY(whole_rows(fuse, step, path));
    const Blocks *blocks = &step->attr.write.blocks; // of a splice, none
    Path to = {.map = map_compose(fuse, unit->rows, path.map, step->source)};
    if (blocks->size) {
        TRY(spans_fit(fuse, unit, step, blocks->size));
        to.span = blocks->size;
        to.blocks = written_blocks(fuse, unit, blocks);
    }
    RowOperand flag = rule_of(unit, to);
    flag.flag = true;
    uint16_t x, value, named = operand(unit, flag, (RowBinding){.value = NO_VALUE, .map = to.map, .blocks = to.blocks});
    TRY(fuse_value(fuse, unit, step->in[1], to, &value));
    if (!unit->code.instrs.at[value].columns) value = row_op(&unit->code, ROW_spread, value, 0, 0);
    if (!fuse->lowered->values.at[step->in[0]].rows) {
        *out = value; // every row is replaced
        return true;
    }
    TRY(input(fuse, unit, step, 0, path, &x));
    *out = row_select(&unit->code, named, value, x);
    return true;
}

RowExpansion *const row_expansions[OP_COUNT] = {
    [OP_embed] = expand_embed,   [OP_rms_norm] = expand_rms_norm, [OP_bias] = expand_bias,
    [OP_rope] = expand_rope,     [OP_swiglu] = expand_swiglu,     [OP_add] = expand_add,
    [OP_sub] = expand_sub,       [OP_mul] = expand_mul,           [OP_div] = expand_div,
    [OP_negate] = expand_negate, [OP_columns] = expand_columns,   [OP_rows] = expand_rows,
    [OP_write] = expand_write,   [OP_splice] = expand_write,      [OP_choose] = expand_choose,
};
