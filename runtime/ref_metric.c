// ref_metric.c: metrics of rows, and what is summed over the rows of a prompt. All in double.
#include <math.h>

#include "runtime/ref.h"

// ---- Logits

static bool finite(const RefOp *op, int i, uint64_t r, Error *err) {
    const float *x = ref_f32(op, i, r);
    for (uint32_t c = 0; c < op->in[i].width; c++)
        if (!isfinite(x[c])) FAIL(err, ERR_NOT_FINITE, "a logit is not finite (token %u of row %llu)", c, (unsigned long long)r);
    return true;
}

// log p(c) = (x[c] - most) - log_sum: exact in the differences however large the logits are.
typedef struct {
    double most, log_sum;
} Norm;

static Norm norm_of(const float *x, uint32_t n) {
    Norm norm = {.most = x[0]};
    double sum = 0;
    for (uint32_t c = 1; c < n; c++) norm.most = fmax(norm.most, x[c]);
    for (uint32_t c = 0; c < n; c++) sum += exp(x[c] - norm.most);
    norm.log_sum = log(sum);
    return norm;
}

// sum_c p (log p - log q); further below zero than 1e-9 of its terms, rounding cannot be the reason.
REF(kl) {
    uint32_t vocab = op->in[0].width;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *p = ref_f32(op, 0, r), *q = ref_f32(op, 1, r);
        TRY(finite(op, 0, r, err) && finite(op, 1, r, err));
        Norm of_p = norm_of(p, vocab), of_q = norm_of(q, vocab);
        double sum = 0, size = 1;
        for (uint32_t c = 0; c < vocab; c++) {
            double log_p = p[c] - of_p.most, log_q = q[c] - of_q.most;
            double term = exp(log_p - of_p.log_sum) * ((log_p - log_q) - (of_p.log_sum - of_q.log_sum));
            sum += term;
            size += fabs(term);
        }
        if (sum < -1e-9 * size) BUG("a KL below zero");
        ref_out_f64(op)[r] = sum;
    }
    return true;
}

REF(logp) {
    const int32_t *ids = op->in[1].data;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *x = ref_f32(op, 0, r);
        int32_t id = ids[ref_row(op, 1, r)];
        TRY(finite(op, 0, r, err));
        if (id < 0 || (uint32_t)id >= op->in[0].width)
            FAIL(err, ERR_INPUT, "token %d is outside the model's vocabulary of %u", id, op->in[0].width);
        Norm norm = norm_of(x, op->in[0].width);
        ref_out_f64(op)[r] = (x[id] - norm.most) - norm.log_sum;
    }
    return true;
}

static uint32_t largest(const float *x, uint32_t n, uint32_t except) {
    uint32_t best = except == 0 ? 1 : 0;
    for (uint32_t c = best + 1; c < n; c++)
        if (c != except && x[c] > x[best]) best = c;
    return best;
}

REF(margin) {
    uint32_t vocab = op->in[0].width;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *x = ref_f32(op, 0, r);
        TRY(finite(op, 0, r, err));
        uint32_t best = op->step->attr.margin.named ? op->step->attr.margin.best : largest(x, vocab, vocab);
        uint32_t other = op->step->attr.margin.named ? op->step->attr.margin.other : largest(x, vocab, best);
        ref_out_f64(op)[r] = (double)x[best] - x[other];
    }
    return true;
}

REF(rank) {
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *x = ref_f32(op, 0, r);
        TRY(finite(op, 0, r, err));
        double rank = 1;
        for (uint32_t c = 0; c < op->in[0].width; c++) rank += x[c] > x[op->step->attr.rank.token];
        ref_out_f64(op)[r] = rank;
    }
    return true;
}

REF(argmax) {
    for (uint64_t r = 0; r < op->step->rows; r++) {
        TRY(finite(op, 0, r, err));
        ref_out_f64(op)[r] = largest(ref_f32(op, 0, r), op->in[0].width, op->in[0].width);
    }
    return true;
}

// -sum p log p
REF(entropy) {
    uint32_t vocab = op->in[0].width;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *x = ref_f32(op, 0, r);
        TRY(finite(op, 0, r, err));
        Norm norm = norm_of(x, vocab);
        double sum = 0;
        for (uint32_t c = 0; c < vocab; c++) {
            double log_p = (x[c] - norm.most) - norm.log_sum;
            sum -= exp(log_p) * log_p;
        }
        ref_out_f64(op)[r] = sum;
    }
    return true;
}

// ---- States

// Of a state that is all zero the cosine is undefined: NaN here, a word in the report.
REF(cosine) {
    TRY(ref_states_finite(op, err));
    uint32_t n = op->in[0].width;
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *x = ref_f32(op, 0, r), *y = ref_f32(op, 1, r);
        ref_out_f64(op)[r] = ref_dot(x, y, n) / sqrt(ref_dot(x, x, n) * ref_dot(y, y, n));
    }
    return true;
}

REF(norm) {
    TRY(ref_states_finite(op, err));
    for (uint64_t r = 0; r < op->step->rows; r++) {
        const float *x = ref_f32(op, 0, r);
        ref_out_f64(op)[r] = sqrt(ref_dot(x, x, op->in[0].width));
    }
    return true;
}

// ---- Over the rows of a prompt

static double prompt_total(const RefOp *op, uint64_t r) {
    const double *x = op->in[0].data;
    double sum = 0;
    for (uint32_t i = 0; i < op->step->count[r]; i++) sum += x[op->step->begin[r] + i];
    return sum;
}

REF(prompt_mean) {
    for (uint64_t r = 0; r < op->step->rows; r++) ref_out_f64(op)[r] = prompt_total(op, r) / op->step->count[r];
    return true;
}

REF(prompt_sum) {
    for (uint64_t r = 0; r < op->step->rows; r++) ref_out_f64(op)[r] = prompt_total(op, r);
    return true;
}
