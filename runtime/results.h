// results.h: what a run found, in plain arrays, while it grows and after.
#pragma once

#include "runtime/fit.h"

// A sweep: its name and its values as text, and as numbers when all are.
typedef struct {
    Str name;
    size_t count;
    const Str *values;
    const double *numbers; // NULL when some value is no number
} ResultAxis;

// Where 95 % of a number lie when prompts are drawn anew. NaN: undefined.
typedef struct {
    double lo, hi;
    uint32_t undefined; // draws without a number, which are left out
} ResultInterval;

// A metric that is found in another: where that is lowest, or highest, over a sweep; its mean over one; its noise floor.
typedef enum { FOUND_lowest, FOUND_highest, FOUND_mean, FOUND_noise } Found;
typedef struct {
    Found found;
    size_t axis, of, give; // of, give: metrics; a noise floor has no axis
    bool gives_axis;
    size_t *chosen;        // [points] which value of the sweep; as many as it has: none. NULL where none is chosen
} ResultChoice;

// Points of a set of axes are one number: mixed radix, the last axis fastest.
typedef struct {
    Str name, formula;
    uint64_t axes;      // bit i: axis i
    size_t points;
    double *values;     // NaN: undefined
    bool *done;
    ResultInterval *intervals; // [points], or NULL: it has none
    ResultChoice *choice;      // how it is found in others, or NULL: it is computed
} ResultMetric;

// Values, one a prompt, behind a metric.
typedef struct {
    Str metric, text;
    uint64_t axes;
    size_t points;
    uint32_t prompts;   // index of the prompts
    double *values;     // [points][prompts]
    bool *done;         // [points]
} ResultTerm;

typedef struct {
    Str name;
    uint32_t count;
    const Str *ids;
} ResultPrompts;

typedef struct {
    Str name, kind;
    uint32_t in, out;
    float *map;        // [in + 1, out], or [clusters, in + 1, out]; NULL before it is fitted
    FitReport fit;     // what the fit says of itself, when there are no clusters
    uint32_t clusters; // 0: one map for all states
    float *centroids;  // [clusters, in]
    FitReport *parts;  // [clusters]
    double norm_match; // mean norm of its target's states over that of the mapped ones; 0: not asked for
    Str from, to, on;  // as the spec writes them
    Str inside, per;   // the subspace that it is fitted in, what its rows are parted by; or empty
    const char *pairing; // "shuffled", "resampled": by the seed; empty: each prompt's own pairs
    uint64_t seed;
} ResultMap;

// States that are kept, one matrix a point.
typedef struct {
    uint64_t rows;
    uint32_t width;
    float *states;                // [rows, width]; NULL before they are computed
    uint32_t *prompt, *position;  // [rows] of each row
} ResultMatrix;

typedef struct {
    Str name, text;
    uint64_t axes;
    size_t points;
    uint32_t prompts;         // index of the prompts
    ResultMatrix *at;         // [points]
} ResultStates;

// A term on one prompt, of runs without their patches and of runs patched with their own values: these must agree. How
// far they are apart is the noise floor of the metrics that the term is of.
typedef struct {
    uint32_t term, prompt;   // of the prompts of the term
    Str run, sites;
    Span span;               // of the patch
    double value[2];         // without, with; NaN: undefined
    bool done[2];
} ResultProbe;

// A patch of a run at one place: rows that the spec selects, and those of them that something reads and that it wrote.
typedef struct {
    Str patch, run, site;
    uint64_t selected, written;
} ResultPatch;

// Positions of the prompts of a tokenization that are more in one prompt than in another: how many are selected.
typedef struct {
    Str positions, stream;
    uint32_t prompts, fallbacks, least, most; // fallbacks: prompts with fewer than the k usable tokens of content(k)
    double mean;
} ResultPositions;

// In a figure a metric may be followed by its bounds, in a table of controls by what it says in words.
typedef enum { RESULT_value, RESULT_lower, RESULT_upper, RESULT_verdict } ResultRole;

typedef struct {
    bool is_axis;
    uint32_t index;
    ResultRole role;
} ResultColumn;

typedef struct {
    uint64_t axes;
    size_t points;
    size_t count;
    const ResultColumn *columns;
} ResultTable;

// A figure's metrics are the columns of a table that nobody prints.
typedef struct {
    Str name;             // of its files
    bool heat;            // colours over two sweeps; else lines
    Span span;
    uint32_t over, by;    // axes: from left to right; a line each, or upwards; RESULT_NO_AXIS
    ResultTable table;
    Str why_not;          // it was not drawn; empty: it was
} ResultFigure;

enum { RESULT_NO_AXIS = UINT32_MAX };

typedef struct {
    Str experiment;
    size_t axis_count, metric_count, term_count, prompts_count, states_count, map_count, table_count;
    ResultAxis *axes;
    ResultMetric *metrics;
    ResultTerm *terms;
    ResultPrompts *prompts;
    ResultStates *states;
    ResultMap *maps;
    ResultTable *tables;
    ResultFigure *figures;
    size_t figure_count;
    ResultPatch *patches;
    size_t patch_count;
    ResultPositions *positions;
    size_t positions_count;
    ResultProbe *probes;
    size_t probe_count;
    StrList warnings;   // rendered, one text each
    uint64_t *product_rows; // [values of the plan] how many rows the last run multiplied with each weight
} Results;

size_t results_points(const Results *results, uint64_t axes);
// Which value of `axis` a point of `axes` has.
size_t results_value(const Results *results, uint64_t axes, size_t point, size_t axis);
// The point of `to` (within `from`) that a point of `from` lies in.
size_t results_project(const Results *results, uint64_t from, size_t point, uint64_t to);
// Whether all metrics of a table's row are done.
bool results_row_done(const Results *results, const ResultTable *table, size_t point);
// "alpha=0.5, layer=3": the values of a point's sweeps.
void results_point_write(const Results *results, uint64_t axes, size_t point, Text *out);
bool results_complete(const Results *results);
// Bounds of the metric of a column at a point of its own sweeps; false when there are none, or they are undefined.
bool results_bounds(const Results *results, const ResultTable *table, size_t column, size_t own, double *lower, double *upper);
Str results_column(const Results *results, const ResultColumn *column); // its name

// A cell as people read it: six significant digits; "undefined"; "-" for what is not computed.
Str results_cell(const Results *results, const ResultTable *table, size_t column, size_t point, Arena *arena);
// What stands below a table, one line each: metrics whose values are hardly above their noise floor.
void results_notes(const Results *results, const ResultTable *table, Text *out);
// Fills in the metrics that are found in others, as far as these are done.
void results_choose(const Results *results, Arena *scratch);

// results_interval.c
bool interval_holds(const ResultMetric *metric, size_t point); // its own number
void interval_write(const ResultMetric *metric, size_t point, Text *out); // " [0.33, 0.49]", and ! when it does not hold
void interval_json(const ResultMetric *metric, size_t point, Text *out);
const char *interval_verdict(const ResultMetric *metric, size_t point);   // on a control, of how far it is behind
void interval_notes(const ResultMetric *metric, Text *out); // lines under a table: what is odd about its intervals
// Three more columns, NAME_lo, NAME_hi and NAME_holds, behind that of a metric that has intervals.
void interval_columns_json(const ResultMetric *metric, Text *out);
void interval_columns_csv(const ResultMetric *metric, Text *out);
void interval_cells_json(const ResultMetric *metric, size_t point, Text *out);
void interval_cells_csv(const ResultMetric *metric, size_t point, Text *out);

// The noise floor of a metric; false when no probe of it was computed.
bool results_noise(const Results *results, const ResultMetric *metric, double *floor);
// The tables for people: aligned columns.
void results_print(const Results *results, Text *out);
void results_set_axis(Results *results, uint32_t axis, const double *values, Arena *arena); // as many as it has
// results.json; the same results give the same bytes.
void results_json(const Results *results, Text *out);
// What each lambda of a ridge regression scored: [{"lambda": 0.1, "r2": 0.5}, …]
void results_scores(const FitReport *fit, Text *out);
uint64_t results_map_rows(const ResultMap *map);                // that it is fitted on
void results_positions_json(const Results *results, Text *out); // the member "selected" of it, with a comma
// One row a point of the table, one column each; a column's name is quoted when it must be.
void results_csv(const Results *results, const ResultTable *table, Text *out);
// metric, expression, sweeps, prompt, value: one row a prompt and point of every term.
void results_values_csv(const Results *results, Text *out);
