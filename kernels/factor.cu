// factor.cu: what Cholesky's factors of several matrices at once need beside products (runtime/cuda/factor.h): panels of
// G + lambda, and the inverse of each panel's corner. Matrices are symmetric, their upper halves are read: A = R^T R.
//
// Threads of a block share the numbers of a corner and wait for each other; any number of threads does.
#if !defined(__CUDACC_RTC__) && !defined(KERNEL)
#include "prelude.cuh"
#endif
#ifndef KERNEL
#define KERNEL extern "C" __global__ void
#define CORNER_MEMORY() extern __shared__ double memory[]
#define meet()          __syncthreads()
#endif

enum {
    CORNER = 128,       // rows of a panel
    PITCH = CORNER + 1, // of a corner's in shared memory
    SMALL = 16,         // rows that are factored one by one
    TILE = 4,           // results of a thread in a product: TILE x TILE
    FACTOR_THREADS = 512,
};

#define EACH(i, count) for (uint32_t i = threadIdx.x; i < (count); i += blockDim.x)

// ---- A panel: rows of G + lambda from the diagonal on, and behind them those of the right side

typedef struct {
    const double *gram, *right; // [size, size]; [size, columns]
    const double *lambdas;      // one a matrix
    double *out;                // [rows, size - first + columns]
    uint64_t next;              // numbers from one matrix's panel to the next one's
    uint32_t size, columns, first, rows;
} FactorPanel;

KERNEL factor_panel(const FactorPanel w) {
    begin_kernel();
    const uint32_t rest = w.size - w.first, width = rest + w.columns;
    const uint64_t at = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= (uint64_t)w.rows * width) return;
    const uint32_t row = (uint32_t)(at / width), column = (uint32_t)(at % width);
    const uint64_t from = (uint64_t)(w.first + row);
    double x = 0;
    if (column >= rest)
        x = w.right[from * w.columns + column - rest];
    else if (column >= row)
        x = w.gram[from * w.size + w.first + column] + (column == row ? w.lambdas[blockIdx.y] : 0);
    w.out[blockIdx.y * w.next + at] = x;
}

// ---- A corner: R^-1, of A or of R

typedef struct {
    const double *from; // [rows, rows], `stride` numbers from row to row, `next` to the next corner
    double *inverse;    // what is below the diagonal becomes 0
    int32_t *wrong;     // one a corner: becomes 1 when A is not positive
    uint64_t stride, next, inverse_stride, inverse_next;
    uint32_t rows, last_rows; // of the last corner
    uint32_t factored;        // R is given
} FactorCorner;

typedef struct {
    double *r, *corners, *roots; // [CORNER, PITCH]; [CORNER, SMALL]: inverses of small corners; [SMALL] 1 / R's diagonal
} Corner;

__device__ inline void corner_load(const Corner *c, const FactorCorner *w, uint32_t rows) {
    const double *from = w->from + blockIdx.x * w->next;
    EACH(t, CORNER * CORNER) {
        const uint32_t i = t / CORNER, j = t % CORNER;
        double x = i == j; // beyond its rows it is I
        if (i < rows && j < rows) x = j >= i ? from[i * w->stride + j] : 0;
        c->r[i * PITCH + j] = x;
    }
    meet();
}

// Of SMALL rows, those columns that are theirs. Rows are divided by the roots of their pivots at the end.
__device__ inline void factor_small(const Corner *c, uint32_t first, int32_t *wrong) {
    double *at = c->r + first * (PITCH + 1);
    for (uint32_t k = 0; k + 1 < SMALL; k++) {
        const double by = 1 / at[k * (PITCH + 1)];
        EACH(t, SMALL * SMALL) {
            const uint32_t i = t / SMALL, j = t % SMALL;
            if (i > k && j >= i) at[i * PITCH + j] -= at[k * PITCH + i] * by * at[k * PITCH + j];
        }
        meet();
    }
    EACH(k, SMALL) {
        const double pivot = at[k * (PITCH + 1)];
        if (!(pivot > 0)) *wrong = 1;
        c->roots[k] = 1 / sqrt(pivot);
    }
    meet();
    EACH(t, SMALL * SMALL) {
        const uint32_t i = t / SMALL, j = t % SMALL;
        if (j >= i) at[i * PITCH + j] *= c->roots[i];
    }
    meet();
}

// The rest of the rows: a thread has a column.
__device__ inline void factor_rows(const Corner *c, uint32_t first) {
    const double *at = c->r + first * (PITCH + 1);
    EACH(t, CORNER - first - SMALL) {
        double *column = c->r + first * PITCH + first + SMALL + t, x[SMALL];
#pragma unroll
        for (uint32_t i = 0; i < SMALL; i++) {
            x[i] = column[i * PITCH];
#pragma unroll
            for (uint32_t k = 0; k < i; k++) x[i] -= at[k * PITCH + i] * x[k];
            x[i] *= c->roots[i];
            column[i * PITCH] = x[i];
        }
    }
    meet();
}

// What is below these rows loses what they explain. A thread has rows that follow each other and columns far apart, so
// that neighbours read neighbours.
__device__ inline void factor_below(const Corner *c, uint32_t first) {
    const uint32_t below = first + SMALL, tiles = (CORNER - below) / TILE;
    EACH(t, tiles * tiles) {
        const uint32_t i = below + t / tiles * TILE, j = below + t % tiles;
        if (i > j + (TILE - 1) * tiles) continue;
        double sum[TILE][TILE] = {{0}};
#pragma unroll 4
        for (uint32_t k = first; k < below; k++)
#pragma unroll
            for (uint32_t a = 0; a < TILE; a++)
#pragma unroll
                for (uint32_t b = 0; b < TILE; b++) sum[a][b] += c->r[k * PITCH + i + a] * c->r[k * PITCH + j + b * tiles];
#pragma unroll
        for (uint32_t a = 0; a < TILE; a++)
#pragma unroll
            for (uint32_t b = 0; b < TILE; b++) c->r[(i + a) * PITCH + j + b * tiles] -= sum[a][b];
    }
    meet();
}

// Small corners, a thread a column; where they come from is read until all are there.
__device__ inline void invert_small(const Corner *c) {
    EACH(t, CORNER) {
        const uint32_t j = t % SMALL, first = t - j;
        const double *at = c->r + first * (PITCH + 1);
        double *x = c->corners + t * SMALL;
        for (uint32_t i = SMALL; i-- > 0;) {
            double sum = i == j;
            for (uint32_t k = i + 1; k <= j; k++) sum -= at[i * PITCH + k] * x[k];
            x[i] = i > j ? 0 : sum / at[i * (PITCH + 1)];
        }
    }
    meet();
    EACH(t, CORNER * SMALL) {
        const uint32_t column = t / SMALL, row = column / SMALL * SMALL + t % SMALL;
        c->r[row * PITCH + column] = c->corners[t];
    }
    meet();
}

// to = sign a b, all [size, size] parts of the corner.
__device__ inline void multiply_part(const double *a, const double *b, double *to, uint32_t size, double sign, uint32_t tile) {
    const uint32_t tiles = size / TILE, i = tile / tiles * TILE, j = tile % tiles;
    double sum[TILE][TILE] = {{0}};
#pragma unroll 4
    for (uint32_t k = 0; k < size; k++)
#pragma unroll
        for (uint32_t x = 0; x < TILE; x++)
#pragma unroll
            for (uint32_t y = 0; y < TILE; y++) sum[x][y] += a[(i + x) * PITCH + k] * b[k * PITCH + j + y * tiles];
#pragma unroll
    for (uint32_t x = 0; x < TILE; x++)
#pragma unroll
        for (uint32_t y = 0; y < TILE; y++) to[(i + x) * PITCH + j + y * tiles] = sign * sum[x][y];
}

// Two corners of a size become one: above them stands -(R11^-1 R12 R22^-1). What is below the diagonal is room.
__device__ inline void join_corners(const Corner *c, uint32_t size) {
    const uint32_t tiles = size / TILE * (size / TILE), count = CORNER / (2 * size) * tiles;
    EACH(t, count) {
        double *at = c->r + t / tiles * 2 * size * (PITCH + 1);
        multiply_part(at + size, at + size * (PITCH + 1), at + size * PITCH, size, 1, t % tiles);
    }
    meet();
    EACH(t, count) {
        double *at = c->r + t / tiles * 2 * size * (PITCH + 1);
        multiply_part(at, at + size * PITCH, at + size, size, -1, t % tiles);
    }
    meet();
    EACH(t, count * TILE * TILE) {
        const uint32_t pair = t / (size * size), i = t % (size * size) / size, j = t % size;
        c->r[pair * 2 * size * (PITCH + 1) + (size + i) * PITCH + j] = 0;
    }
    meet();
}

KERNEL __launch_bounds__(FACTOR_THREADS) factor_corner(const FactorCorner w) {
    begin_kernel();
    CORNER_MEMORY();
    const Corner c = {memory, memory + CORNER * PITCH, memory + CORNER * PITCH + CORNER * SMALL};
    const uint32_t rows = blockIdx.x + 1 == gridDim.x ? w.last_rows : w.rows;
    corner_load(&c, &w, rows);
    for (uint32_t first = 0; first < CORNER && !w.factored; first += SMALL) {
        factor_small(&c, first, w.wrong + blockIdx.x);
        factor_rows(&c, first);
        factor_below(&c, first);
    }
    invert_small(&c);
    for (uint32_t size = SMALL; size < CORNER; size *= 2) join_corners(&c, size);
    double *to = w.inverse + blockIdx.x * w.inverse_next;
    EACH(t, CORNER * CORNER) {
        const uint32_t i = t / CORNER, j = t % CORNER;
        if (i < rows && j < rows) to[i * w.inverse_stride + j] = j >= i ? c.r[i * PITCH + j] : 0;
    }
}
