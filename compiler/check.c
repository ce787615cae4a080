// check.c: the order in which a spec is checked. Each step reports what it can and the next goes on.
#include "compiler/checker.h"
#include "compiler/controls.h"

Experiment *check(Arena *arena, Spec *spec, Diags *diags) {
    Experiment *exp = arena_new(arena, Experiment);
    exp->arena = arena;
    exp->name = STR("experiment");
    Checker checker = {.arena = arena, .diags = diags, .spec = spec, .exp = exp};
    controls_expand(arena, spec, diags); // what reports of controls stand for
    if (spec->broken) return exp;
    names_collect(&checker);  // which names there are
    axes_read(&checker);      // sweeps: their values need no other name
    names_link(&checker);     // what uses what, which sweeps reach what
    picks_check(&checker);    // what goes in step with a sweep
    axes_classify(&checker);  // which sweeps choose
    if (checker.too_deep) return exp;
    sources_check(&checker);  // models (config.json) and prompts
    defs_check(&checker);     // every definition at every point of the sweeps that choose
    reports_check(&checker);  // what is shown, what is unused
    return exp;
}
