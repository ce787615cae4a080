// streams.c: prompts under a model's chat template and tokenizer, packed, with the content marked.
//
// BOS: with a chat template its own stands; when it writes none and the tokenizer would, the tokenizer's is put in
// front. So there is one, whoever would write it. Raw text follows the tokenizer's own rule.
#include "runtime/streams.h"
#include "mdx/file.h"
#include "mdx/op.h"
#include "runtime/chat.h"
#include "runtime/listed.h"
#include "runtime/token_cache.h"
#include "runtime/weights.h"

typedef struct {
    StreamModel info;
    Tokenizer *tokenizer;
    ChatConfig chat;
    bool opened;
} ModelText;

typedef struct {
    PromptsFile file;
    PromptTexts texts;
    bool opened;
} PromptSet;

typedef struct {
    uint32_t model, prompts; // the first model whose tokens they are
    Str text;                // appended
    Stream stream;
} Made;

struct Streams {
    Arena *arena;
    const char *cache; // folder, or NULL
    ModelText *models;
    PromptSet *prompts;
    size_t model_count, prompts_count;
    LIST(Made *) made; // streams with different tokens
    StrMap keys;       // (model, prompts, text) to index of made
    LIST(ListedFile *) listed; // files of positions, as they are asked for
};

Streams *streams_open(Arena *arena, const StreamModel *models, size_t model_count, const PromptsFile *prompts, size_t prompts_count,
                      const char *cache) {
    Streams *streams = arena_new(arena, Streams);
    *streams = (Streams){.arena = arena, .cache = cache, .model_count = model_count, .prompts_count = prompts_count};
    streams->models = arena_many(arena, ModelText, model_count);
    streams->prompts = arena_many(arena, PromptSet, prompts_count);
    streams->keys = strmap_open(arena, 16);
    for (size_t i = 0; i < model_count; i++) streams->models[i].info = models[i];
    for (size_t i = 0; i < prompts_count; i++) streams->prompts[i].file = prompts[i];
    return streams;
}

void streams_close(Streams *streams) {
    for (size_t i = 0; streams && i < streams->model_count; i++)
        if (streams->models[i].tokenizer) tokenizer_close(streams->models[i].tokenizer);
}

// ---- Opening

static ModelText *open_model(Streams *streams, uint32_t model, Error *err) {
    ModelText *m = &streams->models[model];
    if (m->opened) return m;
    Str path = path_join(streams->arena, str_of(m->info.folder), STR("tokenizer.json"));
    Tokenizer *tokenizer = tokenizer_open(streams->arena, path.at, err);
    if (!tokenizer) return NULL;
    m->tokenizer = tokenizer;
    if (!chat_open(streams->arena, m->info.folder, &m->chat, err)) return NULL;
    for (size_t i = 0; i < m->chat.special.len; i++) tokenizer_mark_special(tokenizer, m->chat.special.at[i]);
    m->opened = true;
    return m;
}

Tokenizer *streams_tokenizer(Streams *streams, uint32_t model, Error *err) {
    ModelText *m = open_model(streams, model, err);
    return m ? m->tokenizer : NULL;
}

const PromptTexts *streams_prompts(Streams *streams, uint32_t prompts, Error *err) {
    PromptSet *set = &streams->prompts[prompts];
    if (!set->opened && !prompts_read(streams->arena, &set->file, &set->texts, err)) return NULL;
    set->opened = true;
    return &set->texts;
}

// ---- One prompt

typedef struct {
    TokenList tokens;
    Str text;          // with the template around the content
    size_t begin, end; // bytes of the content
} Encoded;

static bool has_prefix(const TokenList *tokens, const uint32_t *prefix, size_t count) {
    if (tokens->len < count) return false;
    for (size_t i = 0; i < count; i++)
        if (tokens->at[i].id != prefix[i]) return false;
    return true;
}

static void put_in_front(Arena *arena, TokenList *tokens, const uint32_t *ids, size_t count) {
    TokenList out = {0};
    for (size_t i = 0; i < count; i++) list_push(arena, &out, ((Token){.id = ids[i], .special = true}));
    for (size_t i = 0; i < tokens->len; i++) list_push(arena, &out, tokens->at[i]);
    *tokens = out;
}

static bool encode_chat(const ModelText *m, Arena *arena, const PromptText *prompt, Encoded *out, Error *err) {
    if (!m->chat.chat)
        FAIL(err, ERR_INPUT, "model %.*s has no chat template (tokenizer_config.json); leave out chat: true", STR_ARG(m->info.name));
    ChatText chat;
    TRY(chat_render(m->chat.chat, arena, prompt->text, &chat, err));
    TRY(tokenizer_encode(m->tokenizer, arena, chat.text, false, &out->tokens, err));
    const uint32_t *prefix;
    size_t count = tokenizer_prefix(m->tokenizer, &prefix);
    if (!has_prefix(&out->tokens, prefix, count)) put_in_front(arena, &out->tokens, prefix, count);
    out->text = chat.text;
    out->begin = chat.begin;
    out->end = chat.end;
    return true;
}

static bool encode_prompt(const ModelText *m, Arena *arena, const PromptSet *set, const PromptText *prompt, Encoded *out, Error *err) {
    *out = (Encoded){.text = prompt->text, .end = prompt->text.len};
    bool ok = set->file.chat ? encode_chat(m, arena, prompt, out, err)
                             : tokenizer_encode(m->tokenizer, arena, prompt->text, true, &out->tokens, err);
    if (!ok) return error_prefix(err, "%s:%u", set->file.path, prompt->line);
    if (!out->tokens.len) FAIL(err, ERR_INPUT, "%s:%u: this prompt has no tokens", set->file.path, prompt->line);
    return true;
}

// ---- A whole stream, growing

typedef struct {
    U32List start, length, tokens;
    LIST(bool) content;
    StrList ids;
} Packing;

static void pack_prompt(Arena *arena, Packing *packing, const Encoded *encoded, const TokenList *text, Str id) {
    list_push(arena, &packing->start, (uint32_t)packing->tokens.len);
    list_push(arena, &packing->length, (uint32_t)encoded->tokens.len);
    list_push(arena, &packing->ids, id);
    for (size_t i = 0; i < encoded->tokens.len; i++) {
        const Token *token = &encoded->tokens.at[i];
        bool covers = token->begin < encoded->end && token->end > encoded->begin;
        list_push(arena, &packing->tokens, token->id);
        list_push(arena, &packing->content, covers && !token->special);
    }
    for (size_t i = 0; i < text->len; i++) {
        list_push(arena, &packing->tokens, text->at[i].id);
        list_push(arena, &packing->content, false);
    }
}

static bool pack(Streams *streams, const ModelText *m, const PromptSet *set, Str text, Packing *packing, Error *err) {
    Arena *arena = streams->arena;
    TokenList appended = {0};
    if (text.len) TRY(tokenizer_encode(m->tokenizer, arena, text, false, &appended, err));
    if (text.len && !appended.len) FAIL(err, ERR_INPUT, "the text \"%.*s\" has no tokens", STR_ARG(text));
    for (size_t i = 0; i < set->texts.len; i++) {
        Arena *scratch = arena_open();
        Encoded encoded;
        bool ok = encode_prompt(m, scratch, set, &set->texts.at[i], &encoded, err);
        if (ok && packing->tokens.len + encoded.tokens.len + appended.len >= UINT32_MAX / 2)
            ok = error_set(err, ERR_INPUT, "%s: too many tokens; use limit:", set->file.path);
        if (ok) pack_prompt(arena, packing, &encoded, &appended, set->texts.at[i].id);
        arena_close(scratch);
        TRY(ok);
    }
    list_push(arena, &packing->start, (uint32_t)packing->tokens.len);
    return true;
}

static bool same_stream(const Stream *a, const Stream *b) {
    size_t n = a->start[a->count];
    return a->count == b->count && n == b->start[b->count] &&
           memcmp(a->start, b->start, (a->count + 1) * sizeof *a->start) == 0 &&
           memcmp(a->length, b->length, a->count * sizeof *a->length) == 0 &&
           memcmp(a->tokens, b->tokens, n * sizeof *a->tokens) == 0 && memcmp(a->content, b->content, n) == 0;
}

// Two models with one tokenizer share their streams: then the compiler sees that the rows are the same.
static uint32_t keep_stream(Streams *streams, const Made *made) {
    for (uint32_t i = 0; i < streams->made.len; i++) {
        const Made *have = streams->made.at[i];
        if (have->prompts == made->prompts && str_eq(have->text, made->text) && same_stream(&have->stream, &made->stream)) return i;
    }
    list_push(streams->arena, &streams->made, arena_copy(streams->arena, made, sizeof *made));
    return (uint32_t)streams->made.len - 1;
}

static bool make_stream(Streams *streams, uint32_t model, Made *made, Error *err) {
    const ModelText *m = open_model(streams, model, err);
    Packing packing = {0};
    if (!m || !pack(streams, m, &streams->prompts[made->prompts], made->text, &packing, err)) return false;
    made->stream = (Stream){(uint32_t)packing.length.len, packing.start.at, packing.length.at, packing.tokens.at, packing.content.at, packing.ids.at};
    return true;
}

static const Str *prompt_ids(Streams *streams, const PromptTexts *texts) {
    Str *ids = arena_many(streams->arena, Str, texts->len);
    for (size_t i = 0; i < texts->len; i++) ids[i] = texts->at[i].id;
    return ids;
}

static bool cached_stream(Streams *streams, uint32_t model, Made *made, Error *err) {
    const PromptSet *set = &streams->prompts[made->prompts];
    if (!streams->cache) return make_stream(streams, model, made, err);
    Sha256 key = token_cache_key(streams->models[model].info.folder, &set->texts, set->file.chat, made->text);
    if (token_cache_get(streams->cache, &key, (uint32_t)set->texts.len, streams->arena, &made->stream)) {
        made->stream.ids = prompt_ids(streams, &set->texts);
        return true;
    }
    TRY(make_stream(streams, model, made, err));
    token_cache_put(streams->cache, &key, &made->stream);
    return true;
}

static const Stream *stream_of(void *self, uint32_t model, uint32_t prompts, Str text, Error *err) {
    Streams *streams = self;
    Str key = str_format(streams->arena, "%u %u %.*s", model, prompts, STR_ARG(text));
    uint32_t i;
    if (strmap_get(&streams->keys, key, &i)) return &streams->made.at[i]->stream;
    Made made = {.model = model, .prompts = prompts, .text = text};
    if (!streams_prompts(streams, prompts, err) || !cached_stream(streams, model, &made, err)) return NULL;
    i = keep_stream(streams, &made);
    strmap_put(&streams->keys, key, i);
    return &streams->made.at[i]->stream;
}

// ---- Texts in prompts

static const Made *made_with(const Streams *streams, const Stream *stream) {
    for (size_t i = 0; i < streams->made.len; i++)
        if (&streams->made.at[i]->stream == stream) return streams->made.at[i];
    BUG("a stream that was not made here");
}

// Where the n-th occurrence begins, if there is one; how many there are up to it.
static uint32_t find_text(const Encoded *encoded, Str text, uint32_t n, size_t *at) {
    uint32_t found = 0;
    for (size_t i = encoded->begin; found < n && i + text.len <= encoded->end; i++) {
        if (memcmp(encoded->text.at + i, text.at, text.len) != 0) continue;
        found++;
        *at = i;
        i += text.len - 1;
    }
    return found;
}

// Where tokens lie in a text is not kept, so the prompt is encoded again.
static bool cover(void *self, const Stream *stream, uint32_t prompt, Str text, uint32_t n, bool *flags, uint32_t *found, Error *err) {
    Streams *streams = self;
    const Made *made = made_with(streams, stream);
    const PromptSet *set = &streams->prompts[made->prompts];
    const ModelText *m = open_model(streams, made->model, err);
    if (!m) return false;
    Arena *scratch = arena_open();
    Encoded encoded;
    bool ok = encode_prompt(m, scratch, set, &set->texts.at[prompt], &encoded, err);
    size_t at = 0;
    *found = ok ? find_text(&encoded, text, n, &at) : 0;
    for (size_t i = 0; ok && *found == n && i < encoded.tokens.len; i++)
        flags[i] = encoded.tokens.at[i].begin < at + text.len && encoded.tokens.at[i].end > at;
    arena_close(scratch);
    return ok;
}

// ---- Positions in files

// A prompt of a file is one of some prompts of the spec. Of prompts with a limit not all are known: then nothing is
// said.
static bool known_prompts(Streams *streams, const ListedFile *file, Error *err) {
    Arena *scratch = arena_open();
    StrMap ids = strmap_open(scratch, 256);
    bool ok = true, all = true;
    uint32_t found;
    for (uint32_t p = 0; p < streams->prompts_count && ok; p++) {
        const PromptTexts *texts = streams_prompts(streams, p, err);
        ok = texts != NULL;
        all &= !streams->prompts[p].file.limit;
        for (size_t i = 0; ok && i < texts->len; i++) strmap_put(&ids, texts->at[i].id, 0);
    }
    for (size_t i = 0; i < file->prompts.len && ok && all; i++) {
        const ListedPrompt *prompt = &file->prompts.at[i];
        if (!strmap_get(&ids, prompt->id, &found))
            ok = error_set(err, ERR_INPUT, "%s:%u: there is no prompt '%.*s'", file->path, prompt->line,
                           STR_ARG(prompt->id));
    }
    arena_close(scratch);
    return ok;
}

static const ListedFile *open_listed(Streams *streams, const char *path, Error *err) {
    for (size_t i = 0; i < streams->listed.len; i++)
        if (strcmp(streams->listed.at[i]->path, path) == 0) return streams->listed.at[i];
    ListedFile *file = arena_new(streams->arena, ListedFile);
    if (!listed_read(streams->arena, path, file, err) || !known_prompts(streams, file, err)) return NULL;
    list_push(streams->arena, &streams->listed, file);
    return file;
}

static bool listed(void *self, const char *path, const Stream *stream, uint32_t prompt, bool *flags, Error *err) {
    const ListedFile *file = open_listed(self, path, err);
    return file && listed_flags(file, stream, prompt, flags, err);
}

static bool token_of(void *self, uint32_t model, Str text, uint32_t *id, Error *err) {
    Streams *streams = self;
    const ModelText *m = open_model(streams, model, err);
    TokenList tokens = {0};
    if (!m || !tokenizer_encode(m->tokenizer, streams->arena, text, false, &tokens, err)) return false;
    if (tokens.len != 1)
        FAIL(err, ERR_INPUT, "\"%.*s\" is %zu tokens in %.*s, expected one", STR_ARG(text), tokens.len, STR_ARG(m->info.name));
    *id = tokens.at[0].id;
    return true;
}

// ---- Maps from files

static bool fail_shapes(const char *path, const Tensor *w, const Tensor *b, const Tensor *centroids, Error *err) {
    Arena *arena = arena_open();
    Text text = text_open(arena);
    tensor_describe(w, &text);
    if (centroids) {
        text_str(&text, STR(", centroids are "));
        tensor_describe(centroids, &text);
    }
    text_str(&text, STR(" and b is "));
    tensor_describe(b, &text);
    error_set(err, ERR_INPUT, "%s: W is %s, expected %s", path, text.at,
              centroids ? "[clusters, in, out], [clusters, in] and [clusters, out]" : "[in, out] and [out]");
    arena_close(arena);
    return false;
}

// The widths of a map stand in `shape`, those of several behind their number.
static bool read_shape(const Weights *weights, const char *path, MapShape *out, Error *err) {
    const Tensor *w = weights_find(weights, STR("W")), *b = weights_find(weights, STR("b")),
                 *c = weights_find(weights, STR("centroids"));
    if (!w || !b) FAIL(err, ERR_INPUT, "%s: a map needs the tensors W [in, out] and b [out]", path);
    uint32_t first = c != NULL;
    if (w->rank != first + 2 || b->rank != first + 1 || (c && c->rank != 2)) return fail_shapes(path, w, b, c, err);
    const uint64_t *shape = w->shape + first;
    bool fits =
        shape[0] && shape[1] && shape[0] <= UINT32_MAX / 4 && shape[1] <= UINT32_MAX / 4 && b->shape[first] == shape[1];
    bool parts = !c || (w->shape[0] == c->shape[0] && b->shape[0] == c->shape[0] && c->shape[1] == shape[0]);
    if (!fits || !parts) return fail_shapes(path, w, b, c, err);
    if (c && (!c->shape[0] || c->shape[0] > MOST_CLUSTERS))
        FAIL(err, ERR_INPUT, "%s: this map has %llu clusters, expected 1 to %d", path, (unsigned long long)c->shape[0],
             MOST_CLUSTERS);
    *out = (MapShape){(uint32_t)shape[0], (uint32_t)shape[1], c ? (uint32_t)c->shape[0] : 0};
    return true;
}

static bool map_shape(void *self, const char *path, MapShape *shape, Error *err) {
    (void)self;
    Arena *arena = arena_open();
    Weights *weights = weights_open_file(arena, path, err);
    bool ok = weights && read_shape(weights, path, shape, err);
    weights_close(weights);
    arena_close(arena);
    return ok;
}

Facts streams_facts(Streams *streams) {
    return (Facts){streams, stream_of, cover, listed, token_of, map_shape};
}
