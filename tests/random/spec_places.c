// spec_places.c: sweeps, token positions and places of random specs.
#include "spec.h"

Str new_name(Gen *g, const char *stem) {
    return str_format(g->arena, "%s%u", stem, g->names++);
}

void define(Gen *g, const char *format, ...) {
    Text text = text_open(g->arena);
    va_list args;
    va_start(args, format);
    text_add_list(&text, format, args);
    va_end(args);
    list_push(g->arena, &g->statements, text_view(&text));
}

static uint32_t least_of(const Gen *g, size_t offset) {
    uint32_t least = UINT32_MAX;
    for (uint32_t i = 0; i < g->model_count; i++)
        least = MIN(least, *(const uint32_t *)((const char *)g->models[i] + offset));
    return least;
}

#define least_in_models(g, field) least_of((g), offsetof(WorldModel, field))

// ---- Sweeps

static const char *const numbers[] = {"0", "0.5", "1", "-1", "2", "0.25", "3", "-0.3"};
static const char *const flags[] = {"false", "true"};
static const char *const sites_d[] = {"resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post"};
static const char *const sites_q[] = {"q_pre", "q", "z"};
static const char *const sites_kv[] = {"k_pre", "k", "v"};
static const char *const ones[] = {"end", "last", "first(1)", "[0]", "[-1]"};
static const char *const many[] = {"end", "all", "first(1)", "[-1]", "last(1)"};

typedef struct {
    const char *const *from;
    size_t count;
} Words;

static Words words_of(AxisKind kind) {
    static const Words words[AXIS_KINDS] = {
        [AXIS_NUMBER] = {numbers, COUNT(numbers)}, [AXIS_SITE_D] = {sites_d, COUNT(sites_d)},
        [AXIS_SITE_Q] = {sites_q, COUNT(sites_q)}, [AXIS_SITE_KV] = {sites_kv, COUNT(sites_kv)},
        [AXIS_ONE] = {ones, COUNT(ones)},          [AXIS_ANY] = {many, COUNT(many)},
        [AXIS_FLAG] = {flags, COUNT(flags)},
    };
    return words[kind];
}

// How many values a sweep of the kind can have.
static uint32_t most_values(const Gen *g, AxisKind kind) {
    if (kind == AXIS_LAYER) return least_in_models(g, layers);
    if (kind == AXIS_HEAD) return least_in_models(g, kv_heads);
    if (kind == AXIS_COUNT) return g->least_tokens;
    return (uint32_t)words_of(kind).count;
}

static Str value_of(Gen *g, AxisKind kind, uint32_t i) {
    if (kind == AXIS_LAYER || kind == AXIS_HEAD) return str_format(g->arena, "%u", i);
    if (kind == AXIS_COUNT) return str_format(g->arena, "%u", i + 1);
    return str_of(words_of(kind).from[i]);
}

// `count` of the kind's values, in any order.
static void add_values(Gen *g, AxisKind kind, uint32_t most, uint32_t count, Text *out) {
    uint32_t left[16];
    MUST(most <= COUNT(left));
    for (uint32_t i = 0; i < most; i++) left[i] = i;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = below(g, most - i);
        text_add(out, "%s%.*s", i ? ", " : "", STR_ARG(value_of(g, kind, left[k])));
        left[k] = left[most - i - 1];
    }
}

static const SweepDef *new_sweep(Gen *g, AxisKind kind) {
    static const char *const stems[AXIS_KINDS] = {"alpha", "layer", "head",  "site", "qsite",
                                                  "ksite", "token", "where", "n",    "flag"};
    uint32_t most = most_values(g, kind), room = MOST_POINTS / g->points;
    if (MIN(most, room) < 2) return NULL;
    uint32_t count = 2 + below(g, MIN(MIN(most, room), 4u) - 1);
    SweepDef sweep = {new_name(g, stems[kind]), kind};
    Text values = text_open(g->arena);
    add_values(g, kind, most, count, &values);
    define(g, "sweep %s in [%s]", sweep.name.at, values.at);
    g->points *= count;
    list_push(g->arena, &g->sweeps, sweep);
    return &g->sweeps.at[g->sweeps.len - 1];
}

const SweepDef *some_sweep(Gen *g, AxisKind kind) {
    for (size_t i = 0; i < g->sweeps.len; i++)
        if (g->sweeps.at[i].kind == kind && percent(g, 70)) return &g->sweeps.at[i];
    return new_sweep(g, kind);
}

// ---- Positions

Where where_of_one(Gen *g) {
    const SweepDef *sweep = percent(g, 8) ? some_sweep(g, AXIS_ONE) : NULL;
    if (sweep) return (Where){sweep->name, 1};
    uint32_t i = below(g, g->least_tokens);
    switch (below(g, 8)) {
    case 0: return (Where){STR("last"), 1};
    case 1: return (Where){STR("first(1)"), 1};
    case 2: return (Where){str_format(g->arena, "[%u]", i), 1};
    case 3: return (Where){str_format(g->arena, "[-%u]", i + 1), 1};
    default: return (Where){STR("end"), 1};
    }
}

static Where where_of_each(Gen *g, uint32_t each) {
    static const char *const words[] = {"first", "last", "content"};
    return (Where){str_format(g->arena, "%s(%u)", pick(g, words), each), each};
}

Where some_where(Gen *g) {
    const SweepDef *sweep = percent(g, 6) ? some_sweep(g, percent(g, 70) ? AXIS_ANY : AXIS_COUNT) : NULL;
    if (sweep && sweep->kind == AXIS_ANY) return (Where){sweep->name, SWEPT};
    if (sweep) return (Where){str_format(g->arena, "last(%s)", sweep->name.at), SWEPT};
    uint32_t kind = below(g, 100);
    if (kind < 55) return where_of_one(g);
    if (kind < 75) return (Where){STR("all"), 0};
    return where_of_each(g, 1 + below(g, g->least_tokens));
}

Where where_like(Gen *g, Where where) {
    if (percent(g, 65) || !where.each || where.each == SWEPT) return where;
    return where.each == 1 ? where_of_one(g) : where_of_each(g, where.each);
}

// ---- Places

static void add_heads(Gen *g, Place *place) {
    if (place->class != CLASS_Q && place->class != CLASS_KV) return;
    bool keys = place->class == CLASS_KV;
    uint32_t heads = keys ? least_in_models(g, kv_heads) : least_in_models(g, heads), first = below(g, heads);
    const SweepDef *sweep = percent(g, 15) ? some_sweep(g, AXIS_HEAD) : NULL;
    place->heads = 1;
    if (sweep) {
        place->text = str_format(g->arena, "%s.heads[%s]", place->text.at, sweep->name.at);
    } else if (first + 1 < heads && percent(g, 40)) {
        place->heads = 2;
        const char *format = percent(g, 50) ? "%s.heads[%u..%u]" : "%s.heads[%u, %u]";
        place->text = str_format(g->arena, format, place->text.at, first, first + 1);
    } else {
        place->text = str_format(g->arena, "%s.heads[%u]", place->text.at, first);
    }
}

static Str layer_text(Gen *g) {
    const SweepDef *sweep = percent(g, 10) ? some_sweep(g, AXIS_LAYER) : NULL;
    uint32_t layers = least_in_models(g, layers);
    if (sweep) return sweep->name;
    return percent(g, 15) ? str_format(g->arena, "-%u", 1 + below(g, layers))
                          : str_format(g->arena, "%u", below(g, layers));
}

static Str site_text(Gen *g, WidthClass class) {
    static const AxisKind kinds[] = {[CLASS_D] = AXIS_SITE_D, [CLASS_Q] = AXIS_SITE_Q, [CLASS_KV] = AXIS_SITE_KV};
    if (class == CLASS_FFN) return STR("mlp_act");
    const SweepDef *sweep = percent(g, 6) ? some_sweep(g, kinds[class]) : NULL;
    Words words = words_of(kinds[class]);
    return sweep ? sweep->name : str_of(words.from[below(g, (uint32_t)words.count)]);
}

Place some_place(Gen *g, Where where) {
    static const WidthClass classes[] = {CLASS_D, CLASS_D,  CLASS_D,  CLASS_D,  CLASS_D,   CLASS_Q,
                                         CLASS_Q, CLASS_KV, CLASS_KV, CLASS_KV, CLASS_FFN, CLASS_VOCAB};
    Place place = {.class = pick(g, classes), .where = where};
    if (place.class == CLASS_VOCAB) {
        place.text = STR("logits");
    } else if (place.class == CLASS_D && percent(g, 15)) {
        place.text = percent(g, 50) ? STR("embed") : STR("final_norm");
    } else {
        Str layer = layer_text(g);
        place.text = str_format(g->arena, "layers[%s].%s", layer.at, site_text(g, place.class).at);
    }
    place.bare = place.text;
    if (percent(g, 35)) add_heads(g, &place);
    return place;
}

Place place_beside(Gen *g, const Place *place) {
    Place out = {.text = place->bare, .bare = place->bare, .class = place->class, .where = some_where(g)};
    if (percent(g, 60)) add_heads(g, &out);
    return out;
}

uint32_t place_width(const WorldModel *model, const Place *place) {
    switch (place->class) {
    case CLASS_D: return model->d;
    case CLASS_Q: return (place->heads ? place->heads : model->heads) * model->d_head;
    case CLASS_KV: return (place->heads ? place->heads : model->kv_heads) * model->d_head;
    case CLASS_FFN: return model->ffn;
    case CLASS_VOCAB: return WORLD_VOCAB;
    }
    BUG("no such width");
}

Str place_text(Gen *g, const Place *place) {
    if (place->hook) return place->text;
    return str_format(g->arena, "%s @ %s", place->text.at, place->where.text.at);
}
