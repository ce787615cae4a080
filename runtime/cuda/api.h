// api.h: what mdx uses of libcuda, NVRTC and cuBLASLt 12 and 13, declared here so that mdx is built without a toolkit.
//
// The values are part of those libraries' binary interfaces; tests/unit/cuda_abi.c compares them with the real headers.
// Results are int: 0 is success in all three.
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
    GPU_INVALID_VALUE = 1,
    GPU_OUT_OF_MEMORY = 2,
    GPU_NOT_INITIALIZED = 3,
    GPU_STUB_LIBRARY = 34,
    GPU_UNAVAILABLE = 46,
    GPU_NO_DEVICE = 100,
    GPU_INVALID_IMAGE = 200,
    GPU_NO_BINARY = 209,
    GPU_ECC_UNCORRECTABLE = 214,
    GPU_NVLINK_UNCORRECTABLE = 220,
    GPU_PTX_TOO_NEW = 222,
    GPU_NOT_FOUND = 500,
    GPU_NOT_READY = 600,
    GPU_ILLEGAL_ADDRESS = 700,
    GPU_LAUNCH_OUT_OF_RESOURCES = 701,
    GPU_LAUNCH_TIMEOUT = 702,
    GPU_HOST_MEMORY_ALREADY_REGISTERED = 712,
    GPU_ILLEGAL_INSTRUCTION = 715,
    GPU_MISALIGNED_ADDRESS = 716,
    GPU_LAUNCH_FAILED = 719,
    GPU_NOT_PERMITTED = 800,
    GPU_NOT_SUPPORTED = 801,
    GPU_DRIVER_MISMATCH = 803,
    GPU_COMPAT_NOT_SUPPORTED = 804,
    GPU_CAPTURE_UNSUPPORTED = 900,
    GPU_CAPTURE_INVALIDATED = 901,
    GPU_UNKNOWN = 999,
};

enum { // DeviceGetAttribute
    GPU_ATTR_MOST_THREADS_A_BLOCK = 1,
    GPU_ATTR_MOST_BLOCKS_X = 5, // of a grid
    GPU_ATTR_MOST_BLOCKS_Y = 6,
    GPU_ATTR_SHARED_A_BLOCK = 8, // bytes, without FUNC_MOST_DYNAMIC_SHARED
    GPU_ATTR_CLOCK_KHZ = 13,
    GPU_ATTR_MULTIPROCESSORS = 16,
    GPU_ATTR_INTEGRATED = 18,
    GPU_ATTR_MEMORY_CLOCK_KHZ = 36,
    GPU_ATTR_MEMORY_BUS_BITS = 37,
    GPU_ATTR_L2_BYTES = 38,
    GPU_ATTR_CAPABILITY_MAJOR = 75,
    GPU_ATTR_CAPABILITY_MINOR = 76,
    GPU_ATTR_SHARED_A_MULTIPROCESSOR = 81,
    GPU_ATTR_REGISTERS_A_MULTIPROCESSOR = 82,
    GPU_ATTR_PAGEABLE_MEMORY_ACCESS = 88,
    GPU_ATTR_SHARED_A_BLOCK_OPTIN = 97, // the most that FUNC_MOST_DYNAMIC_SHARED takes
};

enum { // FuncGetAttribute, FuncSetAttribute
    FUNC_MOST_THREADS_A_BLOCK = 0,
    FUNC_STATIC_SHARED = 1,
    FUNC_LOCAL_BYTES = 3, // a thread: spilled registers
    FUNC_REGISTERS = 4,
    FUNC_MOST_DYNAMIC_SHARED = 8,
    FUNC_SHARED_CARVEOUT = 9, // percent
    FUNC_NON_PORTABLE_CLUSTER = 14,
};

enum { // flags of one call each
    STREAM_NON_BLOCKING = 1,
    EVENT_DEFAULT = 0,
    EVENT_NO_TIMING = 2,
    HOST_PORTABLE = 1,       // MemHostAlloc, MemHostRegister
    HOST_WRITE_COMBINED = 4, // MemHostAlloc
    HOST_READ_ONLY = 8,      // MemHostRegister
    CAPTURE_GLOBAL = 0,      // StreamBeginCapture
    CAPTURE_THREAD_LOCAL = 1,
    CAPTURE_RELAXED = 2,
    FIND_LEGACY_STREAM = 1, // cuGetProcAddress
};

enum { // CuLaunchAttribute.id
    LAUNCH_CLUSTER = 4,
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

// ---- NVRTC

typedef struct NvrtcProgramBody *NvrtcProgram;

enum { NVRTC_COMPILATION_FAILED = 6 };

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

enum { // results
    LT_NOT_INITIALIZED = 1,
    LT_ALLOC_FAILED = 3,
    LT_INVALID_VALUE = 7,
    LT_ARCH_MISMATCH = 8,
    LT_EXECUTION_FAILED = 13,
    LT_INTERNAL_ERROR = 14,
    LT_NOT_SUPPORTED = 15,
};

enum { LT_F32 = 0, LT_F64 = 1, LT_F16 = 2, LT_BF16 = 14 }; // data types
enum {                                                     // compute types
    LT_COMPUTE_F32 = 68,
    LT_COMPUTE_F32_PEDANTIC = 69,
    LT_COMPUTE_F64 = 70,
    LT_COMPUTE_TF32 = 77,
};
enum { LT_PLAIN = 0, LT_TRANSPOSED = 1 };            // LT_DESC_TRANS_A, _B
enum { LT_ORDER_COLUMNS = 0, LT_ORDER_ROWS = 1 };    // LT_LAYOUT_ORDER
enum { LT_POINTER_HOST = 0, LT_POINTER_DEVICE = 1 }; // LT_DESC_POINTER_MODE

enum { // LT_DESC_EPILOGUE, bits of LT_CAP_EPILOGUES
    LT_EPILOGUE_DEFAULT = 1,
    LT_EPILOGUE_RELU = 2,
    LT_EPILOGUE_BIAS = 4,
    LT_EPILOGUE_GELU = 32,
    LT_EPILOGUE_RELU_BIAS = 6,
    LT_EPILOGUE_GELU_BIAS = 36,
};

enum { // bits of LT_PREF_REDUCTIONS, LT_CAP_REDUCTIONS; LT_CONFIG_REDUCTION is one of them
    LT_REDUCTION_NONE = 0,
    LT_REDUCTION_INPLACE = 1,
    LT_REDUCTION_COMPUTE_TYPE = 2,
    LT_REDUCTION_OUTPUT_TYPE = 4,
    LT_REDUCTION_ALL = 7,
};

enum { // MatmulDescSetAttribute: 32 bits each, pointers 64
    LT_DESC_COMPUTE_TYPE = 0,
    LT_DESC_SCALE_TYPE = 1,
    LT_DESC_POINTER_MODE = 2,
    LT_DESC_TRANS_A = 3,
    LT_DESC_TRANS_B = 4,
    LT_DESC_EPILOGUE = 7,
    LT_DESC_BIAS = 8,      // pointer
    LT_DESC_SM_COUNT = 15, // 0: all
    LT_DESC_BIAS_TYPE = 26,
};

enum {                          // MatrixLayoutSetAttribute
    LT_LAYOUT_TYPE = 0,         // 32 bits
    LT_LAYOUT_ORDER = 1,        // 32 bits
    LT_LAYOUT_ROWS = 2,         // 64 bits
    LT_LAYOUT_COLUMNS = 3,      // 64 bits
    LT_LAYOUT_STRIDE = 4,       // 64 bits, elements from column to column (LT_ORDER_ROWS: row to row)
    LT_LAYOUT_BATCH = 5,        // 32 bits
    LT_LAYOUT_BATCH_STRIDE = 6, // 64 bits, elements
};

enum {                           // MatmulPreferenceSetAttribute
    LT_PREF_SEARCH_MODE = 0,     // 32 bits
    LT_PREF_WORKSPACE_BYTES = 1, // 64 bits
    LT_PREF_REDUCTIONS = 3,      // 32 bits: those allowed
    LT_PREF_ALIGN_A = 5,         // 32 bits each: bytes (default: 256)
    LT_PREF_ALIGN_B = 6,
    LT_PREF_ALIGN_C = 7,
    LT_PREF_ALIGN_D = 8,
    LT_PREF_MOST_WAVES = 9, // float
    LT_PREF_IMPL_MASK = 12, // 64 bits: numerical implementations allowed
};

enum {                       // MatmulAlgoConfigGetAttribute, MatmulAlgoConfigSetAttribute
    LT_CONFIG_ID = 0,        // 32 bits, read-only
    LT_CONFIG_TILE = 1,      // 32 bits
    LT_CONFIG_SPLIT_K = 2,   // 32 bits: 1: none
    LT_CONFIG_REDUCTION = 3, // 32 bits
    LT_CONFIG_SWIZZLE = 4,   // 32 bits
    LT_CONFIG_CUSTOM = 5,    // 32 bits
    LT_CONFIG_STAGES = 6,    // 32 bits
    LT_CONFIG_INNER = 7,     // 16 bits
    LT_CONFIG_CLUSTER = 8,   // 16 bits
};

enum { // MatmulAlgoCapGetAttribute
    LT_CAP_SPLIT_K = 0,
    LT_CAP_REDUCTIONS = 1,
    LT_CAP_SWIZZLE = 2,
    LT_CAP_BATCH = 3,
    LT_CAP_TILES = 6, // array of 32 bits
    LT_CAP_MOST_CUSTOM = 7,
    LT_CAP_EPILOGUES = 12,
    LT_CAP_STAGES = 13,   // array of 32 bits
    LT_CAP_NUMERICS = 15, // 64 bits
    LT_CAP_ALIGN_A = 16,
    LT_CAP_ALIGN_B = 17,
    LT_CAP_ALIGN_C = 18,
    LT_CAP_ALIGN_D = 19,
};
