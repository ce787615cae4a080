// object_cache.h: machine code kept from run to run: a folder of files, one a key.
//
// A file begins with the SHA-256 of what follows, so that a broken one is told from a whole one.
#pragma once

#include "mdx/hash.h"

// The object of the key, in the arena. False when there is none, or none that is whole.
bool object_cache_get(const char *folder, const Sha256 *key, Arena *arena, Str *out);
// Writes beside, then renames. A folder that cannot be made or written is left alone.
void object_cache_put(const char *folder, const Sha256 *key, Str object);
