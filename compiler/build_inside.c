// build_inside.c: maps that are fitted inside subspaces: on coordinates in bases of the two sides, then as one map of states.
#include "compiler/build.h"

static Node *matrix_op(Builder *b, Op op, uint64_t rows, uint32_t width, Node *const in[3], Attr attr, Span span) {
    Node like = {.op = op, .dtype = DTYPE_f32, .width = width, .in = {in[0], in[1], in[2]}, .attr = attr, .span = span};
    like.space = space_matrix(&b->graph->tables->spaces, rows);
    return graph_node(b->graph, like);
}

// ---- Bases: one function a row of inside.def

// The leading directions of x, or of both.
static Node *principal(Builder *b, const Inside *inside, Node *x, Node *y) {
    Attr attr = {{0}};
    attr.pca.rank = inside->rank;
    attr.pca.center = !y;
    return matrix_op(b, y ? OP_basis_joint : OP_basis_pca, x->width, inside->rank, (Node *[3]){x, y}, attr, inside->span);
}

static bool inside_pca(Builder *b, const MapInst *map, Node *x, Node *y, Node *bases[2]) {
    const Inside *inside = &map->inside;
    BasisOf of = inside->basis;
    if (of == BASIS_joint)
        bases[0] = principal(b, inside, x, y);
    else
        bases[0] = principal(b, inside, of == BASIS_target ? y : x, NULL);
    bases[1] = of == BASIS_each ? principal(b, inside, y, NULL) : bases[0];
    return true;
}

// The weight of the product that makes the logits of the model that the states are read in.
static Node *unembedding(Builder *b, const Expr *states) {
    AxisRange none[MOST_AXES] = {{0, 0, 0}};
    const Forward *f = build_run(b, expr_first_read(states)->run, STR(""), none);
    if (!f) return NULL;
    const Node *node = f->sites[SITE_logits];
    while (node->op != OP_linear) node = node->in[0];
    return node->in[1];
}

static bool inside_logit_subspace(Builder *b, const MapInst *map, Node *x, Node *y, Node *bases[2]) {
    const Inside *inside = &map->inside;
    Node *from = unembedding(b, map->from), *to = unembedding(b, map->to);
    Attr attr = {{0}};
    attr.pca.rank = inside->rank;
    if (!from || !to) return false;
    if (from->width != x->width || to->width != y->width) {
        error_set(b->err, ERR_INPUT, "logit_subspace has %u and %u dimensions, the source has %u values per token, the target %u", from->width, to->width,
                  x->width, y->width);
        return error_at(b->err, inside->span);
    }
    bool joint = inside->basis == BASIS_joint; // a weight below itself has its own singular vectors
    bases[0] = matrix_op(b, OP_basis_logits, from->width, inside->rank, (Node *[3]){from, joint ? to : from}, attr, inside->span);
    bases[1] = joint ? bases[0] : matrix_op(b, OP_basis_logits, to->width, inside->rank, (Node *[3]){to, to}, attr, inside->span);
    return true;
}

static bool (*const insides[INSIDE_COUNT])(Builder *, const MapInst *, Node *x, Node *y, Node *bases[2]) = {
#define MDX_INSIDE(name, arguments, what) [INSIDE_##name] = inside_##name,
#include "compiler/inside.def"
};

// Widths that a file says are only known here.
static bool inside_fits(Builder *b, const MapInst *map, const Node *x, const Node *y) {
    const Inside *inside = &map->inside;
    uint32_t least = MIN(x->width, y->width);
    bool one = inside->basis == BASIS_each && inside->outside != OUTSIDE_keep;
    if ((one || x->width == y->width) && inside->rank <= least) return true;
    if (inside->rank > least)
        error_set(b->err, ERR_INPUT, "rank %u is more than the %u values per token", inside->rank, least);
    else
        error_set(b->err, ERR_INPUT, "one basis, or what is kept, needs one width: the source has %u values per token, the target %u", x->width, y->width);
    return error_at(b->err, inside->span);
}

// ---- In and out

static Node *coordinates(Builder *b, Node *x, Node *basis, Span span) {
    return graph_node(b->graph, (Node){.op = OP_product, .dtype = DTYPE_f32, .width = basis->width, .space = x->space, .in = {x, basis}, .span = span});
}

bool build_inside(Builder *b, const MapInst *map, Node **x, Node **y, Node *bases[2]) {
    if (!inside_fits(b, map, *x, *y) || !insides[map->inside.kind](b, map, *x, *y, bases)) return false;
    *x = coordinates(b, *x, bases[0], map->span);
    *y = coordinates(b, *y, bases[1], map->span);
    return true;
}

static Node *identity_map(Builder *b, uint32_t width, Span span) {
    Tables *tables = b->graph->tables;
    float *data = arena_many(tables->arena, float, (width + 1u) * (size_t)width);
    for (uint32_t i = 0; i < width; i++) data[(size_t)i * (width + 1u)] = 1;
    Attr attr = {{0}};
    attr.table.table = tables_table(tables, (PlanTable){.dtype = DTYPE_f32, .rows = width + 1u, .width = width, .data = data});
    return matrix_op(b, OP_table, width + 1u, width, (Node *[3]){NULL}, attr, span);
}

// What a state outside the subspace becomes: the target's mean, or itself.
static Node *rest_of(Builder *b, const MapInst *map, Node *x, Node *y) {
    Attr attr = {{0}};
    attr.fit_mean.in_width = x->width;
    if (map->inside.outside == OUTSIDE_keep) return identity_map(b, x->width, map->span);
    return matrix_op(b, OP_fit_mean, x->width + 1u, y->width, (Node *[3]){y}, attr, map->span);
}

Node *build_outside(Builder *b, const MapInst *map, Node *x, Node *y, Node *const bases[2], Node *inner) {
    uint32_t rows = x->width + 1u, width = y->width;
    Node *whole = matrix_op(b, OP_map_inside, rows, width, (Node *[3]){inner, bases[0], bases[1]}, (Attr){{0}}, map->span);
    if (map->inside.outside == OUTSIDE_zero) return whole;
    return matrix_op(b, OP_map_outside, rows, width, (Node *[3]){whole, bases[1], rest_of(b, map, x, y)}, (Attr){{0}}, map->span);
}
