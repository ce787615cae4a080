// compile.c: kernels through NVRTC, with a cache.
#include <stdlib.h>

#include "mdx/file.h"
#include "runtime/cache.h"
#include "runtime/cpu/pool.h"
#include "runtime/cuda/compile.h"
#include "runtime/cuda/load.h"

enum { MOST_OPTIONS = 8, MOST_LOG = 1200 };

typedef struct {
    const KernelSource *source;
    Arena *arena; // its own: jobs run at the same time
    Str text;     // with the prelude
    const char *options[MOST_OPTIONS];
    int option_count;
    Sha256 key;
    Str cubin; // empty: not yet
    bool failed;
    Error err;
} Job;

typedef struct {
    const char *arch, *folder;
    Job **jobs;    // [count], as the sources
    Job **missing; // those that the cache does not have
    uint32_t count, missing_count;
} Compilation;

Str kernel_text(const char *name) {
    for (size_t i = 0; i < kernel_file_count; i++)
        if (strcmp(kernel_files[i].name, name) == 0) return kernel_files[i].text;
    BUG(name);
}

// ---- What is compiled

static void add_option(Job *job, const char *option) {
    MUST(job->option_count < MOST_OPTIONS);
    job->options[job->option_count++] = option;
}

static Sha256 key_of(const Job *job, const int *version) {
    Hasher *hasher = hasher_open(job->arena);
    hasher_add(hasher, version, 2 * sizeof *version);
    for (int i = 0; i < job->option_count; i++) hasher_str(hasher, str_of(job->options[i]));
    hasher_str(hasher, job->text);
    return hasher_close(hasher);
}

// Messages count the lines of the source's own text.
static Job *job_open(const KernelSource *source, const char *arch, const int *version) {
    Arena *arena = arena_open();
    Job *job = arena_new(arena, Job);
    Str prelude = kernel_text("prelude.cuh");
    *job = (Job){.source = source, .arena = arena};
    job->text = str_format(arena, "#line 1 \"prelude.cuh\"\n%.*s#line 1 \"%s\"\n%.*s", STR_ARG(prelude), source->name,
                           STR_ARG(source->text));
    add_option(job, str_format(arena, "--gpu-architecture=%s", arch).at);
    add_option(job, "--std=c++17");
    add_option(job, "--device-as-default-execution-space");
    add_option(job, source->fused_multiply_add ? "--fmad=true" : "--fmad=false");
    job->key = key_of(job, version);
    return job;
}

// ---- Errors

// The log in one line: its first lines, without the drawings of where in a line.
static Str log_line(NvrtcProgram program, Arena *arena) {
    size_t size = 0;
    if (nvrtc.GetProgramLogSize(program, &size) != 0 || size <= 1) return STR("no reason given");
    char *log = arena_many(arena, char, size + 1);
    if (nvrtc.GetProgramLog(program, log) != 0) return STR("no reason given");
    Text line = text_open(arena);
    for (char *at = log; *at && line.len < MOST_LOG;) {
        size_t length = strcspn(at, "\n"), blank = strspn(at, " ^");
        if (blank < length) text_add(&line, "%s%.*s", line.len ? "; " : "", (int)(length - blank), at + blank);
        at += length + (at[length] == '\n');
    }
    return line.len <= MOST_LOG ? text_view(&line) : str_format(arena, "%.*s …", MOST_LOG, line.at);
}

static bool arch_known(const char *arch) {
    int known[256], count = 0;
    if (nvrtc.GetNumSupportedArchs(&count) != 0 || count > (int)COUNT(known)) return true;
    if (nvrtc.GetSupportedArchs(known) != 0) return true;
    for (int i = 0; i < count; i++)
        if (strtoul(arch + strlen("sm_"), NULL, 10) == (unsigned long)known[i]) return true;
    return false;
}

static bool fail_compile(const Job *job, NvrtcProgram program, const char *arch, Error *err) {
    int version[2] = {0};
    nvrtc.Version(&version[0], &version[1]);
    if (!arch_known(arch))
        FAIL(err, ERR_SYSTEM,
             "NVRTC %d.%d (%s) does not compile for GPUs of %s; give the folder of another one with --cuda-path",
             version[0], version[1], nvrtc_file(), arch);
    FAIL(err, ERR_SYSTEM, "NVRTC %d.%d does not compile %s for %s: %.*s", version[0], version[1], job->source->name,
         arch, STR_ARG(log_line(program, job->arena)));
}

// ---- Compiling

static bool take_cubin(Job *job, NvrtcProgram program, Error *err) {
    size_t size = 0;
    TRY(nvrtc_ok(nvrtc.GetCUBINSize(program, &size), job->source->name, err));
    char *cubin = arena_many(job->arena, char, size);
    TRY(nvrtc_ok(nvrtc.GetCUBIN(program, cubin), job->source->name, err));
    job->cubin = (Str){cubin, size};
    return true;
}

static bool compile_text(Job *job, const char *arch, Error *err) {
    NvrtcProgram program = NULL;
    TRY(nvrtc_ok(nvrtc.CreateProgram(&program, job->text.at, job->source->name, 0, NULL, NULL), job->source->name,
                 err));
    bool ok = nvrtc.CompileProgram(program, job->option_count, job->options) == 0
                  ? take_cubin(job, program, err)
                  : fail_compile(job, program, arch, err);
    nvrtc.DestroyProgram(&program);
    return ok;
}

// The text is for people who look for what was compiled: it is never read, so that a broken one does no harm.
static void keep(Job *job, const char *folder) {
    Error unwritten;
    cache_put(folder, &job->key, ".cubin", job->cubin);
    Str path = path_join(job->arena, str_of(folder), str_format(job->arena, "%s.cu", job->key.hex));
    if (!file_exists(path.at)) file_write(path.at, job->text, &unwritten);
}

static void run_job(void *self, uint32_t i, uint32_t worker) {
    (void)worker;
    const Compilation *all = self;
    Job *job = all->missing[i];
    job->failed = !compile_text(job, all->arch, &job->err);
    if (!job->failed && all->folder) keep(job, all->folder);
}

static bool compile_missing(const Compilation *all, Error *err) {
    if (!all->missing_count) return true;
    Pool *pool = pool_open(MIN(all->missing_count, pool_default_threads()), err);
    if (!pool) return false;
    pool_run(pool, run_job, (void *)(uintptr_t)all, all->missing_count);
    pool_close(pool);
    for (uint32_t i = 0; i < all->missing_count; i++) {
        if (!all->missing[i]->failed) continue;
        *err = all->missing[i]->err;
        return false;
    }
    return true;
}

// ---- Public

static void open_jobs(Compilation *all, const KernelSource *sources) {
    int version[2] = {0};
    nvrtc.Version(&version[0], &version[1]);
    for (uint32_t i = 0; i < all->count; i++) {
        Job *job = all->jobs[i] = job_open(&sources[i], all->arch, version);
        if (all->folder && cache_get(all->folder, &job->key, ".cubin", job->arena, &job->cubin)) continue;
        all->missing[all->missing_count++] = job;
    }
}

bool kernels_compile(const KernelSource *sources, size_t count, const char *arch, const char *cache_folder,
                     Arena *arena, KernelImage *images, Error *err) {
    TRY(nvrtc_load(NULL, err));
    Compilation all = {.arch = arch, .folder = cache_folder, .count = (uint32_t)count};
    all.jobs = arena_many(arena, Job *, count);
    all.missing = arena_many(arena, Job *, count);
    open_jobs(&all, sources);
    bool ok = compile_missing(&all, err);
    for (uint32_t i = 0; i < all.count; i++) {
        const Job *job = all.jobs[i];
        if (ok) images[i] = (KernelImage){arena_copy(arena, job->cubin.at, job->cubin.len), job->cubin.len};
        arena_close(job->arena);
    }
    return ok;
}
