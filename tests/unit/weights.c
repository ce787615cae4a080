// weights.c: safetensors files read, written and read back; models in one file and in shards.
#include <time.h>

#include "unit/safetensors_fixture.h"

static Error err;

static Weights *open_forged(const char *header, size_t data) {
    Weights *weights = weights_open_file(arena, put("forged.safetensors", forge(header, data)), &err);
    if (!weights) fprintf(stderr, "%s\n", err.text);
    return weights;
}

static Str described(const Tensor *tensor) {
    Text text = text_open(arena);
    tensor_describe(tensor, &text);
    return text_view(&text);
}

static bool has_bytes(const Tensor *tensor, const void *bytes, size_t size) {
    return tensor && tensor->bytes == size && (size == 0 || memcmp(tensor->data, bytes, size) == 0);
}

// ---- A file that the reference implementation wrote (tests/fuzz/corpus/make_safetensors.py)

static void test_python(void) {
    const char *path = TESTS "/fuzz/corpus/safetensors/python";
    Weights *weights = weights_open_file(arena, path, &err);
    CHECK(weights);
    if (!weights) return;
    const float f32[] = {0, 0.5f, 1, 1.5f, 2, 2.5f};
    const uint16_t f16[] = {0x3c00, 0xc000, 0x7bff, 0x0001}; // 1, -2, 65504, 2^-24
    const uint16_t bf16[] = {0x3f80, 0xc040, 0x7f80};        // 1, -3, inf
    const double f64[] = {-2.5};
    const int32_t i32[] = {-1, 2147483647};
    CHECK(has_bytes(weights_find(weights, STR("a.f32")), f32, sizeof f32));
    CHECK(has_bytes(weights_find(weights, STR("b.f16")), f16, sizeof f16));
    CHECK(has_bytes(weights_find(weights, STR("c.bf16")), bf16, sizeof bf16));
    CHECK(has_bytes(weights_find(weights, STR("d.scalar")), f64, sizeof f64));
    CHECK(has_bytes(weights_find(weights, STR("e.i32")), i32, sizeof i32));
    CHECK(has_bytes(weights_find(weights, STR("әлем")), NULL, 0));
    CHECK_STR(described(weights_find(weights, STR("a.f32"))), STR("F32 [2, 3]"));
    CHECK_STR(described(weights_find(weights, STR("b.f16"))), STR("F16 [4]"));
    CHECK_STR(described(weights_find(weights, STR("c.bf16"))), STR("BF16 [3, 1]"));
    CHECK_STR(described(weights_find(weights, STR("d.scalar"))), STR("F64 []"));
    CHECK_STR(described(weights_find(weights, STR("әлем"))), STR("F32 [0, 7]"));
    CHECK(weights_count(weights) == 6); // of 9: three are of types that are not read
    for (size_t i = 1; i < weights_count(weights); i++)
        CHECK(str_order(weights_at(weights, i - 1)->name, weights_at(weights, i)->name) < 0);
    CHECK(weights_file_count(weights) == 1);
    CHECK_STR(str_of(weights_file(weights, 0)), str_of(path));
    weights_close(weights);
}

// ---- Asking for a tensor

static void check_refusal(const Weights *weights, const char *name, const char *message) {
    const Tensor *tensor;
    CHECK(!weights_find(weights, str_of(name)));
    CHECK(!weights_get(weights, str_of(name), &tensor, &err));
    CHECK(!tensor && err.kind == ERR_INPUT);
    CHECK_STR(str_of(err.text), str_format(arena, "%s: %s", scratch_path("forged.safetensors"), message));
}

static void test_get(void) {
    Weights *weights = open_forged("{\"h.0.attn.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                   "\"b\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,0,7],\"data_offsets\":[0,0]},"
                                   "\"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[4,12]},"
                                   "\"mask\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[12,14]},"
                                   "\"nibbles\":{\"dtype\":\"F4\",\"shape\":[2,2],\"data_offsets\":[14,16]},"
                                   "\"six\":{\"dtype\":\"F6_E2M3\",\"shape\":[4],\"data_offsets\":[16,19]},"
                                   "\"to\\nmorrow\":{\"dtype\":\"F2048\",\"shape\":[3],\"data_offsets\":[19,20]}}",
                                   20);
    CHECK(weights);
    if (!weights) return;
    const Tensor *tensor;
    CHECK(weights_count(weights) == 2);
    CHECK_STR(described(weights_find(weights, STR("b"))), STR("F32 [1, 1, 1, 1, 1, 1, 0, 7]"));
    CHECK(weights_get(weights, STR("h.0.attn.weight"), &tensor, &err));
    CHECK(tensor == weights_find(weights, STR("h.0.attn.weight")) && tensor->dtype == DTYPE_f32);
    check_refusal(weights, "ids", "tensor 'ids' is I64, expected F32, F16, BF16, F64 or I32");
    check_refusal(weights, "mask", "tensor 'mask' is BOOL, expected F32, F16, BF16, F64 or I32");
    check_refusal(weights, "to\nmorrow", "tensor 'to\\nmorrow' is F2048, expected F32, F16, BF16, F64 or I32");
    check_refusal(weights, "h.O.attn.weight", "there is no tensor 'h.O.attn.weight'; did you mean 'h.0.attn.weight'?");
    check_refusal(weights, "transformer.h.0.attn.weight",
                  "there is no tensor 'transformer.h.0.attn.weight'; did you mean 'h.0.attn.weight'?");
    check_refusal(weights, "attn.weight", "there is no tensor 'attn.weight'; did you mean 'h.0.attn.weight'?");
    check_refusal(weights, "ttn.weight", "there is no tensor 'ttn.weight'");
    check_refusal(weights, "W", "there is no tensor 'W'"); // one letter for another is no guess
    check_refusal(weights, "lm_head.weight", "there is no tensor 'lm_head.weight'");
    check_refusal(weights, "", "there is no tensor ''");
    weights_close(weights);
}

// ---- Data that begins anywhere

// The header's length, padded with spaces, decides where the data begins: all eight cases, same values.
static void test_alignment(void) {
    const char *header = "{\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                         "\"h\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[8,10]},"
                         "\"i\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[10,18]}}";
    uint8_t expected[18];
    for (size_t i = 0; i < sizeof expected; i++) expected[i] = data_byte(i);
    for (int spaces = 0; spaces < 8; spaces++) {
        Weights *weights = open_forged(str_format(arena, "%s%*s", header, spaces, "").at, 18);
        CHECK(weights && weights_count(weights) == 3);
        if (!weights) continue;
        const Tensor *d = weights_at(weights, 0), *h = weights_at(weights, 1), *i = weights_at(weights, 2);
        CHECK(has_bytes(d, expected, 8) && has_bytes(h, expected + 8, 2) && has_bytes(i, expected + 10, 8));
        CHECK((uintptr_t)d->data % 8 == 0 && (uintptr_t)h->data % 2 == 0 && (uintptr_t)i->data % 4 == 0);
        float wide;
        double value;
        dtype_to_f32(DTYPE_f64, d->data, &wide, 1); // reads through a double *: UBSan looks on
        memcpy(&value, expected, sizeof value);
        CHECK(wide == (float)value);
        weights_close(weights);
    }
}

// ---- A large header

enum { MANY = 100000 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Names and offsets run in different orders, so that neither sort finds its work done.
static void test_many(void) {
    Text header = text_open(arena);
    for (size_t i = 0; i < MANY; i++) {
        size_t at = i * 7919 % MANY * 4;
        text_add(&header, "%s\"layer.%zu.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}",
                 i ? "," : "{", i, at, at + 4);
    }
    text_char(&header, '}');
    const char *path = put("many.safetensors", forge(header.at, MANY * 4));
    double start = seconds();
    Weights *weights = weights_open_file(arena, path, &err);
    CHECK(weights && weights_count(weights) == MANY);
    for (size_t i = 0; weights && i < MANY; i++) {
        const Tensor *tensor = weights_find(weights, str_format(arena, "layer.%zu.weight", i));
        CHECK(tensor && *(const uint8_t *)tensor->data == data_byte(i * 7919 % MANY * 4));
    }
    const Tensor *tensor;
    CHECK(weights && !weights_get(weights, STR("layer.5000O.weight"), &tensor, &err));
    CHECK(strstr(err.text, "did you mean 'layer.5000.weight'?"));
    double took = seconds() - start;
    fprintf(stderr, "%d tensors: opened, each found, one missed in %.2f s\n", MANY, took);
    CHECK(took < 10); // a quadratic search takes minutes
    weights_close(weights);
}

// ---- Writing

static const float two_floats[] = {1, -2};
static const uint16_t three_halves[] = {0x3c00, 0x4000, 0x4200};
static const double one_double[] = {3};
static const Tensor sample[] = {
    {.name = {"h", 1}, .dtype = DTYPE_bf16, .rank = 2, .shape = {3, 1}, .bytes = 6, .data = three_halves},
    {.name = {"\"f\"\n", 4}, .dtype = DTYPE_f32, .rank = 1, .shape = {2}, .bytes = 8, .data = two_floats},
    {.name = {"none", 4}, .dtype = DTYPE_i32, .rank = 2, .shape = {0, 3}, .bytes = 0, .data = NULL},
    {.name = {"d", 1}, .dtype = DTYPE_f64, .rank = 0, .bytes = 8, .data = one_double},
};

static Str written(const Tensor *tensors, size_t count, Str metadata) {
    const char *path = scratch_path("written.safetensors");
    Str bytes = {0};
    CHECK(safetensors_write(path, tensors, count, metadata, &err));
    CHECK(file_read(arena, path, 1 << 20, &bytes, &err));
    return bytes;
}

// Byte by byte what the format asks for: a header padded to 8, and data without holes, each tensor aligned.
static void test_written_bytes(void) {
    const char *header = "{\"__metadata__\":{\"by\":\"mdx\"},"
                         "\"d\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]},"
                         "\"\\\"f\\\"\\n\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
                         "\"none\":{\"dtype\":\"I32\",\"shape\":[0,3],\"data_offsets\":[16,16]},"
                         "\"h\":{\"dtype\":\"BF16\",\"shape\":[3,1],\"data_offsets\":[16,22]}}";
    size_t padded = (strlen(header) + 7) / 8 * 8;
    Str bytes = written(sample, COUNT(sample), STR("{\"by\":\"mdx\"}"));
    CHECK(bytes.len == 8 + padded + 22);
    if (bytes.len != 8 + padded + 22) return;
    CHECK((unsigned char)bytes.at[0] == padded % 256 && (unsigned char)bytes.at[1] == padded / 256);
    CHECK(memcmp(bytes.at + 2, "\0\0\0\0\0", 6) == 0);
    CHECK_STR(str_part(bytes, 8, 8 + padded), str_format(arena, "%-*s", (int)padded, header));
    const char *data = bytes.at + 8 + padded;
    CHECK(memcmp(data, one_double, 8) == 0 && memcmp(data + 8, two_floats, 8) == 0);
    CHECK(memcmp(data + 16, three_halves, 6) == 0);
    CHECK_STR(written(sample, COUNT(sample), STR("{\"by\":\"mdx\"}")), bytes);
}

static void test_read_back(void) {
    const char *path = scratch_path("written.safetensors");
    Str metadata[] = {STR(""), STR("{}"), STR("{\"a\":\"1\", \"b\":\"\xc3\xa9\"}")};
    for (size_t m = 0; m < COUNT(metadata); m++) {
        for (size_t count = 0; count <= COUNT(sample); count++) {
            written(sample, count, metadata[m]);
            Weights *weights = weights_open_file(arena, path, &err);
            CHECK(weights && weights_count(weights) == count);
            for (size_t i = 0; weights && i < count; i++) {
                const Tensor *tensor = weights_find(weights, sample[i].name);
                CHECK(has_bytes(tensor, sample[i].data, sample[i].bytes) && tensor->dtype == sample[i].dtype);
                CHECK(tensor && tensor->rank == sample[i].rank);
                CHECK(tensor && memcmp(tensor->shape, sample[i].shape, sizeof tensor->shape) == 0);
            }
            weights_close(weights);
        }
    }
}

static void check_unwritable(Tensor tensor, Str metadata, const char *message) {
    const char *path = scratch_path("unwritable.safetensors");
    const Tensor tensors[] = {sample[0], tensor};
    CHECK(!safetensors_write(path, tensors, 2, metadata, &err));
    CHECK_STR(str_of(err.text), str_format(arena, "%s: cannot be written: %s", path, message));
    CHECK(!file_exists(path));
}

static void test_unwritable(void) {
    Tensor tensor = sample[1];
    tensor.name = STR("");
    check_unwritable(tensor, STR(""), "a tensor's name is empty");
    tensor.name = STR("h");
    check_unwritable(tensor, STR(""), "two tensors have the name 'h'");
    tensor.name = STR("__metadata__");
    check_unwritable(tensor, STR(""), "'__metadata__' is no name for a tensor");
    tensor.name = STR("a\0b");
    check_unwritable(tensor, STR(""), "the name 'a\\u0000b' is not UTF-8 text");
    tensor.name = STR("a\xff");
    check_unwritable(tensor, STR(""), "the name 'a\xff' is not UTF-8 text");
    tensor.name = STR("x");
    check_unwritable(tensor, STR("{\"a\":1}"), "the metadata: '__metadata__' holds a number, expected strings only");
    check_unwritable(tensor, STR("[]"), "the metadata does not begin with '{'");
    check_unwritable(tensor, STR("{"), "the metadata:1:1: not valid JSON from here");
    check_unwritable(tensor, STR("\xef\xbb\xbf{}"), "the metadata does not begin with '{'");
    CHECK(!safetensors_write(scratch_path("nowhere/x.safetensors"), sample, 1, STR(""), &err));
    CHECK(err.kind == ERR_SYSTEM && strstr(err.text, "nowhere/x.safetensors"));
}

// ---- A model's folder

#define ONE(name) "\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"
#define TWO(a, b) ONE(a) ",\"" b "\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}"

static void test_folder(void) {
    const char *folder = scratch_path("model");
    CHECK(folder_make(folder, &err));
    put("model/model.safetensors.index.json", str_of("{\"metadata\":{\"total_size\":12},\"weight_map\":{"
                                                     "\"z\":\"model-1.safetensors\",\"a\":\"model-2.safetensors\","
                                                     "\"b\":\"model-2.safetensors\"}}"));
    put("model/model-1.safetensors", forge("{" TWO("z", "a") "}", 8)); // its 'a' is not the one that the index means
    put("model/model-2.safetensors", forge("{" TWO("a", "b") "}", 8));
    Weights *weights = weights_open(arena, folder, &err);
    CHECK(weights && weights_count(weights) == 2 && weights_file_count(weights) == 3);
    if (!weights) return;
    CHECK_STR(weights_at(weights, 0)->name, STR("a"));
    CHECK_STR(weights_at(weights, 1)->name, STR("z"));
    CHECK_STR(described(weights_find(weights, STR("a"))), STR("F32 [1]"));
    const char *files[] = {"model.safetensors.index.json", "model-1.safetensors", "model-2.safetensors"};
    for (size_t i = 0; i < COUNT(files); i++)
        CHECK_STR(str_of(weights_file(weights, i)), path_join(arena, str_of(folder), str_of(files[i])));
    const Tensor *tensor;
    CHECK(!weights_get(weights, STR("b"), &tensor, &err));
    CHECK_STR(str_of(err.text), str_format(arena, "%s: tensor 'b' is U8, expected F32, F16, BF16, F64 or I32",
                                           scratch_path("model/model.safetensors.index.json")));
    weights_close(weights);

    put("model/model.safetensors", forge("{" ONE("single") "}", 4)); // goes before an index
    weights = weights_open(arena, str_format(arena, "%s/", folder).at, &err);
    CHECK(weights && weights_count(weights) == 1 && weights_find(weights, STR("single")));
    CHECK(weights && str_is(str_of(weights_file(weights, 0)), scratch_path("model/model.safetensors")));
    weights_close(weights);
}

static void test_no_weights(void) {
    const char *folder = scratch_path("bare");
    CHECK(folder_make(folder, &err));
    put("bare/training_args.bin", STR("x"));
    Str message = str_format(arena,
                             "%s: has no weights: neither %s/model.safetensors nor "
                             "%s/model.safetensors.index.json is there",
                             folder, folder, folder);
    CHECK(!weights_open(arena, folder, &err));
    CHECK_STR(str_of(err.text), message);
    put("bare/pytorch_model.bin", STR("x"));
    CHECK(!weights_open(arena, folder, &err));
    CHECK_STR(str_of(err.text),
              str_format(arena, "%s; it has 'pytorch_model.bin', but only safetensors is read", message.at));
    put("bare/lama.Q4_K.gguf", STR("x"));
    CHECK(!weights_open(arena, folder, &err));
    CHECK(strstr(err.text, "it has 'lama.Q4_K.gguf', but only safetensors is read"));
    CHECK(!weights_open(arena, scratch_path("bare/pytorch_model.bin"), &err));
    CHECK(strstr(err.text, "is a file, a model's folder was expected"));
    CHECK(!weights_open(arena, scratch_path("missing"), &err));
    CHECK(strstr(err.text, "missing: there is no such folder"));
    CHECK(!weights_open_file(arena, scratch_path("missing"), &err));
    CHECK(err.kind == ERR_SYSTEM && strstr(err.text, "missing: cannot open: "));
    weights_close(NULL);
}

int main(void) {
    scratch_open();
    test_python();
    test_get();
    test_alignment();
    test_many();
    test_written_bytes();
    test_read_back();
    test_unwritable();
    test_folder();
    test_no_weights();
    scratch_close();
    return check_done();
}
