// fit_procrustes.c: Procrustes maps.
//
// Sources: Schönemann 1966 (orthogonal Procrustes: Q = U V^T of X^T Y), with scale s = sum of singular values / |X|^2;
// whitening by the symmetric root of a shrunk covariance (Ledoit and Wolf's form with a given weight).
#include <math.h>

#include "runtime/fit_procrustes.h"
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
                 (unsigned long long)fit->given.n, out->rank, width);
        out->all_deviations[k] = sqrt(value / (double)fit->given.n);
    }
    return true;
}

Procrustes procrustes_of(const Attr *attr, Given given) {
    return (Procrustes){.given = given,
                        .scale = attr->procrustes.scale,
                        .whiten = attr->procrustes.whiten,
                        .complete = attr->procrustes.complete,
                        .shrink = attr->procrustes.shrink,
                        .floor = attr->procrustes.floor,
                        .rank = attr->procrustes.rank};
}

FitReport procrustes_report(const Procrustes *fit, const Given *given, double scale, Spread source, Spread target) {
    return (FitReport){.rows = given->n,
                       .in = given->in,
                       .out = given->out,
                       .scale = fit->scale ? scale : 1,
                       .unique = given->n > MIN(given->in, given->out),
                       .source = source,
                       .target = target,
                       .completed = fit->complete};
}

bool whitened_values(Arena *arena, const Procrustes *fit, int side, const double *values, double mean, WhitenedValues *out, Error *err) {
    uint32_t width = side ? fit->given.out : fit->given.in, first = 0;
    uint64_t n = fit->given.n;
    double largest = values[width - 1], none = largest * (double)MAX(n, (uint64_t)width) * 0x1p-52;
    if (!(largest > 0)) FAIL(err, ERR_INPUT, "the %s's states are the same for every prompt: nothing to fit", side ? "target" : "source");
    while (first < width && !(values[first] > none)) first++;
    *out = (WhitenedValues){.first = first, .rank = width - first, .spread = spread_of(values, width, n, width)};
    out->deviation = matrix_new(arena, out->rank, 1);
    for (uint32_t k = 0; k < out->rank; k++) {
        double value = floored(fit, values[first + k], mean, largest);
        out->deviation[k] = sqrt(value / (double)n);
        out->norm += values[first + k] / value * (double)n;
    }
    return true;
}

static bool whitening(Arena *arena, Arena *scratch, const Procrustes *fit, int side, Whitening *out, Error *err) {
    uint32_t width = side ? fit->given.out : fit->given.in;
    double *c = given_square(scratch, &fit->given, side), *values = matrix_new(scratch, width, 1);
    double mean = matrix_trace(c, width) / width;
    WhitenedValues found;
    TRY(matrix_eigen(c, width, values, err) && whitened_values(arena, fit, side, values, mean, &found, err));
    *out = (Whitening){.rank = found.rank, .spread = found.spread, .norm = found.norm, .deviation = found.deviation};
    out->axes = matrix_new(arena, width, out->rank);
    for (uint32_t k = 0; k < out->rank; k++)
        for (uint32_t i = 0; i < width; i++) out->axes[(size_t)i * out->rank + k] = c[(size_t)i * width + found.first + k];
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

uint32_t procrustes_rank(const double *values, uint32_t count, uint64_t size, uint32_t want) {
    uint32_t rank = 0;
    double least = values[0] * (double)size * 0x1p-52;
    while (rank < count && values[rank] > least) rank++;
    return want ? MIN(want, rank) : rank;
}

// q = u_r v_r^T for the r leading triples. size: the larger of the rows and the widths.
static uint32_t rotation(Arena *arena, const double *u, const double *values, const double *vt, uint32_t a, uint32_t b,
                         uint64_t size, uint32_t want, double *q) {
    uint32_t k = MIN(a, b), r = procrustes_rank(values, k, size, want);
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

// ---- The fit

struct ProcrustesParts {
    uint64_t n;
    uint32_t in, out;
    const double *x_mean, *y_mean;
    Whitening x, y; // when whitening
    Spread source, target;
    uint32_t a, b; // of what the singular triples are: the cross-covariance, or the whitened one
    double *u, *values, *vt;
    double scale; // s: the sum of the singular values / |X|^2
};

// The covariances' spreads, where whitening has not found them already.
static bool find_spreads(Arena *arena, const Procrustes *fit, ProcrustesParts *parts, Error *err) {
    parts->source = parts->x.spread;
    parts->target = parts->y.spread;
    return fit->whiten || (given_spread(arena, &fit->given, 0, &parts->source, err) && given_spread(arena, &fit->given, 1, &parts->target, err));
}

// m [a, b] = U S V^T, and s.
static bool decompose(Arena *arena, Arena *scratch, const double *m, double norm, ProcrustesParts *parts, Error *err) {
    uint32_t k = MIN(parts->a, parts->b);
    double sum = 0;
    parts->u = matrix_new(arena, parts->a, k);
    parts->values = matrix_new(arena, k, 1);
    parts->vt = matrix_new(arena, k, parts->b);
    TRY(matrix_singular(scratch, m, parts->a, parts->b, parts->u, parts->values, parts->vt, err));
    if (!(norm > 0) || !(parts->values[0] > 0))
        FAIL(err, ERR_INPUT, "the source's and the target's states do not vary together: nothing to fit");
    for (uint32_t i = 0; i < k; i++) sum += parts->values[i];
    parts->scale = sum / norm;
    return true;
}

static bool find_parts(Arena *arena, Arena *scratch, const Procrustes *fit, ProcrustesParts *parts, Error *err) {
    const Given *given = &fit->given;
    uint32_t in = given->in, out = given->out;
    *parts = (ProcrustesParts){.n = given->n, .in = in, .out = out, .a = in, .b = out};
    parts->x_mean = given_mean(arena, given, 0);
    parts->y_mean = given_mean(arena, given, 1);
    double *m = given_cross(scratch, given), norm = 0;
    const double *deviation = given_deviation(scratch, given, 0, parts->x_mean);
    for (uint32_t c = 0; c < in; c++) norm += deviation[c] * deviation[c] * (double)given->n;
    if (fit->whiten) {
        TRY(whitening(arena, scratch, fit, 0, &parts->x, err));
        TRY(whitening(arena, scratch, fit, 1, &parts->y, err));
        m = whitened(scratch, m, in, out, &parts->x, &parts->y);
        norm = parts->x.norm;
        parts->a = parts->x.rank, parts->b = parts->y.rank;
    }
    return decompose(arena, scratch, m, norm, parts, err) && find_spreads(scratch, fit, parts, err);
}

const ProcrustesParts *procrustes_parts(Arena *arena, const Procrustes *fit, Error *err) {
    if (fit->given.n < 2) {
        error_set(err, ERR_INPUT, "a map needs at least 2 rows to be fitted on, there is 1");
        return NULL;
    }
    Arena *scratch = arena_open();
    ProcrustesParts *parts = arena_new(arena, ProcrustesParts);
    bool ok = find_parts(arena, scratch, fit, parts, err);
    arena_close(scratch);
    return ok ? parts : NULL;
}

static bool map_of_parts(Arena *arena, const Procrustes *fit, const ProcrustesParts *parts, float *map, FitReport *report,
                         Error *err) {
    uint32_t in = parts->in, out = parts->out, a = parts->a, b = parts->b;
    const Whitening *x = fit->whiten ? &parts->x : NULL, *y = fit->whiten ? &parts->y : NULL;
    double *q = matrix_new(arena, a, b);
    report->rank = rotation(arena, parts->u, parts->values, parts->vt, a, b, MAX(parts->n, (uint64_t)MAX(in, out)), fit->rank, q);
    report->orthogonality = orthogonality(arena, q, a, b, MIN(in, out) - MIN(a, b));
    double *w = arena_copy(arena, q, (size_t)a * b * sizeof *q);
    if (fit->whiten) w = coloured(arena, w, in, out, x, y);
    if (fit->complete) {
        if (fit->whiten) q = spanned(arena, q, in, out, x, y);
        TRY(complete(arena, q, in, report->rank, x, y, w, err));
        report->orthogonality = orthogonality(arena, q, in, out, 0);
    }
    map_write(w, report->scale, parts->x_mean, parts->y_mean, in, out, map);
    return true;
}

bool procrustes_map(const Procrustes *fit, const ProcrustesParts *parts, float *map, FitReport *report, Error *err) {
    const Given given = {.n = parts->n, .in = parts->in, .out = parts->out};
    *report = procrustes_report(fit, &given, parts->scale, parts->source, parts->target);
    Arena *arena = arena_open();
    bool ok = map_of_parts(arena, fit, parts, map, report, err);
    arena_close(arena);
    return ok;
}

bool fit_procrustes(const Procrustes *fit, float *map, FitReport *report, Error *err) {
    Arena *arena = arena_open();
    const ProcrustesParts *parts = procrustes_parts(arena, fit, err);
    bool ok = parts && procrustes_map(fit, parts, map, report, err);
    arena_close(arena);
    return ok;
}
