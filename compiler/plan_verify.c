// plan_verify.c: the rules of a legal plan, as code: everything is written before it is read, lies inside the arena,
// and overlaps nothing that is still needed.
#include "compiler/lower.h"

typedef struct {
    const Plan *plan;
    Arena *scratch;
    bool *written; // by value
    U32List live;  // values of the arena that a later step reads
} Walk;

static bool overlap(const Value *a, const Value *b) {
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static const char *read_inputs(Walk *walk, const Step *step, uint32_t number) {
    for (uint32_t i = 0; i < op_info[step->op].inputs; i++) {
        const Value *value = &walk->plan->values[step->in[i]];
        if (value->place != IN_ARENA) continue;
        if (!walk->written[step->in[i]]) return "reads what was not written";
        if (value->last < number) return "reads what was given back";
    }
    return NULL;
}

static const char *write_output(Walk *walk, const Step *step, uint32_t number) {
    const Value *out = &walk->plan->values[step->out];
    if (out->place != IN_ARENA || out->first != number) return "writes what is not its own";
    if (out->offset + out->bytes > walk->plan->arena_bytes || out->offset % 16) return "writes outside the arena";
    size_t kept = 0;
    for (size_t i = 0; i < walk->live.len; i++) {
        const Value *value = &walk->plan->values[walk->live.at[i]];
        if (value->last < number) continue;
        if (overlap(value, out)) return "overwrites what is still needed";
        walk->live.at[kept++] = walk->live.at[i];
    }
    walk->live.len = kept;
    list_push(walk->scratch, &walk->live, step->out);
    walk->written[step->out] = true;
    return NULL;
}

const char *plan_verify(const Plan *plan, Arena *arena) {
    Arena *scratch = arena_open();
    Walk walk = {.plan = plan, .scratch = scratch, .written = arena_many(scratch, bool, plan->value_count)};
    const char *wrong = NULL;
    for (uint32_t i = 0; i < plan->step_count && !wrong; i++) {
        wrong = read_inputs(&walk, &plan->steps[i], i);
        if (!wrong) wrong = write_output(&walk, &plan->steps[i], i);
        if (wrong) wrong = str_format(arena, "step %u, %s, %s", i, op_info[plan->steps[i].op].name, wrong).at;
    }
    for (size_t i = 0; i < plan->output_count && !wrong; i++) {
        const Value *value = &plan->values[plan->outputs[i].value];
        if (value->place == IN_ARENA && value->last < plan->outputs[i].after) wrong = "an output is given back before it is complete";
    }
    arena_close(scratch);
    return wrong;
}
