// fit_procrustes.c: Procrustes maps on the GPU: Q = U V^T of the (whitened) cross-covariance X^T Y.
#include <math.h>

#include "runtime/fit_procrustes.h"
#include "runtime/cuda/factor.h"

// Of one side; axes are the eigenvectors that are used, as rows.
typedef struct {
    double *mean;
    uint32_t *columns; // all
    WhitenedValues white;
    Dense axes;
    Spread spread;
    double norm; // sum of the squares of all rows, whitened when whitening
} Side;

struct GpuProcrustes {
    Side x, y;
    Dense ut, vt; // singular vectors, as rows
    uint32_t count, lacks; // triples; dimensions that are not in their coordinates
    double *values, scale; // s: the sum of the singular values / |X|^2
};

static double *inverse(Arena *arena, const double *from, uint32_t count) {
    double *out = arena_many(arena, double, count);
    for (uint32_t i = 0; i < count; i++) out[i] = 1 / from[i];
    return out;
}

// ---- Sides

static bool whiten(Arena *arena, const FitWork *work, const Procrustes *fit, int side, Dense square, Side *out) {
    Error ignored;
    uint32_t width = square.columns;
    double *values = arena_many(arena, double, width), mean = out->norm / width;
    dense_eigen(work->space, square, values);
    TRY(dense_ok(work->space, &ignored) && whitened_values(arena, fit, side, values, mean, &out->white, &ignored));
    out->axes = dense_rows(square, out->white.first, out->white.rank);
    out->spread = out->white.spread;
    out->norm = out->white.norm;
    return true;
}

// The rows about their mean, and what the side is.
static bool side_open(Arena *arena, const FitWork *work, const Procrustes *fit, int side, Dense *rows, Side *out) {
    const FitStates *states = side ? &work->y : &work->x;
    uint32_t width = states->width;
    uint64_t n = fit->given.n;
    double *deviation = arena_many(arena, double, width);
    *out = (Side){.mean = arena_many(arena, double, width), .columns = arena_many(arena, uint32_t, width)};
    TRY(fit_moments_of(work, states, 0, n, out->mean, deviation));
    for (uint32_t c = 0; c < width; c++) {
        out->columns[c] = c;
        out->norm += deviation[c] * deviation[c] * (double)n;
    }
    *rows = fit_rows_of(work, states, 0, n, out->columns, width, out->mean, NULL);
    if (fit->whiten) return whiten(arena, work, fit, side, dense_gram(work->space, *rows, false), out);
    out->spread = fit_spread(arena, work, *rows);
    return true;
}

// ---- The singular triples

// Rows about their mean span one dimension less than they are, at most: what a reflection that turns (1, 1, ...) into the
// last coordinate leaves of them in the others.
static Dense without_mean(Arena *arena, const FitWork *work, Dense rows) {
    const uint32_t count = (uint32_t)rows.rows - 1;
    double *share = arena_many(arena, double, count);
    for (uint32_t i = 0; i < count; i++) share[i] = 1 / (1 + sqrt((double)rows.rows));
    Dense out = dense_copy(work->space, dense_rows(rows, 0, count));
    dense_subtract_cross(work->space, dense_put(work->space, share, 1, count), dense_rows(rows, count, 1), out);
    return out;
}

// Orthonormal rows that span the same, by Cholesky's factor of their Gram matrix; the second time takes away what rounding
// left (Yamamoto et al. 2015). False: they are too near to fewer dimensions for that.
static bool spanning(Arena *arena, const FitWork *work, Dense rows, Dense *out) {
    *out = without_mean(arena, work, rows);
    for (int i = 0; i < 2; i++) {
        Dense factor = dense_gram(work->space, *out, true);
        TRY(dense_factor(work->space, factor));
        *out = dense_cross(work->space, factor_inverse(work, factor), *out);
    }
    return true;
}

// Of x^T y of fewer rows than dimensions: between what the rows span. All other singular values are 0, which the fast
// decomposition does not take.
static bool singular_spanned(Arena *arena, const FitWork *work, Dense x, Dense y, GpuProcrustes *parts) {
    static const double WORST = 1e13; // condition of a Gram matrix: hundreds of times below what Cholesky's factor takes
    DenseSpace *space = work->space;
    Dense of_x, of_y, ut, vt;
    const Spread *spreads[] = {&parts->x.spread, &parts->y.spread};
    for (int i = 0; i < 2; i++)
        if (spreads[i]->rank + 1 != x.rows || !(spreads[i]->condition < WORST)) return false;
    TRY(spanning(arena, work, x, &of_x) && spanning(arena, work, y, &of_y));
    Dense core = dense_product_turned(space, dense_product(space, of_x, dense_cross(space, x, y)), of_y);
    parts->count = core.columns;
    parts->values = arena_many(arena, double, parts->count);
    dense_singular(space, core, &ut, parts->values, &vt);
    parts->ut = dense_product(space, ut, of_x);
    parts->vt = dense_product(space, vt, of_y);
    return true;
}

static void singular_whole(Arena *arena, const FitWork *work, const Procrustes *fit, Dense x, Dense y, GpuProcrustes *parts) {
    DenseSpace *space = work->space;
    Dense m = dense_cross(space, x, y);
    if (fit->whiten) {
        const WhitenedValues *of_x = &parts->x.white, *of_y = &parts->y.white;
        m = dense_product_turned(space, dense_product(space, parts->x.axes, m), parts->y.axes);
        dense_scale(space, m, inverse(arena, of_x->deviation, of_x->rank), inverse(arena, of_y->deviation, of_y->rank));
    }
    parts->count = (uint32_t)MIN(m.rows, (uint64_t)m.columns);
    parts->lacks = MIN(fit->given.in, fit->given.out) - parts->count;
    parts->values = arena_many(arena, double, parts->count);
    dense_singular(space, m, &parts->ut, parts->values, &parts->vt);
}

static bool find_parts(Arena *arena, const FitWork *work, const Procrustes *fit, GpuProcrustes *parts) {
    Error ignored;
    Dense x, y;
    TRY(side_open(arena, work, fit, 0, &x, &parts->x) && side_open(arena, work, fit, 1, &y, &parts->y));
    bool few = !fit->whiten && fit->given.n <= MIN(fit->given.in, fit->given.out);
    if (!few || !singular_spanned(arena, work, x, y, parts)) singular_whole(arena, work, fit, x, y, parts);
    for (uint32_t i = 0; i < parts->count; i++) parts->scale += parts->values[i];
    parts->scale /= parts->x.norm;
    return dense_ok(work->space, &ignored) && parts->x.norm > 0 && parts->values[0] > 0;
}

// ---- The map

// |Q^T Q - I|, or |Q Q^T - I| where Q has fewer rows than columns; `more`: dimensions that q, in its coordinates, lacks.
static double orthogonality(const FitWork *work, Dense q, uint32_t more) {
    Dense square = q.rows < q.columns ? dense_product_turned(work->space, q, q) : dense_cross(work->space, q, q);
    fit_add_diagonal(work, square, -1);
    double norm = dense_norm(work->space, square);
    return sqrt(norm * norm + more);
}

static bool write_map(Arena *arena, const FitWork *work, const Procrustes *fit, const GpuProcrustes *parts, FitReport *report) {
    Error ignored;
    DenseSpace *space = work->space;
    uint32_t in = fit->given.in, out = fit->given.out;
    uint32_t rank = procrustes_rank(parts->values, parts->count, MAX(fit->given.n, (uint64_t)MAX(in, out)), fit->rank);
    Dense q = dense_cross(space, dense_rows(parts->ut, 0, rank), dense_rows(parts->vt, 0, rank));
    report->rank = rank;
    report->orthogonality = orthogonality(work, q, parts->lacks);
    if (fit->whiten) {
        dense_scale(space, q, inverse(arena, parts->x.white.deviation, parts->x.white.rank), parts->y.white.deviation);
        q = dense_product(space, dense_cross(space, parts->x.axes, q), parts->y.axes);
    }
    double *scale = arena_many(arena, double, out);
    for (uint32_t c = 0; c < out; c++) scale[c] = report->scale;
    if (fit->scale) dense_scale(space, q, NULL, scale);
    fit_write(work, q, parts->x.columns, parts->y.columns, parts->x.mean, parts->y.mean);
    return dense_ok(space, &ignored);
}

bool gpu_fit_procrustes(const FitWork *work, const Procrustes *fit, GpuProcrustes **parts, Arena *arena, FitReport *report) {
    if (!*parts) {
        dense_reset(work->space);
        GpuProcrustes *found = arena_new(arena, GpuProcrustes);
        TRY(find_parts(arena, work, fit, found));
        *parts = found;
    }
    *report = procrustes_report(fit, &fit->given, (*parts)->scale, (*parts)->x.spread, (*parts)->y.spread);
    Arena *scratch = arena_open();
    bool ok = write_map(scratch, work, fit, *parts, report);
    arena_close(scratch);
    return ok;
}
