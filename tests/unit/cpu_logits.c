// cpu_logits.c: metrics of logits, tile by tile, against plain loops over whole rows of the same logits.
#include <math.h>

#include "check.h"
#include "compiler/fuse.h"
#include "runtime/cpu/cpu.h"

static uint32_t seed = 99;

static float number(void) {
    seed = seed * 1664525 + 1013904223;
    return (float)(seed >> 8) / (1 << 23) - 1;
}

static float *numbers(Arena *arena, size_t count, float size) {
    float *x = arena_many(arena, float, count);
    for (size_t i = 0; i < count; i++) x[i] = number() * size;
    return x;
}

enum { DEVICES = 3 };
static Cpu cpus[DEVICES];

// ---- One case: values, sources and all metrics

enum { X, WEIGHT, OTHER_X, IDS, VALUES = 16 }; // numbers of values; the metrics' follow
enum { KL, LOGP, MARGIN, NAMED, ARGMAX, RANK, ENTROPY, METRICS };

typedef struct {
    uint32_t vocab, in, rows;
    bool product, mapped; // the logits are a product, or lie in memory; rows through maps
    float size;           // of the logits, about
    DType dtype;
} Shape;

typedef struct {
    Shape shape;
    CpuValue values[VALUES];
    LogitsSource sources[2];
    LogitsMetric metrics[METRICS];
    RowCode codes[4 * METRICS];
    Logits logits;
    Attr attr[METRICS];
    const float *rows[2]; // whole logits of each source, by row of the step
    double *out[METRICS];
} Case;

static CpuValue resolve(void *self, uint32_t value) {
    return ((Case *)self)->values[value];
}

static uint32_t *some_map(Arena *arena, uint32_t rows, uint32_t from, uint32_t step) {
    uint32_t *map = arena_many(arena, uint32_t, rows);
    for (uint32_t r = 0; r < rows; r++) map[r] = (r * step + 1) % from;
    return map;
}

static void add_metric(Arena *arena, Case *c, int number_of, Op op, Attr attr) {
    MetricCodes codes;
    LogitsMetric *m = &c->metrics[number_of];
    c->attr[number_of] = attr;
    codes = metric_codes(op, &c->attr[number_of], arena);
    *m = (LogitsMetric){.op = op,
                        .out = (uint32_t)(IDS + 1 + number_of),
                        .sources = {0, 1},
                        .source_count = op == OP_kl ? 2 : 1,
                        .ids = NO_VALUE,
                        .first = NO_CODE,
                        .second = NO_CODE,
                        .first_column = codes.first_column,
                        .states = codes.states,
                        .second_states = codes.second_states,
                        .initial = codes.initial};
    const uint32_t at = (uint32_t)number_of * 4;
    c->codes[at] = codes.first, c->codes[at + 1] = codes.tile, c->codes[at + 2] = codes.finish;
    c->codes[at + 3] = codes.second;
    if (codes.first.instr_count) m->first = at;
    if (codes.second.instr_count) m->second = at + 3;
    m->tile = at + 1;
    m->finish = at + 2;
    if (op == OP_logp) m->ids = IDS;
}

static void open_source(Arena *arena, Case *c, uint32_t i) {
    const Shape *s = &c->shape;
    uint32_t x_rows = s->mapped ? s->rows + 9 : s->rows, width = s->product ? s->in : s->vocab;
    float *x = numbers(arena, (size_t)x_rows * width, s->product ? 1 : s->size),
          *rows = arena_many(arena, float, (size_t)s->rows * s->vocab);
    c->values[i ? OTHER_X : X] = (CpuValue){x, DTYPE_f32, x_rows, width, width};
    c->sources[i] = (LogitsSource){.x = i ? OTHER_X : X, .weight = s->product ? WEIGHT : NO_VALUE};
    if (s->mapped) c->sources[i].map = some_map(arena, s->rows, i ? x_rows / 7 + 1 : x_rows, 5 + i); // many read a row of the second
    if (s->product) {
        cpu_gemm(&cpus[0], &(Gemm){.x = x,
                                   .map = c->sources[i].map,
                                   .rows = s->rows,
                                   .in = s->in,
                                   .out = s->vocab,
                                   .weights = &(GemmWeight){c->values[WEIGHT].at, s->dtype, s->vocab},
                                   .weight_count = 1,
                                   .y = rows});
    } else {
        for (uint32_t r = 0; r < s->rows; r++)
            memcpy(rows + (size_t)r * s->vocab, x + (size_t)(s->mapped ? c->sources[i].map[r] : r) * width,
                   width * sizeof *x);
    }
    c->rows[i] = rows;
}

static Case *open_case(Arena *arena, Shape shape) {
    Case *c = arena_new(arena, Case);
    c->shape = shape;
    size_t weights = (size_t)shape.vocab * shape.in;
    float *w = numbers(arena, weights, shape.size / sqrtf((float)shape.in));
    uint16_t *half = arena_many(arena, uint16_t, weights);
    for (size_t i = 0; i < weights; i++) half[i] = (uint16_t)(((const uint32_t *)(const void *)w)[i] >> 16);
    c->values[WEIGHT] =
        (CpuValue){shape.dtype == DTYPE_f32 ? (const void *)w : half, shape.dtype, shape.vocab, shape.in, shape.in};
    for (uint32_t i = 0; i < 2; i++) open_source(arena, c, i);
    int32_t *ids = arena_many(arena, int32_t, shape.rows + 3);
    for (uint32_t r = 0; r < shape.rows + 3; r++) ids[r] = (int32_t)((r * 977u + 5) % shape.vocab);
    c->values[IDS] = (CpuValue){ids, DTYPE_i32, shape.rows + 3, 1, 1};
    add_metric(arena, c, KL, OP_kl, (Attr){0});
    add_metric(arena, c, LOGP, OP_logp, (Attr){0});
    add_metric(arena, c, MARGIN, OP_margin, (Attr){0});
    add_metric(arena, c, NAMED, OP_margin,
               (Attr){.margin = {.best = shape.vocab - 1, .other = shape.vocab / 2, .named = true}});
    add_metric(arena, c, ARGMAX, OP_argmax, (Attr){0});
    add_metric(arena, c, RANK, OP_rank, (Attr){.rank = {.token = shape.vocab - shape.vocab / 3 - 1}});
    add_metric(arena, c, ENTROPY, OP_entropy, (Attr){0});
    if (shape.mapped) c->metrics[LOGP].ids_map = some_map(arena, shape.rows, shape.rows + 3, 3);
    c->logits = (Logits){
        .vocab = shape.vocab, .sources = c->sources, .metrics = c->metrics, .source_count = 2, .metric_count = METRICS};
    return c;
}

static bool run(Arena *arena, Cpu *cpu, Case *c, uint64_t rows, Error *err) {
    enum { GUARD_WORDS = 8 };
    memset(cpu->panel, 0xff, CPU_PANEL_BYTES);
    for (uint32_t i = 0; i < pool_threads(cpu->pool); i++) memset(cpu->scratch[i], 0xff, CPU_SCRATCH_BYTES);
    for (int i = 0; i < METRICS; i++) {
        c->out[i] = arena_many(arena, double, rows + GUARD_WORDS);
        for (uint64_t r = 0; r < rows + GUARD_WORDS; r++) c->out[i][r] = r < rows ? NAN : 1234.5;
        c->values[IDS + 1 + i] = (CpuValue){c->out[i], DTYPE_f64, rows, 1, 1};
    }
    bool ok = cpu_logits(cpu, &c->logits, c->codes, rows, resolve, c, err);
    for (int i = 0; i < METRICS; i++)
        for (uint64_t r = rows; r < rows + GUARD_WORDS; r++) CHECK(c->out[i][r] == 1234.5);
    return ok;
}

// ---- The definitions, over whole rows

typedef struct {
    double most, log_sum;
} Norm;

static Norm norm_of(const float *x, uint32_t n) {
    Norm norm = {.most = x[0]};
    double sum = 0;
    for (uint32_t i = 1; i < n; i++) norm.most = fmax(norm.most, x[i]);
    for (uint32_t i = 0; i < n; i++) sum += exp(x[i] - norm.most);
    norm.log_sum = log(sum);
    return norm;
}

static uint32_t largest(const float *x, uint32_t n, uint32_t except) {
    uint32_t best = except == 0 ? 1 : 0;
    for (uint32_t i = best + 1; i < n; i++)
        if (i != except && x[i] > x[best]) best = i;
    return best;
}

static void define(const Case *c, uint32_t r, double *want) {
    uint32_t n = c->shape.vocab, token = c->attr[RANK].rank.token;
    const float *p = c->rows[0] + (size_t)r * n, *q = c->rows[1] + (size_t)r * n;
    const uint32_t *ids_map = c->metrics[LOGP].ids_map;
    int32_t id = ((const int32_t *)c->values[IDS].at)[ids_map ? ids_map[r] : r];
    Norm of_p = norm_of(p, n), of_q = norm_of(q, n);
    want[KL] = want[ENTROPY] = 0;
    want[RANK] = 1;
    for (uint32_t i = 0; i < n; i++) {
        double log_p = (p[i] - of_p.most) - of_p.log_sum, log_q = (q[i] - of_q.most) - of_q.log_sum;
        want[KL] += exp(log_p) * (log_p - log_q);
        want[ENTROPY] -= exp(log_p) * log_p;
        want[RANK] += p[i] > p[token];
    }
    want[LOGP] = (p[id] - of_p.most) - of_p.log_sum;
    want[ARGMAX] = largest(p, n, n);
    want[MARGIN] = (double)p[(uint32_t)want[ARGMAX]] - p[largest(p, n, (uint32_t)want[ARGMAX])];
    want[NAMED] = (double)p[c->attr[NAMED].margin.best] - p[c->attr[NAMED].margin.other];
}

static void check_values(const Case *c) {
    static const bool exact[METRICS] = {[ARGMAX] = true, [RANK] = true, [MARGIN] = true, [NAMED] = true};
    uint32_t wrong = 0;
    for (uint32_t r = 0; r < c->shape.rows; r++) {
        double want[METRICS];
        define(c, r, want);
        for (int i = 0; i < METRICS; i++) {
            double apart = fabs(c->out[i][r] - want[i]),
                   allowed = exact[i] ? 0 : 1e-11 * (1 + fabs(want[i]) + c->shape.size);
            if (!(apart <= allowed) && !wrong++)
                fprintf(stderr, "vocabulary of %u: metric %d of row %u is %.17g, not %.17g\n", c->shape.vocab, i, r,
                        c->out[i][r], want[i]);
        }
    }
    CHECK(!wrong);
}

static const Shape shapes[] = {
    {2, 8, 3, false, false, 1, DTYPE_f32},        {17, 16, 1, true, true, 3, DTYPE_bf16},
    {2047, 4, 300, false, true, 10, DTYPE_f32},   {2049, 64, 70, true, false, 10, DTYPE_bf16},
    {1030, 33, 2300, true, true, 5, DTYPE_f32},   {5000, 96, 9, true, false, 2000, DTYPE_bf16},
    {4097, 33, 258, true, true, 5, DTYPE_f32},
    {50257, 48, 5, true, true, 20, DTYPE_bf16},   {2048, 4, 257, false, false, 30000, DTYPE_f32},
    {6000, 576, 600, true, false, 10, DTYPE_bf16}};

static void test_shape(Shape shape) {
    Arena *arena = arena_open();
    Error err;
    Case *c = open_case(arena, shape);
    CHECK(run(arena, &cpus[0], c, shape.rows, &err));
    check_values(c);
    double *first[METRICS];
    memcpy(first, c->out, sizeof first);
    for (int i = 1; i < DEVICES; i++) {
        CHECK(run(arena, &cpus[i], c, shape.rows, &err));
        for (int k = 0; k < METRICS; k++) CHECK(memcmp(first[k], c->out[k], shape.rows * sizeof *first[k]) == 0);
    }
    CHECK(run(arena, &cpus[1], c, 1, &err)); // a row alone has the same bits
    for (int k = 0; k < METRICS; k++) CHECK(memcmp(first[k], c->out[k], sizeof *first[k]) == 0);
    arena_close(arena);
}

// Equal logits: the first of the largest, no margin, rank 1; the largest stands in both tiles.
static void test_ties(void) {
    Arena *arena = arena_open();
    Error err;
    Case *c = open_case(arena, (Shape){5000, 4, 2, false, false, 1, DTYPE_f32});
    float *x = (float *)(uintptr_t)c->values[X].at;
    for (uint32_t i = 0; i < 10000; i++) x[i] = 2.5f;
    x[5000 + 4000] = x[5000 + 1999] = x[5000 + 4999] = 7;
    CHECK(run(arena, &cpus[1], c, 2, &err));
    CHECK(c->out[ARGMAX][0] == 0 && c->out[MARGIN][0] == 0 && c->out[RANK][0] == 1);
    CHECK(c->out[ARGMAX][1] == 1999 && c->out[MARGIN][1] == 0 && c->out[RANK][1] == 4);
    CHECK(fabs(c->out[ENTROPY][0] - log(5000)) < 1e-12);
    arena_close(arena);
}

// ---- Errors

static void check_error(Shape shape, uint32_t row, uint32_t column, float value, const char *want) {
    Arena *arena = arena_open();
    Error err;
    Case *c = open_case(arena, shape);
    ((float *)(uintptr_t)c->values[OTHER_X].at)[(size_t)row * shape.vocab + column] = value;
    CHECK(!run(arena, &cpus[1], c, shape.rows, &err));
    CHECK(err.kind == ERR_NOT_FINITE);
    CHECK_STR(str_of(err.text), str_of(want));
    arena_close(arena);
}

static void check_id(int32_t id, const char *want) {
    Arena *arena = arena_open();
    Error err;
    Case *c = open_case(arena, (Shape){300, 4, 5, false, false, 1, DTYPE_f32});
    ((int32_t *)(uintptr_t)c->values[IDS].at)[4] = id;
    CHECK(!run(arena, &cpus[1], c, 5, &err));
    CHECK(err.kind == ERR_INPUT);
    CHECK_STR(str_of(err.text), str_of(want));
    arena_close(arena);
}

static void test_errors(void) {
    const Shape shape = {4100, 4, 300, false, false, 1, DTYPE_f32};
    check_error(shape, 0, 0, NAN, "a logit is not finite (token 0 of row 0)");
    check_error(shape, 299, 4099, INFINITY, "a logit is not finite (token 4099 of row 299)");
    check_error(shape, 256, 2047, -INFINITY, "a logit is not finite (token 2047 of row 256)");
    check_id(-1, "token -1 is outside the model's vocabulary of 300");
    check_id(300, "token 300 is outside the model's vocabulary of 300");
}

int main(void) {
    static const uint32_t threads[DEVICES] = {1, 2, 5};
    Arena *arena = arena_open();
    Error err;
    for (int i = 0; i < DEVICES; i++) MUST(cpu_open(&cpus[i], arena, threads[i], NULL, &err));
    for (size_t i = 0; i < COUNT(shapes); i++) test_shape(shapes[i]);
    test_ties();
    test_errors();
    for (int i = 0; i < DEVICES; i++) cpu_close(&cpus[i]);
    arena_close(arena);
    return check_done();
}
