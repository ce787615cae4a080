// check_def.c: definitions at the points of the sweeps that reach them: models, prompts, runs, maps, metrics.
#include "compiler/checker.h"
#include "mdx/file.h"

// ---- Models and prompts: no sweep reaches what they say

Str def_path(Checker *checker, const Stmt *stmt, Str path) {
    return path_beside(checker->arena, checker->spec->sources.at[stmt->span.source].name, path);
}

static const Signature *source_of(Checker *checker, const Def *def, Arg args[MOST_PARAMS]) {
    Scope scope = {.checker = checker, .prompts = NO_PROMPTS};
    Signature rows[8] = {0};
    size_t count = 0;
    for (size_t i = 0; i < source_count; i++)
        if (source_kind[i] == def->stmt->kind) rows[count++] = source_rows()[i];
    uint32_t row;
    if (!row_named(&scope, def->stmt->value, rows, count, def->stmt->kind == STMT_model ? "source of models" : "source of prompts", &row)) return NULL;
    for (size_t i = 0; i < source_count; i++)
        if (source_rows()[i].name == rows[row].name && args_check(&scope, &source_rows()[i], def->stmt->value, args))
            return &source_rows()[i];
    return NULL;
}

bool def_looked_at(Checker *checker, Span span, Str shown, Str path, const char *what) {
    if (file_exists(path.at)) return true;
    Diag *diag = diag_error(checker->diags, span, "there is no %s \"%.*s\"", what, STR_ARG(shown));
    diag_help(checker->diags, diag, "looked at %.*s", STR_ARG(path));
    return false;
}

static void model_check(Checker *checker, Def *def) {
    Experiment *exp = checker->exp;
    def->index = (uint32_t)exp->models.len;
    ModelDef model = {.name = def->name, .span = def->stmt->value->span};
    Arg args[MOST_PARAMS];
    if (source_of(checker, def, args)) {
        Error err;
        model.span = args[0].span;
        model.shown = args[0].text;
        model.folder = def_path(checker, def->stmt, model.shown);
        model.ok = def_looked_at(checker, model.span, model.shown, model.folder, "folder");
        if (model.ok && !model_read(model.folder.at, &model.model, &err)) {
            diag_error(checker->diags, model.span, "%s", err.text);
            model.ok = false;
        }
    }
    list_push(checker->arena, &exp->models, model);
}

static void prompts_check(Checker *checker, Def *def) {
    Experiment *exp = checker->exp;
    def->index = (uint32_t)exp->prompts.len;
    PromptsDef prompts = {.name = def->name, .span = def->stmt->value->span};
    Arg args[MOST_PARAMS];
    if (source_of(checker, def, args)) {
        prompts.span = args[0].span;
        prompts.shown = args[0].text;
        prompts.path = def_path(checker, def->stmt, prompts.shown);
        prompts.text_field = args[1].text;
        prompts.id_required = args[2].given;
        prompts.id_field = args[2].given ? args[2].text : STR("id");
        prompts.chat = args[3].flag;
        prompts.limit = args[4].given ? args[4].count : 0;
        def_looked_at(checker, prompts.span, prompts.shown, prompts.path, "file");
    }
    list_push(checker->arena, &exp->prompts, prompts);
}

void sources_check(Checker *checker) {
    for (size_t i = 0; i < checker->defs.len; i++) {
        if (checker->defs.at[i]->stmt->kind == STMT_model) model_check(checker, checker->defs.at[i]);
        if (checker->defs.at[i]->stmt->kind == STMT_prompts) prompts_check(checker, checker->defs.at[i]);
    }
}

// ---- Instances

// The point of the axes `set` at which the scope stands.
static size_t scope_point(const Scope *scope, AxisSet set) {
    const Experiment *exp = scope->checker->exp;
    size_t point = 0;
    for (uint32_t a = 0; a < exp->axes.len; a++)
        if (set >> a & 1) point = point * exp->axes.at[a].count + scope->values[a];
    return point;
}

// "one[layer=3, head=2]": the name of an instance, for printouts.
Str def_instance_name(const Scope *scope, const Def *def) {
    const Experiment *exp = scope->checker->exp;
    AxisSet set = axes_structural(exp, def->axes);
    if (!set) return def->name;
    Text text = text_open(scope->checker->arena);
    text_str(&text, def->name);
    const char *between = "[";
    for (uint32_t a = 0; a < exp->axes.len; a++) {
        if (!(set >> a & 1)) continue;
        text_add(&text, "%s%.*s=", between, STR_ARG(exp->axes.at[a].name));
        ast_write(exp->axes.at[a].values[scope->values[a]], &text);
        between = ", ";
    }
    text_char(&text, ']');
    return text_view(&text);
}

// The instance at the scope's point, made on first use; NULL when making it failed, then and ever after.
static void *instance(const Scope *scope, Def *def, Make *make) {
    AxisSet set = axes_structural(scope->checker->exp, def->axes);
    if (!def->instances) {
        size_t count = points_count(scope->checker->exp, set);
        def->instances = arena_many(scope->checker->arena, void *, count);
        def->made = arena_many(scope->checker->arena, bool, count);
    }
    size_t point = scope_point(scope, set);
    if (!def->made[point]) {
        def->made[point] = true;
        Scope fresh = {.checker = scope->checker, .values = scope->values, .prompts = NO_PROMPTS};
        def->instances[point] = make(&fresh, def);
    }
    return def->instances[point];
}

// ---- Runs

static RunInst *run_new(Checker *checker, Str name, Span span, uint32_t model, uint32_t prompts) {
    RunInst *run = arena_new(checker->arena, RunInst);
    *run = (RunInst){.id = (uint32_t)checker->exp->runs.len, .name = name, .span = span, .model = model, .prompts = prompts};
    list_push(checker->arena, &checker->exp->runs, run);
    return run;
}

static RunInst *find_clean(Checker *checker, uint32_t model, uint32_t prompts) {
    for (size_t i = 0; i < checker->exp->runs.len; i++) {
        RunInst *run = checker->exp->runs.at[i];
        if (run->model == model && run->prompts == prompts && !run->writes.len) return run;
    }
    return NULL;
}

const RunInst *clean_run(const Scope *scope, uint32_t model, uint32_t prompts, Span span) {
    Checker *checker = scope->checker;
    RunInst *run = find_clean(checker, model, prompts);
    if (run) return run;
    Str name = str_format(checker->arena, "%.*s on %.*s", STR_ARG(checker->exp->models.at[model].name),
                          STR_ARG(checker->exp->prompts.at[prompts].name));
    return run_new(checker, name, span, model, prompts);
}

static void cannot_write(const Scope *scope, const Def *patch, const Place *place, const Expr *value) {
    Diags *diags = scope->checker->diags;
    const Ast *ast = patch->stmt->value;
    const char *from = value->kind == EXPR_read ? str_format(diags->arena, " (%.*s)", STR_ARG(value->place.name)).at : "";
    Diag *diag = scope_error(scope, ast, "cannot write %u values per token%s into %u (%.*s)", value->width, from,
                             place->width, STR_ARG(place->name));
    diag_also(diags, diag, patch->stmt->target->span, "the place that is written");
    if (value->kind == EXPR_read)
        diag_help(diags, diag, "patch %.*s, or read %.*s", STR_ARG(value->place.name), STR_ARG(place->name));
}

static bool write_fits(const Scope *scope, const Def *patch, const Place *place, const Expr *value) {
    if (value->type != TYPE_number && value->type != TYPE_states) {
        scope_error(scope, patch->stmt->value, "a patch writes states or a number, this is %s", type_words[value->type]);
        return false;
    }
    if (value->type == TYPE_number) return true;
    if (value->width && place->width && value->width != place->width) {
        cannot_write(scope, patch, place, value);
        return false;
    }
    if (value->each && place->at.each && value->each != place->at.each) {
        Diag *diag = scope_error(scope, patch->stmt->value, "cannot write %u token%s a prompt onto %u", value->each,
                                 value->each == 1 ? "" : "s", place->at.each);
        diag_also(scope->checker->diags, diag, patch->stmt->target->span, "the place that is written");
        return false;
    }
    return true;
}

static bool write_add(const Scope *scope, const Ast *name, RunInst *run) {
    Checker *checker = scope->checker;
    Def *patch = def_value(scope, name, STMT_patch);
    if (!patch) return false;
    patch->applied = true;
    PlaceRead read;
    if (!place_check(scope, patch->stmt->target, run->model, &read)) return false;
    if (read.subject) {
        Diag *diag = scope_error(scope, read.subject_ast, "a patch writes in the run that uses it");
        diag_help(checker->diags, diag, "leave out '%.*s.'", STR_ARG(read.subject->name));
        return false;
    }
    Scope inner = *scope;
    inner.prompts = run->prompts;
    inner.it = &read.place;
    inner.run = run;
    Expr *value = expr_check(&inner, patch->stmt->value);
    if (!value || !read.place.width || !write_fits(&inner, patch, &read.place, value)) return false;
    list_push(checker->arena, &run->writes, ((Write){patch->name, patch->stmt->span, read.place, value}));
    run->axes |= value->axes;
    return true;
}

static bool repeats_patch(const Scope *scope, const AstList *with, size_t i) {
    for (size_t j = 0; j < i; j++) {
        if (!str_eq(with->at[i]->text, with->at[j]->text)) continue;
        Diag *diag = scope_error(scope, with->at[i], "patch '%.*s' is applied twice", STR_ARG(with->at[i]->text));
        diag_also(scope->checker->diags, diag, with->at[j]->span, "first here");
        return true;
    }
    return false;
}

static void *run_make(const Scope *scope, Def *def) {
    const Stmt *stmt = def->stmt;
    Checker *checker = scope->checker;
    Def *model = def_value(scope, stmt->value, STMT_model), *prompts = def_value(scope, stmt->on, STMT_prompts);
    if (!model || !prompts) return NULL;
    if (!stmt->with.len) {
        RunInst *clean = find_clean(checker, model->index, prompts->index);
        if (clean) return clean;
    }
    RunInst run = {.name = def_instance_name(scope, def), .span = stmt->span, .model = model->index, .prompts = prompts->index};
    bool ok = checker->exp->models.at[model->index].ok;
    for (size_t i = 0; i < stmt->with.len; i++)
        ok &= !repeats_patch(scope, &stmt->with, i) && write_add(scope, stmt->with.at[i], &run);
    if (!ok) return NULL;
    RunInst *out = run_new(checker, run.name, run.span, run.model, run.prompts);
    out->writes.at = run.writes.at;
    out->writes.len = run.writes.len;
    out->axes = run.axes;
    return out;
}

RunInst *run_instance(const Scope *scope, Def *def) {
    return instance(scope, def, run_make);
}

MapInst *map_instance(const Scope *scope, Def *def) {
    return instance(scope, def, map_make);
}

BasisInst *basis_instance(const Scope *scope, Def *def) {
    return instance(scope, def, basis_make);
}

// ---- Metrics

static void *metric_make(const Scope *scope, Def *def) {
    return expr_check(scope, def->stmt->value);
}

Expr *metric_instance(const Scope *scope, Def *def) {
    return instance(scope, def, metric_make);
}

// The states of `report states(...)`; a table has no instance of its own.
static void *capture_make(const Scope *scope, Def *def) {
    const Ast *call = def->stmt->value;
    Arg args[MOST_PARAMS];
    if (call->kind != AST_call || !str_is(call->text, "states")) return NULL;
    return args_check(scope, &report_rows()[REPORT_states], call, args) ? args[0].expr : NULL;
}

static void capture_instance(const Scope *scope, Def *def) {
    instance(scope, def, capture_make);
}

static void metric_collect(Checker *checker, Def *def) {
    const Experiment *exp = checker->exp;
    Text text = text_open(checker->arena);
    ast_write(def->stmt->value, &text);
    AxisSet set = axes_structural(exp, def->axes);
    MetricDef metric = {.name = def->name, .span = def->stmt->name_span, .text = text_view(&text), .axes = def->axes,
                        .count = points_count(exp, set), .points = (Expr **)def->instances};
    def->index = (uint32_t)exp->metrics.len;
    list_push(checker->arena, &checker->exp->metrics, metric);
}

// ---- Everything, everywhere

// An unused patch cannot be checked against a model; its place and its names can.
static void loose_patch_check(const Scope *scope, const Def *def) {
    PlaceRead read;
    place_check(scope, def->stmt->target, -1, &read);
}

static void def_check_at(const Scope *scope, Def *def) {
    PlaceRead read;
    switch (def->stmt->kind) {
    case STMT_hook:
        if (place_check(scope, def->stmt->value, -1, &read) && read.subject) {
            Diag *diag = scope_error(scope, read.subject_ast, "a hook is a place in no particular model");
            diag_help(scope->checker->diags, diag, "leave out '%.*s.' here; write %.*s.%.*s where the hook is read",
                      STR_ARG(read.subject->name), STR_ARG(read.subject->name), STR_ARG(def->name));
        }
        break;
    case STMT_run: run_instance(scope, def); break;
    case STMT_mapper: map_instance(scope, def); break;
    case STMT_subspace: basis_instance(scope, def); break;
    case STMT_metric: metric_instance(scope, def); break;
    case STMT_report: capture_instance(scope, def); break;
    case STMT_patch:
        if (!def->applied) loose_patch_check(scope, def);
        break;
    case STMT_experiment:
    case STMT_model:
    case STMT_prompts:
    case STMT_sweep:
    case STMT_include:
    case STMT_KINDS: break;
    }
}

static void def_check(Checker *checker, Def *def) {
    const Experiment *exp = checker->exp;
    AxisSet set = axes_structural(exp, def->axes);
    size_t count = points_count(exp, set);
    if (count > MOST_POINTS) {
        diag_error(checker->diags, def->stmt->name_span, "the sweeps give '%.*s' more than %d points",
                   STR_ARG(def->name), MOST_POINTS);
        return;
    }
    uint32_t values[MOST_AXES] = {0};
    for (size_t point = 0; point < count; point++) {
        for (uint32_t a = 0; a < exp->axes.len; a++)
            if (set >> a & 1) values[a] = point_value(exp, set, point, a);
        Scope scope = {.checker = checker, .values = values, .prompts = NO_PROMPTS};
        def_check_at(&scope, def);
    }
}

void defs_check(Checker *checker) {
    static const StmtKind order[] = {STMT_run, STMT_hook, STMT_mapper, STMT_subspace, STMT_metric, STMT_report, STMT_patch};
    for (size_t k = 0; k < COUNT(order); k++)
        for (size_t i = 0; i < checker->defs.len; i++)
            if (checker->defs.at[i]->stmt->kind == order[k]) def_check(checker, checker->defs.at[i]);
    for (size_t i = 0; i < checker->defs.len; i++)
        if (checker->defs.at[i]->stmt->kind == STMT_metric && checker->defs.at[i]->instances)
            metric_collect(checker, checker->defs.at[i]);
}
