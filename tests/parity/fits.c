// fits.c: runtime/fit*.c on the states of tests/data/fits against what numpy makes of them, within 1e-4 of the map's
// largest entry, and what a fit says of itself.
#include <math.h>

#include "check.h"
#include "mdx/json.h"
#include "mdx/random.h"
#include "parity/given.h"
#include "runtime/weights.h"

static const double ALLOWED = 1e-4;

typedef struct {
    Arena *arena;
    const char *name;
    const cJSON *json;
    const float *x, *y;
    uint32_t n, in, out;
    bool on_sums; // of the states
} Case;

static const Tensor *tensor(const Weights *weights, Arena *arena, const char *name, const char *which) {
    const Tensor *found = weights_find(weights, str_format(arena, "%s:%s", name, which));
    MUST(found);
    return found;
}

static double number(const Case *c, const char *key) {
    const cJSON *member = json_member(c->json, key);
    MUST(member);
    return cJSON_IsBool(member) ? cJSON_IsTrue(member) : member->valuedouble;
}

static const double *numbers(const Case *c, const char *key, uint32_t *count) {
    const cJSON *list = json_member(c->json, key);
    *count = (uint32_t)cJSON_GetArraySize(list);
    double *out = arena_many(c->arena, double, *count);
    for (uint32_t i = 0; i < *count; i++) out[i] = cJSON_GetArrayItem(list, (int)i)->valuedouble;
    return out;
}

// ---- One function a mapper

static Given given_of(const Case *c) {
    const Given rows = {.x = c->x, .y = c->y, .n = c->n, .in = c->in, .out = c->out};
    return c->on_sums ? given_of_sums(c->arena, &rows) : rows;
}

static bool fit_of_ridge(const Case *c, float *map, FitReport *report, Error *err) {
    Ridge fit = {.given = {.x = c->x, .y = c->y, .n = c->n, .in = c->in, .out = c->out}, .held = (uint64_t)number(c, "held"), .standardize = number(c, "standardize") != 0, .rank = (uint32_t)number(c, "rank")};
    uint32_t count;
    fit.lambdas = numbers(c, "lambdas", &fit.lambda_count);
    if (c->on_sums) ridge_of_sums(c->arena, &fit);
    if (!fit_ridge(&fit, map, report, err)) return false;
    const double *scores = numbers(c, "scores", &count), *kept = numbers(c, "kept", &count);
    CHECK(report->lambda == number(c, "lambda"));
    CHECK(report->kept_in == kept[0] && report->kept_out == kept[1]);
    for (uint32_t i = 0; i < fit.lambda_count; i++) {
        CHECK(report->lambdas[i] == fit.lambdas[i]);
        double off = fabs(report->scores[i] - scores[i]), allowed = 1e-8 * fmax(1, fabs(scores[i]));
        if (off > allowed) fprintf(stderr, "lambda %g: R2 is %.17g, expected %.17g\n", fit.lambdas[i], report->scores[i], scores[i]);
        CHECK(off <= allowed);
    }
    return true;
}

static bool fit_of_procrustes(const Case *c, float *map, FitReport *report, Error *err) {
    Procrustes fit = {.given = given_of(c), .complete = true, .scale = number(c, "scale") != 0,
                      .whiten = number(c, "whiten") != 0, .shrink = number(c, "shrink"), .floor = number(c, "floor"), .rank = (uint32_t)number(c, "rank")};
    return fit_procrustes(&fit, map, report, err) && report->completed;
}

static bool fit_of_moments(const Case *c, float *map, FitReport *report, Error *err) {
    uint32_t count;
    const double *kept = numbers(c, "kept", &count);
    const Given given = given_of(c);
    bool ok = fit_moments(&given, map, report, err);
    CHECK(report->kept_in == kept[0] && report->kept_out == kept[1]);
    return ok;
}

static bool fit_of_random_rotation(const Case *c, float *map, FitReport *report, Error *err) {
    const Given given = given_of(c);
    return fit_random_rotation(&given, (uint64_t)number(c, "seed"), map, report, err);
}

static const struct {
    const char *mapper;
    bool (*fit)(const Case *c, float *map, FitReport *report, Error *err);
} mappers[] = {
    {"ridge", fit_of_ridge},
    {"procrustes", fit_of_procrustes},
    {"moments", fit_of_moments},
    {"random_rotation", fit_of_random_rotation},
};

// ---- All cases

static double worst;

static void compare(const char *name, const float *got, const Tensor *want) {
    const float *numbers_wanted = want->data;
    uint64_t count = want->bytes / sizeof *got;
    double most = 0, off = 0;
    for (uint64_t i = 0; i < count; i++) most = fmax(most, fabs(numbers_wanted[i]));
    for (uint64_t i = 0; i < count; i++) {
        double apart = fabs(got[i] - numbers_wanted[i]);
        off = apart <= off ? off : apart;
    }
    if (!(off <= ALLOWED * most)) fprintf(stderr, "%.*s of %s is off by %g, the largest is %g\n", STR_ARG(want->name), name, off, most);
    CHECK(off <= ALLOWED * most);
    worst = fmax(worst, off / most);
}

static void test_case(Arena *arena, const Weights *weights, const cJSON *json, bool on_sums) {
    Case c = {.arena = arena, .json = json, .on_sums = on_sums, .name = json_member(json, "name")->valuestring};
    const Tensor *x = tensor(weights, arena, c.name, "x"), *y = tensor(weights, arena, c.name, "y");
    const char *mapper = json_member(json, "mapper")->valuestring;
    c.x = x->data, c.y = y->data, c.n = (uint32_t)x->shape[0], c.in = (uint32_t)x->shape[1], c.out = (uint32_t)y->shape[1];
    float *map = arena_many(arena, float, (c.in + 1) * (size_t)c.out);
    FitReport report;
    Error err;
    for (size_t i = 0; i < COUNT(mappers); i++) {
        if (strcmp(mappers[i].mapper, mapper) != 0) continue;
        bool ok = mappers[i].fit(&c, map, &report, &err);
        if (!ok) fprintf(stderr, "%s: %s\n", c.name, err.text);
        CHECK(ok);
        compare(c.name, map, tensor(weights, arena, c.name, "W"));
        compare(c.name, map + (size_t)c.in * c.out, tensor(weights, arena, c.name, "b"));
        return;
    }
    CHECK(!"a mapper of this name");
}

// ---- Orders of prompts

static void test_shuffle(Arena *arena, const cJSON *json) {
    const cJSON *order = json_member(json, "order");
    uint32_t n = (uint32_t)cJSON_GetArraySize(order), *got = arena_many(arena, uint32_t, n);
    Random random = random_open((uint64_t)json_member(json, "seed")->valuedouble, "shuffled");
    random_derangement(&random, got, n);
    for (uint32_t i = 0; i < n; i++) CHECK(got[i] == cJSON_GetArrayItem(order, (int)i)->valuedouble);
}

int main(void) {
    Arena *arena = arena_open();
    Error err;
    cJSON *json = json_read(TESTS "/data/fits/fits.json", 1 << 20, &err);
    Weights *weights = json ? weights_open_file(arena, TESTS "/data/fits/fits.safetensors", &err) : NULL;
    const cJSON *entry, *cases = json ? json_member(json, "cases") : NULL, *shuffles = json ? json_member(json, "shuffles") : NULL;
    CHECK(weights);
    for (int on_sums = 0; on_sums < 2 && weights; on_sums++)
        cJSON_ArrayForEach(entry, cases) test_case(arena, weights, entry, on_sums);
    cJSON_ArrayForEach(entry, shuffles) test_shuffle(arena, entry);
    printf("%d cases, the worst at %.2g of the largest entry\n", cJSON_GetArraySize(cases), worst);
    if (weights) weights_close(weights);
    cJSON_Delete(json);
    arena_close(arena);
    return check_done();
}
