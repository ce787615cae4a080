// device.h: what a device does for an executing plan.
//
// Calls happen in order. A device has one arena of memory; the plan has the offsets. A new device is a file with one
// DeviceApi and a row in device.def; copy device_null.c.
#pragma once

#include "mdx/error.h"
#include "mdx/plan.h"
#include "runtime/fit.h"
#include "runtime/weights.h"

typedef struct Device Device;

// A plan with what it needs from outside: the tensor of each value that lies in a file, by value.
typedef struct {
    const Plan *plan;
    const Tensor *const *tensors; // [plan->value_count]; NULL where the value lies elsewhere
} BoundPlan;

typedef struct {
    const char *name;
    const char *what; // one line for --help
    bool (*open)(Device *device, Arena *arena, Error *err);
    bool (*prepare)(Device *device, const BoundPlan *bound, Error *err);           // compile and load; allocate the arena
    bool (*run)(Device *device, const Step *step, Error *err);
    bool (*read)(Device *device, uint32_t value, uint64_t first_row, uint64_t rows, void *out, Error *err);
    void (*close)(Device *device);
} DeviceApi;

struct Device {
    const DeviceApi *api;
    void *self;
    FitReport fit; // of the last step that fitted a map
};

extern const DeviceApi *const device_apis[];
extern const size_t device_count;
const DeviceApi *device_named(Str name); // NULL when there is none
