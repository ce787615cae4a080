// emit_memory.c: operands and results of a row kernel: their addresses, loads, stores and element types.
//
// Nothing outside the columns of an operand or a result is touched: lanes that are no columns are masked.
#include "runtime/cpu/emit.h"
#include "runtime/cpu/llvm.h"

// ---- Element types: what lies in memory, and it as a float32 or float64

static LLVMTypeRef stored_f32(const Emit *e) {
    return ir_float(e, false);
}

static LLVMTypeRef stored_f64(const Emit *e) {
    return ir_float(e, true);
}

static LLVMTypeRef stored_f16(const Emit *e) {
    return ir_int(e, 16);
}

static LLVMTypeRef stored_bf16(const Emit *e) {
    return ir_int(e, 16);
}

static LLVMTypeRef stored_i32(const Emit *e) {
    return ir_int(e, 32);
}

static Ir convert_f32(const Emit *e, Ir raw, LLVMTypeRef to) {
    return llvm.BuildFPCast(e->builder, raw, to, "x");
}

static Ir convert_f64(const Emit *e, Ir raw, LLVMTypeRef to) {
    return llvm.BuildFPCast(e->builder, raw, to, "x");
}

// float16 by its bits: for processors that have no instruction for it, LLVM would call a library. The exponent grows by
// 112; by twice as much where it says infinity or no number; numbers below the normal ones are made ones less 2^-14.
static Ir convert_f16(const Emit *e, Ir raw, LLVMTypeRef to) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef like = llvm.TypeOf(raw), word = ir_like(ir_int(e, 32), like),
                number = ir_like(ir_float(e, false), like);
    Ir all = llvm.BuildZExt(b, raw, word, ""), more = ir_integer(word, 112 << 23), sign = ir_integer(word, 0x8000);
    Ir size = llvm.BuildShl(b, llvm.BuildAnd(b, all, ir_integer(word, 0x7fff), ""), ir_integer(word, 13), "size");
    Ir normal = llvm.BuildAdd(b, size, more, "normal"), special = llvm.BuildAdd(b, normal, more, "special");
    Ir above = llvm.BuildAdd(b, size, ir_integer(word, 113 << 23), "");
    Ir below = llvm.BuildFSub(b, llvm.BuildBitCast(b, above, number, ""), ir_constant(number, 0x1p-14), "below");
    Ir is_special = llvm.BuildICmp(b, LLVMIntUGE, size, ir_integer(word, 31 << 23), "");
    Ir is_below = llvm.BuildICmp(b, LLVMIntULT, size, ir_integer(word, 1 << 23), "");
    Ir bits = llvm.BuildSelect(b, is_special, special, normal, "");
    bits = llvm.BuildSelect(b, is_below, llvm.BuildBitCast(b, below, word, ""), bits, "");
    bits = llvm.BuildOr(b, bits, llvm.BuildShl(b, llvm.BuildAnd(b, all, sign, ""), ir_integer(word, 16), ""), "bits");
    return convert_f32(e, llvm.BuildBitCast(b, bits, number, ""), to);
}

// bfloat16 is the upper half of a float32.
static Ir convert_bf16(const Emit *e, Ir raw, LLVMTypeRef to) {
    LLVMTypeRef like = llvm.TypeOf(raw), word = ir_like(ir_int(e, 32), like);
    Ir bits = llvm.BuildShl(e->builder, llvm.BuildZExt(e->builder, raw, word, ""), ir_integer(word, 16), "bits");
    return convert_f32(e, llvm.BuildBitCast(e->builder, bits, ir_like(ir_float(e, false), like), ""), to);
}

static Ir convert_i32(const Emit *e, Ir raw, LLVMTypeRef to) {
    return llvm.BuildSIToFP(e->builder, raw, to, "x");
}

typedef struct {
    LLVMTypeRef (*stored)(const Emit *e);
    Ir (*convert)(const Emit *e, Ir raw, LLVMTypeRef to);
} Element;

static const Element elements[DTYPE_COUNT] = {
#define MDX_DTYPE(name, bytes, safetensors, numpy) [DTYPE_##name] = {stored_##name, convert_##name},
#include "mdx/dtype.def"
};

static LLVMTypeRef result_element(const Emit *e, uint32_t result) {
    return ir_float(e, e->code->instrs[e->code->results[result].value].wide);
}

// ---- Vectors of columns

static Ir mask_with(const Emit *e, Ir named) {
    if (!named) return e->mask;
    Ir all = ir_splat(e, named);
    return e->mask ? llvm.BuildAnd(e->builder, e->mask, all, "mask") : all;
}

static unsigned bytes_of(LLVMTypeRef element) {
    switch (llvm.GetTypeKind(element)) {
    case LLVMFloatTypeKind: return 4;
    case LLVMDoubleTypeKind: return 8;
    default: return llvm.GetIntTypeWidth(element) / 8;
    }
}

static Ir load_lanes(const Emit *e, LLVMTypeRef element, Ir at, Ir mask) {
    LLVMTypeRef lanes = ir_lanes(element);
    if (!mask) {
        Ir loaded = llvm.BuildLoad2(e->builder, lanes, at, "lanes");
        llvm.SetAlignment(loaded, bytes_of(element));
        return loaded;
    }
    Ir align = llvm.ConstInt(ir_int(e, 32), bytes_of(element), false);
    Ir args[] = {at, align, mask, llvm.ConstNull(lanes)};
    return ir_intrinsic(e, "llvm.masked.load", (LLVMTypeRef[]){lanes, llvm.TypeOf(at)}, 2, args, COUNT(args));
}

static void store_lanes(const Emit *e, LLVMTypeRef element, Ir at, Ir value) {
    if (!e->mask) {
        llvm.SetAlignment(llvm.BuildStore(e->builder, value, at), bytes_of(element));
        return;
    }
    Ir align = llvm.ConstInt(ir_int(e, 32), bytes_of(element), false);
    Ir args[] = {value, at, align, e->mask};
    ir_intrinsic(e, "llvm.masked.store", (LLVMTypeRef[]){llvm.TypeOf(value), llvm.TypeOf(at)}, 2, args, COUNT(args));
}

// ---- Pointers of the function

static Ir field(const Emit *e, LLVMTypeRef pointer, Ir pointers, uint32_t index, unsigned part, const char *name) {
    Ir indices[] = {ir_number(e, index), llvm.ConstInt(ir_int(e, 32), part, false)};
    Ir at = llvm.BuildGEP2(e->builder, pointer, pointers, indices, COUNT(indices), "");
    return llvm.BuildLoad2(e->builder, llvm.StructGetTypeAtIndex(pointer, part), at, name);
}

static Bound bind(const Emit *e, LLVMTypeRef pointer, Ir pointers, uint32_t index) {
    return (Bound){
        .at = field(e, pointer, pointers, index, 0, "at"),
        .map = field(e, pointer, pointers, index, 1, "map"),
        .blocks = field(e, pointer, pointers, index, 2, "blocks"),
        .stride = field(e, pointer, pointers, index, 3, "stride"),
    };
}

void memory_bind(Emit *e, Ir pointers) {
    LLVMTypeRef address = llvm.PointerTypeInContext(e->context, 0);
    LLVMTypeRef fields[] = {address, address, address, ir_int(e, 64)};
    LLVMTypeRef pointer = llvm.StructTypeInContext(e->context, fields, COUNT(fields), false);
    _Static_assert(sizeof(RowPointer) == 32 && offsetof(RowPointer, stride) == 24, "as printed here");
    const RowCode *code = e->code;
    for (uint32_t k = 0; k < code->operand_count; k++) e->operands[k] = bind(e, pointer, pointers, k);
    for (uint32_t k = 0; k < code->result_count; k++)
        e->results[k] = bind(e, pointer, pointers, code->operand_count + k);
}

// ---- Rows

static Ir is_named(const Emit *e, Ir number) {
    return llvm.BuildICmp(e->builder, LLVMIntNE, number, llvm.ConstInt(ir_int(e, 32), ROW_NONE, false), "named");
}

static Ir table_entry(const Emit *e, Ir table, Ir index, const char *name) {
    LLVMTypeRef word = ir_int(e, 32);
    return llvm.BuildLoad2(e->builder, word, ir_at(e, word, table, index, ""), name);
}

static Ir row_address(const Emit *e, const Bound *bound, LLVMTypeRef element, Ir row) {
    return ir_at(e, element, bound->at, llvm.BuildMul(e->builder, row, bound->stride, ""), "row.at");
}

static void operand_row(const Emit *e, uint32_t k) {
    const RowOperand *operand = &e->code->operands[k];
    Bound *bound = &e->operands[k];
    Ir row = e->row;
    if (operand->mapped) {
        Ir entry = table_entry(e, bound->map, e->row, "map.row");
        bound->named = operand->flag ? is_named(e, entry) : NULL;
        row = llvm.BuildZExt(e->builder, entry, ir_int(e, 64), "");
    }
    if (operand->flag) return;
    LLVMTypeRef element = elements[e->types[k]].stored(e);
    bound->row = operand->fixed ? bound->at : row_address(e, bound, element, row);
}

static void result_row(const Emit *e, uint32_t k) {
    Bound *bound = &e->results[k];
    Ir row = e->row;
    if (e->code->results[k].mapped) {
        Ir entry = table_entry(e, bound->map, e->row, "map.row");
        bound->named = is_named(e, entry);
        row = llvm.BuildZExt(e->builder, entry, ir_int(e, 64), "");
    }
    bound->row = row_address(e, bound, result_element(e, k), row);
}

void memory_row(Emit *e) {
    for (uint32_t k = 0; k < e->code->operand_count; k++) operand_row(e, k);
    for (uint32_t k = 0; k < e->code->result_count; k++) result_row(e, k);
}

// ---- Blocks

// Block b of the kernel is part b % parts of span b / parts.
static void table_block(const Emit *e, Side *side, uint32_t k) {
    const RowOperand *operand = &e->code->operands[k];
    uint32_t parts = operand->span / e->code->block;
    Ir span = llvm.BuildUDiv(e->builder, side->block, ir_number(e, parts), "span");
    Ir part = llvm.BuildURem(e->builder, side->block, ir_number(e, parts), "part");
    Ir entry = table_entry(e, e->operands[k].blocks, span, "map.span");
    side->named[k] = is_named(e, entry);
    Ir first = llvm.BuildMul(e->builder, llvm.BuildZExt(e->builder, entry, ir_int(e, 64), ""),
                             ir_number(e, operand->span), "");
    Ir within = llvm.BuildMul(e->builder, part, ir_number(e, e->code->block), "");
    side->from[k] = llvm.BuildAdd(e->builder, first, within, "from");
}

void memory_block(Emit *e, Side *side) {
    for (uint32_t k = 0; k < e->code->operand_count; k++) {
        const RowOperand *operand = &e->code->operands[k];
        side->named[k] = NULL;
        side->from[k] = operand->columns == COLUMNS_LOCAL ? ir_number(e, 0) : side->start;
        if (operand->columns == COLUMNS_BLOCKS && !operand->number) table_block(e, side, k);
    }
}

// ---- Loads and stores

Ir memory_number(const Emit *e, const RowInstr *instr) {
    const Element *element = &elements[e->types[instr->operand]];
    LLVMTypeRef stored = element->stored(e);
    Ir raw = llvm.BuildLoad2(e->builder, stored, e->operands[instr->operand].row, "number");
    llvm.SetAlignment(raw, bytes_of(stored));
    return element->convert(e, raw, ir_float(e, instr->wide));
}

// Tiles of logits lie beyond the second cache, and their metrics go over a row twice: for its largest, then to compute.
// Meanwhile the next row comes. Processors do not look that far ahead on their own: a row ends where a page does.
static void prefetch_row(const Emit *e, const Bound *bound, LLVMTypeRef element, Ir at) {
    enum { READ = 0, NEAR = 3, DATA = 1 };
    LLVMTypeRef word = ir_int(e, 32);
    Ir next = ir_at(e, element, at, bound->stride, "next");
    Ir args[] = {next, llvm.ConstInt(word, READ, false), llvm.ConstInt(word, NEAR, false),
                 llvm.ConstInt(word, DATA, false)};
    ir_intrinsic(e, "llvm.prefetch", (LLVMTypeRef[]){llvm.TypeOf(next)}, 1, args, COUNT(args));
}

Ir memory_columns(const Emit *e, const RowInstr *instr, const Side *side) {
    const Element *element = &elements[e->types[instr->operand]];
    LLVMTypeRef stored = element->stored(e);
    Ir column = llvm.BuildAdd(e->builder, side->from[instr->operand], e->inner, "column");
    Ir at = ir_at(e, stored, e->operands[instr->operand].row, column, "");
    if (e->stage > 0 && !e->code->width && !e->mask) prefetch_row(e, &e->operands[instr->operand], stored, at);
    Ir raw = load_lanes(e, stored, at, mask_with(e, side->named[instr->operand]));
    return element->convert(e, raw, ir_lanes(ir_float(e, instr->wide)));
}

static Ir result_at(const Emit *e, uint32_t result, const Side *side) {
    Ir column = llvm.BuildAdd(e->builder, side->start, e->inner, "column");
    return ir_at(e, result_element(e, result), e->results[result].row, column, "");
}

void memory_store(const Emit *e, uint32_t result, Ir value) {
    LLVMTypeRef element = result_element(e, result);
    LLVMBasicBlockRef after = when_open(e, "store", e->results[result].named);
    if (llvm.GetTypeKind(llvm.TypeOf(value)) == LLVMVectorTypeKind)
        store_lanes(e, element, result_at(e, result, &e->sides[SIDE_OWN]), value);
    else
        llvm.BuildStore(e->builder, value, e->results[result].row);
    when_close(e, after);
}

// Loads are no dearer than what was stored of them, and may read what other rows own.
int memory_kept(const Emit *e, uint32_t instr) {
    const RowInstr *of = &e->code->instrs[instr];
    if (!of->columns || of->op == ROW_load || e->stages[instr] >= e->stage) return -1;
    for (uint32_t k = 0; k < e->code->result_count; k++)
        if (e->code->results[k].value == instr && !e->code->results[k].mapped) return (int)k;
    return -1;
}

Ir memory_reload(const Emit *e, uint32_t result, const Side *side) {
    LLVMTypeRef element = result_element(e, result);
    return load_lanes(e, element, result_at(e, result, side), e->mask);
}
