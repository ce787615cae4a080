// pool.h: threads that wait for work.
#pragma once

#include "mdx/error.h"

typedef struct Pool Pool;
typedef void PoolTask(void *self, uint32_t task, uint32_t worker);

// threads: how many work, the caller among them. NULL with an error when they cannot be made.
Pool *pool_open(uint32_t threads, Error *err);
uint32_t pool_threads(const Pool *pool);
// Calls task(self, i, worker) for each i < count, in any order, on any worker < pool_threads; returns when all are
// done. What a task computes must not depend on the worker.
void pool_run(Pool *pool, PoolTask *task, void *self, uint32_t count);
void pool_close(Pool *pool);

// Physical cores in the affinity mask of the process (and in its cgroup's quota), at least 1.
uint32_t pool_default_threads(void);
