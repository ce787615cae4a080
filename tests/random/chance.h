// chance.h: pseudo-random choices (xorshift64*): the same seed gives the same choices everywhere.
#pragma once

#include "mdx/base.h"

typedef struct {
    uint64_t state;
} Random;

// Neighbouring seeds give unlike sequences.
static inline Random random_open(uint64_t seed) {
    uint64_t h = (seed + 1) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return (Random){(h ^ h >> 31) | 1};
}

static inline uint32_t random_below(Random *random, uint32_t limit) {
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return (uint32_t)((random->state * 0x2545f4914f6cdd1du) >> 33) % limit;
}

static inline bool random_percent(Random *random, uint32_t percent) {
    return random_below(random, 100) < percent;
}

// From -1 to 1, evenly.
static inline double random_even(Random *random) {
    return random_below(random, 1u << 30) * 0x1p-29 - 1;
}

// About normal, of deviation 1.
static inline double random_normal(Random *random) {
    double sum = 0;
    for (int i = 0; i < 6; i++) sum += random_even(random);
    return sum * 0.70710678118654752;
}
