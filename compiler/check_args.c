// check_args.c: values that are known when checking: numbers, flags, names, arguments of calls.
#include <math.h>

#include "compiler/checker.h"

// ---- Sweeps stand for their values

static const Ast *picked_value(const Scope *scope, const Ast *pick) {
    const Def *def = pick->kids.len ? def_named(scope->checker, pick->kids.at[0]->text) : NULL;
    if (!scope->values || !def || def->stmt->kind != STMT_sweep || def->index >= MOST_AXES) return NULL;
    size_t thing = 1 + (size_t)scope->values[def->index];
    return thing < pick->kids.len ? pick->kids.at[thing] : NULL;
}

const Ast *ast_value(const Scope *scope, const Ast *ast) {
    for (int i = 0; i < MOST_AXES; i++) { // a value may name another sweep; a ring of them ends here
        const Ast *picked = is_pick(ast) ? picked_value(scope, ast) : NULL;
        if (picked) ast = picked;
        if (picked) continue;
        const Def *def = ast->kind == AST_name ? def_named(scope->checker, ast->text) : NULL;
        if (!def || def->stmt->kind != STMT_sweep || def->index >= MOST_AXES) return ast;
        const Axis *axis = &scope->checker->exp->axes.at[def->index];
        if (!axis->structural || !scope->values || !axis->count) return ast;
        ast = axis->values[scope->values[def->index]];
    }
    return ast;
}

// The first sweep that an expression names, so that an error can tell its value.
static const Ast *swept_name(const Scope *scope, const Ast *ast) {
    if (ast->kind == AST_name && ast_value(scope, ast) != ast) return ast;
    for (size_t i = 0; i < ast->kids.len; i++) {
        const Ast *found = swept_name(scope, ast->kids.at[i]);
        if (found) return found;
    }
    return NULL;
}

Diag *scope_error(const Scope *scope, const Ast *ast, const char *format, ...) {
    Diags *diags = scope->checker->diags;
    Text message = text_open(diags->arena);
    va_list args;
    va_start(args, format);
    text_add_list(&message, format, args);
    va_end(args);
    Diag *diag = diag_error(diags, ast->span, "%s", message.at);
    const Ast *swept = swept_name(scope, ast);
    if (swept) {
        const Ast *value = ast_value(scope, swept);
        Text text = text_open(diags->arena);
        ast_write(value, &text);
        diag_also(diags, diag, value->span, "%.*s is %s here", STR_ARG(swept->text), text.at);
    }
    return diag;
}

// ---- Numbers

static bool arithmetic_value(const Scope *scope, const Ast *ast, double *out) {
    double a, b;
    if (!number_value(scope, ast->kids.at[0], &a)) return false;
    if (ast->kind == AST_negate) {
        *out = -a;
        return true;
    }
    if (!number_value(scope, ast->kids.at[1], &b)) return false;
    if (ast->kind == AST_div && b == 0) {
        scope_error(scope, ast, "division by zero");
        return false;
    }
    *out = ast->kind == AST_add ? a + b : ast->kind == AST_sub ? a - b : ast->kind == AST_mul ? a * b : a / b;
    return true;
}

bool number_value(const Scope *scope, const Ast *ast, double *out) {
    const Ast *value = ast_value(scope, ast);
    if (value->kind == AST_number) {
        *out = value->number;
        return true;
    }
    if (value->kind == AST_negate || (value->kind >= AST_add && value->kind <= AST_div))
        return arithmetic_value(scope, value, out);
    if (value->kind == AST_name && !axis_named(scope->checker, value->text))
        unknown_name(scope->checker, value, "a number");
    else
        scope_error(scope, ast, "expected a number");
    return false;
}

bool whole_value(const Scope *scope, const Ast *ast, const char *what, int64_t *out) {
    double x;
    if (!number_value(scope, ast, &x)) return false;
    if (x != floor(x) || fabs(x) > 1e15) {
        scope_error(scope, ast, "%s must be a whole number", what);
        return false;
    }
    *out = (int64_t)x;
    return true;
}

// ---- Names

Def *def_value(const Scope *scope, const Ast *ast, StmtKind kind) {
    const Ast *value = ast_value(scope, ast);
    const char *noun = stmt_info[kind].noun;
    Def *def = value->kind == AST_name ? def_named(scope->checker, value->text) : NULL;
    if (def && def->stmt->kind == kind) return def;
    if (def) {
        Diag *diag = scope_error(scope, ast, "'%.*s' is %s, expected %s", STR_ARG(def->name), def_noun(def), noun);
        diag_also(scope->checker->diags, diag, def->stmt->name_span, "defined here");
    } else if (value->kind == AST_name) {
        unknown_name(scope->checker, value, noun);
    } else {
        scope_error(scope, ast, "expected the name of %s", noun);
    }
    return NULL;
}

bool row_named(const Scope *scope, const Ast *call, const Signature *rows, size_t count, const char *what,
               uint32_t *row) {
    Diags *diags = scope->checker->diags;
    StrList names = {0};
    bool callable = call->kind == AST_call || call->kind == AST_name;
    for (uint32_t i = 0; i < count; i++) {
        if (callable && str_is(call->text, rows[i].name)) {
            *row = i;
            return true;
        }
        list_push(diags->arena, &names, str_of(rows[i].name));
    }
    if (!callable) {
        scope_error(scope, call, "expected a %s", what);
        return false;
    }
    Span name = {call->span.source, call->span.begin, call->span.begin + (uint32_t)call->text.len};
    Diag *diag = diag_error(diags, name, "there is no %s '%.*s'", what, STR_ARG(call->text));
    diag_suggest(diags, diag, call->text, &names, 12);
    return false;
}

// ---- Arguments: one function a type of param.def

typedef bool ArgCheck(const Scope *scope, const Ast *ast, Arg *out);

static bool arg_text(const Scope *scope, const Ast *ast, Arg *out) {
    const Ast *value = ast_value(scope, ast);
    out->text = value->text;
    if (value->kind == AST_string) return true;
    Diag *diag = scope_error(scope, ast, "expected a text in quotes");
    if (value->kind == AST_name) diag_help(scope->checker->diags, diag, "write \"%.*s\"", STR_ARG(value->text));
    return false;
}

static bool arg_number(const Scope *scope, const Ast *ast, Arg *out) {
    return number_value(scope, ast, &out->number);
}

static bool whole_from(const Scope *scope, const Ast *ast, const char *what, int least, int64_t most, int64_t *out) {
    if (!whole_value(scope, ast, what, out)) return false;
    if (*out >= least && *out <= most) return true;
    scope_error(scope, ast, "%lld is out of range: expected a whole number from %d on", (long long)*out, least);
    return false;
}

static bool arg_count(const Scope *scope, const Ast *ast, Arg *out) {
    int64_t n = 0;
    bool ok = whole_from(scope, ast, "a count", 1, UINT32_MAX, &n);
    out->count = (uint32_t)n;
    return ok;
}

// A number, or a list of numbers: strengths, so all of them above 0.
static bool arg_numbers(const Scope *scope, const Ast *ast, Arg *out) {
    const Ast *value = ast_value(scope, ast);
    bool list = value->kind == AST_list;
    size_t count = list ? value->kids.len : 1;
    if (!count || count > MOST_LAMBDAS) {
        scope_error(scope, ast, "a list of %zu numbers: expected 1 to %d", count, MOST_LAMBDAS);
        return false;
    }
    double *numbers = arena_many(scope->checker->arena, double, count);
    for (size_t i = 0; i < count; i++) {
        const Ast *item = list ? value->kids.at[i] : ast;
        if (!number_value(scope, item, &numbers[i])) return false;
        if (numbers[i] > 0 && isfinite(numbers[i])) continue;
        scope_error(scope, item, "%.*s is %g: expected a number above 0", STR_ARG(out->param->name), numbers[i]);
        return false;
    }
    out->numbers = numbers;
    out->count = (uint32_t)count;
    return true;
}

static bool arg_whole(const Scope *scope, const Ast *ast, Arg *out) {
    int64_t n = 0;
    bool ok = whole_from(scope, ast, "this", 0, UINT32_MAX, &n);
    out->count = (uint32_t)n;
    return ok;
}

static bool arg_seed(const Scope *scope, const Ast *ast, Arg *out) {
    int64_t n = 0;
    bool ok = whole_from(scope, ast, "a seed", 0, INT64_MAX, &n);
    out->seed = (uint64_t)n;
    return ok;
}

static bool arg_word(const Scope *scope, const Ast *ast, Arg *out) {
    const Ast *value = ast_value(scope, ast);
    Diags *diags = scope->checker->diags;
    StrList words = {0};
    for (Str rest = out->param->words; rest.len;) {
        Str word = signature_part(&rest, '|');
        out->choice = (uint32_t)words.len;
        if (value->kind == AST_name && str_eq(value->text, word)) return true;
        list_push(diags->arena, &words, word);
    }
    Text text = text_open(diags->arena);
    ast_write(value, &text);
    Diag *diag = scope_error(scope, ast, "%.*s cannot be %s", STR_ARG(out->param->name), text.at);
    diag_suggest(diags, diag, value->kind == AST_name ? value->text : STR(""), &words, 8);
    return false;
}

static bool arg_rank(const Scope *scope, const Ast *ast, Arg *out) {
    const Ast *value = ast_value(scope, ast);
    if (value->kind == AST_name && str_is(value->text, "full")) return true;
    return arg_count(scope, ast, out);
}

static bool arg_flag(const Scope *scope, const Ast *ast, Arg *out) {
    const Ast *value = ast_value(scope, ast);
    bool name = value->kind == AST_name;
    out->flag = name && str_is(value->text, "true");
    if (out->flag || (name && str_is(value->text, "false"))) return true;
    scope_error(scope, ast, "expected true or false");
    return false;
}

static bool arg_prompts(const Scope *scope, const Ast *ast, Arg *out) {
    Def *def = def_value(scope, ast, STMT_prompts);
    if (def) out->prompts = def->index;
    return def;
}

static bool arg_positions(const Scope *scope, const Ast *ast, Arg *out) {
    return positions_check(scope, ast, &out->positions);
}

static bool arg_run(const Scope *scope, const Ast *ast, Arg *out) {
    Def *def = def_value(scope, ast, STMT_run);
    out->run = def ? run_instance(scope, def) : NULL;
    return out->run;
}

static bool arg_subspace(const Scope *scope, const Ast *ast, Arg *out) {
    Def *def = def_value(scope, ast, STMT_subspace);
    out->basis = def ? basis_instance(scope, def) : NULL;
    return out->basis;
}

static bool arg_mapper(const Scope *scope, const Ast *ast, Arg *out) {
    Def *def = def_value(scope, ast, STMT_mapper);
    out->map = def ? map_instance(scope, def) : NULL;
    return out->map;
}

static bool arg_states(const Scope *scope, const Ast *ast, Arg *out) {
    out->expr = expr_of_type(scope, ast, TYPE_states);
    return out->expr;
}

static bool arg_values(const Scope *scope, const Ast *ast, Arg *out) {
    out->expr = expr_of_type(scope, ast, TYPE_values);
    return out->expr;
}

static bool arg_measure(const Scope *scope, const Ast *ast, Arg *out) {
    out->expr = expr_of_type(scope, ast, TYPE_number);
    return out->expr;
}

// Names are not values of sweeps here: `over: alpha` means the sweep itself.
static Def *def_itself(const Scope *scope, const Ast *ast, const char *noun) {
    Checker *checker = scope->checker;
    Def *def = ast->kind == AST_name ? def_named(checker, ast->text) : NULL;
    if (!def && ast->kind == AST_name) unknown_name(checker, ast, noun);
    if (def || ast->kind == AST_name) return def;
    Diag *diag = diag_error(checker->diags, ast->span, "expected the name of %s", noun);
    if (ast->kind != AST_list && ast->kind != AST_range) diag_help(checker->diags, diag, "define it and name it here");
    return NULL;
}

static bool arg_metric(const Scope *scope, const Ast *ast, Arg *out) {
    Def *def = def_itself(scope, ast, "a metric");
    if (def && def->stmt->kind != STMT_metric)
        diag_error(scope->checker->diags, ast->span, "'%.*s' is %s, expected a metric", STR_ARG(def->name), def_noun(def));
    if (!def || def->stmt->kind != STMT_metric) return false;
    out->text = def->name;
    out->expr = metric_instance(scope, def);
    return out->expr;
}

static bool arg_sweep(const Scope *scope, const Ast *ast, Arg *out) {
    Def *def = def_itself(scope, ast, "a sweep");
    if (def && def->stmt->kind != STMT_sweep)
        diag_error(scope->checker->diags, ast->span, "'%.*s' is %s, expected a sweep", STR_ARG(def->name), def_noun(def));
    if (!def || def->stmt->kind != STMT_sweep) return false;
    out->text = def->name;
    out->count = def->index;
    out->flag = true;
    return def->index < MOST_AXES;
}

static bool arg_column(const Scope *scope, const Ast *ast, Arg *out) {
    const Def *def = ast->kind == AST_name ? def_named(scope->checker, ast->text) : NULL;
    return def && def->stmt->kind == STMT_sweep ? arg_sweep(scope, ast, out) : arg_metric(scope, ast, out);
}

// What it stands for says what it must be (ast_value).
static bool arg_thing(const Scope *scope, const Ast *ast, Arg *out) {
    (void)scope, (void)ast, (void)out;
    return true;
}

// Of a report of controls, whose statements say what they must be (controls.c).
static bool arg_layer(const Scope *scope, const Ast *ast, Arg *out) {
    return arg_thing(scope, ast, out);
}

static bool arg_alpha(const Scope *scope, const Ast *ast, Arg *out) {
    return arg_thing(scope, ast, out);
}

static ArgCheck *const arg_checks[PARAM_TYPES] = {
#define MDX_PARAM(type, words) [PARAM_##type] = arg_##type,
#include "compiler/param.def"
};

// What the table writes as a default: a word, a number, or a list of numbers.
static Ast *default_ast(Arena *arena, Str text, Span span) {
    AstList items = {0};
    if (text.at[0] == '[') {
        for (Str rest = str_part(text, 1, text.len - 1); rest.len;)
            list_push(arena, &items, default_ast(arena, signature_part(&rest, ','), span));
        return ast_node(arena, AST_list, span, STR(""), items);
    }
    bool number = text.at[0] >= '0' && text.at[0] <= '9';
    Ast *ast = ast_leaf(arena, number ? AST_number : AST_name, span, text);
    if (!number) return ast;
    Error err;
    cJSON *json = json_parse("default", text, &err);
    MUST(json);
    ast->number = json->valuedouble;
    cJSON_Delete(json);
    return ast;
}

// The default of a param, as the table writes it.
static bool arg_default(const Scope *scope, const Param *param, const Ast *call, Arg *out) {
    if (!param->otherwise.len) return true;
    return arg_checks[param->type](scope, default_ast(scope->checker->arena, param->otherwise, call->span), out);
}

// The arguments that say on which prompts come first: the states of the others are read there.
static bool check_some(const Scope *scope, const Signature *signature, const Ast *call, const Ast *const given[MOST_PARAMS],
                       bool prompts, Arg out[MOST_PARAMS]) {
    bool ok = true;
    for (size_t i = 0; i < signature->count; i++) {
        const Param *param = &signature->params[i];
        if ((param->type == PARAM_prompts) != prompts) continue;
        out[i].param = param;
        out[i].given = given[i];
        out[i].span = given[i] ? given[i]->span : call->span;
        ok &= given[i] ? arg_checks[param->type](scope, given[i], &out[i]) : arg_default(scope, param, call, &out[i]);
    }
    return ok;
}

bool args_check(const Scope *scope, const Signature *signature, const Ast *call, Arg out[MOST_PARAMS]) {
    const Ast *given[MOST_PARAMS];
    memset(out, 0, MOST_PARAMS * sizeof *out);
    bool ok = signature_match(signature, call, scope->checker->diags, given);
    Scope inner = *scope;
    if (!check_some(scope, signature, call, given, true, out)) return false; // states would only repeat the complaint
    for (size_t i = 0; i < signature->count; i++) {
        const Param *param = &signature->params[i];
        if (param->type != PARAM_prompts) continue;
        if (param->required && !given[i]) return false;
        if (given[i]) inner.prompts = out[i].prompts;
    }
    return check_some(&inner, signature, call, given, false, out) && ok;
}
