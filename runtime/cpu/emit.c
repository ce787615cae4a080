// emit.c: the function of a row kernel: rows, stages, blocks, vectors.
//
//   row                                   for each row
//     numbers of stage 0
//     stage0.block                        for each block, when there are more than one
//       stage0.column                     for each 16 columns: values, stores, partial results of reductions
//       stage0.tail                       the columns that are left, masked
//     numbers of stage 1: reduced from the columns, and what follows from them
//     stage1.block …
//
// A stage computes the values it needs again from the loads, unless they were stored: there is no buffer but results.
// So results lie apart from operands; but all numbers of a row are read before one is stored, and may be kept in place.
#include "runtime/cpu/emit.h"
#include "runtime/cpu/llvm.h"

// ---- What must be computed

static bool is_reduction(const Emit *e, uint32_t i) {
    return row_info[e->code->instrs[i].op].shape == SHAPE_REDUCE;
}

static bool reduces_here(const Emit *e, uint32_t i) {
    return e->live[i] && is_reduction(e, i) && e->stages[i] == e->stage + 1;
}

static bool stores_here(const Emit *e, uint32_t result) {
    uint32_t value = e->code->results[result].value;
    return e->code->instrs[value].columns && e->stages[value] == e->stage;
}

static void need_inputs(Emit *e, uint32_t i, SideOf side) {
    const RowInstr *instr = &e->code->instrs[i];
    for (uint32_t k = 0; k < row_info[instr->op].inputs; k++) e->sides[side].needed[instr->in[k]] = true;
    if (instr->op == ROW_rotate) e->sides[side == SIDE_OWN ? SIDE_PARTNER : SIDE_OWN].needed[instr->in[0]] = true;
}

// Marks the values that the stage needs, on both sides; false when it does nothing with columns.
static bool find_needed(Emit *e) {
    const RowCode *code = e->code;
    bool any = false;
    for (int s = 0; s < SIDES; s++) memset(e->sides[s].needed, 0, code->instr_count * sizeof(bool));
    for (uint32_t k = 0; k < code->result_count; k++)
        if (stores_here(e, k)) e->sides[SIDE_OWN].needed[code->results[k].value] = any = true;
    for (uint32_t i = code->instr_count; i-- > 0;) {
        if (reduces_here(e, i)) {
            need_inputs(e, i, SIDE_OWN);
            any = true;
        } else if (code->instrs[i].columns && memory_kept(e, i) < 0)
            for (int s = 0; s < SIDES; s++)
                if (e->sides[s].needed[i]) need_inputs(e, i, (SideOf)s);
    }
    return any;
}

// ---- Values

static Ir column_value(const Emit *e, const Side *side, uint32_t i) {
    return e->code->instrs[i].columns ? side->value[i] : ir_splat(e, e->number[i]);
}

static Ir print_columns(const Emit *e, SideOf which, uint32_t i) {
    const RowInstr *instr = &e->code->instrs[i];
    const Side *side = &e->sides[which];
    Ir in[4] = {0};
    for (uint32_t k = 0; k < row_info[instr->op].inputs; k++) in[k] = column_value(e, side, instr->in[k]);
    if (instr->op == ROW_rotate)
        in[3] = column_value(e, &e->sides[which == SIDE_OWN ? SIDE_PARTNER : SIDE_OWN], instr->in[0]);
    return emit_ops[instr->op](e, side, instr, in);
}

static void print_number(Emit *e, uint32_t i) {
    const RowInstr *instr = &e->code->instrs[i];
    Ir in[3] = {0};
    if (is_reduction(e, i)) {
        LLVMTypeRef lanes = ir_lanes(ir_float(e, instr->wide));
        Ir partial = llvm.BuildLoad2(e->builder, lanes, e->partial[i], "partial");
        e->number[i] = reduce_lanes(e, reductions[instr->op], partial);
        return;
    }
    for (uint32_t k = 0; k < row_info[instr->op].inputs; k++) in[k] = e->number[instr->in[k]];
    e->number[i] = emit_ops[instr->op](e, &e->sides[SIDE_OWN], instr, in);
}

static void print_numbers(Emit *e) {
    const RowCode *code = e->code;
    for (uint32_t i = 0; i < code->instr_count; i++)
        if (e->live[i] && !code->instrs[i].columns && e->stages[i] == e->stage) print_number(e, i);
    for (uint32_t k = 0; k < code->result_count; k++) {
        uint32_t value = code->results[k].value;
        if (!code->instrs[value].columns && e->stages[value] == e->stage) memory_store(e, k, e->number[value]);
    }
}

// ---- Columns

static void accumulate(Emit *e, uint32_t i) {
    const Reduction *reduction = reductions[e->code->instrs[i].op];
    LLVMTypeRef lanes = ir_lanes(ir_float(e, e->code->instrs[i].wide));
    Ir old = llvm.BuildLoad2(e->builder, lanes, e->partial[i], "partial");
    Ir joined = reduction->join(e, old, print_columns(e, SIDE_OWN, i));
    if (e->mask) joined = llvm.BuildSelect(e->builder, e->mask, joined, old, "");
    llvm.BuildStore(e->builder, joined, e->partial[i]);
}

static void print_value(Emit *e, SideOf side, uint32_t i) {
    int kept = memory_kept(e, i);
    e->sides[side].value[i] = kept < 0 ? print_columns(e, side, i) : memory_reload(e, (uint32_t)kept, &e->sides[side]);
}

// 16 columns of a block from `inner` on.
static void print_vector(Emit *e, Ir inner, Ir mask) {
    const RowCode *code = e->code;
    e->inner = inner;
    e->mask = mask;
    for (uint32_t i = 0; i < code->instr_count; i++) {
        for (int s = 0; s < SIDES; s++)
            if (code->instrs[i].columns && e->sides[s].needed[i]) print_value(e, (SideOf)s, i);
        if (reduces_here(e, i)) accumulate(e, i);
    }
    for (uint32_t k = 0; k < code->result_count; k++)
        if (stores_here(e, k)) memory_store(e, k, e->sides[SIDE_OWN].value[code->results[k].value]);
}

static const char *stage_name(const Emit *e, const char *part) {
    return str_format(e->arena, "stage%u.%s", e->stage, part).at;
}

static Ir tail_mask(const Emit *e, Ir count) {
    LLVMTypeRef word = ir_int(e, 32);
    Ir all = ir_splat(e, llvm.BuildTrunc(e->builder, count, word, ""));
    return llvm.BuildICmp(e->builder, LLVMIntULT, ir_iota(word), all, "mask");
}

// The columns of a block: `columns` of them.
static void print_block(Emit *e, Ir columns) {
    Ir rest = llvm.BuildURem(e->builder, columns, ir_number(e, LANES), "rest");
    Ir whole = llvm.BuildSub(e->builder, columns, rest, "whole");
    Loop loop = loop_open(e, stage_name(e, "column"), ir_number(e, 0), whole, LANES);
    print_vector(e, loop.index, NULL);
    loop_close(e, &loop);
    if (e->code->block && e->code->block % LANES == 0) return;
    Ir some = llvm.BuildICmp(e->builder, LLVMIntNE, rest, ir_number(e, 0), "some");
    LLVMBasicBlockRef after = when_open(e, stage_name(e, "tail"), some);
    print_vector(e, whole, tail_mask(e, rest));
    when_close(e, after);
}

static void enter_block(Emit *e, SideOf which, Ir block) {
    Side *side = &e->sides[which];
    side->block = block;
    side->start = llvm.BuildMul(e->builder, block, ir_number(e, e->code->block), "start");
    memory_block(e, side);
}

static bool needs_blocks(const RowCode *code) {
    bool blocks = false;
    for (uint32_t k = 0; k < code->operand_count; k++) blocks |= code->operands[k].columns != COLUMNS_SAME;
    for (uint32_t i = 0; i < code->instr_count; i++) blocks |= code->instrs[i].op == ROW_rotate;
    return blocks;
}

static void print_blocks(Emit *e) {
    uint32_t count = e->code->block ? e->code->width / e->code->block : 1;
    Loop loop = loop_open(e, stage_name(e, "block"), ir_number(e, 0), ir_number(e, count), 1);
    enter_block(e, SIDE_OWN, loop.index);
    if (count % 2 == 0) enter_block(e, SIDE_PARTNER, llvm.BuildXor(e->builder, loop.index, ir_number(e, 1), "partner"));
    print_block(e, e->code->block ? ir_number(e, e->code->block) : e->columns);
    loop_close(e, &loop);
}

// ---- The function

static void print_stage(Emit *e) {
    print_numbers(e);
    if (!find_needed(e)) return;
    for (uint32_t i = 0; i < e->code->instr_count; i++) {
        if (!reduces_here(e, i)) continue;
        LLVMTypeRef lanes = ir_lanes(ir_float(e, e->code->instrs[i].wide));
        llvm.BuildStore(e->builder, ir_constant(lanes, reductions[e->code->instrs[i].op]->initial), e->partial[i]);
    }
    print_blocks(e);
}

// The code stands alone: nothing is thrown through it, and no loop becomes a call of memset.
static void add_attributes(const Emit *e) {
    static const char no_calls[] = "no-builtins", no_throw[] = "nounwind";
    const LLVMAttributeRef attributes[] = {
        llvm.CreateEnumAttribute(e->context, llvm.GetEnumAttributeKindForName(no_throw, strlen(no_throw)), 0),
        llvm.CreateStringAttribute(e->context, no_calls, (unsigned)strlen(no_calls), "", 0),
    };
    for (size_t i = 0; i < COUNT(attributes); i++)
        llvm.AddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attributes[i]);
}

static void open_function(Emit *e, const char *name) {
    LLVMTypeRef address = llvm.PointerTypeInContext(e->context, 0), number = ir_int(e, 64);
    LLVMTypeRef params[] = {address, number, number, number, number};
    static const char *const names[] = {"pointers", "columns", "base", "first", "end"};
    LLVMTypeRef type = llvm.FunctionType(llvm.VoidTypeInContext(e->context), params, COUNT(params), false);
    e->function = llvm.AddFunction(e->module, name, type);
    for (unsigned i = 0; i < COUNT(names); i++)
        llvm.SetValueName2(llvm.GetParam(e->function, i), names[i], strlen(names[i]));
    add_attributes(e);
    llvm.PositionBuilderAtEnd(e->builder, llvm.AppendBasicBlockInContext(e->context, e->function, "entry"));
    e->columns = e->code->width ? ir_number(e, e->code->width) : llvm.GetParam(e->function, 1);
    e->base = llvm.GetParam(e->function, 2);
}

static void open_partials(Emit *e) {
    for (uint32_t i = 0; i < e->code->instr_count; i++) {
        if (!e->live[i] || !is_reduction(e, i)) continue;
        e->partial[i] = llvm.BuildAlloca(e->builder, ir_lanes(ir_float(e, e->code->instrs[i].wide)),
                                         row_info[e->code->instrs[i].op].name);
    }
}

static void print_rows(Emit *e) {
    uint8_t last = 0;
    for (uint32_t i = 0; i < e->code->instr_count; i++)
        if (e->live[i]) last = MAX(last, e->stages[i]);
    Loop rows = loop_open(e, "row", llvm.GetParam(e->function, 3), llvm.GetParam(e->function, 4), 1);
    e->row = rows.index;
    memory_row(e);
    for (e->stage = 0; e->stage <= last; e->stage++) print_stage(e);
    loop_close(e, &rows);
    llvm.BuildRetVoid(e->builder);
}

static Emit emit_open(LLVMModuleRef module, const RowCode *code, const DType *types, Arena *arena) {
    uint32_t count = code->instr_count, operands = code->operand_count;
    LLVMContextRef context = llvm.GetModuleContext(module);
    Emit e = {.arena = arena,
              .context = context,
              .module = module,
              .builder = llvm.CreateBuilderInContext(context),
              .code = code,
              .types = types,
              .stages = row_stages(code, arena),
              .live = row_live(code, arena)};
    e.operands = arena_many(arena, Bound, operands);
    e.results = arena_many(arena, Bound, code->result_count);
    e.number = arena_many(arena, Ir, count);
    e.partial = arena_many(arena, Ir, count);
    for (int s = 0; s < SIDES; s++) {
        e.sides[s].from = arena_many(arena, Ir, operands);
        e.sides[s].named = arena_many(arena, Ir, operands);
        e.sides[s].value = arena_many(arena, Ir, count);
        e.sides[s].needed = arena_many(arena, bool, count);
    }
    return e;
}

void emit_rows(LLVMModuleRef module, const RowCode *code, const DType *types, const char *name) {
    Arena *arena = arena_open();
    RowCode whole = *code; // nothing asks for blocks: the row is one
    if (!needs_blocks(code)) whole.block = whole.width;
    Emit e = emit_open(module, &whole, types, arena);
    open_function(&e, name);
    memory_bind(&e, llvm.GetParam(e.function, 0));
    open_partials(&e);
    print_rows(&e);
    llvm.DisposeBuilder(e.builder);
    arena_close(arena);
}
