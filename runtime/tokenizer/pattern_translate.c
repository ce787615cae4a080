// pattern_translate.c: groups, alternatives and repetition, from Oniguruma's syntax to PCRE2's.
#include "runtime/tokenizer/pattern_internal.h"
#include "runtime/tokenizer/unicode.h"

enum { LONGEST_SOURCE = 1 << 14, LONGEST_RESULT = 1 << 20 };
#define NOTHING SIZE_MAX

typedef struct {
    size_t begin;  // of the group in the output
    int closers;   // how many ')' it takes: (?i) opens a group that ends where the one around it ends
    bool caseless; // around it
} Group;

typedef struct {
    PatternReader reader;
    Text out;
    size_t atom;     // where in out the thing begins that a quantifier would repeat, or NOTHING
    bool repeated;   // it has a quantifier already
    uint32_t before; // the literal just before, else 0
    Group groups[PATTERN_MAX_DEPTH];
    size_t open; // groups
} Translation;

#define REFUSE(t, ...) FAIL((t)->reader.err, ERR_INPUT, __VA_ARGS__)

static void atom_begins(Translation *t) {
    t->atom = t->out.len;
    t->repeated = false;
    t->before = 0;
}

static void no_atom(Translation *t) {
    t->atom = NOTHING;
    t->before = 0;
}

// Letters of which two together equal one character when case is ignored (ß, ﬁ, ﬆ …).
static bool folds_to_one(uint32_t a, uint32_t b) {
    a |= 0x20;
    b |= 0x20;
    return (a == 's' && (b == 's' || b == 't')) || (a == 'f' && (b == 'f' || b == 'i' || b == 'l'));
}

static bool add_literal(Translation *t, uint32_t c) {
    if (t->reader.caseless && c >= 0x80) REFUSE(t, "a character beyond ASCII inside (?i) is not supported");
    if (t->reader.caseless && t->before && folds_to_one(t->before, c))
        REFUSE(t, "'%c%c' inside (?i) is not supported", (char)t->before, (char)c);
    atom_begins(t);
    t->before = c;
    pattern_add_char(&t->out, c);
    return true;
}

// Oniguruma's word boundary, by its own set of word characters.
static bool add_boundary(Translation *t, bool negated) {
    PatternReader letter = {.arena = t->reader.arena, .in = STR("w"), .err = t->reader.err};
    PatternEscape word;
    TRY(pattern_escape(&letter, &word));
    Str w = str_format(t->reader.arena, "[%.*s%.*s])", STR_ARG(word.set), STR_ARG(word.outside));
    text_add(&t->out, negated ? "(?:(?<=%.*s(?=%.*s|(?<!%.*s(?!%.*s)" : "(?:(?<=%.*s(?!%.*s|(?<!%.*s(?=%.*s)",
             STR_ARG(w), STR_ARG(w), STR_ARG(w), STR_ARG(w));
    no_atom(t);
    return true;
}

static bool add_escape(Translation *t) {
    PatternReader *reader = &t->reader;
    PatternEscape escape;
    char c = reader->at < reader->in.len ? reader->in.at[reader->at] : '\0';
    if (c == 'A' || c == 'z' || c == 'Z') {
        reader->at++;
        text_add(&t->out, "\\%c", c);
        no_atom(t);
        return true;
    }
    if (c == 'b' || c == 'B') {
        reader->at++;
        return add_boundary(t, c == 'B');
    }
    if (c == 'N') {
        reader->at++;
        atom_begins(t);
        text_char(&t->out, '.');
        return true;
    }
    TRY(pattern_escape(reader, &escape));
    if (!escape.is_set) return add_literal(t, escape.c);
    atom_begins(t);
    text_add(&t->out, "[%s%.*s%.*s]", escape.negated ? "^" : "", STR_ARG(escape.set), STR_ARG(escape.outside));
    return true;
}

static bool add_class(Translation *t) {
    Str set;
    TRY(pattern_class(&t->reader, &set));
    atom_begins(t);
    text_str(&t->out, set);
    return true;
}

// Opens a group. Captures are of no use here: every plain or named group becomes (?:
static const struct {
    const char *in, *out;
    int caseless; // 1: on, -1: off, 0: as around
} openings[] = {
    {"(?:", "(?:", 0},   {"(?=", "(?=", 0}, {"(?!", "(?!", 0},   {"(?<=", "(?<=", 0},
    {"(?<!", "(?<!", 0}, {"(?>", "(?>", 0}, {"(?i:", "(?i:", 1}, {"(?-i:", "(?-i:", -1},
};

static bool push_group(Translation *t, const char *opening, int caseless) {
    if (t->open == COUNT(t->groups)) REFUSE(t, "groups are nested too deep");
    t->groups[t->open++] = (Group){t->out.len, 1, t->reader.caseless};
    if (caseless) t->reader.caseless = caseless > 0;
    text_str(&t->out, str_of(opening));
    no_atom(t);
    return true;
}

// (?i) and (?-i): for the rest of the group, alternatives included.
static bool switch_case(Translation *t, bool on) {
    Group *group = &t->groups[t->open - 1];
    if (group->closers++ == 8) REFUSE(t, "too many (?i) in one group");
    t->reader.caseless = on;
    text_str(&t->out, on ? STR("(?i:") : STR("(?-i:"));
    no_atom(t);
    return true;
}

static bool skip_to(Translation *t, char end) {
    while (t->reader.at < t->reader.in.len)
        if (t->reader.in.at[t->reader.at++] == end) return true;
    REFUSE(t, "a group has no end");
}

static bool open_group(Translation *t) {
    PatternReader *reader = &t->reader;
    Str rest = str_part(reader->in, reader->at - 1, reader->in.len);
    if (!str_starts(rest, STR("(?"))) return push_group(t, "(?:", 0);
    for (size_t i = 0; i < COUNT(openings); i++) {
        if (!str_starts(rest, str_of(openings[i].in))) continue;
        reader->at += strlen(openings[i].in) - 1;
        return push_group(t, openings[i].out, openings[i].caseless);
    }
    if (str_starts(rest, STR("(?i)")) || str_starts(rest, STR("(?-i)"))) {
        bool on = rest.at[2] == 'i';
        reader->at += on ? 3 : 4;
        return switch_case(t, on);
    }
    if (str_starts(rest, STR("(?#"))) return skip_to(t, ')');
    if (str_starts(rest, STR("(?<")) && rest.len > 3) {
        TRY(skip_to(t, '>'));
        return push_group(t, "(?:", 0);
    }
    REFUSE(t, "the group '%.*s' is not supported", (int)MIN(rest.len, (size_t)3), rest.at);
}

static bool close_group(Translation *t) {
    if (t->open == 1) REFUSE(t, "')' without '('");
    Group group = t->groups[--t->open];
    text_repeat(&t->out, ')', (size_t)group.closers);
    t->reader.caseless = group.caseless;
    t->atom = group.begin;
    t->repeated = false;
    t->before = 0;
    return true;
}

static void wrap_atom(Translation *t) {
    Str atom = str_copy(t->reader.arena, str_part(text_view(&t->out), t->atom, t->out.len));
    t->out.len = t->atom;
    text_add(&t->out, "(?:%.*s)", STR_ARG(atom));
}

static bool read_count(PatternReader *reader, uint32_t *out) {
    size_t from = reader->at;
    for (*out = 0; reader->at < reader->in.len && reader->in.at[reader->at] >= '0' && reader->in.at[reader->at] <= '9';
         reader->at++)
        *out = MIN(*out * 10 + (uint32_t)(reader->in.at[reader->at] - '0'), 100000u);
    return reader->at > from;
}

// {n}, {n,}, {,m} or {n,m} after its '{'; anything else is no interval, and the brace stands for itself.
static bool read_interval(PatternReader *reader, Str *out, bool *fixed) {
    size_t from = reader->at;
    uint32_t least = 0, most = 0;
    bool has_least = read_count(reader, &least), comma = pattern_accept(reader, ',');
    bool has_most = comma && read_count(reader, &most);
    if ((!has_least && !has_most) || !pattern_accept(reader, '}')) {
        reader->at = from;
        return false;
    }
    *fixed = !comma;
    *out = !comma     ? str_format(reader->arena, "{%u}", least)
           : has_most ? str_format(reader->arena, "{%u,%u}", least, most)
                      : str_format(reader->arena, "{%u,}", least);
    return true;
}

static bool add_quantifier(Translation *t, Str quantifier, bool interval, bool fixed) {
    if (t->atom == NOTHING) REFUSE(t, "nothing to repeat before byte %zu", t->reader.at);
    if (t->repeated) wrap_atom(t);
    text_str(&t->out, quantifier);
    // After an interval '+' repeats once more, and so does '?' after {n}; elsewhere they are "possessive" and "lazy".
    if (!(interval && fixed) && pattern_accept(&t->reader, '?'))
        text_char(&t->out, '?');
    else if (!interval && pattern_accept(&t->reader, '+'))
        text_char(&t->out, '+');
    t->repeated = true;
    t->before = 0;
    return true;
}

static bool add_brace(Translation *t) {
    Str interval;
    bool fixed;
    if (!read_interval(&t->reader, &interval, &fixed)) return add_literal(t, '{');
    return add_quantifier(t, interval, true, fixed);
}

static bool add_next(Translation *t) {
    PatternReader *reader = &t->reader;
    char c = reader->in.at[reader->at];
    if (!strchr("\\[()|^$*+?{.", c) || !c) return add_literal(t, pattern_char(reader));
    reader->at++;
    switch (c) {
    case '\\': return add_escape(t);
    case '[': return add_class(t);
    case '(': return open_group(t);
    case ')': return close_group(t);
    case '{': return add_brace(t);
    case '*':
    case '+':
    case '?': return add_quantifier(t, (Str){reader->in.at + reader->at - 1, 1}, false, false);
    case '.': atom_begins(t); break;
    default: no_atom(t); // '|', '^', '$'
    }
    text_char(&t->out, c);
    return true;
}

bool pattern_translate(Arena *arena, Str source, Str *out, Error *err) {
    if (source.len > LONGEST_SOURCE)
        FAIL(err, ERR_INPUT, "it has %zu bytes, at most %d are accepted", source.len, LONGEST_SOURCE);
    Translation *t = arena_new(arena, Translation);
    t->reader = (PatternReader){.arena = arena, .in = source, .err = err};
    t->out = text_open(arena);
    t->groups[t->open++] = (Group){0}; // the whole pattern, which (?i) may extend
    no_atom(t);
    while (t->reader.at < source.len) {
        TRY(add_next(t));
        if (t->out.len > LONGEST_RESULT) FAIL(err, ERR_INPUT, "it is too large");
    }
    if (t->open > 1) FAIL(err, ERR_INPUT, "'(' without ')'");
    text_repeat(&t->out, ')', (size_t)t->groups[0].closers);
    *out = text_view(&t->out);
    return true;
}
