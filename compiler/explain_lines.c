// explain_lines.c: which lines of the spec bring the planned work.
//
// What one point costs belongs to the run, to its patch where it has one, and of the unembedding to the metric. A sweep
// of n values brings all but 1/n of what it reaches; several sweeps share that by their logarithms.
#include <math.h>
#include <stdlib.h>

#include "compiler/explain.h"

typedef struct {
    Explanation *e;
    StrMap numbers;      // "FILE:LINE" to number in e->lines
    StrMap spans;        // the same by span: there are few, and many nodes of each
    const Node **reader; // by id: who reads an unembedding first
} Lines;

static uint32_t line_number(Lines *lines, Span span) {
    Explanation *e = lines->e;
    uint32_t number;
    Str key = {(const char *)&span, sizeof span};
    if (strmap_get(&lines->spans, key, &number)) return number;
    Text place = text_open(e->arena);
    span_render(e->graph->tables->sources, span, &place);
    if (!strmap_get(&lines->numbers, text_view(&place), &number)) {
        number = (uint32_t)e->lines.len;
        list_push(e->arena, &e->lines, ((LineCost){span, 0}));
        strmap_put(&lines->numbers, text_view(&place), number);
    }
    strmap_put(&lines->spans, str_copy(e->arena, key), number);
    return number;
}

static void line_add(Lines *lines, Span span, double flop) {
    if (!span_known(span) || !(flop > 0)) return;
    uint32_t number = line_number(lines, span);
    lines->e->lines.at[number].flop += flop;
}

// Shares out what comes from `axes`; the rest is that of one point.
static double sweeps_add(Lines *lines, AxisSet axes, double flop) {
    const Experiment *exp = lines->e->exp;
    double all = 0, points = 1;
    for (uint32_t a = 0; a < exp->axes.len; a++) {
        if (!(axes >> a & 1)) continue;
        all += log((double)exp->axes.at[a].count);
        points *= (double)exp->axes.at[a].count;
    }
    double brought = flop - flop / points;
    for (uint32_t a = 0; a < exp->axes.len && all > 0; a++)
        if (axes >> a & 1) line_add(lines, exp->axes.at[a].span, brought * log((double)exp->axes.at[a].count) / all);
    return flop / points;
}

const Write *lowest_write(const RunInst *run) {
    const Write *lowest = NULL;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < run->writes.len; i++) {
        SiteId site = run->writes.at[i].place.site;
        uint32_t layer = run->writes.at[i].place.layer;
        site_canonical(&site, &layer);
        bool above = site_info[site].per == PER_MODEL && site != SITE_embed;
        uint64_t height = above ? UINT64_MAX - SITE_COUNT + site : (uint64_t)layer * SITE_COUNT + site;
        if (height < least) lowest = &run->writes.at[i], least = height;
    }
    return lowest;
}

static void work_add(Lines *lines, const Work *work) {
    const Explanation *e = lines->e;
    const RunInst *run = e->exp->runs.at[work->node->run - 1];
    AxisSet axes = work->node->space->axes | (work->proof ? 0 : axes_structural(e->exp, e->runs.at[work->run].axes));
    const Write *write = lowest_write(run);
    const Node *reader = work->product->unembeds ? lines->reader[work->node->id] : NULL;
    Span span = reader && span_known(reader->span) ? reader->span : write ? write->span : run->span;
    line_add(lines, span, sweeps_add(lines, axes, (double)product_flop(work->product, work->rows)));
}

static void find_readers(Lines *lines, const bool *reached) {
    const Explanation *e = lines->e;
    for (size_t i = 0; i < e->graph->nodes.len; i++) {
        const Node *node = e->graph->nodes.at[i];
        for (size_t k = 0; k < OP_MOST_INPUTS && node->in[k] && reached[i]; k++)
            if (!lines->reader[node->in[k]->id]) lines->reader[node->in[k]->id] = node;
    }
}

// What is unembedded again belongs to the metrics, in proportion to all that is unembedded for them.
static void again_add(Lines *lines) {
    const Explanation *e = lines->e;
    double all = 0;
    for (size_t i = 0; i < e->plan->step_count; i++)
        if (e->plan->steps[i].logits) all += (double)e->plan->steps[i].rows;
    for (size_t i = 0; i < e->plan->step_count; i++) {
        const Step *step = &e->plan->steps[i];
        if (step->logits)
            line_add(lines, step->logits->metrics[0].span, (double)e->again.gemm_flop * (double)step->rows / all);
    }
}

static int by_flop(const void *a, const void *b) {
    const LineCost *x = a, *y = b;
    if (x->flop != y->flop) return x->flop > y->flop ? -1 : 1;
    if (x->span.source != y->span.source) return x->span.source < y->span.source ? -1 : 1;
    return x->span.begin < y->span.begin ? -1 : x->span.begin > y->span.begin;
}

// The text of the line where a span begins, without what stands around it.
Str explain_line(const Explanation *e, Span span) {
    Str text = e->graph->tables->sources->at[span.source].text;
    size_t begin = MIN(span.begin, text.len), end = begin;
    while (begin && text.at[begin - 1] != '\n') begin--;
    while (end < text.len && text.at[end] != '\n' && text.at[end] != '\r') end++;
    while (begin < end && (text.at[begin] == ' ' || text.at[begin] == '\t')) begin++;
    while (end > begin && (text.at[end - 1] == ' ' || text.at[end - 1] == '\t')) end--;
    return str_part(text, begin, end);
}

void explain_lines(Explanation *e) {
    Arena *scratch = arena_open();
    const bool *reached = graph_reached(e->graph, scratch);
    Lines lines = {.e = e, .numbers = strmap_open(scratch, 16), .spans = strmap_open(scratch, 16)};
    lines.reader = arena_many(scratch, const Node *, e->graph->nodes.len + 1);
    find_readers(&lines, reached);
    for (size_t i = 0; i < e->work.len; i++) work_add(&lines, &e->work.at[i]);
    again_add(&lines);
    if (e->lines.len) qsort(e->lines.at, e->lines.len, sizeof *e->lines.at, by_flop);
    arena_close(scratch);
}
