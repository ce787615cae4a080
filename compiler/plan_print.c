// plan_print.c: the plan as text: each step with what it reads, where it writes, and the line that asked for it.
#include "compiler/lower.h"

// Columns of a value: v7.576+192 are 192 of it from number 576 on.
static void print_value(const Plan *plan, uint32_t i, Text *out) {
    const Value *value = &plan->values[i];
    switch (value->place) {
    case IN_ARENA:
        if (value->base && value->width != plan->values[value->base - 1].width)
            text_add(out, "v%u.%u+%u", value->base - 1, value->base_column, value->width);
        else
            text_add(out, "v%u", i);
        break;
    case IN_FILE:
        text_add(out, "%.*s:%.*s", STR_ARG(plan->files[value->file].name), STR_ARG(plan->texts[value->tensor]));
        break;
    case IN_PLAN: text_add(out, "t%u", value->table); break;
    case NOWHERE: text_char(out, '-'); break;
    }
}

static void print_result(const Plan *plan, uint32_t i, Text *out) {
    const Value *value = &plan->values[i];
    text_add(out, " : %s [%llu, %u] at %llu", dtype_info[value->dtype].name, (unsigned long long)value->rows, value->width,
             (unsigned long long)value->offset);
    if (value->base)
        text_add(out, " in v%u", value->base - 1);
    else
        text_add(out, ", until %u", value->last);
}

static void print_where(const Sources *sources, const Step *step, Text *out) {
    if (step->name.len) text_add(out, "  ; %.*s", STR_ARG(step->name));
    if (span_known(step->span)) {
        text_str(out, STR("  @ "));
        span_render(sources, step->span, out);
    }
    text_char(out, '\n');
}

static void print_fused(const Plan *plan, const Step *step, Text *out) {
    const Fused *fused = step->fused;
    const RowCode *code = &plan->codes[fused->code];
    text_add(out, "k%u(", fused->code);
    for (uint32_t k = 0, shown = 0; k < code->operand_count; k++) {
        if (fused->operands[k].value == NO_VALUE) continue;
        if (shown++) text_str(out, STR(", "));
        print_value(plan, fused->operands[k].value, out);
        if (code->operands[k].mapped) text_str(out, STR("[]"));
    }
    text_add(out, ") over %llu rows", (unsigned long long)step->rows);
    for (uint32_t k = 0; k < code->result_count; k++) {
        text_add(out, "\n        -> v%u%s", fused->results[k].value, code->results[k].mapped ? "[]" : "");
        print_result(plan, fused->results[k].value, out);
    }
}

static void print_logits(const Plan *plan, const Step *step, Text *out) {
    const Logits *logits = step->logits;
    text_add(out, "logits of %llu rows over %u tokens", (unsigned long long)step->rows, logits->vocab);
    for (uint32_t i = 0; i < logits->source_count; i++) {
        const LogitsSource *source = &logits->sources[i];
        text_add(out, "\n        s%u = ", i);
        print_value(plan, source->x, out);
        if (source->map) text_str(out, STR("[]"));
        if (source->weight != NO_VALUE) {
            text_str(out, STR(" x "));
            print_value(plan, source->weight, out);
        }
    }
    for (uint32_t i = 0; i < logits->metric_count; i++) {
        const LogitsMetric *metric = &logits->metrics[i];
        text_add(out, "\n        v%u = %s(s%u", metric->out, op_info[metric->op].name, metric->sources[0]);
        if (metric->source_count > 1) text_add(out, ", s%u", metric->sources[1]);
        text_add(out, ") by k%u", metric->tile);
        if (metric->second != NO_CODE) text_add(out, ", k%u", metric->second);
        text_add(out, ", k%u", metric->finish);
        print_result(plan, metric->out, out);
    }
}

// Keys of a patched run: the other's, and its own.
static void print_other(const Plan *plan, const KeyRows *keys, Text *out) {
    if (!keys || !keys->rows) return;
    text_str(out, STR(" | "));
    print_value(plan, keys->other, out);
}

static void print_op(const Plan *plan, const Step *step, Text *out) {
    text_add(out, "v%u = %s(", step->out, op_info[step->op].name);
    for (uint32_t k = 0; k < op_info[step->op].inputs; k++) {
        if (k) text_str(out, STR(", "));
        print_value(plan, step->in[k], out);
        for (uint32_t i = 1; k == 1 && i < step->weight_count; i++) {
            text_str(out, STR(", "));
            print_value(plan, step->weights[i], out);
        }
        if (step->map[k]) text_str(out, STR("[]")); // rows through a map
        print_other(plan, k == 1 ? &step->keys : k == 2 ? &step->values : NULL, out);
    }
    text_char(out, ')');
    attr_write(step->op, &step->attr, plan->texts, plan->lists, out);
    print_result(plan, step->out, out);
}

static void print_step(const Plan *plan, const Sources *sources, size_t i, Text *out) {
    const Step *step = &plan->steps[i];
    text_add(out, "%4zu  ", i);
    (step->fused ? print_fused : step->logits ? print_logits : print_op)(plan, step, out);
    print_where(sources, step, out);
}

void kernels_print(const Plan *plan, Text *out) {
    Arena *scratch = arena_open();
    size_t *uses = arena_many(scratch, size_t, plan->code_count + 1);
    const Step **first = arena_many(scratch, const Step *, plan->code_count + 1);
    for (size_t i = plan->step_count; i-- > 0;) {
        const Step *step = &plan->steps[i];
        if (!step->fused) continue;
        uses[step->fused->code]++;
        first[step->fused->code] = step;
    }
    for (uint32_t i = 0; i < plan->code_count; i++) {
        text_add(out, "k%u: ", i);
        if (first[i]) {
            text_add(out, "%zu time%s", uses[i], uses[i] == 1 ? "" : "s");
            if (first[i]->name.len) text_add(out, ", first for %.*s", STR_ARG(first[i]->name));
        } else {
            text_str(out, STR("of a metric"));
        }
        text_str(out, STR("\n "));
        row_print(&plan->codes[i], out);
        text_char(out, '\n');
    }
    arena_close(scratch);
}

void plan_print(const Plan *plan, const Sources *sources, Text *out) {
    static const char *const kinds[] = {[OUT_metric] = "metric", [OUT_values] = "values",       [OUT_states] = "states",
                                         [OUT_map] = "map",       [OUT_centroids] = "centroids", [OUT_norm] = "norm_match",
                                         [OUT_probe] = "probe"};
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
