// attention_work.cuh: what the attention kernels are given, and where a key lies. Stands before each of them.
//
// Rows are queries, pairs are (row, query head). A block is some rows that read the keys of one list, under one key head:
// pair p of it is head p % GROUP of row p / GROUP. The host part (runtime/cuda/attention.c) cuts the blocks.

#ifndef GROUP
#define GROUP 4 // query heads of a block, which share a key head
#endif

struct KeySource {
    const void *at, *other;
    const uint32_t *list; // NULL: begin + i is the row of key i
    uint32_t stride, other_stride; // numbers from one row to the next
};

struct Work {
    const void *q;
    void *out;
    KeySource source[2]; // keys, values
    const uint32_t *blocks;
    const uint32_t *rows; // [5][row_total]: block b has rows b * row_room … of each
    uint32_t row_total, row_room, heads, kv_heads, parts, q_stride;
    float scale;
};

struct Block {
    uint32_t first, rows; // in Work.rows
    uint32_t most;        // keys that one of them sees
    uint32_t mixed;       // its rows have different keys of their own
    uint32_t begin[2], own[2];
};

enum { ROW_Q, ROW_OUT, ROW_COUNT, ROW_OWN }; // columns of Work.rows; own: of keys, of values

#define OTHER_ROW 0x80000000u

// Which block, which key head and which of its query heads this thread block has.
struct Place {
    Block block;
    const uint32_t *rows; // of the block; the next column is `pitch` numbers further
    uint32_t pitch;
    uint32_t kv_head, head, head_count;
};

__device__ inline Place place_of(const Work &w, uint32_t number) {
    uint32_t columns = w.kv_heads * w.parts, column = number % columns, part = column % w.parts;
    const uint4 *at = (const uint4 *)(w.blocks + (size_t)(number / columns) * 8);
    uint4 a = at[0], b = at[1];
    Place p;
    p.block = {a.x, a.y, a.z, a.w, {b.x, b.y}, {b.z, b.w}};
    p.kv_head = column / w.parts;
    p.rows = w.rows + (size_t)(number / columns) * w.row_room;
    p.pitch = w.row_total;
    uint32_t group = w.heads / w.kv_heads;
    p.head = p.kv_head * group + part * GROUP;
    p.head_count = min(GROUP, group - part * GROUP);
    return p;
}

__device__ inline uint32_t row_field(const Place &p, uint32_t field, uint32_t row) {
    return p.rows[(size_t)field * p.pitch + row];
}

// Where a pair's numbers begin, in q and in the result.
__device__ inline uint64_t pair_query(const Work &w, const Place &p, uint32_t pair) {
    return (uint64_t)row_field(p, ROW_Q, pair / GROUP) * w.q_stride + (p.head + pair % GROUP) * HEAD;
}

__device__ inline uint64_t pair_out(const Work &w, const Place &p, uint32_t pair) {
    return ((uint64_t)row_field(p, ROW_OUT, pair / GROUP) * w.heads + p.head + pair % GROUP) * HEAD;
}

__device__ inline bool pair_counts(const Place &p, uint32_t pair) {
    return pair / GROUP < p.block.rows && pair % GROUP < p.head_count;
}

// The entry of the list for a key that exists.
__device__ inline uint32_t key_entry(const Work &w, const Block &b, int which, uint32_t key) {
    const uint32_t *list = w.source[which].list;
    return list ? list[b.begin[which] + key] : b.begin[which] + key;
}

template <typename T>
__device__ inline const T *key_row(const Work &w, const Place &p, int which, uint32_t entry, uint32_t own) {
    bool other = w.source[which].list && entry & OTHER_ROW;
    const void *from = other ? w.source[which].other : w.source[which].at;
    uint64_t row = other ? (uint64_t)own + (entry & ~OTHER_ROW) : entry;
    uint32_t stride = other ? w.source[which].other_stride : w.source[which].stride;
    return (const T *)from + row * stride + p.kv_head * HEAD;
}
