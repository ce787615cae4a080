// outcome.c: running a spec in one way, and comparing what comes out.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/session.h"
#include "outcome.h"

// ---- Collecting

static void add_series(Arena *arena, Outcome *out, Series series) {
    list_push(arena, &out->series, series);
}

static bool names_one(Str text, const char *const *words) {
    for (; *words; words++)
        if (strstr(text.at, *words)) return true;
    return false;
}

// Whether a formula has one of the functions, or a metric that has.
static bool formula_has(Arena *arena, const Results *results, Str formula, const char *const *words, int depth) {
    Str text = str_of(str_c(arena, formula));
    bool has = names_one(text, words);
    for (size_t i = 0; i < results->metric_count && !has && depth < 8; i++) {
        const char *name = str_c(arena, results->metrics[i].name), *found = strstr(text.at, name);
        char next = found ? found[strlen(name)] : '0';
        if (found && !(next >= '0' && next <= '9'))
            has = formula_has(arena, results, results->metrics[i].formula, words, depth + 1);
    }
    return has;
}

static const char *const discrete[] = {"rank(", "argmax(", NULL};
static const char *const ratios[] = {"r2(", "cosine(", "norm_ratio(", "cka(", "correlation(", "bootstrap(", NULL};

// A draw that rounding leaves without variance, or not, may move them.
static void collect_bounds(Arena *arena, const ResultMetric *metric, Outcome *out) {
    double *at = arena_many(arena, double, 2 * metric->points);
    for (size_t p = 0; p < metric->points; p++) at[2 * p] = metric->intervals[p].lo, at[2 * p + 1] = metric->intervals[p].hi;
    add_series(arena, out,
               (Series){.name = str_format(arena, "bounds of %.*s", STR_ARG(metric->name)), .bits = true, .count = 2 * metric->points, .at = at});
}

static void collect_numbers(Arena *arena, const Results *results, Outcome *out) {
    for (size_t i = 0; i < results->metric_count; i++) {
        const ResultMetric *metric = &results->metrics[i];
        double *at = arena_copy(arena, metric->values, metric->points * sizeof(double));
        add_series(arena, out,
                   (Series){.name = str_format(arena, "metric %.*s", STR_ARG(metric->name)),
                            .at = at,
                            .discrete = formula_has(arena, results, metric->formula, discrete, 0),
                            .ratio = formula_has(arena, results, metric->formula, ratios, 0),
                            .count = metric->points});
        if (metric->intervals) collect_bounds(arena, metric, out);
    }
    for (size_t i = 0; i < results->term_count; i++) {
        const ResultTerm *term = &results->terms[i];
        size_t count = term->points * results->prompts[term->prompts].count;
        Str name = str_format(arena, "values of %.*s: %.*s", STR_ARG(term->metric), STR_ARG(term->text));
        add_series(arena, out,
                   (Series){.name = name,
                            .discrete = names_one(name, discrete),
                            .ratio = names_one(name, ratios),
                            .count = count,
                            .at = arena_copy(arena, term->values, count * sizeof(double))});
    }
}

static const double *doubles_of(Arena *arena, const float *from, size_t count) {
    double *at = arena_many(arena, double, count);
    for (size_t i = 0; i < count; i++) at[i] = from[i];
    return at;
}

static void collect_matrix(Arena *arena, Str name, const ResultMatrix *matrix, Outcome *out) {
    double *rows = arena_many(arena, double, 2 * matrix->rows + 1);
    rows[0] = matrix->width;
    for (size_t r = 0; r < matrix->rows; r++) {
        rows[1 + 2 * r] = matrix->prompt[r];
        rows[2 + 2 * r] = matrix->position[r];
    }
    size_t count = matrix->rows * matrix->width;
    add_series(arena, out,
               (Series){.name = str_format(arena, "rows of %s", name.at),
                        .exact = true,
                        .count = 2 * matrix->rows + 1,
                        .at = rows});
    add_series(arena, out, (Series){.name = name, .count = count, .at = doubles_of(arena, matrix->states, count)});
}

static void collect_maps(Arena *arena, const Results *results, Outcome *out) {
    for (size_t i = 0; i < results->map_count; i++) {
        const ResultMap *map = &results->maps[i];
        size_t count = map->map ? (map->in + 1u) * (size_t)map->out : 0;
        double sizes[] = {map->in, map->out, (double)map->fit.rows}, rank = map->fit.rank;
        Str name = str_format(arena, "map %.*s", STR_ARG(map->name));
        add_series(arena, out,
                   (Series){.name = str_format(arena, "sizes of %s", name.at),
                            .exact = true,
                            .count = COUNT(sizes),
                            .at = arena_copy(arena, sizes, sizeof sizes)});
        add_series(arena, out,
                   (Series){.name = str_format(arena, "rank of %s", name.at),
                            .rank = true,
                            .count = 1,
                            .at = arena_copy(arena, &rank, sizeof rank)});
        add_series(arena, out, (Series){.name = name, .count = count, .at = doubles_of(arena, map->map, count)});
    }
}

static void collect(Arena *arena, const Results *results, Outcome *out) {
    collect_numbers(arena, results, out);
    for (size_t i = 0; i < results->states_count; i++)
        for (size_t p = 0; p < results->states[i].points; p++)
            collect_matrix(arena, str_format(arena, "%.*s, point %zu", STR_ARG(results->states[i].name), p),
                           &results->states[i].at[p], out);
    collect_maps(arena, results, out);
    MUST(results_complete(results));
}

// ---- Running

static bool set_number(Mdx *mdx, const char *name, uint32_t value) {
    char text[16];
    snprintf(text, sizeof text, "%u", value);
    return mdx_option(mdx, name, text);
}

static bool set_way(Mdx *mdx, const Way *way) {
    bool ok = mdx_option(mdx, "device", way->device) && mdx_option(mdx, "write", "off") && mdx_option(mdx, "dtype", "f32") &&
              mdx_option(mdx, "strict", "on");
    if (way->disable.len) ok &= mdx_option(mdx, "disable", way->disable.at);
    if (way->threads) ok &= set_number(mdx, "threads", way->threads);
    if (way->micro_batches) ok &= set_number(mdx, "micro-batches", way->micro_batches);
    if (way->batch_points || way->whole_batches) ok &= set_number(mdx, "batch-points", way->batch_points);
    if (way->verify) ok &= mdx_option(mdx, "verify", "on");
    return ok;
}

void way_write(const Way *way, Text *out) {
    text_add(out, "--device=%s", way->device);
    if (way->disable.len) text_add(out, " --disable=%.*s", STR_ARG(way->disable));
    if (way->threads) text_add(out, " --threads=%u", way->threads);
    if (way->micro_batches) text_add(out, " --micro-batches=%u", way->micro_batches);
    if (way->batch_points || way->whole_batches) text_add(out, " --batch-points=%u", way->batch_points);
    if (way->verify) text_add(out, " --verify=on");
}

// The last error, from behind "error: " to where rows and columns are numbered.
static Str main_part(Arena *arena, const char *messages) {
    static const char word[] = "error: ";
    const char *from = "", *at = messages;
    while ((at = strstr(at, word))) from = at += strlen(word);
    size_t length = strcspn(from, "(;\n");
    return str_format(arena, "%.*s", (int)length, from);
}

Outcome outcome_of(Arena *arena, const char *folder, Str spec, const Way *way) {
    Outcome out = {.kind = OUTCOME_REFUSED};
    Mdx *mdx = mdx_open();
    MUST(set_way(mdx, way));
    Str name = str_format(arena, "%s/spec.mdx", folder);
    if (mdx_read_text(mdx, name.at, spec.at, spec.len)) out.kind = mdx_run(mdx) ? OUTCOME_DONE : OUTCOME_FAILED;
    const char *messages = mdx_messages(mdx);
    out.messages = str_copy(arena, str_of(messages ? messages : ""));
    if (out.kind == OUTCOME_DONE)
        collect(arena, &mdx->results, &out);
    else
        out.message = main_part(arena, out.messages.at);
    mdx_close(mdx);
    return out;
}

// ---- Comparing

static bool same_kind(const Outcome *a, const Outcome *b) {
    return a->kind == b->kind && str_eq(a->message, b->message) && a->series.len == b->series.len;
}

static void tell_kinds(const Outcome *a, const Outcome *b, Text *why) {
    static const char *const words[] = {"is refused", "fails", "gives results"};
    text_add(why, "one %s (%zu series) and the other %s (%zu series)\n%s%s", words[a->kind], a->series.len,
             words[b->kind], b->series.len, a->kind == OUTCOME_DONE ? "" : a->messages.at,
             b->kind == OUTCOME_DONE ? "" : b->messages.at);
}

static bool fit_failed(const Outcome *outcome) {
    static const char *const words[] = {"nothing to fit", "span fewer", "no direction",
                                        "to fit on",      "cluster",    "to be fitted on"};
    for (size_t i = 0; outcome->kind == OUTCOME_FAILED && i < COUNT(words); i++)
        if (strstr(outcome->message.at, words[i])) return true;
    return false;
}

bool outcome_not_finite(const Outcome *outcome) {
    return outcome->kind == OUTCOME_FAILED && strstr(outcome->message.at, "not finite");
}

static bool number_failed(const Outcome *outcome) {
    return fit_failed(outcome) || outcome_not_finite(outcome);
}

bool outcome_may_differ(const Outcome *a, const Outcome *b) {
    if (number_failed(a) && number_failed(b)) return !str_eq(a->message, b->message);
    return (fit_failed(a) && b->kind == OUTCOME_DONE) || (fit_failed(b) && a->kind == OUTCOME_DONE);
}

static bool same_bits(double a, double b) {
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

bool outcome_same(const Outcome *a, const Outcome *b, Text *why) {
    if (!same_kind(a, b)) {
        tell_kinds(a, b, why);
        return false;
    }
    for (size_t s = 0; s < a->series.len; s++) {
        const Series *x = &a->series.at[s], *y = &b->series.at[s];
        if (!str_eq(x->name, y->name) || x->count != y->count) {
            text_add(why, "%s has %zu numbers, %s has %zu\n", x->name.at, x->count, y->name.at, y->count);
            return false;
        }
        for (size_t i = 0; i < x->count; i++) {
            if (same_bits(x->at[i], y->at[i])) continue;
            text_add(why, "%s [%zu of %zu]: %.17g and %.17g\n", x->name.at, i, x->count, x->at[i], y->at[i]);
            return false;
        }
    }
    return true;
}

// Sums of some dozens of float32 products, through a few layers: each rounding is half of 2^-23, and what they add up
// to stays below a hundred of them unless something takes the difference of near numbers.
static const double tolerance = 1e-5;
// A nudge moves each weight by a quarter of 2^-20 on average, as much as several roundings in each product.
static const double nudges_allowed = 32;

static double largest(const Series *x, double least) {
    for (size_t i = 0; i < x->count; i++)
        if (isfinite(x->at[i])) least = fmax(least, fabs(x->at[i]));
    return least;
}

// How much a series moves with the weights; infinite when numbers come or go.
static double moved(const Series *x, const Series *nudged) {
    double most = 0;
    if (x->count != nudged->count) return INFINITY;
    for (size_t i = 0; i < x->count; i++) {
        if (isnan(x->at[i]) != isnan(nudged->at[i])) return INFINITY;
        if (!isnan(x->at[i])) most = fmax(most, fabs(x->at[i] - nudged->at[i]));
    }
    return most;
}

static void compare_series(const Series *x, const Series *y, double moves, Distance *out) {
    bool metric = str_starts(x->name, STR("metric ")) || str_starts(x->name, STR("values of "));
    double allowed = x->exact ? 0 : tolerance * largest(x, metric ? 1 : 1e-30) + nudges_allowed * moves;
    for (size_t i = 0; i < x->count; i++) {
        double a = x->at[i], b = y->at[i], off = fabs(a - b);
        if (a == b || (isnan(a) && isnan(b)) || allowed == INFINITY) continue;
        if (x->ratio && isnan(off)) continue;
        if (isinf(off) && allowed > fmin(fabs(a), fabs(b))) continue; // a quotient by what is 0 but for rounding
        double share = isnan(off) ? INFINITY : allowed > 0 ? off / allowed : INFINITY;
        if (share > out->worst) *out = (Distance){share, x->name, a, b, allowed};
    }
}

static bool comparable(const Outcome *a, const Outcome *b) {
    if (!same_kind(a, b)) return false;
    for (size_t s = 0; s < a->series.len; s++)
        if (!str_eq(a->series.at[s].name, b->series.at[s].name) || a->series.at[s].count != b->series.at[s].count)
            return false;
    return true;
}

Distance outcome_distance(Arena *arena, const Outcome *a, const Outcome *b, const Outcome *nudged, size_t nudges,
                          bool ties) {
    Distance out = {0};
    Text why = text_open(arena);
    for (size_t n = 0; n < nudges; n++)
        if (!comparable(a, &nudged[n])) return out; // a nudge decides whether it fails at all
    if (!comparable(a, b)) {
        tell_kinds(a, b, &why);
        return (Distance){INFINITY, text_view(&why), 0, 0, 0};
    }
    for (size_t s = 0; s < a->series.len; s++) {
        double moves = 0;
        for (size_t n = 0; n < nudges; n++) moves = fmax(moves, moved(&a->series.at[s], &nudged[n].series.at[s]));
        bool skip = a->series.at[s].rank || a->series.at[s].bits || (ties && a->series.at[s].discrete);
        if (!skip) compare_series(&a->series.at[s], &b->series.at[s], moves, &out);
    }
    return out;
}

// ---- Ties

bool outcome_ranks_differ(const Outcome *a, const Outcome *b) {
    for (size_t s = 0; s < a->series.len && s < b->series.len; s++)
        if (a->series.at[s].rank && a->series.at[s].at[0] != b->series.at[s].at[0]) return true;
    return false;
}

// Whether another logit of the row lies within `room` of the token's, or of the largest when there is no such token.
static bool row_has_tie(const double *x, size_t width, size_t token, double room) {
    size_t top = 0;
    for (size_t c = 1; c < width; c++)
        if (x[c] > x[top]) top = c;
    if (token >= width) token = top;
    for (size_t c = 0; c < width; c++)
        if (c != token && fabs(x[c] - x[token]) <= room) return true;
    return false;
}

bool outcome_has_tie(const Outcome *a, const Outcome *b) {
    for (size_t s = 1; s < a->series.len && s < b->series.len; s++) {
        const Series *x = &a->series.at[s], *y = &b->series.at[s], *rows = &a->series.at[s - 1];
        unsigned number, token;
        if (sscanf(x->name.at, "tie-%u-%u", &number, &token) != 2 || x->count != y->count) continue;
        double room = 0;
        size_t width = (size_t)rows->at[0];
        for (size_t i = 0; i < x->count; i++) room = fmax(room, fabs(x->at[i] - y->at[i]));
        for (size_t i = 0; i < x->count; i += width)
            if (row_has_tie(x->at + i, width, token, 4 * room)) return true;
    }
    return false;
}
