// prelude.cuh: what every kernel stands on: integers of a size, and the types that numbers are stored as. Stands before
// each text that NVRTC compiles, which has no headers of a toolkit; nvcc includes it.
#ifndef MDX_PRELUDE
#define MDX_PRELUDE

#ifdef __CUDACC_RTC__
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long int64_t;
typedef unsigned long uint64_t;
#define UINT32_MAX 0xffffffffu
#undef INFINITY
#undef NAN
#define INFINITY __int_as_float(0x7f800000)
#define NAN      __int_as_float(0x7fffffff)
#else
#include <math.h>
#include <stdint.h>
#endif

static_assert(sizeof(int64_t) == 8 && sizeof(void *) == 8, "the host has 64 bits");

typedef float f32;
typedef double f64;
typedef int32_t i32;
struct bf16 {
    uint16_t bits;
};
struct f16 {
    uint16_t bits;
};

// ---- From what is stored to float: exact

__device__ inline float widen(float x) {
    return x;
}

__device__ inline float widen(bf16 x) {
    return __uint_as_float((uint32_t)x.bits << 16);
}

__device__ inline float widen(f16 x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}

// ---- From float to what is stored: to the nearest, ties to even

template <typename T> __device__ inline T narrow(float x);

template <> __device__ inline float narrow<float>(float x) {
    return x;
}

template <> __device__ inline bf16 narrow<bf16>(float x) {
    bf16 y;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
}

template <> __device__ inline f16 narrow<f16>(float x) {
    f16 y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
}

// Two in one word, as they lie in memory: the first is the low half.
template <typename T> __device__ inline uint32_t narrow_two(float first, float second);

template <> __device__ inline uint32_t narrow_two<bf16>(float first, float second) {
    uint32_t y;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(second), "f"(first));
    return y;
}

template <> __device__ inline uint32_t narrow_two<f16>(float first, float second) {
    uint32_t y;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(second), "f"(first));
    return y;
}

// ---- Kernels one after another. From architecture 9.0 on one may begin while the one before it is still at work: it has
// to wait before it touches memory that others write, and as all of them wait, what came before that is done then, too.

__device__ inline void let_next_kernel_begin() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

__device__ inline void wait_for_last_kernel() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ inline void begin_kernel() {
    let_next_kernel_begin();
    wait_for_last_kernel();
}

// ---- Operands and results of row kernels: RowPointer of include/mdx/row.h, with addresses of the GPU

#define ROW_NONE UINT32_MAX

struct RowPointer {
    void *at;
    const uint32_t *map;
    const uint32_t *blocks;
    uint64_t stride;
};

#endif
