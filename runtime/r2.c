// r2.c: 1 - sum |y - x|^2 / sum |y - mean y|^2, over rows and dimensions.
//
// In a draw that takes prompt p w_p times, with s_p the sum of |y - m|^2 over the prompt's rows, m the mean of all, and
// t_p the sum of y - m, the second sum is sum_p w_p s_p - |sum_p w_p t_p|^2 / n: all it needs is the products t_p t_q.
#include <cblas.h>
#include <math.h>

#include "runtime/r2.h"

static const double *mean_of(const Sides *sides, Arena *scratch) {
    uint32_t width = sides->width[1];
    double *mean = arena_many(scratch, double, width);
    for (uint64_t r = 0; r < sides->rows; r++)
        for (uint32_t c = 0; c < width; c++) mean[c] += sides->states[1][r * width + c];
    for (uint32_t c = 0; c < width; c++) mean[c] /= (double)sides->rows;
    return mean;
}

double r2(const Sides *sides, Arena *scratch) {
    const double *mean = mean_of(sides, scratch), *x = sides->states[0], *y = sides->states[1];
    double wrong = 0, whole = 0, squares = 0;
    for (uint64_t i = 0; i < sides->rows * sides->width[1]; i++) {
        double off = y[i] - x[i], spread = y[i] - mean[i % sides->width[1]];
        wrong += off * off;
        whole += spread * spread;
        squares += y[i] * y[i];
    }
    return sides_vary(whole, squares) ? 1 - wrong / whole : NAN;
}

typedef struct {
    double *rows, *wrong, *spread; // [prompts] sums over the rows of a prompt
    double *products;              // [prompts, prompts] t_p t_q
} PromptSums;

static PromptSums sums_of(const Sides *sides, uint32_t prompts, Arena *scratch) {
    uint32_t width = sides->width[1];
    const double *mean = mean_of(sides, scratch);
    double *apart = arena_many(scratch, double, (uint64_t)prompts *width);
    PromptSums sums = {arena_many(scratch, double, prompts), arena_many(scratch, double, prompts),
                       arena_many(scratch, double, prompts), arena_many(scratch, double, (uint64_t)prompts *prompts)};
    for (uint64_t r = 0; r < sides->rows; r++) {
        uint32_t p = sides->prompt[r];
        sums.rows[p]++;
        for (uint32_t c = 0; c < width; c++) {
            double y = sides->states[1][r * width + c], off = y - sides->states[0][r * width + c],
                   from_mean = y - mean[c];
            sums.wrong[p] += off * off;
            sums.spread[p] += from_mean * from_mean;
            apart[(uint64_t)p * width + c] += from_mean;
        }
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)prompts, (int)prompts, (int)width, 1, apart, (int)width,
                apart, (int)width, 0, sums.products, (int)prompts);
    return sums;
}

static double of_draw(const PromptSums *sums, uint32_t prompts, const int32_t *taken) {
    double n = 0, wrong = 0, spread = 0, together = 0;
    for (uint32_t i = 0; i < prompts; i++) {
        const double *products = sums->products + (uint64_t)taken[i] * prompts;
        n += sums->rows[taken[i]];
        wrong += sums->wrong[taken[i]];
        spread += sums->spread[taken[i]];
        for (uint32_t k = 0; k < prompts; k++) together += products[taken[k]];
    }
    double whole = spread - together / n;
    return whole > 1e-12 * spread ? 1 - wrong / whole : NAN;
}

void r2_draws(const Sides *sides, const Draws *draws, double *out, Arena *scratch) {
    PromptSums sums = sums_of(sides, draws->prompts, scratch);
    for (uint32_t d = 0; d < draws->count; d++)
        out[d] = of_draw(&sums, draws->prompts, draws->taken + (uint64_t)d * draws->prompts);
}
