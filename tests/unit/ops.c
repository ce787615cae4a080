// ops.c: every operation on every device against ref: sizes around the edges of blocks, rows through maps, weights of
// every type, guard words around every result, memory full of what must not be read.
#include "ops_bench.h"

// ---- Cases: one function an operation

#define CASES(name) static void cases_##name(void)
static const uint32_t widths[] = {1, 2, 15, 16, 17, 31, 33, 64, 100, 130};
static const uint32_t row_counts[] = {1, 2, 7, 31, 32, 33, 70};
#define EACH_SIZE                                                                                            \
    for (size_t wi = 0; wi < COUNT(widths); wi++)                                                            \
        for (size_t ri = 0; ri < COUNT(row_counts); ri++)
#define WIDTH widths[wi]
#define ROWS row_counts[ri]
#define MAPPED ((wi + ri) % 2)

static const DType float_types[] = {DTYPE_f32, DTYPE_f16, DTYPE_bf16};

CASES(embed) {
    EACH_SIZE {
        Bench b = bench_open();
        Step s = {.op = OP_embed, .in = {ids(&b, ROWS, 9), weight(&b, float_types[wi % 3], 9, WIDTH)}, .rows = ROWS};
        s.out = result(&b, DTYPE_f32, ROWS, WIDTH);
        step(&b, s);
        check(&b, "embed", 0);
    }
}

CASES(rms_norm) {
    EACH_SIZE {
        Bench b = bench_open();
        Step s = {.op = OP_rms_norm, .attr.norm.eps = 1e-5, .rows = ROWS};
        s.in[0] = states(&b, 80, WIDTH);
        s.in[1] = weight(&b, float_types[ri % 3], 1, WIDTH);
        if (MAPPED) s.map[0] = map_to(&b, ROWS, 80);
        s.map[1] = map_to(&b, ROWS, 1);
        s.out = result(&b, DTYPE_f32, ROWS, WIDTH);
        step(&b, s);
        check(&b, "rms_norm", 1e-6);
    }
}

static void product_case(Op op, uint32_t rows, uint32_t in, uint32_t out, DType dtype, bool mapped) {
    Bench b = bench_open();
    Step s = {.op = op, .rows = rows};
    s.in[0] = states(&b, rows + 3, in);
    s.in[1] = op == OP_linear ? weight(&b, dtype, out, in) : states(&b, in + rows % 2, out);
    if (mapped) s.map[0] = map_to(&b, rows, rows + 3);
    s.out = result(&b, DTYPE_f32, rows, out);
    step(&b, s);
    check(&b, op_info[op].name, 2e-6);
}

CASES(linear) {
    EACH_SIZE product_case(OP_linear, ROWS, WIDTH, widths[(wi + ri) % COUNT(widths)], float_types[(wi + ri) % 3], MAPPED);
    for (size_t t = 0; t < COUNT(float_types); t++) {
        product_case(OP_linear, 3, 70, 2100, float_types[t], true); // more than one panel, few rows
        product_case(OP_linear, 600, 300, 130, float_types[t], t == 1);
        product_case(OP_linear, 5, 3000, 1700, float_types[t], false); // a panel is not the whole weight
    }
}

CASES(product) {
    EACH_SIZE product_case(OP_product, ROWS, WIDTH, widths[(wi + ri) % COUNT(widths)], DTYPE_f32, MAPPED);
    product_case(OP_product, 600, 130, 300, DTYPE_f32, true);
}

CASES(bias) {
    EACH_SIZE {
        Bench b = bench_open();
        uint32_t row = (uint32_t)ri % 3;
        Step s = {.op = OP_bias, .attr.bias.row = row, .rows = ROWS};
        s.in[0] = states(&b, 75, WIDTH);
        s.in[1] = weight(&b, float_types[wi % 3], 3, WIDTH);
        if (MAPPED) s.map[0] = map_to(&b, ROWS, 75);
        s.out = result(&b, DTYPE_f32, ROWS, WIDTH);
        step(&b, s);
        check(&b, "bias", 0);
    }
}

CASES(rope) {
    static const uint32_t halves[] = {1, 3, 6, 8, 15, 16, 17, 32, 40};
    for (size_t h = 0; h < COUNT(halves); h++) {
        for (size_t ri = 0; ri < COUNT(row_counts); ri++) {
            uint32_t heads = 1 + (uint32_t)(ri % 4), width = heads * 2 * halves[h];
            Bench b = bench_open();
            Step s = {.op = OP_rope, .attr.rope.heads = heads, .rows = ROWS};
            float *freq = arena_many(b.arena, float, halves[h]);
            for (uint32_t i = 0; i < halves[h]; i++) freq[i] = powf(10000, -(float)i / (float)halves[h]);
            s.in[0] = states(&b, 75, width);
            s.in[1] = add_table(&b, DTYPE_f32, 1, halves[h], freq);
            if (ri % 2) s.map[0] = map_to(&b, ROWS, 75);
            s.position = map_to(&b, ROWS, 200);
            s.out = result(&b, DTYPE_f32, ROWS, width);
            step(&b, s);
            check(&b, "rope", 3e-7);
        }
    }
}

// Lists that name each key: some of the input (rows `first` and on of a prompt), some of `other` (two of them a prompt,
// the prompt's last token and one before).
static KeyRows listed_keys(Bench *b, const uint32_t *lengths, uint32_t prompts, const uint32_t *own, const uint32_t *begin, uint32_t shift) {
    uint32_t tokens = 0, next = 0, first = 0;
    for (uint32_t p = 0; p < prompts; p++) tokens += lengths[p];
    uint32_t *rows = arena_many(b->arena, uint32_t, tokens);
    for (uint32_t p = 0; p < prompts; first += lengths[p++])
        for (uint32_t t = 0; t < lengths[p]; t++) {
            rows[next++] = shift + first + t;
            if (t + 1 == lengths[p]) rows[next - 1] = OTHER_ROW | 1;
            if (t + 1 < lengths[p] && t == lengths[p] / 2) rows[next - 1] = OTHER_ROW;
        }
    return (KeyRows){.begin = begin, .rows = rows, .own = own};
}

typedef enum { ALL_QUERIES, FEW_QUERIES, LISTED_KEYS, ATTENTION_CASES } AttentionCase;

// Prompts of several lengths, queries at all or some of their tokens, keys and values in spaces of their own.
static void attention_case(uint32_t heads, uint32_t kv_heads, uint32_t size, const uint32_t *lengths, uint32_t prompts, AttentionCase which) {
    bool few = which != ALL_QUERIES;
    Bench b = bench_open();
    uint32_t tokens = 0, rows = 0;
    for (uint32_t p = 0; p < prompts; p++) tokens += lengths[p];
    uint32_t *begin = arena_many(b.arena, uint32_t, tokens), *count = arena_many(b.arena, uint32_t, tokens);
    uint32_t *values = arena_many(b.arena, uint32_t, tokens), *map = arena_many(b.arena, uint32_t, tokens);
    uint32_t *own = arena_many(b.arena, uint32_t, tokens);
    for (uint32_t p = 0, first = 0; p < prompts; first += lengths[p++]) {
        for (uint32_t t = 0; t < lengths[p]; t++) {
            if (few && t + 1 < lengths[p] && below(3)) continue;
            begin[rows] = first;
            values[rows] = first + 2;
            map[rows] = first + t;
            own[rows] = 2 * p;
            count[rows++] = t + 1;
        }
    }
    Step s = {.op = OP_attention, .rows = rows, .count = count, .map = {few ? map : NULL}};
    s.keys = (KeyRows){.begin = begin};
    s.values = (KeyRows){.begin = values};
    if (which == LISTED_KEYS) s.keys = listed_keys(&b, lengths, prompts, own, begin, 0), s.values = listed_keys(&b, lengths, prompts, own, begin, 2);
    s.attr.attention.heads = heads;
    s.attr.attention.kv_heads = kv_heads;
    s.attr.attention.scale = 1 / sqrtf((float)size);
    s.in[0] = states(&b, tokens, heads * size);
    s.in[1] = states(&b, tokens, kv_heads * size);
    s.in[2] = states(&b, tokens + 2, kv_heads * size);
    if (which == LISTED_KEYS) s.keys.other = states(&b, 2 * prompts, kv_heads * size), s.values.other = states(&b, 2 * prompts, kv_heads * size);
    s.out = result(&b, DTYPE_f32, rows, heads * size);
    step(&b, s);
    check(&b, "attention", 3e-6);
}

CASES(attention) {
    static const uint32_t lengths[] = {1, 2, 33, 17, 64, 65, 5};
    static const uint32_t shapes[][3] = {{1, 1, 2}, {4, 2, 12}, {6, 2, 8}, {4, 4, 16}, {9, 3, 64}, {3, 1, 34}};
    for (size_t i = 0; i < COUNT(shapes); i++)
        for (int which = 0; which < ATTENTION_CASES; which++)
            attention_case(shapes[i][0], shapes[i][1], shapes[i][2], lengths, COUNT(lengths), (AttentionCase)which);
    static const uint32_t longer[] = {300, 131};
    for (int which = 0; which < ATTENTION_CASES; which++) attention_case(2, 1, 32, longer, 2, (AttentionCase)which);
}

static void arithmetic_case(Op op, uint32_t rows, uint32_t width, uint32_t kind, bool mapped) {
    Bench b = bench_open();
    Step s = {.op = op, .rows = rows};
    for (uint32_t k = 0; k < op_info[op].inputs; k++) {
        bool number = kind == k + 1 && op_info[op].inputs > 1;
        s.in[k] = number ? numbers(&b, 5) : states(&b, 75, width);
        if (number || mapped) s.map[k] = map_to(&b, rows, number ? 5 : 75);
    }
    s.out = result(&b, DTYPE_f32, rows, width);
    step(&b, s);
    check(&b, op_info[op].name, op == OP_div ? 1e-7 : 0);
}

#define ARITHMETIC(name)                                                                                     \
    CASES(name) {                                                                                            \
        EACH_SIZE arithmetic_case(OP_##name, ROWS, WIDTH, (uint32_t)(wi + 2 * ri) % 3, MAPPED);              \
    }
ARITHMETIC(add)
ARITHMETIC(sub)
ARITHMETIC(mul)
ARITHMETIC(div)
ARITHMETIC(negate)

CASES(swiglu) {
    EACH_SIZE {
        Bench b = bench_open();
        Step s = {.op = OP_swiglu, .rows = ROWS};
        for (uint32_t k = 0; k < 2; k++) {
            s.in[k] = states(&b, 75, WIDTH);
            if (MAPPED) s.map[k] = map_to(&b, ROWS, 75);
        }
        s.out = result(&b, DTYPE_f32, ROWS, WIDTH);
        step(&b, s);
        check(&b, "swiglu", 3e-7);
    }
}

CASES(columns) {
    static const uint32_t blocks[] = {3, 0, 4};
    for (size_t wi = 0; wi < COUNT(widths); wi++) {
        Bench b = bench_open();
        uint32_t size = WIDTH;
        Step s = {.op = OP_columns, .rows = 33};
        s.attr.columns.blocks = (Blocks){size, list_of(&b, blocks, COUNT(blocks))};
        s.in[0] = states(&b, 40, 5 * size);
        if (wi % 2) s.map[0] = map_to(&b, 33, 40);
        s.out = result(&b, DTYPE_f32, 33, (uint32_t)COUNT(blocks) * size);
        step(&b, s);
        check(&b, "columns", 0);
    }
}

CASES(rows) {
    EACH_SIZE {
        Bench b = bench_open();
        Step s = {.op = OP_rows, .in = {states(&b, 75, WIDTH)}, .map = {map_to(&b, ROWS, 75)}, .rows = ROWS};
        s.out = result(&b, DTYPE_f32, ROWS, WIDTH);
        step(&b, s);
        check(&b, "rows", 0);
    }
}

CASES(join) {
    EACH_SIZE {
        Bench b = bench_open();
        Step s = {.op = OP_join, .in = {states(&b, ROWS, WIDTH), states(&b, 3, WIDTH)}, .rows = ROWS + 3};
        s.out = result(&b, DTYPE_f32, ROWS + 3, WIDTH);
        step(&b, s);
        check(&b, "join", 0);
    }
}

// States or a number, in all columns or some blocks, in some rows, in all or in none.
static void write_case(uint32_t rows, uint32_t size, bool number, bool heads, uint32_t share, bool mapped) {
    static const uint32_t blocks[] = {2, 0};
    Bench b = bench_open();
    uint32_t width = 3 * size, *source = arena_many(b.arena, uint32_t, rows);
    for (uint32_t r = 0; r < rows; r++) source[r] = below(4) < share ? below(9) : UINT32_MAX;
    Step s = {.op = OP_write, .rows = rows, .source = source};
    s.in[0] = states(&b, 80, width);
    s.in[1] = number ? numbers(&b, 9) : states(&b, 9, heads ? 2 * size : width);
    if (mapped) s.map[0] = map_to(&b, rows, 80);
    if (heads) s.attr.write.blocks = (Blocks){size, list_of(&b, blocks, 2)};
    s.out = result(&b, DTYPE_f32, rows, width);
    step(&b, s);
    check(&b, "write", 0);
}

CASES(write) {
    EACH_SIZE write_case(ROWS, WIDTH, ri % 3 == 0, wi % 2, (uint32_t)(wi + ri) % 5, MAPPED);
}

CASES(splice) {
    EACH_SIZE {
        Bench b = bench_open();
        uint32_t rows = ROWS, *source = arena_many(b.arena, uint32_t, rows);
        for (uint32_t r = 0; r < rows; r++) source[r] = below(5) < ri ? below(9) : UINT32_MAX;
        bool wide = WIDTH == 1 && wi % 2 == 0;
        Step s = {.op = OP_splice, .rows = rows, .source = source, .map = {map_to(&b, rows, 80)}};
        s.in[0] = wide ? numbers(&b, 80) : states(&b, 80, WIDTH);
        s.in[1] = wide ? numbers(&b, 9) : states(&b, 9, WIDTH);
        s.out = result(&b, wide ? DTYPE_f64 : DTYPE_f32, rows, WIDTH);
        step(&b, s);
        check(&b, "splice", 0);
    }
}

static void measure(Op op, Attr attr, uint32_t rows, uint32_t vocab, bool unembed) {
    Bench b = bench_open();
    Step s = {.op = op, .attr = attr, .rows = rows};
    for (uint32_t k = 0; k < op_info[op].inputs; k++) {
        if (k == 1 && op == OP_logp) {
            s.in[k] = ids(&b, 75, vocab);
        } else if (unembed) {
            Step product = {.op = OP_linear, .in = {states(&b, 90, 24), weight(&b, float_types[k + 1], vocab, 24)}, .rows = 75};
            product.map[0] = map_to(&b, 75, 90);
            product.out = result(&b, DTYPE_f32, 75, vocab);
            step(&b, product);
            s.in[k] = product.out;
        } else {
            s.in[k] = states(&b, 75, vocab);
        }
        s.map[k] = map_to(&b, rows, 75);
    }
    s.out = result(&b, DTYPE_f64, rows, 1);
    step(&b, s);
    bool exact = op == OP_argmax || op == OP_rank; // of logits that are not near each other
    check(&b, op_info[op].name, !unembed ? (exact ? 0 : 1e-12) : exact ? 0.02 : op == OP_margin ? 1e-4 : 3e-6);
}

static void metric_cases(Op op, Attr attr) {
    static const uint32_t vocabs[] = {3, 16, 17, 255, 1000, 5003};
    for (size_t v = 0; v < COUNT(vocabs); v++)
        for (size_t ri = 0; ri < COUNT(row_counts); ri += 2) measure(op, attr, ROWS, vocabs[v], (v + ri / 2) % 2);
}

CASES(kl) {
    metric_cases(OP_kl, (Attr){0});
}

CASES(logp) {
    metric_cases(OP_logp, (Attr){0});
}

CASES(margin) {
    metric_cases(OP_margin, (Attr){0});
    metric_cases(OP_margin, (Attr){.margin = {2, 1, true}});
}

CASES(rank) {
    metric_cases(OP_rank, (Attr){.rank.token = 2});
}

CASES(argmax) {
    metric_cases(OP_argmax, (Attr){0});
}

CASES(entropy) {
    metric_cases(OP_entropy, (Attr){0});
}

static void states_metric(Op op) {
    EACH_SIZE {
        Bench b = bench_open();
        Step s = {.op = op, .rows = ROWS};
        for (uint32_t k = 0; k < op_info[op].inputs; k++) s.in[k] = states(&b, ROWS, WIDTH);
        s.out = result(&b, DTYPE_f64, ROWS, 1);
        step(&b, s);
        check(&b, op_info[op].name, 1e-12);
    }
}

CASES(cosine) {
    states_metric(OP_cosine);
}

CASES(norm) {
    states_metric(OP_norm);
}

static void prompt_case(Op op) {
    static const uint32_t begin[] = {0, 3, 4, 10}, count[] = {3, 1, 6, 2};
    Bench b = bench_open();
    Step s = {.op = op, .in = {numbers(&b, 12)}, .rows = 4, .begin = begin, .count = count};
    s.out = result(&b, DTYPE_f64, 4, 1);
    step(&b, s);
    check(&b, op_info[op].name, 1e-15);
}

CASES(prompt_mean) {
    prompt_case(OP_prompt_mean);
}

CASES(prompt_sum) {
    prompt_case(OP_prompt_sum);
}

CASES(reduce) {
    static const uint32_t owner[] = {0, 1, 0, 1, 0, 1, 1, 0, 0, 1};
    for (uint32_t r = 0; r < REDUCE_COUNT; r++) {
        Bench b = bench_open();
        Step s = {.op = OP_reduce, .attr.reduce = {0.25, r}, .in = {numbers(&b, 10)}, .rows = 10, .owner = owner};
        s.out = result(&b, DTYPE_f64, 2, 1);
        step(&b, s);
        check(&b, "reduce", 1e-15);
    }
}

CASES(r2) {
    Bench b = bench_open();
    Step s = {.op = OP_r2, .in = {states(&b, 20, 7), states(&b, 20, 7)}, .rows = 20};
    uint32_t *owner = arena_many(b.arena, uint32_t, 20);
    s.owner = owner;
    s.out = result(&b, DTYPE_f64, 1, 1);
    step(&b, s);
    check(&b, "r2", 1e-12);
}

// Fewer rows than columns, and more.
CASES(cka) {
    for (uint32_t i = 0; i < 4; i++) {
        Bench b = bench_open();
        uint64_t rows = i % 2 ? 8 : 60;
        Step s = {.op = OP_cka, .attr.measure.how = i / 2, .in = {states(&b, rows, 7), states(&b, rows, 9)}, .rows = rows};
        uint32_t *owner = arena_many(b.arena, uint32_t, rows);
        for (uint64_t r = 0; r < rows; r++) owner[r] = r % 2;
        s.owner = owner;
        s.out = result(&b, DTYPE_f64, 2, 1);
        step(&b, s);
        check(&b, "cka", 1e-12);
    }
}

CASES(correlation) {
    for (uint32_t ranks = 0; ranks < 2; ranks++) {
        Bench b = bench_open();
        Step s = {.op = OP_correlation, .attr.measure.how = ranks, .in = {numbers(&b, 20), numbers(&b, 10)}, .rows = 20};
        uint32_t *owner = arena_many(b.arena, uint32_t, 20);
        for (uint32_t r = 0; r < 20; r++) owner[r] = r % 2;
        s.owner = owner;
        s.map[1] = map_to(&b, 20, 10);
        s.out = result(&b, DTYPE_f64, 2, 1);
        step(&b, s);
        check(&b, "correlation", 1e-15);
    }
}

CASES(interval) {
    for (uint32_t basic = 0; basic < 2; basic++) {
        Bench b = bench_open();
        double *data = arena_many(b.arena, double, 3 * 41);
        for (uint32_t i = 0; i < 3 * 41; i++) data[i] = i % 7 ? uniform() : NAN;
        Step s = {.op = OP_interval, .attr.interval = {basic}, .in = {add_table(&b, DTYPE_f64, 3, 41, data)}, .rows = 3};
        s.out = result(&b, DTYPE_f64, 3, INTERVAL_COLUMNS);
        step(&b, s);
        check(&b, "interval", 1e-15);
    }
}

static void matrix_case(Op op, Attr attr, uint64_t out_rows, uint32_t out_width, uint32_t x_width, uint32_t y_width) {
    Bench b = bench_open();
    Step s = {.op = op, .attr = attr, .in = {states(&b, 50, x_width)}, .rows = 40, .map = {map_to(&b, 40, 50)}};
    if (op_info[op].inputs > 1) s.in[1] = states(&b, 40, y_width);
    s.out = result(&b, DTYPE_f32, out_rows, out_width);
    step(&b, s);
    check(&b, op_info[op].name, 1e-6);
}

CASES(map_of) {
    Bench b = bench_open();
    Step s = {.op = OP_map_of, .in = {weight(&b, DTYPE_bf16, 17, 9), states(&b, 1, 9)}, .rows = 1};
    s.out = result(&b, DTYPE_f32, 18, 9);
    step(&b, s);
    check(&b, "map_of", 0);
}

CASES(nearest) {
    EACH_SIZE {
        Bench b = bench_open();
        Step s = {.op = OP_nearest,
                  .in = {states(&b, 75, WIDTH), weight(&b, float_types[wi % 3], 1 + (uint32_t)ri, WIDTH)},
                  .rows = ROWS};
        if (MAPPED) s.map[0] = map_to(&b, ROWS, 75);
        s.out = result(&b, DTYPE_f64, ROWS, 1);
        step(&b, s);
        check(&b, "nearest", 0);
    }
}

CASES(choose) {
    EACH_SIZE {
        Bench b = bench_open();
        double *number = arena_many(b.arena, double, 75);
        for (uint32_t r = 0; r < 75; r++) number[r] = below(4);
        Step s = {.op = OP_choose, .attr.choose.from = 1 + (uint32_t)ri % 3, .rows = ROWS};
        s.in[0] = states(&b, 75, WIDTH), s.in[1] = states(&b, 75, WIDTH),
        s.in[2] = add_table(&b, DTYPE_f64, 75, 1, number);
        if (MAPPED) s.map[0] = map_to(&b, ROWS, 75), s.map[2] = map_to(&b, ROWS, 75);
        s.out = result(&b, DTYPE_f32, ROWS, WIDTH);
        step(&b, s);
        check(&b, "choose", 0);
    }
}

// Two parts of the rows of both sides, and a map of their sums.
static void sums_case(bool more) {
    enum { IN = 16, OUT = 12, ALL = IN + OUT };
    Bench b = bench_open();
    Step s = {.op = OP_sums, .in = {states(&b, 50, IN), states(&b, 40, OUT)}, .rows = 40, .map = {map_to(&b, 40, 50)}};
    s.attr.sums.first = 3, s.attr.sums.count = 37;
    s.out = result(&b, DTYPE_f64, ALL + SUMS_PRODUCTS, ALL);
    step(&b, s);
    if (more) {
        s.op = OP_sums_more, s.in[2] = s.out;
        s.attr.sums.first = 0, s.attr.sums.count = 3;
        s.out = result(&b, DTYPE_f64, ALL + SUMS_PRODUCTS, ALL);
        step(&b, s);
    }
    Step fit = {.op = OP_fit_procrustes, .in = {s.out, s.out}, .rows = ALL, .attr.procrustes.scale = true};
    fit.out = result(&b, DTYPE_f32, IN + 1, OUT);
    step(&b, fit);
    check(&b, op_info[s.op].name, 1e-6);
}

CASES(sums) {
    sums_case(false);
}

CASES(sums_more) {
    sums_case(true);
}

CASES(kmeans) {
    matrix_case(OP_kmeans, (Attr){.random.seed = 5}, 4, 9, 9, 0);
}

static void cluster_case(Op fit, Attr attr, bool ridge) {
    static const double lambdas[] = {1e-3, 1, 100};
    Bench b = bench_open();
    double *number = arena_many(b.arena, double, 60);
    for (uint32_t r = 0; r < 60; r++) number[r] = below(3);
    Step s = {.op = OP_fit_cluster,
              .in = {states(&b, 70, 9), states(&b, 60, 7), add_table(&b, DTYPE_f64, 60, 1, number)},
              .rows = 60,
              .map = {map_to(&b, 60, 70)}};
    uint32_t words[sizeof attr / sizeof(uint32_t)];
    memcpy(words, &attr, sizeof words);
    s.attr.cluster.fit = fit;
    s.attr.cluster.attr = list_of(&b, words, COUNT(words));
    s.attr.cluster.number = 2;
    uint32_t table = add_table(&b, DTYPE_f64, 3, 1, lambdas);
    if (ridge) s.attr.cluster.lambdas = b.made.values.at[table].table + 1;
    s.out = result(&b, DTYPE_f32, 10, 7);
    step(&b, s);
    check(&b, op_info[fit].name, 1e-6);
}

CASES(fit_cluster) {
    cluster_case(OP_fit_ridge, (Attr){.ridge = {.held = 12, .standardize = true}}, true);
    cluster_case(OP_fit_procrustes, (Attr){.procrustes = {.scale = true}}, false);
    cluster_case(OP_random_rotation, (Attr){.random.seed = 3}, false);
}

CASES(fit_mean) {
    matrix_case(OP_fit_mean, (Attr){.fit_mean.in_width = 9}, 10, 7, 7, 0);
}

CASES(fit_procrustes) {
    matrix_case(OP_fit_procrustes, (Attr){.procrustes = {.shrink = 0.05, .floor = 1e-6, .scale = true, .whiten = true}}, 10, 7, 9, 7);
    matrix_case(OP_fit_procrustes, (Attr){.procrustes = {.rank = 3, .complete = true}}, 10, 9, 9, 9);
}

CASES(fit_moments) {
    matrix_case(OP_fit_moments, (Attr){0}, 10, 9, 9, 9);
}

CASES(random_rotation) {
    matrix_case(OP_random_rotation, (Attr){.random.seed = 3}, 10, 7, 9, 7);
}

CASES(fit_ridge) {
    static const double lambdas[] = {1e-3, 1, 100};
    for (uint32_t rows = 7; rows <= 40; rows += 33) { // fewer than dimensions, and more
        Bench b = bench_open();
        uint32_t x = states(&b, 50, 9), y = states(&b, rows, 7), table = add_table(&b, DTYPE_f64, 3, 1, lambdas);
        Step s = {.op = OP_fit_ridge, .attr.ridge = {.held = rows / 5 + 1, .standardize = true}, .in = {x, y, table}, .rows = rows, .map = {map_to(&b, rows, 50)}};
        s.out = result(&b, DTYPE_f32, 10, 7);
        step(&b, s);
        check(&b, "fit_ridge", 1e-6);
    }
}

CASES(basis_pca) {
    matrix_case(OP_basis_pca, (Attr){.pca = {3, true}}, 9, 3, 9, 0);
}

CASES(basis_joint) {
    matrix_case(OP_basis_joint, (Attr){.pca = {3, false}}, 9, 3, 9, 9);
}

CASES(basis_logits) {
    static const DType types[] = {DTYPE_f32, DTYPE_bf16, DTYPE_f16};
    for (size_t t = 0; t < COUNT(types); t++) {
        Bench b = bench_open();
        uint32_t x = weight(&b, types[t], 300, 9), y = t ? weight(&b, types[t], 40, 9) : x;
        Step s = {.op = OP_basis_logits, .attr.pca = {3, false}, .in = {x, y}, .rows = 40};
        s.out = result(&b, DTYPE_f32, 9, 3);
        step(&b, s);
        check(&b, "basis_logits", 1e-6);
    }
}

CASES(map_inside) {
    Bench b = bench_open();
    Step s = {.op = OP_map_inside, .in = {states(&b, 4, 2), states(&b, 9, 3), states(&b, 7, 2)}, .rows = 1};
    s.out = result(&b, DTYPE_f32, 10, 7);
    step(&b, s);
    check(&b, "map_inside", 1e-6);
}

CASES(map_outside) {
    Bench b = bench_open();
    Step s = {.op = OP_map_outside, .in = {states(&b, 10, 7), states(&b, 7, 2), states(&b, 10, 7)}, .rows = 1};
    s.out = result(&b, DTYPE_f32, 10, 7);
    step(&b, s);
    check(&b, "map_outside", 1e-6);
}

CASES(basis_diff) {
    matrix_case(OP_basis_diff, (Attr){0}, 9, 1, 9, 9);
}

// Leaves are data: every other case reads some.
#define CASES_LEAF(name)
#define CASES_ROWWISE(name)   cases_##name();
#define CASES_ATTENTION(name) cases_##name();
#define CASES_ROWS(name)      cases_##name();
#define CASES_PROMPT(name)    cases_##name();
#define CASES_POINT(name)     cases_##name();
#define CASES_MATRIX(name)    cases_##name();

int main(void) {
    Error err;
    Arena *arena = arena_open();
    for (size_t w = 0; w < COUNT(ways); w++) {
        const char *tested = getenv("MDX_TEST_DEVICES");
        bool gpu = strcmp(ways[w].device, "cuda") == 0;
        if (gpu && !(tested && strstr(tested, "cuda"))) continue;
        devices[w] = (Device){.api = device_named(str_of(ways[w].device)), .options = {.threads = ways[w].threads, .cache = gpu}};
        if (!devices[w].api || devices[w].api->open(&devices[w], arena, &err)) continue;
        fprintf(stderr, "%s: %s\n", ways[w].device, err.text);
        CHECK(false);
        return check_done();
    }
#define MDX_OP(name, inputs, rows, what) CASES_##rows(name)
#include "mdx/op.def"
    for (size_t w = 0; w < COUNT(ways); w++)
        if (devices[w].api) devices[w].api->close(&devices[w]);
    arena_close(arena);
    return check_done();
}
