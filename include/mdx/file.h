// file.h: reading, mapping and writing files, with errors that name the path.
#pragma once

#include "mdx/error.h"

// A file mapped read-only. Close it with file_unmap.
typedef struct {
    const uint8_t *at; // NULL when the file is empty
    size_t size;
} FileMap;

// Reads a whole file into the arena, terminated. A file over `limit` bytes is an error that names both.
bool file_read(Arena *arena, const char *path, size_t limit, Str *out, Error *err);
bool file_map(const char *path, FileMap *out, Error *err);
void file_unmap(FileMap *map);
bool file_exists(const char *path);      // anything of that name that can be reached
bool file_is_folder(const char *path);
// Writes beside `path`, flushes, renames into place: a reader sees the old bytes or the new ones, also after a power
// cut. A kill may leave `path.part-` and six letters.
bool file_write(const char *path, Str bytes, Error *err);
bool folder_make(const char *path, Error *err);        // with parents; an existing folder is fine
bool folder_remove(const char *path, Error *err);      // with all that is in it; a missing one is fine
// Puts the folder `part` in the place of `path` in one step, when all that is in it is on the disk, and flushes that
// step; what stood at `path` is removed. A kill or a power cut may leave `part`: as it was, or with what stood there.
bool folder_replace(const char *part, const char *path, Error *err);
// `name` as seen from the folder that holds `from`; an absolute name stays as it is.
Str path_beside(Arena *arena, Str from, Str name);
Str path_join(Arena *arena, Str folder, Str name);
