// bootstrap.c: draws by algebra are those of the drawn rows themselves; intervals cover the truth as often as they say;
// a thousand draws of the CKA of 32 layers take about half a second.
#include <math.h>
#include <time.h>

#include "check.h"
#include "mdx/random.h"
#include "runtime/bootstrap.h"
#include "runtime/cka.h"
#include "runtime/r2.h"

static Random randomness;

// Some rows of each prompt, whose sides have something in common.
static Sides some_sides(Arena *arena, uint32_t prompts, uint32_t most_rows, uint32_t x, uint32_t y) {
    uint64_t rows = 0;
    uint32_t *prompt = arena_many(arena, uint32_t, (size_t)prompts * most_rows);
    for (uint32_t p = 0; p < prompts; p++)
        for (uint32_t i = 1 + random_below(&randomness, most_rows); i; i--) prompt[rows++] = p;
    Sides sides = sides_open(arena, rows, x, y);
    sides.prompt = prompt;
    for (uint64_t i = 0; i < rows * x; i++) sides.states[0][i] = random_normal(&randomness);
    for (uint64_t i = 0; i < rows * y; i++)
        sides.states[1][i] = random_normal(&randomness) + sides.states[0][i / y * x + i % y % x];
    return sides;
}

static Draws some_draws(Arena *arena, uint32_t count, uint32_t prompts) {
    int32_t *taken = arena_many(arena, int32_t, (size_t)count * prompts);
    for (size_t i = 0; i < (size_t)count * prompts; i++) taken[i] = (int32_t)random_below(&randomness, prompts);
    return (Draws){count, prompts, taken};
}

// The rows that a draw takes, one after another.
static Sides drawn_rows(Arena *arena, const Sides *sides, const Draws *draws, uint32_t d) {
    Sides out = sides_open(arena, sides->rows * draws->prompts, sides->width[0], sides->width[1]);
    out.rows = 0;
    for (uint32_t i = 0; i < draws->prompts; i++) {
        for (uint64_t r = 0; r < sides->rows; r++) {
            if ((int32_t)sides->prompt[r] != draws->taken[d * draws->prompts + i]) continue;
            for (int s = 0; s < 2; s++)
                memcpy(out.states[s] + out.rows * out.width[s], sides->states[s] + r * out.width[s],
                       out.width[s] * sizeof(double));
            out.rows++;
        }
    }
    return out;
}

static bool near(double a, double b) {
    return (isnan(a) && isnan(b)) || fabs(a - b) < 1e-10 * (1 + fabs(b));
}

static void by_algebra(uint32_t prompts, uint32_t most_rows, uint32_t x, uint32_t y) {
    enum { COUNT_OF_DRAWS = 70 }; // more than a batch, and a part of one
    Arena *arena = arena_open();
    Sides sides = some_sides(arena, prompts, most_rows, x, y);
    Draws draws = some_draws(arena, COUNT_OF_DRAWS, prompts);
    double biased[COUNT_OF_DRAWS], debiased[COUNT_OF_DRAWS], shares[COUNT_OF_DRAWS];
    if (x == y) r2_draws(&sides, &draws, shares, arena);
    Sides centred = sides_open(arena, sides.rows, x, y);
    centred.prompt = sides.prompt;
    for (int s = 0; s < 2; s++)
        memcpy(centred.states[s], sides.states[s], sides.rows * sides.width[s] * sizeof(double));
    CHECK(sides_centre(&centred));
    cka_draws(&centred, &draws, false, biased, arena);
    cka_draws(&centred, &draws, true, debiased, arena);
    for (uint32_t d = 0; d < COUNT_OF_DRAWS; d++) {
        Sides drawn = drawn_rows(arena, &sides, &draws, d);
        if (x == y) CHECK(near(shares[d], r2(&drawn, arena)));
        bool varies = sides_centre(&drawn);
        CHECK(near(biased[d], varies ? cka(&drawn, false, arena) : NAN));
        CHECK(near(debiased[d], varies ? cka(&drawn, true, arena) : NAN));
    }
    arena_close(arena);
}

// How often the interval of a mean of 100 values (of mean 1) holds it, in 2000 experiments.
static double coverage(bool basic) {
    enum { TRIALS = 2000, VALUES = 100, DRAWN = 500 };
    uint32_t held = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double values[VALUES], drawn[DRAWN], mean = 0;
        for (int i = 0; i < VALUES; i++) {
            values[i] = 1 + random_normal(&randomness);
            mean += values[i] / VALUES;
        }
        for (int d = 0; d < DRAWN; d++) {
            drawn[d] = 0;
            for (int i = 0; i < VALUES; i++) drawn[d] += values[random_below(&randomness, VALUES)] / VALUES;
        }
        Interval interval = bootstrap_interval(mean, drawn, DRAWN, basic);
        held += interval.lo <= 1 && 1 <= interval.hi;
    }
    return (double)held / TRIALS;
}

static void intervals(void) {
    double drawn[] = {5, NAN, 1, 2, INFINITY, 3, 4};
    Interval percentile = bootstrap_interval(2, drawn, COUNT(drawn), false);
    CHECK(fabs(percentile.lo - 1.1) < 1e-12 && fabs(percentile.hi - 4.9) < 1e-12 && percentile.undefined == 2);
    double again[] = {5, 1, 2, 3, 4}, none[] = {NAN};
    Interval basic = bootstrap_interval(2, again, COUNT(again), true);
    CHECK(fabs(basic.lo + 0.9) < 1e-12 && fabs(basic.hi - 2.9) < 1e-12 && basic.undefined == 0);
    Interval undefined = bootstrap_interval(2, none, 1, false);
    CHECK(isnan(undefined.lo) && isnan(undefined.hi) && undefined.undefined == 1);
    for (int i = 0; i < 2; i++) {
        double share = coverage(i);
        printf("%s intervals hold the truth in %.1f %% of the experiments\n", i ? "basic" : "percentile", 100 * share);
        CHECK(share > 0.93 && share < 0.97);
    }
}

// Of processor time; kernels, which 4096 dimensions make dear, and draws.
static void speed(void) {
    enum { LAYERS = 32, PROMPTS = 150, WIDTH = 4096, DRAWN = 1000 };
    static double out[DRAWN];
    Arena *arena = arena_open();
    Draws draws = some_draws(arena, DRAWN, PROMPTS);
    Sides narrow = some_sides(arena, PROMPTS, 1, 64, 64), wide = some_sides(arena, PROMPTS, 1, WIDTH, WIDTH);
    sides_centre(&narrow), sides_centre(&wide);
    clock_t begin = clock();
    for (int layer = 0; layer < LAYERS; layer++) cka_draws(&narrow, &draws, false, out, arena);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    begin = clock();
    cka_draws(&wide, &draws, false, out, arena);
    double one = (double)(clock() - begin) / CLOCKS_PER_SEC;
    printf("%d draws of the CKA of %d layers: %.2f s; one layer of %d dimensions with its kernels: %.3f s\n", DRAWN,
           LAYERS, seconds, WIDTH, one);
#ifndef __SANITIZE_ADDRESS__
    CHECK(seconds < 2); // twice what it must be: the machine may have other work
#endif
    arena_close(arena);
}

int main(void) {
    randomness = random_open(1, "test");
    by_algebra(20, 1, 7, 7);
    by_algebra(9, 4, 30, 5);
    by_algebra(70, 3, 6, 6);
    by_algebra(3, 1, 4, 4);
    intervals();
    speed();
    return check_done();
}
