// safetensors.c: truncated, lying and malicious safetensors files and indexes: one message each, never a crash.
#include "unit/safetensors_fixture.h"

static Error err;

// One line that names the file first and holds `part`.
static void check_message(const char *what, const char *path, const char *part) {
    bool ok = err.kind != ERR_NONE && str_starts(str_of(err.text), str_of(path)) && strstr(err.text, part) &&
              !strchr(err.text, '\n') && strlen(err.text) < sizeof err.text - 1;
    if (ok) return;
    check_failures++;
    fprintf(stderr, "%s:\n  got  '%s'\n  want '%s: …%s…'\n", what, err.text, path, part);
}

static void check_refused(const char *what, Str bytes, const char *part) {
    const char *path = put("hostile.safetensors", bytes);
    Arena *own = arena_open();
    err = (Error){0};
    Weights *weights = weights_open_file(own, path, &err);
    CHECK(!weights);
    if (weights)
        fprintf(stderr, "%s: was accepted\n", what);
    else
        check_message(what, path, part);
    weights_close(weights);
    arena_close(own);
}

// ---- Headers, each with 16 bytes of data behind it

#define X(members) "{\"x\":{" members "}}"
#define F32        "\"dtype\":\"F32\","
#define SHAPE      "\"shape\":[4],"
#define OFFSETS    "\"data_offsets\":[0,16]"
#define GOOD       "\"x\":{" F32 SHAPE OFFSETS "}"
#define SHAPED(s)  X(F32 "\"shape\":" s "," OFFSETS)
#define PLACED(p)  X(F32 SHAPE "\"data_offsets\":" p)
#define TYPED(t)   X("\"dtype\":" t "," SHAPE OFFSETS)
#define AT(b, e)   "{\"dtype\":\"U8\",\"shape\":[" #e "],\"data_offsets\":[" #b "," #e "]}"

static const struct {
    const char *header, *part;
} headers[] = {
    // JSON
    {"", ": header:1:1: not valid JSON from here"},
    {"{", ": header:1:1: not valid JSON from here"},
    {"{" GOOD, ": header:1:54: not valid JSON from here"},
    {"{" GOOD ",}", "not valid JSON from here"},
    {"{" GOOD "}{}", "more text after the end of the JSON value"},
    {"hello", ": header:1:1: not valid JSON from here"},
    {"[]", ": the header is a list, expected an object"},
    {"null", ": the header is null, expected an object"},
    {"\"x\"", ": the header is a string, expected an object"},
    {"{\"\xff\":{}}", ": header:1:3: not valid UTF-8"},
    {"{\"a\xc0\x80\":{}}", ": header:1:4: not valid UTF-8"},
    {"{\"\xed\xa0\x80\":{}}", ": header:1:3: not valid UTF-8"},
    {"{\"a\\u0000b\":{}}", ": header:1:4: the character \\u0000 is not accepted"},
    {"{\"\\ud800\":{}}", ": header:1:3: not valid JSON from here"},
    // The list of tensors
    {"{\"x\":[]}", ": tensor 'x': is a list, expected an object"},
    {"{\"x\":null}", ": tensor 'x': is null, expected an object"},
    {"{\"\":{" F32 SHAPE OFFSETS "}}", ": a tensor's name is empty"},
    {"{" GOOD "," GOOD "}", ": the header has tensor 'x' twice"},
    {"{" GOOD ",\"\\u0078\":{" F32 "\"shape\":[0],\"data_offsets\":[16,16]}}", ": the header has tensor 'x' twice"},
    {"{\"a\\nb\":1}", ": tensor 'a\\nb': is a number, expected an object"},
    {"{\"__metadata__\":[]," GOOD "}", ": '__metadata__' is a list, expected an object of strings"},
    {"{\"__metadata__\":{\"a\":{}}," GOOD "}", ": '__metadata__' holds an object, expected strings only"},
    {"{\"__metadata__\":{\"a\":null}," GOOD "}", ": '__metadata__' holds null, expected strings only"},
    {"{\"__metadata__\":{},\"__metadata__\":{}," GOOD "}", ": the header has '__metadata__' twice"},
    // Types
    {X(SHAPE OFFSETS), ": tensor 'x': 'dtype' is missing, expected a string"},
    {TYPED("32"), ": tensor 'x': 'dtype' is a number, expected a string"},
    {TYPED("null"), ": tensor 'x': 'dtype' is null, expected a string"},
    {X(F32 F32 SHAPE OFFSETS), ": tensor 'x': has 'dtype' twice"},
    {TYPED("\"F16\""), ": tensor 'x': is F16 [4] and needs 8 bytes, data_offsets give it 16"},
    {TYPED("\"I64\""), ": tensor 'x': is I64 [4] and needs 32 bytes, data_offsets give it 16"},
    {X("\"dtype\":\"F4\",\"shape\":[33]," OFFSETS), ": tensor 'x': is F4 [33], which is no whole number of bytes"},
    // Shapes
    {X(F32 OFFSETS), ": tensor 'x': 'shape' is missing, expected a list of whole numbers"},
    {SHAPED("{}"), ": tensor 'x': 'shape' is an object, expected a list of whole numbers"},
    {SHAPED("4"), ": tensor 'x': 'shape' is a number, expected a list of whole numbers"},
    {X(F32 SHAPE SHAPE OFFSETS), ": tensor 'x': has 'shape' twice"},
    {SHAPED("[-4]"), ": tensor 'x': shape[0] is -4, expected a whole number from 0 to 2^53 - 1"},
    {SHAPED("[1,4.5]"), ": tensor 'x': shape[1] is 4.5, expected a whole number from 0 to 2^53 - 1"},
    {SHAPED("[1e300]"), ": tensor 'x': shape[0] is 1.0000000000000001e+300, expected a whole number"},
    {SHAPED("[1e999]"), ": tensor 'x': shape[0] is inf, expected a whole number"},
    {SHAPED("[9007199254740992]"), ": tensor 'x': shape[0] is 9007199254740992, expected a whole number"},
    {SHAPED("[18446744073709551620]"), ": tensor 'x': shape[0] is 1.8446744073709552e+19, expected a whole number"},
    {SHAPED("[\"4\"]"), ": tensor 'x': shape[0] is a string, expected a whole number"},
    {SHAPED("[[4]]"), ": tensor 'x': shape[0] is a list, expected a whole number"},
    {SHAPED("[true]"), ": tensor 'x': shape[0] is true or false, expected a whole number"},
    {SHAPED("[1,1,1,1,1,1,1,1,4]"), ": tensor 'x': has more than 8 axes"},
    {SHAPED("[4294967296,4294967296]"), ": tensor 'x': has more than 2^64 elements up to shape[1]"},
    {SHAPED("[4503599627370496,4503599627370496,0]"), ": tensor 'x': has more than 2^64 elements up to shape[1]"},
    {SHAPED("[2147483648,2147483652]"), ": tensor 'x': has 4611686027017322496 elements, too many"},
    {SHAPED("[]"), ": tensor 'x': is F32 [] and needs 4 bytes, data_offsets give it 16"},
    {SHAPED("[0]"), ": tensor 'x': is F32 [0] and needs 0 bytes, data_offsets give it 16"},
    {SHAPED("[5]"), ": tensor 'x': is F32 [5] and needs 20 bytes, data_offsets give it 16"},
    // Offsets
    {X(F32 SHAPE "\"a\":0"), ": tensor 'x': 'data_offsets' is missing, expected two whole numbers"},
    {PLACED("16"), ": tensor 'x': 'data_offsets' is a number, expected two whole numbers"},
    {PLACED("[]"), ": tensor 'x': 'data_offsets' is a list of 0, expected two whole numbers"},
    {PLACED("[0]"), ": tensor 'x': 'data_offsets' is a list of 1, expected two whole numbers"},
    {PLACED("[0,16,32]"), ": tensor 'x': 'data_offsets' is a list of 3, expected two whole numbers"},
    {X(F32 SHAPE OFFSETS "," OFFSETS), ": tensor 'x': has 'data_offsets' twice"},
    {PLACED("[\"0\",16]"), ": tensor 'x': data_offsets[0] is a string, expected a whole number"},
    {PLACED("[0,null]"), ": tensor 'x': data_offsets[1] is null, expected a whole number"},
    {PLACED("[-16,0]"), ": tensor 'x': data_offsets[0] is -16, expected a whole number from 0 to 2^53 - 1"},
    {PLACED("[0.5,16.5]"), ": tensor 'x': data_offsets[0] is 0.5, expected a whole number"},
    {PLACED("[0,1e300]"), ": tensor 'x': data_offsets[1] is 1.0000000000000001e+300, expected a whole number"},
    {PLACED("[18446744073709551600,18446744073709551616]"), ": tensor 'x': data_offsets[0] is 1.8446744073709552e+19"},
    {PLACED("[9007199254740991,9007199254740991]"),
     ": tensor 'x': data_offsets [9007199254740991, 9007199254740991] reach beyond the data, which has 16 bytes"},
    {PLACED("[16,0]"), ": tensor 'x': data_offsets [16, 0] end before they begin"},
    {PLACED("[0,17]"), ": tensor 'x': data_offsets [0, 17] reach beyond the data, which has 16 bytes (cut short?)"},
    {PLACED("[8,24]"), ": tensor 'x': data_offsets [8, 24] reach beyond the data, which has 16 bytes (cut short?)"},
    {PLACED("[0,12]"), ": tensor 'x': is F32 [4] and needs 16 bytes, data_offsets give it 12"},
    // Coverage
    {"{}", ": bytes 0 to 16 of the data, its last, belong to no tensor"},
    {"{\"a\":" AT(0, 12) "}", ": bytes 12 to 16 of the data, its last, belong to no tensor"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[8,16]}}",
     ": bytes 0 to 8 of the data, before tensor 'a', belong to no tensor"},
    {"{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[12,16]},\"a\":" AT(0, 8) "}",
     ": bytes 8 to 12 of the data, before tensor 'b', belong to no tensor"},
    {"{\"a\":" AT(0, 16) ",\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[12,16]}}",
     ": tensor 'b' begins at byte 12 of the data, inside tensor 'a', which ends at 16"},
    {"{\"a\":" AT(0, 16) ",\"b\":{\"dtype\":\"F2048\",\"shape\":[4],\"data_offsets\":[0,15]}}",
     ": tensor 'a' begins at byte 0 of the data, inside tensor 'b', which ends at 15"},
    {"{\"a\":" AT(0, 16) ",\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[7,7]}}",
     ": tensor 'b' begins at byte 7 of the data, inside tensor 'a', which ends at 16"},
};

static void test_headers(void) {
    for (size_t i = 0; i < COUNT(headers); i++)
        check_refused(headers[i].header, forge(headers[i].header, 16), headers[i].part);
    check_refused("a NUL byte", forge_lying(5, STR("{\"a\0\""), 0), ": header:1:4: a NUL byte in JSON");
}

// ---- The file around the header

static void test_frames(void) {
    Str good = STR("{" GOOD "}");
    check_refused("empty", STR(""), ": has 0 bytes, a safetensors file has at least 8");
    check_refused("seven bytes", STR("1234567"), ": has 7 bytes, a safetensors file has at least 8");
    check_refused("no header", forge_lying(0, STR(""), 0), ": header:1:1: not valid JSON from here");
    check_refused("one byte more", forge_lying(good.len + 17, good, 16), "but only 71 follow (cut short?)");
    check_refused("one byte less", forge_lying(good.len - 1, good, 16), ": header:1:54: not valid JSON from here");
    check_refused("data as header", forge_lying(good.len + 16, good, 16), ": header:1:");
    check_refused("too long", forge_lying(100000001, good, 16),
                  "has 100000001 bytes according to the first 8, at most");
    check_refused("2^32", forge_lying(1ull << 32, good, 16), "has 4294967296 bytes according to the first 8, at most");
    check_refused("2^63", forge_lying(1ull << 63, good, 16), "has 9223372036854775808 bytes according to the first 8");
    check_refused("2^64 - 1", forge_lying(UINT64_MAX, good, 16), "has 18446744073709551615 bytes according to");
    check_refused("2^64 - 8", forge_lying(UINT64_MAX - 7, good, 16), "has 18446744073709551608 bytes according to");
    check_refused("big-endian", forge_lying(__builtin_bswap64(good.len), good, 16), "at most 100000000 are accepted");
    check_refused("an LFS pointer", STR("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
                  ": is a Git LFS pointer");
    check_refused("GGUF", STR("GGUF\3\0\0\0\0\0\0\0"), ": is a GGUF file, expected safetensors");
    check_refused("zip", STR("PK\3\4\0\0\x08\x08\0\0"), ": is a zip archive, as PyTorch writes it");
    check_refused("HTML", STR("<!DOCTYPE html><html>"), ": is a page of HTML or XML, expected safetensors");
}

// A header over the limit that is really there (the file has a hole and takes no room).
static void test_too_large(void) {
    enum { LENGTH = 100000001 };
    const char *path = put("hostile.safetensors", forge_lying(LENGTH, STR("{}"), 0));
    CHECK(truncate(path, 8 + LENGTH) == 0);
    CHECK(!weights_open_file(arena, path, &err));
    check_message("too large", path, ": its header has 100000001 bytes according to the first 8, at most 100000000");
}

// A good file, cut at every place, and with every byte of its header replaced.
static void test_every_byte(void) {
    Str good = forge("{\"__metadata__\":{\"a\":\"b\"}," GOOD ",\"é\":{\"dtype\":\"F16\",\"shape\":[1,2],"
                     "\"data_offsets\":[16,20]},\"z\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[20,20]}}",
                     20);
    for (size_t size = 0; size < good.len; size++) {
        size_t data = good.len - 20;
        const char *part = size < 8      ? "a safetensors file has at least 8"
                           : size < data ? "(cut short?)"
                                         : "reach beyond";
        check_refused("cut", str_part(good, 0, size), part);
    }
    Text longer = text_open(arena);
    text_str(&longer, good);
    text_char(&longer, '\0');
    check_refused("a byte too many", text_view(&longer), ": bytes 20 to 21 of the data, its last, belong to no tensor");

    char *bytes = str_c(arena, good);
    for (size_t i = 0; i < good.len - 20; i++) {
        for (const char *with = "\xff\x01\"0{[]}, \\-e."; *with; with++) {
            Arena *own = arena_open();
            bytes[i] = *with;
            Weights *weights = weights_open_file(own, put("hostile.safetensors", (Str){bytes, good.len}), &err);
            if (!weights) check_message("a byte replaced", scratch_path("hostile.safetensors"), ": ");
            for (size_t k = 0; weights && k < weights_count(weights); k++) CHECK(weights_at(weights, k)->bytes <= 20);
            weights_close(weights);
            arena_close(own);
        }
        bytes[i] = good.at[i];
    }
}

// ---- Size and depth

static void test_large(void) {
    enum { DEPTH = 200000, LONG = 1 << 20 };
    Text text = text_open(arena);
    text_str(&text, STR("{\"x\":"));
    text_repeat(&text, '[', DEPTH);
    check_refused("deep lists", forge(text.at, 0), "not valid JSON from here");
    text.len = 0;
    for (size_t i = 0; i < DEPTH; i++) text_str(&text, STR("{\"a\":"));
    check_refused("deep objects", forge(text.at, 0), "not valid JSON from here");

    text.len = 0;
    text_str(&text, STR("{\""));
    text_repeat(&text, 'n', LONG);
    text_str(&text, STR("\":{\"dtype\":\""));
    text_repeat(&text, 'F', LONG);
    text_str(&text, STR("\",\"shape\":[-1],\"data_offsets\":[0,0]}}"));
    check_refused("a long name", forge(text.at, 0), "nnn...': shape[0] is -1, expected a whole number");

    text.len = 0;
    text_str(&text, STR("{\""));
    text_repeat(&text, 'n', 119);
    text_str(&text, STR("é\":0}")); // cut between characters
    check_refused("a name cut", forge(text.at, 0), "nnn...': is a number, expected an object");

    text.len = 0;
    text_str(&text, STR("{\"x\":{\"dtype\":\"F32\",\"shape\":[1"));
    for (size_t i = 0; i < LONG; i++) text_str(&text, STR(",1"));
    text_str(&text, STR("],\"data_offsets\":[0,4]}}"));
    check_refused("a million axes", forge(text.at, 4), ": tensor 'x': has more than 8 axes");
}

// ---- Folders and indexes

static void check_folder(const char *what, const char *folder, const char *part) {
    Arena *own = arena_open();
    err = (Error){0};
    Weights *weights = weights_open(own, folder, &err);
    CHECK(!weights);
    if (!weights) check_message(what, folder, part);
    weights_close(weights);
    arena_close(own);
}

#define SHARD(file) "{\"weight_map\":{\"x\":" file "}}"

static const struct {
    const char *index, *part;
} indexes[] = {
    {"", "index.json:1:1: not valid JSON from here"},
    {"{\"weight_map\":{\"x\":\"\xff\"}}", "index.json:1:21: not valid UTF-8"},
    {"[]", "index.json: is a list, expected an object"},
    {"7", "index.json: is a number, expected an object"},
    {"{}", "index.json: 'weight_map' is missing, expected an object"},
    {"{\"weight_map\":null}", "index.json: 'weight_map' is missing, expected an object"},
    {"{\"weight_map\":[\"x\"]}", "index.json: 'weight_map' is a list, expected an object"},
    {SHARD("1"), "index.json: the file of tensor 'x' is a number, expected a string"},
    {SHARD("null"), "index.json: the file of tensor 'x' is null, expected a string"},
    {SHARD("\"\""), "index.json: '' is no plain name of a file in the model's folder"},
    {SHARD("\"..\""), "index.json: '..' is no plain name of a file"},
    {SHARD("\".\""), "index.json: '.' is no plain name of a file"},
    {SHARD("\"../x.safetensors\""), "index.json: '../x.safetensors' is no plain name of a file"},
    {SHARD("\"/etc/passwd\""), "index.json: '/etc/passwd' is no plain name of a file"},
    {SHARD("\"sub/x.safetensors\""), "index.json: 'sub/x.safetensors' is no plain name of a file"},
    {SHARD("\"a\\nb\""), "index.json: 'a\\nb' is no plain name of a file"},
    {SHARD("\"missing.safetensors\""), "/missing.safetensors: cannot open: "},
    {SHARD("\"folder\""), "/folder: is a folder, a file was expected"},
    {SHARD("\"bad.safetensors\""), "/bad.safetensors: has 3 bytes, a safetensors file has at least 8"},
    {SHARD("\"model.safetensors.index.json\""), "index.json: its header has "},
    {SHARD("\"good.safetensors\",\"y\":\"good.safetensors\""), "/good.safetensors: there is no tensor 'y', where "},
    {SHARD("\"good.safetensors\",\"x\":\"good.safetensors\""), "index.json: 'weight_map' has tensor 'x' twice"},
    {SHARD("\"good.safetensors\",\"\":\"good.safetensors\""), "/good.safetensors: there is no tensor '', where "},
};

static void test_indexes(void) {
    const char *folder = scratch_path("model");
    CHECK(folder_make(scratch_path("model/folder"), &err));
    put("model/good.safetensors", forge("{" GOOD "}", 16));
    put("model/bad.safetensors", STR("bad"));
    put("x.safetensors", forge("{" GOOD "}", 16)); // what "../x.safetensors" would reach
    for (size_t i = 0; i < COUNT(indexes); i++) {
        put("model/model.safetensors.index.json", str_of(indexes[i].index));
        check_folder(indexes[i].index, folder, indexes[i].part);
    }
    Text name = text_open(arena);
    text_str(&name, STR("{\"weight_map\":{\"x\":\""));
    text_repeat(&name, 'n', 100000);
    text_str(&name, STR("\"}}"));
    put("model/model.safetensors.index.json", text_view(&name));
    check_folder("a long name", folder, "nnn...' is no plain name of a file in the model's folder");
    put("model/model.safetensors.index.json", str_of(SHARD("\"good.safetensors\"")));
    Weights *weights = weights_open(arena, folder, &err); // the folder itself is in order
    CHECK(weights && weights_count(weights) == 1);
    weights_close(weights);
}

static void test_folders(void) {
    const char *folder = scratch_path("model2");
    CHECK(folder_make(scratch_path("model2/model.safetensors"), &err));
    check_folder("a folder as file", folder, "/model.safetensors: is a folder, a file was expected");
    CHECK(!weights_open_file(arena, folder, &err));
    check_message("a folder", folder, ": is a folder, a file was expected");
    folder = scratch_path("model3");
    CHECK(folder_make(scratch_path("model3/model.safetensors.index.json"), &err));
    check_folder("a folder as index", folder, "/model.safetensors.index.json: is a folder, a file was expected");
}

int main(void) {
    scratch_open();
    test_headers();
    test_frames();
    test_too_large();
    test_every_byte();
    test_large();
    test_indexes();
    test_folders();
    scratch_close();
    return check_done();
}
