// verify.h: one rule for each op: what its inputs and attributes must be. NULL when all is well.
#pragma once

#include "compiler/graph.h"

typedef const char *OpVerify(const Graph *graph, const Node *node);
extern OpVerify *const op_verify[OP_COUNT];
