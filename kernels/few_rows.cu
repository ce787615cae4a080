// few_rows.cu: y [rows, out] = x W^T with W [out, in], of at most ROWS rows: as fast as W comes from memory.
//
// A thread block has COLUMNS rows of W and all rows of x, whose parts go through a ring of shared memory; so x is read
// once for COLUMNS columns. SPLIT thread blocks share the depth and sum what they found through each other's shared
// memory, in one order (clusters, from architecture 9.0 on). in is a multiple of DEPTH.
#ifndef STORED
#define STORED bf16
#endif
#ifndef RESULT
#define RESULT bf16
#endif
#ifndef ROWS
#define ROWS 64
#endif
#ifndef SPLIT
#define SPLIT 1
#endif
#ifndef __CUDACC_RTC__
#include "prelude.cuh"
#endif

enum : uint32_t {
    WARPS = 8,
    THREADS = WARPS * 32,
    COLUMNS = 256,       // of a thread block: 32 of a warp
    DEPTH = 32,          // of a part
    PARTS = 5,           // of the ring
    PIECES = DEPTH / 8,  // of 16 bytes, of a row
    TILES = ROWS / 8,    // of a product, eight rows of x
    PART = (COLUMNS + ROWS) * DEPTH, // numbers
    PITCH = COLUMNS + 4, // of results in shared memory: a warp hits all banks
    SHARE = COLUMNS / SPLIT,
};
static_assert(ROWS % 8 == 0 && ROWS <= 64 && SHARE % 8 == 0, "no such kernel");

struct Product {
    const STORED *x, *w;
    RESULT *y;
    uint32_t rows, in, out, x_stride, y_stride;
};

__device__ inline uint32_t shared_at(const void *at) {
    return (uint32_t)__cvta_generic_to_shared(at);
}

__device__ inline void copy_piece(uint32_t to, const void *from, bool exists) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(exists ? 16 : 0) : "memory");
}

__device__ inline void load_four(uint32_t (&x)[4], uint32_t at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at) : "memory");
}

#define MULTIPLY(type)                                                                                                     \
    asm("mma.sync.aligned.m16n8k16.row.col.f32." type "." type ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])                                                                   \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1))

__device__ inline void multiply(bf16, float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { MULTIPLY("bf16"); }
__device__ inline void multiply(f16, float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { MULTIPLY("f16"); }

// Rows of 64 bytes: eight rows' pieces of one number lie in all banks.
__device__ inline uint32_t place(uint32_t row, uint32_t piece) {
    return row * DEPTH * 2 + ((piece ^ (row >> 1 & 3)) * 16);
}

// A part of the depth into the ring. Rows that do not exist become zeros.
__device__ inline void load_part(const Product &p, uint32_t first, uint32_t part, uint32_t to) {
#pragma unroll
    for (uint32_t i = 0; i < COLUMNS * PIECES / THREADS; i++) {
        const uint32_t at = i * THREADS + threadIdx.x, row = at / PIECES, piece = at % PIECES;
        const bool exists = first + row < p.out;
        copy_piece(to + place(row, piece), p.w + (size_t)(exists ? first + row : 0) * p.in + part * DEPTH + piece * 8, exists);
    }
#pragma unroll
    for (uint32_t at = threadIdx.x; at < ROWS * PIECES; at += THREADS) {
        const uint32_t row = at / PIECES, piece = at % PIECES;
        const bool exists = row < p.rows;
        copy_piece(to + COLUMNS * DEPTH * 2 + place(row, piece), p.x + (size_t)(exists ? row : 0) * p.x_stride + part * DEPTH + piece * 8, exists);
    }
}

__device__ inline void multiply_part(uint32_t from, float (&sum)[2][TILES][4]) {
    const uint32_t lane = threadIdx.x % 32, column = threadIdx.x / 32 * 32, x = from + COLUMNS * DEPTH * 2;
#pragma unroll
    for (uint32_t step = 0; step < DEPTH / 16; step++) {
        uint32_t a[2][4];
#pragma unroll
        for (uint32_t m = 0; m < 2; m++) load_four(a[m], from + place(column + m * 16 + lane % 16, step * 2 + lane / 16));
#pragma unroll
        for (uint32_t pair = 0; pair < (TILES + 1) / 2; pair++) {
            uint32_t b[4];
            const uint32_t row = pair * 16 + lane % 8 + lane / 16 * 8;
            load_four(b, x + place(TILES == 1 ? row % 8 : row, step * 2 + lane / 8 % 2));
#pragma unroll
            for (uint32_t m = 0; m < 2; m++) {
                multiply(STORED(), sum[m][pair * 2], a[m], b[0], b[1]);
                if (TILES > 1) multiply(STORED(), sum[m][TILES > 1 ? pair * 2 + 1 : 0], a[m], b[2], b[3]);
            }
        }
    }
}

#if SPLIT > 1 && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define TOGETHER __cluster_dims__(SPLIT, 1, 1)
__device__ inline void meet() {
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

__device__ inline float4 of_other(const float *at, uint32_t rank) {
    uint32_t there;
    float4 x;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(shared_at(at)), "r"(rank));
    asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w) : "r"(there) : "memory");
    return x;
}
#else
#define TOGETHER
__device__ inline void meet() { __syncthreads(); }
__device__ inline float4 of_other(const float *at, uint32_t) { return *(const float4 *)at; }
#endif

__device__ inline void keep(const float (&sum)[2][TILES][4], float *found) {
    const uint32_t lane = threadIdx.x % 32, column = threadIdx.x / 32 * 32 + lane / 4;
#pragma unroll
    for (uint32_t m = 0; m < 2; m++)
#pragma unroll
        for (uint32_t t = 0; t < TILES; t++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++) found[(t * 8 + lane % 4 * 2 + i % 2) * PITCH + column + m * 16 + i / 2 * 8] = sum[m][t][i];
}

// Each block of the cluster has its share of the columns.
__device__ inline void write(const Product &p, uint32_t first, uint32_t rank, const float *found) {
    for (uint32_t i = threadIdx.x; i < p.rows * (SHARE / 4); i += THREADS) {
        const uint32_t row = i / (SHARE / 4), column = rank * SHARE + i % (SHARE / 4) * 4;
        float4 sum = of_other(found + row * PITCH + column, 0);
#pragma unroll
        for (uint32_t r = 1; r < SPLIT; r++) {
            const float4 part = of_other(found + row * PITCH + column, r);
            sum.x += part.x, sum.y += part.y, sum.z += part.z, sum.w += part.w;
        }
        const float numbers[4] = {sum.x, sum.y, sum.z, sum.w};
        RESULT *to = p.y + (size_t)row * p.y_stride + first + column;
#pragma unroll
        for (uint32_t k = 0; k < 4; k++)
            if (first + column + k < p.out) to[k] = narrow<RESULT>(numbers[k]);
    }
}

extern "C" __global__ TOGETHER __launch_bounds__(THREADS, 2) void few_rows(const Product p) {
    extern __shared__ __align__(128) unsigned char shared[];
    const uint32_t rank = blockIdx.x % SPLIT, first = blockIdx.x / SPLIT * COLUMNS, parts = p.in / DEPTH;
    const uint32_t begin = parts * rank / SPLIT, end = parts * (rank + 1) / SPLIT, ring = shared_at(shared);
    float sum[2][TILES][4] = {};
#pragma unroll
    for (uint32_t i = 0; i < PARTS - 1; i++) {
        if (begin + i < end) load_part(p, first, begin + i, ring + i * PART * 2);
        asm volatile("cp.async.commit_group;" ::: "memory");
    }
    uint32_t at = 0, next = PARTS - 1;
    for (uint32_t part = begin; part < end; part++) {
        asm volatile("cp.async.wait_group %0;" ::"n"(PARTS - 2) : "memory");
        __syncthreads();
        if (part + PARTS - 1 < end) load_part(p, first, part + PARTS - 1, ring + next * PART * 2);
        asm volatile("cp.async.commit_group;" ::: "memory");
        multiply_part(ring + at * PART * 2, sum);
        at = at + 1 == PARTS ? 0 : at + 1;
        next = next + 1 == PARTS ? 0 : next + 1;
    }
    asm volatile("cp.async.wait_group 0;" ::: "memory");
    __syncthreads();
    float *found = (float *)shared;
    keep(sum, found);
    meet();
    write(p, first, rank, found);
    meet(); // what others read stays until they are done
}
