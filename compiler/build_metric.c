// build_metric.c: metrics as nodes: one function a row of metric.def. Args stand in the order of the row's signature.
#include "compiler/build.h"

typedef struct {
    Builder *b;
    const Expr *expr;
    const AxisRange *ranges;
    Resampling draws;
} Metric;

// ---- Parts

static Node *token_rows(const Metric *m, Op op, const Selection *at, Attr attr, Node *x, Node *y) {
    AxisRange by_axis[MOST_AXES];
    space_ranges(x->space, by_axis);
    if (y) space_ranges(y->space, by_axis);
    AxisSet axes = x->space->axes | (y ? y->space->axes : 0);
    Node like = {.op = op, .dtype = DTYPE_f64, .width = 1, .in = {x, y}, .attr = attr, .span = m->expr->span};
    like.space = space_tokens(&m->b->graph->tables->spaces, at, axes, by_axis);
    return graph_node(m->b->graph, like);
}

static Node *over_prompt(const Metric *m, Op op, Node *x) {
    AxisRange by_axis[MOST_AXES];
    space_ranges(x->space, by_axis);
    Node like = {.op = op, .dtype = DTYPE_f64, .width = 1, .in = {x}, .span = m->expr->span};
    like.space = space_prompts(&m->b->graph->tables->spaces, x->space->prompts, x->space->prompt_count, x->space->axes, by_axis);
    return graph_node(m->b->graph, like);
}

// The logits of a run, and the rows of it that the positions select.
static Node *logits_of(const Metric *m, const Arg *run, const Positions *at, const Selection **rows) {
    Forward *f = build_run(m->b, run->run, STR(""), m->ranges);
    if (!f || !build_select(m->b, f->stream, at, rows)) return NULL;
    Place logits = {.site = SITE_logits};
    return forward_read(f, &logits);
}

static Node *at_positions(const Metric *m, Op op, const Positions *at, Attr attr) {
    const Selection *rows;
    Node *logits = logits_of(m, &m->expr->args[0], at, &rows);
    return logits ? over_prompt(m, OP_prompt_mean, token_rows(m, op, rows, attr, logits, NULL)) : NULL;
}

static bool token_named(const Metric *m, const Arg *text, uint32_t *id) {
    const Facts *facts = m->b->graph->tables->facts;
    return facts->token(facts->self, m->expr->args[0].run->model, text->text, id, m->b->err) ||
           error_at(m->b->err, text->span);
}

// Two states in the frame of the first.
static bool two_sides(const Metric *m, Frame *frame, Node **x, Node **y) {
    const Arg *args = m->expr->args;
    if (!build_frame(m->b, args[0].expr, frame)) return false;
    *x = build_states(m->b, args[0].expr, frame, m->ranges);
    *y = *x ? build_states(m->b, args[1].expr, frame, m->ranges) : NULL;
    return *y != NULL;
}

// The same, of one width.
static bool two_states(const Metric *m, Frame *frame, Node **x, Node **y) {
    if (!two_sides(m, frame, x, y)) return false;
    if ((*x)->width == (*y)->width) return true;
    error_set(m->b->err, ERR_INPUT, "the first has %u values per token, the second %u", (*x)->width, (*y)->width);
    return error_at(m->b->err, m->expr->span);
}

// ---- The metrics

static Node *metric_kl(const Metric *m) {
    const Arg *args = m->expr->args;
    const Selection *p_rows, *q_rows;
    Node *p = logits_of(m, &args[0], &args[2].positions, &p_rows);
    Node *q = p ? logits_of(m, &args[1], &args[2].positions, &q_rows) : NULL;
    if (!q) return NULL;
    if (q_rows != p_rows) q = build_rows(m->b, q, q_rows, p_rows, m->expr->span);
    return over_prompt(m, OP_prompt_mean, token_rows(m, OP_kl, p_rows, (Attr){{0}}, p, q));
}

// The rows that predict the appended text: from the prompt's last token to the text's last but one.
static const Selection *predicting_rows(const Metric *m, uint32_t stream) {
    Spaces *spaces = &m->b->graph->tables->spaces;
    const Stream *s = spaces->streams.at[stream].stream;
    bool *flags = arena_many(m->b->arena, bool, s->start[s->count]);
    for (uint32_t p = 0; p < s->count; p++)
        for (uint32_t t = s->start[p] + s->length[p] - 1; t + 1 < s->start[p + 1]; t++) flags[t] = true;
    return selection_of(spaces, stream, flags);
}

static Node *logp_rows(const Metric *m, uint32_t *text_tokens) {
    const Arg *args = m->expr->args;
    Forward *f = build_run(m->b, args[0].run, args[1].text, m->ranges);
    if (!f) return NULL;
    const Stream *s = m->b->graph->tables->spaces.streams.at[f->stream].stream;
    *text_tokens = s->start[1] - s->start[0] - s->length[0]; // the same for every prompt: tokenized alone
    const Selection *rows = build_probed_rows(m->b, predicting_rows(m, f->stream));
    Place logits = {.site = SITE_logits};
    Node like = {.op = OP_next_tokens, .dtype = DTYPE_i32, .width = 1, .span = m->expr->span};
    like.attr.tokens.stream = f->stream;
    like.space = space_tokens(&m->b->graph->tables->spaces, rows, 0, NULL);
    Node *next = graph_node(m->b->graph, like);
    return over_prompt(m, OP_prompt_sum, token_rows(m, OP_logp, rows, (Attr){{0}}, forward_read(f, &logits), next));
}

static Node *metric_logp(const Metric *m) {
    uint32_t text_tokens;
    return logp_rows(m, &text_tokens);
}

static Node *metric_logp_per_token(const Metric *m) {
    uint32_t text_tokens;
    Node *sum = logp_rows(m, &text_tokens);
    if (!sum) return NULL;
    Expr divide = {.kind = EXPR_div, .span = m->expr->span};
    return build_arithmetic(m->b, &divide, sum, build_constant(m->b, text_tokens, m->expr->span));
}

static Node *metric_margin(const Metric *m) {
    const Arg *args = m->expr->args;
    Attr attr = {{0}};
    attr.margin.named = args[1].given;
    if (args[1].given && !token_named(m, &args[1], &attr.margin.best)) return NULL;
    if (args[2].given && !token_named(m, &args[2], &attr.margin.other)) return NULL;
    return at_positions(m, OP_margin, &args[3].positions, attr);
}

static Node *metric_rank(const Metric *m) {
    const Arg *args = m->expr->args;
    Attr attr = {{0}};
    if (!token_named(m, &args[1], &attr.rank.token)) return NULL;
    return at_positions(m, OP_rank, &args[2].positions, attr);
}

static Node *metric_argmax(const Metric *m) {
    return at_positions(m, OP_argmax, &m->expr->args[1].positions, (Attr){{0}});
}

static Node *metric_entropy(const Metric *m) {
    return at_positions(m, OP_entropy, &m->expr->args[1].positions, (Attr){{0}});
}

static Node *metric_cosine(const Metric *m) {
    Frame frame;
    Node *x, *y;
    if (!two_states(m, &frame, &x, &y)) return NULL;
    return over_prompt(m, OP_prompt_mean, token_rows(m, OP_cosine, frame.selection, (Attr){{0}}, x, y));
}

static Node *metric_norm_ratio(const Metric *m) {
    Frame frame;
    Node *x, *y;
    if (!two_states(m, &frame, &x, &y)) return NULL;
    Node *over = token_rows(m, OP_norm, frame.selection, (Attr){{0}}, x, NULL);
    Node *under = token_rows(m, OP_norm, frame.selection, (Attr){{0}}, y, NULL);
    Expr divide = {.kind = EXPR_div, .span = m->expr->span};
    return over_prompt(m, OP_prompt_mean, build_arithmetic(m->b, &divide, over, under));
}

static Node *metric_norm_match(const Metric *m) {
    return build_norm_match(m->b, m->expr->args[0].map, m->expr->span);
}

static Node *over_points(const Metric *m, Op op, Attr attr, Node *x, Node *y) {
    const Space *none = space_points(&m->b->graph->tables->spaces, 0, NULL);
    Node like = {.op = op, .dtype = DTYPE_f64, .in = {x, y}, .attr = attr, .span = m->expr->span};
    m->b->draws = m->draws;
    like.attr.measure.draws = build_draws(m->b, x->space->prompt_count, &like.width);
    like.space = space_joined(m->b, none, x, y);
    return graph_node(m->b->graph, like);
}

static Node *metric_r2(const Metric *m) {
    Frame frame;
    Node *x, *y;
    return two_states(m, &frame, &x, &y) ? over_points(m, OP_r2, (Attr){{0}}, x, y) : NULL;
}

static Node *metric_cka(const Metric *m) {
    Frame frame;
    Node *x, *y;
    Attr attr = {{0}};
    attr.measure.how = m->expr->args[3].flag;
    return two_sides(m, &frame, &x, &y) ? over_points(m, OP_cka, attr, x, y) : NULL;
}

static Node *two_values(const Metric *m, bool of_ranks) {
    const Arg *args = m->expr->args;
    Node *a = build_values(m->b, args[0].expr, m->ranges), *b = a ? build_values(m->b, args[1].expr, m->ranges) : NULL;
    if (!b) return NULL;
    Attr attr = {{0}};
    attr.measure.how = of_ranks;
    Node *node = over_points(m, OP_correlation, attr, a, b);
    build_term(m->b, m->expr, args[0].expr, a, m->ranges);
    build_term(m->b, m->expr, args[1].expr, b, m->ranges);
    return node;
}

static Node *metric_correlation(const Metric *m) {
    return two_values(m, false);
}

static Node *metric_spearman(const Metric *m) {
    return two_values(m, true);
}

static Node *(*const metrics[METRIC_COUNT])(const Metric *) = {
#define MDX_METRIC(name, arguments, gives, what) [METRIC_##name] = metric_##name,
#include "compiler/metric.def"
};

Node *build_metric(Builder *b, const Expr *expr, const AxisRange *ranges) {
    Metric m = {b, expr, ranges, b->draws};
    b->draws = (Resampling){0}; // states and values are those of all prompts
    Node *node = metrics[expr->row](&m);
    b->draws = m.draws;
    return node;
}
