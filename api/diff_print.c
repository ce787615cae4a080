// diff_print.c: what differs, for people.
#include <math.h>

#include "api/diff.h"

// What a terminal can bear; JSON has all.
enum { MOST_LINES = 100, HASH_CHARS = 12 };

// Names come from files that anyone may have written: a terminal must not obey them.
static void plain(Text *out, Str s) {
    for (size_t i = 0; i < s.len; i++) {
        bool control = (unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f;
        bool c1 = i + 1 < s.len && s.at[i] == '\xc2' && (unsigned char)s.at[i + 1] < 0xa0; // U+0080 to U+009F
        text_char(out, control || c1 ? '?' : s.at[i]);
        i += c1;
    }
}

static Str plain_str(Arena *arena, Str s) {
    Text out = text_open(arena);
    plain(&out, s);
    return text_view(&out);
}

static void add_left_out(size_t count, size_t most, const char *what, Text *out) {
    if (count > most) text_add(out, "    and %zu %s more: --json has all\n", count - most, what);
}

// ---- What went in

static void print_fact(const DiffFact *fact, Text *out) {
    text_str(out, STR("  "));
    plain(out, fact->what);
    text_str(out, STR(": "));
    plain(out, fact->text[0].len ? fact->text[0] : STR("not said"));
    text_str(out, STR(" -> "));
    plain(out, fact->text[1].len ? fact->text[1] : STR("not said"));
    text_char(out, '\n');
}

static void print_input(const DiffInput *input, Text *out) {
    text_str(out, STR("  "));
    plain(out, input->role);
    text_str(out, STR(": "));
    for (size_t k = 0; k < 2; k++) {
        if (!input->hash[k].len) continue;
        bool again = k == 1 && str_eq(input->name[0], input->name[1]);
        if (k == 1 && input->hash[0].len) text_str(out, STR(" -> "));
        if (!again) plain(out, input->name[k]);
        text_str(out, str_of(again ? "" : " "));
        plain(out, str_part(input->hash[k], 0, HASH_CHARS));
        if (!input->hash[1 - k].len) text_str(out, str_of(k ? ", only in B" : ", only in A"));
    }
    text_char(out, '\n');
}

static void print_spec(const Diff *diff, Text *out) {
    if (!diff->spec.len) return;
    text_str(out, str_of(diff->spec_long ? "  lines of the spec (too far apart to be matched):\n" : "  lines of the spec:\n"));
    for (size_t i = 0; i < MIN(diff->spec.len, MOST_LINES); i++) {
        const DiffLine *line = &diff->spec.at[i];
        text_add(out, "    %c%-4zu ", line->added ? '+' : '-', line->number);
        plain(out, line->text);
        text_char(out, '\n');
    }
    add_left_out(diff->spec.len, MOST_LINES, "lines", out);
}

static void print_inputs(const Diff *diff, Text *out) {
    if (!diff->facts.len && !diff->inputs.len && !diff->spec.len) return;
    text_str(out, STR("\ninputs\n"));
    for (size_t i = 0; i < diff->facts.len; i++) print_fact(&diff->facts.at[i], out);
    for (size_t i = 0; i < diff->inputs.len; i++) print_input(&diff->inputs.at[i], out);
    print_spec(diff, out);
}

// ---- What came out

static Str number(Arena *arena, bool has, double x) {
    return !has ? STR("-") : isfinite(x) ? str_format(arena, "%.6g", x) : STR("undefined");
}

static Str remark(const DiffPoint *point) {
    if (!point->has[0] || !point->has[1]) return point->has[0] ? STR("only in A") : STR("only in B");
    return point->noise ? STR("within the noise floor") : STR("");
}

enum { COLUMNS = 5 };

static void print_row(const Str cells[COLUMNS], const size_t width[COLUMNS], Text *out) {
    text_str(out, STR("    "));
    for (size_t c = 0; c < COLUMNS; c++) {
        bool left = c == 0 || c == COLUMNS - 1;
        if (c) text_str(out, STR("  "));
        if (!left) text_repeat(out, ' ', width[c] - cells[c].len);
        text_str(out, cells[c]);
        if (c == 0) text_repeat(out, ' ', width[c] - cells[c].len);
    }
    while (out->len && out->at[out->len - 1] == ' ') out->at[--out->len] = '\0';
    text_char(out, '\n');
}

static void print_points(const DiffMetric *metric, Text *out) {
    size_t rows = MIN(metric->points.len, MOST_LINES) + 1, width[COLUMNS] = {0};
    Str(*cells)[COLUMNS] = arena_array(out->arena, rows, sizeof *cells);
    memcpy(cells[0], (Str[COLUMNS]){STR(""), STR("A"), STR("B"), STR("difference"), STR("")}, sizeof *cells);
    for (size_t r = 1; r < rows; r++) {
        const DiffPoint *point = &metric->points.at[r - 1];
        cells[r][0] = plain_str(out->arena, point->point);
        for (size_t k = 0; k < 2; k++) cells[r][1 + k] = number(out->arena, point->has[k], point->value[k]);
        cells[r][3] = isnan(point->difference) ? STR("") : str_format(out->arena, "%+.3g", point->difference);
        cells[r][4] = remark(point);
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < COLUMNS; c++) width[c] = MAX(width[c], cells[r][c].len);
    for (size_t r = 0; r < rows; r++) print_row(cells[r], width, out);
    add_left_out(metric->points.len, MOST_LINES, "points", out);
}

static void print_formula(const DiffMetric *metric, Text *out) {
    for (size_t k = 0; k < 2; k++) {
        text_str(out, str_of(k ? "    B: " : "    A: "));
        plain(out, metric->formula[k].len ? metric->formula[k] : STR("has no such metric"));
        text_char(out, '\n');
    }
}

static void print_metric(const DiffMetric *metric, Text *out) {
    bool formula = !str_eq(metric->formula[0], metric->formula[1]);
    if (!metric->points.len && !formula) return;
    text_str(out, STR("  "));
    plain(out, metric->name);
    text_add(out, ": %zu of %zu points differ", metric->points.len, metric->points.len + metric->same);
    if (metric->floor_known) text_add(out, "; noise floor %.2g", metric->floor);
    text_char(out, '\n');
    if (formula) print_formula(metric, out);
    if (metric->points.len) print_points(metric, out);
}

static void print_values(const DiffValues *values, Text *out) {
    size_t apart = values->differ + values->only[0] + values->only[1];
    if (!apart) return;
    text_str(out, STR("  "));
    plain(out, values->expression);
    text_str(out, STR(" of "));
    plain(out, values->metric);
    text_add(out, ": %zu of %zu values differ", apart, apart + values->same);
    for (size_t k = 0; k < 2; k++)
        if (values->only[k]) text_add(out, ", %zu only in %c", values->only[k], "AB"[k]);
    text_char(out, '\n');
    if (!values->differ) return;
    text_str(out, STR("    the largest: "));
    plain(out, values->point);
    text_str(out, str_of(values->point.len ? ", prompt " : "prompt "));
    plain(out, values->prompt);
    text_add(out, ": %s -> %s", number(out->arena, true, values->value[0]).at, number(out->arena, true, values->value[1]).at);
    if (isfinite(values->largest)) text_add(out, " (%+.3g)", values->value[1] - values->value[0]);
    text_char(out, '\n');
}

static void print_results(const Diff *diff, Text *out) {
    size_t before;
    text_str(out, STR("\nresults\n"));
    before = out->len;
    for (size_t i = 0; i < diff->metrics.len; i++) print_metric(&diff->metrics.at[i], out);
    if (out->len == before) text_str(out, STR("  no metric differs\n"));
    text_str(out, STR("\nvalues of prompts\n"));
    before = out->len;
    for (size_t i = 0; i < diff->values.len; i++) print_values(&diff->values.at[i], out);
    if (out->len == before) text_str(out, STR("  none differs\n"));
}

void diff_print(const Diff *diff, Text *out) {
    for (size_t k = 0; k < 2; k++) text_add(out, "%c: %.*s\n", "AB"[k], STR_ARG(diff->folder[k]));
    if (!diff->differ) {
        text_add(out, "no difference: %zu inputs, %zu points of metrics, %zu values of prompts\n", diff->same_inputs, diff->same_points,
                 diff->same_values);
        return;
    }
    print_inputs(diff, out);
    print_results(diff, out);
    text_add(out, "\n%zu of %zu points of metrics differ", diff->differ_points, diff->differ_points + diff->same_points);
    if (diff->noise_points) text_add(out, ", %zu of them within the noise floor", diff->noise_points);
    text_char(out, '\n');
}
