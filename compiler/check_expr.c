// check_expr.c: expressions with their types: numbers, one value a prompt, states.
#include "compiler/checker.h"

const char *const type_words[] = {
    [TYPE_number] = "a number",
    [TYPE_values] = "one value a prompt",
    [TYPE_states] = "states",
    [TYPE_interval] = "a number with its interval",
    [TYPE_choice] = "a number that is found in others",
};

static Expr *expr_new(const Scope *scope, ExprKind kind, Type type, Span span) {
    Expr *expr = arena_new(scope->checker->arena, Expr);
    *expr = (Expr){.kind = kind, .type = type, .span = span, .point = -1, .prompts = NO_PROMPTS};
    return expr;
}

Expr *expr_of_type(const Scope *scope, const Ast *ast, Type type) {
    Expr *expr = expr_check(scope, ast);
    if (!expr || expr->type == type) return expr;
    Diag *diag = scope_error(scope, ast, "expected %s, this is %s", type_words[type], type_words[expr->type]);
    if (type == TYPE_number && expr->type == TYPE_values)
        diag_help(scope->checker->diags, diag, "reduce it over the prompts: mean(...)");
    return NULL;
}

// ---- Names

static Expr *axis_expr(const Scope *scope, const Ast *ast, const Def *def) {
    if (def->index >= MOST_AXES) return NULL;
    const Axis *axis = &scope->checker->exp->axes.at[def->index];
    const Ast *value = ast_value(scope, ast);
    if (!axis->numeric && value != ast && (value->kind == AST_number || value->kind == AST_call)) return expr_of_type(scope, value, TYPE_number);
    if (!axis->numeric) {
        Diag *diag = scope_error(scope, ast, "sweep %.*s has values that are no numbers", STR_ARG(axis->name));
        diag_also(scope->checker->diags, diag, axis->span, "defined here");
        return NULL;
    }
    Expr *expr = expr_new(scope, EXPR_axis, TYPE_number, ast->span);
    expr->axis = def->index;
    if (axis->structural && scope->values)
        expr->point = (int32_t)scope->values[def->index];
    else
        expr->axes = (AxisSet)1 << def->index;
    return expr;
}

static Expr *it_expr(const Scope *scope, const Ast *ast) {
    if (!scope->it) {
        Diag *diag = scope_error(scope, ast, "'it' is the value that a patch replaces; there is none here");
        diag_help(scope->checker->diags, diag, "read a place of a model or a run, such as base.h");
        return NULL;
    }
    Expr *expr = expr_new(scope, EXPR_it, TYPE_states, ast->span);
    expr->width = scope->it->width;
    expr->each = scope->it->at.each;
    expr->prompts = scope->prompts;
    return expr;
}

static Expr *wrong_noun(const Scope *scope, const Ast *ast, const Def *def) {
    Diag *diag = scope_error(scope, ast, "'%.*s' is %s, which has no value here", STR_ARG(def->name), def_noun(def));
    if (def->stmt->kind == STMT_hook)
        diag_help(scope->checker->diags, diag, "say where it is read: a model or a run, such as base.%.*s",
                  STR_ARG(def->name));
    if (def->stmt->kind == STMT_mapper)
        diag_help(scope->checker->diags, diag, "apply it: %.*s(base.h)", STR_ARG(def->name));
    return NULL;
}

static Expr *name_expr(const Scope *scope, const Ast *ast) {
    if (str_is(ast->text, "it")) return it_expr(scope, ast);
    Def *def = def_named(scope->checker, ast->text);
    if (!def) {
        unknown_name(scope->checker, ast, "");
        return NULL;
    }
    if (def->stmt->kind == STMT_sweep) return axis_expr(scope, ast, def);
    if (def->stmt->kind == STMT_metric) return metric_instance(scope, def);
    return wrong_noun(scope, ast, def);
}

// ---- Reads

static const RunInst *read_from(const Scope *scope, const Ast *ast, const PlaceRead *read) {
    if (read->subject->stmt->kind == STMT_run) {
        const RunInst *run = run_instance(scope, read->subject);
        if (run && scope->prompts != NO_PROMPTS && run->prompts != scope->prompts) {
            const Experiment *exp = scope->checker->exp;
            scope_error(scope, ast, "run '%.*s' is on %.*s, but this is computed on %.*s", STR_ARG(run->name),
                        STR_ARG(exp->prompts.at[run->prompts].name), STR_ARG(exp->prompts.at[scope->prompts].name));
            return NULL;
        }
        return run;
    }
    if (scope->prompts == NO_PROMPTS) {
        Diag *diag = scope_error(scope, ast, "on which prompts is '%.*s' read?", STR_ARG(read->subject->name));
        diag_help(scope->checker->diags, diag, "add the argument on: PROMPTS, or name a run instead of a model");
        return NULL;
    }
    return clean_run(scope, read->subject->index, scope->prompts, ast->span);
}

static Expr *read_expr(const Scope *scope, const Ast *ast) {
    PlaceRead read;
    if (!place_check(scope, ast, -1, &read)) return NULL;
    if (!read.subject) {
        Diag *diag = scope_error(scope, ast, "a place in which model or run?");
        Text text = text_open(scope->checker->arena);
        ast_write(ast, &text);
        diag_help(scope->checker->diags, diag, "write base.%s, with the name of the model or run", text.at);
        return NULL;
    }
    const RunInst *run = read_from(scope, ast, &read);
    if (!run || !read.place.width) return NULL;
    Expr *expr = expr_new(scope, EXPR_read, TYPE_states, ast->span);
    expr->run = run;
    expr->place = read.place;
    expr->width = read.place.width;
    expr->each = read.place.at.each;
    expr->prompts = run->prompts;
    expr->axes = run->axes;
    return expr;
}

// ---- Arithmetic

static bool same_width(const Scope *scope, const Ast *ast, const Expr *a, const Expr *b) {
    if (!a->width || !b->width || a->width == b->width) return true;
    Diag *diag = scope_error(scope, ast->kids.at[1], "the left side has %u values per token, the right side %u",
                             a->width, b->width);
    diag_also(scope->checker->diags, diag, ast->kids.at[0]->span, "the left side");
    return false;
}

static bool same_tokens(const Scope *scope, const Ast *ast, const Expr *a, const Expr *b) {
    if (!a->each || !b->each || a->each == b->each) return true;
    Diag *diag = scope_error(scope, ast->kids.at[1], "the left side has %u token%s a prompt, the right side %u",
                             a->each, a->each == 1 ? "" : "s", b->each);
    diag_also(scope->checker->diags, diag, ast->kids.at[0]->span, "the left side");
    return false;
}

static bool same_shape(const Scope *scope, const Ast *ast, const Expr *a, const Expr *b) {
    return same_width(scope, ast, a, b) && same_tokens(scope, ast, a, b);
}

static bool same_prompts(const Scope *scope, const Ast *ast, const Expr *a, const Expr *b) {
    if (a->prompts == b->prompts) return true;
    const Experiment *exp = scope->checker->exp;
    Diag *diag = scope_error(scope, ast->kids.at[1], "the left side is on %.*s, the right side on %.*s",
                             STR_ARG(exp->prompts.at[a->prompts].name), STR_ARG(exp->prompts.at[b->prompts].name));
    diag_also(scope->checker->diags, diag, ast->kids.at[0]->span, "the left side");
    return false;
}

static ExprKind arithmetic_kind(AstKind kind) {
    static const ExprKind kinds[AST_KINDS] = {
        [AST_negate] = EXPR_negate, [AST_add] = EXPR_add, [AST_sub] = EXPR_sub,
        [AST_mul] = EXPR_mul,       [AST_div] = EXPR_div,
    };
    return kinds[kind];
}

// Intervals and choices are whole metrics.
static bool goes_with_others(const Scope *scope, const Ast *ast, const Expr *expr) {
    if (!expr || (expr->type != TYPE_interval && expr->type != TYPE_choice)) return true;
    bool interval = expr->type == TYPE_interval;
    Diag *diag = scope_error(scope, ast, "nothing is computed with %s", type_words[expr->type]);
    diag_help(scope->checker->diags, diag, interval ? "put the whole formula inside: bootstrap(100 * (a - b) / a)"
                                                    : "define a metric with the formula and let it be given: give: NAME");
    return false;
}

static Expr *arithmetic_expr(const Scope *scope, const Ast *ast) {
    Expr *a = expr_check(scope, ast->kids.at[0]);
    Expr *b = ast->kids.len > 1 ? expr_check(scope, ast->kids.at[1]) : NULL;
    if (!a || (ast->kids.len > 1 && !b)) return NULL;
    if (!goes_with_others(scope, ast->kids.at[0], a) || !goes_with_others(scope, ast->kids.at[ast->kids.len - 1], b)) return NULL;
    const Expr *big = b && b->type > a->type ? b : a;
    if (b && a->type != b->type && a->type != TYPE_number && b->type != TYPE_number) {
        scope_error(scope, ast, "%s and %s do not go together", type_words[a->type], type_words[b->type]);
        return NULL;
    }
    if (b && ast->kind == AST_div && b->type == TYPE_states) {
        scope_error(scope, ast->kids.at[1], "states cannot be divided by");
        return NULL;
    }
    if (b && a->type == b->type && a->type == TYPE_states && !same_shape(scope, ast, a, b)) return NULL;
    if (b && a->type == b->type && a->type != TYPE_number && !same_prompts(scope, ast, a, b)) return NULL;
    Expr *expr = expr_new(scope, arithmetic_kind(ast->kind), big->type, ast->span);
    expr->in[0] = a;
    expr->in[1] = b;
    expr->axes = a->axes | (b ? b->axes : 0);
    expr->width = big->width;
    expr->each = big->each;
    expr->prompts = big->prompts;
    return expr;
}

// ---- Calls

static Expr *map_expr(const Scope *scope, const Ast *ast, Def *def) {
    if (ast->kids.len != 1 || ast->kids.at[0]->label.len) {
        Diag *diag = scope_error(scope, ast, "a mapper is applied to one thing");
        diag_help(scope->checker->diags, diag, "%.*s(base.h)", STR_ARG(def->name));
        return NULL;
    }
    MapInst *map = map_instance(scope, def);
    Expr *x = expr_of_type(scope, ast->kids.at[0], TYPE_states);
    if (!map || !x) return NULL;
    if (map->in_width && x->width && map->in_width != x->width) {
        Diag *diag = scope_error(scope, ast->kids.at[0], "%.*s maps %u values per token, this has %u", STR_ARG(def->name),
                                 map->in_width, x->width);
        diag_also(scope->checker->diags, diag, def->stmt->name_span, "fitted here");
        return NULL;
    }
    Expr *expr = expr_new(scope, EXPR_map, TYPE_states, ast->span);
    expr->map = map;
    expr->in[0] = x;
    expr->axes = x->axes;
    expr->width = map->mapper == MAPPER_identity ? x->width : map->out_width;
    expr->each = x->each;
    expr->prompts = x->prompts;
    return expr;
}

static Expr *project_expr(const Scope *scope, const Ast *ast, uint32_t row) {
    Expr *expr = expr_new(scope, EXPR_project, TYPE_states, ast->span);
    if (!args_check(scope, &state_rows()[row], ast, expr->args)) return NULL;
    const Expr *x = expr->args[1].expr;
    expr->basis = expr->args[0].basis;
    expr->in[0] = expr->args[1].expr;
    if (x->width && expr->basis->width && x->width != expr->basis->width) {
        scope_error(scope, ast, "the subspace has %u dimensions, the states %u values per token", expr->basis->width,
                    x->width);
        return NULL;
    }
    expr->axes = x->axes;
    expr->width = x->width;
    expr->each = x->each;
    expr->prompts = x->prompts;
    return expr;
}

static Expr *reduce_expr(const Scope *scope, const Ast *ast, uint32_t row) {
    Expr *expr = expr_new(scope, EXPR_reduce, TYPE_number, ast->span);
    if (!args_check(scope, &reduction_rows()[row], ast, expr->args)) return NULL;
    expr->row = row;
    expr->in[0] = expr->args[0].expr;
    expr->axes = expr->in[0]->axes;
    if (row == REDUCE_quantile && !(expr->args[1].number >= 0 && expr->args[1].number <= 1)) {
        scope_error(scope, ast, "quantile %g is out of range: expected 0 to 1", expr->args[1].number);
        return NULL;
    }
    return expr;
}

static bool one_vocabulary(const Scope *scope, const Ast *ast, const RunInst *p, const RunInst *q) {
    const Experiment *exp = scope->checker->exp;
    const ModelDef *a = &exp->models.at[p->model], *b = &exp->models.at[q->model];
    if (!a->ok || !b->ok) return false;
    if (a->model.vocab == b->model.vocab) return true;
    Diag *diag = scope_error(scope, ast, "kl needs one vocabulary: %.*s has %u entries, %.*s has %u", STR_ARG(a->name),
                             a->model.vocab, STR_ARG(b->name), b->model.vocab);
    diag_help(scope->checker->diags, diag, "compare two runs of one model, such as a patched run and the clean one");
    return false;
}

// Rules of metrics that their signatures do not say.
static bool metric_rules(const Scope *scope, const Ast *ast, MetricId metric, const Arg *args) {
    if (metric == METRIC_kl) {
        if (args[0].run->prompts != args[1].run->prompts) {
            scope_error(scope, ast, "the two runs are on different prompts: %.*s and %.*s", STR_ARG(args[0].run->name),
                        STR_ARG(args[1].run->name));
            return false;
        }
        return one_vocabulary(scope, ast, args[0].run, args[1].run);
    }
    if (metric == METRIC_margin && args[1].given != args[2].given) {
        Diag *diag = scope_error(scope, ast, "margin needs two tokens or none");
        diag_help(scope->checker->diags, diag, "margin(run, best: \" yes\", other: \" no\"), or margin(run)");
        return false;
    }
    if (metric == METRIC_norm_match && !args[0].map->from) {
        const char *name = mapper_rows()[args[0].map->mapper].name;
        Diag *diag = scope_error(scope, ast, "norm_match compares the norms of train states: %s has none", name);
        if (args[0].map->mapper == MAPPER_identity)
            diag_help(scope->checker->diags, diag, "say which: identity() from base.h to tuned.h on PROMPTS");
        return false;
    }
    bool text = metric == METRIC_logp || metric == METRIC_logp_per_token;
    if ((text && !args[1].text.len) || (metric == METRIC_rank && !args[1].text.len)) {
        scope_error(scope, ast, "the text is empty");
        return false;
    }
    return true;
}

// The shape rules of arithmetic hold for the two states of a metric; CKA compares states of any widths.
static bool metric_states(const Scope *scope, const Ast *ast, MetricId metric, const Expr *x, const Expr *y) {
    Ast pair = *ast;
    pair.kids.len = MIN(pair.kids.len, (size_t)2);
    if (pair.kids.len < 2 || (metric != METRIC_cka && !same_width(scope, &pair, x, y))) return false;
    return same_tokens(scope, &pair, x, y) && same_prompts(scope, &pair, x, y);
}

// The token behind the last of the content is the template's: who predicts it knows that the turn ends, no more.
static void warn_template(const Scope *scope, const Arg *args) {
    const RunInst *run = args[0].run;
    if (!run || !scope->checker->exp->prompts.at[run->prompts].chat) return;
    for (size_t i = 1; i < MOST_PARAMS; i++) {
        if (!args[i].positions.span.end || args[i].positions.word != POSITION_last) continue;
        Diag *diag = diag_warning(scope->checker->diags, args[i].positions.span,
                                  "the next token at `last` is the chat template's, not the model's answer");
        if (diag) diag_help(scope->checker->diags, diag, "the answer begins at `end`; leave `at` out, or say at: end");
    }
}

static Expr *metric_expr(const Scope *scope, const Ast *ast, uint32_t row) {
    Expr *expr = expr_new(scope, EXPR_metric, metric_type[row], ast->span);
    if (!args_check(scope, &metric_rows()[row], ast, expr->args)) return NULL;
    if (!metric_rules(scope, ast, (MetricId)row, expr->args)) return NULL;
    warn_template(scope, expr->args);
    expr->row = row;
    for (size_t i = 0; i < MOST_PARAMS; i++) {
        const Arg *arg = &expr->args[i];
        if (arg->run) expr->axes |= arg->run->axes, expr->prompts = arg->run->prompts;
        if (arg->expr) expr->axes |= arg->expr->axes, expr->prompts = arg->expr->prompts;
    }
    bool two_states = expr->args[0].expr && expr->args[1].expr;
    if (two_states && !metric_states(scope, ast, (MetricId)row, expr->args[0].expr, expr->args[1].expr)) return NULL;
    return expr;
}

// The prompts on which all of an expression is measured; NO_PROMPTS stays when nothing is.
static bool measured_on(const Scope *scope, const Ast *ast, const Expr *expr, uint32_t *prompts) {
    const Expr *measured = expr->kind == EXPR_reduce ? expr->in[0] : expr->kind == EXPR_metric ? expr : NULL;
    if (measured && measured->prompts == NO_PROMPTS) return true; // of a map, on what it was fitted
    if (!measured) {
        for (size_t i = 0; i < COUNT(expr->in); i++)
            if (expr->in[i] && !measured_on(scope, ast, expr->in[i], prompts)) return false;
        return true;
    }
    if (*prompts == NO_PROMPTS) *prompts = measured->prompts;
    if (*prompts == measured->prompts) return true;
    const Experiment *exp = scope->checker->exp;
    scope_error(scope, ast, "one set of prompts is drawn from, this is measured on %.*s and on %.*s",
                STR_ARG(exp->prompts.at[*prompts].name), STR_ARG(exp->prompts.at[measured->prompts].name));
    return false;
}

enum { MOST_DRAWS = 100000, MOST_DRAWN = 1000 };

static Expr *pair_expr(const Scope *scope, ExprKind kind, Expr *a, Expr *b) {
    Expr *expr = expr_new(scope, kind, TYPE_number, b->span);
    expr->in[0] = a;
    expr->in[1] = b;
    expr->axes = a->axes | b->axes;
    return expr;
}

// The number at one value of the sweep, times the share of that value.
static Expr *shared_expr(const Scope *scope, const Ast *x, uint32_t axis, uint32_t value) {
    uint32_t values[MOST_AXES];
    Scope inner = *scope;
    memcpy(values, scope->values, sizeof values);
    values[axis] = value;
    inner.values = values;
    Expr *at = expr_of_type(&inner, x, TYPE_number);
    if (!at) return NULL;
    Expr *share = expr_new(scope, EXPR_share, TYPE_number, x->span);
    share->axis = axis;
    share->point = (int32_t)value;
    return pair_expr(scope, EXPR_mul, share, at);
}

// Those of values first … last - 1, added up by halves: no deeper than it must be.
static Expr *shares_expr(const Scope *scope, const Ast *x, uint32_t axis, uint32_t first, uint32_t last) {
    if (last - first == 1) return shared_expr(scope, x, axis, first);
    uint32_t middle = first + (last - first) / 2;
    Expr *a = shares_expr(scope, x, axis, first, middle), *b = a ? shares_expr(scope, x, axis, middle, last) : NULL;
    return b ? pair_expr(scope, EXPR_add, a, b) : NULL;
}

static AxisSet ast_axes(const Checker *checker, const Ast *ast) {
    const Def *def = ast_definition(checker, ast);
    AxisSet axes = def ? def->axes : 0;
    for (size_t i = 0; i < ast->kids.len; i++) axes |= ast_axes(checker, ast->kids.at[i]);
    return axes;
}

// bootstrap(x, over: seed): the mean over the values of a sweep, of which a draw has some more often, some never.
static bool interval_over(const Scope *scope, const Ast *ast, uint32_t row, Expr *expr) {
    Diags *diags = scope->checker->diags;
    const Arg *over = &expr->args[4];
    const Ast *given[MOST_PARAMS];
    if (!over->given) {
        if (!expr->args[5].given) return true;
        diag_error(diags, expr->args[5].span, "what is drawn beside prompts? 'draw' belongs to 'over'");
        return false;
    }
    if (!signature_match(&interval_rows()[row], ast, diags, given)) return false;
    uint32_t count = (uint32_t)scope->checker->exp->axes.at[over->count].count;
    if (!(ast_axes(scope->checker, given[0]) >> over->count & 1)) {
        diag_error(diags, over->span, "this does not vary with '%.*s'", STR_ARG(over->text));
        return false;
    }
    if (count < 2 || count > MOST_DRAWN) {
        diag_error(diags, over->span, "'%.*s' has %u value%s to draw from: expected 2 to %d", STR_ARG(over->text), count, count == 1 ? "" : "s", MOST_DRAWN);
        return false;
    }
    expr->in[0] = shares_expr(scope, given[0], over->count, 0, count);
    return expr->in[0];
}

static Expr *interval_expr(const Scope *scope, const Ast *ast, uint32_t row) {
    Expr *expr = expr_new(scope, EXPR_interval, TYPE_interval, ast->span);
    if (!args_check(scope, &interval_rows()[row], ast, expr->args)) return NULL;
    expr->row = row;
    expr->in[0] = expr->args[0].expr;
    if (!interval_over(scope, ast, row, expr)) return NULL;
    expr->axes = expr->in[0]->axes;
    if (!measured_on(scope, ast, expr->in[0], &expr->prompts)) return NULL;
    if (expr->prompts == NO_PROMPTS) {
        Diag *diag = scope_error(scope, ast, "nothing in this is measured on prompts");
        diag_help(scope->checker->diags, diag, "bootstrap(mean(kl(with_patch, clean)))");
        return NULL;
    }
    if (expr->args[1].count <= MOST_DRAWS) return expr;
    scope_error(scope, ast, "n is %u: expected at most %d", expr->args[1].count, MOST_DRAWS);
    return NULL;
}

// A metric among which is chosen, or that is given, is a number.
static bool chosen_number(const Scope *scope, const Arg *arg) {
    if (!arg->expr || (arg->expr->type != TYPE_values && arg->expr->type != TYPE_states)) return true;
    Diag *diag = diag_error(scope->checker->diags, arg->span, "expected a number, '%.*s' is %s", STR_ARG(arg->text),
                            type_words[arg->expr->type]);
    if (arg->expr->type == TYPE_values) diag_help(scope->checker->diags, diag, "reduce it over the prompts: mean(...)");
    return false;
}

static Expr *choice_expr(const Scope *scope, const Ast *ast, uint32_t row) {
    Diags *diags = scope->checker->diags;
    Expr *expr = expr_new(scope, EXPR_choice, TYPE_choice, ast->span);
    if (!args_check(scope, &choice_rows()[row], ast, expr->args)) return NULL;
    const Arg *x = &expr->args[0], *over = &expr->args[1], *give = &expr->args[2];
    if (!chosen_number(scope, x) || !chosen_number(scope, give)) return NULL;
    expr->row = row;
    if (over->param && !(def_named(scope->checker, x->text)->axes >> over->count & 1)) {
        diag_error(diags, over->span, "'%.*s' does not vary with '%.*s'", STR_ARG(x->text), STR_ARG(over->text));
        return NULL;
    }
    if (give->flag && give->count != over->count) {
        diag_error(diags, give->span, "the choice is over '%.*s', it has no '%.*s' to give", STR_ARG(over->text), STR_ARG(give->text));
        return NULL;
    }
    if (!give->flag || scope->checker->exp->axes.at[give->count].numeric) return expr;
    diag_error(diags, give->span, "sweep %.*s has values that are no numbers", STR_ARG(give->text));
    return NULL;
}

static Expr *unknown_function(const Scope *scope, const Ast *ast) {
    Checker *checker = scope->checker;
    StrList names = {0};
    for (size_t t = 0; t < FUNCTION_TABLES; t++)
        for (size_t i = 0; i < *function_tables[t].count; i++)
            list_push(checker->arena, &names, str_of(function_tables[t].rows()[i].name));
    for (size_t i = 0; i < checker->defs.len; i++)
        if (checker->defs.at[i]->stmt->kind == STMT_mapper) list_push(checker->arena, &names, checker->defs.at[i]->name);
    Span name = {ast->span.source, ast->span.begin, ast->span.begin + (uint32_t)ast->text.len};
    Diag *diag = diag_error(checker->diags, name, "there is no function or mapper '%.*s'", STR_ARG(ast->text));
    diag_suggest(checker->diags, diag, ast->text, &names, 0);
    return NULL;
}

// What is wrong with it was said by picks_check.
static Expr *unpicked_expr(const Scope *scope, const Ast *ast, uint32_t row) {
    (void)scope, (void)ast, (void)row;
    return NULL;
}

static Expr *call_expr(const Scope *scope, const Ast *ast) {
    Def *def = def_named(scope->checker, ast->text);
    if (def && def->stmt->kind == STMT_mapper) return map_expr(scope, ast, def);
    if (ast_definition(scope->checker, ast)) {
        const Ast name = {.kind = AST_name,
                          .span = {ast->span.source, ast->span.begin, ast->span.begin + (uint32_t)ast->text.len},
                          .text = ast->text};
        def = def_value(scope, &name, STMT_mapper);
        return def ? map_expr(scope, ast, def) : NULL;
    }
    static Expr *(*const checks[FUNCTION_TABLES])(const Scope *, const Ast *, uint32_t row) = {
        [FUNCTION_metric] = metric_expr,
        [FUNCTION_reduction] = reduce_expr,
        [FUNCTION_interval] = interval_expr,
        [FUNCTION_choice] = choice_expr,
        [FUNCTION_state] = project_expr,
        [FUNCTION_value] = unpicked_expr,
    };
    for (size_t t = 0; t < FUNCTION_TABLES; t++)
        for (uint32_t i = 0; i < *function_tables[t].count; i++)
            if (str_is(ast->text, function_tables[t].rows()[i].name)) return checks[t](scope, ast, i);
    return unknown_function(scope, ast);
}

Expr *expr_check(const Scope *scope, const Ast *ast) {
    if (is_pick(ast)) {
        const Ast *picked = ast_value(scope, ast);
        if (picked != ast) return expr_check(scope, picked);
    }
    if (is_place(scope, ast)) return read_expr(scope, ast);
    switch (ast->kind) {
    case AST_name: return name_expr(scope, ast);
    case AST_number: {
        Expr *expr = expr_new(scope, EXPR_number, TYPE_number, ast->span);
        expr->number = ast->number;
        return expr;
    }
    case AST_call: return call_expr(scope, ast);
    case AST_negate:
    case AST_add:
    case AST_sub:
    case AST_mul:
    case AST_div: return arithmetic_expr(scope, ast);
    case AST_string:
    case AST_list:
    case AST_range:
    case AST_member:
    case AST_index:
    case AST_at:
    case AST_KINDS: break;
    }
    scope_error(scope, ast, "this has no value here");
    return NULL;
}
