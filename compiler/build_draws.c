// build_draws.c: which prompts a bootstrap draws, as tables of the plan: equal for all that is drawn from the same
// prompts with one seed, so that what is compared is compared on the same prompts.
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

uint32_t build_draws(Builder *b, uint32_t prompts, uint32_t *width) {
    *width = b->draws.count + 1;
    if (!b->draws.count) return 0;
    for (size_t i = 0; i < b->draws_tables.len; i++) {
        const DrawsTable *have = &b->draws_tables.at[i];
        if (have->draws.seed == b->draws.seed && have->draws.count == b->draws.count && have->prompts == prompts)
            return have->table;
    }
    DrawsTable made = {b->draws, prompts, draw(b, prompts)};
    list_push(b->arena, &b->draws_tables, made);
    return made.table;
}
