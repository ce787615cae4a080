// ref_point.c: one number a point, of all prompts: reductions and what is measured over all rows. All in double.
#include <math.h>

#include "runtime/bootstrap.h"
#include "runtime/cka.h"
#include "runtime/correlate.h"
#include "runtime/r2.h"
#include "runtime/reduce.h"
#include "runtime/ref.h"

// A metric of states that are not finite is no "undefined" number: something broke before.
bool ref_states_finite(const RefOp *op, Error *err) {
    for (int i = 0; i < (int)op_info[op->step->op].inputs; i++)
        for (uint64_t r = 0; r < op->step->rows; r++)
            for (uint32_t c = 0; c < op->in[i].width; c++)
                if (!isfinite(ref_f32(op, i, r)[c]))
                    FAIL(err, ERR_NOT_FINITE, "a state is not finite (column %u of row %llu)", c,
                         (unsigned long long)r);
    return true;
}

// ---- Rows of a result, draws of its prompts

// The rows of each result, one result's behind another's.
typedef struct {
    uint32_t *begin, *rows; // [results + 1]; [rows]
} Owned;

static Owned owned_rows(const RefOp *op) {
    const uint32_t *owner = op->step->owner;
    uint64_t rows = op->step->rows;
    Owned owned = {arena_many(op->scratch, uint32_t, op->out_rows + 1), arena_many(op->scratch, uint32_t, rows + 1)};
    uint32_t *next = arena_many(op->scratch, uint32_t, op->out_rows + 1);
    for (uint64_t r = 0; r < rows; r++) owned.begin[(owner ? owner[r] : r) + 1]++;
    for (uint64_t out = 0; out < op->out_rows; out++) next[out] = owned.begin[out + 1] += owned.begin[out];
    for (uint64_t r = rows; r-- > 0;) owned.rows[--next[owner ? owner[r] : r]] = (uint32_t)r;
    return owned;
}

static U32List rows_of(const Owned *owned, uint64_t out) {
    return (U32List){.at = owned->rows + owned->begin[out], .len = owned->begin[out + 1] - owned->begin[out]};
}

// Where a result lies: its number, then those of the draws.
static double *result_of(const RefOp *op, uint64_t out) {
    return ref_out_f64(op) + out * op->width;
}

static Draws draws_of(const RefOp *op, uint32_t draws) {
    if (!draws) return (Draws){0};
    const PlanTable *table = &op->plan->tables[draws - 1];
    return (Draws){(uint32_t)table->rows, table->width, table->data};
}

// ---- Of values, one a prompt

// Reductions may change the order of the values.
static double reduced(const RefOp *op, const double *values, uint64_t n, double *room) {
    memcpy(room, values, n * sizeof *room);
    return reduce((Reduction)op->step->attr.reduce.reduction, room, n, op->step->attr.reduce.p);
}

REF(reduce) {
    const Draws draws = draws_of(op, op->step->attr.reduce.draws);
    double *values = arena_many(op->scratch, double, op->step->rows),
           *taken = arena_many(op->scratch, double, op->step->rows),
           *room = arena_many(op->scratch, double, op->step->rows);
    const Owned owned = owned_rows(op);
    for (uint64_t out = 0; out < op->out_rows; out++) {
        U32List rows = rows_of(&owned, out);
        for (size_t i = 0; i < rows.len; i++) values[i] = ((const double *)op->in[0].data)[ref_row(op, 0, rows.at[i])];
        result_of(op, out)[0] = reduced(op, values, rows.len, room);
        for (uint32_t d = 0; d < draws.count; d++) {
            for (size_t i = 0; i < rows.len; i++) taken[i] = values[draws.taken[(uint64_t)d * draws.prompts + i]];
            result_of(op, out)[1 + d] = reduced(op, taken, rows.len, room);
        }
    }
    return true;
}

// Two values of each prompt, and room for their ranks.
typedef struct {
    double *values[2], *taken[2], *ranks[2];
    uint32_t *order;
} Pairs;

static Pairs pairs_open(const RefOp *op) {
    Pairs pairs = {.order = arena_many(op->scratch, uint32_t, 2 * op->step->rows)};
    for (int k = 0; k < 2; k++) {
        pairs.values[k] = arena_many(op->scratch, double, op->step->rows);
        pairs.taken[k] = arena_many(op->scratch, double, op->step->rows);
        pairs.ranks[k] = arena_many(op->scratch, double, op->step->rows);
    }
    return pairs;
}

static double correlated(const RefOp *op, const Pairs *pairs, double *const values[2], size_t n) {
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < n; i++)
            if (!isfinite(values[k][i])) return NAN;
    if (!op->step->attr.measure.how) return correlate(values[0], values[1], n);
    for (int k = 0; k < 2; k++) ranks_of(values[k], n, pairs->ranks[k], pairs->order);
    return correlate(pairs->ranks[0], pairs->ranks[1], n);
}

REF(correlation) {
    const Draws draws = draws_of(op, op->step->attr.measure.draws);
    const Pairs pairs = pairs_open(op);
    const Owned owned = owned_rows(op);
    for (uint64_t out = 0; out < op->out_rows; out++) {
        U32List rows = rows_of(&owned, out);
        for (int k = 0; k < 2; k++)
            for (size_t i = 0; i < rows.len; i++)
                pairs.values[k][i] = ((const double *)op->in[k].data)[ref_row(op, k, rows.at[i])];
        result_of(op, out)[0] = correlated(op, &pairs, pairs.values, rows.len);
        for (uint32_t d = 0; d < draws.count; d++) {
            for (int k = 0; k < 2; k++)
                for (size_t i = 0; i < rows.len; i++)
                    pairs.taken[k][i] = pairs.values[k][draws.taken[(uint64_t)d * draws.prompts + i]];
            result_of(op, out)[1 + d] = correlated(op, &pairs, pairs.taken, rows.len);
        }
    }
    return true;
}

// ---- Of states

static Sides sides_of(const RefOp *op, U32List rows, Arena *scratch) {
    Sides sides = sides_open(scratch, rows.len, op->in[0].width, op->in[1].width);
    uint32_t *prompt = arena_many(scratch, uint32_t, rows.len);
    for (size_t i = 0; i < rows.len; i++) {
        prompt[i] = op->step->prompt ? op->step->prompt[rows.at[i]] : (uint32_t)i;
        for (int s = 0; s < 2; s++)
            for (uint32_t c = 0; c < sides.width[s]; c++)
                sides.states[s][i * sides.width[s] + c] = ref_f32(op, s, rows.at[i])[c];
    }
    sides.prompt = prompt;
    return sides;
}

// One measure of a point's states, then that of each draw.
typedef void Measure(const RefOp *op, Sides *sides, const Draws *draws, double *out, Arena *scratch);

static bool measure_points(const RefOp *op, Measure *measure, Error *err) {
    TRY(ref_states_finite(op, err));
    const Draws draws = draws_of(op, op->step->attr.measure.draws);
    const Owned owned = owned_rows(op);
    for (uint64_t out = 0; out < op->out_rows; out++) {
        Arena *scratch = arena_open();
        Sides sides = sides_of(op, rows_of(&owned, out), scratch);
        measure(op, &sides, &draws, result_of(op, out), scratch);
        arena_close(scratch);
    }
    return true;
}

static void measure_r2(const RefOp *op, Sides *sides, const Draws *draws, double *out, Arena *scratch) {
    (void)op;
    out[0] = r2(sides, scratch);
    if (draws->count) r2_draws(sides, draws, out + 1, scratch);
}

REF(r2) {
    return measure_points(op, measure_r2, err);
}

static void measure_cka(const RefOp *op, Sides *sides, const Draws *draws, double *out, Arena *scratch) {
    bool debiased = op->step->attr.measure.how;
    if (sides_centre(sides)) {
        out[0] = cka(sides, debiased, scratch);
        if (draws->count) cka_draws(sides, draws, debiased, out + 1, scratch);
        return;
    }
    for (uint32_t c = 0; c < op->width; c++) out[c] = NAN;
}

REF(cka) {
    return measure_points(op, measure_cka, err);
}

// ---- Of numbers

REF(interval) {
    uint32_t width = op->in[0].width;
    double *drawn = arena_many(op->scratch, double, width);
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const double *x = (const double *)op->in[0].data + ref_row(op, 0, r) * width;
        memcpy(drawn, x + 1, (width - 1) * sizeof *x);
        Interval interval = bootstrap_interval(x[0], drawn, width - 1, op->step->attr.interval.basic);
        double *out = result_of(op, r);
        out[INTERVAL_NUMBER] = x[0];
        out[INTERVAL_LO] = interval.lo;
        out[INTERVAL_HI] = interval.hi;
        out[INTERVAL_UNDEFINED] = interval.undefined;
    }
    return true;
}
