// load.h: libcuda, NVRTC, cuBLASLt, cuBLAS and cuSOLVER, found and loaded when they are needed for the first time.
//
// mdx is not linked with them: cuda.MemAlloc is cuMemAlloc_v2, nvrtc.CompileProgram nvrtcCompileProgram, blaslt.Matmul
// cublasLtMatmul, cublas.Dgemm cublasDgemm_v2, cusolver.Xpotrf cusolverDnXpotrf. Once loaded they stay.
//
// They are looked for in the folders of `path` (a list with colons; each a toolkit, an environment of Python or a
// folder of libraries); when it is NULL, in those of MDX_CUDA_PATH, and without that where the system, a toolkit in
// /usr/local or an environment of Python has them. The driver is looked for at the system's place too in any case.
#pragma once

#include "mdx/error.h"
#include "runtime/cuda/api.h"

typedef struct {
#define MDX_DRIVER(name, symbol, parameters) int(*name) parameters;
#include "runtime/cuda/driver.def"
} CudaDriver;

typedef struct {
#define MDX_NVRTC(result, name, parameters) result(*name) parameters;
#include "runtime/cuda/nvrtc.def"
} Nvrtc;

typedef struct {
#define MDX_BLASLT(result, name, parameters) result(*name) parameters;
#include "runtime/cuda/blaslt.def"
} BlasLt;

typedef struct {
#define MDX_CUBLAS(name, symbol, parameters) int(*name) parameters;
#include "runtime/cuda/cublas.def"
} Cublas;

typedef struct {
#define MDX_CUSOLVER(name, symbol, parameters) int(*name) parameters;
#include "runtime/cuda/cusolver.def"
} Cusolver;

extern CudaDriver cuda;
extern Nvrtc nvrtc;
extern BlasLt blaslt;
extern Cublas cublas;
extern Cusolver cusolver;

// From any thread. An error says what is missing and how to get it. A library that is newer than the driver can use is
// passed over, so the driver is loaded first where there is one.
bool cuda_load(const char *path, Error *err); // and cuInit
bool nvrtc_load(const char *path, Error *err);
bool blaslt_load(const char *path, Error *err);
// What fits use; without it they run on the processor. cuSOLVER; it loads cuBLAS first.
bool cusolver_load(const char *path, Error *err);

// Where the library was found, NULL before it is loaded.
const char *cuda_file(void);
const char *nvrtc_file(void);
const char *blaslt_file(void);
const char *cusolver_file(void);

// False and a message when the result is not 0. `what` is what was tried: "copying weights to the GPU".
bool cuda_ok(int result, const char *what, Error *err);
bool nvrtc_ok(int result, const char *what, Error *err);
bool blaslt_ok(int result, const char *what, Error *err);
