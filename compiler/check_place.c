// check_place.c: places: model or run, layer, site, heads, positions.
#include "compiler/checker.h"
#include "mdx/file.h"

// ---- Positions

static uint32_t tokens_each(PositionWord word, int64_t k) {
    enum { ONE, K, MANY };
    static const int tokens[] = {
#define MDX_POSITION(name, arguments, each, what) each,
#include "compiler/position.def"
    };
    return tokens[word] == ONE ? 1 : tokens[word] == K ? (uint32_t)k : 0;
}

static bool index_position(const Scope *scope, const Ast *list, Positions *out) {
    if (list->kids.len != 1) {
        scope_error(scope, list, "expected one position in [ ]");
        return false;
    }
    out->word = POSITION_index;
    out->each = 1;
    return whole_value(scope, list->kids.at[0], "a position", &out->k);
}

// The file of listed("FILE"), which is an input of the experiment.
static bool listed_check(const Scope *scope, const Arg *path, Positions *out) {
    Checker *checker = scope->checker;
    Experiment *exp = checker->exp;
    out->path = path_beside(checker->arena, checker->spec->sources.at[path->span.source].name, path->text);
    if (!def_looked_at(checker, path->span, path->text, out->path, "file")) return false;
    for (size_t i = 0; i < exp->listed.len; i++)
        if (str_eq(exp->listed.at[i].path, out->path)) return true;
    list_push(checker->arena, &exp->listed, ((ListedDef){out->path, path->text}));
    return true;
}

bool positions_check(const Scope *scope, const Ast *ast, Positions *out) {
    const Ast *value = ast_value(scope, ast);
    *out = (Positions){.span = ast->span};
    if (value->kind == AST_list) return index_position(scope, value, out);
    uint32_t row;
    if (!row_named(scope, value, position_rows(), position_count, "word for positions", &row)) return false;
    Arg args[MOST_PARAMS];
    const Signature *signature = &position_rows()[row];
    const Ast bare = {.kind = AST_call, .span = value->span, .text = value->text};
    if (!args_check(scope, signature, value->kind == AST_call ? value : &bare, args)) return false;
    out->word = (PositionWord)row;
    bool span = out->word == POSITION_span;
    out->k = args[span ? 1 : 0].count;
    out->skip = out->word == POSITION_content ? args[1].count : 0;
    out->text = args[0].text;
    if (span && !out->text.len) {
        scope_error(scope, value, "the text is empty");
        return false;
    }
    out->each = tokens_each(out->word, out->k);
    return out->word != POSITION_listed || listed_check(scope, &args[0], out);
}

// ---- The chain of names in front of the '@': base . layers[24] . z . heads[3]

typedef struct {
    const Ast *ast; // the name or member
    Str name;
    Span span;      // of the name alone
    const Ast *index; // AST_index over it, or NULL
} Link;

typedef struct {
    Link at[8];
    size_t len;
} Chain;

static bool chain_read(const Ast *ast, Chain *chain) {
    const Ast *index = NULL;
    if (ast->kind == AST_index) {
        index = ast;
        ast = ast->kids.at[0];
    }
    if (ast->kind == AST_member) {
        if (!chain_read(ast->kids.at[0], chain)) return false;
    } else if (ast->kind != AST_name) {
        return false;
    }
    if (chain->len == COUNT(chain->at)) return false;
    Span span = {ast->span.source, ast->span.end - (uint32_t)ast->text.len, ast->span.end};
    chain->at[chain->len++] = (Link){ast, ast->text, span, index};
    return true;
}

static const Ast *without_positions(const Ast *ast) {
    return ast->kind == AST_at ? ast->kids.at[0] : ast;
}

bool is_place(const Scope *scope, const Ast *ast) {
    Chain chain = {0};
    if (ast->kind == AST_at) return true;
    if (!chain_read(ast, &chain)) return false;
    const Def *def = def_named(scope->checker, chain.at[0].name);
    SiteId site;
    if (chain.len > 1 || chain.at[0].index) return true;
    return def ? def->stmt->kind == STMT_hook : site_named(chain.at[0].name, &site);
}

// A name in a chain may be a sweep, over sites say; but behind layers[ ] the name of a site is that site.
static Str link_name(const Scope *scope, const Link *link) {
    SiteId site;
    if (site_named(link->name, &site)) return link->name;
    Ast name = {.kind = AST_name, .text = link->name, .span = link->span};
    return ast_value(scope, &name)->text;
}

static bool site_missing(const Scope *scope, const Link *link, const ModelDef *model, SiteId site) {
    if (!model || site_offered(&model->model, site)) return false;
    Ast name = {.kind = AST_name, .text = link->name, .span = link->span};
    scope_error(scope, &name, "%s has no site '%s' (%.*s)", model->model.arch->class, site_info[site].name,
                STR_ARG(model->name));
    return true;
}

static bool link_error(const Scope *scope, const Link *link, const char *what) {
    Ast name = {.kind = AST_name, .text = link->name, .span = link->span};
    Diags *diags = scope->checker->diags;
    StrList names = {0};
    for (int i = 0; i < SITE_COUNT; i++) list_push(diags->arena, &names, str_of(site_info[i].name));
    for (size_t i = 0; i < scope->checker->defs.len; i++) {
        const Def *def = scope->checker->defs.at[i];
        if (def->stmt->kind == STMT_hook) list_push(diags->arena, &names, def->name);
    }
    Str shown = link_name(scope, link);
    Diag *diag = scope_error(scope, &name, "'%.*s' is no %s", STR_ARG(shown), what);
    diag_suggest(diags, diag, shown, &names, 0);
    return false;
}

// ---- Parts of a place

static bool layer_check(const Scope *scope, const Ast *index, const ModelDef *model, uint32_t *out) {
    if (index->kids.len != 2 || index->kids.at[1]->kind == AST_range) {
        Diag *diag = scope_error(scope, index, "expected one layer in layers[ ]");
        diag_help(scope->checker->diags, diag, "to go over layers: sweep layer in 0..3, then layers[layer]");
        return false;
    }
    const Ast *ast = index->kids.at[1];
    int64_t layer;
    if (!whole_value(scope, ast, "a layer", &layer)) return false;
    *out = (uint32_t)layer;
    if (!model) return true;
    uint32_t layers = model->model.layers;
    if (layer < 0) layer += layers;
    *out = (uint32_t)layer;
    if (layer >= 0 && layer < layers) return true;
    scope_error(scope, ast, "%.*s has %u layers, numbered 0..%u", STR_ARG(model->name), layers, layers - 1);
    return false;
}

static bool head_add(const Scope *scope, const Ast *ast, int64_t head, const Place *place, const ModelDef *model,
                     U32List *out) {
    if (model) {
        uint32_t heads = site_heads(&model->model, place->site);
        if (head < 0) head += heads;
        if (head < 0 || head >= heads) {
            scope_error(scope, ast, "%s of %.*s has %u heads, numbered 0..%u", site_info[place->site].name,
                        STR_ARG(model->name), heads, heads - 1);
            return false;
        }
    }
    for (size_t i = 0; i < out->len; i++) {
        if (out->at[i] != (uint32_t)head) continue;
        scope_error(scope, ast, "head %lld is named twice", (long long)head);
        return false;
    }
    list_push(scope->checker->arena, out, (uint32_t)head);
    return true;
}

enum { MOST_HEADS_NAMED = 1 << 12 };

static bool head_item(const Scope *scope, const Ast *item, const Place *place, const ModelDef *model, U32List *out) {
    const Ast *value = ast_value(scope, item);
    if (value->kind == AST_list) { // a sweep over sets of heads
        for (size_t i = 0; i < value->kids.len; i++)
            if (!head_item(scope, value->kids.at[i], place, model, out)) return false;
        return true;
    }
    int64_t first, last, step = 1;
    if (value->kind != AST_range) {
        return whole_value(scope, item, "a head", &first) && head_add(scope, item, first, place, model, out);
    }
    if (!whole_value(scope, value->kids.at[0], "a head", &first)) return false;
    if (!whole_value(scope, value->kids.at[1], "a head", &last)) return false;
    if (value->kids.len > 2 && !whole_value(scope, value->kids.at[2], "a step", &step)) return false;
    if (step < 1 || last < first || last - first > MOST_HEADS_NAMED) {
        scope_error(scope, item, "this range names no heads");
        return false;
    }
    for (int64_t head = first; head <= last; head += step)
        if (!head_add(scope, item, head, place, model, out)) return false;
    return true;
}

static bool heads_check(const Scope *scope, const Link *link, const ModelDef *model, Place *place) {
    if (!site_info[place->site].heads) {
        Ast name = {.kind = AST_name, .text = link->name, .span = link->span};
        Diag *diag = scope_error(scope, &name, "%s has no heads", site_info[place->site].name);
        diag_help(scope->checker->diags, diag, "q, k, v, q_pre, k_pre and z have heads");
        return false;
    }
    if (!link->index) return true; // all of them
    if (place->heads.len) {
        scope_error(scope, link->index, "the hook already selects heads");
        return false;
    }
    for (size_t i = 1; i < link->index->kids.len; i++)
        if (!head_item(scope, link->index->kids.at[i], place, model, &place->heads)) return false;
    return true;
}

// ---- The whole

static const ModelDef *model_at(const Scope *scope, int64_t model) {
    if (model < 0) return NULL;
    const ModelDef *def = &scope->checker->exp->models.at[model];
    return def->ok ? def : NULL;
}

static bool hook_place(const Scope *scope, const Def *hook, int64_t model, Place *out) {
    PlaceRead read;
    if (!place_check(scope, hook->stmt->value, model, &read)) return false;
    if (read.subject) {
        Diag *diag = scope_error(scope, read.subject_ast, "a hook is a place in no particular model");
        diag_help(scope->checker->diags, diag, "leave out '%.*s.' here; write %.*s.%.*s where the hook is read",
                  STR_ARG(read.subject->name), STR_ARG(read.subject->name), STR_ARG(hook->name));
        return false;
    }
    *out = read.place;
    return true;
}

// layers[24].z, embed, or a hook; then heads. `i` is the first link behind the subject.
static bool chain_place(const Scope *scope, const Chain *chain, size_t i, int64_t model, Place *out) {
    const ModelDef *in = model_at(scope, model);
    const Link *link = &chain->at[i];
    Str name = link_name(scope, link);
    const Def *def = def_named(scope->checker, name);
    if (str_is(name, "layers")) {
        if (!link->index || i + 1 == chain->len) {
            Ast whole = {.kind = AST_name, .text = name, .span = link->span};
            Diag *diag = scope_error(scope, &whole, "layers needs a number and a site");
            diag_help(scope->checker->diags, diag, "such as layers[0].resid_post");
            return false;
        }
        if (!layer_check(scope, link->index, in, &out->layer)) return false;
        link = &chain->at[++i];
        if (!site_named(link_name(scope, link), &out->site) || site_info[out->site].per != PER_LAYER)
            return link_error(scope, link, "site of a layer");
        if (site_missing(scope, link, in, out->site)) return false;
    } else if (def && def->stmt->kind == STMT_hook) {
        if (!hook_place(scope, def, model, out)) return false;
    } else if (!site_named(name, &out->site)) {
        return link_error(scope, link, "hook or site");
    } else if (site_info[out->site].per != PER_MODEL) {
        Ast whole = {.kind = AST_name, .text = name, .span = link->span};
        Diag *diag = scope_error(scope, &whole, "there is one %s a layer", site_info[out->site].name);
        diag_help(scope->checker->diags, diag, "such as layers[0].%s", site_info[out->site].name);
        return false;
    }
    if (!str_is(name, "layers") && link->index) {
        scope_error(scope, link->index, "'%.*s' has nothing to number", STR_ARG(link->name));
        return false;
    }
    if (++i < chain->len) {
        if (!str_is(chain->at[i].name, "heads")) return link_error(scope, &chain->at[i], "part of a site");
        if (!heads_check(scope, &chain->at[i], in, out)) return false;
        i++;
    }
    return i == chain->len || link_error(scope, &chain->at[i], "part of a site");
}

static void place_name(Arena *arena, Place *place) {
    Text text = text_open(arena);
    if (site_info[place->site].per == PER_LAYER) text_add(&text, "layers[%u].", place->layer);
    text_str(&text, str_of(site_info[place->site].name));
    for (size_t i = 0; i < place->heads.len; i++)
        text_add(&text, "%s%u", i ? ", " : ".heads[", place->heads.at[i]);
    if (place->heads.len) text_char(&text, ']');
    place->name = text_view(&text);
}

// Widths, the name and the canonical site, once everything else is known.
static void place_finish(const Scope *scope, int64_t model, Place *place) {
    const ModelDef *in = model_at(scope, model);
    place_name(scope->checker->arena, place);
    if (!in) return;
    uint32_t heads = site_heads(&in->model, place->site);
    place->width = site_width(&in->model, place->site);
    if (place->heads.len) place->width = place->width / heads * (uint32_t)place->heads.len;
}

static bool find_subject(const Scope *scope, const Chain *chain, PlaceRead *out, int64_t *model) {
    Str name = link_name(scope, &chain->at[0]);
    Def *def = def_named(scope->checker, name);
    if (!def || (def->stmt->kind != STMT_model && def->stmt->kind != STMT_run)) return true;
    if (chain->len == 1) {
        scope_error(scope, chain->at[0].ast, "'%.*s' is %s; which place in it?", STR_ARG(name), def_noun(def));
        return false;
    }
    out->subject = def;
    out->subject_ast = chain->at[0].ast;
    *model = def->index;
    if (def->stmt->kind == STMT_run) {
        const Def *of = def_value(scope, def->stmt->value, STMT_model);
        if (!of) return false;
        *model = of->index;
    }
    return true;
}

bool place_check(const Scope *scope, const Ast *ast, int64_t model, PlaceRead *out) {
    *out = (PlaceRead){.place = {.span = ast->span}};
    Chain chain = {0};
    const Ast *body = ast_value(scope, without_positions(ast));
    if (!chain_read(body, &chain)) {
        Diag *diag = scope_error(scope, body, "this is no place in a model");
        diag_help(scope->checker->diags, diag, "such as layers[0].resid_post @ end");
        return false;
    }
    if (!find_subject(scope, &chain, out, &model)) return false;
    if (!chain_place(scope, &chain, out->subject != NULL, model, &out->place)) return false;
    out->place.span = ast->span;
    if (ast->kind == AST_at) {
        if (span_known(out->place.at.span) && out->place.at.span.end) {
            Diag *diag = scope_error(scope, ast->kids.at[1], "the hook already names positions");
            diag_also(scope->checker->diags, diag, out->place.at.span, "here");
            return false;
        }
        if (!positions_check(scope, ast->kids.at[1], &out->place.at)) return false;
    } else if (!out->place.at.span.end) {
        Diag *diag = scope_error(scope, ast, "this place names no token positions");
        diag_help(scope->checker->diags, diag, "add @ end, @ last, @ first(k), @ content(k), @ all or @ [i]");
        return false;
    }
    place_finish(scope, model, &out->place);
    return true;
}
