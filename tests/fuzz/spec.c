// spec.c: libFuzzer target: a spec is parsed, checked and printed. Includes and models are found beside the golden
// cases, so that whole specs get far.
#include "compiler/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena *arena = arena_open();
    Spec spec = {0};
    Diags diags = diags_open(arena, &spec.sources);
    Error err;
    Str text = {(const char *)data, size};
    if (spec_parse(arena, STR(REPO "/tests/golden/error/fuzz.mdx"), text, &spec, &diags, &err)) {
        Text out = text_open(arena);
        ast_print(&spec.statements, &out);
        if (size > 2 && data[size - 1] == ')') spec_set(arena, &spec, STR("alpha=[1, 2]"), &diags);
        Experiment *exp = spec.broken ? NULL : check(arena, &spec, &diags);
        if (exp && !diags.errors) experiment_print(exp, &out);
        diags_render(&diags, &out);
        diags_render_json(&diags, &out);
    }
    arena_close(arena);
    return 0;
}
