// traffic.h: how many bytes a step cannot do without.
#pragma once

#include "runtime/device.h"

// Of the values that it reads and writes, each row once: less than it moves when it reads a row again, more than memory
// gives when a cache still holds it.
double step_bytes(const BoundPlan *bound, const Step *step);
