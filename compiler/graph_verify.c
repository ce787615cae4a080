// graph_verify.c: what every node must obey, whatever its op; then its op's own rule (verify_ops.c).
#include "compiler/verify.h"

static const char *verify_inputs(const Node *node) {
    for (uint32_t i = 0; i < OP_MOST_INPUTS; i++) {
        bool want = i < op_info[node->op].inputs;
        if (want != (node->in[i] != NULL)) return "has the wrong number of inputs";
        if (want && node->in[i]->id >= node->id) return "stands before its input";
    }
    return node->width ? NULL : "has no columns";
}

// Each row of a row-wise op has one row of each input.
static const char *verify_rows(const Node *node) {
    RowRule rule = op_info[node->op].rows;
    for (uint32_t i = 0; i < op_info[node->op].inputs; i++) {
        if (node->op == OP_write || node->op == OP_splice) continue; // each input has some of the rows
        if (rule == ROWS_ROWWISE && !space_reads(node->space, node->in[i]->space)) return "reads rows that its input has not";
    }
    if (rule == ROWS_MATRIX && node->space->kind != SPACE_matrix) return "must be a matrix";
    if (rule == ROWS_PROMPT && node->space->kind != SPACE_prompts) return "must have a row a prompt";
    if (rule == ROWS_POINT && node->space->kind != SPACE_points) return "must have a row a point";
    return NULL;
}

const char *graph_verify(const Graph *graph, Arena *arena) {
    for (size_t i = 0; i < graph->nodes.len; i++) {
        const Node *node = graph->nodes.at[i];
        const char *wrong = node->id == i ? verify_inputs(node) : "has another's number";
        if (!wrong) wrong = verify_rows(node);
        if (!wrong) wrong = op_verify[node->op](graph, node);
        if (wrong) return str_format(arena, "%%%u %s %s", node->id, op_info[node->op].name, wrong).at;
    }
    return NULL;
}
