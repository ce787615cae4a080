// experiment.h: what a spec means: every name resolved, every place and width known, nothing computed.
//
// Axes come in two kinds. A *value* axis only ever stands as a number in an expression: its points are rows of
// one graph. A *structural* axis chooses something (a layer, a site, a rank, a model): each of its points has
// its own instances of what depends on it. Instances are memoised on the points of the axes that reach them, so
// two points that do not differ for a definition share its instance.
#pragma once

#include "compiler/ast.h"
#include "compiler/diag.h"
#include "compiler/signature.h"
#include "compiler/site.h"
#include "mdx/op.h"

typedef uint64_t AxisSet; // bit i: axis i
enum { MOST_AXES = 64, MOST_POINTS = 1 << 20 };

typedef struct {
    Str name;
    Span span;
    bool structural;
    bool numeric;        // all values are numbers
    size_t count;
    const Ast **values;  // as written; what a structural axis stands for at each point
    double *numbers;     // when numeric
} Axis;

typedef struct {
    Str name;
    Span span;      // of the path, for errors about the folder
    Str folder;     // as it can be opened from here
    Str shown;      // as the spec writes it
    Model model;
    bool ok;        // config.json was read
} ModelDef;

typedef struct {
    Str name;
    Span span;
    Str path, shown;      // of the JSONL file
    Str text_field, id_field;
    bool id_required;     // the spec names the field, so each line must have it
    bool chat;
    uint32_t limit;       // 0: none
} PromptsDef;

// Token positions of a prompt: a row of position.def with its k, or a single index.
typedef enum {
#define MDX_POSITION(name, arguments, tokens, what) POSITION_##name,
#include "compiler/position.def"
    POSITION_index,
    POSITION_WORDS
} PositionWord;

typedef struct {
    PositionWord word;
    int64_t k;     // first(k), last(k), content(k); the n of span; or the index, negative from the end
    uint32_t skip; // content
    Str text;      // of span; the file of listed, as the spec writes it
    Str path;      // of listed, as it can be opened from here
    uint32_t each; // how many tokens a prompt; 0 when that depends on the prompt
    Span span;
} Positions;

// A file that lists positions.
typedef struct {
    Str path, shown;
} ListedDef;

// A tensor at token positions, in no particular model; the site as the spec names it (see site_canonical).
typedef struct {
    SiteId site;
    uint32_t layer;
    U32List heads;  // empty: all
    Positions at;
    Span span;
    uint32_t width; // of the selected heads, in the model where it was resolved
    Str name;       // as printed: "layers[4].attn_out"
} Place;

typedef struct Expr Expr;
typedef struct RunInst RunInst;
typedef struct MapInst MapInst;
typedef struct BasisInst BasisInst;

enum { NO_PROMPTS = UINT32_MAX };

typedef enum { TYPE_number, TYPE_values, TYPE_states, TYPE_interval, TYPE_choice } Type;
extern const char *const type_words[];

typedef enum {
    EXPR_number,
    EXPR_axis,    // the value of a sweep; `point` when it is structural, else -1
    EXPR_share,   // what a draw has of value number `point` of sweep `axis`: its share among all
    EXPR_it,      // in a patch: the value before the write
    EXPR_read,    // place in run
    EXPR_map,     // map applied to in[0]
    EXPR_project, // the part of in[0] in a subspace
    EXPR_negate,
    EXPR_add,
    EXPR_sub,
    EXPR_mul,
    EXPR_div,
    EXPR_metric,  // row of metric.def over args
    EXPR_reduce,  // row of reduction.def over in[0]
    EXPR_interval, // row of interval.def of in[0]
    EXPR_choice,  // row of choice.def of the metric named args[0]; over args[1], when it has that
} ExprKind;

// What an interval over a sweep draws anew: the words of interval.def, in its order.
typedef enum { DRAW_both, DRAW_prompt, DRAW_value } DrawWhat;

// One argument of a call, by its param.
typedef struct {
    const Param *param;
    bool given;
    Span span;
    Str text;
    double number;
    uint32_t count;  // for a rank, 0 stands for full
    bool flag;             // of a column: it is a sweep, else a metric, named `text`
    uint32_t choice;       // of the words of its param
    uint64_t seed;
    const double *numbers; // [count]
    uint32_t prompts;
    Positions positions;
    const RunInst *run;
    const BasisInst *basis;
    const MapInst *map;
    Expr *expr;
} Arg;

struct Expr {
    ExprKind kind;
    Type type;
    Span span;
    AxisSet axes;   // value axes that reach it
    double number;
    uint32_t axis;
    int32_t point;
    Expr *in[2];
    uint32_t width;      // states
    uint32_t prompts;    // values, states, intervals, metrics; NO_PROMPTS: of no prompts
    uint32_t each;       // states: tokens a prompt, 0 when that depends on the prompt
    const RunInst *run;  // read
    Place place;         // read
    const MapInst *map;
    const BasisInst *basis;
    uint32_t row;        // metric, reduce, interval, choice
    Arg args[MOST_PARAMS];
};

typedef struct {
    Str name;        // of the patch
    Span span;       // of the statement
    Place place;     // resolved in the run's model
    Expr *value;
} Write;

// A model over prompts with writes: one forward pass. Clean runs have no writes.
struct RunInst {
    uint32_t id;
    Str name;            // as printed: the run's, with the points of its axes, or "base on val"
    Span span;
    uint32_t model, prompts;
    LIST(Write) writes;  // in the order of the spec
    AxisSet axes;        // value axes that reach it
};

typedef enum {
#define MDX_MAPPER(name, arguments, fitted, what) MAPPER_##name,
#include "compiler/mapper.def"
    MAPPER_COUNT
} MapperId;

// A subspace that a map is fitted inside, and what becomes of the rest.
typedef enum {
#define MDX_INSIDE(name, arguments, what) INSIDE_##name,
#include "compiler/inside.def"
    INSIDE_COUNT // none
} InsideId;
typedef enum { BASIS_each, BASIS_source, BASIS_target, BASIS_joint } BasisOf; // the words of inside.def, in its order
typedef enum { OUTSIDE_mean, OUTSIDE_keep, OUTSIDE_zero } Outside;

typedef struct {
    InsideId kind;
    Span span;
    Arg args[MOST_PARAMS];
    uint32_t rank;
    BasisOf basis;
    Outside outside;
} Inside;

// What the rows are parted by when a map is fitted on each part.
typedef enum {
#define MDX_PER(name, arguments, what) PER_##name,
#include "compiler/per.def"
    PER_COUNT // nothing
} PerId;

typedef struct {
    PerId kind;
    Span span;
    uint32_t clusters;
    uint64_t seed;
} Per;

// Which prompts' rows a fit takes: each as it is; each with the target of another; prompts drawn anew.
typedef enum { PAIRING_own, PAIRING_shuffled, PAIRING_resampled } Pairing;
extern const char *const pairing_words[];

struct MapInst {
    uint32_t id;
    Str name;
    Span span;
    MapperId mapper;
    Arg args[MOST_PARAMS];
    Expr *from, *to;       // NULL for a mapper that is not fitted
    uint32_t prompts;      // it is fitted on
    uint32_t in_width, out_width; // 0: any (identity), or not known before the file is read (from_file)
    Str path;              // from_file
    Inside inside;
    Per per;
    Pairing pairing;
    uint64_t seed; // of the order that the pairing draws
};

typedef enum {
#define MDX_SUBSPACE(name, arguments, what) SUBSPACE_##name,
#include "compiler/subspace.def"
    SUBSPACE_COUNT
} SubspaceId;

struct BasisInst {
    uint32_t id;
    Str name;
    Span span;
    SubspaceId subspace;
    Arg args[MOST_PARAMS];
    uint32_t width, rank;
};

typedef enum {
#define MDX_METRIC(name, arguments, gives, what) METRIC_##name,
#include "compiler/metric.def"
    METRIC_COUNT
} MetricId;

// A metric with its instances: one for each point of the structural axes that reach it.
typedef struct {
    Str name;
    Span span;
    Str text;        // the right side, as written
    AxisSet axes;    // all axes that reach it, structural and value
    size_t count;
    Expr **points;   // NULL where checking failed
} MetricDef;

// In a figure a metric may be followed by those that are its bounds; in a table of controls by what it says in words.
typedef enum { BOUND_none, BOUND_lower, BOUND_upper, BOUND_verdict } Bound;

typedef struct {
    bool is_axis;
    uint32_t index; // of the axis or the metric
    Span span;
    Bound bound;
} Column;

typedef enum {
#define MDX_CHOICE(name, arguments, what) CHOICE_##name,
#include "compiler/choice.def"
    CHOICE_COUNT
} ChoiceId;

typedef enum {
#define MDX_REPORT(name, arguments, what) REPORT_##name,
#include "compiler/report.def"
    REPORT_COUNT
} ReportId;

enum { NO_AXIS = UINT32_MAX };

// A table of metrics, a figure of them, or states that are kept.
typedef struct {
    Span span;
    ReportId kind;
    bool hidden;          // a table of what others choose among: shown nowhere
    LIST(Column) columns; // of a table; of a figure: metrics alone
    uint32_t capture;     // of states: of exp->captures
    AxisSet axes;         // of all its columns
    Str name;             // of a figure: its files'
    uint32_t over, by;    // of a figure: the sweep from left to right; that with a line each, or upwards; or NO_AXIS
} Report;

// Controls are one, too.
static inline bool report_is_table(const Report *report) {
    return report->kind == REPORT_table || report->kind == REPORT_controls;
}

typedef struct {
    Arena *arena;
    Str name;
    LIST(Axis) axes;
    LIST(ModelDef) models;
    LIST(ListedDef) listed;   // files of positions, each once
    LIST(PromptsDef) prompts;
    LIST(RunInst *) runs;     // every instance, clean ones too
    LIST(MapInst *) maps;
    LIST(BasisInst *) bases;
    LIST(MetricDef) metrics;
    LIST(MetricDef) captures; // states that are kept; the name is the file's
    LIST(Report) reports;
} Experiment;

// ---- Points of axes. A point of a set of axes is one number: mixed radix, the last axis of the set fastest.
size_t points_count(const Experiment *exp, AxisSet set);
uint32_t point_value(const Experiment *exp, AxisSet set, size_t point, uint32_t axis);  // which value of that axis
size_t point_project(const Experiment *exp, AxisSet from, size_t point, AxisSet to);    // `to` within `from`
AxisSet axes_structural(const Experiment *exp, AxisSet set);
void axis_value_write(const Axis *axis, size_t i, Text *out);

void experiment_print(const Experiment *exp, Text *out);
void inside_write(const Inside *inside, Text *out); // nothing when there is none
void per_write(const Per *per, Text *out);          // the same
const Expr *expr_first_read(const Expr *expr);      // the place that states read first; NULL when they read none
void expr_write(const Experiment *exp, const Expr *expr, Text *out);
void positions_write(const Positions *positions, Text *out);
