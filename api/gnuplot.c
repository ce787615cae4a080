// gnuplot.c: figures as gnuplot's data and scripts.
//
// What stands in a spec is hostile here: gnuplot runs what is between backquotes, and strings end at quotes. So texts
// stand between single quotes, in which gnuplot knows no escapes, and lose what could end them.
#include <math.h>

#include "api/figures.h"
#include "mdx/json.h"

// Characters of a title, a label below the figure, at its left and in its key; how many labels and lines have a name.
enum { MOST_TITLE = 60, MOST_BELOW = 14, MOST_BESIDE = 22, MOST_LABELS = 24, MOST_KEYS = 24, FEW_LINES = 8 };

void gnuplot_text(Text *out, Str text, size_t most, bool tic) {
    size_t shown = 0;
    text_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool begins = (c & 0xc0) != 0x80;
        if (begins && shown++ == most) {
            text_str(out, STR("…"));
            break;
        }
        if (c == '\'' || c == '`')
            text_str(out, STR("’"));
        else if (c == '\\')
            text_str(out, STR("∖"));
        else if (c == '%' && tic)
            text_str(out, STR("%%"));
        else
            text_char(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
    text_char(out, '\'');
}

// ---- Points

// The point of a metric at a value of each of the two sweeps; the others have one value.
static size_t point_at(const Results *results, const ResultFigure *figure, const ResultMetric *metric, size_t over, size_t by) {
    size_t point = 0;
    for (size_t a = 0; a < results->axis_count; a++) {
        if (!(metric->axes >> a & 1)) continue;
        point = point * results->axes[a].count + (a == figure->over ? over : a == figure->by ? by : 0);
    }
    return point;
}

typedef struct {
    const Results *results;
    const ResultFigure *figure;
    Text *data, *script;
    const ResultAxis *over, *by; // by: NULL when there is none
    size_t metrics;              // without bounds
    size_t lines;                // that have a point
} Plot;

// Numbers lie where they are; other values, one alone and all of a heat map, side by side.
static bool is_scale(const Plot *plot) {
    return plot->over->numbers && plot->over->count > 1 && !plot->figure->heat;
}

static void data_number(Text *out, double x) {
    text_char(out, ' ');
    if (isfinite(x))
        text_number(out, x);
    else
        text_str(out, STR("NaN"));
}

static void comment(Text *out, Str text) {
    for (size_t i = 0; i < text.len; i++) text_char(out, (unsigned char)text.at[i] < 0x20 ? ' ' : text.at[i]);
}

// x, y, and the bounds when there are any. A gap (NaN, an empty line) is where a value is undefined.
static bool line_point(const Plot *plot, size_t column, size_t over, size_t by, bool *bounds) {
    const ResultMetric *metric = &plot->results->metrics[plot->figure->table.columns[column].index];
    size_t point = point_at(plot->results, plot->figure, metric, over, by);
    double lower = NAN, upper = NAN, y = metric->done[point] ? metric->values[point] : NAN;
    *bounds |= isfinite(y) && results_bounds(plot->results, &plot->figure->table, column, point, &lower, &upper);
    text_number(plot->data, is_scale(plot) ? plot->over->numbers[over] : (double)over);
    data_number(plot->data, y);
    data_number(plot->data, lower);
    data_number(plot->data, upper);
    text_str(plot->data, str_of(isfinite(y) ? "\n" : "\n\n"));
    return isfinite(y);
}

// ---- Looks

// Eight colours that people with any colour vision tell apart.
static const char *const colours[FEW_LINES] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a4fbf", "#333333"};
// More lines go from dark blue through green to yellow, as heat maps do.
static const uint8_t ramp[][3] = {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {220, 200, 30}};

static Str colour(Arena *arena, size_t i, size_t count) {
    if (count <= FEW_LINES) return str_of(colours[i]);
    const size_t steps = COUNT(ramp) - 1;
    double at = (double)i / (double)(count - 1) * (double)steps;
    size_t k = MIN((size_t)at, steps - 1);
    double part = at - (double)k;
    unsigned rgb[3];
    for (size_t c = 0; c < 3; c++) rgb[c] = (unsigned)((1 - part) * ramp[k][c] + part * ramp[k + 1][c] + 0.5);
    return str_format(arena, "#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
}

// Labels of values that lie side by side: as many as can be read.
static void write_labels(const char *axis, const ResultAxis *values, Text *out) {
    size_t step = (values->count + MOST_LABELS - 1) / MOST_LABELS, length = 0, most = *axis == 'x' ? MOST_BELOW : MOST_BESIDE;
    for (size_t i = 0; i < values->count; i += step) length += MIN(values->values[i].len, most) + 2;
    text_add(out, "set %stics noenhanced", axis);
    if (*axis == 'x' && length > 76) text_str(out, STR(" rotate by 40 right"));
    text_str(out, STR(" ("));
    for (size_t i = 0; i < values->count; i += step) {
        if (i) text_str(out, STR(", "));
        gnuplot_text(out, values->values[i], most, true);
        text_add(out, " %zu", i);
    }
    text_add(out, ")\nset %srange [-0.5:%zu.5]\n", axis, values->count - 1);
}

static void write_label(const char *axis, Str text, Text *out) {
    text_add(out, "set %slabel ", axis);
    gnuplot_text(out, text, MOST_TITLE, false);
    text_str(out, STR(" noenhanced\n"));
}

// Sweeps of one value, which the figure is of.
static Str fixed_sweeps(const Results *results, const ResultFigure *figure, Arena *arena) {
    Text out = text_open(arena);
    for (size_t a = 0; a < results->axis_count; a++) {
        bool shown = a == figure->over || a == figure->by || !(figure->table.axes >> a & 1);
        if (!shown) text_add(&out, "%s%.*s=%.*s", out.len ? ", " : "", STR_ARG(results->axes[a].name), STR_ARG(results->axes[a].values[0]));
    }
    return text_view(&out);
}

static Str metric_name(const Plot *plot, size_t column) {
    return results_column(plot->results, &plot->figure->table.columns[column]);
}

static void write_head(const Plot *plot) {
    Text *out = plot->script;
    const char *name = str_c(out->arena, plot->figure->name);
    Str title = fixed_sweeps(plot->results, plot->figure, out->arena);
    if (plot->figure->heat) // a label beside the colours would stand on their numbers
        title = str_format(out->arena, "%.*s%s%.*s", STR_ARG(metric_name(plot, 0)), title.len ? ", " : "", STR_ARG(title));
    text_add(out, "# %s.gp: draws %s.svg and %s.png from %s.dat; change it and run: gnuplot %s.gp\n", name, name, name, name, name);
    text_str(out, STR("set encoding utf8\nset terminal svg noenhanced size 660,420 dynamic font 'sans-serif,14' background '#ffffff'\n"));
    text_add(out, "set output '%s.svg'\n", name);
    text_str(out, STR("set tics nomirror out textcolor rgb '#333333'\nset border 3 linecolor rgb '#8a939c'\n"));
    if (title.len) {
        text_str(out, STR("set title "));
        gnuplot_text(out, title, MOST_TITLE, false);
        text_str(out, STR(" noenhanced\n"));
    }
    write_label("x", plot->over->name, out);
    if (!is_scale(plot)) write_labels("x", plot->over, out);
}

static void write_tail(const Plot *plot) {
    text_add(plot->script, "set terminal pngcairo noenhanced size 1320,840 fontscale 2 linewidth 2 pointscale 2 background '#ffffff'\n"
                           "set output '%.*s.png'\nreplot\n", STR_ARG(plot->figure->name));
}

// ---- Lines

// What the key calls a line: what the other lines have otherwise.
static Str line_name(const Plot *plot, size_t column, size_t by, bool has_by) {
    Arena *arena = plot->script->arena;
    Str name = metric_name(plot, column);
    if (!has_by) return name;
    if (plot->metrics == 1) return plot->by->values[by];
    return str_format(arena, "%.*s, %.*s=%.*s", STR_ARG(name), STR_ARG(plot->by->name), STR_ARG(plot->by->values[by]));
}

// Lines over values side by side stand beside each other.
static double shift(const Plot *plot, size_t number, size_t count) {
    return is_scale(plot) || count == 1 ? 0 : 0.6 * ((double)number / (double)(count - 1) - 0.5);
}

static void write_bounds(const Plot *plot, Str rgb, double aside) {
    text_add(plot->script, "'%.*s.dat' index %zu using ", STR_ARG(plot->figure->name), plot->lines);
    if (is_scale(plot))
        text_add(plot->script, "1:3:4 with filledcurves linecolor rgb '%.*s' fillstyle transparent solid 0.18 noborder", STR_ARG(rgb));
    else
        text_add(plot->script, "($1 + %.3f):2:3:4 with yerrorbars linecolor rgb '%.*s' linewidth 1.5 pointtype 0", aside, STR_ARG(rgb));
    text_str(plot->script, STR(" notitle, \\\n     "));
}

static void write_line(Plot *plot, Str name, bool bounds, size_t number, size_t count) {
    static const int points[] = {7, 5, 9, 13, 11, 4, 6, 8};
    Text *out = plot->script;
    Str rgb = colour(out->arena, number, count);
    double aside = shift(plot, number, count);
    bool key = count > 1 && (count <= MOST_KEYS || number % ((count + MOST_KEYS - 1) / MOST_KEYS) == 0);
    text_str(out, str_of(plot->lines ? ", \\\n     " : "plot "));
    if (bounds) write_bounds(plot, rgb, aside);
    text_add(out, "'%.*s.dat' index %zu using ", STR_ARG(plot->figure->name), plot->lines);
    if (is_scale(plot))
        text_add(out, "1:2 with linespoints linecolor rgb '%.*s' linewidth 2 pointsize 0.6", STR_ARG(rgb));
    else
        text_add(out, "($1 + %.3f):2 with points linecolor rgb '%.*s' pointsize 1.1", aside, STR_ARG(rgb));
    text_add(out, " pointtype %d %s", points[number % COUNT(points)], key ? "title " : "notitle");
    if (key) gnuplot_text(out, name, MOST_BESIDE, false);
}

// A block of data, and the line that it becomes when it has a point.
static void add_line(Plot *plot, size_t column, size_t by, bool has_by, size_t number, size_t count) {
    bool bounds = false, any = false;
    size_t begin = plot->data->len;
    if (plot->lines) text_str(plot->data, STR("\n\n"));
    text_str(plot->data, STR("# "));
    comment(plot->data, metric_name(plot, column));
    if (has_by) {
        text_str(plot->data, STR(", "));
        comment(plot->data, plot->by->name);
        text_str(plot->data, STR(" = "));
        comment(plot->data, plot->by->values[by]);
    }
    text_str(plot->data, STR(": x, y, lower, upper\n"));
    for (size_t i = 0; i < plot->over->count; i++) any |= line_point(plot, column, i, by, &bounds);
    if (any) write_line(plot, line_name(plot, column, by, has_by), bounds, number, count);
    if (!any) plot->data->at[plot->data->len = begin] = '\0';
    plot->lines += any;
}

static void write_lines(Plot *plot) {
    const ResultTable *table = &plot->figure->table;
    size_t count = 0, number = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t c = 0; c < table->count; c++) {
            if (table->columns[c].role != RESULT_value) continue;
            bool has_by = plot->by && plot->results->metrics[table->columns[c].index].axes >> plot->figure->by & 1;
            size_t lines = has_by ? plot->by->count : 1;
            if (pass == 0) count += lines;
            for (size_t k = 0; pass == 1 && k < lines; k++) add_line(plot, c, k, has_by, number++, count);
        }
    text_char(plot->script, '\n');
}

static void write_plot(Plot *plot) {
    Text *out = plot->script;
    text_str(out, STR("set grid ytics linetype 1 linewidth 0.5 linecolor rgb '#dde2e8'\n"
                      "set key outside right top Left reverse noenhanced\n"));
    if (is_scale(plot)) text_str(out, STR("set autoscale xfix\nset offsets graph 0.03, graph 0.03, 0, 0\n"));
    if (plot->metrics == 1) write_label("y", metric_name(plot, 0), out);
    if (plot->metrics == 1 && plot->by) {
        text_str(out, STR("set key title "));
        gnuplot_text(out, plot->by->name, MOST_BESIDE, false);
        text_str(out, STR(" noenhanced\n"));
    }
    write_lines(plot);
}

// ---- Heat maps

static void write_heat(Plot *plot) {
    Text *out = plot->script;
    const ResultMetric *metric = &plot->results->metrics[plot->figure->table.columns[0].index];
    write_label("y", plot->by->name, out);
    write_labels("y", plot->by, out);
    text_str(out, STR("set palette defined (0 '#440154', 1 '#3b528b', 2 '#21918c', 3 '#5ec962', 4 '#fde725')\nunset key\n"));
    text_str(plot->data, STR("# x, y, value\n"));
    for (size_t y = 0; y < plot->by->count; y++)
        for (size_t x = 0; x < plot->over->count; x++) {
            size_t point = point_at(plot->results, plot->figure, metric, x, y);
            double z = metric->done[point] ? metric->values[point] : NAN;
            text_add(plot->data, "%zu %zu", x, y);
            data_number(plot->data, z);
            text_char(plot->data, '\n');
            if (isfinite(z)) plot->lines++;
        }
    text_add(out, "plot '%.*s.dat' using 1:2:(0.5):(0.5):3 with boxxyerror linecolor palette fillstyle solid 1 noborder notitle\n", STR_ARG(plot->figure->name));
}

bool gnuplot_write(const Results *results, const ResultFigure *figure, Text *data, Text *script) {
    Plot plot = {results, figure, data, script, &results->axes[figure->over], NULL, 0, 0};
    if (figure->by != RESULT_NO_AXIS) plot.by = &results->axes[figure->by];
    for (size_t c = 0; c < figure->table.count; c++) plot.metrics += figure->table.columns[c].role == RESULT_value;
    write_head(&plot);
    (figure->heat ? write_heat : write_plot)(&plot);
    write_tail(&plot);
    return plot.lines > 0;
}

Str figure_caption(const Results *results, const ResultFigure *figure, Arena *arena) {
    Text out = text_open(arena);
    for (size_t c = 0; c < figure->table.count; c++)
        if (figure->table.columns[c].role == RESULT_value)
            text_add(&out, "%s%.*s", c ? ", " : "", STR_ARG(results_column(results, &figure->table.columns[c])));
    text_add(&out, " over %.*s", STR_ARG(results->axes[figure->over].name));
    if (figure->by != RESULT_NO_AXIS)
        text_add(&out, figure->heat ? " and %.*s" : ", by %.*s", STR_ARG(results->axes[figure->by].name));
    Str fixed = fixed_sweeps(results, figure, arena);
    if (fixed.len) text_add(&out, "; %.*s", STR_ARG(fixed));
    return text_view(&out);
}
