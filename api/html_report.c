// html_report.c: report.html: a run's tables, spec, maps and manifest, for a reader who has nothing else of it.
#include <math.h>

#include "api/artifact.h"
#include "api/figures.h"
#include "api/html.h"
#include "mdx/file.h"

// Rows of a table that a page can bear; the CSV has all.
enum { MOST_ROWS = 1000, MOST_SVG = 8 << 20 };

typedef struct {
    Mdx *mdx;
    const Record *record;
    const Results *results;
    Str folder;
    Text out;
} Page;

#define TABLE(page, ...)                                                                                     \
    html_table_open(&(page)->out, (const HtmlColumn[]){__VA_ARGS__}, COUNT(((const HtmlColumn[]){__VA_ARGS__})))

static void row_open(Page *page) {
    text_str(&page->out, STR("<tr>"));
}

static void row_close(Page *page) {
    text_str(&page->out, STR("</tr>\n"));
}

// ---- The head

static void write_head(Page *page) {
    Text *out = &page->out;
    const Results *results = page->results;
    html_element(out, "h1", NULL, results->experiment);
    if (!results_complete(results)) html_element(out, "p", "badge", STR("stopped: some points are missing"));
    text_add(out, "<p class=\"dim\">mdx %s, device %s, states as %s</p>\n", MDX_VERSION, page->mdx->device->name,
             dtype_info[session_states(page->mdx)].name);
}

// ---- Tables of results

static bool in_words(const Results *results, const ResultColumn *column) {
    return column->is_axis ? !results->axes[column->index].numbers : column->role == RESULT_verdict;
}

// A value and what is behind it, "[lo, hi]", are two pieces: a wide table sets them below each other.
static void write_pieces(Page *page, Str cell) {
    size_t end = 0;
    while (end < cell.len && !(cell.at[end] == ' ' && end + 1 < cell.len && cell.at[end + 1] == '[')) end++;
    html_element(&page->out, "span", NULL, str_part(cell, 0, end));
    if (end == cell.len) return;
    text_char(&page->out, ' ');
    html_element(&page->out, "span", NULL, str_part(cell, end + 1, cell.len));
}

// Six digits; all of them when pointed at.
static void write_value(Page *page, const ResultTable *table, size_t column, size_t point) {
    const Results *results = page->results;
    Str cell = results_cell(results, table, column, point, page->mdx->arena);
    const ResultColumn *of = &table->columns[column];
    if (in_words(results, of)) {
        html_cell(&page->out, false, cell);
        return;
    }
    if (of->is_axis) {
        html_cell(&page->out, true, cell);
        return;
    }
    const ResultMetric *metric = &results->metrics[of->index];
    size_t own = results_project(results, table->axes, point, metric->axes);
    if (!metric->done[own] || !isfinite(metric->values[own])) {
        html_element(&page->out, "td", "n none", cell);
        return;
    }
    text_str(&page->out, STR("<td class=\"n value\" title=\""));
    text_number(&page->out, metric->values[own]);
    text_str(&page->out, STR("\">"));
    write_pieces(page, cell);
    text_str(&page->out, STR("</td>"));
}

static void write_notes(Page *page, const ResultTable *table) {
    Text notes = text_open(page->mdx->arena);
    results_notes(page->results, table, &notes);
    for (Str rest = text_view(&notes); rest.len;) {
        const char *end = memchr(rest.at, '\n', rest.len);
        size_t length = end ? (size_t)(end - rest.at) : rest.len;
        html_element(&page->out, "p", "note", str_part(rest, 0, length));
        text_char(&page->out, '\n');
        rest = str_part(rest, length + 1, rest.len);
    }
}

static void write_table(Page *page, const ResultTable *table, size_t number) {
    const Results *results = page->results;
    HtmlColumn *columns = arena_many(page->mdx->arena, HtmlColumn, table->count);
    for (size_t c = 0; c < table->count; c++) {
        const ResultColumn *column = &table->columns[c];
        columns[c] = (HtmlColumn){str_c(page->mdx->arena, results_column(results, column)), !in_words(results, column)};
    }
    html_table_open(&page->out, columns, table->count);
    for (size_t p = 0; p < MIN(table->points, MOST_ROWS); p++) {
        row_open(page);
        for (size_t c = 0; c < table->count; c++) write_value(page, table, c, p);
        row_close(page);
    }
    html_table_close(&page->out);
    if (table->points > MOST_ROWS)
        text_add(&page->out, "<p class=\"note\">the first %d of %zu rows; results%s.csv has all</p>\n", MOST_ROWS, table->points,
                 number ? str_format(page->mdx->arena, "-%zu", number + 1).at : "");
    write_notes(page, table);
}

static bool metric_is_done(const ResultMetric *metric) {
    for (size_t p = 0; p < metric->points; p++)
        if (metric->done[p]) return true;
    return false;
}

static void write_metrics(Page *page) {
    html_element(&page->out, "h3", NULL, STR("Metrics"));
    TABLE(page, {"metric", false}, {"is", false}, {"noise floor", true});
    for (size_t i = 0; i < page->results->metric_count; i++) {
        const ResultMetric *metric = &page->results->metrics[i];
        double floor;
        if (!metric_is_done(metric)) continue;
        bool known = results_noise(page->results, metric, &floor);
        row_open(page);
        html_cell(&page->out, false, metric->name);
        text_str(&page->out, STR("<td class=\"formula\">"));
        html_element(&page->out, "code", NULL, metric->formula);
        text_str(&page->out, STR("</td>"));
        html_cell(&page->out, true, known ? str_format(page->mdx->arena, "%.2g", floor) : STR(""));
        row_close(page);
    }
    html_table_close(&page->out);
    text_str(&page->out, STR("<p class=\"note\">noise floor: how far a value was from itself when a patched run was given its own "
                             "values on one prompt; smaller effects mean nothing</p>\n"));
}

static void write_tables(Page *page) {
    if (page->results->table_count) html_element(&page->out, "h2", NULL, STR("Results"));
    for (size_t t = 0; t < page->results->table_count; t++) write_table(page, &page->results->tables[t], t);
    if (page->results->metric_count) write_metrics(page);
}

// ---- Figures

static void write_figure(Page *page, const ResultFigure *figure) {
    Error ignored;
    Arena *arena = page->mdx->arena;
    Str svg, caption = figure_caption(page->results, figure, arena);
    Str path = path_join(arena, path_join(arena, page->folder, STR("figures")), str_format(arena, "%.*s.svg", STR_ARG(figure->name)));
    text_str(&page->out, STR("<figure>\n"));
    if (figure->why_not.len)
        html_element(&page->out, "p", "warning", str_format(arena, "not drawn: %.*s", STR_ARG(figure->why_not)));
    else if (file_read(arena, path.at, MOST_SVG, &svg, &ignored))
        html_image(&page->out, "svg+xml", svg, caption);
    else
        html_element(&page->out, "p", "note", STR("too large for this page"));
    text_str(&page->out, STR("\n<figcaption class=\"note\">"));
    html_text(&page->out, caption);
    text_add(&page->out, " (figures/%.*s.svg, .png, .dat, .gp)</figcaption>\n</figure>\n", STR_ARG(figure->name));
}

static void write_figures(Page *page) {
    if (page->results->figure_count) html_element(&page->out, "h2", NULL, STR("Figures"));
    for (size_t i = 0; i < page->results->figure_count; i++) write_figure(page, &page->results->figures[i]);
}

// ---- Warnings, spec

static void write_warnings(Page *page) {
    const StrList *warnings = &page->results->warnings;
    if (!warnings->len) return;
    html_element(&page->out, "h2", NULL, STR("Warnings"));
    for (size_t i = 0; i < warnings->len; i++) html_element(&page->out, "p", "warning", warnings->at[i]);
    text_char(&page->out, '\n');
}

static void write_spec(Page *page) {
    const Sources *sources = &page->mdx->spec.sources;
    html_element(&page->out, "h2", NULL, STR("Spec"));
    for (size_t i = 0; i < sources->len; i++) {
        html_element(&page->out, "h3", NULL, sources->at[i].name);
        html_code(&page->out, sources->at[i].text);
    }
}

// ---- Maps, patches

static void write_fit(Page *page, const ResultMap *map, Str name, const FitReport *fit) {
    const Str first[] = {name, map->kind, map->on}, last[] = {map->from, map->to};
    const uint64_t counts[] = {fit->rows, map->in, map->out, fit->rank};
    row_open(page);
    for (size_t k = 0; k < COUNT(first); k++) html_cell(&page->out, false, first[k]);
    for (size_t k = 0; k < COUNT(counts); k++) html_count(&page->out, counts[k]);
    html_cell(&page->out, true, str_format(page->mdx->arena, "%.6g", fit->scale));
    html_cell(&page->out, true, map->norm_match != 0 ? str_format(page->mdx->arena, "%.6g", map->norm_match) : STR(""));
    for (size_t k = 0; k < COUNT(last); k++) html_cell(&page->out, false, last[k]);
    row_close(page);
}

static void write_maps(Page *page) {
    const Results *results = page->results;
    if (!results->map_count) return;
    html_element(&page->out, "h2", NULL, STR("Fitted maps"));
    TABLE(page, {"map", false}, {"mapper", false}, {"on", false}, {"rows", true}, {"in", true}, {"out", true}, {"rank", true},
          {"scale", true}, {"norm match", true}, {"from", false}, {"to", false});
    for (size_t i = 0; i < results->map_count; i++) {
        const ResultMap *map = &results->maps[i];
        if (!map->clusters) write_fit(page, map, map->name, &map->fit);
        for (uint32_t k = 0; k < map->clusters; k++)
            write_fit(page, map, str_format(page->mdx->arena, "%.*s, cluster %u", STR_ARG(map->name), k),
                      &map->parts[k]);
    }
    html_table_close(&page->out);
    text_str(&page->out, STR("<p class=\"note\">each is in maps/ as W and b, with its provenance as metadata</p>\n"));
}

static void write_patches(Page *page) {
    const Results *results = page->results;
    if (!results->patch_count) return;
    html_element(&page->out, "h2", NULL, STR("Patches"));
    TABLE(page, {"patch", false}, {"run", false}, {"place", false}, {"rows selected", true}, {"rows written", true});
    for (size_t i = 0; i < results->patch_count; i++) {
        const ResultPatch *patch = &results->patches[i];
        row_open(page);
        html_cell(&page->out, false, patch->patch);
        html_cell(&page->out, false, patch->run);
        html_cell(&page->out, false, patch->site);
        html_count(&page->out, patch->selected);
        html_count(&page->out, patch->written);
        row_close(page);
    }
    html_table_close(&page->out);
    text_str(&page->out, STR("<p class=\"note\">written: those of the selected rows that something reads</p>\n"));
}

// ---- The manifest in words

static void write_models(Page *page) {
    html_element(&page->out, "h3", NULL, STR("Models"));
    TABLE(page, {"model", false}, {"folder", false}, {"layers", true}, {"width", true}, {"vocabulary", true}, {"weights", false});
    for (size_t i = 0; i < page->record->files->count; i++) {
        const PlanFile *file = &page->mdx->plan.files[i];
        for (size_t m = 0; file->folder && m < page->mdx->exp->models.len; m++) {
            const ModelDef *def = &page->mdx->exp->models.at[m];
            if (!str_eq(def->name, file->name)) continue;
            row_open(page);
            html_cell(&page->out, false, def->name);
            html_cell(&page->out, false, def->shown);
            html_count(&page->out, def->model.layers);
            html_count(&page->out, def->model.d);
            html_count(&page->out, def->model.vocab);
            html_cell(&page->out, false, record_stored(page->record, i));
            row_close(page);
        }
    }
    html_table_close(&page->out);
}

static void write_prompts(Page *page) {
    Error ignored;
    html_element(&page->out, "h3", NULL, STR("Prompts"));
    TABLE(page, {"prompts", false}, {"file", false}, {"count", true}, {"text", false});
    for (uint32_t i = 0; i < page->mdx->exp->prompts.len; i++) {
        const PromptsDef *def = &page->mdx->exp->prompts.at[i];
        const PromptTexts *texts = streams_prompts(page->mdx->streams, i, &ignored);
        row_open(page);
        html_cell(&page->out, false, def->name);
        html_cell(&page->out, false, def->shown);
        html_count(&page->out, texts ? texts->len : 0);
        html_cell(&page->out, false, def->chat ? STR("through the model's chat template") : STR("as it stands"));
        row_close(page);
    }
    html_table_close(&page->out);
}

static void write_positions(Page *page) {
    const char *head = "<h3>Places and positions</h3>\n<ul>\n", *tail = "";
    for (size_t i = 0; i < page->mdx->spec.statements.len; i++) {
        Str place = record_place(page->mdx->arena, &page->mdx->spec.statements.at[i]);
        if (!place.len) continue;
        text_add(&page->out, "%s<li>", head);
        html_element(&page->out, "code", NULL, place);
        text_str(&page->out, STR("</li>\n"));
        head = "";
        tail = "</ul>\n";
    }
    text_str(&page->out, str_of(tail));
}

static void write_inputs(Page *page) {
    const Inputs *inputs = &page->record->inputs;
    html_element(&page->out, "h3", NULL, STR("Files that went in"));
    TABLE(page, {"role", false}, {"name", false}, {"SHA-256", false});
    for (size_t i = 0; i < inputs->len; i++) {
        row_open(page);
        html_cell(&page->out, false, str_of(inputs->at[i].role));
        html_cell(&page->out, false, inputs->at[i].name);
        html_hash(&page->out, inputs->at[i].hash.hex);
        row_close(page);
    }
    html_table_close(&page->out);
}

// One line holds all that another run of the same inputs would say otherwise.
static void write_work(Page *page) {
    const Mdx *mdx = page->mdx;
    const RunTimes *times = page->record->times;
    const Cost cost = session_executed(mdx);
    text_add(&page->out, "<p>%zu steps in %u micro-batch%s: %.6g token-layers, %.6g rows unembedded, %.4g GFLOP of matrix products.</p>\n",
             mdx->plan.step_count, mdx->parts, mdx->parts == 1 ? "" : "es", (double)cost.token_layers, (double)cost.unembedding_rows,
             (double)cost.gemm_flop / 1e9);
    Text memory = text_open(mdx->arena);
    memory_write(times->peak, &memory);
    text_add(&page->out, "<p id=\"times\">Started at %s; took %.2f s and at most %s of memory.</p>\n",
             record_time(mdx->arena, times->started).at, times->seconds, memory.at);
}

static void write_manifest(Page *page) {
    html_element(&page->out, "h2", NULL, STR("How it was made"));
    write_work(page);
    write_models(page);
    write_prompts(page);
    write_positions(page);
    write_inputs(page);
}

Str html_report(Mdx *mdx, const Record *record, Str folder) {
    Page page = {mdx, record, &mdx->results, folder, text_open(mdx->arena)};
    static void (*const sections[])(Page *) = {write_head,  write_tables, write_figures, write_warnings, write_spec, write_maps, write_patches, write_manifest};
    html_open(&page.out, mdx->results.experiment);
    for (size_t i = 0; i < COUNT(sections); i++) sections[i](&page);
    html_close(&page.out);
    return text_view(&page.out);
}
