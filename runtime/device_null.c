// device_null.c: accepts every plan and computes nothing; all results are zero. A device to copy from.
#include "runtime/device.h"

extern const DeviceApi device_null;

typedef struct {
    const Plan *plan;
} Null;

static bool null_open(Device *device, Arena *arena, Error *err) {
    (void)err;
    device->self = arena_new(arena, Null);
    return true;
}

static bool null_prepare(Device *device, const BoundPlan *bound, Error *err) {
    (void)err;
    ((Null *)device->self)->plan = bound->plan;
    return true;
}

static bool null_run(Device *device, const Step *step, Error *err) {
    (void)device, (void)step, (void)err;
    return true;
}

static bool null_read(Device *device, uint32_t value, uint64_t first_row, uint64_t rows, void *out, Error *err) {
    (void)first_row, (void)err;
    const Value *v = &((Null *)device->self)->plan->values[value];
    memset(out, 0, rows * v->width * dtype_info[v->dtype].bytes);
    return true;
}

static void null_close(Device *device) {
    device->self = NULL;
}

const DeviceApi device_null = {
    .name = "null",
    .fuses = true,
    .what = "computes nothing; for looking at plans",
    .open = null_open,
    .prepare = null_prepare,
    .run = null_run,
    .read = null_read,
    .close = null_close,
};
