// check.h: from syntax tree to Experiment; every error that the text and the config.json files can show.
#pragma once

#include "compiler/experiment.h"
#include "compiler/parse.h"

// Checks the whole spec, to which it adds what its reports of controls stand for, and reports every mistake to diags. The Experiment is complete when diags has no errors.
// Reads config.json of each model; looks whether the other files are there.
Experiment *check(Arena *arena, Spec *spec, Diags *diags);

// Every function that a spec can call, with its arguments, from the tables.
void functions_print(Text *out);
