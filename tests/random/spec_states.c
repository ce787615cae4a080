// spec_states.c: expressions of states: reads, arithmetic, maps, projections.
#include "spec.h"

bool tokens_fit(const Gen *g, Where where, uint32_t a, uint32_t b) {
    bool fixed = where.each != 0 && where.each != SWEPT;
    return fixed || g->models[a]->tokenizer == g->models[b]->tokenizer;
}

// ---- Reads

// A place of this width in the model, or false after some tries.
static bool find_place(Gen *g, uint32_t model, const Want *want, Place *out) {
    for (int tries = 0; tries < 20; tries++) {
        bool hook = g->hooks.len && percent(g, 40);
        *out = hook ? *pick_from(g, &g->hooks) : some_place(g, where_like(g, want->where));
        if (place_width(g->models[model], out) != want->width) continue;
        if (!hook || str_eq(out->where.text, want->where.text)) return true;
        if (out->where.each == want->where.each && out->where.each && out->where.each != SWEPT) return true;
    }
    return false;
}

static void add_read(Gen *g, Text *out, const Want *want) {
    Place place;
    uint32_t model = below(g, g->model_count);
    const RunDef *run = !want->clean && g->runs.len && percent(g, 40) ? pick_from(g, &g->runs) : NULL;
    if (run && run->prompts != want->prompts) run = NULL;
    if (run) model = run->model;
    if (!tokens_fit(g, want->where, model, want->stream) || !find_place(g, model, want, &place)) {
        text_str(out, want->otherwise);
        return;
    }
    Str name = run ? run->name : str_format(g->arena, "m%u", model);
    text_add(out, "%s.%s", name.at, place_text(g, &place).at);
}

// ---- Numbers

static void add_constant(Gen *g, Text *out) {
    static const char *const constants[] = {"0.5", "0.5", "2", "1", "0", "-1"};
    static const char *const wild[] = {"1e30", "(1 / 0)", "(0 / 0)", "1e-10"};
    text_str(out, str_of(g->wild && percent(g, 30) ? pick(g, wild) : pick(g, constants)));
}

void add_number(Gen *g, Text *out) {
    const SweepDef *sweep = percent(g, 50) ? some_sweep(g, AXIS_NUMBER) : NULL;
    uint32_t kind = below(g, 10);
    if (!sweep) {
        add_constant(g, out);
    } else if (kind < 7) {
        text_str(out, sweep->name);
    } else if (kind < 8) {
        text_add(out, "(1 - %s)", sweep->name.at);
    } else {
        text_add(out, "%s * ", sweep->name.at);
        add_constant(g, out);
    }
}

// ---- Maps and subspaces

// Prompts to fit on: if possible several.
static Str fit_prompts(Gen *g, uint32_t *index) {
    *index = below(g, g->prompts_count);
    for (int tries = 0; tries < 3 && g->prompts[*index] < 2; tries++) *index = below(g, g->prompts_count);
    return str_format(g->arena, "p%u", *index);
}

// States for a fit, of any width; their text goes to `out`.
static Want fit_states(Gen *g, Text *out, Where where, uint32_t model, uint32_t prompts, uint32_t width) {
    Place place = some_place(g, where);
    for (int tries = 0; tries < 40; tries++) {
        bool wide = place.class == CLASS_VOCAB && percent(g, 95); // spans fewer directions than it is wide
        if (!wide && (width == ANY_WIDTH || place_width(g->models[model], &place) == width)) break;
        place = some_place(g, where);
    }
    Want want = {place_width(g->models[model], &place), where, model, prompts, .clean = percent(g, 70)};
    want.plain = percent(g, 95);
    Text read = text_open(g->arena);
    text_add(&read, "m%u.%s", model, place_text(g, &place).at);
    want.otherwise = text_view(&read);
    if (percent(g, 80))
        text_str(out, want.otherwise);
    else
        add_states(g, out, &want, 1);
    return want;
}

static Str procrustes_text(Gen *g, uint32_t in, uint32_t out) {
    Text text = text_open(g->arena);
    bool whiten = percent(g, 40);
    const SweepDef *scale = percent(g, 15) ? some_sweep(g, AXIS_FLAG) : NULL;
    text_add(&text, "procrustes(scale: %s", scale ? scale->name.at : percent(g, 50) ? "true" : "false");
    if (whiten) text_add(&text, ", whiten: true, shrink: %s", percent(g, 70) ? "0.1" : "0.5");
    if (percent(g, 30)) text_add(&text, ", rank: %u", 1 + below(g, MIN(in, out)));
    text_char(&text, ')');
    return text_view(&text);
}

static Str fit_text(Gen *g, uint32_t in, uint32_t out) {
    uint32_t which = below(g, 100);
    if (which < 25) return STR("mean()");
    if (which < 35) return str_format(g->arena, "random_rotation(%u)", below(g, 3));
    if (which < 50) return str_format(g->arena, "ridge(%s, standardize: false, rank: %u)", percent(g, 50) ? "1" : "30", 1 + below(g, MIN(in, out)));
    if (which < 60) return str_format(g->arena, "ridge(%s, standardize: false)", percent(g, 50) ? "0.5" : "10");
    return procrustes_text(g, in, out);
}

// Centred rows span one direction less than there are.
static uint32_t pca_rank(Gen *g, Where where, uint32_t prompts, uint32_t width) {
    uint32_t least = where.each == SWEPT ? 1 : where.each ? where.each : g->least_tokens;
    uint32_t rows = least * g->prompts[prompts];
    return percent(g, 3) ? 4 : 1 + below(g, MIN(MIN(width, 4u), MAX(rows, 2u) - 1));
}

static const MapDef *new_map(Gen *g, uint32_t width) {
    uint32_t prompts, from = below(g, g->model_count), to = below(g, g->model_count);
    Str on = fit_prompts(g, &prompts);
    MapDef map = {.name = new_name(g, "M")};
    if (percent(g, 15)) {
        define(g, "mapper %s = identity()", map.name.at);
    } else {
        Where where = percent(g, 50) ? (Where){STR("all"), 0} : some_where(g);
        if (!tokens_fit(g, where, from, to)) where = where_of_one(g);
        Text x = text_open(g->arena), y = text_open(g->arena);
        map.in = fit_states(g, &x, where, from, prompts, percent(g, 60) ? width : ANY_WIDTH).width;
        map.out = fit_states(g, &y, where, to, prompts, width).width;
        uint32_t inside = percent(g, 20) ? pca_rank(g, where, prompts, MIN(map.in, map.out)) : 0;
        if (inside > MIN(map.in, map.out)) inside = 0;
        Str fit = inside ? fit_text(g, inside, inside) : fit_text(g, map.in, map.out);
        const char *outside = percent(g, 50) ? "mean" : map.in == map.out && percent(g, 50) ? "keep" : "zero";
        Str in = inside ? str_format(g->arena, " in pca(%u, outside: %s)", inside, outside) : STR("");
        Str per = percent(g, 10) ? str_format(g->arena, " per kmeans(%u, %u)", 1 + below(g, 3), below(g, 3)) : STR("");
        define(g, "mapper %s = %s%.*s from %s to %s on %s%.*s", map.name.at, fit.at, STR_ARG(in), x.at, y.at, on.at,
               STR_ARG(per));
    }
    list_push(g->arena, &g->maps, map);
    return &g->maps.at[g->maps.len - 1];
}

// A map to states of this width, or NULL.
static const MapDef *map_to(Gen *g, uint32_t width) {
    for (size_t i = 0; i < g->maps.len; i++) {
        const MapDef *map = &g->maps.at[i];
        if ((map->out == width || map->out == ANY_WIDTH) && percent(g, 60)) return map;
    }
    const MapDef *map = g->maps.len < 3 ? new_map(g, width) : NULL;
    return map && (map->out == width || map->out == ANY_WIDTH) ? map : NULL;
}

static const MapDef *new_basis(Gen *g, uint32_t width) {
    uint32_t prompts, model = below(g, g->model_count), other = below(g, g->model_count);
    Str on = fit_prompts(g, &prompts);
    MapDef basis = {.name = new_name(g, "S")};
    Where where = some_where(g);
    Text x = text_open(g->arena), y = text_open(g->arena);
    basis.in = basis.out = fit_states(g, &x, where, model, prompts, width).width;
    Where beside = tokens_fit(g, where, model, other) ? where_like(g, where) : where;
    bool same =
        fit_states(g, &y, beside, other, prompts, basis.in).width == basis.in && tokens_fit(g, where, model, other);
    if (same && !str_eq(text_view(&x), text_view(&y)) && percent(g, 40))
        define(g, "subspace %s = diff_of_means(%s, %s, on: %s)", basis.name.at, x.at, y.at, on.at);
    else
        define(g, "subspace %s = pca(%s, rank: %u, on: %s%s)", basis.name.at, x.at,
               pca_rank(g, where, prompts, basis.in), on.at, percent(g, 30) ? ", center: false" : "");
    list_push(g->arena, &g->bases, basis);
    return &g->bases.at[g->bases.len - 1];
}

static const MapDef *basis_of(Gen *g, uint32_t width) {
    for (size_t i = 0; i < g->bases.len; i++)
        if (g->bases.at[i].in == width && percent(g, 60)) return &g->bases.at[i];
    const MapDef *basis = g->bases.len < 2 ? new_basis(g, width) : NULL;
    return basis && basis->in == width ? basis : NULL;
}

// An expression of the width `in`, for which there may be no place: then false, and nothing is added.
static bool add_input(Gen *g, Text *out, const Want *want, uint32_t in, uint32_t depth) {
    Want inner = *want;
    Place place;
    inner.width = in;
    if (in != want->width) {
        uint32_t model = want->stream;
        if (!find_place(g, model, &inner, &place)) return false;
        inner.it = false;
        inner.otherwise = str_format(g->arena, "m%u.%s", model, place_text(g, &place).at);
    }
    add_states(g, out, &inner, depth);
    return true;
}

static bool add_mapped(Gen *g, Text *out, const Want *want, uint32_t depth) {
    bool project = percent(g, 35);
    const MapDef *map = project ? basis_of(g, want->width) : map_to(g, want->width);
    if (!map) return false;
    Str name = map->name;
    Text inner = text_open(g->arena);
    if (!add_input(g, &inner, want, map->in == ANY_WIDTH ? want->width : map->in, depth)) return false;
    text_add(out, project ? "project(%s, %s)" : "%s(%s)", name.at, inner.at);
    return true;
}

// ---- All

static void add_two(Gen *g, Text *out, const Want *want, const char *between, uint32_t depth) {
    text_char(out, '(');
    add_states(g, out, want, depth);
    text_str(out, str_of(between));
    add_states(g, out, want, depth);
    text_char(out, ')');
}

static void add_scaled(Gen *g, Text *out, const Want *want, uint32_t depth) {
    add_number(g, out);
    text_str(out, STR(" * "));
    add_states(g, out, want, depth);
}

static void add_divided(Gen *g, Text *out, const Want *want, uint32_t depth) {
    add_states(g, out, want, depth);
    text_str(out, STR(" / "));
    if (g->wild)
        add_number(g, out);
    else
        text_str(out, STR("2"));
}

// it + alpha * (E - it)
static void add_steered(Gen *g, Text *out, const Want *want, uint32_t depth) {
    text_str(out, STR("it + "));
    add_number(g, out);
    text_str(out, STR(" * ("));
    add_states(g, out, want, depth);
    text_str(out, STR(" - it)"));
}

void add_states(Gen *g, Text *out, const Want *want, uint32_t depth) {
    uint32_t kind = depth ? below(g, 100) : below(g, 40);
    if (kind < 28) {
        add_read(g, out, want);
    } else if (kind < 40) {
        text_str(out, want->it ? STR("it") : want->otherwise);
    } else if (kind < 55) {
        add_scaled(g, out, want, depth - 1);
    } else if (kind < 70 && want->it) {
        add_steered(g, out, want, depth - 1);
    } else if (kind < 84 && !want->plain) {
        if (!add_mapped(g, out, want, depth - 1)) add_read(g, out, want);
    } else if (kind < 88) {
        add_divided(g, out, want, depth - 1);
    } else if (kind < 90) {
        text_str(out, STR("-"));
        add_states(g, out, want, 0);
    } else {
        add_two(g, out, want, kind < 95 ? " + " : " - ", depth - 1);
    }
}
