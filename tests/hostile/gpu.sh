#!/bin/sh
# gpu.sh BUILD SOURCE: what the host does for a GPU, without one: a driver whose memory is the host's and whose kernels and
# products do nothing. The numbers are worth nothing; what is asked of the driver, its memory and the messages are.
. "$2/tests/hostile/lib"
unset MDX_CUDA_PATH
command -v cc >/dev/null || exit 77
cat >made.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/cuda/api.h"
#ifdef DRIVER
static size_t taken;
static void *thing(void) { return malloc(1); }
int cuDriverGetVersion(int *out) { return *out = 13000, 0; }
int cuGetErrorName(int result, const char **out) { return *out = "CUDA_ERROR_MADE", 0; }
int cuGetErrorString(int result, const char **out) { return *out = "made here", 0; }
int cuDeviceGetCount(int *out) { return *out = 1, 0; }
int cuDeviceTotalMem_v2(size_t *out, CuDevice device) { return *out = BYTES, 0; }
int cuDeviceGetName(char *out, int bytes, CuDevice device) { return snprintf(out, bytes, "Made"), 0; }
int cuDeviceGetAttribute(int *out, int attribute, CuDevice device) {
    *out = attribute == GPU_ATTR_CAPABILITY_MAJOR ? 9 : attribute == GPU_ATTR_MULTIPROCESSORS ? 132 : 0;
    return 0;
}
int cuDevicePrimaryCtxRetain(CuContext *out, CuDevice device) { return *out = (void *)1, 0; }
int cuEventCreate(CuEvent *out, unsigned flags) { return *out = thing(), 0; }
int cuEventDestroy_v2(CuEvent event) { return free(event), 0; }
int cuEventElapsedTime(float *out, CuEvent from, CuEvent to) { return *out = 1, 0; }
int cuStreamCreate(CuStream *out, unsigned flags) { return *out = thing(), 0; }
int cuStreamDestroy_v2(CuStream stream) { return free(stream), 0; }
int cuModuleLoadData(CuModule *out, const void *image) { return *out = thing(), 0; }
int cuModuleUnload(CuModule module) { return free(module), 0; }
int cuModuleGetFunction(CuFunction *out, CuModule module, const char *name) { return *out = (void *)2, 0; }
int cuMemGetInfo_v2(size_t *left, size_t *all) { return *all = BYTES, *left = taken < BYTES ? BYTES - taken : 0, 0; }
int cuMemAlloc_v2(DevicePtr *out, size_t bytes) {
    if (taken + bytes > BYTES) return 2;
    size_t *at = aligned_alloc(256, (bytes + 511) / 256 * 256);
    taken += *at = bytes;
    memset(at + 32, 0x3c, bytes);
    return *out = (DevicePtr)(at + 32), 0;
}
int cuMemFree_v2(DevicePtr at) { return taken -= ((size_t *)at)[-32], free((size_t *)at - 32), 0; }
int cuMemHostAlloc(void **out, size_t bytes, unsigned flags) { return *out = malloc(bytes), 0; }
int cuMemFreeHost(void *at) { return free(at), 0; }
#define COPY(name, to, from, ...) int name(to a, from b, size_t bytes __VA_ARGS__) { return memcpy((void *)a, (const void *)b, bytes), 0; }
COPY(cuMemcpyDtoD_v2, DevicePtr, DevicePtr)
COPY(cuMemcpyDtoDAsync_v2, DevicePtr, DevicePtr, , CuStream s)
COPY(cuMemcpyDtoH_v2, void *, DevicePtr)
COPY(cuMemcpyDtoHAsync_v2, void *, DevicePtr, , CuStream s)
COPY(cuMemcpyHtoD_v2, DevicePtr, const void *)
COPY(cuMemcpyHtoDAsync_v2, DevicePtr, const void *, , CuStream s)
int cuMemsetD8Async(DevicePtr at, unsigned char value, size_t bytes, CuStream stream) { return memset((void *)at, value, bytes), 0; }
int cuLaunchKernelEx(const CuLaunch *how, CuFunction f, void **parameters, void **extra) {
    const unsigned *g = how->grid, *b = how->block;
    return !g[0] || g[1] - 1 >= 65535 || g[2] - 1 >= 65535 || b[0] * b[1] * b[2] - 1 >= 1024 || how->shared_bytes > 232448;
}
#else
size_t cublasLtGetVersion(void) { return 130100; }
int cublasLtMatmulAlgoGetHeuristic(LtHandle h, LtMatmulDesc desc, LtLayout a, LtLayout b, LtLayout c, LtLayout d, LtPreference p,
                                   int most, LtHeuristic *out, int *count) {
    return memset(out, 0, sizeof *out), *count = 1, 0;
}
#endif
C
cat >rest.c <<'C'
#include "runtime/cuda/api.h"
#define MDX_DRIVER(name, symbol, parameters) __attribute__((weak)) int cu##symbol parameters { return 0; }
#define MDX_BLASLT(result, name, parameters) __attribute__((weak)) result cublasLt##name parameters { return (result)0; }
#ifdef DRIVER
#include "runtime/cuda/driver.def"
#else
#include "runtime/cuda/blaslt.def"
#endif
C
made() { # FOLDER BYTES
    mkdir -p "$1"
    cc -std=c17 -shared -fPIC -w -I"$source" -DDRIVER -DBYTES="${2}ull" -o "$1/libcuda.so.1" made.c rest.c &&
        cc -std=c17 -shared -fPIC -w -I"$source" -o "$1/libcublasLt.so.13" made.c rest.c || { echo "the driver cannot be made"; exit 1; }
}
nvrtc=$("$mdx" devices | sed -n 's|.*NVRTC .* \(/.*\)/libnvrtc.*|\1|p')
made gpu 8000000000
made small 300000000
"$mdx" devices --cuda-path="$work/gpu:$nvrtc" >found.txt
grep -q 'cuda    usable' found.txt || { cat found.txt; exit 77; }

# runs WHAT GPU OPTIONS...: the spec runs to its end.
runs() {
    what=$1 gpu=$2
    shift 2
    count=$((count + 1))
    timeout 120 "$mdx" run s.mdx --device=cuda --cuda-path="$work/$gpu:$nvrtc" "$@" >out.txt 2>err.txt
    status=$?
    [ $status -eq 0 ] && ! grep -q 'Sanitizer\|runtime error' err.txt && return
    echo "$what: exit status $status"
    head -12 err.txt
    failed=$((failed + 1))
}

model m
ln -sf "$source/examples/prompts/val.jsonl" p.jsonl
cat >s.mdx <<'MDX'
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text", chat: true, limit: 150)
sweep layer in 0..5
sweep alpha in [0.5, 1]
hook h = layers[layer].resid_post @ end
patch half = h <- alpha * m.h
run clean = m on p
run patched = m on p with half
metric k = mean(kl(patched, clean))
report table(layer, alpha, k)
report states(clean.h, as: "ends")
report states(clean.layers[2].v @ all, as: "values")
report states(clean.layers[3].q_pre @ all, as: "queries")
MDX
for options in "" "--dtype=bf16" "--dtype=f16 --disable=fuse" "--strict=on" "--disable=all" "--disable=batch" "--micro-batches=7"; do
    runs "cuda $options" gpu $options --out="$work/out"
done
for folder in out/*/; do # options that change the results have a folder of their own
    runs "a profile" gpu --profile --dtype=bf16 --out="$work/profile"
grep -q '^ .* attention  *[0-9]' err.txt && grep -q '^limits: the products alone [0-9.]* TFLOP/s, a copy in memory ' err.txt ||
    { echo "no profile"; head -40 err.txt; failed=$((failed + 1)); }
for file in ends values queries; do
        [ -s "$folder/states/$file.safetensors" ] || { echo "$folder: no states $file"; failed=$((failed + 1)); }
    done
done

# Memory: as many micro-batches as the GPU asks for, or a word before anything is launched.
runs "some memory" gpu --memory=300MB --out="$work/some"
grep -q '"micro_batches": 1,' some/*/manifest.json && { echo "300 MB take it all at once"; failed=$((failed + 1)); }
runs "a small GPU" small --out="$work/small-out"
grep -q '"micro_batches": 1,' small-out/*/manifest.json && { echo "a small GPU takes it all at once"; failed=$((failed + 1)); }
runs "enough memory" gpu --memory=1GB --out="$work/enough"
grep -q '"micro_batches": 1,' enough/*/manifest.json || { echo "1 GB are not enough"; failed=$((failed + 1)); }
refuse "too little" "--memory allows 48MiB, and the smallest micro-batches need" "$mdx" run s.mdx --device=cuda --cuda-path="$work/gpu:$nvrtc" --memory=48MiB
made tiny 50000000
refuse "a tiny GPU" "shorten the prompts or lower --batch-points" "$mdx" run s.mdx --device=cuda --cuda-path="$work/tiny:$nvrtc"
finish 12
