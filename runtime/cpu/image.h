// image.h: machine code that needs no linker.
#pragma once

#include "mdx/error.h"

// The code of an ELF object with one function, then its constants, with all distances between them filled in: bytes
// that run wherever they lie, at the beginning of a page. An object that needs more than that is an error.
bool image_of(Str object, Arena *arena, Str *out, Error *err);
