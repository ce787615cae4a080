// ops_metrics.h: metrics of logits and of states, sums over prompts and over points.
#pragma once

#include "ops_bench.h"

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
