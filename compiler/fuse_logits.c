// fuse_logits.c: metrics of logits, grouped by the logits that they read.
//
// A product that only metrics read is never a value: each group of metrics makes its tiles where it reads them. The
// product of a run that several groups read (the clean one of a sweep) is made once for each group; that costs a
// product of its few rows and saves [rows, vocabulary] numbers for the whole sweep.
#include "compiler/fuse.h"

bool fuse_is_unembedding(const Fuse *fuse, const Step *step) {
    if (step->op != OP_linear) return false;
    const Lowered *lowered = fuse->lowered;
    for (size_t i = 0; i < lowered->outputs.len; i++)
        if (lowered->outputs.at[i].value == step->out) return false;
    uint32_t reader = fuse->reader[step->out];
    if (reader == NO_STEP) return false;
    if (reader != MANY_STEPS) return metric_has_codes(lowered->steps.at[reader].op);
    for (size_t i = 0; i < lowered->steps.len; i++) { // few products have many readers
        uint32_t inputs[STEP_MOST_INPUTS], count = step_inputs(&lowered->steps.at[i], inputs);
        for (uint32_t k = 0; k < count; k++)
            if (inputs[k] == step->out && !metric_has_codes(lowered->steps.at[i].op)) return false;
    }
    return true;
}

static LogitsSource source_of(Fuse *fuse, const Step *metric, uint32_t k) {
    uint32_t value = metric->in[k], made = fuse->producer[value];
    LogitsSource source = {.x = value, .weight = NO_VALUE, .map = metric->map[k]};
    if (made == NO_STEP || !fuse->gone[made]) return source;
    const Step *product = &fuse->lowered->steps.at[made];
    if (product->op != OP_linear) return source;
    source.x = product->in[0];
    source.weight = product->in[1];
    source.map = map_compose(fuse, metric->rows, metric->map[k], product->map[0]);
    return source;
}

static bool same_source(const LogitsSource *a, const LogitsSource *b, uint64_t rows) {
    if (a->x != b->x || a->weight != b->weight) return false;
    return a->map == b->map || (a->map && b->map && memcmp(a->map, b->map, rows * sizeof *a->map) == 0);
}

static uint32_t unit_source(Fuse *fuse, LogitsUnit *unit, const LogitsSource *source) {
    for (uint32_t i = 0; i < unit->sources.len; i++)
        if (same_source(&unit->sources.at[i], source, unit->rows)) return i;
    list_push(fuse->lowered->arena, &unit->sources, *source);
    return (uint32_t)unit->sources.len - 1;
}

// A group before it that reads the same logits, when all that the metric reads is there by then.
static LogitsUnit *group_of(Fuse *fuse, const Step *step, const LogitsSource *sources, uint32_t count) {
    for (size_t i = fuse->logits.len; i-- > 0;) {
        LogitsUnit *unit = fuse->logits.at[i];
        bool ready = unit->rows == step->rows && same_source(&unit->sources.at[0], &sources[0], step->rows) &&
                     unit->sources.len + count <= LOGITS_MOST_SOURCES;
        for (uint32_t k = 0; k < count; k++) ready &= fuse->ready[sources[k].x] < unit->root || fuse->producer[sources[k].x] == NO_STEP;
        if (ready) return unit;
    }
    return NULL;
}

void fuse_metric(Fuse *fuse, uint32_t number) {
    const Step *step = &fuse->lowered->steps.at[number];
    LogitsSource sources[2];
    uint32_t count = step->op == OP_kl ? 2 : 1;
    for (uint32_t k = 0; k < count; k++) sources[k] = source_of(fuse, step, k);
    LogitsUnit *unit = group_of(fuse, step, sources, count);
    if (!unit) {
        unit = arena_new(fuse->scratch, LogitsUnit);
        unit->root = number;
        unit->rows = step->rows;
        list_push(fuse->scratch, &fuse->logits, unit);
    }
    MetricCodes codes = metric_codes(step->op, &step->attr, fuse->lowered->arena);
    LogitsMetric metric = {.op = step->op, .out = step->out, .source_count = count, .ids = NO_VALUE, .states = codes.states,
                           .second_states = codes.second_states, .initial = codes.initial, .first_column = codes.first_column,
                           .shows = codes.shows, .span = step->span};
    for (uint32_t k = 0; k < count; k++) metric.sources[k] = unit_source(fuse, unit, &sources[k]);
    if (step->op == OP_logp) metric.ids = step->in[1], metric.ids_map = step->map[1];
    metric.first = lowered_code(fuse->lowered, &codes.first);
    metric.tile = lowered_code(fuse->lowered, &codes.tile);
    metric.second = lowered_code(fuse->lowered, &codes.second);
    metric.finish = lowered_code(fuse->lowered, &codes.finish);
    list_push(fuse->lowered->arena, &unit->metrics, metric);
    unit->flops += step->flops;
    fuse->ready[step->out] = unit->root;
    fuse->gone[number] = true;
}

Step fuse_logits_step(Fuse *fuse, const LogitsUnit *unit) {
    Lowered *lowered = fuse->lowered;
    Step step = lowered->steps.at[unit->root];
    Logits *logits = arena_new(lowered->arena, Logits);
    *logits = (Logits){.vocab = lowered->values.at[step.in[0]].width, .sources = unit->sources.at, .metrics = unit->metrics.at,
                       .source_count = (uint32_t)unit->sources.len, .metric_count = (uint32_t)unit->metrics.len};
    step.logits = logits;
    step.flops = unit->flops;
    for (uint32_t i = 0; i < logits->source_count; i++)
        if (logits->sources[i].weight != NO_VALUE)
            step.flops += 2.0 * (double)unit->rows * logits->vocab * lowered->values.at[logits->sources[i].x].width;
    return step;
}
