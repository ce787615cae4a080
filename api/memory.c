// memory.c: what the machine has and the process uses; sizes as text.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "api/session.h"

// The number behind "KEY:" in a file of lines "KEY: NUMBER kB", in bytes; 0 when there is none.
static uint64_t field(const char *path, const char *key) {
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    char line[256];
    uint64_t kib = 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':') sscanf(line + strlen(key) + 1, "%" SCNu64, &kib);
    fclose(file);
    return kib * 1024;
}

static uint64_t number_in(const char *path) {
    FILE *file = fopen(path, "r");
    uint64_t value = 0;
    if (!file) return 0;
    if (fscanf(file, "%" SCNu64, &value) != 1) value = 0; // "max": no limit
    fclose(file);
    return value;
}

uint64_t memory_used(void) {
    return field("/proc/self/status", "RssAnon");
}

uint64_t memory_peak(void) {
    return field("/proc/self/status", "VmHWM");
}

// An eighth is left to the rest of the machine.
uint64_t memory_available(void) {
    uint64_t machine = field("/proc/meminfo", "MemAvailable");
    uint64_t limit = number_in("/sys/fs/cgroup/memory.max"), current = number_in("/sys/fs/cgroup/memory.current");
    if (limit && limit > current && limit - current < machine) machine = limit - current;
    return machine - machine / 8;
}

bool memory_parse(const char *text, uint64_t *out) {
    static const struct {
        const char *word;
        double bytes;
    } units[] = {{"", 1}, {"b", 1}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12},
                 {"kib", 0x1p10}, {"mib", 0x1p20}, {"gib", 0x1p30}, {"tib", 0x1p40}, {"k", 0x1p10}, {"m", 0x1p20}, {"g", 0x1p30}};
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (end == text || errno || !(number > 0)) return false;
    while (*end == ' ') end++;
    for (size_t i = 0; i < COUNT(units); i++) {
        if (strcasecmp(end, units[i].word) != 0 || number * units[i].bytes >= 0x1p62) continue;
        *out = (uint64_t)(number * units[i].bytes);
        return *out > 0;
    }
    return false;
}

void memory_write(uint64_t bytes, Text *out) {
    text_add(out, "%" PRIu64 "MiB", (bytes + (1 << 20) - 1) >> 20);
}
