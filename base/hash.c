// hash.c: SHA-256 through OpenSSL's libcrypto.
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "mdx/file.h"
#include "mdx/hash.h"

struct Hasher {
    EVP_MD_CTX *context;
};

Hasher *hasher_open(Arena *arena) {
    Hasher *hasher = arena_new(arena, Hasher);
    hasher->context = EVP_MD_CTX_new();
    if (!hasher->context || EVP_DigestInit_ex(hasher->context, EVP_sha256(), NULL) != 1)
        BUG("libcrypto has no SHA-256");
    return hasher;
}

void hasher_add(Hasher *hasher, const void *bytes, size_t size) {
    if (size && EVP_DigestUpdate(hasher->context, bytes, size) != 1) BUG("EVP_DigestUpdate");
}

void hasher_str(Hasher *hasher, Str s) {
    uint64_t len = s.len;
    hasher_add(hasher, &len, sizeof len);
    hasher_add(hasher, s.at, s.len);
}

Sha256 hasher_close(Hasher *hasher) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_DigestFinal_ex(hasher->context, digest, &size) != 1 || size != 32) BUG("EVP_DigestFinal_ex");
    EVP_MD_CTX_free(hasher->context);
    hasher->context = NULL;
    Sha256 out = {0};
    for (unsigned i = 0; i < size; i++) {
        out.hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out.hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    return out;
}

Sha256 sha256_bytes(const void *bytes, size_t size) {
    Arena *arena = arena_open();
    Hasher *hasher = hasher_open(arena);
    hasher_add(hasher, bytes, size);
    Sha256 out = hasher_close(hasher);
    arena_close(arena);
    return out;
}

// Read in pieces: a mapped file would count as memory of the process.
bool sha256_file(const char *path, Sha256 *out, Error *err) {
    enum { PIECE = 1 << 20 };
    FILE *file = fopen(path, "rb");
    if (!file) FAIL(err, ERR_SYSTEM, "cannot open %s: %s", path, strerror(errno));
    Arena *arena = arena_open();
    Hasher *hasher = hasher_open(arena);
    unsigned char *piece = arena_many(arena, unsigned char, PIECE);
    size_t got;
    while ((got = fread(piece, 1, PIECE, file)) > 0) hasher_add(hasher, piece, got);
    bool ok = !ferror(file);
    *out = hasher_close(hasher);
    arena_close(arena);
    fclose(file);
    if (ok) return true;
    FAIL(err, ERR_SYSTEM, "cannot read %s", path);
}
