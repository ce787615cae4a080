// emit_reduce.c: what makes one number of the 16 partial results of a reduction.
#include <math.h>

#include "runtime/cpu/emit.h"
#include "runtime/cpu/llvm.h"

static Ir join_sum(const Emit *e, Ir a, Ir b) {
    return llvm.BuildFAdd(e->builder, a, b, "sum");
}
static const Reduction reduce_sum = {0, join_sum, NULL};

static Ir join_largest(const Emit *e, Ir a, Ir b) {
    Ir above = llvm.BuildFCmp(e->builder, LLVMRealOGT, b, a, "");
    return llvm.BuildSelect(e->builder, above, b, a, "largest");
}

// Which of 0 and -0 came first would depend on the lanes: -0 becomes 0.
static Ir finish_largest(const Emit *e, Ir total) {
    return llvm.BuildFAdd(e->builder, total, ir_constant(llvm.TypeOf(total), 0), "");
}
static const Reduction reduce_largest = {-INFINITY, join_largest, finish_largest};

// Numbers of columns; infinity where none was found.
static Ir join_which(const Emit *e, Ir a, Ir b) {
    return llvm.BuildSelect(e->builder, llvm.BuildFCmp(e->builder, LLVMRealOLT, b, a, ""), b, a, "which");
}

static Ir finish_which(const Emit *e, Ir total) {
    Ir none = llvm.BuildFCmp(e->builder, LLVMRealOEQ, total, ir_constant(llvm.TypeOf(total), INFINITY), "");
    return llvm.BuildSelect(e->builder, none, ir_constant(llvm.TypeOf(total), -1), total, "");
}
static const Reduction reduce_which = {INFINITY, join_which, finish_which};

// At most one lane is not 0: its bits pass as they are.
static Ir join_pick(const Emit *e, Ir a, Ir b) {
    LLVMTypeRef type = llvm.TypeOf(a), wide = ir_like(ir_float(e, true), type);
    LLVMTypeRef bits = ir_like(ir_int(e, type == wide ? 64 : 32), type);
    Ir either = llvm.BuildOr(e->builder, llvm.BuildBitCast(e->builder, a, bits, ""),
                             llvm.BuildBitCast(e->builder, b, bits, ""), "");
    return llvm.BuildBitCast(e->builder, either, type, "pick");
}
static const Reduction reduce_pick = {0, join_pick, NULL};

const Reduction *const reductions[ROW_COUNT] = {
#define ROW_OF_LEAF(name)
#define ROW_OF_MAP(name)
#define ROW_OF_REDUCE(name)                [ROW_##name] = &reduce_##name,
#define MDX_ROW(name, inputs, shape, what) ROW_OF_##shape(name)
#include "mdx/row.def"
};

static Ir lanes_from(const Emit *e, Ir vector, unsigned first, unsigned count) {
    Ir order[LANES];
    for (unsigned i = 0; i < count; i++) order[i] = llvm.ConstInt(ir_int(e, 32), first + i, false);
    return llvm.BuildShuffleVector(e->builder, vector, llvm.GetPoison(llvm.TypeOf(vector)),
                                   llvm.ConstVector(order, count), "");
}

// A tree: halves are joined lane by lane.
Ir reduce_lanes(const Emit *e, const Reduction *reduction, Ir lanes) {
    for (unsigned half = LANES / 2; half; half /= 2)
        lanes = reduction->join(e, lanes_from(e, lanes, 0, half), lanes_from(e, lanes, half, half));
    Ir total = llvm.BuildExtractElement(e->builder, lanes, llvm.ConstInt(ir_int(e, 32), 0, false), "total");
    return reduction->finish ? reduction->finish(e, total) : total;
}
