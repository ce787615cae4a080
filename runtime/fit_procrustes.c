// fit.c: Procrustes maps, principal directions, differences of means.
//
// Sources: Schönemann 1966 (orthogonal Procrustes: Q = U V^T of X^T Y), with scale s = sum of singular values / |X|^2;
// whitening by the symmetric root of a shrunk covariance (Ledoit and Wolf's form with a given weight).
#include <math.h>

#include "runtime/fit.h"
#include "runtime/matrix.h"

// The whitened coordinates of one side: along the eigenvectors of the covariance on which the rows vary at all, divided
// by the deviation. A direction on which no row says anything has no coordinate: divided by its floor, the rounding
// of its covariance would look like data.
typedef struct {
    double *axes; // [width, rank]
    double *deviation; // of the shrunk covariance, floored
    double norm; // sum of the squares of all whitened rows
    uint32_t rank;
    Spread spread;
    double *all, *all_deviations; // [width, width], [width] of every direction; NULL unless the map is completed
} Whitening;

// What stands in the place of an eigenvalue of the covariance.
static double floored(const Procrustes *fit, double value, double mean, double largest) {
    double ridge = fit->shrink * mean, least = fit->floor * ((1 - fit->shrink) * largest + ridge);
    return fmax((1 - fit->shrink) * value + ridge, least);
}

// The root of the covariance in all directions, for what `complete` does where no row says anything.
static bool whole_root(Arena *arena, const Procrustes *fit, const double *c, const double *values, double mean, uint32_t width,
                       Whitening *out, Error *err) {
    out->all = arena_copy(arena, c, (size_t)width * width * sizeof *c);
    out->all_deviations = matrix_new(arena, width, 1);
    for (uint32_t k = 0; k < width; k++) {
        bool varies = k + out->rank >= width;
        double value = floored(fit, varies ? values[k] : 0, mean, values[width - 1]);
        if (!(value > 0))
            FAIL(err, ERR_INPUT, "%llu rows vary in %u of %u dimensions, and nothing whitens the others: give shrink or floor above 0, or leave out complete",
                 (unsigned long long)fit->n, out->rank, width);
        out->all_deviations[k] = sqrt(value / (double)fit->n);
    }
    return true;
}

static bool whitening(Arena *arena, const double *x, uint64_t n, uint32_t width, const Procrustes *fit, const char *side,
                      Whitening *out, Error *err) {
    double *c = matrix_new(arena, width, width), *values = matrix_new(arena, width, 1);
    matrix_cross(x, width, x, width, n, c);
    double mean = matrix_trace(c, width) / width;
    TRY(matrix_eigen(c, width, values, err));
    double largest = values[width - 1], none = largest * (double)MAX(n, (uint64_t)width) * 0x1p-52;
    if (!(largest > 0)) FAIL(err, ERR_INPUT, "the %s's states are the same for every prompt: nothing to fit", side);
    uint32_t first = 0;
    while (first < width && !(values[first] > none)) first++;
    *out = (Whitening){.rank = width - first, .spread = spread_of(values, width, n, width)};
    out->axes = matrix_new(arena, width, out->rank);
    out->deviation = matrix_new(arena, out->rank, 1);
    for (uint32_t k = 0; k < out->rank; k++) {
        double value = floored(fit, values[first + k], mean, largest);
        out->deviation[k] = sqrt(value / (double)n);
        out->norm += values[first + k] / value * (double)n;
        for (uint32_t i = 0; i < width; i++) out->axes[(size_t)i * out->rank + k] = c[(size_t)i * width + first + k];
    }
    return !fit->complete || whole_root(arena, fit, c, values, mean, width, out, err);
}

// m [in, out], between the states, in whitened coordinates [x->rank, y->rank].
static double *whitened(Arena *arena, const double *m, uint32_t in, uint32_t out, const Whitening *x, const Whitening *y) {
    double *half = matrix_new(arena, x->rank, out), *white = matrix_new(arena, x->rank, y->rank);
    matrix_cross(x->axes, x->rank, m, out, in, half);
    matrix_product(half, y->axes, x->rank, y->rank, out, white);
    for (uint32_t i = 0; i < x->rank; i++)
        for (uint32_t k = 0; k < y->rank; k++) white[(size_t)i * y->rank + k] /= x->deviation[i] * y->deviation[k];
    return white;
}

// q between coordinates along the axes of the two sides, as a matrix between the states.
static double *spanned(Arena *arena, const double *q, uint32_t in, uint32_t out, const Whitening *x, const Whitening *y) {
    double *half = matrix_new(arena, in, y->rank), *map = matrix_new(arena, in, out);
    matrix_product(x->axes, q, in, y->rank, x->rank, half);
    matrix_product_turned(half, y->axes, in, out, y->rank, map);
    return map;
}

// q of whitened coordinates, which it changes, between the states: Cx^-1/2 q Cy^1/2.
static double *coloured(Arena *arena, double *q, uint32_t in, uint32_t out, const Whitening *x, const Whitening *y) {
    for (uint32_t i = 0; i < x->rank; i++)
        for (uint32_t k = 0; k < y->rank; k++) q[(size_t)i * y->rank + k] *= y->deviation[k] / x->deviation[i];
    return spanned(arena, q, in, out, x, y);
}

// q = u_r v_r^T for the r leading triples. Those beyond the numerical rank are never used: what an SVD returns there
// is not a function of the data. size: the larger of the rows and the widths.
static uint32_t rotation(Arena *arena, const double *u, const double *values, const double *vt, uint32_t a, uint32_t b,
                         uint64_t size, uint32_t want, double *q) {
    uint32_t k = MIN(a, b), r = 0;
    double least = values[0] * (double)size * 0x1p-52;
    while (r < k && values[r] > least) r++;
    if (want && want < r) r = want;
    double *left = matrix_new(arena, a, r);
    for (uint32_t i = 0; i < a; i++)
        for (uint32_t j = 0; j < r; j++) left[(size_t)i * r + j] = u[(size_t)i * k + j];
    if (r) matrix_product(left, vt, a, b, r, q);
    return r;
}

// ---- What the rows leave open

// The rotation nearest to I from what q = U V^T leaves of the source to what it leaves of the target: the polar factor of
// (I - U U^T)(I - V V^T), which has no singular values but those between the two complements.
static bool nearest_identity(Arena *arena, const double *q, uint32_t width, uint32_t rank, double *rest, Error *err) {
    double *left = matrix_new(arena, width, width), *right = matrix_new(arena, width, width), *t = matrix_new(arena, width, width);
    double *u = matrix_new(arena, width, width), *values = matrix_new(arena, width, 1), *vt = matrix_new(arena, width, width);
    matrix_product_turned(q, q, width, width, width, left);
    matrix_cross(q, width, q, width, width, right);
    matrix_product(left, right, width, width, width, t);
    for (size_t i = 0; i < (size_t)width * width; i++) t[i] += (i % (width + 1u) == 0) - left[i] - right[i];
    TRY(matrix_singular(arena, t, width, width, u, values, vt, err));
    uint32_t count = 0;
    while (count < width - rank && values[count] > width * 0x1p-50) count++; // a direction at right angles to all that is left has no nearest
    for (uint32_t i = 0; i < width; i++)
        for (uint32_t k = count; k < width; k++) u[(size_t)i * width + k] = 0;
    matrix_product(u, vt, width, width, width, rest);
    return true;
}

// Adds what `complete` says to the map, and to q of the rows: between the whitened states, or the states.
static bool complete(Arena *arena, double *q, uint32_t width, uint32_t rank, const Whitening *x, const Whitening *y, double *map, Error *err) {
    double *rest = matrix_new(arena, width, width);
    if (rank == width) return true;
    TRY(nearest_identity(arena, q, width, rank, rest, err));
    for (size_t i = 0; i < (size_t)width * width; i++) q[i] += rest[i];
    if (x) {
        const Whitening from = {.axes = x->all, .deviation = x->all_deviations, .rank = width}, to = {.axes = y->all, .deviation = y->all_deviations, .rank = width};
        double *half = matrix_new(arena, width, width), *along = matrix_new(arena, width, width);
        matrix_cross(x->all, width, rest, width, width, half);
        matrix_product(half, y->all, width, width, width, along);
        rest = coloured(arena, along, width, width, &from, &to);
    }
    for (size_t i = 0; i < (size_t)width * width; i++) map[i] += rest[i];
    return true;
}

// |Q^T Q - I|, or |Q Q^T - I| where Q has fewer rows than columns; `more`: dimensions that q, in its coordinates, lacks.
static double orthogonality(Arena *arena, const double *q, uint32_t in, uint32_t out, uint32_t more) {
    uint32_t size = MIN(in, out);
    double *square = matrix_new(arena, size, size), sum = more;
    matrix_gram(q, in, out, in < out, square);
    for (uint32_t i = 0; i < size; i++)
        for (uint32_t k = i; k < size; k++) {
            double off = square[(size_t)i * size + k] - (i == k);
            sum += (i == k ? 1 : 2) * off * off;
        }
    return sqrt(sum);
}

// The covariances' spreads, where whitening has not found them already.
static bool find_spreads(Arena *arena, const Procrustes *fit, const double *x, const double *y, const Whitening *wx, const Whitening *wy,
                         FitReport *report, Error *err) {
    report->source = wx->spread;
    report->target = wy->spread;
    return fit->whiten || (spread_find(arena, x, fit->n, fit->in, &report->source, err) && spread_find(arena, y, fit->n, fit->out, &report->target, err));
}

static bool procrustes_in(Arena *arena, const Procrustes *fit, float *map, FitReport *report, Error *err) {
    uint32_t in = fit->in, out = fit->out;
    double *x_mean = matrix_new(arena, in, 1), *y_mean = matrix_new(arena, out, 1), norm = 0;
    double *x = matrix_centred(arena, fit->x, fit->n, in, x_mean), *y = matrix_centred(arena, fit->y, fit->n, out, y_mean);
    double *m = matrix_new(arena, in, out);
    matrix_cross(x, in, y, out, fit->n, m);
    for (size_t i = 0; i < fit->n * in; i++) norm += x[i] * x[i];
    uint32_t a = in, b = out;
    Whitening wx = {0}, wy = {0};
    if (fit->whiten) {
        TRY(whitening(arena, x, fit->n, in, fit, "source", &wx, err));
        TRY(whitening(arena, y, fit->n, out, fit, "target", &wy, err));
        m = whitened(arena, m, in, out, &wx, &wy);
        norm = wx.norm;
        a = wx.rank, b = wy.rank;
    }
    uint32_t k = MIN(a, b);
    double *u = matrix_new(arena, a, k), *values = matrix_new(arena, k, 1), *vt = matrix_new(arena, k, b), sum = 0;
    double *q = matrix_new(arena, a, b);
    TRY(matrix_singular(arena, m, a, b, u, values, vt, err));
    if (!(norm > 0) || !(values[0] > 0))
        FAIL(err, ERR_INPUT, "the source's and the target's states do not vary together: nothing to fit");
    report->rank = rotation(arena, u, values, vt, a, b, MAX(fit->n, (uint64_t)MAX(in, out)), fit->rank, q);
    for (uint32_t i = 0; i < k; i++) sum += values[i];
    report->scale = fit->scale ? sum / norm : 1;
    TRY(find_spreads(arena, fit, x, y, &wx, &wy, report, err));
    report->orthogonality = orthogonality(arena, q, a, b, MIN(in, out) - MIN(a, b));
    double *w = arena_copy(arena, q, (size_t)a * b * sizeof *q);
    if (fit->whiten) w = coloured(arena, w, in, out, &wx, &wy);
    if (fit->complete) {
        if (fit->whiten) q = spanned(arena, q, in, out, &wx, &wy);
        TRY(complete(arena, q, in, report->rank, fit->whiten ? &wx : NULL, &wy, w, err));
        report->orthogonality = orthogonality(arena, q, in, out, 0);
    }
    map_write(w, report->scale, x_mean, y_mean, in, out, map);
    return true;
}

bool fit_procrustes(const Procrustes *fit, float *map, FitReport *report, Error *err) {
    *report = (FitReport){.rows = fit->n, .in = fit->in, .out = fit->out, .scale = 1, .completed = fit->complete};
    report->unique = fit->n > MIN(fit->in, fit->out);
    if (fit->n < 2) FAIL(err, ERR_INPUT, "a map needs at least 2 rows to be fitted on, there is 1");
    Arena *arena = arena_open();
    bool ok = procrustes_in(arena, fit, map, report, err);
    arena_close(arena);
    return ok;
}
