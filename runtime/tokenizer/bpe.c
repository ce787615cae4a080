// bpe.c: merging the bytes of a piece, best merge first.
//
// A heap holds the pairs that can merge, by rank and then by position; so a piece costs O(n log n), however long
// it is. An entry that other merges have overtaken is told by looking at its pair again.
#include "runtime/tokenizer/bpe.h"

enum { NONE = -1 };

typedef struct BpeSymbol {
    uint32_t id;         // BPE_NO_ID once it is part of the one before
    int32_t prev, next;  // or NONE
    uint32_t begin, end; // bytes of the piece
} BpeSymbol;

static void reserve(const Bpe *bpe, BpeScratch *scratch, size_t symbols) {
    if (!scratch->spelling) scratch->spelling = arena_alloc(scratch->arena, bpe->longest + 2);
    if (symbols <= scratch->cap) return;
    scratch->cap = MAX(symbols, 2 * scratch->cap);
    scratch->symbols = arena_many(scratch->arena, BpeSymbol, scratch->cap);
    scratch->heap = arena_many(scratch->arena, uint64_t, 3 * scratch->cap); // one a pair, two more a merge
}

static void heap_push(BpeScratch *scratch, uint64_t entry) {
    uint64_t *heap = scratch->heap;
    size_t i = scratch->heap_len++;
    for (; i && heap[(i - 1) / 2] > entry; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = entry;
}

static uint64_t heap_pop(BpeScratch *scratch) {
    uint64_t *heap = scratch->heap, least = heap[0], last = heap[--scratch->heap_len];
    size_t len = scratch->heap_len, i = 0;
    for (size_t child = 1; child < len; child = 2 * i + 1) {
        if (child + 1 < len && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= last) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return least;
}

// Offers the pair that begins at symbol `i`.
static void offer(const Bpe *bpe, BpeScratch *scratch, int32_t i) {
    if (i == NONE || scratch->symbols[i].next == NONE) return;
    uint32_t rank = bpe_rank(bpe, scratch->symbols[i].id, scratch->symbols[scratch->symbols[i].next].id);
    if (rank != BPE_NO_RANK) heap_push(scratch, (uint64_t)rank << 32 | (uint32_t)i);
}

static size_t fill_symbols(const Bpe *bpe, BpeSymbol *symbols, Str piece) {
    size_t count = 0;
    for (uint32_t i = 0; i < piece.len; i++) {
        uint32_t id = bpe->byte_ids[(uint8_t)piece.at[i]];
        if (id == BPE_NO_ID) continue;
        symbols[count] = (BpeSymbol){id, (int32_t)count - 1, (int32_t)count + 1, i, i + 1};
        count++;
    }
    if (count) symbols[count - 1].next = NONE;
    return count;
}

static void merge_all(const Bpe *bpe, BpeScratch *scratch) {
    BpeSymbol *symbols = scratch->symbols;
    while (scratch->heap_len) {
        uint64_t entry = heap_pop(scratch);
        const BpeMerge *merge = &bpe->merges[entry >> 32];
        BpeSymbol *left = &symbols[(uint32_t)entry];
        if (left->id != merge->left || left->next == NONE || symbols[left->next].id != merge->right) continue;
        BpeSymbol *right = &symbols[left->next];
        left->id = merge->result;
        left->end = right->end;
        left->next = right->next;
        right->id = BPE_NO_ID;
        if (left->next != NONE) symbols[left->next].prev = (int32_t)(left - symbols);
        offer(bpe, scratch, left->prev);
        offer(bpe, scratch, (int32_t)(left - symbols));
    }
}

static bool find_whole(const Bpe *bpe, BpeScratch *scratch, Str piece, uint32_t *id) {
    if (piece.len > bpe->longest) return false;
    Str spelling = {scratch->spelling, 0};
    for (size_t i = 0; i < piece.len; i++) {
        uint8_t byte = (uint8_t)piece.at[i];
        if (spelling.len + bpe->alphabet.length[byte] > bpe->longest) return false;
        memcpy(scratch->spelling + spelling.len, bpe->alphabet.utf8[byte], 2);
        spelling.len += bpe->alphabet.length[byte];
    }
    return strmap_get(&bpe->ids, spelling, id);
}

void bpe_encode(const Bpe *bpe, BpeScratch *scratch, Str piece, BpeTokens *out) {
    reserve(bpe, scratch, piece.len);
    uint32_t whole;
    if (bpe->ignore_merges && find_whole(bpe, scratch, piece, &whole)) {
        list_push(scratch->arena, out, ((BpeToken){whole, 0, (uint32_t)piece.len}));
        return;
    }
    size_t count = fill_symbols(bpe, scratch->symbols, piece);
    for (size_t i = 0; i + 1 < count; i++) offer(bpe, scratch, (int32_t)i);
    merge_all(bpe, scratch);
    for (int32_t i = count ? 0 : NONE; i != NONE; i = scratch->symbols[i].next) {
        const BpeSymbol *symbol = &scratch->symbols[i];
        list_push(scratch->arena, out, ((BpeToken){symbol->id, symbol->begin, symbol->end}));
    }
}
