// check_names.c: which name is which definition, what names what, and that nothing names itself.
#include "compiler/checker.h"

const char *def_noun(const Def *def) {
    return stmt_info[def->stmt->kind].noun;
}

Def *def_named(const Checker *checker, Str name) {
    uint32_t i;
    return strmap_get(&checker->names, name, &i) ? checker->defs.at[i] : NULL;
}

// ---- Collecting

static bool is_position(Str name) {
    for (size_t i = 0; i < position_count; i++)
        if (str_is(name, position_rows()[i].name)) return true;
    return false;
}

// Words that mean something wherever a name may stand. Sites of layers only stand behind layers[ ], where no name
// of the spec but a sweep can; functions are only told from mappers: what is called, `name(...)`, is either.
static const char *reserved_as(const Stmt *stmt) {
    static const char *const words[] = {"layers", "heads", "it", "true", "false", "full"};
    SiteId site;
    if (site_named(stmt->name, &site) && site_info[site].per == PER_MODEL) return "a site";
    if (is_position(stmt->name)) return "a word for positions";
    if (stmt->kind == STMT_mapper && function_named(stmt->name)) return "a function";
    for (size_t i = 0; i < COUNT(words); i++)
        if (str_is(stmt->name, words[i])) return "a word of the language";
    return NULL;
}

static Def *def_new(Checker *checker, const Stmt *stmt) {
    Def *def = arena_new(checker->arena, Def);
    def->stmt = stmt;
    def->name = stmt->name;
    list_push(checker->arena, &checker->defs, def);
    return def;
}

static void collect_one(Checker *checker, const Stmt *stmt) {
    const char *reserved = reserved_as(stmt);
    if (reserved)
        diag_error(checker->diags, stmt->name_span, "'%.*s' is %s and cannot be defined", STR_ARG(stmt->name), reserved);
    Def *first = def_named(checker, stmt->name);
    if (first) {
        Diag *diag = diag_error(checker->diags, stmt->name_span, "'%.*s' is defined twice", STR_ARG(stmt->name));
        diag_also(checker->diags, diag, first->stmt->name_span, "first defined here, as %s", def_noun(first));
        return;
    }
    strmap_put(&checker->names, stmt->name, (uint32_t)checker->defs.len);
    def_new(checker, stmt);
}

void names_collect(Checker *checker) {
    const Stmt *experiment = NULL;
    checker->names = strmap_open(checker->arena, 64);
    for (size_t i = 0; i < checker->spec->statements.len; i++) {
        const Stmt *stmt = &checker->spec->statements.at[i];
        if (stmt_info[stmt->kind].defines) collect_one(checker, stmt);
        if (stmt->kind == STMT_report) def_new(checker, stmt)->used = true;
        if (stmt->kind != STMT_experiment) continue;
        if (experiment) {
            Diag *diag = diag_error(checker->diags, stmt->span, "the experiment has two names");
            diag_also(checker->diags, diag, experiment->span, "first named here");
        }
        experiment = stmt;
        checker->exp->name = stmt->name;
    }
}

void unknown_name(Checker *checker, const Ast *name, const char *expected) {
    StrList names = {0};
    for (size_t i = 0; i < checker->defs.len; i++)
        if (checker->defs.at[i]->name.len) list_push(checker->arena, &names, checker->defs.at[i]->name);
    Diag *diag = diag_error(checker->diags, name->span, "'%.*s' is not defined%s%s", STR_ARG(name->text),
                            *expected ? "; expected " : "", expected);
    diag_suggest(checker->diags, diag, name->text, &names, 0);
}

// ---- Linking: which definitions a definition names

static void link_to(Checker *checker, Def *from, Def *to) {
    for (size_t i = 0; i < from->uses.len; i++)
        if (from->uses.at[i] == to) return;
    list_push(checker->arena, &from->uses, to);
}

// Whether the values of a sweep are mappers: then it is called as one.
static bool sweeps_mappers(const Checker *checker, const Def *def) {
    const Ast *values = def->stmt->kind == STMT_sweep ? def->stmt->value : NULL;
    const Ast *first = values && values->kind == AST_list && values->kids.len ? values->kids.at[0] : NULL;
    const Def *named = first && first->kind == AST_name ? def_named(checker, first->text) : NULL;
    return named && named->stmt->kind == STMT_mapper;
}

Def *ast_definition(const Checker *checker, const Ast *ast) {
    Def *def = def_named(checker, ast->text);
    if (!def) return NULL;
    SiteId site;
    switch (ast->kind) {
    case AST_name: return def;
    case AST_call:
        return def->stmt->kind == STMT_mapper || (sweeps_mappers(checker, def) && !function_named(ast->text)) ? def
                                                                                                              : NULL;
    case AST_member:
        if (ast->kids.at[0]->kind != AST_index) return def; // the hook in base.attn
        return def->stmt->kind == STMT_sweep && !site_named(ast->text, &site) ? def : NULL; // layers[0].site
    default: return NULL;
    }
}

static void link_ast(Checker *checker, Def *from, const Ast *ast) {
    if (!ast) return;
    Def *to = ast_definition(checker, ast);
    if (to) link_to(checker, from, to);
    for (size_t i = 0; i < ast->kids.len; i++) link_ast(checker, from, ast->kids.at[i]);
}

// The metrics that bound those of a figure: what shows NAME shows NAME_lo and NAME_hi too.
static void link_bounds(Checker *checker, Def *def, const Ast *call) {
    bool plot = call && call->kind == AST_call && str_is(call->text, "plot");
    for (size_t i = 0; plot && i < call->kids.len; i++) {
        for (Bound bound = BOUND_lower; bound <= BOUND_upper; bound++) {
            Def *to = def_named(checker, bound_name(checker->arena, call->kids.at[i]->text, bound));
            if (to && to->stmt->kind == STMT_metric && !call->kids.at[i]->label.len) link_to(checker, def, to);
        }
    }
}

// The call of a function of a table. A word that its signature lists is that word, whatever else has the name; only a
// sweep can stand for one.
static void link_call(Checker *checker, Def *from, const Ast *call, const Signature *rows, size_t count) {
    const Signature *signature = NULL;
    for (size_t i = 0; call && i < count; i++)
        if (str_is(call->text, rows[i].name)) signature = &rows[i];
    if (!signature || call->kind != AST_call) {
        link_ast(checker, from, call);
        return;
    }
    for (size_t i = 0; i < call->kids.len; i++) {
        const Param *param = signature_param(signature, call, i);
        const Def *def = def_named(checker, call->kids.at[i]->text);
        bool word = param && param->type == PARAM_word && def && def->stmt->kind != STMT_sweep;
        if (!word) link_ast(checker, from, call->kids.at[i]);
    }
}

static void link_def(Checker *checker, Def *def) {
    const Stmt *stmt = def->stmt;
    bool mapper = stmt->kind == STMT_mapper;
    const Ast *parts[] = {stmt->target, mapper ? NULL : stmt->value, stmt->from, stmt->to, stmt->on};
    for (size_t i = 0; i < COUNT(parts); i++) link_ast(checker, def, parts[i]);
    if (mapper) link_call(checker, def, stmt->value, mapper_rows(), mapper_count);
    if (mapper) link_call(checker, def, stmt->inside, inside_rows(), inside_count);
    if (mapper) link_call(checker, def, stmt->per, per_rows(), per_count);
    for (size_t i = 0; i < stmt->with.len; i++) link_ast(checker, def, stmt->with.at[i]);
    if (stmt->kind == STMT_report) link_bounds(checker, def, stmt->value);
}

static void report_cycle(Checker *checker, const Def *def, const Def *again) {
    Diag *diag = diag_error(checker->diags, again->stmt->name_span, "%s '%.*s' depends on itself", stmt_info[again->stmt->kind].name,
                            STR_ARG(again->name));
    if (def != again)
        diag_also(checker->diags, diag, def->stmt->name_span, "through %s '%.*s'", stmt_info[def->stmt->kind].name, STR_ARG(def->name));
}

static uint32_t own_depth(const Stmt *stmt) {
    const Ast *parts[] = {stmt->target, stmt->value, stmt->from, stmt->to, stmt->inside, stmt->per};
    uint32_t depth = 1;
    for (size_t i = 0; i < COUNT(parts); i++)
        if (parts[i]) depth = MAX(depth, parts[i]->depth);
    return depth;
}

// The whole of a metric, when it is one of these.
static const Signature *whole_of(const Stmt *stmt, const Signature *rows, size_t count) {
    bool call = stmt->kind == STMT_metric && stmt->value->kind == AST_call;
    for (size_t i = 0; i < count && call; i++)
        if (str_is(stmt->value->text, rows[i].name)) return &rows[i];
    return NULL;
}

static const Def *sweep_over(const Checker *checker, const Stmt *stmt, const Signature *whole) {
    const Ast *over = NULL;
    for (size_t i = 0; whole && i < stmt->value->kids.len; i++) {
        const Param *param = signature_param(whole, stmt->value, i);
        if (param && str_is(param->name, "over")) over = stmt->value->kids.at[i];
    }
    const Def *def = over && over->kind == AST_name ? def_named(checker, over->text) : NULL;
    return def && def->stmt->kind == STMT_sweep && def->index < MOST_AXES ? def : NULL;
}

const Def *interval_sweep(const Checker *checker, const Stmt *stmt) {
    return sweep_over(checker, stmt, whole_of(stmt, interval_rows(), interval_count));
}

// The sweeps that a metric which is found in others has no more of theirs: the one that it is found over, or has an
// interval over. A noise floor is one number, whatever the metric varies with.
static AxisSet found_over(const Checker *checker, const Stmt *stmt) {
    const Signature *choice = whole_of(stmt, choice_rows(), choice_count);
    if (choice == &choice_rows()[CHOICE_noise_floor]) return ~(AxisSet)0;
    const Def *over = choice ? sweep_over(checker, stmt, choice) : interval_sweep(checker, stmt);
    return over ? (AxisSet)1 << over->index : 0;
}

enum { MOST_DEFS = 10000, MOST_DEPTH = 1000 };

// Depth first; at the end of a visit the axes and the depth of all that it uses are known. Later stages recurse
// over definitions and their expressions, so their depth is bounded here.
static void visit(Checker *checker, Def *def) {
    uint32_t below = 0;
    def->visit = DEF_open;
    if (def->stmt->kind == STMT_sweep && def->index < MOST_AXES) def->axes |= (AxisSet)1 << def->index;
    for (size_t i = 0; i < def->uses.len; i++) {
        Def *to = def->uses.at[i];
        if (to->visit == DEF_open) {
            report_cycle(checker, def, to);
            continue;
        }
        if (to->visit == DEF_new) visit(checker, to);
        def->axes |= to->axes;
        below = MAX(below, to->depth);
    }
    def->axes &= ~found_over(checker, def->stmt);
    def->depth = own_depth(def->stmt) + below;
    if (def->depth > MOST_DEPTH) {
        diag_error(checker->diags, def->stmt->name_span, "'%.*s' rests on too many definitions, one upon the other",
                   STR_ARG(def->name));
        checker->too_deep = true;
    }
    def->visit = DEF_done;
}

// What is reported needs this, and all that this uses.
static void mark_uses(Def *def) {
    for (size_t i = 0; i < def->uses.len; i++) {
        if (def->uses.at[i]->used) continue;
        def->uses.at[i]->used = true;
        mark_uses(def->uses.at[i]);
    }
}

void names_link(Checker *checker) {
    if (checker->defs.len > MOST_DEFS) {
        diag_error(checker->diags, checker->defs.at[MOST_DEFS]->stmt->name_span, "a spec has at most %d definitions",
                   MOST_DEFS);
        checker->too_deep = true;
        return;
    }
    for (size_t i = 0; i < checker->defs.len; i++) link_def(checker, checker->defs.at[i]);
    for (size_t i = 0; i < checker->defs.len; i++)
        if (checker->defs.at[i]->visit == DEF_new) visit(checker, checker->defs.at[i]);
    for (size_t i = 0; i < checker->defs.len; i++)
        if (checker->defs.at[i]->stmt->kind == STMT_report) mark_uses(checker->defs.at[i]);
}
