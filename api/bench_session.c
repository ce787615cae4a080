// bench_session.c: the experiments that are measured: the spec's own with other options, and its bare forwards.
#include "api/bench.h"

// ---- Sessions

static void append(Arena *arena, StrList *to, const StrList *from) {
    for (size_t i = 0; from && i < from->len; i++) list_push(arena, to, from->at[i]);
}

static void copy_options(const Mdx *from, Mdx *to) {
    to->device = from->device;
    to->device_options = from->device_options;
    to->states = from->states;
    to->memory = from->memory;
    to->least_parts = from->least_parts;
    to->build = from->build;
    to->keep = false;
    append(to->arena, &to->sets, &from->sets);
    append(to->arena, &to->passes.disabled, &from->passes.disabled);
}

Mdx *bench_session(const Bench *bench, const StrList *sets, const StrList *disabled, bool fresh, Error *err) {
    const Mdx *mdx = bench->mdx;
    const Source *source = &mdx->spec.sources.at[0];
    Mdx *session = mdx_open();
    copy_options(mdx, session);
    append(session->arena, &session->sets, sets);
    append(session->arena, &session->passes.disabled, disabled);
    if (mdx_read_text(session, str_c(session->arena, source->name), source->text.at, source->text.len)) {
        session->streams = fresh ? NULL : mdx->streams;
        session->facts = mdx->facts;
        return session;
    }
    error_set(err, ERR_INPUT, "the spec is no longer what it was: %s", mdx_messages(session)); // an included file
    mdx_close(session);
    return NULL;
}

void bench_session_close(Mdx *session, bool fresh) {
    if (session && !fresh) session->streams = NULL; // the first session's
    mdx_close(session);
}

StrList bench_one_point(const Bench *bench) {
    const Experiment *exp = bench->mdx->exp;
    StrList sets = {0};
    for (size_t a = 0; a < exp->axes.len; a++) {
        const Axis *axis = &exp->axes.at[a];
        Text text = text_open(bench->arena);
        text_add(&text, "%.*s=[", STR_ARG(axis->name));
        axis_value_write(axis, axis->count / 2, &text);
        text_char(&text, ']');
        list_push(bench->arena, &sets, text_view(&text));
    }
    return sets;
}

// ---- The runs that reports need

typedef struct {
    Arena *arena;
    StrMap seen; // by address
    LIST(const RunInst *) runs;
} Needed;

static bool seen(Needed *needed, const void *what) {
    uint32_t ignored;
    Str key = {arena_copy(needed->arena, &what, sizeof what), sizeof what};
    if (!what || strmap_get(&needed->seen, key, &ignored)) return true;
    strmap_put(&needed->seen, key, 1);
    return false;
}

// The checker bounds how deep expressions and definitions stand in each other.
static void need_expr(Needed *needed, const Expr *expr);

static void need_run(Needed *needed, const RunInst *run) {
    if (seen(needed, run)) return;
    list_push(needed->arena, &needed->runs, run);
    for (size_t i = 0; i < run->writes.len; i++) need_expr(needed, run->writes.at[i].value);
}

static void need_args(Needed *needed, const Arg *args) {
    for (size_t i = 0; i < MOST_PARAMS; i++) {
        need_run(needed, args[i].run);
        need_expr(needed, args[i].expr);
        if (!seen(needed, args[i].basis)) need_args(needed, args[i].basis->args);
    }
}

static void need_map(Needed *needed, const MapInst *map) {
    if (seen(needed, map)) return;
    need_expr(needed, map->from);
    need_expr(needed, map->to);
    need_args(needed, map->args);
}

static void need_expr(Needed *needed, const Expr *expr) {
    if (seen(needed, expr)) return;
    need_expr(needed, expr->in[0]);
    need_expr(needed, expr->in[1]);
    need_run(needed, expr->run);
    need_map(needed, expr->map);
    if (!seen(needed, expr->basis)) need_args(needed, expr->basis->args);
    need_args(needed, expr->args);
}

static void need_points(Needed *needed, const MetricDef *metric) {
    for (size_t p = 0; p < metric->count; p++) need_expr(needed, metric->points[p]);
}

static Needed needed_runs(const Experiment *exp) {
    Needed needed = {.arena = exp->arena, .seen = strmap_open(exp->arena, 64)};
    for (size_t i = 0; i < exp->reports.len; i++) {
        const Report *report = &exp->reports.at[i];
        if (report->kind == REPORT_states) need_points(&needed, &exp->captures.at[report->capture]);
        for (size_t c = 0; c < report->columns.len; c++)
            if (!report->columns.at[c].is_axis) need_points(&needed, &exp->metrics.at[report->columns.at[c].index]);
    }
    return needed;
}

static bool any_patch(const Needed *needed) {
    for (size_t i = 0; i < needed->runs.len; i++)
        if (needed->runs.at[i]->writes.len) return true;
    return false;
}

void bench_find_runs(Bench *bench) {
    Needed needed = needed_runs(bench->mdx->exp);
    bench->has_runs = needed.runs.len > 0;
    bench->has_patches = any_patch(&needed);
}

// ---- Their next tokens, as an experiment

static RunInst *without_patches(Experiment *exp, const RunInst *run) {
    RunInst *clean = arena_new(exp->arena, RunInst);
    *clean = (RunInst){.id = (uint32_t)exp->runs.len,
                       .name = run->name,
                       .span = run->span,
                       .model = run->model,
                       .prompts = run->prompts};
    list_push(exp->arena, &exp->runs, clean);
    return clean;
}

// mean(argmax(run)): the tokens themselves cost next to nothing beside their logits.
static void report_next_token(Experiment *exp, const RunInst *run) {
    Expr *token = arena_new(exp->arena, Expr), *mean = arena_new(exp->arena, Expr),
         **points = arena_new(exp->arena, Expr *);
    *token = (Expr){.kind = EXPR_metric,
                    .type = TYPE_values,
                    .span = run->span,
                    .axes = run->axes,
                    .prompts = run->prompts,
                    .row = METRIC_argmax};
    token->args[0] = (Arg){.given = true, .span = run->span, .run = run};
    token->args[1].positions = (Positions){.word = POSITION_end, .each = 1, .span = run->span};
    *mean = (Expr){.kind = EXPR_reduce,
                   .type = TYPE_number,
                   .span = run->span,
                   .axes = run->axes,
                   .in = {token},
                   .row = REDUCE_mean};
    *points = mean;
    Report report = {.span = run->span, .kind = REPORT_table, .axes = run->axes};
    list_push(exp->arena, &report.columns, ((Column){false, (uint32_t)exp->metrics.len, run->span, BOUND_none}));
    Str name = str_format(exp->arena, "%zu", exp->metrics.len);
    list_push(
        exp->arena, &exp->metrics,
        ((MetricDef){
            .name = name, .span = run->span, .text = run->name, .axes = run->axes, .count = 1, .points = points}));
    list_push(exp->arena, &exp->reports, report);
}

static bool same_forward(const Needed *needed, size_t i, bool all) {
    for (size_t k = 0; k < i; k++) {
        const RunInst *a = needed->runs.at[k], *c = needed->runs.at[i];
        if ((all || a->writes.len) && a->model == c->model && a->prompts == c->prompts) return true;
    }
    return false;
}

void bench_forwards(Bench *bench, Mdx *session, bool patched) {
    Experiment *exp = session->exp;
    Needed needed = needed_runs(exp);
    bool all = !any_patch(&needed);
    exp->metrics.len = exp->captures.len = exp->reports.len = 0;
    for (size_t i = 0; i < needed.runs.len; i++) {
        const RunInst *run = needed.runs.at[i];
        if (!all && !run->writes.len) continue;
        if (!patched && same_forward(&needed, i, all)) continue;
        if (patched && !all) list_push(bench->arena, &bench->patched, str_copy(bench->arena, run->name));
        report_next_token(exp, patched ? run : without_patches(exp, run));
    }
}
