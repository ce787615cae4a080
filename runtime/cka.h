// cka.h: linear CKA (centred kernel alignment) of two sets of states.
#pragma once

#include "runtime/sides.h"

// Of centred sides; NaN where it has no value.
double cka(const Sides *sides, bool debiased, Arena *scratch);
// The same of each draw of the prompts, in out [draws].
void cka_draws(const Sides *sides, const Draws *draws, bool debiased, double *out, Arena *scratch);
