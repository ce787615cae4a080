// rows.c: launching a row kernel: its one parameter is the pointers, then columns, base and rows.
#include "runtime/cuda/rows.h"

bool cuda_rows_launch(const Gpu *gpu, CuFunction function, const RowLaunch *launch, const CudaRows *rows, Error *err) {
    enum { MOST_POINTERS = 960 }; // 32 KB of parameters
    const uint64_t numbers[] = {rows->columns, rows->base, rows->rows};
    if (!rows->rows) return true;
    MUST(rows->count <= MOST_POINTERS);
    unsigned char parameter[MOST_POINTERS * sizeof(RowPointer) + sizeof numbers] __attribute__((aligned(16)));
    memcpy(parameter, rows->pointers, rows->count * sizeof(RowPointer));
    memcpy(parameter + rows->count * sizeof(RowPointer), numbers, sizeof numbers);
    uint64_t blocks = (rows->rows + launch->rows - 1) / launch->rows;
    const GpuLaunch how = {function, {(uint32_t)blocks, launch->parts, 1}, {launch->threads, launch->rows, 1}, 0};
    return gpu_launch(gpu, &how, parameter, "run a row kernel", err);
}
