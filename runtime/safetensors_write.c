// safetensors_write.c: writing a safetensors file: the same tensors give the same bytes.
#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/safetensors.h"

void tensor_describe(const Tensor *tensor, Text *out) {
    if (tensor->stored.len)
        text_add(out, "%s [", shown(out->arena, tensor->stored));
    else
        text_add(out, "%s [", dtype_info[tensor->dtype].safetensors);
    for (uint32_t i = 0; i < tensor->rank; i++) text_add(out, "%s%llu", i ? ", " : "", (Big)tensor->shape[i]);
    text_char(out, ']');
}

// That the bytes fit the shape is the caller's duty; names may come from a user's file.
static void check_size(const Tensor *tensor) {
    uint64_t elements = 1, bytes;
    MUST(tensor->rank <= TENSOR_MAX_RANK && (unsigned)tensor->dtype < DTYPE_COUNT);
    for (uint32_t i = 0; i < tensor->rank; i++) MUST(!__builtin_mul_overflow(elements, tensor->shape[i], &elements));
    MUST(!__builtin_mul_overflow(elements, dtype_info[tensor->dtype].bytes, &bytes) && bytes == tensor->bytes);
}

static bool check_name(Arena *arena, const char *path, Str name, Error *err) {
    if (!name.len) FAIL(err, ERR_INPUT, "%s: cannot be written: a tensor's name is empty", path);
    if (str_is(name, "__metadata__"))
        FAIL(err, ERR_INPUT, "%s: cannot be written: '__metadata__' is no name for a tensor", path);
    if (memchr(name.at, '\0', name.len) || utf8_valid_prefix(name) < name.len)
        FAIL(err, ERR_INPUT, "%s: cannot be written: the name '%s' is not UTF-8 text", path, shown(arena, name));
    return true;
}

static bool check_tensors(Arena *arena, const char *path, const Tensor *tensors, size_t count, Error *err) {
    for (size_t i = 0; i < count; i++) {
        check_size(&tensors[i]);
        TRY(check_name(arena, path, tensors[i].name, err));
    }
    Tensor *sorted = arena_copy(arena, tensors, count * sizeof *tensors);
    tensors_sort(sorted, count);
    const Tensor *twice = tensors_twice(sorted, count);
    if (!twice) return true;
    FAIL(err, ERR_INPUT, "%s: cannot be written: two tensors have the name '%s'", path, shown(arena, twice->name));
}

static bool check_metadata(const char *path, Str metadata, Error *err) {
    if (!metadata.len) return true;
    // A byte order mark would pass as JSON text, but not in the middle of a header.
    if (metadata.at[0] != '{')
        FAIL(err, ERR_INPUT, "%s: cannot be written: the metadata does not begin with '{'", path);
    cJSON *value = json_parse("the metadata", metadata, err);
    bool ok = value && safetensors_metadata("the metadata", value, err);
    cJSON_Delete(value);
    return ok || error_prefix(err, "%s: cannot be written", path);
}

// Wider types first, else the order given: every tensor then begins at a multiple of its element's size.
static const Tensor **layout(Arena *arena, const Tensor *tensors, size_t count) {
    const Tensor **order = arena_many(arena, const Tensor *, count);
    size_t placed = 0;
    for (uint32_t width = 8; width; width /= 2)
        for (size_t i = 0; i < count; i++)
            if (dtype_info[tensors[i].dtype].bytes == width) order[placed++] = &tensors[i];
    MUST(placed == count);
    return order;
}

static void add_entry(Text *header, const Tensor *tensor, uint64_t begin) {
    text_json(header, tensor->name);
    text_add(header, ":{\"dtype\":\"%s\",\"shape\":[", dtype_info[tensor->dtype].safetensors);
    for (uint32_t i = 0; i < tensor->rank; i++) text_add(header, "%s%llu", i ? "," : "", (Big)tensor->shape[i]);
    text_add(header, "],\"data_offsets\":[%llu,%llu]}", (Big)begin, (Big)begin + tensor->bytes);
}

// Returns the size of the data. The header is padded so that the data begins at a multiple of 8.
static size_t write_header(Text *header, const Tensor *const *order, size_t count, Str metadata) {
    uint64_t size = 0;
    text_char(header, '{');
    if (metadata.len) {
        text_str(header, STR("\"__metadata__\":"));
        text_str(header, metadata);
    }
    for (size_t i = 0; i < count; i++) {
        if (i || metadata.len) text_char(header, ',');
        add_entry(header, order[i], size);
        size += order[i]->bytes;
    }
    text_char(header, '}');
    text_repeat(header, ' ', (8 - header->len % 8) % 8);
    return (size_t)size;
}

bool safetensors_encode(Arena *arena, const char *path, const Tensor *tensors, size_t count, Str metadata, Str *out,
                        Error *err) {
    TRY(check_tensors(arena, path, tensors, count, err));
    TRY(check_metadata(path, metadata, err));
    const Tensor **order = layout(arena, tensors, count);
    Text header = text_open(arena);
    size_t size = write_header(&header, order, count, metadata);
    if (header.len > SAFETENSORS_LARGEST_HEADER)
        FAIL(err, ERR_INPUT, "%s: cannot be written: its header would have %zu bytes, at most %d are accepted", path,
             header.len, SAFETENSORS_LARGEST_HEADER);
    char *bytes = arena_alloc(arena, 8 + header.len + size), *at = bytes + 8 + header.len;
    for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)header.len >> (8 * i) & 255);
    memcpy(bytes + 8, header.at, header.len);
    for (size_t i = 0; i < count; at += order[i++]->bytes)
        if (order[i]->bytes) memcpy(at, order[i]->data, (size_t)order[i]->bytes);
    *out = (Str){bytes, 8 + header.len + size};
    return true;
}

bool safetensors_write(const char *path, const Tensor *tensors, size_t count, Str metadata, Error *err) {
    Arena *arena = arena_open();
    Str bytes;
    bool ok = safetensors_encode(arena, path, tensors, count, metadata, &bytes, err) && file_write(path, bytes, err);
    arena_close(arena);
    return ok;
}
