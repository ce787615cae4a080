// smollm2.c: a real pair of models, which examples/get-smollm2 lays out, against transformers. Skipped unless the
// environment variable MDX_SMOLLM2 names its folder: it is too large to be kept here.
#include "parity.h"

static const double NEAR = 1e-4; // of the largest logit

typedef struct {
    Parity *parity;
    const char *model;
    const float *got; // the row of logits
    uint64_t vocabulary;
    double allowed;
} LogitsRow;

static const Tensor *logits_tensor(const Parity *parity, const Weights *fixture, const char *model, const char *kind) {
    const Tensor *tensor = weights_find(fixture, str_format(parity->arena, "%s.%s", model, kind));
    MUST(tensor && tensor->rank == 2);
    return tensor;
}

static bool logit_is_near(const LogitsRow *row, uint64_t prompt, uint64_t id, double want) {
    if (parity_near(row->parity, row->got[id], want, row->allowed)) return true;
    parity_fail(row->parity, "logit %llu of %s, prompt %llu: got %.9g, want %.9g (allowed: %.2g)",
                (unsigned long long)id, row->model, (unsigned long long)prompt, row->got[id], want, row->allowed);
    return false;
}

static double logsumexp(const float *x, uint64_t count) {
    double most = -INFINITY, sum = 0;
    for (uint64_t i = 0; i < count; i++) most = fmax(most, x[i]);
    for (uint64_t i = 0; i < count; i++) sum += exp(x[i] - most);
    return most + log(sum);
}

// The largest logits, some of all, and the sum of all.
static void compare_row(LogitsRow *row, const Weights *fixture, uint64_t prompt) {
    const Tensor *ids = logits_tensor(row->parity, fixture, row->model, "top"),
                 *top = logits_tensor(row->parity, fixture, row->model, "top_logits"),
                 *every = logits_tensor(row->parity, fixture, row->model, "every"),
                 *sums = logits_tensor(row->parity, fixture, row->model, "logsumexp");
    const int32_t *id = (const int32_t *)ids->data + prompt * ids->shape[1];
    const float *value = (const float *)top->data + prompt * top->shape[1],
                *sample = (const float *)every->data + prompt * every->shape[1];
    uint64_t stride = row->vocabulary / every->shape[1];
    double sum = logsumexp(row->got, row->vocabulary), want = ((const float *)sums->data)[prompt];
    bool near = true;
    row->allowed = NEAR * fabs(value[0]);
    for (uint64_t i = 0; near && i < top->shape[1]; i++) near = logit_is_near(row, prompt, (uint64_t)id[i], value[i]);
    for (uint64_t i = 0; near && i < every->shape[1]; i++) near = logit_is_near(row, prompt, i * stride, sample[i]);
    if (!parity_near(row->parity, sum, want, row->allowed))
        parity_fail(row->parity, "log of the summed exp of the logits of %s, prompt %llu: got %.9g, want %.9g",
                    row->model, (unsigned long long)prompt, sum, want);
}

static void compare_logits_of(Parity *parity, const Weights *fixture, const char *model) {
    Error err;
    Str path =
        path_join(parity->arena, parity->folder, str_format(parity->arena, "states/%s-logits.safetensors", model));
    Weights *results = weights_open_file(parity->arena, path.at, &err);
    const Tensor *got = results ? weights_find(results, STR("states")) : NULL;
    uint64_t prompts = logits_tensor(parity, fixture, model, "top")->shape[0];
    if (!got || got->rank != 2 || got->dtype != DTYPE_f32 || got->shape[0] != prompts) {
        parity_fail(parity, "%s: not the logits of %llu prompts", path.at, (unsigned long long)prompts);
    } else {
        for (uint64_t p = 0; p < prompts; p++) {
            LogitsRow row = {parity, model, (const float *)got->data + p * got->shape[1], got->shape[1], 0};
            compare_row(&row, fixture, p);
        }
    }
    if (results) weights_close(results);
}

static void compare_logits(Parity *parity) {
    Error err;
    Weights *fixture = weights_open_file(parity->arena, TESTS "/data/smollm2/logits.safetensors", &err);
    if (!fixture) {
        parity_fail(parity, "%s", err.text);
        return;
    }
    compare_logits_of(parity, fixture, "base");
    compare_logits_of(parity, fixture, "tuned");
    weights_close(fixture);
}

// ---- The case

static const char *model_setting(Arena *arena, const char *pair, const char *model) {
    return str_format(arena, "%s=hf(\"%s/%s\")", model, pair, model).at;
}

static void pair_on(const char *pair, const char *device) {
    Error err;
    Parity parity = {.arena = arena_open(), .name = "../../data/smollm2/smollm2", .device = device};
    const Case test = {.name = parity.name,
                       .options = {"set", model_setting(parity.arena, pair, "base"), //
                                   "set", model_setting(parity.arena, pair, "tuned")}};
    Str folder = scratch_folder(parity.arena);
    double begin = cpu_seconds();
    Mdx *mdx = run_case(&test, device, folder);
    double seconds = cpu_seconds() - begin;
    if (mdx) {
        compare_all(&parity, mdx);
        compare_logits(&parity);
    }
    printf("smollm2 %s: %zu numbers, the worst at %.3f of what is allowed, %.1f s\n", device, parity.compared,
           parity.worst, seconds);
    fflush(stdout);
    mdx_close(mdx);
    if (!folder_remove(folder.at, &err)) parity_fail(&parity, "%s", err.text);
    arena_close(parity.arena);
}

int main(void) {
    const char *named = getenv("MDX_SMOLLM2");
    char *pair = named ? realpath(named, NULL) : NULL;
    Arena *arena = arena_open();
    bool here = pair && file_exists(str_format(arena, "%s/base/config.json", pair).at) &&
                file_exists(str_format(arena, "%s/tuned/config.json", pair).at);
    if (!here) printf("skipped: MDX_SMOLLM2 does not name the folder that examples/get-smollm2 wrote\n");
    for (size_t d = 0; here && d < test_devices()->count; d++) pair_on(pair, test_devices()->name[d]);
    free(pair);
    arena_close(arena);
    return here ? check_done() : 77;
}
