// device_ref.c: runs each step with its ref_ function, in the memory of the process.
#include <stdlib.h>

#include "runtime/device.h"
#include "runtime/ref.h"

extern const DeviceApi device_ref;

#define FUNCTION_LEAF(name)      NULL // data: never run
#define FUNCTION_ROWWISE(name)   ref_##name
#define FUNCTION_ATTENTION(name) ref_##name
#define FUNCTION_ROWS(name)      ref_##name
#define FUNCTION_PROMPT(name)    ref_##name
#define FUNCTION_POINT(name)     ref_##name
#define FUNCTION_MATRIX(name)    ref_##name
RefFunction *const ref_functions[OP_COUNT] = {
#define MDX_OP(name, inputs, rows, what) [OP_##name] = FUNCTION_##rows(name),
#include "mdx/op.def"
};

typedef struct {
    const Plan *plan;
    const Tensor *const *tensors;
    unsigned char *memory;
} Ref;

static bool ref_open(Device *device, Arena *arena, Error *err) {
    (void)err;
    device->self = arena_new(arena, Ref);
    return true;
}

// Memory that was never written holds NaN bits, so that a step that reads it is seen.
static bool ref_prepare(Device *device, const BoundPlan *bound, Error *err) {
    Ref *ref = device->self;
    free(ref->memory);
    *ref = (Ref){bound->plan, bound->tensors, NULL};
    uint64_t bytes = bound->plan->arena_bytes;
    ref->memory = bytes <= SIZE_MAX - 64 ? aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64 + 64) : NULL;
    if (!ref->memory)
        FAIL(err, ERR_SYSTEM, "the plan needs %llu bytes of memory at once, more than the machine gives; use fewer prompts (limit:)",
             (unsigned long long)bytes);
    memset(ref->memory, 0xff, (size_t)bytes);
    return true;
}

static const void *value_data(const Ref *ref, uint32_t i) {
    const Value *value = &ref->plan->values[i];
    switch (value->place) {
    case IN_ARENA: return ref->memory + value->offset;
    case IN_FILE: return ref->tensors[i]->data;
    case IN_PLAN: return ref->plan->tables[value->table].data;
    case NOWHERE: break;
    }
    BUG("no such place");
}

static RefInput input_of(const Ref *ref, uint32_t i) {
    const Value *value = &ref->plan->values[i];
    DType dtype = value->place == IN_FILE ? ref->tensors[i]->dtype : value->dtype;
    return (RefInput){value_data(ref, i), dtype, value->rows, value->width};
}

static bool ref_run(Device *device, const Step *step, Error *err) {
    const Ref *ref = device->self;
    const Value *out = &ref->plan->values[step->out];
    RefOp op = {.step = step, .plan = ref->plan, .out = ref->memory + out->offset, .out_dtype = out->dtype,
                .out_rows = out->rows, .width = out->width, .fit = &device->fit, .memo = &device->memo, .scratch = arena_open()};
    for (uint32_t i = 0; i < op_info[step->op].inputs; i++) op.in[i] = input_of(ref, step->in[i]);
    if (step->keys.rows) op.other[0] = input_of(ref, step->keys.other);
    if (step->values.rows) op.other[1] = input_of(ref, step->values.other);
    bool ok = ref_functions[step->op](&op, err);
    arena_close(op.scratch);
    return ok;
}

static bool ref_read(Device *device, uint32_t value, uint64_t first_row, uint64_t rows, void *out, Error *err) {
    (void)err;
    const Ref *ref = device->self;
    const Value *v = &ref->plan->values[value];
    MUST(v->place != IN_FILE && first_row + rows <= v->rows);
    size_t row_bytes = (size_t)v->width * dtype_info[v->dtype].bytes;
    memcpy(out, (const unsigned char *)value_data(ref, value) + first_row * row_bytes, rows * row_bytes);
    return true;
}

static void ref_close(Device *device) {
    Ref *ref = device->self;
    if (ref) free(ref->memory);
    device->self = NULL;
}

const DeviceApi device_ref = {
    .name = "ref",
    .what = "plain loops: slow and obvious, the definition of every op",
    .strict = true,
    .batch_rows = 256,
    .open = ref_open,
    .prepare = ref_prepare,
    .run = ref_run,
    .read = ref_read,
    .close = ref_close,
};
