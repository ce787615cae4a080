// planted.c: Procrustes maps and bases of states of which the answer is known: what was planted must be found, exactly
// where the theory says so, and nothing must be found where there is nothing.
#include "planted.h"

// ---- Plain Procrustes

static void test_rotation(void) {
    Matrix x = random_matrix(40, 12), r = random_rotation(12), y = product(&x, &r), y17 = scaled(&y, 1.7),
           r17 = scaled(&r, 1.7);
    Fitted plain = fit(&x, &y, (Procrustes){0}), with_scale = fit(&x, &y, (Procrustes){.scale = true});
    CHECK_MAP(plain, r, x, y);
    CHECK_MAP(with_scale, r, x, y);
    CHECK(plain.report.rank == 12 && plain.report.rows == 40 && plain.report.unique && plain.report.scale == 1);
    Fitted larger = fit(&x, &y17, (Procrustes){.scale = true}), rigid = fit(&x, &y17, (Procrustes){0});
    CHECK_MAP(larger, r17, x, y17);
    CHECK_MAP(rigid, r, x, y17);
    CHECK(fabs(larger.report.scale - 1.7) < NEAR);
}

// Orthogonal columns of unit variance: X^T Y = n U S V^T for Y = X U S V^T, so the fit's pairs are the planted ones.
static void test_rank(void) {
    static const double sizes[] = {3, 2.5, 2, 1.5, 1.25, 1, 0.75, 0.5, 0.25, 0.125};
    Matrix x = hadamard(10), u = random_rotation(10), vt = random_rotation(10), us = u;
    scale_columns(&us, sizes);
    Matrix a = product(&us, &vt), y = product(&x, &a);
    double total = 0;
    for (uint32_t i = 0; i < 10; i++) total += sizes[i];
    for (uint32_t k = 1; k <= 10; k += 3) {
        Matrix want = outer(&u, &vt, k), want_scaled = scaled(&want, total / 10);
        Fitted plain = fit(&x, &y, (Procrustes){.rank = k}),
               with_scale = fit(&x, &y, (Procrustes){.rank = k, .scale = true});
        CHECK_MAP(plain, want, x, y);
        CHECK_MAP(with_scale, want_scaled, x, y); // the scale of the whole fit
        CHECK(plain.report.rank == k);
        CHECK(fabs(with_scale.report.scale - total / 10) < NEAR);
    }
}

// Everything is a small whole number here: the numerical rank is exactly the planted one.
static void test_exact_rank(void) {
    Matrix x = hadamard(16), a = {.rows = 16, .columns = 12};
    for (uint32_t i = 0; i < 5; i++) a.at[(3 * i + 1) * 12 + (5 * i + 2) % 12] = i % 2 ? -1 : 1;
    Matrix y = product(&x, &a);
    Fitted plain = fit(&x, &y, (Procrustes){0}), back = fit(&y, &x, (Procrustes){0});
    Matrix turned_a = turned(&a);
    CHECK_MAP(plain, a, x, y);
    CHECK_MAP(back, turned_a, y, x);
    CHECK(plain.report.rank == 5 && back.report.rank == 5);
}

// ---- Whitening

// In whitened coordinates every invertible affine map is a rotation, so it is found whatever it is.
static void test_whitened(void) {
    Matrix x = random_matrix(60, 9), spread = random_matrix(9, 9), a = random_matrix(9, 9);
    x = product(&x, &spread);
    for (uint32_t i = 0; i < 9; i++) a.at[i * 10] += 4;
    Matrix y = product(&x, &a);
    Fitted whole = fit(&x, &y, (Procrustes){.whiten = true}),
           with_scale = fit(&x, &y, (Procrustes){.whiten = true, .scale = true});
    CHECK(distance(&whole.w, &a) < 100 * NEAR);
    CHECK(distance(&with_scale.w, &a) < 100 * NEAR);
    CHECK(fabs(with_scale.report.scale - 1) < NEAR && whole.report.rank == 9);
}

// To fewer dimensions all of Y is still found; the scale is then the share of X's variance that it takes up.
static void test_whitened_down(void) {
    Matrix x = random_matrix(60, 12), a = random_matrix(12, 8), y = product(&x, &a), a_scaled = scaled(&a, 8.0 / 12);
    Fitted plain = fit(&x, &y, (Procrustes){.whiten = true}),
           with_scale = fit(&x, &y, (Procrustes){.whiten = true, .scale = true});
    CHECK(distance(&plain.w, &a) < 10 * NEAR);
    CHECK(distance(&with_scale.w, &a_scaled) < 10 * NEAR);
    CHECK(fabs(with_scale.report.scale - 8.0 / 12) < NEAR);
}

// Shrinking goes towards the identity: where the covariance is a multiple of it, nothing happens.
static void test_shrink(void) {
    Matrix x = hadamard(10), r = random_rotation(10), y = product(&x, &r), y3 = scaled(&y, 3), r3 = scaled(&r, 3);
    for (int i = 0; i <= 4; i++) {
        Fitted whole = fit(&x, &y3, (Procrustes){.whiten = true, .shrink = i / 4.0, .floor = 1e-6});
        CHECK_MAP(whole, r3, x, y3);
    }
}

// With all eigenvalues floored at the largest, or shrunk to their mean, whitening is a number on either side: the
// rotation is the plain one, times the ratio of the two.
static void test_floor(void) {
    static const double sizes[] = {2, 1.5, 1, 0.5};
    Matrix x = hadamard(4), r = random_rotation(4), y = product(&x, &r);
    scale_columns(&x, sizes);
    Fitted plain = fit(&x, &y, (Procrustes){0}), floored = fit(&x, &y, (Procrustes){.whiten = true, .floor = 1});
    Fitted shrunk = fit(&x, &y, (Procrustes){.whiten = true, .shrink = 1});
    double mean = (4 + 2.25 + 1 + 0.25) / 4;
    Matrix want_floored = scaled(&plain.w, 1 / 2.0), want_shrunk = scaled(&plain.w, 1 / sqrt(mean));
    CHECK(distance(&floored.w, &want_floored) < NEAR);
    CHECK(distance(&shrunk.w, &want_shrunk) < NEAR);
}

// ---- Fewer rows than dimensions

static Matrix shuffled_rows(const Matrix *m) {
    Matrix out = *m;
    for (uint32_t r = 0; r < m->rows; r++)
        memcpy(out.at + r * m->columns, m->at + (r * 7 + 3) % m->rows * m->columns, m->columns * sizeof *m->at);
    return out;
}

// What every map of few rows must do: be zero on what no row says anything about, and not hang on the rows' order.
static void check_few(const Matrix *x, const Matrix *y, Procrustes how) {
    Fitted map = fit(x, y, how);
    Matrix rows = span_of(x), across = turned(&rows), inside = product(&across, &rows), kept = product(&inside, &map.w);
    CHECK(distance(&kept, &map.w) < 10 * NEAR);
    Matrix x_other = shuffled_rows(x), y_other = shuffled_rows(y);
    Fitted other = fit(&x_other, &y_other, how);
    CHECK(distance(&other.w, &map.w) < 10 * NEAR);
    CHECK(distance(&other.b, &map.b) < 100 * NEAR);
    CHECK(!map.report.unique);
    CHECK(map.report.rank <= x->rows - 1);
}

// Q = V V^T R, for the rows' space V: it makes of every row what R does.
static void test_few_rotation(void) {
    Matrix x = random_matrix(9, 20), r = random_rotation(20), y = product(&x, &r);
    Matrix rows = span_of(&x), across = turned(&rows), inside = product(&across, &rows), want = product(&inside, &r);
    Fitted map = fit(&x, &y, (Procrustes){0});
    CHECK_MAP(map, want, x, y);
    CHECK(map.report.rank == 8);
    check_few(&x, &y, (Procrustes){0});
    check_few(&x, &y, (Procrustes){.scale = true});
}

// With as many free rows as dimensions that they span, whitened rows of both sides are one another's rotation.
static void test_few_whitened(void) {
    static const double floors[] = {0, 1e-6, 0.01}, shrinks[] = {0, 0.05, 0.5};
    Matrix x = random_matrix(9, 20), a = random_matrix(20, 15), y = product(&x, &a);
    Fitted map = fit(&x, &y, (Procrustes){.whiten = true, .floor = 1e-6});
    Matrix made = product(&x, &map.w);
    for (uint32_t i = 0; i < made.rows * made.columns; i++) {
        double shift = map.b.at[i % made.columns];
        for (uint32_t k = 0; k < map.w.rows; k++) shift += map.w.at[k * map.w.columns + i % made.columns];
        made.at[i] += shift + 2; // fit moved x by 1 and y by -2
    }
    CHECK(distance(&made, &y) < 100 * NEAR);
    for (size_t f = 0; f < COUNT(floors); f++)
        for (size_t s = 0; s < COUNT(shrinks); s++)
            check_few(&x, &y, (Procrustes){.whiten = true, .floor = floors[f], .shrink = shrinks[s]});
}

// Rows that repeat are rows that are not there: 40 rows of which 9 are different.
static void test_repeated_rows(void) {
    Matrix x = random_matrix(9, 20), y = random_matrix(9, 20), x40 = {.rows = 40, .columns = 20}, y40 = x40;
    for (uint32_t r = 0; r < 40; r++) {
        memcpy(x40.at + r * 20, x.at + r % 9 * 20, 20 * sizeof *x.at);
        memcpy(y40.at + r * 20, y.at + r % 9 * 20, 20 * sizeof *y.at);
    }
    static const Procrustes how[] = {
        {.whiten = false}, {.whiten = true, .floor = 1e-6}, {.whiten = true, .floor = 1e-6, .shrink = 0.05}};
    for (size_t i = 0; i < COUNT(how); i++) {
        Fitted map = fit(&x40, &y40, how[i]);
        Matrix rows = span_of(&x), across = turned(&rows), inside = product(&across, &rows),
               kept = product(&inside, &map.w);
        CHECK(distance(&kept, &map.w) < 10 * NEAR);
        CHECK(map.report.rank == 8);
    }
}

// ---- Completed

// A rotation of the space that few rows span, which leaves what is at right angles to it alone, is found whole.
static void test_complete(void) {
    Matrix x = random_matrix(9, 20), rows = span_of(&x), across = turned(&rows), inner = random_rotation(8);
    Matrix inside = product(&across, &rows), half = product(&across, &inner), r = product(&half, &rows);
    for (uint32_t i = 0; i < 400; i++) r.at[i] += (i % 21 == 0) - inside.at[i];
    Matrix y = product(&x, &r), y17 = scaled(&y, 1.7), r17 = scaled(&r, 1.7);
    Fitted plain = fit(&x, &y, (Procrustes){.complete = true}), larger = fit(&x, &y17, (Procrustes){.complete = true, .scale = true});
    CHECK_MAP(plain, r, x, y);
    CHECK_MAP(larger, r17, x, y17);
    CHECK(plain.report.rank == 8 && plain.report.completed && !plain.report.unique);
}

// Between other spaces the rest is no identity, but the whole is a rotation, and the rows' own part stays.
static void test_complete_orthogonal(void) {
    Matrix x = random_matrix(9, 20), y = random_matrix(9, 20);
    Fitted part = fit(&x, &y, (Procrustes){0}), whole = fit(&x, &y, (Procrustes){.complete = true});
    Matrix across = turned(&whole.w), square = product(&across, &whole.w), rows = span_of(&x);
    Matrix kept = product(&rows, &whole.w), want = product(&rows, &part.w);
    for (uint32_t i = 0; i < 400; i++) CHECK(fabs(square.at[i] - (i % 21 == 0)) < NEAR);
    CHECK(distance(&kept, &want) < NEAR);
}

// Whitened rows of both sides are the same when the sides are: the whole map is the identity.
static void test_complete_whitened(void) {
    Matrix x = random_matrix(9, 20), one = {.rows = 20, .columns = 20};
    for (uint32_t i = 0; i < 20; i++) one.at[i * 21] = 1;
    Fitted shrunk = fit(&x, &x, (Procrustes){.whiten = true, .shrink = 0.05, .complete = true});
    Fitted floor = fit(&x, &x, (Procrustes){.whiten = true, .floor = 1e-6, .complete = true});
    CHECK(distance(&shrunk.w, &one) < 10 * NEAR);
    CHECK(distance(&floor.w, &one) < 10 * NEAR);
    static float xs[9 * 20], map[21 * 20];
    FitReport report;
    Error err;
    to_floats(&x, 1, xs);
    Procrustes none = {.given = {.x = xs, .y = xs, .n = 9, .in = 20, .out = 20}, .whiten = true, .complete = true};
    CHECK(!fit_procrustes(&none, map, &report, &err) && strstr(err.text, "9 rows vary in 8 of 20 dimensions"));
}

// ---- Means and subspaces

static void test_mean(void) {
    static const float y[] = {1, 2, 3, 5, 5, 5};
    float map[3 * 3];
    fit_mean(&(Given){.x = y, .n = 2, .in = 3}, 2, map);
    static const float want[] = {0, 0, 0, 0, 0, 0, 3, 3.5f, 4};
    CHECK(memcmp(map, want, sizeof want) == 0);
}

static Matrix as_matrix(const float *basis, uint32_t width, uint32_t rank) {
    Matrix m = {.rows = width, .columns = rank};
    for (uint32_t i = 0; i < width * rank; i++) m.at[i] = basis[i];
    return m;
}

static Matrix projector(const Matrix *basis) {
    Matrix across = turned(basis);
    return product(basis, &across);
}

// Rows with variances 9, 4, 1, 0.25 … along planted axes, about a mean of length 5 along the third.
static void test_pca(void) {
    static const double sizes[] = {3, 2, 1, 0.5, 0.25, 0.125};
    static const uint32_t centred[] = {0, 1, 2}, whole[] = {2, 0, 1}; // 1 + 25 leads when the mean counts
    static float rows[MOST * 6], basis[6 * 3];
    Matrix x = hadamard(6), axes = random_rotation(6);
    Error err;
    scale_columns(&x, sizes);
    x = product(&x, &axes);
    for (uint32_t i = 0; i < x.rows * 6; i++) rows[i] = (float)(x.at[i] + 5 * axes.at[2 * 6 + i % 6]);
    for (uint32_t rank = 1; rank <= 3; rank++) {
        for (int center = 0; center < 2; center++) {
            CHECK(fit_pca(&(Given){.x = rows, .n = x.rows, .in = 6}, rank, center, basis, &err));
            Matrix got = as_matrix(basis, 6, rank), want = {.rows = 6, .columns = rank};
            for (uint32_t i = 0; i < 6 * rank; i++)
                want.at[i] = axes.at[(center ? centred : whole)[i % rank] * 6 + i / rank];
            Matrix got_onto = projector(&got), want_onto = projector(&want);
            CHECK(distance(&got_onto, &want_onto) < NEAR);
        }
    }
    CHECK(!fit_pca(&(Given){.x = rows, .n = 3, .in = 6}, 3, true, basis, &err)); // three rows span two directions
    CHECK(fit_pca(&(Given){.x = rows, .n = 3, .in = 6}, 2, true, basis, &err));
}

static void test_difference(void) {
    static const float x[] = {1, 2, 3, 4, 5, 9}, y[] = {1, 2, 3, 4, 2, 5}; // means apart by (0, 1.5, 2)
    float basis[3];
    Error err;
    CHECK(fit_difference(&(Given){.x = x, .y = y, .n = 2, .in = 3, .out = 3}, basis, &err));
    CHECK(basis[0] == 0 && fabsf(basis[1] - 0.6f) < 1e-6f && fabsf(basis[2] - 0.8f) < 1e-6f);
    CHECK(!fit_difference(&(Given){.x = x, .y = x, .n = 2, .in = 3, .out = 3}, basis, &err));
}

int main(void) {
    for (seed = 1; seed < 7; seed++) {
        uint64_t kept = seed;
        on_sums = seed % 2 == 0;
        test_rotation();
        test_rank();
        test_whitened();
        test_whitened_down();
        test_shrink();
        test_floor();
        test_few_rotation();
        test_few_whitened();
        test_repeated_rows();
        test_pca();
        test_complete();
        test_complete_orthogonal();
        test_complete_whitened();
        seed = kept;
    }
    test_exact_rank();
    test_mean();
    test_difference();
    return check_done();
}
