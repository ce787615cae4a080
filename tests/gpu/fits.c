// fits.c: fits on the GPU against the same on the processor, in each type that states are stored in; then what large ones
// take, with what their own results say of them. Needs a GPU, cuBLAS and cuSOLVER; skipped without.
#include <stdio.h>
#include <stdlib.h>

#include "fit_cases.h"

static Gpu gpu;
static DenseSpace *space;

typedef struct {
    uint32_t sums[DTYPE_COUNT], rows[DTYPE_COUNT];
    FitKernelNumbers others;
    KernelSet *set;
} Kernels;
static Kernels kernels;

static const DType dtypes[] = {DTYPE_f32, DTYPE_bf16, DTYPE_f16};

static bool build(Arena *arena, Error *err) {
    kernels.set = kernel_set_open(arena);
    for (size_t t = 0; t < COUNT(dtypes); t++) {
        kernels.sums[dtypes[t]] = fit_kernel_sums(kernels.set, dtypes[t], arena);
        kernels.rows[dtypes[t]] = fit_kernel_rows(kernels.set, dtypes[t], arena);
    }
    kernels.others = fit_kernels_add(kernels.set, arena);
    return kernel_set_build(kernels.set, &gpu, err);
}

static DevicePtr upload(const void *from, size_t bytes) {
    Error err;
    DevicePtr to;
    MUST(gpu_take(bytes, "test", &to, &err) && gpu_put(&gpu, to, from, bytes, &err) && gpu_wait(&gpu, &err));
    return to;
}

// Rounded to the type, here and there; when mapped, the last row lies first.
static FitStates states_of(Arena *arena, float *x, uint32_t n, uint32_t width, DType dtype, bool mapped) {
    size_t count = (size_t)n * width, size = dtype_info[dtype].bytes;
    unsigned char *stored = arena_alloc(arena, count * size), *turned = arena_alloc(arena, count * size);
    uint32_t *map = arena_many(arena, uint32_t, n);
    dtype_from_f32(dtype, x, stored, count);
    dtype_to_f32(dtype, stored, x, count);
    for (uint32_t r = 0; r < n; r++) {
        map[r] = mapped ? n - 1 - r : r;
        memcpy(turned + map[r] * width * size, stored + r * width * size, width * size);
    }
    return (FitStates){.at = upload(turned, count * size),
                       .map = mapped ? upload(map, n * sizeof *map) : 0,
                       .stride = width,
                       .width = width,
                       .sums = kernel_set_function(kernels.set, kernels.sums[dtype]),
                       .rows = kernel_set_function(kernels.set, kernels.rows[dtype])};
}

typedef struct {
    Arena *arena;
    float *x, *y, *map;
    size_t count;
    FitWork work;
} Trial;

static Trial trial_open(const FitCase *c, DType dtype) {
    Arena *arena = arena_open();
    Trial t = {.arena = arena, .count = ((size_t)c->in + 1) * c->out};
    t.x = arena_many(arena, float, (size_t)c->n * c->in), t.y = arena_many(arena, float, (size_t)c->n * c->out);
    t.map = arena_many(arena, float, t.count);
    fit_make(c, t.x, t.y);
    t.work = (FitWork){.space = space,
                       .kernels = fit_kernels_of(kernels.set, &kernels.others),
                       .x = states_of(arena, t.x, c->n, c->in, dtype, c->mapped),
                       .y = states_of(arena, t.y, c->n, c->out, dtype, c->mapped),
                       .out = upload(t.map, t.count * sizeof(float))};
    return t;
}

static void trial_close(Trial *t) {
    const DevicePtr taken[] = {t->work.x.at, t->work.x.map, t->work.y.at, t->work.y.map, t->work.out};
    for (size_t i = 0; i < COUNT(taken); i++) gpu_give(taken[i]);
    arena_close(t->arena);
}

// took: milliseconds until the map is there.
static bool fit_there(const FitCase *c, Trial *t, FitReport *report, float *took) {
    Error err;
    MUST(!cuda.EventRecord(gpu.before, gpu.stream));
    bool ok = fit_run(c, (Given){.n = c->n, .in = c->in, .out = c->out}, &t->work, NULL, report, t->arena);
    if (!ok) fprintf(stderr, "not fitted: %s\n", dense_ok(space, &err) ? "left to the processor" : err.text);
    CHECK(ok);
    MUST(!cuda.EventRecord(gpu.after, gpu.stream) && !cuda.EventSynchronize(gpu.after) &&
         !cuda.EventElapsedTime(took, gpu.before, gpu.after));
    return ok && gpu_get(&gpu, t->map, t->work.out, t->count * sizeof(float), &err);
}

static void test_case(size_t number, DType dtype) {
    const FitCase *c = &fit_cases[number];
    Trial t = trial_open(c, dtype);
    FitReport got = {0};
    float took;
    if (fit_there(c, &t, &got, &took)) check_fit(c, t.x, t.y, t.map, &got, 2e-6, t.arena);
    trial_close(&t);
}

static void time_case(const char *what, const FitCase *c) {
    Trial t = trial_open(c, DTYPE_bf16);
    FitReport report = {0};
    float took = 0, least = INFINITY;
    for (int i = 0; i < 4; i++)
        if (fit_there(c, &t, &report, &took)) least = fminf(least, took);
    bool finite = true;
    for (size_t i = 0; i < t.count; i++) finite &= isfinite(t.map[i]) != 0;
    double left = c->lambdas[0] > 0 ? 0 : c->in - report.rank; // dimensions that a map of Procrustes leaves out
    CHECK(finite && fabs(report.orthogonality - sqrt(left)) < 1e-9);
    printf("%-44s %8.1f ms, rank %u, conditions %.3g and %.3g, lambda %g\n", what, (double)least, report.rank,
           report.source.condition, report.target.condition, report.lambda);
    trial_close(&t);
}

static void time_cases(void) {
    enum { WIDE = 4096 };
    time_case("ridge, 9 lambdas, 4096 rows of 4096", &(FitCase){.n = WIDE, .in = WIDE, .out = WIDE, .held = WIDE / 5, .lambdas = {0.1, 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7}, .standardize = true});
    time_case("Procrustes, 6000 rows of 4096", &(FitCase){.n = 6000, .in = WIDE, .out = WIDE, .scale = true});
    time_case("whitened Procrustes, 6000 rows of 4096", &(FitCase){.n = 6000, .in = WIDE, .out = WIDE, .scale = true, .whiten = true, .shrink = 0.05});
    time_case("Procrustes, 4096 rows of 4096", &(FitCase){.n = WIDE, .in = WIDE, .out = WIDE, .scale = true});
    time_case("Procrustes, 500 rows of 4096", &(FitCase){.n = 500, .in = WIDE, .out = WIDE, .scale = true});
}

int main(int count, char **args) {
    Arena *arena = arena_open();
    Error err;
    bool there = gpu_open(&gpu, arena, NULL, count > 1 ? args[1] : NULL, &err) && cusolver_load(NULL, &err);
    if (!there) {
        fprintf(stderr, "%s\n", err.text);
        return 77;
    }
    if (!dense_open(&gpu, arena, &space, &err) || !build(arena, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < COUNT(fit_cases); i++) test_case(i, dtypes[i % COUNT(dtypes)]);
    if (!test_small()) time_cases();
    dense_close(space);
    kernel_set_close(kernels.set);
    gpu_close(&gpu);
    arena_close(arena);
    return check_done();
}
