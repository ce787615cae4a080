// artifact.h: what the files of a results' folder tell of the run beside its results.
#pragma once

#include "api/session.h"
#include "mdx/hash.h"

// A file that went in, with its hash.
typedef struct {
    const char *role; // "spec", "set", "include", "config", "weights", "tokenizer", "chat template", "prompts", "map"
    Str name;         // as the spec or the folder calls it
    Str path;
    Sha256 hash;
} Input;

typedef LIST(Input) Inputs;

typedef struct {
    const OpenFiles *files;
    const RunTimes *times;
    Inputs inputs;
} Record;

// What the weights of a file are stored as; empty when it has none.
Str record_stored(const Record *record, size_t file);
// Where a hook reads and writes, "attn = layers[4].attn_out @ end"; empty for another statement.
Str record_place(Arena *arena, const Stmt *stmt);
Str record_time(Arena *arena, double seconds); // since 1970, as ISO 8601

// html_report.c: report.html, everything for a reader in one file. `folder` has the figures.
Str html_report(Mdx *mdx, const Record *record, Str folder);
