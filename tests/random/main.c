// main.c: random specs, each computed in many ways that must agree.
//
//     test_random [COUNT] [SEED] [CACHE] [WITHOUT]
//
// COUNT specs from SEED on, one seed each: test_random 1 SEED repeats one. CACHE is a folder that keeps compiled
// kernels
// ("": one of this run alone). WITHOUT lists passes that no run makes.
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "devices.h"
#include "generate.h"
#include "mdx/file.h"
#include "mdx/mdx.h"
#include "outcome.h"

// ---- What is left out of the compiler

// Words of --disable; those that the program does not know are skipped.
static const char *const all_words[] = {"axes", "fold", "slice", "prune", "share", "batch"};
static const char *words[COUNT(all_words)];
static size_t word_count;
static const char *without = "";

static void find_words(void) {
    for (size_t i = 0; i < COUNT(all_words); i++) {
        Mdx *mdx = mdx_open();
        if (mdx_option(mdx, "disable", all_words[i])) words[word_count++] = all_words[i];
        mdx_close(mdx);
    }
}

static Str some_words(Arena *arena, Random *random, uint32_t share, bool fuse) {
    Text out = text_open(arena);
    text_str(&out, str_of(without));
    for (size_t i = 0; i < word_count; i++)
        if (random_percent(random, share)) text_add(&out, "%s%s", out.len ? "," : "", words[i]);
    if (fuse) text_add(&out, "%sfuse", out.len ? "," : "");
    return text_view(&out);
}

static Way some_way(Arena *arena, Random *random, const char *device, bool fuse) {
    Way way = {.device = device, .disable = some_words(arena, random, random_percent(random, 25) ? 100 : 35, fuse)};
    if (random_percent(random, 50)) way.micro_batches = 1 + random_below(random, 4);
    if (random_percent(random, 50)) way.threads = 1 + random_below(random, 3);
    way.whole_batches = random_percent(random, 30);
    if (!way.whole_batches && random_percent(random, 40)) way.batch_points = 1 + random_below(random, 4);
    way.verify = random_percent(random, 25);
    return way;
}

// ---- One spec

typedef struct {
    uint64_t specs, refused, failed, other_failure, looks, ties, ranks, clusters, bad; // looks: second ones
    double worst_near, worst_look;
    uint64_t worst_seed;
    double seconds[6]; // by way
} Tally;

static Tally tally;
enum {
    NUDGES = 12, // what is only rounding has a sign by chance: as many must not all have the same
    SHOWN = 10, // bad specs in full; the others by their seeds
    MOST_BAD = 1000,
};

static char world[4096], nudged_worlds[NUDGES][4096];
static uint64_t now_seed;
static char now_running[1 << 16]; // for the handler of signals

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static Outcome timed(Arena *arena, Str spec, const Way *way, size_t slot) {
    double begin = now();
    Text running = text_open(arena);
    way_write(way, &running);
    snprintf(now_running, sizeof now_running, "seed %llu, with %s:\n%s", (unsigned long long)now_seed, running.at,
             spec.at);
    Outcome out = outcome_of(arena, world, spec, way);
    tally.seconds[slot] += now() - begin;
    return out;
}

static bool tell(uint64_t seed, Str spec, const Way *a, const Way *b, const char *why) {
    Arena *arena = arena_open();
    Text ways = text_open(arena);
    way_write(a, &ways);
    text_str(&ways, STR("\n  "));
    way_write(b, &ways);
    if (tally.bad < SHOWN)
        fprintf(stderr, "seed %llu: these do not agree:\n  %s\n%s\n%s", (unsigned long long)seed, ways.at, why,
                spec.at);
    else
        fprintf(stderr, "seed %llu: two ways do not agree\n", (unsigned long long)seed);
    fflush(stderr);
    arena_close(arena);
    check_failures++;
    tally.bad++;
    return false;
}

typedef struct {
    Arena *arena;
    uint64_t seed;
    Generated spec;
} Case;

static bool may_differ(const Outcome *a, const Outcome *b) {
    bool other = outcome_may_differ(a, b);
    tally.other_failure += other;
    return other;
}

static bool must_be_same(const Case *c, const Way *wa, const Outcome *a, const Way *wb, const Outcome *b) {
    if (may_differ(a, b)) return true;
    Text why = text_open(c->arena);
    return outcome_same(a, b, &why) || tell(c->seed, c->spec.spec, wa, wb, why.at);
}

static const char *distance_text(Arena *arena, const Distance *d) {
    return str_format(arena, "%s: %.17g and %.17g, allowed %.3g (%.3g times that)", d->where.at, d->a, d->b, d->allowed,
                      d->worst)
        .at;
}

// How far b is from a, of what a moves with weights that were nudged.
static Distance beside_nudged(const Case *c, Str spec, const Way *way, const Outcome *a, const Outcome *b, bool tie, bool *ranks) {
    Outcome nudged[NUDGES];
    for (int n = 0; n < NUDGES; n++) {
        nudged[n] = outcome_of(c->arena, nudged_worlds[n], spec, way);
        *ranks |= outcome_ranks_differ(a, &nudged[n]);
    }
    return outcome_distance(c->arena, a, b, nudged, NUDGES, tie);
}

// What is not near at first sight is looked at again, beside a run with weights that were nudged and the logits behind
// ranks: an ill-conditioned number may differ as much as it moves in either way (what is exactly 0 in one may be rounding in
// the other, which a norm makes large), and a rank where two logits are nearly tied. Where
// two centroids are nearly as far from a state, its cluster is another, and so are the maps.
static bool look_again(const Case *c, const Way *wa, const Way *wb) {
    Str spec = str_format(c->arena, "%s%s", c->spec.spec.at, c->spec.ties.len ? c->spec.ties.at : "");
    Outcome a = outcome_of(c->arena, world, spec, wa), b = outcome_of(c->arena, world, spec, wb);
    bool ranks = outcome_ranks_differ(&a, &b), tie = outcome_has_tie(&a, &b);
    Distance d;
    tally.looks++;
    if (!ranks) d = beside_nudged(c, spec, wa, &a, &b, tie, &ranks);
    if (!ranks && d.worst > 1) {
        Distance other = beside_nudged(c, spec, wb, &b, &a, tie, &ranks);
        if (other.worst < d.worst) d = other;
    }
    tally.ranks += ranks;
    if (ranks) return true;
    tally.ties += tie;
    if (d.worst > 1 && strstr(spec.at, "kmeans(")) return ++tally.clusters;
    tally.worst_look = fmax(tally.worst_look, d.worst);
    return d.worst <= 1 || tell(c->seed, c->spec.spec, wa, wb, distance_text(c->arena, &d));
}

static bool must_be_near(const Case *c, const Way *wa, const Outcome *a, const Way *wb, const Outcome *b) {
    if (may_differ(a, b)) return true;
    Distance d = outcome_distance(c->arena, a, b, NULL, 0, false);
    if (!(d.worst <= 1)) return look_again(c, wa, wb);
    if (d.worst > tally.worst_near) tally.worst_near = d.worst, tally.worst_seed = c->seed;
    return true;
}

// The device that stands beside ref.
static const char *tested(void) {
    return test_devices()->name[test_devices()->count - 1];
}

// ref, and the other device with and without row kernels, add in three orders: near each other, and each the same bits
// in whatever way it is run. Some of the ways are left to chance, for speed.
static bool all_ways(const Case *c, Random *random) {
    const char *const kinds[] = {"ref", tested(), tested()};
    Arena *arena = c->arena;
    Way first[] = {{.device = "ref", .disable = STR("all")},
                   {.device = tested(), .disable = str_of(without), .threads = 1, .verify = true},
                   {.device = tested(), .disable = STR("all"), .threads = 1}};
    static const uint32_t shares[] = {40, 75, 25}; // of specs that have the second way of each kind
    Outcome outcomes[COUNT(kinds)];
    for (size_t k = 0; k < COUNT(kinds); k++) {
        bool single = k == 2, again = random_percent(random, shares[k]);
        Way other = some_way(arena, random, kinds[k], single);
        if (single && !again) break;
        outcomes[k] = timed(arena, c->spec.spec, &first[k], 2 * k);
        if (k == 0)
            tally.refused += outcomes[0].kind == OUTCOME_REFUSED, tally.failed += outcomes[0].kind == OUTCOME_FAILED;
        if (k && !must_be_near(c, &first[0], &outcomes[0], &first[k], &outcomes[k])) return false;
        if (outcomes[0].kind == OUTCOME_REFUSED) return true;
        if (!again) continue;
        Outcome second = timed(arena, c->spec.spec, &other, 2 * k + 1);
        if (!must_be_same(c, &first[k], &outcomes[k], &other, &second)) return false;
    }
    return true;
}

static bool try_seed(uint64_t seed, bool show) {
    Arena *arena = arena_open();
    Case c = {arena, seed, generate(arena, seed)};
    Random random = random_open(~seed);
    now_seed = seed;
    if (show) printf("seed %llu:\n%s", (unsigned long long)seed, c.spec.spec.at);
    tally.specs++;
    bool ok = all_ways(&c, &random);
    if (show) {
        Way b = {.device = tested(), .disable = str_of(without)};
        Outcome out = outcome_of(arena, world, c.spec.spec, &b);
        printf("%s", out.messages.at);
        for (size_t s = 0; s < out.series.len; s++)
            printf("%s: %zu numbers, %.9g ...\n", out.series.at[s].name.at, out.series.at[s].count,
                   out.series.at[s].count ? out.series.at[s].at[0] : 0);
    }
    arena_close(arena);
    return ok;
}

// ---- The program

static void on_signal(int signal_number) {
    static const char word[] = "the program died at ";
    ssize_t ignored = write(2, word, sizeof word - 1);
    ignored += write(2, now_running, strlen(now_running));
    (void)ignored;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void watch_signals(void) {
    static const int all[] = {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL};
    for (size_t i = 0; i < COUNT(all); i++) signal(all[i], on_signal);
}

static bool open_world(Arena *arena, const char *cache, char *root, Error *err) {
    const char *place = getenv("TMPDIR");
    snprintf(root, sizeof world - 16, "%.4000s/mdx-random-XXXXXX", place && *place ? place : P_tmpdir);
    MUST(mkdtemp(root));
    snprintf(world, sizeof world, "%s", str_format(arena, "%s/world", root).at);
    Str kept = cache ? str_of(cache) : str_format(arena, "%s/cache", root);
    TRY(folder_make(kept.at, err));
    setenv("XDG_CACHE_HOME", kept.at, 1);
    for (uint32_t n = 0; n < NUDGES; n++) {
        snprintf(nudged_worlds[n], sizeof world, "%s", str_format(arena, "%s/nudged-%u", root, n).at);
        TRY(world_write(nudged_worlds[n], n + 1, err));
    }
    return world_write(world, 0, err);
}

static void report(uint64_t first) {
    static const char *const disabled[] = {"all", "some", "none", "some", "all", "some and fuse"};
    printf(
        "%llu specs from seed %llu: %llu refused, %llu fail, %llu pairs fail unlike, %llu looked at again (%llu with "
        "ties, %llu with fits of doubtful rank, %llu with a state between clusters), %llu bad\n",
        (unsigned long long)tally.specs, (unsigned long long)first, (unsigned long long)tally.refused,
        (unsigned long long)tally.failed, (unsigned long long)tally.other_failure, (unsigned long long)tally.looks,
        (unsigned long long)tally.ties, (unsigned long long)tally.ranks, (unsigned long long)tally.clusters,
        (unsigned long long)tally.bad);
    printf("the worst at %.3f of what is allowed (seed %llu), %.3f at second look\n", tally.worst_near,
           (unsigned long long)tally.worst_seed, tally.worst_look);
    for (size_t i = 0; i < COUNT(disabled); i++)
        printf("  %-4s disabled: %-14s %.2f ms a spec\n", i < 2 ? "ref" : tested(), disabled[i],
               1e3 * tally.seconds[i] / (double)tally.specs);
}

int main(int argc, char **argv) {
    Arena *arena = arena_open();
    Error err;
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    char root[sizeof world];
    if (!open_world(arena, argc > 3 && *argv[3] ? argv[3] : NULL, root, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (argc > 4) without = argv[4];
    find_words();
    watch_signals();
    for (uint64_t seed = first; seed < first + count && tally.bad < MOST_BAD; seed++) try_seed(seed, count == 1);
    report(first);
    if (tally.refused * 10 > tally.specs * 3) {
        fprintf(stderr, "%llu of %llu specs are refused: more than 30 %%\n", (unsigned long long)tally.refused,
                (unsigned long long)tally.specs);
        check_failures++;
    }
    if (!folder_remove(root, &err)) fprintf(stderr, "%s\n", err.text);
    arena_close(arena);
    return check_done();
}
