// bare.h: the products of a plan, bare: how fast they can be.
#pragma once

#include "runtime/cpu/cpu.h"

typedef struct {
    float *memory; // weights, rows, results; cpu_bare_close
    void *products;
} Bare;

// Multiplies them all once, with float32 weights and random numbers, through plain sgemm on all threads. seconds
// [plan->step_count] becomes what each step's took. Memory is made on the first call; the arena lives as long.
bool cpu_bare(Cpu *cpu, Bare *bare, const Plan *plan, Arena *arena, double *seconds, Error *err);
void cpu_bare_close(Bare *bare);
