// cpu.h: what the parts of the CPU device share.
#pragma once

#include "mdx/plan.h"
#include "runtime/cpu/jit.h"
#include "runtime/cpu/pool.h"

// What a call of sgemm must look like on this machine for a row's result not to depend on the rows beside it (gemm.c).
typedef struct {
    uint32_t rows;    // a multiple of this
    uint32_t guard;   // columns before and after those that count
    uint32_t columns; // at most so many that count
} Steady;

typedef struct {
    Pool *pool;
    Jit *jit;
    Arena *arena; // as long as the device
    // Bounded buffers, made once: the widened panel of a weight, which all workers share, and each worker's own.
    float *panel;                    // CPU_PANEL_BYTES
    float *tiles;                    // CPU_TILE_BYTES: of logits
    unsigned char **scratch;         // [threads] of CPU_SCRATCH_BYTES
    RowFunction *widen[DTYPE_COUNT]; // a row of any width as float32; NULL where none is needed
    Steady steady;
    RowFunction *soften, *soften_some, *rescale, *divide; // of attention.c
    float *hide;                                          // zeros, then as many times minus infinity
} Cpu;

enum { CPU_PANEL_BYTES = 16 << 20, CPU_TILE_BYTES = 64 << 20, CPU_SCRATCH_BYTES = 4 << 20 };

// cache: as for jit_open. threads 0: the default.
bool cpu_open(Cpu *cpu, Arena *arena, uint32_t threads, const char *cache, Error *err);
void cpu_close(Cpu *cpu);

// ---- Row kernels: all rows, `each` of them a task.
typedef struct {
    RowFunction *function;
    const RowPointer *pointers;
    uint64_t columns, base, rows;
    uint32_t each;
} RowRun;
void cpu_rows(Cpu *cpu, const RowRun *run);

// ---- Matrix products: y [rows, out] = x W^T with W [out, in], or x W with W [in, out] (transposed).
// Several weights, not transposed, stand one below another: out is the sum of theirs, y has their columns side by side.
typedef struct {
    const void *at;
    DType dtype; // f32, f16, bf16
    uint32_t out;
} GemmWeight;

typedef struct {
    const float *x; // [., in], row r at row map[r] (NULL: r)
    const uint32_t *map;
    uint64_t rows;
    uint32_t in, out;
    const GemmWeight *weights;
    uint32_t weight_count;
    bool transposed;
    float *y;
    uint32_t x_stride, y_stride; // numbers from one row to the next; 0: in, out
} Gemm;
void cpu_gemm(Cpu *cpu, const Gemm *gemm);
Steady gemm_steady(Arena *scratch); // tried out

// ---- Attention: softmax(q k^T scale) v. Query row r (of q at q_map[r], or r) sees count[r] keys and values (KeyRows in
// plan.h); rows of one prompt and point stand together and begin at the same key.
typedef struct {
    const float *at, *other; // [., kv_heads * size]
    uint32_t stride, other_stride; // numbers from one row to the next; 0: the width
    KeyRows rows;
} AttentionKeys;

typedef struct {
    const float *q; // [., heads * size]
    uint32_t q_stride; // 0: the width
    AttentionKeys keys, values;
    const uint32_t *q_map, *count;
    uint64_t rows;
    uint32_t heads, kv_heads, size;
    float scale;
    float *out; // [rows, heads * size]
} Attention;
bool cpu_attention(Cpu *cpu, const Attention *attention, Error *err);
bool attention_compile(Cpu *cpu, Error *err);

// ---- Metrics of logits (plan.h). `at` gives the address of a value, its type and its width.
typedef struct {
    const void *at;
    DType dtype;
    uint64_t rows;
    uint32_t width, stride; // numbers of a row; from one row to the next
} CpuValue;
typedef CpuValue CpuResolve(void *self, uint32_t value);
// codes: of the plan. A logit that is not finite is an error that says which token of which row.
bool cpu_logits(Cpu *cpu, const Logits *logits, const RowCode *codes, uint64_t rows, CpuResolve *resolve, void *self,
                Error *err);
