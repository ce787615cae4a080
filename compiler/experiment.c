// experiment.c: points of axes, and the printed Experiment.
#include "compiler/experiment.h"

AxisSet axes_structural(const Experiment *exp, AxisSet set) {
    AxisSet out = 0;
    for (size_t a = 0; a < exp->axes.len; a++)
        if (exp->axes.at[a].structural) out |= set & (AxisSet)1 << a;
    return out;
}

size_t points_count(const Experiment *exp, AxisSet set) {
    size_t count = 1;
    for (size_t a = 0; a < exp->axes.len; a++)
        if ((set >> a & 1) && __builtin_mul_overflow(count, exp->axes.at[a].count, &count)) return SIZE_MAX;
    return count;
}

uint32_t point_value(const Experiment *exp, AxisSet set, size_t point, uint32_t axis) {
    for (size_t a = exp->axes.len; a-- > 0;) {
        if (!(set >> a & 1)) continue;
        size_t count = exp->axes.at[a].count;
        if (a == axis) return (uint32_t)(point % count);
        point /= count;
    }
    BUG("the point has no such axis");
}

size_t point_project(const Experiment *exp, AxisSet from, size_t point, AxisSet to) {
    size_t out = 0;
    for (uint32_t a = 0; a < exp->axes.len; a++)
        if (to >> a & 1) out = out * exp->axes.at[a].count + point_value(exp, from, point, a);
    return out;
}

void axis_value_write(const Axis *axis, size_t i, Text *out) {
    if (axis->numeric)
        text_number(out, axis->numbers[i]);
    else
        ast_write(axis->values[i], out);
}

// ---- Printing

static const char *const position_names[] = {
#define MDX_POSITION(name, arguments, tokens, what) #name,
#include "compiler/position.def"
};

void positions_write(const Positions *positions, Text *out) {
    if (positions->word == POSITION_index)
        text_add(out, "[%lld]", (long long)positions->k);
    else if (positions->word == POSITION_first || positions->word == POSITION_last)
        text_add(out, "%s(%lld)", position_names[positions->word], (long long)positions->k);
    else if (positions->word == POSITION_content)
        text_add(out, "content(%lld, skip: %u)", (long long)positions->k, positions->skip);
    else if (positions->word == POSITION_listed) {
        text_str(out, STR("listed("));
        text_json(out, positions->text);
        text_char(out, ')');
    } else if (positions->word == POSITION_span) {
        text_str(out, STR("span("));
        text_json(out, positions->text);
        text_add(out, ", %lld)", (long long)positions->k);
    } else
        text_str(out, str_of(position_names[positions->word]));
}

static const char *const row_names_metric[] = {
#define MDX_METRIC(name, arguments, gives, what) #name,
#include "compiler/metric.def"
};
static const char *const row_names_reduction[] = {
#define MDX_REDUCTION(name, arguments, what) #name,
#include "mdx/reduction.def"
};
static const char *const row_names_interval[] = {
#define MDX_INTERVAL(name, arguments, what) #name,
#include "compiler/interval.def"
};
static const char *const row_names_choice[] = {
#define MDX_CHOICE(name, arguments, what) #name,
#include "compiler/choice.def"
};
static const char *const row_names_mapper[] = {
#define MDX_MAPPER(name, arguments, fitted, what) #name,
#include "compiler/mapper.def"
};
static const char *const row_names_subspace[] = {
#define MDX_SUBSPACE(name, arguments, what) #name,
#include "compiler/subspace.def"
};

static void binary_write(const Experiment *exp, const Expr *expr, const char *sign, Text *out) {
    text_char(out, '(');
    expr_write(exp, expr->in[0], out);
    text_add(out, " %s ", sign);
    expr_write(exp, expr->in[1], out);
    text_char(out, ')');
}

static void metric_args_write(const Experiment *exp, const Expr *expr, Text *out) {
    const char *between = "(";
    for (size_t i = 0; i < MOST_PARAMS; i++) {
        const Arg *arg = &expr->args[i];
        bool positions = arg->positions.span.end > 0;
        if (!arg->run && !arg->map && !arg->expr && !arg->text.len && !positions && !arg->flag) continue;
        text_str(out, str_of(between));
        between = ", ";
        if (arg->run) text_str(out, arg->run->name);
        if (arg->map) text_str(out, arg->map->name);
        if (arg->expr) expr_write(exp, arg->expr, out);
        if (arg->text.len) text_json(out, arg->text);
        if (arg->flag) text_add(out, "%.*s: true", STR_ARG(arg->param->name));
        if (positions) {
            text_str(out, STR("at: "));
            positions_write(&arg->positions, out);
        }
    }
    text_char(out, ')');
}

void inside_write(const Inside *inside, Text *out) {
    static const char *const names[] = {
#define MDX_INSIDE(name, arguments, what) #name,
#include "compiler/inside.def"
    };
    if (inside->kind == INSIDE_COUNT) return;
    text_add(out, "%s(%u", names[inside->kind], inside->rank);
    for (size_t i = 1; i < MOST_PARAMS && inside->args[i].param; i++) {
        const Arg *arg = &inside->args[i];
        Str rest = arg->param->words, word = str_of(arg->flag ? "true" : "false");
        for (uint32_t k = 0; rest.len && k <= arg->choice; k++) word = signature_part(&rest, '|');
        text_add(out, ", %.*s: %.*s", STR_ARG(arg->param->name), STR_ARG(word));
    }
    text_char(out, ')');
}

void per_write(const Per *per, Text *out) {
    static const char *const names[] = {
#define MDX_PER(name, arguments, what) #name,
#include "compiler/per.def"
    };
    if (per->kind == PER_COUNT) return;
    text_add(out, "%s(%u, seed: %llu)", names[per->kind], per->clusters, (unsigned long long)per->seed);
}

const Expr *expr_first_read(const Expr *expr) {
    if (!expr || expr->kind == EXPR_read) return expr;
    const Expr *read = expr_first_read(expr->in[0]);
    return read ? read : expr_first_read(expr->in[1]);
}

void expr_write(const Experiment *exp, const Expr *expr, Text *out) {
    static const char *const draws[] = {[DRAW_both] = "both", [DRAW_prompt] = "prompt", [DRAW_value] = "value"};
    switch (expr->kind) {
    case EXPR_number: text_number(out, expr->number); break;
    case EXPR_axis:
        text_str(out, exp->axes.at[expr->axis].name);
        if (expr->point >= 0) {
            text_char(out, '=');
            axis_value_write(&exp->axes.at[expr->axis], (size_t)expr->point, out);
        }
        break;
    case EXPR_share:
        text_add(out, "share(%.*s=", STR_ARG(exp->axes.at[expr->axis].name));
        axis_value_write(&exp->axes.at[expr->axis], (size_t)expr->point, out);
        text_char(out, ')');
        break;
    case EXPR_it: text_str(out, STR("it")); break;
    case EXPR_read:
        text_add(out, "read(%.*s, %.*s @ ", STR_ARG(expr->run->name), STR_ARG(expr->place.name));
        positions_write(&expr->place.at, out);
        text_char(out, ')');
        break;
    case EXPR_map:
        text_add(out, "%.*s(", STR_ARG(expr->map->name));
        expr_write(exp, expr->in[0], out);
        text_char(out, ')');
        break;
    case EXPR_project:
        text_add(out, "project(%.*s, ", STR_ARG(expr->basis->name));
        expr_write(exp, expr->in[0], out);
        text_char(out, ')');
        break;
    case EXPR_negate:
        text_str(out, STR("-"));
        expr_write(exp, expr->in[0], out);
        break;
    case EXPR_add: binary_write(exp, expr, "+", out); break;
    case EXPR_sub: binary_write(exp, expr, "-", out); break;
    case EXPR_mul: binary_write(exp, expr, "*", out); break;
    case EXPR_div: binary_write(exp, expr, "/", out); break;
    case EXPR_metric:
        text_str(out, str_of(row_names_metric[expr->row]));
        metric_args_write(exp, expr, out);
        break;
    case EXPR_reduce:
        text_add(out, "%s(", row_names_reduction[expr->row]);
        expr_write(exp, expr->in[0], out);
        if (expr->row == REDUCE_quantile) text_add(out, ", %g", expr->args[1].number);
        text_char(out, ')');
        break;
    case EXPR_choice:
        text_add(out, "%s(%.*s", row_names_choice[expr->row], STR_ARG(expr->args[0].text));
        if (expr->args[1].given) text_add(out, ", over: %.*s", STR_ARG(exp->axes.at[expr->args[1].count].name));
        if (expr->args[2].given) text_add(out, ", give: %.*s", STR_ARG(expr->args[2].text));
        text_char(out, ')');
        break;
    case EXPR_interval:
        text_add(out, "%s(", row_names_interval[expr->row]);
        expr_write(exp, expr->in[0], out);
        text_add(out, ", n: %u, seed: %llu, %s", expr->args[1].count, (unsigned long long)expr->args[2].seed,
                 expr->args[3].choice ? "basic" : "percentile");
        if (expr->args[4].given) text_add(out, ", over: %.*s, draw: %s", STR_ARG(expr->args[4].text), draws[expr->args[5].choice]);
        text_char(out, ')');
        break;
    }
}

static void axes_write(const Experiment *exp, AxisSet set, Text *out) {
    const char *between = "";
    text_char(out, '{');
    for (size_t a = 0; a < exp->axes.len; a++) {
        if (!(set >> a & 1)) continue;
        text_add(out, "%s%.*s", between, STR_ARG(exp->axes.at[a].name));
        between = ", ";
    }
    text_char(out, '}');
}

static void print_sources(const Experiment *exp, Text *out) {
    for (size_t i = 0; i < exp->models.len; i++) {
        const ModelDef *def = &exp->models.at[i];
        const Model *m = &def->model;
        text_add(out, "model %.*s: %s \"%.*s\", %u layers, d %u, %u heads of %u, %u KV heads, ffn %u, vocabulary %u\n",
                 STR_ARG(def->name), m->arch->name, STR_ARG(def->shown), m->layers, m->d, m->heads, m->d_head,
                 m->kv_heads, m->ffn, m->vocab);
    }
    for (size_t i = 0; i < exp->prompts.len; i++) {
        const PromptsDef *def = &exp->prompts.at[i];
        text_add(out, "prompts %.*s: \"%.*s\", text in '%.*s', id in '%.*s'%s", STR_ARG(def->name), STR_ARG(def->shown),
                 STR_ARG(def->text_field), STR_ARG(def->id_field), def->chat ? ", chat" : "");
        if (def->limit) text_add(out, ", the first %u", def->limit);
        text_char(out, '\n');
    }
}

static void print_axes(const Experiment *exp, Text *out) {
    for (size_t a = 0; a < exp->axes.len; a++) {
        const Axis *axis = &exp->axes.at[a];
        text_add(out, "sweep %.*s: %s, %zu points:", STR_ARG(axis->name), axis->structural ? "chooses" : "a number",
                 axis->count);
        for (size_t i = 0; i < axis->count; i++) {
            text_char(out, ' ');
            axis_value_write(axis, i, out);
        }
        text_char(out, '\n');
    }
}

static void print_run(const Experiment *exp, const RunInst *run, Text *out) {
    text_add(out, "run %.*s: %.*s on %.*s, axes ", STR_ARG(run->name), STR_ARG(exp->models.at[run->model].name),
             STR_ARG(exp->prompts.at[run->prompts].name));
    axes_write(exp, run->axes, out);
    text_char(out, '\n');
    for (size_t i = 0; i < run->writes.len; i++) {
        const Write *write = &run->writes.at[i];
        text_add(out, "  write %.*s: %.*s @ ", STR_ARG(write->name), STR_ARG(write->place.name));
        positions_write(&write->place.at, out);
        text_str(out, STR(" <- "));
        expr_write(exp, write->value, out);
        text_char(out, '\n');
    }
}

const char *const pairing_words[] = {"", "shuffled", "resampled"};

static void print_maps(const Experiment *exp, Text *out) {
    for (size_t i = 0; i < exp->maps.len; i++) {
        const MapInst *map = exp->maps.at[i];
        text_add(out, "mapper %.*s: %s", STR_ARG(map->name), row_names_mapper[map->mapper]);
        if (map->pairing) text_add(out, " %s by %llu", pairing_words[map->pairing], (unsigned long long)map->seed);
        if (map->inside.kind != INSIDE_COUNT) text_str(out, STR(" in "));
        inside_write(&map->inside, out);
        if (map->per.kind != PER_COUNT) text_str(out, STR(" per "));
        per_write(&map->per, out);
        if (map->from) {
            text_str(out, STR(" from "));
            expr_write(exp, map->from, out);
            text_str(out, STR(" to "));
            expr_write(exp, map->to, out);
            text_add(out, ", %u -> %u values", map->in_width, map->out_width);
        }
        text_char(out, '\n');
    }
    for (size_t i = 0; i < exp->bases.len; i++) {
        const BasisInst *basis = exp->bases.at[i];
        text_add(out, "subspace %.*s: %s of rank %u in %u dimensions\n", STR_ARG(basis->name),
                 row_names_subspace[basis->subspace], basis->rank, basis->width);
    }
}

static void print_metrics(const Experiment *exp, Text *out) {
    for (size_t i = 0; i < exp->metrics.len; i++) {
        const MetricDef *metric = &exp->metrics.at[i];
        text_add(out, "metric %.*s: axes ", STR_ARG(metric->name));
        axes_write(exp, metric->axes, out);
        text_char(out, '\n');
        for (size_t p = 0; p < metric->count; p++) {
            if (!metric->points[p]) continue;
            text_str(out, STR("  "));
            expr_write(exp, metric->points[p], out);
            text_char(out, '\n');
        }
    }
}

static void print_report(const Experiment *exp, const Report *report, Text *out) {
    static const char *const kinds[REPORT_COUNT] = {
#define MDX_REPORT(name, arguments, what) #name,
#include "compiler/report.def"
    };
    text_add(out, "report %s:", kinds[report->kind]);
    if (report->kind == REPORT_states) text_add(out, " %.*s", STR_ARG(exp->captures.at[report->capture].text));
    if (report->name.len) text_add(out, " %.*s,", STR_ARG(report->name));
    for (size_t c = 0; c < report->columns.len; c++) {
        const Column *column = &report->columns.at[c];
        text_add(out, " %.*s", STR_ARG(column->is_axis ? exp->axes.at[column->index].name : exp->metrics.at[column->index].name));
    }
    if (report->name.len) text_add(out, " over %.*s", STR_ARG(exp->axes.at[report->over].name));
    if (report->name.len && report->by != NO_AXIS) text_add(out, " by %.*s", STR_ARG(exp->axes.at[report->by].name));
    text_char(out, '\n');
}

void experiment_print(const Experiment *exp, Text *out) {
    text_add(out, "experiment %.*s\n", STR_ARG(exp->name));
    print_sources(exp, out);
    print_axes(exp, out);
    for (size_t i = 0; i < exp->runs.len; i++) print_run(exp, exp->runs.at[i], out);
    print_maps(exp, out);
    print_metrics(exp, out);
    for (size_t i = 0; i < exp->reports.len; i++)
        if (!exp->reports.at[i].hidden) print_report(exp, &exp->reports.at[i], out);
}
