// build_draws.c: which prompts, and values of a sweep, a bootstrap draws, as tables of the plan: equal for all that is
// drawn from the same prompts with one seed, so that what is compared is compared on the same prompts.
#include "compiler/build.h"
#include "mdx/random.h"

static uint32_t draw(Builder *b, uint32_t prompts) {
    Tables *tables = b->graph->tables;
    Random random = random_open(b->draws.seed, "bootstrap");
    uint64_t count = (uint64_t)b->draws.count * prompts;
    int32_t *drawn = arena_many(tables->arena, int32_t, count);
    for (uint64_t i = 0; i < count; i++) drawn[i] = (int32_t)random_below(&random, prompts);
    list_push(tables->arena, &tables->tables,
              ((PlanTable){.dtype = DTYPE_i32, .rows = b->draws.count, .width = prompts, .data = drawn}));
    return (uint32_t)tables->tables.len;
}

static bool same_draws(const Resampling *a, const Resampling *b) {
    return a->seed == b->seed && a->count == b->count && a->what == b->what;
}

static const DrawsTable *draws_table(Builder *b, uint32_t drawn, bool shares, uint32_t (*make)(Builder *b, uint32_t drawn)) {
    for (size_t i = 0; i < b->draws_tables.len; i++) {
        const DrawsTable *have = &b->draws_tables.at[i];
        if (same_draws(&have->draws, &b->draws) && have->drawn == drawn && have->shares == shares) return have;
    }
    DrawsTable made = {b->draws, drawn, make(b, drawn), shares};
    list_push(b->arena, &b->draws_tables, made);
    return &b->draws_tables.at[b->draws_tables.len - 1];
}

uint32_t build_draws(Builder *b, uint32_t prompts, uint32_t *width) {
    bool drawn = b->draws.count && b->draws.what != DRAW_value;
    *width = drawn ? b->draws.count + 1 : 1;
    return drawn ? draws_table(b, prompts, false, draw)->table : 0;
}

// A table for each value: its share among all, then in each draw.
static uint32_t draw_shares(Builder *b, uint32_t values) {
    Tables *tables = b->graph->tables;
    Random random = random_open(b->draws.seed, "bootstrap over a sweep");
    uint32_t columns = b->draws.count + 1, first = (uint32_t)tables->tables.len;
    double *shares = arena_many(tables->arena, double, (size_t)columns * values); // [values, columns]
    for (uint32_t v = 0; v < values; v++) shares[(size_t)v * columns] = 1.0 / values;
    for (uint32_t d = 1; d < columns; d++)
        for (uint32_t i = 0; i < values; i++) {
            uint32_t v = b->draws.what == DRAW_prompt ? i : random_below(&random, values);
            shares[(size_t)v * columns + d] += 1.0 / values;
        }
    for (uint32_t v = 0; v < values; v++)
        list_push(tables->arena, &tables->tables, ((PlanTable){.dtype = DTYPE_f64, .rows = 1, .width = columns, .data = shares + (size_t)v * columns}));
    return first;
}

Node *build_share(Builder *b, const Expr *share) {
    uint32_t values = (uint32_t)b->exp->axes.at[share->axis].count;
    Node like = {.op = OP_table, .dtype = DTYPE_f64, .width = b->draws.count + 1, .span = share->span};
    like.attr.table.table = draws_table(b, values, true, draw_shares)->table + (uint32_t)share->point;
    like.space = space_points(&b->graph->tables->spaces, 0, NULL);
    return graph_node(b->graph, like);
}
