// spec.h: a random spec on its way: what is defined so far, and how each part of one is made.
#pragma once

#include "generate.h"

enum { MOST_POINTS = 16, ANY_WIDTH = 0, SWEPT = UINT32_MAX };

// What a sweep chooses.
typedef enum {
    AXIS_NUMBER,
    AXIS_LAYER,
    AXIS_HEAD,
    AXIS_SITE_D,
    AXIS_SITE_Q,
    AXIS_SITE_KV,
    AXIS_ONE,   // positions of one token a prompt
    AXIS_ANY,   // positions of any number of tokens
    AXIS_COUNT, // whole numbers from 1 on that every prompt has tokens for
    AXIS_FLAG,
    AXIS_KINDS,
} AxisKind;

typedef struct {
    Str name;
    AxisKind kind;
} SweepDef;

// Token positions: `each` tokens a prompt (0: all; SWEPT: it depends).
typedef struct {
    Str text;
    uint32_t each;
} Where;

typedef enum { CLASS_D, CLASS_Q, CLASS_KV, CLASS_FFN, CLASS_VOCAB } WidthClass;

// "layers[1].z.heads[0, 2]", or the name of a hook, which brings its positions.
typedef struct {
    Str text, bare; // bare: without heads
    WidthClass class;
    uint32_t heads; // 0: all
    Where where;
    bool hook;
} Place;

typedef struct {
    Str name;
    uint32_t model, prompts;
    bool patched;
} RunDef;

typedef struct {
    Str name;
    uint32_t in, out; // widths; of the identity ANY_WIDTH
} MapDef;

typedef struct {
    Str name;
    uint32_t model, prompts; // of the runs that it fits
} PatchDef;

typedef struct {
    Str name;
    bool number;   // else one value a prompt
    bool interval; // of which no formula is made
} MetricDef;

typedef struct {
    Arena *arena;
    Random random;
    bool wild; // divides by zero, leaves the range of float32
    uint32_t model_count, prompts_count;
    const WorldModel *models[2];
    uint32_t prompts[2]; // how many there are
    uint32_t least_tokens, points;
    StrList statements;
    LIST(SweepDef) sweeps;
    LIST(Place) hooks;
    LIST(RunDef) runs;
    LIST(MapDef) maps, bases;
    LIST(PatchDef) patches;
    LIST(Place) written;
    LIST(MetricDef) metrics;
    Text ties;
    uint32_t names; // that were given
} Gen;

static inline uint32_t below(Gen *g, uint32_t limit) {
    return random_below(&g->random, limit);
}

static inline bool percent(Gen *g, uint32_t share) {
    return random_percent(&g->random, share);
}

#define pick(g, array)     ((array)[below((g), COUNT(array))])
#define pick_from(g, list) (&(list)->at[below((g), (uint32_t)(list)->len)])

Str new_name(Gen *g, const char *stem);
void define(Gen *g, const char *format, ...) PRINTF_LIKE(2, 3); // adds a statement

// ---- spec_places.c
// A sweep of the kind: one that is there, or a new one; NULL when the spec has enough points.
const SweepDef *some_sweep(Gen *g, AxisKind kind);
Where some_where(Gen *g);
Where where_of_one(Gen *g);            // one token a prompt
Where where_like(Gen *g, Where where); // as many tokens of each prompt
Place some_place(Gen *g, Where where);
// The same site of the same layer, other heads and tokens.
Place place_beside(Gen *g, const Place *place);
uint32_t place_width(const WorldModel *model, const Place *place);
Str place_text(Gen *g, const Place *place); // with its positions

// ---- spec_states.c
// What states have to be: the width, the tokens, where they are computed.
typedef struct {
    uint32_t width;
    Where where;
    uint32_t stream; // the model whose tokens they stand on
    uint32_t prompts;
    bool it;       // inside a patch
    bool clean;    // from models alone
    bool plain;    // without maps, which bring states to few directions
    Str otherwise; // an expression that always fits
} Want;

void add_states(Gen *g, Text *out, const Want *want, uint32_t depth);
void add_number(Gen *g, Text *out);
// Whether states on `where` of model a's tokens can go to model b's.
bool tokens_fit(const Gen *g, Where where, uint32_t a, uint32_t b);

// ---- spec_runs.c
void define_runs(Gen *g);
uint32_t some_clean_run(Gen *g, uint32_t model, uint32_t prompts); // index of one that has no patches
// Index of a run on the same prompts as `run`; perhaps itself.
uint32_t run_beside(Gen *g, uint32_t run);

// ---- spec_metrics.c
void define_metrics(Gen *g);
void define_reports(Gen *g);
