// forward.h: what an architecture builds its forward pass from.
//
// An architecture's build function is a list of these calls. It must call forward_site for every tensor that has a
// name in site.def, and go on with what that returns: there patches are written and hooks find the tensor.
#pragma once

#include "compiler/graph.h"

struct Builder;

struct Forward {
    struct Builder *builder;
    Graph *graph;
    const RunInst *run;
    const Model *model;
    uint32_t file;          // the model's, of Tables.files
    uint32_t stream;        // that it runs over
    const Space *space;     // all rows of the run
    Node **sites;           // [SITE_COUNT * layers], once built
    Error *err;             // the first error of a patch's value
    bool ok;
};

// Tensor names are given as a printf format.
Node *forward_embed(Forward *f, const char *tensor);
Node *forward_norm(Forward *f, Node *x, const char *tensor, ...) PRINTF_LIKE(3, 4);
Node *forward_linear(Forward *f, Node *x, uint32_t width, const char *tensor, ...) PRINTF_LIKE(4, 5);
Node *forward_bias(Forward *f, Node *x, const char *tensor, ...) PRINTF_LIKE(3, 4);
Node *forward_rope(Forward *f, Node *x, uint32_t heads);
Node *forward_attention(Forward *f, Node *q, Node *k, Node *v);
Node *forward_swiglu(Forward *f, Node *gate, Node *up);
Node *forward_add(Forward *f, Node *a, Node *b);
Node *forward_site(Forward *f, SiteId site, uint32_t layer, Node *x);
