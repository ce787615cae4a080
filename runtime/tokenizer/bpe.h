// bpe.h: byte-pair encoding of one piece of text, with the vocabulary and merges of a tokenizer.json.
//
// The vocabulary spells bytes as GPT-2 does: every byte is one printable character ('Ġ' is a space). Here
// pieces are plain bytes.
#pragma once

#include <cjson/cJSON.h>

#include "mdx/error.h"

#define BPE_NO_ID UINT32_MAX

// The characters that stand for bytes.
typedef struct {
    char utf8[256][2];
    uint8_t length[256];
    int16_t byte[0x144]; // by code point; -1: none
} ByteAlphabet;

void byte_alphabet_fill(ByteAlphabet *alphabet);
// Adds the bytes that `spelling` (valid UTF-8) stands for; false when one of its characters stands for none.
bool byte_alphabet_read(const ByteAlphabet *alphabet, Str spelling, Text *out);

typedef struct {
    uint32_t left, right, result;
} BpeMerge;

typedef struct {
    StrMap ids;       // of spellings; added tokens are not among them
    uint32_t count;   // entries of the vocabulary
    uint32_t size;    // largest id + 1
    Str *spellings;   // by id; at == NULL: no such id
    size_t longest;   // spelling, in bytes
    BpeMerge *merges; // by rank
    uint32_t merge_count;
    uint32_t *slots; // hash table of pairs: rank + 1, or 0
    size_t slot_mask;
    ByteAlphabet alphabet;
    uint32_t byte_ids[256]; // BPE_NO_ID: the vocabulary lacks it
    bool ignore_merges;     // a piece that is in the vocabulary is that token, whatever the merges say
} Bpe;

enum { BPE_LARGEST_ID = (1 << 22) - 1 };

// Reads "model" of a tokenizer.json. `name` is what messages call the file.
bool bpe_read(Arena *arena, const char *name, const cJSON *model, Bpe *out, Error *err);

// The rank of the merge of two tokens, or BPE_NO_RANK.
#define BPE_NO_RANK UINT32_MAX
uint32_t bpe_rank(const Bpe *bpe, uint32_t left, uint32_t right);

// One token, and its bytes in the piece.
typedef struct {
    uint32_t id, begin, end;
} BpeToken;
typedef LIST(BpeToken) BpeTokens;

// Memory that pieces share.
typedef struct {
    Arena *arena;
    struct BpeSymbol *symbols;
    uint64_t *heap;
    char *spelling; // room for the longest one
    size_t cap;     // of symbols
    size_t heap_len;
} BpeScratch;

// Appends the tokens of `piece`, which has less than 2^31 bytes. Bytes that the vocabulary lacks are left out.
void bpe_encode(const Bpe *bpe, BpeScratch *scratch, Str piece, BpeTokens *out);
