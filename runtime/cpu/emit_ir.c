// emit_ir.c: types, constants and control flow, over LLVM's C API.
#include <llvm-c/Core.h>

#include "runtime/cpu/emit.h"

LLVMTypeRef ir_int(const Emit *e, unsigned bits) {
    return LLVMIntTypeInContext(e->context, bits);
}

LLVMTypeRef ir_float(const Emit *e, bool wide) {
    return wide ? LLVMDoubleTypeInContext(e->context) : LLVMFloatTypeInContext(e->context);
}

LLVMTypeRef ir_lanes(LLVMTypeRef element) {
    return LLVMVectorType(element, LANES);
}

static bool is_vector(LLVMTypeRef type) {
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind;
}

LLVMTypeRef ir_like(LLVMTypeRef element, LLVMTypeRef like) {
    return is_vector(like) ? LLVMVectorType(element, LLVMGetVectorSize(like)) : element;
}

Ir ir_number(const Emit *e, uint64_t value) {
    return LLVMConstInt(ir_int(e, 64), value, false);
}

static Ir in_all_lanes(LLVMTypeRef vector, Ir scalar) {
    Ir lanes[LANES];
    unsigned count = LLVMGetVectorSize(vector);
    for (unsigned i = 0; i < count; i++) lanes[i] = scalar;
    return LLVMConstVector(lanes, count);
}

Ir ir_constant(LLVMTypeRef type, double value) {
    if (!is_vector(type)) return LLVMConstReal(type, value);
    return in_all_lanes(type, LLVMConstReal(LLVMGetElementType(type), value));
}

Ir ir_integer(LLVMTypeRef type, uint64_t value) {
    if (!is_vector(type)) return LLVMConstInt(type, value, false);
    return in_all_lanes(type, LLVMConstInt(LLVMGetElementType(type), value, false));
}

Ir ir_iota(LLVMTypeRef element) {
    Ir lanes[LANES];
    bool whole = LLVMGetTypeKind(element) == LLVMIntegerTypeKind;
    for (unsigned i = 0; i < LANES; i++) lanes[i] = whole ? LLVMConstInt(element, i, false) : LLVMConstReal(element, i);
    return LLVMConstVector(lanes, LANES);
}

Ir ir_splat(const Emit *e, Ir scalar) {
    LLVMTypeRef type = ir_lanes(LLVMTypeOf(scalar)), order = ir_lanes(ir_int(e, 32));
    Ir none = LLVMGetPoison(type);
    Ir lane = LLVMBuildInsertElement(e->builder, none, scalar, LLVMConstInt(ir_int(e, 32), 0, false), "");
    return LLVMBuildShuffleVector(e->builder, lane, none, LLVMConstNull(order), "all");
}

Ir ir_intrinsic(const Emit *e, const char *name, LLVMTypeRef *overloads, unsigned overload_count, Ir *args,
                unsigned count) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    Ir function = LLVMGetIntrinsicDeclaration(e->module, id, overloads, overload_count);
    LLVMTypeRef type = LLVMIntrinsicGetType(e->context, id, overloads, overload_count);
    bool nothing = LLVMGetTypeKind(LLVMGetReturnType(type)) == LLVMVoidTypeKind;
    return LLVMBuildCall2(e->builder, type, function, args, count, nothing ? "" : "called");
}

Ir ir_at(const Emit *e, LLVMTypeRef element, Ir base, Ir index, const char *name) {
    return LLVMBuildGEP2(e->builder, element, base, &index, 1, name);
}

// ---- Control flow

static LLVMBasicBlockRef block_named(const Emit *e, const char *name, const char *part) {
    char whole[64];
    size_t name_len = MIN(strlen(name), (size_t)40), part_len = MIN(strlen(part), (size_t)20);
    memcpy(whole, name, name_len);
    memcpy(whole + name_len, part, part_len);
    whole[name_len + part_len] = '\0';
    return LLVMAppendBasicBlockInContext(e->context, e->function, whole);
}

Loop loop_open(const Emit *e, const char *name, Ir from, Ir to, uint64_t step) {
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->builder), body = NULL;
    Loop loop = {.head = block_named(e, name, ".loop"), .step = step};
    body = block_named(e, name, "");
    loop.exit = block_named(e, name, ".done");
    LLVMBuildBr(e->builder, loop.head);
    LLVMPositionBuilderAtEnd(e->builder, loop.head);
    loop.index = LLVMBuildPhi(e->builder, ir_int(e, 64), name);
    LLVMAddIncoming(loop.index, &from, &before, 1);
    Ir more = LLVMBuildICmp(e->builder, LLVMIntULT, loop.index, to, "more");
    LLVMBuildCondBr(e->builder, more, body, loop.exit);
    LLVMPositionBuilderAtEnd(e->builder, body);
    return loop;
}

void loop_close(const Emit *e, const Loop *loop) {
    Ir next = LLVMBuildNUWAdd(e->builder, loop->index, ir_number(e, loop->step), "next");
    LLVMBasicBlockRef last = LLVMGetInsertBlock(e->builder);
    LLVMAddIncoming(loop->index, &next, &last, 1);
    LLVMBuildBr(e->builder, loop->head);
    LLVMPositionBuilderAtEnd(e->builder, loop->exit);
}

LLVMBasicBlockRef when_open(const Emit *e, const char *name, Ir condition) {
    if (!condition) return NULL;
    LLVMBasicBlockRef then = block_named(e, name, ""), after = block_named(e, name, ".done");
    LLVMBuildCondBr(e->builder, condition, then, after);
    LLVMPositionBuilderAtEnd(e->builder, then);
    return after;
}

void when_close(const Emit *e, LLVMBasicBlockRef after) {
    if (!after) return;
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
}
