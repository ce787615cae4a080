// dtype.c: the table of element types, and widening and rounding.
#include "mdx/dtype.h"

const DTypeInfo dtype_info[DTYPE_COUNT] = {
#define MDX_DTYPE(name, bytes, safetensors, numpy) [DTYPE_##name] = {#name, bytes, safetensors, numpy},
#include "mdx/dtype.def"
};

bool dtype_is_short(DType dtype) {
    return dtype == DTYPE_f16 || dtype == DTYPE_bf16;
}

bool dtype_is_float(DType dtype) {
    return dtype == DTYPE_f32 || dtype_is_short(dtype);
}

DType dtype_held(DType own, DType as) {
    return as != DTYPE_COUNT && dtype_is_float(own) ? as : own;
}

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

static uint32_t bits_of_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

// What is no number stays none.
static uint16_t bf16_of_float(float x) {
    uint32_t bits = bits_of_float(x);
    if (x != x) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static uint16_t f16_of_float(float x) {
    uint32_t bits = bits_of_float(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (x != x) return (uint16_t)(sign | 0x7e00);
    if (rest >= 0x477ff000) return (uint16_t)(sign | 0x7c00); // 65520 and more round to infinity
    if (rest >= 0x38800000) return (uint16_t)(sign | (rest + 0xfff + (rest >> 13 & 1) - 0x38000000) >> 13);
    float small = float_of_bits(rest) * 0x1p24f; // in units of the smallest: adding 2^23 rounds to whole ones
    return (uint16_t)(sign | (bits_of_float(small + 0x1p23f) & 0x7ff));
}

void dtype_from_f32(DType dtype, const float *from, void *to, size_t count) {
    uint16_t *half = to;
    switch (dtype) {
    case DTYPE_f32: memcpy(to, from, count * sizeof *from); break;
    case DTYPE_bf16:
        for (size_t i = 0; i < count; i++) half[i] = bf16_of_float(from[i]);
        break;
    case DTYPE_f16:
        for (size_t i = 0; i < count; i++) half[i] = f16_of_float(from[i]);
        break;
    default: BUG("numbers are not rounded to this type");
    }
}
