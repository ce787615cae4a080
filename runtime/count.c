// count.c: counting the rows of products that a run made.
#include "runtime/count.h"
#include "mdx/map.h"

static void count_rows(const Plan *plan, uint32_t weight, uint64_t count, uint64_t *rows) {
    if (weight != NO_VALUE && plan->values[weight].place == IN_FILE) rows[weight] += count;
}

void count_step(const Plan *plan, const Step *step, uint64_t *rows) {
    for (uint32_t i = 0; step_is_product(step) && i < step_weight_count(step); i++)
        count_rows(plan, step_weight(step, i), step->rows, rows);
    for (uint32_t i = 0; step->logits && i < step->logits->source_count; i++) {
        const LogitsSource *source = &step->logits->sources[i];
        count_rows(plan, source->weight, rows_distinct(source->map, 0, step->rows, NULL, NULL), rows);
    }
}
