// cuda_fits.c: what fits on a GPU compute, without one: their formulas, kernels and calls, on the GPU of made_gpu.h.
#include "fit_cases.h"
#include "made_gpu.h"
#include "runtime/cuda/fit_steps.h"

static DenseSpace *space;

// Where the row lies when states are mapped: in twice as many rows, the last first, and every second number of none.
static FitStates states_of(Arena *arena, const float *rows, uint32_t n, uint32_t width, bool mapped) {
    FitStates out = {.at = (DevicePtr)(uintptr_t)rows, .stride = width, .width = width, .sums = made_kernel("fit_sums"), .rows = made_kernel("fit_rows")};
    if (!mapped) return out;
    uint32_t *map = arena_many(arena, uint32_t, n);
    float *at = arena_many(arena, float, (size_t)n * 2 * (width + 3));
    memset(at, 0xff, (size_t)n * 2 * (width + 3) * sizeof *at);
    for (uint32_t r = 0; r < n; r++) {
        map[r] = 2 * (n - 1 - r) + 1;
        memcpy(at + (size_t)map[r] * (width + 3), rows + (size_t)r * width, width * sizeof *at);
    }
    out.at = (DevicePtr)(uintptr_t)at, out.map = (DevicePtr)(uintptr_t)map, out.stride = width + 3;
    return out;
}

static void check_case(size_t number, double moved) {
    const FitCase *c = &fit_cases[number];
    Arena *arena = arena_open();
    size_t count = ((size_t)c->in + 1) * c->out;
    float *x = arena_many(arena, float, (size_t)c->n * c->in), *y = arena_many(arena, float, (size_t)c->n * c->out);
    float *got = arena_many(arena, float, count);
    fit_make(c, x, y);
    made_moved = moved;
    memset(got, 0xff, count * sizeof *got);
    FitWork work = {.space = space, .kernels = made_fit_kernels(), .out = (DevicePtr)(uintptr_t)got};
    work.x = states_of(arena, x, c->n, c->in, c->mapped), work.y = states_of(arena, y, c->n, c->out, c->mapped);
    FitReport gpu = {0};
    Error err;
    bool ok = fit_run(c, (Given){.n = c->n, .in = c->in, .out = c->out}, &work, NULL, &gpu, arena);
    if (!ok) fprintf(stderr, "case %zu is not fitted: %s\n", number, dense_ok(space, &err) ? "left to the processor" : err.text);
    CHECK(ok);
    check_fit(c, x, y, got, &gpu, 1e-6, arena);
    arena_close(arena);
}

// A rank goes on from the parts of another.
static void test_ranks(void) {
    const FitCase *c = &fit_cases[9];
    Arena *arena = arena_open();
    size_t count = ((size_t)c->in + 1) * c->out;
    float *x = arena_many(arena, float, (size_t)c->n * c->in), *y = arena_many(arena, float, (size_t)c->n * c->out);
    float *want = arena_many(arena, float, count), *got = arena_many(arena, float, count);
    fit_make(c, x, y);
    FitWork work = {.space = space, .kernels = made_fit_kernels(), .out = (DevicePtr)(uintptr_t)got};
    work.x = states_of(arena, x, c->n, c->in, false), work.y = states_of(arena, y, c->n, c->out, false);
    GpuProcrustes *parts = NULL;
    for (uint32_t rank = 0; rank < 3; rank++) {
        Error err;
        FitReport host, gpu;
        Procrustes fit = {.given = {.x = x, .y = y, .n = c->n, .in = c->in, .out = c->out}, .scale = true, .whiten = true, .shrink = 0.05, .rank = rank};
        CHECK(fit_procrustes(&fit, want, &host, &err));
        fit.given.x = fit.given.y = NULL;
        CHECK(gpu_fit_procrustes(&work, &fit, &parts, arena, &gpu) && map_error(want, got, count) <= 1e-6);
        check_reports(&host, &gpu);
        work.x.at = work.y.at = 0; // is not read again
    }
    arena_close(arena);
}

// What cannot be fitted is the processor's to say; nothing is left of it.
static void test_refused(void) {
    enum { N = 20, WIDTH = 8 };
    float x[N * WIDTH], y[N * WIDTH], map[(WIDTH + 1) * WIDTH];
    Error err;
    FitReport report;
    FitWork work = {.space = space, .kernels = made_fit_kernels(), .out = (DevicePtr)(uintptr_t)map};
    Arena *arena = arena_open();
    work.x = states_of(arena, x, N, WIDTH, false), work.y = states_of(arena, y, N, WIDTH, false);
    const double lambda = 1;
    Ridge ridge = {.given = {.n = N, .in = WIDTH, .out = WIDTH}, .held = 4, .lambdas = &lambda, .lambda_count = 1, .standardize = true};
    Procrustes turn = {.given = ridge.given, .whiten = true};
    for (int kind = 0; kind < 2; kind++) {
        GpuProcrustes *parts = NULL;
        for (int i = 0; i < N * WIDTH; i++) x[i] = kind ? (i == 77 ? NAN : fit_number()) : 1, y[i] = fit_number();
        CHECK(!gpu_fit_ridge(&work, &ridge, &report) && dense_ok(space, &err));
        CHECK(!gpu_fit_procrustes(&work, &turn, &parts, arena, &report) && !parts && dense_ok(space, &err));
    }
    arena_close(arena);
}

// ---- Spreads

typedef struct {
    uint32_t n, width, kept; // kept: columns that vary freely
    double decay;            // of the size of a column to that of the next
    bool all;                // all eigenvalues have to be found
} SpreadCase;

static void test_spread(const FitWork *work, const SpreadCase *c) {
    Arena *arena = arena_open();
    Error err;
    double *x = arena_many(arena, double, (size_t)c->n * c->width), *mean = arena_many(arena, double, c->width);
    for (size_t i = 0; i < (size_t)c->n * c->width; i++) {
        uint32_t column = (uint32_t)(i % c->width);
        x[i] = column < c->kept ? (double)fit_number() * pow(c->decay, column) : 2 * x[i - column + column % c->kept];
        mean[column] += x[i] / c->n;
    }
    for (size_t i = 0; i < (size_t)c->n * c->width; i++) x[i] -= mean[i % c->width];
    Spread want;
    CHECK(spread_find(arena, x, c->n, c->width, &want, &err));
    made_eigenvalues = 0;
    dense_reset(space);
    const Spread got = fit_spread(arena, work, dense_put(space, x, c->n, c->width));
    CHECK(dense_ok(space, &err) && made_eigenvalues == c->all);
    check_spread("rows", want, got);
    arena_close(arena);
}

static void test_spreads(const FitWork *work) {
    static const SpreadCase cases[] = {{100, 300, 300, 1, false}, {300, 100, 100, 1, false},     {150, 150, 150, 1, false},
                                       {150, 149, 149, 1, false}, {149, 150, 150, 0.97, false},  {400, 120, 120, 0.95, false},
                                       {30, 200, 200, 1, true},   {200, 100, 80, 1, true},       {400, 200, 200, 0.9, true},
                                       {2, 100, 100, 1, true}};
    for (size_t i = 0; i < COUNT(cases); i++) test_spread(work, &cases[i]);
}

// ---- Steps of a plan

enum { VALUE_X, VALUE_Y, VALUE_LAMBDA, VALUE_MAP, VALUES, N = 1300, IN = 1250, OUT = 1240 };

typedef struct {
    const float *at[VALUES];
    const Value *values;
} Values;

static GpuValue resolve(void *self, uint32_t value) {
    const Values *values = self;
    const Value *v = &values->values[value];
    return (GpuValue){.at = (DevicePtr)(uintptr_t)values->at[value], .dtype = v->dtype, .rows = v->rows, .width = v->width, .stride = v->width};
}

// A large fit, to a map that the GPU's memory or the host has; a small one is not the GPU's.
static void test_steps(Gpu *gpu) {
    Arena *arena = arena_open();
    Error err;
    float *x = arena_many(arena, float, N * IN), *y = arena_many(arena, float, N * OUT), *maps[3];
    for (int i = 0; i < 3; i++) maps[i] = arena_many(arena, float, (IN + 1) * OUT);
    fit_make(&(FitCase){.n = N, .in = IN, .out = OUT}, x, y);
    double lambda = 30;
    PlanTable table = {.dtype = DTYPE_f64, .rows = 1, .width = 1, .data = &lambda};
    const Value values[VALUES] = {[VALUE_X] = {.place = IN_ARENA, .dtype = DTYPE_f32, .rows = N, .width = IN},
                                  [VALUE_Y] = {.place = IN_ARENA, .dtype = DTYPE_f32, .rows = N, .width = OUT},
                                  [VALUE_LAMBDA] = {.place = IN_PLAN, .dtype = DTYPE_f64, .rows = 1, .width = 1},
                                  [VALUE_MAP] = {.place = IN_ARENA, .dtype = DTYPE_f32, .rows = IN + 1, .width = OUT}};
    uint32_t *last_first = arena_many(arena, uint32_t, N);
    for (uint32_t r = 0; r < N; r++) last_first[r] = N - 1 - r; // of both: the same pairs
    Step step = {.op = OP_fit_ridge, .in = {VALUE_X, VALUE_Y, VALUE_LAMBDA}, .out = VALUE_MAP, .rows = N};
    step.map[0] = step.map[1] = last_first;
    step.attr.ridge.standardize = true;
    Step steps[] = {step, step};
    steps[1].rows = 600;
    const Plan plan = {.values = values, .value_count = VALUES, .steps = steps, .step_count = COUNT(steps), .tables = &table, .table_count = 1};
    Values held = {{x, y, NULL, maps[0]}, values};
    void *host[VALUES] = {NULL};
    const FitWorld world = {gpu, &plan, kernel_set_open(arena), constants_open(arena), resolve, &held, host};
    Fits *fits = fits_open(&world, NULL, arena);
    MUST(kernel_set_build(world.kernels, gpu, &err) && constants_load(world.constants, gpu, &err));
    CHECK(!fits_step(fits, &steps[1]) && fits_bytes(&plan) > 24ull * IN * IN * sizeof(double));
    FitReport want, got;
    const Ridge fit = {.given = {.x = x, .y = y, .n = N, .in = IN, .out = OUT}, .lambdas = &lambda, .lambda_count = 1, .standardize = true};
    CHECK(fit_ridge(&fit, maps[1], &want, &err));
    for (int i = 0; i < 2; i++) {
        CHECK(fits_run(fits, fits_step(fits, &steps[0]), i ? maps[2] : NULL, &got));
        CHECK(map_error(maps[1], i ? maps[2] : maps[0], (IN + 1) * OUT) <= 1e-6);
        check_reports(&want, &got);
    }
    fits_close(fits);
    constants_close(world.constants);
    host[VALUE_Y] = y; // what the host has is the host's to fit
    CHECK(!fits_open(&world, NULL, arena));
    arena_close(arena);
}

int main(void) {
    Arena *arena = arena_open();
    Error err;
    Gpu gpu = {.arena = arena, .arch = "sm_90a"};
    bool libraries = cusolver_load(NULL, &err) && nvrtc_load(NULL, &err); // before they are replaced
    made_gpu_open();
    MUST(dense_open(&gpu, arena, &space, &err));
    for (size_t i = 0; i < COUNT(fit_cases); i++) {
        check_case(i, 0);
        if (!lambda_count(&fit_cases[i]) || fit_cases[i].rank) check_case(i, 1); // its singular values moved: Jacobi's
    }
    test_ranks();
    test_refused();
    test_spreads(&(FitWork){.space = space, .kernels = made_fit_kernels()});
    dense_close(space);
    if (libraries)
        test_steps(&gpu);
    else
        printf("steps are not tested: %s\n", err.text);
    arena_close(arena);
    return check_done();
}
