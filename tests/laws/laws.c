// laws.c: experiments that must agree with each other, bit for bit, on every device.
//
// Results are compared as text: numbers in results.json are the shortest that read back as the same bits.
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "devices.h"
#include "mdx/file.h"
#include "mdx/mdx.h"

static const char *device;
static Arena *arena;

static const char head[] = "model base = hf(\"models/steppe/base\")\n"
                           "model tuned = hf(\"models/steppe/tuned\")\n"
                           "prompts val = jsonl(\"prompts/val.jsonl\", text: \"text\", chat: true, limit: 2)\n"
                           "run clean = tuned on val\n";

typedef struct {
    const char *name, *value;
} Setting;

// What the spec (behind `head`) gives under up to two settings, as JSON; NULL after a message.
static const char *run(const char *spec, Setting a, Setting b) {
    Mdx *mdx = mdx_open();
    Str text = str_format(arena, "%s%s", head, spec);
    bool ok = mdx_option(mdx, "device", device) && mdx_option(mdx, "strict", "on") && mdx_option(mdx, "dtype", "f32") && mdx_option(mdx, "write", "off") && mdx_option(mdx, "verify", "on");
    ok = ok && (!a.name || mdx_option(mdx, a.name, a.value)) && (!b.name || mdx_option(mdx, b.name, b.value));
    ok = ok && mdx_read_text(mdx, REPO "/examples/law.mdx", text.at, text.len) && mdx_run(mdx);
    const char *json = ok ? str_copy(arena, str_of(mdx_json(mdx))).at : NULL;
    if (!ok) fprintf(stderr, "%s\n%s", text.at, mdx_messages(mdx));
    mdx_close(mdx);
    check_failures += !ok;
    return json;
}

static const Setting none = {NULL, NULL};

// The value of the only point of a metric.
static double value_of(const char *spec, const char *metric, Setting a) {
    Mdx *mdx = mdx_open();
    Str text = str_format(arena, "%s%s", head, spec);
    double value = -1;
    mdx_option(mdx, "device", device);
    mdx_option(mdx, "strict", "on");
    mdx_option(mdx, "dtype", "f32");
    mdx_option(mdx, "write", "off");
    if (a.name) mdx_option(mdx, a.name, a.value);
    bool ok = mdx_read_text(mdx, REPO "/examples/law.mdx", text.at, text.len) && mdx_run(mdx) && mdx_value(mdx, metric, 0, &value);
    if (!ok) fprintf(stderr, "%s\n%s", text.at, mdx_messages(mdx));
    mdx_close(mdx);
    CHECK(ok);
    return value;
}

static const char *const layer_sites[] = {"resid_pre", "q_pre",     "k_pre",   "q",       "k",          "v",
                                          "z",         "attn_out",  "mlp_act", "mlp_out", "resid_post", "resid_mid",
                                          "z.heads[1]", "k.heads[0]", "q.heads[0, 3]"};

// "layers[2].z", or the name of a site that the model has once.
static Str place_of(uint32_t i, uint32_t layer) {
    if (i < COUNT(layer_sites)) return str_format(arena, "layers[%u].%s", layer, layer_sites[i]);
    static const char *const model_sites[] = {"embed", "final_norm", "logits"};
    return str_of(model_sites[i - COUNT(layer_sites)]);
}

enum { PLACES = COUNT(layer_sites) + 3 };

static const char *const positions[] = {"end", "first(2)", "all", "[3]"};

// Writing the place's own clean value, or it + 0 x, is no change: not of one bit of any logit. With fold off the
// write is really made.
static void no_change(const char *what, const char *value) {
    static const Setting folds[] = {{NULL, NULL}, {"disable", "fold"}};
    for (uint32_t i = 0; i < PLACES; i++) {
        for (size_t f = 0; f < COUNT(folds); f++) {
            const char *at = positions[(i + f) % COUNT(positions)];
            Str place = place_of(i, i % 6);
            Str spec = str_format(arena,
                                  "hook h = %s @ %s\nsweep alpha in [0]\npatch p = h <- %s\nrun patched = tuned on val with p\n"
                                  "metric m = max(kl(patched, clean, at: all))\nreport table(alpha, m)\n",
                                  place.at, at, value);
            double m = value_of(spec.at, "m", folds[f]);
            if (m != 0) fprintf(stderr, "%s at %s @ %s%s: KL %g\n", what, place.at, at, f ? ", not folded" : "", m);
            CHECK(m == 0);
        }
    }
}

// Whatever is read beside it, a number stays the same.
static void hooks_change_nothing(void) {
    static const char spec[] = "hook h = layers[4].attn_out @ end\npatch p = h <- 0.7 * base.h\nrun patched = tuned on val with p\n"
                               "metric m = mean(kl(patched, clean))\nreport table(m)\n";
    double plain = value_of(spec, "m", none);
    CHECK(plain > 0.1);
    for (uint32_t i = 0; i < PLACES; i++) {
        Str more = str_format(arena, "%sreport states(patched.%s @ all)\nreport states(base.%s @ end, on: val, as: \"b\")\n", spec, place_of(i, i % 6).at, place_of(i, 5).at);
        CHECK(value_of(more.at, "m", none) == plain);
    }
}

static const char sweep_spec[] = "hook h = layers[layer].site @ where\nsweep layer in [1, 4]\nsweep site in [attn_out, resid_post]\n"
                                 "sweep where in [end, first(2)]\nsweep alpha in [0, 0.5, 1]\n"
                                 "patch p = h <- it + alpha * (M(base.h) - it)\nmapper M = procrustes(scale: true) from base.h to tuned.h on val\n"
                                 "run patched = tuned on val with p\n"
                                 "metric m = mean(kl(patched, clean))\nmetric s = std(entropy(patched)) * alpha\n"
                                 "metric c = bootstrap(cka(patched.layers[5].z @ all, clean.layers[5].z @ all, debiased: true) / 2, n: 20)\n"
                                 "metric r = correlation(entropy(patched, at: all), entropy(clean, at: all))\n"
                                 "report table(layer, site, where, alpha, m, s, c, r)\n";

// Passes save work; they change no bit. Neither does how many points are computed together.
static void same_in_any_way(void) {
    const char *plain = run(sweep_spec, none, none);
    static const Setting ways[] = {{"disable", "axes"},  {"disable", "fold"},   {"disable", "prune"},
                                   {"disable", "share"}, {"disable", "slice"},  {"disable", "batch"},
                                   {"disable", "axes,fold,prune,share"}, {"disable", "slice,batch"},
                                   {"disable", "axes,fold,slice,prune,share,batch"},
                                   {"batch-points", "0"}, {"batch-points", "2"}, {"micro-batches", "2"},
                                   {"threads", "1"},     {"threads", "2"},      {"threads", "5"}};
    for (size_t i = 0; i < COUNT(ways); i++) {
        const char *other = run(sweep_spec, ways[i], none);
        bool same = plain && other && strcmp(plain, other) == 0;
        if (!same) fprintf(stderr, "--%s=%s changes the results\n", ways[i].name, ways[i].value);
        CHECK(same);
    }
    const char *both = run(sweep_spec, (Setting){"disable", "axes,prune"}, (Setting){"batch-points", "0"});
    CHECK(plain && both && strcmp(plain, both) == 0);
    const char *cut = run(sweep_spec, (Setting){"micro-batches", "2"}, (Setting){"batch-points", "0"});
    CHECK(plain && cut && strcmp(plain, cut) == 0);
}

// Without row kernels the same operations run one by one, with sums in float64: near, not the same.
static void fused_is_near(void) {
    static const char spec[] = "sweep site in [attn_out, z, q, resid_post]\npatch p = layers[2].site @ end <- 0.5 * it\nrun patched = tuned on val with p\n"
                               "metric k = mean(kl(patched, clean))\nmetric l = mean(logp(patched, \" of\"))\nmetric m = mean(margin(patched))\n"
                               "metric e = mean(entropy(patched))\nmetric r = mean(rank(patched, \"a\"))\nmetric a = mean(argmax(patched))\n"
                               "report table(site, k, l, m, e, r, a)\n";
    static const char *const metrics[] = {"k", "l", "m", "e", "r", "a"};
    for (size_t i = 0; i < COUNT(metrics); i++) {
        double fused = value_of(spec, metrics[i], none), apart = value_of(spec, metrics[i], (Setting){"disable", "fuse"});
        if (!(fabs(fused - apart) <= 1e-4 * fmax(1, fabs(apart)))) fprintf(stderr, "%s on %s: %.9g fused, %.9g not\n", metrics[i], device, fused, apart);
        CHECK(fabs(fused - apart) <= 1e-4 * fmax(1, fabs(apart)));
    }
}

// Heads of 8 numbers written beside keys that are turned in halves of 16: blocks of columns of two sizes.
static void heads_of_two_sizes(void) {
    static const char spec[] = "model other = hf(\"../tests/data/models/stories260K\")\nprompts some = jsonl(\"prompts/val.jsonl\", text: \"text\", limit: 2)\n"
                               "patch keys = layers[1].q_pre @ end <- -base.layers[1].k @ first(1)\n"
                               "patch one = layers[1].q_pre.heads[1] @ end <- 2\nrun patched = other on some with keys, one\n"
                               "hook h = layers[1].q_pre @ end\nmetric m = mean(norm_ratio(patched.h, other.h, on: some))\n"
                               "metric k = mean(norm_ratio(base.layers[1].k @ first(1), base.layers[1].k_pre @ first(1), on: some))\n"
                               "metric e = mean(entropy(patched))\nreport table(m, k, e)\n";
    static const char *const metrics[] = {"m", "k", "e"};
    for (size_t i = 0; i < COUNT(metrics); i++) {
        double fused = value_of(spec, metrics[i], none), apart = value_of(spec, metrics[i], (Setting){"disable", "fuse"});
        if (!(fabs(fused - apart) <= 1e-5 * fabs(apart))) fprintf(stderr, "heads of two sizes: %s on %s: %.9g fused, %.9g not\n", metrics[i], device, fused, apart);
        CHECK(fabs(fused - apart) <= 1e-5 * fabs(apart));
    }
}

// ---- Other values of a sweep

static const char rerun_spec[] = "hook h = layers[layer].attn_out @ end\nsweep layer in [1, 4]\nsweep alpha in [0.5, 1, 2]\nsweep beta in [0, 1]\n"
                                 "patch p = h <- alpha * base.h\npatch b = layers[2].mlp_out @ last(2) <- it + beta * base.layers[2].mlp_out @ last(2)\n"
                                 "run patched = tuned on val with p, b\nrun only = tuned on val with p\n"
                                 "metric m = mean(kl(patched, clean))\nmetric o = mean(kl(only, clean))\nmetric e = mean(entropy(clean))\n"
                                 "report table(layer, alpha, beta, m)\nreport table(layer, alpha, o, e)\nreport states(patched.layers[3].z @ end, on: val, as: \"z\")\n";

static Mdx *run_kept(const char *alphas, Setting way) {
    Mdx *mdx = mdx_open();
    Str text = str_format(arena, "%s%s", head, rerun_spec);
    bool ok = mdx_option(mdx, "device", device) && mdx_option(mdx, "strict", "on") && mdx_option(mdx, "dtype", "f32") && mdx_option(mdx, "write", "off") && mdx_option(mdx, "verify", "on") && mdx_option(mdx, "keep", "on");
    ok = ok && (!alphas || mdx_option(mdx, "set", alphas)) && (!way.name || mdx_option(mdx, way.name, way.value));
    ok = ok && mdx_read_text(mdx, REPO "/examples/law.mdx", text.at, text.len) && mdx_run(mdx);
    if (!ok) fprintf(stderr, "%s", mdx_messages(mdx));
    CHECK(ok);
    return mdx;
}

// A rerun with other values is the run of a spec with these values; of a sweep of one new value, only its points change.
static void rerun(void) {
    static const Setting ways[] = {{NULL, NULL}, {"batch-points", "1"}, {"micro-batches", "2"}, {"disable", "slice"}, {"disable", "batch,fuse"}};
    static const double others[] = {0.5, 0.25, 2};
    for (size_t i = 0; i < COUNT(ways); i++) {
        Mdx *kept = run_kept(NULL, ways[i]), *fresh = run_kept("alpha=[0.5, 0.25, 2]", ways[i]);
        double before[2 * 3 * 2], after;
        CHECK(mdx_points(kept, "m") == COUNT(before));
        for (size_t p = 0; p < COUNT(before); p++) CHECK(mdx_value(kept, "m", p, &before[p]));
        CHECK(mdx_rerun(kept, "alpha", others, COUNT(others)));
        for (size_t p = 0; p < COUNT(before); p++)
            CHECK(mdx_value(kept, "m", p, &after) && (after == before[p]) == (p / 2 % 3 != 1));
        Str a = str_of(mdx_json(kept)), b = str_of(mdx_json(fresh));
        if (!str_eq(a, b)) fprintf(stderr, "a rerun under --%s=%s differs from a run\n%s\n%s\n", ways[i].name, ways[i].value, a.at, b.at);
        CHECK(str_eq(a, b));
        CHECK(!mdx_rerun(kept, "alpha", others, 2) && !mdx_rerun(kept, "layer", others, 2) && !mdx_rerun(kept, "none", others, 1));
        mdx_close(kept);
        mdx_close(fresh);
    }
}

// A prompt alone and among others: the same value.
static void one_by_one(void) {
    static const char spec[] = "hook h = layers[2].mlp_out @ last\npatch p = h <- 0.5 * it\nrun patched = tuned on val with p\n"
                               "metric m = sum(kl(patched, clean))\nmetric least = min(kl(patched, clean))\nmetric most = max(kl(patched, clean))\n"
                               "report table(m, least, most)\n";
    double least = value_of(spec, "least", none), most = value_of(spec, "most", none);
    double first = value_of(spec, "m", (Setting){"set", "val.limit=1"});
    CHECK(least < most);
    CHECK(first == least || first == most);
    CHECK(value_of(spec, "m", none) == least + most);
}

// Patching everything at layer 0 from run B gives run B; a map of the identity is no map.
static void whole_run_is_patched(void) {
    static const char spec[] = "patch half = layers[3].resid_post @ all <- 0.5 * it\nrun b = tuned on val with half\n"
                               "patch from_b = layers[3].resid_post @ all <- I(b.layers[3].resid_post @ all)\nmapper I = identity()\n"
                               "run c = tuned on val with from_b\nmetric m = max(kl(b, c, at: all))\nmetric n = min(kl(b, clean, at: all))\nreport table(m, n)\n";
    CHECK(value_of(spec, "m", none) == 0);
    CHECK(value_of(spec, "n", none) > 0);
}

// A row reads the rows before it: whatever a patch writes behind it, infinity too, and whoever computes those rows.
static void later_rows_are_not_read(void) {
    static const char *const values[] = {"2", "1 / 0", "it * 0 / 0"};
    static const char *const places[] = {"layers[0].k", "layers[0].v", "layers[0].v.heads[1]", "layers[2].resid_pre"};
    static const Setting ways[] = {{NULL, NULL}, {"disable", "slice,prune"}, {"disable", "slice,prune,batch,fuse"}};
    static const char spec[] = "sweep where in [[-1], last(5)]\npatch p = %s @ where <- %s\nrun patched = tuned on val with p\n"
                               "metric d = max(kl(patched, clean, at: [8]))\nmetric e = mean(entropy(patched, at: first(2)))\n"
                               "report table(where, d, e)\n";
    for (size_t i = 0; i < COUNT(places); i++)
        for (size_t w = 0; w < COUNT(ways); w++) {
            const char *plain = run(str_format(arena, spec, places[i], values[0]).at, ways[w], none);
            for (size_t v = 1; v < COUNT(values); v++) {
                const char *other = run(str_format(arena, spec, places[i], values[v]).at, ways[w], none);
                bool same = plain && other && strcmp(strstr(plain, "\"metrics\""), strstr(other, "\"metrics\"")) == 0;
                if (!same) fprintf(stderr, "%s <- %s behind what is read changes it on %s\n", places[i], values[v], device);
                CHECK(same);
            }
        }
}

// A norm takes the size out: 2^60 or 2^100 times a stream, whose squares no float32 holds, come to the same logits.
static void norms_take_any_size(void) {
    static const char spec[] = "sweep layer in [2, 5]\nhook h = layers[layer].resid_post @ end\n"
                               "patch large = h <- 1152921504606846976 * it\npatch huge = h <- 1267650600228229401496703205376 * it\n"
                               "run a = tuned on val with large\nrun b = tuned on val with huge\n"
                               "metric m = max(kl(a, b))\nmetric n = max(kl(b, clean))\n"
                               "report table(layer, m, n)\n";
    static const Setting layers[] = {{"set", "layer=[2]"}, {"set", "layer=[5]"}};
    for (size_t i = 0; i < COUNT(layers); i++) CHECK(value_of(spec, "m", layers[i]) == 0);
    CHECK(value_of(spec, "n", layers[0]) > 1e-3);
    CHECK(value_of(spec, "n", layers[1]) < 1e-6); // the last norm does nothing else
}

// A sweep's values are data: changing one changes the result, and only that one.
static void values_matter(void) {
    const char *a = run(sweep_spec, (Setting){"set", "alpha=[0.5]"}, none), *b = run(sweep_spec, (Setting){"set", "alpha=[0.25]"}, none);
    CHECK(a && b && strcmp(a, b) != 0);
}

// A spec that computes nothing still reports its numbers.
static void no_steps(void) {
    CHECK(value_of("metric m = 3 / 4\nreport table(m)\n", "m", none) == 0.75);
}

int main(void) {
    arena = arena_open();
    for (size_t i = 0; i < test_devices()->count; i++) {
        device = test_devices()->name[i];
        no_change("a patch with the place's own value", "it");
        no_change("a patch with the clean run's value", "clean.h");
        no_change("it + 0 x", "it + alpha * (it - 3 * clean.h)");
        hooks_change_nothing();
        same_in_any_way();
        fused_is_near();
        heads_of_two_sizes();
        one_by_one();
        rerun();
        whole_run_is_patched();
        later_rows_are_not_read();
        norms_take_any_size();
        values_matter();
        no_steps();
    }
    arena_close(arena);
    return check_done();
}
