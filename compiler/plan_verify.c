// plan_verify.c: the rules of a legal plan, as code: everything is written before it is read, lies inside the arena,
// and overlaps nothing that is still needed.
#include "compiler/lower.h"

typedef struct {
    const Plan *plan;
    Arena *scratch;
    bool *written; // by value
    U32List live;  // values of the arena that a later step reads
    uint32_t step;
    const char *wrong;
} Walk;

static bool overlap(const Value *a, const Value *b) {
    return a->bytes && b->bytes && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

// The whole that a value is part of: it has the memory.
static uint32_t whole_of(const Plan *plan, uint32_t v) {
    while (plan->values[v].base) v = plan->values[v].base - 1;
    return v;
}

static bool is_inside(const Value *part, const Value *whole) {
    return part->base_row + part->rows <= whole->rows && part->base_column + part->width <= whole->width;
}

static bool was_written(const Walk *walk, uint32_t v) {
    bool written = walk->written[v];
    for (; !written && walk->plan->values[v].base; written = walk->written[v]) v = walk->plan->values[v].base - 1;
    return written;
}

static void mark_written(Walk *walk, uint32_t v) {
    walk->written[v] = true;
    while (walk->plan->values[v].base) walk->written[v = walk->plan->values[v].base - 1] = true;
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
    uint32_t whole = whole_of(walk->plan, v);
    const Value *memory = &walk->plan->values[whole];
    if (memory->last < walk->step) walk->wrong = written ? "writes what is not its own" : "reads what was given back";
    if (!written && !was_written(walk, v)) walk->wrong = "reads what was not written";
    if (!written || walk->wrong) return;
    if (value->place != IN_ARENA || value->first != walk->step) walk->wrong = "writes what is not its own";
    if (value->base && !is_inside(value, &walk->plan->values[value->base - 1])) walk->wrong = "is more than its whole";
    if (!walk->written[whole]) begin(walk, whole);
    mark_written(walk, v);
}

const char *plan_verify(const Plan *plan, Arena *arena) {
    Arena *scratch = arena_open();
    Walk walk = {.plan = plan, .scratch = scratch, .written = arena_many(scratch, bool, plan->value_count)};
    const char *wrong = NULL;
    for (; walk.step < plan->step_count && !walk.wrong; walk.step++) {
        const Step *step = &plan->steps[walk.step];
        step_values(plan, step, look, &walk);
        if (walk.wrong) wrong = str_format(arena, "step %u, %s, %s", walk.step, op_info[step->op].name, walk.wrong).at;
    }
    for (size_t i = 0; i < plan->output_count && !wrong; i++) {
        const Value *value = &plan->values[plan->outputs[i].value];
        if (value->place == IN_ARENA && plan->values[whole_of(plan, plan->outputs[i].value)].last < plan->outputs[i].after) wrong = "an output is given back before it is complete";
    }
    arena_close(scratch);
    return wrong;
}
