// outputs.h: what a run makes goes from the device into the results, as soon as it is complete.
#pragma once

#include "runtime/execute.h"

typedef struct {
    uint32_t value;
    FitReport report;
} KeptFit;

// Of one run. What stands above the line is given.
typedef struct {
    const Plan *plan;
    Device *device;
    Results *results;         // NULL: nobody wants them
    const Listener *listener; // NULL: nobody hears warnings
    Arena *arena, *scratch;   // of the executor, which results live in; of the run
    bool varying;             // only what varies runs
    // ----
    size_t next;   // output
    U32List asked; // outputs, from `taken` on
    size_t taken;
    float *numbers;     // of the largest states that come out
    LIST(KeptFit) fits; // of the maps that were made
} Outputs;

// Before the first step. States are put again from their first row on.
void outputs_begin(const Outputs *outputs);
// After each step that made a map: what the fit says of itself.
void outputs_fit(Outputs *outputs, const Step *step);
// After each step, by its number; UINT32_MAX: after the last one, all that is left. States may still be on their way.
bool outputs_put(Outputs *outputs, uint32_t after, Error *err);
// Waits for what is on its way.
bool outputs_take(Outputs *outputs, Error *err);
