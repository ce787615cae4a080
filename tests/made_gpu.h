// made_gpu.h: a GPU for tests of fits where there is none: its memory is the host's, cuBLAS and cuSOLVER are BLAS and
// LAPACK, and kernels/fit.cu and factor.cu are compiled as C, one thread after another. Kernels whose threads wait for
// each other take any number of them: here one.
#pragma once

#include <cblas.h>
#include <lapacke.h>
#include <stdlib.h>

#include "check.h"
#include "runtime/cuda/fits.h"

// ---- Kernels

static struct {
    uint32_t x, y;
} blockIdx, blockDim, gridDim, threadIdx;

#define STORED     float
#define __device__ static
#define KERNEL     static void
#define widen(x)   (x)
#define __launch_bounds__(threads)
#define begin_kernel()
#define meet()
#define PARTS_MEMORY() double parts[1]
#define CORNER_MEMORY() static double memory[CORNER * PITCH + CORNER * SMALL + SMALL]
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunknown-pragmas" // of unrolling
#include "kernels/factor.cu"
#pragma GCC diagnostic pop
#include "kernels/fit.cu"
#undef __device__

#define MADE_KERNELS(MADE)                                                                                             \
    MADE(fit_sums, FitSums, false) MADE(fit_rows, FitRows, false) MADE(fit_diagonal, FitDiagonal, false)               \
    MADE(fit_map, FitMap, false) MADE(fit_total, FitTotal, false) MADE(fit_unit, FitUnit, true)                        \
    MADE(factor_panel, FactorPanel, false) MADE(factor_corner, FactorCorner, true)
#define MADE(kernel, Work, waits)                                                                                      \
    static void run_##kernel(const void *argument) {                                                                   \
        kernel(*(const Work *)argument);                                                                               \
    }
MADE_KERNELS(MADE)
#undef MADE

typedef void MadeKernel(const void *argument);
static const struct {
    const char *name;
    MadeKernel *run;
    bool waits; // its threads for each other
} made_kernels[] = {
#define MADE(kernel, Work, waits) {#kernel, run_##kernel, waits},
    MADE_KERNELS(MADE)
#undef MADE
};

static CuFunction made_kernel(const char *name) {
    for (size_t i = 0; i < COUNT(made_kernels); i++)
        if (strcmp(made_kernels[i].name, name) == 0) return (CuFunction)(uintptr_t)(i + 1);
    abort();
}

static FitKernels made_fit_kernels(void) {
    return (FitKernels){
#define FIT_KERNEL(file, name) .name = made_kernel(#file "_" #name),
        FIT_KERNELS(FIT_KERNEL)
#undef FIT_KERNEL
    };
}

static int made_launch(const CuLaunch *how, CuFunction function, void **parameters, void **extra) {
    (void)extra;
    const uintptr_t number = (uintptr_t)function - 1;
    blockDim.x = made_kernels[number].waits ? 1 : how->block[0];
    gridDim.x = how->grid[0];
    for (blockIdx.y = 0; blockIdx.y < how->grid[1]; blockIdx.y++)
        for (blockIdx.x = 0; blockIdx.x < how->grid[0]; blockIdx.x++)
            for (threadIdx.x = 0; threadIdx.x < blockDim.x; threadIdx.x++) made_kernels[number].run(parameters[0]);
    return 0;
}

static int made_attribute(CuFunction function, int attribute, int value) {
    (void)attribute, (void)value;
    return function == NULL;
}

static int made_function(CuFunction *out, CuModule module, const char *name) {
    (void)module;
    *out = made_kernel(name);
    return 0;
}

static int made_module(CuModule *out, const void *image) {
    *out = (CuModule)(uintptr_t)1;
    return image == NULL;
}

static int made_module_end(CuModule module) {
    return module == NULL;
}

// ---- The driver: what is taken holds NaN

static int made_alloc(DevicePtr *out, size_t bytes) {
    void *at = aligned_alloc(256, (bytes + 255) / 256 * 256);
    memset(at, 0xff, bytes);
    *out = (DevicePtr)(uintptr_t)at;
    return 0;
}

static int made_free(DevicePtr at) {
    free((void *)(uintptr_t)at);
    return 0;
}

static int made_copy(DevicePtr to, DevicePtr from, size_t bytes, CuStream stream) {
    (void)stream;
    memmove((void *)(uintptr_t)to, (const void *)(uintptr_t)from, bytes);
    return 0;
}

static int made_put(DevicePtr to, const void *from, size_t bytes, CuStream stream) {
    return made_copy(to, (DevicePtr)(uintptr_t)from, bytes, stream);
}

static int made_get(void *to, DevicePtr from, size_t bytes, CuStream stream) {
    return made_copy((DevicePtr)(uintptr_t)to, from, bytes, stream);
}

static int made_set(DevicePtr at, unsigned char value, size_t bytes, CuStream stream) {
    (void)stream;
    memset((void *)(uintptr_t)at, value, bytes);
    return 0;
}

static int made_wait(CuStream stream) {
    (void)stream;
    return 0;
}

// ---- cuBLAS

static CBLAS_TRANSPOSE turned(int transposed) {
    return transposed ? CblasTrans : CblasNoTrans;
}

static int made_dgemm(BlasHandle h, int ta, int tb, int m, int n, int k, const double *alpha, const double *a, int lda, const double *b,
                      int ldb, const double *beta, double *c, int ldc) {
    (void)h;
    cblas_dgemm(CblasColMajor, turned(ta), turned(tb), m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc);
    return 0;
}

static int made_dgemms(BlasHandle h, int ta, int tb, int m, int n, int k, const double *alpha, const double *a, int lda, long long next_a,
                       const double *b, int ldb, long long next_b, const double *beta, double *c, int ldc, long long next_c, int count) {
    for (int i = 0; i < count; i++) made_dgemm(h, ta, tb, m, n, k, alpha, a + i * next_a, lda, b + i * next_b, ldb, beta, c + i * next_c, ldc);
    return 0;
}

static int made_dgemv(BlasHandle h, int transposed, int m, int n, const double *alpha, const double *a, int lda, const double *x, int step,
                      const double *beta, double *y, int step_y) {
    (void)h;
    cblas_dgemv(CblasColMajor, turned(transposed), m, n, *alpha, a, lda, x, step, *beta, y, step_y);
    return 0;
}

static int made_dsyrk(BlasHandle h, int half, int transposed, int n, int k, const double *alpha, const double *a, int lda,
                      const double *beta, double *c, int ldc) {
    (void)h;
    MUST(half == BLAS_LOWER);
    cblas_dsyrk(CblasColMajor, CblasLower, turned(transposed), n, k, *alpha, a, lda, *beta, c, ldc);
    return 0;
}

static int made_dgeam(BlasHandle h, int ta, int tb, int m, int n, const double *alpha, const double *a, int lda, const double *beta,
                      const double *b, int ldb, double *c, int ldc) {
    (void)h, (void)tb, (void)b, (void)ldb;
    MUST(ta == BLAS_TRANSPOSED && *beta == 0);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++) c[(size_t)j * (size_t)ldc + (size_t)i] = *alpha * a[(size_t)i * (size_t)lda + (size_t)j];
    return 0;
}

static int made_ddgmm(BlasHandle h, int side, int m, int n, const double *a, int lda, const double *x, int step, double *c, int ldc) {
    (void)h;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++)
            c[(size_t)j * (size_t)ldc + (size_t)i] = a[(size_t)j * (size_t)lda + (size_t)i] * x[(side == BLAS_LEFT ? i : j) * step];
    return 0;
}

static int made_dnrm2(BlasHandle h, int n, const double *x, int step, double *out) {
    (void)h;
    *out = cblas_dnrm2(n, x, step);
    return 0;
}

// What is opened and closed, and needs a stream.
#define MADE_HANDLE(name, Handle)                                                                                      \
    static int made_##name(Handle *out) {                                                                              \
        *out = (Handle)(uintptr_t)1;                                                                                   \
        return 0;                                                                                                      \
    }                                                                                                                  \
    static int made_##name##_end(Handle handle) {                                                                      \
        return handle == NULL;                                                                                         \
    }
#define MADE_STREAM(name, Handle)                                                                                      \
    static int made_##name##_stream(Handle handle, CuStream stream) {                                                  \
        (void)stream;                                                                                                  \
        return handle == NULL;                                                                                         \
    }
MADE_HANDLE(blas, BlasHandle)
MADE_STREAM(blas, BlasHandle)
MADE_HANDLE(solver, SolverHandle)
MADE_STREAM(solver, SolverHandle)
MADE_HANDLE(params, SolverParams)
MADE_HANDLE(jacobi, GesvdjInfo)

// ---- cuSOLVER

static double made_moved;           // by how much singular values are said to be moved
static uint32_t made_eigenvalues; // how often all were found

static int made_sizes(SolverHandle h, SolverParams p, int half, int64_t n, int at, const void *a, int64_t lda, int t, size_t *bytes, size_t *host) {
    (void)h, (void)p, (void)half, (void)n, (void)at, (void)a, (void)lda, (void)t;
    *bytes = *host = 0;
    return 0;
}

static int made_potrf(SolverHandle h, SolverParams p, int half, int64_t n, int at, void *a, int64_t lda, int t, void *work, size_t bytes,
                      void *host, size_t host_bytes, int *wrong) {
    (void)h, (void)p, (void)at, (void)t, (void)work, (void)bytes, (void)host, (void)host_bytes;
    MUST(half == BLAS_LOWER);
    *wrong = LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', (int)n, a, (int)lda);
    return 0;
}

static int made_syevd_sizes(SolverHandle h, SolverParams p, int vectors, int half, int64_t n, int at, const void *a, int64_t lda, int wt,
                            const void *w, int t, size_t *bytes, size_t *host) {
    (void)h, (void)p, (void)vectors, (void)half, (void)n, (void)at, (void)a, (void)lda, (void)wt, (void)w, (void)t;
    *bytes = *host = 0;
    return 0;
}

static int made_syevd(SolverHandle h, SolverParams p, int vectors, int half, int64_t n, int at, void *a, int64_t lda, int wt, void *w, int t,
                      void *work, size_t bytes, void *host, size_t host_bytes, int *wrong) {
    (void)h, (void)p, (void)at, (void)wt, (void)t, (void)work, (void)bytes, (void)host, (void)host_bytes;
    MUST(half == BLAS_LOWER);
    made_eigenvalues++;
    *wrong = LAPACKE_dsyevd(LAPACK_COL_MAJOR, vectors ? 'V' : 'N', 'L', (int)n, a, (int)lda, w);
    return 0;
}

// V comes as columns, LAPACK's V^T as rows.
static int singular(int m, int n, double *a, int lda, double *s, double *u, int ldu, double *v, int ldv) {
    int k = m < n ? m : n;
    double *vt = malloc((size_t)k * (size_t)n * sizeof *vt);
    int wrong = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', m, n, a, lda, s, u, ldu, vt, k);
    for (int i = 0; i < k; i++)
        for (int j = 0; j < n; j++) v[(size_t)i * (size_t)ldv + (size_t)j] = vt[(size_t)j * (size_t)k + (size_t)i];
    free(vt);
    return wrong;
}

static int made_gesvdp_sizes(SolverHandle h, SolverParams p, int vectors, int thin, int64_t m, int64_t n, int at, const void *a,
                             int64_t lda, int st, const void *s, int ut, const void *u, int64_t ldu, int vt, const void *v, int64_t ldv,
                             int t, size_t *bytes, size_t *host) {
    (void)h, (void)p, (void)vectors, (void)thin, (void)m, (void)n, (void)at, (void)a, (void)lda, (void)st, (void)s, (void)ut, (void)u;
    (void)ldu, (void)vt, (void)v, (void)ldv, (void)t;
    *bytes = *host = 0;
    return 0;
}

static int made_gesvdp(SolverHandle h, SolverParams p, int vectors, int thin, int64_t m, int64_t n, int at, void *a, int64_t lda, int st,
                       void *s, int ut, void *u, int64_t ldu, int vt, void *v, int64_t ldv, int t, void *work, size_t bytes, void *host,
                       size_t host_bytes, int *wrong, double *moved) {
    (void)h, (void)p, (void)at, (void)st, (void)ut, (void)vt, (void)t, (void)work, (void)bytes, (void)host, (void)host_bytes;
    MUST(vectors == SOLVER_VECTORS && thin == 1);
    *wrong = singular((int)m, (int)n, a, (int)lda, s, u, (int)ldu, v, (int)ldv);
    *moved = made_moved;
    if (made_moved > 0) memset(s, 0xff, sizeof(double) * (size_t)(m < n ? m : n)); // not to be used then
    if (made_moved > 0) *(double *)s = 1;
    return 0;
}

static int made_gesvdj_sizes(SolverHandle h, int vectors, int thin, int m, int n, const double *a, int lda, const double *s, const double *u,
                             int ldu, const double *v, int ldv, int *numbers, GesvdjInfo info) {
    (void)h, (void)vectors, (void)thin, (void)m, (void)n, (void)a, (void)lda, (void)s, (void)u, (void)ldu, (void)v, (void)ldv, (void)info;
    *numbers = 1;
    return 0;
}

static int made_gesvdj(SolverHandle h, int vectors, int thin, int m, int n, double *a, int lda, double *s, double *u, int ldu, double *v,
                       int ldv, double *work, int numbers, int *wrong, GesvdjInfo info) {
    (void)h, (void)work, (void)numbers, (void)info;
    MUST(vectors == SOLVER_VECTORS && thin == 1);
    *wrong = singular(m, n, a, lda, s, u, ldu, v, ldv);
    return 0;
}

static void made_gpu_open(void) {
    cuda.MemAlloc = made_alloc, cuda.MemFree = made_free, cuda.MemcpyDtoDAsync = made_copy, cuda.MemcpyHtoDAsync = made_put;
    cuda.MemcpyDtoHAsync = made_get, cuda.MemsetD8Async = made_set, cuda.StreamSynchronize = made_wait, cuda.LaunchKernelEx = made_launch, cuda.FuncSetAttribute = made_attribute;
    cuda.ModuleLoadData = made_module, cuda.ModuleGetFunction = made_function, cuda.ModuleUnload = made_module_end;
    cublas = (Cublas){.Create = made_blas, .Destroy = made_blas_end, .SetStream = made_blas_stream, .Dgemm = made_dgemm, .Dgemv = made_dgemv, .Dsyrk = made_dsyrk,
                      .DgemmStridedBatched = made_dgemms, .Dgeam = made_dgeam, .Ddgmm = made_ddgmm, .Dnrm2 = made_dnrm2};
    cusolver = (Cusolver){.Create = made_solver, .Destroy = made_solver_end, .SetStream = made_solver_stream, .CreateParams = made_params,
                          .DestroyParams = made_params_end, .CreateGesvdjInfo = made_jacobi, .DestroyGesvdjInfo = made_jacobi_end,
                          .Xpotrf_bufferSize = made_sizes, .Xpotrf = made_potrf, .Xsyevd_bufferSize = made_syevd_sizes,
                          .Xsyevd = made_syevd, .Xgesvdp_bufferSize = made_gesvdp_sizes, .Xgesvdp = made_gesvdp,
                          .Dgesvdj_bufferSize = made_gesvdj_sizes, .Dgesvdj = made_gesvdj};
}
