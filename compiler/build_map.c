// build_map.c: mappers and subspaces as nodes: one function a row of mapper.def and subspace.def.
#include "compiler/build.h"
#include "mdx/random.h"

static Node *matrix_node(Builder *b, Op op, uint64_t rows, uint32_t width, Node *x, Node *y, Attr attr, Span span) {
    Node like = {.op = op, .dtype = DTYPE_f32, .width = width, .in = {x, y}, .attr = attr, .span = span};
    like.space = space_matrix(&b->graph->tables->spaces, rows);
    return graph_node(b->graph, like);
}

// Source and target states of a fit, row by row: both in the target's frame. No sweep of numbers reaches a fit.
bool build_fit_sides(Builder *b, const MapInst *map, Node **x, Node **y) {
    Frame frame;
    AxisRange none[MOST_AXES] = {{0, 0, 0}};
    if (!build_frame(b, map->to, &frame)) return false;
    *x = build_states(b, map->from, &frame, none);
    *y = *x ? build_states(b, map->to, &frame, none) : NULL;
    return *y != NULL;
}

// The same, or their coordinates where the map is fitted inside a subspace.
static bool fit_states(Builder *b, const MapInst *map, Node **x, Node **y) {
    Node *bases[2];
    return build_fit_sides(b, map, x, y) && (map->inside.kind == INSIDE_COUNT || build_inside(b, map, x, y, bases));
}

// Prompts drawn with replacement; the last fifth among themselves, so that a lambda is chosen on prompts that are not
// fitted on.
static void draw_prompts(Random *random, uint32_t *drawn, uint32_t n) {
    uint32_t first = n - n / 5;
    for (uint32_t i = 0; i < n; i++)
        drawn[i] = i < first ? random_below(random, first) : first + random_below(random, n - first);
}

// Whose rows stand in the place of each prompt's, where a map is fitted on other pairs: all must have as many rows.
static bool pairs_of(Builder *b, const MapInst *map, const Space *space, Attr *attr) {
    uint32_t n = space->prompt_count, *order = arena_many(b->arena, uint32_t, n);
    const Stream *stream = b->graph->tables->spaces.streams.at[space->selection->stream].stream;
    const char *word = pairing_words[map->pairing];
    if (map->pairing == PAIRING_own) return true;
    for (uint32_t p = 1; p < n; p++) {
        uint32_t first = selection_in_prompt(space->selection, 0), own = selection_in_prompt(space->selection, p);
        if (first == own) continue;
        error_set(b->err, ERR_INPUT, "%s prompts need as many tokens each: prompt %.*s has %u, prompt %.*s has %u",
                  word, STR_ARG(stream->ids[0]), first, STR_ARG(stream->ids[p]), own);
        return error_at(b->err, map->span);
    }
    if (n < 2) {
        error_set(b->err, ERR_INPUT, "one prompt cannot be %s", word);
        return error_at(b->err, map->span);
    }
    Random random = random_open(map->seed, word);
    bool shuffled = map->pairing == PAIRING_shuffled;
    (shuffled ? random_derangement : draw_prompts)(&random, order, n);
    attr->pairs.target = tables_list(b->graph->tables, order, n) + 1;
    if (!shuffled) attr->pairs.source = attr->pairs.target;
    return true;
}

static Node *mapper_identity(Builder *b, const MapInst *map, uint32_t in_width) {
    (void)b, (void)map, (void)in_width;
    BUG("identity is no node");
}

static Node *mapper_mean(Builder *b, const MapInst *map, uint32_t in_width) {
    Node *x, *y;
    if (!fit_states(b, map, &x, &y)) return NULL;
    Attr attr = {{0}};
    attr.fit_mean.in_width = in_width;
    return matrix_node(b, OP_fit_mean, in_width + 1u, y->width, y, NULL, attr, map->span);
}

static Node *mapper_procrustes(Builder *b, const MapInst *map, uint32_t in_width) {
    (void)in_width;
    Node *x, *y;
    if (!fit_states(b, map, &x, &y)) return NULL;
    Attr attr = {{0}};
    attr.procrustes.scale = map->args[0].flag;
    attr.procrustes.whiten = map->args[1].flag;
    attr.procrustes.shrink = map->args[2].number;
    attr.procrustes.floor = map->args[3].number;
    attr.procrustes.rank = map->args[4].count;
    attr.procrustes.complete = map->args[5].choice == 1;
    if (attr.procrustes.complete && x->width != y->width) {
        error_set(b->err, ERR_INPUT, "complete: identity needs one width: the source has %u values per token, the target %u", x->width, y->width);
        error_at(b->err, map->span);
        return NULL;
    }
    if (!pairs_of(b, map, y->space, &attr)) return NULL;
    return matrix_node(b, OP_fit_procrustes, x->width + 1u, y->width, x, y, attr, map->span);
}

static Node *mapper_shuffled(Builder *b, const MapInst *map, uint32_t in_width) {
    (void)b, (void)map, (void)in_width;
    BUG("a shuffled map is one of the mapper in it");
}

static Node *mapper_resampled(Builder *b, const MapInst *map, uint32_t in_width) {
    (void)b, (void)map, (void)in_width;
    BUG("a resampled map is one of the mapper in it");
}

static Node *mapper_moments(Builder *b, const MapInst *map, uint32_t in_width) {
    (void)in_width;
    Node *x, *y;
    if (!fit_states(b, map, &x, &y)) return NULL;
    if (x->width == y->width) return matrix_node(b, OP_fit_moments, x->width + 1u, y->width, x, y, (Attr){{0}}, map->span);
    error_set(b->err, ERR_INPUT, "moments maps each dimension to itself: the source has %u values per token, the target %u", x->width, y->width);
    error_at(b->err, map->span);
    return NULL;
}

static Node *mapper_random_rotation(Builder *b, const MapInst *map, uint32_t in_width) {
    (void)in_width;
    Node *x, *y;
    if (!fit_states(b, map, &x, &y)) return NULL;
    Attr attr = {{0}};
    attr.random.seed = map->args[0].seed;
    return matrix_node(b, OP_random_rotation, x->width + 1u, y->width, x, y, attr, map->span);
}

static Node *lambda_table(Builder *b, const Arg *lambda, Span span) {
    Tables *tables = b->graph->tables;
    Node like = {.op = OP_table, .dtype = DTYPE_f64, .width = 1, .span = span, .space = space_matrix(&tables->spaces, lambda->count)};
    like.attr.table.table = tables_table(tables, (PlanTable){.dtype = DTYPE_f64, .rows = lambda->count, .width = 1, .data = lambda->numbers});
    return graph_node(b->graph, like);
}

// How many rows the last fifth of the prompts has, by which a lambda is chosen; that of one lambda is only told.
static bool held_rows(Builder *b, const MapInst *map, const Space *space, uint64_t *held) {
    const Selection *rows = space->selection;
    uint32_t fifth = space->prompt_count / 5;
    *held = rows->count - rows->before[space->prompt_count - fifth];
    if (fifth || map->args[0].count == 1) return true;
    error_set(b->err, ERR_INPUT, "lambda is chosen on the last fifth of the prompts, so that there must be 5: %.*s has %u; give one lambda or more prompts",
              STR_ARG(b->exp->prompts.at[map->prompts].name), space->prompt_count);
    return error_at(b->err, map->args[0].span);
}

static Node *mapper_ridge(Builder *b, const MapInst *map, uint32_t in_width) {
    (void)in_width;
    Node *x, *y;
    Attr attr = {{0}};
    if (!fit_states(b, map, &x, &y) || !held_rows(b, map, y->space, &attr.ridge.held)) return NULL;
    attr.ridge.standardize = map->args[1].flag;
    attr.ridge.rank = map->args[2].count;
    if (!pairs_of(b, map, y->space, &attr)) return NULL;
    Node like = {.op = OP_fit_ridge,
                 .dtype = DTYPE_f32,
                 .width = y->width,
                 .in = {x, y, lambda_table(b, &map->args[0], map->span)},
                 .attr = attr,
                 .span = map->span};
    like.space = space_matrix(&b->graph->tables->spaces, x->width + 1u);
    return graph_node(b->graph, like);
}

Node *build_file_tensor(Builder *b, const MapInst *map, uint64_t rows, uint32_t width, const char *name) {
    Tables *tables = b->graph->tables;
    Node like = {.op = OP_weight, .dtype = DTYPE_f32, .width = width, .span = map->span};
    like.attr.weight.file = tables_file(tables, (PlanFile){map->path.at, false, map->name, map->span});
    like.attr.weight.tensor = tables_text(tables, str_of(name));
    like.space = space_matrix(&tables->spaces, rows);
    return graph_node(b->graph, like);
}

Node *build_file_map(Builder *b, const MapInst *map, MapShape shape, uint32_t part) {
    uint32_t count = MAX(shape.clusters, 1u);
    Node *w = build_file_tensor(b, map, (uint64_t)count * shape.in, shape.out, "W"),
         *c = build_file_tensor(b, map, count, shape.out, "b");
    Attr attr = {{0}};
    attr.map_of.part = part;
    return matrix_node(b, OP_map_of, shape.in + 1u, shape.out, w, c, attr, map->span);
}

static Node *mapper_from_file(Builder *b, const MapInst *map, uint32_t in_width) {
    (void)b, (void)map, (void)in_width;
    BUG("how many maps a file has is known in build_clusters.c alone");
}

static Node *(*const mappers[MAPPER_COUNT])(Builder *, const MapInst *, uint32_t in_width) = {
#define MDX_MAPPER(name, arguments, fitted, what) [MAPPER_##name] = mapper_##name,
#include "compiler/mapper.def"
};

static Node *fitted(Builder *b, const MapInst *map, uint32_t in_width, const MapPart *part) {
    Node *fit = mappers[map->mapper](b, map, in_width);
    return fit && part ? build_part_fit(b, fit, part) : fit;
}

static Node *map_of_inside(Builder *b, const MapInst *map, const MapPart *part) {
    Node *x, *y, *whole[2], *bases[2];
    if (!build_fit_sides(b, map, &x, &y)) return NULL;
    whole[0] = x, whole[1] = y;
    Node *inner = build_inside(b, map, &x, &y, bases) ? fitted(b, map, x->width, part) : NULL;
    return inner ? build_outside(b, map, whole[0], whole[1], bases, inner) : NULL;
}

Node *build_map(Builder *b, const MapInst *map, uint32_t in_width, const MapPart *part) {
    return map->inside.kind == INSIDE_COUNT ? fitted(b, map, in_width, part) : map_of_inside(b, map, part);
}

// ---- Norms

// The sum of the norms of states: over the rows of each prompt, then over the prompts.
static Node *norms_total(Builder *b, Node *x, Span span) {
    Spaces *spaces = &b->graph->tables->spaces;
    Node like = {.op = OP_norm, .dtype = DTYPE_f64, .width = 1, .space = x->space, .in = {x}, .span = span};
    Node *norm = graph_node(b->graph, like);
    like.op = OP_prompt_sum, like.in[0] = norm;
    like.space = space_prompts(spaces, x->space->prompts, x->space->prompt_count, 0, NULL);
    Node *sum = graph_node(b->graph, like);
    like.op = OP_reduce, like.in[0] = sum, like.space = space_points(spaces, 0, NULL);
    like.attr.reduce.reduction = REDUCE_sum;
    return graph_node(b->graph, like);
}

// Both sides have as many rows, so the ratio of the sums is that of the means. Made once a map: never of the one prompt
// on which patched runs prove themselves, and no draw of a bootstrap reaches it.
Node *build_norm_match(Builder *b, const MapInst *map, Span span) {
    Node **made = &b->norms[map->id], *x, *y;
    if (*made) return *made;
    Node *mapped = build_fit_sides(b, map, &x, &y) ? build_mapped(b, map, x, span) : NULL;
    if (!mapped) return NULL;
    Expr divide = {.kind = EXPR_div, .span = span};
    *made = build_arithmetic(b, &divide, norms_total(b, y, span), norms_total(b, mapped, span));
    return *made;
}

// ---- Subspaces

static Node *subspace_states(Builder *b, const Expr *expr, const Frame *frame) {
    AxisRange none[MOST_AXES] = {{0, 0, 0}};
    return build_states(b, expr, frame, none);
}

static Node *subspace_pca(Builder *b, const BasisInst *basis) {
    Frame frame;
    if (!build_frame(b, basis->args[0].expr, &frame)) return NULL;
    Node *x = subspace_states(b, basis->args[0].expr, &frame);
    if (!x) return NULL;
    Attr attr = {{0}};
    attr.pca.rank = basis->rank;
    attr.pca.center = basis->args[3].flag;
    return matrix_node(b, OP_basis_pca, x->width, basis->rank, x, NULL, attr, basis->span);
}

static Node *subspace_diff_of_means(Builder *b, const BasisInst *basis) {
    Frame frame;
    if (!build_frame(b, basis->args[0].expr, &frame)) return NULL;
    Node *x = subspace_states(b, basis->args[0].expr, &frame);
    Node *y = x ? subspace_states(b, basis->args[1].expr, &frame) : NULL;
    return y ? matrix_node(b, OP_basis_diff, x->width, 1, x, y, (Attr){{0}}, basis->span) : NULL;
}

static Node *(*const subspaces[SUBSPACE_COUNT])(Builder *, const BasisInst *) = {
#define MDX_SUBSPACE(name, arguments, what) [SUBSPACE_##name] = subspace_##name,
#include "compiler/subspace.def"
};

Node *build_basis(Builder *b, const BasisInst *basis) {
    if (!b->bases[basis->id]) b->bases[basis->id] = subspaces[basis->subspace](b, basis);
    return b->bases[basis->id];
}
