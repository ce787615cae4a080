// dtype.c: the table of element types, and widening.
#include "mdx/dtype.h"

const DTypeInfo dtype_info[DTYPE_COUNT] = {
#define MDX_DTYPE(name, bytes, safetensors, numpy) [DTYPE_##name] = {#name, bytes, safetensors, numpy},
#include "mdx/dtype.def"
};

static float float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float float_of_bf16(uint16_t h) {
    return float_of_bits((uint32_t)h << 16);
}

// IEEE half: 1 sign, 5 exponent, 10 fraction bits.
static float float_of_f16(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
    if (exponent == 31) return float_of_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent) return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float small = (float)fraction * 0x1p-24f; // subnormal: exact
    return sign ? -small : small;
}

void dtype_to_f32(DType dtype, const void *from, float *to, size_t count) {
    const uint16_t *half = from;
    const double *f64 = from;
    const int32_t *i32 = from;
    switch (dtype) {
    case DTYPE_f32: memcpy(to, from, count * sizeof *to); break;
    case DTYPE_bf16:
        for (size_t i = 0; i < count; i++) to[i] = float_of_bf16(half[i]);
        break;
    case DTYPE_f16:
        for (size_t i = 0; i < count; i++) to[i] = float_of_f16(half[i]);
        break;
    case DTYPE_f64:
        for (size_t i = 0; i < count; i++) to[i] = (float)f64[i];
        break;
    case DTYPE_i32:
        for (size_t i = 0; i < count; i++) to[i] = (float)i32[i];
        break;
    case DTYPE_COUNT: BUG("no such dtype");
    }
}
