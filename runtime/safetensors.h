// safetensors.h: the inside of reading and writing one safetensors file.
//
// The format: the length of the header (8 bytes, little-endian), the header (JSON: name → dtype, shape, data_offsets),
// then the data. The offsets count from the end of the header, and the tensors cover the data without holes.
#pragma once

#include <cjson/cJSON.h>

#include "runtime/weights.h"

typedef LIST(Tensor) TensorList;
typedef unsigned long long Big; // what "%llu" takes

enum { SAFETENSORS_LARGEST_HEADER = 100000000 }; // as the reference implementation has it

// Checks all of the `size` bytes at `at` but the data itself, and lists the tensors, sorted by name. Those that are
// aligned point into the bytes; names and copies live in the arena. `name` is what messages call the file.
bool safetensors_parse(Arena *arena, const char *name, const uint8_t *at, size_t size, TensorList *out, Error *err);
// The bytes of the file that safetensors_write writes.
bool safetensors_encode(Arena *arena, const char *path, const Tensor *tensors, size_t count, Str metadata, Str *out,
                        Error *err);

// ---- One tensor's entry in the header.
typedef struct {
    Arena *arena;
    const char *name; // of the file
    const uint8_t *data;
    uint64_t data_size;
} Safetensors;

bool safetensors_entry(const Safetensors *file, const cJSON *entry, Tensor *out, Error *err);
// `value` must be an object of strings.
bool safetensors_metadata(const char *name, const cJSON *value, Error *err);

// ---- Names.
void tensors_sort(Tensor *tensors, size_t count); // by name
// The first name that is there twice in sorted tensors, or NULL.
const Tensor *tensors_twice(const Tensor *tensors, size_t count);
const Tensor *tensors_find(const TensorList *sorted, Str name);
// The tensor whose name is nearest, when one is near enough to have been meant, or NULL.
const Tensor *tensors_nearest(const TensorList *tensors, Str name);
// `name` fit for a message: control characters escaped, shortened when long.
const char *shown(Arena *arena, Str name);
