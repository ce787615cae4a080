#!/bin/sh
# cuda_nvcc.sh BUILD SOURCE: each file of kernels/ compiles with nvcc as it stands, for every kind of GPU.
nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)
[ -n "$nvcc" ] || { echo "skipped: no nvcc"; exit 77; }
cd "$2/kernels" || exit 1
failed=0
for kernel in *.cu; do
    for arch in sm_80 sm_90a sm_100; do
        "$nvcc" -std=c++17 -arch=$arch -Werror all-warnings -cubin -o /dev/null "$kernel" || { echo "$kernel, $arch"; failed=1; }
    done
done
exit $failed
