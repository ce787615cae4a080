// planted_clusters.c: k-means, and a map on each cluster, on states of which the answer is known.
#include "planted.h"

enum { ROWS = 60, CLUSTERS = 3, WIDTH = 8 };

typedef struct {
    Matrix x, y, maps[CLUSTERS];
    uint32_t cluster[ROWS];
} Planted;

// Rows of deviation 1 about three places that are 20 apart, each with a rotation of its own.
static Planted plant(void) {
    Planted out = {.x = {.rows = ROWS, .columns = WIDTH}, .y = {.rows = ROWS, .columns = WIDTH}};
    for (uint32_t k = 0; k < CLUSTERS; k++) out.maps[k] = random_rotation(WIDTH);
    for (uint32_t r = 0; r < ROWS; r++) {
        Matrix row = random_matrix(1, WIDTH);
        out.cluster[r] = r % CLUSTERS;
        row.at[out.cluster[r]] += 20;
        Matrix to = product(&row, &out.maps[out.cluster[r]]);
        memcpy(out.x.at + r * WIDTH, row.at, WIDTH * sizeof *row.at);
        memcpy(out.y.at + r * WIDTH, to.at, WIDTH * sizeof *to.at);
    }
    return out;
}

static Matrix rows_of(const Matrix *m, const uint32_t *cluster, uint32_t of) {
    Matrix out = {.columns = m->columns};
    for (uint32_t r = 0; r < m->rows; r++)
        if (cluster[r] == of)
            memcpy(out.at + out.rows++ * m->columns, m->at + r * m->columns, m->columns * sizeof *m->at);
    return out;
}

// The planted cluster of the first row in each found one; every row must be with those that it was planted with.
static void find(const Planted *planted, const float *centroids, uint32_t *found, uint32_t *names) {
    static float xs[ROWS * WIDTH];
    static double wide[CLUSTERS * WIDTH];
    for (uint32_t i = 0; i < CLUSTERS * WIDTH; i++) wide[i] = centroids[i];
    for (uint32_t k = 0; k < CLUSTERS; k++) names[k] = CLUSTERS;
    to_floats(&planted->x, 0, xs);
    for (uint32_t r = 0; r < ROWS; r++) {
        found[r] = nearest_centroid(xs + r * WIDTH, wide, CLUSTERS, WIDTH);
        if (names[found[r]] == CLUSTERS) names[found[r]] = planted->cluster[r];
        CHECK(names[found[r]] == planted->cluster[r]);
    }
}

static void test_planted(uint64_t choice) {
    static float xs[ROWS * WIDTH], centroids[CLUSTERS * WIDTH], again[CLUSTERS * WIDTH];
    uint32_t found[ROWS], names[CLUSTERS];
    Planted planted = plant();
    Error err;
    to_floats(&planted.x, 0, xs);
    CHECK(fit_kmeans(xs, ROWS, WIDTH, CLUSTERS, choice, centroids, &err));
    CHECK(fit_kmeans(xs, ROWS, WIDTH, CLUSTERS, choice, again, &err) && !memcmp(again, centroids, sizeof again));
    find(&planted, centroids, found, names);
    for (uint32_t k = 0; k < CLUSTERS; k++) {
        Matrix x = rows_of(&planted.x, found, k), y = rows_of(&planted.y, found, k);
        for (uint32_t c = 0; c < WIDTH; c++) {
            double mean = 0;
            for (uint32_t r = 0; r < x.rows; r++) mean += x.at[r * WIDTH + c] / x.rows;
            CHECK(fabs(centroids[k * WIDTH + c] - mean) < NEAR);
        }
        Fitted got = fit(&x, &y, (Procrustes){0});
        CHECK(x.rows == ROWS / CLUSTERS && distance(&got.w, &planted.maps[names[k]]) < NEAR);
    }
}

static void test_ties(void) {
    static const double centroids[] = {1, -1, 3};
    static const float between = 0, right = 2;
    CHECK(nearest_centroid(&between, centroids, 3, 1) == 0 && nearest_centroid(&right, centroids, 3, 1) == 0);
}

// What cannot be clusters is refused. In `lost`, the second centroid loses all its rows to the two others.
static void test_refused(void) {
    static const float same[] = {1, 1, 2, 2, 2, 1}, lost[] = {11, 10, 9, 10, 8, 11, 2, 4, 1, 6, 10, 2};
    float centroids[12];
    Error err;
    CHECK(fit_kmeans(same, 6, 1, 2, 0, centroids, &err));
    CHECK(!fit_kmeans(same, 6, 1, 3, 0, centroids, &err) &&
          strstr(err.text, "3 clusters, but only 2 different states"));
    CHECK(!fit_kmeans(same, 6, 1, 7, 0, centroids, &err) && strstr(err.text, "7 clusters of 6 rows"));
    CHECK(!fit_kmeans(lost, 6, 2, 3, 0, centroids, &err) &&
          strstr(err.text, "cluster 1 of 3 has no rows; use fewer clusters or another seed"));
}

int main(void) {
    for (seed = 1; seed < 20; seed++) {
        uint64_t kept = seed;
        test_planted(kept % 3);
        seed = kept;
    }
    test_ties();
    test_refused();
    return check_done();
}
