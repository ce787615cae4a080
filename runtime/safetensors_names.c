// safetensors_names.c: names of tensors: sorted, found, guessed at, shown.
#include <stdlib.h>

#include "mdx/json.h"
#include "runtime/safetensors.h"

static int by_name(const void *a, const void *b) {
    return str_order(((const Tensor *)a)->name, ((const Tensor *)b)->name);
}

void tensors_sort(Tensor *tensors, size_t count) {
    if (count) qsort(tensors, count, sizeof *tensors, by_name);
}

const Tensor *tensors_twice(const Tensor *tensors, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (str_eq(tensors[i - 1].name, tensors[i].name)) return &tensors[i];
    return NULL;
}

const Tensor *tensors_find(const TensorList *sorted, Str name) {
    Tensor key = {.name = name};
    return sorted->len ? bsearch(&key, sorted->at, sorted->len, sizeof key, by_name) : NULL;
}

// ---- The nearest name

enum { LONGEST_GUESS = 255 };

// Edit distance, or any number over `most` when it is over `most`.
static size_t distance_up_to(Str a, Str b, size_t most) {
    if (a.len > LONGEST_GUESS || b.len > LONGEST_GUESS) return most + 1;
    if (MAX(a.len, b.len) - MIN(a.len, b.len) > most) return most + 1;
    size_t rows[2][LONGEST_GUESS + 1], *above = rows[0], *row = rows[1];
    for (size_t j = 0; j <= b.len; j++) above[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t least = row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t changed = above[j - 1] + (a.at[i - 1] != b.at[j - 1]);
            row[j] = MIN(changed, MIN(above[j], row[j - 1]) + 1);
            least = MIN(least, row[j]);
        }
        if (least > most) return most + 1;
        size_t *spare = above;
        above = row, row = spare;
    }
    return above[b.len];
}

// "transformer.wte.weight" and "wte.weight": checkpoints differ in how much of the path they keep.
static bool same_tail(Str a, Str b) {
    Str whole = a.len > b.len ? a : b, tail = a.len > b.len ? b : a;
    return tail.len && whole.len > tail.len && str_ends(whole, tail) && whole.at[whole.len - tail.len - 1] == '.';
}

const Tensor *tensors_nearest(const TensorList *tensors, Str name) {
    size_t best = name.len / 8 + 2; // one typing error, two or more in a long name
    const Tensor *nearest = NULL;
    for (size_t i = 0; i < tensors->len; i++) {
        size_t distance = distance_up_to(name, tensors->at[i].name, best - 1);
        if (distance >= best || distance >= name.len) continue;
        best = distance, nearest = &tensors->at[i];
        if (!best) break;
    }
    for (size_t i = 0; !nearest && i < tensors->len; i++)
        if (same_tail(name, tensors->at[i].name)) nearest = &tensors->at[i];
    return nearest;
}

const char *shown(Arena *arena, Str name) {
    enum { LONGEST = 120 };
    Str part = str_part(name, 0, LONGEST);
    if (part.len < name.len) part.len = utf8_valid_prefix(part);
    Text text = text_open(arena);
    text_json(&text, part);
    Str inner = str_part(text_view(&text), 1, text.len - 1);
    return str_format(arena, "%.*s%s", STR_ARG(inner), part.len < name.len ? "..." : "").at;
}
