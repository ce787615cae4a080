// explain_naive.c: what scripts with hooks would do: which forward passes of which runs the reports need, each one
// whole.
//
// A point of a run is a forward pass of all layers over all tokens of its prompts; what is unembedded are the rows that
// a metric reads. Each run is made once for all that read it.
#include "compiler/explain.h"

// A run over its prompts, with a text appended or none.
typedef struct {
    const RunInst *run;
    Str text;
    uint32_t stream;
    const Selection *rows; // that are unembedded; NULL: none
} Pass;

typedef struct {
    Explanation *e;
    Builder builder;
    LIST(Pass) passes;
    bool *used; // by run: something that is reported needs it
    StrMap passes_by_run, seen, runs_by_name;
} Walk;

static bool visit_expr(Walk *walk, const Expr *expr);

// Whether it was looked at before: metrics may name each other often.
static bool seen_before(Walk *walk, const void *what) {
    uint32_t number;
    Str key = {(const char *)&what, sizeof what};
    if (strmap_get(&walk->seen, key, &number)) return true;
    strmap_put(&walk->seen, str_copy(walk->e->arena, key), 0);
    return false;
}

// ---- Runs

// "patched[layer=3, site=z]" is an instance of the statement that defines patched.
static Str statement_name(const RunInst *run) {
    const char *bracket = memchr(run->name.at, '[', run->name.len);
    return str_part(run->name, 0, bracket ? (size_t)(bracket - run->name.at) : run->name.len);
}

// The sweeps that an instance's name lists chose it.
static AxisSet axes_of(const Experiment *exp, const RunInst *run) {
    AxisSet axes = run->axes;
    Str list = str_part(run->name, statement_name(run).len, run->name.len);
    Arena *scratch = arena_open();
    for (uint32_t a = 0; a < exp->axes.len && list.len; a++) {
        Str first = str_format(scratch, "[%.*s=", STR_ARG(exp->axes.at[a].name)),
            later = str_format(scratch, ", %.*s=", STR_ARG(exp->axes.at[a].name));
        if (str_starts(list, first) || strstr(list.at, later.at)) axes |= (AxisSet)1 << a;
    }
    arena_close(scratch);
    return axes;
}

static void add_instance(Walk *walk, const RunInst *run) {
    Explanation *e = walk->e;
    Str name = statement_name(run);
    uint32_t number;
    if (!strmap_get(&walk->runs_by_name, name, &number)) {
        number = (uint32_t)e->runs.len;
        uint32_t layers = e->exp->models.at[run->model].model.layers;
        RunCost fresh = {.name = name,
                         .span = run->span,
                         .model = run->model,
                         .prompts = run->prompts,
                         .layers = layers,
                         .layer = arena_many(e->arena, LayerCost, layers + 1)};
        list_push(e->arena, &e->runs, fresh);
        strmap_put(&walk->runs_by_name, name, number);
    }
    e->run_of[run->id] = number + 1;
    RunCost *cost = &e->runs.at[number];
    list_push(e->arena, &cost->instances, run);
    cost->axes |= axes_of(e->exp, run);
    cost->points = count_plus(cost->points, points_count(e->exp, run->axes));
}

static bool visit_run(Walk *walk, const RunInst *run) {
    if (walk->used[run->id]) return true;
    walk->used[run->id] = true;
    for (size_t i = 0; i < run->writes.len; i++) TRY(visit_expr(walk, run->writes.at[i].value));
    return true;
}

static bool add_pass(Walk *walk, const RunInst *run, Str text, Pass **out) {
    Explanation *e = walk->e;
    Text key = text_open(e->arena);
    text_add(&key, "%u ", run->id);
    text_str(&key, text);
    uint32_t i;
    if (!strmap_get(&walk->passes_by_run, text_view(&key), &i)) {
        Pass pass = {.run = run, .text = text};
        TRY(visit_run(walk, run) && build_stream(&walk->builder, run, text, &pass.stream));
        i = (uint32_t)walk->passes.len;
        list_push(e->arena, &walk->passes, pass);
        strmap_put(&walk->passes_by_run, text_view(&key), i);
    }
    *out = &walk->passes.at[i];
    return true;
}

static bool unembed(Walk *walk, const RunInst *run, const Positions *at) {
    Pass *pass;
    const Selection *rows;
    Spaces *spaces = &walk->e->graph->tables->spaces;
    TRY(add_pass(walk, run, STR(""), &pass) && positions_select(spaces, pass->stream, at, &rows, walk->builder.err));
    pass->rows = pass->rows ? selection_or(spaces, pass->rows, rows) : rows;
    return true;
}

// ---- Expressions

static const char *const metric_arguments[] = {
#define MDX_METRIC(name, arguments, gives, what) [METRIC_##name] = arguments,
#include "compiler/metric.def"
};

// A metric of runs reads their logits: at positions, or (an argument `text`) behind each prompt with the text appended.
static bool visit_metric(Walk *walk, const Expr *expr) {
    Signature signature = signature_read("", metric_arguments[expr->row], "");
    const Positions *at = NULL;
    const Str *text = NULL;
    for (size_t i = 0; i < signature.count; i++) {
        if (signature.params[i].type == PARAM_positions) at = &expr->args[i].positions;
        if (str_is(signature.params[i].name, "text")) text = &expr->args[i].text;
    }
    for (size_t i = 0; i < signature.count; i++) {
        const RunInst *run = expr->args[i].run;
        Pass *pass;
        if (run && at) TRY(unembed(walk, run, at));
        if (run && text) TRY(add_pass(walk, run, *text, &pass));
    }
    return true;
}

static bool visit_args(Walk *walk, const Arg args[MOST_PARAMS]) {
    for (size_t i = 0; i < MOST_PARAMS; i++) {
        if (args[i].expr) TRY(visit_expr(walk, args[i].expr));
        if (args[i].basis && !seen_before(walk, args[i].basis)) TRY(visit_args(walk, args[i].basis->args));
    }
    return true;
}

static bool visit_map(Walk *walk, const MapInst *map) {
    if (seen_before(walk, map)) return true;
    if (map->from) TRY(visit_expr(walk, map->from) && visit_expr(walk, map->to));
    return visit_args(walk, map->args);
}

static bool visit_expr(Walk *walk, const Expr *expr) {
    Pass *pass;
    if (seen_before(walk, expr)) return true;
    for (size_t i = 0; i < COUNT(expr->in); i++)
        if (expr->in[i]) TRY(visit_expr(walk, expr->in[i]));
    if (expr->kind == EXPR_read && expr->place.site == SITE_logits) TRY(unembed(walk, expr->run, &expr->place.at));
    if (expr->kind == EXPR_read) TRY(add_pass(walk, expr->run, STR(""), &pass));
    if (expr->kind == EXPR_metric) TRY(visit_metric(walk, expr));
    if (expr->map) TRY(visit_map(walk, expr->map));
    if (expr->basis && !seen_before(walk, expr->basis)) TRY(visit_args(walk, expr->basis->args));
    return visit_args(walk, expr->args);
}

static bool visit_points(Walk *walk, const MetricDef *metric) {
    for (size_t i = 0; i < metric->count; i++)
        if (metric->points[i]) TRY(visit_expr(walk, metric->points[i]));
    return true;
}

static bool visit_report(Walk *walk, const Report *report) {
    const Experiment *exp = walk->e->exp;
    if (report->kind == REPORT_states) return visit_points(walk, &exp->captures.at[report->capture]);
    for (size_t c = 0; c < report->columns.len; c++)
        if (!report->columns.at[c].is_axis) TRY(visit_points(walk, &exp->metrics.at[report->columns.at[c].index]));
    return true;
}

// ---- Costs

// Appended, each token of the text is predicted by the row before it.
static uint64_t unembedded(const Pass *pass, const Stream *stream) {
    if (!pass->text.len) return pass->rows ? pass->rows->count : 0;
    uint64_t rows = stream->start[stream->count];
    for (uint32_t p = 0; p < stream->count; p++) rows -= stream->length[p];
    return rows;
}

static void pass_cost(Explanation *e, const Pass *pass) {
    RunCost *run = &e->runs.at[e->run_of[pass->run->id] - 1];
    const Stream *stream = e->graph->tables->spaces.streams.at[pass->stream].stream;
    uint64_t points = points_count(e->exp, pass->run->axes), tokens = stream->start[stream->count],
             logits = unembedded(pass, stream);
    uint32_t file = product_file(e->graph->tables, run->model);
    for (size_t i = 0; i < e->products.list.len; i++) {
        const Product *product = &e->products.list.at[i];
        uint64_t rows = product->unembeds ? logits : tokens;
        if (product->file != file || !rows) continue;
        cost_add(&run->naive, product, count_times(points, rows));
        run->naive_weights = count_plus(run->naive_weights, count_times(points, product_bytes(e, product)));
    }
    if (pass->text.len && run->tokens) return;
    run->stream = pass->stream;
    run->tokens = tokens;
}

bool explain_naive(Explanation *e, Error *err) {
    Walk walk = {.e = e,
                 .builder = {.arena = e->arena, .graph = (Graph *)(uintptr_t)e->graph, .exp = e->exp, .err = err}};
    walk.passes_by_run = strmap_open(e->arena, 64);
    walk.seen = strmap_open(e->arena, 256);
    walk.runs_by_name = strmap_open(e->arena, 16);
    walk.used = arena_many(e->arena, bool, e->exp->runs.len + 1);
    for (size_t i = 0; i < e->exp->reports.len; i++) TRY(visit_report(&walk, &e->exp->reports.at[i]));
    for (size_t i = 0; i < e->exp->runs.len; i++)
        if (walk.used[i]) add_instance(&walk, e->exp->runs.at[i]);
    for (size_t i = 0; i < walk.passes.len; i++) pass_cost(e, &walk.passes.at[i]);
    return true;
}
