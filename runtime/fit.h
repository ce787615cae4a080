// fit.h: what is learned from states: maps and bases, in float64 through LAPACK.
//
// States are rows, float32, [n, width]. Maps are [in + 1, out] float32: W, then b; y = x W + b. Formulas and the rule
// for too few rows: docs/language.md, "Mappers".
#pragma once

#include "mdx/error.h"
#include "mdx/op.h"
#include "runtime/sums.h"

// What a fit is made of: rows, or what they come to.
typedef struct {
    const float *x, *y; // [n, in], [n, out]; not read when there are sums. Of one side: y is NULL, out 0
    uint64_t n;
    uint32_t in, out;
    const Sums *sums;
} Given;

// Of a side, 0 or 1: means, deviations (divided by n) and the upper half of the sums of products about the means.
double *given_mean(Arena *arena, const Given *given, int side);
double *given_deviation(Arena *arena, const Given *given, int side, const double *mean);
double *given_square(Arena *arena, const Given *given, int side);
double *given_cross(Arena *arena, const Given *given); // [in, out] sums of products of x and y, about their means

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
    Given given;
    bool scale, whiten, complete; // complete: in == out, where no row says anything the rotation nearest to I
    double shrink, floor; // of the covariances, when whitening
    uint32_t rank;        // 0: full
} Procrustes;

typedef struct {
    Given given;
    uint64_t held;          // the last `held` rows choose lambda
    const Sums *sums_above; // of sums: of the rows before those, and of those
    const Sums *sums_held;
    const double *lambdas;
    uint32_t lambda_count;
    bool standardize;
    uint32_t rank;    // 0: full
} Ridge;

// What the attributes of an op ask for.
Procrustes procrustes_of(const Attr *attr, Given given);
Ridge ridge_of(const Attr *attr, Given given, const double *lambdas, uint32_t lambda_count); // of rows

// Of ascending eigenvalues of the products of n rows.
Spread spread_of(const double *values, uint32_t count, uint64_t n, uint32_t width);
// Of rows x [n, width] about their mean; of the upper half of the sums of products of n rows, which is used up.
bool spread_find(Arena *arena, const double *x, uint64_t n, uint32_t width, Spread *out, Error *err);
bool given_spread(Arena *arena, const Given *given, int side, Spread *out, Error *err);
bool spread_of_square(Arena *arena, double *square, uint64_t n, uint32_t width, Spread *out, Error *err);
bool fit_ridge(const Ridge *fit, float *map, FitReport *report, Error *err);
bool fit_procrustes(const Procrustes *fit, float *map, FitReport *report, Error *err);
// The same in two parts: what does not depend on the rank, in the arena (NULL and an error: it cannot be fitted), and a map
// of it. The second reads nothing of what is given.
typedef struct ProcrustesParts ProcrustesParts;
const ProcrustesParts *procrustes_parts(Arena *arena, const Procrustes *fit, Error *err);
bool procrustes_map(const Procrustes *fit, const ProcrustesParts *parts, float *map, FitReport *report, Error *err);
// In each dimension: (x - mean x) / deviation of x * deviation of y + mean y, over n rows of both.
bool fit_moments(const Given *given, float *map, FitReport *report, Error *err);
// A rotation about the means of x and y, of the uniform (Haar) distribution; between widths, one of the larger width
// of which the smaller has its share.
bool fit_random_rotation(const Given *given, uint64_t seed, float *map, FitReport *report, Error *err);
// The map that gives the mean of the one side for every x of `in` values.
void fit_mean(const Given *given, uint32_t in, float *map);
// Centroids [k, width] of k clusters of the rows x [n, width]; each is the nearest of some row.
bool fit_kmeans(const float *x, uint64_t n, uint32_t width, uint32_t k, uint64_t seed, float *centroids, Error *err);
// The number of the centroid that x [width] is nearest to, of equally near ones the first.
uint32_t nearest_centroid(const float *x, const double *centroids, uint32_t k, uint32_t width);
// The `rank` leading principal directions of x [n, width] as orthonormal columns of basis [width, rank]; the largest
// component of each is positive. `center` subtracts the mean first.
bool fit_pca(const Given *given, uint32_t rank, bool center, float *basis, Error *err);
// The same of the rows of x and of y together, each about their own mean.
bool fit_joint(const Given *given, uint32_t rank, float *basis, Error *err);
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
bool fit_difference(const Given *given, float *basis, Error *err);
