// streams.c: prompts as tokens: one BOS whoever writes it, the content marked, appended texts, ids.
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "mdx/file.h"
#include "runtime/streams.h"
#include "runtime/token_cache.h"

static Arena *arena;
static Str folder; // a model's, made anew for each case

static Str example(const char *file) {
    Str text = {0};
    Error err;
    CHECK(file_read(arena, str_format(arena, "%s/examples/models/steppe/base/%s", REPO, file).at, 1 << 22, &text, &err));
    return text;
}

static void put(const char *file, Str text) {
    Error err;
    CHECK(file_write(path_join(arena, folder, str_of(file)).at, text, &err));
}

static const char no_bos_template[] = "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}{% endfor %}<|assistant|>\\n";

// A model whose template and whose post-processor write BOS or not.
static void make_model(bool template_writes, bool tokenizer_writes) {
    Str tokenizer = example("tokenizer.json"), config = example("tokenizer_config.json");
    if (!tokenizer_writes) {
        const char *post = strstr(tokenizer.at, "\"post_processor\"");
        const char *decoder = strstr(tokenizer.at, "\"decoder\"");
        tokenizer = str_format(arena, "%.*s\"post_processor\": null, %s", (int)(post - tokenizer.at), tokenizer.at, decoder);
    }
    if (!template_writes) config = str_format(arena, "{\"bos_token\": \"<|bos|>\", \"chat_template\": \"%s\"}", no_bos_template);
    put("tokenizer.json", tokenizer);
    put("tokenizer_config.json", config);
}

static const Stream *open_kept(bool chat, const char *appended, const char *cache) {
    StreamModel model = {folder.at, STR("m")};
    PromptsFile file = {.path = path_join(arena, folder, STR("p.jsonl")).at, .text_field = STR("text"), .id_field = STR("id"), .chat = chat};
    Streams *streams = streams_open(arena, &model, 1, &file, 1, cache);
    Facts facts = streams_facts(streams);
    Error err;
    const Stream *stream = facts.stream(facts.self, 0, 0, str_of(appended), &err);
    if (!stream) fprintf(stderr, "%s\n", err.text);
    CHECK(stream != NULL);
    streams_close(streams);
    return stream;
}

static bool same_stream(const Stream *a, const Stream *b) {
    size_t n = a->start[a->count];
    bool same = a->count == b->count && n == b->start[b->count] && memcmp(a->tokens, b->tokens, n * sizeof *a->tokens) == 0 &&
                memcmp(a->content, b->content, n) == 0 && memcmp(a->length, b->length, a->count * sizeof *a->length) == 0;
    for (uint32_t p = 0; same && p < a->count; p++) same = str_eq(a->ids[p], b->ids[p]);
    return same;
}

// Flips a byte in the middle of every file of the cache.
static void break_cache(const char *cache) {
    Error err;
    DIR *list = opendir(cache);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (entry->d_name[0] == '.') continue;
        Str path = path_join(arena, str_of(cache), str_of(entry->d_name)), text;
        CHECK(file_read(arena, path.at, 1 << 20, &text, &err));
        char *bytes = arena_copy(arena, text.at, text.len);
        bytes[text.len / 2] ^= 4;
        CHECK(file_write(path.at, (Str){bytes, text.len}, &err));
    }
    CHECK(list != NULL);
    if (list) closedir(list);
}

// Without a cache, with an empty one, a full one and a broken one: the same tokens.
static const Stream *open_stream(const char *prompts, bool chat, const char *appended) {
    put("p.jsonl", str_of(prompts));
    const char *cache = path_join(arena, folder, STR("cache")).at;
    const Stream *plain = open_kept(chat, appended, NULL);
    for (int i = 0; plain && i < 3; i++) {
        const Stream *kept = open_kept(chat, appended, cache);
        CHECK(kept && same_stream(plain, kept));
        if (i == 1) break_cache(cache);
    }
    return plain;
}

// What is kept is used, and under its own key only.
static void cache(void) {
    make_model(true, true);
    PromptTexts texts = {0};
    list_push(arena, &texts, ((PromptText){.text = STR("a b"), .id = STR("1")}));
    const char *at = path_join(arena, folder, STR("cache")).at;
    Sha256 key = token_cache_key(folder.at, &texts, true, STR("")), raw = token_cache_key(folder.at, &texts, false, STR(""));
    static const uint32_t start[] = {0, 3}, length[] = {2}, tokens[] = {9, 8, 7};
    static const bool content_of[] = {false, true, false};
    const Stream stream = {1, start, length, tokens, content_of, NULL};
    Stream got;
    token_cache_put(at, &key, &stream);
    CHECK(token_cache_get(at, &key, 1, arena, &got) && got.tokens[1] == 8 && got.content[1] && !got.content[2]);
    CHECK(!token_cache_get(at, &raw, 1, arena, &got));
    CHECK(!token_cache_get(at, &key, 2, arena, &got));
    put("tokenizer_config.json", STR("{}"));
    Sha256 changed = token_cache_key(folder.at, &texts, true, STR(""));
    CHECK(strcmp(key.hex, changed.hex) != 0);
}

enum { BOS = 0, END = 1, NEWLINE = 203 };

static uint32_t count_of(const Stream *stream, uint32_t id) {
    uint32_t count = 0;
    for (uint32_t t = 0; stream && t < stream->start[stream->count]; t++) count += stream->tokens[t] == id;
    return count;
}

static void one_bos(void) {
    static const char prompt[] = "{\"text\": \"Who is it?\"}\n";
    for (int i = 0; i < 4; i++) {
        bool template_writes = i & 1, tokenizer_writes = i & 2;
        make_model(template_writes, tokenizer_writes);
        const Stream *chat = open_stream(prompt, true, ""), *raw = open_stream(prompt, false, "");
        uint32_t want = template_writes || tokenizer_writes;
        CHECK(chat && count_of(chat, BOS) == want && (chat->tokens[0] == BOS) == (want == 1));
        CHECK(raw && count_of(raw, BOS) == tokenizer_writes);
    }
}

// The text between the template's own, without special tokens; what the template trims is none of it.
static void content(void) {
    make_model(true, true);
    const Stream *s = open_stream("{\"text\": \"  Who is it?\\n\"}\n{\"text\": \"a <|end|> b\"}\n", true, "");
    if (!s) return;
    uint32_t first = UINT32_MAX, last = 0;
    for (uint32_t t = s->start[0]; t < s->start[1]; t++)
        if (s->content[t]) first = MIN(first, t), last = t;
    CHECK(first > 2 && s->tokens[first - 1] == NEWLINE);
    CHECK(s->tokens[last + 1] == END);
    for (uint32_t t = first; t <= last; t++) CHECK(s->content[t]);
    uint32_t specials = 0, flagged = 0;
    for (uint32_t t = s->start[1]; t < s->start[2]; t++) {
        specials += s->tokens[t] == END;
        flagged += s->tokens[t] == END && s->content[t];
    }
    CHECK(specials == 2 && flagged == 0);
}

static void appended(void) {
    make_model(true, true);
    const Stream *plain = open_stream("{\"id\": 7, \"text\": \"Who?\"}\n{\"text\": \"It is I.\"}\n", true, "");
    const Stream *longer = open_stream("{\"id\": 7, \"text\": \"Who?\"}\n{\"text\": \"It is I.\"}\n", true, " Abai said");
    if (!plain || !longer) return;
    uint32_t more = longer->start[1] - plain->start[1];
    CHECK(more > 1);
    for (uint32_t p = 0; p < 2; p++) {
        uint32_t length = plain->start[p + 1] - plain->start[p];
        CHECK(longer->length[p] == length && plain->length[p] == length);
        CHECK(longer->start[p + 1] - longer->start[p] == length + more);
        CHECK(memcmp(longer->tokens + longer->start[p], plain->tokens + plain->start[p], length * sizeof *plain->tokens) == 0);
        CHECK(memcmp(longer->tokens + longer->start[p] + length, longer->tokens + longer->start[0] + longer->length[0], more * sizeof *plain->tokens) == 0);
    }
    CHECK_STR(plain->ids[0], STR("7"));
    CHECK_STR(plain->ids[1], STR("line 2"));
}

// Tokens that cover the n-th occurrence; none of the template, in which the text may stand too.
static void covered(bool chat) {
    make_model(true, true);
    put("p.jsonl", STR("{\"text\": \"user says: the user is a user\"}\n"));
    StreamModel model = {folder.at, STR("m")};
    PromptsFile file = {.path = path_join(arena, folder, STR("p.jsonl")).at, .text_field = STR("text"), .id_field = STR("id"), .chat = chat};
    Streams *streams = streams_open(arena, &model, 1, &file, 1, NULL);
    Facts facts = streams_facts(streams);
    Error err;
    const Stream *stream = facts.stream(facts.self, 0, 0, STR(""), &err);
    CHECK(stream != NULL);
    for (uint32_t n = 1; stream && n <= 4; n++) {
        bool *flags = arena_many(arena, bool, stream->start[1]);
        uint32_t found;
        CHECK(facts.cover(facts.self, stream, 0, STR("user"), n, flags, &found, &err));
        CHECK(found == (n < 4 ? n : 3));
        Text text = text_open(arena);
        for (uint32_t t = 0; t < stream->start[1]; t++) {
            Str token;
            if (flags[t] && tokenizer_decode(streams_tokenizer(streams, 0, &err), arena, &stream->tokens[t], 1, false, &token, &err))
                text_str(&text, token);
            CHECK(!flags[t] || stream->content[t]);
        }
        bool has = text.len && strstr(text.at, "user") && text.len < 8;
        CHECK(has == (n < 4));
    }
    streams_close(streams);
}

int main(void) {
    arena = arena_open();
    char name[] = "/tmp/mdx-streams-XXXXXX";
    folder = str_of(mkdtemp(name));
    one_bos();
    content();
    appended();
    cache();
    covered(false);
    covered(true);
    Error err;
    folder_remove(folder.at, &err);
    arena_close(arena);
    return check_done();
}
