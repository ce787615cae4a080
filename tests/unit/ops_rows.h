// ops_rows.h: ops of rows: a forward pass without its attention, arithmetic, reads, writes.
#pragma once

#include "ops_bench.h"

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
