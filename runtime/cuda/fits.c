// fits.c: what fits on the GPU read and write: states, their moments, maps.
#include <math.h>

#include "runtime/cuda/fits.h"

enum { THREADS = 128, PART_ROWS = 128, MOST_PARTS = 512 };

// ---- Kernels: as in kernels/fit.cu

typedef struct {
    DevicePtr at, map;
    uint64_t stride;
} States;

typedef struct {
    States states;
    DevicePtr mean, out;
    uint64_t first, rows, part_rows;
    uint32_t width, parts;
} SumsWork;

typedef struct {
    States states;
    DevicePtr columns, mean, deviation, out;
    uint64_t first, rows;
    uint32_t kept;
} RowsWork;

typedef struct {
    DevicePtr at;
    double value;
    uint32_t size;
} DiagonalWork;

typedef struct {
    DevicePtr matrix, row_of, column_of, shift, out;
    uint32_t in, width, kept;
} MapWork;

typedef struct {
    DevicePtr parts, out;
    uint32_t width, count;
} TotalWork;

typedef struct {
    DevicePtr from, to, norm;
    uint32_t size;
} UnitWork;

Str fit_text(const char *file, const char *function, DType dtype, Arena *arena) {
    Text text = text_open(arena);
    text_add(&text, "// %s\n#define STORED %s\n", function, dtype_info[dtype].name);
    text_str(&text, kernel_text(file));
    return text_view(&text);
}

static uint32_t add_kernel(KernelSet *set, const char *file, const char *function, DType dtype, Arena *arena) {
    return kernel_set_add_text(set, function, fit_text(file, function, dtype, arena), true);
}

uint32_t fit_kernel_sums(KernelSet *set, DType dtype, Arena *arena) {
    return add_kernel(set, "fit.cu", "fit_sums", dtype, arena);
}

uint32_t fit_kernel_rows(KernelSet *set, DType dtype, Arena *arena) {
    return add_kernel(set, "fit.cu", "fit_rows", dtype, arena);
}

FitKernelNumbers fit_kernels_add(KernelSet *set, Arena *arena) {
    return (FitKernelNumbers){
#define FIT_KERNEL(file, name) .name = add_kernel(set, #file ".cu", #file "_" #name, DTYPE_f32, arena),
        FIT_KERNELS(FIT_KERNEL)
#undef FIT_KERNEL
    };
}

FitKernels fit_kernels_of(const KernelSet *set, const FitKernelNumbers *numbers) {
    return (FitKernels){
#define FIT_KERNEL(file, name) .name = kernel_set_function(set, numbers->name),
        FIT_KERNELS(FIT_KERNEL)
#undef FIT_KERNEL
    };
}

void fit_launch(const FitWork *work, const GpuLaunch *how, void *argument) {
    Error err;
    if (dense_ok(work->space, &err) && !gpu_launch(dense_gpu(work->space), how, argument, "fit on the GPU", &err)) dense_wrong(work->space, &err);
}

// A thread has a number; down: of a kind.
void fit_launch_each(const FitWork *work, CuFunction function, uint64_t threads, uint32_t down, void *argument) {
    Error err;
    uint64_t blocks = (threads + THREADS - 1) / THREADS;
    if (!blocks || !down) return;
    error_set(&err, ERR_SYSTEM, "a fit of too many numbers for the GPU");
    if (blocks > INT32_MAX)
        dense_wrong(work->space, &err);
    else
        fit_launch(work, &(GpuLaunch){function, {(uint32_t)blocks, down, 1}, {THREADS, 1, 1}, 0}, argument);
}

static States states_of(const FitStates *states) {
    return (States){states->at, states->map, states->stride};
}

// ---- Moments

// Sums over the rows of each column, or, with means, of the squares about these.
static void column_sums(const FitWork *work, const FitStates *states, uint64_t first, uint64_t rows, const double *mean, double *out) {
    uint64_t part_rows = MAX((rows + MOST_PARTS - 1) / MOST_PARTS, (uint64_t)PART_ROWS);
    uint32_t parts = (uint32_t)((rows + part_rows - 1) / part_rows), width = states->width;
    Dense sums = dense_new(work->space, parts, width);
    SumsWork w = {states_of(states), mean ? dense_put(work->space, mean, 1, width).at : 0, sums.at, first, rows, part_rows, width, parts};
    fit_launch_each(work, states->sums, width, parts, &w);
    Dense total = dense_new(work->space, 1, width);
    fit_launch_each(work, work->kernels.total, width, 1, &(TotalWork){sums.at, total.at, width, parts});
    dense_get(work->space, total, out);
}

bool fit_moments_of(const FitWork *work, const FitStates *states, uint64_t first, uint64_t rows, double *mean, double *deviation) {
    bool finite = true;
    column_sums(work, states, first, rows, NULL, mean);
    for (uint32_t c = 0; c < states->width; c++) finite &= isfinite(mean[c] /= (double)rows) != 0;
    if (!finite) return false;
    column_sums(work, states, first, rows, mean, deviation);
    for (uint32_t c = 0; c < states->width; c++) finite &= isfinite(deviation[c] = sqrt(deviation[c] / (double)rows)) != 0;
    return finite;
}

// ---- Rows

Dense fit_rows_of(const FitWork *work, const FitStates *states, uint64_t first, uint64_t rows, const uint32_t *columns, uint32_t kept,
                  const double *mean, const double *deviation) {
    Dense out = dense_new(work->space, rows, kept);
    RowsWork w = {.states = states_of(states), .out = out.at, .first = first, .rows = rows, .kept = kept};
    w.columns = dense_put_bytes(work->space, columns, kept * sizeof *columns);
    w.mean = dense_put(work->space, mean, 1, states->width).at;
    if (deviation) w.deviation = dense_put(work->space, deviation, 1, states->width).at;
    fit_launch_each(work, states->rows, rows * kept, 1, &w);
    return out;
}

void fit_add_diagonal(const FitWork *work, Dense m, double value) {
    DiagonalWork w = {m.at, value, m.columns};
    fit_launch_each(work, work->kernels.diagonal, m.columns, 1, &w);
}

void fit_unit_of(const FitWork *work, Dense from, Dense to, Dense norm) {
    enum { UNIT_THREADS = 256 };
    UnitWork w = {from.at, to.at, norm.at, from.columns};
    fit_launch(work, &(GpuLaunch){work->kernels.unit, {1, 1, 1}, {UNIT_THREADS, 1, 1}, UNIT_THREADS * sizeof(double)}, &w);
}

// ---- The map

// Of each of `width` columns which of those that are kept it is.
static DevicePtr places(const FitWork *work, Arena *arena, const uint32_t *columns, uint64_t kept, uint32_t width) {
    uint32_t *of = arena_many(arena, uint32_t, width);
    for (uint32_t c = 0; c < width; c++) of[c] = UINT32_MAX;
    for (uint32_t k = 0; k < kept; k++) of[columns[k]] = k;
    return dense_put_bytes(work->space, of, width * sizeof *of);
}

static DevicePtr shift_of(const FitWork *work, Arena *arena, Dense matrix, const uint32_t *x_columns, const uint32_t *y_columns,
                          const double *x_mean, const double *y_mean) {
    double *mean = arena_many(arena, double, matrix.rows), *moved = arena_many(arena, double, matrix.columns);
    double *shift = arena_copy(arena, y_mean, work->y.width * sizeof *shift);
    for (uint64_t k = 0; k < matrix.rows; k++) mean[k] = x_mean[x_columns[k]];
    dense_get(work->space, dense_product(work->space, dense_put(work->space, mean, 1, (uint32_t)matrix.rows), matrix), moved);
    for (uint32_t k = 0; k < matrix.columns; k++) shift[y_columns[k]] -= moved[k];
    return dense_put(work->space, shift, 1, work->y.width).at;
}

void fit_write(const FitWork *work, Dense matrix, const uint32_t *x_columns, const uint32_t *y_columns, const double *x_mean,
               const double *y_mean) {
    Arena *arena = arena_open();
    MapWork w = {.matrix = matrix.at, .out = work->out, .in = work->x.width, .width = work->y.width, .kept = matrix.columns};
    w.row_of = places(work, arena, x_columns, matrix.rows, work->x.width);
    w.column_of = places(work, arena, y_columns, matrix.columns, work->y.width);
    w.shift = shift_of(work, arena, matrix, x_columns, y_columns, x_mean, y_mean);
    fit_launch_each(work, work->kernels.map, ((uint64_t)w.in + 1) * w.width, 1, &w);
    arena_close(arena);
}

// ---- Which

// From here on a few processors take longer than it takes to open cuSOLVER.
bool fit_is_large(const Plan *plan, const Step *step) {
    static const double LARGE = 2e9;
    if (step->op != OP_fit_ridge && (step->op != OP_fit_procrustes || step->attr.procrustes.complete)) return false;
    const Value *x = &plan->values[step->in[0]], *y = &plan->values[step->in[1]];
    double most = MAX((double)step->rows, MAX((double)x->width, (double)y->width));
    bool rows = x->dtype != DTYPE_f64 && x->place == IN_ARENA && y->place == IN_ARENA;
    if (step->op == OP_fit_ridge && plan->values[step->in[2]].place != IN_PLAN) return false;
    return rows && step->rows > 1 && most * x->width * y->width >= LARGE;
}
