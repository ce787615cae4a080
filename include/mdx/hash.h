// hash.h: SHA-256, for telling one input from another in manifests and names of folders.
#pragma once

#include "mdx/error.h"

typedef struct {
    char hex[65]; // lower case, terminated
} Sha256;

typedef struct Hasher Hasher;
Hasher *hasher_open(Arena *arena);
void hasher_add(Hasher *hasher, const void *bytes, size_t size);
void hasher_str(Hasher *hasher, Str s); // with its length, so that neighbours cannot run together
Sha256 hasher_close(Hasher *hasher);

Sha256 sha256_bytes(const void *bytes, size_t size);
bool sha256_file(const char *path, Sha256 *out, Error *err);
