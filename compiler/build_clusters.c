// build_clusters.c: maps of which each is fitted on some of the rows, and applied to the states nearest to its
// centroid.
#include "compiler/build.h"

// ---- Centroids: one function a row of per.def

static Node *per_kmeans(Builder *b, const Per *per, Node *x) {
    Node like = {.op = OP_kmeans, .dtype = DTYPE_f32, .width = x->width, .in = {x}, .span = per->span};
    like.attr.random.seed = per->seed;
    like.space = space_matrix(&b->graph->tables->spaces, per->clusters);
    return graph_node(b->graph, like);
}

static Node *(*const ways[PER_COUNT])(Builder *, const Per *, Node *x) = {
#define MDX_PER(name, arguments, what) [PER_##name] = per_##name,
#include "compiler/per.def"
};

Node *build_nearest(Builder *b, Node *x, Node *centroids, Span span) {
    return graph_node(
        b->graph,
        (Node){
            .op = OP_nearest, .dtype = DTYPE_f64, .width = 1, .space = x->space, .in = {x, centroids}, .span = span});
}

// ---- Fits

// Any fit, as one on a part of its rows: what it is told besides them goes into tables.
Node *build_part_fit(Builder *b, const Node *fit, const MapPart *part) {
    uint32_t words[sizeof(Attr) / sizeof(uint32_t)];
    memcpy(words, &fit->attr, sizeof words);
    bool paired = op_is_paired(fit->op);
    Node like = {
        .op = OP_fit_cluster, .dtype = fit->dtype, .width = fit->width, .space = fit->space, .span = fit->span};
    like.in[0] = fit->in[0], like.in[1] = fit->in[1] ? fit->in[1] : fit->in[0], like.in[2] = part->numbers;
    like.attr.cluster.source = paired ? fit->attr.pairs.source : 0;
    like.attr.cluster.target = paired ? fit->attr.pairs.target : 0;
    like.attr.cluster.fit = fit->op;
    like.attr.cluster.attr = tables_list(b->graph->tables, words, COUNT(words));
    like.attr.cluster.lambdas = fit->in[2] ? fit->in[2]->attr.table.table + 1 : 0;
    like.attr.cluster.number = part->number;
    return graph_node(b->graph, like);
}

static bool fit_parts(Builder *b, const MapInst *map, uint32_t in_width, MapParts *out) {
    Node *x, *y;
    if (!build_fit_sides(b, map, &x, &y)) return false;
    out->centroids = ways[map->per.kind](b, &map->per, x);
    MapPart part = {.numbers = build_nearest(b, x, out->centroids, map->per.span)};
    for (; part.number < out->count; part.number++) {
        out->maps[part.number] = build_map(b, map, in_width, &part);
        if (!out->maps[part.number]) return false;
    }
    return true;
}

// ---- Files

static bool file_shape(Builder *b, const MapInst *map, MapShape *out) {
    const Facts *facts = b->graph->tables->facts;
    *out = (MapShape){0};
    if (map->mapper != MAPPER_from_file) return true;
    return facts->map_shape(facts->self, map->path.at, out, b->err) || error_at(b->err, map->span);
}

static bool file_parts(Builder *b, const MapInst *map, MapShape shape, MapParts *out) {
    if (shape.clusters) out->centroids = build_file_tensor(b, map, shape.clusters, shape.in, "centroids");
    for (uint32_t k = 0; k < out->count; k++) out->maps[k] = build_file_map(b, map, shape, k);
    return true;
}

// ---- Both

const MapParts *build_parts(Builder *b, const MapInst *map, uint32_t in_width) {
    MapParts **made = &b->parts[map->id];
    MapShape shape;
    if (*made) return *made;
    if (!file_shape(b, map, &shape)) return NULL;
    bool file = map->mapper == MAPPER_from_file, fitted = map->per.kind != PER_COUNT;
    MapParts *parts = arena_new(b->arena, MapParts);
    parts->count = MAX(file ? shape.clusters : fitted ? map->per.clusters : 1, 1u);
    parts->maps = arena_many(b->arena, Node *, parts->count);
    bool ok = file     ? file_parts(b, map, shape, parts)
              : fitted ? fit_parts(b, map, in_width, parts)
                       : (parts->maps[0] = build_map(b, map, in_width, NULL)) != NULL;
    return ok ? *made = parts : NULL;
}
