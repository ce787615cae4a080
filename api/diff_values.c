// diff_values.c: values.csv as another run of mdx, or somebody else, has written it: RFC 4180.
#include <math.h>
#include <stdlib.h>

#include "api/diff.h"
#include "mdx/json.h"

enum { MOST_COLUMNS = 80 };

// Stands between the parts of a key.
#define PART "\x1f"

typedef struct {
    Arena *arena;
    const char *name; // of the file, for messages
    Error *err;
    Str rest;         // that is not read
    size_t line, count;
    Str cells[MOST_COLUMNS]; // [count] of the row that was read last
} Csv;

// A cell in quotes, in which two quotes stand for one.
static bool quoted_cell(Csv *csv, Str *out) {
    Text text = text_open(csv->arena);
    size_t i = 1;
    for (;; i++) {
        if (i >= csv->rest.len) FAIL(csv->err, ERR_INPUT, "%s:%zu: a quote is not closed", csv->name, csv->line);
        char c = csv->rest.at[i];
        if (c == '"' && (++i >= csv->rest.len || csv->rest.at[i] != '"')) break;
        text_char(&text, c);
    }
    csv->rest = str_part(csv->rest, i, csv->rest.len);
    *out = text_view(&text);
    return true;
}

static bool read_cell(Csv *csv, Str *out) {
    if (csv->rest.len && csv->rest.at[0] == '"') return quoted_cell(csv, out);
    size_t length = 0;
    while (length < csv->rest.len && csv->rest.at[length] != ',' && csv->rest.at[length] != '\n') length++;
    *out = str_part(csv->rest, 0, length);
    csv->rest = str_part(csv->rest, length, csv->rest.len);
    return true;
}

static bool read_row(Csv *csv) {
    char next;
    csv->line++; // of the file when no cell holds a line break
    csv->count = 0;
    do {
        if (csv->count == MOST_COLUMNS)
            FAIL(csv->err, ERR_INPUT, "%s:%zu: more than %d columns", csv->name, csv->line, MOST_COLUMNS);
        TRY(read_cell(csv, &csv->cells[csv->count++]));
        next = csv->rest.len ? csv->rest.at[0] : '\n';
        if (next != ',' && next != '\n') FAIL(csv->err, ERR_INPUT, "%s:%zu: text behind a closing quote", csv->name, csv->line);
        csv->rest = str_part(csv->rest, 1, csv->rest.len);
    } while (next == ',');
    return true;
}

typedef struct {
    size_t count;                // of columns
    size_t sweeps[MOST_COLUMNS]; // columns of sweeps, by their names
    size_t sweep_count;
    Str names[MOST_COLUMNS];
} Header;

// metric, expression, sweeps, prompt, value.
static bool read_header(Csv *csv, Header *out) {
    TRY(read_row(csv));
    size_t n = out->count = csv->count;
    if (n < 4 || !str_is(csv->cells[0], "metric") || !str_is(csv->cells[1], "expression") || !str_is(csv->cells[n - 2], "prompt") ||
        !str_is(csv->cells[n - 1], "value"))
        FAIL(csv->err, ERR_INPUT, "%s:1: the columns are not metric, expression, sweeps, prompt, value", csv->name);
    for (size_t c = 2; c + 2 < n; c++) {
        size_t at = out->sweep_count++;
        for (; at && str_order(csv->cells[out->sweeps[at - 1]], csv->cells[c]) > 0; at--) out->sweeps[at] = out->sweeps[at - 1];
        out->sweeps[at] = c;
        out->names[c] = csv->cells[c];
    }
    return true;
}

static Str row_point(const Csv *csv, const Header *header) {
    Text text = text_open(csv->arena);
    for (size_t i = 0; i < header->sweep_count; i++) {
        size_t c = header->sweeps[i];
        if (csv->cells[c].len) text_add(&text, "%s%.*s=%.*s", text.len ? ", " : "", STR_ARG(header->names[c]), STR_ARG(csv->cells[c]));
    }
    return text_view(&text);
}

static bool cell_number(const Csv *csv, Str cell, double *out) {
    char text[64], *end = text;
    *out = NAN;
    if (!cell.len) return true;
    if (cell.len < sizeof text) {
        memcpy(text, cell.at, cell.len);
        text[cell.len] = '\0';
        *out = strtod(text, &end);
    }
    if (end == text || *end || !isfinite(*out))
        FAIL(csv->err, ERR_INPUT, "%s:%zu: '%.*s' is no number", csv->name, csv->line, (int)MIN(cell.len, 60), cell.at);
    return true;
}

// Prompts may have the same name: they go by their order then.
static Str value_key(Arena *arena, const RunValue *value, StrMap *seen) {
    uint32_t count = 0;
    Str key = str_format(arena, "%.*s" PART "%.*s" PART "%.*s" PART "%.*s", STR_ARG(value->metric), STR_ARG(value->expression),
                         STR_ARG(value->point), STR_ARG(value->prompt));
    strmap_get(seen, key, &count);
    strmap_put(seen, key, count + 1);
    return count ? str_format(arena, "%.*s" PART "%u", STR_ARG(key), count) : key;
}

static bool read_value_row(const Csv *csv, const Header *header, StrMap *seen, RunFolder *run) {
    if (csv->count != header->count)
        FAIL(csv->err, ERR_INPUT, "%s:%zu: has %zu columns, expected %zu", csv->name, csv->line, csv->count, header->count);
    RunValue value = {csv->cells[0], csv->cells[1], row_point(csv, header), csv->cells[header->count - 2], 0};
    TRY(cell_number(csv, csv->cells[header->count - 1], &value.value));
    Str key = value_key(csv->arena, &value, seen);
    strmap_put(&run->by_value, key, (uint32_t)run->values.len);
    list_push(csv->arena, &run->keys, key);
    list_push(csv->arena, &run->values, value);
    return true;
}

bool run_values_read(Arena *arena, const char *name, Str text, RunFolder *out, Error *err) {
    Csv csv = {.arena = arena, .name = name, .err = err, .rest = text};
    Header header = {0};
    StrMap seen = strmap_open(arena, 64);
    size_t valid = utf8_valid_prefix(text);
    if (valid < text.len) FAIL(err, ERR_INPUT, "%s: byte %zu is not valid UTF-8", name, valid);
    TRY(read_header(&csv, &header));
    while (csv.rest.len) TRY(read_row(&csv) && read_value_row(&csv, &header, &seen, out));
    return true;
}
