// cpu_gemm.c: matrix products against plain loops in double, and the bits of a row, which depend on nothing but the
// row: not on the rows beside it, not on the threads.
#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "blas_kernels.h"
#include "check.h"
#include "runtime/cpu/cpu.h"

static uint32_t seed = 12345;

static float number(void) {
    seed = seed * 1664525 + 1013904223;
    return (float)(seed >> 8) / (1 << 23) - 1;
}

static float *numbers(Arena *arena, size_t count) {
    float *x = arena_many(arena, float, count);
    for (size_t i = 0; i < count; i++) x[i] = number();
    return x;
}

// A weight of the type; `wide` is what it holds as float32.
static const void *weight(Arena *arena, DType dtype, size_t count, float **wide) {
    *wide = numbers(arena, count);
    if (dtype == DTYPE_f32) return *wide;
    uint16_t *w = arena_many(arena, uint16_t, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, *wide + i, sizeof bits);
        w[i] = dtype == DTYPE_bf16 ? (uint16_t)(bits >> 16) : (uint16_t)(seed + i * 7919) & 0xb7ff; // below 0.5
    }
    dtype_to_f32(dtype, w, *wide, count);
    return w;
}

// ---- Devices with 1, 2 and 5 threads

enum { DEVICES = 3 };
static Cpu cpus[DEVICES];

static void open_devices(Arena *arena) {
    static const uint32_t threads[DEVICES] = {1, 2, 5};
    Error err;
    for (int i = 0; i < DEVICES; i++) MUST(cpu_open(&cpus[i], arena, threads[i], NULL, &err));
}

static void poison(const Cpu *cpu) {
    memset(cpu->panel, 0xff, CPU_PANEL_BYTES); // no numbers
    for (uint32_t i = 0; i < pool_threads(cpu->pool); i++) memset(cpu->scratch[i], 0xff, CPU_SCRATCH_BYTES);
}

// ---- One product

enum { GUARD_WORDS = 64 };
static const float GUARD_VALUE = 1234.5f;

// The result with guard words after it.
static float *product(Arena *arena, Cpu *cpu, Gemm gemm) {
    size_t count = gemm.rows * gemm.out;
    float *y = arena_many(arena, float, count + GUARD_WORDS);
    for (size_t i = 0; i < count + GUARD_WORDS; i++) y[i] = i < count ? NAN : GUARD_VALUE;
    gemm.y = y;
    poison(cpu);
    cpu_gemm(cpu, &gemm);
    for (size_t i = count; i < count + GUARD_WORDS; i++) CHECK(y[i] == GUARD_VALUE);
    return y;
}

// Against double, at some of the elements when there are many.
static bool is_product(const Gemm *g, const float *w, const float *y) {
    size_t step = g->rows * g->out > 20000 ? 97 : 1;
    for (size_t i = 0; i < g->rows * g->out; i += step) {
        size_t r = i / g->out, c = i % g->out, row = g->map ? g->map[r] : r;
        double sum = 0, size = 0;
        for (uint32_t k = 0; k < g->in; k++) {
            double term =
                (double)g->x[row * g->in + k] * w[g->transposed ? (size_t)k * g->out + c : (size_t)c * g->in + k];
            sum += term;
            size += fabs(term);
        }
        if (!(fabs(y[i] - sum) <= fmin(1 + sqrt(g->in), 10) * 1e-7 * size)) { // rounding errors of a chain of sums
            fprintf(stderr, "%zu x %u x %u: [%zu, %zu] is %.9g, not %.9g\n", (size_t)g->rows, g->in, g->out, r, c,
                    (double)y[i], sum);
            return false;
        }
    }
    return true;
}

typedef struct {
    uint32_t rows, in, out;
} Shape;

static void test_shape(Shape shape, DType dtype, bool transposed, bool mapped) {
    Arena *arena = arena_open();
    uint32_t x_rows = mapped ? shape.rows + 5 : shape.rows;
    float *wide;
    GemmWeight w = {weight(arena, dtype, (size_t)shape.in * shape.out, &wide), dtype, shape.out};
    Gemm gemm = {.rows = shape.rows, .in = shape.in, .out = shape.out, .weights = &w, .weight_count = 1, .transposed = transposed};
    gemm.x = numbers(arena, (size_t)x_rows * shape.in);
    uint32_t *map = arena_many(arena, uint32_t, shape.rows);
    for (uint32_t r = 0; r < shape.rows; r++) map[r] = (r * 7 + 3) % x_rows;
    if (mapped) gemm.map = map;
    const float *y = product(arena, &cpus[0], gemm);
    CHECK(is_product(&gemm, wide, y));
    for (int i = 1; i < DEVICES; i++)
        CHECK(memcmp(y, product(arena, &cpus[i], gemm), gemm.rows * gemm.out * sizeof *y) == 0);
    arena_close(arena);
}

static void test_shapes(void) {
    static const Shape shapes[] = {{1, 1, 1},       {3, 5, 7},      {8, 8, 32},       {33, 64, 17},    {600, 16, 16},
                                   {7, 576, 192},   {241, 96, 100}, {500, 96, 530},   {31, 2050, 48},  {250, 4112, 96},
                                   {20, 9000, 33},  {300, 300, 1},  {5, 40000, 3},    {1, 64, 2000},   {300, 6, 1000},
                                   {260, 576, 577}, {2, 45000, 70}, {64, 32, 0x8001}, {245, 17000, 64}};
    for (size_t i = 0; i < COUNT(shapes); i++)
        for (int way = 0; way < 4; way++)
            test_shape(shapes[i], (DType[]){DTYPE_f32, DTYPE_bf16, DTYPE_f16}[(i + (size_t)way) % 3], way & 1, way & 2);
}

// A weight of several panels, and one so deep that no panel holds its tiles.
static void test_panels(void) {
    test_shape((Shape){260, 2048, 5000}, DTYPE_bf16, false, false);
    test_shape((Shape){260, 2048, 5000}, DTYPE_bf16, true, true);
    test_shape((Shape){260, 70000, 40}, DTYPE_bf16, false, true);
}

// ---- A row alone

// Rows in groups of `group` have the bits that they have among all.
static void check_groups(Cpu *cpu, Gemm gemm, const float *all, uint32_t group, bool mapped) {
    Arena *arena = arena_open();
    uint32_t *map = arena_many(arena, uint32_t, group);
    enum { MOST_CALLS = 60 };
    uint64_t rows = gemm.rows, different = 0;
    const float *x = gemm.x;
    for (uint64_t first = 0; first < MIN(rows, MOST_CALLS * group); first += group) {
        Gemm part = gemm;
        part.rows = MIN(group, rows - first);
        for (uint64_t i = 0; i < part.rows; i++) map[i] = (uint32_t)((first + i * 29) % rows);
        part.map = mapped ? map : NULL;
        if (!mapped) part.x = x + first * gemm.in;
        part.y = arena_many(arena, float, part.rows *gemm.out);
        cpu_gemm(cpu, &part);
        for (uint64_t i = 0; i < part.rows; i++)
            different += memcmp(part.y + i * gemm.out, all + (mapped ? map[i] : first + i) * gemm.out,
                                gemm.out * sizeof(float)) != 0;
    }
    if (different)
        fprintf(stderr, "%s: %u x %u, groups of %u%s: %llu of %llu rows differ\n", openblas_get_corename(), gemm.in,
                gemm.out, group, mapped ? ", mapped" : "", (unsigned long long)different, (unsigned long long)rows);
    CHECK(!different);
    arena_close(arena);
}

static void test_rows_alone(Cpu *cpu) {
    static const Shape shapes[] = {{600, 64, 64}, {600, 576, 192}, {120, 576, 577}, {101, 192, 576},
                                   {600, 48, 24}, {350, 8, 1000},  {60, 100, 1200}, {90, 1536, 96},
                                   {300, 17, 33}, {61, 4200, 100}, {600, 5, 40}};
    static const uint32_t groups[] = {1, 2, 7, 33, 250};
    for (size_t i = 0; i < COUNT(shapes) * 3; i++) {
        Arena *arena = arena_open();
        Shape s = shapes[i / 3];
        float *wide;
        DType dtype = i % 3 == 2 ? DTYPE_bf16 : DTYPE_f32;
        GemmWeight w = {weight(arena, dtype, (size_t)s.in * s.out, &wide), dtype, s.out};
        Gemm gemm = {.rows = s.rows, .in = s.in, .out = s.out, .weights = &w, .weight_count = 1, .transposed = i % 3 == 1};
        gemm.x = numbers(arena, (size_t)s.rows * s.in);
        const float *all = product(arena, cpu, gemm);
        for (size_t k = 0; k < COUNT(groups); k++) {
            check_groups(cpu, gemm, all, groups[k], false);
            if (k % 2 == i % 2) check_groups(cpu, gemm, all, groups[k], true);
        }
        arena_close(arena);
    }
}

// ---- Several weights at once

// Rows and results lie among other numbers; each weight's columns have the bits that it gives alone.
static void test_beside(Cpu *cpu, Shape shape, const uint32_t *outs, uint32_t count, DType dtype, bool mapped) {
    enum { X_MORE = 24, Y_MORE = 40 };
    Arena *arena = arena_open();
    GemmWeight *weights = arena_many(arena, GemmWeight, count);
    uint32_t *map = arena_many(arena, uint32_t, shape.rows), x_rows = shape.rows + 3, all = 0;
    float *wide;
    for (uint32_t i = 0; i < count; all += outs[i++])
        weights[i] = (GemmWeight){weight(arena, dtype, (size_t)shape.in * outs[i], &wide), dtype, outs[i]};
    for (uint32_t r = 0; r < shape.rows; r++) map[r] = (r * 7 + 3) % x_rows;
    Gemm gemm = {.rows = shape.rows, .in = shape.in, .out = all, .weights = weights, .weight_count = count, .map = mapped ? map : NULL,
                 .x_stride = shape.in + X_MORE, .y_stride = all + Y_MORE};
    gemm.x = numbers(arena, (size_t)x_rows * gemm.x_stride);
    size_t floats = (size_t)shape.rows * gemm.y_stride;
    float *y = gemm.y = arena_many(arena, float, floats), *alone = arena_many(arena, float, floats);
    for (size_t i = 0; i < floats; i++) y[i] = GUARD_VALUE;
    poison(cpu);
    cpu_gemm(cpu, &gemm);
    size_t wrong = 0;
    for (uint32_t i = 0, column = 0; i < count; column += outs[i++]) {
        Gemm one = gemm;
        one.out = one.y_stride = outs[i], one.weights = weights + i, one.weight_count = 1, one.y = alone;
        cpu_gemm(cpu, &one);
        for (uint32_t r = 0; r < shape.rows; r++)
            wrong += memcmp(alone + (size_t)r * outs[i], y + (size_t)r * gemm.y_stride + column, outs[i] * sizeof *y) != 0;
    }
    for (uint32_t r = 0; r < shape.rows; r++)
        for (uint32_t k = all; k < gemm.y_stride; k++) wrong += y[(size_t)r * gemm.y_stride + k] != GUARD_VALUE;
    CHECK(!wrong);
    arena_close(arena);
}

static void test_weights(Cpu *cpu) {
    static const struct {
        Shape shape;
        uint32_t outs[3], count;
    } cases[] = {{{600, 96, 0}, {96, 64, 64}, 3},  {{7, 576, 0}, {576, 192, 192}, 3}, {{300, 2048, 0}, {1500, 1500}, 2},
                 {{250, 64, 0}, {64, 16, 16}, 3},  {{1, 576, 0}, {1536, 1536}, 2},    {{500, 1600, 0}, {80, 2700, 70}, 3},
                 {{40, 17, 0}, {33, 100}, 2},      {{2100, 576, 0}, {576, 192, 192}, 3}};
    for (size_t i = 0; i < COUNT(cases) * 6; i++)
        test_beside(cpu, cases[i / 6].shape, cases[i / 6].outs, cases[i / 6].count, (DType[]){DTYPE_f32, DTYPE_bf16, DTYPE_f16}[i % 3], i % 6 < 3);
}

int main(int count, char **args) {
    Arena *arena = arena_open();
    open_devices(arena);
    if (count > 1) {
        test_rows_alone(&cpus[1]);
        test_weights(&cpus[1]);
    } else {
        test_shapes();
        test_panels();
        test_rows_alone(&cpus[1]);
        test_weights(&cpus[0]);
        test_weights(&cpus[1]);
        test_other_cores(args[0], "rows");
    }
    for (int i = 0; i < DEVICES; i++) cpu_close(&cpus[i]);
    arena_close(arena);
    return check_done();
}
