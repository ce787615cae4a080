// random.h: random choices that are the same everywhere: xoshiro256** seeded through SplitMix64.
//
// Each use has a stream of its own: what a seed gives a rotation says nothing about the order that it gives prompts.
#pragma once

#include "mdx/base.h"

typedef struct {
    uint64_t state[4];
} Random;

Random random_open(uint64_t seed, const char *use);
uint64_t random_bits(Random *random);
uint32_t random_below(Random *random, uint32_t n); // uniform on 0 … n - 1; n above 0
double random_uniform(Random *random);             // uniform on [0, 1), 53 bits
double random_normal(Random *random);              // of mean 0 and variance 1
// order[i] becomes a uniform permutation of 0 … n - 1 that leaves none in its place; n above 1.
void random_derangement(Random *random, uint32_t *order, uint32_t n);
