// builtin.c: finding rows in the tables of built-in things, and putting arguments in the order of a row's
// parameters.
#include "runtime/jinja/builtin.h"

// ---- Look-up

static const Builtin *find(const Builtin *table, Str name) {
    for (; table->name; table++)
        if (str_is(name, table->name)) return table;
    return NULL;
}

const Builtin *jb_filter(Str name) {
    const Builtin *const tables[] = {jb_filters_text, jb_filters_list, jb_filters_value};
    const Builtin *found = NULL;
    for (size_t i = 0; !found && i < COUNT(tables); i++) found = find(tables[i], name);
    return found;
}

const Builtin *jb_test(Str name) {
    return find(jb_tests, name);
}

const Builtin *jb_global(Str name) {
    return find(jb_globals, name);
}

// Rows of the other kinds are named "list.append" and the like.
const Builtin *jb_method(ValueKind kind, Str name) {
    static const char *const types[VALUE_KIND_COUNT] = {
        [VALUE_LIST] = "list.", [VALUE_TUPLE] = "tuple.", [VALUE_RANGE] = "range.",       [VALUE_INT] = "int.",
        [VALUE_BOOL] = "int.",  [VALUE_REAL] = "float.",  [VALUE_ITERATOR] = "iterator.", [VALUE_MACRO] = "macro.",
        [VALUE_VIEW] = "view.", [VALUE_DICT] = "dict."};
    if (kind == VALUE_STR) return find(jb_methods_str, name);
    if (!types[kind]) return NULL;
    size_t prefix = strlen(types[kind]);
    for (const Builtin *row = jb_methods_other; row->name; row++)
        if (strncmp(row->name, types[kind], prefix) == 0 && str_is(name, row->name + prefix)) return row;
    return NULL;
}

// ---- Parameters

// Cuts the next parameter off the front of *rest; false when there is none.
static bool next_parameter(Str *rest, Str *name, bool *optional) {
    while (rest->len && rest->at[0] == ' ') *rest = str_part(*rest, 1, rest->len);
    size_t end = 0;
    while (end < rest->len && rest->at[end] != ' ') end++;
    *name = str_part(*rest, 0, end);
    *rest = str_part(*rest, end, rest->len);
    *optional = name->len && name->at[name->len - 1] == '?';
    if (*optional) name->len--;
    return name->len > 0;
}

static const Variable *named_argument(const Args *given, Str name) {
    for (size_t i = 0; i < given->named_len; i++)
        if (str_eq(given->named[i].name, name)) return &given->named[i];
    return NULL;
}

static bool bind_one(Eval *e, const Builtin *builtin, const Args *given, Str name, bool optional, Args *out) {
    const Variable *named = named_argument(given, name);
    Value *to = &out->at[out->len];
    *to = jv_absent();
    if (out->len < given->len) {
        if (named) return je_fail(e, "'%s': the argument '%.*s' is given twice", builtin->name, STR_ARG(name));
        *to = given->at[out->len];
    } else if (named) {
        *to = named->value;
        out->named_len++;
    } else if (!optional) {
        return je_fail(e, "'%s': the argument '%.*s' is missing", builtin->name, STR_ARG(name));
    }
    out->len++;
    return true;
}

bool jb_bind(Eval *e, const Builtin *builtin, const Args *given, Value slots[MAX_PARAMETERS], Args *out) {
    *out = *given;
    if (strcmp(builtin->params, "*") == 0) return true;
    *out = (Args){.at = slots};
    Str rest = str_of(builtin->params), name;
    bool optional;
    while (next_parameter(&rest, &name, &optional)) {
        MUST(out->len < MAX_PARAMETERS);
        TRY(bind_one(e, builtin, given, name, optional, out));
    }
    if (given->len > out->len)
        return je_fail(e, "'%s' takes %zu arguments, not %zu", builtin->name, out->len, given->len);
    if (given->named_len == out->named_len) return true;
    for (size_t i = 0; i < given->named_len; i++) { // one of them fitted no parameter
        Str unknown = given->named[i].name;
        bool fits = false;
        for (rest = str_of(builtin->params); next_parameter(&rest, &name, &optional);) fits |= str_eq(name, unknown);
        if (!fits) return je_fail(e, "'%s' has no argument '%s'", builtin->name, je_quote(e, unknown));
    }
    BUG("arguments do not add up");
}

// ---- Arguments

Value jb_value(const Args *args, size_t i, Value otherwise) {
    return jb_given(args, i) ? args->at[i] : otherwise;
}

bool jb_bool(const Args *args, size_t i, bool otherwise) {
    return jb_given(args, i) ? jv_truth(args->at[i]) : otherwise;
}

static bool arg_expected(Eval *e, Value got, const char *expected) {
    if (got.kind == VALUE_UNDEFINED) return je_fail(e, "%s", jv_undefined_why(e, got).at);
    return je_fail(e, "expected %s, found %s", expected, jv_words[got.kind]);
}

bool jb_int(Eval *e, const Args *args, size_t i, int64_t otherwise, int64_t *out) {
    *out = otherwise;
    if (!jb_given(args, i) || jv_is_int(args->at[i], out)) return true;
    return arg_expected(e, args->at[i], "an integer");
}

bool jb_str(Eval *e, const Args *args, size_t i, Str otherwise, Str *out) {
    *out = otherwise;
    if (!jb_given(args, i)) return true;
    *out = args->at[i].text;
    return args->at[i].kind == VALUE_STR || arg_expected(e, args->at[i], "a string");
}

// ---- Results

bool jb_give(Value *out, Value value) {
    *out = value;
    return true;
}

bool jb_give_text(Eval *e, const Text *text, Value *out) {
    *out = jv_str(text_view(text));
    return je_room(e, text->len);
}

bool jb_give_str(Eval *e, Value like, Str s, Value *out) {
    *out = jv_str(s);
    out->how = like.kind == VALUE_STR ? like.how : 0;
    return je_room(e, s.len);
}

bool jb_give_list(Eval *e, ValueKind kind, ValueList items, Str label, Value *out) {
    Seq *seq = arena_new(e->arena, Seq);
    seq->items = items;
    seq->label = label;
    return jb_give(out, jv_seq(kind, seq));
}

void jb_escape(Text *out, Str s) {
    static const struct {
        char c;
        const char *reference;
    } references[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'\'', "&#39;"}, {'"', "&#34;"}};
    for (size_t i = 0; i < s.len; i++) {
        const char *reference = NULL;
        for (size_t r = 0; r < COUNT(references); r++)
            if (references[r].c == s.at[i]) reference = references[r].reference;
        if (reference)
            text_str(out, str_of(reference));
        else
            text_char(out, s.at[i]);
    }
}
