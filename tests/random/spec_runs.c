// spec_runs.c: hooks, patches and runs of random specs.
#include "spec.h"

static void define_hook(Gen *g) {
    Place place = some_place(g, some_where(g));
    Str name = new_name(g, "h");
    define(g, "hook %s = %s", name.at, place_text(g, &place).at);
    place.text = name;
    place.hook = true;
    list_push(g->arena, &g->hooks, place);
}

static Str patch_value(Gen *g, const Place *place, uint32_t model, uint32_t prompts) {
    Text value = text_open(g->arena);
    Want want = {
        place_width(g->models[model], place), place->where, model, prompts, .it = true, .otherwise = STR("it")};
    if (percent(g, 12))
        add_number(g, &value);
    else
        add_states(g, &value, &want, 1 + below(g, 2));
    return text_view(&value);
}

static Place written_place(Gen *g) {
    Place place;
    if (g->written.len && percent(g, 20))
        place = place_beside(g, pick_from(g, &g->written));
    else
        place = g->hooks.len && percent(g, 45) ? *pick_from(g, &g->hooks) : some_place(g, some_where(g));
    list_push(g->arena, &g->written, place);
    return place;
}

static Str new_patch(Gen *g, uint32_t model, uint32_t prompts) {
    Place place = written_place(g);
    PatchDef patch = {new_name(g, "w"), model, prompts};
    Str value = patch_value(g, &place, model, prompts);
    define(g, "patch %s = %s <- %s", patch.name.at, place_text(g, &place).at, value.at);
    list_push(g->arena, &g->patches, patch);
    return patch.name;
}

static bool patch_fits(const Gen *g, const PatchDef *patch, uint32_t model, uint32_t prompts) {
    return patch->prompts == prompts && g->models[patch->model]->shape == g->models[model]->shape;
}

static Str some_patch(Gen *g, uint32_t model, uint32_t prompts, uint32_t *next) {
    for (; *next < g->patches.len; ++*next)
        if (patch_fits(g, &g->patches.at[*next], model, prompts) && percent(g, 40))
            return g->patches.at[(*next)++].name;
    Str name = new_patch(g, model, prompts);
    *next = (uint32_t)g->patches.len;
    return name;
}

// Patches of earlier runs come first, each once; what they read are still earlier runs.
static void define_patched(Gen *g) {
    RunDef run = {new_name(g, "r"), below(g, g->model_count), percent(g, 80) ? 0 : below(g, g->prompts_count), true};
    Text with = text_open(g->arena);
    uint32_t next = 0, count = 1 + (percent(g, 50) ? below(g, 4) : 0);
    for (uint32_t i = 0; i < count; i++)
        text_add(&with, "%s%s", i ? ", " : "", some_patch(g, run.model, run.prompts, &next).at);
    define(g, "run %s = m%u on p%u with %s", run.name.at, run.model, run.prompts, with.at);
    list_push(g->arena, &g->runs, run);
}

uint32_t some_clean_run(Gen *g, uint32_t model, uint32_t prompts) {
    for (uint32_t i = 0; i < g->runs.len; i++)
        if (!g->runs.at[i].patched && g->runs.at[i].model == model && g->runs.at[i].prompts == prompts) return i;
    RunDef run = {new_name(g, "c"), model, prompts, false};
    define(g, "run %s = m%u on p%u", run.name.at, model, prompts);
    list_push(g->arena, &g->runs, run);
    return (uint32_t)g->runs.len - 1;
}

uint32_t run_beside(Gen *g, uint32_t run) {
    uint32_t prompts = g->runs.at[run].prompts;
    for (int tries = 0; tries < 6; tries++) {
        uint32_t other = below(g, (uint32_t)g->runs.len);
        if (other != run && g->runs.at[other].prompts == prompts) return other;
    }
    return some_clean_run(g, g->runs.at[run].model, prompts);
}

void define_runs(Gen *g) {
    for (uint32_t i = below(g, 3); i; i--) define_hook(g);
    if (percent(g, 50)) some_clean_run(g, 0, 0);
    for (uint32_t i = 1 + below(g, 4); i; i--) define_patched(g);
}
