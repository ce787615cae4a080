// bf16.c: states computed in bf16 are off from transformers in float32 by at most a little more than transformers' own
// forward in bf16 is. A device that computes in float32 must be far nearer; there the fixture itself is tested.
#include "parity.h"

static const double MORE = 1.2; // times the error of transformers in bf16: root mean squares over all prompts
static const double FAR = 0.01; // the same, of float32

// Of all that was compared.
static double worst;
static char worst_place[128];

typedef struct {
    Parity *parity;
    bool rounds; // the device computes in bf16
} Test;

static bool is_error(Str name) {
    return str_ends(name, STR(".error"));
}

// Of what mdx computed and the fixture's numbers, which may be every so-many-th column: the root mean square of the
// differences, as a share of the largest number.
static double error_of(const Tensor *got, const Tensor *want) {
    uint64_t width = want->shape[1], stride = got->shape[1] / width;
    const float *g = got->data, *w = want->data;
    double squares = 0, largest = 0;
    for (uint64_t i = 0; i < want->shape[0] * width; i++) {
        double off = (double)g[i / width * got->shape[1] + i % width * stride] - (double)w[i];
        squares += off * off;
        largest = fmax(largest, fabs(w[i]));
    }
    return sqrt(squares / (double)(want->shape[0] * width)) / largest;
}

static bool same_rows(const Tensor *got, const Tensor *want) {
    return got && got->dtype == DTYPE_f32 && got->rank == 2 && got->shape[0] == want->shape[0] &&
           got->shape[1] >= want->shape[1];
}

// `place`: FILE:TENSOR of the results.
static void compare_place(Test *test, Str place, const Tensor *want, double theirs) {
    Parity *parity = test->parity;
    Error err;
    size_t colon = strcspn(place.at, ":");
    Str path = path_join(parity->arena, parity->folder, str_part(place, 0, colon));
    Weights *results = weights_open_file(parity->arena, str_c(parity->arena, path), &err);
    const Tensor *got = results ? weights_find(results, str_part(place, colon + 1, place.len)) : NULL;
    double limit = test->rounds ? MORE : FAR, ratio = same_rows(got, want) ? error_of(got, want) / theirs : NAN;
    parity->compared += want->bytes / sizeof(float);
    if (!(ratio <= limit))
        parity_fail(parity, "%s is off by %.3g times what transformers in bf16 is (%.3g), at most %.3g are allowed",
                    place.at, ratio, theirs, limit);
    parity->worst = fmax(parity->worst, ratio);
    if (ratio > worst) {
        worst = ratio;
        snprintf(worst_place, sizeof worst_place, "%s on %s", place.at, parity->device);
    }
    weights_close(results);
}

static void compare_places(Test *test) {
    Parity *parity = test->parity;
    Error err;
    Weights *fixture = weights_open_file(parity->arena, parity_path(parity, ".safetensors").at, &err);
    if (!fixture) {
        parity_fail(parity, "%s", err.text);
        return;
    }
    for (size_t i = 0; i < weights_count(fixture); i++) {
        const Tensor *want = weights_at(fixture, i);
        if (is_error(want->name)) continue;
        Str place = str_copy(parity->arena, want->name);
        const Tensor *theirs = weights_find(fixture, str_format(parity->arena, "%s.error", place.at));
        MUST(theirs && want->rank == 2 && theirs->bytes == 2 * sizeof(float));
        compare_place(test, place, want, ((const float *)theirs->data)[0]);
    }
    weights_close(fixture);
}

static void bf16_on(const Case *test, const char *device) {
    Error err;
    Parity parity = {.arena = arena_open(), .name = test->name, .device = device};
    Test run = {&parity, strcmp(device, "cuda") == 0};
    Str folder = scratch_folder(parity.arena);
    Mdx *mdx = run_case(test, device, folder);
    if (mdx) {
        parity.folder = str_of(mdx_folder(mdx));
        compare_places(&run);
        if (!parity.compared) parity_fail(&parity, "nothing was compared");
    }
    printf("%s %s, strict %s: %zu numbers, at most %.4f times the error of transformers\n", test->name, device,
           test->options[3], parity.compared, parity.worst);
    fflush(stdout);
    mdx_close(mdx);
    if (!folder_remove(folder.at, &err)) parity_fail(&parity, "%s", err.text);
    arena_close(parity.arena);
}

static void pair_on(const char *device, const char *pair) {
    static const char *const stricts[] = {"on", "off"};
    Arena *arena = arena_open();
    for (size_t s = 0; s < COUNT(stricts); s++) {
        Case test = {.name = "bf16", .options = {"dtype", "bf16", "strict", stricts[s]}};
        if (pair) {
            test.name = "../../data/smollm2/bf16";
            test.options[4] = test.options[6] = "set";
            test.options[5] = str_format(arena, "base=hf(\"%s/base\")", pair).at;
            test.options[7] = str_format(arena, "tuned=hf(\"%s/tuned\")", pair).at;
        }
        bf16_on(&test, device);
    }
    arena_close(arena);
}

// What says how far something is off, on numbers of which it is known.
static void test_error(void) {
    const float want[] = {1, -8, 3, 4}, got[] = {1.5f, 99, -8, 99, 3, 99, 3.5f, 99};
    const Tensor narrow = {.rank = 2, .shape = {2, 2}, .data = want}, wide = {.rank = 2, .shape = {2, 4}, .data = got};
    CHECK(fabs(error_of(&wide, &narrow) - sqrt(0.5 / 4) / 8) < 1e-12);
    CHECK(error_of(&narrow, &narrow) == 0);
}

// The pair of examples/get-smollm2 too, where the environment variable MDX_SMOLLM2 names its folder.
int main(void) {
    const char *named = getenv("MDX_SMOLLM2");
    char *pair = named ? realpath(named, NULL) : NULL;
    test_error();
    for (size_t d = 0; d < test_devices()->count; d++) {
        const char *device = test_devices()->name[d];
        if (pair) pair_on(device, pair);
        pair_on(device, NULL);
    }
    free(pair);
    printf("at most %.4f times transformers' error in bf16 (%s)\n", worst, worst_place);
    return check_done();
}
