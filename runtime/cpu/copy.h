// copy.h: how fast the memory is, for numbers that are read and written once.
#pragma once

#include "runtime/cpu/pool.h"

// Bytes a second, read and written ones together, of a copy on all threads.
bool cpu_copy_rate(Pool *pool, double *rate, Error *err);
