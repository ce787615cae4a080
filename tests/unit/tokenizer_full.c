// tokenizer_full.c: well-known tokenizers, whole. They are not in this repository: the folder that MDX_SHARED names,
// or ../shared, may have them, and MDX_SMOLLM2 names the folder that examples/get-smollm2 wrote. What is not there is
// skipped.
#include <time.h>

#include "unit/tokenizer_fixture.h"

static const struct {
    const char *name, *folder; // in MDX_SHARED; NULL: MDX_SMOLLM2
    const char *ggml;          // vectors of llama.cpp: NAME.inp, NAME.out
    const char *js, *js_model; // vectors of transformers.js: the file, and the key in it
} known[] = {
    {"gpt2", "data/tokenizers/gpt2", "ggml-vocab-gpt-2.gguf", "gpt2.json", "openai-community/gpt2"},
    {"gpt_neox", "data/tokenizers/gpt_neox", NULL, NULL, NULL},
    {"qwen3", "data/tokenizers/qwen3", "ggml-vocab-qwen2.gguf", "qwen2.json", "Xenova/Qwen1.5-0.5B-Chat"},
    {"llama3_1", "data/tokenizers/llama3_1", "ggml-vocab-llama-bpe.gguf", "llama.json", "Xenova/llama3-tokenizer-new"},
    {"smollm2", NULL, NULL, NULL, NULL},
};

static const char *shared_folder(void) {
    const char *named = getenv("MDX_SHARED");
    return named && *named ? named : REPO "/../shared";
}

static uint32_t fnv(const TokenList *tokens) {
    uint32_t h = 0x811c9dc5;
    for (size_t i = 0; i < tokens->len; i++)
        for (unsigned shift = 0; shift < 32; shift += 8) h = (h ^ (tokens->at[i].id >> shift & 0xff)) * 0x01000193;
    return h;
}

static void check_hashes(const char *name, const Tokenizer *tokenizer, const StrList *texts, const cJSON *hashes) {
    Str want = str_of(hashes->valuestring);
    CHECK(want.len == 8 * texts->len);
    for (size_t i = 0; i < texts->len; i++) {
        Arena *arena = arena_open();
        TokenList tokens = fixture_encode(tokenizer, arena, texts->at[i]);
        Str got = str_format(arena, "%08x", fnv(&tokens));
        if (!str_eq(got, str_part(want, 8 * i, 8 * i + 8))) {
            fprintf(stderr, "%s: other ids for '%.*s'\n", name, STR_ARG(texts->at[i]));
            CHECK(false);
        }
        arena_close(arena);
    }
}

static bool has_ids(const Tokenizer *tokenizer, Arena *arena, Str text, bool add_special, const U32List *want) {
    TokenList tokens = {0};
    Error err = {0};
    if (!tokenizer_encode(tokenizer, arena, text, add_special, &tokens, &err)) return false;
    bool same = tokens.len == want->len;
    for (size_t i = 0; same && i < want->len; i++) same = tokens.at[i].id == want->at[i];
    return same;
}

// llama.cpp: texts between marks; a line of ids for each.
static void check_ggml(const char *name, const Tokenizer *tokenizer, const char *folder, const char *file) {
    Arena *arena = arena_open();
    Str inputs = fixture_text(arena, str_format(arena, "%s/%s.inp", folder, file).at);
    Str outputs = fixture_text(arena, str_format(arena, "%s/%s.out", folder, file).at);
    static const char mark[] = "\n__ggml_vocab_test__\n";
    size_t count = 0;
    for (const char *at = inputs.at, *line = outputs.at, *end; (end = strstr(at, mark)); at = end + sizeof mark - 1) {
        U32List ids = {0};
        char *stop;
        for (; *line && *line != '\n'; line = stop) {
            unsigned long id = strtoul(line, &stop, 10);
            if (stop == line) break;
            list_push(arena, &ids, (uint32_t)id);
        }
        line = strchr(line, '\n') ? strchr(line, '\n') + 1 : "";
        Str text = {at, (size_t)(end - at)};
        bool same = has_ids(tokenizer, arena, text, false, &ids);
        if (!same) fprintf(stderr, "%s: other ids than llama.cpp's for '%.*s'\n", name, STR_ARG(text));
        CHECK(same);
        count++;
    }
    CHECK(count > 40);
    arena_close(arena);
}

// transformers.js: cases by name, each with a text and ids. CONTROL_TOKENS holds a NUL, where cJSON cuts the text.
static void check_js(const char *name, const Tokenizer *tokenizer, const char *path, const char *model) {
    Arena *arena = arena_open();
    Str json = fixture_text(arena, path);
    cJSON *file = cJSON_ParseWithLength(json.at, json.len);
    const cJSON *item, *id;
    size_t count = 0;
    cJSON_ArrayForEach(item, json_member(file, model)) {
        if (strcmp(item->string, "CONTROL_TOKENS") == 0) continue;
        U32List ids = {0};
        Str text = str_of(json_member(item, "text")->valuestring);
        cJSON_ArrayForEach(id, json_member(item, "ids")) list_push(arena, &ids, (uint32_t)id->valuedouble);
        bool same = has_ids(tokenizer, arena, text, true, &ids);
        if (!same) fprintf(stderr, "%s: other ids than transformers.js's for '%.*s'\n", name, STR_ARG(text));
        CHECK(same);
        count++;
    }
    CHECK(count > 20);
    cJSON_Delete(file);
    arena_close(arena);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void check_one(size_t index, const char *path, const cJSON *hashes, const StrList *lines, const StrList *nasty) {
    Arena *arena = arena_open();
    Error err = {0};
    double begin = seconds();
    Tokenizer *tokenizer = tokenizer_open(arena, path, &err);
    if (!tokenizer) fixture_fail("open", &err);
    printf("%s: opened in %.0f ms\n", known[index].name, 1e3 * (seconds() - begin));
    check_hashes(known[index].name, tokenizer, lines, json_member(hashes, "lines"));
    check_hashes(known[index].name, tokenizer, nasty, json_member(hashes, "nasty"));
    Str vectors = str_format(arena, "%s/data/tokenizers/vectors", shared_folder());
    if (known[index].ggml && file_exists(vectors.at))
        check_ggml(known[index].name, tokenizer, str_format(arena, "%s/ggml-vocab", vectors.at).at, known[index].ggml);
    if (known[index].js && file_exists(vectors.at))
        check_js(known[index].name, tokenizer,
                 str_format(arena, "%s/transformers.js/%s", vectors.at, known[index].js).at, known[index].js_model);
    tokenizer_close(tokenizer);
    arena_close(arena);
}

int main(void) {
    Arena *arena = arena_open();
    cJSON *file = fixture_json(FIXTURES "full.json");
    StrList lines = fixture_lines(arena), nasty = fixture_nasty(arena);
    size_t found = 0;
    for (size_t i = 0; i < COUNT(known); i++) {
        const char *smollm2 = getenv("MDX_SMOLLM2");
        Str path = known[i].folder ? str_format(arena, "%s/%s/tokenizer.json", shared_folder(), known[i].folder)
                   : smollm2       ? str_format(arena, "%s/base/tokenizer.json", smollm2)
                                   : STR("");
        const cJSON *hashes = file->child;
        while (hashes && strcmp(json_member(hashes, "name")->valuestring, known[i].name) != 0) hashes = hashes->next;
        bool here = hashes && file_exists(path.at);
        if (here) check_one(i, path.at, hashes, &lines, &nasty);
        if (!here)
            printf("%s: skipped, no tokenizer.json here (%s)\n", known[i].name,
                   known[i].folder ? "MDX_SHARED" : "MDX_SMOLLM2");
        found += here;
    }
    cJSON_Delete(file);
    arena_close(arena);
    return found ? check_done() : 77;
}
