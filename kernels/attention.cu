// attention.cu: causal attention over packed prompts on tensor cores: heads of a multiple of 16 numbers, stored as bf16
// or f16; tile of keys by tile of keys with a running maximum (Milakov and Gimelshein 2018, Dao et al. 2022).
//
// A warp has 16 pairs (32 when WIDE) and all keys of a tile. The bits of a query depend on its own keys alone: tiles
// begin at its prompt's first key, a product's row does not know the other rows, sums over keys are made by the tensor
// cores, in the order of the keys, and a key that a query does not see adds an exact 0 (unless its value is no number).
// So neither rows beside a row, nor tiles and halves of tiles that are left out, nor WIDE and MIXED change them.
//
// SPLIT: of few rows with many keys each: SPLIT thread blocks take turns at the tiles, and join what they found through
// each other's shared memory (on architectures before 9.0 the first does it all). Its bits are its own.
//
// TEAM: the warps of a block share 16 pairs, where there are too few blocks to fill the GPU otherwise: each has a part of a
// tile's keys and a part of the head's columns. They tell each other their largest scores and their weights, so the bits
// are those of one warp.
//
// MIXED: rows of a block may have different keys of their own (OTHER_ROW). They lie in slots after the tile, and the
// products that they are part of are done once for each row, with that row's keys put in; the other rows' are unchanged.
#ifndef HEAD
#define HEAD 128
#endif
#ifndef STORED
#define STORED bf16
#endif
#ifndef WIDE
#define WIDE 0
#endif
#ifndef MIXED
#define MIXED 0
#endif
#ifndef SPLIT
#define SPLIT 1
#endif
#ifndef TEAM
#define TEAM 1 // 1 or 4
#endif
#ifndef __CUDACC_RTC__
#include "prelude.cuh"
#include "attention_work.cuh"
#endif

enum : uint32_t {
    WARPS = 4,
    THREADS = WARPS * 32,
    DEEP = WIDE ? 2 : 1, // times 16 pairs of a warp
    PAIRS = WARPS / TEAM * DEEP * 16,
    KEYS = HEAD > 128 ? 32 : 64, // of a tile
    SLOTS = MIXED ? 32 : 0,
    STRIDE = HEAD + 8, // of rows in shared memory: eight of them hit all banks
    PIECES = HEAD / 8, // of 16 bytes
    ROOM = PAIRS / GROUP, // rows of a block
    COLUMNS = HEAD / 8 / TEAM, // of a warp's products, eight wide
    WARP_KEYS = KEYS / TEAM, // of a tile, whose scores a warp finds
};
static_assert(HEAD % 16 == 0 && HEAD <= 256 && WIDE + MIXED + (SPLIT > 1) + (TEAM > 1) <= 1, "no such kernel");
static_assert(TEAM == 1 || (TEAM == WARPS && HEAD % 64 == 0 && HEAD <= 128), "a warp of a team has 16 keys and pairs of columns");

// ---- Instructions

__device__ inline uint32_t shared_at(const void *at) {
    return (uint32_t)__cvta_generic_to_shared(at);
}

// 16 bytes, or 4, or zeros.
__device__ inline void copy_piece(void *to, const void *from, bool exists) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_at(to)), "l"(from), "r"(exists ? 16 : 0) : "memory");
}

__device__ inline void copy_word(void *to, const void *from, bool exists) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_at(to)), "l"(from), "r"(exists ? 4 : 0) : "memory");
}

__device__ inline void close_copies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int PENDING> __device__ inline void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

__device__ inline void load_four(uint32_t (&x)[4], uint32_t at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at) : "memory");
}

__device__ inline void load_four_turned(uint32_t (&x)[4], uint32_t at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at) : "memory");
}

__device__ inline void load_two(uint32_t (&x)[2], uint32_t at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(x[0]), "=r"(x[1]) : "r"(at) : "memory");
}

#define MULTIPLY(type)                                                                                                     \
    asm("mma.sync.aligned.m16n8k16.row.col.f32." type "." type ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])                                                          \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1))

template <typename T> struct Unit;
template <> struct Unit<bf16> {
    static constexpr uint32_t ONES = 0x3f803f80;
    static __device__ inline void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { MULTIPLY("bf16"); }
    static __device__ inline uint32_t pack(float low, float high) {
        uint32_t x;
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(x) : "f"(high), "f"(low));
        return x;
    }
};
template <> struct Unit<f16> {
    static constexpr uint32_t ONES = 0x3c003c00;
    static __device__ inline void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) { MULTIPLY("f16"); }
    static __device__ inline uint32_t pack(float low, float high) {
        uint32_t x;
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(x) : "f"(high), "f"(low));
        return x;
    }
};
using Tensor = Unit<STORED>;

__device__ inline float power_of_two(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// ---- Loading

// What is read of the tables lies in shared memory before it is needed: each look at the GPU's memory costs as much as a
// tile's products, and registers are few. entries: of the next tile of keys, of values.
struct Tables {
    Place place;
    uint32_t rows[5][ROOM], entries[2][KEYS];
};
struct Team {
    float most[TEAM][16];
    uint4 weights[TEAM][32];
};
static_assert(sizeof(Tables) <= 64 + sizeof(uint32_t) * (5 * ROOM + 2 * KEYS), "the host part takes so much");

__device__ inline void load_rows(const Work &w, Place p, Tables &tables) {
    static_assert(ROOM <= THREADS, "a thread has a row");
    if (threadIdx.x < w.row_room)
#pragma unroll
        for (uint32_t i = 0; i < 5; i++) tables.rows[i][threadIdx.x] = p.rows[(size_t)i * p.pitch + threadIdx.x];
    p.rows = tables.rows[0];
    p.pitch = ROOM;
    if (threadIdx.x == 0) tables.place = p;
}

// Keys that do not exist have the entry 0.
__device__ inline void load_entries(const Work &w, const Block &b, int which, uint32_t first, Tables &tables) {
    const uint32_t *list = w.source[which].list, key = first + threadIdx.x;
    if (!list || threadIdx.x >= KEYS) return;
    copy_word(&tables.entries[which][threadIdx.x], list + (key < b.most ? b.begin[which] + key : 0), key < b.most);
}

__device__ inline void load_queries(const Work &w, const Place &p, STORED *to) {
    const STORED *q = (const STORED *)w.q;
#pragma unroll
    for (uint32_t i = 0; i < PAIRS * PIECES; i += THREADS) {
        uint32_t at = i + threadIdx.x, pair = at / PIECES, piece = at % PIECES;
        bool counts = pair_counts(p, pair);
        uint64_t query = counts ? pair_query(w, p, pair) : 0;
        copy_piece(to + pair * STRIDE + piece * 8, q + query + piece * 8, counts);
    }
}

// Where a tile of a mixed block has a row's own keys: bit k for key k.
using Own = uint64_t;

#if MIXED
__device__ inline Own own_keys(const Block &b, const uint32_t *entries, uint32_t first) {
    Own own = 0;
#pragma unroll
    for (uint32_t k = 0; k < KEYS; k += 32) {
        const uint32_t key = k + threadIdx.x % 32;
        own |= (Own)__ballot_sync(~0u, first + key < b.most && entries[key] & OTHER_ROW) << k;
    }
    return own;
}

// Slot of row r of the block for the n-th own key of the tile: n * rows + r.
__device__ inline void load_own(const Work &w, const Place &p, int which, const uint32_t *entries, Own own, STORED *slots) {
    const uint32_t rows = p.block.rows;
    for (uint32_t slot = 0; own; own &= own - 1, slot += rows) {
        const uint32_t entry = entries[__ffsll((long long)own) - 1];
        for (uint32_t i = threadIdx.x; i < rows * PIECES; i += THREADS) {
            uint32_t row = i / PIECES, piece = i % PIECES;
            const STORED *from = key_row<STORED>(w, p, which, entry, row_field(p, ROW_OWN + which, row));
            copy_piece(slots + (slot + row) * STRIDE + piece * 8, from + piece * 8, true);
        }
    }
}
#endif

// What the last row of the block does not see becomes 0, as does what is in the slots.
__device__ inline Own load_tile(const Work &w, const Place &p, const Tables &tables, int which, uint32_t first, STORED *tile) {
    const Block &b = p.block;
    const uint32_t *entries = tables.entries[which], used = TEAM > 1 || b.most - first > KEYS / 2 ? KEYS : KEYS / 2;
    const bool listed = w.source[which].list;
#pragma unroll 1 // registers
    for (uint32_t i = 0; i < KEYS * PIECES; i += THREADS) {
        uint32_t at = i + threadIdx.x, key = at / PIECES, piece = at % PIECES;
        if (key >= used) break;
        uint32_t entry = listed ? entries[key] : b.begin[which] + first + key;
        bool here = first + key < b.most && !(MIXED && b.mixed && listed && entry & OTHER_ROW);
        const STORED *from = key_row<STORED>(w, p, which, here ? entry : 0, b.own[which]);
        copy_piece(tile + key * STRIDE + piece * 8, from + piece * 8, here);
    }
#if MIXED
    if (!b.mixed || !listed) return 0;
    Own own = own_keys(b, entries, first);
    load_own(w, p, which, entries, own, tile + KEYS * STRIDE);
    return own;
#else
    return 0;
#endif
}

// ---- A warp

struct Warp {
    uint32_t lane, pair, member;     // its first pair; which of its team it is
    uint32_t most, least;            // keys that its pairs see
    uint32_t sees[DEEP][2];          // of this thread's pairs: lane / 4 and that + 8
    uint32_t row[2], rows, first_row, last_row; // mixed: this thread's, of the block, of the warp
    float m[DEEP][2], sum[DEEP][4], s[DEEP][WARP_KEYS / 8][4], o[DEEP][COLUMNS][4];
    uint32_t weights[DEEP][KEYS / 16][4];
    const STORED *q;
    Team *team;
};

__device__ inline void begin_warp(Warp &t, const Work &w, const Place &p, const STORED *q, Team *team) {
    t.lane = threadIdx.x % 32;
    t.pair = threadIdx.x / 32 / TEAM * DEEP * 16;
    t.member = threadIdx.x / 32 % TEAM;
    t.team = team;
    t.q = q + t.pair * STRIDE;
    t.most = 0, t.least = ~0u;
#pragma unroll
    for (uint32_t i = 0; i < DEEP * 2; i++) {
        uint32_t pair = t.pair + i * 8 + t.lane / 4;
        bool counts = pair_counts(p, pair);
        uint32_t sees = counts ? row_field(p, ROW_COUNT, pair / GROUP) : 1;
        t.sees[i / 2][i % 2] = sees;
        t.m[i / 2][i % 2] = -INFINITY;
        if (counts) t.most = max(t.most, sees), t.least = min(t.least, sees);
        if (MIXED) t.row[i % 2] = pair / GROUP;
    }
    t.most = __reduce_max_sync(~0u, t.most);
    t.least = __reduce_min_sync(~0u, t.least);
    t.rows = p.block.rows;
    t.first_row = t.pair / GROUP;
    t.last_row = min((t.pair + 15) / GROUP, t.rows - 1);
#pragma unroll
    for (uint32_t d = 0; d < DEEP; d++) {
#pragma unroll
        for (uint32_t i = 0; i < 4; i++) t.sum[d][i] = 0;
#pragma unroll
        for (uint32_t c = 0; c < COLUMNS; c++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++) t.o[d][c][i] = 0;
    }
}

// Row of the tile, or slot, in which a row of the block finds a key.
__device__ inline uint32_t spot(const Warp &t, Own own, uint32_t key, uint32_t row) {
    if (!MIXED || !(own >> key & 1)) return key;
    return KEYS + (uint32_t)__popcll(own & (((Own)1 << key) - 1)) * t.rows + row;
}

__device__ inline void load_q(const Warp &t, uint32_t deep, uint32_t k, uint32_t (&a)[4]) {
    load_four(a, shared_at(t.q + (deep * 16 + t.lane % 16) * STRIDE + k * 16 + t.lane / 16 * 8));
}

// Eight keys, some of which are rows' own.
__device__ inline void score_own(const Warp &t, const STORED *keys, Own own, uint32_t first, float (&s)[4]) {
    for (uint32_t row = t.first_row; row <= t.last_row; row++) {
        const STORED *at = keys + spot(t, own, first + t.lane % 8, row) * STRIDE + t.lane / 8 % 2 * 8;
        float x[4] = {0, 0, 0, 0};
#pragma unroll 2
        for (uint32_t k = 0; k < HEAD / 16; k++) {
            uint32_t a[4], b[2];
            load_q(t, 0, k, a);
            load_two(b, shared_at(at + k * 16));
            Tensor::multiply(x, a, b[0], b[1]);
        }
        if (t.row[0] == row) s[0] = x[0], s[1] = x[1];
        if (t.row[1] == row) s[2] = x[2], s[3] = x[3];
    }
}

template <uint32_t COUNT> __device__ inline void score(Warp &t, const STORED *keys, Own own) {
#pragma unroll
    for (uint32_t d = 0; d < DEEP; d++)
#pragma unroll
        for (uint32_t j = 0; j < COUNT / TEAM / 8; j++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++) t.s[d][j][i] = 0;
    uint32_t at = shared_at(keys + (t.member * WARP_KEYS + t.lane / 16 * 8 + t.lane % 8) * STRIDE + t.lane / 8 % 2 * 8);
#pragma unroll
    for (uint32_t k = 0; k < HEAD / 16; k++) {
        uint32_t a[DEEP][4];
#pragma unroll
        for (uint32_t d = 0; d < DEEP; d++) load_q(t, d, k, a[d]);
#pragma unroll
        for (uint32_t c = 0; c < COUNT / TEAM / 16; c++) {
            uint32_t b[4];
            load_four(b, at + (c * 16 * STRIDE + k * 16) * (uint32_t)sizeof(STORED));
#pragma unroll
            for (uint32_t d = 0; d < DEEP; d++) {
                Tensor::multiply(t.s[d][c * 2], a[d], b[0], b[1]);
                Tensor::multiply(t.s[d][c * 2 + 1], a[d], b[2], b[3]);
            }
        }
    }
#if MIXED
#pragma unroll
    for (uint32_t j = 0; j < COUNT / 8; j++)
        if (own >> (j * 8) & 0xff) score_own(t, keys, own, j * 8, t.s[0][j]);
#endif
}

// Of 16 pairs, over all warps of the team.
__device__ inline float most_of_team(const Warp &t, float most, uint32_t half) {
    const uint32_t pair = half * 8 + t.lane / 4;
    if (t.lane % 4 == 0) t.team->most[t.member][pair] = most;
    __syncthreads();
#pragma unroll
    for (uint32_t i = 0; i < TEAM; i++) most = fmaxf(most, t.team->most[i][pair]);
    return most;
}

__device__ inline void share_weights(Warp &t) {
    t.team->weights[t.member][t.lane] = make_uint4(t.weights[0][0][0], t.weights[0][0][1], t.weights[0][0][2], t.weights[0][0][3]);
    __syncthreads();
#pragma unroll
    for (uint32_t i = 0; i < TEAM; i++) {
        const uint4 x = t.team->weights[i][t.lane];
        t.weights[0][i][0] = x.x, t.weights[0][i][1] = x.y, t.weights[0][i][2] = x.z, t.weights[0][i][3] = x.w;
    }
}

// Scores become weights e^(scale (s - m)), as powers of two. What was summed shrinks by what m grew.
template <uint32_t COUNT> __device__ inline void soften(Warp &t, uint32_t first, float scale) {
    const bool hides = first + COUNT > t.least;
    const uint32_t key = first + t.member * WARP_KEYS + t.lane % 4 * 2;
    float shrink[DEEP][2];
    bool shrinks = false;
#pragma unroll
    for (uint32_t i = 0; i < DEEP * 2; i++) {
        const uint32_t d = i / 2, half = i % 2;
        float most = t.m[d][half];
#pragma unroll
        for (uint32_t j = 0; j < COUNT / TEAM / 8; j++)
#pragma unroll
            for (uint32_t e = 0; e < 2; e++) {
                float &x = t.s[d][j][half * 2 + e];
                if (hides && key + j * 8 + e >= t.sees[d][half]) x = -INFINITY;
                most = fmaxf(most, x);
            }
        most = fmaxf(most, __shfl_xor_sync(~0u, most, 1));
        most = fmaxf(most, __shfl_xor_sync(~0u, most, 2));
        if (TEAM > 1) most = most_of_team(t, most, half);
        // Whole products, so that what did not grow shrinks by exactly 1.
        float base = most == -INFINITY ? 0 : __fmul_rn(most, scale);
        shrink[d][half] = power_of_two(__fsub_rn(__fmul_rn(t.m[d][half], scale), base));
        shrinks |= shrink[d][half] != 1;
        t.m[d][half] = most;
#pragma unroll
        for (uint32_t j = 0; j < COUNT / TEAM / 8; j++)
            t.weights[d][j / 2][j % 2 * 2 + half] = Tensor::pack(power_of_two(fmaf(t.s[d][j][half * 2], scale, -base)),
                                                                 power_of_two(fmaf(t.s[d][j][half * 2 + 1], scale, -base)));
    }
    if (TEAM > 1) share_weights(t);
    if (!__any_sync(~0u, shrinks)) return;
#pragma unroll
    for (uint32_t d = 0; d < DEEP; d++) {
#pragma unroll
        for (uint32_t i = 0; i < 4; i++) t.sum[d][i] = __fmul_rn(t.sum[d][i], shrink[d][i / 2]);
#pragma unroll
        for (uint32_t c = 0; c < COLUMNS; c++)
#pragma unroll
            for (uint32_t i = 0; i < 4; i++) t.o[d][c][i] = __fmul_rn(t.o[d][c][i], shrink[d][i / 2]);
    }
}

// The weights are summed as they were rounded, by the same unit: a product with ones.
template <uint32_t COUNT> __device__ inline void add_values(Warp &t, const STORED *values, Own own) {
#pragma unroll
    for (uint32_t c = 0; c < COUNT / 16; c++) {
#pragma unroll
        for (uint32_t d = 0; d < DEEP; d++) Tensor::multiply(t.sum[d], t.weights[d][c], Tensor::ONES, Tensor::ONES);
        const bool apart = MIXED && own >> (c * 16) & 0xffff;
        for (uint32_t row = apart ? t.first_row : 0; row <= (apart ? t.last_row : 0); row++) {
            uint32_t key = spot(t, own, c * 16 + t.lane % 16, row), a[DEEP][4];
            uint32_t at = shared_at(values + key * STRIDE + t.member * COLUMNS * 8 + t.lane / 16 * 8);
#pragma unroll
            for (uint32_t i = 0; i < DEEP * 4; i++)
                a[i / 4][i % 4] = apart && t.row[i % 2] != row ? 0 : t.weights[i / 4][c][i % 4];
#pragma unroll
            for (uint32_t n = 0; n < COLUMNS; n += 2) {
                uint32_t b[4];
                load_four_turned(b, at + n * 8 * (uint32_t)sizeof(STORED));
#pragma unroll
                for (uint32_t d = 0; d < DEEP; d++) {
                    Tensor::multiply(t.o[d][n], a[d], b[0], b[1]);
                    Tensor::multiply(t.o[d][n + 1], a[d], b[2], b[3]);
                }
            }
            if (!MIXED) break;
        }
    }
}

// Through the memory of the warp's own queries, so that whole rows of a head are written.
__device__ inline void keep_results(Warp &t, const Work &w, const Place &p) {
    STORED *to = (STORED *)t.q;
    __syncwarp();
#pragma unroll
    for (uint32_t i = 0; i < DEEP * 2; i++) {
        float by = 1 / t.sum[i / 2][i % 2 * 2];
        uint32_t *at = (uint32_t *)(to + (i * 8 + t.lane / 4) * STRIDE + t.lane % 4 * 2);
#pragma unroll
        for (uint32_t c = 0; c < COLUMNS; c++) {
            const float *o = &t.o[i / 2][c][i % 2 * 2];
            at[c * 4] = Tensor::pack(fmaf(o[0], by, 0.0f), fmaf(o[1], by, 0.0f)); // -0 becomes 0
        }
    }
    __syncwarp();
#pragma unroll 4
    for (uint32_t i = t.lane; i < DEEP * 16 * PIECES; i += 32) {
        uint32_t pair = t.pair + i / PIECES, piece = i % PIECES;
        if (!pair_counts(p, pair)) continue;
        STORED *out = (STORED *)w.out + pair_out(w, p, pair);
        *(uint4 *)(out + piece * 8) = *(const uint4 *)(to + i / PIECES * STRIDE + piece * 8);
    }
}

// A warp of a team has few columns: they are written as they lie.
__device__ inline void keep_columns(const Warp &t, const Work &w, const Place &p) {
#pragma unroll
    for (uint32_t half = 0; half < 2; half++) {
        const uint32_t pair = half * 8 + t.lane / 4;
        if (!pair_counts(p, pair)) continue;
        const float by = 1 / t.sum[0][half * 2];
        STORED *out = (STORED *)w.out + pair_out(w, p, pair) + t.member * COLUMNS * 8 + t.lane % 4 * 2;
#pragma unroll
        for (uint32_t c = 0; c < COLUMNS; c++) {
            const float *o = &t.o[0][c][half * 2];
            *(uint32_t *)(out + c * 8) = Tensor::pack(fmaf(o[0], by, 0.0f), fmaf(o[1], by, 0.0f));
        }
    }
}

// ---- Joining

#if SPLIT > 1 && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define JOINS 1
#define TOGETHER __cluster_dims__(SPLIT, 1, 1)
#else
#define JOINS 0
#define TOGETHER
#endif

#if JOINS
struct Found {
    float o[PAIRS][HEAD], m[PAIRS], sum[PAIRS];
};
static_assert(sizeof(Found) <= (PAIRS + 2 * KEYS) * STRIDE * sizeof(STORED), "it lies where queries, keys and values did");

__device__ inline void meet() {
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

__device__ inline float of_other(const float *at, uint32_t rank) {
    uint32_t there;
    float x;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(shared_at(at)), "r"(rank));
    asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(x) : "r"(there) : "memory");
    return x;
}

__device__ inline void keep_found(const Warp &t, Found &found) {
#pragma unroll
    for (uint32_t half = 0; half < 2; half++) {
        const uint32_t pair = t.pair + half * 8 + t.lane / 4;
        if (t.lane % 4 == 0) found.m[pair] = t.m[0][half], found.sum[pair] = t.sum[0][half * 2];
#pragma unroll
        for (uint32_t c = 0; c < COLUMNS; c++)
            *(float2 *)&found.o[pair][c * 8 + t.lane % 4 * 2] = make_float2(t.o[0][c][half * 2], t.o[0][c][half * 2 + 1]);
    }
}

__device__ inline void join(const Work &w, const Place &p, const Found &found, uint32_t rank, float scale) {
    for (uint32_t i = rank * THREADS + threadIdx.x; i < PAIRS * HEAD / 2; i += SPLIT * THREADS) {
        const uint32_t pair = i / (HEAD / 2), column = i % (HEAD / 2) * 2;
        if (!pair_counts(p, pair)) continue;
        float m[SPLIT], most = -INFINITY, sum = 0, o[2] = {0, 0};
#pragma unroll
        for (uint32_t r = 0; r < SPLIT; r++) m[r] = of_other(&found.m[pair], r), most = fmaxf(most, m[r]);
        const float base = most == -INFINITY ? 0 : __fmul_rn(most, scale);
#pragma unroll
        for (uint32_t r = 0; r < SPLIT; r++) {
            const float part = power_of_two(__fsub_rn(__fmul_rn(m[r], scale), base));
            sum = fmaf(part, of_other(&found.sum[pair], r), sum);
            o[0] = fmaf(part, of_other(&found.o[pair][column], r), o[0]);
            o[1] = fmaf(part, of_other(&found.o[pair][column + 1], r), o[1]);
        }
        const float by = 1 / sum;
        STORED *out = (STORED *)w.out + pair_out(w, p, pair);
        *(uint32_t *)(out + column) = Tensor::pack(fmaf(o[0], by, 0.0f), fmaf(o[1], by, 0.0f));
    }
}
#endif

// ---- A block

extern "C" __global__ void TOGETHER __launch_bounds__(THREADS, WIDE || HEAD > 128 ? 2 : MIXED || SPLIT > 1 ? 3 : 4) attention(const Work w) {
    let_next_kernel_begin();
    extern __shared__ __align__(16) unsigned char memory[];
    STORED *q = (STORED *)memory, *keys = q + PAIRS * STRIDE, *values = keys + (KEYS + SLOTS) * STRIDE;
    Team &team = *(Team *)(values + (KEYS + SLOTS) * STRIDE);
    Tables &tables = *(Tables *)(TEAM > 1 ? (void *)(&team + 1) : &team);
    const float scale = __fmul_rn(w.scale, 1.44269504f); // of powers of two
    const uint32_t rank = blockIdx.x % SPLIT, begin = JOINS ? rank * KEYS : 0, step = JOINS ? SPLIT * KEYS : KEYS;
    if (SPLIT > 1 && !JOINS && rank) return;
    {
        const Place found = place_of(w, blockIdx.x / SPLIT);
        load_rows(w, found, tables);
        load_entries(w, found.block, 0, begin, tables);
        load_entries(w, found.block, 1, begin, tables);
    }
    close_copies();
    wait_copies<0>();
    __syncthreads();
    wait_for_last_kernel(); // tables are written by none
    const Place &p = tables.place;
    const uint32_t most = p.block.most;
    Own own_key = 0, own_value = 0;
    if (begin < most) own_key = load_tile(w, p, tables, 0, begin, keys);
    load_queries(w, p, q);
    close_copies();
    if (begin < most) own_value = load_tile(w, p, tables, 1, begin, values);
    close_copies();
    Warp t;
    begin_warp(t, w, p, q, &team);
    for (uint32_t first = begin; first < most; first += step) {
        if (first > begin)
            wait_copies<0>();
        else
            wait_copies<1>();
        __syncthreads();
        if (first > begin) own_value = load_tile(w, p, tables, 1, first, values);
        load_entries(w, p.block, 0, first + step, tables);
        close_copies();
        const bool some = first < t.most, whole = some && (TEAM > 1 || first + KEYS / 2 < t.most);
        if (whole) {
            score<KEYS>(t, keys, own_key);
            soften<KEYS>(t, first, scale);
        } else if (some) {
            score<KEYS / 2>(t, keys, own_key);
            soften<KEYS / 2>(t, first, scale);
        }
        wait_copies<0>();
        __syncthreads();
        if (first + step < most) own_key = load_tile(w, p, tables, 0, first + step, keys);
        load_entries(w, p.block, 1, first + step, tables);
        close_copies();
        if (whole)
            add_values<KEYS>(t, values, own_value);
        else if (some)
            add_values<KEYS / 2>(t, values, own_value);
    }
#if JOINS
    wait_copies<0>();
    __syncthreads();
    Found &found = *(Found *)memory;
    keep_found(t, found);
    meet();
    join(w, p, found, rank, scale);
    meet(); // before what others read goes away
#else
    if (t.most && TEAM > 1)
        keep_columns(t, w, p);
    else if (t.most)
        keep_results(t, w, p);
#endif
}
