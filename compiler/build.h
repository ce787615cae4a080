// build.h: from Experiment to Graph.
//
// Every run becomes a forward pass over all its rows and all points of its value axes; passes then take away what
// does not differ and what nobody reads. Points of value axes are cut into tiles (at most `batch_points` together):
// a tile's points are rows of the same nodes.
#pragma once

#include "compiler/forward.h"

typedef struct {
    size_t batch_points; // of a sweep together; 0: all; AUTO_POINTS: enough for batch_rows rows
    uint64_t batch_rows; // more rows at once make a product no faster
    bool prove;          // patched runs prove themselves (build_probe.c)
} BuildOptions;

#define AUTO_POINTS SIZE_MAX

// Runs that stand in for patched ones (build_probe.c): without their patches, or patched with their own values; on one
// prompt.
typedef enum { STAND_NONE, STAND_CLEAN, STAND_PROBE } Stand;

// How often the prompts of what is measured are drawn anew, beside once as they are; 0: never.
// What is drawn beside prompts are the values of a sweep.
typedef struct {
    uint64_t seed;
    uint32_t count;
    DrawWhat what;
} Resampling;

typedef struct {
    Resampling draws;
    uint32_t drawn, table; // from how many; of the tables
    bool shares;           // of the values of a sweep: a table each; else one of prompts
} DrawsTable;

typedef struct {
    const Expr *values;
    const RunInst *run;
    uint32_t term;
    const AxisRange *ranges;
} ProbedExpr;

// A map: one for all states, or one for those nearest to each centroid.
typedef struct {
    uint32_t count;
    Node *centroids; // NULL: one for all
    Node **maps;     // [count]
} MapParts;

// The rows that a map is fitted on: those of which `numbers`, one a row, is `number`.
typedef struct {
    Node *numbers;
    uint32_t number;
} MapPart;

typedef struct Builder {
    Arena *arena;
    Graph *graph;
    const Experiment *exp;
    const BuildOptions *options;
    Error *err;
    LIST(Forward *) runs;
    LIST(Node *) exprs;        // of metrics and numbers
    StrMap run_keys, expr_keys, output_keys; // to indices of runs, exprs and the graph's outputs
    Node **bases, **norms;                   // by id, once built; norms: of maps
    MapParts **parts;                        // the same of maps
    Stand stand;
    struct {
        uint32_t prompts, prompt;
    } probed;
    StrMap stand_keys, probe_keys;
    LIST(const RunInst *) stands;
    LIST(ProbedExpr) probes;
    Resampling draws;               // of the number that is being built
    LIST(DrawsTable) draws_tables;
    uint32_t metric;           // that is being built, for the terms
    size_t point;              // its structural point
    const Expr *share;         // of an interval over a sweep: which value is being built; or NULL
} Builder;

// Where the rows of states stand: all states of one patch, fit or metric are brought to one frame.
typedef struct {
    const Selection *selection; // of the frame's stream
    Node *it;                   // in a patch: the value before, already at these rows; else NULL
} Frame;

// Builds the graph of everything that is reported. False with the line of the spec when the prompts do not fit it.
bool build(Graph *graph, const BuildOptions *options, Error *err);

// ---- between the files build*.c and forward.c
Blocks place_blocks(Tables *tables, const Place *place, const Model *model);
bool positions_select(Spaces *spaces, uint32_t stream, const Positions *at, const Selection **out, Error *err); // position.c
bool build_select(Builder *b, uint32_t stream, const Positions *at, const Selection **out); // of one prompt, for a stand-in
const Selection *build_probed_rows(Builder *b, const Selection *rows);
const RunInst *build_stand_in(Builder *b, const RunInst *run); // the run itself when none is wanted
void build_note_probe(Builder *b, const Expr *values, uint32_t term, const AxisRange *ranges);
bool build_probes(Builder *b);
bool build_stream(Builder *b, const RunInst *run, Str text, uint32_t *out); // a run's prompts with `text` appended
// Bytes that are the same for the same thing at the same points of the axes, as a key.
Str build_key(Builder *b, const void *what, Str text, AxisSet axes, const AxisRange *ranges);
void build_output(Builder *b, GraphOutput output); // once for each point
// The forward pass of a run over its prompts with `text` appended; `ranges` gives the points of value axes. NULL on error.
Forward *build_run(Builder *b, const RunInst *run, Str text, const AxisRange *ranges);
Node *forward_read(const Forward *f, const Place *place); // the tensor at the place's site; all its columns
Node *build_patch_value(Forward *f, const Write *write, Node *it, const Selection *where, Blocks blocks);
bool build_frame(Builder *b, const Expr *states, Frame *out);
Node *build_states(Builder *b, const Expr *expr, const Frame *frame, const AxisRange *ranges);
Node *build_values(Builder *b, const Expr *expr, const AxisRange *ranges);
Node *build_number(Builder *b, const Expr *expr, const AxisRange *ranges);
const MapParts *build_parts(Builder *b, const MapInst *map, uint32_t in_width);
// ---- between build_map.c and build_clusters.c
Node *build_map(Builder *b, const MapInst *map, uint32_t in_width,
                const MapPart *part); // fitted on all rows when part is NULL
Node *build_file_map(Builder *b, const MapInst *map, MapShape shape, uint32_t part);
Node *build_file_tensor(Builder *b, const MapInst *map, uint64_t rows, uint32_t width, const char *name);
bool build_fit_sides(Builder *b, const MapInst *map, Node **x, Node **y); // the states that it is fitted on
Node *build_part_fit(Builder *b, const Node *fit, const MapPart *part);
Node *build_nearest(Builder *b, Node *x, Node *centroids, Span span); // which one, a number a row
// A map fitted inside a subspace: its states become their coordinates in bases of the source and of the target; then
// the map `inner` of coordinates becomes one of states x and y.
bool build_inside(Builder *b, const MapInst *map, Node **x, Node **y, Node *bases[2]);
Node *build_outside(Builder *b, const MapInst *map, Node *x, Node *y, Node *const bases[2], Node *inner);
Node *build_mapped(Builder *b, const MapInst *map, Node *x, Span span); // x W + b, row by row
Node *build_norm_match(Builder *b, const MapInst *map, Span span);       // a number
Node *build_basis(Builder *b, const BasisInst *basis);
Node *build_metric(Builder *b, const Expr *expr, const AxisRange *ranges); // VALUES a prompt, or a number
// The table of the prompts that are drawn, + 1, and how wide what is measured then is; 0 and 1 when none are.
uint32_t build_draws(Builder *b, uint32_t prompts, uint32_t *width);
Node *build_share(Builder *b, const Expr *share); // of a value of a sweep among those that are drawn
// Makes values, one a prompt, behind the number `owner` of the metric that is being built an output.
void build_term(Builder *b, const Expr *owner, const Expr *expr, Node *values, const AxisRange *ranges);
Node *build_arithmetic(Builder *b, const Expr *expr, Node *a, Node *c);
Node *build_rows(Builder *b, Node *x, const Selection *from, const Selection *to, Span span);
Node *build_constant(Builder *b, double value, Span span);
// The union of the points of the nodes, with a space of the given kind like `like`.
const Space *space_joined(Builder *b, const Space *like, const Node *a, const Node *c);
