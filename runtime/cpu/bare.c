// bare.c: the products of a plan without everything else: what a run is measured against.
//
// Weights are as many different ones as the plan has, up to a bound that no cache reaches; then they come again. Rows
// are of one pool of random numbers: what a kernel has just written is warm in a run, too.
#include <cblas.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/cpu/bare.h"
#include "runtime/products.h"

#define WEIGHT_FLOATS ((size_t)150000000)
#define ROW_FLOATS    ((size_t)16 << 20)
#define OUT_FLOATS    ((size_t)16 << 20)

typedef struct {
    PlanProduct product;
    size_t weight, rows; // floats before them
    uint32_t columns;    // of a call
} BareProduct;

typedef struct {
    BareProduct *at;
    size_t count;
    size_t weight_floats, row_floats, out_floats;
} Layout;

// ---- Where everything lies

// Takes the next `size` floats of a ring.
static size_t take(size_t *next, size_t size, size_t ring) {
    size = (size + 15) / 16 * 16;
    if (*next + size > ring) *next = 0;
    size_t at = *next;
    *next += size;
    return at;
}

static uint32_t columns_of(const PlanProduct *product) {
    enum { LEAST = 64 };
    return (uint32_t)MIN((uint64_t)product->out, MAX(OUT_FLOATS / product->rows, (uint64_t)LEAST));
}

static size_t padded(uint64_t rows, uint64_t width) {
    return (size_t)(rows * width + 15) / 16 * 16;
}

static void measure(const Plan *plan, const PlanProducts *products, Layout *out) {
    Arena *scratch = arena_open();
    bool *seen = arena_many(scratch, bool, plan->value_count);
    size_t weights = 0, rows = 0, largest_weight = 0, largest_rows = 0;
    for (size_t i = 0; i < products->len; i++) {
        const PlanProduct *product = &products->at[i];
        size_t weight = padded(product->in, product->out), x = padded(product->rows, product->in);
        weights += seen[product->weight] ? 0 : weight;
        seen[product->weight] = true;
        rows += x;
        largest_weight = MAX(largest_weight, weight);
        largest_rows = MAX(largest_rows, x);
        out->out_floats = MAX(out->out_floats, padded(product->rows, columns_of(product)));
    }
    out->weight_floats = MAX(MIN(weights, WEIGHT_FLOATS), largest_weight);
    out->row_floats = MAX(MIN(rows, ROW_FLOATS), largest_rows);
    arena_close(scratch);
}

static Layout *lay_out(const Plan *plan, Arena *arena) {
    PlanProducts products = plan_products(plan, arena);
    Layout *out = arena_new(arena, Layout);
    *out = (Layout){arena_many(arena, BareProduct, products.len), products.len, 0, 0, 0};
    measure(plan, &products, out);
    Arena *scratch = arena_open();
    size_t *at = arena_many(scratch, size_t, plan->value_count), next_weight = 0, next_rows = 0; // at + 1
    for (size_t i = 0; i < products.len; i++) {
        const PlanProduct *product = &products.at[i];
        if (!at[product->weight])
            at[product->weight] = take(&next_weight, padded(product->in, product->out), out->weight_floats) + 1;
        size_t rows = take(&next_rows, padded(product->rows, product->in), out->row_floats);
        out->at[i] = (BareProduct){*product, at[product->weight] - 1, rows, columns_of(product)};
    }
    arena_close(scratch);
    return out;
}

static bool open_memory(Bare *bare, const Plan *plan, Arena *arena, Error *err) {
    enum { ALIGN = 64 };
    Layout *layout = lay_out(plan, arena);
    size_t floats = layout->weight_floats + layout->row_floats + layout->out_floats;
    bare->memory = aligned_alloc(ALIGN, (floats * sizeof(float) + ALIGN) / ALIGN * ALIGN);
    if (!bare->memory) FAIL(err, ERR_SYSTEM, "the bare products need %zu bytes of memory", floats * sizeof(float));
    uint32_t state = 1;
    for (size_t i = 0; i < floats; i++)
        bare->memory[i] = (float)((state = state * 1664525 + 1013904223) >> 8) / (1 << 24) - 0.5f;
    bare->products = layout;
    return true;
}

void cpu_bare_close(Bare *bare) {
    free(bare->memory);
    *bare = (Bare){0};
}

// ---- Multiplying

// Results of few columns at a time: unembedded rows would fill gigabytes.
static void multiply(const Bare *bare, const BareProduct *bound) {
    const Layout *layout = bare->products;
    const PlanProduct *p = &bound->product;
    const float *w = bare->memory + bound->weight, *x = bare->memory + layout->weight_floats + bound->rows;
    float *y = bare->memory + layout->weight_floats + layout->row_floats;
    for (uint32_t c = 0; c < p->out; c += bound->columns) {
        uint32_t columns = MIN(bound->columns, p->out - c);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, p->transposed ? CblasNoTrans : CblasTrans, (int)p->rows, (int)columns,
                    (int)p->in, 1, x, (int)p->in, w + (p->transposed ? c : (size_t)c * p->in),
                    (int)(p->transposed ? p->out : p->in), 0, y, (int)columns);
    }
}

bool cpu_bare(Cpu *cpu, Bare *bare, const Plan *plan, Arena *arena, double *seconds, Error *err) {
    if (!bare->memory) TRY(open_memory(bare, plan, arena, err));
    const Layout *layout = bare->products;
    memset(seconds, 0, plan->step_count * sizeof *seconds);
    openblas_set_num_threads((int)pool_threads(cpu->pool));
    double begin = clock_now();
    for (size_t i = 0; i < layout->count; i++) {
        multiply(bare, &layout->at[i]);
        double end = clock_now();
        seconds[layout->at[i].product.step] += end - begin;
        begin = end;
    }
    openblas_set_num_threads(1); // as the device has it
    return true;
}
