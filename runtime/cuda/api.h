// api.h: what mdx uses of libcuda, NVRTC, cuBLASLt, cuBLAS and cuSOLVER of CUDA 12 and 13, declared here so that mdx is
// built without a toolkit.
//
// The values are part of those libraries' binary interfaces; tests/unit/cuda_abi.c compares them with the real headers.
// Results are int: 0 is success in all.
#pragma once

#include <stddef.h>
#include <stdint.h>

// ---- libcuda

typedef uint64_t DevicePtr; // an address in the GPU's memory
typedef int CuDevice;       // number of a GPU
typedef struct CuContextBody *CuContext;
typedef struct CuModuleBody *CuModule;
typedef struct CuFunctionBody *CuFunction;
typedef struct CuStreamBody *CuStream;
typedef struct CuEventBody *CuEvent;
typedef struct CuGraphBody *CuGraph;
typedef struct CuGraphExecBody *CuGraphExec;

enum { // results
    GPU_OUT_OF_MEMORY = 2,
    GPU_STUB_LIBRARY = 34,
    GPU_UNAVAILABLE = 46,
    GPU_NO_DEVICE = 100,
    GPU_NO_BINARY = 209,
    GPU_ECC_UNCORRECTABLE = 214,
    GPU_ILLEGAL_ADDRESS = 700,
    GPU_ILLEGAL_INSTRUCTION = 715,
    GPU_MISALIGNED_ADDRESS = 716,
    GPU_LAUNCH_FAILED = 719,
    GPU_DRIVER_MISMATCH = 803,
};

enum { // DeviceGetAttribute
    GPU_ATTR_MULTIPROCESSORS = 16,
    GPU_ATTR_CAPABILITY_MAJOR = 75,
    GPU_ATTR_CAPABILITY_MINOR = 76,
};

enum { // FuncGetAttribute, FuncSetAttribute
    FUNC_MOST_DYNAMIC_SHARED = 8,
};

enum { // flags of one call each
    STREAM_NON_BLOCKING = 1,
    EVENT_NO_TIMING = 2,
    CAPTURE_RELAXED = 2,
    FIND_LEGACY_STREAM = 1, // cuGetProcAddress
};

enum {                  // CuLaunchAttribute.id
    LAUNCH_OVERLAP = 6, // a kernel may begin while the one before it ends (programmatic stream serialization)
};

typedef struct {
    uint32_t id, zero;
    union {
        uint32_t cluster[3];
        int overlap;
        uint64_t words[8];
    };
} CuLaunchAttribute;

typedef struct {
    uint32_t grid[3], block[3];
    uint32_t shared_bytes;
    CuStream stream;
    CuLaunchAttribute *attributes;
    uint32_t attribute_count;
} CuLaunch;

typedef struct {
    _Alignas(128) uint64_t words[16];
} CuTensorMap; // a matrix as the GPU's copy engine sees it

enum { // TensorMapEncodeTiled
    TENSOR_F16 = 6,
    TENSOR_BF16 = 9,
    TENSOR_NOT_INTERLEAVED = 0,
    TENSOR_EXCHANGE_128 = 3,  // 16-byte pieces of rows of 128 bytes, in shared memory
    TENSOR_FETCH_256 = 3,     // bytes, into the second cache
    TENSOR_ZEROS_OUTSIDE = 0, // what does not exist
};

// ---- NVRTC

typedef struct NvrtcProgramBody *NvrtcProgram;

// ---- cuBLASLt

typedef struct LtHandleBody *LtHandle;
typedef struct LtMatmulDescBody *LtMatmulDesc;
typedef struct LtLayoutBody *LtLayout;
typedef struct LtPreferenceBody *LtPreference;

typedef struct {
    uint64_t data[8];
} LtAlgo;

typedef struct {
    LtAlgo algo;
    size_t workspace_bytes;
    int state; // 0: it can be used
    float waves;
    int reserved[4];
} LtHeuristic;

enum { LT_F32 = 0, LT_F16 = 2, LT_BF16 = 14 }; // data types
enum {                                         // compute types
    LT_COMPUTE_F32 = 68,
};
enum { LT_PLAIN = 0, LT_TRANSPOSED = 1 }; // LT_DESC_TRANS_A, _B

enum { // MatmulDescSetAttribute: 32 bits each, pointers 64
    LT_DESC_TRANS_A = 3,
};

enum {                           // MatmulPreferenceSetAttribute
    LT_PREF_WORKSPACE_BYTES = 1, // 64 bits
    LT_PREF_REDUCTIONS = 3,      // 32 bits: those allowed
};

// ---- cuBLAS and cuSOLVER: matrices lie column by column

typedef struct BlasHandleBody *BlasHandle;
typedef struct SolverHandleBody *SolverHandle;
typedef struct SolverParamsBody *SolverParams;
typedef struct GesvdjInfoBody *GesvdjInfo;

enum { BLAS_PLAIN = 0, BLAS_TRANSPOSED = 1 };
enum { BLAS_LOWER = 0 };              // half of a symmetric or triangular matrix
enum { BLAS_LEFT = 0, BLAS_RIGHT = 1 };
enum { BLAS_NOT_UNIT = 0 };           // diagonal of a triangular matrix
enum { SOLVER_F64 = 1 };              // data and compute type
enum { SOLVER_VALUES = 0, SOLVER_VECTORS = 1 }; // of eigenvalues and singular values
