// jit.c: row kernels as functions: known ones, those of the cache, and those that must be compiled.
//
// Kept is finished machine code, so that a run whose kernels are all there needs no compiler. A kernel is known by a
// key: a hash of everything that its machine code depends on.
#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#include <errno.h>
#include <sys/mman.h>

#include "mdx/hash.h"
#include "runtime/cache.h"
#include "runtime/cpu/compile.h"
#include "runtime/cpu/emit.h"
#include "runtime/cpu/host.h"
#include "runtime/cpu/jit.h"

typedef struct {
    void *at;
    size_t bytes;
} Mapped;

struct Jit {
    Arena *arena;
    const char *cache;      // NULL: none
    Sha256 machine;         // and LLVM
    Compiler *compiler;     // NULL until something is compiled
    StrMap known;           // keys
    LIST(Mapped) functions; // one for each key
};

// ---- Keys

static Sha256 machine_key(void) {
    Arena *arena = arena_open();
    Hasher *hasher = hasher_open(arena);
    const uint32_t version = EMIT_VERSION;
    hasher_add(hasher, &version, sizeof version);
    hasher_str(hasher, STR(MDX_LLVM_VERSION));
    host_hash(hasher);
    Sha256 key = hasher_close(hasher);
    arena_close(arena);
    return key;
}

static void hash_code(Hasher *hasher, const RowCode *code, const DType *types) {
    const uint32_t head[] = {code->width, code->block, code->instr_count, code->operand_count, code->result_count};
    hasher_add(hasher, head, sizeof head);
    hasher_add(hasher, code->instrs, code->instr_count * sizeof *code->instrs);
    hasher_add(hasher, code->operands, code->operand_count * sizeof *code->operands);
    hasher_add(hasher, code->results, code->result_count * sizeof *code->results);
    for (uint32_t k = 0; k < code->operand_count; k++) {
        uint32_t type = code->operands[k].flag ? DTYPE_COUNT : types[k];
        hasher_add(hasher, &type, sizeof type);
    }
}

static Sha256 key_of(const Jit *jit, const RowCode *code, const DType *types) {
    Arena *arena = arena_open();
    Hasher *hasher = hasher_open(arena);
    hasher_str(hasher, str_of(jit->machine.hex));
    hash_code(hasher, code, types);
    Sha256 key = hasher_close(hasher);
    arena_close(arena);
    return key;
}

// ---- From a code to a function

static bool start_compiler(Jit *jit, Error *err) {
    if (!jit->compiler) jit->compiler = compiler_open(err);
    return jit->compiler != NULL;
}

static bool machine_code(Jit *jit, const RowCode *code, const DType *types, const Sha256 *key, Arena *arena, Str *out,
                         Error *err) {
    if (jit->cache && cache_get(jit->cache, key, ".code", arena, out)) return true;
    TRY(start_compiler(jit, err) && compiler_code(jit->compiler, code, types, arena, out, err));
    if (jit->cache) cache_put(jit->cache, key, ".code", *out);
    return true;
}

// Pages that can be written, then pages that can be run, never both.
static bool map_code(Str code, Mapped *out, Error *err) {
    void *at = mmap(NULL, code.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) FAIL(err, ERR_SYSTEM, "no memory for a row kernel: %s", strerror(errno));
    *out = (Mapped){at, code.len};
    memcpy(at, code.at, code.len);
    __builtin___clear_cache((char *)at, (char *)at + code.len);
    if (mprotect(at, code.len, PROT_READ | PROT_EXEC) == 0) return true;
    error_set(err, ERR_SYSTEM, "this system lets mdx run no code that it has compiled: %s", strerror(errno));
    munmap(at, code.len);
    return false;
}

static bool make_function(Jit *jit, const RowCode *code, const DType *types, const Sha256 *key, Error *err) {
    Arena *scratch = arena_open();
    Str bytes;
    Mapped mapped;
    bool ok = machine_code(jit, code, types, key, scratch, &bytes, err) && map_code(bytes, &mapped, err);
    if (ok) {
        strmap_put(&jit->known, str_copy(jit->arena, str_of(key->hex)), (uint32_t)jit->functions.len);
        list_push(jit->arena, &jit->functions, mapped);
    }
    arena_close(scratch);
    return ok;
}

// ---- Public

// LLVM is not started here, so nothing can fail yet.
Jit *jit_open(const char *cache, __attribute__((unused)) Error *err) {
    Arena *arena = arena_open();
    Jit *jit = arena_new(arena, Jit);
    jit->arena = arena;
    jit->cache = cache && cache[0] ? str_c(arena, str_of(cache)) : NULL;
    jit->machine = machine_key();
    jit->known = strmap_open(arena, 64);
    return jit;
}

void jit_close(Jit *jit) {
    if (!jit) return;
    for (size_t i = 0; i < jit->functions.len; i++) munmap(jit->functions.at[i].at, jit->functions.at[i].bytes);
    compiler_close(jit->compiler);
    arena_close(jit->arena);
}

bool jit_function(Jit *jit, const RowCode *code, const DType *types, RowFunction **out, Error *err) {
    Sha256 key = key_of(jit, code, types);
    uint32_t have;
    if (!strmap_get(&jit->known, str_of(key.hex), &have)) {
        TRY(make_function(jit, code, types, &key, err));
        have = (uint32_t)jit->functions.len - 1;
    }
    *out = (RowFunction *)(uintptr_t)jit->functions.at[have].at;
    return true;
}

bool jit_print(Jit *jit, const RowCode *code, const DType *types, Text *out, Error *err) {
    return start_compiler(jit, err) && compiler_print(jit->compiler, code, types, out, err);
}
