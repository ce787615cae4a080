// copy.h: how fast the GPU's memory is, for numbers that are read and written once.
#pragma once

#include "runtime/cuda/gpu.h"

// Bytes a second, read and written ones together, of a copy within the GPU's memory.
bool gpu_copy_rate(const Gpu *gpu, double *rate, Error *err);
