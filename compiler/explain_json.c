// explain_json.c: the explanation as JSON; docs/explain.md says what the keys mean.
#include "compiler/explain.h"

static void key(const char *name, Text *out) {
    text_add(out, "\"%s\": ", name);
}

static void text_pair(const char *name, Str value, Text *out) {
    key(name, out);
    text_json(out, value);
}

static void number_pair(const char *name, uint64_t value, Text *out) {
    key(name, out);
    text_add(out, "%llu", (unsigned long long)value);
}

static void line_pair(const Explanation *e, Span span, Text *out) {
    Text place = text_open(e->arena);
    span_render(e->graph->tables->sources, span, &place);
    text_pair("line", text_view(&place), out);
}

static void between(size_t i, Text *out) {
    text_str(out, str_of(i ? ",\n    " : "\n    "));
}

void cost_json(const Cost *cost, Text *out) {
    text_char(out, '{');
    number_pair("token_layers", cost->token_layers, out);
    text_str(out, STR(", "));
    number_pair("unembedding_rows", cost->unembedding_rows, out);
    text_str(out, STR(", "));
    number_pair("gemm_flop", cost->gemm_flop, out);
    text_char(out, '}');
}

static void cost_pair(const char *name, const Cost *cost, Text *out) {
    key(name, out);
    cost_json(cost, out);
}

static void layers_json(const RunCost *run, Text *out) {
    key("layers", out);
    text_char(out, '[');
    for (uint32_t l = 0; l < run->layers; l++) {
        text_str(out, str_of(l ? ", {" : "{"));
        number_pair("token_layers", run->layer[l].rows, out);
        text_str(out, STR(", "));
        number_pair("gemm_flop", run->layer[l].flop, out);
        text_char(out, '}');
    }
    text_char(out, ']');
}

static void shared_json(const Explanation *e, const RunCost *run, Text *out) {
    key("shared", out);
    text_char(out, '[');
    for (size_t i = 0; i < run->reads.len; i++) {
        text_str(out, str_of(i ? ", {" : "{"));
        text_pair("run", e->runs.at[run->reads.at[i].run].name, out);
        text_str(out, STR(", "));
        cost_pair("cost", &run->reads.at[i].cost, out);
        text_char(out, '}');
    }
    text_char(out, ']');
}

static void run_json(const Explanation *e, const RunCost *run, Text *out) {
    text_char(out, '{');
    text_pair("run", run->name, out);
    text_str(out, STR(", "));
    line_pair(e, run->span, out);
    text_str(out, STR(", "));
    text_pair("model", e->exp->models.at[run->model].name, out);
    text_str(out, STR(", "));
    text_pair("prompts", e->exp->prompts.at[run->prompts].name, out);
    text_str(out, STR(", "));
    number_pair("tokens", run->tokens, out);
    text_str(out, STR(", "));
    number_pair("points", run->points, out);
    text_str(out, STR(",\n     "));
    cost_pair("naive", &run->naive, out);
    text_str(out, STR(",\n     "));
    cost_pair("planned", &run->planned, out);
    text_str(out, STR(",\n     "));
    shared_json(e, run, out);
    text_str(out, STR(",\n     "));
    layers_json(run, out);
    text_str(out, STR(",\n     \"why\": ["));
    for (size_t i = 0; i < run->why.len; i++) {
        Str why = str_format(e->arena, "%.*s: %.*s", STR_ARG(run->why.at[i].label), STR_ARG(run->why.at[i].text));
        if (i) text_str(out, STR(", "));
        text_json(out, why);
    }
    text_str(out, STR("]}"));
}

static void dear_json(const Explanation *e, const LineCost *line, Text *out) {
    text_char(out, '{');
    line_pair(e, line->span, out);
    text_str(out, STR(", "));
    text_pair("text", explain_line(e, line->span), out);
    text_add(out, ", \"share\": %.4f}", e->planned.gemm_flop ? line->flop / (double)e->planned.gemm_flop : 0);
}

void explain_json(const Explanation *e, Text *out) {
    text_str(out, STR("{\n  "));
    text_pair("experiment", e->exp->name, out);
    text_str(out, STR(",\n  \"runs\": ["));
    for (size_t i = 0; i < e->runs.len; i++) {
        between(i, out);
        run_json(e, &e->runs.at[i], out);
    }
    text_str(out, STR("],\n  "));
    cost_pair("naive", &e->naive, out);
    text_str(out, STR(",\n  "));
    cost_pair("planned", &e->planned, out);
    text_str(out, STR(",\n  "));
    cost_pair("proofs", &e->proofs, out);
    text_str(out, STR(",\n  "));
    cost_pair("unembedded_again", &e->again, out);
    text_str(out, STR(",\n  \"weight_bytes\": {"));
    number_pair("naive", e->naive_weights, out);
    text_str(out, STR(", "));
    number_pair("planned", e->planned_weights, out);
    text_str(out, STR("},\n  \"plan\": {"));
    number_pair("steps", e->plan->step_count, out);
    text_str(out, STR(", "));
    number_pair("micro_batches", e->options->parts, out);
    text_str(out, STR(", "));
    number_pair("arena_bytes", e->plan->arena_bytes, out);
    text_str(out, STR(", "));
    number_pair("device_bytes", e->options->device_bytes, out);
    text_str(out, STR("},\n  \"lines\": ["));
    for (size_t i = 0; i < e->lines.len; i++) {
        between(i, out);
        dear_json(e, &e->lines.at[i], out);
    }
    text_str(out, STR("]\n}\n"));
}
