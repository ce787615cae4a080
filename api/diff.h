// diff.h: two results' folders beside each other: what went in otherwise, what came out otherwise.
//
// diff_read.c and diff_values.c read a folder, all of which is hostile until checked; diff.c compares two, diff_lines.c
// their specs; diff_print.c and diff_json.c say what differs.
#pragma once

#include "mdx/error.h"

// ---- A folder that was read

// What a run was made with, in words: "device" is "cpu".
typedef struct {
    Str what, text;
} RunFact;

typedef struct {
    Str role, name, hash;
} RunInput;

typedef struct {
    Str point;    // "alpha=0.5, layer=3", sweeps by name; empty: there are none
    double value; // NaN: undefined
} RunPoint;

typedef struct {
    Str name, formula;
    bool floor_known;
    double floor; // noise floor
    LIST(RunPoint) points;
    StrMap by_point;
} RunMetric;

// A prompt's value at a point.
typedef struct {
    Str metric, expression, point, prompt;
    double value;
} RunValue;

typedef struct {
    Str folder, spec;
    LIST(RunFact) facts;
    LIST(RunInput) inputs;
    LIST(RunMetric) metrics;
    StrMap by_metric;
    LIST(RunValue) values;
    StrMap by_value; // by their keys; the n-th of the same key has n in it
    StrList keys;    // of the values
} RunFolder;

bool run_folder_read(Arena *arena, const char *folder, RunFolder *out, Error *err);
// The text of values.csv, which `name` is called in messages; the values are views of it.
bool run_values_read(Arena *arena, const char *name, Str text, RunFolder *out, Error *err);

// ---- What differs. Of each pair, [0] is of the first folder.

typedef struct {
    Str what, text[2]; // empty: that folder does not say
} DiffFact;

typedef struct {
    Str role, name[2], hash[2]; // empty: that folder has none
} DiffInput;

typedef struct {
    bool added;    // in the second spec; else removed from the first
    size_t number; // of the line in its spec
    Str text;
} DiffLine;
typedef LIST(DiffLine) DiffLines;

typedef struct {
    Str point;
    bool has[2];
    double value[2];   // NaN: undefined
    double difference; // NaN when a value is missing or undefined
    bool noise;        // the difference is within the noise floor
} DiffPoint;

typedef struct {
    Str name, formula[2]; // empty: that folder has no such metric
    bool floor_known;
    double floor;         // the larger one
    size_t same, noise;   // points that are equal; that differ within the noise floor
    LIST(DiffPoint) points; // that differ
} DiffMetric;

// Values of prompts behind a metric.
typedef struct {
    Str metric, expression;
    size_t same, differ, only[2];
    Str point, prompt;   // of the largest difference
    double value[2], largest;
} DiffValues;

typedef struct {
    Str folder[2];
    LIST(DiffFact) facts;
    LIST(DiffInput) inputs;
    DiffLines spec;
    bool spec_long;             // so much of the specs differs that their lines were not matched
    LIST(DiffMetric) metrics;   // all, those without a difference too
    LIST(DiffValues) values;
    size_t same_inputs, same_points, differ_points, noise_points, same_values, differ_values;
    bool differ;
} Diff;

Diff diff_folders(Arena *arena, const RunFolder *a, const RunFolder *b);
// Removed and added lines in order. False when the texts are too far apart to match lines: then all are listed.
bool diff_lines(Arena *arena, Str a, Str b, DiffLines *out);
void diff_print(const Diff *diff, Text *out);
void diff_json(const Diff *diff, Text *out);
