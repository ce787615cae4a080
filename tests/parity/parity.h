// parity.h: runs a spec of cases/ through the public interface on each device, and compares all that it wrote with the
// fixture of the same name.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "devices.h"
#include "mdx/mdx.h"
#include "numbers.h"
#include "tensors.h"

// Every device computes every case; ref defines the ops, so the fixtures test the definition.

typedef struct {
    const char *name;
    const char *options[8]; // NAME, VALUE, NAME, VALUE …
    bool same_bits;         // it needs that equal rows have equal bits, which without --strict a GPU does not promise
} Case;

// A folder of this test alone.
static inline Str scratch_folder(Arena *arena) {
    const char *place = getenv("TMPDIR");
    char *path = str_c(arena, str_format(arena, "%s/mdx-parity-XXXXXX", place && *place ? place : P_tmpdir));
    MUST(mkdtemp(path));
    return str_of(path);
}

static inline bool set_options(Mdx *mdx, const Case *test, const char *device, Str folder) {
    bool ok = mdx_option(mdx, "device", device) && mdx_option(mdx, "dtype", "f32") && mdx_option(mdx, "strict", test_strict()) && mdx_option(mdx, "out", folder.at);
    for (size_t i = 0; ok && i + 1 < COUNT(test->options) && test->options[i]; i += 2)
        ok = mdx_option(mdx, test->options[i], test->options[i + 1]);
    return ok;
}

// A session in which a spec ran; NULL, and what went wrong was told, when it did not.
static inline Mdx *run_case(const Case *test, const char *device, Str folder) {
    Parity parity = {.name = test->name, .device = device};
    Arena *arena = arena_open();
    Str spec = str_format(arena, TESTS "/parity/cases/%s.mdx", test->name);
    Mdx *mdx = mdx_open();
    if (!(set_options(mdx, test, device, folder) && mdx_read(mdx, spec.at) && mdx_run(mdx))) {
        parity_fail(&parity, "%s", mdx_messages(mdx));
        mdx_close(mdx);
        mdx = NULL;
    }
    arena_close(arena);
    return mdx;
}

// ---- A spec whose fixture is one JSON: options of the run in "set", and what results.json must hold

static inline bool fixture_options(Mdx *mdx, const char *device, const cJSON *want) {
    const char *const options[][2] = {
        {"device", device}, {"dtype", "f32"}, {"strict", test_strict()}, {"write", "off"}};
    const cJSON *set;
    for (size_t i = 0; i < COUNT(options); i++)
        if (!mdx_option(mdx, options[i][0], options[i][1])) return false;
    cJSON_ArrayForEach(set, json_member(want, "set")) if (!mdx_option(mdx, "set", set->valuestring)) return false;
    return true;
}

// Of all `numbers` of the fixture, so that none is passed over.
static inline void fixture_close(Parity *parity, Mdx *mdx, cJSON *want, size_t numbers) {
    CHECK(parity->compared == numbers);
    printf("%-20s %s: %zu numbers, the worst at %.3f of what is allowed\n", parity->name, parity->device, parity->compared,
           parity->worst);
    fflush(stdout);
    mdx_close(mdx);
    cJSON_Delete(want);
    arena_close(parity->arena);
}

// ---- All that a case wrote

static inline void compare_all(Parity *parity, Mdx *mdx) {
    Error err;
    parity->folder = str_of(mdx_folder(mdx));
    if (!parity_open(parity, &err)) {
        parity_fail(parity, "%s", err.text);
    } else {
        compare_tokens(parity, mdx_tokens(mdx));
        compare_tensors(parity);
        compare_numbers(parity);
        compare_values(parity);
    }
    parity_close(parity);
}

static inline double cpu_seconds(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

static inline void case_on(const Case *test, const char *device) {
    Error err;
    Parity parity = {.arena = arena_open(), .name = test->name, .device = device};
    Str folder = scratch_folder(parity.arena);
    double begin = cpu_seconds();
    Mdx *mdx = run_case(test, device, folder);
    double seconds = cpu_seconds() - begin;
    if (mdx) compare_all(&parity, mdx);
    printf("%-20s %s: %zu numbers, the worst at %.3f of what is allowed, %.1f s\n", test->name, device, parity.compared,
           parity.worst, seconds);
    fflush(stdout);
    mdx_close(mdx);
    if (!folder_remove(folder.at, &err)) parity_fail(&parity, "%s", err.text);
    arena_close(parity.arena);
}

static inline int parity_main(const Case *cases, size_t count) {
    for (size_t d = 0; d < test_devices()->count; d++)
        for (size_t i = 0; i < count; i++)
            if (!cases[i].same_bits || strcmp(test_devices()->name[d], "cuda") != 0) case_on(&cases[i], test_devices()->name[d]);
    return check_done();
}
