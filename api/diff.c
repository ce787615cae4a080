// diff.c: mdx_diff: what two results' folders have not in common.
#include <math.h>

#include "api/diff.h"
#include "api/session.h"

// ---- Facts, inputs

static const RunFact *fact_of(const RunFolder *run, Str what) {
    for (size_t i = 0; i < run->facts.len; i++)
        if (str_eq(run->facts.at[i].what, what)) return &run->facts.at[i];
    return NULL;
}

static void compare_facts(Arena *arena, const RunFolder *a, const RunFolder *b, Diff *diff) {
    for (size_t i = 0; i < a->facts.len; i++) {
        const RunFact *fact = &a->facts.at[i], *other = fact_of(b, fact->what);
        if (other && str_eq(fact->text, other->text)) continue;
        list_push(arena, &diff->facts, ((DiffFact){fact->what, {fact->text, other ? other->text : STR("")}}));
    }
    for (size_t i = 0; i < b->facts.len; i++) {
        const RunFact *fact = &b->facts.at[i];
        if (!fact_of(a, fact->what)) list_push(arena, &diff->facts, ((DiffFact){fact->what, {STR(""), fact->text}}));
    }
}

// Which input of b goes with which of a: first the same name in the same role, then the same content in the same
// role, then what alone is left of a role.
typedef enum { BY_NAME, BY_HASH, BY_ROLE, MATCHES } Match;

typedef struct {
    const RunFolder *a, *b;
    size_t *with;  // [inputs of a] the number of b's, or NONE
    bool *taken;   // [inputs of b]
} Pairs;

enum { NONE = UINT32_MAX };

static bool goes_with(const RunInput *a, const RunInput *b, Match match) {
    if (!str_eq(a->role, b->role)) return false;
    return match == BY_ROLE || (match == BY_NAME ? str_eq(a->name, b->name) : str_eq(a->hash, b->hash));
}

static void pair_inputs(const Pairs *pairs, Match match) {
    for (size_t i = 0; i < pairs->a->inputs.len; i++)
        for (size_t j = 0; j < pairs->b->inputs.len && pairs->with[i] == NONE; j++) {
            if (pairs->taken[j] || !goes_with(&pairs->a->inputs.at[i], &pairs->b->inputs.at[j], match)) continue;
            pairs->with[i] = j;
            pairs->taken[j] = true;
        }
}

static void compare_inputs(Arena *arena, const RunFolder *a, const RunFolder *b, Diff *diff) {
    Pairs pairs = {a, b, arena_many(arena, size_t, a->inputs.len + 1), arena_many(arena, bool, b->inputs.len + 1)};
    for (size_t i = 0; i < a->inputs.len; i++) pairs.with[i] = NONE;
    for (int match = 0; match < MATCHES; match++) pair_inputs(&pairs, (Match)match);
    for (size_t i = 0; i < a->inputs.len; i++) {
        const RunInput *from = &a->inputs.at[i], *to = pairs.with[i] == NONE ? NULL : &b->inputs.at[pairs.with[i]];
        bool same = to && str_eq(from->hash, to->hash);
        diff->same_inputs += same;
        if (same) continue;
        list_push(arena, &diff->inputs, ((DiffInput){from->role, {from->name, to ? to->name : STR("")}, {from->hash, to ? to->hash : STR("")}}));
    }
    for (size_t j = 0; j < b->inputs.len; j++) {
        const RunInput *to = &b->inputs.at[j];
        if (!pairs.taken[j]) list_push(arena, &diff->inputs, ((DiffInput){to->role, {STR(""), to->name}, {STR(""), to->hash}}));
    }
}

// ---- Metrics

static bool same_number(double a, double b) {
    return a == b || (isnan(a) && isnan(b));
}

static void compare_point(Arena *arena, DiffMetric *metric, DiffPoint point) {
    if (point.has[0] && point.has[1] && same_number(point.value[0], point.value[1])) {
        metric->same++;
        return;
    }
    point.difference = point.has[0] && point.has[1] ? point.value[1] - point.value[0] : NAN;
    point.noise = metric->floor_known && fabs(point.difference) <= metric->floor;
    metric->noise += point.noise;
    list_push(arena, &metric->points, point);
}

static const RunPoint *point_of(const RunMetric *metric, Str point) {
    uint32_t i;
    return metric && strmap_get(&metric->by_point, point, &i) ? &metric->points.at[i] : NULL;
}

// Either may be NULL.
static DiffMetric compare_metric(Arena *arena, const RunMetric *a, const RunMetric *b) {
    const RunMetric *of[2] = {a, b};
    DiffMetric out = {.name = (a ? a : b)->name};
    for (size_t k = 0; k < 2; k++) {
        out.formula[k] = of[k] ? of[k]->formula : STR("");
        out.floor_known |= of[k] && of[k]->floor_known;
        if (of[k] && of[k]->floor_known) out.floor = MAX(out.floor, of[k]->floor);
    }
    for (size_t p = 0; a && p < a->points.len; p++) {
        const RunPoint *point = &a->points.at[p], *other = point_of(b, point->point);
        compare_point(arena, &out, (DiffPoint){.point = point->point, .has = {true, other}, .value = {point->value, other ? other->value : NAN}});
    }
    for (size_t p = 0; b && p < b->points.len; p++) {
        const RunPoint *point = &b->points.at[p];
        if (!point_of(a, point->point))
            compare_point(arena, &out, (DiffPoint){.point = point->point, .has = {false, true}, .value = {NAN, point->value}});
    }
    return out;
}

static void add_metric(Arena *arena, const RunMetric *a, const RunMetric *b, Diff *diff) {
    DiffMetric metric = compare_metric(arena, a, b);
    diff->same_points += metric.same;
    diff->differ_points += metric.points.len;
    diff->noise_points += metric.noise;
    list_push(arena, &diff->metrics, metric);
}

static void compare_metrics(Arena *arena, const RunFolder *a, const RunFolder *b, Diff *diff) {
    uint32_t other;
    for (size_t i = 0; i < a->metrics.len; i++) {
        const RunMetric *metric = &a->metrics.at[i];
        add_metric(arena, metric, strmap_get(&b->by_metric, metric->name, &other) ? &b->metrics.at[other] : NULL, diff);
    }
    for (size_t i = 0; i < b->metrics.len; i++)
        if (!strmap_get(&a->by_metric, b->metrics.at[i].name, &other)) add_metric(arena, NULL, &b->metrics.at[i], diff);
}

// ---- Values of prompts

static DiffValues *values_of(Arena *arena, const RunValue *value, StrMap *groups, Diff *diff) {
    uint32_t i;
    Str key = str_format(arena, "%.*s\x1f%.*s", STR_ARG(value->metric), STR_ARG(value->expression));
    if (!strmap_get(groups, key, &i)) {
        i = (uint32_t)diff->values.len;
        strmap_put(groups, key, i);
        list_push(arena, &diff->values, ((DiffValues){.metric = value->metric, .expression = value->expression, .largest = -1}));
    }
    return &diff->values.at[i];
}

// A value that only one run has defined is further away than any number.
static void compare_value(DiffValues *group, const RunValue *a, const RunValue *b) {
    double apart = fabs(a->value - b->value);
    if (same_number(a->value, b->value)) {
        group->same++;
        return;
    }
    group->differ++;
    if (isnan(apart)) apart = INFINITY;
    if (apart <= group->largest) return;
    group->largest = apart;
    group->point = a->point;
    group->prompt = a->prompt;
    group->value[0] = a->value;
    group->value[1] = b->value;
}

static void compare_values(Arena *arena, const RunFolder *a, const RunFolder *b, Diff *diff) {
    StrMap groups = strmap_open(arena, 16);
    uint32_t other;
    for (size_t i = 0; i < a->values.len; i++) {
        DiffValues *group = values_of(arena, &a->values.at[i], &groups, diff);
        if (strmap_get(&b->by_value, a->keys.at[i], &other))
            compare_value(group, &a->values.at[i], &b->values.at[other]);
        else
            group->only[0]++;
    }
    for (size_t i = 0; i < b->values.len; i++)
        if (!strmap_get(&a->by_value, b->keys.at[i], &other)) values_of(arena, &b->values.at[i], &groups, diff)->only[1]++;
    for (size_t i = 0; i < diff->values.len; i++) {
        const DiffValues *group = &diff->values.at[i];
        diff->same_values += group->same;
        diff->differ_values += group->differ + group->only[0] + group->only[1];
    }
}

// ---- Both

Diff diff_folders(Arena *arena, const RunFolder *a, const RunFolder *b) {
    Diff diff = {.folder = {a->folder, b->folder}};
    compare_facts(arena, a, b, &diff);
    compare_inputs(arena, a, b, &diff);
    diff.spec_long = !diff_lines(arena, a->spec, b->spec, &diff.spec);
    compare_metrics(arena, a, b, &diff);
    compare_values(arena, a, b, &diff);
    diff.differ = diff.facts.len || diff.inputs.len || diff.spec.len || diff.differ_points || diff.differ_values;
    for (size_t i = 0; i < diff.metrics.len; i++) diff.differ |= !str_eq(diff.metrics.at[i].formula[0], diff.metrics.at[i].formula[1]);
    return diff;
}

const char *mdx_diff(Mdx *mdx, const char *a, const char *b, bool json, bool *differ) {
    Error err;
    RunFolder runs[2];
    const char *const folders[2] = {a, b};
    for (size_t i = 0; i < 2; i++)
        if (!run_folder_read(mdx->arena, folders[i], &runs[i], &err)) return session_failed(mdx, &err), NULL;
    Diff diff = diff_folders(mdx->arena, &runs[0], &runs[1]);
    Text out = text_open(mdx->arena);
    (json ? diff_json : diff_print)(&diff, &out);
    *differ = diff.differ;
    return out.at;
}
