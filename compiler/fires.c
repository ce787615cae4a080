// fires.c: that every patch writes the rows that the spec selects: counted in the graph that is run, against the rows
// that the spec names and those that something reads (found in the graph as it was built, before any pass).
#include "compiler/passes.h"

static const Selection *written_by(const Graph *graph, const GraphFire *fire) {
    Spaces *spaces = &graph->tables->spaces;
    const Selection *where = graph->tables->fires.at[fire->fire].where, *rows = fire->node->space->selection;
    if (fire->node->op == OP_write) rows = spaces->selections.at[fire->node->attr.write.selection];
    return selection_and(spaces, rows, where);
}

static bool wrong_count(const Graph *graph, const Fire *fire, const Selection *written, Error *err) {
    const Stream *stream = graph->tables->spaces.streams.at[fire->where->stream].stream;
    for (uint32_t p = 0; p < stream->count; p++) {
        uint32_t want = fire->read ? selection_in_prompt(fire->read, p) : 0, have = written ? selection_in_prompt(written, p) : 0;
        if (have >= want && have <= selection_in_prompt(fire->where, p)) continue;
        error_set(err, ERR_SYSTEM, "patch %.*s writes %u rows of prompt %.*s in %.*s at %.*s, the spec selects %u: this is a bug in mdx",
                  STR_ARG(fire->write->name), have, STR_ARG(stream->ids[p]), STR_ARG(fire->run->name), STR_ARG(fire->write->place.name), want);
        return error_at(err, fire->write->span);
    }
    return false;
}

bool fires_check(const Graph *graph, Arena *arena, uint64_t **written, Error *err) {
    const Tables *tables = graph->tables;
    const Selection **rows = arena_many(arena, const Selection *, tables->fires.len + 1);
    *written = arena_many(arena, uint64_t, tables->fires.len + 1);
    for (size_t i = 0; i < graph->fires.len; i++) rows[graph->fires.at[i].fire] = written_by(graph, &graph->fires.at[i]);
    for (size_t i = 0; i < tables->fires.len; i++) {
        if (wrong_count(graph, &tables->fires.at[i], rows[i], err)) return false;
        const Selection *read = tables->fires.at[i].read;
        if (rows[i] && read) (*written)[i] = selection_and((Spaces *)(uintptr_t)&tables->spaces, rows[i], read)->count;
    }
    return true;
}
