// clock.h: seconds since some moment, as a steady clock counts them.
#pragma once

double clock_now(void);
