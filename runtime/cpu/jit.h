// jit.h: row kernels as machine code, through LLVM.
#pragma once

#include "mdx/error.h"
#include "mdx/row.h"

typedef struct Jit Jit;

// `cache`: the folder of the object cache, made when it is missing; NULL: nothing is kept. A cache that cannot be
// written is no error.
Jit *jit_open(const char *cache, Error *err);
// The function of a code whose operands have these types (float types, i32 or f64 for numbers; what stands there for
// flags is not read). Equal codes and types are compiled once. It lives until jit_close.
bool jit_function(Jit *jit, const RowCode *code, const DType *types, RowFunction **out, Error *err);
// The optimised LLVM IR of it.
bool jit_print(Jit *jit, const RowCode *code, const DType *types, Text *out, Error *err);
void jit_close(Jit *jit);
