// emit_math.c: e^x and ln x in LLVM IR, the same for one number and for a vector. A kernel calls no library: its code
// is kept from run to run and stands alone.
//
// e^x: x = n ln 2 + r with |r| <= ln 2 / 2, and e^x = 2^n e^r. ln 2 is split so that n times its upper part is exact.
// e^r is 1 + r + r^2 q(r) with the q of the least relative error there (Remez exchange): 3.1e-9 in float32, 3.6e-18 in
// float64, a twentieth of a rounding. In float32, 2^n is applied as two factors, so that results below the normal numbers
// are right too: the last multiplication rounds once. In float64 these are 0, and n is added to the exponent: metrics of
// logits take one exponential a token. e^0 is exactly 1; x below `low` gives 0, above `high` infinity; no number stays
// none.
#include <math.h>

#include "runtime/cpu/emit.h"
#include "runtime/cpu/llvm.h"

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
    {-0x1.6232bdd7abcd2p+9, 0x1.62e42fefa39efp+9, 0x1.62e42fefa2p-1, 0x1.9ef35793c7673p-41, 0x1.8p52, 0x4338000000000000, 64, 52, 1023, terms_f64,
     COUNT(terms_f64)},
};

static Ir muladd(const Emit *e, Ir a, Ir b, Ir c) {
    return ir_intrinsic(e, "llvm.fmuladd", (LLVMTypeRef[]){llvm.TypeOf(a)}, 1, (Ir[]){a, b, c}, 3);
}

static Ir polynomial(const Emit *e, Ir x, const double *terms, uint32_t count) {
    LLVMTypeRef type = llvm.TypeOf(x);
    Ir sum = ir_constant(type, terms[0]);
    for (uint32_t i = 1; i < count; i++) sum = muladd(e, sum, x, ir_constant(type, terms[i]));
    return sum;
}

// Comparisons with no number are false: it passes.
static Ir clamp(const Emit *e, const Exponential *by, Ir x) {
    Ir low = ir_constant(llvm.TypeOf(x), by->low), high = ir_constant(llvm.TypeOf(x), by->high);
    x = llvm.BuildSelect(e->builder, llvm.BuildFCmp(e->builder, LLVMRealOLT, x, low, ""), low, x, "");
    return llvm.BuildSelect(e->builder, llvm.BuildFCmp(e->builder, LLVMRealOGT, x, high, ""), high, x, "clamped");
}

// p 2^n, where neither is beyond the normal numbers; anything elsewhere.
static Ir raise(const Emit *e, const Exponential *by, Ir p, Ir rounded) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = llvm.TypeOf(p), whole = ir_like(ir_int(e, by->bits), type);
    Ir n = llvm.BuildShl(b, llvm.BuildBitCast(b, rounded, whole, ""), ir_integer(whole, by->fraction), "");
    return llvm.BuildBitCast(b, llvm.BuildAdd(b, llvm.BuildBitCast(b, p, whole, ""), n, ""), type, "exp");
}

static Ir at_ends(const Emit *e, const Exponential *by, Ir x, Ir exp) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = llvm.TypeOf(x);
    Ir none = llvm.BuildFCmp(b, LLVMRealOLT, x, ir_constant(type, by->low), "");
    exp = llvm.BuildSelect(b, none, llvm.ConstNull(type), exp, "");
    Ir most = llvm.BuildFCmp(b, LLVMRealUGT, x, ir_constant(type, by->high), ""); // or no number
    return llvm.BuildSelect(b, most, llvm.BuildFAdd(b, x, ir_constant(type, INFINITY), ""), exp, "exp");
}

// p 2^n: half of n + 2 bias is the exponent of one factor, the rest that of the other.
static Ir scale(const Emit *e, const Exponential *by, Ir p, Ir rounded) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = llvm.TypeOf(p), whole = ir_like(ir_int(e, by->bits), type);
    Ir bits = llvm.BuildBitCast(b, rounded, whole, "");
    Ir both = llvm.BuildAdd(b, bits, ir_integer(whole, 2 * by->bias - by->round_bits), "exponents");
    Ir one = llvm.BuildLShr(b, both, ir_integer(whole, 1), ""), other = llvm.BuildSub(b, both, one, "");
    Ir shift = ir_integer(whole, by->fraction);
    p = llvm.BuildFMul(b, p, llvm.BuildBitCast(b, llvm.BuildShl(b, one, shift, ""), type, ""), "");
    return llvm.BuildFMul(b, p, llvm.BuildBitCast(b, llvm.BuildShl(b, other, shift, ""), type, ""), "exp");
}

Ir emit_exponential(const Emit *e, Ir x) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = llvm.TypeOf(x);
    bool wide = type == ir_like(ir_float(e, true), type);
    const Exponential *by = &exponentials[wide];
    Ir clamped = wide ? x : clamp(e, by, x), round = ir_constant(type, by->round);
    Ir rounded = muladd(e, clamped, ir_constant(type, 0x1.71547652b82fep+0), round); // log2 e
    Ir n = llvm.BuildFSub(b, rounded, round, "n");
    Ir r = muladd(e, n, ir_constant(type, -by->ln2_high), clamped);
    r = muladd(e, n, ir_constant(type, -by->ln2_low), r);
    Ir q = polynomial(e, r, by->terms, by->term_count);
    Ir tail = muladd(e, llvm.BuildFMul(b, r, r, ""), q, r);
    Ir p = llvm.BuildFAdd(b, tail, ir_constant(type, 1), "p");
    return wide ? at_ends(e, by, x, raise(e, by, p, rounded)) : scale(e, by, p, rounded);
}

// ---- ln x
//
// x = 2^n m with m from sqrt(1/2) to sqrt(2). With f = m - 1, s = f / (2 + f) and h = f^2 / 2, ln m = 2 artanh s is
// f - (h - s (h + r)) where r = 2 s^2/3 + 2 s^4/5 + ..., as s^2 times the polynomial of the least error (Remez
// exchange): 3.6e-18. ln 1 is exactly 0.

static const double terms_log[] = {0x1.2f0563862e7fcp-3, 0x1.39a1bab73fc7cp-3, 0x1.74663ee86e843p-3,
                                   0x1.c71c52095d16fp-3, 0x1.24924941f124fp-2, 0x1.999999997fdb7p-2,
                                   0x1.5555555555592p-1};

// Of m, with n as a float64.
static Ir log_of_parts(const Emit *e, Ir m, Ir n) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = llvm.TypeOf(m);
    const Exponential *by = &exponentials[1];
    Ir f = llvm.BuildFSub(b, m, ir_constant(type, 1), "f");
    Ir s = llvm.BuildFDiv(b, f, llvm.BuildFAdd(b, f, ir_constant(type, 2), ""), "s"), z = llvm.BuildFMul(b, s, s, "");
    Ir r = llvm.BuildFMul(b, z, polynomial(e, z, terms_log, COUNT(terms_log)), "r");
    Ir h = llvm.BuildFMul(b, f, llvm.BuildFMul(b, f, ir_constant(type, 0.5), ""), "h");
    Ir low = llvm.BuildFMul(b, n, ir_constant(type, by->ln2_low), "");
    Ir small = llvm.BuildFSub(b, h, muladd(e, s, llvm.BuildFAdd(b, h, r, ""), low), "");
    Ir high = llvm.BuildFMul(b, n, ir_constant(type, by->ln2_high), "");
    return llvm.BuildFSub(b, high, llvm.BuildFSub(b, small, f, ""), "log");
}

// What is not above 0 has none; infinity and no number stay.
static Ir log_at_ends(const Emit *e, Ir x, Ir log) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = llvm.TypeOf(x);
    Ir zero = llvm.ConstNull(type), is_zero = llvm.BuildFCmp(b, LLVMRealOEQ, x, zero, "");
    Ir below = llvm.BuildSelect(b, is_zero, ir_constant(type, -INFINITY), ir_constant(type, NAN), "");
    log = llvm.BuildSelect(b, llvm.BuildFCmp(b, LLVMRealOLT, x, ir_constant(type, INFINITY), ""), log, x, "");
    return llvm.BuildSelect(b, llvm.BuildFCmp(b, LLVMRealUGT, x, zero, ""), log, below, "log");
}

static Ir log_wide(const Emit *e, Ir x) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = llvm.TypeOf(x), whole = ir_like(ir_int(e, 64), type);
    Ir tiny = llvm.BuildFCmp(b, LLVMRealOLT, x, ir_constant(type, 0x1p-1022), "tiny");
    Ir scaled = llvm.BuildSelect(b, tiny, llvm.BuildFMul(b, x, ir_constant(type, 0x1p54), ""), x, "");
    Ir bits = llvm.BuildBitCast(b, scaled, whole, "");
    Ir above = llvm.BuildSub(b, bits, ir_integer(whole, 0x3fe6a09e667f3bcd), ""); // sqrt(1/2)
    Ir exponent = llvm.BuildAShr(b, above, ir_integer(whole, 52), "");
    Ir m = llvm.BuildSub(b, bits, llvm.BuildShl(b, exponent, ir_integer(whole, 52), ""), "");
    Ir shift = llvm.BuildSelect(b, tiny, ir_constant(type, -54), llvm.ConstNull(type), "");
    Ir n = llvm.BuildFAdd(b, llvm.BuildSIToFP(b, exponent, type, ""), shift, "n");
    return log_at_ends(e, x, log_of_parts(e, llvm.BuildBitCast(b, m, type, "m"), n));
}

// Of a float32: that of the float64, rounded.
Ir emit_logarithm(const Emit *e, Ir x) {
    LLVMTypeRef type = llvm.TypeOf(x), wide = ir_like(ir_float(e, true), type);
    if (type == wide) return log_wide(e, x);
    return llvm.BuildFPTrunc(e->builder, log_wide(e, llvm.BuildFPExt(e->builder, x, wide, "")), type, "log");
}
