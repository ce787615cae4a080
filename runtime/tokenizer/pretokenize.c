// pretokenize.c: the steps, each run on every piece of the one before; pieces flow through without being stored.
#include "runtime/tokenizer/pretokenize.h"
#include "runtime/tokenizer/unicode.h"

typedef struct {
    const Tokenizer *tokenizer;
    Arena *scratch;
    Matcher *matcher;
    PieceSink *sink;
    char *spaced; // room for a piece with a space before it
    size_t spaced_cap;
    Error *err;
} Run;

// One step at work on one piece. What was found last may still grow by what is found next.
typedef struct {
    Run *run;
    size_t step;
    const Piece *piece;
    bool holds, held_match;
    size_t held_begin, held_end;
} Splitter;

static bool run_step(Run *run, size_t step, const Piece *piece);

static bool pass_on(const Splitter *splitter, size_t begin, size_t end) {
    if (begin == end) return true;
    const Piece *whole = splitter->piece;
    bool added_space = whole->added_space && begin == 0;
    Piece part = {
        .text = str_part(whole->text, begin, end),
        .begin = whole->begin + begin - (whole->added_space && begin > 0),
        .added_space = added_space,
    };
    return run_step(splitter->run, splitter->step + 1, &part);
}

static bool flush(Splitter *splitter) {
    bool holds = splitter->holds;
    splitter->holds = false;
    return !holds || pass_on(splitter, splitter->held_begin, splitter->held_end);
}

// Does a stretch join the one before it?
static bool joins(SplitBehavior behavior, bool before_matches, bool matches) {
    switch (behavior) {
    case SPLIT_removed:
    case SPLIT_isolated: return false;
    case SPLIT_merged_with_previous: return matches && !before_matches;
    case SPLIT_merged_with_next: return before_matches && !matches;
    case SPLIT_contiguous: return before_matches == matches;
    }
    BUG("a behavior that is none");
}

// The stretch [begin, end) is what the pattern stands for, or lies between two such.
static bool found(Splitter *splitter, size_t begin, size_t end, bool matches) {
    SplitBehavior behavior = splitter->run->tokenizer->steps.at[splitter->step].behavior;
    if (splitter->holds && joins(behavior, splitter->held_match, matches)) {
        splitter->held_end = end;
    } else {
        TRY(flush(splitter));
        splitter->holds = behavior != SPLIT_removed || !matches;
        splitter->held_begin = begin;
        splitter->held_end = end;
    }
    splitter->held_match = matches;
    return true;
}

// All matches, as Hugging Face iterates over them: an empty match right after a match does not count, and the
// search goes on one character later.
static bool split(Run *run, size_t step, const Piece *piece) {
    const SplitStep *rule = &run->tokenizer->steps.at[step];
    Splitter splitter = {.run = run, .step = step, .piece = piece};
    Str text = piece->text;
    size_t done = 0, last_end = SIZE_MAX;
    for (size_t at = 0; at <= text.len;) {
        Match match;
        TRY(pattern_find(rule->pattern, run->matcher, text, at, &match, run->err));
        if (!match.found) break;
        if (match.begin == match.end && match.end == last_end) {
            at += at < text.len ? utf8_length((unsigned char)text.at[at]) : 1;
            continue;
        }
        at = last_end = match.end;
        if (done < match.begin) TRY(found(&splitter, done, match.begin, rule->invert));
        TRY(found(&splitter, match.begin, match.end, !rule->invert));
        done = match.end;
    }
    if (done < text.len) TRY(found(&splitter, done, text.len, rule->invert));
    return flush(&splitter);
}

// Only one step of a tokenizer adds a space, so one buffer is enough.
static bool add_space(Run *run, size_t step, const Piece *piece) {
    if (piece->text.at[0] == ' ') return run_step(run, step + 1, piece);
    if (run->spaced_cap < piece->text.len + 1) {
        run->spaced_cap = MAX(2 * run->spaced_cap, piece->text.len + 1);
        run->spaced = arena_alloc(run->scratch, run->spaced_cap);
    }
    run->spaced[0] = ' ';
    memcpy(run->spaced + 1, piece->text.at, piece->text.len);
    return run_step(run, step + 1, &(Piece){{run->spaced, piece->text.len + 1}, piece->begin, true});
}

static bool run_step(Run *run, size_t step, const Piece *piece) {
    if (step == run->tokenizer->steps.len) return run->sink->take(run->sink, piece, run->err);
    return run->tokenizer->steps.at[step].pattern ? split(run, step, piece) : add_space(run, step, piece);
}

bool pretokenize(const Tokenizer *tokenizer, Arena *scratch, Matcher *matcher, Str text, PieceSink *sink, Error *err) {
    if (!text.len) return true;
    Run run = {.tokenizer = tokenizer, .scratch = scratch, .matcher = matcher, .sink = sink, .err = err};
    return run_step(&run, 0, &(Piece){text, 0, false});
}
