// cache.h: what is kept from run to run: a folder of files, one a key. Any of them can be deleted at any time.
//
// A file begins with the SHA-256 of its key and what follows, so that a broken one is told from a whole one.
#pragma once

#include "mdx/hash.h"

// The folder of the cache when the user says nothing: $XDG_CACHE_HOME/mdx or ~/.cache/mdx; NULL when there is no home.
const char *cache_folder(Arena *arena);
// What is kept under the key and the ending (".o"), in the arena. False when there is nothing, or nothing whole.
bool cache_get(const char *folder, const Sha256 *key, const char *ending, Arena *arena, Str *out);
// Writes beside, then renames. A folder that cannot be made or written is left alone.
void cache_put(const char *folder, const Sha256 *key, const char *ending, Str bytes);
