// gemm.h: matrix products through cuBLASLt, or of few rows through our own kernel (few.h): y [rows, out] = x W^T with W
// [out, in], or x W with W [in, out].
#pragma once

#include "mdx/dtype.h"
#include "runtime/cuda/gpu.h"

typedef struct {
    DType x, w, y; // of x and w the same: f32, f16, bf16; y that, or f32
    uint32_t in, out;
    uint64_t rows;
    bool transposed;             // W [in, out]
    uint32_t x_stride, y_stride; // numbers from one row to the next
} GemmShape;

typedef struct {
    GemmShape shape;
    DevicePtr x, w, y;
} GpuGemm;

// The products of a plan: descriptors and an algorithm for each shape, of cuBLASLt or our own, searched for by the
// clock once and kept on disk.
typedef struct Gemms Gemms;

// strict: a row's bits do not depend on how many rows there are: one algorithm for each weight's shape, no split sums.
Gemms *gemms_open(const Gpu *gpu, bool strict, Arena *arena);
void gemms_add(Gemms *gemms, const GpuGemm *gemm);
// Finds the algorithm of each shape that was added; the operands' memory is used for trying: y is overwritten.
bool gemms_prepare(Gemms *gemms, const Gpu *gpu, Error *err);
bool gemms_run(Gemms *gemms, const Gpu *gpu, const GpuGemm *gemm, Error *err);
void gemms_close(Gemms *gemms); // NULL is allowed
