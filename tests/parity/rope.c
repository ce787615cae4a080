// rope.c: the frequencies of RoPE from config.json, as transformers computes them, in every form that a config takes.
#include <stdio.h>
#include <stdlib.h>

#include "compiler/model.h"
#include "fixture.h"

// powf and torch.pow may round differently, and so do what is computed from them.
static const double ULPS = 8 * 0x1p-24;

static bool read_config(Arena *arena, const cJSON *config, Model *model, Error *err) {
    const char *place = getenv("TMPDIR");
    char *folder = str_c(arena, str_format(arena, "%s/mdx-rope-XXXXXX", place && *place ? place : P_tmpdir));
    MUST(mkdtemp(folder));
    char *text = cJSON_Print(config);
    bool ok = file_write(path_join(arena, str_of(folder), STR("config.json")).at, str_of(text), err) &&
              model_read(folder, model, err);
    Error ignored;
    cJSON_free(text);
    return folder_remove(folder, &ignored) && ok;
}

static void check_config(Parity *parity, const cJSON *entry) {
    Error err;
    Model model;
    parity->name = entry_text(entry, "name");
    if (!read_config(parity->arena, json_member(entry, "config"), &model, &err)) {
        parity_fail(parity, "%s", err.text);
        return;
    }
    const cJSON *want, *list = json_member(entry, "inv_freq");
    const float *got = model_inv_freq(&model, parity->arena);
    CHECK((uint32_t)cJSON_GetArraySize(list) == model.d_head / 2);
    size_t i = 0;
    cJSON_ArrayForEach(want, list) {
        if (!parity_near(parity, got[i], want->valuedouble, ULPS * want->valuedouble))
            parity_fail(parity, "frequency %zu: got %.9g, want %.9g", i, got[i], want->valuedouble);
        i++;
    }
}

int main(void) {
    Error err;
    Parity parity = {.arena = arena_open(), .device = "the compiler"};
    cJSON *json = json_read(TESTS "/data/parity/rope.json", 1 << 20, &err);
    MUST(json);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, json) check_config(&parity, entry);
    printf("rope: %zu frequencies, the worst at %.3f of what is allowed\n", parity.compared, parity.worst);
    cJSON_Delete(json);
    arena_close(parity.arena);
    return check_done();
}
