// device.h: what a device does for an executing plan.
//
// Calls happen in order. A device has one arena of memory; the plan has the offsets. A new device is a file with one
// DeviceApi and a row in device.def; copy device_null.c.
#pragma once

#include "mdx/error.h"
#include "mdx/plan.h"
#include "runtime/fit_memo.h"
#include "runtime/weights.h"

typedef struct Device Device;

// A plan with what it needs from outside: the tensor of each value that lies in a file, by value.
typedef struct {
    const Plan *plan;
    const Tensor *const *tensors; // [plan->value_count]; NULL where the value lies elsewhere
} BoundPlan;

// What a user can say about a device; a device takes what concerns it.
typedef struct {
    uint32_t threads; // 0: as many as there are cores
    bool strict;      // a row's bits do not depend on the rows beside it (cpu and ref: always so)
    bool cache;       // compiled kernels are kept in the user's cache folder
    const char *cuda_path; // where the libraries of a GPU are looked for first, or NULL
} DeviceOptions;

typedef struct {
    const char *name;
    const char *what; // one line for --help
    bool fuses;       // it runs row kernels and metrics of logits tile by tile (Step.fused, Step.logits)
    bool shortens;       // states between products may be stored as bf16 or f16
    bool strict;         // a row's bits never depend on what is computed beside it
    bool beside;         // it multiplies rows with several weights at once (Step.weights), their columns side by side
    uint64_t batch_rows; // of a matrix product: more at once make it no faster
    double window;       // operations that it does at one go: reading what comes out in between makes it wait; 0: no matter
    uint64_t (*fixed_bytes)(const DeviceOptions *options); // memory that it takes whatever the plan; may be NULL: none
    // A device with memory of its own: how much of it is free (0: none can be used), and what a plan takes of it beside the
    // arena, weights included. NULL: it computes in the host's memory.
    uint64_t (*free_bytes)(const DeviceOptions *options);
    uint64_t (*plan_bytes)(const Plan *plan);
    bool (*usable)(const DeviceOptions *options); // whether this machine has what it needs; NULL: every one has
    bool (*open)(Device *device, Arena *arena, Error *err);
    bool (*prepare)(Device *device, const BoundPlan *bound, Error *err);           // compile and load; allocate the arena
    bool (*begin)(Device *device, Error *err); // a walk over the steps: values of sweeps may be others; may be NULL
    bool (*run)(Device *device, const Step *step, Error *err);
    // A device that only launches what it is told to run keeps the time itself: mark: when all that was launched is done;
    // marks: the seconds from each mark to the next, count of them, and forgets them. NULL: run returns when it is done.
    bool (*mark)(Device *device, Error *err);
    bool (*marks)(Device *device, double *seconds, size_t count, Error *err);
    bool (*read)(Device *device, uint32_t value, uint64_t first_row, uint64_t rows, void *out, Error *err);
    // Reading while the device goes on. ask: for all rows of a value as it is now; *asked false: not before older ones are
    // taken, and only with `read` when there are none. take: the oldest that was asked for. NULL: reading waits for nothing.
    // waits: whether running a step waits for all that was launched.
    bool (*waits)(const Step *step);
    bool (*ask)(Device *device, uint32_t value, bool *asked, Error *err);
    bool (*take)(Device *device, void *out, Error *err);
    bool (*print)(Device *device, Text *out, Error *err); // what the kernels of the prepared plan became; may be NULL
    // The products of the prepared plan (runtime/products.h) and nothing else, as fast as they can be; seconds
    // [plan->step_count] become what each step's took. May be NULL.
    bool (*bare_products)(Device *device, double *seconds, Error *err);
    bool bare_apart; // they leave the plan's values as they are
    // Bytes a second, read and written ones together, that a plain copy within the memory it computes in makes. May be NULL.
    bool (*copy_rate)(Device *device, double *rate, Error *err);
    void (*close)(Device *device);
} DeviceApi;

struct Device {
    const DeviceApi *api;
    DeviceOptions options;
    void *self;
    FitReport fit; // of the last step that fitted a map
    FitMemo memo;  // what it left for the next
    // A part of opening or preparing begins (both totals 0); NULL: nobody listens.
    void (*progress)(void *self, const char *phase, double done, double total);
    void *progress_self;
};

static inline void device_close(Device *device) {
    fit_memo_drop(&device->memo);
    device->api->close(device);
}

static inline void device_phase(const Device *device, const char *phase) {
    if (device->progress) device->progress(device->progress_self, phase, 0, 0);
}

extern const DeviceApi *const device_apis[];
extern const size_t device_count;
const DeviceApi *device_named(Str name); // NULL when there is none
const DeviceApi *device_best(const DeviceOptions *options); // the GPU where it can be used, else the processor
