// site.c: facts about sites.
#include "compiler/site.h"

#define MODEL    PER_MODEL
#define LAYER    PER_LAYER
#define HEADS    true
#define NO_HEADS false
const SiteInfo site_info[SITE_COUNT] = {
#define MDX_SITE(name, per, width, heads, what) [SITE_##name] = {#name, per, WIDTH_##width, heads, what},
#include "compiler/site.def"
};
#undef MODEL
#undef LAYER

bool site_named(Str name, SiteId *out) {
    for (int i = 0; i < SITE_COUNT; i++) {
        if (!str_is(name, site_info[i].name)) continue;
        *out = (SiteId)i;
        return true;
    }
    return false;
}

bool site_offered(const Model *model, SiteId site) {
    return !(model->arch->lacks >> site & 1);
}

uint32_t site_width(const Model *model, SiteId site) {
    switch (site_info[site].width) {
    case WIDTH_D: return model->d;
    case WIDTH_Q: return model->heads * model->d_head;
    case WIDTH_KV: return model->kv_heads * model->d_head;
    case WIDTH_FFN: return model->ffn;
    case WIDTH_VOCAB: return model->vocab;
    case WIDTH_T: return 0;
    }
    BUG("no such width");
}

uint32_t site_heads(const Model *model, SiteId site) {
    if (!site_info[site].heads) return 0;
    return site_info[site].width == WIDTH_KV ? model->kv_heads : model->heads;
}

void site_canonical(SiteId *site, uint32_t *layer) {
    if (*site != SITE_resid_pre) return;
    *site = *layer ? SITE_resid_post : SITE_embed;
    *layer = *layer ? *layer - 1 : 0;
}

void sites_print(const Model *model, Text *out) {
    text_add(out, "%s: %u layers, d %u, %u heads of %u, %u KV heads, ffn %u, vocabulary %u\n\n", model->arch->class,
             model->layers, model->d, model->heads, model->d_head, model->kv_heads, model->ffn, model->vocab);
    text_add(out, "%-24s %-8s %-10s %s\n", "site", "width", "heads", "what it is");
    for (int i = 0; i < SITE_COUNT; i++) {
        const SiteInfo *info = &site_info[i];
        if (!site_offered(model, (SiteId)i)) continue;
        Str name = str_format(out->arena, info->per == PER_LAYER ? "layers[0..%u].%s" : "%.0u%s",
                              info->per == PER_LAYER ? model->layers - 1 : 0, info->name);
        uint32_t heads = site_heads(model, (SiteId)i);
        Str shape = heads ? str_format(out->arena, "%u x %u", heads, model->d_head) : STR("-");
        text_add(out, "%-24s %-8u %-10s %s\n", name.at, site_width(model, (SiteId)i), shape.at, info->what);
    }
}
