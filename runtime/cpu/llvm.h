// llvm.h: LLVM's C interface, loaded when something is compiled for the first time.
//
// The library is large: loading it takes longer than everything else that a run with a full cache does before its first
// step. So the program is not linked with it; its functions are called through this table: llvm.BuildAdd is
// LLVMBuildAdd.
#pragma once

#include <llvm-c/Analysis.h>
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "mdx/error.h"

typedef struct {
#define MDX_LLVM(name) __typeof__(LLVM##name) *name;
#include "runtime/cpu/llvm.def"
} Llvm;

extern Llvm llvm;

// Once a process, from any thread; LLVM stays. An error says what is missing.
bool llvm_load(Error *err);
