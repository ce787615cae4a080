// emit_math.c: e^x in LLVM IR, the same for one number and for a vector.
//
// x = n ln 2 + r with |r| <= ln 2 / 2, and e^x = 2^n e^r. ln 2 is split so that n times its upper part is exact. e^r is
// 1 + r + r^2 q(r) with the q of the least relative error there (Remez exchange): 3.1e-9 in float32, 3.6e-18 in
// float64, a twentieth of a rounding. 2^n is applied as two factors, so that results below the normal numbers are
// right too: the last multiplication rounds once. e^0 is exactly 1; x below `low` gives 0, above `high` infinity; no
// number stays none.
#include <llvm-c/Core.h>

#include "runtime/cpu/emit.h"

typedef struct {
    double low, high; // beyond them nothing changes
    double ln2_high, ln2_low;
    double round;            // 1.5 * 2^fraction: adding it rounds to an integer, which its lowest bits then are
    uint64_t round_bits;     // of it
    unsigned bits, fraction; // of the type
    uint64_t bias;           // of the exponent
    const double *terms;     // of q, highest first
    uint32_t term_count;
} Exponential;

static const double terms_f32[] = {0x1.6a2433afe0f17p-10, 0x1.1239e2a70e514p-7, 0x1.5558f17ded5aep-5,
                                   0x1.555491541b483p-3, 0x1.fffffb9a56dcbp-2};
static const double terms_f64[] = {
    0x1.ad7f6c51b1da1p-26, 0x1.28ad72cedc06bp-22, 0x1.71df2553d8691p-19, 0x1.a0199a0c64c3ep-16, 0x1.a01a012a57075p-13,
    0x1.6c16c1842a12ap-10, 0x1.1111111127be7p-7,  0x1.555555555087cp-5,  0x1.55555555554fap-3,  0x1.000000000000ap-1};

static const Exponential exponentials[2] = {
    {-104, 89, 0x1.62e4p-1, 0x1.7f7d1cf79abcap-20, 0x1.8p23, 0x4b400000, 32, 23, 127, terms_f32, COUNT(terms_f32)},
    {-746, 710, 0x1.62e42fefa2p-1, 0x1.9ef35793c7673p-41, 0x1.8p52, 0x4338000000000000, 64, 52, 1023, terms_f64,
     COUNT(terms_f64)},
};

static Ir muladd(const Emit *e, Ir a, Ir b, Ir c) {
    return ir_intrinsic(e, "llvm.fmuladd", (LLVMTypeRef[]){LLVMTypeOf(a)}, 1, (Ir[]){a, b, c}, 3);
}

// Comparisons with no number are false: it passes.
static Ir clamp(const Emit *e, const Exponential *by, Ir x) {
    Ir low = ir_constant(LLVMTypeOf(x), by->low), high = ir_constant(LLVMTypeOf(x), by->high);
    x = LLVMBuildSelect(e->builder, LLVMBuildFCmp(e->builder, LLVMRealOLT, x, low, ""), low, x, "");
    return LLVMBuildSelect(e->builder, LLVMBuildFCmp(e->builder, LLVMRealOGT, x, high, ""), high, x, "clamped");
}

// p 2^n: half of n + 2 bias is the exponent of one factor, the rest that of the other.
static Ir scale(const Emit *e, const Exponential *by, Ir p, Ir rounded) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = LLVMTypeOf(p), whole = ir_like(ir_int(e, by->bits), type);
    Ir bits = LLVMBuildBitCast(b, rounded, whole, "");
    Ir both = LLVMBuildAdd(b, bits, ir_integer(whole, 2 * by->bias - by->round_bits), "exponents");
    Ir one = LLVMBuildLShr(b, both, ir_integer(whole, 1), ""), other = LLVMBuildSub(b, both, one, "");
    Ir shift = ir_integer(whole, by->fraction);
    p = LLVMBuildFMul(b, p, LLVMBuildBitCast(b, LLVMBuildShl(b, one, shift, ""), type, ""), "");
    return LLVMBuildFMul(b, p, LLVMBuildBitCast(b, LLVMBuildShl(b, other, shift, ""), type, ""), "exp");
}

Ir emit_exponential(const Emit *e, Ir x) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = LLVMTypeOf(x);
    const Exponential *by = &exponentials[type == ir_like(ir_float(e, true), type)];
    Ir clamped = clamp(e, by, x), round = ir_constant(type, by->round);
    Ir rounded = muladd(e, clamped, ir_constant(type, 0x1.71547652b82fep+0), round); // log2 e
    Ir n = LLVMBuildFSub(b, rounded, round, "n");
    Ir r = muladd(e, n, ir_constant(type, -by->ln2_high), clamped);
    r = muladd(e, n, ir_constant(type, -by->ln2_low), r);
    Ir q = ir_constant(type, by->terms[0]);
    for (uint32_t i = 1; i < by->term_count; i++) q = muladd(e, q, r, ir_constant(type, by->terms[i]));
    Ir tail = muladd(e, LLVMBuildFMul(b, r, r, ""), q, r);
    return scale(e, by, LLVMBuildFAdd(b, tail, ir_constant(type, 1), "p"), rounded);
}
