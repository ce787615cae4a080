// build_probe.c: every patched run proves itself: patched with its own values, it must be the run without patches.
//
// For each reported value of patched runs, on one prompt: the value is built twice more, once with the runs' patches
// left out and once with patches that write what is there (which no pass may fold away). The second goes through the
// same rows, splices and kernels as the patched run, so what differs from the first is the noise floor of the value.
// One instance of a run for each combination of patched sites is enough: the layers of a sweep share their code.
#include "compiler/build.h"

// ---- Runs that stand in for patched ones

static const Expr *own_value(Builder *b, const Write *write) {
    Expr *expr = arena_copy(b->arena, write->value, sizeof *expr);
    *expr = (Expr){.kind = EXPR_it, .type = TYPE_states, .span = write->value->span, .width = write->place.width};
    return expr;
}

const RunInst *build_stand_in(Builder *b, const RunInst *run) {
    if (b->stand == STAND_NONE || !run->writes.len) return run;
    Str key = build_key(b, run, str_of(b->stand == STAND_CLEAN ? "clean" : "own"), 0, NULL);
    uint32_t i;
    if (strmap_get(&b->stand_keys, key, &i)) return b->stands.at[i];
    RunInst *stand = arena_copy(b->arena, run, sizeof *stand);
    stand->axes = 0;
    stand->writes.at = NULL, stand->writes.len = stand->writes.cap = 0;
    for (size_t w = 0; w < run->writes.len && b->stand == STAND_PROBE; w++) {
        Write write = run->writes.at[w];
        write.value = (Expr *)(uintptr_t)own_value(b, &write);
        list_push(b->arena, &stand->writes, write);
    }
    strmap_put(&b->stand_keys, key, (uint32_t)b->stands.len);
    list_push(b->arena, &b->stands, stand);
    return stand;
}

bool build_select(Builder *b, uint32_t stream, const Positions *at, const Selection **out) {
    Spaces *spaces = &b->graph->tables->spaces;
    if (!positions_select(spaces, stream, at, out, b->err)) return false;
    *out = build_probed_rows(b, *out);
    return true;
}

const Selection *build_probed_rows(Builder *b, const Selection *rows) {
    Spaces *spaces = &b->graph->tables->spaces;
    const StreamInfo *info = &spaces->streams.at[rows->stream];
    if (b->stand == STAND_NONE || info->prompts != b->probed.prompts) return rows;
    const Stream *stream = info->stream;
    bool *flags = arena_many(b->arena, bool, stream->start[stream->count]);
    memset(flags + stream->start[b->probed.prompt], true, stream->start[b->probed.prompt + 1] - stream->start[b->probed.prompt]);
    return selection_and(spaces, rows, selection_of(spaces, rows->stream, flags));
}

// ---- Which values are proved

// The patched runs that an expression reads, and where they are patched, as text; the first of them.
static const RunInst *patched_runs(const Expr *expr, Text *key) {
    const RunInst *first = NULL;
    if (!expr) return NULL;
    const RunInst *runs[MOST_PARAMS + 1] = {expr->kind == EXPR_read ? expr->run : NULL};
    for (size_t i = 0; i < MOST_PARAMS; i++) runs[i + 1] = expr->args[i].run;
    for (size_t i = 0; i < COUNT(runs); i++) {
        if (!runs[i] || !runs[i]->writes.len) continue;
        text_add(key, " %u-%u", runs[i]->span.begin, runs[i]->span.end);
        for (size_t w = 0; w < runs[i]->writes.len; w++) text_add(key, " %d.%u", (int)runs[i]->writes.at[w].place.site, runs[i]->writes.at[w].place.heads.len > 0);
        if (!first) first = runs[i];
    }
    for (size_t i = 0; i < MOST_PARAMS + 2; i++) {
        const RunInst *inner = patched_runs(i < MOST_PARAMS ? expr->args[i].expr : expr->in[i - MOST_PARAMS], key);
        if (!first) first = inner;
    }
    return first;
}

void build_note_probe(Builder *b, const Expr *values, uint32_t term, const AxisRange *ranges) {
    Text key = text_open(b->arena);
    text_add(&key, "%u", term);
    const RunInst *run = b->options->prove ? patched_runs(values, &key) : NULL;
    uint32_t have;
    if (!run || strmap_get(&b->probe_keys, text_view(&key), &have)) return;
    strmap_put(&b->probe_keys, text_view(&key), 0);
    list_push(b->arena, &b->probes, ((ProbedExpr){values, run, term, arena_copy(b->arena, ranges, MOST_AXES * sizeof *ranges)}));
}

static uint32_t shortest_prompt(const Stream *stream) {
    uint32_t best = 0;
    for (uint32_t p = 1; p < stream->count; p++)
        if (stream->start[p + 1] - stream->start[p] < stream->start[best + 1] - stream->start[best]) best = p;
    return best;
}

static Str sites_of(Builder *b, const RunInst *run) {
    Text text = text_open(b->arena);
    for (size_t w = 0; w < run->writes.len; w++) text_add(&text, "%s%.*s", w ? ", " : "", STR_ARG(run->writes.at[w].place.name));
    return text_view(&text);
}

static bool build_side(Builder *b, const ProbedExpr *probed, Stand stand, uint32_t index) {
    b->stand = stand;
    Node *node = build_values(b, probed->values, probed->ranges);
    b->stand = STAND_NONE;
    if (!node) return false;
    build_output(b, (GraphOutput){OUT_probe, node, 2 * index + (stand == STAND_PROBE), 0, node->space->axes, probed->ranges});
    return true;
}

bool build_probes(Builder *b) {
    Tables *tables = b->graph->tables;
    for (size_t i = 0; i < b->probes.len; i++) {
        const ProbedExpr *probed = &b->probes.at[i];
        uint32_t stream;
        if (!build_stream(b, probed->run, STR(""), &stream)) return false;
        const Stream *s = tables->spaces.streams.at[stream].stream;
        if (!s->count) continue;
        b->probed.prompts = probed->run->prompts;
        b->probed.prompt = shortest_prompt(s);
        uint32_t index = (uint32_t)tables->probes.len;
        list_push(tables->arena, &tables->probes,
                  ((Probe){probed->term, b->probed.prompts, b->probed.prompt, probed->run->name, sites_of(b, probed->run), probed->run->writes.at[0].span}));
        if (!build_side(b, probed, STAND_CLEAN, index) || !build_side(b, probed, STAND_PROBE, index)) return false;
    }
    return true;
}
