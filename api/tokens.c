// tokens.c: `mdx tokens`: each prompt as the models see it, with what the spec reads, writes and measures there.
#include "api/session.h"

typedef enum { MARK_read = 1, MARK_written = 2, MARK_measured = 4 } Mark;

static const struct {
    Mark mark;
    const char *word;
} words[] = {{MARK_read, "read"}, {MARK_written, "written"}, {MARK_measured, "measured"}};

// What a node does with the tokens of a selection.
static const Selection *marked(const Graph *graph, const Node *node, Mark *mark) {
    const Spaces *spaces = &graph->tables->spaces;
    if (node->op == OP_rows) {
        *mark = MARK_read;
        return spaces->selections.at[node->attr.rows.selection];
    }
    if (node->op == OP_write) {
        *mark = MARK_written;
        return spaces->selections.at[node->attr.write.selection];
    }
    *mark = MARK_measured;
    return op_info[node->op].rows == ROWS_PROMPT ? node->in[0]->space->selection : NULL;
}

static uint8_t *stream_marks(const Graph *graph, uint32_t stream, Arena *arena) {
    const Stream *s = graph->tables->spaces.streams.at[stream].stream;
    uint8_t *marks = arena_many(arena, uint8_t, s->start[s->count]);
    for (size_t i = 0; i < graph->nodes.len; i++) {
        Mark mark;
        const Selection *selection = marked(graph, graph->nodes.at[i], &mark);
        for (uint32_t t = 0; selection && selection->stream == stream && t < s->start[s->count]; t++)
            if (selection_has(selection, t)) marks[t] |= (uint8_t)mark;
    }
    return marks;
}

static size_t characters(Str s) {
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) count += ((unsigned char)s.at[i] & 0xc0) != 0x80;
    return count;
}

static void print_token(const Tokenizer *tokenizer, const Stream *s, uint32_t t, uint32_t first, uint8_t marks, Text *out) {
    Error err;
    Str text;
    text_add(out, "  %4u  %6u  ", t - first, s->tokens[t]);
    size_t begin = out->len;
    if (tokenizer_decode(tokenizer, out->arena, &s->tokens[t], 1, false, &text, &err)) text_json(out, text);
    const char *between = "  ";
    size_t shown = characters(str_part(text_view(out), begin, out->len));
    if (s->content[t] || marks) text_repeat(out, ' ', shown < 16 ? 16 - shown : 0);
    if (s->content[t]) {
        text_str(out, STR("  content"));
        between = ", ";
    }
    for (size_t i = 0; i < COUNT(words); i++) {
        if (!(marks & words[i].mark)) continue;
        text_add(out, "%s%s", between, words[i].word);
        between = ", ";
    }
    text_char(out, '\n');
}

static uint32_t model_of(const Mdx *mdx, Str stream_name) {
    for (uint32_t i = 0; i < mdx->exp->models.len; i++) {
        Str model = mdx->exp->models.at[i].name;
        Str whole = str_format(mdx->arena, "/%.*s", STR_ARG(model)), longer = str_format(mdx->arena, "/%.*s+", STR_ARG(model));
        if (str_ends(stream_name, whole) || str_ends(stream_name, longer)) return i;
    }
    BUG("a stream of no model");
}

static bool print_stream(Mdx *mdx, const Graph *graph, uint32_t stream, Text *out, Error *err) {
    const StreamInfo *info = &graph->tables->spaces.streams.at[stream];
    const Stream *s = info->stream;
    const Tokenizer *tokenizer = streams_tokenizer(mdx->streams, model_of(mdx, info->name), err);
    if (!tokenizer) return false;
    const uint8_t *marks = stream_marks(graph, stream, mdx->arena);
    for (uint32_t p = 0; p < s->count; p++) {
        text_add(out, "%.*s  %.*s: %u tokens\n", STR_ARG(info->name), STR_ARG(s->ids[p]), s->start[p + 1] - s->start[p]);
        for (uint32_t t = s->start[p]; t < s->start[p + 1]; t++) print_token(tokenizer, s, t, s->start[p], marks[t], out);
    }
    return true;
}

const char *mdx_tokens(Mdx *mdx) {
    Error err;
    Text out = text_open(mdx->arena);
    bool ok = session_streams(mdx, &err);
    if (ok) {
        // The graph as it is built, before rows that nobody needs were taken away.
        Graph graph = graph_open(tables_open(mdx->arena, mdx->exp, &mdx->spec.sources, &mdx->facts));
        ok = build(&graph, &mdx->build, &err);
        for (uint32_t i = 0; ok && i < graph.tables->spaces.streams.len; i++) ok = print_stream(mdx, &graph, i, &out, &err);
    }
    if (ok) return out.at;
    session_failed(mdx, &err);
    return NULL;
}
