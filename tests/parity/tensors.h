// tensors.h: states and maps of a result's folder against the fixture, tensor by tensor in the order of the forward
// pass.
#pragma once

#include "fixture.h"

typedef struct {
    Parity *parity;
    const cJSON *entry;
    const char *file;
    const Tensor *got, *want;
    const Tensor *prompt, *position; // of each row, when the rows are tokens
} Comparison;

static inline const Tensor *fixture_tensor(const Parity *parity, const char *file, const char *tensor) {
    return weights_find(parity->tensors, str_format(parity->arena, "%s:%s", file, tensor));
}

static inline Str row_text(const Comparison *c, uint64_t row) {
    Arena *arena = c->parity->arena;
    const cJSON *files = parity_list(c->parity, "rows"), *item;
    if (!c->prompt) return str_format(arena, "row %llu", (unsigned long long)row);
    int32_t prompt = ((const int32_t *)c->prompt->data)[row], position = ((const int32_t *)c->position->data)[row];
    const char *id = "?";
    cJSON_ArrayForEach(item, files) {
        if (strcmp(entry_text(item, "file"), c->file) != 0) continue;
        const cJSON *name = cJSON_GetArrayItem(json_member(item, "ids"), prompt);
        if (name) id = name->valuestring;
    }
    return str_format(arena, "prompt %s, row %llu (token %d)", id, (unsigned long long)row, position);
}

static inline bool same_shape(const Comparison *c) {
    bool same = c->got->dtype == c->want->dtype && c->got->rank == c->want->rank;
    for (uint32_t i = 0; same && i < c->want->rank; i++) same = c->got->shape[i] == c->want->shape[i];
    if (same) return true;
    Text text = text_open(c->parity->arena);
    tensor_describe(c->got, &text);
    text_str(&text, STR(", expected "));
    tensor_describe(c->want, &text);
    parity_fail(c->parity, "%s is %s", entry_text(c->entry, "what"), text.at);
    return false;
}

// Every number within a share of the tensor's largest. `report`: whether the first that is not is told.
static inline bool tensor_is_near(const Comparison *c, bool report) {
    const float *got = c->got->data, *want = c->want->data;
    uint64_t count = c->want->bytes / sizeof *want, width = c->want->shape[c->want->rank - 1];
    double most = 0;
    if (!same_shape(c)) return false;
    for (uint64_t i = 0; i < count; i++) most = fmax(most, fabs(want[i]));
    double allowed = entry_number(c->entry, "tolerance") * most;
    for (uint64_t i = 0; i < count; i++) {
        if (parity_near(c->parity, got[i], want[i], allowed)) continue;
        if (report)
            parity_fail(c->parity,
                        "first differs at %s (%s of %s), %s, column %llu: got %.9g, want %.9g (allowed: %.2g)",
                        entry_text(c->entry, "what"), entry_text(c->entry, "tensor"), c->file,
                        row_text(c, i / width).at, (unsigned long long)(i % width), got[i], want[i], allowed);
        return false;
    }
    return true;
}

static inline bool rows_agree(const Comparison *c, const Weights *results) {
    const Tensor *rows[] = {c->prompt, c->position};
    static const char *const names[] = {"row.prompt", "row.position"};
    for (size_t i = 0; i < COUNT(rows) && rows[i]; i++) {
        const Tensor *got = weights_find(results, str_of(names[i]));
        if (got && got->bytes == rows[i]->bytes && memcmp(got->data, rows[i]->data, got->bytes) == 0) continue;
        parity_fail(c->parity, "%s of %s: other rows than expected", names[i], c->file);
        return false;
    }
    return true;
}

static inline bool compare_tensor(Parity *parity, const cJSON *entry, const Weights *results, bool report) {
    const char *file = entry_text(entry, "file"), *name = entry_text(entry, "tensor");
    Comparison c = {parity,
                    entry,
                    file,
                    weights_find(results, str_of(name)),
                    fixture_tensor(parity, file, name),
                    fixture_tensor(parity, file, "row.prompt"),
                    fixture_tensor(parity, file, "row.position")};
    MUST(c.want);
    if (c.got) return rows_agree(&c, results) && tensor_is_near(&c, report);
    parity_fail(parity, "%s has no tensor '%s'", file, name);
    return false;
}

// Each file of the results is opened once; its number is its place among those that were opened.
typedef struct {
    const char *name;
    Weights *weights;
} ResultFile;

static inline const Weights *result_file(Parity *parity, ResultFile *files, size_t *count, size_t most,
                                         const char *name) {
    Error err;
    for (size_t i = 0; i < *count; i++)
        if (strcmp(files[i].name, name) == 0) return files[i].weights;
    MUST(*count < most);
    Weights *weights =
        weights_open_file(parity->arena, path_join(parity->arena, parity->folder, str_of(name)).at, &err);
    if (!weights) parity_fail(parity, "%s", err.text);
    files[(*count)++] = (ResultFile){name, weights};
    return weights;
}

static inline void compare_tensors(Parity *parity) {
    ResultFile files[128] = {{0}};
    size_t count = 0, tensors = 0, wrong = 0;
    const cJSON *entry, *list = parity_list(parity, "tensors");
    cJSON_ArrayForEach(entry, list) {
        const Weights *results = result_file(parity, files, &count, COUNT(files), entry_text(entry, "file"));
        tensors++;
        if (results) wrong += !compare_tensor(parity, entry, results, wrong == 0);
    }
    if (wrong > 1) parity_fail(parity, "%zu of %zu tensors differ", wrong, tensors);
    for (size_t i = 0; i < count; i++)
        if (files[i].weights) weights_close(files[i].weights);
}
