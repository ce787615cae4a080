// profile.c: mdx run --profile: the clock of each step, by kind, and the limits.
#include <stdlib.h>

#include "api/profile.h"
#include "runtime/clock.h"
#include "runtime/products.h"

bool profile_run(Mdx *mdx, Profile *profile, Error *err) {
    *profile = (Profile){.mdx = mdx, .clock = arena_many(mdx->arena, double, mdx->plan.step_count + 1)};
    executor_clock(mdx->executor, profile->clock);
    double begin = clock_now();
    bool ok = executor_run(mdx->executor, false, &mdx->results, err);
    profile->whole = clock_now() - begin;
    executor_clock(mdx->executor, NULL);
    return ok;
}

// ---- Kinds of steps

static Str name_of(const Profile *profile, const Step *step) {
    Arena *arena = profile->mdx->arena;
    const Plan *plan = &profile->mdx->plan;
    if (step->fused)
        return str_format(arena, "kernel k%u, %u columns", step->fused->code, plan->codes[step->fused->code].width);
    if (step->logits) return STR("logits and their metrics");
    if (!step_is_product(step)) return str_of(op_info[step->op].name);
    return str_format(arena, "product %llu x %u -> %u", (unsigned long long)step->rows, plan->values[step->in[0]].width,
                      plan->values[step->out].width);
}

static ProfileLine *line_named(Profile *profile, StrMap *numbers, Str name) {
    uint32_t number = (uint32_t)profile->lines.len;
    if (strmap_get(numbers, name, &number)) return &profile->lines.at[number];
    strmap_put(numbers, name, number);
    list_push(profile->mdx->arena, &profile->lines, ((ProfileLine){.name = name}));
    return &profile->lines.at[number];
}

// By step.
static double *flops_of(const Plan *plan, Arena *arena) {
    PlanProducts products = plan_products(plan, arena);
    double *flops = arena_many(arena, double, plan->step_count + 1);
    for (size_t i = 0; i < products.len; i++) flops[products.at[i].step] += product_flops(&products.at[i]);
    for (size_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].op == OP_attention && !plan->steps[i].fused) flops[i] = plan->steps[i].flops;
    return flops;
}

static int by_time(const void *a, const void *b) {
    double x = ((const ProfileLine *)a)->seconds, y = ((const ProfileLine *)b)->seconds;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void add_lines(Profile *profile, const double *bare) {
    const Plan *plan = &profile->mdx->plan;
    Arena *scratch = arena_open();
    StrMap numbers = strmap_open(scratch, 64);
    const double *flops = flops_of(plan, scratch);
    for (size_t i = 0; i < plan->step_count; i++) {
        const Step *step = &plan->steps[i];
        if (!step->rows) continue;
        ProfileLine *line = line_named(profile, &numbers, name_of(profile, step));
        line->times++;
        line->seconds += profile->clock[i];
        line->flops += flops[i];
        line->bytes += executor_step_bytes(profile->mdx->executor, step);
        line->bare += bare[i];
        profile->steps++;
    }
    if (profile->lines.len) qsort(profile->lines.at, profile->lines.len, sizeof *profile->lines.at, by_time);
    arena_close(scratch);
}

// ---- Limits

// Each product's shortest time of a few.
static bool measure_products(const Profile *profile, double *bare, Error *err) {
    enum { TIMES = 3 };
    static const double LONG = 1; // seconds: then once is enough
    size_t count = profile->mdx->plan.step_count;
    Arena *scratch = arena_open();
    double *seconds = arena_many(scratch, double, count + 1), begin = clock_now();
    bool ok = true;
    for (int i = 0; ok && i < TIMES && (i == 0 || clock_now() - begin < LONG); i++) {
        ok = executor_bare(profile->mdx->executor, seconds, err);
        for (size_t s = 0; ok && s < count; s++) bare[s] = i ? MIN(bare[s], seconds[s]) : seconds[s];
    }
    arena_close(scratch);
    return ok;
}

static double bare_rate(const Profile *profile) {
    double flops = 0, seconds = 0;
    for (size_t i = 0; i < profile->lines.len; i++) {
        if (profile->lines.at[i].bare <= 0) continue;
        flops += profile->lines.at[i].flops;
        seconds += profile->lines.at[i].bare;
    }
    return seconds > 0 ? flops / seconds : 0;
}

static bool measure_limits(Profile *profile, double *bare, Error *err) {
    const Mdx *mdx = profile->mdx;
    if (mdx->keep) FAIL(err, ERR_INPUT, "the run is kept in the device's memory");
    return (!mdx->device->bare_products || measure_products(profile, bare, err)) &&
           executor_copy_rate(mdx->executor, &profile->copy_rate, err);
}

// What cannot be measured is left out: the run itself is done and right.
void profile_limits(Profile *profile) {
    Mdx *mdx = profile->mdx;
    Error err;
    double *bare = arena_many(mdx->arena, double, mdx->plan.step_count + 1);
    if (!measure_limits(profile, bare, &err)) profile->why = str_copy(mdx->arena, str_of(err.text)).at;
    add_lines(profile, bare);
    profile->bare_rate = bare_rate(profile);
}
