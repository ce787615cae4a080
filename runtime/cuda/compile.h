// compile.h: from a kernel's text to code for one kind of GPU, through NVRTC; finished code is kept on disk.
#pragma once

#include "mdx/error.h"

// The files of kernels/, which are part of the program. In order of their names.
typedef struct {
    const char *name; // "attention.cu"
    Str text;
} KernelFile;
extern const KernelFile kernel_files[];
extern const size_t kernel_file_count;

Str kernel_text(const char *name); // of the file; a name that is none is a bug

// One translation unit. The text is without kernels/prelude.cuh, which is put before it.
typedef struct {
    const char *name; // for messages
    Str text;
    bool fused_multiply_add; // whether a * b + c may be rounded once
} KernelSource;

typedef struct {
    const void *image; // a cubin
    size_t bytes;
} KernelImage;

// Compiles what is not in the cache, on all cores. arch: "sm_90a". images: [count], in the arena. In the folder,
// KEY.cubin begins with a checksum of 64 characters and KEY.cu beside it is the text; the key is of the text, the
// options and NVRTC's version. NULL: nothing is kept. Loads NVRTC.
bool kernels_compile(const KernelSource *sources, size_t count, const char *arch, const char *cache_folder,
                     Arena *arena, KernelImage *images, Error *err);
