// print_ops.c: each operation of a row kernel as an expression of CUDA.
//
// Names in scope: c, the column (own side) or q (partner's); a.base; row; nK, a number; vI and wI, values a column of
// the own and of the partner's side; inK and pK, the loaded columns of an operand.
#include <math.h>

#include "runtime/cuda/print.h"

#define PRINT(name)                                                                                                    \
    static void print_##name(__attribute__((unused)) const Print *p, __attribute__((unused)) SideOf side,              \
                             __attribute__((unused)) const RowInstr *instr, __attribute__((unused)) const Str *in)

static const char *type_of(const RowInstr *instr) {
    return instr->wide ? "double" : "float";
}

static const char *column_of(SideOf side) {
    return side == SIDE_OWN ? "(c + j)" : "(q + j)";
}

// ---- From outside

PRINT(load) {
    text_add(p->out, "%s%u[%sj]", side == SIDE_OWN ? "in" : "p", instr->operand, p->rounds ? "k][" : "");
}

PRINT(number) {
    text_add(p->out, "convert<%s>(*row_of_%u)", type_of(instr), instr->operand);
}

PRINT(constant) {
    double x = instr->constant;
    if (isnan(x))
        text_add(p->out, "(%s)NAN", type_of(instr));
    else if (isinf(x))
        text_add(p->out, "(%s)%sINFINITY", type_of(instr), x < 0 ? "-" : "");
    else
        text_add(p->out, instr->wide ? "%a" : "%af", x);
}

// ---- Arithmetic

static void infix(const Print *p, const Str *in, const char *sign) {
    text_add(p->out, "%.*s %s %.*s", STR_ARG(in[0]), sign, STR_ARG(in[1]));
}

PRINT(add) {
    infix(p, in, "+");
}

PRINT(sub) {
    infix(p, in, "-");
}

PRINT(mul) {
    infix(p, in, "*");
}

PRINT(div) {
    if (p->quick && instr->columns && !instr->wide)
        text_add(p->out, "__fdividef(%.*s, %.*s)", STR_ARG(in[0]), STR_ARG(in[1]));
    else
        infix(p, in, "/");
}

PRINT(negate) {
    text_add(p->out, "-%.*s", STR_ARG(in[0]));
}

PRINT(greater) {
    text_add(p->out, "%.*s > %.*s ? %.*s : %.*s", STR_ARG(in[0]), STR_ARG(in[1]), STR_ARG(in[0]), STR_ARG(in[1]));
}

PRINT(smaller) {
    text_add(p->out, "%.*s < %.*s ? %.*s : %.*s", STR_ARG(in[0]), STR_ARG(in[1]), STR_ARG(in[0]), STR_ARG(in[1]));
}

PRINT(above) {
    text_add(p->out, "%.*s > %.*s ? (%s)1 : (%s)0", STR_ARG(in[0]), STR_ARG(in[1]), type_of(instr), type_of(instr));
}

PRINT(choose) {
    text_add(p->out, "%.*s != 0 ? %.*s : %.*s", STR_ARG(in[0]), STR_ARG(in[1]), STR_ARG(in[2]));
}

PRINT(exp) {
    text_add(p->out, "%s(%.*s)", instr->wide ? "exp" : p->quick && instr->columns ? "__expf" : "expf", STR_ARG(in[0]));
}

PRINT(log) {
    text_add(p->out, "(%s)log((double)%.*s)", type_of(instr), STR_ARG(in[0]));
}

PRINT(sqrt) {
    text_add(p->out, "%s(%.*s)", instr->wide ? "sqrt" : "sqrtf", STR_ARG(in[0]));
}

PRINT(widen) {
    text_add(p->out, "(double)%.*s", STR_ARG(in[0]));
}

PRINT(bf16) {
    text_add(p->out, "widen(narrow<bf16>(%.*s))", STR_ARG(in[0]));
}

PRINT(f16) {
    text_add(p->out, "widen(narrow<f16>(%.*s))", STR_ARG(in[0]));
}

PRINT(narrow) {
    text_add(p->out, "(float)%.*s", STR_ARG(in[0]));
}

// ---- By column

PRINT(spread) {
    text_str(p->out, in[0]);
}

// in[3]: x of the partner's column. The first block of a pair takes the difference.
PRINT(rotate) {
    const char *at = side == SIDE_OWN ? "c" : "q";
    text_add(p->out, "%s / %u %% 2 ? %.*s * %.*s + %.*s * %.*s : %.*s * %.*s - %.*s * %.*s", at, p->block,
             STR_ARG(in[0]), STR_ARG(in[1]), STR_ARG(in[3]), STR_ARG(in[2]), STR_ARG(in[0]), STR_ARG(in[1]),
             STR_ARG(in[3]), STR_ARG(in[2]));
}

PRINT(select) {
    const RowOperand *operand = &p->code->operands[instr->operand];
    text_str(p->out, STR("(true"));
    if (operand->mapped) text_add(p->out, " && named_%u", instr->operand);
    if (operand->columns == COLUMNS_BLOCKS)
        text_add(p->out, " && a.p[%u].blocks[%s / %u] != ROW_NONE", instr->operand, column_of(side), operand->span);
    text_add(p->out, ") ? %.*s : %.*s", STR_ARG(in[0]), STR_ARG(in[1]));
}

PRINT(except) {
    text_add(p->out, "%.*s == (double)(a.base + %s) ? %.*s : %.*s", STR_ARG(in[1]), column_of(side), STR_ARG(in[2]),
             STR_ARG(in[0]));
}

// ---- Reductions: what a column contributes

PRINT(sum) {
    text_str(p->out, in[0]);
}

PRINT(largest) {
    text_str(p->out, in[0]);
}

PRINT(which) {
    text_add(p->out, "%.*s == %.*s ? (double)(a.base + %s) : (double)INFINITY", STR_ARG(in[0]), STR_ARG(in[1]),
             column_of(side));
}

PRINT(pick) {
    text_add(p->out, "%.*s == (double)(a.base + %s) ? %.*s : (%s)0", STR_ARG(in[1]), column_of(side), STR_ARG(in[0]),
             type_of(instr));
}

PrintOp *const print_ops[ROW_COUNT] = {
#define MDX_ROW(name, inputs, shape, what) [ROW_##name] = print_##name,
#include "mdx/row.def"
};
