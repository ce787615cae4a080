// attention.h: causal attention on the GPU: how its rows are cut into blocks, which kernel computes them, and its
// launch.
//
// A query's bits depend on its own keys in their order alone, whichever rows stand beside it and whichever of the
// kernel's forms (wide, mixed, in teams) computes it; but very few rows of many keys are split, which has bits of its own: never
// when `strict`.
#pragma once

#include "mdx/plan.h"
#include "runtime/cuda/gpu.h"

// rows: tables of the plan, in the host's memory.
typedef struct {
    DevicePtr at, other; // [., kv_heads * size]
    uint32_t stride, other_stride; // numbers from one row to the next; 0: the width
    KeyRows rows;
} CudaKeys;

// softmax(q k^T scale) v. Query row r (of q at q_map[r], or r) sees count[r] >= 1 keys and values. All of one type:
// f32, f16, bf16; addresses and rows are aligned to 16 bytes where heads are.
typedef struct {
    DType dtype;
    DevicePtr q, out;
    uint32_t q_stride; // 0: the width
    CudaKeys keys, values;
    const uint32_t *q_map, *count;
    uint64_t rows;
    uint32_t heads, kv_heads, size;
    float scale;
    bool strict; // one form of the kernel always: neither wide, mixed nor split
} CudaAttention;

// As kernels/attention_work.cuh reads it: rows first … first + rows - 1 of the row table see keys from begin on. Block
// b has the first rows of b * row_room … (b + 1) * row_room - 1.
typedef struct {
    uint32_t first, rows;
    uint32_t most;             // keys that one of them sees
    uint32_t mixed;            // each has its own `own`, in the row table
    uint32_t begin[2], own[2]; // of keys, of values
} AttentionBlock;

// Columns of the row table, `row_total` numbers each.
typedef enum {
    ATTENTION_Q,
    ATTENTION_OUT,
    ATTENTION_COUNT,
    ATTENTION_OWN,
    ATTENTION_COLUMNS = ATTENTION_OWN + 2
} AttentionColumn;

typedef struct {
    const void *tables; // to be copied to the GPU, aligned to 16 bytes
    size_t table_bytes;
    size_t rows_at, list_at[2]; // bytes from tables; blocks are at 0
    size_t block_count;
    size_t row_total; // of the row table: row_room for each block
    uint32_t row_room;
    bool tensor, wide, mixed; // which kernel, in which form
    uint32_t split;           // thread blocks that share a block's keys, or 1
    uint32_t team;            // warps that share 16 pairs, or 1
    uint32_t parts;           // of the heads that share a key head: each is a block's
    uint32_t keys;            // of a tile
    uint32_t pairs;           // (row, head) of a block, at most
    uint32_t slots;           // mixed: rows' own keys of a tile, at most
    uint32_t shared_bytes, threads;
    Str defines; // before the kernel's text
} AttentionPlan;

// Uses no addresses of `attention`.
AttentionPlan *attention_plan(const CudaAttention *attention, uint32_t multiprocessors, Arena *arena);
// The kernel's text; its function is "attention", and fused multiplications and additions are allowed.
Str attention_text(const AttentionPlan *plan, Arena *arena);
// tables: where plan->tables was copied to.
bool attention_launch(const Gpu *gpu, const AttentionPlan *plan, const CudaAttention *attention, DevicePtr tables,
                      CuFunction function, Error *err);
