// sides.h: two sets of states of the same rows, in float64.
#pragma once

#include "mdx/base.h"

typedef struct {
    uint64_t rows;
    uint32_t width[2];
    double *states[2];      // [rows, width]
    const uint32_t *prompt; // [rows] of each row
} Sides;

// With room for the states, which the caller fills in.
Sides sides_open(Arena *arena, uint64_t rows, uint32_t width_x, uint32_t width_y);
// Takes its mean from each column. False when the rows of a side are all the same, but for rounding.
bool sides_centre(Sides *sides);
// Whether squares that are left of others by taking means away are more than rounding.
bool sides_vary(double left, double of);

// Draws of the prompts: which ones each draw takes.
typedef struct {
    uint32_t count, prompts;
    const int32_t *taken; // [count, prompts]
} Draws;
