// threads.c: how many threads are worth having: physical cores that the process may use, within the quota of its
// cgroup.
#define _GNU_SOURCE // sched_getaffinity
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/cpu/pool.h"

// Of the hardware threads of one core, the first that we may use stands for it. `siblings` is like 0,64 or 0-1.
static bool stands_for_core(uint32_t cpu, const cpu_set_t *cpus) {
    char path[96], siblings[256];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "r");
    if (!file) return true;
    bool read = fgets(siblings, sizeof siblings, file) != NULL;
    fclose(file);
    for (char *at = siblings; read && *at >= '0' && *at <= '9';) {
        unsigned long first = strtoul(at, &at, 10), last = *at == '-' ? strtoul(at + 1, &at, 10) : first;
        for (unsigned long i = first; i <= last && i < cpu; i++)
            if (i < CPU_SETSIZE && CPU_ISSET(i, cpus)) return false;
        if (*at == ',') at++;
    }
    return true;
}

// The quota over the period, or more than there can be cores when there is none: cgroup v2 has both in one file ("max
// 100000").
static double quota_of(const char *folder, const char *quota_name, const char *period_name) {
    char path[4400];
    long long quota = -1, period = -1;
    snprintf(path, sizeof path, "%s/%s", folder, quota_name);
    FILE *file = fopen(path, "r");
    if (!file) return CPU_SETSIZE;
    int found = fscanf(file, "%lld %lld", &quota, &period);
    fclose(file);
    if (found == 1 && period_name) {
        snprintf(path, sizeof path, "%s/%s", folder, period_name);
        if ((file = fopen(path, "r"))) {
            if (fscanf(file, "%lld", &period) != 1) period = -1;
            fclose(file);
        }
    }
    return quota > 0 && period > 0 ? (double)quota / (double)period : CPU_SETSIZE;
}

// A group is bound by its parents too. Within a container the path may be one of the host: then only the root is there.
static double quota_of_groups(const char *root, char *path, const char *quota_name, const char *period_name) {
    double least = CPU_SETSIZE;
    for (;;) {
        char folder[4200];
        snprintf(folder, sizeof folder, "%s%s", root, path);
        least = MIN(least, quota_of(folder, quota_name, period_name));
        char *slash = strrchr(path, '/');
        if (!slash) return least;
        *slash = 0;
    }
}

static bool has_controller(const char *list, const char *end, const char *name) {
    for (const char *at = list; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        Str one = {at, (size_t)((comma ? comma : end) - at)};
        if (str_is(one, name)) return true;
        at += one.len + 1;
    }
    return false;
}

static double cgroup_cpus(void) {
    FILE *file = fopen("/proc/self/cgroup", "r");
    double least = CPU_SETSIZE;
    char line[4096];
    while (file && fgets(line, sizeof line, file)) { // number:controllers:path
        line[strcspn(line, "\n")] = 0;
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        if (!path) continue;
        list++;
        char *end = path++;
        if (end == list) least = MIN(least, quota_of_groups("/sys/fs/cgroup", path, "cpu.max", NULL));
        if (has_controller(list, end, "cpu"))
            least = MIN(least, quota_of_groups("/sys/fs/cgroup/cpu", path, "cpu.cfs_quota_us", "cpu.cfs_period_us"));
    }
    if (file) fclose(file);
    return least;
}

uint32_t pool_default_threads(void) {
    cpu_set_t cpus;
    uint32_t cores = 0, quota = (uint32_t)cgroup_cpus();
    CPU_ZERO(&cpus);
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) CPU_SET(0, &cpus); // more than the set has room for
    for (uint32_t i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &cpus)) cores += stands_for_core(i, &cpus);
    return MAX(MIN(cores, quota), 1);
}
