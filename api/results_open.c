// results_open.c: the shape of the results, from the experiment: names, sweeps, empty arrays.
#include <math.h>

#include "api/session.h"

// A text stands without quotes where nothing in it has to be escaped.
static Str written(Arena *arena, const Axis *axis, size_t i) {
    Text text = text_open(arena);
    axis_value_write(axis, i, &text);
    bool quoted = axis->values[i]->kind == AST_string && text.len == axis->values[i]->text.len + 2;
    return quoted ? axis->values[i]->text : text_view(&text);
}

static ResultAxis axis_of(Arena *arena, const Axis *axis) {
    Str *values = arena_many(arena, Str, axis->count);
    for (size_t i = 0; i < axis->count; i++) values[i] = written(arena, axis, i);
    return (ResultAxis){axis->name, axis->count, values, axis->numeric ? axis->numbers : NULL};
}

static double *undefined(Arena *arena, size_t count) {
    double *values = arena_many(arena, double, count);
    for (size_t i = 0; i < count; i++) values[i] = NAN;
    return values;
}

static size_t metric_named(const Results *results, Str name) {
    for (size_t i = 0; i < results->metric_count; i++)
        if (str_eq(results->metrics[i].name, name)) return i;
    BUG("a metric that was not checked");
}

// Intervals of what is given are known once that is open: metrics may be found in others that are defined behind them.
static void open_choice(Mdx *mdx, size_t index) {
    ResultMetric *metric = &mdx->results.metrics[index];
    const Expr *expr = mdx->exp->metrics.at[index].points[0];
    if (expr->kind != EXPR_choice || metric->choice) return;
    const Arg *give = &expr->args[2];
    static const Found found[CHOICE_COUNT] = {[CHOICE_lowest] = FOUND_lowest,
                                              [CHOICE_highest] = FOUND_highest,
                                              [CHOICE_mean_over] = FOUND_mean,
                                              [CHOICE_noise_floor] = FOUND_noise};
    ResultChoice *choice = arena_new(mdx->arena, ResultChoice);
    *choice = (ResultChoice){.found = found[expr->row],
                             .axis = expr->args[1].count,
                             .of = metric_named(&mdx->results, expr->args[0].text),
                             .gives_axis = give->flag};
    choice->give = give->given && !give->flag ? metric_named(&mdx->results, give->text) : choice->of;
    open_choice(mdx, choice->give);
    bool chooses = choice->found <= FOUND_highest,
         given = chooses && !give->flag && mdx->results.metrics[choice->give].intervals;
    if (chooses) choice->chosen = arena_many(mdx->arena, size_t, metric->points);
    if (given || choice->found == FOUND_mean)
        metric->intervals = arena_many(mdx->arena, ResultInterval, metric->points);
    metric->choice = choice;
}

static void open_metrics(Mdx *mdx) {
    Results *results = &mdx->results;
    results->metric_count = mdx->exp->metrics.len;
    results->metrics = arena_many(mdx->arena, ResultMetric, results->metric_count);
    for (size_t i = 0; i < results->metric_count; i++) {
        const MetricDef *def = &mdx->exp->metrics.at[i];
        size_t points = results_points(results, def->axes);
        results->metrics[i] = (ResultMetric){.name = def->name, .formula = def->text, .axes = def->axes, .points = points,
                                             .values = undefined(mdx->arena, points), .done = arena_many(mdx->arena, bool, points)};
        if (def->points[0]->type == TYPE_interval) results->metrics[i].intervals = arena_many(mdx->arena, ResultInterval, points);
    }
    for (size_t i = 0; i < results->metric_count; i++) open_choice(mdx, i);
}

// Names of prompts whose values are kept.
static const ResultPrompts *open_prompts(Mdx *mdx, uint32_t index, Error *err) {
    ResultPrompts *prompts = &mdx->results.prompts[index];
    const PromptTexts *texts = prompts->ids ? NULL : streams_prompts(mdx->streams, index, err);
    if (!texts) return prompts->ids ? prompts : NULL;
    Str *ids = arena_many(mdx->arena, Str, texts->len);
    for (size_t p = 0; p < texts->len; p++) ids[p] = texts->at[p].id;
    *prompts = (ResultPrompts){mdx->exp->prompts.at[index].name, (uint32_t)texts->len, ids};
    return prompts;
}

static bool open_terms(Mdx *mdx, Error *err) {
    Results *results = &mdx->results;
    results->term_count = mdx->tables->terms.len;
    results->terms = arena_many(mdx->arena, ResultTerm, results->term_count);
    for (size_t i = 0; i < results->term_count; i++) {
        const Term *term = &mdx->tables->terms.at[i];
        const ResultPrompts *prompts = open_prompts(mdx, term->prompts, err);
        if (!prompts) return false;
        size_t points = results_points(results, term->axes);
        results->terms[i] = (ResultTerm){term->metric, term->text, term->axes, points, term->prompts,
                                         undefined(mdx->arena, points * prompts->count), arena_many(mdx->arena, bool, points)};
    }
    return true;
}

static bool open_states(Mdx *mdx, Error *err) {
    Results *results = &mdx->results;
    Arena *arena = mdx->arena;
    results->states_count = mdx->exp->captures.len;
    results->states = arena_many(arena, ResultStates, results->states_count);
    for (uint32_t i = 0; i < results->states_count; i++) {
        const MetricDef *def = &mdx->exp->captures.at[i];
        uint32_t prompts = def->points[0]->prompts;
        if (!open_prompts(mdx, prompts, err)) return false;
        size_t points = results_points(results, def->axes);
        results->states[i] = (ResultStates){def->name, def->text, def->axes, points, prompts, arena_many(arena, ResultMatrix, points)};
    }
    return true;
}

static Str expr_text(Mdx *mdx, const Expr *expr) {
    Text text = text_open(mdx->arena);
    if (expr) expr_write(mdx->exp, expr, &text);
    return text_view(&text);
}

static const char *const mapper_names[] = {
#define MDX_MAPPER(name, arguments, fitted, what) #name,
#include "compiler/mapper.def"
};

static void open_maps(Mdx *mdx) {
    Results *results = &mdx->results;
    results->map_count = mdx->exp->maps.len;
    results->maps = arena_many(mdx->arena, ResultMap, results->map_count);
    for (size_t i = 0; i < results->map_count; i++) {
        const MapInst *map = mdx->exp->maps.at[i];
        results->maps[i] = (ResultMap){.name = map->name, .kind = str_of(mapper_names[map->mapper]), .fit.scale = 1,
                                       .from = expr_text(mdx, map->from), .to = expr_text(mdx, map->to)};
        Text inside = text_open(mdx->arena);
        inside_write(&map->inside, &inside);
        results->maps[i].inside = text_view(&inside);
        Text per = text_open(mdx->arena);
        per_write(&map->per, &per);
        results->maps[i].per = text_view(&per);
        if (map->per.kind != PER_COUNT) results->maps[i].clusters = map->per.clusters;
        results->maps[i].parts = arena_many(mdx->arena, FitReport, results->maps[i].clusters + 1u);
        results->maps[i].pairing = pairing_words[map->pairing];
        results->maps[i].seed = map->seed;
        if (map->from) results->maps[i].on = mdx->exp->prompts.at[map->prompts].name;
    }
}

// By the numbers of Bound.
static ResultTable table_of(Mdx *mdx, const Report *report) {
    ResultColumn *columns = arena_many(mdx->arena, ResultColumn, report->columns.len);
    for (size_t c = 0; c < report->columns.len; c++) {
        const Column *column = &report->columns.at[c];
        columns[c] = (ResultColumn){column->is_axis, column->index, (ResultRole)column->bound};
    }
    return (ResultTable){report->axes, results_points(&mdx->results, report->axes), report->columns.len, columns};
}

static void open_tables(Mdx *mdx) {
    Results *results = &mdx->results;
    results->tables = arena_many(mdx->arena, ResultTable, mdx->exp->reports.len);
    results->figures = arena_many(mdx->arena, ResultFigure, mdx->exp->reports.len);
    for (size_t i = 0; i < mdx->exp->reports.len; i++) {
        const Report *report = &mdx->exp->reports.at[i];
        if (report->hidden) continue;
        if (report_is_table(report)) results->tables[results->table_count++] = table_of(mdx, report);
        if (report->kind != REPORT_plot && report->kind != REPORT_heat) continue;
        results->figures[results->figure_count++] = (ResultFigure){report->name, report->kind == REPORT_heat, report->span,
                                                                   report->over, report->by, table_of(mdx, report), STR("")};
    }
}

static bool same_patch(const Fire *a, const Fire *b) {
    return a->write == b->write && a->run == b->run && a->where == b->where;
}

// Tiles of a sweep are the same patch of the same run.
static void open_patches(Mdx *mdx) {
    Results *results = &mdx->results;
    const Tables *tables = mdx->tables;
    const Fire **fires = arena_many(mdx->arena, const Fire *, tables->fires.len + 1);
    results->patches = arena_many(mdx->arena, ResultPatch, tables->fires.len + 1);
    for (size_t i = 0; i < tables->fires.len; i++) {
        const Fire *fire = &tables->fires.at[i];
        size_t n = results->patch_count;
        if (n && same_patch(fires[n - 1], fire)) continue;
        fires[n] = fire;
        results->patches[results->patch_count++] =
            (ResultPatch){fire->write->name, fire->run->name, fire->write->place.name, fire->where->count, mdx->fired[i]};
    }
}

static void open_probes(Mdx *mdx) {
    Results *results = &mdx->results;
    results->probe_count = mdx->tables->probes.len;
    results->probes = arena_many(mdx->arena, ResultProbe, results->probe_count);
    for (size_t i = 0; i < results->probe_count; i++) {
        const Probe *probe = &mdx->tables->probes.at[i];
        results->probes[i] = (ResultProbe){.term = probe->term, .prompt = probe->prompt, .run = probe->run, .sites = probe->sites, .span = probe->span};
    }
}

static void open_positions(Mdx *mdx) {
    Results *results = &mdx->results;
    const Spaces *spaces = &mdx->tables->spaces;
    results->positions_count = spaces->counts.len;
    results->positions = arena_many(mdx->arena, ResultPositions, spaces->counts.len + 1);
    for (size_t i = 0; i < spaces->counts.len; i++) {
        const PositionCount *count = &spaces->counts.at[i];
        const StreamInfo *info = &spaces->streams.at[count->stream];
        Text text = text_open(mdx->arena);
        positions_write(&count->at, &text);
        results->positions[i] = (ResultPositions){text_view(&text), info->name, info->stream->count, count->fallbacks, count->least,
                                                  count->most, (double)count->total / info->stream->count};
        if (!count->fallbacks) continue;
        Str warning = str_format(mdx->arena, "%u of %u prompts (%.*s) have fewer than %lld usable tokens: all of them are taken", count->fallbacks,
                                 info->stream->count, STR_ARG(info->name), (long long)count->at.k);
        session_warning(mdx, count->at.span, warning.at);
    }
}

bool session_results(Mdx *mdx, Error *err) {
    const Experiment *exp = mdx->exp;
    Results *results = &mdx->results;
    results->experiment = exp->name;
    results->axis_count = exp->axes.len;
    results->axes = arena_many(mdx->arena, ResultAxis, exp->axes.len);
    for (size_t i = 0; i < exp->axes.len; i++) results->axes[i] = axis_of(mdx->arena, &exp->axes.at[i]);
    results->prompts_count = exp->prompts.len;
    results->prompts = arena_many(mdx->arena, ResultPrompts, exp->prompts.len);
    open_metrics(mdx);
    TRY(open_terms(mdx, err) && open_states(mdx, err));
    open_maps(mdx);
    open_patches(mdx);
    open_probes(mdx);
    open_positions(mdx);
    open_tables(mdx);
    return true;
}
