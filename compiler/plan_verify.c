// plan_verify.c: the rules of a legal plan, as code: everything is written before it is read, lies inside the arena,
// and overlaps nothing that is still needed.
#include "compiler/lower.h"

typedef struct {
    const Plan *plan;
    Arena *scratch;
    bool *written;   // by value: by itself
    bool *begun;     // by whole: some of it was written
    U32List *pieces; // by whole: the values that were
    U32List live;  // values of the arena that a later step reads
    uint32_t step;
    const char *wrong;
} Walk;

static bool overlap(const Value *a, const Value *b) {
    return a->bytes && b->bytes && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static bool is_inside(const Value *part, const Value *whole) {
    return part->base_row + part->rows <= whole->rows && part->base_column + part->width <= whole->width;
}

// All of it, by one step or by several.
static bool was_written(const Walk *walk, uint32_t v) {
    if (walk->written[v]) return true;
    const Area area = value_area(walk->plan->values, v);
    uint64_t found = 0, all = area.rows * area.columns;
    const U32List *pieces = &walk->pieces[area.whole];
    for (size_t i = 0; i < pieces->len && found < all; i++) {
        const Area piece = value_area(walk->plan->values, pieces->at[i]);
        found += area_shared(&area, &piece);
    }
    return found >= all;
}

// A whole that begins to live overlaps nothing that is still needed.
static void begin(Walk *walk, uint32_t v) {
    const Value *value = &walk->plan->values[v];
    size_t kept = 0;
    if (value->offset + value->bytes > walk->plan->arena_bytes || value->offset % 16) walk->wrong = "writes outside the arena";
    for (size_t i = 0; i < walk->live.len; i++) {
        const Value *other = &walk->plan->values[walk->live.at[i]];
        if (other->last < walk->step) continue;
        bool taken = value->instead == walk->live.at[i] + 1 && other->last == walk->step && other->offset == value->offset;
        if (overlap(other, value) && !taken) walk->wrong = "overwrites what is still needed";
        walk->live.at[kept++] = walk->live.at[i];
    }
    walk->live.len = kept;
    list_push(walk->scratch, &walk->live, v);
}

// One value of a step. Results come first, and are checked against what is still needed before the step runs: its
// own operands are among that.
static void look(void *self, uint32_t v, bool written) {
    Walk *walk = self;
    const Value *value = &walk->plan->values[v];
    if (walk->wrong || (value->place != IN_ARENA && !written)) return;
    uint32_t whole = value_area(walk->plan->values, v).whole;
    const Value *memory = &walk->plan->values[whole];
    if (memory->last < walk->step) walk->wrong = written ? "writes what is not its own" : "reads what was given back";
    if (!written && !was_written(walk, v)) walk->wrong = "reads what was not written";
    if (!written || walk->wrong) return;
    if (value->place != IN_ARENA || value->first != walk->step) walk->wrong = "writes what is not its own";
    if (value->base && !is_inside(value, &walk->plan->values[value->base - 1])) walk->wrong = "is more than its whole";
    if (!walk->begun[whole]) begin(walk, whole);
    walk->begun[whole] = walk->written[v] = true;
    list_push(walk->scratch, &walk->pieces[whole], v);
}

// What comes out after the step, of outputs in this order, from number `next` on: it must be there, and not be gone.
static size_t look_at_outputs(Walk *walk, size_t next) {
    const Plan *plan = walk->plan;
    for (; next < plan->output_count && plan->outputs[next].after <= walk->step && !walk->wrong; next++) {
        uint32_t value = plan->outputs[next].value;
        if (plan->values[value].place != IN_ARENA) continue;
        if (!was_written(walk, value)) walk->wrong = "an output is taken before it is written";
        if (plan->values[value_area(plan->values, value).whole].last < walk->step) walk->wrong = "an output is given back before it is taken";
    }
    return next;
}

const char *plan_verify(const Plan *plan, Arena *arena) {
    Arena *scratch = arena_open();
    Walk walk = {.plan = plan, .scratch = scratch, .written = arena_many(scratch, bool, plan->value_count + 1),
                 .begun = arena_many(scratch, bool, plan->value_count + 1), .pieces = arena_many(scratch, U32List, plan->value_count + 1)};
    const char *wrong = NULL;
    for (size_t next = 0; walk.step < plan->step_count && !walk.wrong; walk.step++) {
        const Step *step = &plan->steps[walk.step];
        step_values(plan, step, look, &walk);
        if (!walk.wrong) next = look_at_outputs(&walk, next);
        if (walk.wrong) wrong = str_format(arena, "step %u, %s, %s", walk.step, op_info[step->op].name, walk.wrong).at;
    }
    arena_close(scratch);
    return wrong;
}
