// rows.cuh: what printed row kernels call: reductions over the threads of a row, and numbers stored side by side.
#ifndef MDX_ROWS
#define MDX_ROWS
#ifndef __CUDACC_RTC__
#include "prelude.cuh"
#endif

// ---- Numbers of a row

template <typename To, typename From> __device__ inline To convert(From x) {
    return (To)x;
}
template <> __device__ inline float convert<float, bf16>(bf16 x) {
    return widen(x);
}
template <> __device__ inline float convert<float, f16>(f16 x) {
    return widen(x);
}
template <> __device__ inline double convert<double, bf16>(bf16 x) {
    return widen(x);
}
template <> __device__ inline double convert<double, f16>(f16 x) {
    return widen(x);
}
template <> __device__ inline bf16 convert<bf16, float>(float x) {
    return narrow<bf16>(x);
}
template <> __device__ inline f16 convert<f16, float>(float x) {
    return narrow<f16>(x);
}

// ---- N numbers side by side, 16 bytes at a time where they lie so

__device__ inline bool is_aligned(const void *at) {
    return ((uint64_t)at & 15) == 0;
}

template <typename T, int N> __device__ inline void load_columns(const T *from, float (&to)[N]) {
    if constexpr (N * sizeof(T) % 16 == 0 && sizeof(T) <= 4) {
        constexpr int EACH = 16 / sizeof(T);
        if (is_aligned(from)) {
#pragma unroll
            for (int i = 0; i < N / EACH; i++) {
                const uint4 word = ((const uint4 *)from)[i];
                T number[EACH];
                memcpy(number, &word, sizeof word);
#pragma unroll
                for (int j = 0; j < EACH; j++) to[i * EACH + j] = convert<float>(number[j]);
            }
            return;
        }
    }
#pragma unroll
    for (int i = 0; i < N; i++) to[i] = convert<float>(from[i]);
}

template <typename T, typename F, int N> __device__ inline void store_columns(T *to, const F (&from)[N]) {
    if constexpr (N * sizeof(T) % 16 == 0 && sizeof(T) <= 4) {
        constexpr int EACH = 16 / sizeof(T);
        if (is_aligned(to)) {
#pragma unroll
            for (int i = 0; i < N / EACH; i++) {
                T number[EACH];
#pragma unroll
                for (int j = 0; j < EACH; j++) number[j] = convert<T>(from[i * EACH + j]);
                uint4 word;
                memcpy(&word, number, sizeof word);
                ((uint4 *)to)[i] = word;
            }
            return;
        }
    }
#pragma unroll
    for (int i = 0; i < N; i++) to[i] = convert<T>(from[i]);
}

// ---- Thread blocks that share a row

__device__ inline void meet_blocks() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
#endif
}

// What another one has at the same place of its shared memory.
template <typename T> __device__ inline T of_block(const T *at, int block) {
    T x = *at;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    uint32_t there;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"((uint32_t)__cvta_generic_to_shared(at)), "r"(block));
    if constexpr (sizeof(T) == 8)
        asm volatile("ld.shared::cluster.f64 %0, [%1];" : "=d"(x) : "r"(there) : "memory");
    else
        asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(x) : "r"(there) : "memory");
#endif
    return x;
}

// ---- Reductions

__device__ inline float join_sum(float a, float b) {
    return a + b;
}
__device__ inline double join_sum(double a, double b) {
    return a + b;
}
template <typename T> __device__ inline T join_largest(T a, T b) {
    return b > a ? b : a;
}
template <typename T> __device__ inline T join_which(T a, T b) {
    return b < a ? b : a;
}
// At most one is not 0: its bits pass as they are.
__device__ inline float join_pick(float a, float b) {
    return __int_as_float(__float_as_int(a) | __float_as_int(b));
}
__device__ inline double join_pick(double a, double b) {
    return __longlong_as_double(__double_as_longlong(a) | __double_as_longlong(b));
}

template <typename T> __device__ inline T finish_sum(T x) {
    return x;
}
template <typename T> __device__ inline T finish_largest(T x) {
    return x + (T)0; // -0 becomes 0: which came first depends on the threads
}
template <typename T> __device__ inline T finish_which(T x) {
    return x == (T)INFINITY ? (T)-1 : x;
}
template <typename T> __device__ inline T finish_pick(T x) {
    return x;
}

// Over the THREADS threads of a row, in an order that hangs on THREADS alone; each gets the result. `shared` has room for
// one of each warp, then, in order, one of each thread block. shared: 33 numbers.
#define MDX_REDUCTION(name)                                                                                            \
    template <int THREADS, int TOGETHER, typename T>                                                                   \
    __device__ inline T reduce_##name(T x, T *shared, T none) {                                                        \
        _Pragma("unroll") for (int step = (THREADS < 32 ? THREADS : 32) / 2; step; step /= 2)                          \
            x = join_##name(x, __shfl_xor_sync(0xffffffffu, x, step));                                                 \
        if constexpr (THREADS > 32) {                                                                                  \
            __syncthreads();                                                                                           \
            if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;                                                   \
            __syncthreads();                                                                                           \
            x = threadIdx.x % 32 < THREADS / 32 ? shared[threadIdx.x % 32] : none;                                     \
            _Pragma("unroll") for (int step = 16; step; step /= 2)                                                     \
                x = join_##name(x, __shfl_xor_sync(0xffffffffu, x, step));                                             \
        }                                                                                                              \
        if constexpr (TOGETHER > 1) {                                                                                  \
            if (threadIdx.x == 0) shared[32] = x;                                                                      \
            meet_blocks();                                                                                             \
            x = of_block(shared + 32, 0);                                                                              \
            _Pragma("unroll") for (int block = 1; block < TOGETHER; block++)                                           \
                x = join_##name(x, of_block(shared + 32, block));                                                      \
            meet_blocks(); /* all have read it */                                                                      \
        }                                                                                                              \
        return finish_##name(x);                                                                                       \
    }
MDX_REDUCTION(sum)
MDX_REDUCTION(largest)
MDX_REDUCTION(which)
MDX_REDUCTION(pick)
#undef MDX_REDUCTION

#endif
