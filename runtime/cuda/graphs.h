// graphs.h: steps that are launched together: the second time that the same ones come, they are captured as one CUDA
// graph, which is what the GPU gets from then on.
#pragma once

#include "runtime/cuda/gpu.h"

typedef bool LaunchStep(void *self, uint32_t step, Error *err); // launches and never waits

typedef struct Graphs Graphs;

Graphs *graphs_open(const Gpu *gpu, LaunchStep *launch, void *self, Arena *arena);
// The step is launched with what comes before it, when graphs_flush says so or there are many.
bool graphs_add(Graphs *graphs, uint32_t step, double flops, Error *err);
bool graphs_flush(Graphs *graphs, Error *err);
void graphs_close(Graphs *graphs); // NULL is allowed
