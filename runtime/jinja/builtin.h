// builtin.h: the tables of filters, tests, functions and methods. To add one: a function and a row.
#pragma once

#include "runtime/jinja/eval.h"

// `params` names the parameters behind the subject, as they may be given by name; "?" marks those that may be left
// out (they come as ABSENT values), a digit stands for a name that cannot be used. "*" takes any arguments, as
// they are given. `run` NULL: Jinja or Python has it, mdx does not.
struct Builtin {
    const char *name, *params;
    bool (*run)(Eval *e, Value self, const Args *args, Value *out);
};

const Builtin *jb_filter(Str name); // NULL when there is none
const Builtin *jb_test(Str name);
const Builtin *jb_global(Str name);
const Builtin *jb_method(ValueKind kind, Str name); // of an object of that kind

// The filters stand in three tables, by what they work on; each ends with an empty row.
extern const Builtin jb_filters_text[], jb_filters_list[], jb_filters_value[];
extern const Builtin jb_methods_str[], jb_methods_other[], jb_globals[], jb_tests[];

// Puts the arguments in the order of the parameters, into `slots`.
enum { MAX_PARAMETERS = 6 };
bool jb_bind(Eval *e, const Builtin *builtin, const Args *given, Value slots[MAX_PARAMETERS], Args *out);

// ---- Reading arguments.
static inline bool jb_given(const Args *args, size_t i) {
    return i < args->len && args->at[i].kind != VALUE_ABSENT;
}
bool jb_int(Eval *e, const Args *args, size_t i, int64_t otherwise, int64_t *out);
bool jb_bool(const Args *args, size_t i, bool otherwise);                  // Python's truth of the argument
bool jb_str(Eval *e, const Args *args, size_t i, Str otherwise, Str *out); // must be a string
Value jb_value(const Args *args, size_t i, Value otherwise);

// ---- Results
bool jb_give(Value *out, Value value);                    // true
bool jb_give_text(Eval *e, const Text *text, Value *out); // a string, if it is not too long
bool jb_give_str(Eval *e, Value like, Str s, Value *out); // a string, safe when `like` is
bool jb_give_list(Eval *e, ValueKind kind, ValueList items, Str label, Value *out);
bool jb_replace(Eval *e, Str s, Str old, Str new, int64_t count, Text *out); // str.replace; count < 0: all
bool jb_center(Eval *e, Value s, int64_t width, Str fill, Value *out);       // str.center
void jb_escape(Text *out, Str s); // with &, <, >, ' and " as character references
