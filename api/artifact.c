// artifact.c: the folder of a run: results, values, maps, and a manifest that says how they were made.
//
// The folder's name holds a digest of everything that went in, so no result overwrites another experiment's. It is
// written beside its place and put there in one step.
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "api/artifact.h"
#include "api/figures.h"
#include "mdx/file.h"

enum { DIGEST_CHARS = 12 };

// ---- Inputs

static bool add_file(Mdx *mdx, Inputs *inputs, const char *role, Str name, Str path, Error *err) {
    Input input = {role, name, path, {{0}}};
    TRY(sha256_file(path.at, &input.hash, err));
    list_push(mdx->arena, inputs, input);
    return true;
}

// Files of a model's folder that need not be there.
static bool add_model_file(Mdx *mdx, Inputs *inputs, const ModelDef *model, const char *role, const char *file, Error *err) {
    Str path = path_join(mdx->arena, model->folder, str_of(file));
    if (!file_exists(path.at)) return true;
    Str name = str_format(mdx->arena, "%.*s/%s", STR_ARG(model->shown), file);
    return add_file(mdx, inputs, role, name, path, err);
}

static bool add_model(Mdx *mdx, Inputs *inputs, const ModelDef *model, Error *err) {
    return add_model_file(mdx, inputs, model, "config", "config.json", err) &&
           add_model_file(mdx, inputs, model, "tokenizer", "tokenizer.json", err) &&
           add_model_file(mdx, inputs, model, "tokenizer", "tokenizer_config.json", err) &&
           add_model_file(mdx, inputs, model, "chat template", "chat_template.jinja", err);
}

static bool add_weights(Mdx *mdx, Inputs *inputs, const OpenFiles *files, Error *err) {
    for (size_t i = 0; i < files->count; i++) {
        const PlanFile *file = &mdx->plan.files[i];
        for (size_t k = 0; k < weights_file_count(files->weights[i]); k++) {
            Str path = str_of(weights_file(files->weights[i], k));
            const char *slash = strrchr(path.at, '/');
            Str name = str_format(mdx->arena, "%.*s: %s", STR_ARG(file->name), slash ? slash + 1 : path.at);
            TRY(add_file(mdx, inputs, file->folder ? "weights" : "map", name, path, err));
        }
    }
    return true;
}

static bool add_all(Mdx *mdx, const OpenFiles *files, Inputs *inputs, Error *err) {
    for (size_t i = 0; i < mdx->spec.sources.len; i++) {
        const Source *source = &mdx->spec.sources.at[i];
        if (source->made) continue;
        bool set = str_is(source->name, "--set");
        Input input = {i == 0 ? "spec" : set ? "set" : "include", set ? source->text : source->name, source->name, sha256_bytes(source->text.at, source->text.len)};
        list_push(mdx->arena, inputs, input);
    }
    for (size_t i = 0; i < mdx->exp->models.len; i++) TRY(add_model(mdx, inputs, &mdx->exp->models.at[i], err));
    TRY(add_weights(mdx, inputs, files, err));
    for (size_t i = 0; i < mdx->exp->prompts.len; i++) {
        const PromptsDef *prompts = &mdx->exp->prompts.at[i];
        TRY(add_file(mdx, inputs, "prompts", prompts->shown, prompts->path, err));
    }
    for (size_t i = 0; i < mdx->exp->listed.len; i++)
        TRY(add_file(mdx, inputs, "positions", mdx->exp->listed.at[i].shown, mdx->exp->listed.at[i].path, err));
    return true;
}

// What stands in the digest: the role and content of every input, the device, what it shortens states to, and the version. Names and places of
// files do not: the same study in another folder is the same study.
static Str digest_of(Mdx *mdx, const Inputs *inputs) {
    Hasher *hasher = hasher_open(mdx->arena);
    hasher_str(hasher, STR("mdx " MDX_VERSION));
    hasher_str(hasher, str_of(mdx->device->name));
    if (mdx->device->shortens) hasher_str(hasher, str_of(dtype_info[session_states(mdx)].name));
    for (size_t i = 0; i < inputs->len; i++) {
        hasher_str(hasher, str_of(inputs->at[i].role));
        hasher_str(hasher, str_of(inputs->at[i].hash.hex));
    }
    Sha256 hash = hasher_close(hasher);
    return str_format(mdx->arena, "%.*s", DIGEST_CHARS, hash.hex);
}

// ---- The manifest

static void json_pair(Text *out, const char *key, Str value) {
    text_add(out, "\"%s\": ", key);
    text_json(out, value);
}

static void manifest_inputs(const Inputs *inputs, Text *out) {
    text_str(out, STR("  \"inputs\": ["));
    for (size_t i = 0; i < inputs->len; i++) {
        text_str(out, str_of(i ? ",\n    {" : "\n    {"));
        json_pair(out, "role", str_of(inputs->at[i].role));
        text_str(out, STR(", "));
        json_pair(out, "name", inputs->at[i].name);
        text_str(out, STR(", "));
        json_pair(out, "sha256", str_of(inputs->at[i].hash.hex));
        text_char(out, '}');
    }
    text_str(out, STR("],\n"));
}

Str record_stored(const Record *record, size_t file) {
    const Weights *weights = record->files->weights[file];
    return weights_count(weights) ? weights_at(weights, 0)->stored : STR("");
}

static void manifest_models(const Mdx *mdx, const Record *record, Text *out) {
    text_str(out, STR("  \"models\": ["));
    const char *between = "\n    {";
    for (size_t i = 0; i < record->files->count; i++) {
        const PlanFile *file = &mdx->plan.files[i];
        if (!file->folder) continue;
        text_str(out, str_of(between));
        json_pair(out, "name", file->name);
        text_str(out, STR(", "));
        json_pair(out, "weights", record_stored(record, i));
        text_add(out, ", \"activations\": \"%s\"}", dtype_info[session_states(mdx)].safetensors);
        between = ",\n    {";
    }
    text_str(out, STR("],\n"));
}

static void manifest_prompts(const Mdx *mdx, Text *out) {
    Error err;
    text_str(out, STR("  \"prompts\": ["));
    for (uint32_t i = 0; i < mdx->exp->prompts.len; i++) {
        const PromptsDef *def = &mdx->exp->prompts.at[i];
        const PromptTexts *texts = streams_prompts(mdx->streams, i, &err);
        text_str(out, str_of(i ? ",\n    {" : "\n    {"));
        json_pair(out, "name", def->name);
        text_add(out, ", \"count\": %zu, \"chat\": %s}", texts ? texts->len : 0, def->chat ? "true" : "false");
    }
    text_str(out, STR("],\n"));
}

Str record_place(Arena *arena, const Stmt *stmt) {
    Text text = text_open(arena);
    if (stmt->kind != STMT_hook) return STR("");
    text_add(&text, "%.*s = ", STR_ARG(stmt->name));
    ast_write(stmt->value, &text);
    return text_view(&text);
}

// Where each run reads and writes, as words: the positions policy.
static void manifest_positions(const Mdx *mdx, Text *out) {
    text_str(out, STR("  \"positions\": ["));
    const char *between = "\n    ";
    for (size_t i = 0; i < mdx->spec.statements.len; i++) {
        Str place = record_place(mdx->arena, &mdx->spec.statements.at[i]);
        if (!place.len) continue;
        text_str(out, str_of(between));
        text_json(out, place);
        between = ",\n    ";
    }
    text_str(out, STR("],\n"));
}

// Every random choice that was made, by what made it.
static void manifest_seeds(const Mdx *mdx, Text *out) {
    const char *between = "";
    text_str(out, STR("  \"seeds\": ["));
    for (size_t i = 0; i < mdx->exp->maps.len; i++) {
        const MapInst *map = mdx->exp->maps.at[i];
        const struct {
            const char *use;
            bool is;
            uint64_t seed;
        } uses[] = {{"random_rotation", map->mapper == MAPPER_random_rotation, map->args[0].seed},
                    {pairing_words[map->pairing], map->pairing, map->seed},
                    {"kmeans", map->per.kind == PER_kmeans, map->per.seed}};
        for (size_t k = 0; k < COUNT(uses); k++) {
            if (!uses[k].is) continue;
            text_add(out, "%s\n    {\"map\": ", between);
            text_json(out, map->name);
            text_add(out, ", \"use\": \"%s\", \"seed\": %llu}", uses[k].use, (unsigned long long)uses[k].seed);
            between = ",";
        }
    }
    for (size_t i = 0; i < mdx->exp->metrics.len; i++) {
        const MetricDef *metric = &mdx->exp->metrics.at[i];
        const Expr *expr = metric->points[0];
        if (expr->kind != EXPR_interval) continue;
        text_add(out, "%s\n    {\"metric\": ", between);
        text_json(out, metric->name);
        text_add(out, ", \"use\": \"bootstrap\", \"seed\": %llu, \"draws\": %u}", (unsigned long long)expr->args[2].seed, expr->args[1].count);
        between = ",";
    }
    text_str(out, STR("],\n"));
}

Str record_time(Arena *arena, double seconds) {
    time_t whole = (time_t)seconds;
    struct tm parts;
    char text[32];
    gmtime_r(&whole, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return str_copy(arena, str_of(text));
}

static Str manifest(Mdx *mdx, const Record *record) {
    Text out = text_open(mdx->arena);
    text_str(&out, STR("{\n  "));
    json_pair(&out, "experiment", mdx->exp->name);
    text_str(&out, STR(",\n  "));
    json_pair(&out, "version", STR("mdx " MDX_VERSION));
    text_str(&out, STR(",\n  "));
    json_pair(&out, "device", str_of(mdx->device->name));
    text_str(&out, STR(",\n  "));
    json_pair(&out, "dtype", str_of(dtype_info[session_states(mdx)].name));
    text_add(&out, ",\n  \"complete\": %s,\n", results_complete(&mdx->results) ? "true" : "false");
    manifest_seeds(mdx, &out);
    manifest_inputs(&record->inputs, &out);
    manifest_models(mdx, record, &out);
    manifest_prompts(mdx, &out);
    manifest_positions(mdx, &out);
    if (mdx->results.positions_count) results_positions_json(&mdx->results, &out);
    const Cost executed = session_executed(mdx);
    text_str(&out, STR("  \"executed\": "));
    cost_json(&executed, &out);
    text_str(&out, STR(",\n"));
    text_add(&out, "  \"plan\": {\"steps\": %zu, \"gflop\": %.3f, \"micro_batches\": %u, \"arena_bytes\": %llu},\n  \"spec\": ", mdx->plan.step_count,
             mdx->plan.flops / 1e9, mdx->parts, (unsigned long long)mdx->plan.arena_bytes);
    text_json(&out, mdx->spec.sources.at[0].text);
    text_str(&out, STR(",\n  \"times\": {"));
    json_pair(&out, "started", record_time(mdx->arena, record->times->started));
    text_add(&out, ", \"seconds\": %.3f, \"peak_memory_bytes\": %llu}\n}\n", record->times->seconds,
             (unsigned long long)record->times->peak);
    return text_view(&out);
}

// ---- Maps

// A file's name from a map's: letters, digits and a few signs stay.
static Str file_name(Arena *arena, Str name) {
    Text out = text_open(arena);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_-=.[],", c);
        if (c != ' ') text_char(&out, plain ? c : '_');
    }
    text_str(&out, STR(".safetensors"));
    return text_view(&out);
}

// Its provenance. What the fits of clusters say of themselves is told of one that has none; of the others, their rows.
static Str map_metadata(Mdx *mdx, const ResultMap *map) {
    Arena *arena = mdx->arena;
    const FitReport *fit = &map->fit;
    Text metadata = text_open(arena), scores = text_open(arena), rows = text_open(arena);
    results_scores(fit, &scores);
    for (uint32_t k = 0; k < map->clusters; k++)
        text_add(&rows, "%s%llu", k ? ", " : "", (unsigned long long)map->parts[k].rows);
    const struct {
        const char *key;
        Str value;
    } members[] = {
        {"mapper", map->kind},
        {"inside", map->inside},
        {"per", map->per},
        {"rows_of_clusters", text_view(&rows)},
        {map->pairing, *map->pairing ? str_format(arena, "%llu", (unsigned long long)map->seed) : STR("")},
        {"from", map->from},
        {"to", map->to},
        {"on", map->on},
        {"rows", str_format(arena, "%llu", (unsigned long long)results_map_rows(map))},
        {"rank", map->clusters ? STR("") : str_format(arena, "%u", fit->rank)},
        {"scale", map->clusters ? STR("") : str_format(arena, "%.17g", fit->scale)},
        {"lambda", fit->lambda_count ? str_format(arena, "%.17g", fit->lambda) : STR("")},
        {"scores", fit->lambda_count ? text_view(&scores) : STR("")},
        {"experiment", mdx->exp->name},
        {"version", STR("mdx " MDX_VERSION)},
        {"spec_sha256",
         str_of(str_c(arena,
                      str_of(sha256_bytes(mdx->spec.sources.at[0].text.at, mdx->spec.sources.at[0].text.len).hex)))},
    };
    for (size_t i = 0; i < COUNT(members); i++) {
        if (!members[i].value.len) continue;
        text_str(&metadata, str_of(i ? "," : "{"));
        text_json(&metadata, str_of(members[i].key));
        text_char(&metadata, ':');
        text_json(&metadata, members[i].value);
    }
    text_char(&metadata, '}');
    return text_view(&metadata);
}

static Tensor matrices(const char *name, uint64_t count, uint64_t rows, uint64_t columns, const float *data) {
    Tensor out = {.name = str_of(name), .dtype = DTYPE_f32, .bytes = sizeof(float), .data = data};
    const uint64_t shape[] = {count, rows, columns};
    for (size_t i = 0; i < COUNT(shape); i++) {
        if (!shape[i]) continue;
        out.shape[out.rank++] = shape[i];
        out.bytes *= shape[i];
    }
    return out;
}

// Of several maps, which lie one behind another, first all W, then all b.
static void gather_parts(Arena *arena, const ResultMap *map, const float **w, const float **b) {
    uint64_t weights = (uint64_t)map->in * map->out, count = map->clusters;
    float *all_w = arena_many(arena, float, count *weights), *all_b = arena_many(arena, float, count * map->out);
    for (uint64_t k = 0; k < count; k++) {
        const float *one = map->map + k * (weights + map->out);
        memcpy(all_w + k * weights, one, weights * sizeof *all_w);
        memcpy(all_b + k * map->out, one + weights, map->out * sizeof *all_b);
    }
    *w = all_w, *b = all_b;
}

// W and b; of clusters each of them [clusters, …], and the centroids.
static bool write_map(Mdx *mdx, const ResultMap *map, Str folder, Error *err) {
    Arena *arena = mdx->arena;
    uint64_t weights = (uint64_t)map->in * map->out;
    const float *w = map->map, *b = map->map + weights;
    if (map->clusters > 1) gather_parts(arena, map, &w, &b);
    const Tensor tensors[] = {matrices("W", map->clusters, map->in, map->out, w),
                              matrices("b", map->clusters, 0, map->out, b),
                              matrices("centroids", map->clusters, 0, map->in, map->centroids)};
    Str path = path_join(arena, folder, file_name(arena, map->name));
    return safetensors_write(path.at, tensors, map->clusters ? 3 : 2, map_metadata(mdx, map), err);
}

static bool write_maps(Mdx *mdx, Str folder, Error *err) {
    Str maps = path_join(mdx->arena, folder, STR("maps"));
    for (size_t i = 0; i < mdx->results.map_count; i++) {
        if (!mdx->results.maps[i].map) continue;
        TRY(folder_make(maps.at, err));
        TRY(write_map(mdx, &mdx->results.maps[i], maps, err));
    }
    return true;
}

// ---- States

// Whether the rows of all points are of the same prompts and positions: then one list is for all.
static bool same_rows(const ResultStates *states) {
    const ResultMatrix *first = NULL;
    for (size_t p = 0; p < states->points; p++) {
        const ResultMatrix *at = &states->at[p];
        if (!at->states) continue;
        if (!first) first = at;
        if (at->rows != first->rows || memcmp(at->prompt, first->prompt, at->rows * sizeof *at->prompt) != 0) return false;
        if (memcmp(at->position, first->position, at->rows * sizeof *at->position) != 0) return false;
    }
    return true;
}

static Tensor column_tensor(Str name, const uint32_t *numbers, uint64_t rows) {
    return (Tensor){.name = name, .dtype = DTYPE_i32, .rank = 1, .shape = {rows}, .bytes = rows * sizeof *numbers, .data = numbers};
}

// row.prompt and row.position, or one pair for each point ("at=end row.prompt").
static size_t row_tensors(Mdx *mdx, const ResultStates *states, Tensor *out) {
    size_t count = 0;
    bool same = same_rows(states);
    for (size_t p = 0; p < states->points; p++) {
        const ResultMatrix *at = &states->at[p];
        if (!at->states || (same && count)) continue;
        Text point = text_open(mdx->arena);
        results_point_write(&mdx->results, states->axes, p, &point);
        const char *blank = same || !point.len ? "" : " ";
        Str before = same ? STR("") : text_view(&point);
        out[count++] = column_tensor(str_format(mdx->arena, "%.*s%srow.prompt", STR_ARG(before), blank), at->prompt, at->rows);
        out[count++] = column_tensor(str_format(mdx->arena, "%.*s%srow.position", STR_ARG(before), blank), at->position, at->rows);
    }
    return count;
}

static Text states_metadata(Mdx *mdx, const ResultStates *states) {
    Text metadata = text_open(mdx->arena), ids = text_open(mdx->arena);
    const ResultPrompts *prompts = &mdx->results.prompts[states->prompts];
    for (uint32_t i = 0; i < prompts->count; i++) text_add(&ids, "%s%.*s", i ? "\n" : "", STR_ARG(prompts->ids[i]));
    text_str(&metadata, STR("{"));
    json_pair(&metadata, "experiment", mdx->exp->name);
    text_str(&metadata, STR(","));
    json_pair(&metadata, "expression", states->text);
    text_str(&metadata, STR(","));
    json_pair(&metadata, "prompts", text_view(&ids));
    text_str(&metadata, STR(","));
    json_pair(&metadata, "version", STR("mdx " MDX_VERSION));
    text_str(&metadata, STR("}"));
    return metadata;
}

static bool write_states(Mdx *mdx, const ResultStates *states, Str folder, Error *err) {
    Arena *arena = mdx->arena;
    Text metadata = states_metadata(mdx, states);
    Tensor *tensors = arena_many(arena, Tensor, 3 * states->points);
    size_t count = row_tensors(mdx, states, tensors);
    for (size_t p = 0; p < states->points; p++) {
        const ResultMatrix *at = &states->at[p];
        if (!at->states) continue;
        Text name = text_open(arena);
        results_point_write(&mdx->results, states->axes, p, &name);
        tensors[count++] = (Tensor){.name = name.len ? text_view(&name) : STR("states"), .dtype = DTYPE_f32, .rank = 2,
                                    .shape = {at->rows, at->width}, .bytes = at->rows * at->width * sizeof(float), .data = at->states};
    }
    Str path = path_join(arena, folder, str_format(arena, "%.*s.safetensors", STR_ARG(states->name)));
    return safetensors_write(path.at, tensors, count, text_view(&metadata), err);
}

static bool write_all_states(Mdx *mdx, Str folder, Error *err) {
    Str below = path_join(mdx->arena, folder, STR("states"));
    for (size_t i = 0; i < mdx->results.states_count; i++) {
        TRY(folder_make(below.at, err));
        TRY(write_states(mdx, &mdx->results.states[i], below, err));
    }
    return true;
}

// ---- The folder

static bool put(Mdx *mdx, Str folder, const char *name, Text text, Error *err) {
    return file_write(path_join(mdx->arena, folder, str_of(name)).at, text_view(&text), err);
}

static bool write_tables(Mdx *mdx, Str folder, Error *err) {
    for (size_t t = 0; t < mdx->results.table_count; t++) {
        Text csv = text_open(mdx->arena);
        results_csv(&mdx->results, &mdx->results.tables[t], &csv);
        Str name = t ? str_format(mdx->arena, "results-%zu.csv", t + 1) : STR("results.csv");
        TRY(put(mdx, folder, name.at, csv, err));
    }
    return true;
}

static bool write_all(Mdx *mdx, Str folder, const Record *record, Error *err) {
    Text json = text_open(mdx->arena), values = text_open(mdx->arena);
    TRY(session_figures(mdx, folder, err)); // first: they may warn
    results_json(&mdx->results, &json);
    results_values_csv(&mdx->results, &values);
    return put(mdx, folder, "results.json", json, err) && write_tables(mdx, folder, err) &&
           put(mdx, folder, "values.csv", values, err) && write_maps(mdx, folder, err) && write_all_states(mdx, folder, err) &&
           file_write(path_join(mdx->arena, folder, STR("report.html")).at, html_report(mdx, record, folder), err) &&
           file_write(path_join(mdx->arena, folder, STR("manifest.json")).at, manifest(mdx, record), err);
}

// Whether the folder holds a whole run already: a stopped one does not take its place.
static bool is_complete(Mdx *mdx, Str folder) {
    Error err;
    cJSON *old = json_read(path_join(mdx->arena, folder, STR("manifest.json")).at, 64 << 20, &err);
    bool complete = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(old, "complete"));
    cJSON_Delete(old);
    return complete;
}

bool session_write(Mdx *mdx, const OpenFiles *files, const RunTimes *times, Error *err) {
    Record record = {.files = files, .times = times};
    TRY(add_all(mdx, files, &record.inputs, err));
    Str name = str_format(mdx->arena, "%.*s-%.*s", STR_ARG(mdx->exp->name), STR_ARG(digest_of(mdx, &record.inputs)));
    Str folder = path_join(mdx->arena, mdx->out, name);
    if (!mdx->stopped || !is_complete(mdx, folder)) {
        TRY(folder_make(mdx->out.at, err));
        Str part = str_format(mdx->arena, "%.*s.part-%ld", STR_ARG(folder), (long)getpid());
        TRY(folder_remove(part.at, err) && folder_make(part.at, err));
        bool ok = write_all(mdx, part, &record, err) && folder_replace(part.at, folder.at, err);
        Error ignored;
        if (!ok) return folder_remove(part.at, &ignored) && false;
    }
    mdx->folder = folder;
    return true;
}
