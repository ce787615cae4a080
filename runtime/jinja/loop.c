// loop.c: "for", and the variable `loop`.
//
// Items are taken one at a time, as Jinja does: the filter of a loop sees what the body did before, and loop.last
// looks one item ahead.
#include "runtime/jinja/builtin.h"

struct Loop {
    const Node *node;
    Scope *outer;       // where the loop stands
    const Node *filter; // NULL when there is none, or when all items have passed it
    ValueList items;
    size_t *taken, own_taken; // how many of them; an iterator keeps its own count
    const Seq *iterator;      // NULL when they are not of one
    Value before, current, after;
    bool looked_ahead;              // `after` holds the next item
    int64_t index0, length, depth0; // length: -1 until it is known
    Seq *changed;                   // arguments of the last loop.changed()
};

int64_t je_loop_index(const Loop *loop) {
    return loop->index0;
}

// ---- Taking items

// Does an item pass the filter? It is evaluated in a scope that has the loop's targets only.
static bool passes(Eval *e, const Loop *loop, Value item, bool *out) {
    Scope *saved = e->scope;
    Value holds;
    e->scope = arena_new(e->arena, Scope);
    e->scope->parent = loop->outer;
    bool ok = je_assign(e, loop->node->a, item) && je_evaluate(e, loop->filter, &holds);
    e->scope = saved;
    if (ok) *out = jv_truth(holds);
    return ok;
}

static bool take(Eval *e, Loop *loop, Value *out, bool *found) {
    *found = false;
    while (!*found && *loop->taken < loop->items.len) {
        *out = loop->items.at[(*loop->taken)++];
        *found = true;
        if (loop->filter) TRY(passes(e, loop, *out, found));
        TRY(je_step(e));
    }
    return *found || !loop->iterator || je_exhausted(e, loop->iterator);
}

static bool look_ahead(Eval *e, Loop *loop, bool *found) {
    *found = loop->looked_ahead;
    if (*found) return true;
    TRY(take(e, loop, &loop->after, found));
    loop->looked_ahead = *found;
    return true;
}

static bool step(Eval *e, Loop *loop, bool *found) {
    Value item;
    *found = loop->looked_ahead;
    if (loop->looked_ahead)
        item = loop->after;
    else
        TRY(take(e, loop, &item, found));
    if (!*found) return true;
    loop->looked_ahead = false;
    loop->before = loop->current;
    loop->current = item;
    loop->index0++;
    return true;
}

bool je_loop_length(Eval *e, Loop *loop, int64_t *out) {
    if (loop->length < 0) {
        ValueList rest = {0};
        Value item;
        for (bool found = true; found;) {
            TRY(take(e, loop, &item, &found));
            if (found) list_push(e->arena, &rest, item);
        }
        loop->items = rest;
        loop->iterator = NULL;
        loop->taken = &loop->own_taken;
        loop->own_taken = 0;
        loop->filter = NULL;
        loop->length = (int64_t)rest.len + loop->index0 + 1 + loop->looked_ahead;
    }
    *out = loop->length;
    return true;
}

// ---- Running

static bool open_loop(Eval *e, const Node *node, Value iterable, int64_t depth0, Loop **out) {
    Loop *loop = *out = arena_new(e->arena, Loop);
    *loop = (Loop){.node = node, .outer = e->scope, .filter = node->c, .index0 = -1, .length = -1, .depth0 = depth0};
    e->at = node->b->at;
    if (iterable.kind == VALUE_ITERATOR) {
        loop->items = iterable.seq->items;
        loop->iterator = iterable.seq;
        loop->taken = &iterable.seq->taken;
        return true;
    }
    loop->taken = &loop->own_taken;
    TRY(jv_items(e, iterable, &loop->items));
    if (!loop->filter) loop->length = (int64_t)loop->items.len;
    return true;
}

static bool run_once(Eval *e, Loop *loop, Scope *inside) {
    e->scope = inside;
    inside->variables.len = 0; // each pass begins with no variables of its own
    for (size_t i = 0; i < loop->node->shadowed.len; i++)
        TRY(je_bind(e, loop->node->shadowed.at[i], jv_undefined(WHY_VARIABLE, loop->node->shadowed.at[i])));
    TRY(je_bind(e, STR("loop"), (Value){.kind = VALUE_LOOP, .loop = loop}));
    return je_assign(e, loop->node->a, loop->current) && je_run(e, &loop->node->body);
}

// Sets *completed when a pass reached the end of the body: only then Jinja leaves the "else" out.
static bool run_passes(Eval *e, Loop *loop, bool *completed) {
    Scope *inside = arena_new(e->arena, Scope);
    inside->parent = loop->outer;
    for (bool found = true; found;) {
        TRY(step(e, loop, &found));
        if (!found) break;
        TRY(run_once(e, loop, inside));
        Flow flow = e->flow;
        e->flow = FLOW_ON;
        if (flow == FLOW_ON) *completed = true;
        if (flow == FLOW_BREAK) break;
    }
    return true;
}

static bool run_loop(Eval *e, const Node *node, Value iterable, int64_t depth0) {
    Loop *loop;
    Scope *outer = e->scope;
    bool completed = false;
    TRY(open_loop(e, node, iterable, depth0, &loop));
    bool ok = run_passes(e, loop, &completed);
    e->scope = outer;
    return ok && (completed || je_run(e, &node->items)); // its only item is the "else"
}

bool je_for(Eval *e, const Node *node) {
    Value iterable;
    return je_evaluate(e, node->b, &iterable) && run_loop(e, node, iterable, 0);
}

// loop(items) in a recursive loop: the same loop over other items, as a string.
bool je_loop_call(Eval *e, Loop *loop, const Args *args, Value *out) {
    if (!loop->node->recursive) return je_fail(e, "only a loop marked 'recursive' can be called");
    if (args->len != 1 || args->named_len) return je_fail(e, "the loop takes what to iterate over, nothing else");
    Scope *scope = e->scope;
    Text text = text_open(e->arena), *outer = e->out;
    e->scope = loop->outer;
    e->out = &text;
    bool ok = run_loop(e, loop->node, args->at[0], loop->depth0 + 1);
    e->scope = scope;
    e->out = outer;
    return ok && jb_give_text(e, &text, out);
}

// ---- Attributes

static bool get_index(Eval *e, Loop *loop, Value *out) {
    (void)e;
    return jb_give(out, jv_int(loop->index0 + 1));
}

static bool get_index0(Eval *e, Loop *loop, Value *out) {
    (void)e;
    return jb_give(out, jv_int(loop->index0));
}

static bool get_first(Eval *e, Loop *loop, Value *out) {
    (void)e;
    return jb_give(out, jv_bool(loop->index0 == 0));
}

static bool get_last(Eval *e, Loop *loop, Value *out) {
    bool more;
    TRY(look_ahead(e, loop, &more));
    return jb_give(out, jv_bool(!more));
}

static bool get_length(Eval *e, Loop *loop, Value *out) {
    int64_t length;
    TRY(je_loop_length(e, loop, &length));
    return jb_give(out, jv_int(length));
}

static bool get_revindex(Eval *e, Loop *loop, Value *out) {
    int64_t length;
    TRY(je_loop_length(e, loop, &length));
    return jb_give(out, jv_int(length - loop->index0));
}

static bool get_revindex0(Eval *e, Loop *loop, Value *out) {
    int64_t length;
    TRY(je_loop_length(e, loop, &length));
    return jb_give(out, jv_int(length - loop->index0 - 1));
}

static bool get_previtem(Eval *e, Loop *loop, Value *out) {
    (void)e;
    return jb_give(out,
                   loop->index0 ? loop->before : jv_undefined(WHY_MESSAGE, STR("there is no item before this one")));
}

static bool get_nextitem(Eval *e, Loop *loop, Value *out) {
    bool more;
    TRY(look_ahead(e, loop, &more));
    return jb_give(out, more ? loop->after : jv_undefined(WHY_MESSAGE, STR("there is no item behind this one")));
}

static bool get_depth(Eval *e, Loop *loop, Value *out) {
    (void)e;
    return jb_give(out, jv_int(loop->depth0 + 1));
}

static bool get_depth0(Eval *e, Loop *loop, Value *out) {
    (void)e;
    return jb_give(out, jv_int(loop->depth0));
}

static bool call_cycle(Eval *e, Value self, const Args *args, Value *out) {
    if (!args->len) return je_fail(e, "'cycle' takes at least one value");
    return jb_give(out, args->at[(size_t)self.loop->index0 % args->len]);
}

// Were the arguments different the last time?
static bool call_changed(Eval *e, Value self, const Args *args, Value *out) {
    Value now;
    bool same = false;
    TRY(jb_give_list(e, VALUE_TUPLE, (ValueList){args->at, args->len, args->len}, STR(""), &now));
    if (self.loop->changed) TRY(jv_equal(e, now, jv_seq(VALUE_TUPLE, self.loop->changed), &same));
    self.loop->changed = now.seq;
    return jb_give(out, jv_bool(!same));
}

static const struct {
    const char *name;
    bool (*get)(Eval *e, Loop *loop, Value *out);
} attributes[] = {
    {"index", get_index},       {"index0", get_index0},     {"first", get_first},         {"last", get_last},
    {"length", get_length},     {"revindex", get_revindex}, {"revindex0", get_revindex0}, {"previtem", get_previtem},
    {"nextitem", get_nextitem}, {"depth", get_depth},       {"depth0", get_depth0},
};

static const Builtin loop_methods[] = {{"cycle", "*", call_cycle}, {"changed", "*", call_changed}};

bool je_loop_attribute(Eval *e, Loop *loop, Str name, Value *out) {
    for (size_t i = 0; i < COUNT(attributes); i++)
        if (str_is(name, attributes[i].name)) return attributes[i].get(e, loop, out);
    for (size_t i = 0; i < COUNT(loop_methods); i++) {
        if (!str_is(name, loop_methods[i].name)) continue;
        Bound *bound = arena_new(e->arena, Bound);
        *bound = (Bound){&loop_methods[i], (Value){.kind = VALUE_LOOP, .loop = loop}};
        return jb_give(out, (Value){.kind = VALUE_FUNCTION, .bound = bound});
    }
    return jb_give(out, jv_undefined(VALUE_LOOP, name));
}
