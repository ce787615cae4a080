// forward.c: nodes of a forward pass, and the writes of patches at its sites.
#include <math.h>

#include "compiler/build.h"

static Node *weight(Forward *f, uint64_t rows, uint32_t width, const char *format, va_list args) {
    Tables *tables = f->graph->tables;
    Text name = text_open(tables->arena);
    text_add_list(&name, format, args);
    Node like = {.op = OP_weight, .dtype = DTYPE_f32, .width = width, .span = NO_SPAN};
    like.attr.weight.file = f->file;
    like.attr.weight.tensor = tables_text(tables, text_view(&name));
    like.space = space_matrix(&tables->spaces, rows);
    return graph_node(f->graph, like);
}

static Node *row_node(Forward *f, Op op, uint32_t width, Node *a, Node *b) {
    return graph_node(f->graph, (Node){.op = op, .dtype = DTYPE_f32, .width = width, .space = f->space, .in = {a, b},
                                       .span = f->run->span, .run = f->run->id + 1});
}

static Node *tensor_named(Forward *f, uint64_t rows, uint32_t width, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Node *node = weight(f, rows, width, format, args);
    va_end(args);
    return node;
}

Node *forward_embed(Forward *f, const char *tensor) {
    Node like = {.op = OP_tokens, .dtype = DTYPE_i32, .width = 1, .space = f->space, .span = f->run->span, .run = f->run->id + 1};
    like.attr.tokens.stream = f->stream;
    Node *tokens = graph_node(f->graph, like);
    return row_node(f, OP_embed, f->model->d, tokens, tensor_named(f, f->model->vocab, f->model->d, "%s", tensor));
}

Node *forward_norm(Forward *f, Node *x, const char *tensor, ...) {
    va_list args;
    va_start(args, tensor);
    Node *w = weight(f, 1, x->width, tensor, args);
    va_end(args);
    Node like = {.op = OP_rms_norm, .dtype = DTYPE_f32, .width = x->width, .space = f->space, .in = {x, w}, .span = f->run->span, .run = f->run->id + 1};
    like.attr.norm.eps = f->model->norm_eps;
    return graph_node(f->graph, like);
}

Node *forward_linear(Forward *f, Node *x, uint32_t width, const char *tensor, ...) {
    va_list args;
    va_start(args, tensor);
    Node *w = weight(f, width, x->width, tensor, args);
    va_end(args);
    return row_node(f, OP_linear, width, x, w);
}

Node *forward_bias(Forward *f, Node *x, const char *tensor, ...) {
    va_list args;
    va_start(args, tensor);
    Node *b = weight(f, 1, x->width, tensor, args);
    va_end(args);
    return row_node(f, OP_bias, x->width, x, b);
}

// The table of frequencies is made once a model: later calls find the same bytes.
static uint32_t frequency_table(Forward *f) {
    Tables *tables = f->graph->tables;
    const float *data = model_inv_freq(f->model, tables->arena);
    return tables_table(tables, (PlanTable){.dtype = DTYPE_f32, .rows = 1, .width = f->model->d_head / 2, .data = data});
}

Node *forward_rope(Forward *f, Node *x, uint32_t heads) {
    Node table = {.op = OP_table, .dtype = DTYPE_f32, .width = f->model->d_head / 2, .span = NO_SPAN};
    table.attr.table.table = frequency_table(f);
    table.space = space_matrix(&f->graph->tables->spaces, 1);
    Node like = {.op = OP_rope, .dtype = DTYPE_f32, .width = x->width, .space = f->space, .span = f->run->span, .run = f->run->id + 1};
    like.in[0] = x;
    like.in[1] = graph_node(f->graph, table);
    like.attr.rope.heads = heads;
    return graph_node(f->graph, like);
}

Node *forward_attention(Forward *f, Node *q, Node *k, Node *v) {
    Node like = {.op = OP_attention, .dtype = DTYPE_f32, .width = q->width, .space = f->space, .in = {q, k, v}, .span = f->run->span, .run = f->run->id + 1};
    like.attr.attention.heads = f->model->heads;
    like.attr.attention.kv_heads = f->model->kv_heads;
    like.attr.attention.scale = (float)(1 / sqrt((double)f->model->d_head));
    return graph_node(f->graph, like);
}

Node *forward_swiglu(Forward *f, Node *gate, Node *up) {
    return row_node(f, OP_swiglu, gate->width, gate, up);
}

Node *forward_add(Forward *f, Node *a, Node *b) {
    return row_node(f, OP_add, a->width, a, b);
}

// ---- Sites

// Blocks of columns that a place's heads are; all columns when it names none.
Blocks place_blocks(Tables *tables, const Place *place, const Model *model) {
    if (!place->heads.len) return (Blocks){0};
    return (Blocks){model->d_head, tables_list(tables, place->heads.at, place->heads.len)};
}

static void note_fire(Forward *f, const Write *write, const Selection *where, Node *node) {
    Tables *tables = f->graph->tables;
    list_push(tables->arena, &f->graph->fires, ((GraphFire){(uint32_t)tables->fires.len, node}));
    list_push(tables->arena, &tables->fires, ((Fire){f->run, write, where, NULL}));
}

static Node *write_at(Forward *f, const Write *write, Node *x) {
    const Selection *where = NULL;
    if (!build_select(f->builder, f->stream, &write->place.at, &where)) return NULL;
    Blocks blocks = place_blocks(f->graph->tables, &write->place, f->model);
    Node *value = build_patch_value(f, write, x, where, blocks);
    if (!value) return NULL;
    Node like = {.op = OP_write, .dtype = DTYPE_f32, .width = x->width, .space = f->space, .in = {x, value}, .span = write->span};
    like.attr.write.selection = where->id;
    like.attr.write.blocks = blocks;
    like.attr.write.probe = f->builder->stand == STAND_PROBE;
    Node *node = graph_node(f->graph, like);
    if (!like.attr.write.probe) note_fire(f, write, where, node);
    return node;
}

Node *forward_site(Forward *f, SiteId site, uint32_t layer, Node *x) {
    Tables *tables = f->graph->tables;
    const char *format = site_info[site].per == PER_LAYER ? "%.*s layers[%u].%s" : "%.*s %.0u%s";
    Str model = tables->exp->models.at[f->run->model].name;
    if (!x->name.len)
        x->name = str_format(tables->arena, format, STR_ARG(model), site_info[site].per == PER_LAYER ? layer : 0,
                             site_info[site].name);
    for (size_t i = 0; i < f->run->writes.len && f->ok; i++) {
        const Write *write = &f->run->writes.at[i];
        SiteId at = write->place.site;
        uint32_t l = write->place.layer;
        site_canonical(&at, &l);
        if (at != site || (l != layer && site_info[site].per == PER_LAYER)) continue;
        Node *written = write_at(f, write, x);
        f->ok = written != NULL;
        if (!written) break;
        if (!written->name.len) written->name = x->name;
        x = written;
    }
    f->sites[layer * SITE_COUNT + (uint32_t)site] = x;
    return x;
}
