// products.c: which products a plan has, and of which shape.
#include "runtime/products.h"
#include "mdx/map.h"

double product_flops(const PlanProduct *product) {
    return 2.0 * (double)product->rows * product->in * product->out;
}

static void add_logits(const Plan *plan, uint32_t number, Arena *arena, PlanProducts *out) {
    const Step *step = &plan->steps[number];
    for (uint32_t i = 0; i < step->logits->source_count; i++) {
        const LogitsSource *source = &step->logits->sources[i];
        if (source->weight == NO_VALUE) continue;
        PlanProduct product = {number,
                               rows_distinct(source->map, 0, step->rows, NULL, NULL),
                               plan->values[source->x].width,
                               step->logits->vocab,
                               source->weight,
                               false};
        list_push(arena, out, product);
    }
}

PlanProducts plan_products(const Plan *plan, Arena *arena) {
    PlanProducts out = {0};
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const Step *step = &plan->steps[i];
        if (!step->rows) continue;
        if (step->logits) {
            add_logits(plan, i, arena, &out);
        } else if (step_is_product(step)) {
            PlanProduct one = {i,
                               step->rows,
                               plan->values[step->in[0]].width,
                               plan->values[step->out].width,
                               step->in[1],
                               step->op == OP_product};
            list_push(arena, &out, one);
        }
    }
    return out;
}
