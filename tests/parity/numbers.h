// numbers.h: results.json, values.csv and the tokens of the prompts against the fixture.
#pragma once

#include "fixture.h"

// ---- results.json

static const char *const interval_members[] = {"lo", "hi", "holds_value", "undefined_draws"};

static inline bool same_point(const cJSON *got, const cJSON *want) {
    const cJSON *axis;
    int axes = 0;
    cJSON_ArrayForEach(axis, want) {
        const cJSON *have = json_member(got, axis->string);
        bool text = cJSON_IsString(axis) && cJSON_IsString(have) && strcmp(axis->valuestring, have->valuestring) == 0;
        bool number = cJSON_IsNumber(axis) && cJSON_IsNumber(have) && axis->valuedouble == have->valuedouble;
        if (!text && !number) return false;
        axes++;
    }
    int others = 1; // the value
    for (size_t i = 0; i < COUNT(interval_members); i++) others += cJSON_HasObjectItem(got, interval_members[i]);
    return cJSON_GetArraySize(got) == axes + others;
}

// The bounds of an interval are as right as the number itself.
static inline void compare_interval(Parity *parity, const cJSON *entry, const cJSON *point, const char *where) {
    for (int i = 0; i < 2; i++) {
        const cJSON *got = json_member(point, interval_members[i]), *want = json_member(entry, interval_members[i]);
        if (!got && !want) continue;
        bool near = cJSON_IsNumber(got) && cJSON_IsNumber(want) &&
                    parity_near(parity, got->valuedouble, want->valuedouble, 1e-4 * fabs(want->valuedouble));
        if (near) continue;
        parity_fail(parity, "%s of %s at %s: got %.17g, want %.17g", interval_members[i], entry_text(entry, "metric"), where,
                    got ? got->valuedouble : NAN, want ? want->valuedouble : NAN);
    }
}

static inline const cJSON *metric_named(const cJSON *results, const char *name) {
    const cJSON *metric, *list = json_member(results, "metrics");
    cJSON_ArrayForEach(metric, list) if (strcmp(entry_text(metric, "name"), name) == 0) return metric;
    return NULL;
}

static inline void compare_number(Parity *parity, const cJSON *results, const cJSON *entry) {
    const cJSON *metric = metric_named(results, entry_text(entry, "metric"));
    const cJSON *points = metric ? json_member(metric, "points") : NULL, *point;
    char *where = cJSON_PrintUnformatted(json_member(entry, "point"));
    bool found = false;
    cJSON_ArrayForEach(point, points) {
        if (!same_point(point, json_member(entry, "point"))) continue;
        const cJSON *value = json_member(point, "value");
        found = true;
        compare_interval(parity, entry, point, where);
        if (entry_is_near(parity, entry, value != NULL, value ? value->valuedouble : 0)) continue;
        parity_fail(parity, "%s at %s: got %.17g, want %s", entry_text(entry, "metric"), where,
                    value ? value->valuedouble : NAN, entry_value_text(parity->arena, entry).at);
    }
    if (!found) parity_fail(parity, "results.json has no %s at %s", entry_text(entry, "metric"), where);
    cJSON_free(where);
}

static inline void compare_numbers(Parity *parity) {
    Error err;
    cJSON *results = json_read(path_join(parity->arena, parity->folder, STR("results.json")).at, 64 << 20, &err);
    if (!results) parity_fail(parity, "%s", err.text);
    const cJSON *entry, *metric, *metrics = json_member(results, "metrics"), *list = parity_list(parity, "numbers");
    int want = 0, got = 0;
    cJSON_ArrayForEach(entry, list) {
        if (results) compare_number(parity, results, entry);
        want++;
    }
    cJSON_ArrayForEach(metric, metrics) got += cJSON_GetArraySize(json_member(metric, "points"));
    if (got != want) parity_fail(parity, "results.json has %d points of metrics, expected %d", got, want);
    cJSON_Delete(results);
}

// ---- values.csv

enum { CELL_BREAK = '\x1f' };

// The cells of a line of RFC 4180, each with a CELL_BREAK behind it.
static inline Str csv_cells(Arena *arena, Str line) {
    Text cells = text_open(arena);
    bool quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.at[i];
        if (quoted && c == '"' && i + 1 < line.len && line.at[i + 1] == '"')
            text_char(&cells, line.at[i++]);
        else if (c == '"')
            quoted = !quoted;
        else
            text_char(&cells, c == ',' && !quoted ? CELL_BREAK : c);
    }
    text_char(&cells, CELL_BREAK);
    return text_view(&cells);
}

static inline Str value_key(Arena *arena, const cJSON *entry) {
    Text key = text_open(arena);
    const cJSON *cell;
    text_add(&key, "%s%c%s%c", entry_text(entry, "metric"), CELL_BREAK, entry_text(entry, "expression"), CELL_BREAK);
    cJSON_ArrayForEach(cell, json_member(entry, "point")) text_add(&key, "%s%c", cell->valuestring, CELL_BREAK);
    text_add(&key, "%s%c", entry_text(entry, "prompt"), CELL_BREAK);
    return text_view(&key);
}

// Lines of values.csv behind the first, by all their cells but the last.
static inline StrMap read_values(Parity *parity, U32List *lines, StrList *values) {
    Error err;
    Str text;
    StrMap map = strmap_open(parity->arena, 256);
    if (!file_read(parity->arena, path_join(parity->arena, parity->folder, STR("values.csv")).at, 64 << 20, &text,
                   &err)) {
        parity_fail(parity, "%s", err.text);
        return map;
    }
    for (uint32_t number = 1; text.len; number++) {
        const char *end = memchr(text.at, '\n', text.len);
        Str line = str_part(text, 0, end ? (size_t)(end - text.at) : text.len);
        text = str_part(text, line.len + 1, text.len);
        size_t comma = line.len;
        while (comma && line.at[comma - 1] != ',') comma--;
        if (number == 1 || !comma) continue;
        strmap_put(&map, csv_cells(parity->arena, str_part(line, 0, comma - 1)), (uint32_t)values->len);
        list_push(parity->arena, values, str_copy(parity->arena, str_part(line, comma, line.len)));
        list_push(parity->arena, lines, number);
    }
    return map;
}

static inline void compare_values(Parity *parity) {
    U32List lines = {0};
    StrList values = {0};
    StrMap map = read_values(parity, &lines, &values);
    const cJSON *entry, *list = parity_list(parity, "values");
    size_t want = 0;
    cJSON_ArrayForEach(entry, list) {
        uint32_t i;
        want++;
        const char *metric = entry_text(entry, "metric"), *prompt = entry_text(entry, "prompt");
        if (!strmap_get(&map, value_key(parity->arena, entry), &i)) {
            parity_fail(parity, "values.csv lacks %s of %s, prompt %s", entry_text(entry, "expression"), metric,
                        prompt);
            continue;
        }
        Str got = values.at[i];
        if (entry_is_near(parity, entry, got.len > 0, strtod(got.at, NULL))) continue;
        parity_fail(parity, "values.csv:%u: %s of %s, prompt %s: got %s, want %s", lines.at[i],
                    entry_text(entry, "expression"), metric, prompt, got.at, entry_value_text(parity->arena, entry).at);
    }
    if (want != values.len) parity_fail(parity, "values.csv has %zu values, expected %zu", values.len, want);
}

// ---- Tokens, as mdx_tokens prints them: "STREAM  PROMPT: N tokens", then "POSITION ID "TEXT" [content, …]" a line

static inline const char *behind_text(const char *quote) {
    for (quote++; *quote && *quote != '"'; quote++)
        if (*quote == '\\' && quote[1]) quote++;
    return quote;
}

static inline bool token_agrees(const char *line, const cJSON *id, bool content) {
    const char *end = strchr(line, '\n'), *quote = strchr(line, '"');
    unsigned long position, got;
    if (!end || !quote || sscanf(line, "%lu %lu", &position, &got) != 2) return false;
    const char *mark = strstr(behind_text(quote), "content");
    return id && (double)got == id->valuedouble && content == (mark && mark < end);
}

static inline void compare_prompt_tokens(Parity *parity, const char *text, const char *stream, const cJSON *prompt) {
    const cJSON *ids = json_member(prompt, "ids"), *content = json_member(prompt, "content"), *next = content->child;
    int count = cJSON_GetArraySize(ids);
    Str head = str_format(parity->arena, "%s  %s: %d tokens\n", stream, entry_text(prompt, "id"), count);
    const char *line = strstr(text, head.at);
    if (!line) parity_fail(parity, "there is no '%s  %s: %d tokens'", stream, entry_text(prompt, "id"), count);
    for (int i = 0; i < count && line; i++) {
        line = strchr(line, '\n') + 1;
        bool marked = next && next->valuedouble == i;
        if (marked) next = next->next;
        parity->compared++;
        if (token_agrees(line, cJSON_GetArrayItem(ids, i), marked)) continue;
        parity_fail(parity, "%s, prompt %s, token %d: got '%.*s', want %d%s", stream, entry_text(prompt, "id"), i,
                    (int)strcspn(line, "\n"), line, (int)cJSON_GetArrayItem(ids, i)->valuedouble,
                    marked ? " (content)" : "");
        return;
    }
}

static inline void compare_tokens(Parity *parity, const char *text) {
    const cJSON *stream, *prompt, *list = parity_list(parity, "tokens");
    cJSON_ArrayForEach(stream, list) {
        const cJSON *prompts = json_member(stream, "prompts");
        cJSON_ArrayForEach(prompt, prompts)
            compare_prompt_tokens(parity, text ? text : "", entry_text(stream, "stream"), prompt);
    }
}
