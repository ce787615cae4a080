// check_map.c: mappers and subspaces at the points of the sweeps that reach them.
#include "compiler/checker.h"

// ---- Mappers

static bool clauses_fit(const Scope *scope, const Stmt *stmt, const char *mapper, MapFit fit) {
    const Ast *clauses[] = {stmt->from, stmt->to, stmt->on, stmt->inside, stmt->per};
    static const char *const words[] = {"from", "to", "on", "in", "per"};
    bool fitted = fit == FIT_sides || fit == FIT_pairs, named = fit == FIT_may && (stmt->from || stmt->to || stmt->on);
    for (size_t i = 0; i < COUNT(clauses); i++) {
        bool more = i >= 3, wanted = !more && (fitted || named);
        if ((more && fitted) || wanted == (clauses[i] != NULL)) continue;
        Diag *diag = wanted ? scope_error(scope, stmt->value, fitted ? "%s is fitted and lacks '%s'" : "%s stands between states and lacks '%s'", mapper, words[i])
                            : scope_error(scope, clauses[i], fit == FIT_other ? "%s is fitted as the mapper in it" : "%s is not fitted", mapper);
        if (wanted)
            diag_help(scope->checker->diags, diag, "write %s(...) from base.h to tuned.h on PROMPTS", mapper);
        else
            diag_help(scope->checker->diags, diag, "leave out %s",
                      named          ? words[i]
                      : stmt->per    ? "from, to, on, in and per"
                      : stmt->inside ? "from, to, on and in"
                                     : "from, to and on");
        return false;
    }
    return true;
}

static bool fit_check(const Scope *scope, const Stmt *stmt, MapInst *map) {
    Def *prompts = def_value(scope, stmt->on, STMT_prompts);
    Scope inner = *scope;
    inner.prompts = prompts ? prompts->index : NO_PROMPTS;
    if (!prompts) return false;
    map->prompts = prompts->index;
    map->from = expr_of_type(&inner, stmt->from, TYPE_states);
    map->to = expr_of_type(&inner, stmt->to, TYPE_states);
    if (!map->from || !map->to) return false;
    map->in_width = map->from->width;
    map->out_width = map->to->width;
    if (map->from->each && map->to->each && map->from->each != map->to->each) {
        Diag *diag = scope_error(scope, stmt->to, "the source has %u token%s a prompt, the target %u", map->from->each,
                                 map->from->each == 1 ? "" : "s", map->to->each);
        diag_also(scope->checker->diags, diag, stmt->from->span, "the source");
        return false;
    }
    return true;
}

// ---- Inside a subspace

static const Model *model_of(const Scope *scope, const Expr *states) {
    const Expr *read = expr_first_read(states);
    const ModelDef *model = read ? &scope->checker->exp->models.at[read->run->model] : NULL;
    return model && model->ok ? &model->model : NULL;
}

// What the unembedding reads is the stream: its coordinates are those of states as wide as that.
static bool logits_fit(const Scope *scope, const Ast *call, const MapInst *map) {
    const Expr *sides[] = {map->from, map->to};
    for (size_t i = 0; i < COUNT(sides); i++) {
        const Model *model = model_of(scope, sides[i]);
        if (!model || !sides[i]->width || model->d == sides[i]->width) continue;
        scope_error(scope, call, "logit_subspace lies in the %u dimensions of the residual stream: the %s has %u values per token", model->d,
                    i ? "target" : "source", sides[i]->width);
        return false;
    }
    return true;
}

static bool inside_rules(const Scope *scope, const Ast *call, const MapInst *map) {
    const Inside *inside = &map->inside;
    uint32_t in = map->in_width, out = map->out_width, least = in && out ? MIN(in, out) : MAX(in, out);
    if (least && inside->rank > least) {
        scope_error(scope, call, "rank %u is more than the %u values per token", inside->rank, least);
        return false;
    }
    bool one = inside->basis != BASIS_each, keep = inside->outside == OUTSIDE_keep;
    if ((one || keep) && in && out && in != out) {
        scope_error(scope, call, "%s needs one width: the source has %u values per token, the target %u", one ? "one basis" : "outside: keep", in, out);
        return false;
    }
    return inside->kind != INSIDE_logit_subspace || logits_fit(scope, call, map);
}

static bool inside_check(const Scope *scope, const Ast *ast, MapInst *map) {
    Inside *inside = &map->inside;
    uint32_t row;
    if (!ast) return true;
    if (!row_named(scope, ast, inside_rows(), inside_count, "subspace to fit in", &row)) return false;
    inside->kind = (InsideId)row;
    inside->span = ast->span;
    if (!args_check(scope, &inside_rows()[row], ast, inside->args)) return false;
    inside->rank = inside->args[0].count;
    inside->basis = row == INSIDE_pca ? (BasisOf)inside->args[1].choice : inside->args[1].flag ? BASIS_joint : BASIS_each;
    inside->outside = (Outside)inside->args[2].choice;
    return inside_rules(scope, ast, map);
}

// ---- On each part of the rows

static bool per_check(const Scope *scope, const Ast *ast, Per *per) {
    uint32_t row;
    Arg args[MOST_PARAMS];
    if (!ast) return true;
    if (!row_named(scope, ast, per_rows(), per_count, "way to part the rows", &row)) return false;
    if (!args_check(scope, &per_rows()[row], ast, args)) return false;
    *per = (Per){(PerId)row, ast->span, args[0].count, args[1].seed};
    if (per->clusters <= MOST_CLUSTERS) return true;
    scope_error(scope, ast, "%u clusters: expected 1 to %d", per->clusters, MOST_CLUSTERS);
    return false;
}

// The widths between which the fit itself goes; 0: not known before a file is read.
static uint32_t fit_in(const MapInst *map) {
    return map->inside.kind == INSIDE_COUNT ? map->in_width : map->inside.rank;
}

static uint32_t fit_out(const MapInst *map) {
    return map->inside.kind == INSIDE_COUNT ? map->out_width : map->inside.rank;
}

// ---- Rules

static bool in_range(const Scope *scope, const Ast *at, const char *name, double x, double least, double most) {
    if (x >= least && x <= most) return true;
    scope_error(scope, at, "%s is %g: expected %g to %g", name, x, least, most);
    return false;
}

static bool rank_fits(const Scope *scope, const Ast *call, const MapInst *map, const Arg *rank) {
    uint32_t most = MIN(fit_in(map), fit_out(map));
    if (rank->count <= most || !most) return true;
    bool whole = map->inside.kind == INSIDE_COUNT;
    scope_error(scope, call, "rank %u is more than the %u %s", rank->count, most, whole ? "values per token" : "dimensions of the subspace");
    return false;
}

// moments goes dimension by dimension. A width that a file says is only known when the graph is built.
static bool moments_rules(const Scope *scope, const Ast *call, const MapInst *map) {
    if (fit_in(map) == fit_out(map) || !map->in_width || !map->out_width) return true;
    scope_error(scope, call, "moments maps each dimension to itself: the source has %u values per token, the target %u", map->in_width, map->out_width);
    return false;
}

// Rules of ridge(lambda, standardize, rank).
static bool ridge_rules(const Scope *scope, const Ast *call, const MapInst *map) {
    return rank_fits(scope, call, map, &map->args[2]);
}

// Rules of procrustes(scale, whiten, shrink, floor, rank) that its signature does not say.
static bool procrustes_rules(const Scope *scope, const Ast *call, const MapInst *map) {
    const Arg *args = map->args;
    bool whiten = args[1].flag;
    if (!whiten && (args[2].given || args[3].given)) {
        Diag *diag = scope_error(scope, call, "shrink and floor belong to whitening");
        diag_help(scope->checker->diags, diag, "add whiten: true, or leave them out");
        return false;
    }
    if (!rank_fits(scope, call, map, &args[4])) return false;
    if (args[5].choice && map->in_width && map->out_width && fit_in(map) != fit_out(map)) {
        scope_error(scope, call, "complete: identity needs one width: the source has %u values per token, the target %u", map->in_width, map->out_width);
        return false;
    }
    return in_range(scope, call, "shrink", args[2].number, 0, 1) && in_range(scope, call, "floor", args[3].number, 0, 1);
}

// shuffled(M, seed) is M in everything but its pairs, of which there must be some; so is resampled(M, seed).
static bool paired_as(const Scope *scope, const Ast *call, Pairing pairing, MapInst *map) {
    static const char *const lacks[][2] = {
        [PAIRING_shuffled] = {"%s is not fitted: there is nothing to shuffle",
                              "%s is the same map whichever prompts go together"},
        [PAIRING_resampled] = {"%s is not fitted: there is nothing to draw anew", "%s is not fitted on pairs of rows"},
    };
    const MapInst *of = map->args[0].map;
    if (of->pairing || mapper_fit[of->mapper] != FIT_pairs) {
        Diag *diag = of->pairing
                         ? scope_error(scope, call, "%.*s is %s already", STR_ARG(of->name), pairing_words[of->pairing])
                         : scope_error(scope, call, lacks[pairing][mapper_fit[of->mapper] != FIT_none && mapper_fit[of->mapper] != FIT_may],
                                       mapper_rows()[of->mapper].name);
        diag_also(scope->checker->diags, diag, of->span, "defined here");
        return false;
    }
    MapInst paired = *of;
    paired.name = map->name;
    paired.span = map->span;
    paired.pairing = pairing;
    paired.seed = map->args[1].seed;
    *map = paired;
    return true;
}

// What the signature of a mapper does not say.
typedef bool MapRules(const Scope *scope, const Ast *call, const MapInst *map);
static MapRules *const map_rules[MAPPER_COUNT] = {
    [MAPPER_moments] = moments_rules,
    [MAPPER_procrustes] = procrustes_rules,
    [MAPPER_ridge] = ridge_rules,
};

void *map_make(const Scope *scope, Def *def) {
    Checker *checker = scope->checker;
    const Stmt *stmt = def->stmt;
    uint32_t row;
    if (!row_named(scope, stmt->value, mapper_rows(), mapper_count, "mapper", &row)) return NULL;
    MapInst *map = arena_new(checker->arena, MapInst);
    *map = (MapInst){.name = def_instance_name(scope, def),
                     .span = stmt->span,
                     .mapper = (MapperId)row,
                     .inside.kind = INSIDE_COUNT,
                     .per.kind = PER_COUNT};
    bool ok = args_check(scope, &mapper_rows()[row], stmt->value, map->args);
    ok &= clauses_fit(scope, stmt, mapper_rows()[row].name, mapper_fit[row]);
    if (ok && stmt->from && mapper_fit[row] != FIT_other)
        ok = fit_check(scope, stmt, map) && inside_check(scope, stmt->inside, map) &&
             per_check(scope, stmt->per, &map->per);
    if (ok && mapper_fit[row] == FIT_other)
        ok = paired_as(scope, stmt->value, row == MAPPER_shuffled ? PAIRING_shuffled : PAIRING_resampled, map);
    if (ok && map_rules[row]) ok = map_rules[row](scope, stmt->value, map);
    if (ok && row == MAPPER_from_file) {
        map->path = def_path(checker, stmt, map->args[0].text);
        ok = def_looked_at(checker, map->args[0].span, map->args[0].text, map->path, "file");
    }
    if (!ok) return NULL;
    map->id = (uint32_t)checker->exp->maps.len;
    list_push(checker->arena, &checker->exp->maps, map);
    return map;
}

// ---- Subspaces

void *basis_make(const Scope *scope, Def *def) {
    Checker *checker = scope->checker;
    const Stmt *stmt = def->stmt;
    uint32_t row;
    if (!row_named(scope, stmt->value, subspace_rows(), subspace_count, "subspace", &row)) return NULL;
    BasisInst *basis = arena_new(checker->arena, BasisInst);
    *basis = (BasisInst){.name = def_instance_name(scope, def), .span = stmt->span, .subspace = (SubspaceId)row};
    if (!args_check(scope, &subspace_rows()[row], stmt->value, basis->args)) return NULL;
    const Expr *a = basis->args[0].expr, *b = basis->args[1].expr;
    if (b && a->width && b->width && a->width != b->width) {
        scope_error(scope, stmt->value, "a has %u values per token, b has %u", a->width, b->width);
        return NULL;
    }
    basis->width = a->width;
    basis->rank = row == SUBSPACE_pca ? basis->args[1].count : 1;
    if (basis->width && basis->rank > basis->width) {
        scope_error(scope, stmt->value, "rank %u is more than the %u values per token", basis->rank, basis->width);
        return NULL;
    }
    basis->id = (uint32_t)checker->exp->bases.len;
    list_push(checker->arena, &checker->exp->bases, basis);
    return basis;
}

