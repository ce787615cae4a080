// cache.c: files with a checksum in front.
//
// The file is not flushed to the disk, as file_write does: what a power cut leaves is told by the checksum, and is
// made again.
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mdx/file.h"
#include "runtime/cache.h"

enum { CHECKSUM_LEN = 64, MOST_BYTES = 64 << 20 };

static Str file_of(Arena *arena, const char *folder, const Sha256 *key, const char *ending) {
    return path_join(arena, str_of(folder), str_format(arena, "%s%s", key->hex, ending));
}

// The key is part of what the checksum is of: a file under a wrong name is no match.
static Sha256 checksum(Arena *arena, const Sha256 *key, Str bytes) {
    Hasher *hasher = hasher_open(arena);
    hasher_str(hasher, str_of(key->hex));
    hasher_str(hasher, bytes);
    return hasher_close(hasher);
}

bool cache_get(const char *folder, const Sha256 *key, const char *ending, Arena *arena, Str *out) {
    Str whole;
    Error unread;
    if (!file_read(arena, file_of(arena, folder, key, ending).at, MOST_BYTES, &whole, &unread)) return false;
    if (whole.len <= CHECKSUM_LEN) return false;
    *out = str_part(whole, CHECKSUM_LEN, whole.len);
    return str_is(str_part(whole, 0, CHECKSUM_LEN), checksum(arena, key, *out).hex);
}

static bool write_parts(const char *path, Str head, Str body) {
    int fd = mkstemp((char *)(uintptr_t)path);
    if (fd < 0) return false;
    FILE *file = fdopen(fd, "wb");
    if (!file) {
        close(fd);
        return false;
    }
    bool ok = fwrite(head.at, 1, head.len, file) == head.len && fwrite(body.at, 1, body.len, file) == body.len;
    ok &= fchmod(fd, 0644) == 0;
    return (fclose(file) == 0) & ok;
}

void cache_put(const char *folder, const Sha256 *key, const char *ending, Str bytes) {
    Error unwritten;
    if (!folder_make(folder, &unwritten)) return;
    Arena *arena = arena_open();
    char *part = str_c(arena, file_of(arena, folder, key, ".part-XXXXXX"));
    Sha256 sum = checksum(arena, key, bytes);
    if (!write_parts(part, str_of(sum.hex), bytes) || rename(part, file_of(arena, folder, key, ending).at) != 0)
        unlink(part);
    arena_close(arena);
}

const char *cache_folder(Arena *arena) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/') return path_join(arena, str_of(cache), STR("mdx")).at;
    if (home && *home == '/') return path_join(arena, str_of(home), STR(".cache/mdx")).at;
    return NULL;
}
