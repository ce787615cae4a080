// eval.h: one rendering of a template: its state, its bounds, and what the parts of the evaluator ask of
// each other.
//
// Functions that can fail return false and leave the message in the Error of the rendering, with the place of
// what was being evaluated.
#pragma once

#include "runtime/jinja/ast.h"

// The bounds of a rendering. Published templates need less than a hundredth of each for a long conversation.
enum {
    MAX_OUTPUT = 16 << 20,    // bytes of the result, and of any string on the way
    MAX_BYTES = 256 << 20,    // memory
    MAX_STEPS = 10 * 1000000, // nodes evaluated; work on long values counts as WORK_PER_STEP bytes or items each
    WORK_PER_STEP = 64,
    MAX_CALLS = 800,    // nested evaluations: expressions, macros that call macros, lists in lists
    MAX_RANGE = 100000, // items of a range, as in Jinja's sandbox
};

typedef struct {
    Str name;
    Value value;
} Variable;

struct Scope {
    Scope *parent;
    LIST(Variable) variables;
};

typedef enum { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } Flow;

struct Eval {
    const JinjaTemplate *jinja;
    Arena *arena; // of this rendering
    Error *err;
    Scope *scope;   // innermost
    Text *out;      // where output goes
    Value filtered; // what the first filter of a block works on
    Flow flow;      // what the last statement asks of the loop around it
    size_t steps;
    unsigned calls;
    uint32_t at; // what is evaluated, for messages
};

// Arguments of a call: in order, and by name.
typedef struct {
    Value *at;
    size_t len;
    const Variable *named;
    size_t named_len;
} Args;

// eval.c
bool je_fail(Eval *e, const char *format, ...) PRINTF_LIKE(2, 3);
bool je_step(Eval *e);                // counts one step; an error when a bound is reached
bool je_work(Eval *e, size_t amount); // counts work on so many bytes or items
bool je_room(Eval *e, size_t bytes);  // may a string of this size be made?
bool je_evaluate(Eval *e, const Node *node, Value *out);
bool je_enter(Eval *e);                     // one level of nested evaluation; undo it with e->calls--
const char *je_quote(Eval *e, Str s);       // for messages: short, without line ends
bool je_exhausted(Eval *e, const Seq *seq); // an iterator has no more items: is that its end, or an error?
// access.c
bool je_lookup(Eval *e, Str name, Value *out);
bool je_bind(Eval *e, Str name, Value value); // in the innermost scope
bool je_attribute(Eval *e, Value object, Str name, Value *out);
bool je_item(Eval *e, Value object, Value key, Value *out);
bool je_slice(Eval *e, Value object, const Value bounds[3], Value *out);
// Follows "a.b.0", as filters take it; what is undefined on the way becomes `otherwise`, if it is a value.
bool je_path(Eval *e, Value object, Value path, Value otherwise, Value *out);
// ops.c
bool je_binary(Eval *e, Operator op, Value a, Value b, Value *out);
bool je_sign(Eval *e, Operator op, Value a, Value *out);
bool je_compare(Eval *e, Operator op, Value a, Value b, bool *out);
bool je_format(Eval *e, Value format, Value values, Value *out); // format.c: format % values
// call.c
bool je_call(Eval *e, Value callee, const Args *args, Value *out);
bool je_filter(Eval *e, Str name, Value subject, const Args *args, Value *out);
bool je_test(Eval *e, Str name, Value subject, const Args *args, bool *out);
// exec.c
bool je_run(Eval *e, const NodeList *body);
bool je_assign(Eval *e, const Node *target, Value value);
bool je_open_scope(Eval *e, const Node *node, Scope *parent); // undo it by restoring e->scope
bool je_capture(Eval *e, const NodeList *body, Str *out);     // what the body writes
// loop.c
bool je_for(Eval *e, const Node *node);
bool je_loop_attribute(Eval *e, Loop *loop, Str name, Value *out);
bool je_loop_call(Eval *e, Loop *loop, const Args *args, Value *out);
bool je_loop_length(Eval *e, Loop *loop, int64_t *out);
int64_t je_loop_index(const Loop *loop);
