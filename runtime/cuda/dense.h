// dense.h: matrices of doubles in the GPU's memory, which fits are computed with there: cuBLAS and cuSOLVER.
//
// Matrices lie row by row, as those of runtime/matrix.h do; their memory is a space's, which gives it back as a whole.
// All is put into the GPU's stream; what returns numbers waits for them. A space remembers that something went wrong
// (no memory, an error of a library, a decomposition that did not converge): from then on nothing happens, numbers are
// NaN, and dense_ok is false. So formulas are written down without a test a line, and asked for once at their end.
#pragma once

#include "runtime/cuda/gpu.h"

typedef struct {
    DevicePtr at;
    uint64_t rows;
    uint32_t columns;
} Dense;

typedef struct DenseSpace DenseSpace;

// In the arena, for as long as the GPU is open. cuSOLVER is loaded (load.h).
bool dense_open(const Gpu *gpu, Arena *arena, DenseSpace **out, Error *err);
void dense_close(DenseSpace *space); // NULL is allowed
// Forgets all matrices, and what went wrong. Their memory is kept for the next ones, until dense_give.
void dense_reset(DenseSpace *space);
void dense_give(DenseSpace *space); // NULL is allowed
bool dense_ok(const DenseSpace *space, Error *err); // false: why
void dense_wrong(DenseSpace *space, const Error *err);
const Gpu *dense_gpu(const DenseSpace *space);

DevicePtr dense_take(DenseSpace *space, uint64_t bytes); // 256-byte aligned; 0 when there is none
Dense dense_new(DenseSpace *space, uint64_t rows, uint32_t columns);
Dense dense_zeros(DenseSpace *space, uint64_t rows, uint32_t columns);
Dense dense_put(DenseSpace *space, const double *from, uint64_t rows, uint32_t columns);
DevicePtr dense_put_bytes(DenseSpace *space, const void *from, uint64_t bytes);
void dense_get(DenseSpace *space, Dense m, double *out);
Dense dense_copy(DenseSpace *space, Dense m);
void dense_set(DenseSpace *space, Dense to, Dense from); // of one shape
Dense dense_turned(DenseSpace *space, Dense m);          // m^T
Dense dense_rows(Dense m, uint64_t first, uint64_t count); // the same numbers

Dense dense_product(DenseSpace *space, Dense a, Dense b);        // a b
Dense dense_product_turned(DenseSpace *space, Dense a, Dense b); // a b^T
Dense dense_cross(DenseSpace *space, Dense x, Dense y);          // x^T y
void dense_subtract_cross(DenseSpace *space, Dense x, Dense y, Dense from); // from -= x^T y
// Parts of matrices, or of several of a kind: numbers from one row to the next, from one matrix to the next.
typedef struct {
    DevicePtr at;
    uint64_t stride, next;
} DenseParts;
typedef struct {
    uint64_t rows, columns, inner; // of the result; what is summed over
    bool turned;                   // a^T b, a [inner, rows]; else a b
    double factor, kept;           // out = kept out + factor a b
    uint32_t count;                // matrices
} DenseHow;
DenseParts dense_parts(Dense m);
void dense_multiply(DenseSpace *space, const DenseHow *how, DenseParts a, DenseParts b, DenseParts out);

// The upper half of x x^T (rows) or of x^T x; what is below it is nothing.
Dense dense_gram(DenseSpace *space, Dense x, bool rows);
// Multiplies rows and columns with factors of the host's memory; NULL: with 1.
void dense_scale(DenseSpace *space, Dense m, const double *rows, const double *columns);
double dense_norm(DenseSpace *space, Dense m); // Frobenius

// Of the symmetric matrix of which the upper half is read. Its eigenvectors replace it, as rows; values ascend.
void dense_eigen(DenseSpace *space, Dense a, double *values);
void dense_eigenvalues(DenseSpace *space, Dense a, double *values); // a is used up
// a = R^T R, R in the upper half of a, which was the upper half of a symmetric matrix. False: it is not positive.
bool dense_factor(DenseSpace *space, Dense a);
// m [a, b] = ut^T S vt, ut [k, a], vt [k, b], k = min(a, b); values [k] descend and are good to rounding of the largest.
// m is used up.
void dense_singular(DenseSpace *space, Dense m, Dense *ut, double *values, Dense *vt);
