// config.c: libFuzzer target: config.json.
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/site.h"
#include "mdx/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char folder[64];
    Error err;
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/mdx-fuzz-%ld", (long)getpid());
        if (!folder_make(folder, &err)) abort();
    }
    Arena *arena = arena_open();
    Str path = path_join(arena, str_of(folder), STR("config.json"));
    FILE *file = fopen(path.at, "wb");
    if (!file || fwrite(data, 1, size, file) != size) abort();
    fclose(file);
    Model model;
    if (model_read(folder, &model, &err)) {
        Text out = text_open(arena);
        sites_print(&model, &out);
        if (model.d_head < 1 << 16) model_inv_freq(&model, arena);
    }
    arena_close(arena);
    return 0;
}
