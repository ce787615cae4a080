// cpu_attention.c: attention against plain loops in double, and the bits of a query, which depend on nothing but the
// query and its keys.
#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "blas_kernels.h"
#include "check.h"
#include "runtime/cpu/cpu.h"

static uint32_t seed = 4711;

static float number(void) {
    seed = seed * 1664525 + 1013904223;
    return (float)(seed >> 8) / (1 << 23) - 1;
}

static float *numbers(Arena *arena, size_t count, float size) {
    float *x = arena_many(arena, float, count);
    for (size_t i = 0; i < count; i++) x[i] = number() * size;
    return x;
}

enum { DEVICES = 3, GUARD_WORDS = 64 };
static Cpu cpus[DEVICES];
static const float GUARD_VALUE = 1234.5f;

// ---- The definition

static double score(const Attention *a, uint64_t row, uint32_t head, size_t key) {
    uint32_t group = a->heads / a->kv_heads;
    const float *q = a->q + row * a->heads * a->size + head * a->size;
    const float *k = a->keys.at + key * a->kv_heads * a->size + head / group * a->size;
    double sum = 0;
    for (uint32_t d = 0; d < a->size; d++) sum += (double)q[d] * k[d];
    return sum * a->scale;
}

static void attend(const Attention *a, uint64_t r, uint32_t head, double *weights, double *out) {
    double most = -INFINITY, total = 0;
    for (uint32_t t = 0; t < a->count[r]; t++) {
        weights[t] = score(a, a->q_map ? a->q_map[r] : r, head, a->keys.rows.begin[r] + t);
        most = fmax(most, weights[t]);
    }
    for (uint32_t t = 0; t < a->count[r]; t++) total += weights[t] = exp(weights[t] - most);
    for (uint32_t d = 0; d < a->size; d++) out[d] = 0;
    for (uint32_t t = 0; t < a->count[r]; t++) {
        const float *v = a->values.at + ((size_t)a->values.rows.begin[r] + t) * a->kv_heads * a->size +
                         head / (a->heads / a->kv_heads) * a->size;
        for (uint32_t d = 0; d < a->size; d++) out[d] += weights[t] / total * v[d];
    }
}

// ---- Prompts

typedef struct {
    uint32_t heads, kv_heads, size;
    uint32_t lengths[6]; // of prompts; 0 ends them
    float large;         // of queries: large ones make one key win
} Shape;

// All queries of all prompts. Keys and values lie in other orders of prompts; `spare` rows stand before each.
static Attention all_queries(Arena *arena, const Shape *s) {
    enum { SPARE = 3 };
    uint32_t rows = 0, prompts = 0, most = 0;
    while (prompts < COUNT(s->lengths) && s->lengths[prompts]) rows += s->lengths[prompts++];
    uint32_t *begin = arena_many(arena, uint32_t, rows), *value_begin = arena_many(arena, uint32_t, rows);
    uint32_t *count = arena_many(arena, uint32_t, rows);
    for (uint32_t p = 0, r = 0; p < prompts; p++) {
        uint32_t first = r;
        for (; r < first + s->lengths[p]; r++) {
            begin[r] = first + SPARE * p;
            value_begin[r] = rows - first - s->lengths[p];
            count[r] = r - first + 1;
        }
        most = first + SPARE * p + s->lengths[p];
    }
    Attention a = {.keys.rows.begin = begin,
                   .values.rows.begin = value_begin,
                   .count = count,
                   .rows = rows,
                   .heads = s->heads,
                   .kv_heads = s->kv_heads,
                   .size = s->size,
                   .scale = 1 / sqrtf((float)s->size)};
    a.q = numbers(arena, (size_t)rows * s->heads * s->size, s->large);
    a.keys.at = numbers(arena, (size_t)most * s->kv_heads * s->size, 1);
    a.values.at = numbers(arena, (size_t)rows * s->kv_heads * s->size, 1);
    return a;
}

// Only the rows that `keep` names, of the same prompts.
static Attention some_queries(Arena *arena, const Attention *all, const uint32_t *keep, uint32_t count) {
    Attention a = *all;
    uint32_t *lists[4];
    for (int i = 0; i < 4; i++) lists[i] = arena_many(arena, uint32_t, count);
    for (uint32_t i = 0; i < count; i++) {
        lists[0][i] = keep[i];
        lists[1][i] = all->keys.rows.begin[keep[i]];
        lists[2][i] = all->count[keep[i]];
        lists[3][i] = all->values.rows.begin[keep[i]];
    }
    a.q_map = lists[0], a.keys.rows.begin = lists[1], a.count = lists[2], a.values.rows.begin = lists[3];
    a.rows = count;
    return a;
}

static float *run(Arena *arena, Cpu *cpu, Attention a) {
    size_t count = a.rows * a.heads * a.size;
    float *out = arena_many(arena, float, count + GUARD_WORDS);
    for (size_t i = 0; i < count + GUARD_WORDS; i++) out[i] = i < count ? NAN : GUARD_VALUE;
    for (uint32_t i = 0; i < pool_threads(cpu->pool); i++) memset(cpu->scratch[i], 0xff, CPU_SCRATCH_BYTES);
    a.out = out;
    Error err;
    CHECK(cpu_attention(cpu, &a, &err));
    for (size_t i = count; i < count + GUARD_WORDS; i++) CHECK(out[i] == GUARD_VALUE);
    return out;
}

// `large`: of the queries, whose scores have rounding errors of that size.
static void check_values(const Attention *a, float large, const float *out) {
    Arena *arena = arena_open();
    double *weights = arena_many(arena, double, 5000), *want = arena_many(arena, double, a->size), worst = 0;
    size_t step = a->rows > 100 ? 13 : 1;
    for (uint64_t r = 0; r < a->rows; r += r + step < a->rows || r + 1 == a->rows ? step : a->rows - 1 - r)
        for (uint32_t h = 0; h < a->heads; h++) {
            attend(a, r, h, weights, want);
            for (uint32_t d = 0; d < a->size; d++) {
                double apart = fabs(want[d] - out[(r * a->heads + h) * a->size + d]);
                if (!(apart <= worst)) worst = apart; // also when it is no number
            }
        }
    double allowed = 2e-6 + 4e-7 * large;
    if (!(worst < allowed)) fprintf(stderr, "heads of %u: wrong by %g\n", a->size, worst);
    CHECK(worst < allowed);
    arena_close(arena);
}

static const Shape shapes[] = {
    {1, 1, 2, {1}, 1},           {2, 1, 4, {3, 1, 5}, 1}, {9, 3, 64, {82, 1, 31, 65, 240, 33}, 2},
    {4, 4, 16, {241, 481}, 4},   {8, 2, 80, {500, 7}, 1}, {6, 3, 30, {97, 260}, 3},
    {3, 1, 128, {245, 100}, 40}, {5, 1, 6, {700}, 1},     {2, 2, 288, {300}, 1},
    {50, 1, 16, {50}, 1},        {1, 1, 2048, {190}, 1}};

static void test_shape(const Shape *shape) {
    Arena *arena = arena_open();
    Attention a = all_queries(arena, shape);
    const float *out = run(arena, &cpus[0], a);
    check_values(&a, shape->large, out);
    for (int i = 1; i < DEVICES; i++)
        CHECK(memcmp(out, run(arena, &cpus[i], a), a.rows * a.heads * a.size * sizeof *out) == 0);
    arena_close(arena);
}

// ---- A query alone

static void check_some(Cpu *cpu, const Attention *all, const float *out, uint32_t first, uint32_t step) {
    Arena *arena = arena_open();
    uint32_t *keep = arena_many(arena, uint32_t, all->rows), count = 0, different = 0;
    for (uint32_t r = first; r < all->rows; r += step) keep[count++] = r;
    Attention a = some_queries(arena, all, keep, count);
    const float *got = run(arena, cpu, a);
    size_t width = (size_t)a.heads * a.size;
    for (uint32_t i = 0; i < count; i++)
        different += memcmp(got + i * width, out + keep[i] * width, width * sizeof *out) != 0;
    if (different)
        fprintf(stderr, "%s: heads of %u, every %uth query from %u: %u of %u differ\n", openblas_get_corename(), a.size,
                step, first, different, count);
    CHECK(!different);
    arena_close(arena);
}

static void test_queries_alone(Cpu *cpu) {
    for (size_t i = 0; i < COUNT(shapes); i++) {
        Arena *arena = arena_open();
        Attention a = all_queries(arena, &shapes[i]);
        const float *out = run(arena, cpu, a);
        static const uint32_t steps[] = {1, 2, 5, 17, 90};
        for (size_t k = 0; k < COUNT(steps); k++)
            for (uint32_t first = 0; first < MIN(a.rows, 240); first += 37 + steps[k])
                check_some(cpu, &a, out, first, steps[k]);
        check_some(cpu, &a, out, (uint32_t)a.rows - 1, 1);
        arena_close(arena);
    }
}

// ---- Keys and values of a patched run: some are its own

// The same keys, but those that `is_own` names lie in a place of their own, and where they were is what must not be
// read.
static AttentionKeys apart(Arena *arena, const Attention *a, const AttentionKeys *keys, uint32_t first_own,
                           uint32_t step) {
    size_t width = (size_t)a->kv_heads * a->size, rows = 0;
    for (uint64_t r = 0; r < a->rows; r++) rows = MAX(rows, (size_t)keys->rows.begin[r] + a->count[r]);
    float *clean = arena_copy(arena, keys->at, rows * width * sizeof(float)),
          *own = arena_many(arena, float, rows *width);
    uint32_t *list = arena_many(arena, uint32_t, rows), *from = arena_many(arena, uint32_t, a->rows);
    for (uint64_t r = 0; r < a->rows; r++) {
        uint32_t t = a->count[r] - 1, at = from[r] = keys->rows.begin[r];
        at += t;
        list[at] = at;
        if (t < first_own || (t - first_own) % step) continue;
        list[at] = OTHER_ROW | t;
        memcpy(own + at * width, keys->at + at * width, width * sizeof *own);
        for (size_t i = 0; i < width; i++) clean[at * width + i] = NAN;
    }
    return (AttentionKeys){clean, own, 0, 0, {.begin = keys->rows.begin, .rows = list, .own = from}};
}

// The same rows, `more` numbers of NaN between them.
static const float *spread(Arena *arena, const float *from, size_t rows, size_t width, size_t more) {
    float *out = arena_many(arena, float, rows *(width + more));
    for (size_t i = 0; i < rows * (width + more); i++) out[i] = NAN;
    for (size_t r = 0; r < rows; r++) memcpy(out + r * (width + more), from + r * width, width * sizeof *out);
    return out;
}

// Queries, keys and values that are columns of wider rows; own keys lie otherwise than the others.
static void test_columns(Cpu *cpu) {
    enum { Q_MORE = 48, KEYS_MORE = 32, VALUES_MORE = 16 };
    for (size_t i = 0; i < COUNT(shapes); i++) {
        Arena *arena = arena_open();
        const Shape *s = &shapes[i];
        Attention all = all_queries(arena, s), a = all;
        uint32_t most = 0, width = s->kv_heads * s->size;
        for (uint64_t r = 0; r < all.rows; r++) most = (uint32_t)MAX(most, all.keys.rows.begin[r] + all.count[r]);
        const float *want = run(arena, cpu, all);
        a.keys = apart(arena, &all, &all.keys, 1, 3);
        a.q_stride = s->heads * s->size + Q_MORE;
        a.keys.stride = width + KEYS_MORE, a.values.stride = width + VALUES_MORE;
        a.q = spread(arena, all.q, all.rows, s->heads * s->size, Q_MORE);
        a.keys.at = spread(arena, a.keys.at, most, width, KEYS_MORE);
        a.values.at = spread(arena, all.values.at, all.rows, width, VALUES_MORE);
        CHECK(memcmp(want, run(arena, cpu, a), all.rows * s->heads * s->size * sizeof *want) == 0);
        arena_close(arena);
    }
}

static void test_own_keys(Cpu *cpu) {
    for (size_t i = 0; i < COUNT(shapes); i++) {
        Arena *arena = arena_open();
        Attention a = all_queries(arena, &shapes[i]);
        const float *out = run(arena, cpu, a);
        for (uint32_t step = 1; step <= 3; step++) {
            Attention b = a;
            b.keys = apart(arena, &a, &a.keys, shapes[i].lengths[0] / 2, step);
            b.values = apart(arena, &a, &a.values, step == 2 ? 0 : shapes[i].lengths[0] - 1, step);
            bool same = memcmp(out, run(arena, cpu, b), a.rows * a.heads * a.size * sizeof *out) == 0;
            if (!same)
                fprintf(stderr, "%s: heads of %u, own keys in steps of %u: differ\n", openblas_get_corename(), a.size,
                        step);
            CHECK(same);
        }
        arena_close(arena);
    }
}

// ---- Points of a sweep: queries of one prompt, each with a last key of its own

enum { NOBODY = UINT32_MAX };
enum { POINT_HEADS = 6, POINT_KV_HEADS = 2, POINT_SIZE = 16, POINT_WIDTH = POINT_KV_HEADS * POINT_SIZE };

// `length` keys and values, of which the last is each point's own.
static Attention points(Arena *arena, uint32_t length, uint32_t count) {
    Attention a = {.heads = POINT_HEADS, .kv_heads = POINT_KV_HEADS, .size = POINT_SIZE, .rows = count, .scale = 0.25f};
    uint32_t *begin = arena_many(arena, uint32_t, count), *many = arena_many(arena, uint32_t, count);
    uint32_t *own = arena_many(arena, uint32_t, count), *list = arena_many(arena, uint32_t, length);
    for (uint32_t i = 0; i < count; i++) many[i] = length, own[i] = i;
    for (uint32_t k = 0; k < length; k++) list[k] = k + 1 < length ? k : OTHER_ROW;
    a.q = numbers(arena, (size_t)count * POINT_HEADS * POINT_SIZE, 2);
    a.count = many;
    AttentionKeys *sides[] = {&a.keys, &a.values};
    for (size_t i = 0; i < COUNT(sides); i++) {
        *sides[i] = (AttentionKeys){numbers(arena, (size_t)length * POINT_WIDTH, 1),
                                    numbers(arena, (size_t)count * POINT_WIDTH, 1),
                                    0,
                                    0,
                                    {0, begin, list, own}};
    }
    return a;
}

static AttentionKeys keys_of_point(Arena *arena, const AttentionKeys *keys, uint32_t length, uint32_t point) {
    float *at = arena_many(arena, float, (size_t)length *POINT_WIDTH);
    for (uint32_t k = 0; k < length; k++) {
        bool own = keys->rows.rows && (keys->rows.rows[k] & OTHER_ROW);
        memcpy(at + (size_t)k * POINT_WIDTH,
               own ? keys->other + (size_t)point * POINT_WIDTH : keys->at + (size_t)k * POINT_WIDTH,
               POINT_WIDTH * sizeof *at);
    }
    return (AttentionKeys){.at = at, .rows.begin = arena_many(arena, uint32_t, 1)};
}

// One point alone, its keys one behind another.
static Attention one_point(Arena *arena, const Attention *all, uint32_t point) {
    Attention a = *all;
    a.rows = 1;
    a.q += (size_t)point * POINT_HEADS * POINT_SIZE;
    a.keys = keys_of_point(arena, &all->keys, all->count[0], point);
    a.values = keys_of_point(arena, &all->values, all->count[0], point);
    return a;
}

// but: a point of which nothing is asked.
static void check_points(Cpu *cpu, const Attention *all, uint32_t but) {
    enum { WIDTH = POINT_HEADS * POINT_SIZE };
    Arena *arena = arena_open();
    const float *out = run(arena, cpu, *all);
    uint32_t different = 0;
    for (uint32_t i = 0; i < all->rows; i++) {
        Attention one = one_point(arena, all, i);
        const float *want = run(arena, cpu, one);
        if (i == but) continue;
        check_values(&one, 2, want);
        different += memcmp(want, out + (size_t)i * WIDTH, WIDTH * sizeof *out) != 0;
    }
    if (different)
        fprintf(stderr, "%s: %u of %u points with %u keys differ\n", openblas_get_corename(), different,
                (uint32_t)all->rows, all->count[0]);
    CHECK(!different);
    arena_close(arena);
}

static void test_points(Cpu *cpu) {
    static const uint32_t lengths[] = {1, 2, 82, 239, 240, 241, 256, 481}, counts[] = {1, 2, 15, 70};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        for (size_t k = 0; k < COUNT(counts); k++) {
            Arena *arena = arena_open();
            Attention a = points(arena, lengths[i], counts[k]), b = a, c = a;
            check_points(cpu, &a, NOBODY);
            b.keys.rows.rows = NULL; // only the values are each point's own
            check_points(cpu, &b, NOBODY);
            ((float *)(uintptr_t)c.values.other)[0] = INFINITY; // of the first point
            ((float *)(uintptr_t)c.keys.other)[0] = NAN;
            check_points(cpu, &c, 0);
            arena_close(arena);
        }
    }
}

// ---- What must not be read or kept

// Keys and values after the last that a query sees may be anything.
static void test_unread(void) {
    Arena *arena = arena_open();
    Attention a = all_queries(arena, &(Shape){2, 1, 16, {300}, 1});
    uint32_t first[] = {0, 5, 99};
    Attention some = some_queries(arena, &a, first, 3);
    const float *out = run(arena, &cpus[1], some);
    for (size_t i = 100 * 16; i < 300 * 16; i++)
        ((float *)(uintptr_t)a.keys.at)[i] = ((float *)(uintptr_t)a.values.at)[i] = NAN;
    CHECK(memcmp(out, run(arena, &cpus[1], some), (size_t)3 * 2 * 16 * sizeof *out) == 0);
    arena_close(arena);
}

// The same prompts, with what is not finite in every third row of keys or values from row `from` of each prompt on.
// where: 0: the whole row; else numbers from this one on, only in the last head.
static float *poisoned(Arena *arena, const Attention *a, const AttentionKeys *keys, uint32_t from, uint32_t where) {
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    size_t width = (size_t)a->kv_heads * a->size, rows = 0;
    for (uint64_t r = 0; r < a->rows; r++) rows = MAX(rows, (size_t)keys->rows.begin[r] + a->count[r]);
    float *out = arena_copy(arena, keys->at, rows * width * sizeof *out);
    for (uint64_t r = 0; r < a->rows; r++) {
        uint32_t t = a->count[r] - 1;
        size_t at = ((size_t)keys->rows.begin[r] + t) * width;
        for (size_t c = where ? width - a->size + where : 0; c < width && t >= from && (t - from) % 3 == 0; c++)
            out[at + c] = bad[(t + c) % 3];
    }
    return out;
}

// Queries that see nothing of it have the same bits, in a block of others that do; those that see such values, no
// finite number. (A score of minus infinity is none: its key has no weight.)
static void check_poisoned(Cpu *cpu, const Attention *a, const float *clean, Attention bad, uint32_t from) {
    Arena *arena = arena_open();
    const float *out = run(arena, cpu, bad);
    uint32_t width = a->heads * a->size, different = 0, finite = 0;
    for (uint64_t r = 0; r < a->rows; r++) {
        const float *row = out + r * width;
        if (a->count[r] <= from)
            different += memcmp(row, clean + r * width, width * sizeof *row) != 0;
        else if (bad.values.at != a->values.at)
            finite += isfinite(row[width - 1]) != 0;
    }
    if (different || finite)
        fprintf(stderr, "%s: heads of %u, not finite from %u on: %u queries differ, %u do not\n",
                openblas_get_corename(), a->size, from, different, finite);
    CHECK(!different && !finite);
    arena_close(arena);
}

static void test_unseen(Cpu *cpu) {
    for (size_t i = 0; i < COUNT(shapes); i++) {
        Arena *arena = arena_open();
        Attention a = all_queries(arena, &shapes[i]);
        const float *out = run(arena, cpu, a);
        uint32_t length = shapes[i].lengths[0], from[] = {0, 1, length / 2, length - 1};
        for (size_t k = 0; k < 2 * COUNT(from); k++) {
            uint32_t where = k % 2 ? a.size - 1 : 0;
            Attention keys = a, values = a, both = a;
            both.keys.at = keys.keys.at = poisoned(arena, &a, &a.keys, from[k / 2], where);
            both.values.at = values.values.at = poisoned(arena, &a, &a.values, from[k / 2], where);
            check_poisoned(cpu, &a, out, keys, from[k / 2]);
            check_poisoned(cpu, &a, out, values, from[k / 2]);
            check_poisoned(cpu, &a, out, both, from[k / 2]);
        }
        arena_close(arena);
    }
}

static void test_large_head(void) {
    Attention a = {.heads = 1, .kv_heads = 1, .size = 2050};
    Error err;
    CHECK(!cpu_attention(&cpus[0], &a, &err));
    CHECK_STR(str_of(err.text), STR("a head of 2050 numbers is larger than the 2048 that attention has room for"));
    a = (Attention){.heads = 1, .kv_heads = 1, .size = 2};
    CHECK(cpu_attention(&cpus[0], &a, &err)); // no rows
}

int main(int count, char **args) {
    static const uint32_t threads[DEVICES] = {1, 2, 5};
    Arena *arena = arena_open();
    Error err;
    for (int i = 0; i < DEVICES; i++) MUST(cpu_open(&cpus[i], arena, threads[i], NULL, &err));
    for (size_t i = 0; i < COUNT(shapes); i++) test_shape(&shapes[i]);
    test_queries_alone(&cpus[1]);
    test_own_keys(&cpus[1]);
    test_points(&cpus[1]);
    test_columns(&cpus[1]);
    test_unseen(&cpus[1]);
    if (count == 1) {
        test_unread();
        test_large_head();
        test_other_cores(args[0], "queries");
    }
    for (int i = 0; i < DEVICES; i++) cpu_close(&cpus[i]);
    arena_close(arena);
    return check_done();
}
