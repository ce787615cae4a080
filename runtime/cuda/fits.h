// fits.h: fits of many states of large widths on the GPU, from where the states lie to the map, which never leaves its
// memory. The formulas are those of runtime/fit_ridge.c and fit_procrustes.c, which say what a fit is; here their
// matrices are runtime/cuda/dense.h's.
//
// What is not done here (sums of rows, `complete`, small fits, what cannot be fitted) the processor does, and says.
#pragma once

#include "mdx/plan.h"
#include "runtime/cuda/dense.h"
#include "runtime/cuda/kernel_set.h"
#include "runtime/fit.h"

// States of one side, in the GPU's memory.
typedef struct {
    DevicePtr at, map; // map: where each row lies, or 0: one behind another
    uint64_t stride;   // numbers from one row to the next
    uint32_t width;
    CuFunction sums, rows; // of kernels/fit.cu, for their type
} FitStates;

// The other kernels of kernels/fit.cu and factor.cu.
#define FIT_KERNELS(K) K(fit, diagonal) K(fit, map) K(fit, total) K(fit, unit) K(factor, panel) K(factor, corner)
typedef struct {
#define FIT_KERNEL(file, name) CuFunction name;
    FIT_KERNELS(FIT_KERNEL)
#undef FIT_KERNEL
} FitKernels;
typedef struct {
#define FIT_KERNEL(file, name) uint32_t name;
    FIT_KERNELS(FIT_KERNEL)
#undef FIT_KERNEL
} FitKernelNumbers;

typedef struct {
    DenseSpace *space;
    FitKernels kernels;
    FitStates x, y;
    DevicePtr out; // [in + 1, out] float32
} FitWork;

// Parts of a Procrustes fit that a fit of another rank goes on from; they lie in the space.
typedef struct GpuProcrustes GpuProcrustes;

// The text of kernels/fit.cu or factor.cu, for states of a type.
Str fit_text(const char *file, const char *function, DType dtype, Arena *arena);
// Kernels of a set, and what they are when it is built. The first two depend on the type of states.
uint32_t fit_kernel_sums(KernelSet *set, DType dtype, Arena *arena);
uint32_t fit_kernel_rows(KernelSet *set, DType dtype, Arena *arena);
FitKernelNumbers fit_kernels_add(KernelSet *set, Arena *arena);
FitKernels fit_kernels_of(const KernelSet *set, const FitKernelNumbers *numbers);
// Whether the step is a fit that is faster on the GPU than on a few processors.
bool fit_is_large(const Plan *plan, const Step *step);

// given: n, in and out alone. False: not here; dense_ok says whether the GPU failed.
bool gpu_fit_ridge(const FitWork *work, const Ridge *fit, FitReport *report);
// parts: those of a fit before, or NULL; what is found is left there, in the arena and the space.
bool gpu_fit_procrustes(const FitWork *work, const Procrustes *fit, GpuProcrustes **parts, Arena *arena, FitReport *report);

// ---- What both need

// Of rows from `first` on: mean and deviation (divided by the rows) of each column. False: some are not finite.
bool fit_moments_of(const FitWork *work, const FitStates *states, uint64_t first, uint64_t rows, double *mean, double *deviation);
// (x - mean) / deviation of the columns that are kept, [rows, kept]; deviation NULL: 1.
Dense fit_rows_of(const FitWork *work, const FitStates *states, uint64_t first, uint64_t rows, const uint32_t *columns, uint32_t kept,
                  const double *mean, const double *deviation);
// to = from / |from|, rows of one length; the norm stays in the GPU's memory, too.
void fit_unit_of(const FitWork *work, Dense from, Dense to, Dense norm);
void fit_launch(const FitWork *work, const GpuLaunch *how, void *argument);
// At least so many threads, in blocks; `down` rows of them.
void fit_launch_each(const FitWork *work, CuFunction function, uint64_t threads, uint32_t down, void *argument);
// Of rows about their mean (fit_spread.c).
Spread fit_spread(Arena *arena, const FitWork *work, Dense rows);
void fit_add_diagonal(const FitWork *work, Dense m, double value);
// y = (x - x_mean) matrix + y_mean between all columns of the states: matrix [x_kept, y_kept] is of those that are kept.
void fit_write(const FitWork *work, Dense matrix, const uint32_t *x_columns, const uint32_t *y_columns, const double *x_mean,
               const double *y_mean);
