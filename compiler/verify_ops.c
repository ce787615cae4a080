// verify_ops.c: verify_NAME for every row of op.def.
#include "compiler/verify.h"

#define RULE(name) static const char *verify_##name(__attribute__((unused)) const Graph *graph, const Node *node)

static bool is_tokens(const Node *node) {
    return node->space->kind == SPACE_tokens;
}

static bool is_matrix(const Node *node, uint64_t rows, uint32_t width) {
    return node->space->kind == SPACE_matrix && node->space->rows == rows && node->width == width;
}

static const Selection *selection_at(const Graph *graph, uint32_t id) {
    return id < graph->tables->spaces.selections.len ? graph->tables->spaces.selections.at[id] : NULL;
}

static bool blocks_fit(const Graph *graph, const Blocks *blocks, uint32_t whole, uint32_t part) {
    if (!blocks->size) return whole == part;
    const uint32_t *list = graph->tables->lists.at[blocks->list];
    for (uint32_t i = 1; i <= list[0]; i++)
        if ((uint64_t)(list[i] + 1) * blocks->size > whole) return false;
    return (uint64_t)list[0] * blocks->size == part;
}

// ---- Leaves

RULE(weight) {
    if (node->attr.weight.file >= graph->tables->files.len) return "names no file";
    return node->space->kind == SPACE_matrix ? NULL : "must be a matrix";
}

RULE(table) {
    if (node->attr.table.table >= graph->tables->tables.len) return "names no table";
    const PlanTable *table = &graph->tables->tables.at[node->attr.table.table];
    bool number = node->space->kind == SPACE_points && !node->space->axes && table->rows == 1 && node->width == table->width;
    return number || is_matrix(node, table->rows, table->width) ? NULL : "has not the shape of its table";
}

RULE(constant) {
    return node->space->kind == SPACE_points && !node->space->axes ? NULL : "must be one number";
}

RULE(axis) {
    if (node->attr.axis.axis >= graph->tables->exp->axes.len) return "names no sweep";
    bool own = node->space->axes == (AxisSet)1 << node->attr.axis.axis || !node->space->axes;
    return node->space->kind == SPACE_points && own ? NULL : "must have the points of its sweep alone";
}

RULE(tokens) {
    bool own = is_tokens(node) && node->attr.tokens.stream == node->space->selection->stream;
    return own && node->dtype == DTYPE_i32 ? NULL : "must be ids over its stream";
}

RULE(next_tokens) {
    return verify_tokens(graph, node);
}

// ---- The forward pass

RULE(embed) {
    return node->in[0]->dtype == DTYPE_i32 && node->in[1]->width == node->width ? NULL : "needs ids and a table of its width";
}

RULE(rms_norm) {
    bool fits = node->in[0]->width == node->width && is_matrix(node->in[1], 1, node->width);
    return fits && node->attr.norm.eps >= 0 ? NULL : "needs x and a weight of its width";
}

RULE(linear) {
    return is_matrix(node->in[1], node->width, node->in[0]->width) ? NULL : "needs a weight [out, in]";
}

RULE(bias) {
    const Node *b = node->in[1];
    bool fits = node->in[0]->width == node->width && is_matrix(b, b->space->rows, node->width);
    return fits && node->attr.bias.row < b->space->rows ? NULL : "needs x and a bias of its width";
}

RULE(rope) {
    uint32_t heads = node->attr.rope.heads;
    bool fits = heads && is_tokens(node) && node->in[0]->width == node->width && node->width % (2 * heads) == 0;
    return fits && is_matrix(node->in[1], 1, node->width / heads / 2) ? NULL : "needs heads of even size and their frequencies";
}

RULE(attention) {
    uint32_t heads = node->attr.attention.heads, kv = node->attr.attention.kv_heads;
    const Node *q = node->in[0], *k = node->in[1], *v = node->in[2];
    if (!heads || !kv || heads % kv || node->width % heads || q->width != node->width) return "has heads that do not fit";
    if (k->width != node->width / heads * kv || v->width != k->width) return "has keys or values that do not fit";
    if (!space_reads(node->space, q->space)) return "reads queries that are not there";
    for (int i = 1; i <= 2; i++) {
        const Space *keys = node->in[i]->space;
        if (!is_tokens(node->in[i]) || keys->prompts != node->space->prompts) return "reads keys of other prompts";
        if (!selection_within(node->space->selection, keys->selection)) return "reads keys that are not there";
        if (keys->axes & ~node->space->axes) return "has fewer points than its keys";
    }
    return NULL;
}

RULE(swiglu) {
    return node->in[0]->width == node->width && node->in[1]->width == node->width ? NULL : "needs two inputs of its width";
}

// ---- Arithmetic

static const char *arithmetic(const Node *node) {
    for (uint32_t i = 0; i < op_info[node->op].inputs; i++)
        if (node->in[i]->width != node->width && node->in[i]->width != 1) return "has an input of another width";
    return NULL;
}

RULE(add) {
    return arithmetic(node);
}

RULE(sub) {
    return arithmetic(node);
}

RULE(mul) {
    return arithmetic(node);
}

RULE(div) {
    return arithmetic(node);
}

RULE(negate) {
    return arithmetic(node);
}

// ---- Reads, writes, maps

RULE(columns) {
    const Blocks *blocks = &node->attr.columns.blocks;
    return blocks_fit(graph, blocks, node->in[0]->width, node->width) ? NULL : "names columns that are not there";
}

RULE(rows) {
    const Selection *from = selection_at(graph, node->attr.rows.selection);
    if (!from || !is_tokens(node) || !is_tokens(node->in[0])) return "needs rows of tokens";
    if (!selection_within(from, node->in[0]->space->selection)) return "takes rows that its input has not";
    if (from->count != node->space->selection->count) return "takes another number of rows than it has";
    return node->in[0]->width == node->width ? NULL : "has another width than its input";
}

RULE(join) {
    const Node *a = node->in[0], *b = node->in[1];
    if (!is_tokens(node) || !is_tokens(a) || !is_tokens(b) || a->width != node->width || b->width != node->width) return "needs rows of its width";
    if (a->dtype != node->dtype || b->dtype != node->dtype) return "has another type than its inputs";
    bool whole = a->space->selection->count + b->space->selection->count == node->space->selection->count;
    return whole && a->space->axes == node->space->axes && b->space->axes == node->space->axes ? NULL : "has other rows than its inputs";
}

// Whether x has every row of the node that is not one of `where` (NULL: none).
static bool has_others(const Node *node, const Node *x, const Selection *where) {
    const Selection *own = node->space->selection, *have = x->space->selection;
    if (x->space->axes & ~node->space->axes || own->stream != have->stream) return false;
    size_t words = (own->tokens + 63) / 64;
    for (size_t i = 0; i < words; i++)
        if (own->bits[i] & ~have->bits[i] & ~(where ? where->bits[i] : 0)) return false;
    return true;
}

RULE(write) {
    const Selection *where = selection_at(graph, node->attr.write.selection);
    const Node *x = node->in[0], *value = node->in[1];
    if (!where || !is_tokens(node) || x->width != node->width) return "needs rows of its width";
    if (!selection_within(where, node->space->selection)) return "writes rows that it has not";
    if (!is_tokens(x) || !has_others(node, x, node->attr.write.blocks.size ? NULL : where)) return "lacks rows of what it writes to";
    if (value->space->kind == SPACE_points) return value->width == 1 ? NULL : "needs a number or states";
    if (!is_tokens(value) || !selection_within(where, value->space->selection)) return "lacks rows of its value";
    return blocks_fit(graph, &node->attr.write.blocks, node->width, value->width) ? NULL : "writes columns that do not fit";
}

RULE(splice) {
    const Node *clean = node->in[0], *own = node->in[1];
    const Selection *where = selection_at(graph, node->attr.write.selection);
    if (!where || !is_tokens(node) || !is_tokens(clean) || !is_tokens(own)) return "needs rows of tokens";
    if (clean->width != node->width || own->width != node->width) return "needs rows of its width";
    if (clean->dtype != node->dtype || own->dtype != node->dtype) return "has another type than its inputs";
    if (!selection_within(where, own->space->selection)) return "lacks rows of its second";
    return has_others(node, clean, where) ? NULL : "lacks rows of its first";
}

RULE(product) {
    const Node *w = node->in[1];
    bool fits = is_matrix(w, w->space->rows, node->width) && w->space->rows - node->in[0]->width <= 1;
    return fits && w->dtype == DTYPE_f32 ? NULL : "needs a matrix [in, out] or a map";
}

RULE(map_of) {
    const Node *w = node->in[0], *b = node->in[1];
    bool fits = is_matrix(w, b->space->rows * (node->space->rows - 1), node->width) &&
                is_matrix(b, b->space->rows, node->width);
    return fits && node->attr.map_of.part < b->space->rows ? NULL : "needs W [in, out] and b [out]";
}

RULE(nearest) {
    const Node *x = node->in[0], *rows = node->in[1];
    bool fits = is_tokens(x) && rows->space->rows && is_matrix(rows, rows->space->rows, x->width);
    return fits && is_tokens(node) && node->width == 1 && node->dtype == DTYPE_f64
               ? NULL
               : "needs states and a matrix of their width";
}

RULE(choose) {
    const Node *a = node->in[0], *b = node->in[1], *number = node->in[2];
    bool fits = is_tokens(a) && is_tokens(b) && a->width == node->width && b->width == node->width;
    return fits && is_tokens(number) && number->width == 1 && number->dtype == DTYPE_f64
               ? NULL
               : "needs two states and a number a row";
}

RULE(kmeans) {
    uint64_t count = node->space->rows;
    return is_tokens(node->in[0]) && is_matrix(node, count, node->in[0]->width) && count && count <= MOST_CLUSTERS
               ? NULL
               : "needs states and a few clusters";
}

// Of states of so many columns on both sides.
static bool is_sums(const Node *node, uint64_t width) {
    return node->dtype == DTYPE_f64 && is_matrix(node, node->width + (uint64_t)SUMS_PRODUCTS, node->width) && node->width == width;
}

RULE(sums) {
    const Node *x = node->in[0], *y = node->in[1];
    bool fits = is_tokens(x) && is_tokens(y) && x->space->axes == 0 && y->space->axes == 0 && space_reads(y->space, x->space);
    if (!fits || !is_sums(node, x->width + (node->attr.sums.one ? 0ull : y->width))) return "needs states of both sides";
    return node->attr.sums.count && node->attr.sums.first + node->attr.sums.count <= y->space->rows ? NULL : "names rows that are none";
}

RULE(sums_more) {
    return is_sums(node->in[2], node->width) ? verify_sums(graph, node) : "needs sums of the same columns";
}

RULE(fit_mean) {
    bool fits = (is_tokens(node->in[0]) || is_sums(node->in[0], node->width)) && node->in[0]->width == node->width;
    return fits && node->space->rows == node->attr.fit_mean.in_width + 1ull ? NULL : "needs the target's states";
}

static const char *pairs_of_states(const Node *node) {
    const Node *x = node->in[0], *y = node->in[1];
    if (is_sums(x, node->space->rows - 1 + node->width)) return is_sums(y, x->width) ? NULL : "needs sums of one width";
    bool fits = is_tokens(x) && is_tokens(y) && y->width == node->width && node->space->rows == x->width + 1ull;
    return fits && x->space->axes == 0 && y->space->axes == 0 && space_reads(y->space, x->space) ? NULL : "needs pairs of states";
}

// An order of the prompts, or none.
static bool is_order(const Graph *graph, const Node *node, uint32_t list) {
    const Tables *tables = graph->tables;
    if (!is_tokens(node->in[1])) return !list;
    return !list || (list <= tables->lists.len && tables->lists.at[list - 1][0] == node->in[1]->space->prompt_count);
}

static bool has_orders(const Graph *graph, const Node *node) {
    return is_order(graph, node, node->attr.pairs.source) && is_order(graph, node, node->attr.pairs.target);
}

RULE(fit_procrustes) {
    if (!has_orders(graph, node)) return "names no order of its prompts";
    bool one = node->op != OP_fit_procrustes || !node->attr.procrustes.complete || node->space->rows == node->width + 1ull;
    return one ? pairs_of_states(node) : "is completed between two widths";
}

RULE(fit_moments) {
    return node->space->rows == node->width + 1ull ? pairs_of_states(node) : "needs states of one width";
}

RULE(random_rotation) {
    return pairs_of_states(node);
}

RULE(fit_ridge) {
    const Node *lambdas = node->in[2];
    bool fits = lambdas->dtype == DTYPE_f64 && is_matrix(lambdas, lambdas->space->rows, 1) && lambdas->space->rows && lambdas->space->rows <= MOST_LAMBDAS;
    bool some = !is_tokens(node->in[1]) || node->attr.ridge.held < node->in[1]->space->rows;
    return fits && some ? verify_fit_procrustes(graph, node) : "needs a few lambdas and fewer rows to choose by";
}

RULE(fit_cluster) {
    const Tables *tables = graph->tables;
    const Node *x = node->in[0], *y = node->in[1], *number = node->in[2];
    uint32_t fit = node->attr.cluster.fit, attr = node->attr.cluster.attr;
    bool fits = fit < OP_COUNT && op_info[fit].rows == ROWS_MATRIX && attr < tables->lists.len &&
                tables->lists.at[attr][0] == sizeof(Attr) / sizeof(uint32_t);
    if (!fits || node->attr.cluster.lambdas > tables->tables.len || !has_orders(graph, node)) return "names no fit";
    bool rows = is_tokens(x) && is_tokens(y) && y->width == node->width && is_tokens(number) && number->width == 1 &&
                number->dtype == DTYPE_f64;
    return rows && !x->space->axes && !y->space->axes ? NULL : "needs pairs of states and a number a row";
}

RULE(basis_pca) {
    uint64_t width = node->space->rows;
    bool fits = is_sums(node->in[0], width) || (is_tokens(node->in[0]) && node->in[0]->width == width);
    return fits && node->width == node->attr.pca.rank && node->width <= width ? NULL : "needs states and a rank";
}

// States of one width, of which the basis is.
static bool two_sets(const Node *node) {
    const Node *x = node->in[0], *y = node->in[1];
    uint64_t width = node->space->rows;
    return (is_sums(x, 2 * width) && is_sums(y, 2 * width)) || (is_tokens(x) && is_tokens(y) && x->width == width && y->width == width);
}

RULE(basis_diff) {
    return two_sets(node) && node->width == 1 ? NULL : "needs two sets of states";
}

RULE(basis_joint) {
    return two_sets(node) && node->width == node->attr.pca.rank && node->width <= node->space->rows ? NULL : "needs states of one width and a rank";
}

RULE(basis_logits) {
    const Node *a = node->in[0], *b = node->in[1];
    bool fits = is_matrix(a, a->space->rows, a->width) && is_matrix(b, b->space->rows, a->width) && node->space->rows == a->width;
    return fits && node->width == node->attr.pca.rank && node->width <= a->width ? NULL : "needs weights of one width and a rank";
}

RULE(map_inside) {
    const Node *map = node->in[0], *from = node->in[1], *to = node->in[2];
    bool bases = is_matrix(from, node->space->rows - 1, from->width) && is_matrix(to, node->width, to->width);
    return bases && is_matrix(map, from->width + 1ull, to->width) ? NULL : "needs a map between coordinates and their bases";
}

RULE(map_outside) {
    const Node *map = node->in[0], *basis = node->in[1], *rest = node->in[2];
    bool maps = is_matrix(map, node->space->rows, node->width) && is_matrix(rest, node->space->rows, node->width);
    return maps && is_matrix(basis, node->width, basis->width) ? NULL : "needs two maps and a basis of what they give";
}

// ---- Metrics

static const char *measure(const Node *node) {
    return is_tokens(node) && node->width == 1 && node->dtype == DTYPE_f64 ? NULL : "must be one number a row";
}

RULE(kl) {
    return node->in[0]->width == node->in[1]->width ? measure(node) : "needs two rows of logits over one vocabulary";
}

RULE(logp) {
    return node->in[1]->dtype == DTYPE_i32 ? measure(node) : "needs logits and tokens";
}

RULE(margin) {
    uint32_t vocab = node->in[0]->width;
    bool fits = vocab > 1 && (!node->attr.margin.named || (node->attr.margin.best < vocab && node->attr.margin.other < vocab));
    return fits ? measure(node) : "names tokens outside the vocabulary";
}

RULE(rank) {
    return node->attr.rank.token < node->in[0]->width ? measure(node) : "names a token outside the vocabulary";
}

RULE(argmax) {
    return measure(node);
}

RULE(entropy) {
    return measure(node);
}

RULE(cosine) {
    return node->in[0]->width == node->in[1]->width ? measure(node) : "needs two states of one width";
}

RULE(norm) {
    return measure(node);
}

static const char *of_prompt(const Node *node) {
    bool fits = is_tokens(node->in[0]) && node->in[0]->width == 1 && node->in[0]->space->prompts == node->space->prompts;
    return fits && node->space->axes == node->in[0]->space->axes ? NULL : "needs one number a row";
}

RULE(prompt_mean) {
    return of_prompt(node);
}

RULE(prompt_sum) {
    return of_prompt(node);
}

// Whether the node has a column for the prompts as they are, and one for each draw.
static bool has_draws(const Graph *graph, const Node *node, uint32_t draws) {
    if (draws > graph->tables->tables.len) return false;
    const PlanTable *table = draws ? &graph->tables->tables.at[draws - 1] : NULL;
    return node->width == (table ? table->rows : 0) + 1 && (!table || table->width == node->in[0]->space->prompt_count);
}

RULE(reduce) {
    bool fits = node->in[0]->space->kind == SPACE_prompts && node->in[0]->width == 1 && has_draws(graph, node, node->attr.reduce.draws);
    if (node->attr.reduce.reduction >= REDUCE_COUNT) return "names no reduction";
    return fits && node->space->axes == node->in[0]->space->axes ? NULL : "needs one number a prompt";
}

static bool in_one_frame(const Graph *graph, const Node *node) {
    const Node *x = node->in[0], *y = node->in[1];
    bool fits = is_tokens(x) && is_tokens(y) && x->space->selection == y->space->selection;
    return fits && node->space->axes == (x->space->axes | y->space->axes) && has_draws(graph, node, node->attr.measure.draws);
}

RULE(r2) {
    bool fits = in_one_frame(graph, node) && node->in[0]->width == node->in[1]->width;
    return fits ? NULL : "needs two sets of states of one width in one frame";
}

RULE(cka) {
    return in_one_frame(graph, node) ? NULL : "needs two sets of states in one frame";
}

RULE(correlation) {
    const Node *a = node->in[0], *b = node->in[1];
    bool fits = a->space->kind == SPACE_prompts && b->space->kind == SPACE_prompts && a->width == 1 && b->width == 1;
    if (!fits || a->space->prompts != b->space->prompts) return "needs two numbers a prompt";
    bool points = node->space->axes == (a->space->axes | b->space->axes);
    return points && has_draws(graph, node, node->attr.measure.draws) ? NULL : "has other points than its inputs";
}

RULE(interval) {
    bool fits = node->space->kind == SPACE_points && node->width == INTERVAL_COLUMNS && node->in[0]->width > 1;
    return fits && node->space == node->in[0]->space ? NULL : "needs a number and its draws";
}

OpVerify *const op_verify[OP_COUNT] = {
#define MDX_OP(name, inputs, rows, what) [OP_##name] = verify_##name,
#include "mdx/op.def"
};
