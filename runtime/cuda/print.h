// print.h: what the files print*.c share: a row kernel that is being printed as CUDA.
#pragma once

#include "runtime/cuda/print_row.h"

// Columns of the kernel, and those of the other block of a pair of blocks, which rotations read.
typedef enum { SIDE_OWN, SIDE_PARTNER, SIDES } SideOf;

typedef struct {
    Arena *arena;
    Text *out;
    const RowCode *code;
    const DType *types;
    const bool *still; // by operand, or NULL
    const uint8_t *stages;
    const bool *live;    // by instruction
    bool *needed[SIDES]; // in this stage
    uint32_t stage;
    uint32_t threads, group; // of a row; columns that a thread takes side by side
    uint32_t together;       // thread blocks that share a row and what they reduce
    uint32_t rounds;         // groups of a thread, when the width is known
    uint32_t block;          // columns of one
    bool quick;              // of states that are short: last bits of a quotient do not matter
} Print;

// print_ops.c: the value of an instruction as an expression. in: the names of its inputs.
typedef void PrintOp(const Print *p, SideOf side, const RowInstr *instr, const Str *in);
extern PrintOp *const print_ops[ROW_COUNT];
