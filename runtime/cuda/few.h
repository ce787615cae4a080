// few.h: products of few rows with kernels/few_rows.cu: one of the ways that are timed for such a shape (gemm.h).
#pragma once

#include "runtime/cuda/gemm.h"

// Whether the kernel computes a product of this shape, on this GPU.
bool few_rows_take(const Gpu *gpu, const GemmShape *shape);
// Its text; the function is "few_rows", and fused multiplications and additions are allowed.
Str few_rows_text(const Gpu *gpu, const GemmShape *shape, Arena *arena);
// gemm->few: the function of the text for gemm->shape.
bool few_rows_launch(const Gpu *gpu, const GpuGemm *gemm, Error *err);
