// cka.c: |Y^T X|^2 / (|X^T X| |Y^T Y|) of centred X and Y (Kornblith et al. 2019).
//
// With K = X X^T and L = Y Y^T, |Y^T X|^2 is tr(K L), so either form gives the same: n x n or width x width. Debiased,
// tr(K L) becomes the unbiased estimator of HSIC (Song et al. 2012, eq. 5), whose kernels have no diagonal:
//     HSIC = tr(K L) + (1 K 1)(1 L 1) / ((n - 1)(n - 2)) - 2 (1 K L 1) / (n - 2)
// The rows of a centred K sum to zero, so without the diagonal a they sum to -a. The factor 1 / (n (n - 3)) cancels.
#include <cblas.h>
#include <math.h>

#include "runtime/cka.h"

static double squares(const double *x, uint64_t count) {
    double sum = 0;
    for (uint64_t i = 0; i < count; i++) sum += x[i] * x[i];
    return sum;
}

// ---- tr(K L), tr(K K), tr(L L)

enum { KL, KK, LL };

// out [a, b] = x^T y
static void cross(const Sides *sides, int x, int y, double *out) {
    int a = (int)sides->width[x], b = (int)sides->width[y];
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, a, b, (int)sides->rows, 1, sides->states[x], a,
                sides->states[y], b, 0, out, b);
}

static void by_columns(const Sides *sides, double traces[3], Arena *scratch) {
    uint64_t most = MAX(sides->width[0], sides->width[1]);
    double *product = arena_many(scratch, double, most *most);
    static const int pairs[3][2] = {[KL] = {0, 1}, [KK] = {0, 0}, [LL] = {1, 1}};
    for (int i = 0; i < 3; i++) {
        cross(sides, pairs[i][0], pairs[i][1], product);
        traces[i] = squares(product, (uint64_t)sides->width[pairs[i][0]] * sides->width[pairs[i][1]]);
    }
}

static double *gram(const Sides *sides, int s, Arena *scratch) {
    int n = (int)sides->rows, d = (int)sides->width[s];
    double *out = arena_many(scratch, double, sides->rows * sides->rows);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, d, 1, sides->states[s], d, sides->states[s], d, 0, out,
                n);
    return out;
}

static void by_rows(const Sides *sides, double traces[3], Arena *scratch) {
    const double *k = gram(sides, 0, scratch), *l = gram(sides, 1, scratch);
    traces[KL] = 0;
    for (uint64_t i = 0; i < sides->rows * sides->rows; i++) traces[KL] += k[i] * l[i];
    traces[KK] = squares(k, sides->rows * sides->rows);
    traces[LL] = squares(l, sides->rows * sides->rows);
}

// ---- CKA

// a, b: the diagonals of K and L.
static double unbiased(double trace, const double *a, const double *b, uint64_t rows) {
    double n = (double)rows, sum_a = 0, sum_b = 0, both = 0;
    for (uint64_t r = 0; r < rows; r++) {
        sum_a += a[r];
        sum_b += b[r];
        both += a[r] * b[r];
    }
    return trace - both + sum_a * sum_b / ((n - 1) * (n - 2)) - 2 * both / (n - 2);
}

static void debias(const Sides *sides, double traces[3], Arena *scratch) {
    double *diagonal[2];
    for (int s = 0; s < 2; s++) {
        diagonal[s] = arena_many(scratch, double, sides->rows);
        for (uint64_t r = 0; r < sides->rows; r++)
            diagonal[s][r] = squares(sides->states[s] + r * sides->width[s], sides->width[s]);
    }
    traces[KL] = unbiased(traces[KL], diagonal[0], diagonal[1], sides->rows);
    traces[KK] = unbiased(traces[KK], diagonal[0], diagonal[0], sides->rows);
    traces[LL] = unbiased(traces[LL], diagonal[1], diagonal[1], sides->rows);
}

double cka(const Sides *sides, bool debiased, Arena *scratch) {
    double traces[3], x = sides->width[0], y = sides->width[1];
    if (debiased && sides->rows < 4) return NAN;
    bool rows_are_fewer = (double)sides->rows * (x + y) <= x * x + x * y + y * y;
    (rows_are_fewer ? by_rows : by_columns)(sides, traces, scratch);
    if (debiased) debias(sides, traces, scratch);
    return traces[KK] > 0 && traces[LL] > 0 ? traces[KL] / sqrt(traces[KK] * traces[LL]) : NAN;
}
