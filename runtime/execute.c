// execute.c: walks a plan on a device.
#include <math.h>

#include "runtime/clock.h"
#include "runtime/count.h"
#include "runtime/execute.h"

// ---- Files

static Weights *open_file(const PlanFile *file, Arena *arena, Error *err) {
    Weights *weights = file->folder ? weights_open(arena, file->path, err) : weights_open_file(arena, file->path, err);
    if (!weights) error_at(err, file->span);
    return weights;
}

static bool shape_fits(const Tensor *tensor, const Value *value) {
    if (tensor->rank == 1) return value->rows == 1 && tensor->shape[0] == value->width;
    return tensor->rank == 2 && tensor->shape[0] == value->rows && tensor->shape[1] == value->width;
}

static bool tensor_of(const Plan *plan, const OpenFiles *files, const Value *value, const Tensor **out, Error *err) {
    const PlanFile *file = &plan->files[value->file];
    if (!weights_get(files->weights[value->file], plan->texts[value->tensor], out, err)) return error_at(err, file->span);
    if (shape_fits(*out, value)) return true;
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

// ---- Outputs

typedef struct {
    uint32_t value;
    FitReport report;
} KeptFit;

typedef struct {
    const Execution *execution;
    const Plan *plan;
    Device *device;
    Results *results;
    Arena *arena, *scratch; // of the executor; of one run
    LIST(KeptFit) fits; // of the maps that were made
    size_t next_output;
    U32List asked; // outputs, from `taken` on
    size_t taken;
    float *numbers; // of the largest states that come out
    bool varying; // only what varies runs
    double *clock; // NULL, or the seconds of each step
    U32List timed; // steps that ran, when there is a clock
} Walk;

static const double *read_column(const Walk *walk, const Output *output, Arena *scratch, Error *err) {
    const Value *value = &walk->plan->values[output->value];
    double *numbers = arena_many(scratch, double, value->rows * value->width);
    if (value->place == IN_PLAN) return walk->plan->tables[value->table].data;
    return walk->device->api->read(walk->device, output->value, 0, value->rows, numbers, err) ? numbers : NULL;
}

static void put_metric(const Walk *walk, const Output *output, const double *numbers) {
    ResultMetric *metric = &walk->results->metrics[output->index];
    uint32_t width = walk->plan->values[output->value].width;
    for (uint64_t i = 0; i < output->count; i++) {
        const double *x = numbers + (size_t)output->rows[i] * width;
        size_t point = output->points[i];
        metric->values[point] = isfinite(*x) ? *x : NAN; // a division by zero is undefined too
        metric->done[point] = true;
        if (metric->intervals) metric->intervals[point] = (ResultInterval){x[INTERVAL_LO], x[INTERVAL_HI], (uint32_t)x[INTERVAL_UNDEFINED]};
    }
}

static void put_values(const Walk *walk, const Output *output, const double *numbers) {
    ResultTerm *term = &walk->results->terms[output->index];
    uint32_t prompts = walk->results->prompts[term->prompts].count;
    for (uint64_t i = 0; i < output->count; i++) {
        term->values[(size_t)output->points[i] * prompts + output->prompts[i]] = numbers[output->rows[i]];
        term->done[output->points[i]] = true;
    }
}

static void warn_not_unique(const Walk *walk, const Output *output, const Step *step, const FitReport *fit) {
    const Listener *listener = walk->execution->listener;
    if (fit->unique || !listener || !listener->warn) return;
    Arena *scratch = arena_open();
    Str text = str_format(scratch, "%.*s: %llu free rows for %u dimensions: the map is %s on the rest; fit it on more prompts or positions",
                          STR_ARG(walk->results->maps[output->index].name), (unsigned long long)fit->rows - 1, MIN(fit->in, fit->out),
                          fit->completed ? "as near to the identity as can be" : "zero");
    listener->warn(listener->self, step->span, text.at);
    arena_close(scratch);
}

static bool put_map(const Walk *walk, const Output *output, Error *err) {
    const Value *value = &walk->plan->values[output->value];
    ResultMap *map = &walk->results->maps[output->index];
    float *numbers = arena_many(walk->arena, float, value->rows * value->width);
    TRY(walk->device->api->read(walk->device, output->value, 0, value->rows, numbers, err));
    map->in = (uint32_t)value->rows - 1;
    map->out = value->width;
    map->map = numbers;
    return true;
}

// A point's matrix, with room for the rows that the output has of it.
static void open_matrix(const Walk *walk, const Output *output, uint32_t point, uint32_t width, ResultMatrix *matrix) {
    uint64_t rows = 0;
    for (uint64_t i = 0; i < output->count; i++) rows += output->points[i] == point;
    *matrix = (ResultMatrix){.width = width, .states = arena_many(walk->arena, float, rows * width),
                             .prompt = arena_many(walk->arena, uint32_t, rows), .position = arena_many(walk->arena, uint32_t, rows)};
}

// In blocks of a fixed size, which compilers make vectors of.
static bool all_finite(const float *numbers, uint64_t count) {
    enum { BLOCK = 1024 };
    uint64_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK) {
        uint32_t wrong = 0, bits[BLOCK];
        memcpy(bits, numbers + i, sizeof bits);
        for (uint32_t k = 0; k < BLOCK; k++) wrong |= (bits[k] & 0x7f800000u) == 0x7f800000u;
        if (wrong) return false;
    }
    for (; i < count; i++)
        if (!isfinite(numbers[i])) return false;
    return true;
}

static bool finite(const float *numbers, const Value *value, Str name, Error *err) {
    if (all_finite(numbers, value->rows * value->width)) return true;
    for (uint64_t i = 0; i < value->rows * value->width; i++)
        if (!isfinite(numbers[i]))
            FAIL(err, ERR_NOT_FINITE, "the states '%.*s' are not finite (column %llu of row %llu)", STR_ARG(name),
                 (unsigned long long)(i % value->width), (unsigned long long)(i / value->width));
    return true;
}

static float *room_for_states(Walk *walk) {
    uint64_t most = 0;
    for (size_t i = 0; i < walk->plan->output_count && !walk->numbers; i++) {
        const Value *value = &walk->plan->values[walk->plan->outputs[i].value];
        if (walk->plan->outputs[i].kind == OUT_states) most = MAX(most, value->rows * value->width);
    }
    if (!walk->numbers) walk->numbers = arena_many(walk->scratch, float, most);
    return walk->numbers;
}

// Rows of one point stand in the order of the prompts and positions, as in the plan.
static bool put_states(Walk *walk, const Output *output, bool was_asked, Error *err) {
    const Value *value = &walk->plan->values[output->value];
    ResultStates *states = &walk->results->states[output->index];
    float *numbers = room_for_states(walk);
    if (was_asked)
        TRY(walk->device->api->take(walk->device, numbers, err));
    else
        TRY(walk->device->api->read(walk->device, output->value, 0, value->rows, numbers, err));
    TRY(finite(numbers, value, states->name, err));
    for (uint64_t i = 0; i < output->count; i++) {
        ResultMatrix *matrix = &states->at[output->points[i]];
        if (!matrix->states) open_matrix(walk, output, output->points[i], value->width, matrix);
        uint64_t row = matrix->rows++;
        matrix->prompt[row] = output->prompts[i];
        matrix->position[row] = output->positions[i];
        memcpy(matrix->states + row * value->width, numbers + (size_t)output->rows[i] * value->width, value->width * sizeof *numbers);
    }
    return true;
}

static bool take_oldest(Walk *walk, Error *err) {
    return put_states(walk, &walk->plan->outputs[walk->asked.at[walk->taken++]], true, err);
}

static bool take_all(Walk *walk, Error *err) {
    while (walk->taken < walk->asked.len) TRY(take_oldest(walk, err));
    return true;
}

// Taken when there is nothing else to launch, or no room for more.
static bool ask_for_states(Walk *walk, const Output *output, Error *err) {
    bool asked = false;
    for (;;) {
        if (walk->device->api->ask) TRY(walk->device->api->ask(walk->device, output->value, &asked, err));
        if (asked) list_push(walk->scratch, &walk->asked, (uint32_t)(output - walk->plan->outputs));
        if (asked) return true;
        if (walk->taken == walk->asked.len) return put_states(walk, output, false, err);
        TRY(take_oldest(walk, err));
    }
}

// A term on one prompt, at the first point of its sweeps.
static void put_probe(const Walk *walk, const Output *output, const double *numbers) {
    ResultProbe *probe = &walk->results->probes[output->index / 2];
    for (uint64_t i = 0; i < output->count && !probe->done[output->index % 2]; i++) {
        if (output->prompts[i] != probe->prompt) continue;
        probe->value[output->index % 2] = numbers[output->rows[i]];
        probe->done[output->index % 2] = true;
    }
}

static bool put_output(Walk *walk, const Output *output, Error *err) {
    if (output->kind == OUT_states) return ask_for_states(walk, output, err);
    TRY(take_all(walk, err)); // while the device makes what is waited for now
    if (output->kind == OUT_map) return put_map(walk, output, err);
    Arena *scratch = arena_open();
    const double *numbers = read_column(walk, output, scratch, err);
    void (*put)(const Walk *, const Output *, const double *) =
        output->kind == OUT_metric ? put_metric : output->kind == OUT_probe ? put_probe : put_values;
    if (numbers) put(walk, output, numbers);
    arena_close(scratch);
    return numbers != NULL;
}

// Outputs stand in the order of the steps after which they are complete. One that no step makes is data of the plan.
// After the last step (UINT32_MAX) all are: there may be none.
static bool put_outputs(Walk *walk, uint32_t after, Error *err) {
    for (; walk->next_output < walk->plan->output_count; walk->next_output++) {
        const Output *output = &walk->plan->outputs[walk->next_output];
        if (output->after != after && after != UINT32_MAX) break;
        bool wanted = walk->results && (!walk->varying || walk->plan->values[output->value].varies);
        if (wanted) TRY(put_output(walk, output, err));
    }
    return true;
}

// What the step's map says of itself: the fit's own words, or those of the map that it puts into place.
static FitReport fit_report(const Walk *walk, const Step *step) {
    bool placed = step->op == OP_map_inside || step->op == OP_map_outside;
    for (size_t i = walk->fits.len; placed && i-- > 0;)
        if (walk->fits.at[i].value == step->in[0]) return walk->fits.at[i].report;
    return walk->device->fit;
}

// What a fit says of itself goes to every map that its value is.
static void keep_fit(Walk *walk, const Step *step) {
    FitReport report = fit_report(walk, step);
    list_push(walk->arena, &walk->fits, ((KeptFit){step->out, report}));
    for (size_t i = 0; i < walk->plan->output_count; i++) {
        const Output *output = &walk->plan->outputs[i];
        if (output->kind != OUT_map || output->value != step->out) continue;
        ResultMap *map = &walk->results->maps[output->index];
        map->fit = report;
        warn_not_unique(walk, output, step, &report);
    }
}

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
        if (runs) TRY(run_step(walk, step, err));
        if (runs && walk->results) count_step(walk->plan, step, walk->results->product_rows);
        if (runs && walk->results && op_info[step->op].rows == ROWS_MATRIX) keep_fit(walk, step);
        TRY(put_outputs(walk, i, err));
        done += step->flops;
        if (listener && listener->progress) listener->progress(listener->self, "running", done, walk->plan->flops);
    }
    return put_outputs(walk, UINT32_MAX, err) && take_all(walk, err) && take_marks(walk, err);
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
    device.api->close(&device);
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
    if (executor) executor->device.api->close(&executor->device);
}

Executor *executor_open(const Execution *execution, const OpenFiles *files, Arena *arena, Error *err) {
    Executor *executor = arena_new(arena, Executor);
    *executor = (Executor){execution, {.api = execution->api, .options = execution->options}, {execution->plan, NULL}, arena, NULL};
    executor->bound.tensors = execute_bind(execution->plan, files, arena);
    Device *device = &executor->device;
    if (device->api->open(device, arena, err) && device->api->prepare(device, &executor->bound, err)) return executor;
    executor_close(executor);
    return NULL;
}

// States are put again from their first row on.
static void empty_states(const Plan *plan, bool varying, Results *results) {
    for (size_t i = 0; i < plan->output_count; i++) {
        const Output *output = &plan->outputs[i];
        bool again = output->kind == OUT_states && (!varying || plan->values[output->value].varies);
        for (uint64_t r = 0; again && r < output->count; r++) results->states[output->index].at[output->points[r]].rows = 0;
    }
}

bool executor_run(Executor *executor, bool varying, Results *results, Error *err) {
    if (results) empty_states(executor->execution->plan, varying, results);
    Walk walk = {.execution = executor->execution, .plan = executor->execution->plan, .device = &executor->device,
                 .results = results, .arena = executor->arena, .varying = varying, .clock = executor->clock};
    if (results) results->product_rows = arena_many(executor->arena, uint64_t, walk.plan->value_count + 1);
    walk.scratch = arena_open();
    Error ignored;
    bool ok = run_steps(&walk, err);
    if (!ok && err->kind == ERR_INTERRUPTED) take_all(&walk, &ignored); // what was asked for is done
    arena_close(walk.scratch);
    if (results) results_choose(results); // of a stopped run, too
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

void plan_set_axis(const Plan *plan, uint32_t axis, const double *values) {
    for (size_t i = 0; i < plan->table_count; i++) {
        const PlanTable *table = &plan->tables[i];
        if (table->axis == axis + 1) memcpy((void *)(uintptr_t)table->data, values + table->first, table->rows * sizeof *values);
    }
}
