// dtype.h: element types, and reading any of them as a number.
#pragma once

#include "mdx/base.h"

typedef enum {
#define MDX_DTYPE(name, bytes, safetensors, numpy) DTYPE_##name,
#include "mdx/dtype.def"
    DTYPE_COUNT
} DType;

typedef struct {
    const char *name;
    uint32_t bytes;
    const char *safetensors, *numpy;
} DTypeInfo;

extern const DTypeInfo dtype_info[DTYPE_COUNT];

bool dtype_is_short(DType dtype); // f16, bf16
bool dtype_is_float(DType dtype); // these and f32: what weights and states are
// As what numbers of type `own` are held that shall be `as` (DTYPE_COUNT: as they are). Floats alone change.
DType dtype_held(DType own, DType as);

// Widens `count` elements of any type to float (f64 and i32 are rounded to the nearest float).
void dtype_to_f32(DType dtype, const void *from, float *to, size_t count);
// Rounds to nearest, ties to even; f32, f16 and bf16 alone.
void dtype_from_f32(DType dtype, const float *from, void *to, size_t count);
