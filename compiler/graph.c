// graph.c: making nodes, each only once.
#include "compiler/graph.h"

struct GraphSlot {
    Node *node;
    uint64_t hash;
};

Tables *tables_open(Arena *arena, const Experiment *exp, const Sources *sources, const Facts *facts) {
    Tables *tables = arena_new(arena, Tables);
    *tables = (Tables){.arena = arena, .exp = exp, .sources = sources, .facts = facts, .share = true};
    tables->spaces = spaces_open(arena, exp, facts);
    tables->text_numbers = strmap_open(arena, 256);
    return tables;
}

Graph graph_open(Tables *tables) {
    Graph graph = {.tables = tables, .cap = 1024};
    graph.slots = arena_many(tables->arena, struct GraphSlot, graph.cap);
    return graph;
}

// What makes two nodes the same: everything but id, span and name.
typedef struct {
    uint64_t attr[4];
    const Space *space;
    const Node *in[OP_MOST_INPUTS];
    uint32_t op, dtype, width, zero;
} NodeKey;

static NodeKey key_of(const Node *node) {
    NodeKey key = {.space = node->space, .op = node->op, .dtype = node->dtype, .width = node->width};
    memcpy(key.attr, node->attr.words, sizeof key.attr);
    for (size_t i = 0; i < OP_MOST_INPUTS; i++) key.in[i] = node->in[i];
    return key;
}

static struct GraphSlot *find_slot(const Graph *graph, const NodeKey *key, uint64_t hash) {
    for (size_t i = hash & (graph->cap - 1);; i = (i + 1) & (graph->cap - 1)) {
        struct GraphSlot *slot = &graph->slots[i];
        if (!slot->node) return slot;
        if (slot->hash != hash) continue;
        NodeKey have = key_of(slot->node);
        if (memcmp(&have, key, sizeof have) == 0) return slot;
    }
}

static void grow_slots(Graph *graph) {
    struct GraphSlot *old = graph->slots;
    size_t count = graph->cap;
    graph->cap *= 2;
    graph->slots = arena_many(graph->tables->arena, struct GraphSlot, graph->cap);
    for (size_t i = 0; i < count; i++) {
        if (!old[i].node) continue;
        NodeKey key = key_of(old[i].node);
        *find_slot(graph, &key, old[i].hash) = old[i];
    }
}

static size_t patches_of(const Graph *graph, uint32_t run) {
    return graph->tables->exp->runs.at[run - 1]->writes.len;
}

Node *graph_node(Graph *graph, Node like) {
    if (graph->nodes.len * 2 >= graph->cap) grow_slots(graph);
    NodeKey key = key_of(&like);
    key.zero = graph->tables->share ? 0 : (uint32_t)graph->nodes.len + 1;
    uint64_t hash = hash_bytes(&key, sizeof key, 0);
    struct GraphSlot *slot = find_slot(graph, &key, hash);
    if (slot->node) {
        if (!slot->node->name.len) slot->node->name = like.name;
        bool plainer = like.run && (!slot->node->run || patches_of(graph, slot->node->run) > patches_of(graph, like.run));
        if (plainer || !span_known(slot->node->span)) slot->node->span = like.span;
        if (plainer) slot->node->run = like.run;
        return slot->node;
    }
    Node *node = arena_copy(graph->tables->arena, &like, sizeof like);
    node->id = (uint32_t)graph->nodes.len;
    list_push(graph->tables->arena, &graph->nodes, node);
    *slot = (struct GraphSlot){node, hash};
    return node;
}

uint32_t tables_text(Tables *tables, Str text) {
    uint32_t number;
    if (strmap_get(&tables->text_numbers, text, &number)) return number;
    Str kept = str_copy(tables->arena, text);
    strmap_put(&tables->text_numbers, kept, (uint32_t)tables->texts.len);
    list_push(tables->arena, &tables->texts, kept);
    return (uint32_t)tables->texts.len - 1;
}

uint32_t tables_list(Tables *tables, const uint32_t *at, size_t len) {
    for (uint32_t i = 0; i < tables->lists.len; i++) {
        const uint32_t *have = tables->lists.at[i];
        if (have[0] == len && (len == 0 || memcmp(have + 1, at, len * sizeof *at) == 0)) return i;
    }
    uint32_t *list = arena_many(tables->arena, uint32_t, len + 1);
    list[0] = (uint32_t)len;
    if (len) memcpy(list + 1, at, len * sizeof *at);
    list_push(tables->arena, &tables->lists, list);
    return (uint32_t)tables->lists.len - 1;
}

uint32_t tables_table(Tables *tables, PlanTable table) {
    size_t bytes = (size_t)table.rows * table.width * dtype_info[table.dtype].bytes;
    for (uint32_t i = 0; i < tables->tables.len; i++) {
        const PlanTable *have = &tables->tables.at[i];
        bool same = have->dtype == table.dtype && have->rows == table.rows && have->width == table.width && have->axis == table.axis;
        if (same && have->first == table.first && memcmp(have->data, table.data, bytes) == 0) return i;
    }
    list_push(tables->arena, &tables->tables, table);
    return (uint32_t)tables->tables.len - 1;
}

uint32_t tables_file(Tables *tables, PlanFile file) {
    for (uint32_t i = 0; i < tables->files.len; i++)
        if (strcmp(tables->files.at[i].path, file.path) == 0) return i;
    list_push(tables->arena, &tables->files, file);
    return (uint32_t)tables->files.len - 1;
}

// ---- Rewriting

bool *graph_reached(const Graph *graph, Arena *arena) {
    bool *reached = arena_many(arena, bool, graph->nodes.len);
    for (size_t i = 0; i < graph->outputs.len; i++) reached[graph->outputs.at[i].node->id] = true;
    for (size_t i = graph->nodes.len; i-- > 0;)
        for (size_t k = 0; k < OP_MOST_INPUTS && reached[i]; k++)
            if (graph->nodes.at[i]->in[k]) reached[graph->nodes.at[i]->in[k]->id] = true;
    return reached;
}

Graph graph_rewrite(const Graph *from, Rewrite *rewrite, void *self) {
    Graph to = graph_open(from->tables);
    Arena *scratch = arena_open();
    const bool *reached = graph_reached(from, scratch);
    Node **now = arena_many(scratch, Node *, from->nodes.len);
    for (size_t i = 0; i < from->nodes.len; i++) {
        if (!reached[i]) continue;
        Node like = *from->nodes.at[i];
        for (size_t k = 0; k < OP_MOST_INPUTS; k++)
            if (like.in[k]) like.in[k] = now[like.in[k]->id];
        now[i] = rewrite(&to, from->nodes.at[i], like, self);
    }
    for (size_t i = 0; i < from->outputs.len; i++) {
        GraphOutput output = from->outputs.at[i];
        output.node = now[output.node->id];
        list_push(to.tables->arena, &to.outputs, output);
    }
    for (size_t i = 0; i < from->fires.len; i++) {
        GraphFire fire = from->fires.at[i];
        if (!reached[fire.node->id]) continue;
        fire.node = now[fire.node->id];
        list_push(to.tables->arena, &to.fires, fire);
    }
    arena_close(scratch);
    return to;
}
