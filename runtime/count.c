// count.c: counting the rows of products that a run made.
#include <stdlib.h>

#include "runtime/count.h"

static void count_rows(const Plan *plan, uint32_t weight, uint64_t count, uint64_t *rows) {
    if (weight != NO_VALUE && plan->values[weight].place == IN_FILE) rows[weight] += count;
}

static int by_number(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static uint64_t distinct(const uint32_t *map, uint64_t count) {
    Arena *scratch = arena_open();
    uint32_t *sorted = arena_copy(scratch, map, count * sizeof *map);
    uint64_t different = count != 0;
    qsort(sorted, count, sizeof *sorted, by_number);
    for (uint64_t r = 1; r < count; r++) different += sorted[r] != sorted[r - 1];
    arena_close(scratch);
    return different;
}

void count_step(const Plan *plan, const Step *step, uint64_t *rows) {
    if (step->fused) return;
    if (!step->logits) {
        if (step->op == OP_linear || step->op == OP_product) count_rows(plan, step->in[1], step->rows, rows);
        for (uint32_t i = 1; i < step->weight_count; i++) count_rows(plan, step->weights[i], step->rows, rows);
        return;
    }
    for (uint32_t i = 0; i < step->logits->source_count; i++) {
        const LogitsSource *source = &step->logits->sources[i];
        count_rows(plan, source->weight, source->map ? distinct(source->map, step->rows) : step->rows, rows);
    }
}
