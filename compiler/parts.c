// parts.c: values that are rows of another value.
#include "compiler/parts.h"

Spot parts_whole(const Lowered *lowered, uint32_t value) {
    Spot spot = {value, 0};
    for (;;) {
        const Value *at = &lowered->values.at[spot.value];
        if (!at->base || at->base_column || lowered->values.at[at->base - 1].width != at->width) return spot;
        spot.row += at->base_row;
        spot.value = at->base - 1;
    }
}

uint32_t parts_new(Lowered *lowered, const Value *like, uint64_t rows) {
    Value value = {.place = IN_ARENA, .dtype = like->dtype, .width = like->width, .rows = rows, .varies = like->varies};
    value.bytes = rows * value.width * dtype_info[value.dtype].bytes;
    list_push(lowered->arena, &lowered->values, value);
    return (uint32_t)lowered->values.len - 1;
}

void parts_put(Lowered *lowered, uint32_t value, uint32_t base, uint64_t row) {
    lowered->values.at[value].base = base + 1;
    lowered->values.at[value].base_row = row;
}

uint32_t parts_rows(Lowered *lowered, uint32_t value, uint64_t row, uint64_t rows) {
    const Value like = lowered->values.at[value];
    if (!row && like.rows == rows) return value;
    uint32_t part = parts_new(lowered, &like, rows);
    parts_put(lowered, part, value, row);
    return part;
}
