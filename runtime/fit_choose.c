// fit_choose.c: what a ridge fit decides before and after its matrices are computed.
#include <math.h>

#include "runtime/fit_ridge.h"

static const double CONSTANT = 1e-6; // a dimension that deviates less is left out

Ridge ridge_of(const Attr *attr, Given given, const double *lambdas, uint32_t lambda_count) {
    return (Ridge){.given = given,
                   .held = attr->ridge.held,
                   .lambdas = lambdas,
                   .lambda_count = lambda_count,
                   .standardize = attr->ridge.standardize,
                   .rank = attr->ridge.rank};
}

// ---- Dimensions

RidgeSide ridge_side(Arena *arena, int side, uint32_t width, double *mean, double *deviation) {
    return (RidgeSide){.name = side ? "target" : "source",
                       .width = width,
                       .mean = mean,
                       .deviation = deviation,
                       .column = arena_many(arena, uint32_t, width)};
}

// When standardising, what is constant is left out: on both sides, when the two have the same dimensions.
static bool keep_side(RidgeSide *side, const RidgeSide *other, bool standardize, Error *err) {
    bool all = !standardize, varies = false;
    for (uint32_t c = 0; c < side->width; c++) {
        bool kept = side->deviation[c] > CONSTANT && (other->width != side->width || other->deviation[c] > CONSTANT);
        varies |= all ? side->deviation[c] > 0 : kept;
        if (all || kept) side->column[side->kept++] = c;
    }
    if (varies) return true;
    if (!all && other->width == side->width) FAIL(err, ERR_INPUT, "no dimension varies in both the source and the target: nothing to fit");
    FAIL(err, ERR_INPUT, "the %s's states are the same for every prompt: nothing to fit", side->name);
}

bool ridge_keep(RidgeSide *x, RidgeSide *y, bool standardize, Error *err) {
    TRY(keep_side(x, y, standardize, err) && keep_side(y, x, standardize, err));
    for (uint32_t c = 0; c < x->width && !standardize; c++) x->deviation[c] = 1;
    for (uint32_t c = 0; c < y->width && !standardize; c++) y->deviation[c] = 1;
    return true;
}

double ridge_spread(const RidgeSide *y, const double *mean, const double *deviation, uint64_t rows, double *left_out) {
    double sum = 0;
    *left_out = 0;
    for (uint32_t c = 0, k = 0; c < y->width; c++) {
        double square = deviation[c] * deviation[c], off = mean[c] - y->mean[c];
        sum += square * (double)rows;
        if (k < y->kept && y->column[k] == c)
            k++;
        else
            *left_out += (square + off * off) * (double)rows;
    }
    return sum;
}

// ---- The report

FitReport ridge_report(const Given *given) {
    return (FitReport){.rows = given->n, .in = given->in, .out = given->out, .scale = 1, .unique = true};
}

void ridge_tell(const Ridge *fit, const RidgeSide *x, const RidgeSide *y, FitReport *report) {
    uint32_t rank = MIN(report->source.rank, y->kept);
    report->rank = fit->rank ? MIN(fit->rank, rank) : rank;
    report->kept_in = x->kept;
    report->kept_out = y->kept;
}

// ---- Lambda

bool ridge_has_rows(const Ridge *fit) {
    return fit->held && fit->given.n >= fit->held + 2;
}

static bool cannot_choose(const Ridge *fit, Error *err) {
    static const char chosen[] = "lambda is chosen by R2 on the last fifth of the prompts",
                      instead[] = "fit on more, or give one lambda";
    unsigned long long held = fit->held, rest = fit->given.n - held;
    if (!held) FAIL(err, ERR_INPUT, "%s: no row is of these; %s", chosen, instead);
    if (rest < 2)
        FAIL(err, ERR_INPUT, "%s: without these there %s %llu row%s to fit on; %s", chosen, rest == 1 ? "is" : "are",
             rest, rest == 1 ? "" : "s", instead);
    FAIL(err, ERR_INPUT, "%s: %llu row%s that %s not vary; %s", chosen, held, held == 1 ? "" : "s",
         held == 1 ? "does" : "do", instead);
}

bool ridge_choose(const Ridge *fit, bool scored, FitReport *report, Error *err) {
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < fit->lambda_count; i++) {
        report->lambdas[i] = fit->lambdas[i];
        if (!scored) report->scores[i] = NAN;
        if (isnan(report->scores[i])) continue;
        bool better = best == UINT32_MAX || report->scores[i] > report->scores[best] ||
                      (report->scores[i] == report->scores[best] && fit->lambdas[i] > fit->lambdas[best]);
        if (better) best = i;
    }
    report->lambda_count = fit->lambda_count;
    if (best == UINT32_MAX && fit->lambda_count > 1) return cannot_choose(fit, err);
    report->lambda = fit->lambdas[best == UINT32_MAX ? 0 : best];
    return true;
}
