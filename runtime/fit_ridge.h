// fit_ridge.h: what a ridge fit decides, wherever its matrices are computed: which dimensions are kept, in which units,
// and which lambda is the best.
#pragma once

#include "runtime/fit.h"

// One side: the dimensions that are kept. What is fitted is (x - mean) / deviation.
typedef struct {
    const char *name;
    uint32_t width, kept;
    double *mean, *deviation; // [width]
    uint32_t *column;         // [kept]
} RidgeSide;

// side: 0 or 1. Means and deviations [width] become the side's.
RidgeSide ridge_side(Arena *arena, int side, uint32_t width, double *mean, double *deviation);
// Chooses the dimensions of both; without standardising all, and the deviations become 1. False: nothing varies.
bool ridge_keep(RidgeSide *x, RidgeSide *y, bool standardize, Error *err);
// sum |y - mean y|^2 over held rows of these means and deviations, and over those dimensions of it that the map leaves at
// the mean of the fit.
double ridge_spread(const RidgeSide *y, const double *mean, const double *deviation, uint64_t rows, double *left_out);

// What is told of a fit: before, and when it has told of its source.
FitReport ridge_report(const Given *given);
void ridge_tell(const Ridge *fit, const RidgeSide *x, const RidgeSide *y, FitReport *report);

// Whether there are rows to fit on and rows to choose lambda by.
bool ridge_has_rows(const Ridge *fit);
// The lambda with the best of report->scores; of equal ones the largest. scored: whether there are scores.
bool ridge_choose(const Ridge *fit, bool scored, FitReport *report, Error *err);
