// fit.h: what is learned from states: maps and bases, in float64 through LAPACK.
//
// States are rows, float32, [n, width]. Maps are [in + 1, out] float32: W, then b; y = x W + b. Formulas and the rule
// for too few rows: docs/language.md, "Mappers".
#pragma once

#include "mdx/error.h"
#include "mdx/op.h"

// A covariance as a fit has it: in how many dimensions the rows vary, the largest eigenvalue over the smallest there.
typedef struct {
    uint32_t rank; // 0: the fit has none
    double condition;
} Spread;

// What a fit says about itself, for the results and the warnings.
typedef struct {
    uint64_t rows;
    uint32_t in, out;
    uint32_t rank;      // numerical rank of the (whitened) cross-covariance, or the rank that was asked for
    double scale;       // 1 when it is not fitted
    bool unique;        // false: fewer free rows than dimensions, so the map is zero on part of the space
    Spread source, target;
    double orthogonality; // Procrustes: |Q^T Q - I| of the rotation, of the narrower side (Frobenius)
    bool completed;     // there it is the rotation nearest to the identity
    uint32_t kept_in, kept_out; // dimensions that vary, of a fit that leaves out the others; else 0
    uint32_t lambda_count;      // ridge: what was tried, R2 on the held rows of each (NaN: undefined), what was taken
    double lambdas[MOST_LAMBDAS], scores[MOST_LAMBDAS], lambda;
} FitReport;

typedef struct {
    const float *x, *y;
    uint64_t n;
    uint32_t in, out;
    bool scale, whiten, complete; // complete: in == out, where no row says anything the rotation nearest to I
    double shrink, floor; // of the covariances, when whitening
    uint32_t rank;        // 0: full
} Procrustes;

typedef struct {
    const float *x, *y;
    uint64_t n, held; // the last `held` rows choose lambda
    uint32_t in, out;
    const double *lambdas;
    uint32_t lambda_count;
    bool standardize;
    uint32_t rank;    // 0: full
} Ridge;

// Of ascending eigenvalues of the products of n rows.
Spread spread_of(const double *values, uint32_t count, uint64_t n, uint32_t width);
// Of rows x [n, width] about their mean.
bool spread_find(Arena *arena, const double *x, uint64_t n, uint32_t width, Spread *out, Error *err);
bool fit_ridge(const Ridge *fit, float *map, FitReport *report, Error *err);
bool fit_procrustes(const Procrustes *fit, float *map, FitReport *report, Error *err);
// In each dimension: (x - mean x) / deviation of x * deviation of y + mean y, over n rows of both.
bool fit_moments(const float *x, const float *y, uint64_t n, uint32_t width, float *map, FitReport *report, Error *err);
// A rotation about the means of x and y, of the uniform (Haar) distribution; between widths, one of the larger width
// of which the smaller has its share.
bool fit_random_rotation(const float *x, const float *y, uint64_t n, uint32_t in, uint32_t out, uint64_t seed, float *map,
                         FitReport *report, Error *err);
// The map that gives the mean of y [n, out] for every x of `in` values.
void fit_mean(const float *y, uint64_t n, uint32_t in, uint32_t out, float *map);
// The `rank` leading principal directions of x [n, width] as orthonormal columns of basis [width, rank]; the largest
// component of each is positive. `center` subtracts the mean first.
bool fit_pca(const float *x, uint64_t n, uint32_t width, uint32_t rank, bool center, float *basis, Error *err);
// The same of the rows of x and of y together, each about their own mean.
bool fit_joint(const float *x, const float *y, uint64_t n, uint32_t width, uint32_t rank, float *basis, Error *err);
// The same of the upper half of a sum of squares of n rows [width, width], which is used up.
bool fit_directions(double *squares, uint64_t n, uint32_t width, uint32_t rank, float *basis, Error *err);
// A map between coordinates [from_rank + 1, to_rank], in bases [in, from_rank] and [out, to_rank], as one of states.
typedef struct {
    uint32_t in, out, from_rank, to_rank;
} InsideShape;
void map_inside(const float *inner, const float *from, const float *to, InsideShape shape, float *map);
// map [in + 1, out] += rest (I - B B^T), basis B [out, rank]
void map_outside(const float *rest, const float *basis, uint32_t in, uint32_t out, uint32_t rank, float *map);
// The direction from the mean of y to the mean of x, of length 1, as basis [width, 1].
bool fit_difference(const float *x, const float *y, uint64_t n, uint32_t width, float *basis, Error *err);
