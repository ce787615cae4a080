// safetensors.c: the header of a safetensors file: nothing in it is believed before it was checked.
#include <math.h>
#include <stdlib.h>

#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/safetensors.h"

// As the reference implementation has it.
enum { LARGEST_HEADER = 100000000 };

typedef struct {
    Arena *arena;
    const char *name; // of the file
    const uint8_t *data;
    uint64_t data_size;
    TensorList *out;
} Reader;

// Types that a header may name: those of dtype.def are read, the others are only measured.
static const struct {
    const char *name;
    uint32_t bits;
} stored_types[] = {
    {"BOOL", 8},   {"U8", 8},       {"I8", 8},       {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6},
    {"I16", 16},   {"U16", 16},     {"F16", 16},     {"BF16", 16},   {"I32", 32},    {"U32", 32},    {"F32", 32}, {"C64", 64},    {"F64", 64},
    {"I64", 64},   {"U64", 64},
};

static bool stored_type(Str name, uint32_t *bits) {
    for (size_t i = 0; i < COUNT(stored_types); i++) {
        *bits = stored_types[i].bits;
        if (str_is(name, stored_types[i].name)) return true;
    }
    return false;
}

static DType dtype_stored(Str name) {
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (str_is(name, dtype_info[i].safetensors)) return (DType)i;
    return DTYPE_COUNT;
}

// A whole number that a double holds exactly.
static bool whole(const cJSON *value, uint64_t *out) {
    if (!cJSON_IsNumber(value)) return false;
    double x = value->valuedouble;
    if (!(x >= 0 && x <= 0x1p53 && x == floor(x))) return false;
    *out = (uint64_t)x;
    return true;
}

static bool wrong(const Reader *reader, const Tensor *tensor, const char *what, Error *err) {
    return error_set(err, ERR_INPUT, "%s: tensor '%.*s': %s", reader->name, STR_ARG(tensor->name), what);
}

static bool read_shape(const Reader *reader, const cJSON *shape, Tensor *tensor, uint64_t *elements, Error *err) {
    if (!cJSON_IsArray(shape)) return wrong(reader, tensor, "'shape' must be a list of whole numbers", err);
    *elements = 1;
    for (const cJSON *item = shape->child; item; item = item->next) {
        if (tensor->rank == TENSOR_MAX_RANK) return wrong(reader, tensor, "has more than 8 dimensions", err);
        uint64_t n;
        if (!whole(item, &n)) return wrong(reader, tensor, "'shape' must be a list of whole numbers", err);
        tensor->shape[tensor->rank++] = n;
        if (__builtin_mul_overflow(*elements, n, elements)) return wrong(reader, tensor, "has more elements than can be counted", err);
    }
    return true;
}

// Where the bytes stand must be what the shape needs, and inside the file.
static bool read_offsets(const Reader *reader, const cJSON *offsets, Tensor *tensor, uint64_t *begin, Error *err) {
    uint64_t end;
    bool two = cJSON_IsArray(offsets) && cJSON_GetArraySize(offsets) == 2;
    if (!two || !whole(offsets->child, begin) || !whole(offsets->child->next, &end))
        return wrong(reader, tensor, "'data_offsets' must be two whole numbers", err);
    if (*begin > end || end > reader->data_size)
        FAIL(err, ERR_INPUT, "%s: tensor '%.*s': its bytes %llu to %llu are not in the file, which has %llu bytes of data", reader->name,
             STR_ARG(tensor->name), (unsigned long long)*begin, (unsigned long long)end, (unsigned long long)reader->data_size);
    tensor->bytes = end - *begin;
    tensor->data = reader->data + *begin;
    return true;
}

static bool read_tensor(const Reader *reader, const cJSON *item, Tensor *tensor, Error *err) {
    tensor->name = str_copy(reader->arena, str_of(item->string));
    if (!tensor->name.len) FAIL(err, ERR_INPUT, "%s: a tensor has no name", reader->name);
    const cJSON *type = json_member(item, "dtype");
    if (!cJSON_IsObject(item) || !cJSON_IsString(type)) return wrong(reader, tensor, "'dtype' must be a string", err);
    uint32_t bits;
    tensor->stored = str_copy(reader->arena, str_of(type->valuestring));
    if (!stored_type(tensor->stored, &bits)) return wrong(reader, tensor, "its type is not one of safetensors", err);
    uint64_t elements = 0, total, begin;
    TRY(read_shape(reader, json_member(item, "shape"), tensor, &elements, err));
    TRY(read_offsets(reader, json_member(item, "data_offsets"), tensor, &begin, err));
    if (__builtin_mul_overflow(elements, bits, &total) || total % 8 || total / 8 != tensor->bytes)
        FAIL(err, ERR_INPUT, "%s: tensor '%.*s': has %llu bytes, its shape and type need %llu", reader->name, STR_ARG(tensor->name),
             (unsigned long long)tensor->bytes, (unsigned long long)(total / 8));
    tensor->dtype = dtype_stored(tensor->stored);
    return true;
}

static bool read_metadata(const Reader *reader, const cJSON *item, Error *err) {
    bool ok = cJSON_IsObject(item);
    for (const cJSON *member = ok ? item->child : NULL; member; member = member->next) ok &= (bool)cJSON_IsString(member);
    if (!ok) FAIL(err, ERR_INPUT, "%s: '__metadata__' must be an object of strings", reader->name);
    return true;
}

static int by_data(const void *a, const void *b) {
    const Tensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static int by_name(const void *a, const void *b) {
    return str_order(((const Tensor *)a)->name, ((const Tensor *)b)->name);
}

// In the order of their bytes each tensor begins where the one before ends; nothing is left over.
static bool check_cover(const Reader *reader, Error *err) {
    qsort(reader->out->at, reader->out->len, sizeof(Tensor), by_data);
    uint64_t at = 0;
    for (size_t i = 0; i < reader->out->len; i++) {
        const Tensor *tensor = &reader->out->at[i];
        uint64_t begin = (uint64_t)((const uint8_t *)tensor->data - reader->data);
        if (begin != at) return wrong(reader, tensor, begin < at ? "its bytes overlap another tensor's" : "there is a hole in front of its bytes", err);
        at += tensor->bytes;
    }
    if (at != reader->data_size)
        FAIL(err, ERR_INPUT, "%s: has %llu bytes of data, its tensors cover %llu", reader->name, (unsigned long long)reader->data_size, (unsigned long long)at);
    return true;
}

static bool check_names(const Reader *reader, Error *err) {
    qsort(reader->out->at, reader->out->len, sizeof(Tensor), by_name);
    for (size_t i = 1; i < reader->out->len; i++)
        if (str_eq(reader->out->at[i - 1].name, reader->out->at[i].name))
            return wrong(reader, &reader->out->at[i], "stands in the header twice", err);
    return true;
}

static void align_data(const Reader *reader) {
    for (size_t i = 0; i < reader->out->len; i++) {
        Tensor *tensor = &reader->out->at[i];
        bool aligned = tensor->dtype == DTYPE_COUNT || (uintptr_t)tensor->data % dtype_info[tensor->dtype].bytes == 0;
        if (!aligned) tensor->data = arena_copy(reader->arena, tensor->data, tensor->bytes);
    }
}

static bool read_header(const Reader *reader, const cJSON *header, Error *err) {
    if (!cJSON_IsObject(header)) FAIL(err, ERR_INPUT, "%s: the header is %s, expected an object", reader->name, json_kind(header));
    size_t metadata = 0;
    for (const cJSON *item = header->child; item; item = item->next) {
        if (strcmp(item->string, "__metadata__") == 0) {
            if (++metadata > 1) FAIL(err, ERR_INPUT, "%s: '__metadata__' stands in the header twice", reader->name);
            TRY(read_metadata(reader, item, err));
            continue;
        }
        Tensor tensor = {0};
        TRY(read_tensor(reader, item, &tensor, err));
        list_push(reader->arena, reader->out, tensor);
    }
    if (!reader->out->len) {
        if (reader->data_size) FAIL(err, ERR_INPUT, "%s: has %llu bytes of data and no tensor", reader->name, (unsigned long long)reader->data_size);
        return true;
    }
    TRY(check_cover(reader, err) && check_names(reader, err));
    align_data(reader);
    return true;
}

bool safetensors_parse(Arena *arena, const char *name, const uint8_t *at, size_t size, TensorList *out, Error *err) {
    uint64_t length = 0;
    if (size < 8) FAIL(err, ERR_INPUT, "%s: is no safetensors file: it has only %zu bytes", name, size);
    for (int i = 7; i >= 0; i--) length = length << 8 | at[i];
    if (length > LARGEST_HEADER || length > size - 8)
        FAIL(err, ERR_INPUT, "%s: the header should have %llu bytes, the file has %zu behind its first 8", name, (unsigned long long)length, size - 8);
    Str text = {(const char *)at + 8, (size_t)length};
    cJSON *header = json_parse(name, text, err);
    if (!header) return error_prefix(err, "safetensors header of");
    Reader reader = {arena, name, at + 8 + length, size - 8 - length, out};
    bool ok = read_header(&reader, header, err);
    cJSON_Delete(header);
    return ok;
}

// ---- Writing

void tensor_describe(const Tensor *tensor, Text *out) {
    text_add(out, "%.*s [", STR_ARG(tensor->stored.len ? tensor->stored : str_of(dtype_info[tensor->dtype].safetensors)));
    for (uint32_t i = 0; i < tensor->rank; i++) text_add(out, "%s%llu", i ? ", " : "", (unsigned long long)tensor->shape[i]);
    text_char(out, ']');
}

static void write_entry(const Tensor *tensor, uint64_t at, Text *out) {
    text_json(out, tensor->name);
    text_add(out, ":{\"dtype\":\"%s\",\"shape\":[", dtype_info[tensor->dtype].safetensors);
    for (uint32_t i = 0; i < tensor->rank; i++) text_add(out, "%s%llu", i ? "," : "", (unsigned long long)tensor->shape[i]);
    text_add(out, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at, (unsigned long long)(at + tensor->bytes));
}

bool safetensors_write(const char *path, const Tensor *tensors, size_t count, Str metadata, Error *err) {
    Arena *arena = arena_open();
    Text header = text_open(arena), file = text_open(arena);
    uint64_t at = 0;
    text_char(&header, '{');
    if (metadata.len) text_add(&header, "\"__metadata__\":%.*s", STR_ARG(metadata));
    for (size_t i = 0; i < count; i++) {
        if (i || metadata.len) text_char(&header, ',');
        write_entry(&tensors[i], at, &header);
        at += tensors[i].bytes;
    }
    text_char(&header, '}');
    while (header.len % 8) text_char(&header, ' ');
    for (int i = 0; i < 8; i++) text_char(&file, (char)((uint64_t)header.len >> (8 * i) & 255));
    text_str(&file, text_view(&header));
    for (size_t i = 0; i < count; i++) text_str(&file, (Str){tensors[i].data, (size_t)tensors[i].bytes});
    bool ok = file_write(path, text_view(&file), err);
    arena_close(arena);
    return ok;
}
