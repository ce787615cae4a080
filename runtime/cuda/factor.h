// factor.h: solving with Cholesky's factors on the GPU, of one matrix and of a matrix plus several lambdas at once.
//
// A triangular solve waits for each row before the next; so corners of the factor are inverted (kernels/factor.cu), and
// all else is products of matrices. Factors are as dense_factor leaves them: A = R^T R, R in the upper half.
#pragma once

#include "runtime/cuda/fits.h"

enum { FACTOR_TOGETHER = 12 }; // lambdas at once, at most

// x [count] matrices [size, b.columns], one behind another: (gram + lambda)^-1 b of each lambda. gram: its upper half is
// read. False: one of the sums is not positive, or dense_ok is false.
bool factor_solve_each(const FitWork *work, Dense gram, const double *lambdas, uint32_t count, Dense b, DevicePtr x);
// b = (R^T R)^-1 b
void factor_solve(const FitWork *work, Dense factor, Dense b);
// R^-1; below its diagonal are zeros.
Dense factor_inverse(const FitWork *work, Dense factor);
