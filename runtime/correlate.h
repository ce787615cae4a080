// correlate.h: how two lists of numbers go together.
#pragma once

#include "mdx/base.h"

// Pearson's correlation; NaN when a list does not vary, or holds what is no number.
double correlate(const double *a, const double *b, size_t n);
// The ranks of the numbers, from 1; equal ones share the mean of theirs. `order` is room for 2 n numbers.
void ranks_of(const double *x, size_t n, double *ranks, uint32_t *order);
