// diff.c: libFuzzer target: a results' folder. The first byte says which of its files the others are.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/diff.h"
#include "mdx/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *name, *whole;
} files[] = {
    {"manifest.json", "{\"experiment\":\"e\",\"version\":\"v\",\"device\":\"cpu\",\"complete\":true,\"inputs\":[],\"models\":[],\"prompts\":[],\"spec\":\"a\\nb\\n\"}"},
    {"results.json", "{\"metrics\":[{\"name\":\"m\",\"formula\":\"f\",\"points\":[{\"a\":1,\"value\":2}]}]}"},
    {"values.csv", "metric,expression,a,prompt,value\nm,f,1,p,0.5\n"},
};

static void put(const char *folder, const char *name, const void *bytes, size_t size) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size) abort();
    fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char folder[64];
    Error err;
    if (!size) return 0;
    if (!folder[0]) snprintf(folder, sizeof folder, "/tmp/mdx-fuzz-diff-%ld", (long)getpid());
    if (!folder_make(folder, &err)) abort();
    RunFolder whole, other;
    Arena *arena = arena_open();
    for (size_t i = 0; i < COUNT(files); i++) put(folder, files[i].name, files[i].whole, strlen(files[i].whole));
    if (!run_folder_read(arena, folder, &whole, &err)) abort();
    put(folder, files[data[0] % COUNT(files)].name, data + 1, size - 1);
    if (run_folder_read(arena, folder, &other, &err)) {
        Text out = text_open(arena);
        Diff diff = diff_folders(arena, &whole, &other);
        diff_print(&diff, &out);
        diff_json(&diff, &out);
    }
    arena_close(arena);
    return 0;
}
