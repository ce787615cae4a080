// explain.c: mdx_explain: what an experiment will cost, from its text, config.json and the prompts; and what a run did.
#include "api/session.h"

static ExplainOptions options_of(Mdx *mdx) {
    uint32_t *bytes = arena_many(mdx->arena, uint32_t, mdx->exp->models.len + 1);
    for (size_t i = 0; i < mdx->exp->models.len; i++) bytes[i] = dtype_info[mdx->weights[i]].bytes;
    return (ExplainOptions){.slices = !session_disabled(mdx, "slice"),
                            .merges = !mdx->apart && !session_disabled(mdx, "batch"),
                            .fuses = mdx->device->fuses && !session_disabled(mdx, "fuse"),
                            .weight_bytes = bytes,
                            .device = mdx->device->name,
                            .parts = mdx->parts,
                            .device_bytes =
                                mdx->device->fixed_bytes ? mdx->device->fixed_bytes(&mdx->device_options) : 0};
}

const char *mdx_explain(Mdx *mdx, bool json) {
    Error err;
    Explanation explanation;
    Text out = text_open(mdx->arena);
    if (mdx->exp && !mdx->exp->reports.len) {
        session_refuse(mdx, "the spec reports nothing; add report table(METRIC, ...)");
        return NULL;
    }
    bool planned = session_plan(mdx, &err);
    const ExplainOptions options = planned ? options_of(mdx) : (ExplainOptions){0};
    if (!planned || !explain(&mdx->graph, &mdx->plan, &options, &explanation, &err)) {
        session_failed(mdx, &err);
        return NULL;
    }
    (json ? explain_json : explain_print)(&explanation, &out);
    return out.at;
}

Cost session_executed(const Mdx *mdx) {
    Products products = products_find(mdx->tables);
    Cost cost = {0};
    for (size_t i = 0; i < mdx->plan.value_count; i++) {
        const Value *value = &mdx->plan.values[i];
        const Product *product = value->place == IN_FILE ? product_of(&products, value->file, value->tensor) : NULL;
        if (product && mdx->results.product_rows) cost_add(&cost, product, mdx->results.product_rows[i]);
    }
    return cost;
}
