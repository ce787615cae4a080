// pattern_class.c: classes: ranges, sets, nested classes, intersections.
//
// PCRE2 has neither nested classes nor intersections, and a set that is "all but" a list cannot be joined to
// a list. So a class becomes one bracket where that is enough, else alternatives that match one character each.
#include "runtime/tokenizer/pattern_internal.h"
#include "runtime/tokenizer/unicode.h"

typedef struct {
    Text plain;  // what stands between the brackets
    Text others; // further alternatives, each after a '|'
} CharSet;

static CharSet set_open(Arena *arena) {
    return (CharSet){text_open(arena), text_open(arena)};
}

static Str set_view(Arena *arena, const CharSet *set, bool negated) {
    if (!set->others.len && set->plain.len)
        return str_format(arena, "[%s%.*s]", negated ? "^" : "", STR_ARG(text_view(&set->plain)));
    Text out = text_open(arena);
    text_str(&out, negated ? STR("(?:(?!") : STR("(?:"));
    if (set->plain.len) text_add(&out, "[%.*s]", STR_ARG(text_view(&set->plain)));
    Str others = text_view(&set->others);
    text_str(&out, set->plain.len ? others : str_part(others, 1, others.len));
    if (!set->plain.len && !others.len) text_str(&out, STR("(?!)"));
    text_str(&out, negated ? STR(")(?s:.))") : STR(")"));
    return text_view(&out);
}

static void add_escape(CharSet *set, const PatternEscape *escape) {
    if (!escape->negated)
        text_str(&set->plain, escape->set);
    else
        text_add(&set->others, "|[^%.*s]", STR_ARG(escape->set));
}

// One end of a range, or a set. Under (?i) only ASCII is taken: beyond it letters may equal two others.
static bool read_item(PatternReader *reader, PatternEscape *out) {
    if (pattern_accept(reader, '\\')) {
        if (pattern_accept(reader, 'b')) {
            *out = (PatternEscape){.c = '\b'};
            return true;
        }
        TRY(pattern_escape(reader, out));
    } else {
        *out = (PatternEscape){.c = pattern_char(reader)};
    }
    if (reader->caseless && !out->is_set && out->c >= 0x80)
        FAIL(reader->err, ERR_INPUT, "a character beyond ASCII inside (?i) is not supported");
    return true;
}

static bool read_range(PatternReader *reader, CharSet *set) {
    PatternEscape first, last;
    TRY(read_item(reader, &first));
    size_t left = reader->in.len - reader->at;
    bool range = left >= 2 && reader->in.at[reader->at] == '-' && reader->in.at[reader->at + 1] != ']';
    if (range && first.is_set) FAIL(reader->err, ERR_INPUT, "a range cannot begin with a set (byte %zu)", reader->at);
    if (first.is_set) {
        add_escape(set, &first);
        return true;
    }
    pattern_add_char(&set->plain, first.c);
    if (!range) return true;
    reader->at++;
    if (reader->in.at[reader->at] == '[')
        FAIL(reader->err, ERR_INPUT, "a range cannot end with a class (byte %zu)", reader->at);
    TRY(read_item(reader, &last));
    if (last.is_set || last.c < first.c)
        FAIL(reader->err, ERR_INPUT, "the range before byte %zu has no end that follows its beginning", reader->at);
    text_char(&set->plain, '-');
    pattern_add_char(&set->plain, last.c);
    return true;
}

static Str both(Arena *arena, Str a, Str b) {
    return a.len ? str_format(arena, "(?:(?=%.*s)%.*s)", STR_ARG(a), STR_ARG(b)) : b;
}

bool pattern_class(PatternReader *reader, Str *out) {
    if (reader->depth++ == PATTERN_MAX_DEPTH) FAIL(reader->err, ERR_INPUT, "classes and groups are nested too deep");
    bool negated = pattern_accept(reader, '^');
    CharSet set = set_open(reader->arena);
    Str before = {0}; // what stood before '&&'
    for (bool first = true;; first = false) {
        if (reader->at == reader->in.len) FAIL(reader->err, ERR_INPUT, "'[' without ']'");
        Str rest = str_part(reader->in, reader->at, reader->in.len);
        if (!first && pattern_accept(reader, ']')) break;
        if (str_starts(rest, STR("[:"))) FAIL(reader->err, ERR_INPUT, "classes like [:alpha:] are not supported");
        if (str_starts(rest, STR("&&"))) {
            reader->at += 2;
            before = both(reader->arena, before, set_view(reader->arena, &set, false));
            set = set_open(reader->arena);
        } else if (pattern_accept(reader, '[')) {
            Str nested;
            TRY(pattern_class(reader, &nested));
            text_add(&set.others, "|%.*s", STR_ARG(nested));
        } else {
            TRY(read_range(reader, &set));
        }
    }
    reader->depth--;
    if (before.len && negated)
        *out = str_format(reader->arena, "(?:(?!%.*s)(?s:.))",
                          STR_ARG(both(reader->arena, before, set_view(reader->arena, &set, false))));
    else
        *out = both(reader->arena, before, set_view(reader->arena, &set, negated));
    return true;
}
