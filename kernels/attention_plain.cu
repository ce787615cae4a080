// attention_plain.cu: causal attention over packed prompts in plain float32 arithmetic: any head size, any storage.
//
// A warp has ROWS pairs. Its lanes are the keys of a tile while it makes scores, and the columns of the head while it
// adds values. Keys and values come in parts of at most 128 columns. As in attention.cu, the bits of a query depend on its
// own keys alone.
#ifndef HEAD
#define HEAD 128
#endif
#ifndef STORED
#define STORED f32
#endif
#ifndef __CUDACC_RTC__
#include "prelude.cuh"
#include "attention_work.cuh"
#endif

enum : uint32_t {
    WARPS = 4,
    THREADS = WARPS * 32,
    ROWS = HEAD <= 256 ? 8 : HEAD <= 512 ? 4 : HEAD <= 1024 ? 2 : 1, // so that results fit the registers
    PAIRS = WARPS * ROWS,
    KEYS = 32,
    WIDTH = (HEAD + 3) / 4 * 4,
    PART = WIDTH < 128 ? WIDTH : 128,
    PARTS = (WIDTH + PART - 1) / PART,
    STRIDE = PART / 4 % 2 ? PART : PART + 4, // eight rows hit all banks
    EACH = (PART + 31) / 32,                 // columns of a lane
};

struct Shared {
    float q[PAIRS][PARTS * PART], tile[KEYS][STRIDE], weights[PAIRS][KEYS];
};

// Four numbers from a column on; those after the head's last are 0.
__device__ inline float4 load_numbers(const STORED *from, uint32_t column) {
    float x[4];
    struct __align__(4 * sizeof(STORED)) Four {
        STORED x[4];
    };
    if (HEAD % 4 == 0 && column < HEAD) {
        Four four = *(const Four *)(from + column);
        for (int i = 0; i < 4; i++) x[i] = widen(four.x[i]);
    } else {
        for (uint32_t i = 0; i < 4; i++) x[i] = column + i < HEAD ? widen(from[column + i]) : 0;
    }
    return make_float4(x[0], x[1], x[2], x[3]);
}

__device__ inline void load_queries(const Work &w, const Place &p, Shared &s) {
    for (uint32_t i = threadIdx.x; i < PAIRS * (PARTS * PART / 4); i += THREADS) {
        uint32_t pair = i / (PARTS * PART / 4), column = i % (PARTS * PART / 4) * 4;
        float4 x = make_float4(0, 0, 0, 0);
        if (pair_counts(p, pair)) x = load_numbers((const STORED *)w.q + pair_query(w, p, pair), column);
        *(float4 *)&s.q[pair][column] = x;
    }
}

__device__ inline void load_part(const Work &w, const Place &p, int which, uint32_t first, uint32_t part, Shared &s) {
    __syncthreads();
    for (uint32_t i = threadIdx.x; i < KEYS * (PART / 4); i += THREADS) {
        uint32_t key = i / (PART / 4), column = i % (PART / 4) * 4;
        float4 x = make_float4(0, 0, 0, 0);
        if (first + key < p.block.most) {
            uint32_t entry = key_entry(w, p.block, which, first + key);
            x = load_numbers(key_row<STORED>(w, p, which, entry, p.block.own[which]), part * PART + column);
        }
        *(float4 *)&s.tile[key][column] = x;
    }
    __syncthreads();
}

// Pair i of a warp: neighbours go to different warps.
__device__ inline uint32_t pair_of(uint32_t i) {
    return i * WARPS + threadIdx.x / 32;
}

struct Warp {
    float m[ROWS], sum[ROWS], shrink[ROWS], o[ROWS][PARTS][EACH];
    uint32_t sees[ROWS];
};

__device__ inline void score(const Shared &s, uint32_t part, float (&x)[ROWS]) {
    const uint32_t lane = threadIdx.x % 32;
#pragma unroll 4
    for (uint32_t c = 0; c < PART; c += 4) {
        const float4 k = *(const float4 *)&s.tile[lane][c];
#pragma unroll
        for (uint32_t i = 0; i < ROWS; i++) {
            const float4 q = *(const float4 *)&s.q[pair_of(i)][part * PART + c];
            x[i] = fmaf(q.w, k.w, fmaf(q.z, k.z, fmaf(q.y, k.y, fmaf(q.x, k.x, x[i]))));
        }
    }
}

__device__ inline float warp_largest(float x) {
    for (int i = 16; i; i /= 2) x = fmaxf(x, __shfl_xor_sync(~0u, x, i));
    return x;
}

__device__ inline float warp_sum(float x) {
    for (int i = 16; i; i /= 2) x = __fadd_rn(x, __shfl_xor_sync(~0u, x, i));
    return x;
}

__device__ inline void soften(Warp &t, Shared &s, uint32_t first, float scale, const float (&x)[ROWS]) {
    const uint32_t lane = threadIdx.x % 32;
#pragma unroll
    for (uint32_t i = 0; i < ROWS; i++) {
        const bool seen = first + lane < t.sees[i];
        const float score = __fmul_rn(x[i], scale), most = fmaxf(t.m[i], warp_largest(seen ? score : -INFINITY));
        const float base = most == -INFINITY ? 0 : most, e = seen ? expf(__fsub_rn(score, base)) : 0;
        t.shrink[i] = t.m[i] == most ? 1 : expf(__fsub_rn(t.m[i], base));
        t.sum[i] = fmaf(t.sum[i], t.shrink[i], warp_sum(e));
        t.m[i] = most;
        s.weights[pair_of(i)][lane] = e;
    }
    __syncwarp();
}

__device__ inline void add_values(Warp &t, const Shared &s, uint32_t count, float (&o)[ROWS][PARTS][EACH], uint32_t part) {
    const uint32_t lane = threadIdx.x % 32;
#pragma unroll
    for (uint32_t i = 0; i < ROWS; i++)
#pragma unroll
        for (uint32_t c = 0; c < EACH; c++) o[i][part][c] = __fmul_rn(o[i][part][c], t.shrink[i]);
    for (uint32_t key = 0; key < count; key++) {
        float v[EACH];
#pragma unroll
        for (uint32_t c = 0; c < EACH; c++) v[c] = c * 32 + lane < PART ? s.tile[key][c * 32 + lane] : 0;
#pragma unroll
        for (uint32_t i = 0; i < ROWS; i++) {
            const float weight = s.weights[pair_of(i)][key];
#pragma unroll
            for (uint32_t c = 0; c < EACH; c++) o[i][part][c] = fmaf(weight, v[c], o[i][part][c]);
        }
    }
}

__device__ inline void keep_results(const Warp &t, const Work &w, const Place &p) {
    const uint32_t lane = threadIdx.x % 32;
#pragma unroll
    for (uint32_t i = 0; i < ROWS; i++) {
        if (!pair_counts(p, pair_of(i))) continue;
        STORED *out = (STORED *)w.out + pair_out(w, p, pair_of(i));
        const float by = 1 / t.sum[i];
#pragma unroll
        for (uint32_t part = 0; part < PARTS; part++)
#pragma unroll
            for (uint32_t c = 0; c < EACH; c++) {
                const uint32_t in_part = c * 32 + lane, column = part * PART + in_part;
                if (in_part < PART && column < HEAD) out[column] = narrow<STORED>(fmaf(t.o[i][part][c], by, 0.0f)); // -0 becomes 0
            }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) attention(const Work w) {
    begin_kernel();
    extern __shared__ __align__(16) unsigned char memory[];
    Shared &s = *(Shared *)memory;
    const Place p = place_of(w, blockIdx.x);
    Warp t = {};
    for (uint32_t i = 0; i < ROWS; i++) {
        t.m[i] = -INFINITY;
        t.sees[i] = pair_counts(p, pair_of(i)) ? row_field(p, ROW_COUNT, pair_of(i) / GROUP) : 1;
    }
    load_queries(w, p, s);
    for (uint32_t first = 0; first < p.block.most; first += KEYS) {
        float x[ROWS] = {};
#pragma unroll
        for (uint32_t part = 0; part < PARTS; part++) {
            load_part(w, p, 0, first, part, s);
            score(s, part, x);
        }
        soften(t, s, first, w.scale, x);
#pragma unroll
        for (uint32_t part = 0; part < PARTS; part++) {
            load_part(w, p, 1, first, part, s);
            add_values(t, s, min(p.block.most - first, KEYS), t.o, part);
        }
    }
    keep_results(t, w, p);
}
