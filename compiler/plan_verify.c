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
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

// One value of a step. Results come first, and are checked against what is still needed before the step runs: its
// own operands are among that.
static void look(void *self, uint32_t v, bool written) {
    Walk *walk = self;
    const Value *value = &walk->plan->values[v];
    if (walk->wrong || (value->place != IN_ARENA && !written)) return;
    if (!written) {
        if (!walk->written[v]) walk->wrong = "reads what was not written";
        if (value->last < walk->step) walk->wrong = "reads what was given back";
        return;
    }
    if (value->place != IN_ARENA || value->first != walk->step) walk->wrong = "writes what is not its own";
    if (value->offset + value->bytes > walk->plan->arena_bytes || value->offset % 16) walk->wrong = "writes outside the arena";
    size_t kept = 0;
    for (size_t i = 0; i < walk->live.len; i++) {
        const Value *other = &walk->plan->values[walk->live.at[i]];
        if (other->last < walk->step) continue;
        bool taken = value->instead == walk->live.at[i] + 1 && other->last == walk->step && other->offset == value->offset;
        if (overlap(other, value) && !taken) walk->wrong = "overwrites what is still needed";
        walk->live.at[kept++] = walk->live.at[i];
    }
    walk->live.len = kept;
    list_push(walk->scratch, &walk->live, v);
    walk->written[v] = true;
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
        if (value->place == IN_ARENA && value->last < plan->outputs[i].after) wrong = "an output is given back before it is complete";
    }
    arena_close(scratch);
    return wrong;
}
