// test.c: the tests of "is".
#include "runtime/jinja/builtin.h"
#include "runtime/jinja/text.h"

static bool holds(Value *out, bool result) {
    return jb_give(out, jv_bool(result));
}

// Tests that look at the kind alone: one function each, all of one shape.
#define KIND_TEST(name, condition)                                                                                     \
    static bool test_##name(Eval *e, Value self, const Args *args, Value *out) {                                       \
        (void)e, (void)args;                                                                                           \
        return holds(out, condition);                                                                                  \
    }
KIND_TEST(defined, self.kind != VALUE_UNDEFINED)
KIND_TEST(undefined, self.kind == VALUE_UNDEFINED)
KIND_TEST(none, self.kind == VALUE_NONE)
KIND_TEST(boolean, self.kind == VALUE_BOOL)
KIND_TEST(false, self.kind == VALUE_BOOL && !self.boolean)
KIND_TEST(true, self.kind == VALUE_BOOL && self.boolean)
KIND_TEST(integer, self.kind == VALUE_INT)
KIND_TEST(float, self.kind == VALUE_REAL)
KIND_TEST(number, self.kind == VALUE_INT || self.kind == VALUE_REAL || self.kind == VALUE_BOOL)
KIND_TEST(string, self.kind == VALUE_STR)
KIND_TEST(mapping, self.kind == VALUE_DICT)
KIND_TEST(callable, self.kind == VALUE_MACRO || self.kind == VALUE_FUNCTION || self.kind == VALUE_LOOP ||
                        self.kind == VALUE_UNDEFINED)
KIND_TEST(escaped, self.kind == VALUE_STR && self.how)
KIND_TEST(sequence,
          jv_is_seq(self) || self.kind == VALUE_STR || self.kind == VALUE_DICT || self.kind == VALUE_UNDEFINED)
KIND_TEST(iterable, jv_is_seq(self) || self.kind == VALUE_STR || self.kind == VALUE_DICT ||
                        self.kind == VALUE_UNDEFINED || self.kind == VALUE_VIEW || self.kind == VALUE_ITERATOR ||
                        self.kind == VALUE_LOOP)
#undef KIND_TEST

static bool divides(Eval *e, Value self, Value by, int64_t rest, Value *out) {
    Value remainder;
    bool same;
    TRY(je_binary(e, OP_MOD, self, by, &remainder) && jv_equal(e, remainder, jv_int(rest), &same));
    return holds(out, same);
}

static bool test_odd(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    return divides(e, self, jv_int(2), 1, out);
}

static bool test_even(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    return divides(e, self, jv_int(2), 0, out);
}

static bool test_divisibleby(Eval *e, Value self, const Args *args, Value *out) {
    return divides(e, self, args->at[0], 0, out);
}

static bool has_property(Eval *e, Value self, unsigned property, Value *out) {
    Str s;
    TRY(jv_text(e, self, &s) && je_work(e, s.len));
    return holds(out, jt_properties(s) & property);
}

static bool test_lower(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    return has_property(e, self, IS_LOWER, out);
}

static bool test_upper(Eval *e, Value self, const Args *args, Value *out) {
    (void)args;
    return has_property(e, self, IS_UPPER, out);
}

// What Jinja has counts, supported here or not: using it is then the error.
static bool test_filter(Eval *e, Value self, const Args *args, Value *out) {
    (void)e, (void)args;
    return holds(out, self.kind == VALUE_STR && jb_filter(self.text));
}

static bool test_test(Eval *e, Value self, const Args *args, Value *out) {
    (void)e, (void)args;
    return holds(out, self.kind == VALUE_STR && jb_test(self.text));
}

// Python's identity: of the same object, or of equal constants.
static bool test_sameas(Eval *e, Value self, const Args *args, Value *out) {
    Value other = args->at[0];
    bool same = self.kind == other.kind;
    if (same && (self.kind == VALUE_LIST || self.kind == VALUE_TUPLE || self.kind == VALUE_DICT))
        return holds(out, self.seq == other.seq);
    if (same) TRY(jv_equal(e, self, other, &same));
    return holds(out, same);
}

static bool compare(Eval *e, Operator op, Value self, const Args *args, Value *out) {
    bool result;
    return je_compare(e, op, self, args->at[0], &result) && holds(out, result);
}

#define COMPARISON_TEST(name, op)                                                                                      \
    static bool test_##name(Eval *e, Value self, const Args *args, Value *out) {                                       \
        return compare(e, op, self, args, out);                                                                        \
    }
COMPARISON_TEST(eq, OP_EQ)
COMPARISON_TEST(ne, OP_NE)
COMPARISON_TEST(gt, OP_GT)
COMPARISON_TEST(ge, OP_GE)
COMPARISON_TEST(lt, OP_LT)
COMPARISON_TEST(le, OP_LE)
COMPARISON_TEST(in, OP_IN)
#undef COMPARISON_TEST

const Builtin jb_tests[] = {
    {"!=", "0", test_ne},
    {"<", "0", test_lt},
    {"<=", "0", test_le},
    {"==", "0", test_eq},
    {">", "0", test_gt},
    {">=", "0", test_ge},
    {"boolean", "", test_boolean},
    {"callable", "", test_callable},
    {"defined", "", test_defined},
    {"divisibleby", "num", test_divisibleby},
    {"eq", "0", test_eq},
    {"equalto", "0", test_eq},
    {"escaped", "", test_escaped},
    {"even", "", test_even},
    {"false", "", test_false},
    {"filter", "", test_filter},
    {"float", "", test_float},
    {"ge", "0", test_ge},
    {"greaterthan", "0", test_gt},
    {"gt", "0", test_gt},
    {"in", "seq", test_in},
    {"integer", "", test_integer},
    {"iterable", "", test_iterable},
    {"le", "0", test_le},
    {"lessthan", "0", test_lt},
    {"lower", "", test_lower},
    {"lt", "0", test_lt},
    {"mapping", "", test_mapping},
    {"ne", "0", test_ne},
    {"none", "", test_none},
    {"number", "", test_number},
    {"odd", "", test_odd},
    {"sameas", "other", test_sameas},
    {"sequence", "", test_sequence},
    {"string", "", test_string},
    {"test", "", test_test},
    {"true", "", test_true},
    {"undefined", "", test_undefined},
    {"upper", "", test_upper},
    {0},
};
