// base_data.c: files and folders written in one step, SHA-256, element types widened to float.
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "mdx/dtype.h"
#include "mdx/file.h"
#include "mdx/hash.h"
#include "mdx/json.h"

static Arena *arena;
static char scratch[] = "scratch-XXXXXX";
static Error err;

static const char *path_of(const char *name) {
    return path_join(arena, str_of(scratch), str_of(name)).at;
}

// ---- Element types

// A half from its definition: sign, exponent biased by 15, 10 bits of fraction.
static double half_value(unsigned bits) {
    int exponent = (int)(bits >> 10 & 31);
    double fraction = ldexp((double)(bits & 1023), -10);
    double x = exponent == 31 ? (bits & 1023 ? NAN : INFINITY)
               : exponent     ? ldexp(1 + fraction, exponent - 15)
                              : ldexp(fraction, -14);
    return bits & 0x8000 ? -x : x;
}

// The same with 8 bits of exponent and 7 of fraction.
static double bf16_value(unsigned bits) {
    int exponent = (int)(bits >> 7 & 255);
    double fraction = ldexp((double)(bits & 127), -7);
    double x = exponent == 255 ? (bits & 127 ? NAN : INFINITY)
               : exponent      ? ldexp(1 + fraction, exponent - 127)
                               : ldexp(fraction, -126);
    return bits & 0x8000 ? -x : x;
}

static bool same_number(float got, double want) {
    if (isnan(want)) return isnan(got);
    return (double)got == want && !signbit(got) == !signbit(want);
}

static void test_halves(void) {
    static uint16_t bits[65536];
    static float f16[65536], bf16[65536];
    for (unsigned i = 0; i < 65536; i++) bits[i] = (uint16_t)i;
    dtype_to_f32(DTYPE_f16, bits, f16, 65536);
    dtype_to_f32(DTYPE_bf16, bits, bf16, 65536);
    size_t wrong = 0;
    for (unsigned i = 0; i < 65536; i++)
        wrong += !(same_number(f16[i], half_value(i)) && same_number(bf16[i], bf16_value(i)));
    CHECK(wrong == 0);
    CHECK(f16[0x3c00] == 1 && f16[0x7bff] == 65504 && f16[1] == 0x1p-24f && bf16[0x4049] == 3.140625f);
}

static void test_kinds_of_types(void) {
    static const bool is_float[DTYPE_COUNT] = {[DTYPE_f32] = true, [DTYPE_f16] = true, [DTYPE_bf16] = true};
    for (DType d = 0; d < DTYPE_COUNT; d++) {
        CHECK(dtype_is_float(d) == is_float[d] && dtype_is_short(d) == (is_float[d] && dtype_info[d].bytes == 2));
        CHECK(dtype_held(d, DTYPE_COUNT) == d && dtype_held(d, DTYPE_bf16) == (is_float[d] ? DTYPE_bf16 : d));
    }
}

static void test_widening(void) {
    const float f32[] = {1.5f, -0.0f, INFINITY};
    const double f64[] = {1e300, 0.1, -3};
    const int32_t i32[] = {INT32_MIN, 16777217, -1};
    float to[3];
    dtype_to_f32(DTYPE_f32, f32, to, 3);
    CHECK(memcmp(to, f32, sizeof to) == 0);
    dtype_to_f32(DTYPE_f64, f64, to, 3);
    CHECK(isinf(to[0]) && to[1] == 0.1f && to[2] == -3);
    dtype_to_f32(DTYPE_i32, i32, to, 3);
    CHECK(to[0] == -0x1p31f && to[1] == 16777216 && to[2] == -1);
    for (size_t d = 0; d < DTYPE_COUNT; d++) {
        to[0] = 42;
        dtype_to_f32((DType)d, i32, to, 0);
        CHECK(to[0] == 42 && dtype_info[d].bytes && dtype_info[d].name && dtype_info[d].safetensors);
    }
}

// ---- SHA-256: the vectors of FIPS 180-4

static void check_sha(Str bytes, const char *hex) {
    CHECK_STR(str_of(sha256_bytes(bytes.at, bytes.len).hex), str_of(hex));
}

static void test_sha256(void) {
    check_sha(STR(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha(STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_sha(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = arena_alloc(arena, 1000000);
    memset(million, 'a', 1000000);
    const char *hex = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    check_sha((Str){million, 1000000}, hex);
    Hasher *hasher = hasher_open(arena); // the same in uneven pieces
    for (size_t at = 0, n = 0; at < 1000000; at += n) {
        n = MIN(at % 97 + 1, 1000000 - at);
        hasher_add(hasher, million + at, n);
    }
    CHECK_STR(str_of(hasher_close(hasher).hex), str_of(hex));
    Sha256 sum;
    CHECK(file_write(path_of("million"), (Str){million, 1000000}, &err));
    CHECK(sha256_file(path_of("million"), &sum, &err) && str_is(str_of(sum.hex), hex));
    CHECK(!sha256_file(path_of("missing"), &sum, &err) && err.kind == ERR_SYSTEM);
}

// "ab", "c" is not "a", "bc", and not "abc".
static void test_hasher_str(void) {
    const Str parts[][2] = {{STR("ab"), STR("c")}, {STR("a"), STR("bc")}, {STR("abc"), STR("")}, {STR(""), STR("abc")}};
    Sha256 sums[COUNT(parts)];
    for (size_t i = 0; i < COUNT(parts); i++) {
        Hasher *hasher = hasher_open(arena);
        hasher_str(hasher, parts[i][0]);
        hasher_str(hasher, parts[i][1]);
        sums[i] = hasher_close(hasher);
        for (size_t j = 0; j < i; j++) CHECK(strcmp(sums[i].hex, sums[j].hex) != 0);
    }
}

// ---- Files

static size_t entries(const char *folder) {
    DIR *at = opendir(folder);
    size_t count = 0;
    for (struct dirent *entry; at && (entry = readdir(at));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (at) closedir(at);
    return count;
}

// A text that says how long it is: "12:xxxxxxxxx", so that a mixture of two is seen.
static Str sample_text(Arena *in, unsigned i) {
    Text text = text_open(in);
    text_add(&text, "%u:", i);
    text_repeat(&text, (char)('a' + i % 26), i * 1237 % 20000);
    return text_view(&text);
}

static void check_file(const char *path, Str expected) {
    Str got = {0};
    CHECK(file_read(arena, path, 1 << 20, &got, &err));
    CHECK(str_eq(got, expected) && got.at && got.at[got.len] == '\0');
    FileMap map;
    CHECK(file_map(path, &map, &err) && str_eq((Str){(const char *)map.at, map.size}, expected));
    file_unmap(&map);
    CHECK(!map.at && !map.size);
}

typedef struct {
    const char *path;
    volatile bool stop;
    size_t reads, broken;
} Watcher;

static void *watch(void *at) {
    Watcher *watcher = at;
    Error own;
    while (!__atomic_load_n(&watcher->stop, __ATOMIC_ACQUIRE)) {
        Arena *scope = arena_open();
        Str got;
        bool ok = file_read(scope, watcher->path, 1 << 20, &got, &own);
        if (ok) ok = str_eq(got, sample_text(scope, (unsigned)strtoul(got.at, NULL, 10)));
        watcher->broken += !ok;
        watcher->reads++;
        arena_close(scope);
    }
    return NULL;
}

// Someone who reads all the time sees whole texts only.
static void test_file_write(void) {
    const char *folder = path_of("files"), *path = path_of("files/text");
    CHECK(folder_make(folder, &err) && file_write(path, sample_text(arena, 0), &err));
    Watcher watcher = {.path = path};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, watch, &watcher) == 0);
    for (unsigned i = 1; i <= 100; i++) {
        CHECK(file_write(path, sample_text(arena, i), &err));
        check_file(path, sample_text(arena, i));
        CHECK(entries(folder) == 1);
    }
    __atomic_store_n(&watcher.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    CHECK(watcher.reads > 0 && watcher.broken == 0);
    CHECK(file_write(path, STR(""), &err));
    check_file(path, STR(""));
}

static void check_refusal(bool outcome, const char *path, const char *message) {
    CHECK(!outcome);
    CHECK_STR(str_of(err.text), str_format(arena, "%s: %s", path, message));
}

static void test_file_errors(void) {
    Str got;
    FileMap map;
    const char *missing = path_of("no/file"), *file = path_of("five");
    CHECK(file_write(file, STR("12345"), &err));
    check_refusal(file_read(arena, missing, 10, &got, &err), missing, "cannot open: No such file or directory");
    check_refusal(file_map(missing, &map, &err), missing, "cannot open: No such file or directory");
    check_refusal(file_read(arena, scratch, 10, &got, &err), scratch, "is a folder, a file was expected");
    check_refusal(file_map("/dev/null", &map, &err), "/dev/null", "is no regular file, a file was expected");
    check_refusal(file_read(arena, file, 4, &got, &err), file, "has 5 bytes, at most 4 are accepted here");
    CHECK(file_read(arena, file, 5, &got, &err));
    check_refusal(file_write(missing, STR("x"), &err), missing, "cannot create: No such file or directory");
    CHECK(!file_write(scratch, STR("x"), &err) && entries(".") > 0 && file_is_folder(scratch));
    CHECK(file_exists(file) && !file_exists(missing) && !file_is_folder(file) && !file_is_folder(missing));
    CHECK(!json_read(file, 4, &err) && !json_read(missing, 4, &err));
    cJSON *value = json_read(file, 5, &err);
    CHECK(value && value->valuedouble == 12345);
    cJSON_Delete(value);
}

// ---- Folders

static void test_folder_replace(void) {
    const char *home = path_of("folders"), *path = path_of("folders/out");
    CHECK(folder_make(home, &err));
    for (unsigned i = 0; i < 30; i++) {
        const char *part = str_format(arena, "%s.part", path).at;
        CHECK(folder_make(str_format(arena, "%s/deep/er", part).at, &err));
        CHECK(file_write(str_format(arena, "%s/deep/er/%u", part, i).at, sample_text(arena, i), &err));
        CHECK(file_write(str_format(arena, "%s/same", part).at, sample_text(arena, i), &err));
        CHECK(folder_replace(part, path, &err));
        check_file(path_of("folders/out/same"), sample_text(arena, i));
        check_file(str_format(arena, "%s/deep/er/%u", path, i).at, sample_text(arena, i));
        CHECK(entries(path_of("folders/out/deep/er")) == 1 && entries(home) == 1 && entries(path) == 2);
    }
    CHECK(!folder_replace(path_of("folders/missing"), path, &err) && file_is_folder(path));
    CHECK(folder_remove(home, &err) && !file_exists(home) && folder_remove(home, &err));
}

// A link is removed, never what it points to.
static void test_folder_remove(void) {
    const char *kept = path_of("kept");
    CHECK(file_write(kept, STR("x"), &err) && folder_make(path_of("dir/below"), &err));
    CHECK(symlink("../kept", path_of("dir/link")) == 0 && symlink("..", path_of("dir/below/up")) == 0);
    CHECK(folder_remove(path_of("dir"), &err) && !file_exists(path_of("dir")) && file_exists(kept));
}

static void test_folder_make(void) {
    CHECK(folder_make(path_of("a/b//c/"), &err) && file_is_folder(path_of("a/b/c")));
    CHECK(folder_make(path_of("a/b/c"), &err));
    CHECK(file_write(path_of("a/file"), STR("x"), &err));
    CHECK(!folder_make(path_of("a/file"), &err) && strstr(err.text, "a/file"));
    CHECK(!folder_make(path_of("a/file/below"), &err) && strstr(err.text, "a/file"));
    CHECK(!folder_make("", &err));
}

static void test_paths(void) {
    const char *const cases[][4] = {
        // of, name, beside, joined
        {"dir/file", "x", "dir/x", "dir/file/x"},
        {"file", "x", "x", "file/x"},
        {"/file", "x", "/x", "/file/x"},
        {"dir/", "x", "dir/x", "dir/x"},
        {"", "x", "x", "x"},
        {"dir/file", "/abs/x", "/abs/x", "/abs/x"},
        {"a/b/c", "../x", "a/b/../x", "a/b/c/../x"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK_STR(path_beside(arena, str_of(cases[i][0]), str_of(cases[i][1])), str_of(cases[i][2]));
        CHECK_STR(path_join(arena, str_of(cases[i][0]), str_of(cases[i][1])), str_of(cases[i][3]));
    }
}

int main(void) {
    arena = arena_open();
    if (!mkdtemp(scratch)) {
        perror("a scratch folder in the working folder");
        return 1;
    }
    test_halves();
    test_kinds_of_types();
    test_widening();
    test_sha256();
    test_hasher_str();
    test_file_write();
    test_file_errors();
    test_folder_replace();
    test_folder_remove();
    test_folder_make();
    test_paths();
    CHECK(folder_remove(scratch, &err));
    arena_close(arena);
    return check_done();
}
