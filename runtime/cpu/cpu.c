// cpu.c: opening the CPU device's parts: threads, compiler, buffers.
#include <cblas.h>

#include "runtime/cpu/cpu.h"

enum { ALIGN = 64 }; // a cache line, and the widest vector

static void *aligned(Arena *arena, size_t bytes) {
    uintptr_t at = (uintptr_t)arena_alloc(arena, bytes + ALIGN);
    return (void *)((at + ALIGN - 1) / ALIGN * ALIGN);
}

// A row as float32.
static bool compile_widening(Cpu *cpu, DType dtype, Error *err) {
    RowBuilder b = {.arena = cpu->arena};
    row_result(&b, row_load(&b, row_operand(&b, (RowOperand){0})), false);
    RowCode code = row_done(&b, 0, 0);
    return jit_function(cpu->jit, &code, &dtype, &cpu->widen[dtype], err);
}

static bool open_parts(Cpu *cpu, uint32_t threads, const char *cache, Error *err) {
    TRY((cpu->pool = pool_open(threads, err)) != NULL);
    TRY((cpu->jit = jit_open(cache, err)) != NULL);
    cpu->panel = aligned(cpu->arena, CPU_PANEL_BYTES);
    cpu->tiles = aligned(cpu->arena, CPU_TILE_BYTES);
    cpu->scratch = arena_many(cpu->arena, unsigned char *, threads);
    for (uint32_t i = 0; i < threads; i++) cpu->scratch[i] = aligned(cpu->arena, CPU_SCRATCH_BYTES);
    openblas_set_num_threads(1); // the pool has the threads
    cpu->steady = gemm_steady(cpu->arena);
    TRY(compile_widening(cpu, DTYPE_f16, err) && compile_widening(cpu, DTYPE_bf16, err));
    if (cpu->steady.guard) TRY(compile_widening(cpu, DTYPE_f32, err)); // weights are copied between guards
    return attention_compile(cpu, err);
}

bool cpu_open(Cpu *cpu, Arena *arena, uint32_t threads, const char *cache, Error *err) {
    *cpu = (Cpu){.arena = arena};
    if (open_parts(cpu, threads ? threads : pool_default_threads(), cache, err)) return true;
    cpu_close(cpu);
    return false;
}

void cpu_close(Cpu *cpu) {
    pool_close(cpu->pool);
    if (cpu->jit) jit_close(cpu->jit);
    cpu->pool = NULL;
    cpu->jit = NULL;
}

static void rows_task(void *self, uint32_t task, uint32_t worker) {
    (void)worker;
    const RowRun *run = self;
    uint64_t first = (uint64_t)task * run->each;
    run->function(run->pointers, run->columns, run->base, first, MIN(first + run->each, run->rows));
}

void cpu_rows(Cpu *cpu, const RowRun *run) {
    RowRun copy = *run;
    pool_run(cpu->pool, rows_task, &copy, (uint32_t)((run->rows + run->each - 1) / run->each));
}
