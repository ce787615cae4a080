// site.h: the table of sites, and their shapes in a model.
#pragma once

#include "compiler/model.h"

typedef enum {
#define MDX_SITE(name, per, width, heads, what) SITE_##name,
#include "compiler/site.def"
    SITE_COUNT
} SiteId;

typedef enum { PER_MODEL, PER_LAYER } SitePer;
typedef enum { WIDTH_D, WIDTH_Q, WIDTH_KV, WIDTH_FFN, WIDTH_VOCAB, WIDTH_T } SiteWidth;

typedef struct {
    const char *name;
    SitePer per;
    SiteWidth width;
    bool heads;
    const char *what;
} SiteInfo;
extern const SiteInfo site_info[SITE_COUNT];

bool site_named(Str name, SiteId *out);
bool site_offered(const Model *model, SiteId site); // by the model's architecture
uint32_t site_width(const Model *model, SiteId site);
uint32_t site_heads(const Model *model, SiteId site); // 0 when it has none

// The site under which a tensor with two names is kept: resid_pre is the resid_post below, or embed.
void site_canonical(SiteId *site, uint32_t *layer);

// The table of a model's sites with their shapes, for `mdx sites`.
void sites_print(const Model *model, Text *out);
