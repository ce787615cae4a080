// check_axes.c: sweep statements, and which axes choose (structural) and which only stand as numbers.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/checker.h"

enum { MOST_VALUES = 100000 };

const Axis *axis_named(const Checker *checker, Str name) {
    const Def *def = def_named(checker, name);
    return def && def->stmt->kind == STMT_sweep ? &checker->exp->axes.at[def->index] : NULL;
}

// ---- Values

typedef LIST(const Ast *) Values;

static bool constant(Checker *checker, const Ast *ast, double *out) {
    Scope scope = {.checker = checker, .prompts = NO_PROMPTS};
    return number_value(&scope, ast, out);
}

static void push_number(Checker *checker, Values *values, double x, Span span) {
    Text text = text_open(checker->arena);
    text_number(&text, x);
    Ast *ast = ast_leaf(checker->arena, AST_number, span, text_view(&text));
    ast->number = x;
    list_push(checker->arena, values, ast);
}

// As short as it is written: 0.2 + 2 * 0.2 is 0.6.
static double rounded(double x) {
    char digits[32];
    snprintf(digits, sizeof digits, "%.15g", x);
    return strtod(digits, NULL);
}

// first..last step by: both ends are values. The count is rounded so that 0.1..0.5 step 0.1 has five.
static void push_range(Checker *checker, Values *values, const Ast *range) {
    double first, last, step = 1;
    if (!constant(checker, range->kids.at[0], &first) || !constant(checker, range->kids.at[1], &last)) return;
    if (range->kids.len > 2 && !constant(checker, range->kids.at[2], &step)) return;
    if (!(step > 0)) {
        diag_error(checker->diags, range->kids.at[range->kids.len - 1]->span, "the step of a range must be above 0");
        return;
    }
    double steps = floor((last - first) / step + 1e-9);
    if (!(steps < MOST_VALUES)) {
        diag_error(checker->diags, range->span, "this range has more than %d values", MOST_VALUES);
        return;
    }
    for (double i = 0; i <= steps; i++) push_number(checker, values, i > 0 ? rounded(first + i * step) : first, range->span);
}

static bool is_arithmetic(const Ast *ast) {
    return ast->kind == AST_negate || (ast->kind >= AST_add && ast->kind <= AST_div);
}

static void push_value(Checker *checker, Values *values, const Ast *ast) {
    double x;
    if (ast->kind == AST_range)
        push_range(checker, values, ast);
    else if (!is_arithmetic(ast))
        list_push(checker->arena, values, ast);
    else if (constant(checker, ast, &x))
        push_number(checker, values, x, ast->span);
}

static Str written(Arena *arena, const Ast *ast) {
    Text text = text_open(arena);
    ast_write(ast, &text);
    return text_view(&text);
}

static void find_repeats(Checker *checker, const Stmt *stmt, const Values *values) {
    StrMap seen = strmap_open(checker->arena, values->len);
    for (size_t i = 0; i < values->len; i++) {
        const Ast *ast = values->at[i];
        Str key = written(checker->arena, ast);
        if (ast->kind == AST_number) {
            Text number = text_open(checker->arena);
            text_number(&number, ast->number);
            key = text_view(&number);
        }
        uint32_t before;
        if (strmap_get(&seen, key, &before)) {
            Diag *diag = diag_error(checker->diags, ast->span, "sweep %.*s has the value %.*s twice", STR_ARG(stmt->name),
                                    STR_ARG(key));
            diag_also(checker->diags, diag, values->at[before]->span, "first here");
        }
        strmap_put(&seen, key, (uint32_t)i);
    }
}

static Axis axis_read(Checker *checker, const Stmt *stmt) {
    Axis axis = {.name = stmt->name, .span = stmt->name_span, .numeric = true};
    Values values = {0};
    size_t errors = checker->diags->errors;
    if (stmt->value->kind == AST_list) {
        for (size_t i = 0; i < stmt->value->kids.len; i++) push_value(checker, &values, stmt->value->kids.at[i]);
    } else if (stmt->value->kind == AST_range) {
        push_value(checker, &values, stmt->value);
    } else {
        Diag *diag = diag_error(checker->diags, stmt->value->span, "a sweep needs a list or a range");
        diag_help(checker->diags, diag, "write [0.3, 0.5] or 0..31 or 0..31 step 2");
        push_value(checker, &values, stmt->value);
    }
    if (!values.len && checker->diags->errors == errors)
        diag_error(checker->diags, stmt->value->span, "sweep %.*s has no values", STR_ARG(stmt->name));
    find_repeats(checker, stmt, &values);
    axis.count = values.len;
    axis.values = values.at;
    axis.numbers = arena_many(checker->arena, double, values.len);
    for (size_t i = 0; i < values.len; i++) {
        axis.numeric &= values.at[i]->kind == AST_number;
        axis.numbers[i] = values.at[i]->number;
    }
    return axis;
}

void axes_read(Checker *checker) {
    for (size_t i = 0; i < checker->defs.len; i++) {
        Def *def = checker->defs.at[i];
        if (def->stmt->kind != STMT_sweep) continue;
        def->index = (uint32_t)checker->exp->axes.len;
        if (def->index == MOST_AXES)
            diag_error(checker->diags, def->stmt->name_span, "a spec has at most %d sweeps", MOST_AXES);
        if (def->index >= MOST_AXES) continue;
        list_push(checker->arena, &checker->exp->axes, axis_read(checker, def->stmt));
    }
}

// ---- In step with a sweep

bool is_pick(const Ast *ast) {
    return ast->kind == AST_call && str_is(ast->text, value_rows()[0].name);
}

static void pick_check(Checker *checker, const Ast *pick) {
    const Ast *given[MOST_PARAMS];
    if (!signature_match(&value_rows()[0], pick, checker->diags, given)) return;
    const Def *def = given[0]->kind == AST_name ? def_named(checker, given[0]->text) : NULL;
    if (!def || def->stmt->kind != STMT_sweep) {
        Diag *diag = diag_error(checker->diags, given[0]->span, "pick goes in step with a sweep: expected its name");
        if (def) diag_also(checker->diags, diag, def->stmt->name_span, "this is %s", def_noun(def));
        return;
    }
    size_t things = pick->kids.len - 1, values = def->index < MOST_AXES ? checker->exp->axes.at[def->index].count : things;
    if (things == values) return;
    Diag *diag = diag_error(checker->diags, pick->span, "%zu thing%s to pick from, sweep '%.*s' has %zu values", things, things == 1 ? "" : "s",
                            STR_ARG(def->name), values);
    diag_also(checker->diags, diag, def->stmt->name_span, "defined here");
}

static void picks_in(Checker *checker, const Ast *ast) {
    if (!ast) return;
    if (is_pick(ast)) pick_check(checker, ast);
    for (size_t i = 0; i < ast->kids.len; i++) picks_in(checker, ast->kids.at[i]);
}

void picks_check(Checker *checker) {
    for (size_t i = 0; i < checker->defs.len; i++) {
        const Stmt *stmt = checker->defs.at[i]->stmt;
        const Ast *parts[] = {stmt->target, stmt->value, stmt->from, stmt->to, stmt->on, stmt->inside};
        for (size_t k = 0; k < COUNT(parts); k++) picks_in(checker, parts[k]);
    }
}

// ---- Structural or not

static void choose_in(Checker *checker, const Ast *ast);
static void make_structural(Checker *checker, const Ast *ast);

static const Signature *called(Str name) {
    for (size_t i = 0; i < report_count; i++)
        if (str_is(name, report_rows()[i].name)) return &report_rows()[i];
    return function_named(name);
}

static bool takes_expression(const Signature *function, const Ast *call, size_t i) {
    if (!function) return true; // a mapper
    const Param *param = signature_param(function, call, i);
    if (!param) return false;
    ParamType type = param->type;
    return type == PARAM_states || type == PARAM_values || type == PARAM_measure || type == PARAM_metric || type == PARAM_sweep || type == PARAM_column || type == PARAM_thing || type == PARAM_alpha;
}

// Walks an expression whose sweeps stand as numbers; whatever else names a sweep chooses by it.
static void number_in(Checker *checker, const Ast *ast) {
    if (ast->kind == AST_name) return;
    if (is_arithmetic(ast)) {
        for (size_t i = 0; i < ast->kids.len; i++) number_in(checker, ast->kids.at[i]);
    } else if (is_pick(ast)) {
        for (size_t i = 0; i < ast->kids.len; i++) (i ? number_in : choose_in)(checker, ast->kids.at[i]);
    } else if (ast->kind == AST_call) {
        const Signature *function = called(ast->text);
        make_structural(checker, ast); // a sweep of mappers
        for (size_t i = 0; i < ast->kids.len; i++)
            (takes_expression(function, ast, i) ? number_in : choose_in)(checker, ast->kids.at[i]);
    } else {
        choose_in(checker, ast);
    }
}

static void make_structural(Checker *checker, const Ast *ast) {
    const Def *def = ast_definition(checker, ast);
    if (def && def->stmt->kind == STMT_sweep && def->index < MOST_AXES)
        checker->exp->axes.at[def->index].structural = true;
}

static void choose_in(Checker *checker, const Ast *ast) {
    if (!ast) return;
    make_structural(checker, ast);
    for (size_t i = 0; i < ast->kids.len; i++) choose_in(checker, ast->kids.at[i]);
}

static void classify_def(Checker *checker, const Def *def) {
    const Stmt *stmt = def->stmt;
    bool formula = stmt->kind == STMT_patch || stmt->kind == STMT_metric || stmt->kind == STMT_report;
    if (formula)
        number_in(checker, stmt->value);
    else if (stmt->kind != STMT_sweep)
        choose_in(checker, stmt->value);
    const Ast *parts[] = {stmt->target, stmt->from, stmt->to, stmt->on, stmt->inside, stmt->per};
    for (size_t i = 0; i < COUNT(parts); i++) choose_in(checker, parts[i]);
    for (size_t i = 0; i < stmt->with.len; i++) choose_in(checker, stmt->with.at[i]);
    const Def *over = interval_sweep(checker, stmt);
    if (over) checker->exp->axes.at[over->index].structural = true; // one number each is drawn from
}

// A fit is made once for each point that reaches it, so every axis that reaches one is structural.
void axes_classify(Checker *checker) {
    Experiment *exp = checker->exp;
    AxisSet fits = 0;
    for (size_t i = 0; i < checker->defs.len; i++) {
        const Def *def = checker->defs.at[i];
        classify_def(checker, def);
        if (def->stmt->kind == STMT_mapper || def->stmt->kind == STMT_subspace) fits |= def->axes;
    }
    for (size_t a = 0; a < exp->axes.len; a++)
        if (!exp->axes.at[a].numeric || (fits >> a & 1)) exp->axes.at[a].structural = true;
}
