// space.h: which rows a value has: prompts x points of sweeps x token positions. No padding anywhere.
//
// A Selection is a set of tokens of a stream; a Space adds the points. Rows stand in the order (prompt, point,
// position), so that all points of a prompt stand together. Both are interned: equal ones are the same pointer.
#pragma once

#include "compiler/experiment.h"
#include "mdx/facts.h"

// A set of tokens of one stream, as bits.
typedef struct {
    uint32_t id;
    uint32_t stream;       // index in Spaces.streams
    uint32_t tokens;       // of the stream
    const uint64_t *bits;  // over the stream's tokens
    uint64_t count;        // how many are set
    const uint32_t *before; // [prompts + 1] set bits before each prompt's first token
} Selection;

// A run of consecutive values of one sweep.
typedef struct {
    uint32_t axis, first, count;
} AxisRange;

typedef enum {
    SPACE_matrix,  // no rows of prompts: `rows` is what it is
    SPACE_points,  // one row a point
    SPACE_prompts, // (prompt, point)
    SPACE_tokens,  // (prompt, point, position)
} SpaceKind;

typedef struct {
    uint32_t id;
    SpaceKind kind;
    uint32_t prompts;           // prompts, tokens: of which definition
    uint32_t prompt_count;
    const Selection *selection; // tokens
    AxisSet axes;
    uint32_t range_count;
    const AxisRange *ranges;    // in the order of the axes
    uint64_t points;            // product of the ranges
    uint64_t rows;
} Space;

typedef struct {
    const Stream *stream;
    uint32_t prompts;  // the definition it is of
    Str name;          // as printed: "val/tuned"
} StreamInfo;

// How many tokens of the prompts of a stream are selected, where that depends on the prompt. Where fewer than k are
// usable, `content(k)` falls back to them.
typedef struct {
    Positions at;
    uint32_t stream, fallbacks, least, most;
    uint64_t total;
} PositionCount;

// The tables that the graphs of one compilation share.
typedef struct {
    Arena *arena;
    const Experiment *exp;
    const Facts *facts;
    LIST(PositionCount) counts;
    LIST(StreamInfo) streams;
    LIST(Selection *) selections;
    LIST(Space *) spaces;
    StrMap memo; // results of set operations: passes ask the same few over and over
} Spaces;

Spaces spaces_open(Arena *arena, const Experiment *exp, const Facts *facts);

uint32_t spaces_stream(Spaces *spaces, const Stream *stream, uint32_t prompts, Str name);

// ---- Selections. `flags` has a byte for each token of the stream.
const Selection *selection_of(Spaces *spaces, uint32_t stream, const bool *flags);
const Selection *selection_all(Spaces *spaces, uint32_t stream);
const Selection *selection_none(Spaces *spaces, uint32_t stream);
const Selection *selection_or(Spaces *spaces, const Selection *a, const Selection *b);
const Selection *selection_and(Spaces *spaces, const Selection *a, const Selection *b);
const Selection *selection_minus(Spaces *spaces, const Selection *a, const Selection *b);
// All tokens of each prompt up to its last selected one: what causal attention at the selected rows reads.
const Selection *selection_causal(Spaces *spaces, const Selection *a);
// All tokens of each prompt from its first selected one on: what causal attention to the selected keys can change.
const Selection *selection_suffix(Spaces *spaces, const Selection *a);
// The tokens of `from` whose rank within their prompt is the rank in `of` of a token of `part` (part is within of).
const Selection *selection_ranks(Spaces *spaces, const Selection *part, const Selection *of, const Selection *from);
bool selection_within(const Selection *a, const Selection *b);
bool selection_has(const Selection *selection, uint32_t token);
uint32_t selection_in_prompt(const Selection *selection, uint32_t prompt); // how many

// ---- Spaces
const Space *space_matrix(Spaces *spaces, uint64_t rows);
// `ranges` gives the range of every axis of `axes`, by axis number.
const Space *space_points(Spaces *spaces, AxisSet axes, const AxisRange *by_axis);
const Space *space_prompts(Spaces *spaces, uint32_t prompts, uint32_t prompt_count, AxisSet axes, const AxisRange *by_axis);
const Space *space_tokens(Spaces *spaces, const Selection *selection, AxisSet axes, const AxisRange *by_axis);
// The same with other points, or other tokens.
const Space *space_with_axes(Spaces *spaces, const Space *space, AxisSet axes, const AxisRange *by_axis);
const Space *space_with_selection(Spaces *spaces, const Space *space, const Selection *selection);
// Fills by_axis with the ranges of the space's axes.
void space_ranges(const Space *space, AxisRange *by_axis);
// Whether each row of `to` has one row of `from` that it reads: same or fewer points and tokens.
bool space_reads(const Space *to, const Space *from);
// For each row of `to`, the row of `from` that it reads; NULL when that is the same row number everywhere.
const uint32_t *space_map(Spaces *spaces, const Space *to, const Space *from, Arena *arena);
// The point of `from` that each point of `to` reads.
uint32_t *space_point_map(const Space *to, const Space *from, Arena *arena);
// How many selected tokens of its prompt stand before each token of the stream.
uint32_t *selection_rank(const Spaces *spaces, const Selection *selection, Arena *arena);
// Prompt, position in the prompt, token of the stream and point of each row; arrays of `rows`, in the arena.
typedef struct {
    uint32_t *prompt, *position, *token, *point;
} RowInfo;
RowInfo space_rows(const Spaces *spaces, const Space *space, Arena *arena);
// "tokens[val/tuned: 25 of 300, alpha 4]"
void space_write(const Spaces *spaces, const Space *space, Text *out);
