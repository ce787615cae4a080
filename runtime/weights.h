// weights.h: safetensors files by mmap, and a model's weights over one or many of them.
//
// Opening checks every header completely (sizes, offsets, overlaps, holes, shapes); afterwards a tensor is a pointer
// into the mapping: no page is touched that is not read. Only a tensor that is not aligned for its type is copied: the
// format lets a header end anywhere, and older files, GPT-2's among them, use that.
#pragma once

#include "mdx/dtype.h"
#include "mdx/error.h"

enum { TENSOR_MAX_RANK = 8 };

typedef struct {
    Str name;
    Str stored;  // type as the file spells it; not looked at when writing
    DType dtype; // DTYPE_COUNT: one that mdx does not read (inside the reader alone)
    uint32_t rank;
    uint64_t shape[TENSOR_MAX_RANK];
    uint64_t bytes;
    const void *data; // aligned for the type; the caller's when writing
} Tensor;

typedef struct Weights Weights;

// One safetensors file. The result and its tensors live in the arena; weights_close unmaps. NULL on error.
Weights *weights_open_file(Arena *arena, const char *path, Error *err);
// A model's folder: model.safetensors, or model.safetensors.index.json and its shards. With an index, what it names is
// there and nothing else.
Weights *weights_open(Arena *arena, const char *folder, Error *err);
void weights_close(Weights *weights); // NULL is allowed

// NULL when there is none of a type that mdx reads.
const Tensor *weights_find(const Weights *weights, Str name);
// The same, and in words why not: missing, with the nearest name, or of a type that mdx does not read.
bool weights_get(const Weights *weights, Str name, const Tensor **out, Error *err);
// All tensors of types that mdx reads, sorted by name.
size_t weights_count(const Weights *weights);
const Tensor *weights_at(const Weights *weights, size_t i);
// Path of each file that was opened; the first is the index, or the only one.
size_t weights_file_count(const Weights *weights);
const char *weights_file(const Weights *weights, size_t i);

// Writes tensors beside `path` and renames into place: in the order given, wider types first, so that each is aligned.
// `metadata` is an object of strings as JSON text ({"k": "v"}), or empty. Same input, same bytes.
bool safetensors_write(const char *path, const Tensor *tensors, size_t count, Str metadata, Error *err);
// Writes a tensor's type and shape in words, "F32 [2, 3]", for messages.
void tensor_describe(const Tensor *tensor, Text *out);
