// emit_ops.c: each operation of a row kernel in LLVM IR.
#include <math.h>

#include "runtime/cpu/emit.h"
#include "runtime/cpu/llvm.h"

#define EMIT(name)                                                                                                     \
    static Ir emit_##name(__attribute__((unused)) const Emit *e, __attribute__((unused)) const Side *side,             \
                          __attribute__((unused)) const RowInstr *instr, __attribute__((unused)) const Ir *in)

static LLVMTypeRef type_of(const Emit *e, const RowInstr *instr) {
    LLVMTypeRef number = ir_float(e, instr->wide);
    return instr->columns ? ir_lanes(number) : number;
}

// ---- From outside

EMIT(load) {
    return memory_columns(e, instr, side);
}

EMIT(number) {
    return memory_number(e, instr);
}

EMIT(constant) {
    return ir_constant(type_of(e, instr), instr->constant);
}

// ---- Arithmetic

EMIT(add) {
    return llvm.BuildFAdd(e->builder, in[0], in[1], "add");
}

EMIT(sub) {
    return llvm.BuildFSub(e->builder, in[0], in[1], "sub");
}

EMIT(mul) {
    return llvm.BuildFMul(e->builder, in[0], in[1], "mul");
}

EMIT(div) {
    return llvm.BuildFDiv(e->builder, in[0], in[1], "div");
}

EMIT(negate) {
    return llvm.BuildFNeg(e->builder, in[0], "negate");
}

EMIT(greater) {
    return llvm.BuildSelect(e->builder, llvm.BuildFCmp(e->builder, LLVMRealOGT, in[0], in[1], ""), in[0], in[1],
                            "greater");
}

EMIT(smaller) {
    return llvm.BuildSelect(e->builder, llvm.BuildFCmp(e->builder, LLVMRealOLT, in[0], in[1], ""), in[0], in[1],
                            "smaller");
}

EMIT(above) {
    return llvm.BuildUIToFP(e->builder, llvm.BuildFCmp(e->builder, LLVMRealOGT, in[0], in[1], ""), type_of(e, instr),
                            "above");
}

EMIT(choose) {
    Ir zero = llvm.ConstNull(llvm.TypeOf(in[0]));
    return llvm.BuildSelect(e->builder, llvm.BuildFCmp(e->builder, LLVMRealUNE, in[0], zero, ""), in[1], in[2],
                            "choose");
}

EMIT(exp) {
    return emit_exponential(e, in[0]);
}

EMIT(log) {
    return emit_logarithm(e, in[0]);
}

EMIT(sqrt) {
    return ir_intrinsic(e, "llvm.sqrt", (LLVMTypeRef[]){llvm.TypeOf(in[0])}, 1, (Ir[]){in[0]}, 1);
}

EMIT(widen) {
    return llvm.BuildFPExt(e->builder, in[0], type_of(e, instr), "widen");
}

static Ir bits_of(const Emit *e, Ir x) {
    return llvm.BuildBitCast(e->builder, x, ir_like(ir_int(e, 32), llvm.TypeOf(x)), "bits");
}

// The upper bits of a float32, to nearest, ties to even; `lost` at the end become 0.
static Ir round_bits(const Emit *e, Ir x, unsigned lost) {
    LLVMBuilderRef b = e->builder;
    Ir bits = bits_of(e, x);
    LLVMTypeRef whole = llvm.TypeOf(bits);
    Ir odd = llvm.BuildAnd(b, llvm.BuildLShr(b, bits, ir_integer(whole, lost), ""), ir_integer(whole, 1), "odd");
    Ir up = llvm.BuildAdd(b, llvm.BuildAdd(b, bits, ir_integer(whole, (1u << (lost - 1)) - 1), ""), odd, "");
    Ir kept = llvm.BuildAnd(b, up, ir_integer(whole, ~((1u << lost) - 1)), "kept");
    return llvm.BuildBitCast(b, kept, llvm.TypeOf(x), "rounded");
}

static Ir unless_none(const Emit *e, Ir x, Ir rounded) {
    return llvm.BuildSelect(e->builder, llvm.BuildFCmp(e->builder, LLVMRealUNO, x, x, ""), x, rounded, "");
}

EMIT(bf16) {
    return unless_none(e, in[0], round_bits(e, in[0], 16));
}

// Below the normal numbers of f16 its spacing is 2^-24, which is that of float32 from 1/2 to 1.
EMIT(f16) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef type = llvm.TypeOf(in[0]), whole = ir_like(ir_int(e, 32), type);
    Ir sign = llvm.BuildAnd(b, bits_of(e, in[0]), ir_integer(whole, 0x80000000u), "sign");
    Ir size = llvm.BuildBitCast(b, llvm.BuildXor(b, bits_of(e, in[0]), sign, ""), type, "size");
    Ir half = ir_constant(type, 0.5), small = llvm.BuildFSub(b, llvm.BuildFAdd(b, size, half, ""), half, "small");
    Ir is_small = llvm.BuildFCmp(b, LLVMRealOLT, size, ir_constant(type, 0x1p-14), "");
    Ir rounded = llvm.BuildSelect(b, is_small, small, round_bits(e, size, 13), "");
    Ir is_large = llvm.BuildFCmp(b, LLVMRealOGE, size, ir_constant(type, 65520), "");
    rounded = llvm.BuildSelect(b, is_large, ir_constant(type, INFINITY), rounded, "");
    Ir signed_bits = llvm.BuildOr(b, bits_of(e, rounded), sign, "");
    return unless_none(e, in[0], llvm.BuildBitCast(b, signed_bits, type, "f16"));
}

EMIT(narrow) {
    return llvm.BuildFPTrunc(e->builder, in[0], type_of(e, instr), "narrow");
}

EMIT(spread) {
    return in[0];
}

// ---- By column

// in[3] is the value of in[0] in the partner block. The first block of a pair has an even number.
EMIT(rotate) {
    MUST(instr->columns);
    Ir odd = llvm.BuildTrunc(e->builder, side->block, ir_int(e, 1), "second");
    Ir sine = llvm.BuildSelect(e->builder, odd, in[2], llvm.BuildFNeg(e->builder, in[2], ""), "sine");
    Ir kept = llvm.BuildFMul(e->builder, in[0], in[1], ""), crossed = llvm.BuildFMul(e->builder, in[3], sine, "");
    return llvm.BuildFAdd(e->builder, kept, crossed, "rotate");
}

EMIT(select) {
    Ir named = e->operands[instr->operand].named;
    if (instr->columns && side->named[instr->operand])
        named = llvm.BuildAnd(e->builder, named, side->named[instr->operand], "named");
    return llvm.BuildSelect(e->builder, named, in[0], in[1], "select");
}

// The numbers of the columns, wide.
static Ir column_numbers(const Emit *e, const Side *side) {
    Ir first = llvm.BuildAdd(e->builder, e->base, llvm.BuildAdd(e->builder, side->start, e->inner, ""), "column");
    LLVMTypeRef wide = ir_float(e, true);
    Ir number = llvm.BuildUIToFP(e->builder, first, wide, "");
    return llvm.BuildFAdd(e->builder, ir_splat(e, number), ir_iota(wide), "columns");
}

static Ir is_column(const Emit *e, const Side *side, Ir number) {
    return llvm.BuildFCmp(e->builder, LLVMRealOEQ, number, column_numbers(e, side), "is");
}

EMIT(except) {
    MUST(instr->columns);
    return llvm.BuildSelect(e->builder, is_column(e, side, in[1]), in[2], in[0], "except");
}

// ---- Reductions: what the columns contribute

EMIT(sum) {
    return in[0];
}

EMIT(largest) {
    return in[0];
}

EMIT(which) {
    Ir equal = llvm.BuildFCmp(e->builder, LLVMRealOEQ, in[0], in[1], "equal"), numbers = column_numbers(e, side);
    return llvm.BuildSelect(e->builder, equal, numbers, ir_constant(llvm.TypeOf(numbers), INFINITY), "");
}

EMIT(pick) {
    return llvm.BuildSelect(e->builder, is_column(e, side, in[1]), in[0], llvm.ConstNull(llvm.TypeOf(in[0])), "");
}

EmitOp *const emit_ops[ROW_COUNT] = {
#define MDX_ROW(name, inputs, shape, what) [ROW_##name] = emit_##name,
#include "mdx/row.def"
};
