// llvm.c: loading LLVM.
//
// The library is the one that mdx was built with, where it was then; on another machine the one of that name that the
// system has.
#include <dlfcn.h>
#include <llvm/Config/llvm-config.h>
#include <pthread.h>

#include "runtime/cpu/llvm.h"

Llvm llvm;

static const char *const names[] = {
#define MDX_LLVM(name) "LLVM" #name,
#include "runtime/cpu/llvm.def"
};

// What registers this machine as one to compile for.
#define NAME(text)    #text
#define NAME_OF(name) NAME(name)
static const char *const starters[] = {NAME_OF(LLVM_NATIVE_TARGETINFO), NAME_OF(LLVM_NATIVE_TARGET),
                                       NAME_OF(LLVM_NATIVE_TARGETMC), NAME_OF(LLVM_NATIVE_ASMPRINTER)};

static void *function(void *library, const char *name, Error *err) {
    void *at = dlsym(library, name);
    if (!at) error_set(err, ERR_SYSTEM, "%s has no %s", MDX_LLVM_LIBRARY, name);
    return at;
}

static bool load(Error *err) {
    void *library = dlopen(MDX_LLVM_LIBRARY, RTLD_LAZY | RTLD_LOCAL), *at;
    if (!library) library = dlopen(strrchr(MDX_LLVM_LIBRARY, '/') + 1, RTLD_LAZY | RTLD_LOCAL);
    if (!library) FAIL(err, ERR_SYSTEM, "llvm, which compiles row kernels, cannot be loaded: %s", dlerror());
    for (size_t i = 0; i < COUNT(names); i++) {
        TRY((at = function(library, names[i], err)) != NULL);
        memcpy((char *)&llvm + i * sizeof at, &at, sizeof at);
    }
    for (size_t i = 0; i < COUNT(starters); i++) {
        void (*start)(void);
        TRY((at = function(library, starters[i], err)) != NULL);
        memcpy(&start, &at, sizeof start);
        start();
    }
    return true;
}

static bool loaded;
static Error failure;

static void load_once(void) {
    loaded = load(&failure);
}

bool llvm_load(Error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_once);
    if (!loaded) *err = failure;
    return loaded;
}
