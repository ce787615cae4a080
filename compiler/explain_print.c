// explain_print.c: the explanation as text for people.
#include <math.h>
#include <stdio.h>

#include "compiler/explain.h"

enum { LINES_SHOWN = 5, COLUMNS = 9 };

void count_write(uint64_t count, Text *out) {
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) text_char(out, ',');
        text_char(out, digits[i]);
    }
}

void gflop_write(double flop, Text *out) {
    double gflop = flop / 1e9;
    if (gflop >= 999.5 && gflop < 1e18)
        count_write((uint64_t)llround(gflop), out);
    else
        text_add(out, "%.3g", gflop);
}

static void bytes_write(uint64_t bytes, Text *out) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1024 && unit + 1 < COUNT(units)) size /= 1024, unit++;
    text_add(out, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

// ---- The table

typedef struct {
    Str cell[COLUMNS];
} Row;

typedef struct {
    const Explanation *e;
    LIST(Row) rows;
} Table;

static Str count_cell(const Table *table, uint64_t count) {
    Text text = text_open(table->e->arena);
    count_write(count, &text);
    return text_view(&text);
}

static Str gflop_cell(const Table *table, uint64_t flop) {
    Text text = text_open(table->e->arena);
    gflop_write((double)flop, &text);
    return text_view(&text);
}

static Str ratio_cell(const Table *table, uint64_t naive, uint64_t planned) {
    if (!planned || !naive) return STR("-");
    return str_format(table->e->arena, "%.*f", naive / planned < 10 ? 1 : 0, (double)naive / (double)planned);
}

static void row_add(Table *table, Str name, Str points, const Cost *naive, const Cost *planned, Str shared) {
    Row row = {{name, points, count_cell(table, naive->token_layers), count_cell(table, planned->token_layers),
                ratio_cell(table, naive->token_layers, planned->token_layers), gflop_cell(table, naive->gemm_flop),
                gflop_cell(table, planned->gemm_flop), ratio_cell(table, naive->gemm_flop, planned->gemm_flop),
                shared}};
    list_push(table->e->arena, &table->rows, row);
}

static void row_write(const Row *row, const size_t *width, Text *out) {
    size_t begin = out->len;
    for (size_t c = 0; c < COLUMNS; c++) {
        size_t pad = width[c] - row->cell[c].len;
        if (c) text_str(out, STR("  "));
        if (c) text_repeat(out, ' ', pad);
        text_str(out, row->cell[c]);
        if (!c) text_repeat(out, ' ', pad);
    }
    while (out->len > begin && out->at[out->len - 1] == ' ') out->len--;
    out->at[out->len] = '\0';
    text_char(out, '\n');
}

static void table_write(const Table *table, Text *out) {
    size_t width[COLUMNS] = {0};
    for (size_t i = 0; i < table->rows.len; i++)
        for (size_t c = 0; c < COLUMNS; c++) width[c] = MAX(width[c], table->rows.at[i].cell[c].len);
    for (size_t i = 0; i < table->rows.len; i++) row_write(&table->rows.at[i], width, out);
}

static void print_table(const Explanation *e, Text *out) {
    Table table = {.e = e};
    list_push(e->arena, &table.rows,
              ((Row){{STR("run"), STR("points"), STR("token-layers"), STR("planned"), STR("ratio"), STR("GFLOP"),
                      STR("planned"), STR("ratio"), STR("shared")}}));
    for (size_t i = 0; i < e->runs.len; i++) {
        const RunCost *run = &e->runs.at[i];
        Cost shared = {0};
        for (size_t k = 0; k < run->reads.len; k++) cost_join(&shared, &run->reads.at[k].cost);
        row_add(&table, run->name, count_cell(&table, run->points), &run->naive, &run->planned,
                shared.gemm_flop ? gflop_cell(&table, shared.gemm_flop) : STR("-"));
    }
    const Cost none = {0};
    if (e->proofs.gemm_flop) row_add(&table, STR("(proofs)"), STR("-"), &none, &e->proofs, STR("-"));
    if (e->again.unembedding_rows) row_add(&table, STR("(unembedded again)"), STR("-"), &none, &e->again, STR("-"));
    row_add(&table, STR("total"), STR(""), &e->naive, &e->planned, STR(""));
    table_write(&table, out);
    text_str(out, STR("\ntoken-layer: a row of the product that makes mlp_out, one token position through one layer. "
                      "GFLOP: products with the models' weights.\n"
                      "First column of each pair: with hooks, where every point is a forward of all layers over all "
                      "tokens, and unembeds what a metric reads.\n"
                      "shared: GFLOP that the run reads of others, charged to them.\n"));
    if (e->proofs.gemm_flop)
        text_str(out, STR("(proofs): patched runs on one prompt with their own values, which must be the clean run; "
                          "--prove=off leaves them out.\n"));
    if (e->again.unembedding_rows)
        text_str(out,
                 STR("(unembedded again): rows that several steps of metrics unembed, each time but the first.\n"));
}

// ---- The rest

static void print_totals(const Explanation *e, Text *out) {
    text_str(out, STR("\nunembedding: "));
    count_write(e->planned.unembedding_rows, out);
    text_add(out, " rows instead of ");
    count_write(e->naive.unembedding_rows, out);
    text_str(out, STR("\nweights read: "));
    bytes_write(e->planned_weights, out);
    text_str(out, STR(", once a product; with hooks "));
    bytes_write(e->naive_weights, out);
    text_str(out, STR(", once a forward\nmemory: "));
    bytes_write(e->plan->arena_bytes, out);
    text_str(out, STR(" for the plan, "));
    bytes_write(e->options->device_bytes, out);
    text_add(out, " for the device %s, and the mapped weights\nplan: %zu steps, %u micro-batch%s\n", e->options->device,
             e->plan->step_count, e->options->parts, e->options->parts == 1 ? "" : "es");
}

static void print_lines(const Explanation *e, Text *out) {
    enum { LONGEST = 90 };
    text_str(out, STR("\nlines that bring the planned GFLOP\n"));
    for (size_t i = 0; i < MIN(e->lines.len, (size_t)LINES_SHOWN); i++) {
        const LineCost *line = &e->lines.at[i];
        double share = 100 * line->flop / (double)e->planned.gemm_flop;
        if (i && share < 0.5) break;
        Str text = explain_line(e, line->span);
        bool cut = text.len > LONGEST;
        size_t length = cut ? LONGEST : text.len;
        while (cut && length && ((unsigned char)text.at[length] & 0xc0) == 0x80) length--;
        text_str(out, STR("  "));
        span_render(e->graph->tables->sources, line->span, out);
        text_add(out, ": %.*s%s  %.0f %%\n", (int)length, text.at, cut ? "…" : "", share);
    }
}

// A clean run that no statement defines is called what it is.
static void name_write(const Explanation *e, const RunCost *run, Text *out) {
    Str what = str_format(e->arena, "%.*s on %.*s", STR_ARG(e->exp->models.at[run->model].name),
                          STR_ARG(e->exp->prompts.at[run->prompts].name));
    text_char(out, '\n');
    if (!str_eq(what, run->name)) text_add(out, "%.*s: ", STR_ARG(run->name));
    text_str(out, what);
    const RunInst *first = run->instances.at[0];
    for (size_t i = 0; i < first->writes.len; i++)
        text_add(out, "%s %.*s", i ? "," : " with", STR_ARG(first->writes.at[i].name));
    text_str(out, STR(", "));
}

static void print_run(const Explanation *e, const RunCost *run, Text *out) {
    size_t width = 0;
    name_write(e, run, out);
    count_write(run->points, out);
    text_add(out, " point%s  @ ", run->points == 1 ? "" : "s");
    span_render(e->graph->tables->sources, run->span, out);
    text_char(out, '\n');
    for (size_t i = 0; i < run->why.len; i++) width = MAX(width, run->why.at[i].label.len);
    for (size_t i = 0; i < run->why.len; i++) {
        const Why *why = &run->why.at[i];
        text_add(out, "  %.*s", STR_ARG(why->label));
        text_repeat(out, ' ', width - why->label.len + 2);
        text_str(out, why->text);
        text_char(out, '\n');
    }
}

void explain_print(const Explanation *e, Text *out) {
    print_table(e, out);
    print_totals(e, out);
    if (e->planned.gemm_flop) print_lines(e, out);
    for (size_t i = 0; i < e->runs.len; i++) print_run(e, &e->runs.at[i], out);
}
