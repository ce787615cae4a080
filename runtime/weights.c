// weights.c: a model's weights: one safetensors file, or shards with an index.
#include <stdio.h>
#include <stdlib.h>

#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/safetensors.h"

enum { LARGEST_INDEX = 64 << 20, MOST_SHARDS = 1 << 14 };

typedef struct {
    const char *path;
    FileMap map;
    TensorList tensors;
} Shard;

struct Weights {
    Arena *arena;
    const char *path;  // of the file or the folder, for messages
    LIST(Shard *) shards;
    StrList files;     // every file that was opened, the index first
    TensorList tensors; // sorted by name
    StrMap names;
};

static Weights *weights_new(Arena *arena, const char *path) {
    Weights *weights = arena_new(arena, Weights);
    weights->arena = arena;
    weights->path = str_c(arena, str_of(path));
    return weights;
}

void weights_close(Weights *weights) {
    for (size_t i = 0; weights && i < weights->shards.len; i++) file_unmap(&weights->shards.at[i]->map);
}

static Shard *shard_open(Weights *weights, Str path, Error *err) {
    Shard *shard = arena_new(weights->arena, Shard);
    shard->path = path.at;
    if (!file_map(path.at, &shard->map, err)) return NULL;
    list_push(weights->arena, &weights->shards, shard);
    list_push(weights->arena, &weights->files, path);
    if (!safetensors_parse(weights->arena, path.at, shard->map.at, shard->map.size, &shard->tensors, err)) return NULL;
    return shard;
}

static void index_names(Weights *weights) {
    weights->names = strmap_open(weights->arena, weights->tensors.len);
    for (size_t i = 0; i < weights->tensors.len; i++) strmap_put(&weights->names, weights->tensors.at[i].name, (uint32_t)i);
}

static bool open_single(Weights *weights, Str path, Error *err) {
    Shard *shard = shard_open(weights, path, err);
    if (!shard) return false;
    weights->tensors = shard->tensors;
    index_names(weights);
    return true;
}

Weights *weights_open_file(Arena *arena, const char *path, Error *err) {
    Weights *weights = weights_new(arena, path);
    if (open_single(weights, str_of(weights->path), err)) return weights;
    weights_close(weights);
    return NULL;
}

// ---- Shards

static bool plain_name(Str name) {
    return name.len && !memchr(name.at, '/', name.len) && !str_is(name, "..") && !str_is(name, ".");
}

static Shard *shard_named(Weights *weights, StrMap *opened, Str folder, Str name, Error *err) {
    uint32_t i;
    if (strmap_get(opened, name, &i)) return weights->shards.at[i];
    if (!plain_name(name)) {
        error_set(err, ERR_INPUT, "%s: '%.*s' is no name of a file in the model's folder", weights->files.at[0].at, STR_ARG(name));
        return NULL;
    }
    if (weights->shards.len == MOST_SHARDS) {
        error_set(err, ERR_INPUT, "%s: names more than %d files", weights->files.at[0].at, MOST_SHARDS);
        return NULL;
    }
    Shard *shard = shard_open(weights, path_join(weights->arena, folder, name), err);
    if (shard) strmap_put(opened, str_copy(weights->arena, name), (uint32_t)weights->shards.len - 1);
    return shard;
}

static const Tensor *tensor_in(const Shard *shard, Str name) {
    size_t low = 0, high = shard->tensors.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_order(shard->tensors.at[middle].name, name);
        if (order == 0) return &shard->tensors.at[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static int by_name(const void *a, const void *b) {
    return str_order(((const Tensor *)a)->name, ((const Tensor *)b)->name);
}

static bool read_index(Weights *weights, Str folder, Str path, const cJSON *index, Error *err) {
    const cJSON *map = cJSON_IsObject(index) ? json_member(index, "weight_map") : NULL;
    if (!cJSON_IsObject(map)) FAIL(err, ERR_INPUT, "%s: 'weight_map' is %s, expected an object", path.at, json_kind(map));
    StrMap opened = strmap_open(weights->arena, 16);
    for (const cJSON *item = map->child; item; item = item->next) {
        if (!cJSON_IsString(item))
            FAIL(err, ERR_INPUT, "%s: the file of tensor '%s' is %s, expected a string", path.at, item->string, json_kind(item));
        Shard *shard = shard_named(weights, &opened, folder, str_of(item->valuestring), err);
        if (!shard) return false;
        const Tensor *tensor = tensor_in(shard, str_of(item->string));
        if (!tensor) FAIL(err, ERR_INPUT, "%s: there is no tensor '%s', where %s says it is", shard->path, item->string, path.at);
        list_push(weights->arena, &weights->tensors, *tensor);
    }
    if (weights->tensors.len) qsort(weights->tensors.at, weights->tensors.len, sizeof(Tensor), by_name);
    for (size_t i = 1; i < weights->tensors.len; i++)
        if (str_eq(weights->tensors.at[i - 1].name, weights->tensors.at[i].name))
            FAIL(err, ERR_INPUT, "%s: names tensor '%.*s' twice", path.at, STR_ARG(weights->tensors.at[i].name));
    index_names(weights);
    return true;
}

static bool open_shards(Weights *weights, Str folder, Str path, Error *err) {
    list_push(weights->arena, &weights->files, path);
    cJSON *index = json_read(path.at, LARGEST_INDEX, err);
    bool ok = index && read_index(weights, folder, path, index, err);
    cJSON_Delete(index);
    return ok;
}

static bool no_weights(Arena *arena, Str folder, Error *err) {
    static const char *const others[] = {"pytorch_model.bin", "pytorch_model.bin.index.json", "model.gguf", "consolidated.00.pth"};
    for (size_t i = 0; i < COUNT(others); i++)
        if (file_exists(path_join(arena, folder, str_of(others[i])).at))
            FAIL(err, ERR_INPUT, "%.*s: has %s but no model.safetensors; only safetensors is read", STR_ARG(folder), others[i]);
    FAIL(err, ERR_INPUT, "%.*s: has neither model.safetensors nor model.safetensors.index.json", STR_ARG(folder));
}

Weights *weights_open(Arena *arena, const char *folder, Error *err) {
    Weights *weights = weights_new(arena, folder);
    Str base = str_of(weights->path);
    Str single = path_join(arena, base, STR("model.safetensors")), index = path_join(arena, base, STR("model.safetensors.index.json"));
    bool ok;
    if (file_exists(single.at))
        ok = open_single(weights, single, err);
    else
        ok = file_exists(index.at) ? open_shards(weights, base, index, err) : no_weights(arena, base, err);
    if (ok) return weights;
    weights_close(weights);
    return NULL;
}

// ---- Looking up

size_t weights_count(const Weights *weights) {
    return weights->tensors.len;
}

const Tensor *weights_at(const Weights *weights, size_t i) {
    return &weights->tensors.at[i];
}

size_t weights_file_count(const Weights *weights) {
    return weights->files.len;
}

const char *weights_file(const Weights *weights, size_t i) {
    return weights->files.at[i].at;
}

const Tensor *weights_find(const Weights *weights, Str name) {
    uint32_t i;
    if (!strmap_get(&weights->names, name, &i) || weights->tensors.at[i].dtype == DTYPE_COUNT) return NULL;
    return &weights->tensors.at[i];
}

bool weights_get(const Weights *weights, Str name, const Tensor **out, Error *err) {
    uint32_t i;
    if (!strmap_get(&weights->names, name, &i)) FAIL(err, ERR_INPUT, "%s: there is no tensor '%.*s'", weights->path, STR_ARG(name));
    *out = &weights->tensors.at[i];
    DType dtype = (*out)->dtype;
    if (dtype == DTYPE_f32 || dtype == DTYPE_f16 || dtype == DTYPE_bf16) return true;
    FAIL(err, ERR_INPUT, "%s: tensor '%.*s' is of type %.*s, expected F32, F16 or BF16", weights->path, STR_ARG(name), STR_ARG((*out)->stored));
}
