// upload.h: the weights of a plan in the GPU's memory: each tensor once, those that two models share once.
#pragma once

#include "runtime/cuda/gpu.h"
#include "runtime/weights.h"

typedef struct Upload Upload;

// tensors [count], or NULL; NULL where there is none. as [count]: what each becomes (DTYPE_COUNT: it stays as it is
// stored). above [count]: tensor + 1 behind whose end this one should begin (0: none), without circles; it does unless one
// of the two is held elsewhere already.
Upload *upload_open(const Gpu *gpu, const Tensor *const *tensors, size_t count, const DType *as, const uint32_t *above,
                    Arena *arena, Error *err);
DevicePtr upload_at(const Upload *upload, size_t i);
DType upload_dtype(const Upload *upload, size_t i);
void upload_close(Upload *upload); // NULL is allowed
