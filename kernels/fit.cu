// fit.cu: what fits read and write beside products and decompositions (runtime/cuda/dense.h): states become doubles, sums
// over columns, matrices become maps. Where not said, a thread has numbers of its own; none waits for another.
#ifndef STORED
#define STORED bf16
#endif
#if !defined(__CUDACC_RTC__) && !defined(KERNEL)
#include "prelude.cuh"
#endif
#ifndef KERNEL
#define KERNEL extern "C" __global__ void
#define PARTS_MEMORY() extern __shared__ double parts[]
#define meet()         __syncthreads()
#endif

// Rows of states.
typedef struct {
    const STORED *at;
    const uint32_t *map; // where each row lies; NULL: one behind another
    uint64_t stride;     // numbers from one to the next
} States;

__device__ inline double state_at(const States *states, uint64_t row, uint32_t column) {
    uint64_t at = states->map ? states->map[row] : row;
    return (double)widen(states->at[at * states->stride + column]);
}

// ---- Sums over the rows: each thread takes a column of a part of them

typedef struct {
    States states;
    const double *mean; // of each column: of what deviates from it, the squares are summed; NULL: the numbers themselves
    double *out;        // [parts, width]
    uint64_t first, rows, part_rows;
    uint32_t width, parts;
} FitSums;

KERNEL fit_sums(const FitSums w) {
    begin_kernel();
    uint32_t column = blockIdx.x * blockDim.x + threadIdx.x, part = blockIdx.y;
    if (column >= w.width) return;
    uint64_t from = part * w.part_rows, until = from + w.part_rows < w.rows ? from + w.part_rows : w.rows;
    double mean = w.mean ? w.mean[column] : 0, sum = 0;
    for (uint64_t r = from; r < until; r++) {
        double x = state_at(&w.states, w.first + r, column) - mean;
        sum += w.mean ? x * x : x;
    }
    w.out[(uint64_t)part * w.width + column] = sum;
}

// The parts of each column, in their order.
typedef struct {
    const double *parts; // [count, width]
    double *out;         // [width]
    uint32_t width, count;
} FitTotal;

KERNEL fit_total(const FitTotal w) {
    begin_kernel();
    uint32_t column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= w.width) return;
    double sum = 0;
    for (uint32_t i = 0; i < w.count; i++) sum += w.parts[(uint64_t)i * w.width + column];
    w.out[column] = sum;
}

// ---- A vector of length 1. The threads of one block share its numbers; any number of threads does

typedef struct {
    const double *from; // [size]
    double *to, *norm;  // [size], [1]
    uint32_t size;
} FitUnit;

KERNEL fit_unit(const FitUnit w) {
    begin_kernel();
    PARTS_MEMORY(); // one a thread
    double sum = 0;
    for (uint32_t i = threadIdx.x; i < w.size; i += blockDim.x) sum += w.from[i] * w.from[i];
    parts[threadIdx.x] = sum;
    meet();
    sum = 0;
    for (uint32_t i = 0; i < blockDim.x; i++) sum += parts[i];
    const double norm = sqrt(sum);
    for (uint32_t i = threadIdx.x; i < w.size; i += blockDim.x) w.to[i] = w.from[i] / norm;
    if (threadIdx.x == 0) *w.norm = norm;
}

// ---- Rows of states about their means, in units of their deviations

typedef struct {
    States states;
    const uint32_t *columns;        // which are kept, [kept]
    const double *mean, *deviation; // by column of the states; deviation NULL: 1
    double *out;                    // [rows, kept]
    uint64_t first, rows;
    uint32_t kept;
} FitRows;

KERNEL fit_rows(const FitRows w) {
    begin_kernel();
    uint64_t at = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= w.rows * w.kept) return;
    uint32_t column = w.columns[at % w.kept];
    double x = state_at(&w.states, w.first + at / w.kept, column) - w.mean[column];
    w.out[at] = w.deviation ? x / w.deviation[column] : x;
}

// ---- A number added to the diagonal

typedef struct {
    double *at;
    double value;
    uint32_t size;
} FitDiagonal;

KERNEL fit_diagonal(const FitDiagonal w) {
    begin_kernel();
    uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at < w.size) w.at[(uint64_t)at * (w.size + 1)] += w.value;
}

// ---- The map [in + 1, out]: what was left out of the matrix is 0, the last row is the shift

typedef struct {
    const double *matrix;                 // [kept_in, kept_out]
    const uint32_t *row_of, *column_of;   // of each of the map's, which of the matrix, or UINT32_MAX
    const double *shift;                  // [out]
    float *out;
    uint32_t in, width, kept;
} FitMap;

KERNEL fit_map(const FitMap w) {
    begin_kernel();
    uint64_t at = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= ((uint64_t)w.in + 1) * w.width) return;
    uint32_t column = (uint32_t)(at % w.width);
    uint64_t row = at / w.width;
    bool shift = row == w.in, kept = !shift && w.row_of[row] != UINT32_MAX && w.column_of[column] != UINT32_MAX;
    w.out[at] = shift ? (float)w.shift[column] : kept ? (float)w.matrix[(uint64_t)w.row_of[row] * w.kept + w.column_of[column]] : 0;
}
