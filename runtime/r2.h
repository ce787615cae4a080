// r2.h: the share of the second side's variance that the first predicts.
#pragma once

#include "runtime/sides.h"

// NaN when the second side does not vary.
double r2(const Sides *sides, Arena *scratch);
// The same of each draw of the prompts, in out [draws].
void r2_draws(const Sides *sides, const Draws *draws, double *out, Arena *scratch);
