// ops_fits.h: maps, what is fitted, bases of subspaces.
#pragma once

#include "ops_bench.h"

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

CASES(fit_mean) {
    matrix_case(OP_fit_mean, (Attr){.fit_mean.in_width = 9}, 10, 7, 7, 0);
}

CASES(fit_procrustes) {
    matrix_case(OP_fit_procrustes, (Attr){.procrustes = {0.05, 1e-6, 0, true, true}}, 10, 7, 9, 7);
}

CASES(basis_pca) {
    matrix_case(OP_basis_pca, (Attr){.pca = {3, true}}, 9, 3, 9, 0);
}

CASES(basis_diff) {
    matrix_case(OP_basis_diff, (Attr){0}, 9, 1, 9, 9);
}
