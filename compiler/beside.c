// beside.c: products of the same rows with several weights become one product: q, k and v; gate and up.
//
// The weights stand one below another, so the results are columns of one value (Value.base_column), whose rows their
// readers step over. Rows are read and laid out once instead of once a weight, and a device has fewer and larger
// products. A result may itself be rows of a whole (merge.c): then the wholes are what is laid side by side.
#include "compiler/merge.h"
#include "compiler/parts.h"

enum { UNIT = 16 }; // columns begin where a vector may

typedef struct {
    uint32_t step;
    Spot out; // where its result lies
} Product;

typedef struct {
    Lowered *lowered;
    Arena *scratch;
    bool *plain; // by value: a whole that products and kernels alone write
    bool *gone;  // by step: part of another
} Beside;

static const Value *value_at(const Beside *b, uint32_t value) {
    return &b->lowered->values.at[value];
}

static bool is_product(const Beside *b, const Step *step) {
    return step->op == OP_linear && step_is_product(step) && value_at(b, step->in[1])->place == IN_FILE &&
           value_at(b, step->in[0])->place == IN_ARENA && step->rows;
}

// ---- Which may stand beside each other

static void note_writer(void *self, uint32_t value, bool written) {
    Beside *b = self;
    if (written) b->plain[parts_whole(b->lowered, value).value] = false;
}

static void find_plain(Beside *b) {
    const Plan plan = {.codes = b->lowered->codes.at, .code_count = b->lowered->codes.len};
    for (size_t v = 0; v < b->lowered->values.len; v++) b->plain[v] = value_at(b, (uint32_t)v)->place == IN_ARENA;
    for (size_t i = 0; i < b->lowered->steps.len; i++) {
        const Step *step = &b->lowered->steps.at[i];
        if (!step->fused && !is_product(b, step)) step_values(&plan, step, note_writer, b);
    }
}

static bool same_rows(const Beside *b, const Step *x, const Step *y) {
    if (x->rows != y->rows || x->group != y->group) return false;
    Spot at_x = parts_whole(b->lowered, x->in[0]), at_y = parts_whole(b->lowered, y->in[0]);
    if (at_x.value != at_y.value) return false;
    if (at_x.row == at_y.row && x->map[0] == y->map[0]) return true;
    for (uint64_t r = 0; r < x->rows; r++) {
        uint64_t row_x = x->map[0] ? x->map[0][r] : r, row_y = y->map[0] ? y->map[0][r] : r;
        if (at_x.row + row_x != at_y.row + row_y) return false;
    }
    return true;
}

static Product product_at(const Beside *b, uint32_t step) {
    return (Product){step, parts_whole(b->lowered, b->lowered->steps.at[step].out)};
}

// Results of one type, in wholes of the same rows, each of which comes once.
static bool fits(const Beside *b, const Product *first, const Product *other, const Product *chosen, uint32_t count) {
    const Value *x = value_at(b, first->out.value), *y = value_at(b, other->out.value);
    for (uint32_t i = 0; i < count; i++)
        if (chosen[i].out.value == other->out.value) return false;
    return b->plain[other->out.value] && first->out.row == other->out.row && x->rows == y->rows && x->dtype == y->dtype && x->base == y->base &&
           x->width % UNIT == 0 && y->width % UNIT == 0;
}

// ---- Making them one

// The value of which the wholes are the columns, in this order; NO_VALUE when they are columns of something else.
static uint32_t common_base(Beside *b, const Product *products, uint32_t count) {
    Lowered *lowered = b->lowered;
    const Value *first = value_at(b, products[0].out.value);
    uint32_t base = first->base, width = 0;
    Value like = *first;
    for (uint32_t i = 0; i < count; i++) {
        const Value *whole = value_at(b, products[i].out.value);
        if (base && whole->base_column != width) return NO_VALUE;
        width += whole->width;
    }
    if (base) return value_at(b, base - 1)->width == width ? base - 1 : NO_VALUE;
    like.width = width;
    base = parts_new(lowered, &like, like.rows);
    for (uint32_t i = 0, column = 0; i < count; i++) {
        Value *whole = &lowered->values.at[products[i].out.value];
        whole->base = base + 1;
        whole->base_column = column;
        column += whole->width;
    }
    return base;
}

static void join(Beside *b, const Product *products, uint32_t count) {
    Lowered *lowered = b->lowered;
    Step *first = &lowered->steps.at[products[0].step];
    uint32_t base = common_base(b, products, count);
    if (base == NO_VALUE) return;
    uint32_t *weights = arena_many(lowered->arena, uint32_t, count);
    for (uint32_t i = 0; i < count; i++) {
        const Step *step = &lowered->steps.at[products[i].step];
        weights[i] = step->in[1];
        if (!i) continue;
        first->flops += step->flops;
        b->gone[products[i].step] = true;
    }
    first->out = parts_rows(lowered, base, products[0].out.row, first->rows);
    first->weights = weights;
    first->weight_count = count;
}

// same: the products that read the same whole, first to last.
static void join_from(Beside *b, uint32_t number, const U32List *same) {
    Product first = product_at(b, number), chosen[STEP_MOST_WEIGHTS] = {first};
    uint32_t count = 1;
    for (size_t i = 0; i < same->len && count < STEP_MOST_WEIGHTS; i++) {
        if (same->at[i] <= number || b->gone[same->at[i]] || !same_rows(b, &b->lowered->steps.at[number], &b->lowered->steps.at[same->at[i]])) continue;
        Product other = product_at(b, same->at[i]);
        if (fits(b, &first, &other, chosen, count)) chosen[count++] = other;
    }
    if (count > 1) join(b, chosen, count);
}

static void join_all(Beside *b) {
    U32List *readers = arena_many(b->scratch, U32List, b->lowered->values.len + 1);
    size_t steps = b->lowered->steps.len;
    uint32_t *whole = arena_many(b->scratch, uint32_t, steps + 1);
    for (uint32_t i = 0; i < steps; i++) {
        const Step *step = &b->lowered->steps.at[i];
        if (!is_product(b, step)) continue;
        whole[i] = parts_whole(b->lowered, step->in[0]).value + 1;
        list_push(b->scratch, &readers[whole[i] - 1], i);
    }
    for (uint32_t i = 0; i < steps; i++)
        if (whole[i] && !b->gone[i] && b->plain[product_at(b, i).out.value]) join_from(b, i, &readers[whole[i] - 1]);
}

void beside_products(Lowered *lowered) {
    Arena *scratch = arena_open();
    size_t values = lowered->values.len + 1;
    Beside b = {.lowered = lowered, .scratch = scratch, .plain = arena_many(scratch, bool, values),
                .gone = arena_many(scratch, bool, lowered->steps.len + 1)};
    find_plain(&b);
    join_all(&b);
    Steps steps = {0};
    for (size_t i = 0; i < lowered->steps.len; i++)
        if (!b.gone[i]) list_push(lowered->arena, &steps, lowered->steps.at[i]);
    lowered->steps = steps;
    arena_close(scratch);
}
