// logits.c: metrics of logits, tile by tile of the vocabulary (mdx/plan.h): no row of logits is ever there as a whole.
//
// As on the CPU (runtime/cpu/logits.c): a block of rows at a time; for each tile of columns the product of each
// source's distinct rows, then each metric's codes over them. Everything is laid out before the first run.
#include <math.h>

#include "mdx/map.h"
#include "runtime/cuda/logits.h"

enum {
    BLOCK_ROWS = 1024,   // at most: a tile stays in the second cache
    TILE_COLUMNS = 8192, // at most
    UNIT = 64,           // columns of tiles are a multiple
    ALIGN = 256,
    MOST_TOGETHER = 8, // thread blocks of a cluster
};

// A block's rows of a source, each once.
typedef struct {
    uint32_t *rows, *index;      // rows of x; which of them each row of the block reads
    DevicePtr rows_at, index_at; // these on the GPU; rows_at where rows are copied
    uint32_t count;
    bool run; // they stand one behind another
} Distinct;

typedef struct {
    GpuValue x, w;
    Distinct *blocks;
    DevicePtr tile, gathered;
    DType type;      // of the rows that are read: the weight's
    uint32_t gather; // kernel, where rows stand apart or are of another type
    bool probed;     // a metric would not show what is not finite
} Source;

typedef struct {
    const LogitsMetric *of;
    uint32_t first, tile, second, finish; // kernels
    uint32_t pointer_count;
    double *initial; // [block, states + second_states]
    DevicePtr initial_at, ids_map, states[2], second_states[2], out, ids;
} Metric;

struct GpuLogits {
    LogitsWorld world;
    const Step *step;
    const Logits *of;
    Arena *arena;
    Source *sources;
    Metric *metrics;
    uint32_t probe;         // kernel
    uint32_t block, blocks; // rows of one at most; how many
    uint32_t width;         // of tiles
    uint32_t together;      // thread blocks that share a row of one
    uint32_t *own_row;      // 0, 1, …
    DevicePtr own_row_at;
    DevicePtr probed; // [blocks, sources, block] float32
    DevicePtr shown;  // [metrics, rows] float64: copies of results that show what is not finite
    bool any_probed, any_shown;
    uint64_t bytes;
};

// One walk over a block.
typedef struct {
    const GpuLogits *l;
    uint32_t number;
    uint64_t first, rows;
    uint32_t column, columns;
    int *side, *second_side; // by metric: which of `states`, `second_states` are the current ones
} Walk;

// ---- Laying out

static uint64_t rounded(uint64_t bytes) {
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static uint32_t block_rows(const GpuLogits *l, uint32_t block) {
    return (uint32_t)MIN(l->step->rows - (uint64_t)block * l->block, (uint64_t)l->block);
}

// A row that many read, such as the unpatched run's for all points of a sweep, is made once a block.
static void find_rows(GpuLogits *l, const LogitsSource *source, uint32_t block, Distinct *out) {
    uint32_t rows = block_rows(l, block);
    out->rows = arena_many(l->arena, uint32_t, rows);
    out->index = arena_many(l->arena, uint32_t, rows);
    out->count = rows_distinct(source->map, (uint64_t)block * l->block, rows, out->rows, out->index);
    out->run = rows_are_run(out->rows, out->count);
}

static uint32_t add_kernel(GpuLogits *l, uint32_t code, const DType *types, uint32_t count, DType result) {
    if (code == NO_CODE) return NO_CODE;
    const RowCode *of = &l->world.codes[code];
    DType *all = arena_many(l->arena, DType, of->operand_count + of->result_count);
    for (uint32_t k = 0; k < of->operand_count + of->result_count; k++) all[k] = k < count ? types[k] : DTYPE_f64;
    for (uint32_t k = 0; k < of->result_count; k++) all[of->operand_count + k] = result;
    return kernel_set_add_row(l->world.kernels, of, all, NULL, l->together);
}

static uint64_t metric_doubles(const GpuLogits *l, const LogitsMetric *of) {
    return (uint64_t)l->block * (of->states + of->second_states);
}

static void plan_metric(GpuLogits *l, const LogitsMetric *of, Metric *out) {
    DType types[3] = {DTYPE_f32, DTYPE_f32};
    uint32_t count = of->source_count;
    if (of->ids != NO_VALUE) types[count++] = DTYPE_i32;
    *out = (Metric){.of = of};
    out->first = add_kernel(l, of->first, types, count, DTYPE_f64);
    out->tile = add_kernel(l, of->tile, types, count, DTYPE_f64);
    out->second = add_kernel(l, of->second, types, 1, DTYPE_f64);
    out->finish = add_kernel(l, of->finish, NULL, 0, DTYPE_f64);
    out->pointer_count = count + 2 * (of->states + 2 * of->second_states) + 1;
    out->initial = arena_many(l->arena, double, metric_doubles(l, of));
    double *second = out->initial + (size_t)l->block * of->states;
    for (size_t i = 0; i < (size_t)l->block * of->states; i++) out->initial[i] = of->initial[i % of->states];
    for (size_t i = 0; i < (size_t)l->block * of->second_states; i++)
        second[i] = of->initial[of->states + i % of->second_states];
    constants_add(l->world.constants, out->initial, metric_doubles(l, of) * sizeof(double));
    l->bytes += 2 * rounded(metric_doubles(l, of) * sizeof(double));
    for (uint32_t k = 0; k < of->source_count; k++) l->sources[of->sources[k]].probed |= !of->shows;
    if (of->ids_map) constants_add(l->world.constants, of->ids_map, l->step->rows * sizeof(uint32_t));
}

static bool is_copied(const Source *source, const Distinct *distinct) {
    return !distinct->run || source->x.dtype != source->type;
}

static void plan_source(GpuLogits *l, uint32_t number) {
    const LogitsSource *of = &l->of->sources[number];
    Source *source = &l->sources[number];
    source->x = l->world.resolve(l->world.self, of->x);
    if (of->weight != NO_VALUE) source->w = l->world.resolve(l->world.self, of->weight);
    source->type = of->weight != NO_VALUE ? source->w.dtype : DTYPE_f32;
    source->blocks = arena_many(l->arena, Distinct, l->blocks);
    uint32_t most = 0;
    bool gathers = false;
    for (uint32_t b = 0; b < l->blocks; b++) {
        Distinct *distinct = &source->blocks[b];
        find_rows(l, of, b, distinct);
        constants_add(l->world.constants, distinct->index, block_rows(l, b) * sizeof(uint32_t));
        if (is_copied(source, distinct))
            constants_add(l->world.constants, distinct->rows, distinct->count * sizeof(uint32_t));
        gathers |= is_copied(source, distinct);
        most = MAX(most, distinct->count);
    }
    if (of->weight != NO_VALUE) l->bytes += rounded((uint64_t)most * l->width * sizeof(float));
    if (gathers) l->bytes += rounded((uint64_t)most * source->x.width * dtype_info[source->type].bytes);
    if (gathers)
        source->gather = kernel_set_add_copy(l->world.kernels, source->x.dtype, source->type, source->x.width, true);
}

// x * 0 summed and added: 0, or NaN where a logit is not finite.
static uint32_t probe_kernel(GpuLogits *l) {
    RowBuilder b = {.arena = l->arena};
    uint16_t x = row_load(&b, row_operand(&b, (RowOperand){0}));
    uint16_t before = row_number(&b, row_operand(&b, (RowOperand){.number = true}), false);
    uint16_t bad = row_op(&b, ROW_sum, row_op(&b, ROW_mul, x, row_constant(&b, 0, false), 0), 0, 0);
    row_result(&b, row_op(&b, ROW_add, before, bad, 0), false);
    RowCode code = row_done(&b, 0, 0);
    return kernel_set_add_row(l->world.kernels, &code, (DType[]){DTYPE_f32, DTYPE_f32, DTYPE_f32}, NULL, l->together);
}

GpuLogits *gpu_logits_plan(const LogitsWorld *world, const Step *step, Arena *arena) {
    GpuLogits *l = arena_new(arena, GpuLogits);
    *l = (GpuLogits){.world = *world, .step = step, .of = step->logits, .arena = arena};
    l->block = (uint32_t)MIN(step->rows, (uint64_t)BLOCK_ROWS);
    // Fewer rows have wider tiles and more thread blocks; but never where bits must not depend on the number of rows.
    bool few = !world->strict && l->block * MOST_TOGETHER <= world->gpu->multiprocessors;
    uint32_t vocab = step->logits->vocab, most = world->strict ? TILE_COLUMNS : BLOCK_ROWS / l->block * TILE_COLUMNS;
    uint32_t tiles = (vocab - 1) / most + 1;
    l->width = ((vocab - 1) / tiles / UNIT + 1) * UNIT;
    l->blocks = (uint32_t)((step->rows + l->block - 1) / l->block);
    l->together = few && world->gpu->overlaps ? MOST_TOGETHER : 1;
    l->own_row = arena_many(arena, uint32_t, l->block);
    for (uint32_t r = 0; r < l->block; r++) l->own_row[r] = r;
    constants_add(world->constants, l->own_row, l->block * sizeof *l->own_row);
    l->sources = arena_many(arena, Source, l->of->source_count);
    l->metrics = arena_many(arena, Metric, l->of->metric_count);
    for (uint32_t i = 0; i < l->of->metric_count; i++) plan_metric(l, &l->of->metrics[i], &l->metrics[i]);
    for (uint32_t i = 0; i < l->of->source_count; i++) plan_source(l, i);
    for (uint32_t i = 0; i < l->of->source_count; i++) l->any_probed |= l->sources[i].probed;
    for (uint32_t i = 0; i < l->of->metric_count; i++) l->any_shown |= l->of->metrics[i].shows;
    l->probe = probe_kernel(l);
    return l;
}

uint64_t gpu_logits_most_bytes(const Plan *plan, const Step *step) {
    const Logits *of = step->logits;
    uint64_t block = MIN(step->rows, (uint64_t)BLOCK_ROWS), bytes = 0;
    for (uint32_t i = 0; i < of->source_count; i++)
        bytes += (block * plan->values[of->sources[i].x].width +
                  MIN(block * (of->vocab + (uint64_t)UNIT), BLOCK_ROWS * (uint64_t)(TILE_COLUMNS + UNIT))) *
                 sizeof(float);
    for (uint32_t i = 0; i < of->metric_count; i++)
        bytes += (3 * block * (of->metrics[i].states + of->metrics[i].second_states) + step->rows) * sizeof(double);
    return bytes;
}

uint64_t gpu_logits_bytes(const GpuLogits *l) {
    return l->bytes;
}

static uint64_t probe_bytes(const GpuLogits *l) {
    return l->any_probed ? rounded((uint64_t)l->blocks * l->of->source_count * l->block * sizeof(float)) : 0;
}

uint64_t gpu_logits_kept(const GpuLogits *l) {
    return probe_bytes(l) + (l->any_shown ? rounded(l->of->metric_count * l->step->rows * sizeof(double)) : 0);
}

static DevicePtr take(DevicePtr *next, uint64_t bytes) {
    DevicePtr at = *next;
    *next += rounded(bytes);
    return at;
}

// Where a table lies that was asked for while planning. Equal ones lie once: its content is looked up, so not at each
// launch.
static DevicePtr table(const GpuLogits *l, const void *data, uint64_t bytes) {
    return data ? constants_at(l->world.constants, constants_add(l->world.constants, data, bytes)) : 0;
}

static void bind_metric(const GpuLogits *l, Metric *m, DevicePtr *next) {
    uint64_t bytes = metric_doubles(l, m->of) * sizeof(double);
    for (int side = 0; side < 2; side++) {
        m->states[side] = take(next, bytes);
        m->second_states[side] = m->states[side] + (uint64_t)l->block * m->of->states * sizeof(double);
    }
    m->initial_at = table(l, m->initial, bytes);
    m->out = l->world.resolve(l->world.self, m->of->out).at;
    if (m->of->ids != NO_VALUE) m->ids = l->world.resolve(l->world.self, m->of->ids).at;
    m->ids_map = table(l, m->of->ids_map, l->step->rows * sizeof(uint32_t));
}

static void bind_source(const GpuLogits *l, const LogitsSource *of, Source *source, DevicePtr *next) {
    uint32_t most = 0;
    bool gathers = false;
    source->x = l->world.resolve(l->world.self, of->x);
    for (uint32_t b = 0; b < l->blocks; b++) {
        Distinct *distinct = &source->blocks[b];
        bool copied = is_copied(source, distinct);
        distinct->index_at = table(l, distinct->index, block_rows(l, b) * sizeof(uint32_t));
        if (copied) distinct->rows_at = table(l, distinct->rows, distinct->count * sizeof(uint32_t));
        gathers |= copied;
        most = MAX(most, distinct->count);
    }
    if (of->weight != NO_VALUE) {
        source->w = l->world.resolve(l->world.self, of->weight);
        source->tile = take(next, (uint64_t)most * l->width * sizeof(float));
    }
    if (gathers) source->gathered = take(next, (uint64_t)most * source->x.width * dtype_info[source->type].bytes);
}

void gpu_logits_bind(GpuLogits *l, DevicePtr buffer, DevicePtr kept) {
    l->probed = kept;
    l->shown = kept + probe_bytes(l);
    l->own_row_at = table(l, l->own_row, l->block * sizeof *l->own_row);
    DevicePtr next = buffer;
    for (uint32_t i = 0; i < l->of->metric_count; i++) bind_metric(l, &l->metrics[i], &next);
    for (uint32_t i = 0; i < l->of->source_count; i++) bind_source(l, &l->of->sources[i], &l->sources[i], &next);
    MUST(next <= buffer + l->bytes);
}

// ---- Running

static void *address(DevicePtr at) {
    return (void *)(uintptr_t)at;
}

static bool launch(const Walk *walk, uint32_t kernel, const RowPointer *pointers, uint32_t count, uint64_t rows,
                   Error *err) {
    const KernelSet *kernels = walk->l->world.kernels;
    return cuda_rows_launch(walk->l->world.gpu, kernel_set_function(kernels, kernel), kernel_set_launch(kernels, kernel),
                            &(CudaRows){pointers, count, walk->columns, walk->column, rows}, err);
}

static bool gather_rows(const Walk *walk, Source *source, Error *err) {
    const Distinct *distinct = &source->blocks[walk->number];
    if (!is_copied(source, distinct)) return true;
    const RowPointer pointers[] = {
        {.at = address(source->x.at), .map = address(distinct->rows_at), .stride = source->x.stride},
        {.at = address(source->gathered), .stride = source->x.width}};
    return launch(walk, source->gather, pointers, 2, distinct->count, err);
}

// Of logits that lie in memory a tile is a part of each row, where it lies.
static RowPointer tile_of(const Walk *walk, const Source *source, DevicePtr map) {
    const Distinct *distinct = &source->blocks[walk->number];
    RowPointer out = {.at = address(source->tile), .map = address(map), .stride = walk->columns};
    if (source->tile) return out;
    bool copied = is_copied(source, distinct);
    DevicePtr rows =
        copied ? source->gathered : source->x.at + (uint64_t)distinct->rows[0] * source->x.stride * sizeof(float);
    out.at = address(rows + walk->column * sizeof(float));
    out.stride = copied ? source->x.width : source->x.stride;
    return out;
}

static GpuGemm product_of(const Walk *walk, const Source *source) {
    const Distinct *distinct = &source->blocks[walk->number];
    uint64_t row = (uint64_t)source->x.stride * dtype_info[source->x.dtype].bytes;
    bool copied = is_copied(source, distinct);
    return (GpuGemm){.x = copied ? source->gathered : source->x.at + distinct->rows[0] * row,
                     .w = source->w.at + (uint64_t)walk->column * source->w.width * dtype_info[source->w.dtype].bytes,
                     .y = source->tile,
                     .shape = {.x = source->type,
                               .w = source->w.dtype,
                               .y = DTYPE_f32,
                               .in = source->x.width,
                               .out = walk->columns,
                               .rows = distinct->count,
                               .x_stride = copied ? source->x.width : source->x.stride,
                               .y_stride = walk->columns}};
}

static bool make_tile(const Walk *walk, const Source *source, Error *err) {
    if (!source->tile) return true;
    GpuGemm gemm = product_of(walk, source);
    return gemms_run(walk->l->world.gemms, walk->l->world.gpu, &gemm, err);
}

static bool probe_tile(const Walk *walk, uint32_t number, Error *err) {
    const GpuLogits *l = walk->l;
    const Source *source = &l->sources[number];
    void *bad = address(l->probed + ((uint64_t)walk->number * l->of->source_count + number) * l->block * sizeof(float));
    const RowPointer pointers[] = {tile_of(walk, source, 0), {.at = bad, .stride = 1}, {.at = bad, .stride = 1}};
    return launch(walk, l->probe, pointers, 3, source->blocks[walk->number].count, err);
}

// All shapes of tiles.
void gpu_logits_prepare(const GpuLogits *l) {
    for (uint32_t b = 0; b < l->blocks; b++)
        for (uint32_t column = 0; column < l->of->vocab; column += l->width)
            for (uint32_t i = 0; i < l->of->source_count; i++) {
                Walk walk = {.l = l, .number = b, .column = column, .columns = MIN(l->width, l->of->vocab - column)};
                GpuGemm gemm = product_of(&walk, &l->sources[i]);
                if (l->sources[i].tile) gemms_add(l->world.gemms, &gemm);
            }
}

static bool make_tiles(Walk *walk, uint32_t column, Error *err) {
    walk->column = column;
    walk->columns = MIN(walk->l->width, walk->l->of->vocab - column);
    for (uint32_t i = 0; i < walk->l->of->source_count; i++) {
        TRY(make_tile(walk, &walk->l->sources[i], err));
        if (walk->l->sources[i].probed) TRY(probe_tile(walk, i, err));
    }
    return true;
}

static RowPointer *add_states(RowPointer *next, DevicePtr states, uint32_t count, DevicePtr map) {
    for (uint32_t s = 0; s < count; s++)
        *next++ = (RowPointer){.at = address(states + s * sizeof(double)), .stride = count, .map = address(map)};
    return next;
}

static DevicePtr index_of(const Walk *walk, uint32_t source) {
    return walk->l->sources[source].blocks[walk->number].index_at;
}

static DevicePtr second_rows(const Walk *walk, const LogitsMetric *of) {
    return index_of(walk, of->sources[of->source_count - 1]);
}

static RowPointer ids_of(const Walk *walk, const Metric *m) {
    uint64_t first = walk->first * sizeof(int32_t);
    if (m->ids_map) return (RowPointer){.at = address(m->ids), .stride = 1, .map = address(m->ids_map + first)};
    return (RowPointer){.at = address(m->ids + first), .stride = 1, .map = address(walk->l->own_row_at)};
}

static bool run_code(Walk *walk, uint32_t number, uint32_t kernel, Error *err) {
    const Metric *m = &walk->l->metrics[number];
    const LogitsMetric *of = m->of;
    Arena *scratch = arena_open();
    RowPointer *pointers = arena_many(scratch, RowPointer, m->pointer_count), *next = pointers;
    for (uint32_t k = 0; k < of->source_count; k++)
        *next++ = tile_of(walk, &walk->l->sources[of->sources[k]], index_of(walk, of->sources[k]));
    if (of->ids != NO_VALUE) *next++ = ids_of(walk, m);
    int side = walk->side[number], second = walk->second_side[number]; // the second's have been made already
    next = add_states(next, m->states[side], of->states, 0);
    for (int i = 1; i >= 0 && kernel == m->tile && of->second_states; i--)
        next = add_states(next, m->second_states[i ? !second : second], of->second_states, second_rows(walk, of));
    next = add_states(next, m->states[!side], of->states, 0);
    bool ok = launch(walk, kernel, pointers, (uint32_t)(next - pointers), walk->rows, err);
    walk->side[number] = !side;
    arena_close(scratch);
    return ok;
}

static bool run_second(Walk *walk, uint32_t number, Error *err) {
    const Metric *m = &walk->l->metrics[number];
    const LogitsMetric *of = m->of;
    const Source *source = &walk->l->sources[of->sources[1]];
    Arena *scratch = arena_open();
    RowPointer *pointers = arena_many(scratch, RowPointer, m->pointer_count), *next = pointers;
    int side = walk->second_side[number];
    *next++ = tile_of(walk, source, walk->l->own_row_at);
    next = add_states(next, m->second_states[side], of->second_states, 0);
    next = add_states(next, m->second_states[!side], of->second_states, 0);
    bool ok = launch(walk, m->second, pointers, (uint32_t)(next - pointers), source->blocks[walk->number].count, err);
    walk->second_side[number] = !side;
    arena_close(scratch);
    return ok;
}

static bool finish(const Walk *walk, uint32_t number, Error *err) {
    const Metric *m = &walk->l->metrics[number];
    Arena *scratch = arena_open();
    RowPointer *pointers = arena_many(scratch, RowPointer, m->pointer_count), *next = pointers;
    next = add_states(next, m->states[walk->side[number]], m->of->states, 0);
    if (m->of->second_states)
        next = add_states(next, m->second_states[walk->second_side[number]], m->of->second_states,
                          second_rows(walk, m->of));
    *next++ = (RowPointer){.at = address(m->out + walk->first * sizeof(double)), .stride = 1};
    bool ok = launch(walk, m->finish, pointers, (uint32_t)(next - pointers), walk->rows, err);
    arena_close(scratch);
    return ok;
}

static bool begin(const Walk *walk, const Metric *m, Error *err) {
    const GpuLogits *l = walk->l;
    uint64_t bytes = metric_doubles(l, m->of) * sizeof(double);
    return cuda_ok(cuda.MemcpyDtoDAsync(m->states[0], m->initial_at, (size_t)bytes, l->world.gpu->stream),
                   "compute metrics of logits", err);
}

static bool walk_block(Walk walk, Error *err) {
    const GpuLogits *l = walk.l;
    for (uint32_t i = 0; i < l->of->source_count; i++) TRY(gather_rows(&walk, &l->sources[i], err));
    for (uint32_t i = 0; i < l->of->metric_count; i++) {
        const Metric *m = &l->metrics[i];
        TRY(begin(&walk, m, err));
        if (m->first == NO_CODE) continue;
        TRY(make_tiles(&walk, m->of->first_column / l->width * l->width, err) && run_code(&walk, i, m->first, err));
    }
    for (uint32_t column = 0; column < l->of->vocab; column += l->width) {
        TRY(make_tiles(&walk, column, err));
        for (uint32_t i = 0; i < l->of->metric_count; i++) {
            if (l->metrics[i].second != NO_CODE) TRY(run_second(&walk, i, err));
            TRY(run_code(&walk, i, l->metrics[i].tile, err));
        }
    }
    for (uint32_t i = 0; i < l->of->metric_count; i++) TRY(finish(&walk, i, err));
    return true;
}

static bool run_block(const GpuLogits *l, uint32_t number, Error *err) {
    Arena *scratch = arena_open();
    int *side = arena_many(scratch, int, l->of->metric_count + 1),
        *second = arena_many(scratch, int, l->of->metric_count + 1);
    bool ok = walk_block((Walk){.l = l,
                                .number = number,
                                .first = (uint64_t)number * l->block,
                                .rows = block_rows(l, number),
                                .side = side,
                                .second_side = second},
                         err);
    arena_close(scratch);
    return ok;
}

// The products alone.
bool gpu_logits_products(const GpuLogits *l, Error *err) {
    for (uint32_t b = 0; b < l->blocks; b++)
        for (uint32_t column = 0; column < l->of->vocab; column += l->width)
            for (uint32_t i = 0; i < l->of->source_count; i++) {
                Walk walk = {.l = l, .number = b, .column = column, .columns = MIN(l->width, l->of->vocab - column)};
                TRY(make_tile(&walk, &l->sources[i], err));
            }
    return true;
}

// ---- What is not finite

static bool copy_shown(const GpuLogits *l, Error *err) {
    uint64_t bytes = l->step->rows * sizeof(double);
    for (uint32_t i = 0; i < l->of->metric_count; i++)
        if (l->of->metrics[i].shows)
            TRY(cuda_ok(
                cuda.MemcpyDtoDAsync(l->shown + i * bytes, l->metrics[i].out, (size_t)bytes, l->world.gpu->stream),
                "compute metrics of logits", err));
    return true;
}

bool gpu_logits_run(const GpuLogits *l, Error *err) {
    if (l->any_probed)
        TRY(cuda_ok(cuda.MemsetD32Async(l->probed, 0, (size_t)(probe_bytes(l) / sizeof(float)), l->world.gpu->stream),
                    "compute metrics of logits", err));
    for (uint32_t b = 0; b < l->blocks; b++) TRY(run_block(l, b, err));
    return copy_shown(l, err);
}

static bool refuse(uint64_t row, Error *err) {
    FAIL(err, ERR_NOT_FINITE, "a logit is not finite (row %llu)", (unsigned long long)row);
}

static bool check_probes(const GpuLogits *l, const float *probed, Error *err) {
    uint64_t block = (uint64_t)l->of->source_count * l->block;
    for (uint64_t k = 0; l->any_probed && k < l->blocks * block; k++)
        if (probed[k] != 0) return refuse(k / block * l->block + k % l->block, err);
    return true;
}

static bool check_shown(const GpuLogits *l, const double *shown, Error *err) {
    for (uint64_t k = 0; l->any_shown && k < l->of->metric_count * l->step->rows; k++)
        if (l->of->metrics[k / l->step->rows].shows && !isfinite(shown[k])) return refuse(k % l->step->rows, err);
    return true;
}

bool gpu_logits_check(const GpuLogits *l, Error *err) {
    uint64_t bytes = gpu_logits_kept(l);
    if (!bytes) return true;
    Arena *scratch = arena_open();
    unsigned char *kept = arena_alloc(scratch, (size_t)bytes);
    bool ok = cuda_ok(cuda.MemcpyDtoH(kept, l->probed, (size_t)bytes), "compute metrics of logits", err) &&
              check_probes(l, (const float *)(const void *)kept, err) &&
              check_shown(l, (const double *)(const void *)(kept + probe_bytes(l)), err);
    arena_close(scratch);
    return ok;
}
