// reduce.h: from many numbers to one.
#pragma once

#include "mdx/op.h"

// Applies a row of reduction.def to values[0 … n - 1], which may be reordered. `p` is quantile's. NaN stands for
// undefined: of no values, std of one value, or when a value is undefined itself.
double reduce(Reduction reduction, double *values, size_t n, double p);
