// emit_ops.c: each operation of a row kernel in LLVM IR.
#include <llvm-c/Core.h>
#include <math.h>

#include "runtime/cpu/emit.h"

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
    return LLVMBuildFAdd(e->builder, in[0], in[1], "add");
}

EMIT(sub) {
    return LLVMBuildFSub(e->builder, in[0], in[1], "sub");
}

EMIT(mul) {
    return LLVMBuildFMul(e->builder, in[0], in[1], "mul");
}

EMIT(div) {
    return LLVMBuildFDiv(e->builder, in[0], in[1], "div");
}

EMIT(negate) {
    return LLVMBuildFNeg(e->builder, in[0], "negate");
}

EMIT(greater) {
    return LLVMBuildSelect(e->builder, LLVMBuildFCmp(e->builder, LLVMRealOGT, in[0], in[1], ""), in[0], in[1],
                           "greater");
}

EMIT(smaller) {
    return LLVMBuildSelect(e->builder, LLVMBuildFCmp(e->builder, LLVMRealOLT, in[0], in[1], ""), in[0], in[1],
                           "smaller");
}

EMIT(above) {
    return LLVMBuildUIToFP(e->builder, LLVMBuildFCmp(e->builder, LLVMRealOGT, in[0], in[1], ""), type_of(e, instr),
                           "above");
}

EMIT(choose) {
    Ir zero = LLVMConstNull(LLVMTypeOf(in[0]));
    return LLVMBuildSelect(e->builder, LLVMBuildFCmp(e->builder, LLVMRealUNE, in[0], zero, ""), in[1], in[2], "choose");
}

EMIT(exp) {
    return emit_exponential(e, in[0]);
}

EMIT(log) {
    return ir_intrinsic(e, "llvm.log", (LLVMTypeRef[]){LLVMTypeOf(in[0])}, 1, (Ir[]){in[0]}, 1);
}

EMIT(sqrt) {
    return ir_intrinsic(e, "llvm.sqrt", (LLVMTypeRef[]){LLVMTypeOf(in[0])}, 1, (Ir[]){in[0]}, 1);
}

EMIT(widen) {
    return LLVMBuildFPExt(e->builder, in[0], type_of(e, instr), "widen");
}

EMIT(narrow) {
    return LLVMBuildFPTrunc(e->builder, in[0], type_of(e, instr), "narrow");
}

EMIT(spread) {
    return in[0];
}

// ---- By column

// in[3] is the value of in[0] in the partner block. The first block of a pair has an even number.
EMIT(rotate) {
    MUST(instr->columns);
    Ir odd = LLVMBuildTrunc(e->builder, side->block, ir_int(e, 1), "second");
    Ir sine = LLVMBuildSelect(e->builder, odd, in[2], LLVMBuildFNeg(e->builder, in[2], ""), "sine");
    Ir kept = LLVMBuildFMul(e->builder, in[0], in[1], ""), crossed = LLVMBuildFMul(e->builder, in[3], sine, "");
    return LLVMBuildFAdd(e->builder, kept, crossed, "rotate");
}

EMIT(select) {
    Ir named = e->operands[instr->operand].named;
    if (instr->columns && side->named[instr->operand])
        named = LLVMBuildAnd(e->builder, named, side->named[instr->operand], "named");
    return LLVMBuildSelect(e->builder, named, in[0], in[1], "select");
}

// The numbers of the columns, wide.
static Ir column_numbers(const Emit *e, const Side *side) {
    Ir first = LLVMBuildAdd(e->builder, e->base, LLVMBuildAdd(e->builder, side->start, e->inner, ""), "column");
    LLVMTypeRef wide = ir_float(e, true);
    Ir number = LLVMBuildUIToFP(e->builder, first, wide, "");
    return LLVMBuildFAdd(e->builder, ir_splat(e, number), ir_iota(wide), "columns");
}

static Ir is_column(const Emit *e, const Side *side, Ir number) {
    return LLVMBuildFCmp(e->builder, LLVMRealOEQ, number, column_numbers(e, side), "is");
}

EMIT(except) {
    MUST(instr->columns);
    return LLVMBuildSelect(e->builder, is_column(e, side, in[1]), in[2], in[0], "except");
}

// ---- Reductions: what the columns contribute

EMIT(sum) {
    return in[0];
}

EMIT(largest) {
    return in[0];
}

EMIT(which) {
    Ir equal = LLVMBuildFCmp(e->builder, LLVMRealOEQ, in[0], in[1], "equal"), numbers = column_numbers(e, side);
    return LLVMBuildSelect(e->builder, equal, numbers, ir_constant(LLVMTypeOf(numbers), INFINITY), "");
}

EMIT(pick) {
    return LLVMBuildSelect(e->builder, is_column(e, side, in[1]), in[0], LLVMConstNull(LLVMTypeOf(in[0])), "");
}

EmitOp *const emit_ops[ROW_COUNT] = {
#define MDX_ROW(name, inputs, shape, what) [ROW_##name] = emit_##name,
#include "mdx/row.def"
};
