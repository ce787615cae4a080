// host.c: steps of the device cuda that the processor takes, with the functions of ref: sums over prompts, fits.
#include "mdx/map.h"
#include "runtime/cuda/device.h"
#include "runtime/ref.h"

bool cuda_settle(DeviceCuda *self, Error *err) {
    TRY(graphs_flush(self->graphs, err) && gpu_wait(&self->gpu, err));
    for (size_t i = 0; i < self->unchecked.len; i++) {
        const Step *step = &self->plan->steps[self->unchecked.at[i]];
        if (gpu_logits_check(self->steps[self->unchecked.at[i]].logits, err)) continue;
        self->unchecked.len = 0;
        if (step->name.len) error_prefix(err, "%.*s", STR_ARG(step->name));
        return error_at(err, step->span);
    }
    self->unchecked.len = 0;
    return true;
}

// Rows of a value, one behind another, when all that was launched is done. Those of columns come with what lies between.
static bool copy_out(DeviceCuda *self, uint32_t i, uint64_t first, uint64_t rows, void *out, Error *err) {
    GpuValue value = cuda_value_at(self, i);
    uint64_t row = (uint64_t)value.width * dtype_info[value.dtype].bytes, step = (uint64_t)value.stride * dtype_info[value.dtype].bytes;
    Arena *scratch = arena_open();
    unsigned char *raw = row == step || !rows ? out : arena_alloc(scratch, (size_t)(rows * step));
    size_t bytes = rows ? (size_t)((rows - 1) * step + row) : 0;
    bool ok = gpu_get(&self->gpu, raw, value.at + first * step, bytes, err);
    if (ok && raw != out) rows_pack(raw, rows, (size_t)row, (size_t)step, out);
    arena_close(scratch);
    return ok;
}

bool cuda_copy_wide(DeviceCuda *self, uint32_t i, uint64_t first, uint64_t rows, void *out, Error *err) {
    const Value *value = &self->plan->values[i];
    uint64_t count = rows * value->width;
    if (!dtype_is_short(value->dtype)) return copy_out(self, i, first, rows, out, err);
    Arena *scratch = arena_open();
    void *raw = arena_many(scratch, uint16_t, count);
    bool ok = copy_out(self, i, first, rows, raw, err);
    if (ok) dtype_to_f32(value->dtype, raw, out, (size_t)count);
    arena_close(scratch);
    return ok;
}

static const void *fetch(DeviceCuda *self, uint32_t i, DType *dtype, Arena *scratch, Error *err) {
    const Value *value = &self->plan->values[i];
    *dtype = value->dtype;
    if (self->host[i]) return self->host[i];
    if (value->place == IN_PLAN) return self->plan->tables[value->table].data;
    if (value->place == IN_FILE) {
        *dtype = self->tensors[i]->dtype;
        return self->tensors[i]->data;
    }
    if (dtype_is_short(value->dtype)) *dtype = DTYPE_f32;
    void *out = arena_alloc(scratch, (size_t)(value->rows * value->width * dtype_info[*dtype].bytes));
    return cuda_copy_wide(self, i, 0, value->rows, out, err) ? out : NULL;
}

static bool store(DeviceCuda *self, uint32_t i, const void *from, Arena *scratch, Error *err) {
    const Value *value = &self->plan->values[i];
    uint64_t count = value->rows * value->width;
    MUST(!value->stride || value->stride == value->width); // columns are written by products and kernels alone
    if (dtype_is_short(value->dtype)) {
        void *narrow = arena_many(scratch, uint16_t, count);
        dtype_from_f32(value->dtype, from, narrow, (size_t)count);
        from = narrow;
    }
    TRY(cuda_ok(cuda.MemcpyHtoDAsync(cuda_value_at(self, i).at, from, (size_t)(count * dtype_info[value->dtype].bytes), self->gpu.stream), "write results", err));
    return gpu_wait(&self->gpu, err);
}

static bool compute_as_ref(Device *device, const Step *step, Arena *scratch, Error *err) {
    DeviceCuda *self = device->self;
    const Value *out = &self->plan->values[step->out];
    bool narrow = dtype_is_short(out->dtype);
    RefOp op = {.step = step, .plan = self->plan, .out_dtype = narrow ? DTYPE_f32 : out->dtype, .out_rows = out->rows, .width = out->width,
                .fit = &device->fit, .memo = &device->memo, .scratch = scratch};
    void *kept = self->host[step->out];
    op.out = kept ? kept : arena_alloc(scratch, (size_t)(out->rows * out->width * dtype_info[op.out_dtype].bytes));
    for (uint32_t i = 0; i < op_info[step->op].inputs; i++) {
        const Value *in = &self->plan->values[step->in[i]];
        op.in[i] = (RefInput){.rows = in->rows, .width = in->width};
        TRY((op.in[i].data = fetch(self, step->in[i], &op.in[i].dtype, scratch, err)) != NULL);
    }
    return ref_functions[step->op](&op, err) && (kept || store(self, step->out, op.out, scratch, err));
}

// Memory that the step reads was written by then, and what it writes was read.
static bool touches_gpu(const DeviceCuda *self, const Step *step) {
    bool any = !self->host[step->out];
    for (uint32_t i = 0; i < op_info[step->op].inputs; i++)
        any |= self->plan->values[step->in[i]].place == IN_ARENA && !self->host[step->in[i]];
    return any;
}

// A large fit stays on the GPU, unless it cannot: then the processor says why, or fits it.
bool host_run(Device *device, const Step *step, Error *err) {
    DeviceCuda *self = device->self;
    const FitStep *fit = fits_step(self->fits, step);
    if (touches_gpu(self, step)) TRY(cuda_settle(self, err));
    if (fit && fits_run(self->fits, fit, self->host[step->out], &device->fit)) return true;
    Arena *scratch = arena_open();
    bool ok = compute_as_ref(device, step, scratch, err);
    arena_close(scratch);
    return ok;
}
