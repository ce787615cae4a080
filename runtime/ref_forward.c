// ref_forward.c: the ops of a forward pass.
//
// Letters: R rows, C columns, H heads, D columns of a head.
#include <math.h>

#include "runtime/ref.h"

double ref_dot(const float *a, const float *b, uint32_t n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

void ref_weight_row(const RefInput *weight, uint64_t row, float *to) {
    const unsigned char *at = weight->data;
    dtype_to_f32(weight->dtype, at + row * weight->width * dtype_info[weight->dtype].bytes, to, weight->width);
}

static float *weight_row(const RefOp *op, int i, uint64_t row) {
    float *to = arena_many(op->scratch, float, op->in[i].width);
    ref_weight_row(&op->in[i], row, to);
    return to;
}

// out[r] = table[id[r]]
REF(embed) {
    const int32_t *ids = op->in[0].data;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        int32_t id = ids[ref_row(op, 0, r)];
        if (id < 0 || (uint64_t)id >= op->in[1].rows)
            FAIL(err, ERR_INPUT, "token %d is outside the model's vocabulary of %llu", id, (unsigned long long)op->in[1].rows);
        ref_weight_row(&op->in[1], (uint64_t)id, ref_out(op, r));
    }
    return true;
}

// out = x / sqrt(mean(x^2) + eps) * weight
REF(rms_norm) {
    const float *weight = weight_row(op, 1, 0);
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *x = ref_f32(op, 0, r);
        double sum = 0;
        for (uint32_t c = 0; c < op->width; c++) sum += (double)x[c] * x[c];
        double scale = 1 / sqrt(sum / op->width + op->step->attr.norm.eps);
        for (uint32_t c = 0; c < op->width; c++) ref_out(op, r)[c] = (float)(x[c] * scale * weight[c]);
    }
    return true;
}

// out[r, c] = sum_k x[r, k] W[c, k]
REF(linear) {
    float *w = arena_many(op->scratch, float, op->in[1].width);
    for (uint32_t c = 0; c < op->width; c++) {
        ref_weight_row(&op->in[1], c, w);
        for (uint64_t r = 0; r < op->step->rows; r++) ref_out(op, r)[c] = (float)ref_dot(ref_f32(op, 0, r), w, op->in[0].width);
    }
    return true;
}

REF(bias) {
    const float *bias = weight_row(op, 1, op->step->attr.bias.row);
    for (uint64_t r = 0; r < op->step->rows; r++)
        for (uint32_t c = 0; c < op->width; c++) ref_out(op, r)[c] = ref_f32(op, 0, r)[c] + bias[c];
    return true;
}

// Column i of a head turns with column i + D / 2, by position * inv_freq[i] (an angle in float32, as in transformers).
REF(rope) {
    uint32_t heads = op->step->attr.rope.heads, size = op->width / heads, half = size / 2;
    const float *inv_freq = op->in[1].data;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *x = ref_f32(op, 0, r);
        float *out = ref_out(op, r);
        for (uint32_t i = 0; i < half; i++) {
            float angle = (float)op->step->position[r] * inv_freq[i];
            float c = cosf(angle), s = sinf(angle);
            for (uint32_t h = 0; h < heads; h++) {
                float a = x[h * size + i], b = x[h * size + i + half];
                out[h * size + i] = (float)((double)a * c - (double)b * s);
                out[h * size + i + half] = (float)((double)b * c + (double)a * s);
            }
        }
    }
    return true;
}

// The rows of keys, or of values, that row r reads.
static void find_keys(const KeyRows *keys, const RefInput *input, const RefInput *other, uint64_t r, uint32_t count, const float **out) {
    for (uint32_t t = 0; t < count; t++) {
        uint32_t row = keys->rows ? keys->rows[keys->begin[r] + t] : keys->begin[r] + t;
        bool own = keys->rows && (row & OTHER_ROW);
        if (own) row = keys->own[r] + (row & ~OTHER_ROW);
        out[t] = (const float *)(own ? other : input)->data + (size_t)row * input->width;
    }
}

// One head of one row: softmax(q k^T scale) v over `count` keys, the head's columns of which begin at `column`.
static void attend(const float *q, const float *const *k, const float *const *v, uint32_t column, uint32_t size, uint32_t count,
                   float scale, double *score, float *out) {
    double most = -INFINITY, total = 0;
    for (uint32_t t = 0; t < count; t++) {
        score[t] = (float)ref_dot(q, k[t] + column, size) * scale;
        most = fmax(most, score[t]);
    }
    for (uint32_t t = 0; t < count; t++) total += score[t] = exp(score[t] - most);
    for (uint32_t d = 0; d < size; d++) {
        double sum = 0;
        for (uint32_t t = 0; t < count; t++) sum += score[t] * v[t][column + d];
        out[d] = (float)(sum / total);
    }
}

REF(attention) {
    const Step *step = op->step;
    uint32_t heads = step->attr.attention.heads, size = op->width / heads, group = heads / step->attr.attention.kv_heads, most = 0;
    for (uint64_t r = 0; r < step->rows; r++) most = MAX(most, step->count[r]);
    double *score = arena_many(op->scratch, double, most);
    const float **k = arena_many(op->scratch, const float *, most), **v = arena_many(op->scratch, const float *, most);
    for (uint64_t r = 0; r < step->rows; r++) {
        find_keys(&step->keys, &op->in[1], &op->other[0], r, step->count[r], k);
        find_keys(&step->values, &op->in[2], &op->other[1], r, step->count[r], v);
        for (uint32_t h = 0; h < heads; h++)
            attend(ref_f32(op, 0, r) + h * size, k, v, h / group * size, size, step->count[r], step->attr.attention.scale,
                   score, ref_out(op, r) + h * size);
    }
    return true;
}

// out = gate / (1 + exp(-gate)) * up
REF(swiglu) {
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *gate = ref_f32(op, 0, r), *up = ref_f32(op, 1, r);
        for (uint32_t c = 0; c < op->width; c++) ref_out(op, r)[c] = (float)(gate[c] / (1 + exp(-(double)gate[c])) * up[c]);
    }
    return true;
}
