// reads.h: rows on their way to the host while the GPU goes on: copied aside in the order in which they were asked for, and
// taken in the same order.
#pragma once

#include "mdx/dtype.h"
#include "runtime/cuda/gpu.h"

typedef struct Reads Reads;

// bytes: of all that a run may ask for; memory is taken when the first is.
Reads *reads_open(const Gpu *gpu, uint64_t bytes, Arena *arena);
// After what is launched. *asked false: no room until older ones were taken, and none at all when there are no older.
bool reads_ask(Reads *reads, DevicePtr at, DType dtype, uint64_t count, bool *asked, Error *err);
// Waits for the oldest: its numbers, bf16 and f16 as float32.
bool reads_take(Reads *reads, void *out, Error *err);
void reads_forget(Reads *reads); // what was asked for and not taken
void reads_close(Reads *reads);  // NULL is allowed
