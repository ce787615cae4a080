// load.c: finding and loading libcuda, NVRTC, cuBLASLt, cuBLAS and cuSOLVER.
#define _GNU_SOURCE // dlinfo

#include <dlfcn.h>
#include <glob.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>

#include "mdx/file.h"
#include "runtime/cuda/load.h"

CudaDriver cuda;
Nvrtc nvrtc;
BlasLt blaslt;
Cublas cublas;
Cusolver cusolver;

// Entries are those of CUDA 12.0, whatever the driver: some changed their parameters later.
enum { ENTRIES_OF = 12000 };

typedef struct {
    const char *name, *symbol; // in the library; some have a symbol that is not the name
} Entry;

typedef struct {
    const char *names[3]; // of files, the best first
    int behind;           // CUDA's version minus that in the name
    void *table;          // of the functions
    const Entry *entries;
    size_t count;
    const char *missing; // message, with %s for "" or what PyPI's packages for CUDA 12 have behind their name
    bool of_driver;
    bool loaded;
    char file[4096];
} Library;

static const Entry driver_entries[] = {
#define MDX_DRIVER(name, symbol, parameters) {"cu" #name, "cu" #symbol},
#include "runtime/cuda/driver.def"
};
static const Entry nvrtc_entries[] = {
#define MDX_NVRTC(result, name, parameters) {"nvrtc" #name, "nvrtc" #name},
#include "runtime/cuda/nvrtc.def"
};
static const Entry blaslt_entries[] = {
#define MDX_BLASLT(result, name, parameters) {"cublasLt" #name, "cublasLt" #name},
#include "runtime/cuda/blaslt.def"
};
static const Entry cublas_entries[] = {
#define MDX_CUBLAS(name, symbol, parameters) {"cublas" #name, "cublas" #symbol},
#include "runtime/cuda/cublas.def"
};
static const Entry cusolver_entries[] = {
#define MDX_CUSOLVER(name, symbol, parameters) {"cusolver" #name, "cusolver" #symbol},
#include "runtime/cuda/cusolver.def"
};

static Library driver_library = {
    .names = {"libcuda.so.1"},
    .table = &cuda,
    .entries = driver_entries,
    .count = COUNT(driver_entries),
    .of_driver = true,
    .missing = "no NVIDIA driver: libcuda.so.1 was not found; install one for CUDA 12 or newer (Debian: nvidia-driver, "
               "Ubuntu: ubuntu-drivers install, a container: start it with --gpus all)"};
static Library nvrtc_library = {
    .names = {"libnvrtc.so.13", "libnvrtc.so.12"},
    .table = &nvrtc,
    .entries = nvrtc_entries,
    .count = COUNT(nvrtc_entries),
    .missing =
        "no NVRTC, which compiles kernels for the GPU: pip install nvidia-cuda-nvrtc%s, or apt install libnvrtc12, "
        "or say where it is with --cuda-path"};
static Library blaslt_library = {
    .names = {"libcublasLt.so.13", "libcublasLt.so.12"},
    .table = &blaslt,
    .entries = blaslt_entries,
    .count = COUNT(blaslt_entries),
    .missing =
        "no cuBLASLt, which multiplies matrices on the GPU: pip install nvidia-cublas%s, or apt install libcublaslt12, "
        "or say where it is with --cuda-path"};
static Library cublas_library = {
    .names = {"libcublas.so.13", "libcublas.so.12"},
    .table = &cublas,
    .entries = cublas_entries,
    .count = COUNT(cublas_entries),
    .missing = "no cuBLAS, without which the processor makes large fits: pip install nvidia-cublas%s, or apt install "
               "libcublas12, or say where it is with --cuda-path"};
static Library cusolver_library = {
    .names = {"libcusolver.so.12", "libcusolver.so.11"},
    .behind = 1,
    .table = &cusolver,
    .entries = cusolver_entries,
    .count = COUNT(cusolver_entries),
    .missing = "no cuSOLVER, without which the processor makes large fits: pip install nvidia-cusolver%s, or apt install "
               "libcusolver11, or say where it is with --cuda-path"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// Version of CUDA that the loaded driver knows, 0 without one.
static int driver_major(void) {
    int version = 0;
    return driver_library.loaded && cuda.DriverGetVersion(&version) == 0 ? version / 1000 : 0;
}

// ---- Where

typedef struct {
    Arena *arena;
    StrList folders; // patterns of glob; an empty one: where the system looks
    Str trouble;     // why a library that is there could not be loaded
} Search;

static const char *const below_user_folder[] = {
    "", "/lib64", "/lib", "/targets/*/lib", "/nvidia/*/lib", "/lib/python3*/*-packages/nvidia/*/lib",
};
static const char *const below_prefix[] = {
    // of a Python
    "/lib/python3*/*-packages/nvidia/*/lib",
    "/lib",
    "/local/lib/python3*/*-packages/nvidia/*/lib",
};
static const char *const fixed[] = {
    "/usr/local/cuda/lib64",
    "/usr/local/cuda-*/lib64",
    "/usr/local/lib/python3*/*-packages/nvidia/*/lib",
};

// A folder's name means itself, whatever signs are in it.
static Str literal(Arena *arena, Str folder) {
    Text text = text_open(arena);
    for (size_t i = 0; i < folder.len; i++) {
        if (strchr("*?[]\\", folder.at[i])) text_char(&text, '\\');
        text_char(&text, folder.at[i]);
    }
    return text_view(&text);
}

static void add_below(Search *search, Str folder, const char *const *endings, size_t count) {
    if (!folder.len) return;
    Str start = literal(search->arena, folder);
    for (size_t i = 0; i < count; i++)
        list_push(search->arena, &search->folders, str_format(search->arena, "%.*s%s", STR_ARG(start), endings[i]));
}

static Str next_part(Str *list) {
    const char *colon = list->len ? memchr(list->at, ':', list->len) : NULL;
    Str part = str_part(*list, 0, colon ? (size_t)(colon - list->at) : list->len);
    *list = str_part(*list, part.len + 1, list->len);
    return part;
}

// "…/bin/python3" stands in an environment; what it is a link to, in the Python that this was made from.
static void add_prefix(Search *search, const char *python) {
    Str path = str_of(python);
    for (int up = 0; up < 2; up++) {
        while (path.len && path.at[path.len - 1] != '/') path.len--;
        if (path.len) path.len--;
    }
    add_below(search, path, below_prefix, COUNT(below_prefix));
}

static void add_python(Search *search) {
    for (Str path = str_of(getenv("PATH")); path.len;) {
        Str folder = next_part(&path);
        const char *python = path_join(search->arena, folder, STR("python3")).at;
        if (!str_starts(folder, STR("/")) || !file_exists(python)) continue;
        add_prefix(search, python);
        char *real = realpath(python, NULL);
        if (real) add_prefix(search, str_copy(search->arena, str_of(real)).at);
        free(real);
    }
}

static void add_default(Search *search) {
    const char *home = getenv("HOME");
    list_push(search->arena, &search->folders, (Str){0});
    add_below(search, str_of(getenv("VIRTUAL_ENV")), below_prefix, 1);
    for (size_t i = 0; i < COUNT(fixed); i++) list_push(search->arena, &search->folders, str_of(fixed[i]));
    add_python(search);
    if (home) add_below(search, path_join(search->arena, str_of(home), STR(".local")), below_prefix, 1);
}

static Search search_open(Arena *arena, const char *path, bool of_driver) {
    Search search = {.arena = arena};
    if (!path) path = getenv("MDX_CUDA_PATH");
    for (Str list = str_of(path); list.len;)
        add_below(&search, next_part(&list), below_user_folder, COUNT(below_user_folder));
    if (!search.folders.len)
        add_default(&search);
    else if (of_driver)
        list_push(arena, &search.folders, (Str){0});
    return search;
}

// ---- Opening

// That there is no such file is no trouble; anything else is.
static void *open_file(Search *search, const char *name) {
    void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
    if (library) return library;
    Str why = str_copy(search->arena, str_of(dlerror()));
    Str absent = str_format(search->arena, "%s: cannot open shared object file", name);
    if (!str_starts(why, absent)) search->trouble = why;
    return NULL;
}

static void *open_in(Search *search, Str folder, const char *name) {
    if (!folder.len) return open_file(search, name);
    glob_t found = {0};
    void *library = NULL;
    if (glob(path_join(search->arena, folder, str_of(name)).at, 0, NULL, &found) == 0)
        for (size_t i = found.gl_pathc; !library && i-- > 0;)
            library = open_file(search, found.gl_pathv[i]); // newest first
    globfree(&found);
    return library;
}

// Code for CUDA 13 does not run on a driver for 12.
static bool too_new(const Library *library, const char *name) {
    int newest = driver_major();
    return newest && atoi(strrchr(name, '.') + 1) + library->behind > newest;
}

static void *open_library(const Library *library, const char *path, Error *err) {
    Arena *arena = arena_open();
    Search search = search_open(arena, path, library->of_driver);
    void *opened = NULL;
    for (size_t n = 0; library->names[n] && !opened; n++)
        for (size_t i = 0; i < search.folders.len && !opened; i++)
            if (library->of_driver || !too_new(library, library->names[n]))
                opened = open_in(&search, search.folders.at[i], library->names[n]);
    if (!opened && search.trouble.len)
        error_set(err, ERR_SYSTEM, "%s cannot be loaded: %.*s", library->names[0], STR_ARG(search.trouble));
    else if (!opened)
        error_set(err, ERR_SYSTEM, library->missing, driver_major() == 12 ? "-cu12" : "");
    arena_close(arena);
    return opened;
}

// ---- Functions

// libcuda has old and new entries under one name (cuMemAlloc is that of CUDA 2.0), and hands out those of a version.
typedef int Finder(const char *name, void **out, int version, uint64_t flags, int *status);

static void *find_entry(void *library, Finder *finder, const Entry *entry) {
    void *at = NULL;
    int status;
    if (finder && finder(entry->name, &at, ENTRIES_OF, FIND_LEGACY_STREAM, &status) == 0 && at) return at;
    return dlsym(library, entry->symbol);
}

static bool fill_table(Library *library, void *opened, Error *err) {
    void *at = library->of_driver ? dlsym(opened, "cuGetProcAddress_v2") : NULL;
    Finder *finder;
    memcpy(&finder, &at, sizeof finder);
    for (size_t i = 0; i < library->count; i++) {
        at = find_entry(opened, finder, &library->entries[i]);
        if (!at) FAIL(err, ERR_SYSTEM, "%s has no %s: it is too old", library->file, library->entries[i].name);
        memcpy((char *)library->table + i * sizeof at, &at, sizeof at);
    }
    return true;
}

static void note_file(Library *library, void *opened) {
    struct link_map *map = NULL;
    bool known = dlinfo(opened, RTLD_DI_LINKMAP, &map) == 0 && map->l_name[0];
    Str file = str_of(known ? map->l_name : library->names[0]);
    size_t length = MIN(file.len, sizeof library->file - 1);
    memcpy(library->file, file.at, length);
    library->file[length] = '\0';
}

static bool load_library(Library *library, const char *path, Error *err) {
    void *opened = open_library(library, path, err);
    if (!opened) return false;
    note_file(library, opened);
    if (fill_table(library, opened, err)) return true;
    dlclose(opened);
    return false;
}

static bool start_driver(Error *err) {
    int version = 0;
    TRY(cuda_ok(cuda.Init(0), "starting the NVIDIA driver", err));
    TRY(cuda_ok(cuda.DriverGetVersion(&version), "asking the NVIDIA driver for its version", err));
    if (version >= ENTRIES_OF) return true;
    FAIL(err, ERR_SYSTEM, "the NVIDIA driver is for CUDA %d.%d; install one for CUDA 12 or newer", version / 1000,
         version % 1000 / 10);
}

static bool load_once(Library *library, const char *path, Error *err) {
    pthread_mutex_lock(&lock);
    if (!library->loaded)
        library->loaded = load_library(library, path, err) && (!library->of_driver || start_driver(err));
    pthread_mutex_unlock(&lock);
    return library->loaded;
}

// ---- Results

// What the driver's own words do not say.
static const struct {
    int result;
    const char *advice;
} advices[] = {
    {GPU_OUT_OF_MEMORY, "; --memory=SIZE cuts the prompts into micro-batches that fit"},
    {GPU_STUB_LIBRARY, "; libcuda.so.1 of a toolkit was found before the driver's"},
    {GPU_UNAVAILABLE, "; another process has the GPU for itself"},
    {GPU_NO_DEVICE, "; nvidia-smi lists the GPUs that the driver sees, CUDA_VISIBLE_DEVICES may hide them"},
    {GPU_NO_BINARY, "; the kernel was compiled for another GPU"},
    {GPU_ECC_UNCORRECTABLE, "; the GPU's memory is damaged, nvidia-smi -q shows where"},
    {GPU_ILLEGAL_ADDRESS, "; this is a bug in mdx"},
    {GPU_ILLEGAL_INSTRUCTION, "; this is a bug in mdx"},
    {GPU_MISALIGNED_ADDRESS, "; this is a bug in mdx"},
    {GPU_LAUNCH_FAILED, "; this is a bug in mdx"},
    {GPU_DRIVER_MISMATCH, "; the driver was updated: restart the machine"},
};

bool cuda_ok(int result, const char *what, Error *err) {
    if (result == 0) return true;
    const char *name = NULL, *text = NULL, *advice = "";
    if (cuda.GetErrorName(result, &name) != 0 || !name) name = "unknown";
    if (cuda.GetErrorString(result, &text) != 0 || !text) text = "no reason given";
    for (size_t i = 0; i < COUNT(advices); i++)
        if (advices[i].result == result) advice = advices[i].advice;
    FAIL(err, ERR_SYSTEM, "cuda: %s: %s (%s, %d)%s", what, text, name, result, advice);
}

bool nvrtc_ok(int result, const char *what, Error *err) {
    if (result == 0) return true;
    FAIL(err, ERR_SYSTEM, "nvrtc: %s: %s (%d)", what, nvrtc.GetErrorString(result), result);
}

bool blaslt_ok(int result, const char *what, Error *err) {
    if (result == 0) return true;
    FAIL(err, ERR_SYSTEM, "cublaslt: %s: %s (%s, %d)", what, blaslt.GetStatusString(result),
         blaslt.GetStatusName(result), result);
}

// ---- Public

bool cuda_load(const char *path, Error *err) {
    return load_once(&driver_library, path, err);
}

bool nvrtc_load(const char *path, Error *err) {
    return load_once(&nvrtc_library, path, err);
}

bool blaslt_load(const char *path, Error *err) {
    return load_once(&blaslt_library, path, err);
}

bool cusolver_load(const char *path, Error *err) {
    return load_once(&cublas_library, path, err) && load_once(&cusolver_library, path, err);
}

const char *cuda_file(void) {
    return driver_library.loaded ? driver_library.file : NULL;
}

const char *nvrtc_file(void) {
    return nvrtc_library.loaded ? nvrtc_library.file : NULL;
}

const char *blaslt_file(void) {
    return blaslt_library.loaded ? blaslt_library.file : NULL;
}

const char *cusolver_file(void) {
    return cusolver_library.loaded ? cusolver_library.file : NULL;
}
