// execute.c: walks a plan on a device.
#include "runtime/clock.h"
#include "runtime/count.h"
#include "runtime/outputs.h"
#include "runtime/traffic.h"

// ---- Files

static Weights *open_file(const PlanFile *file, Arena *arena, Error *err) {
    Weights *weights = file->folder ? weights_open(arena, file->path, err) : weights_open_file(arena, file->path, err);
    if (!weights) error_at(err, file->span);
    return weights;
}

// Matrices of one shape lie one below another, in the file of a map.
static bool shape_fits(const Tensor *tensor, const Value *value, bool map) {
    if (tensor->rank == 1) return value->rows == 1 && tensor->shape[0] == value->width;
    if (tensor->rank == 3 && map)
        return tensor->shape[0] * tensor->shape[1] == value->rows && tensor->shape[2] == value->width;
    return tensor->rank == 2 && tensor->shape[0] == value->rows && tensor->shape[1] == value->width;
}

static bool tensor_of(const Plan *plan, const OpenFiles *files, const Value *value, const Tensor **out, Error *err) {
    const PlanFile *file = &plan->files[value->file];
    if (!weights_get(files->weights[value->file], plan->texts[value->tensor], out, err))
        return error_at(err, file->span);
    if (shape_fits(*out, value, !file->folder)) return true;
    Arena *scratch = arena_open();
    Text text = text_open(scratch);
    tensor_describe(*out, &text);
    error_set(err, ERR_INPUT, "%s: tensor '%.*s' is %s, the model needs [%llu, %u]", file->path, STR_ARG((*out)->name), text.at,
              (unsigned long long)value->rows, value->width);
    arena_close(scratch);
    return error_at(err, file->span);
}

bool execute_open(const Plan *plan, Arena *arena, OpenFiles *files, Error *err) {
    *files = (OpenFiles){arena_many(arena, Weights *, plan->file_count), plan->file_count};
    for (size_t i = 0; i < plan->file_count; i++) {
        files->weights[i] = open_file(&plan->files[i], arena, err);
        if (!files->weights[i]) return false;
    }
    const Tensor *tensor;
    for (size_t i = 0; i < plan->value_count; i++)
        if (plan->values[i].place == IN_FILE) TRY(tensor_of(plan, files, &plan->values[i], &tensor, err));
    return true;
}

void execute_close(OpenFiles *files) {
    for (size_t i = 0; i < files->count; i++)
        if (files->weights[i]) weights_close(files->weights[i]);
    files->count = 0;
}

typedef struct {
    const Execution *execution;
    const Plan *plan;
    Device *device;
    Outputs outputs;
    Arena *arena;  // of the executor
    bool varying;  // only what varies runs
    double *clock; // NULL, or the seconds of each step
    U32List timed; // steps that ran, when there is a clock
} Walk;

// ---- Steps

static bool step_failed(const Step *step, Error *err) {
    error_at(err, step->span);
    if (step->name.len) error_prefix(err, "%.*s", STR_ARG(step->name));
    return false;
}

static bool run_step(Walk *walk, const Step *step, Error *err) {
    const DeviceApi *api = walk->device->api;
    double begin = walk->clock ? clock_now() : 0;
    if (walk->clock && api->mark) TRY(api->mark(walk->device, err));
    if (!api->run(walk->device, step, err)) return step_failed(step, err);
    if (!walk->clock) return true;
    if (!api->mark) walk->clock[step - walk->plan->steps] += clock_now() - begin;
    list_push(walk->arena, &walk->timed, (uint32_t)(step - walk->plan->steps));
    return true;
}

// Of a device that keeps the time itself: from a step's mark to the next one's.
static bool take_marks(const Walk *walk, Error *err) {
    const DeviceApi *api = walk->device->api;
    if (!walk->clock || !api->mark || !walk->timed.len) return true;
    Arena *scratch = arena_open();
    double *seconds = arena_many(scratch, double, walk->timed.len);
    bool ok = api->mark(walk->device, err) && api->marks(walk->device, seconds, walk->timed.len, err);
    for (size_t i = 0; ok && i < walk->timed.len; i++) walk->clock[walk->timed.at[i]] += seconds[i];
    arena_close(scratch);
    return ok;
}

static bool run_steps(Walk *walk, Error *err) {
    const Execution *execution = walk->execution;
    const Listener *listener = execution->listener;
    double done = 0;
    if (walk->device->api->begin) TRY(walk->device->api->begin(walk->device, err));
    if (listener && listener->progress) listener->progress(listener->self, "running", 0, walk->plan->flops);
    for (uint32_t i = 0; i < walk->plan->step_count; i++) {
        const Step *step = &walk->plan->steps[i];
        if (execution->stop && *execution->stop) FAIL(err, ERR_INTERRUPTED, "stopped");
        bool runs = step->rows && (!walk->varying || step->varies);
        if (runs && walk->device->api->waits && walk->device->api->waits(step)) TRY(outputs_take(&walk->outputs, err));
        if (runs) TRY(run_step(walk, step, err));
        if (runs && walk->outputs.results) count_step(walk->plan, step, walk->outputs.results->product_rows);
        if (runs) outputs_fit(&walk->outputs, step);
        TRY(outputs_put(&walk->outputs, i, err));
        done += step->flops;
        if (listener && listener->progress) listener->progress(listener->self, "running", done, walk->plan->flops);
    }
    return outputs_put(&walk->outputs, UINT32_MAX, err) && outputs_take(&walk->outputs, err) && take_marks(walk, err);
}

const Tensor *const *execute_bind(const Plan *plan, const OpenFiles *files, Arena *arena) {
    const Tensor **tensors = arena_many(arena, const Tensor *, plan->value_count);
    for (size_t i = 0; i < plan->value_count; i++)
        if (plan->values[i].place == IN_FILE)
            tensors[i] = weights_find(files->weights[plan->values[i].file], plan->texts[plan->values[i].tensor]);
    return (const Tensor *const *)tensors;
}

bool execute_print(const Execution *execution, const OpenFiles *files, Arena *arena, Text *out, Error *err) {
    Device device = {.api = execution->api, .options = execution->options};
    BoundPlan bound = {execution->plan, execute_bind(execution->plan, files, arena)};
    if (!device.api->print) FAIL(err, ERR_INPUT, "the device %s compiles nothing; try --device=cpu", device.api->name);
    bool ok = device.api->open(&device, arena, err) && device.api->prepare(&device, &bound, err) && device.api->print(&device, out, err);
    device_close(&device);
    return ok;
}

// ---- Executors

struct Executor {
    const Execution *execution;
    Device device;
    BoundPlan bound;
    Arena *arena;
    double *clock;
};

void executor_close(Executor *executor) {
    if (executor) device_close(&executor->device);
}

Executor *executor_open(const Execution *execution, const OpenFiles *files, Arena *arena, Error *err) {
    Executor *executor = arena_new(arena, Executor);
    *executor = (Executor){execution, {.api = execution->api, .options = execution->options}, {execution->plan, NULL}, arena, NULL};
    executor->bound.tensors = execute_bind(execution->plan, files, arena);
    Device *device = &executor->device;
    if (execution->listener) device->progress = execution->listener->progress, device->progress_self = execution->listener->self;
    if (device->api->open(device, arena, err) && device->api->prepare(device, &executor->bound, err)) return executor;
    executor_close(executor);
    return NULL;
}

bool executor_run(Executor *executor, bool varying, Results *results, Error *err) {
    const Execution *execution = executor->execution;
    Arena *scratch = arena_open();
    Walk walk = {.execution = execution, .plan = execution->plan, .device = &executor->device, .arena = executor->arena,
                 .varying = varying, .clock = executor->clock};
    walk.outputs = (Outputs){.plan = walk.plan, .device = walk.device, .results = results, .listener = execution->listener,
                             .arena = walk.arena, .scratch = scratch, .varying = varying};
    if (results) results->product_rows = arena_many(walk.arena, uint64_t, walk.plan->value_count + 1);
    outputs_begin(&walk.outputs);
    Error ignored;
    bool ok = run_steps(&walk, err);
    if (!ok && err->kind == ERR_INTERRUPTED) outputs_take(&walk.outputs, &ignored); // what was asked for is done
    if (results) results_choose(results, scratch); // of a stopped run, too
    arena_close(scratch);
    return ok;
}

void executor_clock(Executor *executor, double *seconds) {
    executor->clock = seconds;
}

bool executor_bare(Executor *executor, double *seconds, Error *err) {
    const DeviceApi *api = executor->device.api;
    if (!api->bare_products) FAIL(err, ERR_INPUT, "the device %s multiplies no bare products; try --device=cpu", api->name);
    return api->bare_products(&executor->device, seconds, err);
}

bool executor_copy_rate(Executor *executor, double *rate, Error *err) {
    *rate = 0;
    return !executor->device.api->copy_rate || executor->device.api->copy_rate(&executor->device, rate, err);
}

double executor_step_bytes(const Executor *executor, const Step *step) {
    return step_bytes(&executor->bound, step);
}

void plan_set_axis(const Plan *plan, uint32_t axis, const double *values) {
    for (size_t i = 0; i < plan->table_count; i++) {
        const PlanTable *table = &plan->tables[i];
        if (table->axis == axis + 1) memcpy((void *)(uintptr_t)table->data, values + table->first, table->rows * sizeof *values);
    }
}
