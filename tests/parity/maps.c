// maps.c: fitted maps and subspaces against numpy in float64; a map that one run wrote and another reads.
#include "parity.h"

static const char chain_file[] = "states/floored.safetensors", chain_point[] = "scale=true, rank=full, shrink=0.05";
static const char chain_map[] = "maps/floored[scale=true,rank=full,shrink=0.05].safetensors";

static bool same_states(Parity *parity, Str made, Str read) {
    Error err;
    Weights *a =
        weights_open_file(parity->arena, path_join(parity->arena, made, STR("states/floored.safetensors")).at, &err);
    Weights *b =
        weights_open_file(parity->arena, path_join(parity->arena, read, STR("states/read.safetensors")).at, &err);
    const Tensor *x = a ? weights_find(a, str_of(chain_point)) : NULL, *y = b ? weights_find(b, STR("states")) : NULL;
    bool same = x && y && x->bytes == y->bytes && memcmp(x->data, y->data, x->bytes) == 0;
    if (a) weights_close(a);
    if (b) weights_close(b);
    return same;
}

// from-file with the map of maps-many in the place of its own: the same states, bit for bit.
static void chain_on(const char *device) {
    Error err;
    Parity parity = {.arena = arena_open(), .name = "a map of maps-many in from-file", .device = device};
    Str folder = scratch_folder(parity.arena);
    const Case many = {.name = "maps-many"};
    Mdx *made = run_case(&many, device, folder);
    if (made) {
        Str path = path_join(parity.arena, str_of(mdx_folder(made)), str_of(chain_map));
        const Case reading = {.name = "from-file",
                              .options = {"set", str_format(parity.arena, "read=from_file(\"%s\")", path.at).at}};
        Mdx *read = run_case(&reading, device, folder);
        if (read && !same_states(&parity, str_of(mdx_folder(made)), str_of(mdx_folder(read))))
            parity_fail(&parity, "the states are not those of %s", chain_file);
        mdx_close(read);
    }
    mdx_close(made);
    if (!folder_remove(folder.at, &err)) parity_fail(&parity, "%s", err.text);
    arena_close(parity.arena);
}

int main(void) {
    static const Case cases[] = {{.name = "maps-many"},     {.name = "maps-few"},    {.name = "maps-wide"},
                                 {.name = "maps-controls"}, {.name = "maps-inside"}, {.name = "maps-clusters"},
                                 {.name = "subspaces"},     {.name = "from-file"},
                                 // fitted on sums of rows, which come in parts
                                 {.name = "maps-many", .options = {"strict", "off", "micro-batches", "5"}},
                                 // the rank of `scaled` is that of rows of which many are equal
                                 {.name = "maps-wide", .options = {"strict", "off", "micro-batches", "7"}, .same_bits = true},
                                 {.name = "maps-controls", .options = {"strict", "off", "micro-batches", "40"}},
                                 {.name = "maps-inside", .options = {"strict", "off", "micro-batches", "3"}},
                                 {.name = "subspaces", .options = {"strict", "off", "micro-batches", "5"}}};
    for (size_t d = 0; d < test_devices()->count; d++) chain_on(test_devices()->name[d]);
    return parity_main(cases, COUNT(cases));
}
