// kernel_set.h: the kernels of a plan: first all are asked for, then all are compiled at once, then their functions are
// there.
#pragma once

#include "runtime/cuda/gpu.h"
#include "runtime/cuda/rows.h"

typedef struct KernelSet KernelSet;

#define NO_KERNEL UINT32_MAX

KernelSet *kernel_set_open(Arena *arena);
// Numbers of kernels; equal ones are one. types, still, together: as for cuda_print_row.
uint32_t kernel_set_add_row(KernelSet *kernels, const RowCode *code, const DType *types, const bool *still, uint32_t together);
uint32_t kernel_set_add_text(KernelSet *kernels, const char *function, Str text, bool fused_multiply_add);
// Copies rows, through a map or in order, into another type: x, then the result.
uint32_t kernel_set_add_copy(KernelSet *kernels, DType from, DType to, uint32_t width, bool mapped);
bool kernel_set_build(KernelSet *kernels, const Gpu *gpu, Error *err);
CuFunction kernel_set_function(const KernelSet *kernels, uint32_t number);
const RowLaunch *kernel_set_launch(const KernelSet *kernels, uint32_t number); // of a row kernel
void kernel_set_print(const KernelSet *kernels, Text *out);                    // the texts
void kernel_set_close(KernelSet *kernels);                                     // NULL is allowed
