// cpu_pool.c: every task of every job runs once, whatever the threads do.
#include <stdatomic.h>
#include <time.h>

#include "check.h"
#include "runtime/cpu/pool.h"

enum { MOST_TASKS = 300, MOST_THREADS = 8 };

typedef struct {
    uint32_t plain[MOST_TASKS]; // written by one task each: a race would be seen by ThreadSanitizer
    atomic_uint times[MOST_TASKS], by_worker[MOST_THREADS], out_of_range;
    uint32_t threads, count, job;
} Job;

static void count_task(void *self, uint32_t task, uint32_t worker) {
    Job *job = self;
    if (task >= job->count || worker >= job->threads) {
        atomic_fetch_add(&job->out_of_range, 1);
        return;
    }
    atomic_fetch_add(&job->times[task], 1);
    atomic_fetch_add(&job->by_worker[worker], 1);
    job->plain[task] = job->job + task;
}

static void pause_ns(long ns) {
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static void test_jobs(uint32_t threads) {
    Error err;
    Pool *pool = pool_open(threads, &err);
    static const uint32_t counts[] = {1, 2, 3, 0, 17, 300, 5, 1, 64};
    CHECK(pool && pool_threads(pool) == threads);
    for (uint32_t round = 0; round < 400; round++) {
        Job job = {.threads = threads, .count = counts[round % COUNT(counts)], .job = round};
        pool_run(pool, count_task, &job, job.count);
        bool once = atomic_load(&job.out_of_range) == 0;
        for (uint32_t i = 0; i < MOST_TASKS; i++) {
            once &= atomic_load(&job.times[i]) == (i < job.count);
            once &= job.plain[i] == (i < job.count ? round + i : 0);
        }
        CHECK(once);
        if (round % 100 == 50) pause_ns(2000000); // all asleep
    }
    pool_close(pool);
}

static void sleep_task(void *self, uint32_t task, uint32_t worker) {
    (void)worker;
    pause_ns(20000000);
    ((uint32_t *)self)[task] = task + 1;
}

// Four tasks that only wait do so at the same time, and the caller waits for the last.
static void test_together(void) {
    Error err;
    Pool *pool = pool_open(4, &err);
    uint32_t done[4] = {0};
    struct timespec from, to;
    pause_ns(2000000);
    clock_gettime(CLOCK_MONOTONIC, &from);
    pool_run(pool, sleep_task, done, 4);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) * 1e-6;
    for (uint32_t i = 0; i < 4; i++) CHECK(done[i] == i + 1);
    CHECK(ms < 70); // one after another: 80
    pool_close(pool);
}

static void test_open_and_close(void) {
    Error err;
    for (int i = 0; i < 50; i++) pool_close(pool_open(1 + (uint32_t)i % 5, &err));
    pool_close(NULL);
    uint32_t cores = pool_default_threads();
    CHECK(cores >= 1 && cores <= 1024);
}

int main(void) {
    static const uint32_t threads[] = {1, 2, 3, 5, 8};
    for (size_t i = 0; i < COUNT(threads); i++) test_jobs(threads[i]);
    test_together();
    test_open_and_close();
    return check_done();
}
