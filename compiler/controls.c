// controls.c: `report controls(M, ...)` becomes statements of the language: what it computes is what a user could have
// written. They stand in a source of their own, named as the report, so that every later stage can quote them.
//
// Each control is a map, a patch that writes what the map makes, and a run; the sweep M_control picks among the runs.
// docs/language.md says what each control is.
#include "compiler/controls.h"

#include <math.h>

#include "compiler/checker.h"

// ---- What the report says

static const Stmt *statement_named(const Spec *spec, Str name, StmtKind kind) {
    for (size_t i = 0; i < spec->statements.len; i++) {
        const Stmt *stmt = &spec->statements.at[i];
        if (stmt->kind == kind && str_eq(stmt->name, name)) return stmt;
    }
    return NULL;
}

static Str written(Arena *arena, const Ast *ast) {
    Text text = text_open(arena);
    ast_write(ast, &text);
    return text_view(&text);
}

// "MODEL.hook" or "MODEL.layers[4].attn_out @ end".
static bool side_read(Arena *arena, const Spec *spec, const Ast *ast, ControlSide *side) {
    const Ast *root = ast;
    while (root->kind != AST_name && root->kids.len) root = root->kids.at[0];
    if (root->kind != AST_name || !statement_named(spec, root->text, STMT_model)) return false;
    Str read = written(arena, ast);
    *side = (ControlSide){
        .model = root->text, .read = read, .place = str_part(read, root->text.len + 1, read.len), .of = ast};
    if (ast->kind == AST_at) return true;
    const Stmt *hook =
        ast->kind == AST_member && ast->kids.at[0] == root ? statement_named(spec, ast->text, STMT_hook) : NULL;
    if (hook) side->of = hook->value;
    return hook;
}

// A copy of a place in another layer; `found` tells whether it stands in one.
static Ast *in_layer(Arena *arena, const Ast *ast, Ast *layer, bool *found) {
    bool layers = ast->kind == AST_index && ast->kids.len == 2 && str_is(ast->kids.at[0]->text, "layers");
    Ast *copy = arena_copy(arena, ast, sizeof *ast);
    copy->kids = (AstList){0};
    for (size_t i = 0; i < ast->kids.len; i++)
        list_push(arena, &copy->kids, layers && i == 1 ? layer : in_layer(arena, ast->kids.at[i], layer, found));
    *found |= layers;
    return copy;
}

static bool has_layer(Arena *arena, const ControlSide *side) {
    bool found = false;
    Ast zero = {.kind = AST_number, .text = STR("0")};
    in_layer(arena, side->of, &zero, &found);
    return found;
}

// "base.layers[0].attn_out @ end": the place of a side in another layer.
static Str read_in_layer(Arena *arena, const ControlSide *side, Str layer) {
    bool found = false;
    Str text = written(arena, in_layer(arena, side->of, &(Ast){.kind = AST_name, .text = layer}, &found));
    bool named = text.len > side->model.len && memcmp(text.at, side->model.at, side->model.len) == 0 &&
                 text.at[side->model.len] == '.';
    return named ? text : str_format(arena, "%.*s.%.*s", STR_ARG(side->model), STR_ARG(text));
}

static Str without_model(const ControlSide *side, Str read) {
    return str_part(read, side->model.len + 1, read.len);
}

static bool whole(const Ast *ast, double least, double otherwise, double *out) {
    *out = ast ? ast->number : otherwise;
    return !ast || (ast->kind == AST_number && *out == floor(*out) && *out >= least && *out <= UINT32_MAX);
}

enum { ARG_map, ARG_on, ARG_bogus, ARG_early, ARG_alpha, ARG_seeds, ARG_n, ARG_seed };

static bool names_layer(const Ast *ast) {
    return ast->kind == AST_number || ast->kind == AST_name ||
           (ast->kind == AST_negate && ast->kids.at[0]->kind == AST_number);
}

static bool is_strength(const Spec *spec, const Ast *ast) {
    if (!ast || ast->kind == AST_number) return true;
    return ast->kind == AST_name && (str_is(ast->text, "auto") || statement_named(spec, ast->text, STMT_sweep));
}

static const char *numbers_of(const Ast *const args[], Controls *out, const Ast **where) {
    double numbers[3];
    static const double least[] = {1, 1, 0}, otherwise[] = {3, 1000, 0};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        *where = args[ARG_seeds + i];
        if (!whole(*where, least[i], otherwise[i], &numbers[i]))
            return i == 2 ? "expected a whole number from 0 on, written out"
                          : "expected a whole number from 1 on, written out";
    }
    out->seeds = (uint32_t)numbers[0];
    out->draws = (uint32_t)numbers[1];
    out->seed = (uint64_t)numbers[2];
    return NULL;
}

static const char *map_fits(const Stmt *map) {
    for (size_t i = 0; i < mapper_count; i++) {
        if (!str_is(map->value->text, mapper_rows()[i].name)) continue;
        bool control = i == MAPPER_mean || i == MAPPER_random_rotation || i == MAPPER_shuffled || i == MAPPER_identity;
        return control                     ? "this map is a control itself"
               : mapper_fit[i] == FIT_none ? "this map is not fitted: there is nothing to control"
                                           : NULL;
    }
    return NULL;
}

const char *controls_of(Arena *arena, const Spec *spec, const Ast *report, const Ast *const args[], Controls *out,
                        const Ast **where) {
    *out = (Controls){0};
    *where = args[ARG_map];
    out->map = args[ARG_map]->kind == AST_name ? statement_named(spec, args[ARG_map]->text, STMT_mapper) : NULL;
    if (!out->map) return "expected the name of a mapper";
    const char *wrong = map_fits(out->map);
    if (wrong) return wrong;
    if (!out->map->from || !out->map->to || !out->map->on) return ""; // its own error
    bool plain = side_read(arena, spec, out->map->from, &out->from) && side_read(arena, spec, out->map->to, &out->to);
    if (!plain)
        return "controls are made of a map from a place of one model to a place of another, such as base.h and tuned.h";
    if (!has_layer(arena, &out->from) || !has_layer(arena, &out->to))
        return "this map stands in no layer, so that there is no other one for a control";
    wrong = numbers_of(args, out, where);
    if (wrong) return wrong;
    *where = args[ARG_on];
    if (!statement_named(spec, written(arena, args[ARG_on]), STMT_prompts)) return "expected the name of prompts";
    uint32_t before = 0;
    for (size_t i = 0; i < spec->statements.len; i++) {
        const Stmt *stmt = &spec->statements.at[i];
        if (stmt->value == report) break;
        const Ast *first = stmt->kind == STMT_report && str_is(stmt->value->text, "controls") && stmt->value->kids.len
                               ? stmt->value->kids.at[0]
                               : NULL;
        before += first && str_eq(first->text, out->map->name);
    }
    out->prefix = before ? str_format(arena, "%.*s_%u_", STR_ARG(out->map->name), before + 1)
                         : str_format(arena, "%.*s_", STR_ARG(out->map->name));
    out->on = written(arena, args[ARG_on]);
    for (size_t i = 0; i < COUNT(out->layers); i++) {
        *where = args[ARG_bogus + i];
        if (!names_layer(*where)) return "expected the number of a layer, or a sweep";
        out->layers[i] = arena_copy(arena, args[ARG_bogus + i], sizeof(Ast));
        out->layers[i]->label = (Str){0};
    }
    out->bogus = written(arena, args[ARG_bogus]);
    out->early = written(arena, args[ARG_early]);
    *where = args[ARG_alpha];
    if (!is_strength(spec, *where)) return "expected a number, a sweep, or auto";
    bool matched = args[ARG_alpha] && args[ARG_alpha]->kind == AST_name && str_is(args[ARG_alpha]->text, "auto");
    out->alpha = matched ? STR("") : args[ARG_alpha] ? written(arena, args[ARG_alpha]) : STR("1");
    out->pairs = !str_is(out->map->value->text, "moments");
    return NULL;
}

// ---- As statements

typedef struct {
    Arena *arena;
    const Controls *c;
    Text out;
    StrList labels, raw, mapped, clean; // by control: its name in the table, its runs
} Writer;

// " over: M_seed" behind a bootstrap when there are several.
static Str over_seeds(const Writer *w) {
    return w->c->seeds > 1 ? str_format(w->arena, ", over: %.*sseed", STR_ARG(w->c->prefix)) : STR("");
}

// patch and run `name`: what `map` makes of `read`, times alpha, written to `place` in a run of `model`. Its name.
static Str add_run(Writer *w, const char *name, Str map, Str read, Str place, Str model) {
    const Controls *c = w->c;
    Str alpha = c->alpha.len ? c->alpha : str_format(w->arena, "norm_match(%.*s)", STR_ARG(map));
    Str run = str_format(w->arena, "%.*s%s_run", STR_ARG(c->prefix), name);
    text_add(&w->out, "patch %.*s%s_patch = %.*s <- (%.*s) * %.*s(%.*s)\n", STR_ARG(c->prefix), name, STR_ARG(place),
             STR_ARG(alpha), STR_ARG(map), STR_ARG(read));
    text_add(&w->out, "run %.*s = %.*s on %.*s with %.*s%s_patch\n", STR_ARG(run), STR_ARG(model), STR_ARG(c->on),
             STR_ARG(c->prefix), name);
    return run;
}

static void add_row(Writer *w, Str label, Str raw, Str mapped, Str clean) {
    list_push(w->arena, &w->labels, label);
    list_push(w->arena, &w->raw, raw);
    list_push(w->arena, &w->mapped, mapped);
    list_push(w->arena, &w->clean, clean);
}

// mapper `name`; its name. `call` is what it is, with what it is fitted on.
static Str add_map(Writer *w, const char *name, Str call) {
    Str map = str_format(w->arena, "%.*s%s", STR_ARG(w->c->prefix), name);
    text_add(&w->out, "mapper %.*s = %.*s\n", STR_ARG(map), STR_ARG(call));
    return map;
}

static Str between(const Writer *w, Str from, Str to) {
    return str_format(w->arena, " from %.*s to %.*s on %.*s", STR_ARG(from), STR_ARG(to),
                      STR_ARG(written(w->arena, w->c->map->on)));
}

static Str as_map(const Writer *w, Str from, Str to) {
    const Stmt *map = w->c->map;
    Str inside = map->inside ? str_format(w->arena, " in %.*s", STR_ARG(written(w->arena, map->inside))) : STR("");
    Str per = map->per ? str_format(w->arena, " per %.*s", STR_ARG(written(w->arena, map->per))) : STR("");
    return str_format(w->arena, "%.*s%.*s%.*s%.*s", STR_ARG(written(w->arena, map->value)), STR_ARG(inside), STR_ARG(per),
                      STR_ARG(between(w, from, to)));
}

static Str with_clauses(const Writer *w, const char *call, Str from, Str to) {
    return str_format(w->arena, "%s%.*s", call, STR_ARG(between(w, from, to)));
}

// The experiment of the map elsewhere: fitted from `from` to `to`, patched there, beside the raw state there.
static void add_elsewhere(Writer *w, const char *name, Str label, Str from, Str to, const ControlSide *side,
                          Str clean) {
    Str raw = str_format(w->arena, "%s_raw", name), place = without_model(side, to);
    Str fitted = add_map(w, name, as_map(w, from, to)),
        same = add_map(w, raw.at, with_clauses(w, "identity()", from, to));
    Str raw_run = add_run(w, raw.at, same, from, place, side->model);
    add_row(w, label, raw_run, add_run(w, name, fitted, from, place, side->model), clean);
}

// Maps of the same states, in the same patch as M.
static void add_maps(Writer *w, Str raw, Str own, Str clean) {
    const Controls *c = w->c;
    Str from = c->from.read, to = c->to.read,
        seed = c->seeds > 1 ? str_format(w->arena, "%.*sseed", STR_ARG(c->prefix)) : STR("0");
    Str bogus = as_map(w, read_in_layer(w->arena, &c->from, c->bogus), read_in_layer(w->arena, &c->to, c->bogus));
    const struct {
        const char *name;
        Str label, map;
    } maps[] = {
        {"bogus", str_format(w->arena, "bogus layer %.*s", STR_ARG(c->bogus)), bogus},
        {"shuffled", STR("shuffled"),
         str_format(w->arena, "shuffled(%.*s, seed: %.*s)", STR_ARG(c->map->name), STR_ARG(seed))},
        {"mean", STR("mean"), with_clauses(w, "mean()", from, to)},
        {"rotation", STR("random rotation"),
         with_clauses(w, str_format(w->arena, "random_rotation(%.*s)", STR_ARG(seed)).at, from, to)},
    };
    add_row(w, c->map->name, raw, own, clean);
    add_row(w, STR("identity"), raw, raw, clean);
    for (size_t i = 0; i < COUNT(maps); i++) {
        if (i == 1 && !c->pairs) continue;
        add_row(w, maps[i].label, raw,
                add_run(w, maps[i].name, add_map(w, maps[i].name, maps[i].map), from, c->to.place, c->to.model), clean);
    }
}

// pick(M_control, …) of runs.
static Str pick(const Writer *w, const StrList *runs) {
    Text text = text_open(w->arena);
    text_add(&text, "pick(%.*scontrol", STR_ARG(w->c->prefix));
    for (size_t i = 0; i < runs->len; i++) text_add(&text, ", %.*s", STR_ARG(runs->at[i]));
    text_char(&text, ')');
    return text_view(&text);
}

static void add_metrics(Writer *w, Str raw, Str own, Str clean) {
    const Controls *c = w->c;
    Text *out = &w->out;
    Str p = c->prefix, over = over_seeds(w), picked_clean = pick(w, &w->clean);
    Str draws = str_format(w->arena, "n: %u, seed: %llu%.*s", c->draws, (unsigned long long)c->seed, STR_ARG(over));
    text_add(out, "sweep %.*scontrol in [", STR_ARG(p));
    for (size_t i = 0; i < w->labels.len; i++) text_add(out, "%s\"%.*s\"", i ? ", " : "", STR_ARG(w->labels.at[i]));
    text_str(out, STR("]\n"));
    text_add(out, "metric %.*skl_raw = mean(kl(%.*s, %.*s))\n", STR_ARG(p), STR_ARG(pick(w, &w->raw)),
             STR_ARG(picked_clean));
    text_add(out, "metric %.*skl = mean(kl(%.*s, %.*s))\n", STR_ARG(p), STR_ARG(pick(w, &w->mapped)),
             STR_ARG(picked_clean));
    text_add(out, "metric %.*sdrop = 100 * (%.*skl_raw - %.*skl) / %.*skl_raw\n", STR_ARG(p), STR_ARG(p), STR_ARG(p),
             STR_ARG(p));
    text_add(out, "metric %.*sown_raw = mean(kl(%.*s, %.*s))\n", STR_ARG(p), STR_ARG(raw), STR_ARG(clean));
    text_add(out, "metric %.*sown_kl = mean(kl(%.*s, %.*s))\n", STR_ARG(p), STR_ARG(own), STR_ARG(clean));
    text_add(out, "metric %.*skl_mapped = bootstrap(%.*skl, %.*s)\n", STR_ARG(p), STR_ARG(p), STR_ARG(draws));
    text_add(out, "metric %.*sdrop_pct = bootstrap(%.*sdrop, %.*s)\n", STR_ARG(p), STR_ARG(p), STR_ARG(draws));
    text_add(out, "metric %.*sahead = bootstrap(100 * (%.*sown_raw - %.*sown_kl) / %.*sown_raw - %.*sdrop, %.*s)\n",
             STR_ARG(p), STR_ARG(p), STR_ARG(p), STR_ARG(p), STR_ARG(p), STR_ARG(draws));
}

static Str controls_text(Arena *arena, const Controls *c) {
    Writer w = {.arena = arena, .c = c, .out = text_open(arena)};
    Str clean = str_format(arena, "%.*sclean", STR_ARG(c->prefix)),
        back = str_format(arena, "%.*sclean_reverse", STR_ARG(c->prefix));
    if (c->seeds > 1) text_add(&w.out, "sweep %.*sseed in 0..%u\n", STR_ARG(c->prefix), c->seeds - 1);
    text_add(&w.out, "run %.*s = %.*s on %.*s\n", STR_ARG(clean), STR_ARG(c->to.model), STR_ARG(c->on));
    text_add(&w.out, "run %.*s = %.*s on %.*s\n", STR_ARG(back), STR_ARG(c->from.model), STR_ARG(c->on));
    Str same = add_map(&w, "identity", with_clauses(&w, "identity()", c->from.read, c->to.read));
    Str raw = add_run(&w, "identity", same, c->from.read, c->to.place, c->to.model);
    Str own = add_run(&w, "own", c->map->name, c->from.read, c->to.place, c->to.model);
    add_maps(&w, raw, own, clean);
    add_elsewhere(&w, "reverse", STR("reverse"), c->to.read, c->from.read, &c->from, back);
    add_elsewhere(&w, "early", str_format(arena, "early layer %.*s", STR_ARG(c->early)),
                  read_in_layer(arena, &c->from, c->early), read_in_layer(arena, &c->to, c->early), &c->to, clean);
    add_metrics(&w, raw, own, clean);
    return text_view(&w.out);
}

// What is wrong with a layer is told where the report names it.
static void point_at_layers(Ast *ast, const Controls *c) {
    if (!ast) return;
    bool layers = ast->kind == AST_index && ast->kids.len == 2 && str_is(ast->kids.at[0]->text, "layers");
    Str texts[] = {c->bogus, c->early};
    for (size_t i = 0; i < ast->kids.len; i++) {
        Ast *kid = ast->kids.at[i];
        for (size_t k = 0; k < COUNT(texts) && layers && i == 1; k++) {
            bool same = kid->kind == c->layers[k]->kind && kid->kind != AST_negate && str_eq(kid->text, texts[k]);
            if (same) ast->kids.at[i] = c->layers[k];
        }
        point_at_layers(ast->kids.at[i], c);
    }
}

static void expand(Arena *arena, Spec *spec, const Stmt *stmt, Diags *diags) {
    const Signature *signature = &report_rows()[REPORT_controls];
    const Ast *args[MOST_PARAMS], *where;
    Sources sources = {0};
    Diags quiet = diags_open(arena, &sources); // report_check repeats what is wrong
    Controls c;
    if (stmt->value->kind != AST_call || !str_is(stmt->value->text, signature->name) ||
        !signature_match(signature, stmt->value, &quiet, args))
        return;
    if (controls_of(arena, spec, stmt->value, args, &c, &where)) return;
    Str name = str_format(arena, "%.*s", STR_ARG(written(arena, stmt->value)));
    size_t first = spec->statements.len;
    spec_add(arena, spec, name, controls_text(arena, &c), diags);
    for (size_t i = first; i < spec->statements.len; i++) {
        Ast *parts[] = {spec->statements.at[i].target, spec->statements.at[i].value, spec->statements.at[i].from,
                        spec->statements.at[i].to};
        for (size_t k = 0; k < COUNT(parts); k++) point_at_layers(parts[k], &c);
    }
}

void controls_expand(Arena *arena, Spec *spec, Diags *diags) {
    size_t own = spec->statements.len;
    for (size_t i = 0; i < own; i++)
        if (spec->statements.at[i].kind == STMT_report) {
            const Stmt stmt = spec->statements.at[i]; // the list grows
            expand(arena, spec, &stmt, diags);
        }
}
