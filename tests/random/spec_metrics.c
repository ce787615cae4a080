// spec_metrics.c: metrics and reports of random specs.
#include "spec.h"

// ---- One value a prompt

static uint32_t some_run(Gen *g) {
    for (int tries = 0; tries < 3; tries++) {
        uint32_t i = below(g, (uint32_t)g->runs.len);
        if (g->runs.at[i].patched || percent(g, 20)) return i;
    }
    return below(g, (uint32_t)g->runs.len);
}

static Str at_text(Gen *g, Where where) {
    return percent(g, 40) && str_is(where.text, "end") ? STR("") : str_format(g->arena, ", at: %s", where.text.at);
}

static void add_kl(Gen *g, Text *out, uint32_t run) {
    uint32_t other = run_beside(g, run);
    const RunDef *p = &g->runs.at[run], *q = &g->runs.at[other];
    Where where = some_where(g);
    if (!tokens_fit(g, where, p->model, q->model)) where = where_of_one(g);
    text_add(out, "kl(%s, %s%s)", p->name.at, q->name.at, at_text(g, where).at);
}

// What counts or compares logits jumps at a tie: the logits tell whether there was one.
static void add_tie(Gen *g, const RunDef *run, Where where, uint32_t token) {
    text_add(&g->ties, "report states(%s.logits @ %s, as: \"tie-%u-%u\")\n", run->name.at, where.text.at, g->names++,
             token);
}

static void add_discrete(Gen *g, Text *out, const RunDef *run) {
    Where where = some_where(g);
    const char *token = world_tokens[below(g, (uint32_t)world_token_count)];
    bool rank = percent(g, 50);
    add_tie(g, run, where, rank ? world_token_id(str_of(token)) : WORLD_VOCAB);
    if (rank)
        text_add(out, "rank(%s, \"%s\"%s)", run->name.at, token, at_text(g, where).at);
    else
        text_add(out, "argmax(%s%s)", run->name.at, at_text(g, where).at);
}

static void add_logp(Gen *g, Text *out, const RunDef *run) {
    const char *text = world_answers[below(g, (uint32_t)world_answer_count)];
    text_add(out, "%s(%s, \"%s\")", percent(g, 60) ? "logp" : "logp_per_token", run->name.at, text);
}

static void add_margin(Gen *g, Text *out, const RunDef *run) {
    Str at = at_text(g, some_where(g));
    if (percent(g, 60))
        text_add(out, "margin(%s%s)", run->name.at, at.at);
    else
        text_add(out, "margin(%s, best: \"%s\", other: \"%s\"%s)", run->name.at,
                 world_tokens[below(g, (uint32_t)world_token_count)],
                 world_tokens[below(g, (uint32_t)world_token_count)], at.at);
}

// Two states on the same prompts, and `on:` when no run says which.
static void add_state_pair(Gen *g, Text *out, const RunDef *run) {
    Where where = some_where(g);
    Place place = g->hooks.len && percent(g, 40) ? *pick_from(g, &g->hooks) : some_place(g, where);
    bool model = percent(g, 25);
    Str subject = model ? str_format(g->arena, "m%u", run->model) : run->name;
    Want want = {place_width(g->models[run->model], &place), place.where, run->model, run->prompts, .clean = model};
    want.otherwise = str_format(g->arena, "%s.%s", subject.at, place_text(g, &place).at);
    text_add(out, "(%.*s, ", STR_ARG(want.otherwise));
    add_states(g, out, &want, 1);
    text_add(out, ", on: p%u)", run->prompts);
}

static void add_metric(Gen *g, Text *out, uint32_t index) {
    const RunDef run = g->runs.at[index];
    uint32_t kind = below(g, 100);
    if (kind < 35) {
        add_kl(g, out, index);
    } else if (kind < 47) {
        add_logp(g, out, &run);
    } else if (kind < 57) {
        add_margin(g, out, &run);
    } else if (kind < 70) {
        text_add(out, "entropy(%s%s)", run.name.at, at_text(g, some_where(g)).at);
    } else {
        text_str(out, str_of(kind < 85 ? "cosine" : "norm_ratio"));
        add_state_pair(g, out, &run);
    }
}

static void add_values(Gen *g, Text *out) {
    uint32_t run = some_run(g);
    add_metric(g, out, run);
    if (percent(g, 85)) return;
    text_str(out, str_of(percent(g, 50) ? " - " : " + "));
    add_number(g, out);
    text_str(out, STR(" * "));
    add_metric(g, out, percent(g, 50) ? run : run_beside(g, run));
}

// ---- One number a point

static void add_reduced(Gen *g, Text *out, Str values) {
    static const char *const reductions[] = {"mean", "mean", "mean", "std",   "median",
                                             "min",  "max",  "sum",  "count", "quantile"};
    const char *reduction = pick(g, reductions);
    text_add(out, "%s(%.*s%s)", reduction, STR_ARG(values), strcmp(reduction, "quantile") == 0 ? ", 0.3" : "");
}

// Of metrics that are there.
static void add_formula(Gen *g, Text *out) {
    static const char *const formulas[] = {"%s - %s", "100 * (%s - %s)", "%s / 4 + 2 * %s", "-%s * %s"};
    MetricDef a = *pick_from(g, &g->metrics), b = *pick_from(g, &g->metrics);
    bool plain = !a.interval && !b.interval;
    if (plain) text_add(out, formulas[below(g, COUNT(formulas))], a.name.at, b.name.at);
    if (!plain) add_number(g, out);
}

static void add_correlation(Gen *g, Text *out) {
    uint32_t run = some_run(g);
    text_str(out, STR("correlation("));
    add_metric(g, out, run);
    text_str(out, STR(", "));
    add_metric(g, out, run_beside(g, run));
    text_char(out, ')');
}

static void add_alike(Gen *g, Text *out) {
    const RunDef run = g->runs.at[some_run(g)];
    text_str(out, str_of(percent(g, 50) ? "r2" : "cka"));
    add_state_pair(g, out, &run);
}

// All of it is of one run's prompts.
static Str drawn_anew(Gen *g, Str number) {
    return str_format(g->arena, "bootstrap(%.*s, n: %u, method: %s)", STR_ARG(number), 1 + below(g, 40), percent(g, 50) ? "basic" : "percentile");
}

// A reduction may come to what is only rounding: nothing makes that large.
static void add_small_number(Gen *g, Text *out) {
    bool wild = g->wild;
    g->wild = false;
    add_number(g, out);
    g->wild = wild;
}

static void define_metric(Gen *g) {
    Text value = text_open(g->arena), number = text_open(g->arena);
    MetricDef metric = {new_name(g, "k"), true, false};
    uint32_t kind = below(g, 100);
    if (kind < 12) {
        const RunDef run = g->runs.at[some_run(g)];
        add_discrete(g, &value, &run);
        add_reduced(g, &number, text_view(&value));
    } else if (kind < 24) {
        add_alike(g, &number);
    } else if (kind < 28) {
        add_correlation(g, &number);
    } else if (kind < 36 && g->metrics.len) {
        add_formula(g, &number);
    } else {
        add_values(g, &value);
        add_reduced(g, &number, text_view(&value));
        if (percent(g, 10)) text_str(&number, STR(" * "));
        if (str_ends(text_view(&number), STR(" * "))) add_small_number(g, &number);
    }
    metric.interval = percent(g, 12) && (kind < 28 || kind >= 36);
    define(g, "metric %s = %s", metric.name.at, metric.interval ? drawn_anew(g, text_view(&number)).at : number.at);
    list_push(g->arena, &g->metrics, metric);
}

void define_metrics(Gen *g) {
    for (uint32_t i = 1 + below(g, 5); i; i--) define_metric(g);
}

// ---- Reports

static void define_table(Gen *g) {
    Text columns = text_open(g->arena);
    for (size_t i = 0; i < g->sweeps.len; i++)
        if (percent(g, 20)) text_add(&columns, "%s%s", columns.len ? ", " : "", g->sweeps.at[i].name.at);
    uint32_t first = below(g, (uint32_t)g->metrics.len), one = percent(g, 30);
    for (uint32_t i = one ? first : 0; i < (one ? first + 1 : g->metrics.len); i++)
        text_add(&columns, "%s%s", columns.len ? ", " : "", g->metrics.at[i].name.at);
    define(g, "report table(%s)", columns.at);
}

static void define_capture(Gen *g) {
    Text states = text_open(g->arena);
    const RunDef run = g->runs.at[some_run(g)];
    Place place = g->hooks.len && percent(g, 40) ? *pick_from(g, &g->hooks) : some_place(g, some_where(g));
    Want want = {place_width(g->models[run.model], &place), place.where, run.model, run.prompts, .clean = false};
    want.otherwise = str_format(g->arena, "%s.%s", run.name.at, place_text(g, &place).at);
    if (percent(g, 60))
        text_str(&states, want.otherwise);
    else
        add_states(g, &states, &want, 1);
    define(g, "report states(%s, on: p%u, as: \"%s\")", states.at, run.prompts, new_name(g, "s").at);
}

void define_reports(Gen *g) {
    define_table(g);
    if (percent(g, 15)) define_table(g);
    if (percent(g, 50)) define_capture(g);
    if (percent(g, 15)) define_capture(g);
}
