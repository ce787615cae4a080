// count.h: what a run did: rows of products, by the weight that they were multiplied with.
#pragma once

#include "mdx/plan.h"

// Adds the rows of a step that ran to those of the weights that it reads from files; `rows` is by value of the plan.
// Of a source of logits, a row that several rows of the step read is counted once.
void count_step(const Plan *plan, const Step *step, uint64_t *rows);
