// random.c: xoshiro256** (Blackman and Vigna 2018), seeded by four numbers of SplitMix64 (Steele, Lea and Flood 2014),
// which begins at the seed xor the FNV-1a hash (Fowler, Noll and Vo) of the use's name.
#include <math.h>

#include "mdx/random.h"

static uint64_t split_mix(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t rotated(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

Random random_open(uint64_t seed, const char *use) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char *c = use; *c; c++) hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
    uint64_t state = seed ^ hash;
    Random random;
    for (size_t i = 0; i < COUNT(random.state); i++) random.state[i] = split_mix(&state);
    return random;
}

uint64_t random_bits(Random *random) {
    uint64_t *s = random->state, out = rotated(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return out;
}

// The upper 32 bits times n, whose upper half is uniform once the few low halves that would favour some are drawn
// again (Lemire 2019).
uint32_t random_below(Random *random, uint32_t n) {
    MUST(n);
    uint32_t few = -n % n;
    for (;;) {
        uint64_t scaled = (random_bits(random) >> 32) * n;
        if ((uint32_t)scaled >= few) return (uint32_t)(scaled >> 32);
    }
}

double random_uniform(Random *random) {
    return (double)(random_bits(random) >> 11) * 0x1p-53;
}

// Box and Muller 1958; the second of each pair is not used.
double random_normal(Random *random) {
    double radius = sqrt(-2 * log(1 - random_uniform(random)));
    return radius * cos(2 * 3.14159265358979323846 * random_uniform(random));
}

// Fisher and Yates's shuffle, again until nothing stands in its place: e times on average, and every derangement is as
// likely as every other, which cycles alone (Sattolo) would not be.
void random_derangement(Random *random, uint32_t *order, uint32_t n) {
    MUST(n > 1);
    for (bool fixed = true; fixed;) {
        fixed = false;
        for (uint32_t i = 0; i < n; i++) order[i] = i;
        for (uint32_t i = n - 1; i > 0; i--) {
            uint32_t k = random_below(random, i + 1), kept = order[i];
            order[i] = order[k];
            order[k] = kept;
        }
        for (uint32_t i = 0; i < n; i++) fixed |= order[i] == i;
    }
}
