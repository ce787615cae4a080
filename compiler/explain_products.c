// explain_products.c: which weights are multiplied in which layer of a model: one forward pass is built and looked at.
#include "compiler/explain.h"

static Node *site_node(const Forward *f, SiteId site, uint32_t layer) {
    Node *node = f->sites[layer * SITE_COUNT + (uint32_t)site];
    MUST(node);
    return node;
}

// The product that makes a site, below its bias.
static const Node *product_below(const Node *node) {
    while (node->op != OP_linear) node = node->in[0];
    return node;
}

static uint32_t layer_of(const Forward *f, const Node *node) {
    uint32_t layer = 0;
    while (layer < f->model->layers && node->id > site_node(f, SITE_resid_post, layer)->id) layer++;
    return layer;
}

static void product_add(Products *products, const Product *product) {
    Arena *arena = products->tables->arena;
    const uint32_t ids[2] = {product->file, product->tensor};
    if (product_of(products, product->file, product->tensor)) return;
    strmap_put(&products->numbers, (Str){arena_copy(arena, ids, sizeof ids), sizeof ids}, (uint32_t)products->list.len);
    list_push(arena, &products->list, *product);
}

uint32_t product_file(Tables *tables, uint32_t model) {
    const ModelDef *def = &tables->exp->models.at[model];
    return tables_file(tables, (PlanFile){def->folder.at, true, def->name, def->span});
}

// Of no prompts: the shapes and the order of the products do not depend on the rows.
static void add_model(Products *products, uint32_t model) {
    Tables *tables = products->tables;
    const ModelDef *def = &tables->exp->models.at[model];
    Graph graph = graph_open(tables);
    const RunInst run = {.model = model, .span = NO_SPAN};
    Forward f = {.graph = &graph, .run = &run, .model = &def->model, .file = product_file(tables, model), .ok = true};
    f.space = space_matrix(&tables->spaces, 1);
    f.sites = arena_many(tables->arena, Node *, (size_t)SITE_COUNT * def->model.layers);
    def->model.arch->build(&f);
    for (size_t i = 0; i < graph.nodes.len; i++) {
        const Node *node = graph.nodes.at[i];
        if (node->op != OP_linear) continue;
        uint32_t layer = layer_of(&f, node);
        bool inside = layer < def->model.layers;
        Product product = {.file = node->in[1]->attr.weight.file,
                           .tensor = node->in[1]->attr.weight.tensor,
                           .model = model,
                           .layer = layer,
                           .token_layer = inside && product_below(site_node(&f, SITE_mlp_out, layer)) == node,
                           .unembeds = !inside,
                           .in = node->in[0]->width,
                           .out = node->width};
        product_add(products, &product);
    }
}

Products products_find(Tables *tables) {
    const Experiment *exp = tables->exp;
    Products products = {.tables = tables, .numbers = strmap_open(tables->arena, 256)};
    bool *done = arena_many(tables->arena, bool, exp->models.len + 1);
    for (size_t i = 0; i < exp->runs.len; i++) {
        uint32_t model = exp->runs.at[i]->model;
        if (!done[model]) add_model(&products, model);
        done[model] = true;
    }
    return products;
}

const Product *product_of(const Products *products, uint32_t file, uint32_t tensor) {
    const uint32_t ids[2] = {file, tensor};
    uint32_t i;
    return strmap_get(&products->numbers, (Str){(const char *)ids, sizeof ids}, &i) ? &products->list.at[i] : NULL;
}

const Product *product_at(const Products *products, const Node *node) {
    if (node->op != OP_linear || node->in[1]->op != OP_weight) return NULL;
    return product_of(products, node->in[1]->attr.weight.file, node->in[1]->attr.weight.tensor);
}

// What no 64 bits hold is the most that they hold.
uint64_t count_times(uint64_t a, uint64_t b) {
    uint64_t c;
    return __builtin_mul_overflow(a, b, &c) ? UINT64_MAX : c;
}

uint64_t count_plus(uint64_t a, uint64_t b) {
    uint64_t c;
    return __builtin_add_overflow(a, b, &c) ? UINT64_MAX : c;
}

uint64_t product_flop(const Product *product, uint64_t rows) {
    return count_times(rows, 2 * product->in * product->out);
}

void cost_add(Cost *cost, const Product *product, uint64_t rows) {
    const Cost more = {product->token_layer ? rows : 0, product->unembeds ? rows : 0, product_flop(product, rows)};
    cost_join(cost, &more);
}

void cost_join(Cost *cost, const Cost *more) {
    cost->token_layers = count_plus(cost->token_layers, more->token_layers);
    cost->unembedding_rows = count_plus(cost->unembedding_rows, more->unembedding_rows);
    cost->gemm_flop = count_plus(cost->gemm_flop, more->gemm_flop);
}
