// safetensors.h: one file's header, checked. Format: 8 bytes little-endian length, JSON header, data.
#pragma once

#include "runtime/weights.h"

typedef LIST(Tensor) TensorList;

// Checks the whole header of the `size` bytes at `at` and lists its tensors, sorted by name, pointing into the bytes.
// Data that is not aligned for its type is copied into the arena (the format allows it, the CPU does not).
bool safetensors_parse(Arena *arena, const char *name, const uint8_t *at, size_t size, TensorList *out, Error *err);
