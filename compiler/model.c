// model.c: config.json to Model.
#include <math.h>
#include <stdio.h>

#include "compiler/site.h"
#include "mdx/file.h"

enum { LARGEST_CONFIG = 16 << 20 };

#define MDX_ARCH(name, class, lacks)                                                                         \
    bool name##_read(const char *path, const cJSON *config, Model *out, Error *err);                         \
    void name##_build(Forward *forward);
#include "compiler/arch.def"

static const Arch archs[] = {
#define WITHOUT(site)                (uint64_t)1 << SITE_##site
#define MDX_ARCH(name, class, lacks) {#name, class, lacks, name##_read, name##_build},
#include "compiler/arch.def"
};

static const Arch *arch_of(Str class) {
    for (size_t i = 0; i < COUNT(archs); i++)
        if (str_is(class, archs[i].class)) return &archs[i];
    return NULL;
}

static bool unknown_arch(const char *path, Str class, Error *err) {
    char known[512] = "";
    for (size_t i = 0; i < COUNT(archs); i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", archs[i].class);
    }
    return error_set(err, ERR_INPUT, "%s: the architecture '%.*s' is not known; known: %s", path, STR_ARG(class), known);
}

static bool model_parse(const char *path, const cJSON *config, Model *out, Error *err) {
    if (!cJSON_IsObject(config)) FAIL(err, ERR_INPUT, "%s: is %s, expected an object", path, json_kind(config));
    const cJSON *classes = json_member(config, "architectures");
    const cJSON *first = cJSON_IsArray(classes) ? classes->child : NULL;
    if (!cJSON_IsString(first))
        FAIL(err, ERR_INPUT, "%s: 'architectures' is %s, expected a list with the model's class", path,
             first ? json_kind(first) : json_kind(classes));
    Str class = str_of(first->valuestring);
    const Arch *arch = arch_of(class);
    if (!arch) return unknown_arch(path, class, err);
    *out = (Model){.arch = arch};
    return arch->read(path, config, out, err);
}

bool model_read(const char *folder, Model *out, Error *err) {
    Arena *arena = arena_open();
    Str path = path_join(arena, str_of(folder), STR("config.json"));
    bool ok;
    if (file_exists(folder) && !file_exists(path.at)) {
        ok = error_set(err, ERR_INPUT, "%s: there is no config.json in this folder", folder);
    } else {
        cJSON *config = json_read(path.at, LARGEST_CONFIG, err);
        ok = config && model_parse(path.at, config, out, err);
        cJSON_Delete(config);
    }
    arena_close(arena);
    return ok;
}

// Llama 3.1: long wavelengths are slowed by `factor`, short ones kept, those between blended.
static float llama3_frequency(const Rope *rope, float frequency) {
    double low_wavelength = rope->original_context / rope->low_freq_factor;
    double high_wavelength = rope->original_context / rope->high_freq_factor;
    float wavelength = (float)(2 * 3.14159265358979323846) / frequency;
    float slowed = frequency / (float)rope->factor;
    if (wavelength > low_wavelength) return slowed;
    if (wavelength < high_wavelength) return frequency;
    float smooth = ((float)rope->original_context / wavelength - (float)rope->low_freq_factor) /
                   (float)(rope->high_freq_factor - rope->low_freq_factor);
    return (1 - smooth) * slowed + smooth * frequency;
}

float *model_inv_freq(const Model *model, Arena *arena) {
    uint32_t half = model->d_head / 2;
    float *out = arena_many(arena, float, half);
    for (uint32_t i = 0; i < half; i++) {
        float exponent = (float)(2 * i) / (float)model->d_head;
        float frequency = 1.0f / powf((float)model->rope.theta, exponent);
        out[i] = model->rope.llama3 ? llama3_frequency(&model->rope, frequency) : frequency;
    }
    return out;
}
