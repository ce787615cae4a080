// sums.h: what many rows of two sides come to, as fits need them: the rows are dropped micro-batch by micro-batch.
//
// While rows are added, the sums are one matrix of doubles [in + out + 3, in + out]: in row 0 what is taken from each
// row first (the mean of the rows that were added first: so what deviates little from a large mean is not lost), in row
// 1 the sums of the rest, in row 2 how many rows there are, from row 3 on the sums of the products, the upper half.
#pragma once

#include "mdx/op.h"

typedef struct {
    uint64_t n;
    uint32_t width[2];
    double *mean[2];   // of x, of y
    double *square[2]; // [width, width] sums of products of what deviates from the means
    double *cross;     // [in, out] of x and y
} Sums;

// x [n, in], y [n, out], of which out may be 0. The matrix is all zeros before the first.
void sums_add(double *matrix, const float *x, const float *y, uint64_t n, uint32_t in, uint32_t out);
Sums sums_of(Arena *arena, const double *matrix, uint32_t in, uint32_t out);
// The same rows about other means.
Sums sums_about(Arena *arena, const Sums *sums, const double *x_mean, const double *y_mean);
// Of the rows of both.
Sums sums_both(Arena *arena, const Sums *a, const Sums *b);
