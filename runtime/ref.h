// ref.h: the reference device: every op in plain loops. What these say is what an op means.
//
// Sums are accumulated in double and rounded once to the type of the result; element-wise arithmetic on states is
// float32 (numbers of the spec are rounded to float32 first), on numbers it is double.
#pragma once

#include "mdx/error.h"
#include "mdx/plan.h"
#include "runtime/fit_memo.h"

typedef struct {
    const void *data;
    DType dtype;
    uint64_t rows;
    uint32_t width;
} RefInput;

typedef struct {
    const Step *step;
    const Plan *plan;
    RefInput in[OP_MOST_INPUTS];
    RefInput other[2]; // of attention: a patched run's own keys and values
    void *out;
    DType out_dtype;
    uint64_t out_rows;
    uint32_t width;
    FitReport *fit; // of ops that fit a map
    FitMemo *memo;  // what a fit leaves for the next one of the plan; NULL: nothing is left
    Arena *scratch; // dropped after the step
} RefOp;

typedef bool RefFunction(const RefOp *op, Error *err);
extern RefFunction *const ref_functions[OP_COUNT];

// Row of input i that row r of the step reads.
static inline uint64_t ref_row(const RefOp *op, int i, uint64_t r) {
    return op->step->map[i] ? op->step->map[i][r] : r;
}
// The same row as floats; the input must be float32.
static inline const float *ref_f32(const RefOp *op, int i, uint64_t r) {
    return (const float *)op->in[i].data + ref_row(op, i, r) * op->in[i].width;
}
static inline float *ref_out(const RefOp *op, uint64_t r) {
    return (float *)op->out + r * op->width;
}
static inline double *ref_out_f64(const RefOp *op) {
    return op->out;
}
bool ref_states_finite(const RefOp *op, Error *err); // of all inputs
double ref_dot(const float *a, const float *b, uint32_t n);
// Row `row` of a weight, widened, in `to` [width].
void ref_weight_row(const RefInput *weight, uint64_t row, float *to);

// The head of the definition of an op.
#define REF(name) bool ref_##name(const RefOp *op, __attribute__((unused)) Error *err)

// Every op has one, but leaves: they are data.
#define MDX_OP(name, inputs, rows, what) RefFunction ref_##name;
#include "mdx/op.def"
