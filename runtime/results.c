// results.c: results as text: tables, JSON, CSV.
#include <math.h>
#include <stdio.h>

#include "runtime/results.h"

size_t results_points(const Results *results, uint64_t axes) {
    size_t count = 1;
    for (size_t a = 0; a < results->axis_count; a++)
        if (axes >> a & 1) count *= results->axes[a].count;
    return count;
}

size_t results_value(const Results *results, uint64_t axes, size_t point, size_t axis) {
    for (size_t a = results->axis_count; a-- > 0;) {
        if (!(axes >> a & 1)) continue;
        if (a == axis) return point % results->axes[a].count;
        point /= results->axes[a].count;
    }
    BUG("the point has no such axis");
}

size_t results_project(const Results *results, uint64_t from, size_t point, uint64_t to) {
    size_t out = 0;
    for (size_t a = 0; a < results->axis_count; a++)
        if (to >> a & 1) out = out * results->axes[a].count + results_value(results, from, point, a);
    return out;
}

static const ResultMetric *metric_at(const Results *results, const ResultTable *table, size_t column, size_t point, size_t *own) {
    const ResultMetric *metric = &results->metrics[table->columns[column].index];
    *own = results_project(results, table->axes, point, metric->axes);
    return metric;
}

bool results_row_done(const Results *results, const ResultTable *table, size_t point) {
    for (size_t c = 0; c < table->count; c++) {
        size_t own;
        if (table->columns[c].is_axis) continue;
        const ResultMetric *metric = metric_at(results, table, c, point, &own);
        if (!metric->done[own]) return false;
    }
    return true;
}

static bool table_complete(const Results *results, const ResultTable *table) {
    for (size_t p = 0; p < table->points; p++)
        if (!results_row_done(results, table, p)) return false;
    return true;
}

// A metric that has intervals tells its own; else those that stand behind it in the table.
bool results_bounds(const Results *results, const ResultTable *table, size_t column, size_t own, double *lower, double *upper) {
    const ResultMetric *metric = &results->metrics[table->columns[column].index];
    double *const out[] = {lower, upper};
    if (metric->intervals) {
        *lower = metric->intervals[own].lo;
        *upper = metric->intervals[own].hi;
        return metric->done[own] && isfinite(*lower) && isfinite(*upper);
    }
    for (size_t k = 0; k < 2; k++) {
        const ResultColumn *bound = column + 1 + k < table->count ? &table->columns[column + 1 + k] : NULL;
        if (!bound || bound->role != (k ? RESULT_upper : RESULT_lower)) return false;
        const ResultMetric *of = &results->metrics[bound->index];
        size_t point = results_project(results, metric->axes, own, of->axes);
        if (!of->done[point] || !isfinite(of->values[point])) return false;
        *out[k] = of->values[point];
    }
    return true;
}

bool results_complete(const Results *results) {
    for (size_t t = 0; t < results->table_count; t++)
        if (!table_complete(results, &results->tables[t])) return false;
    for (size_t i = 0; i < results->figure_count; i++)
        if (!table_complete(results, &results->figures[i].table)) return false;
    for (size_t i = 0; i < results->states_count; i++)
        for (size_t p = 0; p < results->states[i].points; p++)
            if (!results->states[i].at[p].states) return false;
    return true;
}

void results_point_write(const Results *results, uint64_t axes, size_t point, Text *out) {
    const char *between = "";
    for (size_t a = 0; a < results->axis_count; a++) {
        if (!(axes >> a & 1)) continue;
        text_add(out, "%s%.*s=%.*s", between, STR_ARG(results->axes[a].name), STR_ARG(results->axes[a].values[results_value(results, axes, point, a)]));
        between = ", ";
    }
}

// ---- Cells

Str results_column(const Results *results, const ResultColumn *column) {
    if (column->role == RESULT_verdict) return STR("verdict");
    return column->is_axis ? results->axes[column->index].name : results->metrics[column->index].name;
}

// A cell as people read it: six significant digits.
Str results_cell(const Results *results, const ResultTable *table, size_t column, size_t point, Arena *arena) {
    if (table->columns[column].is_axis) {
        size_t axis = table->columns[column].index;
        return results->axes[axis].values[results_value(results, table->axes, point, axis)];
    }
    size_t own;
    const ResultMetric *metric = metric_at(results, table, column, point, &own);
    if (!metric->done[own]) return STR("-");
    if (table->columns[column].role == RESULT_verdict) return str_of(interval_verdict(metric, own));
    if (!isfinite(metric->values[own])) return STR("undefined");
    Text cell = text_open(arena);
    text_add(&cell, "%.6g", metric->values[own]);
    if (metric->intervals) interval_write(metric, own, &cell);
    return text_view(&cell);
}

bool results_noise(const Results *results, const ResultMetric *metric, double *floor) {
    bool known = false;
    *floor = 0;
    for (size_t i = 0; i < results->probe_count; i++) {
        const ResultProbe *probe = &results->probes[i];
        if (!probe->done[0] || !probe->done[1] || !str_eq(results->terms[probe->term].metric, metric->name)) continue;
        double apart = fabs(probe->value[1] - probe->value[0]);
        known = true;
        if (apart > *floor) *floor = apart;
    }
    return known;
}

// Effects that are hardly above what the same run shows without a patch.
void results_notes(const Results *results, const ResultTable *table, Text *out) {
    for (size_t c = 0; c < table->count; c++) {
        if (table->columns[c].is_axis || table->columns[c].role == RESULT_verdict) continue;
        const ResultMetric *metric = &results->metrics[table->columns[c].index];
        double floor;
        size_t below = 0;
        interval_notes(metric, out);
        if (!results_noise(results, metric, &floor)) continue;
        for (size_t p = 0; p < metric->points; p++) below += metric->done[p] && fabs(metric->values[p]) < 10 * floor;
        if (below)
            text_add(out, "%.*s: %zu of %zu values are below 10 x the noise floor, which is %.2g\n", STR_ARG(metric->name), below,
                     metric->points, floor);
    }
}

void results_set_axis(Results *results, uint32_t number, const double *values, Arena *arena) {
    ResultAxis *axis = &results->axes[number];
    Str *texts = arena_many(arena, Str, axis->count);
    for (size_t i = 0; i < axis->count; i++) {
        Text text = text_open(arena);
        text_number(&text, values[i]);
        texts[i] = text_view(&text);
    }
    axis->values = texts;
    axis->numbers = arena_copy(arena, values, axis->count * sizeof *values);
}

void results_print(const Results *results, Text *out) {
    for (size_t t = 0; t < results->table_count; t++) {
        const ResultTable *table = &results->tables[t];
        size_t *width = arena_many(out->arena, size_t, table->count);
        Str *cells = arena_many(out->arena, Str, (table->points + 1) * table->count);
        for (size_t c = 0; c < table->count; c++) {
            cells[c] = results_column(results, &table->columns[c]);
            for (size_t p = 0; p < table->points; p++) cells[(p + 1) * table->count + c] = results_cell(results, table, c, p, out->arena);
            for (size_t p = 0; p <= table->points; p++) width[c] = MAX(width[c], cells[p * table->count + c].len);
        }
        if (t) text_char(out, '\n');
        for (size_t p = 0; p <= table->points; p++) {
            for (size_t c = 0; c < table->count; c++) {
                Str cell = cells[p * table->count + c];
                if (c) text_str(out, STR("  "));
                text_repeat(out, ' ', width[c] - cell.len);
                text_str(out, cell);
            }
            text_char(out, '\n');
        }
        results_notes(results, table, out);
    }
}

// ---- JSON

void results_scores(const FitReport *fit, Text *out) {
    for (uint32_t i = 0; i < fit->lambda_count; i++) {
        text_str(out, str_of(i ? ", {\"lambda\": " : "[{\"lambda\": "));
        text_number(out, fit->lambdas[i]);
        text_str(out, STR(", \"r2\": "));
        text_number(out, fit->scores[i]);
        text_char(out, '}');
    }
    text_char(out, ']');
}

uint64_t results_map_rows(const ResultMap *map) {
    uint64_t rows = 0;
    for (uint32_t k = 0; k < map->clusters; k++) rows += map->parts[k].rows;
    return map->clusters ? rows : map->fit.rows;
}

static void json_axis_value(const ResultAxis *axis, size_t i, Text *out) {
    if (axis->numbers)
        text_number(out, axis->numbers[i]);
    else
        text_json(out, axis->values[i]);
}

static void json_point(const Results *results, uint64_t axes, size_t point, Text *out) {
    for (size_t a = 0; a < results->axis_count; a++) {
        if (!(axes >> a & 1)) continue;
        text_json(out, results->axes[a].name);
        text_str(out, STR(": "));
        json_axis_value(&results->axes[a], results_value(results, axes, point, a), out);
        text_str(out, STR(", "));
    }
}

static void json_chosen(const Results *results, const ResultMetric *metric, size_t point, Text *out) {
    const ResultAxis *axis = &results->axes[metric->choice->axis];
    text_str(out, STR(", \"chosen\": "));
    if (metric->choice->chosen[point] < axis->count)
        json_axis_value(axis, metric->choice->chosen[point], out);
    else
        text_str(out, STR("null"));
}

static void json_metric(const Results *results, const ResultMetric *metric, Text *out) {
    text_str(out, STR("    {\"name\": "));
    text_json(out, metric->name);
    text_str(out, STR(", \"formula\": "));
    text_json(out, metric->formula);
    double floor;
    if (results_noise(results, metric, &floor)) {
        text_str(out, STR(", \"noise_floor\": "));
        text_number(out, floor);
    }
    text_str(out, STR(", \"points\": ["));
    const char *between = "\n";
    for (size_t p = 0; p < metric->points; p++) {
        if (!metric->done[p]) continue;
        text_add(out, "%s      {", between);
        json_point(results, metric->axes, p, out);
        text_str(out, STR("\"value\": "));
        text_number(out, metric->values[p]);
        if (metric->intervals) interval_json(metric, p, out);
        if (metric->choice && metric->choice->chosen) json_chosen(results, metric, p, out);
        text_char(out, '}');
        between = ",\n";
    }
    text_str(out, STR("]}"));
}

static void json_lambda(const FitReport *fit, Text *out) {
    text_str(out, STR(", \"lambda\": "));
    text_number(out, fit->lambda);
    text_str(out, STR(", \"scores\": "));
    results_scores(fit, out);
}

static void json_spread(const char *side, const Spread *spread, Text *out) {
    text_add(out, ", \"%s\": {\"rank\": %u, \"condition\": ", side, spread->rank);
    text_number(out, spread->condition);
    text_char(out, '}');
}

static void json_fit(const ResultMap *map, const FitReport *fit, Text *out) {
    text_add(out, "\"rows\": %llu, \"rank\": %u, \"scale\": ", (unsigned long long)fit->rows, fit->rank);
    text_number(out, fit->scale);
    if (fit->source.rank) {
        json_spread("source", &fit->source, out);
        json_spread("target", &fit->target, out);
    }
    if (str_is(map->kind, "procrustes")) {
        text_str(out, STR(", \"orthogonality\": "));
        text_number(out, fit->orthogonality);
    }
    if (fit->kept_in) text_add(out, ", \"kept\": [%u, %u]", fit->kept_in, fit->kept_out);
    if (fit->lambda_count) json_lambda(fit, out);
}

static void json_map(const ResultMap *map, Text *out) {
    text_str(out, STR("    {\"name\": "));
    text_json(out, map->name);
    text_str(out, STR(", \"mapper\": "));
    text_json(out, map->kind);
    if (map->inside.len) {
        text_str(out, STR(", \"inside\": "));
        text_json(out, map->inside);
    }
    if (*map->pairing) text_add(out, ", \"%s\": %llu", map->pairing, (unsigned long long)map->seed);
    if (map->norm_match != 0) {
        text_str(out, STR(", \"norm_match\": "));
        text_number(out, map->norm_match);
    }
    text_add(out, ", \"in\": %u, \"out\": %u, ", map->in, map->out);
    if (!map->clusters) {
        json_fit(map, &map->fit, out);
        text_char(out, '}');
        return;
    }
    text_str(out, STR("\"per\": "));
    text_json(out, map->per);
    text_add(out, ", \"rows\": %llu, \"clusters\": [", (unsigned long long)results_map_rows(map));
    for (uint32_t k = 0; k < map->clusters; k++) {
        text_str(out, str_of(k ? ", {" : "{"));
        json_fit(map, &map->parts[k], out);
        text_char(out, '}');
    }
    text_str(out, STR("]}"));
}

static void json_patch(const ResultPatch *patch, Text *out) {
    text_str(out, STR("    {\"patch\": "));
    text_json(out, patch->patch);
    text_str(out, STR(", \"run\": "));
    text_json(out, patch->run);
    text_str(out, STR(", \"site\": "));
    text_json(out, patch->site);
    text_add(out, ", \"rows_selected\": %llu, \"rows_written\": %llu}", (unsigned long long)patch->selected, (unsigned long long)patch->written);
}

static void json_table(const Results *results, const ResultTable *table, Text *out) {
    text_str(out, STR("    {\"columns\": ["));
    for (size_t c = 0; c < table->count; c++) {
        if (c) text_str(out, STR(", "));
        text_json(out, results_column(results, &table->columns[c]));
        if (!table->columns[c].is_axis && table->columns[c].role != RESULT_verdict) interval_columns_json(&results->metrics[table->columns[c].index], out);
    }
    text_str(out, STR("], \"rows\": ["));
    const char *between = "\n";
    for (size_t p = 0; p < table->points; p++) {
        if (!results_row_done(results, table, p)) continue;
        text_add(out, "%s      [", between);
        for (size_t c = 0; c < table->count; c++) {
            size_t own, axis = table->columns[c].index;
            if (c) text_str(out, STR(", "));
            if (table->columns[c].is_axis) {
                json_axis_value(&results->axes[axis], results_value(results, table->axes, p, axis), out);
                continue;
            }
            const ResultMetric *metric = metric_at(results, table, c, p, &own);
            if (table->columns[c].role == RESULT_verdict) {
                text_json(out, str_of(interval_verdict(metric, own)));
                continue;
            }
            text_number(out, metric->values[own]);
            interval_cells_json(metric, own, out);
        }
        text_char(out, ']');
        between = ",\n";
    }
    text_str(out, STR("]}"));
}

static void json_figure(const Results *results, const ResultFigure *figure, Text *out) {
    text_add(out, "    {\"kind\": \"%s\", \"name\": ", figure->heat ? "heat" : "plot");
    text_json(out, figure->name);
    text_str(out, STR(", \"metrics\": ["));
    for (size_t c = 0; c < figure->table.count; c++) {
        if (c) text_str(out, STR(", "));
        text_json(out, results_column(results, &figure->table.columns[c]));
    }
    text_str(out, STR("], \"over\": "));
    text_json(out, results->axes[figure->over].name);
    text_str(out, STR(", \"by\": "));
    if (figure->by == RESULT_NO_AXIS)
        text_str(out, STR("null"));
    else
        text_json(out, results->axes[figure->by].name);
    text_char(out, '}');
}

// A list of `count` objects, one a line.
#define JSON_LIST(name, count, write)                                                                        \
    do {                                                                                                     \
        text_str(out, STR("  \"" name "\": ["));                                                             \
        for (size_t i = 0; i < (count); i++) {                                                               \
            text_str(out, str_of(i ? ",\n" : "\n"));                                                         \
            write;                                                                                           \
        }                                                                                                    \
        text_str(out, STR("]"));                                                                             \
    } while (0)

static void json_positions(const ResultPositions *positions, Text *out) {
    text_str(out, STR("    {\"positions\": "));
    text_json(out, positions->positions);
    text_str(out, STR(", \"tokens\": "));
    text_json(out, positions->stream);
    text_add(out, ", \"prompts\": %u, \"fallbacks\": %u, \"least\": %u, \"mean\": ", positions->prompts, positions->fallbacks,
             positions->least);
    text_number(out, positions->mean);
    text_add(out, ", \"most\": %u}", positions->most);
}

void results_positions_json(const Results *results, Text *out) {
    JSON_LIST("selected", results->positions_count, json_positions(&results->positions[i], out));
    text_str(out, STR(",\n"));
}

void results_json(const Results *results, Text *out) {
    text_str(out, STR("{\n  \"experiment\": "));
    text_json(out, results->experiment);
    text_add(out, ",\n  \"complete\": %s,\n", results_complete(results) ? "true" : "false");
    JSON_LIST("tables", results->table_count, json_table(results, &results->tables[i], out));
    text_str(out, STR(",\n"));
    JSON_LIST("figures", results->figure_count, json_figure(results, &results->figures[i], out));
    text_str(out, STR(",\n"));
    JSON_LIST("metrics", results->metric_count, json_metric(results, &results->metrics[i], out));
    text_str(out, STR(",\n"));
    JSON_LIST("maps", results->map_count, json_map(&results->maps[i], out));
    text_str(out, STR(",\n"));
    JSON_LIST("patches", results->patch_count, json_patch(&results->patches[i], out));
    text_str(out, STR(",\n"));
    if (results->positions_count) results_positions_json(results, out);
    JSON_LIST("warnings", results->warnings.len, text_str(out, STR("    ")); text_json(out, results->warnings.at[i]));
    text_str(out, STR("\n}\n"));
}

// ---- CSV: RFC 4180; an undefined value is an empty cell

static void csv_text(Str s, Text *out) {
    bool quote = false;
    for (size_t i = 0; i < s.len; i++) quote |= strchr(",\"\r\n", s.at[i]) != NULL;
    if (!quote) {
        text_str(out, s);
        return;
    }
    text_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '"') text_char(out, '"');
        text_char(out, s.at[i]);
    }
    text_char(out, '"');
}

static void csv_number(double x, Text *out) {
    if (isfinite(x)) text_number(out, x);
}

void results_csv(const Results *results, const ResultTable *table, Text *out) {
    for (size_t c = 0; c < table->count; c++) {
        if (c) text_char(out, ',');
        csv_text(results_column(results, &table->columns[c]), out);
        if (!table->columns[c].is_axis && table->columns[c].role != RESULT_verdict) interval_columns_csv(&results->metrics[table->columns[c].index], out);
    }
    text_char(out, '\n');
    for (size_t p = 0; p < table->points; p++) {
        if (!results_row_done(results, table, p)) continue;
        for (size_t c = 0; c < table->count; c++) {
            size_t own, axis = table->columns[c].index;
            if (c) text_char(out, ',');
            if (table->columns[c].is_axis) {
                csv_text(results->axes[axis].values[results_value(results, table->axes, p, axis)], out);
            } else {
                const ResultMetric *metric = metric_at(results, table, c, p, &own);
                if (table->columns[c].role == RESULT_verdict) {
                    csv_text(str_of(interval_verdict(metric, own)), out);
                    continue;
                }
                csv_number(metric->values[own], out);
                interval_cells_csv(metric, own, out);
            }
        }
        text_char(out, '\n');
    }
}

static void csv_term(const Results *results, const ResultTerm *term, uint64_t columns, Text *out) {
    const ResultPrompts *prompts = &results->prompts[term->prompts];
    for (size_t point = 0; point < term->points; point++) {
        if (!term->done[point]) continue;
        for (uint32_t i = 0; i < prompts->count; i++) {
            csv_text(term->metric, out);
            text_char(out, ',');
            csv_text(term->text, out);
            for (size_t a = 0; a < results->axis_count; a++) {
                if (!(columns >> a & 1)) continue;
                text_char(out, ',');
                if (term->axes >> a & 1)
                    csv_text(results->axes[a].values[results_value(results, term->axes, point, a)], out);
            }
            text_char(out, ',');
            csv_text(prompts->ids[i], out);
            text_char(out, ',');
            csv_number(term->values[point * prompts->count + i], out);
            text_char(out, '\n');
        }
    }
}

void results_values_csv(const Results *results, Text *out) {
    uint64_t columns = 0;
    for (size_t i = 0; i < results->term_count; i++) columns |= results->terms[i].axes;
    text_str(out, STR("metric,expression"));
    for (size_t a = 0; a < results->axis_count; a++) {
        if (!(columns >> a & 1)) continue;
        text_char(out, ',');
        csv_text(results->axes[a].name, out);
    }
    text_str(out, STR(",prompt,value\n"));
    for (size_t i = 0; i < results->term_count; i++) csv_term(results, &results->terms[i], columns, out);
}
