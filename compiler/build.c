// build.c: runs, tiles and outputs: the whole experiment as one graph.
#include "compiler/build.h"

// ---- Runs

Str build_key(Builder *b, const void *what, Str text, AxisSet axes, const AxisRange *ranges) {
    Text key = text_open(b->arena);
    text_str(&key, (Str){(const char *)&what, sizeof what});
    for (uint32_t i = 0; i < b->exp->axes.len; i++)
        if (axes >> i & 1) text_str(&key, (Str){(const char *)&ranges[i], sizeof ranges[i]});
    text_str(&key, text);
    return text_view(&key);
}

bool build_stream(Builder *b, const RunInst *run, Str text, uint32_t *out) {
    Tables *tables = b->graph->tables;
    const Facts *facts = tables->facts;
    const Stream *stream = facts->stream(facts->self, run->model, run->prompts, text, b->err);
    if (!stream) return error_at(b->err, b->exp->prompts.at[run->prompts].span);
    Str name = str_format(tables->arena, "%.*s/%.*s%s", STR_ARG(b->exp->prompts.at[run->prompts].name),
                          STR_ARG(b->exp->models.at[run->model].name), text.len ? "+" : "");
    *out = spaces_stream(&tables->spaces, stream, run->prompts, name);
    return true;
}

// An architecture names every site that it offers, in every layer.
static bool all_sites_named(const Forward *f) {
    for (uint32_t site = 0; site < SITE_COUNT; site++) {
        SiteId canonical = (SiteId)site;
        uint32_t layer = 0;
        site_canonical(&canonical, &layer);
        uint32_t layers = site_info[canonical].per == PER_LAYER ? f->model->layers : 1;
        if (!site_offered(f->model, canonical)) continue;
        for (layer = 0; layer < layers; layer++) MUST(f->sites[layer * SITE_COUNT + (uint32_t)canonical]);
    }
    return true;
}

static bool run_forward(Builder *b, const RunInst *run, Str text, const AxisRange *ranges, Forward *f) {
    Tables *tables = b->graph->tables;
    const ModelDef *model = &b->exp->models.at[run->model];
    *f = (Forward){.builder = b, .graph = b->graph, .run = run, .model = &model->model, .err = b->err, .ok = true};
    f->file = tables_file(tables, (PlanFile){model->folder.at, true, model->name, model->span});
    if (!build_stream(b, run, text, &f->stream)) return false;
    const Selection *all = selection_all(&tables->spaces, f->stream);
    f->space = space_tokens(&tables->spaces, all, run->axes, ranges);
    f->sites = arena_many(b->arena, Node *, (size_t)SITE_COUNT * f->model->layers);
    f->model->arch->build(f);
    return f->ok && all_sites_named(f);
}

Forward *build_run(Builder *b, const RunInst *run, Str text, const AxisRange *ranges) {
    run = build_stand_in(b, run);
    Str key = build_key(b, run, text, run->axes, ranges);
    uint32_t i;
    if (strmap_get(&b->run_keys, key, &i)) return b->runs.at[i];
    Forward *f = arena_new(b->arena, Forward);
    if (!run_forward(b, run, text, ranges, f)) return NULL;
    strmap_put(&b->run_keys, key, (uint32_t)b->runs.len);
    list_push(b->arena, &b->runs, f);
    return f;
}

Node *forward_read(const Forward *f, const Place *place) {
    SiteId site = place->site;
    uint32_t layer = place->layer;
    site_canonical(&site, &layer);
    Node *node = f->sites[layer * SITE_COUNT + (uint32_t)site];
    MUST(node);
    return node;
}

// ---- Tiles

// A patched run has at least one row a prompt and point.
static bool rows_of_point(Builder *b, AxisSet axes, uint64_t *rows) {
    *rows = 1;
    for (size_t i = 0; i < b->exp->runs.len; i++) {
        const RunInst *run = b->exp->runs.at[i];
        uint32_t stream;
        if (!(run->axes & axes)) continue;
        if (!build_stream(b, run, STR(""), &stream)) return false;
        *rows = MAX(*rows, (uint64_t)b->graph->tables->spaces.streams.at[stream].stream->count);
    }
    return true;
}

static bool points_together(Builder *b, AxisSet axes, size_t *points) {
    uint64_t rows;
    *points = b->options->batch_points ? b->options->batch_points : SIZE_MAX;
    if (*points != AUTO_POINTS || !b->options->batch_points || !axes) return true;
    if (!rows_of_point(b, axes, &rows)) return false;
    *points = (size_t)MAX((b->options->batch_rows + rows - 1) / rows, (uint64_t)1);
    return true;
}

// Cuts the value axes of a metric into tiles: the last axes whole, the first one that does not fit in equal pieces.
static bool tile_sizes(Builder *b, AxisSet axes, uint32_t *sizes) {
    size_t room;
    if (!points_together(b, axes, &room)) return false;
    for (size_t a = b->exp->axes.len; a-- > 0;) {
        if (!(axes >> a & 1)) continue;
        size_t count = b->exp->axes.at[a].count, most = MIN(count, MAX(room, (size_t)1)), tiles = (count + most - 1) / most;
        sizes[a] = (uint32_t)((count + tiles - 1) / tiles);
        room /= sizes[a];
    }
    return true;
}

// Moves to the next tile; false after the last.
static bool tile_next(const Builder *b, AxisSet axes, const uint32_t *sizes, AxisRange *ranges) {
    for (size_t a = b->exp->axes.len; a-- > 0;) {
        if (!(axes >> a & 1)) continue;
        uint32_t count = (uint32_t)b->exp->axes.at[a].count, next = ranges[a].first + sizes[a];
        ranges[a].first = next < count ? next : 0;
        ranges[a].count = MIN(sizes[a], count - ranges[a].first);
        if (next < count) return true;
    }
    return false;
}

static void tile_first(const Builder *b, AxisSet axes, const uint32_t *sizes, AxisRange *ranges) {
    for (uint32_t a = 0; a < b->exp->axes.len; a++)
        ranges[a] = (AxisRange){a, 0, axes >> a & 1 ? sizes[a] : (uint32_t)b->exp->axes.at[a].count};
}

// ---- Outputs

void build_output(Builder *b, GraphOutput output) {
    AxisRange where = {(uint32_t)output.kind, output.index, (uint32_t)output.point};
    AxisSet values = output.axes & ~axes_structural(b->exp, output.axes);
    Str key = build_key(b, NULL, (Str){(const char *)&where, sizeof where}, values, output.ranges);
    uint32_t i;
    if (strmap_get(&b->output_keys, key, &i)) return;
    strmap_put(&b->output_keys, key, (uint32_t)b->graph->outputs.len);
    if (output.ranges) output.ranges = arena_copy(b->arena, output.ranges, MOST_AXES * sizeof *output.ranges);
    list_push(b->graph->tables->arena, &b->graph->outputs, output);
}

static bool build_metric_at(Builder *b, uint32_t index, size_t point, const AxisRange *ranges) {
    const MetricDef *metric = &b->exp->metrics.at[index];
    const Expr *expr = metric->points[point];
    MUST(expr);
    if (expr->kind == EXPR_choice) return true; // of others, when they are there
    b->metric = index;
    b->point = point;
    Node *node = build_number(b, expr, ranges);
    if (!node) return false;
    build_output(b, (GraphOutput){OUT_metric, node, index, point, metric->axes, ranges});
    return true;
}

// All metrics of a report at one structural point and one tile of its axes.
static bool build_row(Builder *b, const Report *report, size_t point, const AxisRange *ranges) {
    AxisSet structural = axes_structural(b->exp, report->axes);
    for (size_t c = 0; c < report->columns.len; c++) {
        const Column *column = &report->columns.at[c];
        if (column->is_axis) continue;
        AxisSet own = axes_structural(b->exp, b->exp->metrics.at[column->index].axes);
        if (!build_metric_at(b, column->index, point_project(b->exp, structural, point, own), ranges)) return false;
    }
    return true;
}

static bool build_capture(Builder *b, const Report *report, size_t point, const AxisRange *ranges) {
    const Expr *expr = b->exp->captures.at[report->capture].points[point];
    MUST(expr);
    Frame frame;
    Node *node = build_frame(b, expr, &frame) ? build_states(b, expr, &frame, ranges) : NULL;
    if (!node) return false;
    build_output(b, (GraphOutput){OUT_states, node, report->capture, point, report->axes, ranges});
    return true;
}

// Reports in order, points in order: what is asked for first can be computed, and shown, first.
static bool build_report(Builder *b, const Report *report) {
    AxisSet structural = axes_structural(b->exp, report->axes), values = report->axes & ~structural;
    size_t points = points_count(b->exp, structural);
    uint32_t sizes[MOST_AXES];
    AxisRange ranges[MOST_AXES];
    if (!tile_sizes(b, values, sizes)) return false;
    for (size_t point = 0; point < points; point++) {
        tile_first(b, values, sizes, ranges);
        do {
            if (!(report->kind == REPORT_states ? build_capture : build_row)(b, report, point, ranges)) return false;
        } while (tile_next(b, values, sizes, ranges));
    }
    return true;
}

static void output_maps(Builder *b) {
    for (uint32_t i = 0; i < b->exp->maps.len; i++) {
        if (b->norms[i]) build_output(b, (GraphOutput){OUT_norm, b->norms[i], i, 0, 0, NULL});
        const MapParts *parts = b->parts[i];
        if (!parts || !b->exp->maps.at[i]->from) continue;
        for (uint32_t k = 0; k < parts->count; k++)
            build_output(b, (GraphOutput){OUT_map, parts->maps[k], i, k, 0, NULL});
        if (parts->centroids) build_output(b, (GraphOutput){OUT_centroids, parts->centroids, i, 0, 0, NULL});
    }
}

bool build(Graph *graph, const BuildOptions *options, Error *err) {
    const Experiment *exp = graph->tables->exp;
    Arena *arena = graph->tables->arena;
    Builder b = {.arena = arena, .graph = graph, .exp = exp, .options = options, .err = err};
    b.run_keys = strmap_open(arena, 64);
    b.expr_keys = strmap_open(arena, 64);
    b.output_keys = strmap_open(arena, 64);
    b.stand_keys = strmap_open(arena, 16);
    b.probe_keys = strmap_open(arena, 16);
    b.parts = arena_many(arena, MapParts *, exp->maps.len);
    b.norms = arena_many(arena, Node *, exp->maps.len);
    b.bases = arena_many(arena, Node *, exp->bases.len);
    for (size_t i = 0; i < exp->reports.len; i++)
        if (!build_report(&b, &exp->reports.at[i])) return false;
    output_maps(&b);
    return build_probes(&b);
}
