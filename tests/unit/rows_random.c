// Row kernels of pseudo-random operations, widths, blocks, maps and types: compiled code against the interpreter.
#include "rows_maker.h"

int main(int argc, char **argv) {
    Error err = {0};
    Jit *jit = jit_open(NULL, &err);
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 400;
    for (uint64_t seed = first; seed < first + count; seed++) {
        Arena *arena = arena_open();
        Random random = {seed * 0x9e3779b97f4a7c15u};
        Maker m = {.b = {.arena = arena}, .random = &random};
        RowCode code = random_code(&m);
        for (int again = 0; again < 4; again++) {
            bool ok = bench_check(jit, &random, code, m.types, random_below(&random, 70),
                                  1 + random_below(&random, MOST_ROWS));
            if (!ok) fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
            CHECK(ok);
            if (!ok) break;
        }
        arena_close(arena);
    }
    jit_close(jit);
    return check_done();
}
