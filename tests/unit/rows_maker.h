// rows_maker.h: row kernels of pseudo-random operations.
#pragma once

#include "rows_fixture.h"

// ---- A random code

typedef struct {
    RowBuilder b;
    Random *random;
    DType types[MOST_POINTERS];
    uint32_t width, block;
} Maker;

static const RowInstr *instr_of(const Maker *m, uint16_t value) {
    return &m->b.instrs.at[value];
}

static uint16_t any_value(Maker *m) {
    uint32_t count = (uint32_t)m->b.instrs.len, recent = MIN(count, 6);
    return (uint16_t)(random_one_in(m->random, 2) ? count - 1 - random_below(m->random, recent)
                                                  : random_below(m->random, count));
}

static uint16_t as_wide(Maker *m, uint16_t value, bool wide) {
    if (instr_of(m, value)->wide == wide) return value;
    return row_op(&m->b, wide ? ROW_widen : ROW_narrow, value, 0, 0);
}

static uint16_t that(Maker *m, bool wide, bool columns) {
    for (int tries = 0; tries < 50; tries++) {
        uint16_t value = any_value(m);
        if (instr_of(m, value)->columns == columns) return as_wide(m, value, wide);
    }
    return as_wide(m, columns ? 0 : 1, wide); // the first two values are one of each
}

static uint16_t matching(Maker *m, uint16_t other) {
    return as_wide(m, any_value(m), instr_of(m, other)->wide);
}

static void add_rule(Maker *m, RowOperand *operand) {
    if (!m->width || random_one_in(m->random, 2)) return;
    operand->columns = (uint8_t)(random_one_in(m->random, 2) && !operand->flag ? COLUMNS_LOCAL : COLUMNS_BLOCKS);
    if (operand->columns == COLUMNS_BLOCKS) operand->span = m->block * (1 + random_below(m->random, 3));
}

static uint16_t add_operand(Maker *m, bool number, bool flag) {
    static const DType floats[] = {DTYPE_f32, DTYPE_f32, DTYPE_f16, DTYPE_bf16};
    RowOperand operand = {.number = number, .flag = flag, .mapped = flag || random_one_in(m->random, 3)};
    operand.fixed = !operand.mapped && random_one_in(m->random, 3);
    if (!number) add_rule(m, &operand);
    uint16_t k = row_operand(&m->b, operand);
    m->types[k] = number ? (DType)random_below(m->random, DTYPE_COUNT) : floats[random_below(m->random, COUNT(floats))];
    return k;
}

static void add_leaf(Maker *m) {
    static const double constants[] = {0, 1, -1, 0.5, 3.25, 1e-5, -INFINITY, 100, 0.1};
    switch (random_below(m->random, 4)) {
    case 0: row_number(&m->b, add_operand(m, true, false), random_one_in(m->random, 2)); break;
    case 1:
        row_constant(&m->b, constants[random_below(m->random, COUNT(constants))], random_one_in(m->random, 2));
        break;
    default: row_load(&m->b, add_operand(m, false, false)); break;
    }
}

// An operation of one kind of value, or nothing where the kind is not at hand.
static void add_op(Maker *m) {
    RowOp op = (RowOp)random_below(m->random, ROW_COUNT);
    uint16_t x = any_value(m), y = matching(m, x), z = matching(m, x);
    switch (op) {
    case ROW_load:
    case ROW_number:
    case ROW_constant: break;
    case ROW_select:
        if (m->b.operands.len < 10 && instr_of(m, x)->columns) row_select(&m->b, add_operand(m, false, true), x, y);
        break;
    case ROW_log: row_op(&m->b, op, that(m, random_one_in(m->random, 2), false), 0, 0); break;
    case ROW_bf16:
    case ROW_f16:
    case ROW_widen: row_op(&m->b, op, as_wide(m, x, false), 0, 0); break;
    case ROW_narrow: row_op(&m->b, op, as_wide(m, x, true), 0, 0); break;
    case ROW_rotate:
        if (m->width && m->width / m->block % 2 == 0) row_op(&m->b, op, that(m, instr_of(m, y)->wide, true), y, z);
        break;
    case ROW_except: row_op(&m->b, op, that(m, instr_of(m, z)->wide, true), that(m, true, false), z); break;
    case ROW_pick: row_op(&m->b, op, that(m, random_one_in(m->random, 2), true), that(m, true, false), 0); break;
    case ROW_which: {
        uint16_t of = that(m, instr_of(m, y)->wide, true);
        row_op(&m->b, op, of, random_one_in(m->random, 2) ? row_op(&m->b, ROW_largest, of, 0, 0) : y, 0);
        break;
    }
    case ROW_sum:
    case ROW_largest: row_op(&m->b, op, that(m, random_one_in(m->random, 2), true), 0, 0); break;
    default: row_op(&m->b, op, x, y, z); break;
    }
}

static inline RowCode random_code(Maker *m) {
    static const uint32_t blocks[] = {1, 5, 6, 12, 15, 16, 17, 20, 31, 32, 33, 48};
    m->block =
        random_one_in(m->random, 3) ? 1 + random_below(m->random, 40) : blocks[random_below(m->random, COUNT(blocks))];
    m->width = m->block * (1 + random_below(m->random, MIN(4, 100 / m->block)));
    if (random_one_in(m->random, 4)) m->width = m->block = 0;
    row_load(&m->b, add_operand(m, false, false));
    row_number(&m->b, add_operand(m, true, false), false);
    for (uint32_t i = random_below(m->random, 5); i; i--) add_leaf(m);
    for (uint32_t i = 3 + random_below(m->random, 20); i; i--) add_op(m);
    for (uint32_t i = 1 + random_below(m->random, 4); i; i--)
        row_result(&m->b, any_value(m), random_one_in(m->random, 3));
    return row_done(&m->b, m->width, m->block);
}
