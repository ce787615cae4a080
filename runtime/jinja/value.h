// value.h: the values that a template computes with: what Python's are to Jinja.
//
// A value is small and copied; what it points to lives in the arena of one rendering and never changes, except
// the attributes of a namespace, the place of an iterator and the state of a loop.
#pragma once

#include <cjson/cJSON.h>

#include "mdx/error.h"

typedef struct Eval Eval;
typedef struct Node Node;
typedef struct Scope Scope;
typedef struct Builtin Builtin;

// kind, what messages call it
#define VALUE_KINDS(X)                                                                                                 \
    X(ABSENT, "nothing") /* an argument that was not given; templates never see it */                                  \
    X(UNDEFINED, "an undefined value")                                                                                 \
    X(NONE, "none")                                                                                                    \
    X(BOOL, "a boolean")                                                                                               \
    X(INT, "an integer")                                                                                               \
    X(REAL, "a float")                                                                                                 \
    X(STR, "a string")                                                                                                 \
    X(LIST, "a list")                                                                                                  \
    X(TUPLE, "a tuple")                                                                                                \
    X(RANGE, "a range")                                                                                                \
    X(VIEW, "a view of a mapping") /* dict.keys(), dict.values(), dict.items() */                                      \
    X(ITERATOR, "an iterator")     /* what map, select, reverse … give: handed out once */                           \
    X(DICT, "a mapping")                                                                                               \
    X(NAMESPACE, "a namespace")                                                                                        \
    X(LOOP, "the loop")                                                                                                \
    X(MACRO, "a macro")                                                                                                \
    X(FUNCTION, "a function") /* a global, or a method bound to its object */

typedef enum {
#define VALUE_ENUM(kind, words) VALUE_##kind,
    VALUE_KINDS(VALUE_ENUM)
#undef VALUE_ENUM
        VALUE_KIND_COUNT
} ValueKind;

typedef struct Value Value;
typedef LIST(Value) ValueList;

typedef struct Seq {
    ValueList items;
    Str label;    // range: how it prints; view: its type's name; iterator: what made it
    size_t taken; // iterator: how many items were handed out
    Str error;    // iterator: what goes wrong when the next item is asked for; empty: it just ends
} Seq;

typedef struct Pair Pair;
typedef struct Dict {
    LIST(Pair) pairs; // in order of insertion
} Dict;

typedef struct Macro {
    const Node *node;
    Scope *scope; // where it was defined
} Macro;

typedef struct Loop Loop;
typedef struct Bound Bound;

struct Value {
    uint8_t kind;
    uint8_t how; // string: not 0 when marked safe; undefined: see jv_undefined_why
    union {
        bool boolean;
        int64_t integer;
        double real;
        Str text; // string: UTF-8; undefined: the name that was looked up, or a message
        Seq *seq;
        Dict *dict; // mapping and namespace
        Loop *loop;
        const Macro *macro;
        const Bound *bound;
    };
};

struct Pair {
    Value key, value;
};

struct Bound {
    const Builtin *builtin;
    Value self; // ABSENT for a global function
};

// ---- Making values
enum { WHY_VARIABLE = 0, WHY_MESSAGE = 255 }; // else the ValueKind of the object that has no such member

static inline Value jv_absent(void) {
    return (Value){.kind = VALUE_ABSENT};
}
static inline Value jv_none(void) {
    return (Value){.kind = VALUE_NONE};
}
static inline Value jv_bool(bool b) {
    return (Value){.kind = VALUE_BOOL, .boolean = b};
}
static inline Value jv_int(int64_t i) {
    return (Value){.kind = VALUE_INT, .integer = i};
}
static inline Value jv_real(double x) {
    return (Value){.kind = VALUE_REAL, .real = x};
}
static inline Value jv_str(Str s) {
    return (Value){.kind = VALUE_STR, .text = s};
}
static inline Value jv_undefined(uint8_t why, Str name) {
    return (Value){.kind = VALUE_UNDEFINED, .how = why, .text = name};
}
static inline Value jv_seq(ValueKind kind, Seq *seq) {
    return (Value){.kind = (uint8_t)kind, .seq = seq};
}
static inline Value jv_dict(ValueKind kind, Dict *dict) {
    return (Value){.kind = (uint8_t)kind, .dict = dict};
}

// ---- Asking values
extern const char *const jv_words[VALUE_KIND_COUNT];
static inline bool jv_is(Value v, ValueKind kind) {
    return v.kind == kind;
}
static inline bool jv_is_seq(Value v) { // has a length and items by number
    return v.kind == VALUE_LIST || v.kind == VALUE_TUPLE || v.kind == VALUE_RANGE;
}
bool jv_is_int(Value v, int64_t *out);   // an integer or a boolean
bool jv_is_number(Value v, double *out); // any number
bool jv_truth(Value v);
bool jv_length(Value v, size_t *out);                      // false: it has none
const Value *jv_get(Eval *e, const Dict *dict, Value key); // NULL: no such key, or an error in e
void jv_put(Eval *e, Dict *dict, Value key, Value value);
bool jv_hashable(Value v); // may be a key
// Says in words why a value is undefined.
Str jv_undefined_why(Eval *e, Value v);

// ---- Python's operators on values; false: an error was set
bool jv_equal(Eval *e, Value a, Value b, bool *out);
bool jv_less(Eval *e, Value a, Value b, bool or_equal, bool *out);
bool jv_contains(Eval *e, Value all, Value one, bool *out);
// The items that iterating gives, as a list of values; an iterator is emptied.
bool jv_items(Eval *e, Value v, ValueList *out);
ValueList jv_behind(const Value *at, size_t len, size_t skip); // a view of values without the first ones

// ---- Text of values
bool jv_text(Eval *e, Value v, Str *out);   // str(v)
bool jv_print(Eval *e, Value v, Text *out); // appends str(v)
bool jv_repr(Eval *e, Value v, Text *out);  // appends repr(v)
void jv_print_real(double x, Text *out);
typedef struct {
    bool ascii, sorted;
    bool lines;            // break lines, indented by `indent`
    Str indent, item, key; // item separator, key separator
} JsonStyle;
bool jv_json(Eval *e, Value v, const JsonStyle *style, Text *out);
bool jv_of_json(Eval *e, const cJSON *json, Value *out);
