// cka.h: linear CKA (centred kernel alignment) of two sets of states, in float64.
#pragma once

#include "mdx/base.h"

// Two sets of states of the same rows. Centred: each column without its mean.
typedef struct {
    uint64_t rows;
    uint32_t width[2];
    double *states[2]; // [rows, width]
} Sides;

// With room for the states, which the caller fills in.
Sides sides_open(Arena *arena, uint64_t rows, uint32_t width_x, uint32_t width_y);
// False when the rows of a side are all the same, but for rounding: then nothing can be said of it.
bool sides_centre(Sides *sides);

// Of centred sides; NaN where it has no value.
double cka(const Sides *sides, bool debiased, Arena *scratch);
