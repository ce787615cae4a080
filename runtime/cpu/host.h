// host.h: which machine this is, for what is kept from run to run.
#pragma once

#include "mdx/hash.h"

// Adds what machine code for this processor may use, and what tells it from others that need another one.
void host_hash(Hasher *hasher);
