// emit.h: a RowCode as LLVM IR: what its printers share.
//
// The IR has explicit vectors of 16 columns. A row goes stage by stage; a stage is a loop over the blocks of columns,
// in it a loop over the vectors of a block, and a masked vector for what is left of the block. All of it is straight
// and literal: LLVM's optimiser drops what is not used, moves out of loops what stays the same.
#pragma once

#include "mdx/row.h"

// As in llvm-c/Types.h, so that this header needs no LLVM.
typedef struct LLVMOpaqueBasicBlock *LLVMBasicBlockRef;
typedef struct LLVMOpaqueBuilder *LLVMBuilderRef;
typedef struct LLVMOpaqueContext *LLVMContextRef;
typedef struct LLVMOpaqueModule *LLVMModuleRef;
typedef struct LLVMOpaqueType *LLVMTypeRef;
typedef struct LLVMOpaqueValue *LLVMValueRef;

// Prints a RowFunction called `name` into the module.
void emit_rows(LLVMModuleRef module, const RowCode *code, const DType *types, const char *name);

// Grows with every change of what is printed: code of another printer is not used.
enum { EMIT_VERSION = 3 };

// ---- For emit*.c

typedef LLVMValueRef Ir;

enum { LANES = 16 };

// A RowPointer of the function, and the row of it that is being worked on.
typedef struct {
    Ir at, map, blocks, stride;
    Ir row;   // address of the row
    Ir named; // i1: whether the map names a row; NULL: it always does
} Bound;

// Values are printed at the columns themselves and, where a rotation asks, at the same columns of the partner block.
typedef enum { SIDE_OWN, SIDE_PARTNER, SIDES } SideOf;

typedef struct {
    Ir block;     // its number
    Ir start;     // its first column
    Ir *from;     // [operands] where it begins in the operand's row
    Ir *named;    // [operands] i1: whether a table names the block; NULL: no table
    Ir *value;    // [instrs] of the vector that is being printed
    bool *needed; // [instrs] whether the stage computes it
} Side;

typedef struct {
    Arena *arena;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    Ir function, columns, base, first, end; // columns: of a row
    const RowCode *code;
    const DType *types;
    const uint8_t *stages; // of each instruction
    const bool *live;      // [instrs] a result needs it
    Bound *operands, *results;
    Ir *number;  // [instrs] the values that are one number a row
    Ir *partial; // [instrs] of reductions: where their partial results stand
    Ir row;
    uint8_t stage;
    Side sides[SIDES];
    Ir inner; // first column of the vector within its block
    Ir mask;  // of its lanes that are columns; NULL: all
} Emit;

// -- emit_ir.c: types, constants and control flow over LLVM's C API
LLVMTypeRef ir_int(const Emit *e, unsigned bits);
LLVMTypeRef ir_float(const Emit *e, bool wide);
LLVMTypeRef ir_lanes(LLVMTypeRef element);
LLVMTypeRef ir_like(LLVMTypeRef element, LLVMTypeRef like); // a vector when `like` is one, of its length
Ir ir_number(const Emit *e, uint64_t value);                // i64
Ir ir_constant(LLVMTypeRef type, double value);             // of a scalar, or in all lanes
Ir ir_integer(LLVMTypeRef type, uint64_t value);
Ir ir_iota(LLVMTypeRef element); // 0 … 15
Ir ir_splat(const Emit *e, Ir scalar);
Ir ir_intrinsic(const Emit *e, const char *name, LLVMTypeRef *overloads, unsigned overload_count, Ir *args,
                unsigned count);
Ir ir_at(const Emit *e, LLVMTypeRef element, Ir base, Ir index, const char *name);

typedef struct {
    LLVMBasicBlockRef head, exit;
    Ir index;
    uint64_t step;
} Loop;
Loop loop_open(const Emit *e, const char *name, Ir from, Ir to, uint64_t step);
void loop_close(const Emit *e, const Loop *loop);
LLVMBasicBlockRef when_open(const Emit *e, const char *name, Ir condition); // NULL: always
void when_close(const Emit *e, LLVMBasicBlockRef after);

// -- emit_memory.c: operands and results
void memory_bind(Emit *e, Ir pointers);
void memory_row(Emit *e);
void memory_block(Emit *e, Side *side);
Ir memory_number(const Emit *e, const RowInstr *instr);
Ir memory_columns(const Emit *e, const RowInstr *instr, const Side *side);
void memory_store(const Emit *e, uint32_t result, Ir value);
int memory_kept(const Emit *e, uint32_t instr); // the result that an earlier stage stored it in, or -1
Ir memory_reload(const Emit *e, uint32_t result, const Side *side);

// -- emit_ops.c: one function an operation. Inputs are vectors when the value is one a column, scalars when it is one
// a row. Of a reduction: what the vector of columns contributes.
typedef Ir EmitOp(const Emit *e, const Side *side, const RowInstr *instr, const Ir *in);
extern EmitOp *const emit_ops[ROW_COUNT];

// -- emit_reduce.c: how the contributions become one number. Lanes are kept apart to the end, so that the order of
// operations depends on the width alone.
typedef struct {
    double initial;
    Ir (*join)(const Emit *e, Ir a, Ir b);
    Ir (*finish)(const Emit *e, Ir total); // NULL: it is the number
} Reduction;
extern const Reduction *const reductions[ROW_COUNT];
Ir reduce_lanes(const Emit *e, const Reduction *reduction, Ir lanes);

// -- emit_math.c
Ir emit_exponential(const Emit *e, Ir x);
Ir emit_logarithm(const Emit *e, Ir x);
