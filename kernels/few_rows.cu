// few_rows.cu: y [rows, out] = x W^T with W [out, in], of at most 64 rows: as fast as W comes from memory. For
// architecture 9.0, whose tensor cores take both matrices from shared memory (wgmma).
//
// A thread block has COLUMNS rows of W and all rows of x. The copy engine brings parts of both, 64 numbers deep, into a
// ring of PARTS places; one thread asks for them, four warps multiply. SPLIT thread blocks share the depth and sum what
// they found through each other's shared memory, in one order. W is a weight, which no kernel writes: its first parts
// are asked for while the kernel before is still at work.
#ifndef STORED
#define STORED bf16
#endif
#ifndef RESULT
#define RESULT bf16
#endif
#ifndef COLUMNS
#define COLUMNS 64 // 64, 96, 112, 128, 192, 224
#endif
#ifndef SPLIT
#define SPLIT 2
#endif
#ifndef PARTS
#define PARTS 11
#endif
#ifndef __CUDACC_RTC__
#include "prelude.cuh"
#endif

enum : uint32_t {
    ROWS = 64,
    DEPTH = 64, // of a part: 128 bytes
    MULTIPLYING = 128,
    THREADS = MULTIPLYING + 32,
    X_BYTES = ROWS * DEPTH * 2,
    PART = X_BYTES + COLUMNS * DEPTH * 2,
    PITCH = COLUMNS + 4, // of results in shared memory: a warp hits all banks
    SHARE = COLUMNS / SPLIT,
    HELD = COLUMNS / 2, // results of a thread
};
static_assert(HELD % 8 == 0 && SHARE % 4 == 0, "no such kernel");

struct alignas(128) TensorMap {
    uint64_t words[16];
};

struct Product {
    TensorMap w, x;
    RESULT *y;
    uint32_t rows, in, out, y_stride;
};

#ifdef __CUDA_ARCH_FEAT_SM90_ALL

__device__ inline uint32_t shared_at(const void *at) {
    return (uint32_t)__cvta_generic_to_shared(at);
}

// ---- Waiting for copies: a barrier's turns alternate between 0 and 1

__device__ inline void barrier_open(uint32_t barrier, uint32_t arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

__device__ inline void barrier_expect(uint32_t barrier, uint32_t bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

__device__ inline void barrier_arrive(uint32_t barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

__device__ inline void barrier_wait(uint32_t barrier, uint32_t turn) {
    asm volatile("{\n.reg .pred done;\nAGAIN:\nmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n@done bra DONE;\n"
                 "bra AGAIN;\nDONE:\n}" ::"r"(barrier), "r"(turn) : "memory");
}

// Rows and columns that do not exist become zeros.
__device__ inline void copy_part(uint32_t to, const TensorMap *from, uint32_t column, uint32_t row, uint32_t barrier, uint64_t keeping) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1, {%2, %3}], "
                 "[%4], %5;" ::"r"(to), "l"(from), "r"(column), "r"(row), "r"(barrier), "l"(keeping) : "memory");
}

// ---- The ring

struct Ring {
    uint32_t at, full, empty; // parts; a barrier a place: copied, multiplied
};

struct Depth {
    uint32_t first, count; // parts of this thread block
};

__device__ inline void ask(const Product &p, const Ring &ring, const Depth &depth, uint32_t first) {
    uint64_t once, often;
    asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(once));
    asm("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(often));
    const uint32_t ahead = depth.count < PARTS ? depth.count : PARTS;
    for (uint32_t i = 0; i < ahead; i++) {
        barrier_expect(ring.full + i * 8, PART);
        copy_part(ring.at + i * PART + X_BYTES, &p.w, (depth.first + i) * DEPTH, first, ring.full + i * 8, once);
    }
    wait_for_last_kernel();
    for (uint32_t i = 0; i < ahead; i++) copy_part(ring.at + i * PART, &p.x, (depth.first + i) * DEPTH, 0, ring.full + i * 8, often);
    for (uint32_t i = ahead; i < depth.count; i++) {
        const uint32_t place = i % PARTS, full = ring.full + place * 8;
        barrier_wait(ring.empty + place * 8, (i / PARTS - 1) & 1);
        barrier_expect(full, PART);
        copy_part(ring.at + place * PART + X_BYTES, &p.w, (depth.first + i) * DEPTH, first, full, once);
        copy_part(ring.at + place * PART, &p.x, (depth.first + i) * DEPTH, 0, full, often);
    }
}

// ---- Multiplying

// A matrix in shared memory: rows of 128 bytes, the 16-byte pieces of eight of them exchanged, as the copy engine does.
__device__ inline uint64_t matrix_at(uint32_t at) {
    return (uint64_t)(at >> 4) | 1ull << 16 | 64ull << 32 | 1ull << 62;
}

#define NAMES_1 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define NAMES_2 NAMES_1 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define NAMES_3 NAMES_2 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define NAMES_4 NAMES_3 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define NAMES_5 NAMES_4 ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define NAMES_6 NAMES_5 ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111"
#define EIGHT(i) "+f"(c[i]), "+f"(c[i + 1]), "+f"(c[i + 2]), "+f"(c[i + 3]), "+f"(c[i + 4]), "+f"(c[i + 5]), "+f"(c[i + 6]), "+f"(c[i + 7])
#define HELD_1   EIGHT(0), EIGHT(8), EIGHT(16), EIGHT(24)
#define HELD_2   HELD_1, EIGHT(32), EIGHT(40)
#define HELD_3   HELD_2, EIGHT(48)
#define HELD_4   HELD_3, EIGHT(56)
#define HELD_5   HELD_4, EIGHT(64), EIGHT(72), EIGHT(80), EIGHT(88)
#define HELD_6   HELD_5, EIGHT(96), EIGHT(104)
#define MULTIPLY(width, type, names, a_name, b_name, held) \
    asm volatile("wgmma.mma_async.sync.aligned.m64n" width "k16.f32." type "." type " {" names "}, " a_name ", " b_name ", 1, 1, 1, 0, 0;" : held : "l"(a), "l"(b))
#if COLUMNS == 64
#define MULTIPLY_OF(type) MULTIPLY("64", type, NAMES_1, "%32", "%33", HELD_1)
#elif COLUMNS == 96
#define MULTIPLY_OF(type) MULTIPLY("96", type, NAMES_2, "%48", "%49", HELD_2)
#elif COLUMNS == 112
#define MULTIPLY_OF(type) MULTIPLY("112", type, NAMES_3, "%56", "%57", HELD_3)
#elif COLUMNS == 128
#define MULTIPLY_OF(type) MULTIPLY("128", type, NAMES_4, "%64", "%65", HELD_4)
#elif COLUMNS == 192
#define MULTIPLY_OF(type) MULTIPLY("192", type, NAMES_5, "%96", "%97", HELD_5)
#elif COLUMNS == 224
#define MULTIPLY_OF(type) MULTIPLY("224", type, NAMES_6, "%112", "%113", HELD_6)
#endif

__device__ inline void multiply(bf16, float (&c)[HELD], uint64_t a, uint64_t b) { MULTIPLY_OF("bf16"); }
__device__ inline void multiply(f16, float (&c)[HELD], uint64_t a, uint64_t b) { MULTIPLY_OF("f16"); }

__device__ inline void multiply_parts(const Ring &ring, uint32_t count, float (&sum)[HELD]) {
    const bool tells = threadIdx.x % 32 == 0;
#pragma unroll
    for (uint32_t i = 0; i < HELD; i++) sum[i] = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t place = i % PARTS;
        barrier_wait(ring.full + place * 8, i / PARTS & 1);
        const uint64_t x = matrix_at(ring.at + place * PART), w = matrix_at(ring.at + place * PART + X_BYTES);
        asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
        for (uint32_t k = 0; k < DEPTH / 16; k++) multiply(STORED(), sum, x + 2 * k, w + 2 * k);
        asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
        if (!i) continue;
        asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory"); // the part before is multiplied
        if (tells) barrier_arrive(ring.empty + (i - 1) % PARTS * 8);
    }
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}

// ---- Results

#if SPLIT > 1
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

__device__ inline void keep(const float (&sum)[HELD], float *found) {
    const uint32_t lane = threadIdx.x % 32, row = threadIdx.x / 32 * 16 + lane / 4;
#pragma unroll
    for (uint32_t i = 0; i < HELD; i++) found[(row + i / 2 % 2 * 8) * PITCH + i / 4 * 8 + lane % 4 * 2 + i % 2] = sum[i];
}

__device__ inline void put_four(float *to, float4 x) { *(float4 *)to = x; }
template <typename T> __device__ inline void put_four(T *to, float4 x) {
    *(uint2 *)to = make_uint2(narrow_two<T>(x.x, x.y), narrow_two<T>(x.z, x.w));
}

// Each block of the cluster has its share of the columns.
__device__ inline void write(const Product &p, uint32_t first, uint32_t rank, const float *found) {
    const bool whole = p.y_stride % 4 == 0 && p.out % 4 == 0 && (size_t)p.y % (4 * sizeof(RESULT)) == 0;
    for (uint32_t i = threadIdx.x; i < p.rows * (SHARE / 4); i += THREADS) {
        const uint32_t row = i / (SHARE / 4), column = rank * SHARE + i % (SHARE / 4) * 4;
        float4 sum = of_other(found + row * PITCH + column, 0);
#pragma unroll
        for (uint32_t r = 1; r < SPLIT; r++) {
            const float4 part = of_other(found + row * PITCH + column, r);
            sum.x += part.x, sum.y += part.y, sum.z += part.z, sum.w += part.w;
        }
        RESULT *to = p.y + (size_t)row * p.y_stride + first + column;
        const float numbers[4] = {sum.x, sum.y, sum.z, sum.w};
        if (whole && first + column < p.out) put_four(to, sum);
#pragma unroll
        for (uint32_t k = 0; k < 4; k++)
            if (!whole && first + column + k < p.out) to[k] = narrow<RESULT>(numbers[k]);
    }
}

extern "C" __global__ TOGETHER __launch_bounds__(THREADS, 1) void few_rows(const __grid_constant__ Product p) {
    extern __shared__ unsigned char shared[];
    __shared__ uint64_t barriers[2 * PARTS];
    unsigned char *const aligned = (unsigned char *)(((size_t)shared + 1023) & ~(size_t)1023); // as the exchange of pieces asks
    const uint32_t rank = blockIdx.x % SPLIT, first = blockIdx.x / SPLIT * COLUMNS, parts = (p.in + DEPTH - 1) / DEPTH;
    const Ring ring = {shared_at(aligned), shared_at(barriers), shared_at(barriers + PARTS)};
    const Depth depth = {parts * rank / SPLIT, parts * (rank + 1) / SPLIT - parts * rank / SPLIT};
    if (threadIdx.x == 0) {
        for (uint32_t i = 0; i < PARTS; i++) barrier_open(ring.full + i * 8, 1), barrier_open(ring.empty + i * 8, MULTIPLYING / 32);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    let_next_kernel_begin();
    float sum[HELD];
    if (threadIdx.x == MULTIPLYING) ask(p, ring, depth, first);
    if (threadIdx.x < MULTIPLYING) multiply_parts(ring, depth.count, sum);
    wait_for_last_kernel(); // which may still read where the results go
    __syncthreads();        // all parts were waited for: the ring is free
    float *const found = (float *)aligned;
    if (threadIdx.x < MULTIPLYING) keep(sum, found);
    meet();
    write(p, first, rank, found);
    meet(); // what others read stays until they are done
}

#else
extern "C" __global__ void few_rows(const __grid_constant__ Product) {}
#endif
