// controls.h: `report controls(M, ...)` as statements of the language.
#pragma once

#include "compiler/parse.h"

// Adds what the controls of a spec's reports stand for to its statements. A report that says too little, or something
// wrong, is left alone: controls_of says later what that is.
void controls_expand(Arena *arena, Spec *spec, Diags *diags);

// One side of the map: `base.attn` is the place `attn` of the model `base`.
typedef struct {
    Str model;
    Str read, place; // as they are written: "base.attn", "attn"
    const Ast *of;   // the place itself, of a hook what it stands for
} ControlSide;

typedef struct {
    const Stmt *map; // M
    ControlSide from, to;
    Str prefix;                  // of the names of all that is made: "M_"
    Str on, bogus, early, alpha; // as they are written; alpha empty: auto
    Ast *layers[2];              // bogus, early
    uint32_t seeds, draws;
    uint64_t seed;
    bool pairs; // there are pairs to shuffle
} Controls;

// Reads a report's arguments, in the order of its signature. NULL when they are fine, else what is wrong, with the
// argument where it is.
const char *controls_of(Arena *arena, const Spec *spec, const Ast *report, const Ast *const args[], Controls *out,
                        const Ast **where);
