// map.c: what a map of rows reads, each row once; rows that lie apart.
#include "mdx/map.h"

bool rows_are_run(const uint32_t *map, uint64_t count) {
    if (!map) return true;
    for (uint64_t r = 1; r < count; r++)
        if (map[r] != map[0] + r) return false;
    return true;
}

typedef struct {
    uint32_t row, number; // number + 1; 0: free
} Slot;

typedef struct {
    Slot *slots;
    unsigned bits; // of their count
} Seen;

// Half of the slots stay free. What spreads rows at equal distances is the upper bits of the product: the lower ones of
// rows that are multiples of the number of slots are all 0.
static Seen seen_open(Arena *arena, uint64_t count) {
    Seen seen = {.bits = 1};
    while (((uint64_t)1 << seen.bits) < 2 * count) seen.bits++;
    seen.slots = arena_many(arena, Slot, (size_t)1 << seen.bits);
    return seen;
}

static Slot *seen_slot(const Seen *seen, uint32_t row) {
    uint64_t at = row * (uint64_t)0x9e3779b97f4a7c15 >> (64 - seen->bits), last = ((uint64_t)1 << seen->bits) - 1;
    while (seen->slots[at].number && seen->slots[at].row != row) at = at == last ? 0 : at + 1;
    return &seen->slots[at];
}

static uint32_t distinct_of_run(uint32_t row, uint64_t count, uint32_t *rows, uint32_t *index) {
    for (uint32_t r = 0; rows && r < count; r++) rows[r] = row + r;
    for (uint32_t r = 0; index && r < count; r++) index[r] = r;
    return (uint32_t)count;
}

uint32_t rows_distinct(const uint32_t *map, uint64_t first, uint64_t count, uint32_t *rows, uint32_t *index) {
    if (map) map += first;
    if (rows_are_run(map, count)) return distinct_of_run(map && count ? map[0] : (uint32_t)first, count, rows, index);
    Arena *scratch = arena_open();
    Seen seen = seen_open(scratch, count);
    uint32_t distinct = 0;
    for (uint64_t r = 0; r < count; r++) {
        Slot *slot = seen_slot(&seen, map[r]);
        if (!slot->number) {
            if (rows) rows[distinct] = map[r];
            *slot = (Slot){map[r], ++distinct};
        }
        if (index) index[r] = slot->number - 1;
    }
    arena_close(scratch);
    return distinct;
}

void rows_pack(const void *from, uint64_t rows, size_t bytes, size_t step, void *to) {
    if (bytes == step) {
        memmove(to, from, (size_t)rows * bytes);
        return;
    }
    for (uint64_t r = 0; r < rows; r++) memmove((unsigned char *)to + r * bytes, (const unsigned char *)from + r * step, bytes);
}
