// compile.h: row kernels compiled by LLVM.
#pragma once

#include "mdx/error.h"
#include "mdx/row.h"

typedef struct Compiler Compiler;

// For this machine. Loads LLVM. NULL with an error when that is not there.
Compiler *compiler_open(Error *err);
// A code whose operands have these types, as for jit_function: machine code that runs wherever it lies, at the
// beginning of a page; it begins with the function.
bool compiler_code(Compiler *compiler, const RowCode *code, const DType *types, Arena *arena, Str *out, Error *err);
// The optimised LLVM IR of it.
bool compiler_print(Compiler *compiler, const RowCode *code, const DType *types, Text *out, Error *err);
void compiler_close(Compiler *compiler); // NULL is fine
