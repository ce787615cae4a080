// method_str.c: methods of strings. Positions are counted in code points.
#include "runtime/jinja/builtin.h"
#include "runtime/jinja/text.h"

// ---- Case and properties

#define CASE_METHOD(name, how)                                                                                         \
    static bool str_##name(Eval *e, Value self, const Args *args, Value *out) {                                        \
        (void)args;                                                                                                    \
        Text text = text_open(e->arena);                                                                               \
        TRY(je_work(e, self.text.len));                                                                                \
        jt_case(&text, self.text, how);                                                                                \
        return jb_give_str(e, self, text_view(&text), out);                                                            \
    }
CASE_METHOD(upper, CASE_UPPER)
CASE_METHOD(lower, CASE_LOWER)
CASE_METHOD(title, CASE_TITLE)
CASE_METHOD(capitalize, CASE_CAPITAL)
CASE_METHOD(swapcase, CASE_SWAP)
#undef CASE_METHOD

#define PROPERTY_METHOD(name, property)                                                                                \
    static bool str_##name(Eval *e, Value self, const Args *args, Value *out) {                                        \
        (void)args;                                                                                                    \
        return je_work(e, self.text.len) && jb_give(out, jv_bool(jt_properties(self.text) & (property)));              \
    }
PROPERTY_METHOD(isalpha, IS_ALPHA)
PROPERTY_METHOD(isdecimal, IS_DECIMAL)
PROPERTY_METHOD(isdigit, IS_DIGIT)
PROPERTY_METHOD(isalnum, IS_ALNUM)
PROPERTY_METHOD(isspace, IS_SPACE)
PROPERTY_METHOD(isupper, IS_UPPER)
PROPERTY_METHOD(islower, IS_LOWER)
PROPERTY_METHOD(isascii, IS_ASCII)
PROPERTY_METHOD(isprintable, IS_PRINTABLE)
#undef PROPERTY_METHOD

// ---- Ends

static bool strip(Eval *e, Value self, const Args *args, bool left, bool right, Value *out) {
    Str chars;
    bool given = jb_given(args, 0) && args->at[0].kind != VALUE_NONE;
    if (given) TRY(jb_str(e, args, 0, STR(""), &chars) && je_work(e, self.text.len * chars.len));
    TRY(je_work(e, self.text.len));
    return jb_give_str(e, self, jt_strip(self.text, given ? &chars : NULL, left, right), out);
}

static bool str_strip(Eval *e, Value self, const Args *args, Value *out) {
    return strip(e, self, args, true, true, out);
}

static bool str_lstrip(Eval *e, Value self, const Args *args, Value *out) {
    return strip(e, self, args, true, false, out);
}

static bool str_rstrip(Eval *e, Value self, const Args *args, Value *out) {
    return strip(e, self, args, false, true, out);
}

static bool str_removeprefix(Eval *e, Value self, const Args *args, Value *out) {
    Str part;
    TRY(jb_str(e, args, 0, STR(""), &part));
    return jb_give_str(e, self, str_part(self.text, str_starts(self.text, part) ? part.len : 0, self.text.len), out);
}

static bool str_removesuffix(Eval *e, Value self, const Args *args, Value *out) {
    Str part;
    TRY(jb_str(e, args, 0, STR(""), &part));
    size_t cut = str_ends(self.text, part) ? part.len : 0;
    return jb_give_str(e, self, str_part(self.text, 0, self.text.len - cut), out);
}

// The part of the subject that the arguments `start` and `stop` behind the first one leave, and where it begins.
// False in *any: start lies behind the end, so that not even the empty string is found.
static bool window(Eval *e, Value self, const Args *args, Value *part, int64_t *start, bool *any) {
    int64_t length = (int64_t)jt_length(self.text);
    Value bounds[3] = {jb_value(args, 1, jv_none()), jb_value(args, 2, jv_none()), jv_none()};
    TRY(je_work(e, self.text.len) && je_slice(e, self, bounds, part));
    *start = 0;
    if (bounds[0].kind != VALUE_NONE) TRY(jb_int(e, args, 1, 0, start));
    *any = *start <= length;
    if (*start < 0) *start = MAX(*start, -length) + length;
    return true;
}

static bool ends_match(Eval *e, const Args *args, Str s, bool at_end, bool *out) {
    ValueList candidates = {args->at, 1, 1};
    if (args->at[0].kind == VALUE_TUPLE) candidates = args->at[0].seq->items;
    *out = false;
    for (size_t i = 0; i < candidates.len; i++) {
        Args one = {.at = &candidates.at[i], .len = 1};
        Str part;
        TRY(jb_str(e, &one, 0, STR(""), &part) && je_work(e, part.len));
        *out |= at_end ? str_ends(s, part) : str_starts(s, part);
    }
    return true;
}

static bool ends(Eval *e, Value self, const Args *args, bool at_end, Value *out) {
    Value part;
    int64_t start;
    bool any, match;
    TRY(window(e, self, args, &part, &start, &any) && ends_match(e, args, part.text, at_end, &match));
    return jb_give(out, jv_bool(any && match));
}

static bool str_startswith(Eval *e, Value self, const Args *args, Value *out) {
    return ends(e, self, args, false, out);
}

static bool str_endswith(Eval *e, Value self, const Args *args, Value *out) {
    return ends(e, self, args, true, out);
}

// ---- Searching

// The place of a substring, or -1. Searching from the end may look at everything many times: that is counted.
static bool search(Eval *e, Value self, const Args *args, bool last, int64_t *out) {
    Value part;
    Str what;
    int64_t start;
    bool any;
    TRY(window(e, self, args, &part, &start, &any) && jb_str(e, args, 0, STR(""), &what));
    TRY(je_work(e, last ? part.text.len * MAX(what.len, (size_t)1) : what.len));
    size_t at = !any ? SIZE_MAX : last ? jt_find_last(part.text, what) : jt_find(part.text, what, 0);
    *out = at == SIZE_MAX ? -1 : start + (int64_t)jt_length(str_part(part.text, 0, at));
    return true;
}

static bool str_find(Eval *e, Value self, const Args *args, Value *out) {
    int64_t at;
    return search(e, self, args, false, &at) && jb_give(out, jv_int(at));
}

static bool str_rfind(Eval *e, Value self, const Args *args, Value *out) {
    int64_t at;
    return search(e, self, args, true, &at) && jb_give(out, jv_int(at));
}

static bool found(Eval *e, int64_t at, Value *out) {
    if (at < 0) return je_fail(e, "the substring was not found");
    return jb_give(out, jv_int(at));
}

static bool str_index(Eval *e, Value self, const Args *args, Value *out) {
    int64_t at;
    return search(e, self, args, false, &at) && found(e, at, out);
}

static bool str_rindex(Eval *e, Value self, const Args *args, Value *out) {
    int64_t at;
    return search(e, self, args, true, &at) && found(e, at, out);
}

static bool str_count(Eval *e, Value self, const Args *args, Value *out) {
    Value part;
    Str what;
    int64_t start, count = 0;
    bool any;
    TRY(window(e, self, args, &part, &start, &any) && jb_str(e, args, 0, STR(""), &what));
    if (!any) return jb_give(out, jv_int(0));
    if (!what.len) return jb_give(out, jv_int((int64_t)jt_length(part.text) + 1));
    for (size_t at = 0; (at = jt_find(part.text, what, at)) != SIZE_MAX; at += what.len) count++;
    return jb_give(out, jv_int(count));
}

// ---- Cutting

static bool push_part(Eval *e, Value like, Str part, ValueList *out) {
    Value value;
    TRY(je_step(e) && jb_give_str(e, like, part, &value));
    list_push(e->arena, out, value);
    return true;
}

static bool give_parts(Eval *e, ValueKind kind, ValueList parts, Value *out) {
    return jb_give_list(e, kind, parts, STR(""), out);
}

// At most `most` cuts at white space; none at the ends. What is left after the last cut keeps its own.
static bool split_space(Eval *e, Value self, int64_t most, ValueList *out) {
    Str rest = jt_strip(self.text, NULL, true, false);
    for (; rest.len && most != 0; most -= most > 0) {
        size_t end = 0, next;
        int32_t code;
        while (end < rest.len && (next = jt_next(rest, end, &code), !jt_is_space(code))) end = next;
        TRY(push_part(e, self, str_part(rest, 0, end), out));
        rest = jt_strip(str_part(rest, end, rest.len), NULL, true, false);
    }
    return !rest.len || push_part(e, self, rest, out);
}

static bool split_at(Eval *e, Value self, Str separator, int64_t most, ValueList *out) {
    Str rest = self.text;
    for (size_t at; most != 0 && (at = jt_find(rest, separator, 0)) != SIZE_MAX; most -= most > 0) {
        TRY(push_part(e, self, str_part(rest, 0, at), out));
        rest = str_part(rest, at + separator.len, rest.len);
    }
    return push_part(e, self, rest, out);
}

static void turn_around(ValueList *list) {
    for (size_t i = 0; i < list->len / 2; i++) {
        Value swap = list->at[i];
        list->at[i] = list->at[list->len - 1 - i];
        list->at[list->len - 1 - i] = swap;
    }
}

static bool rsplit_space(Eval *e, Value self, int64_t most, ValueList *out) {
    Str rest = jt_strip(self.text, NULL, false, true);
    for (; rest.len && most != 0; most -= most > 0) {
        size_t word = 0; // behind the last white space
        for (size_t at = 0, next; at < rest.len; at = next) {
            int32_t code;
            next = jt_next(rest, at, &code);
            if (jt_is_space(code)) word = next;
        }
        TRY(je_work(e, rest.len) && push_part(e, self, str_part(rest, word, rest.len), out));
        rest = jt_strip(str_part(rest, 0, word), NULL, false, true);
    }
    if (rest.len) TRY(push_part(e, self, rest, out));
    turn_around(out);
    return true;
}

static bool rsplit_at(Eval *e, Value self, Str separator, int64_t most, ValueList *out) {
    Str rest = self.text;
    for (size_t at; most != 0; most -= most > 0) {
        TRY(je_work(e, rest.len * separator.len));
        if ((at = jt_find_last(rest, separator)) == SIZE_MAX) break;
        TRY(push_part(e, self, str_part(rest, at + separator.len, rest.len), out));
        rest = str_part(rest, 0, at);
    }
    TRY(push_part(e, self, rest, out));
    turn_around(out);
    return true;
}

static bool split(Eval *e, Value self, const Args *args, bool from_end, Value *out) {
    ValueList parts = {0};
    Str separator;
    int64_t most;
    bool at_space = !jb_given(args, 0) || args->at[0].kind == VALUE_NONE;
    TRY(jb_int(e, args, 1, -1, &most) && je_work(e, self.text.len));
    if (at_space) {
        TRY(from_end ? rsplit_space(e, self, most, &parts) : split_space(e, self, most, &parts));
    } else {
        TRY(jb_str(e, args, 0, STR(""), &separator));
        if (!separator.len) return je_fail(e, "cannot split at an empty string");
        TRY(from_end ? rsplit_at(e, self, separator, most, &parts) : split_at(e, self, separator, most, &parts));
    }
    return give_parts(e, VALUE_LIST, parts, out);
}

static bool str_split(Eval *e, Value self, const Args *args, Value *out) {
    return split(e, self, args, false, out);
}

static bool str_rsplit(Eval *e, Value self, const Args *args, Value *out) {
    return split(e, self, args, true, out);
}

static bool str_splitlines(Eval *e, Value self, const Args *args, Value *out) {
    ValueList parts = {0};
    Str rest = self.text, line;
    for (Str before = rest; jt_line(&rest, &line); before = rest) {
        if (jb_bool(args, 0, false)) line.len = before.len - rest.len;
        TRY(je_work(e, line.len) && push_part(e, self, line, &parts));
    }
    return give_parts(e, VALUE_LIST, parts, out);
}

// (before, separator, behind) of the first or the last one.
static bool partition(Eval *e, Value self, const Args *args, bool last, Value *out) {
    Str separator, s = self.text, before = s, behind = STR("");
    ValueList parts = {0};
    TRY(jb_str(e, args, 0, STR(""), &separator));
    if (!separator.len) return je_fail(e, "cannot split at an empty string");
    TRY(je_work(e, last ? s.len * separator.len : s.len));
    size_t at = last ? jt_find_last(s, separator) : jt_find(s, separator, 0);
    if (at == SIZE_MAX) {
        separator = STR("");
        if (last) before = STR(""), behind = s;
    } else {
        before = str_part(s, 0, at);
        behind = str_part(s, at + separator.len, s.len);
    }
    TRY(push_part(e, self, before, &parts) && push_part(e, self, separator, &parts));
    return push_part(e, self, behind, &parts) && give_parts(e, VALUE_TUPLE, parts, out);
}

static bool str_partition(Eval *e, Value self, const Args *args, Value *out) {
    return partition(e, self, args, false, out);
}

static bool str_rpartition(Eval *e, Value self, const Args *args, Value *out) {
    return partition(e, self, args, true, out);
}

// ---- Putting together

// What is put into a safe string is escaped, unless it is safe itself.
static Str fitting(Eval *e, Value self, Value part) {
    if (!self.how || part.how) return part.text;
    Text text = text_open(e->arena);
    jb_escape(&text, part.text);
    return text_view(&text);
}

static bool str_replace(Eval *e, Value self, const Args *args, Value *out) {
    Str old, new;
    int64_t count;
    Text text = text_open(e->arena);
    TRY(jb_str(e, args, 0, STR(""), &old) && jb_str(e, args, 1, STR(""), &new) && jb_int(e, args, 2, -1, &count));
    TRY(je_work(e, self.text.len + new.len));
    TRY(jb_replace(e, self.text, old, fitting(e, self, args->at[1]), count, &text));
    return jb_give_str(e, self, text_view(&text), out);
}

static bool str_join(Eval *e, Value self, const Args *args, Value *out) {
    ValueList items;
    Text text = text_open(e->arena);
    TRY(jv_items(e, args->at[0], &items));
    for (size_t i = 0; i < items.len; i++) {
        if (items.at[i].kind != VALUE_STR)
            return je_fail(e, "'join' takes strings, not %s", jv_words[items.at[i].kind]);
        if (i) text_str(&text, self.text);
        text_str(&text, fitting(e, self, items.at[i]));
        TRY(je_work(e, self.text.len + items.at[i].text.len) && je_room(e, text.len));
    }
    return jb_give_str(e, self, text_view(&text), out);
}

static bool padding(Eval *e, const Args *args, int64_t *width, Str *fill) {
    TRY(jb_int(e, args, 0, 0, width) && jb_str(e, args, 1, STR(" "), fill));
    if (jt_length(*fill) != 1) return je_fail(e, "a string is filled up with one character");
    return true;
}

static bool str_center(Eval *e, Value self, const Args *args, Value *out) {
    int64_t width;
    Str fill;
    return padding(e, args, &width, &fill) && jb_center(e, self, width, fill, out);
}

static bool justify(Eval *e, Value self, const Args *args, bool fill_left, Value *out) {
    int64_t width;
    Str fill;
    TRY(padding(e, args, &width, &fill) && je_room(e, width > 0 ? (size_t)width : 0));
    size_t length = jt_length(self.text);
    size_t pad = width > (int64_t)length ? (size_t)width - length : 0;
    Text text = text_open(e->arena);
    if (!fill_left) text_str(&text, self.text);
    for (size_t i = 0; i < pad; i++) text_str(&text, fill);
    if (fill_left) text_str(&text, self.text);
    return jb_give_str(e, self, text_view(&text), out);
}

static bool str_ljust(Eval *e, Value self, const Args *args, Value *out) {
    return justify(e, self, args, false, out);
}

static bool str_rjust(Eval *e, Value self, const Args *args, Value *out) {
    return justify(e, self, args, true, out);
}

const Builtin jb_methods_str[] = {
    {"capitalize", "", str_capitalize},
    {"casefold", "", NULL},
    {"center", "0 1?", str_center},
    {"count", "0 1? 2?", str_count},
    {"encode", "", NULL},
    {"endswith", "0 1? 2?", str_endswith},
    {"expandtabs", "", NULL},
    {"find", "0 1? 2?", str_find},
    {"format", "", NULL},
    {"format_map", "", NULL},
    {"index", "0 1? 2?", str_index},
    {"isalnum", "", str_isalnum},
    {"isalpha", "", str_isalpha},
    {"isascii", "", str_isascii},
    {"isdecimal", "", str_isdecimal},
    {"isdigit", "", str_isdigit},
    {"isidentifier", "", NULL},
    {"islower", "", str_islower},
    {"isnumeric", "", NULL},
    {"isprintable", "", str_isprintable},
    {"isspace", "", str_isspace},
    {"istitle", "", NULL},
    {"isupper", "", str_isupper},
    {"join", "0", str_join},
    {"ljust", "0 1?", str_ljust},
    {"lower", "", str_lower},
    {"lstrip", "0?", str_lstrip},
    {"maketrans", "", NULL},
    {"partition", "0", str_partition},
    {"removeprefix", "0", str_removeprefix},
    {"removesuffix", "0", str_removesuffix},
    {"replace", "0 1 2?", str_replace},
    {"rfind", "0 1? 2?", str_rfind},
    {"rindex", "0 1? 2?", str_rindex},
    {"rjust", "0 1?", str_rjust},
    {"rpartition", "0", str_rpartition},
    {"rsplit", "sep? maxsplit?", str_rsplit},
    {"rstrip", "0?", str_rstrip},
    {"split", "sep? maxsplit?", str_split},
    {"splitlines", "keepends?", str_splitlines},
    {"startswith", "0 1? 2?", str_startswith},
    {"strip", "0?", str_strip},
    {"swapcase", "", str_swapcase},
    {"title", "", str_title},
    {"translate", "", NULL},
    {"upper", "", str_upper},
    {"zfill", "", NULL},
    {0},
};
