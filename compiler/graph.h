// graph.h: the experiment as one static graph. One node kind; equal nodes are one node.
//
// Nodes are made only by graph_node, which looks whether the same was asked before (hash-consing): work that two runs
// share is shared by construction. A pass makes a new graph from the old one in the same tables.
#pragma once

#include "compiler/space.h"
#include "mdx/op.h"
#include "mdx/plan.h"

typedef struct Node Node;

// One value: rows x width of a type. Open to read.
struct Node {
    uint32_t id; // order of making: inputs have smaller ids
    Op op;
    DType dtype;
    uint32_t width;
    const Space *space;
    Node *in[OP_MOST_INPUTS];
    Attr attr;
    Span span;    // the text that asked for it first
    uint32_t run; // RunInst + 1 that it is of; the one with the fewest patches; 0: none
    Str name;  // the site it is, if it is one: "tuned layers[4].attn_out"
};

typedef struct {
    OutputKind kind;
    Node *node;
    uint32_t index;          // of the metric, the term or the map
    size_t point;            // of the structural axes among `axes`
    AxisSet axes;            // that the result has columns for
    const AxisRange *ranges; // [MOST_AXES] the tile of its value axes
} GraphOutput;

// A reduced expression whose values, one a prompt, are kept: kl(with_raw, clean) in mean(kl(with_raw, clean)).
typedef struct {
    Str metric, text;
    uint32_t prompts;
    AxisSet axes; // structural ones of the metric, value ones of the expression
    const Expr *owner; // the number behind which they stand
} Term;

// A term on one prompt, twice: of runs without their patches, and patched with their own values (outputs 2 i, 2 i + 1).
typedef struct {
    uint32_t term, prompts, prompt;
    Str run, sites;
    Span span; // of the first patch
} Probe;

// A patch of a run, as the spec says it: which rows it writes, and which of them something reads.
typedef struct {
    const RunInst *run;
    const Write *write;
    const Selection *where, *read; // read: NULL before it is known, and when nothing is
} Fire;

// The node that does what a patch of a run says: a write, or the value in its place. Nothing needs it on that account.
typedef struct {
    uint32_t fire; // of Tables.fires
    Node *node;
} GraphFire;

// What all graphs of a compilation share.
typedef struct {
    Arena *arena;
    const Experiment *exp;
    const Sources *sources;
    const Facts *facts;
    Spaces spaces;
    LIST(PlanFile) files;
    LIST(PlanTable) tables;
    StrList texts;
    StrMap text_numbers;
    LIST(uint32_t *) lists; // [0] is the length
    LIST(Term) terms;
    LIST(Probe) probes;
    LIST(Fire) fires;
    bool share;             // equal nodes are one node
} Tables;

typedef struct {
    Tables *tables;
    LIST(Node *) nodes;
    LIST(GraphOutput) outputs;
    LIST(GraphFire) fires;
    struct GraphSlot *slots; // hash table of nodes
    size_t cap;
} Graph;

Tables *tables_open(Arena *arena, const Experiment *exp, const Sources *sources, const Facts *facts);
Graph graph_open(Tables *tables);
// A node with the members of `like` (its id is ignored). A name or span that it brings to a node that is already
// there and has none is kept; so are the run and the span of a run with fewer patches.
Node *graph_node(Graph *graph, Node like);

uint32_t tables_text(Tables *tables, Str text);                        // number of a text; equal texts, equal numbers
uint32_t tables_list(Tables *tables, const uint32_t *at, size_t len);
uint32_t tables_table(Tables *tables, PlanTable table);                // equal numbers, equal table
uint32_t tables_file(Tables *tables, PlanFile file);                   // by path

// The nodes that the outputs need, each passed through `rewrite` in order: `like` has its inputs replaced already and
// may be changed; the result stands for the old node. A new graph in the same tables.
typedef Node *Rewrite(Graph *to, const Node *old, Node like, void *self);
Graph graph_rewrite(const Graph *from, Rewrite *rewrite, void *self);
bool *graph_reached(const Graph *graph, Arena *arena); // by id: whether an output needs it

void attr_write(Op op, const Attr *attr, const Str *texts, const uint32_t *const *lists, Text *out);
void graph_print(const Graph *graph, Text *out);
void graph_dot(const Graph *graph, Text *out);
// The rules of a legal graph, as code: NULL, or what is wrong with which node.
const char *graph_verify(const Graph *graph, Arena *arena);
