// cka.c: closed forms: rotated data, independent data near its bias, and near 0 without it; both forms give the same.
#include <math.h>

#include "check.h"
#include "mdx/random.h"
#include "runtime/cka.h"

static Random randomness;

static Sides normal_sides(Arena *arena, uint64_t rows, uint32_t x, uint32_t y) {
    Sides sides = sides_open(arena, rows, x, y);
    for (int s = 0; s < 2; s++)
        for (uint64_t i = 0; i < rows * sides.width[s]; i++) sides.states[s][i] = random_normal(&randomness);
    return sides;
}

// Its first side turned in each plane (c, c + 1), scaled and moved.
static void rotate(const Sides *sides) {
    uint32_t d = sides->width[0];
    for (uint64_t r = 0; r < sides->rows; r++) {
        double *y = sides->states[1] + r * d;
        memcpy(y, sides->states[0] + r * d, d * sizeof *y);
        for (uint32_t c = 0; c + 1 < d; c++) {
            double a = cos(c + 1.0) * y[c] - sin(c + 1.0) * y[c + 1], b = sin(c + 1.0) * y[c] + cos(c + 1.0) * y[c + 1];
            y[c] = a, y[c + 1] = b;
        }
        for (uint32_t c = 0; c < d; c++) y[c] = 3 * y[c] + c;
    }
}

static double value_of(Sides *sides, bool debiased, Arena *arena) {
    return sides_centre(sides) ? cka(sides, debiased, arena) : NAN;
}

static void rotations(Arena *arena) {
    static const uint32_t rows[] = {2, 5, 8, 30};
    for (size_t i = 0; i < COUNT(rows); i++) {
        Sides sides = normal_sides(arena, rows[i], 8, 8);
        rotate(&sides);
        CHECK(fabs(value_of(&sides, false, arena) - 1) < 1e-12);
        double debiased = cka(&sides, true, arena);
        CHECK(rows[i] < 4 ? isnan(debiased) : fabs(debiased - 1) < 1e-9);
    }
}

// Of independent normal rows E tr(K L) is about n dx dy, E tr(K K) about n d (n + d): CKA is about
// sqrt(dx dy / ((n + dx) (n + dy))), and nothing without its bias.
static void independent(Arena *arena) {
    static const uint32_t widths[][2] = {{40, 60}, {300, 500}};
    for (size_t i = 0; i < COUNT(widths); i++) {
        double n = 100, x = widths[i][0], y = widths[i][1], biased = 0, debiased = 0;
        for (int k = 0; k < 10; k++) {
            Sides sides = normal_sides(arena, 100, widths[i][0], widths[i][1]);
            biased += value_of(&sides, false, arena) / 10;
            debiased += cka(&sides, true, arena) / 10;
        }
        CHECK(fabs(biased / sqrt(x * y / ((n + x) * (n + y))) - 1) < 0.03);
        CHECK(fabs(debiased) < 0.02);
    }
}

// With as many more columns of zeros that the other form is taken.
static void both_forms(Arena *arena) {
    for (int debiased = 0; debiased < 2; debiased++) {
        Sides narrow = normal_sides(arena, 30, 5, 6), wide = sides_open(arena, 30, 100, 100);
        for (int s = 0; s < 2; s++)
            for (uint32_t r = 0; r < 30; r++)
                memcpy(wide.states[s] + r * 100, narrow.states[s] + r * narrow.width[s],
                       narrow.width[s] * sizeof(double));
        double a = value_of(&narrow, debiased, arena), b = value_of(&wide, debiased, arena);
        CHECK(fabs(a) > 1e-4 && fabs(a - b) < 1e-13);
    }
}

static void without_variance(Arena *arena) {
    Sides one = normal_sides(arena, 1, 3, 3), same = normal_sides(arena, 5, 3, 3);
    for (int i = 0; i < 15; i++) same.states[1][i] = 1.1 + i % 3 / 3.0;
    CHECK(!sides_centre(&one) && !sides_centre(&same));
}

int main(void) {
    Arena *arena = arena_open();
    randomness = random_open(1, "cka");
    rotations(arena);
    independent(arena);
    both_forms(arena);
    without_variance(arena);
    arena_close(arena);
    return check_done();
}
