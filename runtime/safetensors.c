// safetensors.c: one safetensors file in memory: its header checked, its tensors listed.
#include <stdlib.h>

#include "mdx/json.h"
#include "runtime/safetensors.h"

// What stands under the name of a safetensors file at times; looked at once the length made no sense.
static const struct {
    const char *begin, *what;
} impostors[] = {
    {"version https://git-lfs", "a Git LFS pointer, not the file it stands for ('git lfs pull' fetches that)"},
    {"GGUF", "a GGUF file, expected safetensors"},
    {"PK\x03\x04", "a zip archive, as PyTorch writes it, expected safetensors"},
    {"\x80\x02", "a pickle of Python, expected safetensors"},
    {"<", "a page of HTML or XML, expected safetensors"},
};

static bool refuse_length(const char *name, Str bytes, uint64_t length, Error *err) {
    for (size_t i = 0; i < COUNT(impostors); i++)
        if (str_starts(bytes, str_of(impostors[i].begin))) FAIL(err, ERR_INPUT, "%s: is %s", name, impostors[i].what);
    if (length > SAFETENSORS_LARGEST_HEADER)
        FAIL(err, ERR_INPUT, "%s: its header has %llu bytes according to the first 8, at most %d are accepted", name,
             (Big)length, SAFETENSORS_LARGEST_HEADER);
    FAIL(err, ERR_INPUT, "%s: its header has %llu bytes according to the first 8, but only %zu follow (cut short?)",
         name, (Big)length, bytes.len - 8);
}

static bool find_header(const char *name, const uint8_t *at, size_t size, Str *header, Error *err) {
    if (size < 8) FAIL(err, ERR_INPUT, "%s: has %zu bytes, a safetensors file has at least 8", name, size);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | at[i];
    if (length > SAFETENSORS_LARGEST_HEADER || length > size - 8)
        return refuse_length(name, (Str){(const char *)at, size}, length, err);
    *header = (Str){(const char *)at + 8, (size_t)length};
    return true;
}

static bool read_entries(const Safetensors *file, const cJSON *header, TensorList *out, Error *err) {
    if (!cJSON_IsObject(header))
        FAIL(err, ERR_INPUT, "%s: the header is %s, expected an object", file->name, json_kind(header));
    const cJSON *entry, *metadata = NULL;
    cJSON_ArrayForEach(entry, header) {
        if (strcmp(entry->string, "__metadata__") == 0) {
            if (metadata) FAIL(err, ERR_INPUT, "%s: the header has '__metadata__' twice", file->name);
            TRY(safetensors_metadata(file->name, metadata = entry, err));
            continue;
        }
        Tensor tensor;
        TRY(safetensors_entry(file, entry, &tensor, err));
        list_push(file->arena, out, tensor);
    }
    return true;
}

// ---- The tensors cover the data: each begins where the one before ends.

static int by_data(const void *a, const void *b) {
    const Tensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes); // empty ones first
}

static bool refuse_gap(const Safetensors *file, const Tensor *before, const Tensor *tensor, uint64_t begin,
                       uint64_t covered, Error *err) {
    const char *name = shown(file->arena, tensor->name);
    if (begin > covered)
        FAIL(err, ERR_INPUT, "%s: bytes %llu to %llu of the data, before tensor '%s', belong to no tensor", file->name,
             (Big)covered, (Big)begin, name);
    FAIL(err, ERR_INPUT, "%s: tensor '%s' begins at byte %llu of the data, inside tensor '%s', which ends at %llu",
         file->name, name, (Big)begin, shown(file->arena, before->name), (Big)covered);
}

static bool check_cover(const Safetensors *file, const TensorList *tensors, Error *err) {
    if (tensors->len) qsort(tensors->at, tensors->len, sizeof(Tensor), by_data);
    uint64_t covered = 0;
    for (size_t i = 0; i < tensors->len; i++) {
        const Tensor *tensor = &tensors->at[i];
        uint64_t begin = (uint64_t)((const uint8_t *)tensor->data - file->data);
        if (begin != covered) return refuse_gap(file, i ? tensor - 1 : tensor, tensor, begin, covered, err);
        covered += tensor->bytes;
    }
    if (covered < file->data_size)
        FAIL(err, ERR_INPUT, "%s: bytes %llu to %llu of the data, its last, belong to no tensor", file->name,
             (Big)covered, (Big)file->data_size);
    return true;
}

static bool check_names(const Safetensors *file, const TensorList *tensors, Error *err) {
    tensors_sort(tensors->at, tensors->len);
    const Tensor *twice = tensors_twice(tensors->at, tensors->len);
    if (!twice) return true;
    FAIL(err, ERR_INPUT, "%s: the header has tensor '%s' twice", file->name, shown(file->arena, twice->name));
}

static void align(const Safetensors *file, const TensorList *tensors) {
    for (size_t i = 0; i < tensors->len; i++) {
        Tensor *tensor = &tensors->at[i];
        bool read = tensor->dtype != DTYPE_COUNT;
        if (read && (uintptr_t)tensor->data % dtype_info[tensor->dtype].bytes)
            tensor->data = arena_copy(file->arena, tensor->data, (size_t)tensor->bytes);
    }
}

bool safetensors_parse(Arena *arena, const char *name, const uint8_t *at, size_t size, TensorList *out, Error *err) {
    Str text;
    TRY(find_header(name, at, size, &text, err));
    cJSON *header = json_parse(str_format(arena, "%s: header", name).at, text, err);
    if (!header) return false;
    Safetensors file = {arena, name, at + 8 + text.len, size - 8 - text.len};
    *out = (TensorList){0};
    bool ok = read_entries(&file, header, out, err);
    cJSON_Delete(header);
    if (!ok) return false;
    // Names first: a tensor that is there twice overlaps itself, and that would be the lesser message.
    TRY(check_names(&file, out, err));
    TRY(check_cover(&file, out, err));
    tensors_sort(out->at, out->len);
    align(&file, out);
    return true;
}
