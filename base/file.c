// file.c: reading, mapping and writing files and folders.
#define _GNU_SOURCE // renameat2
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mdx/file.h"

enum { PATH_BYTES = 4096 };

static bool fail_errno(Error *err, const char *path, const char *doing) {
    return error_set(err, ERR_SYSTEM, "%s: cannot %s: %s", path, doing, strerror(errno));
}

// Opens a regular file and tells its size. A folder or a pipe is refused in words.
static bool open_regular(const char *path, int *fd, size_t *size, Error *err) {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) return fail_errno(err, path, "open");
    struct stat st;
    bool ok = true;
    if (fstat(*fd, &st) != 0)
        ok = fail_errno(err, path, "open");
    else if (!S_ISREG(st.st_mode))
        ok = error_set(err, ERR_INPUT, "%s: is %s, a file was expected", path,
                       S_ISDIR(st.st_mode) ? "a folder" : "no regular file");
    else
        *size = (size_t)st.st_size;
    if (!ok) close(*fd);
    return ok;
}

static bool read_exactly(int fd, char *at, size_t size, const char *path, Error *err) {
    for (size_t done = 0; done < size;) {
        ssize_t got = read(fd, at + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(err, path, "read");
        if (got == 0) FAIL(err, ERR_SYSTEM, "%s: became shorter while it was read", path);
        done += (size_t)got;
    }
    return true;
}

bool file_read(Arena *arena, const char *path, size_t limit, Str *out, Error *err) {
    int fd;
    size_t size;
    TRY(open_regular(path, &fd, &size, err));
    bool ok = true;
    if (size > limit)
        ok = error_set(err, ERR_INPUT, "%s: has %zu bytes, at most %zu are accepted here", path, size, limit);
    if (ok) {
        char *at = arena_alloc(arena, size + 1);
        ok = read_exactly(fd, at, size, path, err);
        *out = (Str){at, size};
    }
    close(fd);
    return ok;
}

bool file_map(const char *path, FileMap *out, Error *err) {
    *out = (FileMap){0};
    int fd;
    size_t size;
    TRY(open_regular(path, &fd, &size, err));
    bool ok = true;
    if (size) {
        void *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at == MAP_FAILED)
            ok = fail_errno(err, path, "map");
        else
            *out = (FileMap){at, size};
    }
    close(fd);
    return ok;
}

void file_unmap(FileMap *map) {
    if (map->at) munmap((void *)(uintptr_t)map->at, map->size);
    *map = (FileMap){0};
}

bool file_exists(const char *path) {
    return access(path, F_OK) == 0;
}

bool file_is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool write_all(int fd, Str bytes) {
    for (size_t done = 0; done < bytes.len;) {
        ssize_t put = write(fd, bytes.at + done, bytes.len - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        done += (size_t)put;
    }
    return fsync(fd) == 0;
}

bool file_write(const char *path, Str bytes, Error *err) {
    char part[PATH_BYTES + 16];
    int length = snprintf(part, sizeof part, "%s.part-XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof part) FAIL(err, ERR_SYSTEM, "%s: the path is too long", path);
    int fd = mkstemp(part);
    if (fd < 0) return fail_errno(err, path, "create");
    bool ok = write_all(fd, bytes) && fchmod(fd, 0644) == 0;
    if (!ok) fail_errno(err, path, "write");
    close(fd);
    if (ok && rename(part, path) != 0) ok = fail_errno(err, path, "rename into place");
    if (!ok) unlink(part);
    return ok;
}

bool folder_make(const char *path, Error *err) {
    char partial[PATH_BYTES];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof partial) FAIL(err, ERR_SYSTEM, "'%s': not a usable path", path);
    memcpy(partial, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (partial[i] != '/' && partial[i] != '\0') continue;
        char kept = partial[i];
        partial[i] = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST) return fail_errno(err, partial, "create the folder");
        partial[i] = kept;
    }
    if (!file_is_folder(path)) FAIL(err, ERR_SYSTEM, "%s: is no folder", path);
    return true;
}

static bool is_dots(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool remove_below(int parent, const char *name, const char *path, Error *err) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) return fail_errno(err, path, "remove");
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, path, "remove");
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return fail_errno(err, path, "remove");
    }
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(folder));)
        if (!is_dots(entry->d_name)) ok = remove_below(fd, entry->d_name, path, err);
    closedir(folder);
    if (ok && unlinkat(parent, name, AT_REMOVEDIR) != 0) ok = fail_errno(err, path, "remove");
    return ok;
}

bool folder_remove(const char *path, Error *err) {
    return remove_below(AT_FDCWD, path, path, err);
}

// A file, or a folder: all that is in it, and which names it has. Links are names. Some file systems flush no folders.
static bool flush_below(int parent, const char *name) {
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return errno == ELOOP;
    DIR *folder = fdopendir(fd);
    bool ok = folder || errno == ENOTDIR;
    for (struct dirent *entry; folder && ok && (entry = readdir(folder));)
        if (!is_dots(entry->d_name)) ok = flush_below(fd, entry->d_name);
    ok = ok && (fsync(fd) == 0 || errno == EINVAL);
    if (folder)
        closedir(folder);
    else
        close(fd);
    return ok;
}

// The folder that has the name `path`, so that the name is there after a power cut.
static bool flush_name(const char *path) {
    Arena *scratch = arena_open();
    Str folder = path_beside(scratch, str_of(path), STR("."));
    int fd = open(folder.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    if (fd >= 0) close(fd);
    arena_close(scratch);
    return ok;
}

// Exchanging the two names is one step of the kernel: whoever looks sees the old folder or the new one.
// A file system without the exchange gets two renames; a kill between them leaves the old one as `path.old`.
// old: where what stood at `path` is then, or "".
static bool put_in_place(const char *part, const char *path, char old[PATH_BYTES], Error *err) {
    old[0] = '\0';
    if (rename(part, path) == 0) return true;
    if (errno != ENOTEMPTY && errno != EEXIST) return fail_errno(err, path, "rename into place");
    bool exchanged = renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_EXCHANGE) == 0;
    if (!exchanged && errno != EINVAL && errno != ENOSYS) return fail_errno(err, path, "rename into place");
    int length = snprintf(old, PATH_BYTES, exchanged ? "%s" : "%s.old", exchanged ? part : path);
    if (length < 0 || length >= PATH_BYTES) FAIL(err, ERR_SYSTEM, "%s: the path is too long", path);
    if (exchanged) return true;
    TRY(folder_remove(old, err));
    if (rename(path, old) != 0) return fail_errno(err, path, "rename out of the way");
    return rename(part, path) == 0 || fail_errno(err, path, "rename into place");
}

// Each step is on the disk before the next one: what a power cut leaves is whole too.
bool folder_replace(const char *part, const char *path, Error *err) {
    char old[PATH_BYTES];
    if (!flush_below(AT_FDCWD, part)) return fail_errno(err, part, "flush to the disk");
    TRY(put_in_place(part, path, old, err));
    if (!flush_name(path)) return fail_errno(err, path, "flush to the disk");
    return !*old || folder_remove(old, err);
}

Str path_join(Arena *arena, Str folder, Str name) {
    if (!folder.len || (name.len && name.at[0] == '/')) return str_copy(arena, name);
    bool slash = folder.at[folder.len - 1] == '/';
    return str_format(arena, "%.*s%s%.*s", STR_ARG(folder), slash ? "" : "/", STR_ARG(name));
}

Str path_beside(Arena *arena, Str from, Str name) {
    size_t end = from.len;
    while (end && from.at[end - 1] != '/') end--;
    return path_join(arena, str_part(from, 0, end), name);
}
