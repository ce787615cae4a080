// pass_fold.c: what the compiler can work out itself.
//
// A rule looks at a node whose inputs were folded already and gives the node that stands for it, or NULL. Rules must
// be exact: x + 0 is no rule, since -0 + 0 is +0.
#include "compiler/passes.h"

typedef Node *FoldRule(Graph *graph, const Node *like);

static bool is_constant(const Node *node, double *value) {
    *value = node->attr.constant.value;
    return node->op == OP_constant;
}

static Node *constant(Graph *graph, const Node *like, double value) {
    Node out = {.op = OP_constant, .dtype = DTYPE_f64, .width = 1, .space = space_points(&graph->tables->spaces, 0, NULL), .span = like->span};
    out.attr.constant.value = value;
    return graph_node(graph, out);
}

static Node *fold_constants(Graph *graph, const Node *like) {
    double a, b = 0;
    if (like->op < OP_add || like->op > OP_negate || !is_constant(like->in[0], &a)) return NULL;
    if (like->op == OP_negate) return constant(graph, like, -a);
    if (!is_constant(like->in[1], &b)) return NULL;
    if (like->op == OP_div && b == 0) return NULL; // undefined at run time, with a word about it
    double value = like->op == OP_add ? a + b : like->op == OP_sub ? a - b : like->op == OP_mul ? a * b : a / b;
    return constant(graph, like, value);
}

// 1 * x, x * 1, x / 1
static Node *fold_unit(Graph *graph, const Node *like) {
    (void)graph;
    double value;
    bool right = like->op == OP_mul || like->op == OP_div;
    if (right && is_constant(like->in[1], &value) && value == 1) return like->in[0];
    if (like->op == OP_mul && is_constant(like->in[0], &value) && value == 1) return like->in[1];
    return NULL;
}

static Node *fold_negate(Graph *graph, const Node *like) {
    (void)graph;
    return like->op == OP_negate && like->in[0]->op == OP_negate ? like->in[0]->in[0] : NULL;
}

// Rows taken from where they are already.
static Node *fold_rows(Graph *graph, const Node *like) {
    (void)graph;
    if (like->op != OP_rows) return NULL;
    const Selection *from = graph->tables->spaces.selections.at[like->attr.rows.selection];
    bool same = from == like->space->selection && like->in[0]->space->selection == from;
    return same ? like->in[0] : NULL;
}

// A patch that writes what is there: its value is the patched place itself, at the patched rows and columns.
static Node *fold_write(Graph *graph, const Node *like) {
    (void)graph;
    if (like->op != OP_write || like->attr.write.probe) return NULL;
    const Blocks *blocks = &like->attr.write.blocks;
    const Node *value = like->in[1];
    if (value->op == OP_rows && value->attr.rows.selection == like->attr.write.selection &&
        value->space->selection->id == like->attr.write.selection)
        value = value->in[0];
    if (blocks->size && value->op == OP_columns && memcmp(&value->attr.columns.blocks, blocks, sizeof *blocks) == 0)
        return value->in[0] == like->in[0] ? like->in[0] : NULL;
    return !blocks->size && value == like->in[0] ? like->in[0] : NULL;
}

static FoldRule *const rules[] = {fold_constants, fold_unit, fold_negate, fold_rows, fold_write};

static Node *fold(Graph *to, const Node *old, Node like, void *self) {
    (void)old, (void)self;
    for (size_t i = 0; i < COUNT(rules); i++) {
        Node *folded = rules[i](to, &like);
        if (folded) return folded;
    }
    return graph_node(to, like);
}

Graph pass_fold(const Graph *graph) {
    return graph_rewrite(graph, fold, NULL);
}
