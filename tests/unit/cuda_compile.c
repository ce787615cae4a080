// cuda_compile.c: the files of kernels/ through NVRTC for every kind of GPU; the cache; errors. Needs no GPU.
#define _GNU_SOURCE // memmem
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "mdx/file.h"
#include "runtime/cache.h"
#include "runtime/cuda/compile.h"
#include "runtime/cuda/load.h"

static char scratch[] = "scratch-XXXXXX";
static Arena *arena;

enum { CHECKSUM_LEN = 64 }; // of a file of the cache

static KernelSource source_of(const char *name, const char *text) {
    return (KernelSource){name, str_of(text), false};
}

static KernelImage compile(KernelSource source, const char *arch, const char *folder) {
    Error err = {0};
    KernelImage image = {0};
    if (!kernels_compile(&source, 1, arch, folder, arena, &image, &err)) fprintf(stderr, "%s\n", err.text);
    return image;
}

static bool same(KernelImage a, KernelImage b) {
    return a.bytes && a.bytes == b.bytes && memcmp(a.image, b.image, a.bytes) == 0;
}

static bool has_name(KernelImage image, const char *name) {
    return image.bytes && memmem(image.image, image.bytes, name, strlen(name));
}

// ---- The kernels that are part of the program

static bool is_unit(const KernelFile *file) {
    return str_ends(str_of(file->name), STR(".cu"));
}

// Its defaults, the headers that it names, itself: what a caller puts together for NVRTC.
static Str whole_text(const KernelFile *file) {
    static const char guard[] = "#ifndef __CUDACC_RTC__", include[] = "#include \"";
    const char *text = str_c(arena, file->text), *at = strstr(text, guard);
    Text out = text_open(arena);
    if (at) text_str(&out, str_part(file->text, 0, (size_t)(at - text)));
    for (const char *end = at ? strstr(at, "#endif") : at; at && (at = strstr(at, include)) && at < end;) {
        at += strlen(include);
        Str name = {at, strcspn(at, "\"")};
        if (!str_is(name, "prelude.cuh")) text_str(&out, kernel_text(str_c(arena, name)));
    }
    text_add(&out, "\n#line 1 \"%s\"\n", file->name);
    text_str(&out, file->text);
    return text_view(&out);
}

static void test_kernels(void) {
    static const char *const archs[] = {"sm_80", "sm_90a", "sm_100"};
    KernelSource *sources = arena_many(arena, KernelSource, kernel_file_count);
    KernelImage *images = arena_many(arena, KernelImage, kernel_file_count);
    size_t count = 0;
    for (size_t i = 0; i < kernel_file_count; i++)
        if (is_unit(&kernel_files[i]))
            sources[count++] = (KernelSource){kernel_files[i].name, whole_text(&kernel_files[i]), true};
    CHECK(count >= 2);
    for (size_t a = 0; a < COUNT(archs); a++) {
        Error err = {0};
        bool ok = kernels_compile(sources, count, archs[a], NULL, arena, images, &err);
        if (!ok) fprintf(stderr, "%s\n", err.text);
        CHECK(ok);
        for (size_t i = 0; ok && i < count; i++) CHECK(memcmp(images[i].image, ELFMAG, SELFMAG) == 0);
    }
}

static void test_files(void) {
    for (size_t i = 0; i < kernel_file_count; i++) {
        Str text;
        Error err;
        CHECK(file_read(arena, str_format(arena, REPO "/kernels/%s", kernel_files[i].name).at, 1 << 20, &text, &err));
        CHECK_STR(kernel_files[i].text, text);
        CHECK(i == 0 || strcmp(kernel_files[i - 1].name, kernel_files[i].name) < 0);
    }
}

// ---- The prelude

static const char all_of_prelude[] =
    "static_assert(sizeof(bf16) == 2 && sizeof(f16) == 2 && sizeof(uint64_t) == 8 && sizeof(RowPointer) == 32, "
    "\"sizes\");\n"
    "extern \"C\" __global__ void all(const bf16 *a, const f16 *b, float *c, bf16 *d, f16 *e, uint32_t *f) {\n"
    "    float x = widen(a[0]) + widen(b[0]) + widen(c[0]);\n"
    "    c[0] = narrow<f32>(x == INFINITY ? NAN : x);\n"
    "    d[0] = narrow<bf16>(x);\n"
    "    e[0] = narrow<f16>(x);\n"
    "    f[0] = narrow_two<bf16>(x, c[1]) + narrow_two<f16>(x, c[1]);\n"
    "}\n";

static void test_prelude(void) {
    CHECK(has_name(compile(source_of("prelude", all_of_prelude), "sm_80", NULL), "all"));
    CHECK(has_name(compile(source_of("prelude", all_of_prelude), "sm_120", NULL), "all"));
}

// Whether a product and a sum become one instruction is the source's wish.
static void test_contraction(void) {
    KernelSource source = source_of("fma", "extern \"C\" __global__ void f(float *x) { x[0] = x[1] * x[2] + x[3]; }");
    KernelImage apart = compile(source, "sm_90", NULL);
    source.fused_multiply_add = true;
    KernelImage fused = compile(source, "sm_90", NULL);
    CHECK(apart.bytes && fused.bytes && !same(apart, fused));
}

// Many at once come back in their order.
static void test_many(void) {
    enum { COUNT_MANY = 12 };
    KernelSource sources[COUNT_MANY];
    KernelImage images[COUNT_MANY];
    Error err = {0};
    for (int i = 0; i < COUNT_MANY; i++)
        sources[i] = source_of(
            "many", str_format(arena, "extern \"C\" __global__ void many_%c(int *x) { *x = %d; }", 'a' + i, i).at);
    CHECK(kernels_compile(sources, COUNT_MANY, "sm_90a", NULL, arena, images, &err));
    for (int i = 0; i < COUNT_MANY; i++) CHECK(has_name(images[i], str_format(arena, "many_%c", 'a' + i).at));
}

// ---- The cache

static Str folder(const char *name) {
    return path_join(arena, str_of(scratch), str_of(name));
}

// Names of the files in a folder, one a line, in order.
static Str listing(Str in) {
    FILE *list = popen(str_format(arena, "ls '%.*s' 2>&1", STR_ARG(in)).at, "r");
    char text[4096];
    MUST(list);
    size_t length = fread(text, 1, sizeof text, list);
    pclose(list);
    return str_copy(arena, (Str){text, length});
}

static Sha256 key_in(Str in) {
    Sha256 key = {0};
    Str names = listing(in);
    CHECK(names.len > 64);
    memcpy(key.hex, names.at, MIN(names.len, 64));
    return key;
}

static const char small[] = "extern \"C\" __global__ void small(int *x) {\n    *x = 7;\n}\n";

static void test_kept(void) {
    Str in = folder("kept"), text, kept;
    Error err;
    KernelImage first = compile(source_of("small.cu", small), "sm_90a", in.at);
    CHECK(has_name(first, "small"));
    Sha256 key = key_in(in);
    CHECK_STR(listing(in), str_format(arena, "%s.cu\n%s.cubin\n", key.hex, key.hex));
    CHECK(file_read(arena, path_join(arena, in, str_format(arena, "%s.cu", key.hex)).at, 1 << 20, &text, &err));
    CHECK(str_ends(text, str_of(small)) && memmem(text.at, text.len, "struct bf16", 11));
    CHECK(cache_get(in.at, &key, ".cubin", arena, &kept) && kept.len == first.bytes &&
          !memcmp(kept.at, first.image, kept.len));
    // What is kept is what is given out: nothing is compiled.
    cache_put(in.at, &key, ".cubin", STR("kept, not compiled"));
    KernelImage second = compile(source_of("small.cu", small), "sm_90a", in.at);
    CHECK_STR(((Str){second.image, second.bytes}), STR("kept, not compiled"));
}

// The name is for messages, but #line is part of the text.
static void test_keys(void) {
    Str in = folder("keys");
    KernelSource source = source_of("small.cu", small);
    compile(source, "sm_90a", in.at);
    compile(source, "sm_90a", in.at);
    compile(source, "sm_80", in.at);
    source.fused_multiply_add = true;
    compile(source, "sm_80", in.at);
    compile(source_of("small.cu", "extern \"C\" __global__ void small(int *x) {\n    *x = 8;\n}\n"), "sm_90a", in.at);
    Str names = listing(in);
    size_t lines = 0;
    for (size_t i = 0; i < names.len; i++) lines += names.at[i] == '\n';
    CHECK(lines == 2 * 4);
}

static void test_broken(void) {
    Str in = folder("broken"), whole;
    Error err;
    KernelImage first = compile(source_of("small.cu", small), "sm_90a", in.at);
    Sha256 key = key_in(in);
    const char *path = path_join(arena, in, str_format(arena, "%s.cubin", key.hex)).at;
    CHECK(file_read(arena, path, 1 << 20, &whole, &err) && whole.len == first.bytes + CHECKSUM_LEN);
    const size_t sizes[] = {0, 1, CHECKSUM_LEN, CHECKSUM_LEN + 1, whole.len - 1, whole.len};
    for (size_t i = 0; i < COUNT(sizes); i++) { // cut short; and of whole length with a byte that is another
        char *bytes = str_c(arena, whole);
        bytes[whole.len - 1] ^= sizes[i] == whole.len;
        CHECK(file_write(path, (Str){bytes, sizes[i]}, &err));
        CHECK(same(first, compile(source_of("small.cu", small), "sm_90a", in.at)));
        Str mended;
        CHECK(file_read(arena, path, 1 << 20, &mended, &err));
        CHECK(str_eq(mended, whole));
    }
}

static void test_unwritable(void) {
    Error err;
    CHECK(file_write(folder("file").at, STR("no folder"), &err));
    CHECK(has_name(compile(source_of("small.cu", small), "sm_90a", folder("file").at), "small"));
    CHECK(has_name(compile(source_of("small.cu", small), "sm_90a", folder("file/below").at), "small"));
    CHECK(has_name(compile(source_of("small.cu", small), "sm_90a", "/proc/mdx"), "small"));
}

// ---- Errors

static bool refused(KernelSource source, const char *arch, const char *expected) {
    KernelImage image;
    Error err = {0};
    Str in = folder("refused");
    bool ok = !kernels_compile(&source, 1, arch, in.at, arena, &image, &err) && strstr(err.text, expected) &&
              !strchr(err.text, '\n');
    if (!ok) fprintf(stderr, "%s\n", err.text);
    return ok && !file_exists(in.at);
}

static void test_errors(void) {
    KernelSource wrong = source_of("wrong.cu", "extern \"C\" __global__ void f(int *x) {\n    *x = seven;\n}\n");
    CHECK(refused(wrong, "sm_90a",
                  "does not compile wrong.cu for sm_90a: wrong.cu(2): error: identifier \"seven\" is undefined"));
    CHECK(refused(source_of("open.cu", "\nint f() { return 1 +; }"), "sm_90a", "open.cu(2): error"));
    CHECK(refused(source_of("include.cu", "#include <cuda_bf16.h>\n"), "sm_90a", "cuda_bf16.h"));
    CHECK(refused(source_of("small.cu", small), "sm_33", "does not compile for GPUs of sm_33"));
    CHECK(refused(source_of("small.cu", small), "", "does not compile for GPUs of"));
    // The longest message of all is cut.
    Text many = text_open(arena);
    for (int i = 0; i < 90; i++) text_add(&many, "int f%d() { return unknown_name_%d; }\n", i, i);
    CHECK(refused(source_of("many.cu", many.at), "sm_90a", "…"));
}

static void test_one_wrong_of_many(void) {
    KernelSource sources[] = {source_of("a.cu", small), source_of("b.cu", "b"), source_of("c.cu", "c")};
    KernelImage images[COUNT(sources)];
    Error err = {0};
    CHECK(!kernels_compile(sources, COUNT(sources), "sm_90a", NULL, arena, images, &err) &&
          strstr(err.text, "b.cu(1)"));
    CHECK(kernels_compile(sources, 0, "sm_90a", NULL, arena, images, &err));
}

int main(void) {
    Error err = {0};
    if (!nvrtc_load(NULL, &err)) {
        printf("skipped: %s\n", err.text);
        return 77;
    }
    MUST(mkdtemp(scratch));
    arena = arena_open();
    test_files();
    test_prelude();
    test_contraction();
    test_many();
    test_kept();
    test_keys();
    test_broken();
    test_unwritable();
    test_errors();
    test_one_wrong_of_many();
    test_kernels();
    folder_remove(scratch, &err);
    arena_close(arena);
    return check_done();
}
