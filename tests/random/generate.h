// generate.h: random specs over the models and prompts of world.h.
#pragma once

#include "chance.h"
#include "world.h"

typedef struct {
    Str spec;
    Str ties;  // more reports: the logits behind every metric that counts or compares them
    bool wild; // something in it divides by zero or leaves the range of float32
} Generated;

// Nearly always legal; at most about MOST_POINTS points in all.
Generated generate(Arena *arena, uint64_t seed);
