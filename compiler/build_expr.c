// build_expr.c: expressions as nodes: states in a frame, values a prompt, numbers a point.
#include "compiler/build.h"

// ---- Small nodes

static void join_ranges(const Node *a, const Node *c, AxisSet *axes, AxisRange *by_axis) {
    *axes = a->space->axes | (c ? c->space->axes : 0);
    space_ranges(a->space, by_axis);
    if (c) space_ranges(c->space, by_axis);
}

const Space *space_joined(Builder *b, const Space *like, const Node *a, const Node *c) {
    AxisSet axes;
    AxisRange by_axis[MOST_AXES];
    join_ranges(a, c, &axes, by_axis);
    return space_with_axes(&b->graph->tables->spaces, like, axes, by_axis);
}

Node *build_constant(Builder *b, double value, Span span) {
    Node like = {.op = OP_constant, .dtype = DTYPE_f64, .width = 1, .span = span};
    like.attr.constant.value = value;
    like.space = space_points(&b->graph->tables->spaces, 0, NULL);
    return graph_node(b->graph, like);
}

static Node *build_axis(Builder *b, const Expr *expr, const AxisRange *ranges) {
    Spaces *spaces = &b->graph->tables->spaces;
    Node like = {.op = OP_axis, .dtype = DTYPE_f64, .width = 1, .span = expr->span};
    like.attr.axis.axis = expr->axis;
    like.attr.axis.first = expr->point >= 0 ? (uint32_t)expr->point : ranges[expr->axis].first;
    like.space = expr->point >= 0 ? space_points(spaces, 0, NULL)
                                  : space_points(spaces, (AxisSet)1 << expr->axis, ranges);
    return graph_node(b->graph, like);
}

Node *build_rows(Builder *b, Node *x, const Selection *from, const Selection *to, Span span) {
    Spaces *spaces = &b->graph->tables->spaces;
    AxisRange by_axis[MOST_AXES];
    space_ranges(x->space, by_axis);
    Node like = {.op = OP_rows, .dtype = x->dtype, .width = x->width, .in = {x}, .span = span};
    like.attr.rows.selection = from->id;
    like.space = space_tokens(spaces, to, x->space->axes, by_axis);
    return graph_node(b->graph, like);
}

Node *build_arithmetic(Builder *b, const Expr *expr, Node *a, Node *c) {
    static const Op ops[] = {[EXPR_negate] = OP_negate, [EXPR_add] = OP_add, [EXPR_sub] = OP_sub,
                             [EXPR_mul] = OP_mul,       [EXPR_div] = OP_div};
    const Node *big = c && c->space->kind > a->space->kind ? c : a;
    Node like = {.op = ops[expr->kind], .dtype = DTYPE_f64, .in = {a, c}, .span = expr->span};
    if (a->dtype == DTYPE_f32 || (c && c->dtype == DTYPE_f32)) like.dtype = DTYPE_f32;
    like.width = c ? MAX(a->width, c->width) : a->width;
    like.space = space_joined(b, big->space, a, c);
    return graph_node(b->graph, like);
}

static bool is_arithmetic(const Expr *expr) {
    return expr->kind >= EXPR_negate && expr->kind <= EXPR_div;
}

// ---- States

static bool equal_counts(Builder *b, const Selection *from, const Selection *to, Span span) {
    const Spaces *spaces = &b->graph->tables->spaces;
    const Stream *a = spaces->streams.at[from->stream].stream;
    for (uint32_t p = 0; p < a->count; p++) {
        uint32_t have = selection_in_prompt(from, p), want = selection_in_prompt(to, p);
        if (have == want) continue;
        error_set(b->err, ERR_INPUT, "prompt %.*s has %u selected tokens here and %u where they go", STR_ARG(a->ids[p]),
                  have, want);
        return error_at(b->err, span);
    }
    return true;
}

static Node *read_states(Builder *b, const Expr *expr, const Frame *frame, const AxisRange *ranges) {
    Forward *f = build_run(b, expr->run, STR(""), ranges);
    if (!f) return NULL;
    const Selection *from;
    if (!build_select(b, f->stream, &expr->place.at, &from)) return NULL;
    if (!equal_counts(b, from, frame->selection, expr->span)) return NULL;
    Node *x = forward_read(f, &expr->place);
    Blocks blocks = place_blocks(b->graph->tables, &expr->place, f->model);
    if (blocks.size) {
        Node like = {.op = OP_columns, .dtype = x->dtype, .width = expr->width, .space = x->space, .in = {x}, .span = expr->span};
        like.attr.columns.blocks = blocks;
        x = graph_node(b->graph, like);
    }
    return build_rows(b, x, from, frame->selection, expr->span);
}

static Node *matrix_product(Builder *b, Op op, Node *x, Node *matrix, uint32_t width, Span span) {
    return graph_node(b->graph, (Node){.op = op, .dtype = DTYPE_f32, .width = width, .space = x->space, .in = {x, matrix}, .span = span});
}

// x W + b: rows 0 … width of x - 1 of the map are W, the last is b.
static Node *affine(Builder *b, Node *x, Node *map, Span span) {
    Node *product = matrix_product(b, OP_product, x, map, map->width, span);
    Node like = {
        .op = OP_bias, .dtype = DTYPE_f32, .width = map->width, .space = x->space, .in = {product, map}, .span = span};
    like.attr.bias.row = x->width;
    return graph_node(b->graph, like);
}

// With several maps, all of them go over all rows, and each row is that of its nearest centroid.
Node *build_mapped(Builder *b, const MapInst *map, Node *x, Span span) {
    if (map->mapper == MAPPER_identity) return x;
    const MapParts *parts = build_parts(b, map, x->width);
    if (!parts) return NULL;
    uint64_t in = parts->maps[0]->space->rows - 1;
    if (in != x->width) {
        error_set(b->err, ERR_INPUT, "%.*s maps %llu values per token, this has %u", STR_ARG(map->name),
                  (unsigned long long)in, x->width);
        error_at(b->err, span);
        return NULL;
    }
    Node *out = affine(b, x, parts->maps[0], span);
    Node *number = parts->count > 1 ? build_nearest(b, x, parts->centroids, span) : NULL;
    for (uint32_t k = 1; k < parts->count; k++) {
        Node like = {.op = OP_choose, .dtype = DTYPE_f32, .width = out->width, .space = x->space, .span = span};
        like.in[0] = out, like.in[1] = affine(b, x, parts->maps[k], span), like.in[2] = number;
        like.attr.choose.from = k;
        out = graph_node(b->graph, like);
    }
    return out;
}

static Node *map_states(Builder *b, const Expr *expr, const Frame *frame, const AxisRange *ranges) {
    Node *x = build_states(b, expr->in[0], frame, ranges);
    return x ? build_mapped(b, expr->map, x, expr->span) : NULL;
}

// D D^T x
static Node *project_states(Builder *b, const Expr *expr, const Frame *frame, const AxisRange *ranges) {
    Node *x = build_states(b, expr->in[0], frame, ranges);
    Node *basis = x ? build_basis(b, expr->basis) : NULL;
    if (!basis) return NULL;
    Node *coordinates = matrix_product(b, OP_product, x, basis, basis->width, expr->span);
    return matrix_product(b, OP_linear, coordinates, basis, x->width, expr->span);
}

// Widths that depend on a file (from_file) are only known here.
static bool widths_agree(Builder *b, const Expr *expr, const Node *a, const Node *c) {
    if (!c || a->width == c->width || a->space->kind == SPACE_points || c->space->kind == SPACE_points) return true;
    error_set(b->err, ERR_INPUT, "the left side has %u values per token, the right side %u", a->width, c->width);
    return error_at(b->err, expr->span);
}

Node *build_states(Builder *b, const Expr *expr, const Frame *frame, const AxisRange *ranges) {
    if (expr->type == TYPE_number) return build_number(b, expr, ranges);
    if (expr->kind == EXPR_read) return read_states(b, expr, frame, ranges);
    if (expr->kind == EXPR_map) return map_states(b, expr, frame, ranges);
    if (expr->kind == EXPR_project) return project_states(b, expr, frame, ranges);
    if (expr->kind == EXPR_it) {
        MUST(frame->it);
        return frame->it;
    }
    MUST(is_arithmetic(expr));
    Node *a = build_states(b, expr->in[0], frame, ranges);
    Node *c = a && expr->in[1] ? build_states(b, expr->in[1], frame, ranges) : NULL;
    if (!a || (expr->in[1] && !c) || !widths_agree(b, expr, a, c)) return NULL;
    return build_arithmetic(b, expr, a, c);
}

bool build_frame(Builder *b, const Expr *states, Frame *out) {
    const Expr *read = expr_first_read(states);
    MUST(read);
    uint32_t stream;
    if (!build_stream(b, read->run, STR(""), &stream)) return false;
    *out = (Frame){0};
    return build_select(b, stream, &read->place.at, &out->selection);
}

Node *build_patch_value(Forward *f, const Write *write, Node *it, const Selection *where, Blocks blocks) {
    Builder *b = f->builder;
    Node *old = it;
    if (blocks.size) {
        Node like = {.op = OP_columns, .dtype = it->dtype, .width = write->place.width, .space = it->space, .in = {it}, .span = write->span};
        like.attr.columns.blocks = blocks;
        old = graph_node(b->graph, like);
    }
    Frame frame = {where, build_rows(b, old, where, where, write->span)};
    AxisRange ranges[MOST_AXES];
    space_ranges(f->space, ranges);
    Node *value = build_states(b, write->value, &frame, ranges);
    if (!value || value->width == write->place.width || value->space->kind == SPACE_points) return value;
    error_set(b->err, ERR_INPUT, "cannot write %u values per token into %u (%.*s)", value->width, write->place.width,
              STR_ARG(write->place.name));
    error_at(b->err, write->span);
    return NULL;
}

// ---- Values and numbers

// The node of an expression at the points of the ranges, made by `make` on first use.
static Node *expr_once(Builder *b, const Expr *expr, const AxisRange *ranges,
                       Node *(*make)(Builder *, const Expr *, const AxisRange *)) {
    static const char *const stands[] = {[STAND_NONE] = "", [STAND_CLEAN] = "clean", [STAND_PROBE] = "own"};
    Str how = str_format(b->arena, "%s %u %llu %d", stands[b->stand], b->draws.count, (unsigned long long)b->draws.seed, (int)b->draws.what);
    Str key = build_key(b, expr, how, expr->axes, ranges);
    uint32_t i;
    if (strmap_get(&b->expr_keys, key, &i)) return b->exprs.at[i];
    Node *node = make(b, expr, ranges);
    if (!node) return NULL;
    strmap_put(&b->expr_keys, key, (uint32_t)b->exprs.len);
    list_push(b->arena, &b->exprs, node);
    return node;
}

Node *build_values(Builder *b, const Expr *expr, const AxisRange *ranges) {
    if (expr->type == TYPE_number) return build_number(b, expr, ranges);
    if (expr->kind == EXPR_metric) return expr_once(b, expr, ranges, build_metric);
    MUST(is_arithmetic(expr));
    Node *a = build_values(b, expr->in[0], ranges);
    Node *c = a && expr->in[1] ? build_values(b, expr->in[1], ranges) : NULL;
    return a && (c || !expr->in[1]) ? build_arithmetic(b, expr, a, c) : NULL;
}

// The text of a span on one line: what a column of values is called.
static Str term_text(Builder *b, Span span) {
    const Tables *tables = b->graph->tables;
    Str source = tables->sources->at[span.source].text;
    Text text = text_open(b->arena);
    bool blank = false;
    for (size_t i = span.begin; i < span.end; i++) {
        bool space = source.at[i] == ' ' || source.at[i] == '\n' || source.at[i] == '\t' || source.at[i] == '\r';
        if (!space || !blank) text_char(&text, space ? ' ' : source.at[i]);
        blank = space;
    }
    return text_view(&text);
}

static bool same_text(Span a, Span b) {
    return a.source == b.source && a.begin == b.begin && a.end == b.end;
}

// The point of the metric's structural axes and the sweep that its interval is over.
static size_t shared_point(const Builder *b, AxisSet own) {
    const MetricDef *metric = &b->exp->metrics.at[b->metric];
    AxisSet structural = axes_structural(b->exp, metric->axes);
    size_t point = 0;
    for (uint32_t a = 0; a < b->exp->axes.len; a++) {
        if (!(own >> a & 1)) continue;
        uint32_t value = a == b->share->axis ? (uint32_t)b->share->point : point_value(b->exp, structural, b->point, a);
        point = point * b->exp->axes.at[a].count + value;
    }
    return point;
}

// The values that a reported number is reduced from are an output too: of the metric that was built first, when several
// have the number. That one is built at all its points, so the others add nothing.
void build_term(Builder *b, const Expr *owner, const Expr *expr, Node *values, const AxisRange *ranges) {
    if (b->stand != STAND_NONE) return;
    Tables *tables = b->graph->tables;
    const MetricDef *metric = &b->exp->metrics.at[b->metric];
    Str text = term_text(b, expr->span);
    AxisSet own = axes_structural(b->exp, metric->axes), axes = own | expr->axes;
    size_t point = b->point;
    if (b->share) {
        own |= (AxisSet)1 << b->share->axis;
        axes |= own;
        point = shared_point(b, own);
    }
    uint32_t i = 0;
    for (size_t k = 0; k < tables->terms.len; k++)
        if (same_text(tables->terms.at[k].owner->span, owner->span) && !str_eq(tables->terms.at[k].metric, metric->name)) return;
    for (; i < tables->terms.len; i++)
        if (str_eq(tables->terms.at[i].text, text) && str_eq(tables->terms.at[i].metric, metric->name)) break;
    if (i == tables->terms.len)
        list_push(tables->arena, &tables->terms, ((Term){metric->name, text, values->space->prompts, axes, owner}));
    build_output(b, (GraphOutput){OUT_values, values, i, point, axes, ranges});
    build_note_probe(b, expr, i, ranges);
}

static Node *reduce_number(Builder *b, const Expr *expr, const AxisRange *ranges) {
    Resampling draws = b->draws;
    b->draws = (Resampling){0}; // the values are those of all prompts
    Node *values = build_values(b, expr->in[0], ranges);
    b->draws = draws;
    if (!values) return NULL;
    AxisRange by_axis[MOST_AXES];
    space_ranges(values->space, by_axis);
    Node like = {.op = OP_reduce, .dtype = DTYPE_f64, .in = {values}, .span = expr->span};
    like.attr.reduce.draws = build_draws(b, values->space->prompt_count, &like.width);
    like.attr.reduce.reduction = expr->row;
    like.attr.reduce.p = expr->row == REDUCE_quantile ? expr->args[1].number : 0;
    like.space = space_points(&b->graph->tables->spaces, values->space->axes, by_axis);
    Node *node = graph_node(b->graph, like);
    build_term(b, expr, expr->in[0], values, ranges);
    return node;
}

// The number of all prompts and of each draw, side by side; then the interval that they leave.
static Node *interval_number(Builder *b, const Expr *expr, const AxisRange *ranges) {
    b->draws = (Resampling){expr->args[2].seed, expr->args[1].count, (DrawWhat)expr->args[5].choice};
    Node *x = build_number(b, expr->in[0], ranges);
    b->draws = (Resampling){0};
    if (!x) return NULL;
    Node like = {.op = OP_interval, .dtype = DTYPE_f64, .width = INTERVAL_COLUMNS, .space = x->space, .in = {x}, .span = expr->span};
    like.attr.interval.basic = expr->args[3].choice;
    return graph_node(b->graph, like);
}

static Node *number_node(Builder *b, const Expr *expr, const AxisRange *ranges) {
    if (expr->kind == EXPR_number) return build_constant(b, expr->number, expr->span);
    if (expr->kind == EXPR_axis) return build_axis(b, expr, ranges);
    if (expr->kind == EXPR_metric) return build_metric(b, expr, ranges);
    if (expr->kind == EXPR_reduce) return reduce_number(b, expr, ranges);
    if (expr->kind == EXPR_interval) return interval_number(b, expr, ranges);
    if (expr->kind == EXPR_share) return build_share(b, expr);
    MUST(is_arithmetic(expr));
    Node *a = build_number(b, expr->in[0], ranges);
    if (expr->in[0]->kind == EXPR_share) b->share = expr->in[0];
    Node *c = a && expr->in[1] ? build_number(b, expr->in[1], ranges) : NULL;
    if (expr->in[0]->kind == EXPR_share) b->share = NULL;
    return a && (c || !expr->in[1]) ? build_arithmetic(b, expr, a, c) : NULL;
}

Node *build_number(Builder *b, const Expr *expr, const AxisRange *ranges) {
    return expr_once(b, expr, ranges, number_node);
}
