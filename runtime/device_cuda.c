// device_cuda.c: row kernels through NVRTC, products through cuBLASLt, attention of kernels/; what few numbers are left
// runs on the processor with the functions of ref.
#include "mdx/map.h"
#include "runtime/cache.h"
#include "runtime/cuda/copy.h"
#include "runtime/cuda/device.h"
#include "runtime/cuda/held.h"
#include "runtime/cuda/memory.h"

extern const DeviceApi device_cuda;

// ---- Values

GpuValue cuda_value_at(const DeviceCuda *self, uint32_t i) {
    const Value *value = &self->plan->values[i];
    GpuValue out = {.dtype = value->dtype, .rows = value->rows, .width = value->width};
    switch (value->place) {
    case IN_ARENA: out.at = self->memory + value->offset; break;
    case IN_FILE:
        out.at = self->upload ? upload_at(self->upload, i) : 0;
        out.dtype = self->upload ? upload_dtype(self->upload, i) : self->tensors[i]->dtype;
        break;
    case IN_PLAN:
        out.at = constants_at(self->constants, self->table[i]);
        out.dtype = self->table_type[i];
        break;
    case NOWHERE: BUG("a value that is nowhere");
    }
    out.stride = value_stride(value);
    return out;
}

static GpuValue resolve(void *self, uint32_t value) {
    return cuda_value_at(self, value);
}

// From one row to the next.
static uint64_t row_bytes(const GpuValue *value) {
    return (uint64_t)value->stride * dtype_info[value->dtype].bytes;
}

static void *address(DevicePtr at) {
    return (void *)(uintptr_t)at;
}

static const void *in_type(const PlanTable *table, DType as, Arena *arena) {
    uint64_t count = table->rows * table->width;
    if (as == table->dtype) return table->data;
    float *wide = arena_many(arena, float, count);
    dtype_to_f32(table->dtype, table->data, wide, (size_t)count);
    if (as == DTYPE_f32) return wide;
    void *narrow = arena_many(arena, uint16_t, count);
    dtype_from_f32(as, wide, narrow, (size_t)count);
    return narrow;
}

// A sweep's values have a place of their own: a rerun replaces them.
static void place_tables(DeviceCuda *self, const DType *as) {
    const Plan *plan = self->plan;
    self->table = arena_many(self->arena, uint64_t, plan->value_count + 1);
    self->table_type = arena_many(self->arena, DType, plan->value_count + 1);
    for (size_t i = 0; i < plan->value_count; i++) {
        if (plan->values[i].place != IN_PLAN) continue;
        const PlanTable *table = &plan->tables[plan->values[i].table];
        DType dtype = dtype_held(table->dtype, as[i]);
        const void *data = in_type(table, dtype, self->arena);
        uint64_t bytes = table->rows * table->width * dtype_info[dtype].bytes;
        self->table_type[i] = dtype;
        self->table[i] = table->axis ? constants_add_own(self->constants, data, bytes) : constants_add(self->constants, data, bytes);
    }
}

// ---- Row kernels

static DType operand_type(const DeviceCuda *self, const RowOperand *operand, const RowBinding *binding) {
    return operand->flag ? DTYPE_f32 : cuda_value_at(self, binding->value).dtype;
}

static void plan_kernel(DeviceCuda *self, const Step *step, BoundStep *out) {
    const Fused *fused = step->fused;
    const RowCode *code = &self->plan->codes[fused->code];
    DType *types = arena_many(self->arena, DType, code->operand_count + code->result_count);
    bool *still = arena_many(self->arena, bool, code->operand_count + 1);
    for (uint32_t k = 0; k < code->operand_count; k++) {
        const RowBinding *binding = &fused->operands[k];
        types[k] = operand_type(self, &code->operands[k], binding);
        still[k] = !code->operands[k].flag && self->plan->values[binding->value].place != IN_ARENA;
        if (binding->map) constants_add(self->constants, binding->map, step->rows * sizeof(uint32_t));
        if (binding->blocks) constants_add(self->constants, binding->blocks, code->width / code->operands[k].span * sizeof(uint32_t));
    }
    for (uint32_t k = 0; k < code->result_count; k++) {
        types[code->operand_count + k] = self->plan->values[fused->results[k].value].dtype;
        if (fused->results[k].map) constants_add(self->constants, fused->results[k].map, step->rows * sizeof(uint32_t));
    }
    out->kernel = kernel_set_add_row(self->kernels, code, types, still, 1);
}

static const uint32_t *table_at(const DeviceCuda *self, const uint32_t *data, uint64_t count) {
    return data ? address(constants_at(self->constants, constants_add(self->constants, data, count * sizeof *data))) : NULL;
}

static RowPointer bind_operand(const DeviceCuda *self, const Step *step, uint32_t k) {
    const RowCode *code = &self->plan->codes[step->fused->code];
    const RowOperand *operand = &code->operands[k];
    const RowBinding *binding = &step->fused->operands[k];
    RowPointer out = {.map = table_at(self, binding->map, step->rows)};
    if (binding->blocks) out.blocks = table_at(self, binding->blocks, code->width / operand->span);
    if (operand->flag) return out;
    GpuValue value = cuda_value_at(self, binding->value);
    out.at = address(value.at + binding->row * row_bytes(&value));
    out.stride = operand->fixed ? 0 : value.stride;
    return out;
}

static void bind_kernel(DeviceCuda *self, const Step *step, BoundStep *out) {
    const Fused *fused = step->fused;
    const RowCode *code = &self->plan->codes[fused->code];
    out->pointer_count = code->operand_count + code->result_count;
    out->pointers = arena_many(self->arena, RowPointer, out->pointer_count);
    for (uint32_t k = 0; k < code->operand_count; k++) out->pointers[k] = bind_operand(self, step, k);
    for (uint32_t k = 0; k < code->result_count; k++) {
        GpuValue value = cuda_value_at(self, fused->results[k].value);
        out->pointers[code->operand_count + k] =
            (RowPointer){.at = address(value.at), .map = table_at(self, fused->results[k].map, step->rows), .stride = value.stride};
    }
}

static bool run_kernel(DeviceCuda *self, const Step *step, const BoundStep *bound, Error *err) {
    const CudaRows rows = {bound->pointers, bound->pointer_count, self->plan->codes[step->fused->code].width, 0, step->rows};
    return cuda_rows_launch(&self->gpu, kernel_set_function(self->kernels, bound->kernel), kernel_set_launch(self->kernels, bound->kernel),
                            &rows, err);
}

// ---- Products

static GpuValue weight_at(const DeviceCuda *self, const Step *step, uint32_t i) {
    return cuda_value_at(self, step_weight(step, i));
}

// Weights that lie one below another in memory are one matrix. They do not where two models share some of them.
static bool one_below_another(const DeviceCuda *self, const Step *step) {
    for (uint32_t i = 1; i < step->weight_count; i++) {
        GpuValue above = weight_at(self, step, i - 1), below = weight_at(self, step, i);
        if (above.dtype != below.dtype || above.at + above.rows * row_bytes(&above) != below.at) return false;
    }
    return true;
}

// cuBLASLt multiplies two matrices of one type. Weights are loaded as what states are; maps are float32: rows for them
// are widened first, and their result is rounded afterwards.
static void plan_product(DeviceCuda *self, const Step *step, BoundStep *out) {
    GpuValue x = cuda_value_at(self, step->in[0]), w = cuda_value_at(self, step->in[1]), y = cuda_value_at(self, step->out);
    bool apart = !rows_are_run(step->map[0], step->rows);
    out->gathers = apart || x.dtype != w.dtype;
    out->rounds = w.dtype == DTYPE_f32 && y.dtype != DTYPE_f32;
    const GemmShape shape = {.x = w.dtype, .w = w.dtype, .y = out->rounds ? DTYPE_f32 : y.dtype, .in = x.width, .out = y.width,
                             .rows = step->rows, .transposed = step->op == OP_product, .x_stride = out->gathers ? x.width : x.stride,
                             .y_stride = out->rounds ? y.width : y.stride};
    out->gemm_count = one_below_another(self, step) ? 1 : step->weight_count;
    out->gemms = arena_many(self->arena, GpuGemm, out->gemm_count);
    for (uint32_t i = 0; i < out->gemm_count; i++) {
        out->gemms[i].shape = shape;
        if (out->gemm_count > 1) out->gemms[i].shape.out = (uint32_t)weight_at(self, step, i).rows;
    }
    if (apart) constants_add(self->constants, step->map[0], step->rows * sizeof(uint32_t));
    if (out->gathers) out->kernel = kernel_set_add_copy(self->kernels, x.dtype, w.dtype, x.width, apart);
    if (out->rounds) out->rounder = kernel_set_add_copy(self->kernels, DTYPE_f32, y.dtype, y.width, false);
}

static void bind_product(DeviceCuda *self, const Step *step, BoundStep *out) {
    GpuValue x = cuda_value_at(self, step->in[0]), y = cuda_value_at(self, step->out);
    bool run = rows_are_run(step->map[0], step->rows);
    DevicePtr rows = x.at + (run && step->map[0] ? step->map[0][0] * row_bytes(&x) : 0);
    uint64_t column = 0;
    for (uint32_t i = 0; i < out->gemm_count; column += out->gemms[i++].shape.out) {
        GpuGemm *gemm = &out->gemms[i];
        gemm->w = weight_at(self, step, i).at;
        gemm->x = out->gathers ? self->gathered : rows;
        gemm->y = (out->rounds ? self->rounded : y.at) + column * dtype_info[gemm->shape.y].bytes;
    }
    out->pointers = arena_many(self->arena, RowPointer, 4);
    out->pointers[0] = (RowPointer){.at = address(rows), .map = run ? NULL : table_at(self, step->map[0], step->rows), .stride = x.stride};
    out->pointers[1] = (RowPointer){.at = address(self->gathered), .stride = x.width};
    out->pointers[2] = (RowPointer){.at = address(self->rounded), .stride = y.width};
    out->pointers[3] = (RowPointer){.at = address(y.at), .stride = y.stride};
}

static bool copy_rows(DeviceCuda *self, uint32_t kernel, const RowPointer *pointers, uint32_t width, uint64_t rows, Error *err) {
    return cuda_rows_launch(&self->gpu, kernel_set_function(self->kernels, kernel), kernel_set_launch(self->kernels, kernel),
                            &(CudaRows){pointers, 2, width, 0, rows}, err);
}

static bool run_products(DeviceCuda *self, const BoundStep *bound, Error *err) {
    for (uint32_t i = 0; i < bound->gemm_count; i++) TRY(gemms_run(self->gemms, &self->gpu, &bound->gemms[i], err));
    return true;
}

static bool run_product(DeviceCuda *self, const Step *step, const BoundStep *bound, Error *err) {
    if (bound->gathers) TRY(copy_rows(self, bound->kernel, bound->pointers, bound->gemms->shape.in, step->rows, err));
    TRY(run_products(self, bound, err));
    return !bound->rounds || copy_rows(self, bound->rounder, bound->pointers + 2, self->plan->values[step->out].width, step->rows, err);
}

// ---- Attention

static CudaKeys keys_at(const DeviceCuda *self, uint32_t value, const KeyRows *rows) {
    GpuValue at = cuda_value_at(self, value), other = rows->rows ? cuda_value_at(self, rows->other) : (GpuValue){0};
    return (CudaKeys){at.at, other.at, at.stride, other.stride, *rows};
}

static CudaAttention attention_of(const DeviceCuda *self, const Step *step) {
    uint32_t heads = step->attr.attention.heads;
    GpuValue q = cuda_value_at(self, step->in[0]);
    return (CudaAttention){.dtype = q.dtype, .q = q.at, .q_stride = q.stride, .out = cuda_value_at(self, step->out).at,
                           .keys = keys_at(self, step->in[1], &step->keys), .values = keys_at(self, step->in[2], &step->values),
                           .q_map = step->map[0], .count = step->count, .rows = step->rows, .heads = heads,
                           .kv_heads = step->attr.attention.kv_heads, .size = self->plan->values[step->out].width / heads,
                           .scale = step->attr.attention.scale, .strict = self->strict};
}

static void plan_attention(DeviceCuda *self, const Step *step, BoundStep *out) {
    out->attention = attention_of(self, step);
    out->attends = attention_plan(&out->attention, self->gpu.multiprocessors, self->arena);
    out->tables = constants_add(self->constants, out->attends->tables, out->attends->table_bytes);
    out->kernel = kernel_set_add_text(self->kernels, "attention", attention_text(out->attends, self->arena), true);
}

static void bind_attention(DeviceCuda *self, const Step *step, BoundStep *out) {
    out->attention = attention_of(self, step);
}

static bool run_attention(DeviceCuda *self, const Step *step, const BoundStep *bound, Error *err) {
    (void)step;
    return attention_launch(&self->gpu, bound->attends, &bound->attention, constants_at(self->constants, bound->tables),
                            kernel_set_function(self->kernels, bound->kernel), err);
}

// ---- Metrics of logits

static void plan_logits(DeviceCuda *self, const Step *step, BoundStep *out) {
    const LogitsWorld world = {&self->gpu, self->gemms, self->kernels, self->constants, self->plan->codes, resolve, self, self->strict};
    out->logits = gpu_logits_plan(&world, step, self->arena);
}

static void bind_logits(DeviceCuda *self, const Step *step, BoundStep *out) {
    (void)step;
    gpu_logits_bind(out->logits, self->tiles, self->kept + out->kept);
}

static bool run_logits(DeviceCuda *self, const Step *step, const BoundStep *bound, Error *err) {
    (void)self;
    (void)step;
    return gpu_logits_run(bound->logits, err);
}

// ---- Kinds of steps

typedef struct {
    void (*plan)(DeviceCuda *self, const Step *step, BoundStep *out); // before there is memory: asks for kernels and tables
    void (*bind)(DeviceCuda *self, const Step *step, BoundStep *out); // when all is there
    bool (*run)(DeviceCuda *self, const Step *step, const BoundStep *bound, Error *err);
} StepKind;

static const StepKind kind_kernel = {plan_kernel, bind_kernel, run_kernel};
static const StepKind kind_logits = {plan_logits, bind_logits, run_logits};
static const StepKind kind_product = {plan_product, bind_product, run_product};
static const StepKind kind_attention = {plan_attention, bind_attention, run_attention};

// NULL: on the processor. A product with a map that the processor fitted is in float32, as all maps are.
static const StepKind *kind_of(const Step *step) {
    static const StepKind *const kinds[OP_COUNT] = {
        [OP_linear] = &kind_product, [OP_product] = &kind_product, [OP_attention] = &kind_attention};
    return step->fused ? &kind_kernel : step->logits ? &kind_logits : kinds[step->op];
}

// ---- The device

static uint64_t cuda_device_free_bytes(const DeviceOptions *options) {
    return cuda_free_memory(options->cuda_path);
}

static bool cuda_device_usable(const DeviceOptions *options) {
    Error ignored;
    int count = 0;
    return cuda_load(options->cuda_path, &ignored) && !cuda.DeviceGetCount(&count) && count > 0 && nvrtc_load(options->cuda_path, &ignored) &&
           blaslt_load(options->cuda_path, &ignored);
}

static bool cuda_device_open(Device *device, Arena *arena, Error *err) {
    DeviceCuda *self = arena_new(arena, DeviceCuda);
    device->self = self;
    self->strict = device->options.strict;
    device_phase(device, "opening the GPU");
    return gpu_open(&self->gpu, arena, device->options.cuda_path, device->options.cache ? cache_folder(arena) : NULL, err);
}

static void drop_plan(DeviceCuda *self) {
    if (!self->arena) return;
    graphs_close(self->graphs);
    self->graphs = NULL;
    self->unchecked = (U32List){0};
    reads_close(self->reads);
    fits_close(self->fits);
    gemms_close(self->gemms);
    kernel_set_close(self->kernels);
    constants_close(self->constants);
    upload_close(self->upload);
    gpu_give(self->memory);
    gpu_give(self->tiles);
    gpu_give(self->kept);
    gpu_give(self->gathered);
    gpu_give(self->rounded);
    arena_close(self->arena);
    self->reads = NULL, self->fits = NULL, self->gemms = NULL, self->kernels = NULL, self->constants = NULL, self->upload = NULL, self->arena = NULL;
    self->memory = self->tiles = self->kept = self->gathered = self->rounded = 0;
}

static bool take_memory(DeviceCuda *self, Error *err) {
    uint64_t tiles = 0, kept = 0, gathered = 0, rounded = 0;
    for (size_t i = 0; i < self->plan->step_count; i++) {
        const Step *step = &self->plan->steps[i];
        BoundStep *bound = &self->steps[i];
        bound->kept = kept;
        if (bound->logits) kept += gpu_logits_kept(bound->logits);
        if (bound->logits) tiles = MAX(tiles, gpu_logits_bytes(bound->logits));
        const GemmShape *shape = bound->gemms ? &bound->gemms->shape : NULL;
        if (bound->gathers) gathered = MAX(gathered, step->rows * shape->in * dtype_info[shape->x].bytes);
        if (bound->rounds) rounded = MAX(rounded, step->rows * shape->y_stride * sizeof(float));
    }
    return gpu_take(self->plan->arena_bytes, "the plan's values", &self->memory, err) && gpu_take(tiles, "tiles of logits", &self->tiles, err) &&
           gpu_take(kept, "checks of logits", &self->kept, err) &&
           gpu_take(self->gathered_bytes = gathered, "rows of products", &self->gathered, err) && gpu_take(rounded, "results of products", &self->rounded, err);
}

static bool prepare_products(DeviceCuda *self, Error *err) {
    for (size_t i = 0; i < self->plan->step_count; i++) {
        const StepKind *kind = kind_of(&self->plan->steps[i]);
        if (!self->plan->steps[i].rows) continue;
        for (uint32_t k = 0; kind == &kind_product && k < self->steps[i].gemm_count; k++)
            gemms_add(self->gemms, &self->steps[i].gemms[k]);
        if (kind == &kind_logits) gpu_logits_prepare(self->steps[i].logits);
    }
    return gemms_prepare(self->gemms, &self->gpu, err);
}

static void each_step(DeviceCuda *self, bool binds) {
    for (size_t i = 0; i < self->plan->step_count; i++) {
        const Step *step = &self->plan->steps[i];
        const StepKind *kind = step->rows ? kind_of(step) : NULL;
        if (kind) (binds ? kind->bind : kind->plan)(self, step, &self->steps[i]);
    }
}

static bool launch_step(void *device, uint32_t number, Error *err) {
    DeviceCuda *self = device;
    const Step *step = &self->plan->steps[number];
    return kind_of(step)->run(self, step, &self->steps[number], err) || error_at(err, step->span);
}

static bool on_gpu(const Step *step) {
    return kind_of(step) != NULL;
}

static uint64_t states_bytes(const Plan *plan) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < plan->output_count; i++)
        if (plan->outputs[i].kind == OUT_states) bytes += plan->values[plan->outputs[i].value].bytes;
    return bytes;
}

static bool cuda_device_prepare(Device *device, const BoundPlan *bound, Error *err) {
    DeviceCuda *self = device->self;
    drop_plan(self);
    self->plan = bound->plan;
    self->tensors = bound->tensors;
    self->filled = false;
    self->arena = arena_open();
    self->constants = constants_open(self->arena);
    self->kernels = kernel_set_open(self->arena);
    self->steps = arena_many(self->arena, BoundStep, self->plan->step_count + 1);
    self->host = plan_host_values(self->plan, on_gpu, self->arena);
    const DType *as = plan_weight_types(self->plan, self->arena);
    device_phase(device, "copying weights");
    self->upload = upload_open(&self->gpu, self->tensors, self->plan->value_count, as, plan_weights_above(self->plan, self->arena), self->arena, err);
    TRY(self->upload != NULL);
    self->gemms = gemms_open(&self->gpu, self->strict, self->arena);
    self->graphs = graphs_open(&self->gpu, launch_step, self, self->arena);
    self->reads = reads_open(&self->gpu, states_bytes(self->plan), self->arena);
    device_phase(device, "compiling kernels");
    place_tables(self, as);
    const FitWorld world = {&self->gpu, self->plan, self->kernels, self->constants, resolve, self, self->host};
    self->fits = fits_open(&world, device->options.cuda_path, self->arena);
    each_step(self, false);
    TRY(kernel_set_build(self->kernels, &self->gpu, err) && take_memory(self, err) && constants_load(self->constants, &self->gpu, err));
    each_step(self, true);
    device_phase(device, "choosing products");
    return prepare_products(self, err);
}

static bool cuda_device_begin(Device *device, Error *err) {
    DeviceCuda *self = device->self;
    self->filled = true;
    TRY(cuda_settle(self, err)); // values may be replaced
    reads_forget(self->reads);
    for (size_t i = 0; i < self->plan->value_count; i++) {
        const Value *value = &self->plan->values[i];
        const PlanTable *table = value->place == IN_PLAN ? &self->plan->tables[value->table] : NULL;
        if (!table || !table->axis) continue;
        uint64_t bytes = table->rows * table->width * dtype_info[table->dtype].bytes;
        TRY(gpu_put(&self->gpu, constants_at(self->constants, self->table[i]), table->data, bytes, err));
    }
    return true;
}

static bool cuda_device_run(Device *device, const Step *step, Error *err) {
    DeviceCuda *self = device->self;
    uint32_t number = (uint32_t)(step - self->plan->steps);
    if (step->logits && gpu_logits_kept(self->steps[number].logits)) list_push(self->arena, &self->unchecked, number);
    return kind_of(step) ? graphs_add(self->graphs, number, step->flops, err) : host_run(device, step, err);
}

static bool cuda_device_read(Device *device, uint32_t value, uint64_t first_row, uint64_t rows, void *out, Error *err) {
    DeviceCuda *self = device->self;
    const Value *v = &self->plan->values[value];
    MUST(v->place != IN_FILE && first_row + rows <= v->rows);
    uint64_t row = v->width * (uint64_t)dtype_info[v->dtype].bytes;
    if (self->host[value]) {
        memcpy(out, (const unsigned char *)self->host[value] + first_row * row, (size_t)(rows * row));
        return true;
    }
    return cuda_settle(self, err) && cuda_copy_wide(self, value, first_row, rows, out, err);
}

static bool cuda_device_ask(Device *device, uint32_t value, bool *asked, Error *err) {
    DeviceCuda *self = device->self;
    const Value *v = &self->plan->values[value];
    GpuValue at = cuda_value_at(self, value);
    *asked = false;
    if (v->place != IN_ARENA || self->host[value] || at.stride != at.width) return true;
    return graphs_flush(self->graphs, err) && reads_ask(self->reads, at.at, at.dtype, at.rows * at.width, asked, err);
}

static bool cuda_device_waits(const Step *step) {
    return !kind_of(step);
}

static bool cuda_device_take(Device *device, void *out, Error *err) {
    return reads_take(((DeviceCuda *)device->self)->reads, out, err);
}

static bool cuda_device_print(Device *device, Text *out, Error *err) {
    (void)err;
    kernel_set_print(((DeviceCuda *)device->self)->kernels, out);
    return true;
}

// ---- Time

static bool cuda_device_mark(Device *device, Error *err) {
    DeviceCuda *self = device->self;
    TRY(graphs_flush(self->graphs, err));
    if (self->marked == self->marks.len) {
        CuEvent event = NULL;
        TRY(cuda_ok(cuda.EventCreate(&event, 0), "take the time", err));
        list_push(self->gpu.arena, &self->marks, event);
    }
    return cuda_ok(cuda.EventRecord(self->marks.at[self->marked++], self->gpu.stream), "take the time", err);
}

static bool cuda_device_marks(Device *device, double *seconds, size_t count, Error *err) {
    DeviceCuda *self = device->self;
    MUST(self->marked == count + 1);
    self->marked = 0;
    TRY(gpu_wait(&self->gpu, err));
    for (size_t i = 0; i < count; i++) {
        float milliseconds = 0;
        TRY(cuda_ok(cuda.EventElapsedTime(&milliseconds, self->marks.at[i], self->marks.at[i + 1]), "take the time", err));
        seconds[i] = 1e-3 * (double)milliseconds;
    }
    return true;
}

// Memory that no run has filled gets numbers.
static bool fill_memory(DeviceCuda *self, Error *err) {
    return self->filled = gpu_fill(&self->gpu, self->memory, self->plan->arena_bytes, err) && gpu_fill(&self->gpu, self->gathered, self->gathered_bytes, err);
}

// The plan's own calls and memory: what lies there is what a run multiplies.
static bool cuda_device_bare_products(Device *device, double *seconds, Error *err) {
    DeviceCuda *self = device->self;
    const Plan *plan = self->plan;
    size_t count = 0;
    if (!self->filled) TRY(fill_memory(self, err));
    Arena *scratch = arena_open();
    uint32_t *steps = arena_many(scratch, uint32_t, plan->step_count + 1);
    double *took = arena_many(scratch, double, plan->step_count + 1);
    bool ok = true;
    for (uint32_t i = 0; i < plan->step_count && ok; i++) {
        const StepKind *kind = plan->steps[i].rows ? kind_of(&plan->steps[i]) : NULL;
        if (kind != &kind_product && kind != &kind_logits) continue;
        steps[count++] = i;
        ok = cuda_device_mark(device, err) && (kind == &kind_product ? run_products(self, &self->steps[i], err)
                                                                     : gpu_logits_products(self->steps[i].logits, err));
    }
    ok = ok && cuda_device_mark(device, err) && cuda_device_marks(device, took, count, err);
    memset(seconds, 0, plan->step_count * sizeof *seconds);
    for (size_t i = 0; i < count && ok; i++) seconds[steps[i]] = took[i];
    arena_close(scratch);
    return ok;
}

static bool cuda_device_copy_rate(Device *device, double *rate, Error *err) {
    return gpu_copy_rate(&((DeviceCuda *)device->self)->gpu, rate, err);
}

static void cuda_device_close(Device *device) {
    DeviceCuda *self = device->self;
    if (!self) return;
    drop_plan(self);
    for (size_t i = 0; i < self->marks.len; i++) cuda.EventDestroy(self->marks.at[i]);
    gpu_close(&self->gpu);
    device->self = NULL;
}

const DeviceApi device_cuda = {
    .name = "cuda",
    .what = "an NVIDIA GPU: fused kernels through NVRTC, products through cuBLASLt",
    .fuses = true,
    .shortens = true,
    .beside = true,
    .batch_rows = 16384,
    .window = 2e14,
    .free_bytes = cuda_device_free_bytes,
    .plan_bytes = cuda_plan_bytes,
    .usable = cuda_device_usable,
    .open = cuda_device_open,
    .prepare = cuda_device_prepare,
    .begin = cuda_device_begin,
    .run = cuda_device_run,
    .mark = cuda_device_mark,
    .marks = cuda_device_marks,
    .read = cuda_device_read,
    .waits = cuda_device_waits,
    .ask = cuda_device_ask,
    .take = cuda_device_take,
    .print = cuda_device_print,
    .bare_products = cuda_device_bare_products,
    .copy_rate = cuda_device_copy_rate,
    .close = cuda_device_close,
};
