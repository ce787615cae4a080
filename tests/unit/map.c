// map.c: what a map of rows reads, against plain loops: rows at all distances, which a table of slots could mix up.
#include "check.h"
#include "mdx/map.h"

enum { MOST = 700 };

static uint32_t random_bits(void) {
    static uint32_t seed = 5;
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

// Each row is looked for among all that came before it.
static void check_map(const uint32_t *map, uint32_t first, uint32_t count) {
    uint32_t rows[MOST] = {0}, index[MOST] = {0}, got_rows[MOST] = {0}, got_index[MOST] = {0}, distinct = 0;
    bool run = true;
    for (uint32_t r = 0; r < count; r++) {
        uint32_t row = map ? map[first + r] : first + r, k = 0;
        while (k < distinct && rows[k] != row) k++;
        if (k == distinct) rows[distinct++] = row;
        index[r] = k;
        run &= row == (uint64_t)rows[0] + r;
    }
    CHECK(rows_distinct(map, first, count, NULL, NULL) == distinct);
    CHECK(rows_distinct(map, first, count, got_rows, got_index) == distinct);
    CHECK(memcmp(got_rows, rows, sizeof rows) == 0 && memcmp(got_index, index, sizeof index) == 0);
    CHECK(rows_are_run(map ? map + first : NULL, count) == run);
}

static void test_distances(void) {
    static const uint32_t distances[] = {0, 1, 2, 3, 64, 1000, 8192, 65536, 1 << 20, 1 << 22};
    uint32_t map[MOST];
    for (size_t d = 0; d < COUNT(distances); d++)
        for (uint32_t again = 1; again < 40; again += 13) { // as many rows read each
            for (uint32_t r = 0; r < MOST; r++) map[r] = r / again * distances[d] + 7;
            for (uint32_t count = 0; count <= MOST; count += 1 + count / 2) check_map(map, (MOST - count) / 2, count);
        }
}

static void test_random(void) {
    uint32_t map[MOST];
    for (uint32_t k = 0; k < 300; k++) {
        uint32_t most = 1 + random_bits() % (k % 2 ? 20u : 1u << 24);
        for (uint32_t r = 0; r < MOST; r++) map[r] = random_bits() % most;
        check_map(map, random_bits() % 100, random_bits() % 600);
    }
}

// Into another place, and into its own.
static void test_pack(void) {
    unsigned char from[60], to[60];
    for (size_t bytes = 1; bytes <= 12; bytes++)
        for (int own = 0; own < 2; own++) {
            for (size_t i = 0; i < sizeof from; i++) from[i] = (unsigned char)i, to[i] = 255;
            rows_pack(own ? memcpy(to, from, sizeof from) : from, 5, bytes, 12, to);
            for (size_t i = 0; i < 5 * bytes; i++) CHECK(to[i] == i / bytes * 12 + i % bytes);
            CHECK(own || bytes == 12 || to[5 * bytes] == 255);
        }
}

int main(void) {
    const uint32_t last[] = {UINT32_MAX - 1, UINT32_MAX, 0, UINT32_MAX};
    check_map(last, 0, 4); // rows do not begin again
    check_map(last, 1, 2);
    for (uint32_t count = 0; count < 5; count++) check_map(NULL, 3, count);
    test_distances();
    test_random();
    test_pack();
    return check_done();
}
