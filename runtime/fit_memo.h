// fit_memo.h: what a fit leaves for the next one of the plan, when that is fitted on the same rows: a sweep of ranks
// decomposes once.
#pragma once

#include "mdx/plan.h"
#include "runtime/fit.h"

typedef struct {
    const Step *step; // that goes on from the parts; NULL: none does
    Arena *arena;     // of the parts
    const ProcrustesParts *parts;
} FitMemo;

// The next Procrustes fit of the plan, if it goes on from the parts of the step, which is one; else NULL.
const Step *fit_heir(const Plan *plan, const Step *step);
// What is left for a step, or NULL.
const ProcrustesParts *fit_memo_find(const FitMemo *memo, const Step *step);
// Where the parts of another fit may be made; what was left is dropped.
Arena *fit_memo_renew(FitMemo *memo);
// Leaves the parts that were found, or made in the memo's arena, for the next fit of the plan, or drops them.
void fit_memo_pass(FitMemo *memo, const Plan *plan, const Step *step, const ProcrustesParts *parts);
void fit_memo_drop(FitMemo *memo);
