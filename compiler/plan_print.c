// plan_print.c: the plan as text: each step with what it reads, where it writes, and the line that asked for it.
#include "compiler/lower.h"

static void print_value(const Plan *plan, uint32_t i, Text *out) {
    const Value *value = &plan->values[i];
    switch (value->place) {
    case IN_ARENA: text_add(out, "v%u", i); break;
    case IN_FILE:
        text_add(out, "%.*s:%.*s", STR_ARG(plan->files[value->file].name), STR_ARG(plan->texts[value->tensor]));
        break;
    case IN_PLAN: text_add(out, "t%u", value->table); break;
    }
}

static void print_step(const Plan *plan, const Sources *sources, size_t i, Text *out) {
    const Step *step = &plan->steps[i];
    const Value *value = &plan->values[step->out];
    text_add(out, "%4zu  v%u = %s(", i, step->out, op_info[step->op].name);
    for (uint32_t k = 0; k < op_info[step->op].inputs; k++) {
        if (k) text_str(out, STR(", "));
        print_value(plan, step->in[k], out);
        if (step->map[k]) text_str(out, STR("[]")); // rows through a map
    }
    text_char(out, ')');
    attr_write(step->op, &step->attr, plan->texts, plan->lists, out);
    text_add(out, " : %s [%llu, %u] at %llu, until %u", dtype_info[value->dtype].name, (unsigned long long)value->rows,
             value->width, (unsigned long long)value->offset, value->last);
    if (step->name.len) text_add(out, "  ; %.*s", STR_ARG(step->name));
    if (span_known(step->span)) {
        text_str(out, STR("  @ "));
        span_render(sources, step->span, out);
    }
    text_char(out, '\n');
}

void plan_print(const Plan *plan, const Sources *sources, Text *out) {
    static const char *const kinds[] = {[OUT_metric] = "metric", [OUT_values] = "values", [OUT_states] = "states", [OUT_map] = "map"};
    text_add(out, "plan: %zu steps, %.3f GFLOP, %llu bytes of memory\n", plan->step_count, plan->flops / 1e9,
             (unsigned long long)plan->arena_bytes);
    for (size_t i = 0; i < plan->step_count; i++) print_step(plan, sources, i, out);
    for (size_t i = 0; i < plan->output_count; i++) {
        const Output *output = &plan->outputs[i];
        text_add(out, "%s %u = ", kinds[output->kind], output->index);
        print_value(plan, output->value, out);
        text_add(out, " after %u", output->after);
        if (output->points) {
            text_str(out, STR(", points"));
            for (uint64_t r = 0; r < MIN(output->count, (uint64_t)8); r++) text_add(out, " %u", output->points[r]);
            if (output->count > 8) text_add(out, " … (%llu)", (unsigned long long)output->count);
        }
        text_char(out, '\n');
    }
}
