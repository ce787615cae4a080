// ops_bench.h: a plan with one operation, run on every device, and what each of them says.
#pragma once

#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "compiler/lower.h"
#include "runtime/device.h"

// ---- Data

static uint64_t seed = 1;

static uint32_t random_bits(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

static double uniform(void) {
    return random_bits() / 1073741824.0 - 1; // [-1, 1)
}

static uint32_t below(uint32_t n) {
    return random_bits() % n;
}

// ---- A plan with one operation

typedef struct {
    Arena *arena;
    Tables tables;
    Lowered made;
    const char *what;
    uint32_t guard;  // value that fills the arena before the operation
    uint32_t out;
} Bench;

enum { GUARD_WIDTH = 16, GUARD_BYTES = 4096 };
static const float POISON = 1e30f;

static uint32_t add_table(Bench *b, DType dtype, uint64_t rows, uint32_t width, const void *data) {
    list_push(b->arena, &b->tables.tables, ((PlanTable){.dtype = dtype, .rows = rows, .width = width, .data = data}));
    Value value = {.place = IN_PLAN, .dtype = dtype, .rows = rows, .width = width, .table = (uint32_t)b->tables.tables.len - 1};
    list_push(b->arena, &b->made.values, value);
    return (uint32_t)b->made.values.len - 1;
}

static uint32_t states(Bench *b, uint64_t rows, uint32_t width) {
    float *data = arena_many(b->arena, float, rows * width);
    for (uint64_t i = 0; i < rows * width; i++) data[i] = (float)(3 * uniform());
    return add_table(b, DTYPE_f32, rows, width, data);
}

static uint32_t numbers(Bench *b, uint64_t rows) {
    double *data = arena_many(b->arena, double, rows);
    for (uint64_t i = 0; i < rows; i++) data[i] = 2 * uniform();
    return add_table(b, DTYPE_f64, rows, 1, data);
}

static uint32_t ids(Bench *b, uint64_t rows, uint32_t vocab) {
    int32_t *data = arena_many(b->arena, int32_t, rows);
    for (uint64_t i = 0; i < rows; i++) data[i] = (int32_t)below(vocab);
    return add_table(b, DTYPE_i32, rows, 1, data);
}

// Normal numbers of every float type.
static uint32_t weight(Bench *b, DType dtype, uint64_t rows, uint32_t width) {
    if (dtype == DTYPE_f32) return states(b, rows, width);
    uint16_t *data = arena_many(b->arena, uint16_t, rows * width);
    for (uint64_t i = 0; i < rows * width; i++) {
        uint32_t sign = below(2) << 15, fraction = random_bits();
        data[i] = (uint16_t)(dtype == DTYPE_bf16 ? sign | (120 + below(8)) << 7 | (fraction & 0x7f) : sign | (10 + below(6)) << 10 | (fraction & 0x3ff));
    }
    return add_table(b, dtype, rows, width, data);
}

static uint32_t *map_to(Bench *b, uint64_t rows, uint64_t from) {
    uint32_t *map = arena_many(b->arena, uint32_t, rows);
    for (uint64_t r = 0; r < rows; r++) map[r] = below((uint32_t)from);
    return map;
}

static uint32_t list_of(Bench *b, const uint32_t *at, uint32_t len) {
    uint32_t *list = arena_many(b->arena, uint32_t, len + 1);
    list[0] = len;
    memcpy(list + 1, at, len * sizeof *list);
    list_push(b->arena, &b->tables.lists, list);
    return (uint32_t)b->tables.lists.len - 1;
}

static uint32_t result(Bench *b, DType dtype, uint64_t rows, uint32_t width) {
    Value value = {.place = IN_ARENA, .dtype = dtype, .rows = rows, .width = width, .bytes = rows * width * dtype_info[dtype].bytes};
    list_push(b->arena, &b->made.values, value);
    return b->out = (uint32_t)b->made.values.len - 1;
}

static void step(Bench *b, Step s) {
    s.span = NO_SPAN;
    list_push(b->arena, &b->made.steps, s);
}

static Bench bench_open(void) {
    Arena *arena = arena_open();
    return (Bench){.arena = arena, .tables = {.arena = arena}, .made = {.arena = arena}};
}

// The memory is filled with poison by a step of its own; the result lies in the middle of it.
static void add_guard(Bench *b) {
    uint64_t bytes = 2 * GUARD_BYTES;
    for (size_t v = 0; v < b->made.values.len; v++) {
        Value *value = &b->made.values.at[v];
        if (value->place != IN_ARENA) continue;
        value->offset = bytes - GUARD_BYTES;
        bytes += (value->bytes + 63) / 64 * 64 + GUARD_BYTES;
    }
    uint64_t rows = bytes / (GUARD_WIDTH * sizeof(float));
    float *poison = arena_many(b->arena, float, rows * GUARD_WIDTH);
    for (uint64_t i = 0; i < rows * GUARD_WIDTH; i++) poison[i] = POISON;
    uint32_t from = add_table(b, DTYPE_f32, rows, GUARD_WIDTH, poison), out = b->out;
    b->guard = result(b, DTYPE_f32, rows, GUARD_WIDTH);
    b->out = out;
    step(b, (Step){.op = OP_rows, .in = {from}, .out = b->guard, .rows = rows});
    Step last = b->made.steps.at[b->made.steps.len - 1];
    memmove(b->made.steps.at + 1, b->made.steps.at, (b->made.steps.len - 1) * sizeof last);
    b->made.steps.at[0] = last;
    list_push(b->arena, &b->made.outputs, ((Output){.kind = OUT_states, .value = b->guard}));
    list_push(b->arena, &b->made.outputs, ((Output){.kind = OUT_states, .value = b->out}));
}

static Plan plan_of(const Bench *b, const Lowered *made) {
    const Value *guard = &made->values.at[b->guard];
    return (Plan){.values = made->values.at, .steps = made->steps.at, .codes = made->codes.at, .tables = b->tables.tables.at,
                  .lists = (const uint32_t *const *)b->tables.lists.at, .value_count = made->values.len, .step_count = made->steps.len,
                  .code_count = made->codes.len, .table_count = b->tables.tables.len, .arena_bytes = guard->bytes};
}

static bool guards_stand(Bench *b, const Plan *plan, const float *memory) {
    const Value *guard = &plan->values[b->guard];
    for (uint64_t i = 0; i < guard->rows * GUARD_WIDTH; i++) {
        bool ours = false;
        for (size_t v = 0; v < plan->value_count; v++) {
            const Value *value = &plan->values[v];
            if (v != b->guard && value->place == IN_ARENA) ours |= i * 4 >= value->offset && i * 4 < value->offset + value->bytes;
        }
        if (!ours && memory[i] != POISON) return false;
    }
    return true;
}

static bool run_plan(Device *device, Bench *b, const Plan *plan, double *out, Error *err) {
    const BoundPlan bound = {plan, NULL};
    const Value *value = &plan->values[b->out], *guard = &plan->values[b->guard];
    if (!device->api->prepare(device, &bound, err)) return false;
    for (size_t i = 0; i < plan->step_count; i++)
        if (!device->api->run(device, &plan->steps[i], err)) return false;
    uint64_t count = value->rows * value->width;
    void *raw = arena_many(b->arena, unsigned char, value->bytes + 1);
    float *memory = arena_many(b->arena, float, guard->rows * GUARD_WIDTH);
    if (!device->api->read(device, b->out, 0, value->rows, raw, err)) return false;
    if (!device->api->read(device, b->guard, 0, guard->rows, memory, err)) return false;
    for (uint64_t i = 0; i < count; i++) out[i] = value->dtype == DTYPE_f64 ? ((const double *)raw)[i] : (double)((const float *)raw)[i];
    bool stand = guards_stand(b, plan, memory);
    if (!stand) fprintf(stderr, "%s on %s: a guard is gone\n", b->what, device->api->name);
    CHECK(stand);
    return true;
}

// ---- Devices

static const struct {
    const char *device;
    uint32_t threads;
    bool fuse;
} ways[] = {{"ref", 0, false}, {"cpu", 1, true}, {"cpu", 2, true}, {"cpu", 5, true}, {"cpu", 2, false}, {"cuda", 0, true}, {"cuda", 0, false}};
static Device devices[COUNT(ways)];

static double *run_way(Bench *b, size_t way, const char *what) {
    Lowered made = b->made;
    made.tables = &b->tables;
    made.steps.at = arena_copy(b->arena, made.steps.at, made.steps.len * sizeof *made.steps.at);
    made.values.at = arena_copy(b->arena, made.values.at, made.values.len * sizeof *made.values.at);
    made.values.cap = made.values.len;
    if (ways[way].fuse) fuse_steps(&made);
    Plan plan = plan_of(b, &made);
    Error err;
    double *out = arena_many(b->arena, double, plan.values[b->out].rows * plan.values[b->out].width);
    if (run_plan(&devices[way], b, &plan, out, &err)) return out;
    fprintf(stderr, "%s on %s: %s\n", what, ways[way].device, err.text);
    CHECK(false);
    return NULL;
}

// `allowed`: of the largest entry. Everything that the devices of one kind compute must be the same bits.
static void check(Bench *b, const char *what, double allowed) {
    b->what = what;
    add_guard(b);
    const Value *value = &b->made.values.at[b->out];
    uint64_t count = value->rows * value->width;
    const double *want = NULL, *cpu = NULL;
    double most = 0;
    for (size_t w = 0; w < COUNT(ways); w++) {
        if (!devices[w].api) continue;
        const double *got = run_way(b, w, what);
        if (!got) break;
        if (!want) want = got;
        for (uint64_t i = 0; i < count && got == want; i++) most = fmax(most, fabs(want[i]));
        uint64_t wrong = 0, other = 0, at = 0;
        for (uint64_t i = count; i-- > 0;) {
            bool near = isnan(want[i]) ? isnan(got[i]) : fabs(got[i] - want[i]) <= allowed * most;
            if (!near) wrong++, at = i;
            if (cpu && ways[w].fuse && ways[w].threads) other += memcmp(&got[i], &cpu[i], sizeof *got) != 0;
        }
        if (ways[w].fuse && !cpu) cpu = got;
        if (wrong || other)
            fprintf(stderr, "%s on %s (%u threads%s), [%llu, %u]: %llu wrong, first %llu: got %.9g, want %.9g; %llu depend on the threads\n", what,
                    ways[w].device, ways[w].threads, ways[w].fuse ? ", fused" : "", (unsigned long long)value->rows, value->width,
                    (unsigned long long)wrong, (unsigned long long)at, got[at], want[at], (unsigned long long)other);
        CHECK(!wrong && !other);
    }
    arena_close(b->arena);
}
