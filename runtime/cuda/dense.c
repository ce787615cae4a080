// dense.c: products and decompositions of matrices of doubles through cuBLAS and cuSOLVER.
//
// The libraries take matrices column by column: what lies row by row is to them the transposed matrix. So a b becomes
// b^T a^T of theirs, the upper half of a symmetric matrix their lower one, and their eigenvectors, which are columns,
// our rows.
#include <math.h>

#include "runtime/cuda/dense.h"

enum { ALIGN = 256, CHUNK_BYTES = 256 << 20 };

typedef struct {
    DevicePtr at;
    uint64_t bytes, used;
} Chunk;

struct DenseSpace {
    const Gpu *gpu;
    Arena *arena;
    LIST(Chunk) chunks;
    BlasHandle blas;
    SolverHandle solver;
    SolverParams params;
    GesvdjInfo jacobi;
    bool failed;
    Error err;
};

// ---- The space

static bool blas_ok(int result, Error *err) {
    if (result == 0) return true;
    FAIL(err, ERR_SYSTEM, "cublas: fit on the GPU: error %d", result);
}

static bool solver_ok(int result, Error *err) {
    if (result == 0) return true;
    FAIL(err, ERR_SYSTEM, "cusolver: fit on the GPU: error %d", result);
}

bool dense_open(const Gpu *gpu, Arena *arena, DenseSpace **out, Error *err) {
    DenseSpace *space = arena_new(arena, DenseSpace);
    space->gpu = gpu;
    space->arena = arena;
    bool ok = blas_ok(cublas.Create(&space->blas), err) && blas_ok(cublas.SetStream(space->blas, gpu->stream), err) &&
              solver_ok(cusolver.Create(&space->solver), err) &&
              solver_ok(cusolver.SetStream(space->solver, gpu->stream), err) &&
              solver_ok(cusolver.CreateParams(&space->params), err) &&
              solver_ok(cusolver.CreateGesvdjInfo(&space->jacobi), err);
    if (!ok) dense_close(space);
    *out = ok ? space : NULL;
    return ok;
}

void dense_close(DenseSpace *space) {
    if (!space) return;
    if (space->jacobi) cusolver.DestroyGesvdjInfo(space->jacobi);
    if (space->params) cusolver.DestroyParams(space->params);
    if (space->solver) cusolver.Destroy(space->solver);
    if (space->blas) cublas.Destroy(space->blas);
    dense_give(space);
    *space = (DenseSpace){0};
}

void dense_give(DenseSpace *space) {
    for (size_t i = 0; space && i < space->chunks.len; i++) gpu_give(space->chunks.at[i].at);
    if (space) space->chunks.len = 0;
}

void dense_reset(DenseSpace *space) {
    for (size_t i = 0; i < space->chunks.len; i++) space->chunks.at[i].used = 0;
    space->failed = false;
}

bool dense_ok(const DenseSpace *space, Error *err) {
    if (space->failed) *err = space->err;
    return !space->failed;
}

void dense_wrong(DenseSpace *space, const Error *err) {
    if (!space->failed) space->err = *err;
    space->failed = true;
}

const Gpu *dense_gpu(const DenseSpace *space) {
    return space->gpu;
}

static void need(DenseSpace *space, bool ok, const Error *err) {
    if (!ok) dense_wrong(space, err);
}

static void blas(DenseSpace *space, int result) {
    Error err;
    need(space, blas_ok(result, &err), &err);
}

static bool solver(DenseSpace *space, int result) {
    Error err;
    need(space, solver_ok(result, &err), &err);
    return result == 0;
}

// ---- Memory

static Chunk *chunk_with(DenseSpace *space, uint64_t bytes) {
    for (size_t i = 0; i < space->chunks.len; i++)
        if (space->chunks.at[i].bytes - space->chunks.at[i].used >= bytes) return &space->chunks.at[i];
    Error err;
    Chunk chunk = {.bytes = MAX(bytes, (uint64_t)CHUNK_BYTES)};
    if (!gpu_take(chunk.bytes, "fits", &chunk.at, &err)) {
        dense_wrong(space, &err);
        return NULL;
    }
    list_push(space->arena, &space->chunks, chunk);
    return &space->chunks.at[space->chunks.len - 1];
}

DevicePtr dense_take(DenseSpace *space, uint64_t bytes) {
    bytes = MAX((bytes + ALIGN - 1) / ALIGN, (uint64_t)1) * ALIGN;
    Chunk *chunk = space->failed ? NULL : chunk_with(space, bytes);
    if (!chunk) return 0;
    chunk->used += bytes;
    return chunk->at + chunk->used - bytes;
}

static uint64_t bytes_of(Dense m) {
    return m.rows * m.columns * sizeof(double);
}

Dense dense_new(DenseSpace *space, uint64_t rows, uint32_t columns) {
    return (Dense){dense_take(space, rows * columns * sizeof(double)), rows, columns};
}

Dense dense_zeros(DenseSpace *space, uint64_t rows, uint32_t columns) {
    Error err;
    Dense out = dense_new(space, rows, columns);
    if (!space->failed)
        need(space, cuda_ok(cuda.MemsetD8Async(out.at, 0, (size_t)bytes_of(out), space->gpu->stream), "fit", &err), &err);
    return out;
}

DevicePtr dense_put_bytes(DenseSpace *space, const void *from, uint64_t bytes) {
    Error err;
    DevicePtr to = dense_take(space, bytes);
    if (!space->failed) need(space, gpu_put(space->gpu, to, from, bytes, &err) && gpu_wait(space->gpu, &err), &err);
    return to;
}

Dense dense_put(DenseSpace *space, const double *from, uint64_t rows, uint32_t columns) {
    return (Dense){dense_put_bytes(space, from, rows * columns * sizeof *from), rows, columns};
}

static void get_bytes(DenseSpace *space, DevicePtr from, void *to, uint64_t bytes) {
    Error err;
    if (!space->failed) need(space, gpu_get(space->gpu, to, from, bytes, &err), &err);
}

void dense_get(DenseSpace *space, Dense m, double *out) {
    get_bytes(space, m.at, out, bytes_of(m));
    for (uint64_t i = 0; i < m.rows * m.columns && space->failed; i++) out[i] = NAN;
}

void dense_set(DenseSpace *space, Dense to, Dense from) {
    Error err;
    if (space->failed) return;
    int result = cuda.MemcpyDtoDAsync(to.at, from.at, (size_t)bytes_of(from), space->gpu->stream);
    need(space, cuda_ok(result, "fit", &err), &err);
}

Dense dense_copy(DenseSpace *space, Dense m) {
    Dense out = dense_new(space, m.rows, m.columns);
    dense_set(space, out, m);
    return out;
}

Dense dense_rows(Dense m, uint64_t first, uint64_t count) {
    return (Dense){m.at + first * m.columns * sizeof(double), count, m.columns};
}

static double *numbers(Dense m) {
    return (double *)(uintptr_t)m.at;
}

static void *address(DevicePtr at) {
    return (void *)(uintptr_t)at;
}

// ---- Products

static const double one = 1, none = 0;

// One row or column is not worth a product of matrices. `turned`: b^T instead of b.
static void row_product(DenseSpace *space, Dense row, Dense b, bool turned, double factor, double kept, Dense out) {
    if (space->failed) return;
    blas(space, cublas.Dgemv(space->blas, turned ? BLAS_TRANSPOSED : BLAS_PLAIN, (int)b.columns, (int)b.rows, &factor, numbers(b),
                             (int)b.columns, numbers(row), 1, &kept, numbers(out), 1));
}

Dense dense_product(DenseSpace *space, Dense a, Dense b) {
    Dense out = dense_new(space, a.rows, b.columns);
    if (a.rows == 1)
        row_product(space, a, b, false, 1, 0, out);
    else if (!space->failed)
        blas(space, cublas.Dgemm(space->blas, BLAS_PLAIN, BLAS_PLAIN, (int)b.columns, (int)a.rows, (int)a.columns, &one,
                                 numbers(b), (int)b.columns, numbers(a), (int)a.columns, &none, numbers(out), (int)b.columns));
    return out;
}

Dense dense_product_turned(DenseSpace *space, Dense a, Dense b) {
    Dense out = dense_new(space, a.rows, (uint32_t)b.rows);
    if (a.rows == 1)
        row_product(space, a, b, true, 1, 0, out);
    else if (!space->failed)
        blas(space, cublas.Dgemm(space->blas, BLAS_TRANSPOSED, BLAS_PLAIN, (int)b.rows, (int)a.rows, (int)a.columns, &one,
                                 numbers(b), (int)b.columns, numbers(a), (int)a.columns, &none, numbers(out), (int)b.rows));
    return out;
}

DenseParts dense_parts(Dense m) {
    return (DenseParts){m.at, m.columns, m.rows * m.columns};
}

static double *part(DenseParts m) {
    return (double *)(uintptr_t)m.at;
}

void dense_multiply(DenseSpace *space, const DenseHow *how, DenseParts a, DenseParts b, DenseParts out) {
    const int turned = how->turned ? BLAS_TRANSPOSED : BLAS_PLAIN, m = (int)how->columns, n = (int)how->rows, k = (int)how->inner;
    if (space->failed || !m || !n || !k || !how->count) return;
    if (how->count == 1)
        blas(space, cublas.Dgemm(space->blas, BLAS_PLAIN, turned, m, n, k, &how->factor, part(b), (int)b.stride, part(a), (int)a.stride,
                                 &how->kept, part(out), (int)out.stride));
    else
        blas(space, cublas.DgemmStridedBatched(space->blas, BLAS_PLAIN, turned, m, n, k, &how->factor, part(b), (int)b.stride,
                                               (long long)b.next, part(a), (int)a.stride, (long long)a.next, &how->kept, part(out),
                                               (int)out.stride, (long long)out.next, (int)how->count));
}

static void cross_into(DenseSpace *space, Dense x, Dense y, double factor, double kept, Dense out) {
    if (x.columns == 1)
        row_product(space, (Dense){x.at, 1, (uint32_t)x.rows}, y, false, factor, kept, out);
    else
        dense_multiply(space, &(DenseHow){x.columns, y.columns, x.rows, true, factor, kept, 1}, dense_parts(x), dense_parts(y), dense_parts(out));
}

Dense dense_cross(DenseSpace *space, Dense x, Dense y) {
    Dense out = dense_new(space, x.columns, y.columns);
    cross_into(space, x, y, 1, 0, out);
    return out;
}

void dense_subtract_cross(DenseSpace *space, Dense x, Dense y, Dense from) {
    cross_into(space, x, y, -1, 1, from);
}

// What is not transposed is multiplied with 0: it may be anything that is there.
Dense dense_turned(DenseSpace *space, Dense m) {
    Dense out = dense_new(space, m.columns, (uint32_t)m.rows);
    if (!space->failed)
        blas(space, cublas.Dgeam(space->blas, BLAS_TRANSPOSED, BLAS_PLAIN, (int)m.rows, (int)m.columns, &one, numbers(m),
                                 (int)m.columns, &none, numbers(out), (int)m.rows, numbers(out), (int)m.rows));
    return out;
}

Dense dense_gram(DenseSpace *space, Dense x, bool rows) {
    uint32_t size = rows ? (uint32_t)x.rows : x.columns, over = rows ? x.columns : (uint32_t)x.rows;
    Dense out = dense_new(space, size, size);
    if (!space->failed)
        blas(space, cublas.Dsyrk(space->blas, BLAS_LOWER, rows ? BLAS_TRANSPOSED : BLAS_PLAIN, (int)size, (int)over, &one,
                                 numbers(x), (int)x.columns, &none, numbers(out), (int)size));
    return out;
}

// side: as the library sees the matrix.
static void scale_side(DenseSpace *space, Dense m, int side, const double *by, uint64_t count) {
    if (!by) return;
    Dense factors = dense_put(space, by, count, 1);
    if (space->failed) return;
    blas(space, cublas.Ddgmm(space->blas, side, (int)m.columns, (int)m.rows, numbers(m), (int)m.columns, numbers(factors), 1,
                             numbers(m), (int)m.columns));
}

void dense_scale(DenseSpace *space, Dense m, const double *rows, const double *columns) {
    scale_side(space, m, BLAS_RIGHT, rows, m.rows);
    scale_side(space, m, BLAS_LEFT, columns, m.columns);
}

double dense_norm(DenseSpace *space, Dense m) {
    double sum = 0; // row by row where there are more numbers than an int counts
    uint64_t together = MAX((uint64_t)INT32_MAX / MAX(m.columns, 1u), (uint64_t)1);
    for (uint64_t r = 0; r < m.rows && !space->failed; r += together) {
        double norm = 0;
        Dense part = dense_rows(m, r, MIN(together, m.rows - r));
        blas(space, cublas.Dnrm2(space->blas, (int)(part.rows * part.columns), numbers(part), 1, &norm));
        sum += norm * norm;
    }
    return space->failed ? NAN : sqrt(sum);
}

// ---- Decompositions

// What a decomposition works in, and what it says of itself.
typedef struct {
    size_t bytes, host_bytes;
    DevicePtr at, wrong;
    void *host;
    Arena *arena;
} Work;

static bool work_open(DenseSpace *space, Work *work) {
    work->at = dense_take(space, work->bytes);
    work->wrong = dense_take(space, sizeof(int));
    work->arena = arena_open();
    work->host = arena_alloc(work->arena, MAX(work->host_bytes, (size_t)1));
    if (space->failed) arena_close(work->arena);
    return !space->failed;
}

// Returns what it says: 0 when all is well.
static int work_close(DenseSpace *space, Work *work) {
    int wrong = 0;
    get_bytes(space, work->wrong, &wrong, sizeof wrong);
    arena_close(work->arena);
    return wrong;
}

static void diverged(DenseSpace *space, const char *what) {
    Error err;
    if (space->failed) return;
    error_set(&err, ERR_SYSTEM, "cusolver: %s did not converge", what);
    dense_wrong(space, &err);
}

static void eigen(DenseSpace *space, Dense a, int vectors, double *values) {
    Work work = {0};
    Dense found = dense_new(space, a.columns, 1);
    int64_t n = a.columns;
    bool ok = !space->failed &&
              solver(space, cusolver.Xsyevd_bufferSize(space->solver, space->params, vectors, BLAS_LOWER, n, SOLVER_F64, numbers(a),
                                                       n, SOLVER_F64, numbers(found), SOLVER_F64, &work.bytes, &work.host_bytes));
    if (ok && work_open(space, &work)) {
        solver(space, cusolver.Xsyevd(space->solver, space->params, vectors, BLAS_LOWER, n, SOLVER_F64, numbers(a), n, SOLVER_F64,
                                      numbers(found), SOLVER_F64, address(work.at), work.bytes, work.host, work.host_bytes,
                                      address(work.wrong)));
        if (work_close(space, &work)) diverged(space, "eigenvalues");
    }
    dense_get(space, found, values);
}

void dense_eigen(DenseSpace *space, Dense a, double *values) {
    eigen(space, a, SOLVER_VECTORS, values);
}

void dense_eigenvalues(DenseSpace *space, Dense a, double *values) {
    eigen(space, a, SOLVER_VALUES, values);
}

bool dense_factor(DenseSpace *space, Dense a) {
    Work work = {0};
    int64_t n = a.columns;
    bool ok = !space->failed && solver(space, cusolver.Xpotrf_bufferSize(space->solver, space->params, BLAS_LOWER, n, SOLVER_F64,
                                                                         numbers(a), n, SOLVER_F64, &work.bytes, &work.host_bytes));
    if (!ok || !work_open(space, &work)) return false;
    ok = solver(space, cusolver.Xpotrf(space->solver, space->params, BLAS_LOWER, n, SOLVER_F64, numbers(a), n, SOLVER_F64,
                                       address(work.at), work.bytes, work.host, work.host_bytes, address(work.wrong)));
    return !work_close(space, &work) && ok && !space->failed;
}

// ---- Singular values

// By the polar decomposition. A matrix with a singular value near 0 is moved a little; false when by so much that ranks
// would be other ones.
static bool singular_polar(DenseSpace *space, Dense m, Dense u, Dense values, Dense v, double *out) {
    Work work = {0};
    double moved = 0;
    int64_t rows = m.columns, columns = (int64_t)m.rows;
    if (space->failed) return false;
    if (cusolver.Xgesvdp_bufferSize(space->solver, space->params, SOLVER_VECTORS, 1, rows, columns, SOLVER_F64, numbers(m), rows,
                                    SOLVER_F64, numbers(values), SOLVER_F64, numbers(u), rows, SOLVER_F64, numbers(v), columns,
                                    SOLVER_F64, &work.bytes, &work.host_bytes) != 0 ||
        !work_open(space, &work))
        return false;
    int result = cusolver.Xgesvdp(space->solver, space->params, SOLVER_VECTORS, 1, rows, columns, SOLVER_F64, numbers(m), rows,
                                  SOLVER_F64, numbers(values), SOLVER_F64, numbers(u), rows, SOLVER_F64, numbers(v), columns,
                                  SOLVER_F64, address(work.at), work.bytes, work.host, work.host_bytes, address(work.wrong), &moved);
    int wrong = work_close(space, &work);
    if (result != 0 || wrong) return false;
    dense_get(space, values, out);
    return !space->failed && moved <= out[0] * (double)MAX(rows, columns) * 0x1p-54;
}

static void singular_jacobi(DenseSpace *space, Dense m, Dense u, Dense values, Dense v, double *out) {
    Work work = {0};
    int rows = (int)m.columns, columns = (int)m.rows, count = 0;
    if (space->failed || !solver(space, cusolver.Dgesvdj_bufferSize(space->solver, SOLVER_VECTORS, 1, rows, columns, numbers(m), rows,
                                                                    numbers(values), numbers(u), rows, numbers(v), columns, &count,
                                                                    space->jacobi)))
        return;
    work.bytes = (size_t)count * sizeof(double);
    if (!work_open(space, &work)) return;
    solver(space, cusolver.Dgesvdj(space->solver, SOLVER_VECTORS, 1, rows, columns, numbers(m), rows, numbers(values), numbers(u), rows,
                                   numbers(v), columns, address(work.at), count, address(work.wrong), space->jacobi));
    if (work_close(space, &work)) diverged(space, "singular values");
    dense_get(space, values, out);
}

void dense_singular(DenseSpace *space, Dense m, Dense *ut, double *values, Dense *vt) {
    uint32_t k = (uint32_t)MIN(m.rows, (uint64_t)m.columns);
    Dense found = dense_new(space, k, 1), kept = dense_copy(space, m);
    *ut = dense_new(space, k, (uint32_t)m.rows);
    *vt = dense_new(space, k, m.columns);
    if (!singular_polar(space, m, *vt, found, *ut, values)) singular_jacobi(space, kept, *vt, found, *ut, values);
}
