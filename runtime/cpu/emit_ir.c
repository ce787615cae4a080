// emit_ir.c: types, constants and control flow, over LLVM's C API.
#include "runtime/cpu/emit.h"
#include "runtime/cpu/llvm.h"

LLVMTypeRef ir_int(const Emit *e, unsigned bits) {
    return llvm.IntTypeInContext(e->context, bits);
}

LLVMTypeRef ir_float(const Emit *e, bool wide) {
    return wide ? llvm.DoubleTypeInContext(e->context) : llvm.FloatTypeInContext(e->context);
}

LLVMTypeRef ir_lanes(LLVMTypeRef element) {
    return llvm.VectorType(element, LANES);
}

static bool is_vector(LLVMTypeRef type) {
    return llvm.GetTypeKind(type) == LLVMVectorTypeKind;
}

LLVMTypeRef ir_like(LLVMTypeRef element, LLVMTypeRef like) {
    return is_vector(like) ? llvm.VectorType(element, llvm.GetVectorSize(like)) : element;
}

Ir ir_number(const Emit *e, uint64_t value) {
    return llvm.ConstInt(ir_int(e, 64), value, false);
}

static Ir in_all_lanes(LLVMTypeRef vector, Ir scalar) {
    Ir lanes[LANES];
    unsigned count = llvm.GetVectorSize(vector);
    for (unsigned i = 0; i < count; i++) lanes[i] = scalar;
    return llvm.ConstVector(lanes, count);
}

Ir ir_constant(LLVMTypeRef type, double value) {
    if (!is_vector(type)) return llvm.ConstReal(type, value);
    return in_all_lanes(type, llvm.ConstReal(llvm.GetElementType(type), value));
}

Ir ir_integer(LLVMTypeRef type, uint64_t value) {
    if (!is_vector(type)) return llvm.ConstInt(type, value, false);
    return in_all_lanes(type, llvm.ConstInt(llvm.GetElementType(type), value, false));
}

Ir ir_iota(LLVMTypeRef element) {
    Ir lanes[LANES];
    bool whole = llvm.GetTypeKind(element) == LLVMIntegerTypeKind;
    for (unsigned i = 0; i < LANES; i++)
        lanes[i] = whole ? llvm.ConstInt(element, i, false) : llvm.ConstReal(element, i);
    return llvm.ConstVector(lanes, LANES);
}

Ir ir_splat(const Emit *e, Ir scalar) {
    LLVMTypeRef type = ir_lanes(llvm.TypeOf(scalar)), order = ir_lanes(ir_int(e, 32));
    Ir none = llvm.GetPoison(type);
    Ir lane = llvm.BuildInsertElement(e->builder, none, scalar, llvm.ConstInt(ir_int(e, 32), 0, false), "");
    return llvm.BuildShuffleVector(e->builder, lane, none, llvm.ConstNull(order), "all");
}

Ir ir_intrinsic(const Emit *e, const char *name, LLVMTypeRef *overloads, unsigned overload_count, Ir *args,
                unsigned count) {
    unsigned id = llvm.LookupIntrinsicID(name, strlen(name));
    Ir function = llvm.GetIntrinsicDeclaration(e->module, id, overloads, overload_count);
    LLVMTypeRef type = llvm.IntrinsicGetType(e->context, id, overloads, overload_count);
    bool nothing = llvm.GetTypeKind(llvm.GetReturnType(type)) == LLVMVoidTypeKind;
    return llvm.BuildCall2(e->builder, type, function, args, count, nothing ? "" : "called");
}

Ir ir_at(const Emit *e, LLVMTypeRef element, Ir base, Ir index, const char *name) {
    return llvm.BuildGEP2(e->builder, element, base, &index, 1, name);
}

// ---- Control flow

static LLVMBasicBlockRef block_named(const Emit *e, const char *name, const char *part) {
    char whole[64];
    size_t name_len = MIN(strlen(name), (size_t)40), part_len = MIN(strlen(part), (size_t)20);
    memcpy(whole, name, name_len);
    memcpy(whole + name_len, part, part_len);
    whole[name_len + part_len] = '\0';
    return llvm.AppendBasicBlockInContext(e->context, e->function, whole);
}

Loop loop_open(const Emit *e, const char *name, Ir from, Ir to, uint64_t step) {
    LLVMBasicBlockRef before = llvm.GetInsertBlock(e->builder), body = NULL;
    Loop loop = {.head = block_named(e, name, ".loop"), .step = step};
    body = block_named(e, name, "");
    loop.exit = block_named(e, name, ".done");
    llvm.BuildBr(e->builder, loop.head);
    llvm.PositionBuilderAtEnd(e->builder, loop.head);
    loop.index = llvm.BuildPhi(e->builder, ir_int(e, 64), name);
    llvm.AddIncoming(loop.index, &from, &before, 1);
    Ir more = llvm.BuildICmp(e->builder, LLVMIntULT, loop.index, to, "more");
    llvm.BuildCondBr(e->builder, more, body, loop.exit);
    llvm.PositionBuilderAtEnd(e->builder, body);
    return loop;
}

void loop_close(const Emit *e, const Loop *loop) {
    Ir next = llvm.BuildNUWAdd(e->builder, loop->index, ir_number(e, loop->step), "next");
    LLVMBasicBlockRef last = llvm.GetInsertBlock(e->builder);
    llvm.AddIncoming(loop->index, &next, &last, 1);
    llvm.BuildBr(e->builder, loop->head);
    llvm.PositionBuilderAtEnd(e->builder, loop->exit);
}

LLVMBasicBlockRef when_open(const Emit *e, const char *name, Ir condition) {
    if (!condition) return NULL;
    LLVMBasicBlockRef then = block_named(e, name, ""), after = block_named(e, name, ".done");
    llvm.BuildCondBr(e->builder, condition, then, after);
    llvm.PositionBuilderAtEnd(e->builder, then);
    return after;
}

void when_close(const Emit *e, LLVMBasicBlockRef after) {
    if (!after) return;
    llvm.BuildBr(e->builder, after);
    llvm.PositionBuilderAtEnd(e->builder, after);
}
