// The cache of machine code: kernels are read back by a second Jit, without LLVM; broken files are compiled again; a
// folder that cannot be written is no error.
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "mdx/file.h"
#include "runtime/cache.h"
#include "runtime/cpu/jit.h"

static char scratch[] = "scratch-XXXXXX";
static Arena *arena;

// x + addend, one number a row.
static RowCode code_of(double addend) {
    RowBuilder b = {.arena = arena};
    uint16_t x = row_number(&b, row_operand(&b, (RowOperand){.number = true}), false);
    row_result(&b, row_op(&b, ROW_add, x, row_constant(&b, addend, false), 0), false);
    return row_done(&b, 0, 0);
}

// What a new Jit with this cache makes of 1; NAN when it fails.
static double run(const char *cache, double addend) {
    Error err = {0};
    Jit *jit = jit_open(cache, &err);
    RowCode code = code_of(addend);
    RowFunction *function;
    float x = 1, y = NAN;
    if (jit_function(jit, &code, (DType[]){DTYPE_f32}, &function, &err))
        function((RowPointer[]){{&x, NULL, NULL, 1}, {&y, NULL, NULL, 1}}, 0, 0, 0, 1);
    else
        fprintf(stderr, "%s\n", err.text);
    jit_close(jit);
    return (double)y;
}

static Str folder(const char *name) {
    return path_join(arena, str_of(scratch), str_of(name));
}

// The one file in a folder, or NULL.
static const char *only_file(Str in) {
    FILE *list = popen(str_format(arena, "ls '%.*s'", STR_ARG(in)).at, "r");
    char line[256] = "", more[256];
    MUST(list);
    bool one = fgets(line, sizeof line, list) && !fgets(more, sizeof more, list);
    pclose(list);
    line[strcspn(line, "\n")] = '\0';
    return one ? path_join(arena, in, str_copy(arena, str_of(line))).at : NULL;
}

static struct stat stat_of(const char *path) {
    struct stat out = {0};
    MUST(stat(path, &out) == 0);
    return out;
}

static Sha256 key_of(const char *path) {
    Sha256 key = {{0}};
    const char *name = strrchr(path, '/') + 1;
    MUST(strlen(name) == 69 && strcmp(name + 64, ".code") == 0);
    memcpy(key.hex, name, 64);
    return key;
}

static Str bytes_of(const char *path) {
    Error err;
    Str out;
    MUST(file_read(arena, path, 1 << 20, &out, &err));
    return out;
}

// Who finds everything does not load LLVM. Another process fills the cache, before this one compiles anything.
static void needs_no_llvm(void) {
    Str filled = folder("filled");
    pid_t child = fork();
    if (child == 0) _exit(run(filled.at, 30) == 31 ? 0 : 1);
    int status = 1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0 && only_file(filled));
    CHECK(run(filled.at, 30) == 31);
    CHECK(!dlopen(MDX_LLVM_LIBRARY, RTLD_LAZY | RTLD_NOLOAD));
    CHECK(run(filled.at, 31) == 32 && dlopen(MDX_LLVM_LIBRARY, RTLD_LAZY | RTLD_NOLOAD));
}

// A file that is there is left as it is; and it is what runs: of two kernels, the code of one lies where that of the
// other is looked for.
static void reads_back(void) {
    Str a = folder("a/deeper"), b = folder("b");
    CHECK(run(a.at, 10) == 11 && run(b.at, 20) == 21);
    const char *one = only_file(a), *two = only_file(b);
    CHECK(one && two);
    if (!one || !two) return;
    struct stat before = stat_of(one);
    CHECK(run(a.at, 10) == 11);
    struct stat after = stat_of(one);
    CHECK(before.st_ino == after.st_ino && before.st_mtime == after.st_mtime && (after.st_mode & 0777) == 0644);

    Sha256 key_one = key_of(one), key_two = key_of(two);
    CHECK(strcmp(key_one.hex, key_two.hex) != 0);
    Str code;
    CHECK(cache_get(b.at, &key_two, ".code", arena, &code) && !cache_get(b.at, &key_one, ".code", arena, &code));
    cache_put(a.at, &key_one, ".code", code);
    CHECK(run(a.at, 10) == 21);
    cache_put(a.at, &key_two, ".code", code); // as its own neighbour
    CHECK(run(a.at, 20) == 21);
}

// Breaks the file, and expects the right result and the right file again.
static void repaired(const char *path, Str whole, Str broken) {
    Error err;
    MUST(file_write(path, broken, &err));
    CHECK(run(folder("c").at, 3) == 4);
    CHECK(str_eq(bytes_of(path), whole));
}

static void broken_files(void) {
    CHECK(run(folder("c").at, 3) == 4);
    const char *path = only_file(folder("c"));
    CHECK(path);
    if (!path) return;
    Str whole = bytes_of(path);
    const size_t lengths[] = {0, 1, 63, 64, 65, 100, whole.len / 2, whole.len - 1};
    for (size_t i = 0; i < COUNT(lengths); i++) repaired(path, whole, str_part(whole, 0, lengths[i]));
    for (size_t at = 0; at < whole.len; at += 97) {
        char *flipped = arena_copy(arena, whole.at, whole.len);
        flipped[at] ^= (char)(1 << at % 7);
        repaired(path, whole, (Str){flipped, whole.len});
    }
    // no file at all stands there: not read, not replaced, no error
    MUST(unlink(path) == 0 && mkdir(path, 0777) == 0);
    CHECK(run(folder("c").at, 3) == 4 && file_is_folder(path) && only_file(folder("c")));
}

static void unwritable(void) {
    Error err;
    Str file = folder("file");
    MUST(file_write(file.at, STR("x"), &err));
    CHECK(run(file.at, 5) == 6); // a file where the folder should be
    CHECK(run(path_join(arena, file, STR("below")).at, 5) == 6);
    CHECK(run("/proc/no such folder", 5) == 6);
    CHECK(run("", 5) == 6);
    CHECK(run(NULL, 5) == 6);
    CHECK_STR(bytes_of(file.at), STR("x"));
    Str sealed = folder("sealed");
    MUST(mkdir(sealed.at, 0555) == 0);
    CHECK(run(sealed.at, 5) == 6);
    CHECK(geteuid() == 0 || !only_file(sealed));
}

static void default_folder(void) {
    setenv("XDG_CACHE_HOME", "/x/cache", 1);
    setenv("HOME", "/home/somebody", 1);
    CHECK_STR(str_of(cache_folder(arena)), STR("/x/cache/mdx"));
    setenv("XDG_CACHE_HOME", "relative", 1); // the standard says: not used
    CHECK_STR(str_of(cache_folder(arena)), STR("/home/somebody/.cache/mdx"));
    unsetenv("XDG_CACHE_HOME");
    CHECK_STR(str_of(cache_folder(arena)), STR("/home/somebody/.cache/mdx"));
    unsetenv("HOME");
    CHECK(!cache_folder(arena));
}

int main(void) {
    Error err;
    arena = arena_open();
    if (!mkdtemp(scratch)) {
        perror("a scratch folder in the working folder");
        return 1;
    }
    needs_no_llvm();
    reads_back();
    broken_files();
    unwritable();
    CHECK(folder_remove(scratch, &err));
    default_folder();
    arena_close(arena);
    return check_done();
}
