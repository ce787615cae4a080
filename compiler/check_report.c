// check_report.c: what is reported, and warnings about what is not: one function a row of report.def.
#include "compiler/checker.h"
#include "compiler/controls.h"

// ---- table(columns...)

// Checked at its first point that has an instance.
bool metric_is_number(Checker *checker, const Ast *ast, const MetricDef *metric, const char *what) {
    for (size_t i = 0; i < metric->count; i++) {
        const Expr *expr = metric->points[i];
        if (!expr || (expr->type != TYPE_values && expr->type != TYPE_states)) continue;
        Diag *diag = diag_error(checker->diags, ast->span, "metric '%.*s' is %s, %s needs one number",
                                STR_ARG(metric->name), type_words[expr->type], what);
        diag_also(checker->diags, diag, metric->span, "defined here");
        if (expr->type == TYPE_values) diag_help(checker->diags, diag, "reduce it: mean(%.*s)", STR_ARG(metric->text));
        return false;
    }
    return true;
}

static void column_add(Checker *checker, const Ast *ast, Report *report) {
    const Def *def = ast->kind == AST_name ? def_named(checker, ast->text) : NULL;
    if (ast->kind == AST_name && !def) {
        unknown_name(checker, ast, "a metric");
        return;
    }
    bool axis = def && def->stmt->kind == STMT_sweep, metric = def && def->stmt->kind == STMT_metric;
    if (!axis && !metric) {
        Diag *diag = def ? diag_error(checker->diags, ast->span, "'%.*s' is %s, which cannot be reported",
                                      STR_ARG(def->name), def_noun(def))
                         : diag_error(checker->diags, ast->span, "a column is the name of a metric or of a sweep");
        diag_help(checker->diags, diag, "define a metric and report its name");
        return;
    }
    if (metric && !def->instances) return; // its own errors were reported
    if (metric && !metric_is_number(checker, ast, &checker->exp->metrics.at[def->index], "a table")) return;
    if (axis && def->index >= MOST_AXES) return;
    list_push(checker->arena, &report->columns, ((Column){axis, def->index, ast->span, BOUND_none}));
    report->axes |= def->axes;
}

static void report_table(Checker *checker, const Def *def, const Ast *const args[MOST_PARAMS], Report *report) {
    (void)args;
    const Ast *call = def->stmt->value;
    bool metric = false;
    for (size_t i = 0; i < call->kids.len; i++) column_add(checker, call->kids.at[i], report);
    for (size_t i = 0; i < report->columns.len; i++) metric |= !report->columns.at[i].is_axis;
    if (metric || report->columns.len != call->kids.len) return;
    Diag *diag = diag_error(checker->diags, def->stmt->span, "this table has no metric");
    diag_help(checker->diags, diag, "name at least one metric as a column");
}

// ---- states(x, on, as)

bool is_file_name(Str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!plain) return false;
    }
    return name.len > 0;
}

static Str capture_name(Checker *checker, const Ast *as) {
    size_t number = checker->exp->captures.len + 1;
    Str name = as ? as->text : number == 1 ? STR("states") : str_format(checker->arena, "states-%zu", number);
    if (!is_file_name(name)) diag_error(checker->diags, as->span, "a file is named by letters, digits, _ and -");
    for (size_t i = 0; i < checker->exp->captures.len; i++) {
        const MetricDef *have = &checker->exp->captures.at[i];
        if (!str_eq(have->name, name)) continue;
        Diag *diag = diag_error(checker->diags, as ? as->span : NO_SPAN, "two files are named '%.*s'", STR_ARG(name));
        diag_also(checker->diags, diag, have->span, "first here");
    }
    return name;
}

static void report_states(Checker *checker, const Def *def, const Ast *const args[MOST_PARAMS], Report *report) {
    if (!def->instances) return;
    Text text = text_open(checker->arena);
    ast_write(args[0], &text);
    MetricDef capture = {.name = capture_name(checker, args[2]), .span = def->stmt->span, .text = text_view(&text), .axes = def->axes,
                         .count = points_count(checker->exp, axes_structural(checker->exp, def->axes)),
                         .points = (Expr **)def->instances};
    report->capture = (uint32_t)checker->exp->captures.len;
    report->axes = def->axes;
    list_push(checker->arena, &checker->exp->captures, capture);
}

// ---- controls(M, on, bogus, early, ...)

// The sweeps that reach the metrics, in their order, as columns in front of these.
static void columns_before(Checker *checker, Report *report) {
    Report with = *report;
    with.columns.at = NULL, with.columns.len = with.columns.cap = 0;
    for (uint32_t a = 0; a < checker->exp->axes.len; a++)
        if (report->axes >> a & 1) list_push(checker->arena, &with.columns, ((Column){true, a, report->span, BOUND_none}));
    for (size_t i = 0; i < report->columns.len; i++) list_push(checker->arena, &with.columns, report->columns.at[i]);
    *report = with;
}

// A map of M's own layer is M, which controls nothing. Whether it is one is known at each point of the sweeps.
static void check_layer(Checker *checker, const Controls *c, const char *control, const Ast *layer) {
    const Experiment *exp = checker->exp;
    const Def *map = def_named(checker, c->map->name), *other = def_named(checker, str_format(checker->arena, "%.*s%s", STR_ARG(c->prefix), control));
    if (!map || !other || !map->instances || !other->instances) return;
    AxisSet own = axes_structural(exp, map->axes), its = axes_structural(exp, other->axes), both = own | its;
    for (size_t point = 0; point < points_count(exp, both); point++) {
        const MapInst *a = map->instances[point_project(exp, both, point, own)], *b = other->instances[point_project(exp, both, point, its)];
        if (!a || !b || a->from->place.layer != b->from->place.layer) continue;
        Diag *diag = diag_error(checker->diags, layer->span, "layer %u is that of %.*s itself, so this controls nothing", a->from->place.layer, STR_ARG(a->name));
        diag_also(checker->diags, diag, a->span, "defined here");
        return;
    }
}

// The raw state stands where the mapped one would.
static void check_widths(Checker *checker, const Controls *c, const Ast *name) {
    const Def *map = def_named(checker, c->map->name);
    for (size_t i = 0; map && map->instances && i < points_count(checker->exp, axes_structural(checker->exp, map->axes)); i++) {
        const MapInst *a = map->instances[i];
        if (!a || !a->in_width || !a->out_width || a->in_width == a->out_width) continue;
        diag_error(checker->diags, name->span, "controls are made of a map between states of one width: the source has %u values per token, the target %u", a->in_width,
                   a->out_width);
    }
}

// What controls_expand made of it, as columns.
static void report_controls(Checker *checker, const Def *def, const Ast *const args[MOST_PARAMS], Report *report) {
    static const char *const names[] = {"kl_raw", "kl_mapped", "drop_pct", "ahead"};
    Controls c;
    const Ast *where;
    const char *wrong = controls_of(checker->arena, checker->spec, def->stmt->value, args, &c, &where);
    if (wrong && !*wrong) return;
    if (wrong) {
        Diag *diag = diag_error(checker->diags, where->span, "%s", wrong);
        if (c.map) diag_also(checker->diags, diag, c.map->span, "defined here");
        return;
    }
    check_widths(checker, &c, args[0]);
    report->axes = 0;
    for (size_t i = 0; i < COUNT(names); i++) {
        Ast name = {.kind = AST_name, .text = str_format(checker->arena, "%.*s%s", STR_ARG(c.prefix), names[i]), .span = def->stmt->span};
        column_add(checker, &name, report);
    }
    if (report->columns.len < COUNT(names)) return; // their own errors
    check_layer(checker, &c, "bogus", args[2]);
    check_layer(checker, &c, "early", args[3]);
    Column verdict = report->columns.at[COUNT(names) - 1];
    verdict.bound = BOUND_verdict;
    list_push(checker->arena, &report->columns, verdict);
    columns_before(checker, report);
}

// ---- All of them

static ReportCheck *const report_kinds[REPORT_COUNT] = {
#define MDX_REPORT(name, arguments, what) [REPORT_##name] = report_##name,
#include "compiler/report.def"
};

static void report_check(Checker *checker, const Def *def) {
    Scope scope = {.checker = checker, .prompts = NO_PROMPTS};
    Report report = {.span = def->stmt->span};
    uint32_t row;
    const Ast *args[MOST_PARAMS];
    if (!row_named(&scope, def->stmt->value, report_rows(), report_count, "report", &row)) return;
    if (!signature_match(&report_rows()[row], def->stmt->value, checker->diags, args)) return;
    report.kind = (ReportId)row;
    report_kinds[row](checker, def, args, &report);
    list_push(checker->arena, &checker->exp->reports, report);
}

static bool is_reported(const Checker *checker, uint32_t metric) {
    for (size_t i = 0; i < checker->exp->reports.len; i++)
        for (size_t c = 0; c < checker->exp->reports.at[i].columns.len; c++) {
            const Column *column = &checker->exp->reports.at[i].columns.at[c];
            if (!column->is_axis && column->index == metric) return true;
        }
    return false;
}

// What a metric is found in has to be computed too, and so on.
static void hidden_add(Checker *checker, const Arg *arg, Span span) {
    const Def *def = arg->expr ? def_named(checker, arg->text) : NULL;
    if (!def || is_reported(checker, def->index)) return;
    Report report = {
        .span = span, .kind = REPORT_table, .hidden = true, .axes = def->axes, .over = NO_AXIS, .by = NO_AXIS};
    list_push(checker->arena, &report.columns, ((Column){false, def->index, span, BOUND_none}));
    list_push(checker->arena, &checker->exp->reports, report);
}

static void hidden_reports(Checker *checker) {
    for (size_t i = 0; i < checker->exp->reports.len; i++) {
        for (size_t c = 0; c < checker->exp->reports.at[i].columns.len; c++) {
            const Column column = checker->exp->reports.at[i].columns.at[c];
            const Expr *expr = column.is_axis ? NULL : checker->exp->metrics.at[column.index].points[0];
            if (!expr || expr->kind != EXPR_choice) continue;
            hidden_add(checker, &expr->args[0], column.span);
            hidden_add(checker, &expr->args[2], column.span);
        }
    }
}

// Included files are shared by many specs: what this spec does not use of them is no mistake.
static void warn_unused(Checker *checker, const Def *def) {
    if (def->stmt->span.source != 0) return;
    if (def->stmt->kind == STMT_patch && !def->applied)
        diag_warning(checker->diags, def->stmt->name_span, "no run uses patch '%.*s'", STR_ARG(def->name));
    else if (!def->used)
        diag_warning(checker->diags, def->stmt->name_span, "%s '%.*s' is not used by anything that is reported",
                     stmt_info[def->stmt->kind].name, STR_ARG(def->name));
}

void reports_check(Checker *checker) {
    size_t reports = 0;
    for (size_t i = 0; i < checker->defs.len; i++) {
        if (checker->defs.at[i]->stmt->kind != STMT_report) continue;
        report_check(checker, checker->defs.at[i]);
        reports++;
    }
    if (!reports) {
        Diag *diag = diag_warning(checker->diags, NO_SPAN, "the spec reports nothing, so nothing will be computed");
        diag_help(checker->diags, diag, "add report table(METRIC, ...)");
        return;
    }
    if (checker->diags->errors) return; // what is wrong comes first
    hidden_reports(checker);
    for (size_t i = 0; i < checker->defs.len; i++) warn_unused(checker, checker->defs.at[i]);
}
