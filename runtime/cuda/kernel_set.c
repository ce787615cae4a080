// kernel_set.c: gathering a plan's kernels, so that they are compiled together, each once.
#include "runtime/cuda/kernel_set.h"
#include "runtime/cuda/print_row.h"

typedef struct {
    const char *function;
    Str text;
    bool fused_multiply_add;
    RowLaunch launch;
    CuModule module;
    CuFunction at;
} Kernel;

struct KernelSet {
    Arena *arena;
    StrMap seen; // text to number
    LIST(Kernel) list;
};

KernelSet *kernel_set_open(Arena *arena) {
    KernelSet *kernels = arena_new(arena, KernelSet);
    kernels->arena = arena;
    kernels->seen = strmap_open(arena, 64);
    return kernels;
}

static uint32_t add(KernelSet *kernels, Kernel kernel) {
    uint32_t number = (uint32_t)kernels->list.len;
    if (strmap_get(&kernels->seen, kernel.text, &number)) return number;
    strmap_put(&kernels->seen, kernel.text, number);
    list_push(kernels->arena, &kernels->list, kernel);
    return number;
}

uint32_t kernel_set_add_row(KernelSet *kernels, const RowCode *code, const DType *types, const bool *still, uint32_t together) {
    Text text = text_open(kernels->arena);
    Kernel kernel = {.function = "rows"};
    cuda_print_row(code, types, still, together, kernel.function, &text, &kernel.launch);
    kernel.text = text_view(&text);
    return add(kernels, kernel);
}

uint32_t kernel_set_add_copy(KernelSet *kernels, DType from, DType to, uint32_t width, bool mapped) {
    RowBuilder b = {.arena = kernels->arena};
    row_result(&b, row_load(&b, row_operand(&b, (RowOperand){.mapped = mapped})), false);
    RowCode code = row_done(&b, width, width);
    return kernel_set_add_row(kernels, &code, (DType[]){from, to}, NULL, 1);
}

uint32_t kernel_set_add_text(KernelSet *kernels, const char *function, Str text, bool fused_multiply_add) {
    return add(kernels, (Kernel){.function = function, .text = text, .fused_multiply_add = fused_multiply_add});
}

static bool load(Kernel *kernel, const KernelImage *image, Error *err) {
    TRY(cuda_ok(cuda.ModuleLoadData(&kernel->module, image->image), "load a kernel", err));
    return cuda_ok(cuda.ModuleGetFunction(&kernel->at, kernel->module, kernel->function), "load a kernel", err);
}

bool kernel_set_build(KernelSet *kernels, const Gpu *gpu, Error *err) {
    KernelSource *sources = arena_many(kernels->arena, KernelSource, kernels->list.len + 1);
    KernelImage *images = arena_many(kernels->arena, KernelImage, kernels->list.len + 1);
    for (size_t i = 0; i < kernels->list.len; i++) {
        const Kernel *kernel = &kernels->list.at[i];
        sources[i] = (KernelSource){
            .name = kernel->function, .text = kernel->text, .fused_multiply_add = kernel->fused_multiply_add};
    }
    TRY(kernels_compile(sources, kernels->list.len, gpu->arch, gpu->cache, kernels->arena, images, err));
    for (size_t i = 0; i < kernels->list.len; i++) TRY(load(&kernels->list.at[i], &images[i], err));
    return true;
}

CuFunction kernel_set_function(const KernelSet *kernels, uint32_t number) {
    return kernels->list.at[number].at;
}

const RowLaunch *kernel_set_launch(const KernelSet *kernels, uint32_t number) {
    return &kernels->list.at[number].launch;
}

void kernel_set_print(const KernelSet *kernels, Text *out) {
    for (size_t i = 0; i < kernels->list.len; i++) {
        if (i) text_char(out, '\n');
        text_str(out, kernels->list.at[i].text);
    }
}

void kernel_set_close(KernelSet *kernels) {
    for (size_t i = 0; kernels && i < kernels->list.len; i++)
        if (kernels->list.at[i].module) cuda.ModuleUnload(kernels->list.at[i].module);
}
