#!/bin/sh
# devices.sh BUILD SOURCE: mdx devices says what is there and what is missing: without a driver, and with drivers and
# libraries made here that lie in every way.
. "$2/tests/hostile/lib"
unset LD_LIBRARY_PATH MDX_CUDA_PATH VIRTUAL_ENV
say() { echo "$1"; failed=$((failed + 1)); }
has() { grep -qF -- "$1" out.txt || { say "$what: no: $1"; cat out.txt; }; }
lacks() { grep -qF -- "$1" out.txt && { say "$what: there is: $1"; cat out.txt; }; }
# devices WHAT ARGUMENTS...: runs mdx devices into out.txt; it never fails.
devices() {
    what=$1
    shift
    count=$((count + 1))
    timeout 60 "$mdx" devices "$@" >out.txt 2>err.txt
    status=$?
    [ $status -eq 0 ] && [ ! -s err.txt ] || { say "$what: exit status $status"; head -20 err.txt; }
    [ "$(wc -l <out.txt)" -le 24 ] || say "$what: more than a screen"
}

# Nothing is found in a folder of nothing (a machine with a driver has that in any case).
devices "nothing" --cuda-path="$work/nothing"
has "ref     usable"
has "cpu     usable"
has "cuda    not usable"
has "NVRTC     no NVRTC, which compiles kernels for the GPU: pip install nvidia-cuda-nvrtc"
has "cuBLASLt  no cuBLASLt, which multiplies matrices on the GPU: pip install nvidia-cublas"
[ -e /dev/nvidiactl ] || has "driver    no NVIDIA driver: libcuda.so.1 was not found"
devices "nothing as JSON" --cuda-path="$work/nothing" --json
has '"cuda": {"usable": false, "gpus": []'
has '"nvrtc": {"version": null, "why": "no NVRTC'
export MDX_CUDA_PATH="$work/nothing"
devices "nothing, by the environment"
has "no cuBLASLt"
unset MDX_CUDA_PATH
refuse "no folder" "--cuda-path needs the name of a folder" "$mdx" devices --cuda-path=
timeout 60 "$mdx" devices file >out.txt 2>err.txt && say "mdx devices takes a file"
grep -q "mdx devices takes no file: 'file'" err.txt || say "a file: $(cat err.txt)"

command -v cc >/dev/null || { echo "no C compiler: no made libraries"; finish 4; }

# Libraries with all functions of the tables, which do nothing (tables.c), but for those that tell what is there (fake.c).
cat >tables.c <<'C'
#include "runtime/cuda/api.h"
#define MDX_DRIVER(name, symbol, parameters) __attribute__((weak)) int cu##symbol parameters { return 1; }
#define MDX_NVRTC(result, name, parameters) __attribute__((weak)) result nvrtc##name parameters { return (result)0; }
#define MDX_BLASLT(result, name, parameters) __attribute__((weak)) result cublasLt##name parameters { return (result)0; }
#ifdef DRIVER
#include "runtime/cuda/driver.def"
#elif defined NVRTC
#include "runtime/cuda/nvrtc.def"
#else
#include "runtime/cuda/blaslt.def"
#endif
C
cat >fake.c <<'C'
#include <stdio.h>
#include <string.h>
#include "runtime/cuda/api.h"
#ifdef DRIVER
int cuInit(unsigned flags) { return flags ? 1 : INIT; }
int cuDriverGetVersion(int *out) { return *out = DRIVER, 0; }
int cuGetErrorName(int result, const char **out) { return *out = result == 100 ? "CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR_OTHER", 0; }
int cuGetErrorString(int result, const char **out) { return *out = "no CUDA-capable device is detected", 0; }
int cuDeviceGetCount(int *out) { return *out = GPUS, 0; }
int cuDeviceGet(CuDevice *out, int number) { return *out = number, 0; }
int cuDeviceGetName(char *out, int bytes, CuDevice device) { return snprintf(out, bytes, "Made \"%d\"", device), 0; }
int cuDeviceTotalMem_v2(size_t *out, CuDevice device) { return *out = 141ull << 30, 0; }
int cuDeviceGetAttribute(int *out, int attribute, CuDevice device) {
    *out = attribute == GPU_ATTR_CAPABILITY_MAJOR ? CAPABILITY : attribute == GPU_ATTR_MULTIPROCESSORS ? 132 : 0;
    return 0;
}
#ifdef FINDS // the driver's own list has another version of a function than its name
static int newer(int *out) { return *out = FINDS, 0; }
int cuGetProcAddress_v2(const char *name, void **out, int version, uint64_t flags, int *status) {
    *out = 0;
    if (version != 12000 || flags != 1) return 1;
    if (strcmp(name, "cuDriverGetVersion") == 0) *out = (void *)newer;
    return 0;
}
#endif
#elif defined NVRTC
int nvrtcVersion(int *major, int *minor) { return *major = NVRTC, *minor = 9, 0; }
#else
size_t cublasLtGetVersion(void) { return BLAS; }
#endif
C
# library FILE OPTIONS..., driver FILE OPTIONS...
library() {
    file=$1
    shift
    mkdir -p "$(dirname "$file")"
    cc -std=c17 -shared -fPIC -w -I"$source" "$@" -o "$file" fake.c tables.c || { say "$file cannot be made"; finish 1; }
}
driver() {
    file=$1
    shift
    library "$file" -DINIT=0 -DGPUS=2 -DCAPABILITY=9 "$@"
}

driver whole/lib64/libcuda.so.1 -DDRIVER=13010
library whole/lib64/libnvrtc.so.13 -DNVRTC=13
library whole/lib64/libnvrtc.so.12 -DNVRTC=12
library whole/lib64/libcublasLt.so.13 -DBLAS=130203
devices "a GPU" --cuda-path=whole
has "cuda    usable"
has 'GPU 0     Made "0", 141.0 GiB, compute capability 9.0, 132 multiprocessors'
has "132 multiprocessors (not used)"
has "CUDA 13.1, whole/lib64/libcuda.so.1"
has "NVRTC     13.9, whole/lib64/libnvrtc.so.13"
has "cuBLASLt  13.2.3, whole/lib64/libcublasLt.so.13"
devices "a GPU as JSON" --cuda-path=whole --json
has '"cuda": {"usable": true, "gpus": [{"name": "Made \"0\"", "memory": 151397597184, "capability": "9.0", "multiprocessors": 132}, {'
has '], "why": null, "driver": {"version": "'

# Code for CUDA 13 is of no use to a driver for 12.
driver old/libcuda.so.1 -DDRIVER=12040
devices "a driver for CUDA 12" --cuda-path=old:whole/lib64
has "CUDA 12.4, old/libcuda.so.1"
has "NVRTC     12.9, whole/lib64/libnvrtc.so.12"
has "pip install nvidia-cublas-cu12,"
has "cuda    not usable"
driver ancient/libcuda.so.1 -DDRIVER=11080
devices "a driver for CUDA 11" --cuda-path=ancient:whole/lib64
has "driver    the NVIDIA driver is for CUDA 11.8; install one for CUDA 12 or newer"

# What a driver has under a name may be older than what it hands out.
driver finds/libcuda.so.1 -DDRIVER=11080 -DFINDS=13000
devices "a driver with versions" --cuda-path=finds:whole/lib64
has "CUDA 13.0, finds/libcuda.so.1"

driver none/libcuda.so.1 -DDRIVER=13000 -UGPUS -DGPUS=0
devices "a driver without a GPU" --cuda-path=none:whole/lib64
has "GPU       the driver sees no GPU"
has "cuda    not usable"
driver refuses/libcuda.so.1 -DDRIVER=13000 -UINIT -DINIT=100
devices "a driver that does not start" --cuda-path=refuses:whole/lib64
has "driver    cuda: starting the NVIDIA driver: no CUDA-capable device is detected (CUDA_ERROR_NO_DEVICE, 100); nvidia-smi"
driver small/libcuda.so.1 -DDRIVER=13000 -UCAPABILITY -DCAPABILITY=7
devices "an old GPU" --cuda-path=small:whole/lib64
has 'Made "0" has compute capability 7.0; mdx needs 8.0 or newer'
has "cuda    not usable"

# Files that are no libraries, or not these.
mkdir -p junk lacking
echo junk >junk/libnvrtc.so.13
: >junk/libcublasLt.so.13
devices "junk" --cuda-path=junk
has "NVRTC     libnvrtc.so.13 cannot be loaded: junk/libnvrtc.so.13: "
has "cuBLASLt  libcublasLt.so.13 cannot be loaded: junk/libcublasLt.so.13: "
devices "junk before a whole one" --cuda-path=junk:whole/lib64
has "NVRTC     13.9, whole/lib64/libnvrtc.so.13"
cp whole/lib64/libcublasLt.so.13 lacking/libnvrtc.so.13
devices "another library" --cuda-path=lacking
has "NVRTC     lacking/libnvrtc.so.13 has no nvrtcCompileProgram: it is too old"

# Where the libraries lie: in an environment of Python, in folders with odd names; not where a name is a pattern.
library "venv/lib/python3.11/site-packages/nvidia/cu13/lib/libnvrtc.so.13" -DNVRTC=13
library "venv/lib/python3.11/site-packages/nvidia/cublas/lib/libcublasLt.so.12" -DBLAS=120304
for path in venv venv/lib/python3.11/site-packages; do
    devices "packages of Python: $path" --cuda-path=$path
    has "NVRTC     13.9, venv/lib/python3.11/site-packages/nvidia/cu13/lib/libnvrtc.so.13"
    has "cuBLASLt  12.3.4, venv/lib/python3.11/site-packages/nvidia/cublas/lib/libcublasLt.so.12"
done
library 'a[b]* c\d/libnvrtc.so.13' -DNVRTC=13
devices "an odd name" --cuda-path='a[b]* c\d'
has 'NVRTC     13.9, a[b]* c\d/libnvrtc.so.13'
devices "a pattern" --cuda-path='wh*:/*/*/*'
has "no NVRTC"
if ! ldconfig -p 2>/dev/null | grep -q libnvrtc; then
    export VIRTUAL_ENV="$work/venv"
    devices "the environment of Python that is active"
    has "NVRTC     13.9, $work/venv/lib/python3.11/site-packages/nvidia/cu13/lib/libnvrtc.so.13"
    unset VIRTUAL_ENV
fi
long=$(head -c 5000 /dev/zero | tr '\0' 'x')
devices "a long name" --cuda-path="$long:$long"
has "no NVRTC"
devices "colons" --cuda-path=::::
finish 20
