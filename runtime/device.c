// device.c: the table of devices.
#include "runtime/device.h"

#define MDX_DEVICE(name) extern const DeviceApi device_##name;
#include "runtime/device.def"

const DeviceApi *const device_apis[] = {
#define MDX_DEVICE(name) &device_##name,
#include "runtime/device.def"
};
const size_t device_count = COUNT(device_apis);

const DeviceApi *device_named(Str name) {
    for (size_t i = 0; i < device_count; i++)
        if (str_is(name, device_apis[i]->name)) return device_apis[i];
    return NULL;
}

const DeviceApi *device_best(const DeviceOptions *options) {
    const DeviceApi *gpu = device_named(STR("cuda"));
    return gpu->usable(options) ? gpu : device_named(STR("cpu"));
}
