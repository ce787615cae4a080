// sides.c: two sets of states, and the same without their means.
#include "runtime/sides.h"

Sides sides_open(Arena *arena, uint64_t rows, uint32_t width_x, uint32_t width_y) {
    Sides sides = {.rows = rows, .width = {width_x, width_y}};
    for (int s = 0; s < 2; s++) sides.states[s] = arena_many(arena, double, rows *sides.width[s] + 1);
    return sides;
}

static void centre_column(double *x, uint64_t rows, uint32_t width) {
    double mean = 0;
    for (uint64_t r = 0; r < rows; r++) mean += x[r * width];
    mean /= (double)rows;
    for (uint64_t r = 0; r < rows; r++) x[r * width] -= mean;
}

static double squares(const double *x, uint64_t count) {
    double sum = 0;
    for (uint64_t i = 0; i < count; i++) sum += x[i] * x[i];
    return sum;
}

// Rounding leaves about 2^-53 of each number of a column that does not vary; states have 24 bits.
bool sides_vary(double left, double of) {
    return left > 0x1p-96 * of;
}

bool sides_centre(Sides *sides) {
    bool vary = true;
    for (int s = 0; s < 2; s++) {
        uint64_t count = sides->rows * sides->width[s];
        double before = squares(sides->states[s], count);
        for (uint32_t c = 0; c < sides->width[s]; c++)
            centre_column(sides->states[s] + c, sides->rows, sides->width[s]);
        vary &= sides_vary(squares(sides->states[s], count), before);
    }
    return vary;
}
