// Row kernels by hand: each operation over sizes around a vector, results known without the interpreter, e^x and ln x
// over their whole ranges, rotary positions, and that results depend on nothing but the data.
#include "rows_fixture.h"

static Jit *jit;
static Random random_state = {1};

static RowFunction *compiled(const RowCode *code, const DType *types) {
    Error err = {0};
    RowFunction *function = NULL;
    bool ok = jit_function(jit, code, types, &function, &err);
    if (!ok) fprintf(stderr, "%s\n", err.text);
    MUST(ok);
    return function;
}

static uint16_t load_of(RowBuilder *b, RowOperand operand, bool wide) {
    uint16_t x = row_load(b, row_operand(b, operand));
    return wide ? row_op(b, ROW_widen, x, 0, 0) : x;
}

static uint16_t number_of(RowBuilder *b, bool wide) {
    return row_number(b, row_operand(b, (RowOperand){.number = true, .mapped = true}), wide);
}

// ---- Each operation, alone

static const DType op_types[] = {DTYPE_f32, DTYPE_bf16, DTYPE_f16, DTYPE_i32, DTYPE_f64, DTYPE_f32, DTYPE_f32};

// Its inputs are columns, a number of a column and a number; then a flag.
static RowCode code_of(Arena *arena, RowOp op, bool wide, uint32_t width, uint32_t block) {
    RowBuilder b = {.arena = arena};
    uint16_t x = load_of(&b, (RowOperand){0}, wide), y = load_of(&b, (RowOperand){.fixed = true}, wide);
    uint16_t z = load_of(&b, (RowOperand){.mapped = true}, wide), column = number_of(&b, true),
             number = number_of(&b, wide);
    uint16_t out = x;
    switch (op) {
    case ROW_load:
    case ROW_number:
    case ROW_constant: break;
    case ROW_select: {
        RowOperand flag = {.flag = true, .mapped = true};
        if (width) flag.columns = COLUMNS_BLOCKS, flag.span = block;
        out = row_select(&b, row_operand(&b, flag), x, y);
        break;
    }
    case ROW_log: out = row_op(&b, op, number, 0, 0); break;
    case ROW_bf16:
    case ROW_f16:
    case ROW_widen: out = wide ? x : row_op(&b, op, x, 0, 0); break;
    case ROW_narrow: out = wide ? row_op(&b, op, x, 0, 0) : x; break;
    case ROW_except: out = row_op(&b, op, x, column, number); break;
    case ROW_pick: out = row_op(&b, op, x, column, 0); break;
    case ROW_which: out = row_op(&b, op, x, row_op(&b, ROW_largest, x, 0, 0), 0); break;
    default: out = row_op(&b, op, x, y, z); break;
    }
    row_result(&b, out, false);
    row_result(&b, out, true);
    row_result(&b, number, true);
    return row_done(&b, width, block);
}

static void every_op(void) {
    static const uint32_t sizes[] = {1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 64, 100};
    for (uint32_t op = 0; op < ROW_COUNT; op++)
        for (uint32_t i = 0; i < COUNT(sizes) * 2; i++) {
            Arena *arena = arena_open();
            bool wide = i % 2;
            uint32_t size = sizes[i / 2];
            RowCode fixed = code_of(arena, (RowOp)op, wide, size * 2, size);
            CHECK(bench_check(jit, &random_state, fixed, op_types, 0, 5));
            RowCode any = op == ROW_rotate ? fixed : code_of(arena, (RowOp)op, wide, 0, 0);
            for (int more = -1; more < 2; more++)
                CHECK(bench_check(jit, &random_state, any, op_types, size + (uint64_t)(int64_t)more, 5));
            arena_close(arena);
        }
}

// ---- Operations on numbers that are none, and equal ones

static bool same(double a, double b) {
    return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

static double apply(RowOp op, bool wide, const double *in) {
    Arena *arena = arena_open();
    RowBuilder b = {.arena = arena};
    uint16_t value[3];
    for (int i = 0; i < 3; i++) value[i] = row_number(&b, row_operand(&b, (RowOperand){.number = true}), wide);
    row_result(&b, row_op(&b, op, value[0], value[1], value[2]), false);
    RowCode code = row_done(&b, 0, 0);
    double out = 0, values[3] = {in[0], in[1], in[2]};
    float narrow = 0;
    RowPointer pointers[] = {{&values[0], NULL, NULL, 1},
                             {&values[1], NULL, NULL, 1},
                             {&values[2], NULL, NULL, 1},
                             {wide ? (void *)&out : &narrow, NULL, NULL, 1}};
    compiled(&code, (DType[]){DTYPE_f64, DTYPE_f64, DTYPE_f64})(pointers, 0, 0, 0, 1);
    arena_close(arena);
    return wide ? out : (double)narrow;
}

static void odd_numbers(void) {
    const double nan = NAN, inf = INFINITY;
    const struct {
        RowOp op;
        double in[3], out;
    } cases[] = {
        {ROW_greater, {1, 2}, 2},
        {ROW_greater, {nan, 2}, 2},
        {ROW_greater, {2, nan}, nan},
        {ROW_greater, {-0.0, 0}, 0},
        {ROW_greater, {-inf, -5}, -5},
        {ROW_smaller, {1, 2}, 1},
        {ROW_smaller, {nan, 2}, 2},
        {ROW_smaller, {inf, 5}, 5},
        {ROW_above, {2, 1}, 1},
        {ROW_above, {1, 1}, 0},
        {ROW_above, {nan, 1}, 0},
        {ROW_above, {1, nan}, 0},
        {ROW_choose, {0, 5, 7}, 7},
        {ROW_choose, {-0.0, 5, 7}, 7},
        {ROW_choose, {nan, 5, 7}, 5},
        {ROW_choose, {1e-40, 5, 7}, 5},
        {ROW_negate, {0}, -0.0},
        {ROW_negate, {inf}, -inf},
        {ROW_div, {1, 0}, inf},
        {ROW_div, {0, 0}, nan},
        {ROW_sqrt, {-1}, nan},
        {ROW_sqrt, {2.25}, 1.5},
        {ROW_log, {1}, 0},
        {ROW_log, {0}, -inf},
        {ROW_log, {-1}, nan},
        {ROW_exp, {0}, 1},
        {ROW_exp, {-0.0}, 1},
        {ROW_exp, {-inf}, 0},
        {ROW_exp, {inf}, inf},
        {ROW_exp, {nan}, nan},
        {ROW_exp, {-1e30}, 0},
        {ROW_exp, {1e30}, inf},
        {ROW_exp, {-746}, 0},
        {ROW_exp, {710}, inf},
        {ROW_add, {inf, -inf}, nan},
        {ROW_mul, {0, inf}, nan},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int wide = 0; wide < 2; wide++) {
            double got = apply(cases[i].op, wide, cases[i].in);
            if (!same(got, cases[i].out))
                fprintf(stderr, "%s: %g, not %g\n", row_info[cases[i].op].name, got, cases[i].out);
            CHECK(same(got, cases[i].out));
        }
}

// ---- Reductions, against what they must give

// largest, which of it, pick at column `at`, sum of one row.
static void reduce(const float *x, uint64_t columns, uint64_t base, double at, double out[4]) {
    Arena *arena = arena_open();
    RowBuilder b = {.arena = arena};
    uint16_t v = load_of(&b, (RowOperand){0}, false), largest = row_op(&b, ROW_largest, v, 0, 0);
    uint16_t number = row_number(&b, row_operand(&b, (RowOperand){.number = true}), true);
    row_result(&b, row_op(&b, ROW_widen, largest, 0, 0), false);
    row_result(&b, row_op(&b, ROW_which, v, largest, 0), false);
    row_result(&b, row_op(&b, ROW_widen, row_op(&b, ROW_pick, v, number, 0), 0, 0), false);
    row_result(&b, row_op(&b, ROW_widen, row_op(&b, ROW_sum, v, 0, 0), 0, 0), false);
    RowCode code = row_done(&b, 0, 0);
    RowPointer pointers[6] = {{(void *)(uintptr_t)x, NULL, NULL, columns}, {&at, NULL, NULL, 1}};
    for (int k = 0; k < 4; k++) pointers[2 + k] = (RowPointer){&out[k], NULL, NULL, 1};
    compiled(&code, (DType[]){DTYPE_f32, DTYPE_f64})(pointers, columns, base, 0, 1);
    arena_close(arena);
}

static void known_reductions(void) {
    float x[40];
    double out[4];
    for (int i = 0; i < 40; i++) x[i] = (float)(i % 7);
    reduce(x, 40, 100, 139, out);
    CHECK(out[0] == 6 && out[1] == 106 && out[2] == 39 % 7 && out[3] == 5 * 21 + 0 + 1 + 2 + 3 + 4);
    reduce(x, 40, 100, 140, out); // the first column of the next tile
    CHECK(out[2] == 0);
    reduce(x, 40, 100, 106.5, out);
    CHECK(out[2] == 0);
    reduce(x, 0, 0, 0, out);
    CHECK(out[0] == -INFINITY && out[1] == -1 && out[2] == 0 && out[3] == 0);
    for (int i = 0; i < 40; i++) x[i] = NAN;
    reduce(x, 40, 0, 3, out);
    CHECK(out[0] == -INFINITY && out[1] == -1 && isnan(out[2]) && isnan(out[3]));
    x[33] = -7, x[21] = -7;
    reduce(x, 40, 0, 33, out);
    CHECK(out[0] == -7 && out[1] == 21 && out[2] == -7);
    for (int i = 0; i < 40; i++) x[i] = -0.0f;
    reduce(x, 40, 0, 39, out);
    CHECK(same(out[0], 0) && out[1] == 0 && same(out[2], -0.0));
}

// ---- Rotary positions: x cos - partner sin, x cos + partner sin, in float32

static void rope(uint32_t heads, uint32_t half) {
    enum { ROWS = 5, MOST = 512 };
    Arena *arena = arena_open();
    uint32_t width = heads * half * 2;
    MUST(width <= MOST);
    RowBuilder b = {.arena = arena};
    uint16_t x = load_of(&b, (RowOperand){0}, false);
    uint16_t cosine = load_of(&b, (RowOperand){.mapped = true, .columns = COLUMNS_LOCAL}, false);
    uint16_t sine = load_of(&b, (RowOperand){.mapped = true, .columns = COLUMNS_LOCAL}, false);
    row_result(&b, row_op(&b, ROW_rotate, x, cosine, sine), false);
    RowCode code = row_done(&b, width, half);
    float in[ROWS][MOST], out[ROWS][MOST], tables[2][10][MOST];
    const uint32_t position[ROWS] = {3, 0, 9, 1, 1};
    for (uint32_t p = 0; p < 10; p++)
        for (uint32_t i = 0; i < half; i++) {
            double angle = p * pow(10000, -(double)i / half);
            tables[0][p][i] = (float)cos(angle), tables[1][p][i] = (float)sin(angle);
        }
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t c = 0; c < width; c++) in[r][c] = (float)random_value(&random_state, false);
    RowPointer pointers[] = {{in, NULL, NULL, MOST},
                             {tables[0], position, NULL, MOST},
                             {tables[1], position, NULL, MOST},
                             {out, NULL, NULL, MOST}};
    compiled(&code, (DType[]){DTYPE_f32, DTYPE_f32, DTYPE_f32})(pointers, 0, 0, 0, ROWS);
    bool right = true;
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t h = 0; h < heads; h++)
            for (uint32_t i = 0; i < half; i++) {
                const float *head = &in[r][h * 2 * half], *got = &out[r][h * 2 * half];
                float c = tables[0][position[r]][i], s = tables[1][position[r]][i];
                float one = head[i] * c, two = head[half + i] * s, three = head[half + i] * c, four = head[i] * s;
                right &= got[i] == one - two && got[half + i] == three + four;
            }
    CHECK(right);
    arena_close(arena);
}

// ---- RMS norm after an addition, against sums in double

static void norm(void) {
    enum { ROWS = 3, WIDTH = 576 };
    static float x[ROWS][WIDTH], y[ROWS][WIDTH], sum[ROWS][WIDTH], out[ROWS][WIDTH], weight[WIDTH];
    Arena *arena = arena_open();
    RowBuilder b = {.arena = arena};
    uint16_t s = row_op(&b, ROW_add, load_of(&b, (RowOperand){0}, false), load_of(&b, (RowOperand){0}, false), 0);
    uint16_t total = row_op(&b, ROW_sum, row_op(&b, ROW_mul, s, s, 0), 0, 0);
    uint16_t mean = row_op(&b, ROW_div, total, row_constant(&b, WIDTH, false), 0);
    uint16_t root = row_op(&b, ROW_sqrt, row_op(&b, ROW_add, mean, row_constant(&b, 1e-5, false), 0), 0, 0);
    uint16_t normed = row_op(&b, ROW_div, s, root, 0);
    row_result(&b, s, false);
    row_result(&b, row_op(&b, ROW_mul, normed, load_of(&b, (RowOperand){.fixed = true}, false), 0), false);
    RowCode code = row_done(&b, WIDTH, WIDTH);
    for (int c = 0; c < WIDTH; c++) {
        weight[c] = (float)random_value(&random_state, false);
        for (int r = 0; r < ROWS; r++)
            x[r][c] = (float)random_value(&random_state, false), y[r][c] = (float)random_value(&random_state, false);
    }
    RowPointer pointers[] = {{x, NULL, NULL, WIDTH},
                             {y, NULL, NULL, WIDTH},
                             {weight, NULL, NULL, 0},
                             {sum, NULL, NULL, WIDTH},
                             {out, NULL, NULL, WIDTH}};
    compiled(&code, (DType[]){DTYPE_f32, DTYPE_f32, DTYPE_f32})(pointers, 0, 0, 0, ROWS);
    double apart = 0;
    for (int r = 0; r < ROWS; r++) {
        double squares = 0;
        for (int c = 0; c < WIDTH; c++) squares += pow((double)x[r][c] + (double)y[r][c], 2);
        for (int c = 0; c < WIDTH; c++) {
            double want = ((double)x[r][c] + (double)y[r][c]) / sqrt(squares / WIDTH + 1e-5) * (double)weight[c];
            apart = fmax(apart, fabs(want - (double)out[r][c]) - fabs(want) * 1e-6);
        }
    }
    CHECK(apart <= 0);
    arena_close(arena);
}

// ---- e^x

static RowFunction *exponential(bool wide) {
    Arena *arena = arena_open();
    RowBuilder b = {.arena = arena};
    // columns are float32: a float64 argument is the sum of two
    uint16_t x = load_of(&b, (RowOperand){0}, wide);
    if (wide) x = row_op(&b, ROW_add, x, load_of(&b, (RowOperand){0}, true), 0);
    row_result(&b, row_op(&b, ROW_exp, x, 0, 0), false);
    RowCode code = row_done(&b, 0, 0);
    RowFunction *function = compiled(&code, (DType[]){DTYPE_f32, DTYPE_f32});
    arena_close(arena);
    return function;
}

// Distance in units in the last place of `bits` bits, subnormal numbers included.
static double ulps(long double want, long double got, int bits, int least) {
    int exponent;
    frexpl(want, &exponent);
    return (double)(fabsl(want - got) / ldexpl(1, MAX(exponent - bits, least)));
}

// Every step-th float32 between the ends where the result is 0 and infinity.
static void exp_narrow(uint32_t step) {
    enum { MANY = 4096 };
    float x[MANY], y[MANY];
    RowFunction *function = exponential(false);
    double worst = 0;
    for (uint64_t bits = 0; bits < 0x42d20000u;) { // 105
        uint64_t count = 0;
        for (; count + 2 <= MANY && bits < 0x42d20000u; bits += step, count += 2) {
            uint32_t word = (uint32_t)bits;
            memcpy(&x[count], &word, sizeof word);
            x[count + 1] = -x[count];
        }
        function((RowPointer[]){{x, NULL, NULL, 0}, {y, NULL, NULL, 0}}, count, 0, 0, 1);
        for (uint64_t i = 0; i < count; i++) {
            double want = exp((double)x[i]);
            if ((float)want != INFINITY && y[i] != INFINITY)
                worst = fmax(worst, ulps((long double)want, (long double)y[i], 24, -149));
            else if ((float)want != y[i]) // rounding to infinity: within a unit of the largest
                worst = fmax(worst, want > 0x1.ffffffp127 || y[i] < INFINITY ? 1 : 100);
        }
    }
    if (worst > 1.5) fprintf(stderr, "float32: e^x is off by %g units\n", worst);
    CHECK(worst <= 1.5);
}

static void exp_wide(void) {
    enum { MANY = 4096 };
    float x[MANY], low[MANY];
    double y[MANY], worst = 0;
    RowFunction *function = exponential(true);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < MANY; i++) {
            double whole = random_below(&random_state, 1u << 31) / 1515040.0 - 708.0; // to 709.4
            if (round % 4 == 0) whole = ldexp(whole, -(int)random_below(&random_state, 40));
            x[i] = (float)whole, low[i] = (float)(whole - (double)(float)whole);
        }
        RowPointer pointers[] = {{x, NULL, NULL, 0}, {low, NULL, NULL, 0}, {y, NULL, NULL, 0}};
        function(pointers, MANY, 0, 0, 1);
        for (int i = 0; i < MANY; i++)
            worst = fmax(worst, ulps(expl((long double)((double)x[i] + (double)low[i])), (long double)y[i], 53, -1074));
    }
    const double ends[] = {-708.3964, -708.39642, -745, -1e300, -INFINITY, 709.7827, 709.7828, 1e300, INFINITY, NAN};
    for (size_t i = 0; i < COUNT(ends); i++) {
        x[i] = (float)ends[i], low[i] = isfinite(ends[i]) ? (float)(ends[i] - (double)x[i]) : 0;
        if (fabs(ends[i]) > 1e299) x[i] = (float)copysign(1e30, ends[i]), low[i] = 0;
    }
    function((RowPointer[]){{x, NULL, NULL, 0}, {low, NULL, NULL, 0}, {y, NULL, NULL, 0}}, COUNT(ends), 0, 0, 1);
    for (size_t i = 0; i < COUNT(ends); i++) {
        double want = exp((double)x[i] + (double)low[i]);
        CHECK(isnan(want) ? isnan(y[i]) : want < 0x1p-1022 ? y[i] == 0 : isinf(want) ? isinf(y[i]) : fabs(y[i] / want - 1) < 1e-14);
    }
    if (worst > 1.5) fprintf(stderr, "float64: e^x is off by %g units\n", worst);
    CHECK(worst <= 1.5);
}

// ---- ln x: of numbers, one a row

static RowFunction *logarithm(DType type) {
    Arena *arena = arena_open();
    RowBuilder b = {.arena = arena};
    uint16_t x = row_number(&b, row_operand(&b, (RowOperand){.number = true}), type == DTYPE_f64);
    row_result(&b, row_op(&b, ROW_log, x, 0, 0), false);
    RowCode code = row_done(&b, 0, 0);
    RowFunction *function = compiled(&code, &type);
    arena_close(arena);
    return function;
}

// Every step-th float32 above 0.
static void log_narrow(uint32_t step) {
    RowFunction *function = logarithm(DTYPE_f32);
    double worst = 0;
    for (uint32_t bits = 1; bits < 0x7f800000u; bits += step) {
        float x, y;
        memcpy(&x, &bits, sizeof x);
        function((RowPointer[]){{&x, NULL, NULL, 1}, {&y, NULL, NULL, 1}}, 0, 0, 0, 1);
        worst = fmax(worst, ulps(logl((long double)x), (long double)y, 24, -149));
    }
    if (worst > 0.51) fprintf(stderr, "float32: ln x is off by %g units\n", worst);
    CHECK(worst <= 0.51);
}

// Numbers of every size, and more near 1, where the result is small.
static void log_wide(void) {
    enum { MANY = 4096 };
    double x[MANY], y[MANY], worst = 0;
    RowFunction *function = logarithm(DTYPE_f64);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < MANY; i++) {
            double part = random_below(&random_state, 1u << 31) * 0x1p-31;
            int size = (int)random_below(&random_state, round % 2 ? 2098 : 53);
            x[i] = round % 2 ? ldexp(1 + part, size - 1074) : 1 + ldexp(round % 4 ? part : -part, -size);
        }
        function((RowPointer[]){{x, NULL, NULL, 1}, {y, NULL, NULL, 1}}, 0, 0, 0, MANY);
        for (int i = 0; i < MANY; i++)
            if (x[i] > 0) worst = fmax(worst, ulps(logl((long double)x[i]), (long double)y[i], 53, -1074));
    }
    if (worst > 1) fprintf(stderr, "float64: ln x is off by %g units\n", worst);
    CHECK(worst <= 1);
}

static void log_ends(void) {
    double x[] = {1, 0, -0.0, -1, -INFINITY, INFINITY, NAN, 0x1p-1074}, y[COUNT(x)];
    const double want[] = {0, -INFINITY, -INFINITY, NAN, NAN, INFINITY, NAN, log(0x1p-1074)};
    logarithm(DTYPE_f64)((RowPointer[]){{x, NULL, NULL, 1}, {y, NULL, NULL, 1}}, 0, 0, 0, COUNT(x));
    for (size_t i = 0; i < COUNT(x); i++) CHECK(isnan(want[i]) ? isnan(y[i]) : y[i] == want[i]);
}

// ---- float16: each there is

static void halves(void) {
    enum { ALL = 1 << 16 };
    static uint16_t x[ALL];
    static float y[ALL], want[ALL];
    Arena *arena = arena_open();
    RowBuilder b = {.arena = arena};
    row_result(&b, load_of(&b, (RowOperand){0}, false), false);
    RowCode code = row_done(&b, 0, 0);
    for (int i = 0; i < ALL; i++) x[i] = (uint16_t)i;
    compiled(&code, (DType[]){DTYPE_f16})((RowPointer[]){{x, NULL, NULL, 0}, {y, NULL, NULL, 0}}, ALL, 0, 0, 1);
    dtype_to_f32(DTYPE_f16, x, want, ALL);
    int wrong = 0;
    for (int i = 0; i < ALL; i++) wrong += isnan(want[i]) ? !isnan(y[i]) : memcmp(&y[i], &want[i], sizeof *y) != 0;
    CHECK(wrong == 0);
    arena_close(arena);
}

// ---- Nothing but the data counts

static void only_data(void) {
    enum { ROWS = 6, WIDTH = 93, STRIDE = 96 };
    static float x[ROWS * STRIDE], shifted[ROWS * STRIDE + 32];
    float out[ROWS], again[ROWS], exps[ROWS * STRIDE], exps_again[ROWS * STRIDE];
    Arena *arena = arena_open();
    RowBuilder b = {.arena = arena};
    uint16_t e = row_op(&b, ROW_exp, load_of(&b, (RowOperand){0}, false), 0, 0);
    row_result(&b, row_op(&b, ROW_sum, e, 0, 0), false);
    row_result(&b, e, false);
    RowCode code = row_done(&b, 0, 0);
    RowFunction *function = compiled(&code, (DType[]){DTYPE_f32});
    for (int i = 0; i < ROWS * STRIDE; i++) x[i] = (float)random_value(&random_state, false);
    memset(exps, 0, sizeof exps);
    function((RowPointer[]){{x, NULL, NULL, STRIDE}, {out, NULL, NULL, 1}, {exps, NULL, NULL, STRIDE}}, WIDTH, 0, 0,
             ROWS);
    for (int offset = 0; offset < 32; offset++) {
        memcpy(shifted + offset, x, sizeof x);
        memset(exps_again, 0, sizeof exps_again);
        RowPointer pointers[] = {
            {shifted + offset, NULL, NULL, STRIDE}, {again, NULL, NULL, 1}, {exps_again, NULL, NULL, STRIDE}};
        for (uint64_t r = ROWS; r-- > 0;) function(pointers, WIDTH, 0, r, r + 1);
        CHECK(memcmp(out, again, sizeof out) == 0 && memcmp(exps, exps_again, sizeof exps) == 0);
    }
    // equal codes are one function
    CHECK(function == compiled(&code, (DType[]){DTYPE_f32}) && function != compiled(&code, (DType[]){DTYPE_bf16}));
    Text text = text_open(arena);
    Error err = {0};
    CHECK(jit_print(jit, &code, (DType[]){DTYPE_f32}, &text, &err));
    CHECK(strstr(text.at, "define void @rows(") && strstr(text.at, "stage0.column:") &&
          strstr(text.at, "<16 x float>"));
    arena_close(arena);
}

// rows [STEP]: 1 tries e^x and ln x of each float32 there is, which takes minutes.
int main(int argc, char **argv) {
    Error err = {0};
    jit = jit_open(NULL, &err);
    every_op();
    odd_numbers();
    known_reductions();
    rope(1, 6), rope(3, 6), rope(5, 16), rope(4, 32), rope(3, 20), rope(1, 64);
    norm();
    uint32_t step = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 251;
    exp_narrow(step);
    exp_wide();
    log_narrow(step);
    log_wide();
    log_ends();
    halves();
    only_data();
    jit_close(jit);
    return check_done();
}
