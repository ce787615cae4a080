// ops.c: arithmetic, with the types that Python's operators take, and comparisons.
#include <math.h>

#include "runtime/jinja/builtin.h"

// ---- Integers: 64 bits; what does not fit is an error, where Python would go on with longer ones

static bool overflow(Eval *e) {
    return je_fail(e, "an integer of more than 64 bits");
}

static bool int_floordiv(Eval *e, int64_t a, int64_t b, int64_t *out) {
    if (a == INT64_MIN && b == -1) return overflow(e);
    *out = a / b - (a % b != 0 && (a < 0) != (b < 0));
    return true;
}

static int64_t int_mod(int64_t a, int64_t b) {
    if (b == -1) return 0; // INT64_MIN % -1 traps
    int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static bool int_pow(Eval *e, int64_t base, int64_t exponent, int64_t *out) {
    *out = 1;
    if (exponent && (base == 0 || base == 1)) *out = base;
    if (base == 0 || base == 1) return true;
    if (base == -1) {
        *out = exponent % 2 ? -1 : 1;
        return true;
    }
    for (; exponent > 0; exponent--) // at most 63 times
        if (__builtin_mul_overflow(*out, base, out)) return overflow(e);
    return true;
}

static bool int_binary(Eval *e, Operator op, int64_t a, int64_t b, Value *out) {
    int64_t result = 0;
    bool over = false;
    if ((op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD) && b == 0) return je_fail(e, "a division by zero");
    switch (op) {
    case OP_ADD: over = __builtin_add_overflow(a, b, &result); break;
    case OP_SUB: over = __builtin_sub_overflow(a, b, &result); break;
    case OP_MUL: over = __builtin_mul_overflow(a, b, &result); break;
    case OP_DIV: return jb_give(out, jv_real((double)a / (double)b));
    case OP_FLOORDIV: TRY(int_floordiv(e, a, b, &result)); break;
    case OP_MOD: result = int_mod(a, b); break;
    case OP_POW:
        if (b < 0 && a == 0) return je_fail(e, "a division by zero");
        if (b < 0) return jb_give(out, jv_real(pow((double)a, (double)b)));
        TRY(int_pow(e, a, b, &result));
        break;
    default: BUG("no arithmetic operator");
    }
    return over ? overflow(e) : jb_give(out, jv_int(result));
}

// ---- Floats

static double real_mod(double a, double b) {
    double rest = fmod(a, b);
    if (rest == 0) return copysign(0.0, b);
    return (rest < 0) != (b < 0) ? rest + b : rest;
}

static bool real_pow(Eval *e, double a, double b, Value *out) {
    if (a == 0 && b < 0) return je_fail(e, "a division by zero");
    if (a < 0 && b != floor(b) && isfinite(a) && isfinite(b)) return je_fail(e, "a root of a negative number");
    double result = pow(a, b);
    if (isinf(result) && isfinite(a) && isfinite(b)) return je_fail(e, "a power that is too large");
    return jb_give(out, jv_real(result));
}

static bool real_binary(Eval *e, Operator op, double a, double b, Value *out) {
    if ((op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD) && b == 0) return je_fail(e, "a division by zero");
    switch (op) {
    case OP_ADD: return jb_give(out, jv_real(a + b));
    case OP_SUB: return jb_give(out, jv_real(a - b));
    case OP_MUL: return jb_give(out, jv_real(a * b));
    case OP_DIV: return jb_give(out, jv_real(a / b));
    case OP_FLOORDIV: return jb_give(out, jv_real(floor((a - real_mod(a, b)) / b + 0.5)));
    case OP_MOD: return jb_give(out, jv_real(real_mod(a, b)));
    case OP_POW: return real_pow(e, a, b, out);
    default: BUG("no arithmetic operator");
    }
}

// ---- Sequences

static bool add_str(Eval *e, Value a, Value b, Value *out) {
    Text text = text_open(e->arena);
    bool safe = a.how || b.how;
    TRY(je_work(e, a.text.len + b.text.len) && je_room(e, a.text.len + b.text.len));
    if (safe && !a.how)
        jb_escape(&text, a.text);
    else
        text_str(&text, a.text);
    if (safe && !b.how)
        jb_escape(&text, b.text);
    else
        text_str(&text, b.text);
    TRY(jb_give_text(e, &text, out));
    out->how = safe;
    return true;
}

static bool add_lists(Eval *e, Value a, Value b, Value *out) {
    const ValueList *parts[] = {&a.seq->items, &b.seq->items};
    ValueList all = {0};
    TRY(je_work(e, parts[0]->len + parts[1]->len));
    for (size_t p = 0; p < COUNT(parts); p++)
        for (size_t i = 0; i < parts[p]->len; i++) list_push(e->arena, &all, parts[p]->at[i]);
    return jb_give_list(e, (ValueKind)a.kind, all, STR(""), out);
}

static bool repeat_list(Eval *e, Value list, size_t count, Value *out) {
    const ValueList *items = &list.seq->items;
    size_t total;
    if (__builtin_mul_overflow(items->len, count, &total) || total > MAX_BYTES / sizeof(Value))
        return je_fail(e, "a list of %zu items, %zu times, is too long", items->len, count);
    TRY(je_work(e, total));
    ValueList all = {.at = arena_many(e->arena, Value, total), .cap = total};
    for (; all.len < total; all.len++) all.at[all.len] = items->at[all.len % items->len];
    return jb_give_list(e, (ValueKind)list.kind, all, STR(""), out);
}

static bool repeat(Eval *e, Value what, int64_t times, Value *out) {
    size_t count = times > 0 ? (size_t)times : 0, total;
    if (what.kind != VALUE_STR) return repeat_list(e, what, count, out);
    if (__builtin_mul_overflow(what.text.len, count, &total)) total = SIZE_MAX;
    TRY(je_room(e, total) && je_work(e, total));
    char *at = arena_alloc(e->arena, total + 1);
    for (size_t i = 0; total && i < count; i++) memcpy(at + i * what.text.len, what.text.at, what.text.len);
    return jb_give_str(e, what, (Str){at, total}, out);
}

static bool is_repeatable(Value v) {
    return v.kind == VALUE_STR || v.kind == VALUE_LIST || v.kind == VALUE_TUPLE;
}

// ---- All of them

static bool refuse(Eval *e, Operator op, Value a, Value b) {
    if (a.kind == VALUE_UNDEFINED || b.kind == VALUE_UNDEFINED)
        return je_fail(e, "%s", jv_undefined_why(e, a.kind == VALUE_UNDEFINED ? a : b).at);
    return je_fail(e, "'%s' does not take %s and %s", jp_operator[op], jv_words[a.kind], jv_words[b.kind]);
}

bool je_binary(Eval *e, Operator op, Value a, Value b, Value *out) {
    int64_t i, j;
    double x, y;
    if (op == OP_MOD && a.kind == VALUE_STR) return je_format(e, a, b, out);
    if (jv_is_int(a, &i) && jv_is_int(b, &j)) return int_binary(e, op, i, j, out);
    if (jv_is_number(a, &x) && jv_is_number(b, &y)) return real_binary(e, op, x, y, out);
    if (op == OP_MUL && is_repeatable(a) && jv_is_int(b, &i)) return repeat(e, a, i, out);
    if (op == OP_MUL && is_repeatable(b) && jv_is_int(a, &i)) return repeat(e, b, i, out);
    if (op != OP_ADD || a.kind != b.kind) return refuse(e, op, a, b);
    if (a.kind == VALUE_STR) return add_str(e, a, b, out);
    if (a.kind == VALUE_LIST || a.kind == VALUE_TUPLE) return add_lists(e, a, b, out);
    return refuse(e, op, a, b);
}

bool je_sign(Eval *e, Operator op, Value a, Value *out) {
    int64_t i;
    if (jv_is_int(a, &i)) return op == OP_SUB ? int_binary(e, OP_SUB, 0, i, out) : jb_give(out, jv_int(i));
    if (a.kind == VALUE_REAL) return jb_give(out, jv_real(op == OP_SUB ? -a.real : a.real));
    if (a.kind == VALUE_UNDEFINED) return je_fail(e, "%s", jv_undefined_why(e, a).at);
    return je_fail(e, "'%s' does not take %s", jp_operator[op], jv_words[a.kind]);
}

bool je_compare(Eval *e, Operator op, Value a, Value b, bool *out) {
    bool ok = true;
    switch (op) {
    case OP_EQ:
    case OP_NE: ok = jv_equal(e, a, b, out); break;
    case OP_LT:
    case OP_LE: return jv_less(e, a, b, op == OP_LE, out);
    case OP_GT:
    case OP_GE: return jv_less(e, b, a, op == OP_GE, out);
    case OP_IN:
    case OP_NOT_IN: ok = jv_contains(e, b, a, out); break;
    default: BUG("no comparison");
    }
    if (ok && (op == OP_NE || op == OP_NOT_IN)) *out = !*out;
    return ok;
}
