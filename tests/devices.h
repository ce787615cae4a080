// devices.h: the devices that a test goes over: those that every machine has, or, with MDX_TEST_DEVICES=cuda (names
// with commas between), those that this one has.
#pragma once

#include <stdlib.h>
#include <string.h>

enum { TEST_DEVICES = 4, TEST_DEVICE_NAME = 16 };

typedef struct {
    size_t count;
    char name[TEST_DEVICES][TEST_DEVICE_NAME];
} TestDevices;

// MDX_TEST_STRICT=off: with the products that a device takes when nobody asks for the same bits.
static inline const char *test_strict(void) {
    const char *strict = getenv("MDX_TEST_STRICT");
    return strict && *strict ? strict : "on";
}

static inline const TestDevices *test_devices(void) {
    static TestDevices devices;
    const char *from = getenv("MDX_TEST_DEVICES");
    if (devices.count) return &devices;
    if (!from || !*from) from = "ref,cpu";
    while (!devices.count || *from) {
        size_t length = strcspn(from, ",");
        if (devices.count == TEST_DEVICES || length >= TEST_DEVICE_NAME) break;
        memcpy(devices.name[devices.count], from, length);
        devices.name[devices.count++][length] = 0;
        from += length + (from[length] == ',');
    }
    return &devices;
}
