// bf16.c: how far a device is from float32 when it computes in bfloat16: at most 1.2 times as far as transformers in
// bfloat16 (tests/data/bf16). Devices that compute in float32 are hardly apart.
#include "parity.h"
#include "runtime/weights.h"

static const double MOST = 1.2, FLOAT32 = 0.01; // times transformers' own error

// Root mean square of the difference.
static double apart(const Tensor *got, const float *want, uint64_t count) {
    const float *x = got->data;
    double sum = 0;
    for (uint64_t i = 0; i < count; i++) sum += ((double)x[i] - want[i]) * ((double)x[i] - want[i]);
    return sqrt(sum / (double)count);
}

static void compare(Parity *parity, const char *what, const Tensor *got, const Tensor *want, uint64_t first, double allowed) {
    uint64_t count = got->bytes / sizeof(float);
    if (got->dtype != DTYPE_f32 || first + count > want->bytes / sizeof(float)) {
        parity_fail(parity, "%s has %llu numbers", what, (unsigned long long)count);
        return;
    }
    double error = apart(got, (const float *)want->data + first, count);
    parity->compared += count;
    parity->worst = fmax(parity->worst, error / allowed);
    if (!(error <= allowed)) parity_fail(parity, "%s is %.3g from float32, allowed: %.3g", what, error, allowed);
}

static void compare_model(Parity *parity, const char *model, const Weights *fixture, const cJSON *errors, double times) {
    static const char *const sites[] = {"logits", "resid_post"};
    for (size_t s = 0; s < COUNT(sites); s++) {
        Error err;
        const Tensor *want, *got;
        const cJSON *error = json_member(json_member(errors, model), sites[s]);
        Str path = str_format(parity->arena, "%.*s/states/%s-%s.safetensors", STR_ARG(parity->folder), model, sites[s]);
        Weights *states = weights_open_file(parity->arena, path.at, &err);
        bool ok = states && weights_get(fixture, str_format(parity->arena, "%s.%s", model, sites[s]), &want, &err);
        int layers = cJSON_IsArray(error) ? cJSON_GetArraySize(error) : 1;
        for (int l = 0; ok && l < layers; l++) {
            Str name = cJSON_IsArray(error) ? str_format(parity->arena, "layer=%d", l) : STR("states");
            const cJSON *allowed = cJSON_IsArray(error) ? cJSON_GetArrayItem(error, l) : error;
            ok = weights_get(states, name, &got, &err);
            Str what = str_format(parity->arena, "%s %s %d", model, sites[s], l);
            if (ok) compare(parity, what.at, got, want, (uint64_t)l * (got->bytes / sizeof(float)), times * allowed->valuedouble);
        }
        if (!ok) parity_fail(parity, "%s", err.text);
        if (states) weights_close(states);
    }
}

static void compare_on(const char *device) {
    Error err;
    Parity parity = {.arena = arena_open(), .name = "bf16", .device = device};
    Str folder = scratch_folder(parity.arena);
    bool shortens = strcmp(device, "cuda") == 0;
    Weights *fixture = weights_open_file(parity.arena, TESTS "/data/bf16/bf16.safetensors", &err);
    cJSON *errors = fixture ? json_read(TESTS "/data/bf16/bf16.json", 1 << 20, &err) : NULL;
    Mdx *mdx = mdx_open();
    bool ran = mdx_option(mdx, "device", device) && mdx_option(mdx, "dtype", shortens ? "bf16" : "f32") && mdx_option(mdx, "out", folder.at) &&
               mdx_read(mdx, TESTS "/data/bf16/bf16.mdx") && mdx_run(mdx);
    if (!ran || !errors) parity_fail(&parity, "%s", ran ? err.text : mdx_messages(mdx));
    parity.folder = ran ? str_of(mdx_folder(mdx)) : STR("");
    for (int m = 0; ran && errors && m < 2; m++)
        compare_model(&parity, m ? "tuned" : "base", fixture, errors, shortens ? MOST : FLOAT32);
    printf("%-20s %s: %zu numbers, the worst at %.3f of what is allowed\n", parity.name, device, parity.compared, parity.worst);
    CHECK(parity.compared > 0);
    mdx_close(mdx);
    cJSON_Delete(errors);
    if (fixture) weights_close(fixture);
    folder_remove(folder.at, &err);
    arena_close(parity.arena);
}

int main(void) {
    for (size_t d = 0; d < test_devices()->count; d++) compare_on(test_devices()->name[d]);
    return check_done();
}
