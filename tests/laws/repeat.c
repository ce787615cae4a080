// repeat.c: the same spec on the same device gives the same bytes, in one process and in fresh ones.
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "devices.h"
#include "mdx/file.h"
#include "mdx/mdx.h"

enum { TIMES = 10 }; // in one process, and as often in fresh ones

static const char spec[] =
    "model base = hf(\"models/steppe/base\")\nmodel tuned = hf(\"models/steppe/tuned\")\n"
    "prompts val = jsonl(\"prompts/val.jsonl\", text: \"text\", chat: true, limit: 3)\n"
    "run clean = tuned on val\nhook h = layers[layer].attn_out @ end\nsweep layer in [1, 4]\n"
    "sweep alpha in [0.5, 1]\npatch p = h <- it + alpha * (M(base.h) - it)\n"
    "mapper M = procrustes(scale: true) from base.h to tuned.h on val\nrun patched = tuned on val with p\n"
    "metric k = mean(kl(patched, clean))\nmetric e = std(entropy(patched, at: all))\n"
    "report table(layer, alpha, k, e)\nreport states(patched.layers[5].resid_post @ all, on: val, as: \"stream\")\n";

static const char *const files[] = {"results.json", "values.csv", "states/stream.safetensors"};

// A device that rounds has more than one way.
typedef struct {
    const char *what;
    const char *options[4]; // NAME, VALUE …
    bool rounds;
} Way;

static const Way ways[] = {
    {"as it comes", {NULL}, false},
    {"in bf16", {"dtype", "bf16"}, true},
    {"in float32", {"dtype", "f32"}, true},
    {"in bf16, strict", {"dtype", "bf16", "strict", "on"}, true},
    {"in bf16, nothing cached", {"dtype", "bf16", "cache", "off"}, true},
};

static Arena *arena;
static char scratch[] = "scratch-XXXXXX";

// Runs the spec; the folder that it wrote, or NULL after a message.
static const char *run(const char *device, const Way *way, const char *out) {
    Mdx *mdx = mdx_open();
    bool ok = mdx_option(mdx, "device", device) && mdx_option(mdx, "out", out);
    for (size_t i = 0; ok && i + 1 < COUNT(way->options) && way->options[i]; i += 2)
        ok = mdx_option(mdx, way->options[i], way->options[i + 1]);
    ok = ok && mdx_read_text(mdx, REPO "/examples/repeat.mdx", spec, sizeof spec - 1) && mdx_run(mdx);
    if (!ok) fprintf(stderr, "%s", mdx_messages(mdx));
    const char *folder = ok ? str_copy(arena, str_of(mdx_folder(mdx))).at : NULL;
    mdx_close(mdx);
    return folder;
}

// The same in a process of its own, which is this program with three arguments.
static bool run_fresh(const char *device, size_t way, const char *out) {
    char program[] = "repeat";
    char *arguments[] = {program, str_c(arena, str_of(device)), str_c(arena, str_format(arena, "%zu", way)),
                         str_c(arena, str_of(out)), NULL};
    extern char **environ;
    pid_t child;
    int status;
    if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) != 0) return false;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static Str content(const char *folder, const char *name) {
    Error err;
    Str text = {0};
    if (!file_read(arena, path_join(arena, str_of(folder), str_of(name)).at, 64 << 20, &text, &err))
        fprintf(stderr, "%s\n", err.text);
    return text;
}

// Both wrote the same; the folders bear the digest of what went in.
static void same(const char *first, const char *out, const char *device, const char *what, const char *where,
                 int time) {
    const char *name = strrchr(first, '/') + 1;
    Str folder = path_join(arena, str_of(out), str_of(name));
    for (size_t i = 0; i < COUNT(files); i++) {
        Str a = content(first, files[i]), b = content(folder.at, files[i]);
        bool equal = a.len > 0 && str_eq(a, b);
        if (!equal) fprintf(stderr, "%s %s: run %d %s wrote another %s\n", device, what, time, where, files[i]);
        CHECK(equal);
    }
}

static void repeat(const char *device, size_t w) {
    const Way *way = &ways[w];
    const char *first = NULL;
    Error err;
    for (int i = 0; i < 2 * TIMES; i++) {
        bool fresh = i >= TIMES;
        Str out = str_format(arena, "%s/%s-%zu-%d", scratch, device, w, i);
        const char *folder = fresh ? first : run(device, way, out.at);
        bool ok = folder && (!fresh || run_fresh(device, w, out.at));
        CHECK(ok);
        if (!ok) return;
        if (first) same(first, out.at, device, way->what, fresh ? "(a process of its own)" : "of one process", i);
        if (i) CHECK(folder_remove(out.at, &err));
        if (!first) first = folder;
    }
}

// What a GPU's products are was chosen by the clock and is kept: other tests must not choose at the same time.
static void take_own_cache(void) {
    Error err;
    Str cache = str_format(arena, "%s/cache", scratch);
    char *whole;
    MUST(folder_make(cache.at, &err) && (whole = realpath(cache.at, NULL)));
    setenv("XDG_CACHE_HOME", whole, 1);
    free(whole);
}

int main(int count, char **arguments) {
    Error err;
    arena = arena_open();
    if (count == 4) return run(arguments[1], &ways[strtoul(arguments[2], NULL, 10)], arguments[3]) ? 0 : 1;
    MUST(mkdtemp(scratch));
    take_own_cache();
    for (size_t d = 0; d < test_devices()->count; d++) {
        const char *device = test_devices()->name[d];
        bool rounds = strcmp(device, "cuda") == 0;
        for (size_t w = 0; w < COUNT(ways); w++)
            if (rounds || !ways[w].rounds) repeat(device, w);
    }
    folder_remove(scratch, &err);
    arena_close(arena);
    return check_done();
}
