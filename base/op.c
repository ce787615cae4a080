// op.c: the table of operations.
#include "mdx/op.h"

const OpInfo op_info[OP_COUNT] = {
#define MDX_OP(name, inputs, rows, what) [OP_##name] = {#name, inputs, ROWS_##rows, what},
#include "mdx/op.def"
};

_Static_assert(sizeof(Attr) == sizeof(((Attr *)0)->words), "attributes are compared word by word");
