// factor.c: solving with Cholesky's factors on the GPU.
#include "runtime/cuda/factor.h"

enum {
    CORNER = 128, // as in kernels/factor.cu
    PITCH = CORNER + 1,
    SMALL = 16,
    THREADS = 512,
    CORNER_BYTES = (CORNER * PITCH + CORNER * SMALL + SMALL) * sizeof(double),
    SOLVED = 512, // rows that are solved at once where there is one matrix
};

// As in kernels/factor.cu.
typedef struct {
    DevicePtr gram, right, lambdas, out;
    uint64_t next;
    uint32_t size, columns, first, rows;
} PanelWork;

typedef struct {
    DevicePtr from, inverse, wrong;
    uint64_t stride, next, inverse_stride, inverse_next;
    uint32_t rows, last_rows, factored;
} CornerWork;

static void corners(const FitWork *work, CornerWork *w, uint32_t count) {
    fit_launch(work, &(GpuLaunch){work->kernels.corner, {count, 1, 1}, {THREADS, 1, 1}, CORNER_BYTES}, w);
}

static DenseParts at(DenseParts m, uint64_t row, uint64_t column) {
    m.at += (row * m.stride + column) * sizeof(double);
    return m;
}

// ---- Inverses

// Of corners of `size` that are inverted already, two become one: above them stands -(R11^-1 R12 R22^-1). `first` is the
// first of `count` such pairs, whose second corner has `rows`.
static void join_pairs(const FitWork *work, Dense factor, Dense inverse, uint64_t size, uint64_t first, uint64_t rows, uint32_t count) {
    DenseSpace *space = work->space;
    if (!count || !rows) return;
    const uint64_t from = first * 2 * size, next = 2 * size * (factor.columns + 1);
    const DenseParts r = {factor.at, factor.columns, next}, t = {inverse.at, inverse.columns, next};
    const DenseParts half = {dense_take(space, count * size * rows * sizeof(double)), rows, size * rows};
    dense_multiply(space, &(DenseHow){size, rows, rows, false, 1, 0, count}, at(r, from, from + size), at(t, from + size, from + size), half);
    dense_multiply(space, &(DenseHow){size, rows, size, false, -1, 0, count}, at(t, from, from), half, at(t, from, from + size));
}

// Of the factor's corners of `most` rows, or of all of it.
static Dense inverse_corners(const FitWork *work, Dense factor, uint64_t most) {
    const uint32_t n = factor.columns, count = (n + CORNER - 1) / CORNER;
    Dense out = dense_zeros(work->space, n, n);
    CornerWork w = {.from = factor.at, .inverse = out.at, .stride = n, .next = CORNER * (n + 1ull), .rows = CORNER, .factored = 1};
    w.inverse_stride = w.stride, w.inverse_next = w.next;
    w.last_rows = n - (count - 1) * CORNER;
    corners(work, &w, count);
    for (uint64_t size = CORNER; size < n && size < most; size *= 2) {
        const uint64_t whole = n / (2 * size), left = n - whole * 2 * size;
        join_pairs(work, factor, out, size, 0, size, (uint32_t)whole);
        if (left > size) join_pairs(work, factor, out, size, whole, left - size, 1);
    }
    return out;
}

Dense factor_inverse(const FitWork *work, Dense factor) {
    return inverse_corners(work, factor, factor.columns);
}

// ---- One matrix

void factor_solve(const FitWork *work, Dense factor, Dense b) {
    DenseSpace *space = work->space;
    const uint64_t n = factor.columns, columns = b.columns;
    const Dense inverse = inverse_corners(work, factor, SOLVED);
    const DenseParts r = dense_parts(factor), t = dense_parts(inverse), y = dense_parts(b), x = dense_parts(dense_new(space, n, b.columns));
    for (uint64_t k = 0; k < n; k += SOLVED) { // R^T x = b
        const uint64_t rows = MIN((uint64_t)SOLVED, n - k);
        dense_multiply(space, &(DenseHow){rows, columns, k, true, -1, 1, 1}, at(r, 0, k), x, at(y, k, 0));
        dense_multiply(space, &(DenseHow){rows, columns, rows, true, 1, 0, 1}, at(t, k, k), at(y, k, 0), at(x, k, 0));
    }
    for (uint64_t k = (n - 1) / SOLVED * SOLVED; k < n; k -= SOLVED) { // R b = x; below 0 it is large
        const uint64_t rows = MIN((uint64_t)SOLVED, n - k), after = k + rows;
        dense_multiply(space, &(DenseHow){rows, columns, n - after, false, -1, 1, 1}, at(r, k, after), at(y, after, 0), at(x, k, 0));
        dense_multiply(space, &(DenseHow){rows, columns, rows, false, 1, 0, 1}, at(t, k, k), at(x, k, 0), at(y, k, 0));
    }
}

// ---- Several lambdas

typedef struct {
    const FitWork *work;
    Dense gram, b;
    uint32_t count;
    DevicePtr lambdas, wrong; // one a matrix
    DenseParts r, panel, corners; // r: [size, size + b.columns], the right side becomes R^-T b; inverse corners below each other
} Each;

// Rows k, k + 1, ... of all factors: what the rows above explain is taken from the panel, its corner is inverted, and the
// rest is multiplied with that (Golub and Van Loan, 4.2.9, by blocks).
static void factor_rows(const Each *e, uint32_t k, uint32_t rows) {
    DenseSpace *space = e->work->space;
    const uint32_t size = e->gram.columns, width = size - k + e->b.columns;
    const DenseParts panel = {e->panel.at, width, e->panel.next};
    PanelWork w = {e->gram.at, e->b.at, e->lambdas, panel.at, panel.next, size, e->b.columns, k, rows};
    fit_launch_each(e->work, e->work->kernels.panel, (uint64_t)rows * width, e->count, &w);
    dense_multiply(space, &(DenseHow){rows, width, k, true, -1, 1, e->count}, at(e->r, 0, k), at(e->r, 0, k), panel);
    CornerWork corner = {.from = panel.at, .inverse = at(e->corners, k, 0).at, .wrong = e->wrong, .stride = width, .next = panel.next,
                         .inverse_stride = CORNER, .inverse_next = e->corners.next, .rows = rows, .last_rows = rows};
    corners(e->work, &corner, e->count);
    dense_multiply(space, &(DenseHow){rows, width - rows, rows, true, 1, 0, e->count}, at(e->corners, k, 0), at(panel, 0, rows), at(e->r, k, k + rows));
}

static void solve_rows(const Each *e, uint32_t k, uint32_t rows, DenseParts x) {
    DenseSpace *space = e->work->space;
    const uint32_t size = e->gram.columns, after = k + rows;
    const DenseParts right = at(e->r, k, size);
    dense_multiply(space, &(DenseHow){rows, e->b.columns, size - after, false, -1, 1, e->count}, at(e->r, k, after), at(x, after, 0), right);
    dense_multiply(space, &(DenseHow){rows, e->b.columns, rows, false, 1, 0, e->count}, at(e->corners, k, 0), right, at(x, k, 0));
}

static bool all_positive(const Each *e) {
    Error err;
    int32_t wrong[FACTOR_TOGETHER];
    if (!dense_ok(e->work->space, &err)) return false;
    if (!gpu_get(dense_gpu(e->work->space), wrong, e->wrong, e->count * sizeof *wrong, &err)) {
        dense_wrong(e->work->space, &err);
        return false;
    }
    for (uint32_t i = 0; i < e->count; i++)
        if (wrong[i]) return false;
    return true;
}

bool factor_solve_each(const FitWork *work, Dense gram, const double *lambdas, uint32_t count, Dense b, DevicePtr out) {
    DenseSpace *space = work->space;
    const uint64_t size = gram.columns, width = size + b.columns;
    MUST(count <= FACTOR_TOGETHER);
    Each e = {.work = work, .gram = gram, .b = b, .count = count};
    e.lambdas = dense_put(space, lambdas, 1, count).at;
    e.wrong = dense_zeros(space, 1, count).at;
    e.r = (DenseParts){dense_take(space, count * size * width * sizeof(double)), width, size * width};
    e.panel = (DenseParts){dense_take(space, count * CORNER * width * sizeof(double)), width, CORNER * width};
    e.corners = (DenseParts){dense_take(space, count * size * CORNER * sizeof(double)), CORNER, size * CORNER};
    const DenseParts x = {out, b.columns, size * b.columns};
    for (uint32_t k = 0; k < size; k += CORNER) factor_rows(&e, k, MIN((uint32_t)CORNER, (uint32_t)size - k));
    for (uint32_t k = (uint32_t)((size - 1) / CORNER * CORNER); k < size; k -= CORNER) solve_rows(&e, k, MIN((uint32_t)CORNER, (uint32_t)size - k), x);
    return all_positive(&e);
}
