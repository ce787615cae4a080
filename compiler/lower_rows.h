// lower_rows.h: a plan in the making, and which row of a step reads which row of its inputs.
#pragma once

#include "compiler/lower.h"

typedef struct RowPair RowPair;
typedef struct RowKeys RowKeys;

typedef struct {
    const Graph *graph;
    Arena *arena;
    Spaces *spaces;
    LIST(RowPair *) pairs;      // what steps over one space need to know of another
    LIST(RowKeys *) keys;
    StrMap pair_keys, key_keys; // to indices of pairs, of keys
    uint32_t *value_of;         // node id to value + 1
    Lowered made;
    uint32_t group;             // of the steps that are added now (Step.group)
    uint64_t group_rows;        // rows of products that it has
} Lower;

// For each row of `to`, the row of `from` that it reads; NULL: the same.
const uint32_t *map_rows(Lower *lower, const Space *to, const Space *from);
// The node that input i of attention is, or (side 1) the second of two; NULL when there is no second. Keys or values
// that are a splice are read from both its sides, where they lie.
const Node *key_side(const Node *attention, size_t i, size_t side);
// Fills in the step's maps, keys, positions …, and its rows where they are not the node's.
void lower_step_rows(Lower *lower, const Node *node, Step *step);
