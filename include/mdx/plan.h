// plan.h: the contract between the two halves: what is computed, in which order, where it lies. Plain data.
//
// A Plan is made by compiler/lower.c and run by runtime/execute.c. Every number that a spec can vary without
// changing what is computed (values of sweeps, constants) is data of the plan, never part of code.
#pragma once

#include "mdx/op.h"
#include "mdx/row.h"

// ---- Where a value lies
typedef enum {
    IN_ARENA,  // at `offset` of the device's memory
    IN_FILE,   // a tensor of a checkpoint: never copied by the plan
    IN_PLAN,   // in plan->tables
    NOWHERE,   // a kernel computes it and keeps it to itself
} ValuePlace;

typedef struct {
    ValuePlace place;
    DType dtype;       // of the arena or the plan; a tensor in a file has the file's
    uint64_t rows;
    uint32_t width;
    uint64_t offset, bytes; // in the arena
    uint32_t file, tensor;  // of plan->files, plan->texts
    uint32_t table;         // of plan->tables
    uint32_t first, last;   // steps that write it and read it last
    uint32_t base;          // value + 1 of which it is the rows from base_row on (0: it lies by itself), or columns
    uint64_t base_row;
    uint32_t base_column;
    uint32_t stride;        // numbers from one row to the next; 0: its width
    bool varies;            // with the values of a sweep
    bool stays;             // it has its memory for itself: a rerun of what varies reads it
    uint32_t instead;       // value + 1 whose memory it takes over: its kernel reads each number of that before it
                            // writes it (0: none)
} Value;

// ---- A row kernel, bound. It has many inputs and results: in and out of the step are not used.
typedef struct {
    uint32_t value;         // of plan->values; NO_VALUE for a flag
    uint32_t row;           // of a fixed operand
    const uint32_t *map;    // [rows of the step], of a mapped operand or result
    const uint32_t *blocks; // of COLUMNS_BLOCKS
} RowBinding;

typedef struct {
    uint32_t code;               // of plan->codes
    const RowBinding *operands;  // [code->operand_count]
    const RowBinding *results;   // [code->result_count]
} Fused;

// ---- Metrics of logits, tile by tile of the vocabulary. The logits are made where they are read and never kept:
// for each tile of columns, the tile of each source is computed, and each metric's `tile` code goes over its rows.
typedef struct {
    uint32_t x;             // [., width] what is unembedded, or the logits themselves when weight is NO_VALUE
    uint32_t weight;        // [vocab, width]
    const uint32_t *map;    // row of x for each row of the step; NULL: the same
} LogitsSource;

// A metric keeps `states` float64 numbers a row, which begin as `initial`. The operands of `first` and `tile` are: a
// tile of the source, or of both; then (if ids is not NO_VALUE) the id, a number; then the states. Their results are
// the new states. `first` (or NO_CODE) runs over the one tile that holds column `first_column`, before the others.
// `second` (or NO_CODE) makes `second_states` more, of the second source alone: once for each of its rows, however many
// rows of the metric read it. It goes before `tile`, whose last operands are then these states before and after it. The
// operands of `finish` are the states and those, its result is the metric.
typedef struct {
    Op op;
    uint32_t out;           // of plan->values, [rows, 1] float64
    uint32_t sources[2], source_count;
    uint32_t ids;           // of plan->values, [., 1] int32
    const uint32_t *ids_map;
    uint32_t first, tile, second, finish; // of plan->codes, of any width
    uint32_t first_column;
    uint32_t states, second_states;
    const double *initial; // [states + second_states]
    bool shows;            // a logit that is not finite makes the result so
    Span span;
} LogitsMetric;

// Devices hold a tile of each source at once.
enum { LOGITS_MOST_SOURCES = 64 };

typedef struct {
    uint32_t vocab;
    const LogitsSource *sources;
    const LogitsMetric *metrics;
    uint32_t source_count, metric_count;
} Logits;

#define NO_VALUE UINT32_MAX
#define NO_CODE UINT32_MAX

// ---- Keys, or values, of attention. Row r reads the rows begin[r], begin[r] + 1 … of the input; or, when `rows` is not
// NULL, what rows[begin[r]], rows[begin[r] + 1] … name: a row of the input, or, marked OTHER_ROW, a row of `other`
// counted from own[r]. So a patched run reads the unpatched run's keys, and its own where they differ.
typedef struct {
    uint32_t other; // of plan->values, when rows is not NULL
    const uint32_t *begin, *rows, *own;
} KeyRows;

#define OTHER_ROW 0x80000000u

enum { STEP_MOST_WEIGHTS = 8 }; // of one product

// ---- One operation
// Row r of the result reads row map[i][r] of input i; NULL is the identity. Ops that read many rows of an input for
// one of theirs (prompt_mean) read rows begin[r] … begin[r] + count[r] - 1 of it. `owner` is for sums over
// everything (reduce, r2): which row of the result a row belongs to.
typedef struct {
    Op op;
    Attr attr;
    uint32_t out, in[OP_MOST_INPUTS]; // of plan->values
    uint64_t rows;                    // over which it goes: of the result, or of what is summed
    const uint32_t *weights;          // linear: several, one below another, in[1] among them; NULL: in[1] alone
    uint32_t weight_count;
    const uint32_t *map[OP_MOST_INPUTS];
    const uint32_t *begin, *count;
    KeyRows keys, values;             // attention: count[r] of each
    const uint32_t *owner;
    const uint32_t *prompt;           // of each row of what is summed over everything
    const uint32_t *position;         // of each row in its prompt (rope)
    const uint32_t *source;           // of each row in its stream (tokens); of the result in the value, or UINT32_MAX (write)
    double flops;                     // multiplications and additions, about
    Span span;                        // the text that asked for it
    Str name;                         // the site it is, if it is one
    bool varies;                      // its results do, with the values of a sweep
    uint32_t group;                   // of steps of which those of one kind may be one step
    const Fused *fused;               // NULL, or what runs in the place of `op`
    const Logits *logits;             // the same
} Step;

// Numbers from one of its rows to the next.
static inline uint32_t value_stride(const Value *value) {
    return value->stride ? value->stride : value->width;
}

// A matrix product that is a step of its own.
static inline bool step_is_product(const Step *step) {
    return !step->fused && !step->logits && (step->op == OP_linear || step->op == OP_product);
}

// The weights of a product: how many, and the one with the i-th columns of the result.
static inline uint32_t step_weight_count(const Step *step) {
    return step->weights ? step->weight_count : 1;
}

static inline uint32_t step_weight(const Step *step, uint32_t i) {
    return step->weights ? step->weights[i] : step->in[1];
}

// ---- What comes out
typedef enum { OUT_metric, OUT_values, OUT_states, OUT_map, OUT_centroids, OUT_norm, OUT_probe } OutputKind;

typedef struct {
    OutputKind kind;
    uint32_t value; // of plan->values
    uint32_t index; // of the metric, the term, the captured states or the map
    uint32_t part;  // map: which of several
    uint32_t after; // it is complete after this step
    // metric, values, states: `count` results; result i is row rows[i] of the value and belongs to point points[i] of
    // the axes of what it is of, to prompt prompts[i] (values, states) and to a token at positions[i] (states).
    uint64_t count;
    const uint32_t *rows, *points, *prompts, *positions;
} Output;

typedef struct {
    const char *path;    // a model's folder, or a safetensors file
    bool folder;
    Str name;            // of the model, for messages
    Span span;
} PlanFile;

typedef struct {
    DType dtype;
    uint64_t rows;
    uint32_t width;
    const void *data;
    uint32_t axis, first; // axis + 1 whose values from number `first` on it holds, which a rerun replaces; 0: none
} PlanTable;

typedef struct {
    const Value *values;
    const Step *steps;
    const Output *outputs;
    const PlanFile *files;
    const PlanTable *tables;
    const Str *texts;
    const uint32_t *const *lists; // each [0] is its length
    const RowCode *codes;         // each once
    size_t code_count;
    size_t value_count, step_count, output_count, file_count, table_count, text_count, list_count;
    uint64_t arena_bytes;
    double flops;
} Plan;

// Every value that a step reads or writes, its result first; NO_VALUE never comes (compiler/plan_values.c).
typedef void ValueVisit(void *self, uint32_t value, bool written);
void step_values(const Plan *plan, const Step *step, ValueVisit *visit, void *self);
