// copy.c: copies more than caches hold, on all threads.
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/cpu/copy.h"

enum { COPY_BYTES = 128 << 20, PIECE_BYTES = 1 << 20, TIMES = 5 };

static void copy_piece(void *self, uint32_t task, uint32_t worker) {
    unsigned char *memory = self, *from = memory + (size_t)task * PIECE_BYTES;
    (void)worker;
    memcpy(from + COPY_BYTES, from, PIECE_BYTES);
}

// The first time the pages are made.
bool cpu_copy_rate(Pool *pool, double *rate, Error *err) {
    unsigned char *memory = malloc(2 * (size_t)COPY_BYTES);
    if (!memory) FAIL(err, ERR_SYSTEM, "a copy to be timed needs %d bytes of memory", 2 * COPY_BYTES);
    memset(memory, 1, COPY_BYTES);
    *rate = 0;
    for (int i = 0; i < TIMES; i++) {
        double begin = clock_now();
        pool_run(pool, copy_piece, memory, COPY_BYTES / PIECE_BYTES);
        if (i) *rate = MAX(*rate, 2.0 * COPY_BYTES / (clock_now() - begin));
    }
    free(memory);
    return true;
}
