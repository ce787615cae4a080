// overlap.c: what is fitted on some prompts and measured on others must not have seen these: no text may be in both.
#include "api/session.h"

// What one metric rests on, over all its points. Texts are the names of maps and subspaces.
typedef struct {
    Arena *scratch;
    StrMap seen;
    Str *fitted;    // [prompts] what is fitted on them; empty: nothing
    bool *measured; // [prompts]
} Rests;

static bool seen_before(Rests *rests, const void *what) {
    uint32_t number;
    Str key = {(const char *)&what, sizeof what};
    if (!what || strmap_get(&rests->seen, key, &number)) return true;
    strmap_put(&rests->seen, str_copy(rests->scratch, key), 0);
    return false;
}

static void rest_on(Rests *rests, const Expr *expr);

static void rest_on_run(Rests *rests, const RunInst *run) {
    if (seen_before(rests, run)) return;
    for (size_t i = 0; i < run->writes.len; i++) rest_on(rests, run->writes.at[i].value);
}

static void rest_on_args(Rests *rests, const Arg args[MOST_PARAMS]);

static void rest_on_map(Rests *rests, const MapInst *map) {
    if (seen_before(rests, map)) return;
    if (map->from) rests->fitted[map->prompts] = map->name;
    rest_on(rests, map->from);
    rest_on(rests, map->to);
    rest_on_args(rests, map->args);
}

static void rest_on_basis(Rests *rests, const BasisInst *basis) {
    if (seen_before(rests, basis)) return;
    for (size_t i = 0; i < MOST_PARAMS; i++)
        if (basis->args[i].given && basis->args[i].param->type == PARAM_prompts)
            rests->fitted[basis->args[i].prompts] = basis->name;
    rest_on_args(rests, basis->args);
}

static void rest_on_args(Rests *rests, const Arg args[MOST_PARAMS]) {
    for (size_t i = 0; i < MOST_PARAMS; i++) {
        rest_on(rests, args[i].expr);
        rest_on_run(rests, args[i].run);
        rest_on_basis(rests, args[i].basis);
        rest_on_map(rests, args[i].map);
    }
}

static void rest_on(Rests *rests, const Expr *expr) {
    if (seen_before(rests, expr)) return;
    if (expr->kind == EXPR_metric && expr->prompts != NO_PROMPTS) rests->measured[expr->prompts] = true;
    rest_on(rests, expr->in[0]);
    rest_on(rests, expr->in[1]);
    rest_on_run(rests, expr->run);
    rest_on_map(rests, expr->map);
    rest_on_basis(rests, expr->basis);
    rest_on_args(rests, expr->args);
}

// ---- Texts in both

enum { NAMED = 3 };

static bool look_at_pair(Mdx *mdx, const Rests *rests, uint32_t fitted, uint32_t measured, const MetricDef *metric,
                         Error *err) {
    const PromptTexts *train = streams_prompts(mdx->streams, fitted, err),
                      *val = train ? streams_prompts(mdx->streams, measured, err) : NULL;
    if (!val) return false;
    StrMap texts = strmap_open(rests->scratch, train->len);
    for (uint32_t i = 0; i < train->len; i++) strmap_put(&texts, train->at[i].text, i);
    Text named = text_open(rests->scratch);
    uint32_t both = 0, i;
    for (size_t p = 0; p < val->len; p++) {
        if (!strmap_get(&texts, val->at[p].text, &i) || both++ >= NAMED) continue;
        text_add(&named, "%s%.*s", both > 1 ? ", " : "", STR_ARG(val->at[p].id));
    }
    if (!both) return true;
    if (both > NAMED) text_add(&named, " and %u more", both - NAMED);
    const Experiment *exp = mdx->exp;
    error_set(err, ERR_INPUT,
              "this is measured on %.*s, %u of whose prompts are also in %.*s, on which %.*s is fitted: %.*s",
              STR_ARG(exp->prompts.at[measured].name), both, STR_ARG(exp->prompts.at[fitted].name),
              STR_ARG(rests->fitted[fitted]), STR_ARG(text_view(&named)));
    return error_at(err, metric->span);
}

static bool look_at_metric(Mdx *mdx, const MetricDef *metric, Arena *scratch, Error *err) {
    size_t count = mdx->exp->prompts.len;
    Rests rests = {scratch, strmap_open(scratch, 64), arena_many(scratch, Str, count),
                   arena_many(scratch, bool, count)};
    for (size_t p = 0; p < metric->count; p++) rest_on(&rests, metric->points[p]);
    for (uint32_t f = 0; f < count; f++)
        for (uint32_t m = 0; m < count && rests.fitted[f].len; m++)
            if (m != f && rests.measured[m]) TRY(look_at_pair(mdx, &rests, f, m, metric, err));
    return true;
}

bool session_overlap(Mdx *mdx, Error *err) {
    if (!mdx->exp->maps.len && !mdx->exp->bases.len) return true;
    Arena *scratch = arena_open();
    bool ok = true;
    for (size_t i = 0; i < mdx->exp->reports.len && ok; i++) {
        const Report *report = &mdx->exp->reports.at[i];
        for (size_t c = 0; c < report->columns.len && ok; c++)
            if (!report->columns.at[c].is_axis)
                ok = look_at_metric(mdx, &mdx->exp->metrics.at[report->columns.at[c].index], scratch, err);
    }
    arena_close(scratch);
    return ok;
}
