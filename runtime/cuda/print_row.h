// print_row.h: row kernels (mdx/row.h) as CUDA.
#pragma once

#include "runtime/cuda/rows.h"

// types: what is stored, of the operands, then of the results. The kernel is extern "C", with the pointers and numbers
// of a CudaRows as its parameter; it includes what it needs but the prelude.
// still: operands that no kernel writes, which are read while the kernel before is still at work; NULL: none is known.
// together: thread blocks that share a row of a code of unknown width: 1, or, from architecture 9.0 on, up to 8.
void cuda_print_row(const RowCode *code, const DType *types, const bool *still, uint32_t together, const char *name, Text *out, RowLaunch *launch);
