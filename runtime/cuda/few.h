// few.h: products of few rows with kernels/few_rows.cu: one of the ways that are timed for such a shape (gemm.h).
#pragma once

#include "runtime/cuda/gemm.h"

enum { FEW_FORMS = 6 }; // of the kernel: tiles of different sizes

// The forms that are worth timing for a product of this shape on this GPU; 0: the kernel does not compute it.
uint32_t few_rows_forms(const Gpu *gpu, const GemmShape *shape, uint32_t *out); // [FEW_FORMS]
// The text of one; the function is "few_rows", and fused multiplications and additions are allowed.
Str few_rows_text(uint32_t form, const GemmShape *shape, Arena *arena);
// function: of the form's text for gemm->shape. gemm->w is read before the kernels that were launched last are done.
bool few_rows_launch(const Gpu *gpu, const GpuGemm *gemm, uint32_t form, CuFunction function, Error *err);
