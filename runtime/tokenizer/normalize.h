// normalize.h: Unicode normalization that remembers where every byte came from.
#pragma once

#include "mdx/base.h"

typedef enum { NORMAL_NFC, NORMAL_NFD, NORMAL_NFKC, NORMAL_NFKD } NormalForm;

typedef struct {
    uint32_t begin, end;
} Origin; // bytes of the text before normalization

// A text after normalization. origin[i] is where byte i came from: the whole cluster of characters that was
// normalized together, or the byte itself where nothing changed. NULL: every byte is itself.
typedef struct {
    Str text;
    const Origin *origin;
} Normalized;

// `text` is valid UTF-8. Applies the forms one after another.
Normalized normalize(Arena *arena, Str text, const NormalForm *forms, size_t count);
