// merge.h: what the files of merging share.
#pragma once

#include "compiler/lower.h"

// Whether the step can be one with others; then writes what must be the same in them to `key`.
bool merge_kind(const Lowered *lowered, const Step *step, Text *key);
// The one step that does what `count` steps of one kind do: their rows in this order.
Step merge_steps(Lowered *lowered, const Step *const *steps, uint32_t count);
