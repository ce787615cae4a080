// explain_why.c: in words, for each run: which rows it has in which layers, and why no others.
#include "compiler/explain.h"

static const char *ending(uint64_t count) {
    return count == 1 ? "" : "s";
}

static void line_write(const Explanation *e, Span span, Text *out) {
    if (!span_known(span)) return;
    text_str(out, STR(" ("));
    span_render(e->graph->tables->sources, span, out);
    text_char(out, ')');
}

static void why_add(const Explanation *e, RunCost *run, Str label, const Text *text) {
    list_push(e->arena, &run->why, ((Why){label, text_view(text)}));
}

// ---- Rows

static const Stream *stream_of(const Explanation *e, uint32_t stream) {
    return e->graph->tables->spaces.streams.at[stream].stream;
}

// How many tokens each prompt has of a selection; 0 when they differ.
static uint32_t in_each_prompt(const Selection *selection, const Stream *stream) {
    uint32_t each = selection_in_prompt(selection, 0);
    for (uint32_t p = 1; p < stream->count; p++)
        if (selection_in_prompt(selection, p) != each) return 0;
    return each;
}

// "512 rows (32 prompts x 16 points x 1 token)"
static void rows_write(const Explanation *e, const LayerCost *layer, Text *out) {
    count_write(layer->rows, out);
    text_add(out, " row%s", ending(layer->rows));
    if (layer->mixed) return;
    const Selection *selection = layer->selection;
    const Stream *stream = stream_of(e, selection->stream);
    uint32_t each = in_each_prompt(selection, stream);
    text_add(out, " (%u prompt%s", stream->count, ending(stream->count));
    if (layer->points > 1) {
        text_str(out, STR(" x "));
        count_write(layer->points, out);
        text_str(out, STR(" points"));
    }
    if (selection->count == selection->tokens) {
        text_str(out, STR(", all tokens)"));
    } else if (each) {
        text_add(out, " x %u token%s)", each, ending(each));
    } else {
        text_str(out, STR(", "));
        count_write(selection->count, out);
        text_str(out, STR(" of "));
        count_write(selection->tokens, out);
        text_str(out, STR(" tokens)"));
    }
}

// ---- Reasons

// The lowest patch of the run, when that of all its instances is at the same positions.
static const Write *patch_of(const RunCost *run) {
    const Write *first = lowest_write(run->instances.at[0]);
    for (size_t i = 1; i < run->instances.len && first; i++) {
        const Write *other = lowest_write(run->instances.at[i]);
        if (!other || other->place.at.word != first->place.at.word || other->place.at.k != first->place.at.k)
            return NULL;
    }
    return first;
}

static bool one_place(const RunCost *run) {
    const Write *first = lowest_write(run->instances.at[0]);
    for (size_t i = 1; i < run->instances.len && first; i++)
        if (!str_eq(lowest_write(run->instances.at[i])->place.name, first->place.name)) return false;
    return first != NULL;
}

// Why the other tokens have no rows, when that is known.
static void reason_write(const Explanation *e, const RunCost *run, const LayerCost *layer, Text *out) {
    const Selection *rows = layer->selection, *where, *below;
    const Write *patch = patch_of(run);
    Spaces *spaces = (Spaces *)(uintptr_t)&e->graph->tables->spaces;
    Error ignored;
    if (layer->mixed || rows->count == rows->tokens) return;
    bool sliced =
        patch && e->options->slices && positions_select(spaces, rows->stream, &patch->place.at, &where, &ignored);
    below = sliced ? selection_suffix(spaces, where) : NULL;
    if (!sliced || (rows != where && rows != below)) {
        text_str(out, STR(": nothing reads the others"));
        return;
    }
    text_str(out, str_of(rows == below ? ": nothing before the patch at " : ": nothing but the patch at "));
    positions_write(&patch->place.at, out);
    text_str(out, str_of(rows == below ? " can differ" : " differs here"));
}

static void others_write(const Explanation *e, const RunCost *run, uint32_t layer, Text *out) {
    const char *between = "those of ";
    for (size_t i = 0; i < run->reads.len; i++) {
        if (!run->reads.at[i].rows[layer]) continue;
        text_add(out, "%s%.*s", between, STR_ARG(e->runs.at[run->reads.at[i].run].name));
        between = ", ";
    }
    const Write *patch = lowest_write(run->instances.at[0]);
    if (!patch) return;
    if (one_place(run))
        text_add(out, ": no patch is below %.*s", STR_ARG(patch->place.name));
    else
        text_str(out, STR(": no patch is below"));
    line_write(e, patch->span, out);
}

static bool reads_others(const RunCost *run, uint32_t layer) {
    for (size_t i = 0; i < run->reads.len; i++)
        if (run->reads.at[i].rows[layer]) return true;
    return false;
}

// A run none of whose products is charged to it is not left out: what it has in common with others is theirs.
static const char *without_rows(const RunCost *run, uint32_t number) {
    if (!run->planned.gemm_flop) return "none of its own: what is read of it is made for other runs, or is no product";
    return number < run->layers ? "not computed: nothing reads this run there" : "none: no metric reads its logits";
}

static void layer_write(const Explanation *e, const RunCost *run, uint32_t number, Text *out) {
    const LayerCost *layer = &run->layer[number];
    if (layer->rows) {
        rows_write(e, layer, out);
        if (number < run->layers) reason_write(e, run, layer, out);
    } else if (layer->flop) {
        text_str(out, STR("in part: nothing reads its mlp_out"));
    } else if (reads_others(run, number)) {
        others_write(e, run, number, out);
    } else {
        text_str(out, str_of(without_rows(run, number)));
    }
}

// ---- Layers that are alike are one line

static Str layer_text(const Explanation *e, const RunCost *run, uint32_t layer) {
    Text text = text_open(e->arena);
    layer_write(e, run, layer, &text);
    return text_view(&text);
}

// The layer behind those from `first` on that have one text.
static uint32_t alike_end(const Explanation *e, const RunCost *run, uint32_t first) {
    Str text = layer_text(e, run, first);
    uint32_t end = first + 1;
    while (end < run->layers && str_eq(text, layer_text(e, run, end))) end++;
    return end;
}

static Str reason_text(const Explanation *e, const RunCost *run, uint32_t layer) {
    Text text = text_open(e->arena);
    reason_write(e, run, &run->layer[layer], &text);
    return text_view(&text);
}

// The layer behind those from `first` on whose rows grow by the same number from layer to layer, for one reason;
// `first` when these are not three.
static uint32_t growing_end(const Explanation *e, const RunCost *run, uint32_t first) {
    const LayerCost *layer = run->layer;
    uint32_t end = first + 1;
    if (end >= run->layers || !layer[first].rows || layer[end].rows == layer[first].rows) return first;
    uint64_t step = layer[end].rows - layer[first].rows;
    Str reason = reason_text(e, run, first);
    while (end < run->layers && layer[end].rows && layer[end].rows - layer[end - 1].rows == step &&
           str_eq(reason, reason_text(e, run, end)))
        end++;
    return end > first + 2 ? end : first;
}

static Str layers_label(const Explanation *e, uint32_t first, uint32_t end) {
    if (end == first + 1) return str_format(e->arena, "layer %u", first);
    return str_format(e->arena, "layers %u-%u", first, end - 1);
}

static void growing_write(const Explanation *e, const RunCost *run, uint32_t first, uint32_t end, Text *out) {
    uint64_t from = run->layer[first].rows, to = run->layer[end - 1].rows,
             step = (MAX(from, to) - MIN(from, to)) / (end - 1 - first);
    count_write(from, out);
    text_str(out, STR(" to "));
    count_write(to, out);
    text_str(out, STR(" rows, "));
    count_write(step, out);
    text_add(out, " %s in each", to > from ? "more" : "fewer");
    reason_write(e, run, &run->layer[first], out);
}

static void why_layers(const Explanation *e, RunCost *run) {
    for (uint32_t first = 0, end; first < run->layers; first = end) {
        Text text = text_open(e->arena);
        end = growing_end(e, run, first);
        if (end > first) {
            growing_write(e, run, first, end, &text);
        } else {
            end = alike_end(e, run, first);
            layer_write(e, run, first, &text);
        }
        why_add(e, run, layers_label(e, first, end), &text);
    }
    Text text = text_open(e->arena);
    layer_write(e, run, run->layers, &text);
    why_add(e, run, STR("unembedding"), &text);
}

// ---- Points

static Str axes_names(const Explanation *e, AxisSet axes) {
    Text text = text_open(e->arena);
    const char *between = "";
    for (uint32_t a = 0; a < e->exp->axes.len; a++) {
        if (!(axes >> a & 1)) continue;
        text_add(&text, "%s%.*s", between, STR_ARG(e->exp->axes.at[a].name));
        between = ", ";
    }
    return text_view(&text);
}

static Span axes_span(const Explanation *e, AxisSet axes) {
    for (uint32_t a = 0; a < e->exp->axes.len; a++)
        if (axes >> a & 1) return e->exp->axes.at[a].span;
    return NO_SPAN;
}

static void why_points(const Explanation *e, RunCost *run) {
    AxisSet structural = axes_structural(e->exp, run->axes), values = run->axes & ~structural;
    if (values) {
        Text text = text_open(e->arena);
        size_t points = points_count(e->exp, values);
        count_write(points, &text);
        text_str(&text, STR(" points, rows of the same products"));
        if (run->most_together && run->most_together < points) {
            text_str(&text, STR(", up to "));
            count_write(run->most_together, &text);
            text_str(&text, STR(" together"));
        }
        line_write(e, axes_span(e, values), &text);
        why_add(e, run, axes_names(e, values), &text);
    }
    if (structural) {
        Text text = text_open(e->arena);
        count_write(run->instances.len, &text);
        text_str(&text, str_of(e->options->merges ? " points: their products with one weight are made together"
                                                  : " points, each by itself"));
        line_write(e, axes_span(e, structural), &text);
        why_add(e, run, axes_names(e, structural), &text);
    }
}

static void why_shared(const Explanation *e, RunCost *run) {
    for (size_t i = 0; i < run->reads.len; i++) {
        const Reads *reads = &run->reads.at[i];
        Text text = text_open(e->arena);
        count_write(reads->cost.token_layers, &text);
        text_add(&text, " token-layer%s, ", ending(reads->cost.token_layers));
        gflop_write((double)reads->cost.gemm_flop, &text);
        text_add(&text, " GFLOP of %.*s are read, not made again", STR_ARG(e->runs.at[reads->run].name));
        why_add(e, run, STR("shared"), &text);
    }
}

void explain_why(Explanation *e) {
    for (size_t i = 0; i < e->runs.len; i++) {
        why_layers(e, &e->runs.at[i]);
        why_points(e, &e->runs.at[i]);
        why_shared(e, &e->runs.at[i]);
    }
}
