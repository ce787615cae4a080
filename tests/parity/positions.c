// positions.c: states at positions that a sweep varies are refused with a word, or are those of each position alone.
#include "parity.h"

static const char *const words[] = {"end", "first(2)", "all", "[3]"};

static Weights *states_of(const Parity *parity, const Mdx *mdx) {
    Error err;
    Str path = path_join(parity->arena, str_of(mdx_folder(mdx)), STR("states/swept.safetensors"));
    Weights *weights = weights_open_file(parity->arena, path.at, &err);
    MUST(weights);
    return weights;
}

static void compare_word(const Parity *parity, const char *word, const Weights *together, Str folder) {
    const Case alone = {.name = "positions", .options = {"set", str_format(parity->arena, "at=[%s]", word).at}};
    Mdx *mdx = run_case(&alone, parity->device, folder);
    if (!mdx) return;
    Weights *states = states_of(parity, mdx);
    Str name = str_format(parity->arena, "at=%s", word);
    const Tensor *got = weights_find(together, name), *want = weights_find(states, name);
    if (!got || !want || got->bytes != want->bytes || memcmp(got->data, want->data, got->bytes) != 0)
        parity_fail(parity, "the states at %s are others than those of %s alone", word, word);
    weights_close(states);
    mdx_close(mdx);
}

static void positions_on(const char *device) {
    Error err;
    Parity parity = {.arena = arena_open(), .name = "positions", .device = device};
    Str folder = scratch_folder(parity.arena);
    const Case swept = {.name = "positions"};
    Mdx *mdx = mdx_open();
    if (set_options(mdx, &swept, device, folder) && mdx_read(mdx, TESTS "/parity/cases/positions.mdx") &&
        mdx_run(mdx)) {
        Weights *together = states_of(&parity, mdx);
        for (size_t i = 0; i < COUNT(words); i++) compare_word(&parity, words[i], together, folder);
        weights_close(together);
    } else {
        CHECK(strstr(mdx_messages(mdx), "error: "));
    }
    mdx_close(mdx);
    if (!folder_remove(folder.at, &err)) parity_fail(&parity, "%s", err.text);
    arena_close(parity.arena);
}

int main(void) {
    for (size_t d = 0; d < test_devices()->count; d++) positions_on(test_devices()->name[d]);
    return check_done();
}
