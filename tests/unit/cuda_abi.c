// cuda_abi.c: what runtime/cuda/api.h declares is what the real headers declare, where a toolkit is installed.
#include <stdio.h>

#if __has_include(<cuda.h>) && __has_include(<cublasLt.h>) && __has_include(<nvrtc.h>) && __has_include(<cusolverDn.h>)
#include <cublasLt.h>
#include <cublas_v2.h>
#include <cuda.h>
#include <cusolverDn.h>
#include <nvrtc.h>

#include "runtime/cuda/load.h"

#define SAME(ours, real)      _Static_assert((int)(ours) == (int)(real), #ours " is not " #real)
#define SAME_SIZE(ours, real) _Static_assert(sizeof(ours) == sizeof(real), "size of " #ours)
#define SAME_PLACE(ours, field, real, real_field)                                                                      \
    _Static_assert(offsetof(ours, field) == offsetof(real, real_field) &&                                              \
                       sizeof(((ours *)0)->field) == sizeof(((real *)0)->real_field),                                  \
                   #ours "." #field " is not " #real "." #real_field)

// ---- libcuda
SAME_SIZE(DevicePtr, CUdeviceptr);
SAME_SIZE(CuDevice, CUdevice);
SAME_SIZE(CuStream, CUstream);
SAME_SIZE(int, CUresult);
SAME_SIZE(int, CUdevice_attribute);
SAME_SIZE(int, CUfunction_attribute);
SAME_SIZE(int, CUstreamCaptureMode);

SAME(GPU_OUT_OF_MEMORY, CUDA_ERROR_OUT_OF_MEMORY);
SAME(GPU_STUB_LIBRARY, CUDA_ERROR_STUB_LIBRARY);
SAME(GPU_UNAVAILABLE, CUDA_ERROR_DEVICE_UNAVAILABLE);
SAME(GPU_NO_DEVICE, CUDA_ERROR_NO_DEVICE);
SAME(GPU_NO_BINARY, CUDA_ERROR_NO_BINARY_FOR_GPU);
SAME(GPU_ECC_UNCORRECTABLE, CUDA_ERROR_ECC_UNCORRECTABLE);
SAME(GPU_ILLEGAL_ADDRESS, CUDA_ERROR_ILLEGAL_ADDRESS);
SAME(GPU_ILLEGAL_INSTRUCTION, CUDA_ERROR_ILLEGAL_INSTRUCTION);
SAME(GPU_MISALIGNED_ADDRESS, CUDA_ERROR_MISALIGNED_ADDRESS);
SAME(GPU_LAUNCH_FAILED, CUDA_ERROR_LAUNCH_FAILED);
SAME(GPU_DRIVER_MISMATCH, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH);

SAME(GPU_ATTR_MULTIPROCESSORS, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
SAME(GPU_ATTR_CAPABILITY_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(GPU_ATTR_CAPABILITY_MINOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);

SAME(FUNC_MOST_DYNAMIC_SHARED, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);

SAME(STREAM_NON_BLOCKING, CU_STREAM_NON_BLOCKING);
SAME(EVENT_NO_TIMING, CU_EVENT_DISABLE_TIMING);
SAME(CAPTURE_RELAXED, CU_STREAM_CAPTURE_MODE_RELAXED);
SAME(FIND_LEGACY_STREAM, CU_GET_PROC_ADDRESS_LEGACY_STREAM);

SAME(LAUNCH_OVERLAP, CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
SAME_SIZE(CuLaunchAttribute, CUlaunchAttribute);
SAME_PLACE(CuLaunchAttribute, id, CUlaunchAttribute, id);
_Static_assert(offsetof(CuLaunchAttribute, cluster) == offsetof(CUlaunchAttribute, value),
               "value of a launch attribute");
SAME_PLACE(CuLaunchAttribute, cluster, CUlaunchAttribute, value.clusterDim);
SAME_PLACE(CuLaunchAttribute, overlap, CUlaunchAttribute, value.programmaticStreamSerializationAllowed);
SAME_SIZE(CuLaunch, CUlaunchConfig);
SAME_PLACE(CuLaunch, grid[0], CUlaunchConfig, gridDimX);
SAME_PLACE(CuLaunch, block[0], CUlaunchConfig, blockDimX);
SAME_PLACE(CuLaunch, shared_bytes, CUlaunchConfig, sharedMemBytes);
SAME_PLACE(CuLaunch, stream, CUlaunchConfig, hStream);
SAME_PLACE(CuLaunch, attributes, CUlaunchConfig, attrs);
SAME_PLACE(CuLaunch, attribute_count, CUlaunchConfig, numAttrs);

SAME_SIZE(CuTensorMap, CUtensorMap);
_Static_assert(_Alignof(CuTensorMap) >= _Alignof(CUtensorMap), "a tensor map is aligned"); // more since CUDA 13
SAME(TENSOR_F16, CU_TENSOR_MAP_DATA_TYPE_FLOAT16);
SAME(TENSOR_BF16, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16);
SAME(TENSOR_NOT_INTERLEAVED, CU_TENSOR_MAP_INTERLEAVE_NONE);
SAME(TENSOR_EXCHANGE_128, CU_TENSOR_MAP_SWIZZLE_128B);
SAME(TENSOR_FETCH_256, CU_TENSOR_MAP_L2_PROMOTION_L2_256B);
SAME(TENSOR_ZEROS_OUTSIDE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);

// ---- NVRTC
SAME_SIZE(int, nvrtcResult);

// ---- cuBLASLt
SAME_SIZE(int, cublasStatus_t);
SAME_SIZE(int, cublasComputeType_t);
SAME_SIZE(int, cudaDataType_t);
SAME_SIZE(LtAlgo, cublasLtMatmulAlgo_t);
SAME_SIZE(LtHeuristic, cublasLtMatmulHeuristicResult_t);
SAME_PLACE(LtHeuristic, algo, cublasLtMatmulHeuristicResult_t, algo);
SAME_PLACE(LtHeuristic, workspace_bytes, cublasLtMatmulHeuristicResult_t, workspaceSize);
SAME_PLACE(LtHeuristic, state, cublasLtMatmulHeuristicResult_t, state);
SAME_PLACE(LtHeuristic, waves, cublasLtMatmulHeuristicResult_t, wavesCount);


SAME(LT_F32, CUDA_R_32F);
SAME(LT_F16, CUDA_R_16F);
SAME(LT_BF16, CUDA_R_16BF);
SAME(LT_COMPUTE_F32, CUBLAS_COMPUTE_32F);
SAME(LT_PLAIN, CUBLAS_OP_N);
SAME(LT_TRANSPOSED, CUBLAS_OP_T);


SAME(LT_DESC_TRANS_A, CUBLASLT_MATMUL_DESC_TRANSA);


SAME(LT_PREF_WORKSPACE_BYTES, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME(LT_PREF_REDUCTIONS, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);



// ---- cuBLAS and cuSOLVER
SAME_SIZE(int, cublasFillMode_t);
SAME_SIZE(int, cublasSideMode_t);
SAME_SIZE(int, cublasDiagType_t);
SAME_SIZE(int, cusolverStatus_t);
SAME_SIZE(int, cusolverEigMode_t);
SAME(BLAS_PLAIN, CUBLAS_OP_N);
SAME(BLAS_TRANSPOSED, CUBLAS_OP_T);
SAME(BLAS_LOWER, CUBLAS_FILL_MODE_LOWER);
SAME(BLAS_LEFT, CUBLAS_SIDE_LEFT);
SAME(BLAS_RIGHT, CUBLAS_SIDE_RIGHT);
SAME(BLAS_NOT_UNIT, CUBLAS_DIAG_NON_UNIT);
SAME(SOLVER_F64, CUDA_R_64F);
SAME(SOLVER_VALUES, CUSOLVER_EIG_MODE_NOVECTOR);
SAME(SOLVER_VECTORS, CUSOLVER_EIG_MODE_VECTOR);

int main(void) {
    printf("api.h is as CUDA %d.%d, cuBLASLt %d has it\n", CUDA_VERSION / 1000, CUDA_VERSION % 1000 / 10,
           CUBLAS_VERSION);
    return 0;
}
#else
int main(void) {
    puts("skipped: no headers of a CUDA toolkit");
    return 77;
}
#endif
