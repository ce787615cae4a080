// row.c: making, checking and printing row kernels.
#include "mdx/row.h"

const RowOpInfo row_info[ROW_COUNT] = {
#define MDX_ROW(name, inputs, shape, what) [ROW_##name] = {#name, inputs, SHAPE_##shape, what},
#include "mdx/row.def"
};

// ---- Making

uint16_t row_operand(RowBuilder *b, RowOperand operand) {
    MUST(b->operands.len < UINT16_MAX);
    list_push(b->arena, &b->operands, operand);
    return (uint16_t)(b->operands.len - 1);
}

// The bits of a constant count: -0 is not 0.
static uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static bool same_instr(const RowInstr *a, const RowInstr *b) {
    return a->op == b->op && a->wide == b->wide && a->columns == b->columns && memcmp(a->in, b->in, sizeof a->in) == 0 &&
           a->operand == b->operand && bits_of(a->constant) == bits_of(b->constant);
}

static uint16_t push(RowBuilder *b, RowInstr instr) {
    for (size_t i = 0; i < b->instrs.len; i++)
        if (same_instr(&b->instrs.at[i], &instr)) return (uint16_t)i;
    MUST(b->instrs.len < UINT16_MAX);
    list_push(b->arena, &b->instrs, instr);
    return (uint16_t)(b->instrs.len - 1);
}

// Instructions are compared as bytes, so padding is zeroed too.
static RowInstr blank(RowOp op) {
    RowInstr instr;
    memset(&instr, 0, sizeof instr);
    instr.op = (uint8_t)op;
    return instr;
}

uint16_t row_load(RowBuilder *b, uint16_t operand) {
    RowInstr instr = blank(ROW_load);
    instr.columns = true;
    instr.operand = operand;
    return push(b, instr);
}

uint16_t row_number(RowBuilder *b, uint16_t operand, bool wide) {
    RowInstr instr = blank(ROW_number);
    instr.wide = wide;
    instr.operand = operand;
    return push(b, instr);
}

uint16_t row_constant(RowBuilder *b, double value, bool wide) {
    RowInstr instr = blank(ROW_constant);
    instr.wide = wide;
    instr.constant = value;
    return push(b, instr);
}

static uint16_t push_op(RowBuilder *b, RowInstr instr) {
    const RowOpInfo *info = &row_info[instr.op];
    MUST(info->shape != SHAPE_LEAF);
    instr.wide = b->instrs.at[instr.in[0]].wide;
    for (uint32_t i = 0; i < info->inputs; i++) instr.columns |= b->instrs.at[instr.in[i]].columns;
    if (instr.op == ROW_widen || instr.op == ROW_which) instr.wide = true;
    if (instr.op == ROW_narrow) instr.wide = false;
    if (info->shape == SHAPE_REDUCE) instr.columns = false;
    if (instr.op == ROW_spread) instr.columns = true;
    return push(b, instr);
}

uint16_t row_select(RowBuilder *b, uint16_t flag, uint16_t named, uint16_t other) {
    RowInstr instr = blank(ROW_select);
    instr.in[0] = named;
    instr.in[1] = other;
    instr.operand = flag;
    return push_op(b, instr);
}

uint16_t row_op(RowBuilder *b, RowOp op, uint16_t x, uint16_t y, uint16_t z) {
    RowInstr instr = blank(op);
    instr.in[0] = x;
    if (row_info[op].inputs > 1) instr.in[1] = y;
    if (row_info[op].inputs > 2) instr.in[2] = z;
    return push_op(b, instr);
}

void row_result(RowBuilder *b, uint16_t value, bool mapped) {
    RowResult result;
    memset(&result, 0, sizeof result);
    result.value = value;
    result.mapped = mapped;
    list_push(b->arena, &b->results, result);
}

RowCode row_done(const RowBuilder *b, uint32_t width, uint32_t block) {
    RowCode code = {b->instrs.at, b->operands.at, b->results.at, (uint32_t)b->instrs.len, (uint32_t)b->operands.len,
                    (uint32_t)b->results.len, width, block};
    const char *wrong = row_verify(&code);
    if (wrong) BUG(wrong);
    return code;
}

// ---- Checking

static const char *operand_wrong(const RowCode *code, const RowInstr *instr) {
    if (instr->operand >= code->operand_count) return "an operand that is not there";
    const RowOperand *operand = &code->operands[instr->operand];
    if (operand->flag != (instr->op == ROW_select)) return "a flag that is read, or a selection by numbers";
    if (operand->flag && !operand->mapped) return "a flag without a map";
    if (operand->fixed && operand->mapped) return "an operand with one row and a map";
    if (instr->op != ROW_select && operand->number != (instr->op == ROW_number)) return "a number read as columns, or columns as a number";
    if (operand->columns != COLUMNS_SAME && !code->width) return "a column rule without columns";
    if (operand->columns == COLUMNS_BLOCKS && (!operand->span || operand->span % code->block)) return "spans that are no blocks";
    return NULL;
}

static const char *instr_wrong(const RowCode *code, uint32_t i) {
    const RowInstr *instr = &code->instrs[i];
    const RowOpInfo *info = &row_info[instr->op];
    for (uint32_t k = 0; k < info->inputs; k++)
        if (instr->in[k] >= i) return "a value used before it is made";
    if (instr->op == ROW_load || instr->op == ROW_number || instr->op == ROW_select) {
        const char *wrong = operand_wrong(code, instr);
        if (wrong) return wrong;
    }
    if (info->shape == SHAPE_REDUCE && !code->instrs[instr->in[0]].columns) return "a reduction of a number";
    if (instr->op == ROW_rotate && (!code->block || code->width / code->block % 2)) return "a rotation of columns that are no pairs of blocks";
    if (instr->op == ROW_log && instr->columns) return "a logarithm of columns";
    if ((instr->op == ROW_rotate || instr->op == ROW_except) && !code->instrs[instr->in[0]].columns) return "columns of a number";
    if (instr->op == ROW_pick && code->instrs[instr->in[1]].columns) return "a column of many numbers";
    if (instr->op == ROW_select && !instr->columns && code->operands[instr->operand].columns != COLUMNS_SAME) return "blocks of a number";
    if ((instr->op == ROW_bf16 || instr->op == ROW_f16) && instr->wide) return "a float64 is rounded to no short type";
    if (instr->op == ROW_widen || instr->op == ROW_narrow)
        return code->instrs[instr->in[0]].wide == instr->wide ? "a conversion of what needs none" : NULL;
    for (uint32_t k = 1; k < info->inputs; k++) { // but for numbers of columns, which are wide
        bool number = k == 1 && (instr->op == ROW_except || instr->op == ROW_pick);
        if (number ? !code->instrs[instr->in[k]].wide : code->instrs[instr->in[k]].wide != code->instrs[instr->in[0]].wide) return "float32 with float64";
    }
    return NULL;
}

const char *row_verify(const RowCode *code) {
    if (code->width ? !code->block || code->width % code->block : code->block) return "blocks that do not fill the row";
    for (uint32_t i = 0; i < code->instr_count; i++) {
        const char *wrong = instr_wrong(code, i);
        if (wrong) return wrong;
    }
    for (uint32_t i = 0; i < code->result_count; i++)
        if (code->results[i].value >= code->instr_count) return "a result that is no value";
    return NULL;
}

uint8_t *row_stages(const RowCode *code, Arena *arena) {
    uint8_t *stage = arena_many(arena, uint8_t, code->instr_count + 1);
    for (uint32_t i = 0; i < code->instr_count; i++) {
        const RowOpInfo *info = &row_info[code->instrs[i].op];
        for (uint32_t k = 0; k < info->inputs; k++) stage[i] = MAX(stage[i], stage[code->instrs[i].in[k]]);
        if (info->shape == SHAPE_REDUCE) stage[i]++;
    }
    return stage;
}

bool *row_live(const RowCode *code, Arena *arena) {
    bool *live = arena_many(arena, bool, code->instr_count + 1);
    for (uint32_t k = 0; k < code->result_count; k++) live[code->results[k].value] = true;
    for (uint32_t i = code->instr_count; i-- > 0;)
        for (uint32_t k = 0; live[i] && k < row_info[code->instrs[i].op].inputs; k++) live[code->instrs[i].in[k]] = true;
    return live;
}

bool row_equal(const RowCode *a, const RowCode *b) {
    for (uint32_t i = 0; i < a->instr_count && i < b->instr_count; i++)
        if (!same_instr(&a->instrs[i], &b->instrs[i])) return false;
    return a->width == b->width && a->block == b->block && a->instr_count == b->instr_count &&
           a->operand_count == b->operand_count && a->result_count == b->result_count &&
           (!a->operand_count || memcmp(a->operands, b->operands, a->operand_count * sizeof *a->operands) == 0) &&
           (!a->result_count || memcmp(a->results, b->results, a->result_count * sizeof *a->results) == 0);
}

// ---- Printing

static void print_operand(const RowCode *code, uint32_t k, Text *out) {
    const RowOperand *operand = &code->operands[k];
    text_add(out, "in%u[%s", k, operand->fixed ? "row" : operand->mapped ? "map(r)" : "r");
    if (operand->flag) text_str(out, STR(" named"));
    if (!operand->number && operand->columns == COLUMNS_LOCAL) text_str(out, STR(", column of block"));
    if (!operand->number && operand->columns == COLUMNS_BLOCKS) text_add(out, ", blocks of %u", operand->span);
    text_char(out, ']');
}

static void print_instr(const RowCode *code, uint32_t i, Text *out) {
    const RowInstr *instr = &code->instrs[i];
    text_add(out, "  %%%u = %s", i, row_info[instr->op].name);
    for (uint32_t k = 0; k < row_info[instr->op].inputs; k++) text_add(out, "%s%%%u", k ? ", " : " ", instr->in[k]);
    if (instr->op == ROW_constant) text_add(out, " %.9g", instr->constant);
    if (instr->op == ROW_select) text_str(out, STR(" by "));
    if (instr->op == ROW_load || instr->op == ROW_number) text_char(out, ' ');
    if (instr->op == ROW_load || instr->op == ROW_number || instr->op == ROW_select) print_operand(code, instr->operand, out);
    text_add(out, " : %s%s", instr->wide ? "f64" : "f32", instr->columns ? " a column" : "");
    for (uint32_t k = 0; k < code->result_count; k++)
        if (code->results[k].value == i) text_add(out, "  -> out%u[%s]", k, code->results[k].mapped ? "map(r)" : "r");
    text_char(out, '\n');
}

void row_print(const RowCode *code, Text *out) {
    Arena *scratch = arena_open();
    const uint8_t *stage = row_stages(code, scratch);
    uint8_t last = 0;
    for (uint32_t i = 0; i < code->instr_count; i++) last = MAX(last, stage[i]);
    if (code->width)
        text_add(out, "rows of %u columns in blocks of %u\n", code->width, code->block);
    else
        text_str(out, STR("rows of any width\n"));
    for (uint8_t s = 0; s <= last; s++) {
        text_add(out, " stage %u\n", s);
        for (uint32_t i = 0; i < code->instr_count; i++)
            if (stage[i] == s) print_instr(code, i, out);
    }
    arena_close(scratch);
}
