// products.h: the matrix products that a plan cannot do without.
#pragma once

#include "mdx/plan.h"

typedef struct {
    uint32_t step;
    uint64_t rows;
    uint32_t in, out;
    uint32_t weight; // of plan->values: [out, in], or (transposed) its first rows are [in, out]
    bool transposed;
} PlanProduct;
typedef LIST(PlanProduct) PlanProducts;

// In the order of the steps: each step that is one, and the unembeddings of metrics of logits, over the rows that
// differ: what a clean run gives to all points of a sweep counts once.
PlanProducts plan_products(const Plan *plan, Arena *arena);
double product_flops(const PlanProduct *product);
