// blas_kernels.h: a test again under other kernels of OpenBLAS than this machine's, each in a process of its own.
#pragma once

#include <cblas.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static inline bool runs_here(const char *core) {
    if (strcmp(core, "Haswell") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); // Zen's too
    if (strcmp(core, "SkylakeX") == 0) return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
    return strcmp(core, "Sandybridge") != 0 || __builtin_cpu_supports("avx");
}

// Runs the program again under each, with one argument; each must exit with 0. Not under ThreadSanitizer: who reads and
// who writes is the same under all, and there each takes a minute.
static inline void test_other_cores(const char *program, const char *argument) {
#ifdef __SANITIZE_THREAD__
    (void)program, (void)argument;
    return;
#endif
    static const char *const cores[] = {"SkylakeX", "Haswell", "Sandybridge", "Nehalem", "Prescott"};
    for (size_t i = 0; i < COUNT(cores); i++) {
        if (!runs_here(cores[i]) || strcmp(cores[i], openblas_get_corename()) == 0) continue;
        pid_t child = fork();
        if (child == 0) {
            setenv("OPENBLAS_CORETYPE", cores[i], 1);
            execl(program, program, argument, (char *)NULL);
            _exit(127);
        }
        int status = -1;
        CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}
