// explain.c: what mdx explain says of an experiment is what a run does: equal integers, whatever passes are left out.
//
// The one side counts rows of the graph before anything is lowered (and, of logits, rows of the plan's steps), the
// other the steps that a device ran.
#include <stdlib.h>

#include "check.h"
#include "mdx/file.h"
#include "mdx/json.h"
#include "mdx/mdx.h"

static Arena *arena;
static char folder[] = "/tmp/mdx-explain-XXXXXX";

static const char head[] =
    "model base = hf(\"models/steppe/base\")\nmodel tuned = hf(\"models/steppe/tuned\")\n"
    "prompts val = jsonl(\"prompts/val.jsonl\", text: \"text\", chat: true, limit: 2)\nrun clean = tuned on val\n";

// A patch with alphas; a grid of layers, sites and positions with two patches and a fit; heads, keys and a source that
// ends early; a text that is appended; states that are kept, logits that are written.
static const char *const specs[] = {
    "hook h = layers[3].attn_out @ end\nsweep alpha in [0.5, 1, 2]\npatch p = h <- alpha * base.h\nrun patched = tuned "
    "on val with p\n"
    "metric m = mean(kl(patched, clean))\nmetric e = mean(entropy(clean))\nreport table(alpha, m, e)\n",

    "hook h = layers[layer].site @ where\nsweep layer in [1, 4]\nsweep site in [mlp_out, resid_post]\nsweep where in "
    "[end, first(2)]\n"
    "sweep alpha in [0.5, 1]\nsweep beta in [0, 1]\nprompts train = jsonl(\"prompts/train.jsonl\", text: \"text\", "
    "limit: 2)\nmapper M = procrustes() from base.h to tuned.h on train\npatch p = h <- alpha * M(base.h)\n"
    "patch b = layers[2].mlp_out @ last(2) <- beta * it\nrun both = tuned on val with p, b\nrun only = tuned on val "
    "with p\n"
    "metric m = mean(kl(both, only))\nmetric r = mean(rank(only, \"a\"))\nreport table(layer, site, where, alpha, "
    "beta, m)\n"
    "report table(layer, site, where, alpha, r)\n",

    "patch k = layers[1].k.heads[0] @ [3] <- 0.5 * it\npatch z = layers[2].z.heads[1] @ last <- "
    "base.layers[2].z.heads[1] @ last\n"
    "run patched = tuned on val with k, z\nmetric m = mean(logp(patched, \" of\"))\nmetric a = mean(logp(clean, \" "
    "of\"))\nreport table(m, a)\n",

    "sweep alpha in [1, 2]\npatch p = logits @ end <- alpha * it\nrun patched = tuned on val with p\nmetric m = "
    "mean(kl(patched, clean, at: all))\n"
    "report table(alpha, m)\nreport states(base.layers[4].z @ end, on: val)\nreport states(patched.layers[1].mlp_act @ "
    "all, as: \"act\")\n"};

typedef struct {
    const char *name, *value;
} Setting;

typedef struct {
    double token_layers, rows, flop;
} Counts;

static Counts counts_of(const cJSON *object, const char *key) {
    const cJSON *cost = json_member(object, key);
    CHECK(cost);
    if (!cost) return (Counts){0};
    return (Counts){json_member(cost, "token_layers")->valuedouble, json_member(cost, "unembedding_rows")->valuedouble,
                    json_member(cost, "gemm_flop")->valuedouble};
}

static bool same(Counts a, Counts b) {
    return a.token_layers == b.token_layers && a.rows == b.rows && a.flop == b.flop;
}

// Planned, by mdx_explain, and executed, by the manifest of the run that follows.
static bool both(const char *spec, const char *device, Setting a, Setting b, Counts *planned, Counts *executed) {
    Mdx *mdx = mdx_open();
    Error err;
    Str text = str_format(arena, "%s%s", head, spec);
    bool ok = mdx_option(mdx, "device", device) && mdx_option(mdx, "out", folder) &&
              (!a.name || mdx_option(mdx, a.name, a.value)) && (!b.name || mdx_option(mdx, b.name, b.value)) &&
              mdx_read_text(mdx, REPO "/examples/law.mdx", text.at, text.len);
    const char *json = ok ? mdx_explain(mdx, true) : NULL;
    cJSON *explained = json ? json_parse("explain", str_of(json), &err) : NULL;
    ok = explained && mdx_run(mdx);
    cJSON *manifest = ok ? json_read(str_format(arena, "%s/manifest.json", mdx_folder(mdx)).at, 1 << 24, &err) : NULL;
    if (manifest) {
        *planned = counts_of(explained, "planned");
        *executed = counts_of(manifest, "executed");
    } else {
        fprintf(stderr, "%s\n%s", text.at, mdx_messages(mdx));
    }
    cJSON_Delete(explained);
    cJSON_Delete(manifest);
    mdx_close(mdx);
    return manifest != NULL;
}

static void agree(size_t spec, const char *device, Setting a, Setting b) {
    Counts planned = {0}, executed = {0};
    bool ok = both(specs[spec], device, a, b, &planned, &executed);
    CHECK(ok);
    if (ok && !same(planned, executed))
        fprintf(stderr,
                "spec %zu on %s, %s=%s: planned %.0f token-layers, %.0f rows, %.0f FLOP; executed %.0f, %.0f, %.0f\n",
                spec, device, a.name ? a.name : "-", a.value ? a.value : "-", planned.token_layers, planned.rows,
                planned.flop, executed.token_layers, executed.rows, executed.flop);
    CHECK(!ok || (same(planned, executed) && planned.token_layers > 0 && planned.rows > 0));
}

// With any of the passes that change how much is computed left out: every set of them, or none, each and all.
static void in_any_way(size_t spec, const char *device, bool every) {
    static const char *const passes[] = {"slice", "batch", "prune", "axes", "share"};
    for (unsigned set = 0; set < 1u << COUNT(passes); set++) {
        bool some = set & (set - 1) && set + 1 < 1u << COUNT(passes);
        if (some && !every) continue;
        Text list = text_open(arena);
        for (size_t i = 0; i < COUNT(passes); i++)
            if (set >> i & 1) text_add(&list, "%s%s", list.len ? "," : "", passes[i]);
        agree(spec, device, (Setting){"disable", list.at}, (Setting){0});
    }
    static const Setting ways[] = {{"disable", "fuse"},   {"disable", "all"},    {"disable", "fold"},
                                   {"batch-points", "1"}, {"batch-points", "0"}, {"micro-batches", "2"}};
    for (size_t i = 0; i < COUNT(ways); i++) {
        agree(spec, device, ways[i], (Setting){0});
        if (every) agree(spec, device, ways[i], (Setting){"set", "val.limit=1"});
    }
}

// A clean run that is read at the end: all layers but the last over all tokens, the last and the unembedding over one
// token of each prompt; FLOPs by the shapes of the model.
static void known_numbers(void) {
    enum { LAYERS = 6, PROMPTS = 2 };
    static const char spec[] = "metric m = mean(entropy(clean))\nreport table(m)\n";
    const double layer = 128. * (128 + 64 + 64) + 128. * 128 + 3 * 128. * 352, keys = 128. * (64 + 64),
                 vocabulary = 128. * 2560;
    Mdx *mdx = mdx_open();
    Error err;
    Str text = str_format(arena, "%s%s", head, spec);
    CHECK(mdx_read_text(mdx, REPO "/examples/law.mdx", text.at, text.len));
    cJSON *explained = json_parse("explain", str_of(mdx_explain(mdx, true)), &err);
    CHECK(explained);
    const cJSON *run = cJSON_GetArrayItem(json_member(explained, "runs"), 0);
    double tokens = json_member(run, "tokens")->valuedouble;
    Counts naive = counts_of(explained, "naive"), planned = counts_of(explained, "planned");
    CHECK(tokens > 2 * PROMPTS);
    CHECK(naive.token_layers == LAYERS * tokens && naive.rows == PROMPTS);
    CHECK(naive.flop == 2 * (LAYERS * tokens * layer + PROMPTS * vocabulary));
    CHECK(planned.token_layers == (LAYERS - 1) * tokens + PROMPTS && planned.rows == PROMPTS);
    CHECK(planned.flop ==
          2 * ((LAYERS - 1) * tokens * layer + tokens * keys + PROMPTS * (layer - keys) + PROMPTS * vocabulary));
    cJSON_Delete(explained);
    mdx_close(mdx);
}

int main(void) {
    Error err;
    arena = arena_open();
    CHECK(mkdtemp(folder));
    known_numbers();
    for (size_t i = 0; i < COUNT(specs); i++) {
        in_any_way(i, "ref", i == 0);
        in_any_way(i, "cpu", true);
    }
    CHECK(folder_remove(folder, &err));
    arena_close(arena);
    return check_done();
}
