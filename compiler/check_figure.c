// check_figure.c: figures: that what they show are numbers over sweeps, and that nothing is shown on top of each other.
#include "compiler/checker.h"

enum { MOST_NAME = 100 };

// ---- Arguments

static bool sweep_given(Checker *checker, const Ast *ast, uint32_t *out) {
    const Def *def = ast->kind == AST_name ? def_named(checker, ast->text) : NULL;
    if (def && def->stmt->kind == STMT_sweep && def->index < MOST_AXES) return *out = def->index, true;
    if (def) {
        Diag *diag = diag_error(checker->diags, ast->span, "'%.*s' is %s, expected a sweep", STR_ARG(def->name), def_noun(def));
        diag_also(checker->diags, diag, def->stmt->name_span, "defined here");
    } else if (ast->kind == AST_name) {
        unknown_name(checker, ast, "a sweep");
    } else {
        diag_error(checker->diags, ast->span, "expected the name of a sweep");
    }
    return false;
}

static bool figure_name(Checker *checker, const Ast *as, Report *report) {
    const char *kind = report->kind == REPORT_heat ? "heat" : "plot";
    size_t number = 1;
    for (size_t i = 0; i < checker->exp->reports.len; i++) number += checker->exp->reports.at[i].kind == report->kind;
    report->name = as ? as->text : number == 1 ? str_of(kind) : str_format(checker->arena, "%s-%zu", kind, number);
    if (as && (as->kind != AST_string || !is_file_name(as->text) || as->text.len > MOST_NAME)) {
        diag_error(checker->diags, as->span, "a file is named by a text of at most %d letters, digits, _ and -", MOST_NAME);
        return false;
    }
    for (size_t i = 0; i < checker->exp->reports.len; i++) {
        const Report *have = &checker->exp->reports.at[i];
        if (!str_eq(have->name, report->name)) continue;
        Diag *diag = diag_error(checker->diags, as ? as->span : report->span, "two figures are named '%.*s'", STR_ARG(report->name));
        diag_also(checker->diags, diag, have->span, "first here");
        diag_help(checker->diags, diag, "name this one: as: \"NAME\"");
        return false;
    }
    return true;
}

// ---- Sweeps

// The sweeps of a set, but for those of one value, which need no room.
static Str sweeps_named(Checker *checker, AxisSet set, size_t *count) {
    Text text = text_open(checker->arena);
    *count = 0;
    for (size_t a = 0; a < checker->exp->axes.len; a++) {
        if (!(set >> a & 1) || checker->exp->axes.at[a].count == 1) continue;
        text_add(&text, "%s'%.*s'", text.len ? ", " : "", STR_ARG(checker->exp->axes.at[a].name));
        ++*count;
    }
    return text_view(&text);
}

static bool metric_has(Checker *checker, const Ast *ast, const MetricDef *metric, uint32_t axis) {
    if (metric->axes >> axis & 1) return true;
    size_t count;
    Str name = checker->exp->axes.at[axis].name, own = sweeps_named(checker, metric->axes, &count);
    Diag *diag = diag_error(checker->diags, ast->span, "metric '%.*s' does not depend on sweep '%.*s'", STR_ARG(metric->name), STR_ARG(name));
    if (count)
        diag_help(checker->diags, diag, "it depends on %.*s", STR_ARG(own));
    else
        diag_help(checker->diags, diag, "it depends on no sweep: report table(%.*s)", STR_ARG(metric->name));
    return false;
}

static AxisSet axis_bit(uint32_t axis) {
    return axis == NO_AXIS ? 0 : (AxisSet)1 << axis;
}

// What has no place in the figure has one value, else a point would stand for many.
static bool sweeps_have_room(Checker *checker, const Ast *ast, const MetricDef *metric, const Report *report) {
    size_t count;
    Str rest = sweeps_named(checker, metric->axes & ~axis_bit(report->over) & ~axis_bit(report->by), &count);
    if (!count) return true;
    Diag *diag = diag_error(checker->diags, ast->span, "metric '%.*s' also depends on %s %.*s, which the figure does not show",
                            STR_ARG(metric->name), count == 1 ? "sweep" : "sweeps", STR_ARG(rest));
    Str name = str_part(rest, 1, rest.len - 1); // without its quotes
    if (report->kind == REPORT_plot && report->by == NO_AXIS && count == 1)
        diag_help(checker->diags, diag, "draw a line for each value (by: %.*s), or give the sweep one value: --set %.*s=[...]", STR_ARG(name), STR_ARG(name));
    else
        diag_help(checker->diags, diag, "a figure shows two sweeps: give the others one value (--set NAME=[...]), or report a table");
    return false;
}

// ---- Metrics

static const Def *metric_given(Checker *checker, const Ast *ast) {
    const Def *def = ast->kind == AST_name ? def_named(checker, ast->text) : NULL;
    if (def && def->stmt->kind == STMT_metric) return def;
    if (ast->kind == AST_name && !def) return unknown_name(checker, ast, "a metric"), NULL;
    Diag *diag = def ? diag_error(checker->diags, ast->span, "'%.*s' is %s, expected a metric", STR_ARG(def->name), def_noun(def))
                     : diag_error(checker->diags, ast->span, "expected the name of a metric");
    diag_help(checker->diags, diag, "define a metric and report its name");
    return NULL;
}

Str bound_name(Arena *arena, Str metric, Bound bound) {
    return str_format(arena, "%.*s_%s", STR_ARG(metric), bound == BOUND_lower ? "lo" : "hi");
}

static bool all_numbers(const MetricDef *metric) {
    for (size_t i = 0; i < metric->count; i++)
        if (metric->points[i] && metric->points[i]->type != TYPE_number) return false;
    return true;
}

// Numbers NAME_lo and NAME_hi at the points of NAME are its bounds, when both are there.
static void add_bounds(Checker *checker, const Ast *ast, const MetricDef *metric, Report *report) {
    const Def *bounds[BOUND_upper + 1] = {0};
    for (Bound bound = BOUND_lower; bound <= BOUND_upper; bound++) {
        const Def *def = def_named(checker, bound_name(checker->arena, metric->name, bound));
        if (!def || def->stmt->kind != STMT_metric || !def->instances) return;
        const MetricDef *of = &checker->exp->metrics.at[def->index];
        if ((of->axes & ~metric->axes) || !all_numbers(of)) return;
        bounds[bound] = def;
    }
    for (Bound bound = BOUND_lower; bound <= BOUND_upper; bound++)
        list_push(checker->arena, &report->columns, ((Column){false, bounds[bound]->index, ast->span, bound}));
}

static bool add_metric(Checker *checker, const Ast *ast, Report *report) {
    const Def *def = metric_given(checker, ast);
    if (!def || !def->instances) return false; // its own errors were reported
    const MetricDef *metric = &checker->exp->metrics.at[def->index];
    const char *what = report->kind == REPORT_heat ? "a heat map" : "a plot";
    bool heat = report->kind == REPORT_heat;
    if (!metric_is_number(checker, ast, metric, what) || !metric_has(checker, ast, metric, report->over)) return false;
    if ((heat && !metric_has(checker, ast, metric, report->by)) || !sweeps_have_room(checker, ast, metric, report)) return false;
    list_push(checker->arena, &report->columns, ((Column){false, def->index, ast->span, BOUND_none}));
    report->axes |= metric->axes;
    if (!heat) add_bounds(checker, ast, metric, report);
    return true;
}

// ---- plot(y..., over, by, as), heat(z, x, y, as)

static bool two_sweeps(Checker *checker, const Ast *over, const Ast *by, Report *report) {
    report->by = NO_AXIS;
    bool ok = sweep_given(checker, over, &report->over);
    ok &= !by || sweep_given(checker, by, &report->by);
    if (!ok || report->over != report->by) return ok;
    Diag *diag = diag_error(checker->diags, by->span, "the figure has sweep '%.*s' twice", STR_ARG(by->text));
    diag_also(checker->diags, diag, over->span, "first here");
    return false;
}

void report_plot(Checker *checker, const Def *def, const Ast *const args[MOST_PARAMS], Report *report) {
    const Ast *call = def->stmt->value;
    if (!two_sweeps(checker, args[1], args[2], report) || !figure_name(checker, args[3], report)) return;
    bool ok = true;
    for (size_t i = 0; i < call->kids.len; i++) {
        const Ast *kid = call->kids.at[i];
        if (!kid->label.len || str_is(kid->label, "y")) ok &= add_metric(checker, kid, report);
    }
    if (!ok || report->by == NO_AXIS || (report->axes >> report->by & 1)) return;
    diag_error(checker->diags, args[2]->span, "no metric of this plot depends on sweep '%.*s'", STR_ARG(args[2]->text));
}

void report_heat(Checker *checker, const Def *def, const Ast *const args[MOST_PARAMS], Report *report) {
    (void)def;
    if (!two_sweeps(checker, args[1], args[2], report) || !figure_name(checker, args[3], report)) return;
    add_metric(checker, args[0], report);
}
