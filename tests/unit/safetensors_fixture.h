// safetensors_fixture.h: safetensors files forged byte by byte, in a folder that is removed at the end.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "mdx/file.h"
#include "runtime/weights.h"

static Arena *arena; // of the test
static char scratch[] = "scratch-XXXXXX";

static inline void scratch_open(void) {
    arena = arena_open();
    if (!mkdtemp(scratch)) {
        perror("a scratch folder in the working folder");
        exit(1);
    }
}

static inline void scratch_close(void) {
    Error err;
    CHECK(folder_remove(scratch, &err));
    arena_close(arena);
}

static inline const char *scratch_path(const char *name) {
    return path_join(arena, str_of(scratch), str_of(name)).at;
}

// Not file_write: a test of the reader needs neither its fsync nor its word.
static inline const char *put(const char *name, Str bytes) {
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");
    bool ok = file && fwrite(bytes.at, 1, bytes.len, file) == bytes.len;
    if (!file || fclose(file) != 0 || !ok) {
        perror(path);
        exit(1);
    }
    return path;
}

// The i-th byte of all forged data.
static inline uint8_t data_byte(size_t i) {
    return (uint8_t)(i * 37 + 11);
}

// `length` in front of the header, whatever the header's.
static inline Str forge_lying(uint64_t length, Str header, size_t data) {
    uint8_t *bytes = arena_alloc(arena, 8 + header.len + data);
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(length >> (8 * i));
    if (header.len) memcpy(bytes + 8, header.at, header.len);
    for (size_t i = 0; i < data; i++) bytes[8 + header.len + i] = data_byte(i);
    return (Str){(const char *)bytes, 8 + header.len + data};
}

static inline Str forge(const char *header, size_t data) {
    return forge_lying(strlen(header), str_of(header), data);
}
