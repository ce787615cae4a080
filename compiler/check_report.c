// check_report.c: what is reported, and warnings about what is not.
#include "compiler/checker.h"

static const char *some(const Expr *expr) {
    return expr->type == TYPE_values ? "one value a prompt" : "states";
}

// A reported metric is one number a point; checked at its first point that has an instance.
static bool metric_is_number(Checker *checker, const Ast *ast, const MetricDef *metric) {
    for (size_t i = 0; i < metric->count; i++) {
        const Expr *expr = metric->points[i];
        if (!expr || expr->type == TYPE_number) continue;
        Diag *diag = diag_error(checker->diags, ast->span, "metric '%.*s' is %s, a table needs one number",
                                STR_ARG(metric->name), some(expr));
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
        Diag *diag = def ? diag_error(checker->diags, ast->span, "'%.*s' is a %s, which cannot be reported",
                                      STR_ARG(def->name), def_noun(def))
                         : diag_error(checker->diags, ast->span, "a column is the name of a metric or of a sweep");
        diag_help(checker->diags, diag, "define a metric and report its name");
        return;
    }
    if (metric && !def->instances) return; // its own errors were reported
    if (metric && !metric_is_number(checker, ast, &checker->exp->metrics.at[def->index])) return;
    if (axis && def->index >= MOST_AXES) return;
    list_push(checker->arena, &report->columns, ((Column){axis, def->index, ast->span}));
    report->axes |= def->axes;
}

static void report_check(Checker *checker, const Stmt *stmt) {
    Scope scope = {.checker = checker, .prompts = NO_PROMPTS};
    Report report = {.span = stmt->span};
    uint32_t row;
    const Ast *given[MOST_PARAMS];
    if (!row_named(&scope, stmt->value, report_rows(), report_count, "report", &row)) return;
    Ast call = *stmt->value;
    call.kind = AST_call;
    if (!signature_match(&report_rows()[row], &call, checker->diags, given)) return;
    bool metric = false;
    for (size_t i = 0; i < call.kids.len; i++) column_add(checker, call.kids.at[i], &report);
    for (size_t i = 0; i < report.columns.len; i++) metric |= !report.columns.at[i].is_axis;
    if (!metric && report.columns.len == call.kids.len) {
        Diag *diag = diag_error(checker->diags, stmt->span, "this table has no metric");
        diag_help(checker->diags, diag, "name at least one metric as a column");
    }
    list_push(checker->arena, &checker->exp->reports, report);
}

// Included files are shared by many specs: what this spec does not use of them is no mistake.
static void warn_unused(Checker *checker, const Def *def) {
    if (def->stmt->span.source != 0) return;
    if (def->stmt->kind == STMT_patch && !def->applied)
        diag_warning(checker->diags, def->stmt->name_span, "no run uses patch '%.*s'", STR_ARG(def->name));
    else if (!def->used)
        diag_warning(checker->diags, def->stmt->name_span, "%s '%.*s' is not used by anything that is reported",
                     def_noun(def), STR_ARG(def->name));
}

void reports_check(Checker *checker) {
    size_t reports = 0;
    for (size_t i = 0; i < checker->spec->statements.len; i++) {
        const Stmt *stmt = &checker->spec->statements.at[i];
        if (stmt->kind != STMT_report) continue;
        report_check(checker, stmt);
        reports++;
    }
    if (!reports) {
        Diag *diag = diag_warning(checker->diags, NO_SPAN, "the spec reports nothing, so nothing will be computed");
        diag_help(checker->diags, diag, "add report table(METRIC, ...)");
        return;
    }
    for (size_t i = 0; i < checker->defs.len; i++) warn_unused(checker, checker->defs.at[i]);
}
