// space.c: selections and spaces: interning, set operations, and which row reads which.
#include "compiler/space.h"

Spaces spaces_open(Arena *arena, const Experiment *exp, const Facts *facts) {
    return (Spaces){.arena = arena, .exp = exp, .facts = facts, .memo = strmap_open(arena, 256)};
}

uint32_t spaces_stream(Spaces *spaces, const Stream *stream, uint32_t prompts, Str name) {
    for (uint32_t i = 0; i < spaces->streams.len; i++)
        if (spaces->streams.at[i].stream == stream) return i;
    list_push(spaces->arena, &spaces->streams, ((StreamInfo){stream, prompts, name}));
    return (uint32_t)spaces->streams.len - 1;
}

// ---- Selections

static const Stream *stream_at(const Spaces *spaces, uint32_t stream) {
    return spaces->streams.at[stream].stream;
}

static size_t words_of(const Stream *stream) {
    return (stream->start[stream->count] + 63) / 64;
}

bool selection_has(const Selection *selection, uint32_t token) {
    return selection->bits[token / 64] >> (token % 64) & 1;
}

uint32_t selection_in_prompt(const Selection *selection, uint32_t prompt) {
    return selection->before[prompt + 1] - selection->before[prompt];
}

static const Selection *selection_intern(Spaces *spaces, uint32_t stream, const uint64_t *bits) {
    const Stream *s = stream_at(spaces, stream);
    size_t bytes = words_of(s) * sizeof *bits;
    for (size_t i = 0; i < spaces->selections.len; i++) {
        const Selection *have = spaces->selections.at[i];
        if (have->stream == stream && memcmp(have->bits, bits, bytes) == 0) return have;
    }
    Selection *selection = arena_new(spaces->arena, Selection);
    uint32_t *before = arena_many(spaces->arena, uint32_t, s->count + 1);
    selection->id = (uint32_t)spaces->selections.len;
    selection->stream = stream;
    selection->tokens = s->start[s->count];
    selection->bits = arena_copy(spaces->arena, bits, bytes);
    for (uint32_t p = 0; p < s->count; p++) {
        before[p] = (uint32_t)selection->count;
        for (uint32_t t = s->start[p]; t < s->start[p + 1]; t++) selection->count += selection_has(selection, t);
    }
    before[s->count] = (uint32_t)selection->count;
    selection->before = before;
    list_push(spaces->arena, &spaces->selections, selection);
    return selection;
}

const Selection *selection_of(Spaces *spaces, uint32_t stream, const bool *flags) {
    const Stream *s = stream_at(spaces, stream);
    uint64_t *bits = arena_many(spaces->arena, uint64_t, words_of(s));
    for (uint32_t t = 0; t < s->start[s->count]; t++) bits[t / 64] |= (uint64_t)flags[t] << (t % 64);
    return selection_intern(spaces, stream, bits);
}

// ---- Set operations, each computed once for its operands

typedef enum { SET_ALL, SET_NONE, SET_OR, SET_AND, SET_MINUS, SET_CAUSAL, SET_SUFFIX, SET_RANKS } SetOp;

typedef struct {
    uint32_t op, a, b, c;
} SetKey;

static const Selection *memo_get(const Spaces *spaces, const SetKey *key) {
    uint32_t id;
    return strmap_get(&spaces->memo, (Str){(const char *)key, sizeof *key}, &id) ? spaces->selections.at[id] : NULL;
}

static const Selection *memo_put(Spaces *spaces, const SetKey *key, const Selection *result) {
    const char *kept = arena_copy(spaces->arena, key, sizeof *key);
    strmap_put(&spaces->memo, (Str){kept, sizeof *key}, result->id);
    return result;
}

static const Selection *selection_filled(Spaces *spaces, uint32_t stream, SetOp op) {
    SetKey key = {op, stream, 0, 0};
    const Selection *have = memo_get(spaces, &key);
    if (have) return have;
    const Stream *s = stream_at(spaces, stream);
    bool *flags = arena_many(spaces->arena, bool, s->start[s->count]);
    memset(flags, op == SET_ALL, s->start[s->count]);
    return memo_put(spaces, &key, selection_of(spaces, stream, flags));
}

const Selection *selection_all(Spaces *spaces, uint32_t stream) {
    return selection_filled(spaces, stream, SET_ALL);
}

const Selection *selection_none(Spaces *spaces, uint32_t stream) {
    return selection_filled(spaces, stream, SET_NONE);
}

static const Selection *selection_combine(Spaces *spaces, const Selection *a, const Selection *b, SetOp op) {
    MUST(a->stream == b->stream);
    if (a == b) return op == SET_MINUS ? selection_none(spaces, a->stream) : a;
    SetKey key = {op, a->id, b->id, 0};
    const Selection *have = memo_get(spaces, &key);
    if (have) return have;
    size_t words = words_of(stream_at(spaces, a->stream));
    uint64_t *bits = arena_many(spaces->arena, uint64_t, words);
    for (size_t i = 0; i < words; i++) {
        uint64_t x = a->bits[i], y = b->bits[i];
        bits[i] = op == SET_OR ? x | y : op == SET_AND ? x & y : x & ~y;
    }
    return memo_put(spaces, &key, selection_intern(spaces, a->stream, bits));
}

const Selection *selection_or(Spaces *spaces, const Selection *a, const Selection *b) {
    return selection_combine(spaces, a, b, SET_OR);
}

const Selection *selection_and(Spaces *spaces, const Selection *a, const Selection *b) {
    return selection_combine(spaces, a, b, SET_AND);
}

const Selection *selection_minus(Spaces *spaces, const Selection *a, const Selection *b) {
    return selection_combine(spaces, a, b, SET_MINUS);
}

const Selection *selection_causal(Spaces *spaces, const Selection *a) {
    SetKey key = {SET_CAUSAL, a->id, 0, 0};
    const Selection *have = memo_get(spaces, &key);
    if (have) return have;
    const Stream *s = stream_at(spaces, a->stream);
    bool *flags = arena_many(spaces->arena, bool, s->start[s->count]);
    for (uint32_t p = 0; p < s->count; p++) {
        uint32_t end = s->start[p + 1];
        while (end > s->start[p] && !selection_has(a, end - 1)) end--;
        for (uint32_t t = s->start[p]; t < end; t++) flags[t] = true;
    }
    return memo_put(spaces, &key, selection_of(spaces, a->stream, flags));
}

const Selection *selection_suffix(Spaces *spaces, const Selection *a) {
    SetKey key = {SET_SUFFIX, a->id, 0, 0};
    const Selection *have = memo_get(spaces, &key);
    if (have) return have;
    const Stream *s = stream_at(spaces, a->stream);
    bool *flags = arena_many(spaces->arena, bool, s->start[s->count]);
    for (uint32_t p = 0; p < s->count; p++) {
        bool begun = false;
        for (uint32_t t = s->start[p]; t < s->start[p + 1]; t++) flags[t] = begun |= selection_has(a, t);
    }
    return memo_put(spaces, &key, selection_of(spaces, a->stream, flags));
}

const Selection *selection_ranks(Spaces *spaces, const Selection *part, const Selection *of, const Selection *from) {
    if (of == from) return part;
    if (part == of) return from;
    SetKey key = {SET_RANKS, part->id, of->id, from->id};
    const Selection *have = memo_get(spaces, &key);
    if (have) return have;
    const Stream *a = stream_at(spaces, of->stream), *b = stream_at(spaces, from->stream);
    bool *flags = arena_many(spaces->arena, bool, b->start[b->count]);
    for (uint32_t p = 0; p < a->count; p++) {
        uint32_t t = b->start[p];
        for (uint32_t s = a->start[p]; s < a->start[p + 1]; s++) {
            if (!selection_has(of, s)) continue;
            while (t < b->start[p + 1] && !selection_has(from, t)) t++;
            MUST(t < b->start[p + 1]);
            flags[t++] = selection_has(part, s);
        }
    }
    return memo_put(spaces, &key, selection_of(spaces, from->stream, flags));
}

bool selection_within(const Selection *a, const Selection *b) {
    if (a == b) return true;
    if (a->stream != b->stream) return false;
    for (uint64_t left = a->count, i = 0; left; i++) {
        if (a->bits[i] & ~b->bits[i]) return false;
        left -= (uint64_t)__builtin_popcountll(a->bits[i]);
    }
    return true;
}

// ---- Spaces

static bool same_space(const Space *a, const Space *b) {
    if (a->kind != b->kind || a->prompts != b->prompts || a->selection != b->selection || a->axes != b->axes) return false;
    if (a->kind == SPACE_matrix) return a->rows == b->rows;
    for (uint32_t i = 0; i < a->range_count; i++)
        if (a->ranges[i].first != b->ranges[i].first || a->ranges[i].count != b->ranges[i].count) return false;
    return true;
}

static const Space *space_intern(Spaces *spaces, Space space) {
    for (size_t i = 0; i < spaces->spaces.len; i++)
        if (same_space(spaces->spaces.at[i], &space)) return spaces->spaces.at[i];
    Space *kept = arena_copy(spaces->arena, &space, sizeof space);
    kept->id = (uint32_t)spaces->spaces.len;
    list_push(spaces->arena, &spaces->spaces, kept);
    return kept;
}

static void put_axes(Spaces *spaces, Space *space, AxisSet axes, const AxisRange *by_axis) {
    space->axes = axes;
    space->points = 1;
    AxisRange *ranges = arena_many(spaces->arena, AxisRange, (size_t)__builtin_popcountll(axes));
    for (uint32_t a = 0; a < MOST_AXES; a++) {
        if (!(axes >> a & 1)) continue;
        ranges[space->range_count++] = by_axis[a];
        space->points *= by_axis[a].count;
    }
    space->ranges = ranges;
}

const Space *space_matrix(Spaces *spaces, uint64_t rows) {
    return space_intern(spaces, (Space){.kind = SPACE_matrix, .rows = rows});
}

const Space *space_points(Spaces *spaces, AxisSet axes, const AxisRange *by_axis) {
    Space space = {.kind = SPACE_points};
    put_axes(spaces, &space, axes, by_axis);
    space.rows = space.points;
    return space_intern(spaces, space);
}

const Space *space_prompts(Spaces *spaces, uint32_t prompts, uint32_t prompt_count, AxisSet axes, const AxisRange *by_axis) {
    Space space = {.kind = SPACE_prompts, .prompts = prompts, .prompt_count = prompt_count};
    put_axes(spaces, &space, axes, by_axis);
    space.rows = space.points * prompt_count;
    return space_intern(spaces, space);
}

const Space *space_tokens(Spaces *spaces, const Selection *selection, AxisSet axes, const AxisRange *by_axis) {
    const StreamInfo *info = &spaces->streams.at[selection->stream];
    Space space = {.kind = SPACE_tokens, .prompts = info->prompts, .prompt_count = info->stream->count, .selection = selection};
    put_axes(spaces, &space, axes, by_axis);
    space.rows = space.points * selection->count;
    return space_intern(spaces, space);
}

const Space *space_with_axes(Spaces *spaces, const Space *space, AxisSet axes, const AxisRange *by_axis) {
    Space out = *space;
    out.range_count = 0;
    if (space->kind == SPACE_matrix) return space;
    put_axes(spaces, &out, axes, by_axis);
    uint64_t each = space->kind == SPACE_points ? 1 : space->kind == SPACE_prompts ? space->prompt_count : space->selection->count;
    out.rows = out.points * each;
    return space_intern(spaces, out);
}

const Space *space_with_selection(Spaces *spaces, const Space *space, const Selection *selection) {
    MUST(space->kind == SPACE_tokens);
    Space out = *space;
    out.selection = selection;
    out.rows = out.points * selection->count;
    return space_intern(spaces, out);
}

void space_ranges(const Space *space, AxisRange *by_axis) {
    for (uint32_t i = 0; i < space->range_count; i++) by_axis[space->ranges[i].axis] = space->ranges[i];
}

static const AxisRange *range_of(const Space *space, uint32_t axis) {
    for (uint32_t i = 0; i < space->range_count; i++)
        if (space->ranges[i].axis == axis) return &space->ranges[i];
    return NULL;
}

static bool points_read(const Space *to, const Space *from) {
    for (uint32_t i = 0; i < from->range_count; i++) {
        const AxisRange *have = range_of(to, from->ranges[i].axis);
        if (!have || have->first != from->ranges[i].first || have->count != from->ranges[i].count) return false;
    }
    return true;
}

bool space_reads(const Space *to, const Space *from) {
    if (to == from || from->kind == SPACE_matrix) return true;
    if (to->kind == SPACE_matrix || to->kind < from->kind || !points_read(to, from)) return false;
    if (from->kind == SPACE_points) return true;
    if (to->prompts != from->prompts) return false;
    return from->kind == SPACE_prompts || selection_within(to->selection, from->selection);
}

// Axes that `from` has not are dropped.
uint32_t *space_point_map(const Space *to, const Space *from, Arena *arena) {
    uint32_t *map = arena_many(arena, uint32_t, to->points);
    for (uint64_t point = 0; point < to->points; point++) {
        uint64_t rest = point, stride = 1, target = 0;
        for (uint32_t i = to->range_count; i-- > 0;) {
            uint64_t value = rest % to->ranges[i].count;
            rest /= to->ranges[i].count;
            const AxisRange *range = range_of(from, to->ranges[i].axis);
            if (!range) continue;
            target += value * stride;
            stride *= range->count;
        }
        map[point] = (uint32_t)target;
    }
    return map;
}

RowInfo space_rows(const Spaces *spaces, const Space *space, Arena *arena) {
    RowInfo info = {arena_many(arena, uint32_t, space->rows), arena_many(arena, uint32_t, space->rows),
                    arena_many(arena, uint32_t, space->rows), arena_many(arena, uint32_t, space->rows)};
    uint64_t row = 0;
    if (space->kind == SPACE_points)
        for (; row < space->rows; row++) info.point[row] = (uint32_t)row;
    for (uint32_t p = 0; space->kind >= SPACE_prompts && p < space->prompt_count; p++) {
        for (uint32_t point = 0; point < space->points; point++) {
            if (space->kind == SPACE_prompts) {
                info.prompt[row] = p;
                info.point[row++] = point;
                continue;
            }
            const Stream *stream = stream_at(spaces, space->selection->stream);
            for (uint32_t t = stream->start[p]; t < stream->start[p + 1]; t++) {
                if (!selection_has(space->selection, t)) continue;
                info.prompt[row] = p;
                info.point[row] = point;
                info.token[row] = t;
                info.position[row++] = t - stream->start[p];
            }
        }
    }
    return info;
}

uint32_t *selection_rank(const Spaces *spaces, const Selection *selection, Arena *arena) {
    const Stream *stream = stream_at(spaces, selection->stream);
    uint32_t *rank = arena_many(arena, uint32_t, stream->start[stream->count]);
    for (uint32_t p = 0; p < stream->count; p++) {
        uint32_t n = 0;
        for (uint32_t t = stream->start[p]; t < stream->start[p + 1]; t++) {
            rank[t] = n;
            n += selection_has(selection, t);
        }
    }
    return rank;
}

const uint32_t *space_map(Spaces *spaces, const Space *to, const Space *from, Arena *arena) {
    MUST(space_reads(to, from));
    if (to == from || from->kind == SPACE_matrix) return NULL;
    Arena *scratch = arena_open();
    RowInfo rows = space_rows(spaces, to, scratch);
    const uint32_t *point = space_point_map(to, from, scratch);
    const uint32_t *rank = from->kind == SPACE_tokens ? selection_rank(spaces, from->selection, scratch) : NULL;
    uint32_t *map = arena_many(arena, uint32_t, to->rows);
    for (uint64_t r = 0; r < to->rows; r++) {
        uint64_t target = point[rows.point[r]];
        if (from->kind == SPACE_prompts) target += from->points * rows.prompt[r];
        if (from->kind == SPACE_tokens) {
            uint64_t each = selection_in_prompt(from->selection, rows.prompt[r]);
            target = from->points * from->selection->before[rows.prompt[r]] + target * each + rank[rows.token[r]];
        }
        map[r] = (uint32_t)target;
    }
    arena_close(scratch);
    return map;
}

void space_write(const Spaces *spaces, const Space *space, Text *out) {
    static const char *const kinds[] = {"matrix", "points", "prompts", "tokens"};
    text_add(out, "%s[", kinds[space->kind]);
    const char *between = "";
    if (space->kind == SPACE_matrix) {
        text_add(out, "%llu", (unsigned long long)space->rows);
    } else if (space->kind == SPACE_prompts) {
        text_add(out, "%.*s: %u", STR_ARG(spaces->exp->prompts.at[space->prompts].name), space->prompt_count);
        between = ", ";
    } else if (space->kind == SPACE_tokens) {
        const StreamInfo *info = &spaces->streams.at[space->selection->stream];
        text_add(out, "%.*s: %llu of %u", STR_ARG(info->name), (unsigned long long)space->selection->count,
                 info->stream->start[info->stream->count]);
        between = ", ";
    }
    for (uint32_t i = 0; i < space->range_count; i++) {
        const AxisRange *range = &space->ranges[i];
        const Axis *axis = &spaces->exp->axes.at[range->axis];
        text_add(out, "%s%.*s", between, STR_ARG(axis->name));
        if (range->count == axis->count)
            text_add(out, " x %u", range->count);
        else
            text_add(out, "[%u..%u]", range->first, range->first + range->count - 1);
        between = ", ";
    }
    text_char(out, ']');
}
