// fixture.h: what a case expects (tests/data/parity/CASE.json and .safetensors), and how a difference is reported.
#pragma once

#include <math.h>

#include "check.h"
#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/weights.h"

// One case on one device: what is expected, and where the results lie.
typedef struct {
    Arena *arena;
    const char *name, *device;
    cJSON *json;      // lists: tensors, rows, numbers, values, tokens
    Weights *tensors; // FILE:TENSOR, or NULL when the case has none
    Str folder;       // of the results
    size_t compared;  // numbers
    double worst;     // largest difference, as a share of what is allowed
} Parity;

PRINTF_LIKE(2, 3) static inline void parity_fail(const Parity *parity, const char *format, ...) {
    va_list args;
    check_failures++;
    fprintf(stderr, "%s on %s: ", parity->name, parity->device);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

// Whether `got` is within `allowed` of `want`. NaN equals nothing.
static inline bool parity_near(Parity *parity, double got, double want, double allowed) {
    double off = fabs(got - want);
    parity->compared++;
    if (off <= allowed) {
        if (allowed > 0) parity->worst = fmax(parity->worst, off / allowed);
        return true;
    }
    return false;
}

static inline Str parity_path(const Parity *parity, const char *ending) {
    return str_format(parity->arena, TESTS "/data/parity/%s%s", parity->name, ending);
}

static inline bool parity_open(Parity *parity, Error *err) {
    Str tensors = parity_path(parity, ".safetensors");
    parity->json = json_read(parity_path(parity, ".json").at, 64 << 20, err);
    if (!parity->json) return false;
    if (!file_exists(tensors.at)) return true;
    parity->tensors = weights_open_file(parity->arena, tensors.at, err);
    return parity->tensors != NULL;
}

static inline void parity_close(Parity *parity) {
    if (parity->tensors) weights_close(parity->tensors);
    cJSON_Delete(parity->json);
}

static inline const cJSON *parity_list(const Parity *parity, const char *name) {
    const cJSON *list = json_member(parity->json, name);
    MUST(cJSON_IsArray(list));
    return list;
}

static inline const char *entry_text(const cJSON *entry, const char *key) {
    const cJSON *member = json_member(entry, key);
    MUST(cJSON_IsString(member));
    return member->valuestring;
}

static inline double entry_number(const cJSON *entry, const char *key) {
    const cJSON *member = json_member(entry, key);
    MUST(cJSON_IsNumber(member));
    return member->valuedouble;
}

// ---- Numbers: `value` within `allowed`; null: undefined

static inline bool entry_is_near(Parity *parity, const cJSON *entry, bool defined, double got) {
    const cJSON *value = json_member(entry, "value");
    if (!value || !defined) return !value && !defined;
    return parity_near(parity, got, value->valuedouble, entry_number(entry, "allowed"));
}

static inline Str entry_value_text(Arena *arena, const cJSON *entry) {
    const cJSON *value = json_member(entry, "value");
    return value ? str_format(arena, "%.17g", value->valuedouble) : STR("undefined");
}
