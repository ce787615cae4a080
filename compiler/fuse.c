// fuse.c: steps that go row by row become row kernels; metrics of logits are taken tile by tile.
//
// Steps are walked in order. A value that one step alone reads is deferred: it is computed in that reader's kernel. A
// step one of whose inputs a kernel before it computes joins that kernel, when everything else that it reads is there
// by then (a norm behind a residual add; a capture, which is one more result). Any other step opens a kernel of its
// own, in its place. When a deferred value turns out to be needed in memory, it gets a kernel after all.
#include "compiler/fuse.h"

// ---- Who reads what

static void note_reader(Fuse *fuse, uint32_t value, uint32_t step) {
    uint32_t *reader = &fuse->reader[value];
    *reader = *reader == NO_STEP || *reader == step ? step : MANY_STEPS;
}

static void note_steps(Fuse *fuse) {
    const Lowered *lowered = fuse->lowered;
    for (uint32_t v = 0; v < lowered->values.len; v++) {
        fuse->producer[v] = fuse->reader[v] = NO_STEP;
        fuse->ready[v] = 0;
    }
    for (uint32_t i = 0; i < lowered->steps.len; i++) {
        const Step *step = &lowered->steps.at[i];
        fuse->producer[step->out] = fuse->ready[step->out] = i;
        uint32_t inputs[STEP_MOST_INPUTS], count = step_inputs(step, inputs);
        for (uint32_t k = 0; k < count; k++) note_reader(fuse, inputs[k], i);
    }
    for (size_t i = 0; i < lowered->outputs.len; i++) fuse->reader[lowered->outputs.at[i].value] = MANY_STEPS;
}

static bool ids_fit(const Fuse *fuse, const Step *step) {
    const Value *ids = &fuse->lowered->values.at[step->in[0]], *table = &fuse->lowered->values.at[step->in[1]];
    if (ids->place != IN_PLAN) return false;
    const int32_t *id = fuse->lowered->tables->tables.at[ids->table].data;
    for (uint64_t r = 0; r < ids->rows; r++)
        if (id[r] < 0 || (uint64_t)id[r] >= table->rows) return false;
    return true;
}

static bool is_row_step(const Fuse *fuse, const Step *step) {
    if (!row_expansions[step->op] || !dtype_is_float(fuse->lowered->values.at[step->out].dtype)) return false;
    return step->op != OP_embed || ids_fit(fuse, step);
}

// ---- Units

static Unit *unit_open(Fuse *fuse, uint32_t root) {
    const Step *step = &fuse->lowered->steps.at[root];
    Unit *unit = arena_new(fuse->scratch, Unit);
    uint32_t width = fuse->lowered->values.at[step->out].width;
    *unit = (Unit){.root = root, .rows = step->rows, .width = width, .block = width, .code = {.arena = fuse->lowered->arena}};
    return unit;
}

static void unit_add(Fuse *fuse, Unit *unit, uint32_t step, uint16_t instr, const uint32_t *map) {
    const Step *s = &fuse->lowered->steps.at[step];
    list_push(fuse->scratch, &unit->members, ((Member){s->out, instr, map}));
    unit->flops += s->flops;
    fuse->ready[s->out] = unit->root;
    if (!map) fuse->member[s->out] = unit->number + 1;
    fuse->deferred[s->out] = false;
    fuse->gone[step] = true;
}

// Sums over a row are taken in 16 partial sums by column: blocks of columns that are no multiple of that would change
// their order, so kernels with such blocks take no sums.
enum { SUMS = 16 };

static bool odd_blocks(const Fuse *fuse, const Step *step) {
    const Value *out = &fuse->lowered->values.at[step->out];
    uint32_t block = step->op == OP_rope      ? out->width / step->attr.rope.heads / 2
                     : step->op == OP_columns ? step->attr.columns.blocks.size
                     : step->op == OP_write   ? step->attr.write.blocks.size
                                              : 0;
    return block % SUMS != 0;
}

static bool sums_in_odd_blocks(const Unit *unit) {
    bool sums = false;
    for (size_t i = 0; i < unit->code.instrs.len; i++) sums |= row_info[unit->code.instrs.at[i].op].shape == SHAPE_REDUCE;
    return sums && unit->block % SUMS && unit->block != unit->width;
}

// A kernel for one step, and for all that is deferred to it.
static void unit_root(Fuse *fuse, uint32_t root) {
    const Step *step = &fuse->lowered->steps.at[root];
    uint16_t instr;
    for (;;) {
        Unit *unit = unit_open(fuse, root);
        if (fuse_step(fuse, unit, step, (Path){0}, &instr)) {
            unit->number = (uint32_t)fuse->units.len;
            list_push(fuse->scratch, &fuse->units, unit);
            unit_add(fuse, unit, root, instr, NULL);
            return;
        }
        uint32_t blocked = fuse->blocked;
        MUST(blocked != step->out && fuse->deferred[blocked]);
        unit_root(fuse, fuse->producer[blocked]);
    }
}

// A unit that computes one of the values that the step reads, directly or through what is deferred to it.
static Unit *unit_below(const Fuse *fuse, const Step *step, uint32_t depth) {
    for (uint32_t k = 0; k < op_info[step->op].inputs; k++) {
        uint32_t value = step->in[k];
        if (fuse->member[value]) return fuse->units.at[fuse->member[value] - 1];
        Unit *unit = NULL;
        if (fuse->deferred[value] && depth) unit = unit_below(fuse, &fuse->lowered->steps.at[fuse->producer[value]], depth - 1);
        if (unit) return unit;
    }
    return NULL;
}

// Rows of a member that become rows of another value: one more result, when no row goes to two places.
static bool join_gather(Fuse *fuse, Unit *unit, uint32_t number) {
    const Step *step = &fuse->lowered->steps.at[number];
    uint16_t instr;
    if (!fuse_value(fuse, unit, step->in[0], (Path){0}, &instr)) return false;
    uint32_t *map = arena_many(fuse->lowered->arena, uint32_t, unit->rows);
    memset(map, 0xff, unit->rows * sizeof *map);
    for (uint64_t r = 0; r < step->rows; r++) {
        uint32_t from = step->map[0] ? step->map[0][r] : (uint32_t)r;
        if (map[from] != ROW_NONE) return false;
        map[from] = (uint32_t)r;
    }
    unit_add(fuse, unit, number, instr, map);
    return true;
}

// Enough for any site with its patches; a kernel that grew further would only be slow to compile.
enum { MOST_INSTRS = 200, DEPTH = 16 };

static bool join(Fuse *fuse, uint32_t number) {
    const Step *step = &fuse->lowered->steps.at[number];
    Unit *unit = unit_below(fuse, step, DEPTH);
    if (!unit || unit->width != fuse->lowered->values.at[step->out].width || unit->code.instrs.len > MOST_INSTRS) return false;
    if (step->op == OP_rows && fuse->member[step->in[0]]) return join_gather(fuse, unit, number);
    if (unit->rows != step->rows) return false;
    Unit before = *unit;
    uint16_t instr;
    if (fuse_step(fuse, unit, step, (Path){0}, &instr) && !sums_in_odd_blocks(unit)) {
        unit_add(fuse, unit, number, instr, NULL);
        return true;
    }
    before.code.instrs.at = unit->code.instrs.at, before.code.instrs.cap = unit->code.instrs.cap;
    before.code.operands.at = unit->code.operands.at, before.code.operands.cap = unit->code.operands.cap;
    before.operands.at = unit->operands.at, before.operands.cap = unit->operands.cap;
    *unit = before;
    return false;
}

static void fuse_row_step(Fuse *fuse, uint32_t number) {
    const Step *step = &fuse->lowered->steps.at[number];
    uint32_t reader = fuse->reader[step->out];
    if (reader < MANY_STEPS && !odd_blocks(fuse, step) && is_row_step(fuse, &fuse->lowered->steps.at[reader])) {
        fuse->deferred[step->out] = true;
        fuse->gone[number] = true;
    } else if (!join(fuse, number)) {
        unit_root(fuse, number);
    }
}

// ---- The new steps

uint32_t lowered_code(Lowered *lowered, const RowCode *code) {
    if (!code->instr_count) return NO_CODE;
    for (uint32_t i = 0; i < lowered->codes.len; i++)
        if (row_equal(&lowered->codes.at[i], code)) return i;
    list_push(lowered->arena, &lowered->codes, *code);
    return (uint32_t)lowered->codes.len - 1;
}

// Which values have to lie in memory: what a kernel loads, what any other step reads, what comes out.
static bool *kept_values(const Fuse *fuse) {
    const Lowered *lowered = fuse->lowered;
    bool *kept = arena_many(fuse->scratch, bool, lowered->values.len);
    for (size_t i = 0; i < lowered->outputs.len; i++) kept[lowered->outputs.at[i].value] = true;
    for (size_t u = 0; u < fuse->units.len; u++)
        for (size_t k = 0; k < fuse->units.at[u]->operands.len; k++)
            if (fuse->units.at[u]->operands.at[k].value != NO_VALUE) kept[fuse->units.at[u]->operands.at[k].value] = true;
    for (uint32_t i = 0; i < lowered->steps.len; i++) {
        const Step *step = &lowered->steps.at[i];
        uint32_t inputs[STEP_MOST_INPUTS], count = step_inputs(step, inputs);
        for (uint32_t k = 0; k < count && !fuse->gone[i]; k++) kept[inputs[k]] = true;
    }
    for (size_t i = 0; i < fuse->logits.len; i++)
        for (size_t s = 0; s < fuse->logits.at[i]->sources.len; s++) kept[fuse->logits.at[i]->sources.at[s].x] = true;
    return kept;
}

static Step unit_step(Fuse *fuse, Unit *unit, const bool *kept) {
    Lowered *lowered = fuse->lowered;
    Step step = lowered->steps.at[unit->root];
    LIST(RowBinding) results = {0};
    for (size_t i = 0; i < unit->members.len; i++) {
        const Member *member = &unit->members.at[i];
        if (!kept[member->value]) continue;
        row_result(&unit->code, member->instr, member->map != NULL);
        list_push(lowered->arena, &results, ((RowBinding){.value = member->value, .map = member->map}));
    }
    RowCode code = row_done(&unit->code, unit->width, unit->block);
    Fused *fused = arena_new(lowered->arena, Fused);
    *fused = (Fused){lowered_code(lowered, &code), unit->operands.at, results.at};
    step.fused = fused;
    step.flops = unit->flops;
    return step;
}

static void new_steps(Fuse *fuse) {
    Lowered *lowered = fuse->lowered;
    const bool *kept = kept_values(fuse);
    Unit **unit_at = arena_many(fuse->scratch, Unit *, lowered->steps.len);
    LogitsUnit **logits_at = arena_many(fuse->scratch, LogitsUnit *, lowered->steps.len);
    for (size_t u = 0; u < fuse->units.len; u++) unit_at[fuse->units.at[u]->root] = fuse->units.at[u];
    for (size_t u = 0; u < fuse->logits.len; u++) logits_at[fuse->logits.at[u]->root] = fuse->logits.at[u];
    Steps steps = {0};
    for (uint32_t i = 0; i < lowered->steps.len; i++) {
        if (unit_at[i])
            list_push(lowered->arena, &steps, unit_step(fuse, unit_at[i], kept));
        else if (logits_at[i])
            list_push(lowered->arena, &steps, fuse_logits_step(fuse, logits_at[i]));
        else if (!fuse->gone[i])
            list_push(lowered->arena, &steps, lowered->steps.at[i]);
    }
    lowered->steps = steps;
}

void fuse_steps(Lowered *lowered) {
    Arena *scratch = arena_open();
    size_t values = lowered->values.len + 1;
    Fuse fuse = {.lowered = lowered,
                 .scratch = scratch,
                 .producer = arena_many(scratch, uint32_t, values),
                 .reader = arena_many(scratch, uint32_t, values),
                 .ready = arena_many(scratch, uint32_t, values),
                 .member = arena_many(scratch, uint32_t, values),
                 .deferred = arena_many(scratch, bool, values),
                 .gone = arena_many(scratch, bool, lowered->steps.len + 1),
                 .tables = strmap_open(scratch, 16)};
    note_steps(&fuse);
    for (uint32_t i = 0; i < lowered->steps.len; i++) {
        const Step *step = &lowered->steps.at[i];
        if (metric_has_codes(step->op))
            fuse_metric(&fuse, i);
        else if (fuse_is_unembedding(&fuse, step))
            fuse.gone[i] = true;
        else if (is_row_step(&fuse, step))
            fuse_row_step(&fuse, i);
    }
    new_steps(&fuse);
    arena_close(scratch);
}
