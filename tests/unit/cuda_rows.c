// cuda_rows.c: row kernels as CUDA compile for every architecture, random ones and those of the metrics of logits. What
// they compute is tested where a GPU is (tests/gpu/rows.c).
#include "rows_maker.h"

#include "compiler/fuse.h"
#include "runtime/cuda/compile.h"
#include "runtime/cuda/load.h"
#include "runtime/cuda/print_row.h"

enum { RANDOM_CODES = 24 };

typedef LIST(KernelSource) Texts;

static void add(Arena *arena, Texts *sources, const RowCode *code, const DType *operands, uint32_t together) {
    DType *types = arena_many(arena, DType, code->operand_count + code->result_count);
    memcpy(types, operands, code->operand_count * sizeof *types);
    for (uint32_t k = 0; k < code->result_count; k++)
        types[code->operand_count + k] = code->instrs[code->results[k].value].wide ? DTYPE_f64 : DTYPE_f32;
    bool *still = arena_many(arena, bool, code->operand_count + 1);
    still[0] = true;
    Text text = text_open(arena);
    RowLaunch launch;
    cuda_print_row(code, types, code->operand_count > 1 ? still : NULL, together, "rows", &text, &launch);
    CHECK(launch.threads * launch.rows <= 1024 && launch.rows > 0);
    list_push(arena, sources, ((KernelSource){.name = "rows", .text = text_view(&text)}));
}

static void add_metric(Arena *arena, Texts *sources, Op op, uint32_t together) {
    static const DType types[] = {DTYPE_f32, DTYPE_f32, DTYPE_f64, DTYPE_f64, DTYPE_f64,
                                  DTYPE_f64, DTYPE_f64, DTYPE_f64, DTYPE_f64, DTYPE_f64};
    Attr *attr = arena_new(arena, Attr);
    MetricCodes codes = metric_codes(op, attr, arena);
    const RowCode *const all[] = {&codes.first, &codes.tile, &codes.second, &codes.finish};
    for (size_t i = 0; i < COUNT(all); i++)
        if (all[i]->instr_count) add(arena, sources, all[i], types, together);
}

int main(void) {
    static const char *const architectures[] = {"sm_80", "sm_90a", "sm_100"};
    Error err = {0};
    if (!nvrtc_load(NULL, &err)) {
        fprintf(stderr, "skipped: %s\n", err.text);
        return 77;
    }
    Arena *arena = arena_open();
    for (size_t i = 0; i < COUNT(architectures); i++) {
        uint32_t together = i ? 8 : 1; // thread blocks meet from sm_90 on
        Texts sources = {0};
        for (uint64_t seed = 1; seed <= RANDOM_CODES; seed++) {
            Random random = {seed * 0x9e3779b97f4a7c15u};
            Maker m = {.b = {.arena = arena}, .random = &random};
            RowCode code = random_code(&m);
            add(arena, &sources, &code, m.types, seed % 2 ? together : 1);
        }
        for (Op op = 0; op < OP_COUNT; op++)
            if (metric_has_codes(op)) add_metric(arena, &sources, op, together);
        KernelImage *images = arena_many(arena, KernelImage, sources.len);
        bool ok = kernels_compile(sources.at, sources.len, architectures[i], NULL, arena, images, &err);
        if (!ok) fprintf(stderr, "%s: %s\n", architectures[i], err.text);
        CHECK(ok);
    }
    arena_close(arena);
    return check_done();
}
