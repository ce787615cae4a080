// fit_memo.c: what a fit leaves for the next one of the plan. Values of a plan are written once a run, and no fit depends
// on what a rerun changes: steps with the same inputs see the same rows.
#include "runtime/fit_memo.h"

static bool same_rows(const Step *a, const Step *b, int i) {
    if (a->in[i] != b->in[i]) return false;
    if (a->map[i] == b->map[i]) return true;
    return a->map[i] && b->map[i] && memcmp(a->map[i], b->map[i], a->rows * sizeof *a->map[i]) == 0;
}

// Whether the parts of a are those of b: all but the rank and the scale is the same.
static bool same_parts(const Step *a, const Step *b) {
    const Attr *p = &a->attr, *q = &b->attr;
    bool same = p->procrustes.whiten == q->procrustes.whiten && p->procrustes.complete == q->procrustes.complete &&
                p->procrustes.shrink == q->procrustes.shrink && p->procrustes.floor == q->procrustes.floor;
    return same && a->rows == b->rows && same_rows(a, b, 0) && same_rows(a, b, 1);
}

const Step *fit_heir(const Plan *plan, const Step *step) {
    for (const Step *next = step + 1; next < plan->steps + plan->step_count; next++)
        if (next->op == OP_fit_procrustes) return same_parts(step, next) ? next : NULL;
    return NULL;
}

const ProcrustesParts *fit_memo_find(const FitMemo *memo, const Step *step) {
    return memo->step == step ? memo->parts : NULL;
}

Arena *fit_memo_renew(FitMemo *memo) {
    fit_memo_drop(memo);
    return memo->arena = arena_open();
}

void fit_memo_pass(FitMemo *memo, const Plan *plan, const Step *step, const ProcrustesParts *parts) {
    memo->step = parts ? fit_heir(plan, step) : NULL;
    memo->parts = parts;
    if (!memo->step) fit_memo_drop(memo);
}

void fit_memo_drop(FitMemo *memo) {
    if (memo->arena) arena_close(memo->arena);
    *memo = (FitMemo){0};
}
