// op.h: the operations and their attributes.
#pragma once

#include "mdx/dtype.h"

typedef enum {
#define MDX_OP(name, inputs, rows, what) OP_##name,
#include "mdx/op.def"
    OP_COUNT
} Op;

enum { OP_MOST_INPUTS = 3, MOST_LAMBDAS = 64, MOST_CLUSTERS = 64 };

// What `interval` gives: the number itself, where it begins and ends, and how many draws had no number.
enum { INTERVAL_NUMBER, INTERVAL_LO, INTERVAL_HI, INTERVAL_UNDEFINED, INTERVAL_COLUMNS };

// Where what `sums` makes has its rows: what is taken from each row first, sums, how many, products (runtime/sums.h).
enum { SUMS_SHIFT, SUMS_TOTAL, SUMS_COUNT, SUMS_PRODUCTS };

typedef enum { ROWS_LEAF, ROWS_ROWWISE, ROWS_ATTENTION, ROWS_ROWS, ROWS_PROMPT, ROWS_POINT, ROWS_MATRIX } RowRule;

typedef struct {
    const char *name;
    uint32_t inputs;
    RowRule rows;
    const char *what;
} OpInfo;
extern const OpInfo op_info[OP_COUNT];

typedef enum {
#define MDX_REDUCTION(name, arguments, what) REDUCE_##name,
#include "mdx/reduction.def"
    REDUCE_COUNT
} Reduction;

// Blocks of columns: `count` blocks of `size` columns, at the block numbers of a list (Plan.lists). size 0: all columns.
typedef struct {
    uint32_t size, list;
} Blocks;

// What an op is told besides its inputs; which member, the op decides. Always zeroed before it is filled in, so that
// attributes can be compared and hashed as bytes. Texts and lists are numbers of entries in the tables of the plan.
typedef union {
    struct { uint32_t file, tensor; } weight;                      // of Plan.files; the tensor's name, a text
    struct { uint32_t table; } table;                              // of Plan.tables
    struct { double value; } constant;
    struct { uint32_t axis, first; } axis;                         // values first, first + 1, … of the sweep
    struct { uint32_t stream; } tokens;
    struct { double eps; } norm;
    struct { uint32_t row; } bias;                                 // of in[1]
    struct { uint32_t heads; } rope;
    struct { uint32_t heads, kv_heads; float scale; } attention;
    struct { Blocks blocks; } columns;
    struct { uint32_t selection; } rows;                           // the named positions of the input's stream
    struct { uint32_t part; } join;                                // of the micro-batches: that of the second
    struct { uint32_t selection; Blocks blocks; uint32_t probe; } write; // the rows that are written (splice: that are the second's); 1: never folded
    struct { uint64_t first, count; uint32_t part; uint8_t one; } sums; // rows; of which micro-batch; of x alone: y is not read
    struct { uint32_t in_width; } fit_mean;
    struct { uint32_t source, target; } pairs;                     // of fits: list + 1 of the prompt whose rows stand in the place of each one's; 0: its own
    struct { uint32_t source, target, rank; uint8_t scale, whiten, complete; double shrink, floor; } procrustes; // rank 0: full
    struct { uint32_t source, target, rank; uint8_t standardize; uint64_t held; } ridge; // the last `held` rows choose lambda
    struct { uint64_t seed; } random;                              // and of kmeans
    struct { uint32_t source, target, fit, attr, lambdas, number; } cluster; // which one; the op of its fit, its attributes (a list), a table + 1 or 0
    struct { uint32_t part; } map_of;                              // of several maps in one file
    struct { uint32_t from; } choose;                              // the number from which on it is the second
    struct { uint32_t rank; uint8_t center; } pca;
    struct { uint32_t best, other; uint8_t named; } margin;
    struct { uint32_t token; } rank;
    struct { double p; uint32_t reduction, draws; } reduce;        // draws of prompts: a table + 1; 0: none
    struct { uint32_t how, draws; } measure;                       // r2, cka (how: debiased), correlation (how: of ranks)
    struct { uint32_t basic; } interval;
    uint64_t words[4];
} Attr;

// Fits whose attributes begin with `pairs`; a fit of a cluster (OP_fit_cluster) has the same.
static inline bool op_is_paired(Op op) {
    return op == OP_fit_procrustes || op == OP_fit_ridge || op == OP_fit_cluster;
}
