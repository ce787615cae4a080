// merge.c: "batch across": steps that do the same with the same weights, over rows of different points, sources or runs,
// become one step over all these rows.
//
// Within a group of steps (Step.group: what may be in memory together), steps are put in an order in which those of one
// kind meet: a kind whose steps all have what they read goes first; only when there is none, some of a kind go without
// the others. Nothing is copied for that: the results of a merged step are one value, of which the results of its
// parts are rows (Value.base); operands that lie in several values are laid beside each other.
#include "compiler/merge.h"

// ---- What a step reads and writes, and its kind

typedef struct {
    uint32_t kind;
    uint32_t waits;   // for so many steps of the group
    U32List readers;  // steps of the group, by index in it; one may stand there twice
} Part;

typedef struct {
    uint32_t left;    // steps that are not placed yet
    U32List ready;    // steps of the group
} Kind;

typedef struct {
    Lowered *lowered;
    const Plan *plan; // its codes and lists alone
    Arena *scratch;
    uint32_t *maker;  // value to the step of the group that makes it + 1
    const Step *steps;
    uint32_t count;
    Part *parts;
    LIST(Kind) kinds;
    uint32_t now;     // the step that is looked at
    U32List heap;     // kinds all of whose steps are ready, by their first step
    Steps *out;
} Group;

static void note_made(void *self, uint32_t value, bool written) {
    Group *group = self;
    if (written) group->maker[value] = group->now + 1;
}

static void note_read(void *self, uint32_t value, bool written) {
    Group *group = self;
    uint32_t maker = written ? 0 : group->maker[value];
    if (!maker || maker - 1 == group->now) return;
    group->parts[group->now].waits++;
    list_push(group->scratch, &group->parts[maker - 1].readers, group->now);
}

static void forget_made(void *self, uint32_t value, bool written) {
    Group *group = self;
    if (written) group->maker[value] = 0;
}

static void each_value(Group *group, ValueVisit *visit) {
    for (group->now = 0; group->now < group->count; group->now++)
        step_values(group->plan, &group->steps[group->now], visit, group);
}

typedef struct {
    Group *group;
    Text *key;
} Origin;

// A kernel without weights is of the layer of the products that it reads.
static void add_origin(void *self, uint32_t value, bool written) {
    const Origin *origin = self;
    uint32_t maker = written ? 0 : origin->group->maker[value];
    if (!maker || !step_is_product(&origin->group->steps[maker - 1])) return;
    text_str(origin->key, (Str){(const char *)&origin->group->parts[maker - 1].kind, sizeof(uint32_t)});
}

// Attention is of the layer whose keys it reads: the unpatched run's, of which there is one for all.
static void add_keys(const Group *group, const Step *step, Text *key) {
    uint32_t maker = group->maker[step->in[1]], of = maker ? group->parts[maker - 1].kind : step->in[1];
    text_str(key, (Str){(const char *)&of, sizeof of});
}

static void find_kinds(Group *group) {
    StrMap kinds = strmap_open(group->scratch, 64);
    for (uint32_t i = 0; i < group->count; i++) {
        Text text = text_open(group->scratch);
        uint32_t kind = (uint32_t)group->kinds.len;
        const Step *step = &group->steps[i];
        bool merges = merge_kind(group->lowered, step, &text);
        bool attends = merges && !step->fused && !step->logits && op_info[step->op].rows == ROWS_ATTENTION;
        if (attends)
            add_keys(group, step, &text);
        else if (merges)
            step_values(group->plan, step, add_origin, &(Origin){group, &text});
        if (!merges || !strmap_get(&kinds, text_view(&text), &kind)) {
            if (merges) strmap_put(&kinds, text_view(&text), kind);
            list_push(group->scratch, &group->kinds, ((Kind){0}));
        }
        group->parts[i].kind = kind;
        group->kinds.at[kind].left++;
    }
}

// ---- The order

static uint32_t first_of(const Group *group, uint32_t kind) {
    return group->kinds.at[kind].ready.at[0];
}

static void heap_push(Group *group, uint32_t kind) {
    list_push(group->scratch, &group->heap, kind);
    uint32_t *heap = group->heap.at;
    for (size_t i = group->heap.len - 1; i; i = (i - 1) / 2) {
        size_t above = (i - 1) / 2;
        if (first_of(group, heap[above]) <= first_of(group, heap[i])) break;
        uint32_t other = heap[above];
        heap[above] = heap[i];
        heap[i] = other;
    }
}

static uint32_t heap_pop(Group *group) {
    uint32_t *heap = group->heap.at, top = heap[0];
    size_t len = --group->heap.len;
    heap[0] = heap[len];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < len; k++)
            if (first_of(group, heap[k]) < first_of(group, heap[least])) least = k;
        if (least == i) return top;
        uint32_t other = heap[least];
        heap[least] = heap[i];
        heap[i] = other;
        i = least;
    }
}

static void make_ready(Group *group, uint32_t step) {
    uint32_t kind = group->parts[step].kind;
    U32List *ready = &group->kinds.at[kind].ready;
    list_push(group->scratch, ready, step);
    for (size_t i = ready->len - 1; i && ready->at[i - 1] > ready->at[i]; i--) {
        ready->at[i] = ready->at[i - 1];
        ready->at[i - 1] = step;
    }
    if (ready->len == group->kinds.at[kind].left) heap_push(group, kind);
}

// A kind of which some steps are ready and others wait, perhaps for these: that of the first such step.
static uint32_t some_kind(const Group *group) {
    uint32_t best = UINT32_MAX;
    for (uint32_t kind = 0; kind < group->kinds.len; kind++)
        if (group->kinds.at[kind].ready.len && (best == UINT32_MAX || first_of(group, kind) < first_of(group, best))) best = kind;
    MUST(best != UINT32_MAX);
    return best;
}

static void place_kind(Group *group, uint32_t number) {
    Kind *kind = &group->kinds.at[number];
    U32List ready = kind->ready;
    kind->left -= (uint32_t)ready.len;
    kind->ready = (U32List){0};
    const Step **steps = arena_many(group->scratch, const Step *, ready.len);
    for (size_t i = 0; i < ready.len; i++) steps[i] = &group->steps[ready.at[i]];
    list_push(group->lowered->arena, group->out, merge_steps(group->lowered, steps, (uint32_t)ready.len));
    for (size_t i = 0; i < ready.len; i++) {
        const U32List *readers = &group->parts[ready.at[i]].readers;
        for (size_t r = 0; r < readers->len; r++)
            if (!--group->parts[readers->at[r]].waits) make_ready(group, readers->at[r]);
    }
}

static void merge_group(Group *group) {
    group->parts = arena_many(group->scratch, Part, group->count);
    each_value(group, note_made);
    each_value(group, note_read);
    find_kinds(group);
    each_value(group, forget_made);
    for (uint32_t i = 0; i < group->count; i++)
        if (!group->parts[i].waits) make_ready(group, i);
    size_t before = group->out->len;
    for (uint32_t placed = 0; placed < group->count;) {
        uint32_t kind = group->heap.len ? heap_pop(group) : some_kind(group);
        placed += (uint32_t)group->kinds.at[kind].ready.len;
        place_kind(group, kind);
    }
    for (size_t i = before; i < group->out->len; i++) group->out->at[i].group = group->steps[0].group;
}

void merge_groups(Lowered *lowered) {
    Arena *scratch = arena_open();
    Steps steps = lowered->steps, out = {0};
    uint32_t *maker = arena_many(scratch, uint32_t, lowered->values.len + 1);
    for (size_t first = 0, end; first < steps.len; first = end) {
        for (end = first; end < steps.len && steps.at[end].group == steps.at[first].group;) end++;
        Arena *own = arena_open();
        Plan plan = {.codes = lowered->codes.at, .code_count = lowered->codes.len};
        Group group = {.lowered = lowered, .plan = &plan, .scratch = own, .maker = maker, .steps = steps.at + first,
                       .count = (uint32_t)(end - first), .out = &out};
        merge_group(&group);
        arena_close(own);
    }
    lowered->steps = out;
    arena_close(scratch);
}
