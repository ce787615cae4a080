// hash.c: SHA-256 through OpenSSL's libcrypto.
#include <openssl/evp.h>

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

bool sha256_file(const char *path, Sha256 *out, Error *err) {
    FileMap map;
    TRY(file_map(path, &map, err));
    *out = sha256_bytes(map.at, map.size);
    file_unmap(&map);
    return true;
}
