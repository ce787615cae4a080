// weights.c: a model's weights: one safetensors file, or shards with an index.
#include <dirent.h>

#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/safetensors.h"

enum { LARGEST_INDEX = 100000000 };

typedef struct {
    const char *path;
    FileMap map;
    TensorList tensors; // sorted by name
} Shard;

struct Weights {
    Arena *arena;
    LIST(Shard *) shards;
    StrList files;             // every file that was opened, the index first
    TensorList all;            // sorted by name; those of types that mdx does not read too
    LIST(const Tensor *) read; // of `all`, those of types that mdx reads
};

static Shard *open_shard(Weights *weights, Str path, Error *err) {
    Shard *shard = arena_new(weights->arena, Shard);
    shard->path = path.at;
    if (!file_map(path.at, &shard->map, err)) return NULL;
    list_push(weights->arena, &weights->shards, shard);
    list_push(weights->arena, &weights->files, path);
    bool ok = safetensors_parse(weights->arena, path.at, shard->map.at, shard->map.size, &shard->tensors, err);
    return ok ? shard : NULL;
}

static bool open_single(Weights *weights, Str path, Error *err) {
    Shard *shard = open_shard(weights, path, err);
    if (!shard) return false;
    weights->all = shard->tensors;
    return true;
}

// ---- Shards

// An index comes with a model from elsewhere: it must not reach out of the model's folder.
static bool plain_name(Str name) {
    enum { LONGEST = 255 };
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] == '/' || (unsigned char)name.at[i] < 0x20) return false;
    return name.len && name.len <= LONGEST && !str_is(name, "..") && !str_is(name, ".");
}

typedef struct {
    Weights *weights;
    Str folder, path; // of the model and its index
    StrMap opened;    // shard name → its number
} Index;

static Shard *shard_named(Index *index, Str name, Error *err) {
    Weights *weights = index->weights;
    uint32_t i;
    if (strmap_get(&index->opened, name, &i)) return weights->shards.at[i];
    if (!plain_name(name)) {
        error_set(err, ERR_INPUT, "%s: '%s' is no plain name of a file in the model's folder", index->path.at,
                  shown(weights->arena, name));
        return NULL;
    }
    strmap_put(&index->opened, str_copy(weights->arena, name), (uint32_t)weights->shards.len);
    Shard *shard = open_shard(weights, path_join(weights->arena, index->folder, name), err);
    if (!shard) error_prefix(err, "%s", index->path.at);
    return shard;
}

static bool place_tensor(Index *index, const cJSON *item, Error *err) {
    Weights *weights = index->weights;
    Str name = str_of(item->string);
    if (!cJSON_IsString(item))
        FAIL(err, ERR_INPUT, "%s: the file of tensor '%s' is %s, expected a string", index->path.at,
             shown(weights->arena, name), json_kind(item));
    Shard *shard = shard_named(index, str_of(item->valuestring), err);
    if (!shard) return false;
    const Tensor *tensor = tensors_find(&shard->tensors, name);
    if (!tensor)
        FAIL(err, ERR_INPUT, "%s: there is no tensor '%s', where %s says it is", shard->path,
             shown(weights->arena, name), index->path.at);
    list_push(weights->arena, &weights->all, *tensor);
    return true;
}

static bool read_index(Index *index, const cJSON *value, Error *err) {
    if (!cJSON_IsObject(value)) FAIL(err, ERR_INPUT, "%s: is %s, expected an object", index->path.at, json_kind(value));
    const cJSON *item, *map = json_member(value, "weight_map");
    if (!cJSON_IsObject(map))
        FAIL(err, ERR_INPUT, "%s: 'weight_map' is %s, expected an object", index->path.at, json_kind(map));
    cJSON_ArrayForEach(item, map) TRY(place_tensor(index, item, err));
    TensorList *all = &index->weights->all;
    tensors_sort(all->at, all->len);
    const Tensor *twice = tensors_twice(all->at, all->len);
    if (!twice) return true;
    FAIL(err, ERR_INPUT, "%s: 'weight_map' has tensor '%s' twice", index->path.at,
         shown(index->weights->arena, twice->name));
}

static bool open_index(Weights *weights, Str folder, Str path, Error *err) {
    list_push(weights->arena, &weights->files, path);
    Index index = {weights, folder, path, strmap_open(weights->arena, 16)};
    cJSON *value = json_read(path.at, LARGEST_INDEX, err);
    bool ok = value && read_index(&index, value, err);
    cJSON_Delete(value);
    return ok;
}

// ---- A folder without weights

// How weights are called in formats that mdx does not read.
static const struct {
    const char *begin, *end;
} foreign[] = {{"pytorch_model", ".bin"}, {"", ".gguf"}, {"consolidated", ".pth"}, {"", ".h5"}, {"", ".msgpack"}};

static bool is_foreign(Str name) {
    for (size_t i = 0; i < COUNT(foreign); i++)
        if (str_starts(name, str_of(foreign[i].begin)) && str_ends(name, str_of(foreign[i].end))) return true;
    return false;
}

// The first of them by name, whatever the order of the folder.
static Str foreign_weights(Arena *arena, const char *folder) {
    Str found = {0};
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        Str name = str_of(entry->d_name);
        if (is_foreign(name) && (!found.len || str_order(name, found) < 0)) found = str_copy(arena, name);
    }
    if (entries) closedir(entries);
    return found;
}

static bool no_weights(Arena *arena, Str folder, Str single, Str index, Error *err) {
    if (!file_exists(folder.at)) FAIL(err, ERR_SYSTEM, "%s: there is no such folder", folder.at);
    if (!file_is_folder(folder.at)) FAIL(err, ERR_INPUT, "%s: is a file, a model's folder was expected", folder.at);
    Str other = foreign_weights(arena, folder.at);
    if (!other.len)
        FAIL(err, ERR_INPUT, "%s: has no weights: neither %s nor %s is there", folder.at, single.at, index.at);
    FAIL(err, ERR_INPUT, "%s: has no weights: neither %s nor %s is there; it has '%s', but only safetensors is read",
         folder.at, single.at, index.at, shown(arena, other));
}

// ---- Opening

static bool open_folder(Weights *weights, Str folder, Error *err) {
    Str single = path_join(weights->arena, folder, STR("model.safetensors"));
    Str index = path_join(weights->arena, folder, STR("model.safetensors.index.json"));
    if (file_exists(single.at)) return open_single(weights, single, err);
    if (file_exists(index.at)) return open_index(weights, folder, index, err);
    return no_weights(weights->arena, folder, single, index, err);
}

static Weights *open_with(bool (*open)(Weights *, Str, Error *), Arena *arena, const char *path, Error *err) {
    Weights *weights = arena_new(arena, Weights);
    weights->arena = arena;
    if (!open(weights, str_copy(arena, str_of(path)), err)) {
        weights_close(weights);
        return NULL;
    }
    for (size_t i = 0; i < weights->all.len; i++)
        if (weights->all.at[i].dtype != DTYPE_COUNT) list_push(arena, &weights->read, &weights->all.at[i]);
    return weights;
}

Weights *weights_open_file(Arena *arena, const char *path, Error *err) {
    return open_with(open_single, arena, path, err);
}

Weights *weights_open(Arena *arena, const char *folder, Error *err) {
    return open_with(open_folder, arena, folder, err);
}

void weights_close(Weights *weights) {
    for (size_t i = 0; weights && i < weights->shards.len; i++) file_unmap(&weights->shards.at[i]->map);
}

// ---- Looking up

size_t weights_count(const Weights *weights) {
    return weights->read.len;
}

const Tensor *weights_at(const Weights *weights, size_t i) {
    return weights->read.at[i];
}

size_t weights_file_count(const Weights *weights) {
    return weights->files.len;
}

const char *weights_file(const Weights *weights, size_t i) {
    return weights->files.at[i].at;
}

const Tensor *weights_find(const Weights *weights, Str name) {
    const Tensor *tensor = tensors_find(&weights->all, name);
    return tensor && tensor->dtype != DTYPE_COUNT ? tensor : NULL;
}

static bool refuse_missing(const Weights *weights, Arena *scratch, Str name, Error *err) {
    const Tensor *nearest = tensors_nearest(&weights->all, name);
    const char *file = weights->files.at[0].at, *asked = shown(scratch, name);
    if (!nearest) FAIL(err, ERR_INPUT, "%s: there is no tensor '%s'", file, asked);
    FAIL(err, ERR_INPUT, "%s: there is no tensor '%s'; did you mean '%s'?", file, asked, shown(scratch, nearest->name));
}

static bool refuse_type(const Weights *weights, Arena *scratch, const Tensor *tensor, Error *err) {
    Text types = text_open(scratch);
    for (size_t i = 0; i < DTYPE_COUNT; i++)
        text_add(&types, "%s%s", !i ? "" : i + 1 < DTYPE_COUNT ? ", " : " or ", dtype_info[i].safetensors);
    FAIL(err, ERR_INPUT, "%s: tensor '%s' is %s, expected %s", weights->files.at[0].at, shown(scratch, tensor->name),
         shown(scratch, tensor->stored), types.at);
}

bool weights_get(const Weights *weights, Str name, const Tensor **out, Error *err) {
    const Tensor *tensor = tensors_find(&weights->all, name);
    *out = tensor;
    if (tensor && tensor->dtype != DTYPE_COUNT) return true;
    *out = NULL;
    Arena *scratch = arena_open();
    bool ok = tensor ? refuse_type(weights, scratch, tensor, err) : refuse_missing(weights, scratch, name, err);
    arena_close(scratch);
    return ok;
}
