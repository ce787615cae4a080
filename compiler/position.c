// position.c: which tokens of each prompt the words of position.def select.
#include "compiler/build.h"

// The tokens of one prompt; `content` lists those of the user's text, `flags` is written for the prompt's tokens.
typedef struct {
    const Stream *stream;
    const Facts *facts;
    uint32_t prompt, start, length;
    U32List content;
    bool *flags;
} Prompt;

static bool too_few(const Prompt *prompt, const Positions *at, const char *what, Error *err) {
    return error_set(err, ERR_INPUT, "prompt %.*s has %zu tokens of content, %s needs %lld",
                     STR_ARG(prompt->stream->ids[prompt->prompt]), prompt->content.len, what, (long long)at->k);
}

static bool positions_end(const Prompt *prompt, const Positions *at, Error *err) {
    (void)at, (void)err;
    prompt->flags[prompt->length - 1] = true;
    return true;
}

static bool positions_all(const Prompt *prompt, const Positions *at, Error *err) {
    (void)at, (void)err;
    memset(prompt->flags, 1, prompt->length);
    return true;
}

static bool positions_first(const Prompt *prompt, const Positions *at, Error *err) {
    if (at->k > (int64_t)prompt->content.len) return too_few(prompt, at, "first(k)", err);
    for (int64_t i = 0; i < at->k; i++) prompt->flags[prompt->content.at[i]] = true;
    return true;
}

static bool positions_last(const Prompt *prompt, const Positions *at, Error *err) {
    if (at->k > (int64_t)prompt->content.len) return too_few(prompt, at, "last(k)", err);
    for (int64_t i = 0; i < at->k; i++) prompt->flags[prompt->content.at[prompt->content.len - 1 - (size_t)i]] = true;
    return true;
}

// i (usable - 1) / (k - 1), i from 0 to k - 1, rounded half up: k different tokens, when there are as many.
static bool positions_content(const Prompt *prompt, const Positions *at, Error *err) {
    uint64_t content = prompt->content.len, usable = content > at->skip ? content - at->skip : 0;
    uint64_t k = MIN((uint64_t)at->k, usable), steps = MAX(k, (uint64_t)2) - 1;
    if (!usable)
        FAIL(err, ERR_INPUT, "prompt %.*s has %zu tokens of content, and the last %u are left out", STR_ARG(prompt->stream->ids[prompt->prompt]),
             prompt->content.len, at->skip);
    for (uint64_t i = 0; i < k; i++) prompt->flags[prompt->content.at[(2 * i * (usable - 1) + steps) / (2 * steps)]] = true;
    return true;
}

static bool positions_span(const Prompt *prompt, const Positions *at, Error *err) {
    const Facts *facts = prompt->facts;
    uint32_t found;
    TRY(facts->cover(facts->self, prompt->stream, prompt->prompt, at->text, (uint32_t)at->k, prompt->flags, &found, err));
    if (found == at->k) return true;
    FAIL(err, ERR_INPUT, "prompt %.*s has the text \"%.*s\" %u times, not %lld", STR_ARG(prompt->stream->ids[prompt->prompt]),
         STR_ARG(at->text), found, (long long)at->k);
}

static bool positions_listed(const Prompt *prompt, const Positions *at, Error *err) {
    const Facts *facts = prompt->facts;
    return facts->listed(facts->self, at->path.at, prompt->stream, prompt->prompt, prompt->flags, err);
}

static bool positions_index(const Prompt *prompt, const Positions *at, Error *err) {
    int64_t i = at->k < 0 ? at->k + prompt->length : at->k;
    if (i < 0 || i >= prompt->length)
        FAIL(err, ERR_INPUT, "prompt %.*s has %u tokens, [%lld] is none of them",
             STR_ARG(prompt->stream->ids[prompt->prompt]), prompt->length, (long long)at->k);
    prompt->flags[i] = true;
    return true;
}

static bool (*const position_words[])(const Prompt *, const Positions *, Error *) = {
#define MDX_POSITION(name, arguments, tokens, what) [POSITION_##name] = positions_##name,
#include "compiler/position.def"
    [POSITION_index] = positions_index,
};

// ---- What is told of positions that are more in one prompt than in another

static bool same_positions(const Positions *a, const Positions *b) {
    return a->word == b->word && a->k == b->k && a->skip == b->skip && str_eq(a->text, b->text);
}

static PositionCount *count_of(Spaces *spaces, uint32_t stream, const Positions *at) {
    for (size_t i = 0; i < spaces->counts.len; i++) {
        PositionCount *have = &spaces->counts.at[i];
        if (have->stream == stream && same_positions(&have->at, at)) return have;
    }
    list_push(spaces->arena, &spaces->counts, (PositionCount){0});
    return &spaces->counts.at[spaces->counts.len - 1];
}

static void count_tokens(Spaces *spaces, const Selection *selection, const Positions *at) {
    PositionCount *count = count_of(spaces, selection->stream, at);
    const Stream *stream = spaces->streams.at[selection->stream].stream;
    *count = (PositionCount){.at = *at, .stream = selection->stream, .least = UINT32_MAX};
    for (uint32_t p = 0; p < stream->count; p++) {
        uint32_t k = selection_in_prompt(selection, p);
        count->fallbacks += at->word == POSITION_content && k < at->k;
        count->least = MIN(count->least, k);
        count->most = MAX(count->most, k);
        count->total += k;
    }
}

bool positions_select(Spaces *spaces, uint32_t stream, const Positions *at, const Selection **out, Error *err) {
    const Stream *s = spaces->streams.at[stream].stream;
    Arena *scratch = arena_open();
    bool *flags = arena_many(scratch, bool, s->start[s->count]);
    bool ok = true;
    for (uint32_t p = 0; p < s->count && ok; p++) {
        Prompt prompt = {s, spaces->facts, p, s->start[p], s->length[p], {0}, flags + s->start[p]};
        for (uint32_t t = 0; t < prompt.length; t++)
            if (s->content[prompt.start + t]) list_push(scratch, &prompt.content, t);
        ok = position_words[at->word](&prompt, at, err);
    }
    if (ok) *out = selection_of(spaces, stream, flags);
    if (ok && !at->each) count_tokens(spaces, *out, at);
    arena_close(scratch);
    return ok || error_at(err, at->span);
}
