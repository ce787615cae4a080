// jit.c: row kernels compiled by LLVM to objects, kept in the object cache, linked by ORC.
//
// LLVM starts with the first function that is asked for. One Jit has one arena and one LLJIT; what it compiled is known
// by a key: a hash of everything that the machine code depends on.
#include <llvm-c/Analysis.h>
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <pthread.h>
#include <stdlib.h>

#include "mdx/file.h"
#include "mdx/hash.h"
#include "runtime/cpu/emit.h"
#include "runtime/cpu/jit.h"
#include "runtime/cache.h"

struct Jit {
    Arena *arena;
    const char *cache;             // NULL: none
    char *cpu, *features, *triple; // of LLVM; NULL until the first function
    LLVMTargetMachineRef machine;  // NULL until something is compiled
    LLVMOrcLLJITRef lljit;
    StrMap known;                  // keys
    LIST(RowFunction *) functions; // one for each key
};

// ---- LLVM

static bool fail_llvm(Error *err, const char *doing, char *message) {
    error_set(err, ERR_SYSTEM, "llvm: cannot %s: %s", doing, message);
    LLVMDisposeMessage(message);
    return false;
}

static bool check_llvm(LLVMErrorRef error, const char *doing, Error *err) {
    if (!error) return true;
    char *message = LLVMGetErrorMessage(error);
    error_set(err, ERR_SYSTEM, "llvm: cannot %s: %s", doing, message);
    LLVMDisposeErrorMessage(message);
    return false;
}

static void start_llvm(void) {
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
}

static void learn_host(Jit *jit) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (jit->triple) return;
    pthread_once(&once, start_llvm);
    jit->cpu = LLVMGetHostCPUName();
    jit->features = LLVMGetHostCPUFeatures();
    jit->triple = LLVMGetDefaultTargetTriple();
}

static bool start_machine(Jit *jit, Error *err) {
    if (jit->machine) return true;
    char *message = NULL;
    LLVMTargetRef target;
    if (LLVMGetTargetFromTriple(jit->triple, &target, &message))
        return fail_llvm(err, "compile for this machine", message);
    jit->machine = LLVMCreateTargetMachine(target, jit->triple, jit->cpu, jit->features, LLVMCodeGenLevelDefault,
                                           LLVMRelocPIC, LLVMCodeModelDefault);
    if (!jit->machine) FAIL(err, ERR_SYSTEM, "llvm: cannot compile for %s, %s", jit->triple, jit->cpu);
    return true;
}

static bool start_linker(Jit *jit, Error *err) {
    if (jit->lljit) return true;
    TRY(check_llvm(LLVMOrcCreateLLJIT(&jit->lljit, NULL), "start its linker", err));
    LLVMOrcDefinitionGeneratorRef symbols; // of the process: the logarithm
    LLVMErrorRef error = LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(
        &symbols, LLVMOrcLLJITGetGlobalPrefix(jit->lljit), NULL, NULL);
    TRY(check_llvm(error, "find the symbols of this process", err));
    LLVMOrcJITDylibAddGenerator(LLVMOrcLLJITGetMainJITDylib(jit->lljit), symbols);
    return true;
}

// ---- From code to object

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

static Sha256 key_of(const Jit *jit, const RowCode *code, const DType *types, Arena *arena) {
    Hasher *hasher = hasher_open(arena);
    unsigned versions[4] = {EMIT_VERSION};
    LLVMGetVersion(&versions[1], &versions[2], &versions[3]);
    hasher_add(hasher, versions, sizeof versions);
    hasher_str(hasher, str_of(jit->triple));
    hasher_str(hasher, str_of(jit->cpu));
    hasher_str(hasher, str_of(jit->features));
    hash_code(hasher, code, types);
    return hasher_close(hasher);
}

// The name of the function in its object: all are linked together.
static Str symbol_of(Arena *arena, const Sha256 *key) {
    return str_format(arena, "rows_%.32s", key->hex);
}

static void verify(LLVMModuleRef module) {
    char *message = NULL;
    if (LLVMVerifyModule(module, LLVMReturnStatusAction, &message)) BUG(message);
    LLVMDisposeMessage(message);
}

// The printer vectorised already, and a vector is enough work for an iteration: more would only take time to compile.
static bool optimise(Jit *jit, LLVMModuleRef module, Error *err) {
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMPassBuilderOptionsSetLoopVectorization(options, false);
    LLVMPassBuilderOptionsSetSLPVectorization(options, false);
    LLVMPassBuilderOptionsSetLoopUnrolling(options, false);
    LLVMErrorRef error = LLVMRunPasses(module, "default<O2>", jit->machine, options);
    LLVMDisposePassBuilderOptions(options);
    return check_llvm(error, "optimise a row kernel", err);
}

// A module of its own context with the optimised function. Closed with module_close.
static bool module_open(Jit *jit, const RowCode *code, const DType *types, const char *symbol, LLVMModuleRef *out,
                        Error *err) {
    TRY(start_machine(jit, err));
    LLVMModuleRef module = LLVMModuleCreateWithNameInContext("rows", LLVMContextCreate());
    LLVMSetTarget(module, jit->triple);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(jit->machine);
    LLVMSetModuleDataLayout(module, layout);
    LLVMDisposeTargetData(layout);
    emit_rows(module, code, types, symbol);
    verify(module);
    *out = module;
    return optimise(jit, module, err);
}

static void module_close(LLVMModuleRef module) {
    if (!module) return;
    LLVMContextRef context = LLVMGetModuleContext(module);
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
}

static bool compile(Jit *jit, const RowCode *code, const DType *types, const char *symbol, Arena *arena, Str *object,
                    Error *err) {
    LLVMModuleRef module = NULL;
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    bool ok = module_open(jit, code, types, symbol, &module, err);
    if (ok && LLVMTargetMachineEmitToMemoryBuffer(jit->machine, module, LLVMObjectFile, &message, &buffer))
        ok = fail_llvm(err, "compile a row kernel", message);
    if (ok) {
        *object = str_copy(arena, (Str){LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer)});
        LLVMDisposeMemoryBuffer(buffer);
    }
    module_close(module);
    return ok;
}

static bool object_of(Jit *jit, const RowCode *code, const DType *types, const Sha256 *key, Arena *arena, Str *object,
                      Error *err) {
    if (jit->cache && cache_get(jit->cache, key, ".o", arena, object)) return true;
    TRY(compile(jit, code, types, symbol_of(arena, key).at, arena, object, err));
    if (jit->cache) cache_put(jit->cache, key, ".o", *object);
    return true;
}

static bool link_object(Jit *jit, Str object, const char *symbol, RowFunction **out, Error *err) {
    TRY(start_linker(jit, err));
    LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(object.at, object.len, symbol);
    LLVMErrorRef error = LLVMOrcLLJITAddObjectFile(jit->lljit, LLVMOrcLLJITGetMainJITDylib(jit->lljit), buffer);
    TRY(check_llvm(error, "add a row kernel", err));
    LLVMOrcExecutorAddress address = 0;
    TRY(check_llvm(LLVMOrcLLJITLookup(jit->lljit, &address, symbol), "link a row kernel", err));
    *out = (RowFunction *)(uintptr_t)address;
    return true;
}

// ---- Public

// LLVM is not started here, so nothing can fail yet.
Jit *jit_open(const char *cache, __attribute__((unused)) Error *err) {
    Arena *arena = arena_open();
    Jit *jit = arena_new(arena, Jit);
    jit->arena = arena;
    jit->cache = cache && cache[0] ? str_c(arena, str_of(cache)) : NULL;
    jit->known = strmap_open(arena, 64);
    return jit;
}

void jit_close(Jit *jit) {
    if (!jit) return;
    if (jit->lljit) LLVMConsumeError(LLVMOrcDisposeLLJIT(jit->lljit));
    if (jit->machine) LLVMDisposeTargetMachine(jit->machine);
    if (jit->triple) {
        LLVMDisposeMessage(jit->cpu);
        LLVMDisposeMessage(jit->features);
        LLVMDisposeMessage(jit->triple);
    }
    arena_close(jit->arena);
}

static bool make_function(Jit *jit, const RowCode *code, const DType *types, const Sha256 *key, RowFunction **out,
                          Error *err) {
    Arena *scratch = arena_open();
    Str object;
    bool ok = object_of(jit, code, types, key, scratch, &object, err) &&
              link_object(jit, object, symbol_of(scratch, key).at, out, err);
    if (ok) {
        strmap_put(&jit->known, str_copy(jit->arena, str_of(key->hex)), (uint32_t)jit->functions.len);
        list_push(jit->arena, &jit->functions, *out);
    }
    arena_close(scratch);
    return ok;
}

bool jit_function(Jit *jit, const RowCode *code, const DType *types, RowFunction **out, Error *err) {
    learn_host(jit);
    Arena *scratch = arena_open();
    Sha256 key = key_of(jit, code, types, scratch);
    arena_close(scratch);
    uint32_t have;
    if (!strmap_get(&jit->known, str_of(key.hex), &have)) return make_function(jit, code, types, &key, out, err);
    *out = jit->functions.at[have];
    return true;
}

bool jit_print(Jit *jit, const RowCode *code, const DType *types, Text *out, Error *err) {
    learn_host(jit);
    LLVMModuleRef module = NULL;
    bool ok = module_open(jit, code, types, "rows", &module, err);
    if (ok) {
        char *text = LLVMPrintModuleToString(module);
        text_str(out, str_of(text));
        LLVMDisposeMessage(text);
    }
    module_close(module);
    return ok;
}
