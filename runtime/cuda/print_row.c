// print_row.c: the kernel of a row code: rows, stages, groups of columns.
//
//   numbers of stage 0
//   the columns of all operands, when the width is known: they stay in registers; those that no kernel writes come first
//   stage 0: for each group of columns of the thread: values, results, what reductions take
//   numbers of stage 1: reduced over the threads of the row, and what follows from them
//   stage 1 …
//
// A thread takes `group` columns side by side, then those `threads` groups further on. A stage computes the values that
// it needs again from the loads. A code of unknown width (a tile of logits) reads its operands again in each stage.
// Sums are of a thread's columns first, then a tree over the threads: an order that hangs on the width alone.
#include "runtime/cuda/compile.h"
#include "runtime/cuda/print.h"

// ---- What must be computed

static bool is_reduction(const Print *p, uint32_t i) {
    return row_info[p->code->instrs[i].op].shape == SHAPE_REDUCE;
}

static bool reduces_here(const Print *p, uint32_t i) {
    return p->live[i] && is_reduction(p, i) && p->stages[i] == p->stage + 1;
}

static bool stores_here(const Print *p, uint32_t result) {
    uint32_t value = p->code->results[result].value;
    return p->code->instrs[value].columns && p->stages[value] == p->stage;
}

static void need_inputs(Print *p, uint32_t i, SideOf side) {
    const RowInstr *instr = &p->code->instrs[i];
    for (uint32_t k = 0; k < row_info[instr->op].inputs; k++) p->needed[side][instr->in[k]] = true;
    if (instr->op == ROW_rotate) p->needed[side == SIDE_OWN ? SIDE_PARTNER : SIDE_OWN][instr->in[0]] = true;
}

// Marks what the stage needs, on both sides; false when it does nothing with columns.
static bool find_needed(Print *p) {
    const RowCode *code = p->code;
    bool any = false;
    for (int s = 0; s < SIDES; s++) memset(p->needed[s], 0, code->instr_count * sizeof(bool));
    for (uint32_t k = 0; k < code->result_count; k++)
        if (stores_here(p, k)) p->needed[SIDE_OWN][code->results[k].value] = any = true;
    for (uint32_t i = code->instr_count; i-- > 0;) {
        bool reduces = reduces_here(p, i);
        any |= reduces;
        for (int s = 0; s < SIDES; s++)
            if (reduces ? s == SIDE_OWN : code->instrs[i].columns && p->needed[s][i]) need_inputs(p, i, (SideOf)s);
    }
    return any;
}

// ---- Names

static Str name_of(const Print *p, SideOf side, uint32_t i) {
    const char *kind = !p->code->instrs[i].columns ? "n" : side == SIDE_OWN ? "v" : "w";
    return str_format(p->arena, "%s%u", kind, i);
}

static const char *type_of(const Print *p, uint32_t i) {
    return p->code->instrs[i].wide ? "double" : "float";
}

static const char *stored(const Print *p, uint32_t pointer) {
    return dtype_info[p->types[pointer]].name;
}

static void print_expression(const Print *p, SideOf side, uint32_t i) {
    const RowInstr *instr = &p->code->instrs[i];
    Str in[4] = {0};
    for (uint32_t k = 0; k < row_info[instr->op].inputs; k++) in[k] = name_of(p, side, instr->in[k]);
    if (instr->op == ROW_rotate) in[3] = name_of(p, side == SIDE_OWN ? SIDE_PARTNER : SIDE_OWN, instr->in[0]);
    print_ops[instr->op](p, side, instr, in);
}

// ---- Rows

static void print_operand_row(const Print *p, uint32_t k) {
    const RowOperand *operand = &p->code->operands[k];
    if (operand->flag) {
        if (operand->mapped) text_add(p->out, "    const bool named_%u = a.p[%u].map[row] != ROW_NONE;\n", k, k);
        return;
    }
    text_add(p->out, "    const %s *row_of_%u = (const %s *)a.p[%u].at", stored(p, k), k, stored(p, k), k);
    if (!operand->fixed)
        text_add(p->out, " + %s * a.p[%u].stride",
                 operand->mapped ? str_format(p->arena, "a.p[%u].map[row]", k).at : "row", k);
    text_str(p->out, STR(";\n"));
}

static void print_result_row(const Print *p, uint32_t k) {
    uint32_t at = p->code->operand_count + k;
    bool mapped = p->code->results[k].mapped;
    if (mapped) text_add(p->out, "    const uint32_t to_%u = a.p[%u].map[row];\n", k, at);
    text_add(p->out, "    %s *result_%u = (%s *)a.p[%u].at + %s * a.p[%u].stride;\n", stored(p, at), k, stored(p, at),
             at, mapped ? str_format(p->arena, "(uint64_t)(to_%u == ROW_NONE ? 0 : to_%u)", k, k).at : "row", at);
}

static const char *when_kept(const Print *p, uint32_t k) {
    return p->code->results[k].mapped ? str_format(p->arena, "if (to_%u != ROW_NONE) ", k).at : "";
}

// ---- Numbers

static void print_number(const Print *p, uint32_t i) {
    const char *op = row_info[p->code->instrs[i].op].name;
    text_add(p->out, "    const %s n%u = ", type_of(p, i), i);
    if (is_reduction(p, i))
        text_add(p->out, "reduce_%s<%u, %u>(sum%u, (%s *)shared, none%u)", op, p->threads, p->together, i, type_of(p, i), i);
    else
        print_expression(p, SIDE_OWN, i);
    text_str(p->out, STR(";\n"));
}

// All numbers of a row are read before one is stored: they may lie in one place.
static void print_numbers(const Print *p) {
    const RowCode *code = p->code;
    for (uint32_t i = 0; i < code->instr_count; i++)
        if (p->live[i] && !code->instrs[i].columns && p->stages[i] == p->stage) print_number(p, i);
    bool any = false;
    for (uint32_t k = 0; k < code->result_count; k++) {
        uint32_t value = code->results[k].value;
        if (code->instrs[value].columns || p->stages[value] != p->stage) continue;
        if (!any && p->threads > 1)
            text_str(p->out, p->together > 1   ? STR("    meet_blocks();\n")
                             : p->threads > 32 ? STR("    __syncthreads();\n")
                                               : STR("    __syncwarp();\n"));
        any = true;
        text_add(p->out, "    if (threadIdx.x == 0 && blockIdx.y == 0) %s*result_%u = convert<%s>(n%u);\n",
                 when_kept(p, k), k, stored(p, code->operand_count + k), value);
    }
}

// ---- Columns of operands

static bool is_loaded(const Print *p, uint32_t operand, SideOf side) {
    for (uint32_t i = 0; i < p->code->instr_count; i++)
        if (p->needed[side][i] && p->code->instrs[i].op == ROW_load && p->code->instrs[i].operand == operand)
            return true;
    return false;
}

// The column of the operand where the group begins; -1 in a block that is not named.
static Str begin_of(const Print *p, uint32_t k, const char *column) {
    const RowOperand *operand = &p->code->operands[k];
    if (operand->columns == COLUMNS_LOCAL) return str_format(p->arena, "%s %% %u", column, p->block);
    if (operand->columns == COLUMNS_SAME) return str_of(column);
    return str_format(p->arena, "(a.p[%u].blocks[%s / %u] * %uu + %s %% %u)", k, column, operand->span, operand->span,
                      column, operand->span);
}

static void print_load(const Print *p, uint32_t k, SideOf side) {
    const char *column = side == SIDE_OWN ? "c" : "q", *to = side == SIDE_OWN ? "in" : "p",
               *round = p->rounds ? "[k]" : "";
    const RowOperand *operand = &p->code->operands[k];
    Str begin = begin_of(p, k, column);
    text_str(p->out, STR("        "));
    if (operand->columns == COLUMNS_BLOCKS)
        text_add(p->out,
                 "if (a.p[%u].blocks[%s / %u] == ROW_NONE) {\n            for (int j = 0; j < GROUP; j++) %s%u%s[j] = "
                 "0;\n        } else ",
                 k, column, operand->span, to, k, round);
    text_add(p->out, "load_columns<%s>(row_of_%u + %.*s, %s%u%s);\n", stored(p, k), k, STR_ARG(begin), to, k, round);
}

static bool needs_side(const Print *p, SideOf side) {
    for (uint32_t i = 0; i < p->code->instr_count; i++)
        if (p->needed[side][i] && p->code->instrs[i].columns) return true;
    return false;
}

static void open_groups(const Print *p, bool partner) {
    if (p->rounds)
        text_str(p->out, STR("#pragma unroll\n    for (int k = 0; k < ROUNDS; k++) {\n        const uint32_t c = ((k + "
                             "blockIdx.y) * THREADS + threadIdx.x) * GROUP;\n"
                             "        if (c >= WIDTH) break;\n"));
    else
        text_add(p->out, "    for (uint64_t c = %sthreadIdx.x; c < a.columns; c += %s) {\n",
                 p->together > 1 ? "blockIdx.y * THREADS + " : "", p->together > 1 ? "gridDim.y * THREADS" : "THREADS");
    if (partner)
        text_add(p->out, "        const uint32_t q = (c / %u ^ 1) * %u + c %% %u;\n", p->block, p->block, p->block);
}

static bool is_still(const Print *p, uint32_t operand) {
    return p->still && p->still[operand];
}

// All that any stage needs, before the first: of operands that kernels write, or of the others.
static void print_all_loads(Print *p, uint8_t last, bool still) {
    bool *all[SIDES];
    for (int s = 0; s < SIDES; s++) all[s] = arena_many(p->arena, bool, p->code->instr_count + 1);
    for (p->stage = 0; p->stage <= last; p->stage++) {
        find_needed(p);
        for (int s = 0; s < SIDES; s++)
            for (uint32_t i = 0; i < p->code->instr_count; i++) all[s][i] |= p->needed[s][i];
    }
    for (int s = 0; s < SIDES; s++) memcpy(p->needed[s], all[s], p->code->instr_count * sizeof(bool));
    bool any = false;
    for (uint32_t k = 0; k < p->code->operand_count; k++)
        for (int s = 0; s < SIDES; s++) {
            if (is_still(p, k) != still || !is_loaded(p, k, (SideOf)s)) continue;
            any = true;
            text_add(p->out, "    float %s%u[ROUNDS][GROUP];\n", s == SIDE_OWN ? "in" : "p", k);
        }
    if (!any) return;
    open_groups(p, needs_side(p, SIDE_PARTNER));
    for (uint32_t k = 0; k < p->code->operand_count; k++)
        for (int s = 0; s < SIDES; s++)
            if (is_still(p, k) == still && is_loaded(p, k, (SideOf)s)) print_load(p, k, (SideOf)s);
    text_str(p->out, STR("    }\n"));
}

// ---- A stage's columns

static void print_partials(const Print *p) {
    static const char *const nothing[ROW_COUNT] = {
        [ROW_sum] = "0", [ROW_largest] = "-INFINITY", [ROW_which] = "INFINITY", [ROW_pick] = "0"};
    for (uint32_t i = 0; i < p->code->instr_count; i++) {
        if (!reduces_here(p, i)) continue;
        text_add(p->out, "    const %s none%u = (%s)%s;\n    %s sum%u = none%u;\n", type_of(p, i), i, type_of(p, i),
                 nothing[p->code->instrs[i].op], type_of(p, i), i, i);
    }
}

static void print_values(const Print *p) {
    const RowCode *code = p->code;
    for (uint32_t i = 0; i < code->instr_count; i++) {
        for (int s = 0; s < SIDES; s++) {
            if (!code->instrs[i].columns || !p->needed[s][i]) continue;
            text_add(p->out, "            const %s %s%u = ", type_of(p, i), s == SIDE_OWN ? "v" : "w", i);
            print_expression(p, (SideOf)s, i);
            text_str(p->out, STR(";\n"));
        }
        if (!reduces_here(p, i)) continue;
        text_add(p->out, "            sum%u = join_%s(sum%u, (%s)(", i, row_info[code->instrs[i].op].name, i,
                 type_of(p, i));
        print_expression(p, SIDE_OWN, i);
        text_str(p->out, STR("));\n"));
    }
    for (uint32_t k = 0; k < code->result_count; k++)
        if (stores_here(p, k)) text_add(p->out, "            out%u[j] = v%u;\n", k, code->results[k].value);
}

static void print_columns(const Print *p) {
    bool partner = needs_side(p, SIDE_PARTNER);
    open_groups(p, partner);
    for (uint32_t k = 0; k < p->code->operand_count && !p->rounds; k++)
        if (is_loaded(p, k, SIDE_OWN)) {
            text_add(p->out, "        float in%u[GROUP];\n", k);
            print_load(p, k, SIDE_OWN);
        }
    for (uint32_t k = 0; k < p->code->result_count; k++)
        if (stores_here(p, k)) text_add(p->out, "        %s out%u[GROUP];\n", type_of(p, p->code->results[k].value), k);
    text_str(p->out, STR("#pragma unroll\n        for (int j = 0; j < GROUP; j++) {\n"));
    print_values(p);
    text_str(p->out, STR("        }\n"));
    for (uint32_t k = 0; k < p->code->result_count; k++)
        if (stores_here(p, k))
            text_add(p->out, "        %sstore_columns(result_%u + c, out%u);\n", when_kept(p, k), k, k);
    text_str(p->out, STR("    }\n"));
}

// ---- The kernel

static bool any_short(const Print *p) {
    bool any = false;
    for (uint32_t k = 0; k < p->code->result_count; k++) {
        DType dtype = p->types[p->code->operand_count + k];
        any |= p->code->instrs[p->code->results[k].value].columns && dtype_is_short(dtype);
    }
    return any;
}

// As many columns side by side as blocks, and 16 bytes of short numbers, allow. Blocks are small, so that some load
// while others reduce; without reductions several share a row, and so do they where it is asked for.
static void choose_threads(Print *p, uint32_t together, RowLaunch *launch) {
    enum { MANY = 512, MOST = 1024, MOST_ROUNDS = 4, MANY_ROWS = 128, ROWS = 4 };
    const RowCode *code = p->code;
    bool columns = false, reduces = false;
    for (uint32_t i = 0; i < code->instr_count; i++) {
        columns |= p->live[i] && code->instrs[i].columns;
        reduces |= p->live[i] && is_reduction(p, i);
    }
    p->block = code->block ? code->block : code->width;
    p->group = !code->width ? 1 : p->block % 8 == 0 ? 8 : p->block % 4 == 0 ? 4 : 1;
    p->together = columns && !code->width ? together : 1;
    *launch = (RowLaunch){p->together > 1 ? MOST : MANY, 1, p->together};
    if (!columns) *launch = (RowLaunch){1, MANY_ROWS, 1};
    if (columns && code->width) {
        uint32_t groups = code->width / p->group, warps = (groups + 31) / 32;
        launch->threads = MIN(warps * 32, (uint32_t)MANY);
        p->rounds = (groups + launch->threads - 1) / launch->threads;
        if (!reduces) launch->parts = p->rounds, p->rounds = 1;
        if (p->rounds > MOST_ROUNDS) {
            launch->threads = MOST;
            p->rounds = (groups + MOST - 1) / MOST;
        }
        if (launch->threads == 32) launch->rows = ROWS;
    }
    p->threads = launch->threads;
}

static void print_head(const Print *p, const char *name, const RowLaunch *launch) {
    uint32_t pointers = p->code->operand_count + p->code->result_count;
    text_str(p->out, kernel_text("rows.cuh"));
    text_add(p->out, "enum : uint32_t { THREADS = %u, GROUP = %u, ROUNDS = %u, WIDTH = %u };\n", p->threads, p->group,
             p->rounds, p->code->width);
    text_add(p->out, "struct RowArgs {\n    RowPointer p[%u];\n    uint64_t columns, base, rows;\n};\n\n",
             MAX(pointers, 1u));
    Str blocks = p->together > 1 ? str_format(p->arena, "__cluster_dims__(1, %u, 1) ", p->together) : STR("");
    text_add(p->out, "extern \"C\" __global__ void %.*s__launch_bounds__(%u) %s(const __grid_constant__ RowArgs a) {\n",
             STR_ARG(blocks), launch->threads * launch->rows, name);
    text_add(p->out,
             "    let_next_kernel_begin();\n    const uint64_t row = (uint64_t)blockIdx.x * %u + threadIdx.y;\n    if (row >= a.rows) return;\n",
             launch->rows);
    if (p->threads > 32)
        text_str(p->out, STR("    __shared__ double shared[33];\n"));
    else
        text_str(p->out, STR("    double *shared = nullptr;\n"));
}

static void print_body(Print *p) {
    uint8_t last = 0;
    for (uint32_t i = 0; i < p->code->instr_count; i++)
        if (p->live[i]) last = MAX(last, p->stages[i]);
    for (uint32_t k = 0; k < p->code->operand_count; k++) print_operand_row(p, k);
    for (uint32_t k = 0; k < p->code->result_count; k++) print_result_row(p, k);
    if (p->rounds) print_all_loads(p, last, true);
    text_str(p->out, STR("    wait_for_last_kernel(); // maps are tables, which no kernel writes\n"));
    if (p->rounds) print_all_loads(p, last, false);
    for (p->stage = 0; p->stage <= last; p->stage++) {
        print_numbers(p);
        if (!find_needed(p)) continue;
        print_partials(p);
        print_columns(p);
    }
}

void cuda_print_row(const RowCode *code, const DType *types, const bool *still, uint32_t together, const char *name, Text *out, RowLaunch *launch) {
    Arena *arena = arena_open();
    Print p = {.arena = arena,
               .out = out,
               .code = code,
               .types = types,
               .still = still,
               .stages = row_stages(code, arena),
               .live = row_live(code, arena)};
    for (int s = 0; s < SIDES; s++) p.needed[s] = arena_many(arena, bool, code->instr_count + 1);
    p.quick = any_short(&p);
    choose_threads(&p, together, launch);
    print_head(&p, name, launch);
    print_body(&p);
    text_str(out, STR("}\n"));
    arena_close(arena);
}
