// logits.c: metrics of logits, tile by tile of the vocabulary (plan.h): no row of logits is ever there as a whole.
#include <math.h>

#include "mdx/map.h"
#include "runtime/cpu/cpu.h"

enum {
    BLOCK_ROWS = 2048,   // at most: weights are widened and packed, and rows that many read are made, once a block
    TILE_COLUMNS = 4096, // at most
    TASK_ROWS = 4,
};

typedef struct {
    RowFunction *first, *tile, *second, *finish; // first, second: NULL when the metric has none
    double *states[2];                           // [block, states], before and after a tile
    double *second_states[2];
    RowPointer *pointers;                        // of the code that runs
    CpuValue ids;
} Metric;

typedef struct {
    CpuValue x, w;
    float *buffer; // [block, width], of Cpu.tiles
    const float *at;
    uint64_t stride;
    uint32_t *rows, *index; // [block] rows of x of the block, each once; which of them each row of the block reads
    uint32_t count;         // of rows
    bool probed;            // a metric would not show what is not finite
} Source;

typedef struct {
    Cpu *cpu;
    const Logits *logits;
    Arena *arena;
    Source *sources;
    Metric *metrics;
    bool careful;             // probe all: a metric is not finite
    RowFunction *probe;       // x * 0 summed: 0, or NaN where a logit is not finite
    float *probed;            // [block]
    uint32_t *own_row;        // 0, 1, …: the map of ids that have none
    uint32_t block;           // rows of one at most
    uint32_t width;           // of tiles: they are about equal, as sgemm is slow with few columns
    uint64_t first, rows;     // of the block
    uint32_t column, columns; // of the tile
} Walk;

// ---- Compiling

// types: of the operands that come before the states, which are float64.
static bool compile(Walk *walk, const RowCode *codes, uint32_t code, const DType *types, uint32_t count,
                    RowFunction **out, Error *err) {
    *out = NULL;
    if (code == NO_CODE) return true;
    DType *all = arena_many(walk->arena, DType, codes[code].operand_count + 1);
    for (uint32_t k = 0; k < codes[code].operand_count; k++) all[k] = k < count ? types[k] : DTYPE_f64;
    return jit_function(walk->cpu->jit, &codes[code], all, out, err);
}

static bool compile_probe(Walk *walk, Error *err) {
    RowBuilder b = {.arena = walk->arena};
    uint16_t x = row_load(&b, row_operand(&b, (RowOperand){0}));
    row_result(&b, row_op(&b, ROW_sum, row_op(&b, ROW_mul, x, row_constant(&b, 0, false), 0), 0, 0), false);
    RowCode code = row_done(&b, 0, 0);
    static const DType type = DTYPE_f32;
    return jit_function(walk->cpu->jit, &code, &type, &walk->probe, err);
}

static bool open_metric(Walk *walk, const RowCode *codes, const LogitsMetric *metric, CpuResolve *resolve, void *self,
                        Metric *out, Error *err) {
    DType types[3] = {DTYPE_f32, DTYPE_f32}; // the sources, then the ids
    uint32_t count = metric->source_count;
    if (metric->ids != NO_VALUE) types[count++] = DTYPE_i32;
    for (uint32_t k = 0; k < metric->source_count; k++) walk->sources[metric->sources[k]].probed |= !metric->shows;
    TRY(compile(walk, codes, metric->first, types, count, &out->first, err) &&
        compile(walk, codes, metric->tile, types, count, &out->tile, err) &&
        compile(walk, codes, metric->second, types, 1, &out->second, err) &&
        compile(walk, codes, metric->finish, NULL, 0, &out->finish, err));
    for (int i = 0; i < 2; i++) {
        out->states[i] = arena_many(walk->arena, double, (size_t)walk->block *metric->states);
        out->second_states[i] = arena_many(walk->arena, double, (size_t)walk->block *metric->second_states + 1);
    }
    out->pointers = arena_many(walk->arena, RowPointer, count + 2 * (metric->states + metric->second_states));
    if (metric->ids != NO_VALUE) out->ids = resolve(self, metric->ids);
    return true;
}

static bool open_walk(Walk *walk, const RowCode *codes, uint64_t rows, CpuResolve *resolve, void *self, Error *err) {
    const Logits *logits = walk->logits;
    enum { UNIT = 16 }; // columns of a vector
    uint32_t tiles = (logits->vocab - 1) / TILE_COLUMNS + 1;
    walk->width = ((logits->vocab - 1) / tiles / UNIT + 1) * UNIT;
    uint64_t fit = CPU_TILE_BYTES / sizeof(float) / walk->width / logits->source_count;
    walk->block = (uint32_t)MIN(rows, MIN(fit, (uint64_t)BLOCK_ROWS));
    walk->sources = arena_many(walk->arena, Source, logits->source_count);
    walk->metrics = arena_many(walk->arena, Metric, logits->metric_count);
    walk->probed = arena_many(walk->arena, float, walk->block);
    walk->own_row = arena_many(walk->arena, uint32_t, walk->block);
    for (uint32_t r = 0; r < walk->block; r++) walk->own_row[r] = r;
    for (uint32_t i = 0; i < logits->source_count; i++) {
        Source *source = &walk->sources[i];
        source->x = resolve(self, logits->sources[i].x);
        if (logits->sources[i].weight != NO_VALUE) source->w = resolve(self, logits->sources[i].weight);
        source->buffer = walk->cpu->tiles + (size_t)i * walk->block * walk->width;
        source->rows = arena_many(walk->arena, uint32_t, walk->block);
        source->index = arena_many(walk->arena, uint32_t, walk->block);
    }
    for (uint32_t i = 0; i < logits->metric_count; i++)
        TRY(open_metric(walk, codes, &logits->metrics[i], resolve, self, &walk->metrics[i], err));
    return compile_probe(walk, err);
}

// ---- Tiles of logits

static void make_tile(Walk *walk, Source *out) {
    uint32_t in = out->x.width;
    size_t row_bytes = (size_t)in * dtype_info[out->w.dtype].bytes;
    bool run = rows_are_run(out->rows, out->count);
    const GemmWeight weight = {(const unsigned char *)out->w.at + walk->column * row_bytes, out->w.dtype, walk->columns};
    const Gemm gemm = {.x = (const float *)out->x.at + (run ? (size_t)out->rows[0] * out->x.stride : 0),
                       .map = run ? NULL : out->rows,
                       .rows = out->count,
                       .in = in,
                       .out = walk->columns,
                       .weights = &weight,
                       .weight_count = 1,
                       .x_stride = out->x.stride,
                       .y = out->buffer};
    cpu_gemm(walk->cpu, &gemm);
    out->at = out->buffer;
    out->stride = walk->columns;
}

// Logits that lie in memory, because a spec reads or writes them.
static void take_tile(const Walk *walk, Source *out) {
    const float *x = out->x.at;
    for (uint32_t r = 0; r < out->count; r++)
        memcpy(out->buffer + (size_t)r * walk->columns, x + (size_t)out->rows[r] * out->x.stride + walk->column,
               walk->columns * sizeof *x);
    out->at = out->buffer;
    out->stride = walk->columns;
}

static void run_rows(const Walk *walk, RowFunction *function, const RowPointer *pointers, uint64_t rows) {
    cpu_rows(walk->cpu, &(RowRun){function, pointers, walk->columns, walk->column, rows, TASK_ROWS});
}

static bool check_finite(const Walk *walk, const Source *source, Error *err) {
    const RowPointer pointers[] = {{.at = (void *)(uintptr_t)source->at, .stride = source->stride},
                                   {.at = walk->probed, .stride = 1}};
    run_rows(walk, walk->probe, pointers, source->count);
    for (uint32_t r = 0; r < source->count; r++) {
        if (walk->probed[r] == 0) continue;
        const float *row = source->at + r * source->stride;
        uint32_t c = 0;
        while (c + 1 < walk->columns && isfinite(row[c])) c++;
        uint32_t read_by = 0;
        while (source->index[read_by] != r) read_by++;
        FAIL(err, ERR_NOT_FINITE, "a logit is not finite (token %u of row %llu)", walk->column + c,
             (unsigned long long)(walk->first + read_by));
    }
    return true;
}

static bool make_tiles(Walk *walk, uint32_t column, Error *err) {
    walk->column = column;
    walk->columns = MIN(walk->width, walk->logits->vocab - column);
    for (uint32_t i = 0; i < walk->logits->source_count; i++) {
        if (walk->logits->sources[i].weight == NO_VALUE)
            take_tile(walk, &walk->sources[i]);
        else
            make_tile(walk, &walk->sources[i]);
        if (walk->careful || walk->sources[i].probed) TRY(check_finite(walk, &walk->sources[i], err));
    }
    return true;
}

// ---- Metrics

static RowPointer tile_of(const Source *source, const uint32_t *map) {
    return (RowPointer){.at = (void *)(uintptr_t)source->at, .stride = source->stride, .map = map};
}

static RowPointer *add_states(RowPointer *next, double *states, uint32_t count, const uint32_t *map) {
    for (uint32_t s = 0; s < count; s++) *next++ = (RowPointer){.at = states + s, .stride = count, .map = map};
    return next;
}

// The states that a code made become those that the next one reads.
static void swap(double *states[2]) {
    double *made = states[1];
    states[1] = states[0];
    states[0] = made;
}

static const uint32_t *second_rows(const Walk *walk, const LogitsMetric *metric) {
    return walk->sources[metric->sources[metric->source_count - 1]].index;
}

static void run_code(Walk *walk, const LogitsMetric *metric, Metric *m, RowFunction *function) {
    RowPointer *next = m->pointers;
    for (uint32_t k = 0; k < metric->source_count; k++) {
        const Source *source = &walk->sources[metric->sources[k]];
        *next++ = tile_of(source, source->index);
    }
    if (metric->ids != NO_VALUE) {
        const int32_t *ids = m->ids.at;
        *next++ = (RowPointer){.at = (void *)(uintptr_t)(metric->ids_map ? ids : ids + walk->first),
                               .stride = 1,
                               .map = metric->ids_map ? metric->ids_map + walk->first : walk->own_row};
    }
    next = add_states(next, m->states[0], metric->states, NULL);
    for (uint32_t side = 2; side-- > 0 && function == m->tile;)
        next = add_states(next, m->second_states[side], metric->second_states, second_rows(walk, metric));
    add_states(next, m->states[1], metric->states, NULL);
    run_rows(walk, function, m->pointers, walk->rows);
    swap(m->states);
}

static void run_second(Walk *walk, const LogitsMetric *metric, Metric *m) {
    const Source *source = &walk->sources[metric->sources[1]];
    m->pointers[0] = tile_of(source, walk->own_row);
    RowPointer *next = add_states(m->pointers + 1, m->second_states[0], metric->second_states, NULL);
    add_states(next, m->second_states[1], metric->second_states, NULL);
    run_rows(walk, m->second, m->pointers, source->count);
    swap(m->second_states);
}

static void finish(Walk *walk, const LogitsMetric *metric, const Metric *m, double *out) {
    RowPointer *next = add_states(m->pointers, m->states[0], metric->states, NULL);
    next = add_states(next, m->second_states[0], metric->second_states, second_rows(walk, metric));
    *next = (RowPointer){.at = out + walk->first, .stride = 1};
    run_rows(walk, m->finish, m->pointers, walk->rows);
}

static bool check_ids(const Walk *walk, const LogitsMetric *metric, const Metric *m, uint64_t rows, Error *err) {
    for (uint64_t r = 0; metric->ids != NO_VALUE && r < rows; r++) {
        int32_t id = ((const int32_t *)m->ids.at)[metric->ids_map ? metric->ids_map[r] : r];
        if (id < 0 || (uint32_t)id >= walk->logits->vocab)
            FAIL(err, ERR_INPUT, "token %d is outside the model's vocabulary of %u", id, walk->logits->vocab);
    }
    return true;
}

static void begin(double *states, const double *initial, uint32_t count, uint64_t rows) {
    for (uint64_t k = 0; k < rows * count; k++) states[k] = initial[k % count];
}

static void run_tile(Walk *walk, const LogitsMetric *metric, Metric *m) {
    if (m->second) run_second(walk, metric, m);
    run_code(walk, metric, m, m->tile);
}

static bool check_results(Walk *walk, const double *out, Error *err) {
    bool finite = true;
    for (uint64_t r = 0; r < walk->rows; r++) finite &= isfinite(out[walk->first + r]) != 0;
    walk->careful = !finite;
    for (uint32_t column = 0; column < walk->logits->vocab && walk->careful; column += walk->width)
        TRY(make_tiles(walk, column, err));
    return true;
}

static bool run_block(Walk *walk, CpuResolve *resolve, void *self, Error *err) {
    const Logits *logits = walk->logits;
    for (uint32_t i = 0; i < logits->source_count; i++) { // a row that many read is made once a block
        Source *source = &walk->sources[i];
        source->count = rows_distinct(logits->sources[i].map, walk->first, walk->rows, source->rows, source->index);
    }
    for (uint32_t i = 0; i < logits->metric_count; i++) {
        const LogitsMetric *metric = &logits->metrics[i];
        Metric *m = &walk->metrics[i];
        begin(m->states[0], metric->initial, metric->states, walk->rows);
        begin(m->second_states[0], metric->initial + metric->states, metric->second_states, walk->rows);
        if (!m->first) continue;
        TRY(make_tiles(walk, metric->first_column / walk->width * walk->width, err));
        run_code(walk, metric, m, m->first);
    }
    for (uint32_t column = 0; column < logits->vocab; column += walk->width) {
        TRY(make_tiles(walk, column, err));
        for (uint32_t i = 0; i < logits->metric_count; i++)
            run_tile(walk, &logits->metrics[i], &walk->metrics[i]);
    }
    for (uint32_t i = 0; i < logits->metric_count; i++) {
        double *out = (double *)(uintptr_t)resolve(self, logits->metrics[i].out).at;
        finish(walk, &logits->metrics[i], &walk->metrics[i], out);
        if (logits->metrics[i].shows) TRY(check_results(walk, out, err));
    }
    return true;
}

bool cpu_logits(Cpu *cpu, const Logits *logits, const RowCode *codes, uint64_t rows, CpuResolve *resolve, void *self,
                Error *err) {
    Walk walk = {.cpu = cpu, .logits = logits, .arena = arena_open()};
    bool ok = open_walk(&walk, codes, rows, resolve, self, err);
    for (uint32_t i = 0; ok && i < logits->metric_count; i++)
        ok = check_ids(&walk, &logits->metrics[i], &walk.metrics[i], rows, err);
    for (; ok && walk.first < rows; walk.first += walk.block) {
        walk.rows = MIN(rows - walk.first, (uint64_t)walk.block);
        ok = run_block(&walk, resolve, self, err);
    }
    arena_close(walk.arena);
    return ok;
}
