// planted.c: runtime/fit*.c on states of which the answer is known: what was planted must be found, exactly where the
// theory says so, and nothing must be found where there is nothing.
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "mdx/random.h"
#include "runtime/fit.h"

enum { MOST = 64 };

// Largest difference of float32 states that a fit may make of an exact answer of order 1.
static const double NEAR = 2e-5;

// ---- Random numbers: SplitMix64 (Steele, Lea and Flood 2014)

static uint64_t seed;

static double uniform(void) {
    uint64_t z = seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static double normal(void) {
    return sqrt(-2 * log(1 - uniform())) * cos(2 * 3.14159265358979323846 * uniform());
}

// ---- Matrices of doubles, row by row

typedef struct {
    uint32_t rows, columns;
    double at[MOST * MOST];
} Matrix;

static Matrix random_matrix(uint32_t rows, uint32_t columns) {
    Matrix m = {.rows = rows, .columns = columns};
    for (uint32_t i = 0; i < rows * columns; i++) m.at[i] = normal();
    return m;
}

static Matrix product(const Matrix *a, const Matrix *b) {
    Matrix out = {.rows = a->rows, .columns = b->columns};
    for (uint32_t r = 0; r < a->rows; r++)
        for (uint32_t k = 0; k < a->columns; k++)
            for (uint32_t c = 0; c < b->columns; c++)
                out.at[r * b->columns + c] += a->at[r * a->columns + k] * b->at[k * b->columns + c];
    return out;
}

static Matrix turned(const Matrix *m) {
    Matrix out = {.rows = m->columns, .columns = m->rows};
    for (uint32_t r = 0; r < m->rows; r++)
        for (uint32_t c = 0; c < m->columns; c++) out.at[c * m->rows + r] = m->at[r * m->columns + c];
    return out;
}

// Gram and Schmidt, twice, on the rows; rows that lie in those before them become zero.
static void orthonormal_rows(Matrix *m) {
    for (uint32_t r = 0; r < m->rows; r++) {
        double *row = m->at + r * m->columns, before = 0, norm = 0;
        for (uint32_t c = 0; c < m->columns; c++) before += row[c] * row[c];
        for (uint32_t i = 0; i < 2 * r; i++) {
            const double *other = m->at + i % r * m->columns;
            double dot = 0;
            for (uint32_t c = 0; c < m->columns; c++) dot += row[c] * other[c];
            for (uint32_t c = 0; c < m->columns; c++) row[c] -= dot * other[c];
        }
        for (uint32_t c = 0; c < m->columns; c++) norm += row[c] * row[c];
        bool new_direction = norm > 1e-20 * before;
        for (uint32_t c = 0; c < m->columns; c++) row[c] = new_direction ? row[c] / sqrt(norm) : 0;
    }
}

static Matrix random_rotation(uint32_t size) {
    Matrix m = random_matrix(size, size);
    orthonormal_rows(&m);
    return m;
}

// Columns 1 … `columns` of the Hadamard matrix of 64 rows: orthogonal, of mean 0 and variance 1, and exact in float32.
static Matrix hadamard(uint32_t columns) {
    Matrix m = {.rows = MOST, .columns = columns};
    for (uint32_t r = 0; r < MOST; r++)
        for (uint32_t c = 0; c < columns; c++) m.at[r * columns + c] = __builtin_parity(r & (c + 1)) ? -1 : 1;
    return m;
}

static void scale_columns(Matrix *m, const double *by) {
    for (uint32_t i = 0; i < m->rows * m->columns; i++) m->at[i] *= by[i % m->columns];
}

// The first `rank` columns of u times the first `rank` rows of vt.
static Matrix outer(const Matrix *u, const Matrix *vt, uint32_t rank) {
    Matrix left = {.rows = u->rows, .columns = rank}, right = {.rows = rank, .columns = vt->columns};
    for (uint32_t r = 0; r < u->rows; r++)
        for (uint32_t c = 0; c < rank; c++) left.at[r * rank + c] = u->at[r * u->columns + c];
    memcpy(right.at, vt->at, rank * vt->columns * sizeof *vt->at);
    return product(&left, &right);
}

static double distance(const Matrix *a, const Matrix *b) {
    double most = 0;
    if (a->rows != b->rows || a->columns != b->columns) return INFINITY;
    for (uint32_t i = 0; i < a->rows * a->columns; i++) {
        double off = fabs(a->at[i] - b->at[i]);
        if (!(off <= most)) most = off;
    }
    return most;
}

// ---- Fits

typedef struct {
    FitReport report;
    Matrix w, b;
} Fitted;

static void to_floats(const Matrix *m, double shift, float *out) {
    for (uint32_t i = 0; i < m->rows * m->columns; i++) out[i] = (float)(m->at[i] + shift);
}

// x and y get the means 1 and -2.
static Fitted fit(const Matrix *x, const Matrix *y, Procrustes how) {
    static float xs[MOST * MOST], ys[MOST * MOST], map[MOST * (MOST + 1)];
    Fitted out = {.w = {.rows = x->columns, .columns = y->columns}, .b = {.rows = 1, .columns = y->columns}};
    Error err;
    to_floats(x, 1, xs);
    to_floats(y, -2, ys);
    how.x = xs, how.y = ys, how.n = x->rows, how.in = x->columns, how.out = y->columns;
    CHECK(fit_procrustes(&how, map, &out.report, &err));
    for (uint32_t i = 0; i < x->columns * y->columns; i++) out.w.at[i] = map[i];
    for (uint32_t c = 0; c < y->columns; c++) out.b.at[c] = map[x->columns * y->columns + c];
    return out;
}

// The shift of a map w between the two means, given those of x and y before they were moved.
static Matrix shift_of(const Matrix *w, const Matrix *x, const Matrix *y) {
    Matrix out = {.rows = 1, .columns = w->columns};
    for (uint32_t c = 0; c < w->columns; c++) {
        double mean = 0;
        for (uint32_t r = 0; r < y->rows; r++) mean += (y->at[r * y->columns + c] - 2) / y->rows;
        out.at[c] = mean;
        for (uint32_t r = 0; r < x->rows; r++)
            for (uint32_t k = 0; k < w->rows; k++)
                out.at[c] -= (x->at[r * x->columns + k] + 1) / x->rows * w->at[k * w->columns + c];
    }
    return out;
}

#define CHECK_MAP(got, want_w, x, y)                                                                                   \
    do {                                                                                                               \
        Matrix want_shift = shift_of(&(want_w), &(x), &(y));                                                           \
        CHECK(distance(&(got).w, &(want_w)) < NEAR);                                                                   \
        CHECK(distance(&(got).b, &want_shift) < NEAR * 20);                                                            \
    } while (0)

static Matrix scaled(const Matrix *m, double by) {
    Matrix out = *m;
    for (uint32_t i = 0; i < m->rows * m->columns; i++) out.at[i] *= by;
    return out;
}

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

// An orthonormal basis of the rows about their mean, and below it zeros.
static Matrix span_of(const Matrix *x) {
    Matrix m = *x;
    for (uint32_t c = 0; c < x->columns; c++) {
        double mean = 0;
        for (uint32_t r = 0; r < x->rows; r++) mean += x->at[r * x->columns + c] / x->rows;
        for (uint32_t r = 0; r < x->rows; r++) m.at[r * x->columns + c] -= mean;
    }
    m.rows--; // the last is minus the sum of the others
    orthonormal_rows(&m);
    return m;
}

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
    Procrustes none = {.x = xs, .y = xs, .n = 9, .in = 20, .out = 20, .whiten = true, .complete = true};
    CHECK(!fit_procrustes(&none, map, &report, &err) && strstr(err.text, "9 rows vary in 8 of 20 dimensions"));
}

// ---- Ridge regression

static Fitted ridge(const Matrix *x, const Matrix *y, Ridge how) {
    static float xs[MOST * MOST], ys[MOST * MOST], map[MOST * (MOST + 1)];
    Fitted out = {.w = {.rows = x->columns, .columns = y->columns}, .b = {.rows = 1, .columns = y->columns}};
    Error err;
    to_floats(x, 1, xs);
    to_floats(y, -2, ys);
    how.x = xs, how.y = ys, how.n = x->rows, how.in = x->columns, how.out = y->columns;
    CHECK(fit_ridge(&how, map, &out.report, &err));
    for (uint32_t i = 0; i < x->columns * y->columns; i++) out.w.at[i] = map[i];
    for (uint32_t c = 0; c < y->columns; c++) out.b.at[c] = map[x->columns * y->columns + c];
    return out;
}

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
    Ridge fit = {.x = xs, .y = ys, .n = 9, .in = 3, .out = 3, .lambdas = &one, .lambda_count = 1, .standardize = true};
    CHECK(fit_ridge(&fit, map, &report, &err) && report.kept_in == 1 && report.kept_out == 1);
    for (uint32_t i = 1; i < 9; i++) CHECK(map[i] == 0);
    CHECK(map[11] == 7);
    for (uint32_t i = 0; i < 9; i++) xs[3 * i] = 2;
    CHECK(!fit_ridge(&fit, map, &report, &err) && strstr(err.text, "no dimension varies"));
    fit.out = 1;
    for (uint32_t i = 0; i < 9; i++) xs[3 * i + 2] = 2;
    CHECK(!fit_ridge(&fit, map, &report, &err) && strstr(err.text, "the source's states are the same"));
    fit.standardize = false;
    CHECK(!fit_ridge(&fit, map, &report, &err) && strstr(err.text, "the source's states are the same"));
    xs[0] = 1;
    fit.lambdas = few, fit.lambda_count = 2, fit.held = 1;
    CHECK(!fit_ridge(&fit, map, &report, &err) && strstr(err.text, "1 row that does not vary"));
    fit.n = 1;
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
    CHECK(fit_moments(xs, ys, 30, 5, map, &report, &err) && report.kept_in == 5);
    for (uint32_t i = 0; i < 25; i++) CHECK(fabs(map[i] - (i % 6 ? 0 : fabs(sizes[i % 5]))) < NEAR);
    Matrix w = want;
    for (uint32_t i = 0; i < 25; i++) w.at[i] = map[i];
    Matrix shift = shift_of(&w, &x, &y);
    for (uint32_t c = 0; c < 5; c++) CHECK(fabs(map[25 + c] - shift.at[c]) < NEAR);
    for (uint32_t i = 0; i < 30 * 5; i++) xs[i] = 3;
    CHECK(!fit_moments(xs, ys, 30, 5, map, &report, &err) && strstr(err.text, "the same for every prompt"));
    CHECK(!fit_moments(xs, ys, 1, 5, map, &report, &err));
}

static Matrix random_map(uint32_t in, uint32_t out, uint64_t from) {
    static float x[2 * MOST], y[2 * MOST], map[MOST * (MOST + 1)];
    Matrix w = {.rows = in, .columns = out};
    FitReport report;
    Error err;
    for (uint32_t i = 0; i < in; i++) x[i] = 0, x[in + i] = 2; // means 1 and 3
    for (uint32_t i = 0; i < out; i++) y[i] = 2, y[out + i] = 4;
    CHECK(fit_random_rotation(x, y, 2, in, out, from, map, &report, &err));
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

// ---- Means and subspaces

static void test_mean(void) {
    static const float y[] = {1, 2, 3, 5, 5, 5};
    float map[3 * 3];
    fit_mean(y, 2, 2, 3, map);
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
            CHECK(fit_pca(rows, x.rows, 6, rank, center, basis, &err));
            Matrix got = as_matrix(basis, 6, rank), want = {.rows = 6, .columns = rank};
            for (uint32_t i = 0; i < 6 * rank; i++)
                want.at[i] = axes.at[(center ? centred : whole)[i % rank] * 6 + i / rank];
            Matrix got_onto = projector(&got), want_onto = projector(&want);
            CHECK(distance(&got_onto, &want_onto) < NEAR);
        }
    }
    CHECK(!fit_pca(rows, 3, 6, 3, true, basis, &err)); // three rows span two directions
    CHECK(fit_pca(rows, 3, 6, 2, true, basis, &err));
}

static void test_difference(void) {
    static const float x[] = {1, 2, 3, 4, 5, 9}, y[] = {1, 2, 3, 4, 2, 5}; // means apart by (0, 1.5, 2)
    float basis[3];
    Error err;
    CHECK(fit_difference(x, y, 2, 3, basis, &err));
    CHECK(basis[0] == 0 && fabsf(basis[1] - 0.6f) < 1e-6f && fabsf(basis[2] - 0.8f) < 1e-6f);
    CHECK(!fit_difference(x, x, 2, 3, basis, &err));
}

int main(void) {
    for (seed = 1; seed < 4; seed++) {
        uint64_t kept = seed;
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
        test_ridge();
        test_ridge_choice();
        test_ridge_rank();
        test_quality();
        test_quality_few();
        test_random_rotation();
        seed = kept;
    }
    test_exact_rank();
    test_ridge_constant();
    test_moments();
    test_rotation_distribution();
    test_derangement();
    test_mean();
    test_difference();
    return check_done();
}
