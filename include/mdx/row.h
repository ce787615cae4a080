// row.h: row kernels: what happens to a row between two matrix products, as plain data that every device prints.
//
// A RowCode is a list of operations in an order in which each comes after its inputs. A value is one number a row or
// one number a column, float32 or float64 (wide). Rows do not know of each other. All columns of a kernel come in
// blocks of `block` columns (the whole row, half a head, a head); values that depend on a number reduced from the
// columns need a further pass over the columns (a stage): the devices find the stages.
//
// Code has no addresses and no row numbers: they are bound when a step runs it, so that layers of equal shape share it.
#pragma once

#include "mdx/dtype.h"

typedef enum {
#define MDX_ROW(name, inputs, shape, what) ROW_##name,
#include "mdx/row.def"
    ROW_COUNT
} RowOp;

typedef enum { SHAPE_LEAF, SHAPE_MAP, SHAPE_REDUCE } RowShape;

typedef struct {
    const char *name;
    uint32_t inputs;
    RowShape shape;
    const char *what;
} RowOpInfo;
extern const RowOpInfo row_info[ROW_COUNT];

// Which column of an operand a kernel's column (block b, i within it) reads.
typedef enum {
    COLUMNS_SAME,  // b * block + i
    COLUMNS_LOCAL, // i
    COLUMNS_BLOCKS // column (b * block + i) % span of span number table[(b * block + i) / span]; NONE: 0 (select: not named)
} ColumnRule;

typedef struct {
    uint8_t number;  // one number a row (load: 0)
    uint8_t flag;    // no numbers at all: which rows (and blocks) are named; of `select` alone
    uint8_t fixed;   // every row reads the one row that is bound
    uint8_t mapped;  // row r reads row map[r]; else row r. A flag: row r is named when map[r] != ROW_NONE
    uint8_t columns; // ColumnRule
    uint8_t zero[3]; // always 0: codes are compared and hashed as bytes
    uint32_t span;   // of COLUMNS_BLOCKS, a multiple of the kernel's block
} RowOperand;

typedef struct {
    uint16_t value;  // of the instructions; its shape and width are those of the output
    uint8_t mapped;  // row r goes to row map[r], or nowhere when that is ROW_NONE
    uint8_t zero;
} RowResult;

#define ROW_NONE UINT32_MAX

typedef struct {
    uint8_t op;      // RowOp
    uint8_t wide;    // float64
    uint8_t columns; // a value a column, else one a row
    uint8_t zero;
    uint16_t in[3];
    uint16_t operand; // of load, number, select
    uint32_t zeros;
    double constant;
} RowInstr;

typedef struct {
    const RowInstr *instrs;
    const RowOperand *operands;
    const RowResult *results;
    uint32_t instr_count, operand_count, result_count;
    uint32_t width;  // columns; 0: given when it runs (then block is 0 too, and all rules are COLUMNS_SAME)
    uint32_t block;  // divides the width
} RowCode;

// ---- Running it
// One for each operand, then one for each result. stride in elements; 0 for fixed operands.
typedef struct {
    void *at;                // operands are only read; NULL for flags
    const uint32_t *map;     // [rows] of the step, NULL unless mapped
    const uint32_t *blocks;  // table of COLUMNS_BLOCKS
    uint64_t stride;
} RowPointer;

// Rows first … end - 1. columns: the width when the code has none. base: the number of column 0, for which, pick and
// except.
typedef void RowFunction(const RowPointer *pointers, uint64_t columns, uint64_t base, uint64_t first, uint64_t end);

// ---- Making it. Equal operations and equal operands of the same number are one. All return the number of a value.
typedef struct {
    Arena *arena;
    LIST(RowInstr) instrs;
    LIST(RowOperand) operands;
    LIST(RowResult) results;
} RowBuilder;

uint16_t row_operand(RowBuilder *b, RowOperand operand);             // the number of a new operand
uint16_t row_load(RowBuilder *b, uint16_t operand);                  // a float32 value a column, of whatever float type it has
uint16_t row_number(RowBuilder *b, uint16_t operand, bool wide);     // what lies there is converted
uint16_t row_constant(RowBuilder *b, double value, bool wide);
uint16_t row_select(RowBuilder *b, uint16_t flag, uint16_t named, uint16_t other);
// Any other operation. Inputs of one width, or (a float32 one and a wide one) it is a bug.
uint16_t row_op(RowBuilder *b, RowOp op, uint16_t x, uint16_t y, uint16_t z);
void row_result(RowBuilder *b, uint16_t value, bool mapped);
RowCode row_done(const RowBuilder *b, uint32_t width, uint32_t block);

// A legal code: NULL, or what is wrong.
const char *row_verify(const RowCode *code);
// The stage of each value: how many reductions stand one behind another before it is known. In the arena.
uint8_t *row_stages(const RowCode *code, Arena *arena);
bool *row_live(const RowCode *code, Arena *arena); // of each value, whether a result needs it
void row_print(const RowCode *code, Text *out);
bool row_equal(const RowCode *a, const RowCode *b);
