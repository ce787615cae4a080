// generate.c: one random spec: models and prompts, then everything else, in any order.
#include "spec.h"

static void define_model(Gen *g, uint32_t model) {
    define(g, "model m%u = hf(\"%s\")", g->model_count, world_models[model].name);
    g->models[g->model_count++] = &world_models[model];
}

static void define_prompts(Gen *g, uint32_t prompts, bool chat) {
    const WorldPrompts *def = &world_prompts[prompts];
    uint32_t most = world_prompt_count(def), taken = percent(g, 10) ? MIN(most, 1 + below(g, 3)) : most;
    Str limit = taken < most ? str_format(g->arena, ", limit: %u", taken) : STR("");
    g->prompts[g->prompts_count] = taken;
    define(g, "prompts p%u = jsonl(\"%s.jsonl\", text: \"text\"%s%s)", g->prompts_count++, def->name,
           chat ? ", chat: true" : "", limit.at);
    for (uint32_t i = 0; i < g->model_count; i++)
        g->least_tokens = MIN(g->least_tokens, world_least_tokens(def, g->models[i]->tokenizer));
}

// Mostly one model or two that states can go between.
static void define_sources(Gen *g) {
    static const uint32_t others[][2] = {{0, 1}, {0, 1}, {0, 1}, {1, 0}, {0, 2}, {2, 0}, {0, 3}, {3, 1}};
    bool two = percent(g, 65);
    if (two) {
        const uint32_t *both = others[below(g, COUNT(others))];
        define_model(g, both[0]);
        define_model(g, both[1]);
    } else {
        define_model(g, below(g, WORLD_MODELS));
    }
    g->least_tokens = UINT32_MAX;
    uint32_t first = percent(g, 6) ? ONE_PROMPT : below(g, ONE_PROMPT);
    define_prompts(g, first, percent(g, 20));
    // Others than the first: what is fitted on prompts is not measured on the same texts under another name.
    if (percent(g, 40)) define_prompts(g, (first + 1 + below(g, ONE_PROMPT - 1)) % ONE_PROMPT, percent(g, 20));
}

// Definitions may stand in any order: sweeps and reports then come in any order too.
static Str shuffled(Gen *g) {
    Text out = text_open(g->arena);
    for (size_t left = g->statements.len; left; left--) {
        size_t k = percent(g, 50) ? 0 : below(g, (uint32_t)left);
        text_add(&out, "%.*s\n", STR_ARG(g->statements.at[k]));
        memmove(&g->statements.at[k], &g->statements.at[k + 1], (left - k - 1) * sizeof *g->statements.at);
    }
    return text_view(&out);
}

Generated generate(Arena *arena, uint64_t seed) {
    Gen g = {.arena = arena, .random = random_open(seed), .points = 1, .ties = text_open(arena)};
    g.wild = percent(&g, 4);
    define_sources(&g);
    define_runs(&g);
    define_metrics(&g);
    define_reports(&g);
    Str spec = shuffled(&g);
    return (Generated){spec, text_view(&g.ties), g.wild};
}
