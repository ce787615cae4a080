// rows.h: launching a row kernel on the GPU.
#pragma once

#include "mdx/row.h"
#include "runtime/cuda/gpu.h"

// Threads of a row in a block, rows of a block, blocks that share a row: the kernel's text depends on them.
typedef struct {
    uint32_t threads, rows, parts;
} RowLaunch;

// pointers: as for RowFunction, with addresses of the GPU: the operands, then the results.
typedef struct {
    const RowPointer *pointers;
    uint32_t count;
    uint64_t columns, base, rows;
} CudaRows;

bool cuda_rows_launch(const Gpu *gpu, CuFunction function, const RowLaunch *launch, const CudaRows *rows, Error *err);
