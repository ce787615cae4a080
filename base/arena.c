// arena.c: memory in chunks that are dropped together, and arrays that grow in it.
#include <stdio.h>
#include <stdlib.h>

#include "mdx/base.h"

enum { FIRST_CHUNK = 1 << 14, LARGEST_CHUNK = 1 << 22, ALIGN = 16 };

typedef struct Chunk {
    struct Chunk *next;
    size_t used, size;
    _Alignas(ALIGN) unsigned char bytes[];
} Chunk;

struct Arena {
    Chunk *chunk; // newest first
    size_t bytes;
};

_Noreturn void bug_at(const char *file, int line, const char *what) {
    fprintf(stderr, "mdx: this is a bug in mdx, please report it: %s:%d: %s\n", file, line, what);
    abort();
}

static _Noreturn void out_of_memory(size_t bytes) {
    fprintf(stderr, "mdx: out of memory: the machine refused %zu more bytes\n", bytes);
    exit(1);
}

Arena *arena_open(void) {
    Arena *arena = calloc(1, sizeof *arena);
    if (!arena) out_of_memory(sizeof *arena);
    return arena;
}

void arena_close(Arena *arena) {
    if (!arena) return;
    for (Chunk *chunk = arena->chunk, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

// Chunks double up to a limit, so that small arenas stay small; a large request gets a chunk of its own.
static Chunk *chunk_for(Arena *arena, size_t bytes) {
    size_t size = arena->chunk ? MIN(arena->chunk->size * 2, (size_t)LARGEST_CHUNK) : (size_t)FIRST_CHUNK;
    size = MAX(size, bytes);
    if (size > SIZE_MAX - sizeof(Chunk)) out_of_memory(size);
    Chunk *chunk = calloc(1, sizeof(Chunk) + size);
    if (!chunk) out_of_memory(size);
    chunk->size = size;
    chunk->next = arena->chunk;
    arena->chunk = chunk;
    return chunk;
}

void *arena_alloc(Arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX - ALIGN) out_of_memory(bytes);
    bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    Chunk *chunk = arena->chunk;
    if (!chunk || chunk->size - chunk->used < bytes) chunk = chunk_for(arena, bytes);
    void *at = chunk->bytes + chunk->used;
    chunk->used += bytes;
    arena->bytes += bytes;
    return at;
}

void *arena_array(Arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) out_of_memory(SIZE_MAX);
    return arena_alloc(arena, bytes);
}

void *arena_copy(Arena *arena, const void *bytes, size_t size) {
    void *at = arena_alloc(arena, size);
    if (size) memcpy(at, bytes, size);
    return at;
}

size_t arena_bytes(const Arena *arena) {
    return arena->bytes;
}

void *list_grown(Arena *arena, void *at, size_t len, size_t *cap, size_t size) {
    *cap = MAX(*cap * 2, (size_t)8);
    void *grown = arena_array(arena, *cap, size);
    if (len) memcpy(grown, at, len * size);
    return grown;
}
