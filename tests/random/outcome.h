// outcome.h: what a spec gives when it is run in one way, as lists of numbers that can be compared.
#pragma once

#include "mdx/base.h"

// Options of a run; 0 and an empty list stand for the defaults.
typedef struct {
    const char *device;
    Str disable;
    uint32_t threads, micro_batches, batch_points;
    bool whole_batches; // --batch-points=0
    bool verify;
} Way;

// Numbers of one kind: a metric's points, its values a prompt, a matrix of states, a map.
typedef struct {
    Str name;
    bool discrete; // counts or compares logits
    bool ratio;    // divides by what may be zero but for rounding: then it may be undefined in one run alone
    bool exact;    // never a matter of rounding: prompts and positions of rows
    bool bits;     // where devices may be far apart: compared between ways of one alone
    bool rank;     // of a fit: where one side is nearly of a lower rank, it is a matter of rounding and decides a lot
    size_t count;
    const double *at; // NaN: undefined
} Series;

typedef enum { OUTCOME_REFUSED, OUTCOME_FAILED, OUTCOME_DONE } OutcomeKind;

typedef struct {
    OutcomeKind kind;
    Str message;  // what was refused or failed, without the numbers of rows and columns
    Str messages; // as they are
    LIST(Series) series;
} Outcome;

// `folder` holds the models and prompts.
Outcome outcome_of(Arena *arena, const char *folder, Str spec, const Way *way);
void way_write(const Way *way, Text *out); // as options of the command line

// Whether the two may fail for unlike reasons, or just one of them: a fit that no result depends on is made, and can
// fail, only where nothing leaves it out; and of several things that are wrong the first that is met is told.
bool outcome_may_differ(const Outcome *a, const Outcome *b);

bool outcome_not_finite(const Outcome *outcome); // failed, because a number is not finite

// Whether all numbers are the same bits; else `why` tells the first that is not.
bool outcome_same(const Outcome *a, const Outcome *b, Text *why);

// How far two outcomes are from each other, as a share of what is allowed: 1 and below is near.
typedef struct {
    double worst;
    Str where;
    double a, b, allowed; // there
} Distance;

// `nudged`: the same as `a` with weights that were moved a little, in some ways; what moves much then may differ more.
// `ties`: numbers that count or compare are not looked at.
Distance outcome_distance(Arena *arena, const Outcome *a, const Outcome *b, const Outcome *nudged, size_t nudges,
                          bool ties);

// Whether a fit took another rank in one of them.
bool outcome_ranks_differ(const Outcome *a, const Outcome *b);

// Whether some matrix of logits (the series "tie-N-TOKEN") has a row that a difference like that of a and b reorders.
bool outcome_has_tie(const Outcome *a, const Outcome *b);
