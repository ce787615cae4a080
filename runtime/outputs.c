// outputs.c: what a run makes goes from the device into the results: metrics, values of prompts, maps, states, proofs.
#include <math.h>

#include "runtime/outputs.h"

void outputs_begin(const Outputs *outputs) {
    for (size_t i = 0; i < outputs->plan->output_count && outputs->results; i++) {
        const Output *output = &outputs->plan->outputs[i];
        ResultMatrix *matrices = output->kind == OUT_states ? outputs->results->states[output->index].at : NULL;
        if (outputs->varying && !outputs->plan->values[output->value].varies) continue;
        for (uint64_t r = 0; matrices && r < output->count; r++) matrices[output->points[r]].rows = 0;
    }
}

// ---- Numbers and maps

static const double *read_column(const Outputs *outputs, const Output *output, Arena *scratch, Error *err) {
    const Value *value = &outputs->plan->values[output->value];
    double *numbers = arena_many(scratch, double, value->rows * value->width);
    if (value->place == IN_PLAN) return outputs->plan->tables[value->table].data;
    return outputs->device->api->read(outputs->device, output->value, 0, value->rows, numbers, err) ? numbers : NULL;
}

static void put_metric(const Outputs *outputs, const Output *output, const double *numbers) {
    ResultMetric *metric = &outputs->results->metrics[output->index];
    uint32_t width = outputs->plan->values[output->value].width;
    for (uint64_t i = 0; i < output->count; i++) {
        const double *x = numbers + (size_t)output->rows[i] * width;
        size_t point = output->points[i];
        metric->values[point] = isfinite(*x) ? *x : NAN; // a division by zero is undefined too
        metric->done[point] = true;
        if (metric->intervals) metric->intervals[point] = (ResultInterval){x[INTERVAL_LO], x[INTERVAL_HI], (uint32_t)x[INTERVAL_UNDEFINED]};
    }
}

static void put_values(const Outputs *outputs, const Output *output, const double *numbers) {
    ResultTerm *term = &outputs->results->terms[output->index];
    uint32_t prompts = outputs->results->prompts[term->prompts].count;
    for (uint64_t i = 0; i < output->count; i++) {
        term->values[(size_t)output->points[i] * prompts + output->prompts[i]] = numbers[output->rows[i]];
        term->done[output->points[i]] = true;
    }
}

// A term on one prompt, at the first point of its sweeps.
static void put_probe(const Outputs *outputs, const Output *output, const double *numbers) {
    ResultProbe *probe = &outputs->results->probes[output->index / 2];
    for (uint64_t i = 0; i < output->count && !probe->done[output->index % 2]; i++) {
        if (output->prompts[i] != probe->prompt) continue;
        probe->value[output->index % 2] = numbers[output->rows[i]];
        probe->done[output->index % 2] = true;
    }
}

static void warn_not_unique(const Outputs *outputs, const Output *output, const Step *step, const FitReport *fit) {
    const Listener *listener = outputs->listener;
    const ResultMap *map = &outputs->results->maps[output->index];
    if (fit->unique || !listener || !listener->warn) return;
    Arena *scratch = arena_open();
    Str part = map->clusters ? str_format(scratch, ", cluster %u", output->part) : STR("");
    Str text = str_format(
        scratch,
        "%.*s%.*s: %llu free rows for %u dimensions: the map is %s on the rest; fit it on more prompts or positions",
        STR_ARG(map->name), STR_ARG(part), (unsigned long long)fit->rows - 1, MIN(fit->in, fit->out),
        fit->completed ? "as near to the identity as can be" : "zero");
    listener->warn(listener->self, step->span, text.at);
    arena_close(scratch);
}

static bool put_map(const Outputs *outputs, const Output *output, Error *err) {
    const Value *value = &outputs->plan->values[output->value];
    ResultMap *map = &outputs->results->maps[output->index];
    uint64_t count = value->rows * value->width;
    if (!map->map) map->map = arena_many(outputs->arena, float, count *MAX(map->clusters, 1u));
    map->in = (uint32_t)value->rows - 1;
    map->out = value->width;
    return outputs->device->api->read(outputs->device, output->value, 0, value->rows, map->map + output->part * count,
                                      err);
}

static bool put_centroids(const Outputs *outputs, const Output *output, Error *err) {
    const Value *value = &outputs->plan->values[output->value];
    ResultMap *map = &outputs->results->maps[output->index];
    if (!map->centroids) map->centroids = arena_many(outputs->arena, float, value->rows * value->width);
    return outputs->device->api->read(outputs->device, output->value, 0, value->rows, map->centroids, err);
}

static bool put_norm(const Outputs *outputs, const Output *output, Error *err) {
    ResultMap *map = &outputs->results->maps[output->index];
    return outputs->device->api->read(outputs->device, output->value, 0, 1, &map->norm_match, err);
}

// What the step's map says of itself: the fit's own words, or those of the map that it puts into place.
static FitReport fit_report(const Outputs *outputs, const Step *step) {
    bool placed = step->op == OP_map_inside || step->op == OP_map_outside;
    for (size_t i = outputs->fits.len; placed && i-- > 0;)
        if (outputs->fits.at[i].value == step->in[0]) return outputs->fits.at[i].report;
    return outputs->device->fit;
}

// What a fit says of itself goes to every map that its value is.
void outputs_fit(Outputs *outputs, const Step *step) {
    if (!outputs->results || op_info[step->op].rows != ROWS_MATRIX) return;
    FitReport report = fit_report(outputs, step);
    list_push(outputs->scratch, &outputs->fits, ((KeptFit){step->out, report}));
    for (size_t i = 0; i < outputs->plan->output_count; i++) {
        const Output *output = &outputs->plan->outputs[i];
        if (output->kind != OUT_map || output->value != step->out) continue;
        ResultMap *map = &outputs->results->maps[output->index];
        *(map->clusters ? &map->parts[output->part] : &map->fit) = report;
        warn_not_unique(outputs, output, step, &report);
    }
}

// ---- States

// A point's matrix, with room for the rows that the output has of it.
static void open_matrix(const Outputs *outputs, const Output *output, uint32_t point, uint32_t width, ResultMatrix *matrix) {
    uint64_t rows = 0;
    for (uint64_t i = 0; i < output->count; i++) rows += output->points[i] == point;
    *matrix = (ResultMatrix){.width = width, .states = arena_many(outputs->arena, float, rows * width),
                             .prompt = arena_many(outputs->arena, uint32_t, rows), .position = arena_many(outputs->arena, uint32_t, rows)};
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

static float *room_for_states(Outputs *outputs) {
    uint64_t most = 0;
    for (size_t i = 0; i < outputs->plan->output_count && !outputs->numbers; i++) {
        const Value *value = &outputs->plan->values[outputs->plan->outputs[i].value];
        if (outputs->plan->outputs[i].kind == OUT_states) most = MAX(most, value->rows * value->width);
    }
    if (!outputs->numbers) outputs->numbers = arena_many(outputs->scratch, float, most);
    return outputs->numbers;
}

// Rows of one point stand in the order of the prompts and positions, as in the plan.
static bool put_states(Outputs *outputs, const Output *output, bool was_asked, Error *err) {
    const Value *value = &outputs->plan->values[output->value];
    ResultStates *states = &outputs->results->states[output->index];
    float *numbers = room_for_states(outputs);
    if (was_asked)
        TRY(outputs->device->api->take(outputs->device, numbers, err));
    else
        TRY(outputs->device->api->read(outputs->device, output->value, 0, value->rows, numbers, err));
    TRY(finite(numbers, value, states->name, err));
    for (uint64_t i = 0; i < output->count; i++) {
        ResultMatrix *matrix = &states->at[output->points[i]];
        if (!matrix->states) open_matrix(outputs, output, output->points[i], value->width, matrix);
        uint64_t row = matrix->rows++;
        matrix->prompt[row] = output->prompts[i];
        matrix->position[row] = output->positions[i];
        memcpy(matrix->states + row * value->width, numbers + (size_t)output->rows[i] * value->width, value->width * sizeof *numbers);
    }
    return true;
}

static bool take_oldest(Outputs *outputs, Error *err) {
    return put_states(outputs, &outputs->plan->outputs[outputs->asked.at[outputs->taken++]], true, err);
}

bool outputs_take(Outputs *outputs, Error *err) {
    while (outputs->taken < outputs->asked.len) TRY(take_oldest(outputs, err));
    return true;
}

// Taken when there is nothing else to launch, or no room for more.
static bool ask_for_states(Outputs *outputs, const Output *output, Error *err) {
    bool asked = false;
    for (;;) {
        if (outputs->device->api->ask) TRY(outputs->device->api->ask(outputs->device, output->value, &asked, err));
        if (asked) list_push(outputs->scratch, &outputs->asked, (uint32_t)(output - outputs->plan->outputs));
        if (asked) return true;
        if (outputs->taken == outputs->asked.len) return put_states(outputs, output, false, err);
        TRY(take_oldest(outputs, err));
    }
}

// ---- As they become complete

static bool put_output(Outputs *outputs, const Output *output, Error *err) {
    if (output->kind == OUT_states) return ask_for_states(outputs, output, err);
    TRY(outputs_take(outputs, err)); // while the device makes what is waited for now
    if (output->kind == OUT_map) return put_map(outputs, output, err);
    if (output->kind == OUT_centroids) return put_centroids(outputs, output, err);
    if (output->kind == OUT_norm) return put_norm(outputs, output, err);
    Arena *scratch = arena_open();
    const double *numbers = read_column(outputs, output, scratch, err);
    void (*put)(const Outputs *, const Output *, const double *) =
        output->kind == OUT_metric ? put_metric : output->kind == OUT_probe ? put_probe : put_values;
    if (numbers) put(outputs, output, numbers);
    arena_close(scratch);
    return numbers != NULL;
}

// Outputs stand in the order of the steps after which they are complete. One that no step makes is data of the plan.
// After the last step (UINT32_MAX) all are: there may be none.
bool outputs_put(Outputs *outputs, uint32_t after, Error *err) {
    for (; outputs->next < outputs->plan->output_count; outputs->next++) {
        const Output *output = &outputs->plan->outputs[outputs->next];
        if (output->after != after && after != UINT32_MAX) break;
        bool wanted = outputs->results && (!outputs->varying || outputs->plan->values[output->value].varies);
        if (wanted) TRY(put_output(outputs, output, err));
    }
    return true;
}
