// row_metrics.c: metrics of logits as row kernels over the tiles of a row.
//
// Each keeps a few float64 numbers from tile to tile (plan.h, LogitsMetric). A running maximum m keeps sums of
// exponentials small: S = sum e^(x - m) is rescaled by e^(m - m') when m grows to m' (online softmax: Milakov and
// Gimelshein 2018).
#include <math.h>

#include "compiler/fuse.h"

// Below every float32, and finite: differences with it are no NaN.
static const double NOTHING = -1e300;

enum { MOST_STATES = 8 };

typedef struct {
    RowBuilder b;
    uint16_t x[2];               // the tile of each source, a value a column
    uint16_t id;
    uint16_t state[MOST_STATES];
} Tile;

static uint16_t op1(Tile *t, RowOp op, uint16_t x) {
    return row_op(&t->b, op, x, 0, 0);
}

static uint16_t op2(Tile *t, RowOp op, uint16_t x, uint16_t y) {
    return row_op(&t->b, op, x, y, 0);
}

static Tile tile_open(Arena *arena, uint32_t sources, bool id, uint32_t states) {
    Tile t = {.b = {.arena = arena}};
    for (uint32_t i = 0; i < sources; i++) t.x[i] = row_load(&t.b, row_operand(&t.b, (RowOperand){.mapped = true}));
    if (id) t.id = row_number(&t.b, row_operand(&t.b, (RowOperand){.number = true, .mapped = true}), true);
    for (uint32_t i = 0; i < states; i++)
        t.state[i] = row_number(&t.b, row_operand(&t.b, (RowOperand){.number = true}), true);
    return t;
}

// Those of a row of the second source, which many rows of the metric may read.
static void second_states(Tile *t, uint16_t *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        out[i] = row_number(&t->b, row_operand(&t->b, (RowOperand){.number = true, .mapped = true}), true);
}

static RowCode tile_done(Tile *t, const uint16_t *results, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) row_result(&t->b, results[i], false);
    return row_done(&t->b, 0, 0);
}

// ---- Running sums of exponentials

typedef struct {
    uint16_t m, shrink, fall; // the new maximum; e^(m_old - m_new); m_old - m_new
    uint16_t d, e, sum;       // x - m, e^(x - m), the new sum
} Running;

static Running running(Tile *t, uint16_t x, uint16_t m, uint16_t sum) {
    Running r;
    r.m = op2(t, ROW_greater, m, op1(t, ROW_widen, op1(t, ROW_largest, x)));
    r.fall = op2(t, ROW_sub, m, r.m);
    r.shrink = op1(t, ROW_exp, r.fall);
    r.d = op2(t, ROW_sub, op1(t, ROW_widen, x), r.m);
    r.e = op1(t, ROW_exp, r.d);
    r.sum = op2(t, ROW_add, op2(t, ROW_mul, sum, r.shrink), op1(t, ROW_sum, r.e));
    return r;
}

// The new sum of e^(x - m) y, where y is relative to a level that fell by `fall`.
static uint16_t weighted(Tile *t, const Running *r, uint16_t old, uint16_t old_sum, uint16_t fall, uint16_t y) {
    uint16_t moved = op2(t, ROW_add, old, op2(t, ROW_mul, old_sum, fall));
    return op2(t, ROW_add, op2(t, ROW_mul, moved, r->shrink), op1(t, ROW_sum, op2(t, ROW_mul, r->e, y)));
}

// ---- One function a metric

#define METRIC(name) static void codes_##name(Arena *arena, __attribute__((unused)) const Attr *attr, MetricCodes *out)
#define STATES(...)                                                                                          \
    static const double initial[] = {__VA_ARGS__};                                                           \
    out->initial = initial;                                                                                  \
    out->states = COUNT(initial)

// sum p (log p - log q) = A / S_p - log S_p + log S_q, A = sum e^(p - m_p) ((p - m_p) - (q - m_q)): differences from the
// maxima, as logits may be large. Equal p and q give 0 exactly.
METRIC(kl) {
    STATES(NOTHING, 0, 0, NOTHING, 0);
    out->states = 3;
    out->second_states = 2;
    out->shows = true;
    Tile t = tile_open(arena, 2, false, 3);
    uint16_t before[2], after[2];
    second_states(&t, before, 2);
    second_states(&t, after, 2);
    Running p = running(&t, t.x[0], t.state[0], t.state[1]);
    uint16_t apart = op2(&t, ROW_sub, p.d, op2(&t, ROW_sub, op1(&t, ROW_widen, t.x[1]), after[0]));
    uint16_t fall = op2(&t, ROW_sub, p.fall, op2(&t, ROW_sub, before[0], after[0]));
    uint16_t a = weighted(&t, &p, t.state[2], t.state[1], fall, apart);
    out->tile = tile_done(&t, (uint16_t[]){p.m, p.sum, a}, 3);
    t = tile_open(arena, 1, false, 2);
    Running q = running(&t, t.x[0], t.state[0], t.state[1]);
    out->second = tile_done(&t, (uint16_t[]){q.m, q.sum}, 2);
    Tile f = tile_open(arena, 0, false, 3);
    uint16_t made[2];
    second_states(&f, made, 2);
    uint16_t mean = op2(&f, ROW_div, f.state[2], f.state[1]);
    uint16_t norms = op2(&f, ROW_sub, op1(&f, ROW_log, f.state[1]), op1(&f, ROW_log, made[1]));
    out->finish = tile_done(&f, (uint16_t[]){op2(&f, ROW_sub, mean, norms)}, 1);
}

// (x[id] - m) - log S
METRIC(logp) {
    STATES(NOTHING, 0, 0);
    Tile t = tile_open(arena, 1, true, 3);
    Running r = running(&t, t.x[0], t.state[0], t.state[1]);
    uint16_t at = op2(&t, ROW_add, t.state[2], op1(&t, ROW_widen, op2(&t, ROW_pick, t.x[0], t.id)));
    out->tile = tile_done(&t, (uint16_t[]){r.m, r.sum, at}, 3);
    Tile f = tile_open(arena, 0, false, 3);
    uint16_t above = op2(&f, ROW_sub, f.state[2], f.state[0]);
    out->finish = tile_done(&f, (uint16_t[]){op2(&f, ROW_sub, above, op1(&f, ROW_log, f.state[1]))}, 1);
}

// log S - T / S, T = sum e^(x - m) (x - m)
METRIC(entropy) {
    STATES(NOTHING, 0, 0);
    out->shows = true;
    Tile t = tile_open(arena, 1, false, 3);
    Running r = running(&t, t.x[0], t.state[0], t.state[1]);
    uint16_t sum = weighted(&t, &r, t.state[2], t.state[1], r.fall, r.d);
    out->tile = tile_done(&t, (uint16_t[]){r.m, r.sum, sum}, 3);
    Tile f = tile_open(arena, 0, false, 3);
    uint16_t mean = op2(&f, ROW_div, f.state[2], f.state[1]);
    out->finish = tile_done(&f, (uint16_t[]){op2(&f, ROW_sub, op1(&f, ROW_log, f.state[1]), mean)}, 1);
}

// The first of the largest: a later tile must be above, not equal.
METRIC(argmax) {
    STATES(NOTHING, 0);
    Tile t = tile_open(arena, 1, false, 2);
    uint16_t most = op1(&t, ROW_largest, t.x[0]), at = op2(&t, ROW_which, t.x[0], most);
    uint16_t wide = op1(&t, ROW_widen, most), better = op2(&t, ROW_above, wide, t.state[0]);
    uint16_t index = row_op(&t.b, ROW_choose, better, at, t.state[1]);
    out->tile = tile_done(&t, (uint16_t[]){op2(&t, ROW_greater, t.state[0], wide), index}, 2);
    Tile f = tile_open(arena, 0, false, 2);
    out->finish = tile_done(&f, (uint16_t[]){f.state[1]}, 1);
}

// The tokens are states that stay: data, not code.
static void codes_margin_named(Arena *arena, const Attr *attr, MetricCodes *out) {
    double *initial = arena_many(arena, double, 4);
    initial[0] = attr->margin.best;
    initial[1] = attr->margin.other;
    out->initial = initial;
    out->states = 4;
    Tile t = tile_open(arena, 1, false, 4);
    uint16_t value[2];
    for (uint32_t i = 0; i < 2; i++)
        value[i] = op2(&t, ROW_add, t.state[2 + i], op1(&t, ROW_widen, op2(&t, ROW_pick, t.x[0], t.state[i])));
    out->tile = tile_done(&t, (uint16_t[]){t.state[0], t.state[1], value[0], value[1]}, 4);
    Tile f = tile_open(arena, 0, false, 4);
    out->finish = tile_done(&f, (uint16_t[]){op2(&f, ROW_sub, f.state[2], f.state[3])}, 1);
}

METRIC(margin) {
    if (attr->margin.named) {
        codes_margin_named(arena, attr, out);
        return;
    }
    STATES(NOTHING, NOTHING);
    Tile t = tile_open(arena, 1, false, 2);
    uint16_t best = op1(&t, ROW_largest, t.x[0]), at = op2(&t, ROW_which, t.x[0], best);
    uint16_t others = row_op(&t.b, ROW_except, t.x[0], at, row_constant(&t.b, -INFINITY, false));
    uint16_t most = op1(&t, ROW_widen, best), second = op1(&t, ROW_widen, op1(&t, ROW_largest, others));
    uint16_t next = op2(&t, ROW_greater, op2(&t, ROW_smaller, t.state[0], most), op2(&t, ROW_greater, t.state[1], second));
    out->tile = tile_done(&t, (uint16_t[]){op2(&t, ROW_greater, t.state[0], most), next}, 2);
    Tile f = tile_open(arena, 0, false, 2);
    out->finish = tile_done(&f, (uint16_t[]){op2(&f, ROW_sub, f.state[0], f.state[1])}, 1);
}

// The token's own logit is found first; then 1 + how many are above it.
METRIC(rank) {
    double *initial = arena_many(arena, double, 3);
    initial[1] = out->first_column = attr->rank.token;
    out->initial = initial;
    out->states = 3;
    Tile t = tile_open(arena, 1, false, 3);
    uint16_t own = op1(&t, ROW_widen, op2(&t, ROW_pick, t.x[0], t.state[1]));
    out->first = tile_done(&t, (uint16_t[]){own, t.state[1], t.state[2]}, 3);
    t = tile_open(arena, 1, false, 3);
    uint16_t above = op1(&t, ROW_sum, op2(&t, ROW_above, op1(&t, ROW_widen, t.x[0]), t.state[0]));
    out->tile = tile_done(&t, (uint16_t[]){t.state[0], t.state[1], op2(&t, ROW_add, t.state[2], above)}, 3);
    Tile f = tile_open(arena, 0, false, 3);
    out->finish = tile_done(&f, (uint16_t[]){op2(&f, ROW_add, f.state[2], row_constant(&f.b, 1, true))}, 1);
}

typedef void CodesOf(Arena *arena, const Attr *attr, MetricCodes *out);
static CodesOf *const codes_of[OP_COUNT] = {
    [OP_kl] = codes_kl,         [OP_logp] = codes_logp, [OP_margin] = codes_margin,
    [OP_argmax] = codes_argmax, [OP_rank] = codes_rank, [OP_entropy] = codes_entropy,
};

bool metric_has_codes(Op op) {
    return codes_of[op] != NULL;
}

MetricCodes metric_codes(Op op, const Attr *attr, Arena *arena) {
    MetricCodes codes = {0};
    MUST(codes_of[op]);
    codes_of[op](arena, attr, &codes);
    return codes;
}
