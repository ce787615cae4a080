// safetensors_entry.c: one entry of a safetensors header: nothing in it is believed before it was checked.
#include <math.h>

#include "mdx/json.h"
#include "runtime/safetensors.h"

// Types of the format that mdx does not read, only measures; the others are in dtype.def.
static const struct {
    const char *name;
    uint32_t bits;
} other_types[] = {
    {"I64", 64},    {"I16", 16},    {"I8", 8},   {"U64", 64},        {"U32", 32},        {"U16", 16},
    {"U8", 8},      {"BOOL", 8},    {"C64", 64}, {"F8_E4M3", 8},     {"F8_E5M2", 8},     {"F8_E8M0", 8},
    {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},   {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
};

static DType dtype_of(Str type) {
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (str_is(type, dtype_info[i].safetensors)) return (DType)i;
    return DTYPE_COUNT;
}

// Bits of an element, or 0 for a type that is not known here: a later version of the format may have it, and the
// tensors beside it are still good.
static uint64_t bits_of(const Tensor *tensor) {
    if (tensor->dtype != DTYPE_COUNT) return 8 * (uint64_t)dtype_info[tensor->dtype].bytes;
    for (size_t i = 0; i < COUNT(other_types); i++)
        if (str_is(tensor->stored, other_types[i].name)) return other_types[i].bits;
    return 0;
}

// The entry being read, for messages.
typedef struct {
    const Safetensors *file;
    Str name;
    const cJSON *dtype, *shape, *offsets;
} Entry;

static const char *entry_name(const Entry *entry) {
    return shown(entry->file->arena, entry->name);
}

#define REFUSE(entry, err, format, ...)                                                                                \
    FAIL((err), ERR_INPUT, "%s: tensor '%s': " format, (entry)->file->name, entry_name(entry), __VA_ARGS__)

// cJSON reads numbers as doubles: from 2^53 on it no longer tells neighbours apart.
static bool read_whole(const Entry *entry, const cJSON *value, const char *list, size_t i, uint64_t *out, Error *err) {
    if (!cJSON_IsNumber(value)) REFUSE(entry, err, "%s[%zu] is %s, expected a whole number", list, i, json_kind(value));
    double x = value->valuedouble;
    if (!(x >= 0 && x < 0x1p53 && x == floor(x)))
        REFUSE(entry, err, "%s[%zu] is %.17g, expected a whole number from 0 to 2^53 - 1", list, i, x);
    *out = (uint64_t)x;
    return true;
}

// Members that are not known are passed over, as the reference implementation does.
static bool find_members(const cJSON *object, Entry *entry, Error *err) {
    const struct {
        const char *key;
        const cJSON **at;
    } members[] = {{"dtype", &entry->dtype}, {"shape", &entry->shape}, {"data_offsets", &entry->offsets}};
    if (!cJSON_IsObject(object)) REFUSE(entry, err, "is %s, expected an object", json_kind(object));
    const cJSON *member;
    cJSON_ArrayForEach(member, object) {
        for (size_t i = 0; i < COUNT(members); i++) {
            if (strcmp(member->string, members[i].key) != 0) continue;
            if (*members[i].at) REFUSE(entry, err, "has '%s' twice", members[i].key);
            *members[i].at = member;
        }
    }
    return true;
}

static bool read_type(const Entry *entry, Tensor *tensor, Error *err) {
    if (!cJSON_IsString(entry->dtype)) REFUSE(entry, err, "'dtype' is %s, expected a string", json_kind(entry->dtype));
    tensor->stored = str_copy(entry->file->arena, str_of(entry->dtype->valuestring));
    tensor->dtype = dtype_of(tensor->stored);
    return true;
}

static bool read_shape(const Entry *entry, Tensor *tensor, uint64_t *elements, Error *err) {
    if (!cJSON_IsArray(entry->shape))
        REFUSE(entry, err, "'shape' is %s, expected a list of whole numbers", json_kind(entry->shape));
    *elements = 1;
    const cJSON *item;
    cJSON_ArrayForEach(item, entry->shape) {
        if (tensor->rank == TENSOR_MAX_RANK) REFUSE(entry, err, "has more than %d axes", TENSOR_MAX_RANK);
        uint64_t *axis = &tensor->shape[tensor->rank];
        TRY(read_whole(entry, item, "shape", tensor->rank++, axis, err));
        if (__builtin_mul_overflow(*elements, *axis, elements))
            REFUSE(entry, err, "has more than 2^64 elements up to shape[%u]", tensor->rank - 1);
    }
    return true;
}

static bool read_offsets(const Entry *entry, Tensor *tensor, Error *err) {
    const cJSON *offsets = entry->offsets;
    if (!cJSON_IsArray(offsets))
        REFUSE(entry, err, "'data_offsets' is %s, expected two whole numbers", json_kind(offsets));
    int count = cJSON_GetArraySize(offsets);
    if (count != 2) REFUSE(entry, err, "'data_offsets' is a list of %d, expected two whole numbers", count);
    uint64_t begin, end;
    TRY(read_whole(entry, offsets->child, "data_offsets", 0, &begin, err));
    TRY(read_whole(entry, offsets->child->next, "data_offsets", 1, &end, err));
    if (begin > end) REFUSE(entry, err, "data_offsets [%llu, %llu] end before they begin", (Big)begin, (Big)end);
    if (end > entry->file->data_size)
        REFUSE(entry, err, "data_offsets [%llu, %llu] reach beyond the data, which has %llu bytes (cut short?)",
               (Big)begin, (Big)end, (Big)entry->file->data_size);
    tensor->bytes = end - begin;
    tensor->data = entry->file->data + begin;
    return true;
}

static bool check_size(const Entry *entry, const Tensor *tensor, uint64_t elements, Error *err) {
    uint64_t bits = bits_of(tensor), total;
    if (!bits) return true;
    if (__builtin_mul_overflow(elements, bits, &total))
        REFUSE(entry, err, "has %llu elements, too many", (Big)elements);
    if (total % 8 == 0 && total / 8 == tensor->bytes) return true;
    Text text = text_open(entry->file->arena);
    tensor_describe(tensor, &text);
    if (total % 8) REFUSE(entry, err, "is %s, which is no whole number of bytes", text.at);
    REFUSE(entry, err, "is %s and needs %llu bytes, data_offsets give it %llu", text.at, (Big)(total / 8),
           (Big)tensor->bytes);
}

bool safetensors_entry(const Safetensors *file, const cJSON *object, Tensor *out, Error *err) {
    Str name = str_copy(file->arena, str_of(object->string));
    if (!name.len) FAIL(err, ERR_INPUT, "%s: a tensor's name is empty", file->name);
    Entry entry = {.file = file, .name = name};
    *out = (Tensor){.name = name};
    uint64_t elements = 0;
    TRY(find_members(object, &entry, err));
    TRY(read_type(&entry, out, err));
    TRY(read_shape(&entry, out, &elements, err));
    TRY(read_offsets(&entry, out, err));
    return check_size(&entry, out, elements, err);
}

bool safetensors_metadata(const char *name, const cJSON *value, Error *err) {
    if (!cJSON_IsObject(value))
        FAIL(err, ERR_INPUT, "%s: '__metadata__' is %s, expected an object of strings", name, json_kind(value));
    const cJSON *member;
    cJSON_ArrayForEach(member, value) {
        if (!cJSON_IsString(member))
            FAIL(err, ERR_INPUT, "%s: '__metadata__' holds %s, expected strings only", name, json_kind(member));
    }
    return true;
}
