// algorithms.h: which algorithm of cuBLASLt was the fastest for a product, kept on disk.
#pragma once

#include "runtime/cuda/load.h"

typedef struct Algorithms Algorithms;

// Of one GPU and one version of the library. What cannot be read is searched for again.
Algorithms *algorithms_open(const char *folder, const char *gpu, uint64_t version, Arena *arena);
bool algorithms_find(const Algorithms *algorithms, Str key, LtAlgo *algo, size_t *workspace); // NULL is allowed
void algorithms_keep(Algorithms *algorithms, Str key, const LtAlgo *algo, size_t workspace);
void algorithms_close(Algorithms *algorithms); // writes what is new, beside and renamed into place; NULL is allowed
