// pretokenize.h: cutting text into the pieces that byte-pair encoding works on.
#pragma once

#include "runtime/tokenizer/internal.h"

// A piece of a stretch of text. A space that a step put before it is its first byte and belongs to no byte of
// the stretch.
typedef struct {
    Str text;
    size_t begin; // in the stretch: of the first byte that belongs to it
    bool added_space;
} Piece;

typedef struct PieceSink {
    bool (*take)(struct PieceSink *sink, const Piece *piece, Error *err);
} PieceSink;

// Hands the pieces of `text` to the sink, from left to right; none is empty.
bool pretokenize(const Tokenizer *tokenizer, Arena *scratch, Matcher *matcher, Str text, PieceSink *sink, Error *err);
