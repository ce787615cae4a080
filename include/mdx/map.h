// map.h: maps of rows: map[r] is the row of another value that row r reads; NULL: row r.
#pragma once

#include "mdx/base.h"

// Whether `count` rows read rows that stand one behind another. NULL, and no rows at all, do.
bool rows_are_run(const uint32_t *map, uint64_t count);

// How many different rows the rows from `first` on, `count` of them, read. `rows` [count] are these, each once, in the
// order in which they first come; index [count] is which of them each row reads. Both may be NULL.
uint32_t rows_distinct(const uint32_t *map, uint64_t first, uint64_t count, uint32_t *rows, uint32_t *index);

// Copies rows of `bytes` that lie `step` bytes apart to where they lie one behind another; `to` may be `from`.
void rows_pack(const void *from, uint64_t rows, size_t bytes, size_t step, void *to);
