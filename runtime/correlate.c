// correlate.c: Pearson's correlation, and ranks, of which it is Spearman's.
#include <math.h>

#include "runtime/correlate.h"

static double mean_of(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

// Of equal numbers the mean is off by rounding: then what is left of them is no variance.
static bool varies(double deviations, double squares) {
    return deviations > 0x1p-96 * squares;
}

double correlate(const double *a, const double *b, size_t n) {
    double mean_a = mean_of(a, n), mean_b = mean_of(b, n), aa = 0, bb = 0, ab = 0, squares_a = 0, squares_b = 0;
    for (size_t i = 0; i < n; i++) {
        double x = a[i] - mean_a, y = b[i] - mean_b;
        aa += x * x;
        bb += y * y;
        ab += x * y;
        squares_a += a[i] * a[i];
        squares_b += b[i] * b[i];
    }
    if (!varies(aa, squares_a) || !varies(bb, squares_b)) return NAN;
    return fmax(-1, fmin(1, ab / (sqrt(aa) * sqrt(bb)))); // rounding may go beyond
}

// Indices in the order of their numbers: a merge sort, which needs no state beside its arguments.
static void sort(const double *x, uint32_t *order, uint32_t *room, size_t n) {
    if (n < 2) return;
    size_t half = n / 2, i = 0, k = half;
    sort(x, order, room, half);
    sort(x, order + half, room, n - half);
    memcpy(room, order, n * sizeof *order);
    for (size_t at = 0; at < n; at++)
        order[at] = k == n || (i < half && x[room[i]] <= x[room[k]]) ? room[i++] : room[k++];
}

void ranks_of(const double *x, size_t n, double *ranks, uint32_t *order) {
    for (uint32_t i = 0; i < n; i++) order[i] = i;
    sort(x, order, order + n, n);
    for (size_t first = 0, end = 0; first < n; first = end) {
        while (end < n && x[order[end]] <= x[order[first]]) end++;
        for (size_t i = first; i < end; i++) ranks[order[i]] = (double)(first + end + 1) / 2;
    }
}
