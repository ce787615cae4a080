// print_row.h: row kernels (mdx/row.h) as CUDA.
#pragma once

#include "runtime/cuda/rows.h"

// types: what is stored, of the operands, then of the results. The kernel is extern "C", with the pointers and numbers
// of a CudaRows as its parameter; it includes what it needs but the prelude.
void cuda_print_row(const RowCode *code, const DType *types, const char *name, Text *out, RowLaunch *launch);
