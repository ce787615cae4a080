// random.c: the outputs of the reference implementations; streams of their own; no favourites.
#include "check.h"
#include "mdx/random.h"

// xoshiro256** from the state 1, 2, 3, 4.
static void reference(void) {
    static const uint64_t want[] = {11520,
                                    0,
                                    1509978240,
                                    1215971899390074240u,
                                    1216172134540287360u,
                                    607988272756665600u,
                                    16172922978634559625u,
                                    8476171486693032832u,
                                    10595114339597558777u,
                                    2904607092377533576u};
    Random random = {{1, 2, 3, 4}};
    for (size_t i = 0; i < COUNT(want); i++) CHECK(random_bits(&random) == want[i]);
}

// SplitMix64 from 1234567; the hash of no name is FNV's offset.
static void seeding(void) {
    Random random = random_open(1234567 ^ 0xcbf29ce484222325, "");
    CHECK(random.state[0] == 6457827717110365317u && random.state[1] == 3203168211198807973u);
    CHECK(random.state[2] == 9817491932198370423u && random.state[3] == 4593380528125082431u);
}

static void streams(void) {
    Random a = random_open(7, "bootstrap"), b = random_open(7, "rotation"), c = random_open(8, "bootstrap");
    uint64_t first = random_bits(&a);
    CHECK(first != random_bits(&b) && first != random_bits(&c));
    Random again = random_open(7, "bootstrap");
    CHECK(random_bits(&again) == first);
}

static void below(void) {
    enum { N = 7, DRAWS = 70000 };
    uint32_t seen[N] = {0};
    Random random = random_open(1, "below");
    for (int i = 0; i < DRAWS; i++) {
        uint32_t x = random_below(&random, N);
        CHECK(x < N);
        if (x < N) seen[x]++;
    }
    for (int i = 0; i < N; i++) CHECK(seen[i] > DRAWS / N - 500 && seen[i] < DRAWS / N + 500); // 5 deviations
    CHECK(random_below(&random, 1) == 0);
}

int main(void) {
    reference();
    seeding();
    streams();
    below();
    return check_done();
}
