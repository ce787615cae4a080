// planted_maps.c: ridge regression, baselines, maps inside subspaces, and what fits say of themselves, on states of which
// the answer is known.
#include "planted.h"

// ---- Ridge regression

// Orthogonal columns: X^T X = n I, so that a penalty makes of every map n / (n + lambda) times it, standardised or not.
static void test_ridge(void) {
    static const double lambdas[] = {1e-6, 1, 64, 1000};
    Matrix x = hadamard(10), a = random_matrix(10, 7), y = product(&x, &a);
    for (size_t i = 0; i < COUNT(lambdas); i++) {
        Matrix want = scaled(&a, MOST / (MOST + lambdas[i]));
        Fitted raw = ridge(&x, &y, (Ridge){.lambdas = &lambdas[i], .lambda_count = 1});
        Fitted standard = ridge(&x, &y, (Ridge){.lambdas = &lambdas[i], .lambda_count = 1, .standardize = true});
        CHECK_MAP(raw, want, x, y);
        CHECK_MAP(standard, want, x, y);
        CHECK(raw.report.rank == 7 && raw.report.lambda == lambdas[i] && isnan(raw.report.scores[0]));
    }
    Fitted chosen = ridge(&x, &y, (Ridge){.lambdas = lambdas, .lambda_count = 4, .held = 12, .standardize = true});
    CHECK_MAP(chosen, a, x, y);
    CHECK(chosen.report.lambda == 1e-6 && chosen.report.scores[0] > 0.999999 && chosen.report.lambda_count == 4);
}

// Without noise anything but the smallest penalty is worse; where the held rows are noise about their mean, the largest wins.
static void test_ridge_choice(void) {
    static const double lambdas[] = {1e-3, 1, 1000, 1e6};
    Matrix x = random_matrix(40, 12), y = random_matrix(40, 12);
    Fitted noise = ridge(&x, &y, (Ridge){.lambdas = lambdas, .lambda_count = 4, .held = 20, .standardize = true});
    CHECK(noise.report.lambda >= 1000 && noise.report.scores[0] < noise.report.scores[3]);
}

static void test_ridge_rank(void) {
    static const double sizes[] = {3, 2.5, 2, 1.5, 1.25, 1, 0.75, 0.5, 0.25, 0.125}, lambda = 16;
    Matrix x = hadamard(10), u = random_rotation(10), vt = random_rotation(10), us = u;
    scale_columns(&us, sizes);
    Matrix a = product(&us, &vt), y = product(&x, &a);
    for (uint32_t k = 1; k <= 10; k += 3) {
        Matrix part = outer(&us, &vt, k), want = scaled(&part, MOST / (MOST + lambda));
        Fitted got = ridge(&x, &y, (Ridge){.lambdas = &lambda, .lambda_count = 1, .rank = k});
        CHECK_MAP(got, want, x, y);
        CHECK(got.report.rank == k);
    }
}

// Constant dimensions say nothing and are predicted as their mean; with nothing else there is nothing to fit.
static void test_ridge_constant(void) {
    static const double one = 1, few[] = {1, 2};
    static float xs[9 * 3], ys[9 * 3], map[4 * 3];
    FitReport report;
    Error err;
    for (uint32_t i = 0; i < 9; i++) {
        xs[3 * i] = (float)normal(), xs[3 * i + 1] = 4, xs[3 * i + 2] = (float)normal();
        ys[3 * i] = (float)normal(), ys[3 * i + 1] = (float)normal(), ys[3 * i + 2] = 7;
    }
    Ridge fit = {.given = {.x = xs, .y = ys, .n = 9, .in = 3, .out = 3}, .lambdas = &one, .lambda_count = 1, .standardize = true};
    CHECK(fit_ridge(&fit, map, &report, &err) && report.kept_in == 1 && report.kept_out == 1);
    for (uint32_t i = 1; i < 9; i++) CHECK(map[i] == 0);
    CHECK(map[11] == 7);
    for (uint32_t i = 0; i < 9; i++) xs[3 * i] = 2;
    CHECK(!fit_ridge(&fit, map, &report, &err) && strstr(err.text, "no dimension varies"));
    fit.given.out = 1;
    for (uint32_t i = 0; i < 9; i++) xs[3 * i + 2] = 2;
    CHECK(!fit_ridge(&fit, map, &report, &err) && strstr(err.text, "the source's states are the same"));
    fit.standardize = false;
    CHECK(!fit_ridge(&fit, map, &report, &err) && strstr(err.text, "the source's states are the same"));
    xs[0] = 1;
    fit.lambdas = few, fit.lambda_count = 2, fit.held = 1;
    CHECK(!fit_ridge(&fit, map, &report, &err) && strstr(err.text, "1 row that does not vary"));
    fit.given.n = 1;
    CHECK(!fit_ridge(&fit, map, &report, &err) && strstr(err.text, "at least 2 rows"));
}

// ---- Baselines

// Rows that differ from the target's by a number and a shift in each dimension are mapped onto it.
static void test_moments(void) {
    static const double sizes[] = {1, -0.5, 3, 0.25, 2}; // what turns a dimension over is no moment of it
    Matrix x = random_matrix(30, 5), y = x, want = {.rows = 5, .columns = 5};
    static float xs[MOST * 5], ys[MOST * 5], map[6 * 5];
    FitReport report;
    Error err;
    scale_columns(&y, sizes);
    to_floats(&x, 1, xs);
    to_floats(&y, -2, ys);
    Given given = {.x = xs, .y = ys, .n = 30, .in = 5, .out = 5};
    CHECK(fit_moments(&given, map, &report, &err) && report.kept_in == 5);
    for (uint32_t i = 0; i < 25; i++) CHECK(fabs(map[i] - (i % 6 ? 0 : fabs(sizes[i % 5]))) < NEAR);
    Matrix w = want;
    for (uint32_t i = 0; i < 25; i++) w.at[i] = map[i];
    Matrix shift = shift_of(&w, &x, &y);
    for (uint32_t c = 0; c < 5; c++) CHECK(fabs(map[25 + c] - shift.at[c]) < NEAR);
    for (uint32_t i = 0; i < 30 * 5; i++) xs[i] = 3;
    CHECK(!fit_moments(&given, map, &report, &err) && strstr(err.text, "the same for every prompt"));
    given.n = 1;
    CHECK(!fit_moments(&given, map, &report, &err));
}

static Matrix random_map(uint32_t in, uint32_t out, uint64_t from) {
    static float x[2 * MOST], y[2 * MOST], map[MOST * (MOST + 1)];
    Matrix w = {.rows = in, .columns = out};
    FitReport report;
    Error err;
    for (uint32_t i = 0; i < in; i++) x[i] = 0, x[in + i] = 2; // means 1 and 3
    for (uint32_t i = 0; i < out; i++) y[i] = 2, y[out + i] = 4;
    CHECK(fit_random_rotation(&(Given){.x = x, .y = y, .n = 2, .in = in, .out = out}, from, map, &report, &err));
    for (uint32_t i = 0; i < in * out; i++) w.at[i] = map[i];
    for (uint32_t c = 0; c < out; c++) {
        double shift = 3;
        for (uint32_t k = 0; k < in; k++) shift -= map[k * out + c];
        CHECK(fabs(map[in * out + c] - shift) < NEAR);
    }
    return w;
}

static void test_random_rotation(void) {
    static const uint32_t widths[][2] = {{1, 1}, {2, 2}, {16, 16}, {30, 12}, {12, 30}};
    for (size_t i = 0; i < COUNT(widths); i++) {
        Matrix q = random_map(widths[i][0], widths[i][1], seed), across = turned(&q);
        Matrix square = widths[i][0] < widths[i][1] ? product(&q, &across) : product(&across, &q);
        for (uint32_t k = 0; k < square.rows * square.columns; k++)
            CHECK(fabs(square.at[k] - (k % (square.columns + 1) == 0)) < NEAR);
        Matrix again = random_map(widths[i][0], widths[i][1], seed), other = random_map(widths[i][0], widths[i][1], seed + 1);
        CHECK(distance(&q, &again) == 0 && (widths[i][0] == 1 || distance(&q, &other) > 0.01));
    }
}

// Uniform: over many seeds each entry has mean 0, and variance 1 / size; either sign of the determinant comes up.
static void test_rotation_distribution(void) {
    enum { TIMES = 4000, SIZE = 3 };
    double sum[SIZE * SIZE] = {0}, squares[SIZE * SIZE] = {0};
    int positive = 0;
    for (uint64_t s = 0; s < TIMES; s++) {
        Matrix q = random_map(SIZE, SIZE, s);
        const double *a = q.at;
        for (int i = 0; i < SIZE * SIZE; i++) sum[i] += a[i] / TIMES, squares[i] += a[i] * a[i] / TIMES;
        positive += a[0] * (a[4] * a[8] - a[5] * a[7]) - a[1] * (a[3] * a[8] - a[5] * a[6]) + a[2] * (a[3] * a[7] - a[4] * a[6]) > 0;
    }
    for (int i = 0; i < SIZE * SIZE; i++) CHECK(fabs(sum[i]) < 0.04 && fabs(squares[i] - 1.0 / SIZE) < 0.02);
    CHECK(abs(positive - TIMES / 2) < 150);
}

// Every derangement of 4 is as likely as every other: there are 9.
static void test_derangement(void) {
    uint32_t order[100], counts[256] = {0}, kinds = 0;
    for (uint64_t s = 0; s < 9000; s++) {
        Random random = random_open(s, "test");
        random_derangement(&random, order, 4);
        counts[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]]++;
    }
    for (int i = 0; i < 256; i++) {
        kinds += counts[i] > 0;
        CHECK(!counts[i] || (counts[i] > 850 && counts[i] < 1150));
    }
    CHECK(kinds == 9);
    bool seen[100] = {0};
    Random random = random_open(seed, "test");
    random_derangement(&random, order, 100);
    for (uint32_t i = 0; i < 100; i++) seen[order[i]] = order[i] != i;
    for (uint32_t i = 0; i < 100; i++) CHECK(seen[i]);
}

// ---- What a fit says of itself

// Columns at right angles of known sizes: the covariance's eigenvalues are their squares.
static void test_quality(void) {
    static const double sizes[] = {2, 1.5, 1, 0.5}, lambda = 1, tiny = 1e-9;
    Matrix x = hadamard(4), r = random_rotation(4), y = product(&x, &r);
    scale_columns(&x, sizes);
    Fitted plain = fit(&x, &y, (Procrustes){0}), white = fit(&x, &y, (Procrustes){.whiten = true}), two = fit(&x, &y, (Procrustes){.rank = 2});
    const Fitted *all[] = {&plain, &white, &two};
    for (size_t i = 0; i < COUNT(all); i++) {
        CHECK(all[i]->report.source.rank == 4 && fabs(all[i]->report.source.condition - 16) < 1e-4);
        CHECK(all[i]->report.target.rank == 4 && fabs(all[i]->report.target.condition - 1) < 1e-4);
        CHECK(fabs(all[i]->report.orthogonality - (i == 2 ? sqrt(2) : 0)) < 1e-12);
    }
    Fitted raw = ridge(&x, &y, (Ridge){.lambdas = &lambda, .lambda_count = 1});
    Fitted small = ridge(&x, &y, (Ridge){.lambdas = &tiny, .lambda_count = 1}); // too small for Cholesky
    Fitted standard = ridge(&x, &y, (Ridge){.lambdas = &lambda, .lambda_count = 1, .standardize = true});
    CHECK(raw.report.source.rank == 4 && fabs(raw.report.source.condition - 16) < 1e-4);
    CHECK(small.report.source.rank == 4 && fabs(small.report.source.condition - 16) < 1e-4);
    CHECK(fabs(standard.report.source.condition - 1) < 1e-4);
}

// With few rows the covariances have their rank, and what is left at zero shows.
static void test_quality_few(void) {
    Matrix few = random_matrix(9, 20), other = random_matrix(9, 12);
    Fitted up = fit(&other, &few, (Procrustes){0}), down = fit(&few, &other, (Procrustes){.whiten = true, .floor = 1e-6});
    CHECK(up.report.source.rank == 8 && up.report.target.rank == 8 && fabs(up.report.orthogonality - 2) < 1e-6);
    CHECK(down.report.source.rank == 8 && down.report.target.rank == 8 && fabs(down.report.orthogonality - 2) < 1e-6);
    Fitted whole = fit(&few, &few, (Procrustes){.complete = true});
    CHECK(whole.report.orthogonality < 1e-6);
}

// ---- Inside subspaces

// From coordinates in a basis of the source to those in one of the target: what is along the one goes along the other.
static void test_inside(void) {
    enum { IN = 12, OUT = 9, RANK = 3 };
    Matrix from = random_rotation(IN), to = random_rotation(OUT), inner = random_rotation(RANK);
    static float a[IN * RANK], b[OUT * RANK], w[(RANK + 1) * RANK], map[(IN + 1) * OUT], rest[(IN + 1) * OUT];
    Matrix left = {.rows = IN, .columns = RANK}, right = {.rows = RANK, .columns = OUT};
    for (uint32_t i = 0; i < IN * RANK; i++) a[i] = (float)(left.at[i] = from.at[i / RANK * IN + i % RANK]);
    for (uint32_t i = 0; i < OUT * RANK; i++) b[i] = (float)(right.at[i % RANK * OUT + i / RANK] = to.at[i / RANK * OUT + i % RANK]);
    for (uint32_t i = 0; i < RANK * RANK; i++) w[i] = (float)inner.at[i];
    for (uint32_t i = 0; i < RANK; i++) w[RANK * RANK + i] = (float)(i + 1);
    map_inside(w, a, b, (InsideShape){IN, OUT, RANK, RANK}, map);
    Matrix half = product(&left, &inner), want = product(&half, &right);
    for (uint32_t i = 0; i < IN * OUT; i++) CHECK(fabs(map[i] - want.at[i]) < NEAR);
    for (uint32_t c = 0; c < OUT; c++) {
        double shift = right.at[c] + 2 * right.at[OUT + c] + 3 * right.at[2 * OUT + c], along = 0;
        CHECK(fabs(map[IN * OUT + c] - shift) < NEAR);
        rest[IN * OUT + c] = (float)(c + 1);
        for (uint32_t k = 0; k < RANK; k++)
            for (uint32_t d = 0; d < OUT; d++) along += (d + 1) * right.at[k * OUT + d] * right.at[k * OUT + c];
        want.at[IN * OUT + c] = shift + c + 1 - along;
    }
    map_outside(rest, b, IN, OUT, RANK, map);
    for (uint32_t i = 0; i < (IN + 1) * OUT; i++) CHECK(fabs(map[i] - want.at[i]) < 10 * NEAR);
}

// Two sides that vary along planted axes by unlike sizes, about other means: together the sizes add up.
static void test_joint(void) {
    static const double of_x[] = {3, 0.5, 1, 0.1}, of_y[] = {0.1, 0.5, 3.5, 2};
    static const uint32_t order[] = {2, 0, 3, 1};
    static float xs[MOST * 4], ys[MOST * 4], basis[4 * 3];
    Matrix x = hadamard(4), y = x, axes = random_rotation(4);
    Error err;
    scale_columns(&x, of_x);
    scale_columns(&y, of_y);
    x = product(&x, &axes), y = product(&y, &axes);
    to_floats(&x, 20, xs);
    to_floats(&y, -5, ys);
    for (uint32_t rank = 1; rank <= 3; rank++) {
        CHECK(fit_joint(&(Given){.x = xs, .y = ys, .n = MOST, .in = 4, .out = 4}, rank, basis, &err));
        for (uint32_t k = 0; k < rank; k++) {
            double dot = 0;
            for (uint32_t i = 0; i < 4; i++) dot += basis[i * rank + k] * axes.at[order[k] * 4 + i];
            CHECK(fabs(fabs(dot) - 1) < NEAR);
        }
    }
}

int main(void) {
    for (seed = 1; seed < 7; seed++) {
        uint64_t kept = seed;
        on_sums = seed % 2 == 0;
        test_ridge();
        test_ridge_choice();
        test_ridge_rank();
        test_random_rotation();
        test_quality();
        test_quality_few();
        test_inside();
        test_joint();
        seed = kept;
    }
    test_ridge_constant();
    test_moments();
    test_rotation_distribution();
    test_derangement();
    return check_done();
}
