// memory.c: offsets of values in one arena of the device, from when they are written and last read.
//
// Steps are walked in order; a value takes the smallest free piece that holds it when it is written, and gives it
// back after its last reader. Inputs and outputs of one step never overlap, but where a result takes over an input's
// memory (Value.instead).
#include "compiler/lower.h"

enum { ALIGN = 64 };

typedef struct {
    uint64_t offset, bytes;
} Piece;

typedef LIST(Piece) Pieces; // free, sorted by offset, never touching

static size_t best_fit(const Pieces *freed, uint64_t bytes) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < freed->len; i++)
        if (freed->at[i].bytes >= bytes && (best == SIZE_MAX || freed->at[i].bytes < freed->at[best].bytes)) best = i;
    return best;
}

static void remove_piece(Pieces *freed, size_t i) {
    memmove(&freed->at[i], &freed->at[i + 1], (freed->len - i - 1) * sizeof *freed->at);
    freed->len--;
}

static uint64_t take(Pieces *freed, uint64_t bytes, uint64_t *end) {
    size_t i = best_fit(freed, bytes);
    if (i == SIZE_MAX) {
        // the last free piece, when it reaches to the end, is extended
        bool last = freed->len && freed->at[freed->len - 1].offset + freed->at[freed->len - 1].bytes == *end;
        uint64_t offset = last ? freed->at[freed->len - 1].offset : *end;
        if (last) freed->len--;
        *end = offset + bytes;
        return offset;
    }
    uint64_t offset = freed->at[i].offset;
    freed->at[i].offset += bytes;
    freed->at[i].bytes -= bytes;
    if (!freed->at[i].bytes) remove_piece(freed, i);
    return offset;
}

static void give(Arena *arena, Pieces *freed, Piece piece) {
    if (!piece.bytes) return;
    size_t i = 0;
    while (i < freed->len && freed->at[i].offset < piece.offset) i++;
    bool joins_next = i < freed->len && piece.offset + piece.bytes == freed->at[i].offset;
    bool joins_before = i && freed->at[i - 1].offset + freed->at[i - 1].bytes == piece.offset;
    if (joins_before) {
        freed->at[i - 1].bytes += piece.bytes;
        if (!joins_next) return;
        freed->at[i - 1].bytes += freed->at[i].bytes;
        remove_piece(freed, i);
    } else if (joins_next) {
        freed->at[i].offset = piece.offset;
        freed->at[i].bytes += piece.bytes;
    } else {
        list_push(arena, freed, piece);
        memmove(&freed->at[i + 1], &freed->at[i], (freed->len - 1 - i) * sizeof piece);
        freed->at[i] = piece;
    }
}

// Values by the step that writes them, or that reads them last.
typedef struct {
    uint32_t *head, *next; // value + 1 by step; by value
} Chains;

static Chains chain(const Value *values, size_t count, size_t steps, bool by_last, Arena *scratch) {
    Chains chains = {arena_many(scratch, uint32_t, steps + 1), arena_many(scratch, uint32_t, count + 1)};
    for (size_t i = count; i-- > 0;) {
        if (values[i].place != IN_ARENA || values[i].base) continue;
        uint32_t step = by_last ? values[i].last : values[i].first;
        if (values[i].stays) step = by_last ? (uint32_t)steps - 1 : 0;
        chains.next[i] = chains.head[step];
        chains.head[step] = (uint32_t)i + 1;
    }
    return chains;
}

static uint64_t rounded(const Value *value) {
    return (value->bytes + ALIGN - 1) / ALIGN * ALIGN;
}

// Of a part, where it lies and how far its rows are from each other; its whole may come after it.
static void place_part(Value *values, size_t i) {
    const Area area = value_area(values, (uint32_t)i);
    const Value *whole = &values[area.whole];
    values[i].stride = whole->width;
    values[i].offset = whole->offset + (area.row * whole->width + area.column) * dtype_info[whole->dtype].bytes;
}

void memory_plan(Value *values, size_t count, size_t steps, uint64_t *arena_bytes, Arena *scratch) {
    Chains written = chain(values, count, steps, false, scratch), done = chain(values, count, steps, true, scratch);
    bool *kept = arena_many(scratch, bool, count + 1); // taken over by another value
    Pieces freed = {0};
    uint64_t end = 0;
    for (size_t step = 0; step < steps; step++) {
        for (uint32_t i = written.head[step]; i; i = written.next[i - 1]) {
            Value *value = &values[i - 1];
            value->offset = value->instead ? values[value->instead - 1].offset : take(&freed, rounded(value), &end);
            if (value->instead) kept[value->instead - 1] = true;
        }
        for (uint32_t i = done.head[step]; i; i = done.next[i - 1])
            if (!kept[i - 1]) give(scratch, &freed, (Piece){values[i - 1].offset, rounded(&values[i - 1])});
    }
    for (size_t i = 0; i < count; i++)
        if (values[i].base) place_part(values, i);
    *arena_bytes = end;
}
