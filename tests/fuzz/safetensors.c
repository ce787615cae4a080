// safetensors.c: any bytes as a safetensors file. What is accepted must hold what was promised, and survive writing.
#include <stdlib.h>

#include "mdx/json.h"
#include "runtime/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static uint64_t check_tensor(const Tensor *tensor) {
    uint64_t elements = 1, sum = 0;
    for (uint32_t i = 0; i < tensor->rank; i++) elements *= tensor->shape[i];
    if (tensor->dtype != DTYPE_COUNT) {
        uint32_t width = dtype_info[tensor->dtype].bytes;
        check(elements * width == tensor->bytes && (uintptr_t)tensor->data % width == 0);
    }
    for (uint64_t i = 0; i < tensor->bytes; i++) sum += ((const uint8_t *)tensor->data)[i];
    return sum;
}

// Writing the tensors that mdx reads and reading them again changes nothing.
static void check_round(Arena *arena, const TensorList *tensors) {
    TensorList read = {0}, again = {0};
    for (size_t i = 0; i < tensors->len; i++)
        if (tensors->at[i].dtype != DTYPE_COUNT) list_push(arena, &read, tensors->at[i]);
    Str bytes;
    Error err;
    check(safetensors_encode(arena, "t", read.at, read.len, STR("{\"a\":\"b\"}"), &bytes, &err));
    check(safetensors_parse(arena, "t", (const uint8_t *)bytes.at, bytes.len, &again, &err) && again.len == read.len);
    for (size_t i = 0; i < read.len; i++) {
        const Tensor *a = &read.at[i], *b = &again.at[i];
        check(str_eq(a->name, b->name) && a->dtype == b->dtype && a->rank == b->rank && a->bytes == b->bytes);
        check(memcmp(a->shape, b->shape, sizeof a->shape) == 0 && (!a->bytes || !memcmp(a->data, b->data, a->bytes)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena *arena = arena_open();
    TensorList tensors = {0};
    Error err = {0};
    if (safetensors_parse(arena, "t", data, size, &tensors, &err)) {
        uint64_t bytes = 0, sum = 0;
        for (size_t i = 0; i < tensors.len; i++) {
            check(i == 0 || str_order(tensors.at[i - 1].name, tensors.at[i].name) < 0);
            check(tensors_find(&tensors, tensors.at[i].name) == &tensors.at[i]);
            sum += check_tensor(&tensors.at[i]);
            bytes += tensors.at[i].bytes;
        }
        check(bytes <= size - 8 && sum <= bytes * 255);
        check_round(arena, &tensors);
    } else {
        check(err.kind == ERR_INPUT && strncmp(err.text, "t: ", 3) == 0 && !strchr(err.text, '\n'));
    }
    arena_close(arena);
    return 0;
}
