// bootstrap.h: the interval that draws of the prompts leave a number.
#pragma once

#include "mdx/base.h"

typedef struct {
    double lo, hi;      // NaN: no draw has a number
    uint32_t undefined; // draws that have none
} Interval;

// Of 95 %. Changes the order of what was drawn.
Interval bootstrap_interval(double number, double *drawn, uint32_t count, bool basic);
