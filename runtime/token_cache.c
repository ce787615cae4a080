// token_cache.c: streams of tokens as files of the cache: counts, starts, lengths, tokens, content, in this order.
#include "mdx/file.h"
#include "runtime/cache.h"
#include "runtime/token_cache.h"

static const char *const text_files[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"};
enum { MOST_BYTES = 256 << 20 };

// Missing files count as such; one that cannot be read is met again, with a message, when it is opened.
static void hash_file(Hasher *hasher, const char *folder, const char *name) {
    Arena *scratch = arena_open();
    Error ignored;
    Str text;
    bool there = file_read(scratch, path_join(scratch, str_of(folder), str_of(name)).at, MOST_BYTES, &text, &ignored);
    hasher_str(hasher, there ? STR("file") : STR("none"));
    if (there) hasher_str(hasher, text);
    arena_close(scratch);
}

Sha256 token_cache_key(const char *model, const PromptTexts *prompts, bool chat, Str appended) {
    Arena *scratch = arena_open();
    Hasher *hasher = hasher_open(scratch);
    hasher_str(hasher, STR("tokens of mdx " MDX_VERSION));
    for (size_t i = 0; i < COUNT(text_files); i++) hash_file(hasher, model, text_files[i]);
    hasher_str(hasher, chat ? STR("chat") : STR("raw"));
    hasher_str(hasher, appended);
    for (size_t i = 0; i < prompts->len; i++) hasher_str(hasher, prompts->at[i].text);
    Sha256 key = hasher_close(hasher);
    arena_close(scratch);
    return key;
}

typedef struct {
    Str left;
} Reader;

static const void *take(Reader *reader, size_t bytes) {
    if (reader->left.len < bytes) return NULL;
    const void *at = reader->left.at;
    reader->left = str_part(reader->left, bytes, reader->left.len);
    return at;
}

static const uint32_t *take_numbers(Reader *reader, size_t count, Arena *arena) {
    const void *at = take(reader, count * sizeof(uint32_t));
    return at ? arena_copy(arena, at, count * sizeof(uint32_t)) : NULL;
}

static bool is_stream(const Stream *s) {
    for (uint32_t p = 0; p < s->count; p++)
        if (s->start[p + 1] <= s->start[p] || !s->length[p] || s->length[p] > s->start[p + 1] - s->start[p]) return false;
    return s->start[0] == 0;
}

bool token_cache_get(const char *folder, const Sha256 *key, uint32_t prompts, Arena *arena, Stream *out) {
    Arena *scratch = arena_open();
    Reader reader;
    *out = (Stream){.count = prompts};
    bool ok = cache_get(folder, key, ".tokens", scratch, &reader.left) && (out->start = take_numbers(&reader, prompts + 1ull, arena)) &&
              (out->length = take_numbers(&reader, prompts, arena)) && is_stream(out) &&
              (out->tokens = take_numbers(&reader, out->start[prompts], arena));
    const void *content = ok ? take(&reader, out->start[prompts]) : NULL;
    ok = content && !reader.left.len;
    for (uint32_t t = 0; ok && t < out->start[prompts]; t++) ok = ((const unsigned char *)content)[t] <= 1;
    if (ok) out->content = arena_copy(arena, content, out->start[prompts]);
    arena_close(scratch);
    return ok;
}

void token_cache_put(const char *folder, const Sha256 *key, const Stream *stream) {
    Arena *scratch = arena_open();
    Text text = text_open(scratch);
    uint32_t tokens = stream->start[stream->count];
    text_str(&text, (Str){(const char *)stream->start, (stream->count + 1ull) * sizeof *stream->start});
    text_str(&text, (Str){(const char *)stream->length, stream->count * sizeof *stream->length});
    text_str(&text, (Str){(const char *)stream->tokens, tokens * sizeof *stream->tokens});
    text_str(&text, (Str){(const char *)stream->content, tokens});
    cache_put(folder, key, ".tokens", text_view(&text));
    arena_close(scratch);
}
