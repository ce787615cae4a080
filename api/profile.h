// profile.h: where the time of a run went, by kind of step, beside what the device can do at most.
#pragma once

#include "api/session.h"

// Steps of one kind: products of one shape, one row kernel, one operation.
typedef struct {
    Str name;
    size_t times;
    double seconds, flops, bytes; // of products, and of attention; of what is read and written
    double bare;                  // seconds of the same products alone; 0: there are none
} ProfileLine;

typedef struct {
    Mdx *mdx;
    double *clock; // seconds by step
    double whole;  // seconds of the run, reading results included
    size_t steps;  // that ran
    LIST(ProfileLine) lines;
    double bare_rate, copy_rate; // FLOP and bytes a second, at most; 0: not known
    const char *why;             // NULL, or why not
} Profile;

// Runs the session's executor as executor_run does, with a clock.
bool profile_run(Mdx *mdx, Profile *profile, Error *err);
// After the run and before the executor is gone: measures what the device can do. It writes over the device's memory,
// unless the run is kept.
void profile_limits(Profile *profile);

// ---- profile_print.c
void profile_print(const Profile *profile, Text *out);
