// explain.h: what an experiment costs, and why, before anything runs: from the Experiment, the Graph and the Plan.
//
// What is counted are rows of the products with the weights of models. A *token-layer* is a row of the product whose
// result is the site mlp_out: one token position (at one point) through one layer, of any architecture.
#pragma once

#include "compiler/build.h"
#include "compiler/lower.h"

// ---- Products with the weights of models
typedef struct {
    uint32_t file, tensor; // of Tables
    uint32_t model;        // of exp->models
    uint32_t layer;        // that the product is in; of the unembedding: the model's number of layers
    bool token_layer;      // its rows are token-layers
    bool unembeds;         // its rows are those of the unembedding
    uint64_t in, out;
} Product;

typedef struct {
    Tables *tables;
    LIST(Product) list; // of all models that a run of the experiment is of
    StrMap numbers;     // by file and tensor
} Products;

Products products_find(Tables *tables);
const Product *product_of(const Products *products, uint32_t file, uint32_t tensor); // NULL: no weight of a layer
const Product *product_at(const Products *products, const Node *node);               // NULL: no such product
uint32_t product_file(Tables *tables, uint32_t model);

typedef struct {
    uint64_t token_layers, unembedding_rows, gemm_flop;
} Cost;

uint64_t count_times(uint64_t a, uint64_t b); // these stop at the most that 64 bits hold
uint64_t count_plus(uint64_t a, uint64_t b);
uint64_t product_flop(const Product *product, uint64_t rows);
void cost_add(Cost *cost, const Product *product, uint64_t rows);
void cost_join(Cost *cost, const Cost *more);
void cost_json(const Cost *cost, Text *out); // an object

// ---- What is explained
// The rows of one run in one layer, or of its unembedding.
typedef struct {
    uint64_t rows, flop;
    uint64_t points;            // of its products: rows = points x tokens, unless mixed
    const Selection *selection; // the tokens
    bool mixed;                 // its products have different tokens
} LayerCost;

// What a run reads of another and does not make again, by layer.
typedef struct {
    uint32_t run; // of Explanation.runs
    Cost cost;
    uint64_t *rows; // [layers + 1]
} Reads;

typedef struct {
    Str label, text;
} Why;

// All instances of one run statement, or a clean run that something else needs.
typedef struct {
    Str name;
    Span span;
    uint32_t model, prompts, layers;
    uint32_t stream; // its prompts as they are, without texts of logp
    LIST(const RunInst *) instances;
    AxisSet axes;           // sweeps that reach it
    uint64_t points;        // of all its instances
    uint64_t tokens;        // of its prompts, once
    uint64_t most_together; // points of value sweeps in one product
    Cost naive, planned;
    uint64_t naive_weights; // bytes read
    LayerCost *layer;       // [layers + 1], the last: unembedding
    LIST(Reads) reads;
    LIST(Why) why;
} RunCost;

// A product of the graph, with the rows that are made of it.
typedef struct {
    const Node *node;
    const Product *product;
    const Selection *selection;
    uint64_t rows;
    uint32_t run; // of Explanation.runs
    bool proof;   // only a run that proves itself needs it
} Work;

// A line of the spec, and the planned work that it brings.
typedef struct {
    Span span;
    double flop;
} LineCost;

typedef struct {
    bool slices, merges;          // whether these passes run
    bool fuses;                   // whether metrics unembed what they read, and no more
    const uint32_t *weight_bytes; // of one number, by model
    const char *device;
    uint64_t device_bytes; // of memory, beside the plan's
    uint32_t parts;        // micro-batches
} ExplainOptions;

typedef struct {
    Arena *arena;
    const Graph *graph;
    const Plan *plan;
    const Experiment *exp;
    const ExplainOptions *options;
    Products products;
    LIST(Work) work;
    LIST(RunCost) runs;
    uint32_t *run_of; // [exp->runs.len] number in runs + 1; 0: nothing that is reported needs it
    Cost naive, planned;
    Cost again;                              // part of planned: unembedding of rows that another step unembeds too
    Cost proofs;                             // part of planned, of no run: patched runs with their own values
    uint64_t naive_weights, planned_weights; // bytes read
    LIST(LineCost) lines;                    // dearest first
} Explanation;

// Everything lives in the graph's arena. False when the prompts cannot be read.
bool explain(const Graph *graph, const Plan *plan, const ExplainOptions *options, Explanation *out, Error *err);
void explain_print(const Explanation *explanation, Text *out);
void explain_json(const Explanation *explanation, Text *out);
// Numbers as people write them: 1,234,567; the others to three digits or so.
void count_write(uint64_t count, Text *out);
void gflop_write(double flop, Text *out);

// ---- between the files explain*.c
uint64_t product_bytes(const Explanation *e, const Product *product);
const Write *lowest_write(const RunInst *run); // the patch that the others stand above; NULL: it has none
uint32_t run_of_node(const Explanation *e, const Node *node); // number in runs + 1; 0: none
bool explain_naive(Explanation *e, Error *err);               // fills runs, with what hooks would do
void explain_lines(Explanation *e);
Str explain_line(const Explanation *e, Span span); // as it stands in the spec
void explain_why(Explanation *e);
