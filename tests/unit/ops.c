// ops.c: every operation on every device against ref: sizes around the edges of blocks, rows through maps, weights of
// every type. A new op needs a case.
#include "ops_attention.h"
#include "ops_fits.h"
#include "ops_metrics.h"
#include "ops_rows.h"

// Leaves are data: every other case reads some.
#define CASES_LEAF(name)
#define CASES_ROWWISE(name)   cases_##name();
#define CASES_ATTENTION(name) cases_##name();
#define CASES_ROWS(name)      cases_##name();
#define CASES_PROMPT(name)    cases_##name();
#define CASES_POINT(name)     cases_##name();
#define CASES_MATRIX(name)    cases_##name();

int main(void) {
    Arena *arena = arena_open();
    if (open_devices(arena)) {
#define MDX_OP(name, inputs, rows, what) CASES_##rows(name)
#include "mdx/op.def"
    }
    close_devices();
    arena_close(arena);
    return check_done();
}
