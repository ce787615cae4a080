// compile.c: from a row code through LLVM's IR to machine code.
#include "runtime/cpu/compile.h"
#include "runtime/cpu/emit.h"
#include "runtime/cpu/image.h"
#include "runtime/cpu/llvm.h"

struct Compiler {
    Arena *arena;
    char *cpu, *features, *triple; // of LLVM
    LLVMTargetMachineRef machine;
};

static bool fail_llvm(Error *err, const char *doing, char *message) {
    error_set(err, ERR_SYSTEM, "llvm: cannot %s: %s", doing, message);
    llvm.DisposeMessage(message);
    return false;
}

// ---- The machine

static bool start_machine(Compiler *compiler, Error *err) {
    char *message = NULL;
    LLVMTargetRef target;
    compiler->cpu = llvm.GetHostCPUName();
    compiler->features = llvm.GetHostCPUFeatures();
    compiler->triple = llvm.GetDefaultTargetTriple();
    if (llvm.GetTargetFromTriple(compiler->triple, &target, &message))
        return fail_llvm(err, "compile for this machine", message);
    compiler->machine = llvm.CreateTargetMachine(target, compiler->triple, compiler->cpu, compiler->features,
                                                 LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelDefault);
    if (compiler->machine) return true;
    FAIL(err, ERR_SYSTEM, "llvm: cannot compile for %s, %s", compiler->triple, compiler->cpu);
}

Compiler *compiler_open(Error *err) {
    if (!llvm_load(err)) return NULL;
    Arena *arena = arena_open();
    Compiler *compiler = arena_new(arena, Compiler);
    compiler->arena = arena;
    if (start_machine(compiler, err)) return compiler;
    compiler_close(compiler);
    return NULL;
}

void compiler_close(Compiler *compiler) {
    if (!compiler) return;
    if (compiler->machine) llvm.DisposeTargetMachine(compiler->machine);
    llvm.DisposeMessage(compiler->cpu);
    llvm.DisposeMessage(compiler->features);
    llvm.DisposeMessage(compiler->triple);
    arena_close(compiler->arena);
}

// ---- Modules

static void verify(LLVMModuleRef module) {
    char *message = NULL;
    if (llvm.VerifyModule(module, LLVMReturnStatusAction, &message)) BUG(message);
    llvm.DisposeMessage(message);
}

// The printer vectorised already, and a vector is enough work for an iteration: more would only take time to compile.
static bool optimise(const Compiler *compiler, LLVMModuleRef module, Error *err) {
    LLVMPassBuilderOptionsRef options = llvm.CreatePassBuilderOptions();
    llvm.PassBuilderOptionsSetLoopVectorization(options, false);
    llvm.PassBuilderOptionsSetSLPVectorization(options, false);
    llvm.PassBuilderOptionsSetLoopUnrolling(options, false);
    LLVMErrorRef error = llvm.RunPasses(module, "default<O2>", compiler->machine, options);
    llvm.DisposePassBuilderOptions(options);
    if (!error) return true;
    char *message = llvm.GetErrorMessage(error);
    error_set(err, ERR_SYSTEM, "llvm: cannot optimise a row kernel: %s", message);
    llvm.DisposeErrorMessage(message);
    return false;
}

// A module of its own context with the optimised function.
static LLVMModuleRef module_open(const Compiler *compiler, const RowCode *code, const DType *types) {
    LLVMModuleRef module = llvm.ModuleCreateWithNameInContext("rows", llvm.ContextCreate());
    llvm.SetTarget(module, compiler->triple);
    LLVMTargetDataRef layout = llvm.CreateTargetDataLayout(compiler->machine);
    llvm.SetModuleDataLayout(module, layout);
    llvm.DisposeTargetData(layout);
    emit_rows(module, code, types, "rows");
    verify(module);
    return module;
}

static void module_close(LLVMModuleRef module) {
    LLVMContextRef context = llvm.GetModuleContext(module);
    llvm.DisposeModule(module);
    llvm.ContextDispose(context);
}

// ---- Public

static bool code_of(const Compiler *compiler, LLVMModuleRef module, Arena *arena, Str *out, Error *err) {
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    TRY(optimise(compiler, module, err));
    if (llvm.TargetMachineEmitToMemoryBuffer(compiler->machine, module, LLVMObjectFile, &message, &buffer))
        return fail_llvm(err, "compile a row kernel", message);
    bool ok = image_of((Str){llvm.GetBufferStart(buffer), llvm.GetBufferSize(buffer)}, arena, out, err);
    llvm.DisposeMemoryBuffer(buffer);
    return ok;
}

bool compiler_code(Compiler *compiler, const RowCode *code, const DType *types, Arena *arena, Str *out, Error *err) {
    LLVMModuleRef module = module_open(compiler, code, types);
    bool ok = code_of(compiler, module, arena, out, err);
    module_close(module);
    return ok;
}

bool compiler_print(Compiler *compiler, const RowCode *code, const DType *types, Text *out, Error *err) {
    LLVMModuleRef module = module_open(compiler, code, types);
    bool ok = optimise(compiler, module, err);
    if (ok) {
        char *text = llvm.PrintModuleToString(module);
        text_str(out, str_of(text));
        llvm.DisposeMessage(text);
    }
    module_close(module);
    return ok;
}
