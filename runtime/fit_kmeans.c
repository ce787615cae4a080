// fit_kmeans.c: k-means: first centroids by k-means++, then rows to the nearest centroid and centroids to the mean of
// their rows, in turn (Lloyd 1982), until no row moves.
//
// Source of the first centroids: Arthur and Vassilvitskii 2007. Each next one is a row, drawn in proportion to the
// square of its distance from the nearest one before.
#include "mdx/random.h"
#include "runtime/fit.h"
#include "runtime/matrix.h"

enum { MOST_ROUNDS = 300 };

typedef struct {
    const float *x;
    uint64_t n;
    uint32_t width, k;
    double *centroids; // [k, width]
    uint32_t *cluster; // [n]
    double *distance;  // [n] squared, to the nearest centroid so far
} Clusters;

static double squared_distance(const float *x, const double *centroid, uint32_t width) {
    double sum = 0;
    for (uint32_t c = 0; c < width; c++) {
        double off = x[c] - centroid[c];
        sum += off * off;
    }
    return sum;
}

uint32_t nearest_centroid(const float *x, const double *centroids, uint32_t k, uint32_t width) {
    uint32_t best = 0;
    double least = squared_distance(x, centroids, width);
    for (uint32_t i = 1; i < k; i++) {
        double distance = squared_distance(x, centroids + (size_t)i * width, width);
        if (!(distance < least)) continue;
        least = distance;
        best = i;
    }
    return best;
}

// ---- First centroids

static void place(Clusters *clusters, uint32_t i, uint64_t row) {
    double *centroid = clusters->centroids + (size_t)i * clusters->width;
    for (uint32_t c = 0; c < clusters->width; c++) centroid[c] = clusters->x[row * clusters->width + c];
    for (uint64_t r = 0; r < clusters->n; r++) {
        double distance = squared_distance(clusters->x + r * clusters->width, centroid, clusters->width);
        if (i == 0 || distance < clusters->distance[r]) clusters->distance[r] = distance;
    }
}

// The first row at which the sum of the distances up to it is above `at`; the last that has one, when rounding leaves
// none.
static uint64_t row_at(const Clusters *clusters, double at) {
    uint64_t last = 0;
    double sum = 0;
    for (uint64_t r = 0; r < clusters->n; r++) {
        sum += clusters->distance[r];
        if (clusters->distance[r] > 0) last = r;
        if (sum > at) return r;
    }
    return last;
}

static bool place_all(Clusters *clusters, uint64_t seed, Error *err) {
    Random random = random_open(seed, "kmeans");
    place(clusters, 0, random_below(&random, (uint32_t)clusters->n));
    for (uint32_t i = 1; i < clusters->k; i++) {
        double whole = 0;
        for (uint64_t r = 0; r < clusters->n; r++) whole += clusters->distance[r];
        if (!(whole > 0))
            FAIL(err, ERR_INPUT, "%u clusters, but only %u different state%s; use fewer clusters", clusters->k, i,
                 i == 1 ? "" : "s");
        place(clusters, i, row_at(clusters, random_uniform(&random) * whole));
    }
    return true;
}

// ---- Rounds

static bool assign(Clusters *clusters) {
    bool moved = false;
    for (uint64_t r = 0; r < clusters->n; r++) {
        uint32_t to =
            nearest_centroid(clusters->x + r * clusters->width, clusters->centroids, clusters->k, clusters->width);
        moved |= to != clusters->cluster[r];
        clusters->cluster[r] = to;
    }
    return moved;
}

// A cluster without rows stays where it is.
static void move(Clusters *clusters, double *sums, uint64_t *rows) {
    uint32_t width = clusters->width;
    memset(sums, 0, (size_t)clusters->k * width * sizeof *sums);
    memset(rows, 0, clusters->k * sizeof *rows);
    for (uint64_t r = 0; r < clusters->n; r++) {
        uint32_t i = clusters->cluster[r];
        rows[i]++;
        for (uint32_t c = 0; c < width; c++) sums[(size_t)i * width + c] += clusters->x[r * width + c];
    }
    for (uint32_t i = 0; i < clusters->k; i++)
        for (uint32_t c = 0; c < width && rows[i]; c++)
            clusters->centroids[(size_t)i * width + c] = sums[(size_t)i * width + c] / (double)rows[i];
}

// The centroids as they are kept, in float32, and whether each is the nearest of some row.
static bool keep(Clusters *clusters, float *centroids, uint64_t *rows, Error *err) {
    size_t count = (size_t)clusters->k * clusters->width;
    for (size_t i = 0; i < count; i++) clusters->centroids[i] = centroids[i] = (float)clusters->centroids[i];
    assign(clusters);
    memset(rows, 0, clusters->k * sizeof *rows);
    for (uint64_t r = 0; r < clusters->n; r++) rows[clusters->cluster[r]]++;
    for (uint32_t i = 0; i < clusters->k; i++)
        if (!rows[i])
            FAIL(err, ERR_INPUT, "cluster %u of %u has no rows; use fewer clusters or another seed", i, clusters->k);
    return true;
}

bool fit_kmeans(const float *x, uint64_t n, uint32_t width, uint32_t k, uint64_t seed, float *centroids, Error *err) {
    if (k > n)
        FAIL(err, ERR_INPUT, "%u clusters of %llu row%s; use fewer clusters", k, (unsigned long long)n,
             n == 1 ? "" : "s");
    Arena *arena = arena_open();
    Clusters clusters = {.x = x,
                         .n = n,
                         .width = width,
                         .k = k,
                         .centroids = matrix_new(arena, k, width),
                         .cluster = arena_many(arena, uint32_t, n)};
    clusters.distance = matrix_new(arena, n, 1);
    double *sums = matrix_new(arena, k, width);
    uint64_t *rows = arena_many(arena, uint64_t, k);
    bool ok = place_all(&clusters, seed, err);
    for (int round = 0; ok && round < MOST_ROUNDS; round++) {
        if (!assign(&clusters) && round) break;
        move(&clusters, sums, rows);
    }
    ok = ok && keep(&clusters, centroids, rows, err);
    arena_close(arena);
    return ok;
}
