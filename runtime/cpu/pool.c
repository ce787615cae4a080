// pool.c: threads that take the tasks of one job after another.
//
// A ticket is one atomic word: the number of the job and how many of its tasks nobody has taken. A task is taken by
// counting down, which fails when the job is no longer the same: a thread that wakes late does no harm and nobody
// waits for it. A thread without work looks at the ticket for a while, then sleeps.
#define _GNU_SOURCE // sched_getaffinity
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "runtime/cpu/pool.h"

enum { LINE = 128 }; // bytes that caches may pass around together
enum {
    SPIN_NS = 60000
}; // longer than the steps of a plan lie apart, shorter than what a sleeping thread costs to wake

typedef struct {
    Pool *pool;
    pthread_t thread;
    uint32_t number;
} Worker;

struct Pool {
    Arena *arena;
    Worker *workers; // [threads]; 0 is the caller
    uint32_t threads;
    bool spins; // there is a core for each
    pthread_mutex_t lock;
    pthread_cond_t work, finished;
    // The job. Written while no task of it can be taken.
    _Atomic(PoolTask *) task;
    _Atomic(void *) self;
    atomic_uint count;
    char apart[LINE];
    atomic_ullong ticket; // number of the job << 32 | tasks left
    char apart_too[LINE];
    atomic_uint done; // tasks
    atomic_uint asleep;
    atomic_bool waiting; // the caller sleeps
    atomic_bool closing;
};

static uint32_t left(unsigned long long ticket) {
    return (uint32_t)ticket;
}

static void finish_task(Pool *pool, uint32_t count) {
    if (atomic_fetch_add(&pool->done, 1) + 1 < count || !atomic_load(&pool->waiting)) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
}

// Takes tasks until none is left.
static void work(Pool *pool, uint32_t worker) {
    unsigned long long ticket = atomic_load(&pool->ticket);
    while (left(ticket)) {
        PoolTask *task = atomic_load_explicit(&pool->task, memory_order_relaxed);
        void *self = atomic_load_explicit(&pool->self, memory_order_relaxed);
        uint32_t count = atomic_load_explicit(&pool->count, memory_order_relaxed);
        if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket - 1))
            continue; // what was read may be of two jobs
        task(self, count - left(ticket), worker);
        finish_task(pool, count);
        ticket = atomic_load(&pool->ticket);
    }
}

// ---- Waiting

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_core(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool has_work(Pool *pool) {
    return left(atomic_load(&pool->ticket)) || atomic_load(&pool->closing);
}

static bool all_done(Pool *pool) {
    return atomic_load(&pool->done) == atomic_load_explicit(&pool->count, memory_order_relaxed);
}

static bool spin_until(Pool *pool, bool (*ready)(Pool *pool)) {
    if (ready(pool)) return true;
    if (!pool->spins) return false;
    for (int64_t end = now() + SPIN_NS; now() < end;) {
        for (int i = 0; i < 16; i++) {
            pause_core();
            if (ready(pool)) return true;
        }
    }
    return false;
}

// Who is about to sleep says so and looks again; who brings work does it the other way round.
static void sleep_until_work(Pool *pool) {
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->asleep, 1);
    while (!has_work(pool)) pthread_cond_wait(&pool->work, &pool->lock);
    atomic_fetch_sub(&pool->asleep, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void sleep_until_done(Pool *pool) {
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->waiting, true);
    while (!all_done(pool)) pthread_cond_wait(&pool->finished, &pool->lock);
    atomic_store(&pool->waiting, false);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *self) {
    const Worker *worker = self;
    Pool *pool = worker->pool;
    while (!atomic_load(&pool->closing)) {
        if (!spin_until(pool, has_work)) sleep_until_work(pool);
        work(pool, worker->number);
    }
    return NULL;
}

static void wake(Pool *pool, uint32_t most) {
    uint32_t asleep = atomic_load(&pool->asleep);
    if (!asleep) return;
    pthread_mutex_lock(&pool->lock);
    if (most >= asleep)
        pthread_cond_broadcast(&pool->work);
    else
        for (uint32_t i = 0; i < most; i++) pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

void pool_run(Pool *pool, PoolTask *task, void *self, uint32_t count) {
    if (pool->threads == 1 || count <= 1) {
        for (uint32_t i = 0; i < count; i++) task(self, i, 0);
        return;
    }
    atomic_store_explicit(&pool->task, task, memory_order_relaxed);
    atomic_store_explicit(&pool->self, self, memory_order_relaxed);
    atomic_store_explicit(&pool->count, count, memory_order_relaxed);
    atomic_store(&pool->done, 0);
    unsigned long long job = (atomic_load(&pool->ticket) >> 32) + 1;
    atomic_store(&pool->ticket, job << 32 | count);
    wake(pool, count - 1);
    work(pool, 0);
    if (!spin_until(pool, all_done)) sleep_until_done(pool);
}

// ---- Opening and closing

static uint32_t cpus_allowed(cpu_set_t *cpus) {
    CPU_ZERO(cpus);
    if (sched_getaffinity(0, sizeof *cpus, cpus) != 0) CPU_SET(0, cpus); // more than the set has room for
    return (uint32_t)CPU_COUNT(cpus);
}

static void stop(Pool *pool, uint32_t started) {
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->closing, true);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 1; i < started; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->finished);
    arena_close(pool->arena);
}

Pool *pool_open(uint32_t threads, Error *err) {
    MUST(threads > 0);
    Arena *arena = arena_open();
    Pool *pool = arena_new(arena, Pool);
    cpu_set_t cpus;
    pool->arena = arena;
    pool->threads = threads;
    pool->spins = threads <= cpus_allowed(&cpus);
    pool->workers = arena_many(arena, Worker, threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->finished, NULL);
    for (uint32_t i = 1; i < threads; i++) {
        Worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->number = i;
        int failed = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (!failed) continue;
        error_set(err, ERR_SYSTEM, "thread %u of %u cannot be started: %s", i + 1, threads, strerror(failed));
        stop(pool, i);
        return NULL;
    }
    return pool;
}

uint32_t pool_threads(const Pool *pool) {
    return pool->threads;
}

void pool_close(Pool *pool) {
    if (pool) stop(pool, pool->threads);
}
