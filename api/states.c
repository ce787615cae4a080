// states.c: what the weights of an experiment's models are stored as, and so what a device multiplies.
#include "api/session.h"
#include "mdx/file.h"
#include "mdx/json.h"

static DType model_weights(const ModelDef *model) {
    static const char *const keys[] = {"dtype", "torch_dtype"};
    Error ignored;
    Arena *scratch = arena_open();
    cJSON *config = json_read(path_join(scratch, model->folder, STR("config.json")).at, 64 << 20, &ignored);
    DType dtype = DTYPE_f32;
    for (size_t i = 0; i < COUNT(keys); i++) {
        const cJSON *type = config ? json_member(config, keys[i]) : NULL;
        if (!cJSON_IsString(type)) continue;
        Str name = str_of(type->valuestring);
        if (str_is(name, "bfloat16")) dtype = DTYPE_bf16;
        if (str_is(name, "float16")) dtype = DTYPE_f16;
        break;
    }
    cJSON_Delete(config);
    arena_close(scratch);
    return dtype;
}

const DType *session_weights(Mdx *mdx) {
    DType *types = arena_many(mdx->arena, DType, mdx->exp->models.len + 1);
    for (size_t i = 0; i < mdx->exp->models.len; i++) types[i] = model_weights(&mdx->exp->models.at[i]);
    return types;
}

// Short where all models are: states of one go to another.
DType session_states(const Mdx *mdx) {
    if (!mdx->device->shortens) return DTYPE_f32;
    if (mdx->states != DTYPE_COUNT) return mdx->states;
    for (size_t i = 1; i < mdx->exp->models.len; i++)
        if (mdx->weights[i] != mdx->weights[0]) return DTYPE_f32;
    return mdx->exp->models.len ? mdx->weights[0] : DTYPE_f32;
}
