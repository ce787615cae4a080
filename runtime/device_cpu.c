// device_cpu.c: row kernels through LLVM, matrix products through BLAS, the rest with the functions of ref.
#define _DEFAULT_SOURCE // madvise
#include <stdlib.h>
#include <sys/mman.h>

#include "mdx/map.h"
#include "runtime/cache.h"
#include "runtime/cpu/bare.h"
#include "runtime/cpu/copy.h"
#include "runtime/device.h"
#include "runtime/ref.h"

extern const DeviceApi device_cpu;

typedef struct {
    RowFunction *function;
    RowPointer *pointers; // of the operands, then of the results
    DType *types;         // of the operands
} BoundKernel;

typedef struct {
    Cpu cpu;
    Arena *arena; // of one plan
    const Plan *plan;
    const Tensor *const *tensors;
    unsigned char *memory;
    BoundKernel *kernels; // by step
    Bare bare;
} DeviceCpu;

// ---- Values

static CpuValue value_at(const DeviceCpu *self, uint32_t i) {
    const Value *value = &self->plan->values[i];
    CpuValue out = {.dtype = value->dtype, .rows = value->rows, .width = value->width};
    switch (value->place) {
    case IN_ARENA: out.at = self->memory + value->offset; break;
    case IN_FILE:
        out.at = self->tensors[i]->data;
        out.dtype = self->tensors[i]->dtype;
        break;
    case IN_PLAN: out.at = self->plan->tables[value->table].data; break;
    case NOWHERE: BUG("a value that is nowhere");
    }
    out.stride = value_stride(value);
    return out;
}

static CpuValue resolve(void *self, uint32_t value) {
    return value_at(self, value);
}

static void *address(const DeviceCpu *self, uint32_t value) {
    return self->memory + self->plan->values[value].offset;
}

// ---- Kernels

static void bind_operand(const DeviceCpu *self, const RowOperand *operand, const RowBinding *binding, DType *type, RowPointer *out) {
    *out = (RowPointer){.map = binding->map, .blocks = binding->blocks};
    *type = DTYPE_f32;
    if (operand->flag) return;
    CpuValue value = value_at(self, binding->value);
    *type = value.dtype;
    out->at = (unsigned char *)(uintptr_t)value.at + (size_t)binding->row * value.stride * dtype_info[value.dtype].bytes;
    out->stride = operand->fixed ? 0 : value.stride;
}

static bool bind_kernel(DeviceCpu *self, const Step *step, BoundKernel *out, Error *err) {
    const Fused *fused = step->fused;
    const RowCode *code = &self->plan->codes[fused->code];
    out->types = arena_many(self->arena, DType, code->operand_count + 1);
    out->pointers = arena_many(self->arena, RowPointer, code->operand_count + code->result_count);
    for (uint32_t k = 0; k < code->operand_count; k++)
        bind_operand(self, &code->operands[k], &fused->operands[k], &out->types[k], &out->pointers[k]);
    for (uint32_t k = 0; k < code->result_count; k++) {
        const RowBinding *binding = &fused->results[k];
        out->pointers[code->operand_count + k] =
            (RowPointer){.at = address(self, binding->value), .map = binding->map, .stride = value_at(self, binding->value).stride};
    }
    return jit_function(self->cpu.jit, code, out->types, &out->function, err);
}

// Few enough rows that small steps are shared too, enough that handing them out costs nothing.
enum { ROWS_PER_TASK = 32 };

static void run_kernel(DeviceCpu *self, const Step *step) {
    const BoundKernel *kernel = &self->kernels[step - self->plan->steps];
    cpu_rows(&self->cpu, &(RowRun){kernel->function, kernel->pointers, 0, 0, step->rows, ROWS_PER_TASK});
}

// ---- Operations

typedef bool CpuFunction(DeviceCpu *self, const Step *step, Error *err);

static bool run_product(DeviceCpu *self, const Step *step, Error *err) {
    (void)err;
    CpuValue x = value_at(self, step->in[0]), y = value_at(self, step->out);
    uint32_t count = step_weight_count(step);
    GemmWeight weights[STEP_MOST_WEIGHTS];
    for (uint32_t i = 0; i < count; i++) {
        CpuValue w = value_at(self, step_weight(step, i));
        weights[i] = (GemmWeight){w.at, w.dtype, step->op == OP_product ? w.width : (uint32_t)w.rows};
    }
    const Gemm gemm = {.x = x.at, .map = step->map[0], .rows = step->rows, .in = x.width, .out = y.width, .weights = weights,
                       .weight_count = count, .transposed = step->op == OP_product, .y = address(self, step->out), .x_stride = x.stride,
                       .y_stride = y.stride};
    cpu_gemm(&self->cpu, &gemm);
    return true;
}

static AttentionKeys keys_at(const DeviceCpu *self, uint32_t value, const KeyRows *rows) {
    CpuValue at = value_at(self, value), other = rows->rows ? value_at(self, rows->other) : at;
    return (AttentionKeys){at.at, other.at, at.stride, other.stride, *rows};
}

static bool run_attention(DeviceCpu *self, const Step *step, Error *err) {
    uint32_t heads = step->attr.attention.heads;
    CpuValue q = value_at(self, step->in[0]);
    const Attention attention = {.q = q.at, .q_stride = q.stride, .keys = keys_at(self, step->in[1], &step->keys),
                                 .values = keys_at(self, step->in[2], &step->values), .q_map = step->map[0], .count = step->count,
                                 .rows = step->rows, .heads = heads, .kv_heads = step->attr.attention.kv_heads,
                                 .size = self->plan->values[step->out].width / heads, .scale = step->attr.attention.scale,
                                 .out = address(self, step->out)};
    return cpu_attention(&self->cpu, &attention, err);
}

// Operations that are no loop of ours to make fast run as ref runs them.
static CpuFunction *const cpu_functions[OP_COUNT] = {
    [OP_linear] = run_product,
    [OP_product] = run_product,
    [OP_attention] = run_attention,
};

// The functions of ref know no columns of another value: these are copied.
static const void *rows_together(const CpuValue *value, Arena *scratch) {
    size_t row = value->width * (size_t)dtype_info[value->dtype].bytes;
    if (value->stride == value->width) return value->at;
    void *out = arena_alloc(scratch, value->rows * row);
    rows_pack(value->at, value->rows, row, value->stride * (size_t)dtype_info[value->dtype].bytes, out);
    return out;
}

static bool run_as_ref(Device *device, const Step *step, Error *err) {
    DeviceCpu *self = device->self;
    const Value *out = &self->plan->values[step->out];
    RefOp op = {.step = step, .plan = self->plan, .out = address(self, step->out), .out_dtype = out->dtype,
                .out_rows = out->rows, .width = out->width, .fit = &device->fit, .memo = &device->memo, .scratch = arena_open()};
    for (uint32_t i = 0; i < op_info[step->op].inputs; i++) {
        CpuValue in = value_at(self, step->in[i]);
        op.in[i] = (RefInput){rows_together(&in, op.scratch), in.dtype, in.rows, in.width};
    }
    bool ok = ref_functions[step->op](&op, err);
    arena_close(op.scratch);
    return ok;
}

// ---- The device

enum { CPU_LIBRARY_BYTES = 40 << 20 };

// The buffers of cpu.h, and what LLVM and BLAS take when they compile and multiply, as measured.
static uint64_t cpu_device_fixed_bytes(const DeviceOptions *options) {
    uint32_t threads = options->threads ? options->threads : pool_default_threads();
    return CPU_PANEL_BYTES + CPU_TILE_BYTES + (uint64_t)threads * CPU_SCRATCH_BYTES + (uint64_t)CPU_LIBRARY_BYTES;
}

static bool cpu_device_open(Device *device, Arena *arena, Error *err) {
    DeviceCpu *self = arena_new(arena, DeviceCpu);
    device->self = self;
    const char *cache = device->options.cache ? cache_folder(arena) : NULL;
    return cpu_open(&self->cpu, arena, device->options.threads, cache, err);
}

static void drop_plan(DeviceCpu *self) {
    cpu_bare_close(&self->bare);
    free(self->memory);
    if (self->arena) arena_close(self->arena);
    self->memory = NULL;
    self->arena = NULL;
}

// Large pages where the system gives them: the first touch of small ones is a twentieth of a short run.
static bool take_memory(DeviceCpu *self, Error *err) {
    enum { LARGE_PAGE = 2 << 20 };
    uint64_t bytes = self->plan->arena_bytes;
    size_t align = bytes >= 2 * LARGE_PAGE ? LARGE_PAGE : 64;
    size_t whole = bytes <= SIZE_MAX - 2 * LARGE_PAGE ? (size_t)(bytes + align) / align * align : 0;
    self->memory = whole ? aligned_alloc(align, whole) : NULL;
    if (self->memory && align == LARGE_PAGE) madvise(self->memory, whole, MADV_HUGEPAGE);
    if (self->memory) return true;
    FAIL(err, ERR_SYSTEM, "the plan needs %llu bytes of memory at once, more than the machine gives; try --memory=SIZE or fewer prompts (limit:)",
         (unsigned long long)bytes);
}

static bool cpu_device_prepare(Device *device, const BoundPlan *bound, Error *err) {
    DeviceCpu *self = device->self;
    drop_plan(self);
    self->plan = bound->plan;
    self->tensors = bound->tensors;
    self->arena = arena_open();
    TRY(take_memory(self, err));
    self->kernels = arena_many(self->arena, BoundKernel, self->plan->step_count + 1);
    for (size_t i = 0; i < self->plan->step_count; i++)
        if (self->plan->steps[i].fused) TRY(bind_kernel(self, &self->plan->steps[i], &self->kernels[i], err));
    return true;
}

static bool cpu_device_run(Device *device, const Step *step, Error *err) {
    DeviceCpu *self = device->self;
    if (step->fused) {
        run_kernel(self, step);
        return true;
    }
    if (step->logits) return cpu_logits(&self->cpu, step->logits, self->plan->codes, step->rows, resolve, self, err);
    CpuFunction *function = cpu_functions[step->op];
    return function ? function(self, step, err) : run_as_ref(device, step, err);
}

static bool cpu_device_read(Device *device, uint32_t value, uint64_t first_row, uint64_t rows, void *out, Error *err) {
    (void)err;
    CpuValue v = value_at(device->self, value);
    size_t row_bytes = (size_t)v.width * dtype_info[v.dtype].bytes, stride = (size_t)v.stride * dtype_info[v.dtype].bytes;
    MUST(first_row + rows <= v.rows);
    rows_pack((const unsigned char *)v.at + first_row * stride, rows, row_bytes, stride, out);
    return true;
}

static bool cpu_device_print(Device *device, Text *out, Error *err) {
    DeviceCpu *self = device->self;
    bool *shown = arena_many(self->arena, bool, self->plan->code_count + 1);
    for (size_t i = 0; i < self->plan->step_count; i++) {
        const Fused *fused = self->plan->steps[i].fused;
        if (!fused || shown[fused->code]) continue;
        shown[fused->code] = true;
        text_add(out, "; k%u\n", fused->code);
        TRY(jit_print(self->cpu.jit, &self->plan->codes[fused->code], self->kernels[i].types, out, err));
    }
    return true;
}

static bool cpu_device_bare_products(Device *device, double *seconds, Error *err) {
    DeviceCpu *self = device->self;
    return cpu_bare(&self->cpu, &self->bare, self->plan, self->arena, seconds, err);
}

static bool cpu_device_copy_rate(Device *device, double *rate, Error *err) {
    return cpu_copy_rate(((DeviceCpu *)device->self)->cpu.pool, rate, err);
}

static void cpu_device_close(Device *device) {
    DeviceCpu *self = device->self;
    if (!self) return;
    drop_plan(self);
    cpu_close(&self->cpu);
    device->self = NULL;
}

const DeviceApi device_cpu = {
    .name = "cpu",
    .what = "this machine's processor: fused kernels through LLVM, OpenBLAS",
    .fuses = true,
    .fixed_bytes = cpu_device_fixed_bytes,
    .strict = true,
    .beside = true,
    .batch_rows = 4096,
    .open = cpu_device_open,
    .prepare = cpu_device_prepare,
    .run = cpu_device_run,
    .read = cpu_device_read,
    .print = cpu_device_print,
    .bare_products = cpu_device_bare_products,
    .bare_apart = true,
    .copy_rate = cpu_device_copy_rate,
    .close = cpu_device_close,
};
