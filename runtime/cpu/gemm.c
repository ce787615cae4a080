// gemm.c: matrix products: tiles of OpenBLAS's sgemm on the pool, with weights widened beside them.
//
// A row's result has the same bits whatever rows stand beside it, and however many threads work: a hook that needs more
// rows changes nothing. OpenBLAS does not promise that. What was seen (0.3.21, every core type that x86 has):
//   - SkylakeX and its successors: another kernel, with sums in another order, when rows * columns * depth <= 10^6.
//     Above that every element is one chain of fused multiply-adds over blocks of the depth, wherever it stands.
//   - Prescott, Nehalem: the last rows % 4 go another way.
//   - Haswell, Zen: the first and the last 8 columns of a call are summed in another order in rows 0-5 of each 12, and
//     rows after the last full 12 in a third; more than 320 columns are cut into such calls.
// So a call gets rows in multiples of `Steady.rows` (padded with zeros), at least so many that it is large, and columns
// between `Steady.guard` columns that nobody reads. The blocks of the depth follow from the depth alone.
#include <cblas.h>

#include "mdx/map.h"
#include "runtime/cpu/cpu.h"

enum {
    X_FLOATS = 512 << 10, // of a worker's scratch: rows that were gathered or padded
    W_FLOATS = 320 << 10, // weights that a task widens for itself
    Y_FLOATS = 192 << 10, // results that are padded or guarded
    TILE_ROWS = 336,      // X_FLOATS holds so many to the most depth
    MOST_DEPTH = 1536,    // of one call
    UNIT = 16,            // columns that a vector kernel takes at once
    LARGE = 1000000,      // rows * columns * depth of a call must be above
    WIDEN_FLOATS = 32 << 10,
};

typedef struct {
    uint32_t first, count;
} Part;

// Part i of `of`, when all are about equal and begin at multiples of `unit`.
static Part part(uint64_t size, uint32_t unit, uint64_t of, uint64_t i) {
    uint64_t units = (size + unit - 1) / unit;
    uint64_t first = units * i / of * unit, end = MIN(units * (i + 1) / of * unit, size);
    return (Part){(uint32_t)first, (uint32_t)(end - first)};
}

// No part is smaller.
static uint32_t least_part(uint64_t size, uint32_t unit, uint64_t of) {
    return (uint32_t)(of == 1 ? size : (size + unit - 1) / unit / of * unit - (unit - 1));
}

static uint32_t round_up(uint32_t n, uint32_t unit) {
    return (n + unit - 1) / unit * unit;
}

// Tiles are rows times columns; each goes over all parts of the depth. Where many tiles of rows need the same weights,
// these are widened before, into the panel, as many columns as it holds.
typedef struct {
    Cpu *cpu;
    const Gemm *gemm;
    uint32_t row_tiles, column_tiles, depths; // how many
    uint32_t least_depth;
    uint32_t first_tile, tiles; // of columns, that are made now
    bool shared;                // the panel holds their weights
    Part panel;                 // their columns
    uint32_t panel_stride, widen_rows;
} Product;

// ---- Weights

// Where the columns of a tile begin, before its guard, and how far one row of the weight is from the next.
typedef struct {
    const float *at;
    uint32_t stride;
} Weights;

static uint32_t weight_width(const Gemm *g) {
    return g->transposed ? g->out : g->in;
}

// Of one weight alone.
static const unsigned char *weight_at(const Gemm *g, const GemmWeight *w, uint64_t row, uint64_t column) {
    return (const unsigned char *)w->at + (row * weight_width(g) + column) * dtype_info[w->dtype].bytes;
}

// Rows `first` … of the weights, from a column on, one after another in `to`.
static void widen(const Product *p, uint32_t first, uint32_t count, uint32_t column, uint32_t columns, float *to,
                  uint32_t stride) {
    const Gemm *g = p->gemm;
    uint32_t before = 0; // rows of the weights above
    for (const GemmWeight *w = g->weights; count; before += w->out, w++) {
        uint32_t here = g->transposed ? count : first - before >= w->out ? 0 : MIN(count, w->out - (first - before));
        RowPointer pointers[2] = {{.at = (void *)weight_at(g, w, first - before, column), .stride = weight_width(g)},
                                  {.at = to, .stride = stride}};
        if (here) p->cpu->widen[w->dtype](pointers, columns, 0, 0, here);
        first += here, count -= here, to += (size_t)here * stride;
    }
}

static bool widens(const Product *p) {
    return p->cpu->widen[p->gemm->weights[0].dtype] != NULL;
}

static uint32_t guarded(const Product *p, uint32_t columns) {
    uint32_t guard = p->cpu->steady.guard;
    return guard ? round_up(columns + 2 * guard, UNIT) : columns;
}

// The weights of a tile of columns and a part of the depth, for one task alone.
static Weights own_weights(const Product *p, Part columns, Part depth, float *to) {
    const Gemm *g = p->gemm;
    uint32_t guard = p->cpu->steady.guard, width = guarded(p, columns.count);
    if (g->transposed) {
        widen(p, depth.first, depth.count, columns.first, columns.count, to + guard, width);
        return (Weights){to, width};
    }
    widen(p, columns.first, columns.count, depth.first, depth.count, to + (size_t)guard * depth.count, depth.count);
    return (Weights){to, depth.count};
}

static Weights shared_weights(const Product *p, Part columns, Part depth) {
    uint32_t column = columns.first - p->panel.first;
    size_t at = p->gemm->transposed ? (size_t)depth.first * p->panel_stride + column
                                    : (size_t)column * p->panel_stride + depth.first;
    return (Weights){p->cpu->panel + at, p->panel_stride};
}

static Weights weights_in_place(const Product *p, Part columns, Part depth) {
    const Gemm *g = p->gemm;
    const void *at = g->transposed ? weight_at(g, g->weights, depth.first, columns.first)
                                   : weight_at(g, g->weights, columns.first, depth.first);
    return (Weights){at, weight_width(g)};
}

static void widen_panel_task(void *self, uint32_t task, uint32_t worker) {
    const Product *p = self;
    const Gemm *g = p->gemm;
    uint32_t guard = p->cpu->steady.guard, rows = g->transposed ? g->in : p->panel.count, first = task * p->widen_rows;
    (void)worker;
    float *to = p->cpu->panel + (g->transposed ? guard : (size_t)guard * g->in) + (size_t)first * p->panel_stride;
    uint32_t count = MIN(p->widen_rows, rows - first);
    if (g->transposed)
        widen(p, first, count, p->panel.first, p->panel.count, to, p->panel_stride);
    else
        widen(p, p->panel.first + first, count, 0, g->in, to, p->panel_stride);
}

// ---- Rows

static uint64_t row_of(const Gemm *g, uint64_t r) {
    return g->map ? g->map[r] : r;
}

static void gather(const Gemm *g, Part rows, Part depth, uint32_t padded, float *to) {
    for (uint32_t r = 0; r < rows.count; r++)
        memcpy(to + (size_t)r * depth.count, g->x + row_of(g, rows.first + r) * g->x_stride + depth.first,
               depth.count * sizeof *to);
    memset(to + (size_t)rows.count * depth.count, 0, (size_t)(padded - rows.count) * depth.count * sizeof *to);
}

// How many rows a call must have for a tile of so many columns.
static uint32_t steady_rows(const Product *p, uint32_t rows, uint32_t columns) {
    uint32_t large = (uint32_t)(LARGE / ((uint64_t)p->least_depth * columns)) + 1;
    return round_up(MAX(rows, large), p->cpu->steady.rows);
}

// ---- Tiles

static void keep_tile(const Gemm *g, Part rows, Part columns, const float *from, uint32_t stride) {
    for (uint32_t r = 0; r < rows.count; r++)
        memcpy(g->y + (size_t)(rows.first + r) * g->y_stride + columns.first, from + (size_t)r * stride,
               columns.count * sizeof *from);
}

static void multiply_tile(const Product *p, Part rows, Part columns, uint32_t worker) {
    const Gemm *g = p->gemm;
    float *x_part = (float *)p->cpu->scratch[worker], *w_part = x_part + X_FLOATS, *y_part = w_part + W_FLOATS;
    uint32_t width = guarded(p, columns.count), padded = steady_rows(p, rows.count, width);
    bool in_place = padded == rows.count && rows_are_run(g->map ? g->map + rows.first : NULL, rows.count);
    bool direct = padded == rows.count && width == columns.count;
    float *y = direct ? g->y + (size_t)rows.first * g->y_stride + columns.first : y_part;
    for (uint32_t i = 0; i < p->depths; i++) {
        Part depth = part(g->in, UNIT, p->depths, i);
        const float *x = x_part;
        if (in_place)
            x = g->x + row_of(g, rows.first) * g->x_stride + depth.first;
        else
            gather(g, rows, depth, padded, x_part);
        Weights w = !widens(p)  ? weights_in_place(p, columns, depth)
                    : p->shared ? shared_weights(p, columns, depth)
                                : own_weights(p, columns, depth, w_part);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, g->transposed ? CblasNoTrans : CblasTrans, (int)padded, (int)width,
                    (int)depth.count, 1, x, (int)(in_place ? g->x_stride : depth.count), w.at, (int)w.stride, i > 0, y,
                    (int)(direct ? g->y_stride : width));
    }
    if (!direct) keep_tile(g, rows, columns, y_part + p->cpu->steady.guard, width);
}

static void multiply_task(void *self, uint32_t task, uint32_t worker) {
    const Product *p = self;
    Part rows = part(p->gemm->rows, p->cpu->steady.rows, p->row_tiles, task / p->tiles);
    Part columns = part(p->gemm->out, UNIT, p->column_tiles, p->first_tile + task % p->tiles);
    multiply_tile(p, rows, columns, worker);
}

// ---- Weights too small for sgemm: one chain of sums for each element.

static void plain_task(void *self, uint32_t task, uint32_t worker) {
    const Product *p = self;
    const Gemm *g = p->gemm;
    Part rows = part(g->rows, 1, p->row_tiles, task);
    (void)worker;
    for (uint32_t c = 0; c < g->out; c++) {
        float *y = g->y + (size_t)rows.first * g->y_stride + c;
        for (uint32_t r = 0; r < rows.count; r++) y[(size_t)r * g->y_stride] = 0;
        for (uint32_t k = 0; k < g->in; k++) {
            const GemmWeight *weight = g->weights;
            float w;
            dtype_to_f32(weight->dtype, g->transposed ? weight_at(g, weight, k, c) : weight_at(g, weight, c, k), &w, 1);
            for (uint32_t r = 0; r < rows.count; r++)
                y[(size_t)r * g->y_stride] += g->x[row_of(g, rows.first + r) * g->x_stride + k] * w;
        }
    }
}

// ---- The whole

static uint32_t guards(const Product *p) {
    return p->cpu->steady.guard ? 2 * p->cpu->steady.guard + UNIT : 0;
}

// Columns of a tile when `floats` must hold the weights to a depth.
static uint32_t columns_in(const Product *p, uint32_t floats, uint32_t depth) {
    uint32_t fit = floats / depth;
    return fit < guards(p) + UNIT ? 0 : (fit - guards(p)) / UNIT * UNIT;
}

// OpenBLAS packs rows once for each tile of columns, and columns once for each tile of rows: tiles are as large as
// leaves the threads something to share.
static uint64_t enough_tasks(const Product *p) {
    return 2 * (uint64_t)pool_threads(p->cpu->pool);
}

// With few rows, narrow tiles cost little.
static uint32_t narrow(const Product *p) {
    enum { NARROW = 384, FEW_ROWS = 64 };
    return p->gemm->rows <= FEW_ROWS ? NARROW / 2 : NARROW;
}

static uint32_t columns_for(const Product *p, uint64_t row_tiles, uint32_t room) {
    uint64_t enough = enough_tasks(p), shared = (uint64_t)MIN(p->gemm->out, room) * MIN(row_tiles, enough) / enough;
    return (uint32_t)MIN(MAX(shared, (uint64_t)narrow(p)), MIN(room, p->cpu->steady.columns));
}

// High tiles only where their height has no bearing on the bits, and no rows are gathered. Whole columns in a few tiles
// of rows are 2 to 9 % faster than half of them in half as many.
static uint32_t rows_for(const Product *p, uint32_t deepest) {
    enum { MOST_ROWS = 4 * TILE_ROWS, ENOUGH_ROWS = 512 };
    const Gemm *g = p->gemm;
    uint32_t rows = MIN(X_FLOATS / deepest, TILE_ROWS) / p->cpu->steady.rows * p->cpu->steady.rows;
    if (g->map || p->cpu->steady.rows > 1) return rows;
    uint64_t beside = MAX(g->out / narrow(p), 1u), tiles = (g->rows + MOST_ROWS - 1) / MOST_ROWS;
    tiles = MAX(tiles, MIN(g->rows / ENOUGH_ROWS, enough_tasks(p)));
    tiles = MAX(tiles, (enough_tasks(p) + beside - 1) / beside);
    return MAX(rows, (uint32_t)((g->rows + tiles - 1) / tiles));
}

// What the bits depend on depends on the shape alone. False: too small for sgemm.
static bool cut(Product *p) {
    const Gemm *g = p->gemm;
    enum { ENOUGH = 64 }; // columns of a tile
    p->depths = (g->in + MOST_DEPTH - 1) / MOST_DEPTH;
    p->least_depth = least_part(g->in, UNIT, p->depths);
    uint32_t deepest = MIN(g->in, g->in / p->depths + 2 * UNIT), room = UINT32_MAX;
    uint32_t in_panel = columns_in(p, CPU_PANEL_BYTES / sizeof(float), g->in);
    uint32_t rows = rows_for(p, deepest);
    p->shared = widens(p) && g->rows > rows && in_panel >= ENOUGH;
    if (widens(p)) room = p->shared ? in_panel : columns_in(p, W_FLOATS, deepest);
    uint32_t columns = columns_for(p, (g->rows + rows - 1) / rows, room), units = (g->out + UNIT - 1) / UNIT;
    p->tiles = p->column_tiles = (units + columns / UNIT - 1) / (columns / UNIT);
    uint32_t narrowest = least_part(g->out, UNIT, p->column_tiles);
    if (p->least_depth < 8 || narrowest < 8 || p->least_depth * narrowest < 256) return false;
    rows = MAX(rows, steady_rows(p, 0, narrowest));
    p->row_tiles = (uint32_t)((g->rows + rows - 1) / rows);
    return true;
}

// Tiles of columns from `first` on, as many as the panel holds.
static void fill_panel(Product *p, uint32_t first) {
    const Gemm *g = p->gemm;
    uint32_t room = CPU_PANEL_BYTES / sizeof(float) / g->in - guards(p);
    Part last = part(g->out, UNIT, p->column_tiles, first);
    p->panel = last;
    p->first_tile = first;
    for (p->tiles = 1; first + p->tiles < p->column_tiles; p->tiles++) {
        last = part(g->out, UNIT, p->column_tiles, first + p->tiles);
        if (last.first + last.count - p->panel.first > room) break;
        p->panel.count = last.first + last.count - p->panel.first;
    }
    uint32_t rows = g->transposed ? g->in : p->panel.count, columns = g->transposed ? p->panel.count : g->in;
    p->panel_stride = g->transposed ? p->panel.count + guards(p) : g->in;
    p->widen_rows = MAX(WIDEN_FLOATS / columns, 1);
    pool_run(p->cpu->pool, widen_panel_task, p, (rows + p->widen_rows - 1) / p->widen_rows);
}

static void multiply(Cpu *cpu, const Gemm *gemm) {
    Product p = {.cpu = cpu, .gemm = gemm};
    if (!cut(&p)) {
        p.row_tiles = (uint32_t)((gemm->rows + TILE_ROWS - 1) / TILE_ROWS);
        pool_run(cpu->pool, plain_task, &p, p.row_tiles);
    } else if (!p.shared) {
        pool_run(cpu->pool, multiply_task, &p, p.row_tiles * p.tiles);
    } else {
        for (uint32_t first = 0; first < p.column_tiles; first += p.tiles) {
            fill_panel(&p, first);
            pool_run(cpu->pool, multiply_task, &p, p.row_tiles * p.tiles);
        }
    }
}

// Where weights are widened, sgemm sees one matrix; where they are read in place, it cannot. What is small goes its own
// way for itself, as without the others.
static bool is_one(const Cpu *cpu, const Gemm *g) {
    enum { LEAST = 64 };
    for (uint32_t i = 0; i < g->weight_count; i++)
        if (!cpu->widen[g->weights[i].dtype] || g->weights[i].out < LEAST || g->in < LEAST) return false;
    return true;
}

void cpu_gemm(Cpu *cpu, const Gemm *gemm) {
    Gemm g = *gemm;
    if (!g.rows) return;
    if (!g.x_stride) g.x_stride = g.in;
    if (!g.y_stride) g.y_stride = g.out;
    if (g.weight_count == 1 || is_one(cpu, &g)) {
        multiply(cpu, &g);
        return;
    }
    g.weight_count = 1;
    for (uint32_t i = 0; i < gemm->weight_count; i++, g.y += g.out, g.weights++) {
        g.out = g.weights->out;
        multiply(cpu, &g);
    }
}

// ---- What this machine needs

enum { TRY_ROWS = 41, TRY_COLUMNS = 83, TRY_DEPTH = 448 };

// Rows that are the same must come out the same, in calls of several sizes.
static bool is_steady(Steady steady, const float *x, const float *w, float *y) {
    int columns = steady.guard ? TRY_COLUMNS / UNIT * UNIT : TRY_COLUMNS;
    size_t inner = (size_t)columns - 2 * steady.guard;
    float first[TRY_COLUMNS];
    for (uint32_t rows = round_up(30, steady.rows), calls = 0; rows <= TRY_ROWS; rows += steady.rows, calls++) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, columns, TRY_DEPTH, 1, x, TRY_DEPTH, w,
                    TRY_DEPTH, 0, y, columns);
        if (!calls) memcpy(first, y + steady.guard, inner * sizeof *y);
        for (uint32_t r = 0; r < rows; r++)
            if (memcmp(first, y + r * (size_t)columns + steady.guard, inner * sizeof *y) != 0) return false;
    }
    return true;
}

Steady gemm_steady(Arena *scratch) {
    static const Steady ways[] = {{1, 0, 3072}, {8, 0, 512}, {12, 8, 288}, {24, 16, 256}};
    float *x = arena_many(scratch, float, TRY_ROWS *TRY_DEPTH), *w = arena_many(scratch, float, TRY_COLUMNS *TRY_DEPTH);
    float *y = arena_many(scratch, float, TRY_ROWS *TRY_COLUMNS);
    uint32_t state = 1;
    for (size_t i = 0; i < TRY_COLUMNS * TRY_DEPTH; i++)
        w[i] = (float)((state = state * 1664525 + 1013904223) >> 8) / (1 << 24) - 0.5f;
    for (size_t i = 0; i < TRY_ROWS * TRY_DEPTH; i++) x[i] = w[i % TRY_DEPTH + TRY_DEPTH] + 0.25f;
    size_t i = 0;
    while (i + 1 < COUNT(ways) && !is_steady(ways[i], x, w, y)) i++;
    return ways[i];
}
