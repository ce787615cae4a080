// cka_draws.c: CKA of draws of the prompts, from kernels that are computed once.
//
// A draw takes prompt p w_p times, with all its rows. With K of the centred rows, k_r = sum_s w_s K_rs and
// n = sum_r w_r, the draw's own centring is algebra: K' = H K H gives
//     tr(K' L') = sum_rs w_r w_s K_rs L_rs - 2/n sum_r w_r k_r l_r + 1/n^2 (sum_r w_r k_r) (sum_r w_r l_r)
// and the unbiased estimator of cka.c asks for the same three sums, without each row's product with itself. As w hangs
// on the prompt alone, K is kept summed over the rows of a prompt. A row that is drawn twice is two rows, whose product
// counts as signal: intervals of CKA lie somewhat high, and may not hold the estimate.
#include <cblas.h>
#include <math.h>

#include "runtime/cka.h"

enum { KL, KK, LL };

typedef struct {
    const Sides *sides;
    uint32_t prompts;
    double *sums[2];     // [rows, prompts] of K_rs, L_rs over the rows s of a prompt
    double *products[3]; // [prompts, prompts] of K_rs L_rs, K_rs K_rs, L_rs L_rs over the rows of both
    double *diagonal[2]; // [rows]
} Kernels;

// ---- Kernels, some rows at a time

enum { ROWS = 128 };

static void block(const Sides *sides, int s, uint64_t first, uint64_t rows, double *out) {
    int n = (int)sides->rows, d = (int)sides->width[s];
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, n, d, 1, sides->states[s] + first * sides->width[s],
                d, sides->states[s], d, 0, out, n);
}

static void add_row(Kernels *kernels, uint64_t r, const double *k, const double *l) {
    uint64_t prompts = kernels->prompts, at = kernels->sides->prompt[r] * prompts;
    for (uint64_t s = 0; s < kernels->sides->rows; s++) {
        uint32_t q = kernels->sides->prompt[s];
        kernels->sums[0][r * prompts + q] += k[s];
        kernels->sums[1][r * prompts + q] += l[s];
        kernels->products[KL][at + q] += k[s] * l[s];
        kernels->products[KK][at + q] += k[s] * k[s];
        kernels->products[LL][at + q] += l[s] * l[s];
    }
    kernels->diagonal[0][r] = k[r];
    kernels->diagonal[1][r] = l[r];
}

static Kernels kernels_of(const Sides *sides, uint32_t prompts, Arena *scratch) {
    Kernels kernels = {.sides = sides, .prompts = prompts};
    for (int s = 0; s < 2; s++) {
        kernels.sums[s] = arena_many(scratch, double, sides->rows *prompts);
        kernels.diagonal[s] = arena_many(scratch, double, sides->rows);
    }
    for (int i = 0; i < 3; i++) kernels.products[i] = arena_many(scratch, double, (uint64_t)prompts *prompts);
    double *k = arena_many(scratch, double, ROWS * sides->rows), *l = arena_many(scratch, double, ROWS * sides->rows);
    for (uint64_t first = 0; first < sides->rows; first += ROWS) {
        uint64_t rows = MIN((uint64_t)ROWS, sides->rows - first);
        block(sides, 0, first, rows, k);
        block(sides, 1, first, rows, l);
        for (uint64_t r = 0; r < rows; r++) add_row(&kernels, first + r, k + r * sides->rows, l + r * sides->rows);
    }
    return kernels;
}

// ---- Draws, some at a time: those of a batch stand beside each other

enum { BATCH = 32 };
typedef double Batch[BATCH];

typedef struct {
    Batch *times;            // [prompts] w
    Batch *around[2];        // [rows] k, l
    Batch *quadratic;        // [prompts] a product with w
    Batch n, one[2];         // sums of w; of w k, w l
    Batch whole[3], both[3]; // sums of w w K L, w w K K, w w L L; of w k l, w k k, w l l
} Drawn;

static void multiply(const double *a, uint64_t rows, uint32_t prompts, const Batch *times, Batch *out) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, BATCH, (int)prompts, 1, a, (int)prompts, times[0],
                BATCH, 0, out[0], BATCH);
}

static void count_times(const Kernels *kernels, const int32_t *draws, uint32_t count, Drawn *drawn) {
    memset(drawn->times, 0, kernels->prompts * sizeof *drawn->times);
    for (uint32_t d = 0; d < count; d++)
        for (uint32_t i = 0; i < kernels->prompts; i++) drawn->times[draws[(uint64_t)d * kernels->prompts + i]][d]++;
}

static void sum_whole(const Kernels *kernels, int pair, Drawn *drawn) {
    multiply(kernels->products[pair], kernels->prompts, kernels->prompts, drawn->times, drawn->quadratic);
    for (uint32_t p = 0; p < kernels->prompts; p++)
        for (int d = 0; d < BATCH; d++) drawn->whole[pair][d] += drawn->times[p][d] * drawn->quadratic[p][d];
}

// Debiased, a row has no product with itself.
static void sum_row(const Kernels *kernels, uint64_t r, bool debiased, Drawn *drawn) {
    const double *times = drawn->times[kernels->sides->prompt[r]],
                 *around[2] = {drawn->around[0][r], drawn->around[1][r]};
    double a = debiased ? kernels->diagonal[0][r] : 0, b = debiased ? kernels->diagonal[1][r] : 0;
    for (int d = 0; d < BATCH; d++) {
        double w = times[d], k = around[0][d] - a, l = around[1][d] - b;
        drawn->n[d] += w;
        drawn->one[0][d] += w * k;
        drawn->one[1][d] += w * l;
        drawn->both[KL][d] += w * k * l;
        drawn->both[KK][d] += w * k * k;
        drawn->both[LL][d] += w * l * l;
        drawn->whole[KL][d] -= w * a * b;
        drawn->whole[KK][d] -= w * a * a;
        drawn->whole[LL][d] -= w * b * b;
    }
}

static void sum_batch(const Kernels *kernels, bool debiased, Drawn *drawn) {
    uint64_t rows = kernels->sides->rows;
    memset(drawn->n, 0, sizeof drawn->n);
    memset(drawn->one, 0, sizeof drawn->one);
    memset(drawn->whole, 0, sizeof drawn->whole);
    memset(drawn->both, 0, sizeof drawn->both);
    for (int s = 0; s < 2; s++) multiply(kernels->sums[s], rows, kernels->prompts, drawn->times, drawn->around[s]);
    for (int pair = 0; pair < 3; pair++) sum_whole(kernels, pair, drawn);
    for (uint64_t r = 0; r < rows; r++) sum_row(kernels, r, debiased, drawn);
}

// tr(K' L') of one draw; 0 where rounding is all that is left.
static double trace(const Drawn *drawn, int pair, int d, bool debiased) {
    static const int sides[3][2] = {[KL] = {0, 1}, [KK] = {0, 0}, [LL] = {1, 1}};
    double n = drawn->n[d], whole = drawn->whole[pair][d], both = drawn->both[pair][d];
    double ones = drawn->one[sides[pair][0]][d] * drawn->one[sides[pair][1]][d];
    double value =
        debiased ? whole + ones / ((n - 1) * (n - 2)) - 2 / (n - 2) * both : whole - 2 / n * both + ones / (n * n);
    return fabs(value) > 1e-12 * fabs(whole) ? value : 0;
}

static double batch_cka(const Drawn *drawn, int d, bool debiased) {
    double kk = trace(drawn, KK, d, debiased), ll = trace(drawn, LL, d, debiased);
    if (debiased && drawn->n[d] < 4) return NAN;
    return kk > 0 && ll > 0 ? trace(drawn, KL, d, debiased) / sqrt(kk * ll) : NAN;
}

void cka_draws(const Sides *sides, const Draws *draws, bool debiased, double *out, Arena *scratch) {
    Kernels kernels = kernels_of(sides, draws->prompts, scratch);
    Drawn *drawn = arena_new(scratch, Drawn);
    drawn->times = arena_many(scratch, Batch, draws->prompts);
    drawn->quadratic = arena_many(scratch, Batch, draws->prompts);
    for (int s = 0; s < 2; s++) drawn->around[s] = arena_many(scratch, Batch, sides->rows);
    for (uint32_t first = 0; first < draws->count; first += BATCH) {
        uint32_t some = MIN((uint32_t)BATCH, draws->count - first);
        count_times(&kernels, draws->taken + (uint64_t)first * draws->prompts, some, drawn);
        sum_batch(&kernels, debiased, drawn);
        for (uint32_t d = 0; d < some; d++) out[first + d] = batch_cka(drawn, (int)d, debiased);
    }
}
