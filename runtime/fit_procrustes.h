// fit_procrustes.h: what a Procrustes fit decides, wherever its matrices are computed: the directions and units of
// whitened states, and how many singular triples are used.
#pragma once

#include "runtime/fit.h"

// Of one side: along the eigenvectors of the covariance from `first` on, those on which the rows vary at all, in units of
// the deviations of the shrunk covariance, floored.
typedef struct {
    uint32_t first, rank;
    double *deviation; // [rank]
    double norm;       // sum of the squares of all whitened rows
    Spread spread;
} WhitenedValues;

// side: 0 or 1. values [width]: of the sums of products about the means, ascending; mean: of these. False: nothing varies.
bool whitened_values(Arena *arena, const Procrustes *fit, int side, const double *values, double mean, WhitenedValues *out, Error *err);

// What is told of a fit before its map is made: all but `rank`, `orthogonality`. scale: s, whether it is used or not.
FitReport procrustes_report(const Procrustes *fit, const Given *given, double scale, Spread source, Spread target);

// Singular triples that are used, of `count` whose values descend: at most `want` (0: all) and the numerical rank. What an
// SVD returns beyond that is not a function of the data. size: the larger of the rows and the widths.
uint32_t procrustes_rank(const double *values, uint32_t count, uint64_t size, uint32_t want);
