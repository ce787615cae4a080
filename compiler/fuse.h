// fuse.h: what the files of fusing share: a plan whose steps are being gathered into row kernels.
#pragma once

#include "compiler/lower.h"

// How an expression looks at a value: row map[r] of it (ROW_NONE: what stands there does not matter; NULL: row r), and
// all its columns in order, or (span > 0) the spans of columns that a table names.
typedef struct {
    const uint32_t *map;
    uint32_t span;
    const uint32_t *blocks; // [width of the unit / span], ROW_NONE: no matter
} Path;

// A value that a unit computes for all its rows; `map` gives its row in the result of a gather.
typedef struct {
    uint32_t value;
    uint16_t instr;
    const uint32_t *map;
} Member;

// A row kernel in the making. It runs in the place of the step `root`.
typedef struct {
    uint32_t number; // of Fuse.units
    uint32_t root;
    uint64_t rows;
    uint32_t width, block;
    uint32_t turned; // columns of half a head, when it turns pairs of such blocks; 0: it does not
    RowBuilder code;
    LIST(RowBinding) operands;
    LIST(Member) members;
    double flops;
} Unit;

// Metrics of the same logits, in the place of the step `root`.
typedef struct {
    uint32_t root;
    uint64_t rows;
    LIST(LogitsSource) sources;
    LIST(LogitsMetric) metrics;
    double flops;
} LogitsUnit;

typedef struct {
    Lowered *lowered;
    Arena *scratch;
    uint32_t *producer; // value to the step that makes it, or NO_STEP
    uint32_t *reader;   // value to the one step that reads it; NO_STEP: nobody; MANY_STEPS
    uint32_t *ready;    // value to the place in the order at which it is there
    uint32_t *member;   // value to the unit that computes it + 1
    bool *deferred;     // value that is computed where its one reader is, by the reader's kernel
    bool *gone;         // steps whose work is done by a unit or a group
    LIST(Unit *) units;
    LIST(LogitsUnit *) logits;
    uint32_t blocked;   // why the last evaluation failed: this value must lie in memory
    StrMap tables;      // RoPE tables by their frequencies
} Fuse;

enum { NO_STEP = 0xffffffff, MANY_STEPS = 0xfffffffe };

// fuse_ops.c: the value of an operation as instructions of a unit. False: it cannot be (see Fuse.blocked).
typedef bool RowExpansion(Fuse *fuse, Unit *unit, const Step *step, Path path, uint16_t *out);
extern RowExpansion *const row_expansions[OP_COUNT]; // NULL: not an operation of a row kernel
// A step's result as instructions, rounded to what the value is stored as, whether it is stored or not.
bool fuse_step(Fuse *fuse, Unit *unit, const Step *step, Path path, uint16_t *out);
bool fuse_value(Fuse *fuse, Unit *unit, uint32_t value, Path path, uint16_t *out);
const uint32_t *map_compose(Fuse *fuse, uint64_t rows, const uint32_t *first, const uint32_t *then);

// fuse_logits.c: metrics of logits, tile by tile.
bool fuse_is_unembedding(const Fuse *fuse, const Step *step); // its product is made where metrics read it
void fuse_metric(Fuse *fuse, uint32_t step);
Step fuse_logits_step(Fuse *fuse, const LogitsUnit *unit);

// row_metrics.c: the codes of a metric of logits.
typedef struct {
    RowCode first, tile, second, finish; // first, second: instr_count 0 when there is none
    uint32_t states, second_states;
    const double *initial;
    bool shows; // as in plan.h
    uint32_t first_column;
} MetricCodes;
bool metric_has_codes(Op op); // it is one
MetricCodes metric_codes(Op op, const Attr *attr, Arena *arena);
