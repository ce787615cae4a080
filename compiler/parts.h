// parts.h: values that are rows of another value (Value.base).
#pragma once

#include "compiler/lower.h"

typedef struct {
    uint32_t value;
    uint64_t row;
} Spot;

// Where row 0 of the value lies: the whole of its width that it is rows of, or itself, and the row of that. A whole may
// be columns of a wider one.
Spot parts_whole(const Lowered *lowered, uint32_t value);
// A new value of so many rows, `like` another in width, type and whether it varies.
uint32_t parts_new(Lowered *lowered, const Value *like, uint64_t rows);
// From now on the value is the rows of `base` from `row` on.
void parts_put(Lowered *lowered, uint32_t value, uint32_t base, uint64_t row);
// These rows of a value as a value; itself when they are all.
uint32_t parts_rows(Lowered *lowered, uint32_t value, uint64_t row, uint64_t rows);
