// position.c: which tokens of each prompt the words of position.def select.
#include "compiler/build.h"

// The tokens of one prompt; `content` lists those of the user's text, `flags` is written for the prompt's tokens.
typedef struct {
    const Stream *stream;
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

bool positions_select(Spaces *spaces, uint32_t stream, const Positions *at, const Selection **out, Error *err) {
    const Stream *s = spaces->streams.at[stream].stream;
    Arena *scratch = arena_open();
    bool *flags = arena_many(scratch, bool, s->start[s->count]);
    bool ok = true;
    for (uint32_t p = 0; p < s->count && ok; p++) {
        Prompt prompt = {s, p, s->start[p], s->length[p], {0}, flags + s->start[p]};
        for (uint32_t t = 0; t < prompt.length; t++)
            if (s->content[prompt.start + t]) list_push(scratch, &prompt.content, t);
        ok = position_words[at->word](&prompt, at, err);
    }
    if (ok) *out = selection_of(spaces, stream, flags);
    arena_close(scratch);
    return ok || error_at(err, at->span);
}
