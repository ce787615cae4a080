// fit_steps.c: the fits of a plan on the GPU.
#include "runtime/cuda/fit_steps.h"
#include "runtime/cuda/factor.h"
#include "runtime/fit_memo.h"

typedef struct {
    uint32_t sums, rows; // kernels
    bool mapped;
    uint64_t map; // among the constants
} SideOfStep;

struct FitStep {
    const Step *step;
    SideOfStep x, y;
};

struct Fits {
    FitWorld world;
    Arena *arena;
    DenseSpace *space;
    FitStep *steps; // by step of the plan; of those that are none of ours `step` is NULL
    FitKernelNumbers kernels;
    const Step *heir; // goes on from
    GpuProcrustes *parts;
    Arena *of_parts;
};

// ---- Before

static SideOfStep plan_side(const Fits *fits, const Step *step, int i) {
    DType dtype = fits->world.plan->values[step->in[i]].dtype;
    SideOfStep out = {.mapped = step->map[i] != NULL};
    out.sums = fit_kernel_sums(fits->world.kernels, dtype, fits->arena);
    out.rows = fit_kernel_rows(fits->world.kernels, dtype, fits->arena);
    if (out.mapped) out.map = constants_add(fits->world.constants, step->map[i], step->rows * sizeof(uint32_t));
    return out;
}

// From states and to a map that lie in the GPU's memory, or a map that the host alone reads.
static bool is_ours(const FitWorld *world, const Step *step) {
    const Value *out = &world->plan->values[step->out];
    if (!fit_is_large(world->plan, step) || world->host[step->in[0]] || world->host[step->in[1]]) return false;
    return out->dtype == DTYPE_f32 && value_stride(out) == out->width;
}

Fits *fits_open(const FitWorld *world, const char *path, Arena *arena) {
    Error ignored;
    const Plan *plan = world->plan;
    Fits *fits = NULL;
    for (size_t i = 0; i < plan->step_count; i++) {
        if (!is_ours(world, &plan->steps[i])) continue;
        if (!fits) {
            fits = arena_new(arena, Fits);
            *fits = (Fits){.world = *world, .arena = arena, .steps = arena_many(arena, FitStep, plan->step_count)};
            if (!cusolver_load(path, &ignored) || !dense_open(world->gpu, arena, &fits->space, &ignored)) return NULL;
            fits->kernels = fit_kernels_add(world->kernels, arena);
        }
        fits->steps[i] = (FitStep){&plan->steps[i], plan_side(fits, &plan->steps[i], 0), plan_side(fits, &plan->steps[i], 1)};
    }
    return fits;
}

const FitStep *fits_step(const Fits *fits, const Step *step) {
    const FitStep *found = fits ? &fits->steps[step - fits->world.plan->steps] : NULL;
    return found && found->step ? found : NULL;
}

// Matrices of the larger width and of all rows, and what decompositions work in; of ridge, for each lambda at once: the
// factor with its right side, what is solved, and the rest of the held rows, of which there are at most a quarter.
static uint64_t fit_numbers(const Step *step, uint64_t most) {
    enum { SQUARES = 16, OF_ROWS = 6 };
    const uint64_t rows = step->rows, size = MIN(rows, most), held = rows / 4;
    uint64_t each = step->op == OP_fit_ridge ? size * (size + 2 * held) + held * most : 0;
    return SQUARES * most * most + OF_ROWS * rows * most + FACTOR_TOGETHER * each;
}

uint64_t fits_bytes(const Plan *plan) {
    uint64_t numbers = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        const Step *step = &plan->steps[i];
        if (!fit_is_large(plan, step)) continue;
        uint64_t most = MAX(plan->values[step->in[0]].width, plan->values[step->in[1]].width);
        numbers = MAX(numbers, fit_numbers(step, most));
    }
    return numbers * sizeof(double);
}

// ---- The run

static FitStates states_of(const Fits *fits, const SideOfStep *side, uint32_t value) {
    const FitWorld *world = &fits->world;
    GpuValue at = world->resolve(world->resolver, value);
    return (FitStates){.at = at.at,
                       .map = side->mapped ? constants_at(world->constants, side->map) : 0,
                       .stride = at.stride,
                       .width = at.width,
                       .sums = kernel_set_function(world->kernels, side->sums),
                       .rows = kernel_set_function(world->kernels, side->rows)};
}

static void drop_parts(Fits *fits) {
    if (fits->of_parts) arena_close(fits->of_parts);
    fits->of_parts = NULL, fits->parts = NULL, fits->heir = NULL;
}

static bool run_ridge(const FitWork *work, const Plan *plan, const Step *step, Given given, FitReport *report) {
    const Value *lambdas = &plan->values[step->in[2]];
    const Ridge fit = ridge_of(&step->attr, given, plan->tables[lambdas->table].data, (uint32_t)lambdas->rows);
    return gpu_fit_ridge(work, &fit, report);
}

static bool run_procrustes(Fits *fits, const FitWork *work, const Step *step, Given given, FitReport *report) {
    const Procrustes fit = procrustes_of(&step->attr, given);
    if (!fits->of_parts) fits->of_parts = arena_open();
    bool ok = gpu_fit_procrustes(work, &fit, &fits->parts, fits->of_parts, report);
    fits->heir = ok ? fit_heir(fits->world.plan, step) : NULL;
    return ok;
}

static bool run_fit(Fits *fits, const FitStep *fit, DevicePtr out, FitReport *report) {
    const FitWorld *world = &fits->world;
    const Step *step = fit->step;
    const FitWork work = {.space = fits->space,
                          .kernels = fit_kernels_of(world->kernels, &fits->kernels),
                          .x = states_of(fits, &fit->x, step->in[0]),
                          .y = states_of(fits, &fit->y, step->in[1]),
                          .out = out};
    const Given given = {.n = step->rows, .in = work.x.width, .out = work.y.width};
    if (fits->heir != step) drop_parts(fits);
    bool ok = step->op == OP_fit_ridge ? run_ridge(&work, world->plan, step, given, report) : run_procrustes(fits, &work, step, given, report);
    if (!fits->heir) drop_parts(fits);
    return ok;
}

bool fits_run(Fits *fits, const FitStep *fit, float *host, FitReport *report) {
    const FitWorld *world = &fits->world;
    const Value *out = &world->plan->values[fit->step->out];
    uint64_t bytes = out->rows * out->width * sizeof *host;
    Error ignored;
    DevicePtr own = 0;
    if (host && !gpu_take(bytes, "a map", &own, &ignored)) return false;
    bool ok = run_fit(fits, fit, host ? own : world->resolve(world->resolver, fit->step->out).at, report);
    if (ok && host) ok = gpu_get(world->gpu, host, own, bytes, &ignored);
    ok = gpu_wait(world->gpu, &ignored) && ok;
    gpu_give(own);
    return ok;
}

void fits_close(Fits *fits) {
    if (!fits) return;
    drop_parts(fits);
    dense_close(fits->space);
}
