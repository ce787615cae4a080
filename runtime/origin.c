// origin.c: where a value that is no finite number began.
//
// The run is made again step by step, on a plan in which every site is a value of its own, until a step makes a value
// that is not finite out of ones that are.
#include <math.h>

#include "runtime/execute.h"

typedef struct {
    uint64_t count, row;
    uint32_t column;
    double value;
} Bad;

static bool look(const Device *device, const Plan *plan, const Step *step, Bad *bad, Error *err) {
    const Value *value = &plan->values[step->out];
    *bad = (Bad){0};
    if (value->dtype != DTYPE_f32) return true;
    Arena *scratch = arena_open();
    float *row = arena_many(scratch, float, value->width);
    bool ok = true;
    for (uint64_t r = 0; r < value->rows && ok; r++) {
        ok = device->api->read((Device *)device, step->out, r, 1, row, err);
        for (uint32_t c = 0; c < value->width && ok; c++) {
            if (isfinite(row[c])) continue;
            if (!bad->count++) bad->row = r, bad->column = c, bad->value = row[c];
        }
    }
    arena_close(scratch);
    return ok;
}

static const char *word_of(double value) {
    return isnan(value) ? "NaN" : value > 0 ? "infinity" : "-infinity";
}

// The first site that the step's result reaches, itself included; an empty name when it reaches none.
static Str site_of(const Plan *plan, size_t from) {
    Arena *scratch = arena_open();
    bool *reached = arena_many(scratch, bool, plan->value_count);
    reached[plan->steps[from].out] = true;
    Str name = plan->steps[from].name;
    for (size_t i = from + 1; i < plan->step_count && !name.len; i++) {
        const Step *step = &plan->steps[i];
        for (uint32_t k = 0; k < op_info[step->op].inputs; k++) reached[step->out] |= reached[step->in[k]];
        if (step->keys.rows) reached[step->out] |= reached[step->keys.other];
        if (step->values.rows) reached[step->out] |= reached[step->values.other];
        if (reached[step->out]) name = step->name;
    }
    arena_close(scratch);
    return name;
}

static void report(const Plan *plan, const Step *step, const Bad *bad, Error *err) {
    Error result = *err;
    const Value *value = &plan->values[step->out];
    Str site = site_of(plan, (size_t)(step - plan->steps));
    if (!site.len) site = str_of(op_info[step->op].name);
    error_set(err, ERR_NOT_FINITE, "%.1500s; it begins at %.*s: %s in column %u of row %llu (%llu of %llu numbers)", result.text, STR_ARG(site),
              word_of(bad->value), bad->column, (unsigned long long)bad->row, (unsigned long long)bad->count,
              (unsigned long long)value->rows * value->width);
    error_at(err, step->span);
}

// Whether a step that goes wrong was found; the device is prepared.
static bool search(const Execution *execution, Device *device, Error *err) {
    const Plan *plan = execution->plan;
    Error ignored;
    for (size_t i = 0; i < plan->step_count; i++) {
        const Step *step = &plan->steps[i];
        Bad bad;
        if (execution->stop && *execution->stop) return false;
        if (!step->rows) continue;
        if (!device->api->run(device, step, &ignored) || !look(device, plan, step, &bad, &ignored)) return false;
        if (!bad.count) continue;
        report(plan, step, &bad, err);
        return true;
    }
    return false;
}

void execute_origin(const Execution *execution, const OpenFiles *files, Arena *arena, Error *err) {
    Device device = {.api = execution->api, .options = execution->options};
    BoundPlan bound = {execution->plan, execute_bind(execution->plan, files, arena)};
    Error ignored;
    if (device.api->open(&device, arena, &ignored) && device.api->prepare(&device, &bound, &ignored)) search(execution, &device, err);
    device_close(&device);
}
