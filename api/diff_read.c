// diff_read.c: a results' folder as another run of mdx, or somebody else, has written it.
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "api/diff.h"
#include "mdx/file.h"
#include "mdx/json.h"

// Inputs, models and prompts are compared each with each.
enum { MOST_JSON = 128 << 20, MOST_CSV = 256 << 20, MOST_INPUTS = 2000 };

typedef struct {
    Arena *arena;
    RunFolder *run;
    const char *name; // of the file or a part of it, for messages
    Error *err;
} Reader;

static bool read_text(const Reader *reader, const cJSON *object, const char *key, Str *out) {
    Str view;
    TRY(json_str(reader->name, object, key, &view, reader->err));
    *out = str_copy(reader->arena, view);
    return true;
}

static bool list_member(const Reader *reader, const cJSON *object, const char *key, const cJSON **out) {
    *out = json_member(object, key);
    if (!cJSON_IsArray(*out)) FAIL(reader->err, ERR_INPUT, "%s: '%s' is %s, expected a list", reader->name, key, json_kind(*out));
    return true;
}

// Calls `item` for each object of a list.
static bool each_object(const Reader *reader, const cJSON *object, const char *key, bool (*item)(const Reader *reader, const cJSON *object)) {
    const cJSON *list, *at;
    size_t number = 0;
    TRY(list_member(reader, object, key, &list));
    cJSON_ArrayForEach(at, list) {
        Reader inner = *reader;
        inner.name = str_format(reader->arena, "%s: %s[%zu]", reader->name, key, number++).at;
        if (!cJSON_IsObject(at)) FAIL(reader->err, ERR_INPUT, "%s is %s, expected an object", inner.name, json_kind(at));
        TRY(item(&inner, at));
    }
    return true;
}

// ---- manifest.json

// Refuses what would be compared for hours.
static bool few(const Reader *reader, const cJSON *manifest, const char *key) {
    int count = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(manifest, key));
    return count <= MOST_INPUTS || error_set(reader->err, ERR_INPUT, "%s: %d %s, at most %d are accepted", reader->name, count, key, MOST_INPUTS);
}

static void add_fact(const Reader *reader, Str what, Str text) {
    list_push(reader->arena, &reader->run->facts, ((RunFact){what, text}));
}

static bool read_input(const Reader *reader, const cJSON *object) {
    RunInput input;
    TRY(read_text(reader, object, "role", &input.role) && read_text(reader, object, "name", &input.name) &&
        read_text(reader, object, "sha256", &input.hash));
    list_push(reader->arena, &reader->run->inputs, input);
    return true;
}

static bool read_model(const Reader *reader, const cJSON *object) {
    Str name, weights, activations;
    TRY(read_text(reader, object, "name", &name) && read_text(reader, object, "weights", &weights) &&
        read_text(reader, object, "activations", &activations));
    add_fact(reader, str_format(reader->arena, "model %.*s", STR_ARG(name)),
             str_format(reader->arena, "weights %.*s, activations %.*s", STR_ARG(weights), STR_ARG(activations)));
    return true;
}

static bool read_prompts(const Reader *reader, const cJSON *object) {
    Str name;
    double count;
    bool chat;
    TRY(read_text(reader, object, "name", &name) && json_f64(reader->name, object, "count", 0, DBL_MAX, &count, reader->err) &&
        json_bool(reader->name, object, "chat", false, &chat, reader->err));
    add_fact(reader, str_format(reader->arena, "prompts %.*s", STR_ARG(name)),
             str_format(reader->arena, "%.15g%s", count, chat ? ", chat" : ""));
    return true;
}

static bool read_manifest(const Reader *reader, const cJSON *manifest) {
    static const char *const said[] = {"experiment", "version", "device", "dtype"};
    bool complete;
    for (size_t i = 0; i < COUNT(said); i++) {
        Str text = STR("");
        bool may_lack = strcmp(said[i], "dtype") == 0 && !json_member(manifest, said[i]); // older folders do
        TRY(may_lack || read_text(reader, manifest, said[i], &text));
        if (text.len) add_fact(reader, str_of(said[i]), text);
    }
    TRY(json_bool(reader->name, manifest, "complete", false, &complete, reader->err));
    add_fact(reader, STR("complete"), complete ? STR("yes") : STR("no, it was stopped"));
    TRY(few(reader, manifest, "inputs") && few(reader, manifest, "models") && few(reader, manifest, "prompts"));
    return read_text(reader, manifest, "spec", &reader->run->spec) && each_object(reader, manifest, "inputs", read_input) &&
           each_object(reader, manifest, "models", read_model) && each_object(reader, manifest, "prompts", read_prompts);
}

// ---- results.json

// A number, or null for an undefined one.
static bool read_value(const Reader *reader, const cJSON *object, double *out) {
    *out = NAN;
    if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(object, "value"))) return true;
    return json_f64(reader->name, object, "value", -DBL_MAX, DBL_MAX, out, reader->err);
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

// The members in front of the value are sweeps, in the order of their definitions: here by name.
static bool read_sweeps(const Reader *reader, const cJSON *object, Str *out) {
    LIST(const cJSON *) sweeps = {0};
    Text text = text_open(reader->arena);
    const cJSON *at;
    cJSON_ArrayForEach(at, object) {
        if (strcmp(at->string, "value") == 0) break;
        if (!cJSON_IsNumber(at) && !cJSON_IsString(at))
            FAIL(reader->err, ERR_INPUT, "%s: '%s' is %s, expected a number or a string", reader->name, at->string, json_kind(at));
        list_push(reader->arena, &sweeps, at);
    }
    if (sweeps.len) qsort(sweeps.at, sweeps.len, sizeof *sweeps.at, by_name);
    for (size_t i = 0; i < sweeps.len; i++) {
        text_add(&text, "%s%s=", i ? ", " : "", sweeps.at[i]->string);
        if (cJSON_IsNumber(sweeps.at[i]))
            text_number(&text, sweeps.at[i]->valuedouble);
        else
            text_str(&text, str_of(sweeps.at[i]->valuestring));
    }
    *out = text_view(&text);
    return true;
}

static bool read_point(const Reader *reader, const cJSON *object) {
    RunMetric *metric = &reader->run->metrics.at[reader->run->metrics.len - 1];
    RunPoint point;
    uint32_t have;
    TRY(read_sweeps(reader, object, &point.point) && read_value(reader, object, &point.value));
    if (strmap_get(&metric->by_point, point.point, &have))
        FAIL(reader->err, ERR_INPUT, "%s: this point of '%.*s' stands there twice", reader->name, STR_ARG(metric->name));
    strmap_put(&metric->by_point, point.point, (uint32_t)metric->points.len);
    list_push(reader->arena, &metric->points, point);
    return true;
}

static bool read_metric(const Reader *reader, const cJSON *object) {
    RunMetric metric = {.by_point = strmap_open(reader->arena, 16)};
    uint32_t have;
    TRY(read_text(reader, object, "name", &metric.name) && read_text(reader, object, "formula", &metric.formula));
    if (strmap_get(&reader->run->by_metric, metric.name, &have))
        FAIL(reader->err, ERR_INPUT, "%s: metric '%.*s' stands there twice", reader->name, STR_ARG(metric.name));
    metric.floor_known = json_member(object, "noise_floor");
    TRY(!metric.floor_known || json_f64(reader->name, object, "noise_floor", 0, DBL_MAX, &metric.floor, reader->err));
    strmap_put(&reader->run->by_metric, metric.name, (uint32_t)reader->run->metrics.len);
    list_push(reader->arena, &reader->run->metrics, metric);
    return each_object(reader, object, "points", read_point);
}

static bool read_results(const Reader *reader, const cJSON *results) {
    return each_object(reader, results, "metrics", read_metric);
}

// ---- The folder

static bool read_json(const Reader *reader, bool (*take)(const Reader *reader, const cJSON *root)) {
    cJSON *root = json_read(reader->name, MOST_JSON, reader->err);
    if (!root) return false;
    bool ok = cJSON_IsObject(root) ? take(reader, root)
                                   : error_set(reader->err, ERR_INPUT, "%s: is %s, expected an object", reader->name, json_kind(root));
    cJSON_Delete(root);
    return ok;
}

bool run_folder_read(Arena *arena, const char *folder, RunFolder *out, Error *err) {
    *out = (RunFolder){.folder = str_copy(arena, str_of(folder)), .by_metric = strmap_open(arena, 16), .by_value = strmap_open(arena, 64)};
    if (!file_is_folder(folder)) FAIL(err, ERR_INPUT, "%s: no such folder; mdx diff compares two results' folders", folder);
    Reader reader = {arena, out, path_join(arena, out->folder, STR("manifest.json")).at, err};
    TRY(read_json(&reader, read_manifest));
    reader.name = path_join(arena, out->folder, STR("results.json")).at;
    TRY(read_json(&reader, read_results));
    Str csv, name = path_join(arena, out->folder, STR("values.csv"));
    return file_read(arena, name.at, MOST_CSV, &csv, err) && run_values_read(arena, name.at, csv, out, err);
}
