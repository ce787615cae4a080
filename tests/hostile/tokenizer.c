// tokenizer.c: broken, lying and malicious tokenizer.json files, and texts that are none: a message, never a crash.
#include <time.h>

#include "unit/tokenizer_fixture.h"

#define VOCAB                     "{\"a\":0,\"b\":1,\"ab\":2}"
#define BYTES                     "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}"
#define MODEL                     "\"model\":{\"type\":\"BPE\",\"vocab\":" VOCAB ",\"merges\":[\"a b\"]}"
#define PRE                       "\"pre_tokenizer\":" BYTES
#define FILE_WITH(member)         "{" PRE "," MODEL "," member "}"
#define FILE_MODEL(model)         "{" PRE ",\"model\":" model "}"
#define FILE_PRE(pre)             "{" MODEL ",\"pre_tokenizer\":" pre "}"
#define FILE_VOCAB(vocab, merges) FILE_MODEL("{\"vocab\":" vocab ",\"merges\":" merges "}")
#define FILE_ADDED(token)         FILE_WITH("\"added_tokens\":[" token "]")
#define REGEX(pattern)            "{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":\"" pattern "\"}}"
#define FILE_REGEX(pattern)       FILE_PRE("{\"type\":\"Sequence\",\"pretokenizers\":[" REGEX(pattern) "," BYTES "]}")
#define NEST(x)                   "{\"type\":\"Sequence\",\"pretokenizers\":[" x "]}"

static const struct {
    const char *json, *message; // after "t: "
} cases[] = {
    // The file as a whole
    {"", "t:1:1: not valid JSON from here"},
    {"[]", "t: is a list, expected an object"},
    {"{}", "t: 'model' is missing, expected an object"},
    {"{\"model\":7}", "t: 'model' is a number, expected an object"},
    {"{\"model\":{\"type\":\"Unigram\"}}", "t: the model type 'Unigram' is not supported; known: BPE"},
    {"{\"model\":{\"type\":3}}", "t: 'model.type' is a number, expected a string"},
    {"{" MODEL "}", "t: pre_tokenizer has no ByteLevel; only byte-level BPE is supported"},
    {"{\"model\":{\"vocab\":{\"▁\":0},\"merges\":[]}}",
     "t: SentencePiece-style tokenizers are not supported yet; known: byte-level BPE"},
    {"{\"model\":{\"byte_fallback\":true},\"pre_tokenizer\":{\"type\":\"Metaspace\"}}",
     "t: SentencePiece-style tokenizers are not supported yet; known: byte-level BPE"},
    {"{" PRE "," MODEL "} x", "t:1:152: more text after the end of the JSON value"},
    // The vocabulary
    {FILE_MODEL("{}"), "t: 'model.vocab' is missing, expected an object"},
    {FILE_VOCAB("[]", "[]"), "t: 'model.vocab' is a list, expected an object"},
    {FILE_VOCAB("{\"a\":\"0\"}", "[]"), "t: the id of token 'a' is a string, expected a number"},
    {FILE_VOCAB("{\"a\":-1}", "[]"), "t: the id of token 'a' is -1, expected a whole number from 0 to 4194303"},
    {FILE_VOCAB("{\"a\":1.5}", "[]"), "t: the id of token 'a' is 1.5, expected a whole number from 0 to 4194303"},
    {FILE_VOCAB("{\"a\":4000000000}", "[]"),
     "t: the id of token 'a' is 4000000000, expected a whole number from 0 to 4194303"},
    {FILE_VOCAB("{\"a\":1e300}", "[]"),
     "t: the id of token 'a' is 1.0000000000000001e+300, expected a whole number from 0 to 4194303"},
    {FILE_VOCAB("{\"a\":0,\"b\":0}", "[]"), "t: tokens 'a' and 'b' have the same id 0"},
    {FILE_VOCAB("{\"a\":0,\"a\":1}", "[]"), "t: token 'a' is listed twice"},
    // The merges
    {FILE_MODEL("{\"vocab\":" VOCAB "}"), "t: 'model.merges' is missing, expected a list"},
    {FILE_VOCAB(VOCAB, "{}"), "t: 'model.merges' is an object, expected a list"},
    {FILE_VOCAB(VOCAB, "[\"ab\"]"), "t: merge 0 is neither \"a b\" nor [\"a\", \"b\"] with two tokens"},
    {FILE_VOCAB(VOCAB, "[\"a b\",\"a b c\"]"), "t: merge 1 is neither \"a b\" nor [\"a\", \"b\"] with two tokens"},
    {FILE_VOCAB(VOCAB, "[[\"a\"]]"), "t: merge 0 is neither \"a b\" nor [\"a\", \"b\"] with two tokens"},
    {FILE_VOCAB(VOCAB, "[[\"a\",\"b\",\"c\"]]"), "t: merge 0 is neither \"a b\" nor [\"a\", \"b\"] with two tokens"},
    {FILE_VOCAB(VOCAB, "[[\"a\",7]]"), "t: merge 0 is neither \"a b\" nor [\"a\", \"b\"] with two tokens"},
    {FILE_VOCAB(VOCAB, "[null]"), "t: merge 0 is neither \"a b\" nor [\"a\", \"b\"] with two tokens"},
    {FILE_VOCAB(VOCAB, "[\"a c\"]"), "t: merge 0 needs the token 'c', which is not in the vocabulary"},
    {FILE_VOCAB(VOCAB, "[\" b\"]"), "t: merge 0 needs the token '', which is not in the vocabulary"},
    {FILE_VOCAB(VOCAB, "[\"b a\"]"), "t: merge 0 needs the token 'ba', which is not in the vocabulary"},
    {FILE_VOCAB(VOCAB, "[\"ab a\"]"), "t: merge 0 makes 'aba', which is not in the vocabulary"},
    // Options of the model
    {FILE_MODEL("{\"vocab\":{},\"merges\":[],\"dropout\":0.1}"), "t: 'model.dropout' is set; it is not supported"},
    {FILE_MODEL("{\"vocab\":{},\"merges\":[],\"unk_token\":\"x\"}"),
     "t: 'model.unk_token' is set; it is not supported"},
    {FILE_MODEL("{\"vocab\":{},\"merges\":[],\"byte_fallback\":true}"),
     "t: 'model.byte_fallback' is set; it is not supported"},
    {FILE_MODEL("{\"vocab\":{},\"merges\":[],\"end_of_word_suffix\":\"</w>\"}"),
     "t: 'model.end_of_word_suffix' is set; it is not supported"},
    {FILE_MODEL("{\"vocab\":{},\"merges\":[],\"continuing_subword_prefix\":\"##\"}"),
     "t: 'model.continuing_subword_prefix' is set; it is not supported"},
    {FILE_MODEL("{\"vocab\":{},\"merges\":[],\"ignore_merges\":1}"),
     "t: 'ignore_merges' is a number, expected true or false"},
    // Added tokens
    {FILE_WITH("\"added_tokens\":{}"), "t: 'added_tokens' is an object, expected a list"},
    {FILE_ADDED("7"), "t: an added token is a number, expected an object"},
    {FILE_ADDED("{\"id\":3}"), "t: 'content' is missing, expected a string"},
    {FILE_ADDED("{\"content\":\"x\"}"), "t: the added token 'x': 'id' is missing, expected a whole number"},
    {FILE_ADDED("{\"content\":\"x\",\"id\":3,\"lstrip\":\"no\"}"),
     "t: the added token 'x': 'lstrip' is a string, expected true or false"},
    {FILE_ADDED("{\"content\":\"x\",\"id\":4000000000}"),
     "t: the added token 'x' has id 4000000000, expected 3: the next free one"},
    {FILE_ADDED("{\"content\":\"x\",\"id\":1e99}"),
     "t: the added token 'x': 'id' is 9.9999999999999997e+98, expected a whole number from 0 to 4294967295"},
    {FILE_ADDED("{\"content\":\"ab\",\"id\":3}"),
     "t: the added token 'ab' has id 3, expected 2: its id in the vocabulary"},
    {FILE_ADDED("{\"content\":\"x\\ny\",\"id\":4}"),
     "t: the added token 'x y' has id 4, expected 3: the next free one"},
    {"{" PRE ",\"model\":{\"vocab\":{\"a\":0,\"c\":2},\"merges\":[]},\"added_tokens\":[{\"content\":\"x\",\"id\":2}]}",
     "t: the added token 'x' has id 2, as has 'c' in the vocabulary"},
    // Parts
    {FILE_WITH("\"normalizer\":[]"), "t: normalizer is a list, expected an object"},
    {FILE_WITH("\"normalizer\":{}"), "t: normalizer: 'type' is missing, expected a string"},
    {FILE_WITH("\"normalizer\":{\"type\":\"Lowercase\"}"),
     "t: normalizer type 'Lowercase' is not supported; known: NFC, NFD, NFKC, NFKD, Sequence"},
    {FILE_WITH("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":3}"),
     "t: normalizer: 'normalizers' is a number, expected a list"},
    {FILE_WITH("\"post_processor\":{\"type\":\"BertProcessing\"}"),
     "t: post_processor type 'BertProcessing' is not supported; known: TemplateProcessing, ByteLevel, Sequence"},
    {FILE_WITH("\"post_processor\":{\"type\":\"TemplateProcessing\"}"),
     "t: post_processor: 'single' is missing, expected a list"},
    {FILE_WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}"),
     "t: post_processor: the template must hold the text 'A' once"},
    {FILE_WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"B\"}}]}"),
     "t: post_processor: the template must hold the text 'A' once"},
    {FILE_WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[7]}"),
     "t: post_processor: a piece of the template is neither a token nor the text"},
    {FILE_WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}}]}"),
     "t: post_processor: the token 'x' of the template has no ids"},
    {FILE_WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}}],"
               "\"special_tokens\":{\"x\":{\"ids\":[99]}}}"),
     "t: post_processor: 'x' stands for an id that no token has"},
    {FILE_WITH("\"decoder\":{\"type\":\"Metaspace\"}"),
     "t: decoder type 'Metaspace' is not supported; known: ByteLevel, Fuse, Sequence"},
    {FILE_PRE("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Whitespace\"}," BYTES "]}"),
     "t: pre_tokenizer type 'Whitespace' is not supported; known: Split, Digits, ByteLevel, Sequence"},
    {FILE_PRE("{\"type\":\"Sequence\",\"pretokenizers\":[" BYTES ",{\"type\":\"Digits\"}]}"),
     "t: pre_tokenizer has a part after ByteLevel, which is not supported"},
    {FILE_PRE("{\"type\":\"Sequence\",\"pretokenizers\":[" BYTES "," BYTES "]}"),
     "t: pre_tokenizer has ByteLevel twice"},
    {FILE_PRE(NEST(NEST(NEST(NEST(NEST(NEST(NEST(NEST(NEST(BYTES)))))))))),
     "t: pre_tokenizer nests more than 8 sequences"},
    {FILE_PRE("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"behavior\":\"Isolated\"}," BYTES "]}"),
     "t: pre_tokenizer: 'Regex' is missing, expected a string"},
    {FILE_PRE("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"behavior\":\"No\",\"pattern\":{"
              "\"String\":\"a\"}}," BYTES "]}"),
     "t: pre_tokenizer: the behavior 'No' is not known"},
    // Patterns
    {FILE_REGEX("(a"), "t: pre_tokenizer: pattern '(a': '(' without ')'"},
    {FILE_REGEX("a)"), "t: pre_tokenizer: pattern 'a)': ')' without '('"},
    {FILE_REGEX("[a"), "t: pre_tokenizer: pattern '[a': '[' without ']'"},
    {FILE_REGEX("*"), "t: pre_tokenizer: pattern '*': nothing to repeat before byte 1"},
    {FILE_REGEX("(*UTF)"), "t: pre_tokenizer: pattern '(*UTF)': nothing to repeat before byte 2"},
    {FILE_REGEX("(?R)"), "t: pre_tokenizer: pattern '(?R)': the group '(?R' is not supported"},
    {FILE_REGEX("\\\\p{Klingon}"), "t: pre_tokenizer: pattern '\\p{Klingon}': unknown property after \\P or \\p"},
    {FILE_REGEX("[[:alpha:]]"), "t: pre_tokenizer: pattern '[[:alpha:]]': classes like [:alpha:] are not supported"},
    {FILE_REGEX("(a{9999}){9999}"), "t: pre_tokenizer: pattern '(a{9999}){9999}': regular expression is too large"},
};

static void check_cases(void) {
    for (size_t i = 0; i < COUNT(cases); i++) {
        Arena *arena = arena_open();
        Error err = {0};
        Tokenizer *tokenizer = tokenizer_parse(arena, "t", str_of(cases[i].json), &err);
        if (tokenizer) fprintf(stderr, "opened: %s\n", cases[i].json);
        CHECK(!tokenizer);
        CHECK_STR(str_of(err.text), str_of(cases[i].message));
        tokenizer_close(tokenizer);
        arena_close(arena);
    }
}

static Tokenizer *must_open(Arena *arena, Str json) {
    Error err = {0};
    Tokenizer *tokenizer = tokenizer_parse(arena, "t", json, &err);
    if (!tokenizer) fixture_fail("open", &err);
    return tokenizer;
}

// Every beginning of a file, and every single byte of it changed: an error or a tokenizer, but no crash.
static void check_damage(void) {
    static const char json[] =
        "{\"added_tokens\":[{\"id\":3,\"content\":\"<x>\",\"special\":true,\"normalized\":true,\"lstrip\":true}],"
        "\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":"
        "[" REGEX(
            "\\\\s+|[^a-b]") ",{\"type\":\"Digits\",\"individual_digits\":true},"
                             "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":true}]},\"post_"
                             "processor\":"
                             "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<x>\"}},{"
                             "\"Sequence\":{\"id\":\"A\"}}],"
                             "\"special_tokens\":{\"<x>\":{\"ids\":[3]}}},\"decoder\":{\"type\":\"ByteLevel\"}," MODEL
                             "}";
    size_t opened = 0;
    for (size_t i = 0; i < 2 * (sizeof json - 1); i++) {
        Arena *arena = arena_open();
        Error err = {0};
        Str damaged = str_copy(arena, str_of(json));
        if (i < sizeof json - 1)
            damaged.len = i;
        else
            ((char *)(uintptr_t)damaged.at)[i - (sizeof json - 1)] ^= (char)(1 + i % 7);
        Tokenizer *tokenizer = tokenizer_parse(arena, "t", damaged, &err);
        CHECK(tokenizer || (err.kind == ERR_INPUT && err.text[0]));
        TokenList tokens = {0};
        if (tokenizer) opened += tokenizer_encode(tokenizer, arena, STR("<x> ab 12 \xc3\xa9"), true, &tokens, &err);
        tokenizer_close(tokenizer);
        arena_close(arena);
    }
    CHECK(opened > 10);
    Arena *arena = arena_open();
    Tokenizer *tokenizer = must_open(arena, str_of(json));
    CHECK(fixture_encode(tokenizer, arena, STR("<x>ab")).len == 3);
    tokenizer_close(tokenizer);
    arena_close(arena);
}

// Texts that are not UTF-8; the message says where.
static void check_texts(void) {
    static const struct {
        const char *text, *message;
    } texts[] = {
        {"ab\xff", "t: the text is not valid UTF-8 at byte 2 (0xff)"},
        {"\xd0", "t: the text is not valid UTF-8 at byte 0 (0xd0)"},
        {"a\xed\xa0\x80", "t: the text is not valid UTF-8 at byte 1 (0xed)"},
    };
    Arena *arena = arena_open();
    Tokenizer *tokenizer = must_open(arena, STR("{" PRE "," MODEL "}"));
    for (size_t i = 0; i < COUNT(texts); i++) {
        Error err = {0};
        TokenList tokens = {0};
        CHECK(!tokenizer_encode(tokenizer, arena, str_of(texts[i].text), true, &tokens, &err));
        CHECK_STR(str_of(err.text), str_of(texts[i].message));
    }
    TokenList tokens = fixture_encode(tokenizer, arena, STR("\0ab\0")); // NUL is text; here no token stands for it
    CHECK(tokens.len == 1 && tokens.at[0].begin == 1 && tokens.at[0].end == 3);
    tokenizer_close(tokenizer);
    arena_close(arena);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static Str repeated(Arena *arena, const char *what, size_t count, const char *end) {
    Text text = text_open(arena);
    for (size_t i = 0; i < count; i++) text_str(&text, str_of(what));
    text_str(&text, str_of(end));
    return text_view(&text);
}

// A pattern that backtracks without end is stopped.
static void check_steps(void) {
    static const char *const patterns[] = {"(a|a)*b", "(?:a*)*b", "(?:a+)+$", "(?=(?:(?:a+)+)+b)"};
    Arena *arena = arena_open();
    for (size_t i = 0; i < COUNT(patterns); i++) {
        Str json = str_format(arena, FILE_REGEX("%s"), patterns[i]);
        Tokenizer *tokenizer = must_open(arena, json);
        Error err = {0};
        TokenList tokens = {0};
        double begin = seconds();
        CHECK(!tokenizer_encode(tokenizer, arena, repeated(arena, "a", 5000, "!"), true, &tokens, &err));
        Str want = str_format(arena, "t: the pattern '%s' takes too many steps on this text", patterns[i]);
        CHECK_STR(str_of(err.text), want);
        CHECK(seconds() - begin < 60);
        tokenizer_close(tokenizer);
    }
    arena_close(arena);
}

// Long texts in one piece cost n log n: a megabyte of letters, of spaces, of spelled tokens.
static void check_long(void) {
    static const char json[] =
        "{\"added_tokens\":[{\"id\":5,\"content\":\"<x>\",\"normalized\":false},{\"id\":6,\"content\":\" "
        "\",\"rstrip\":true,"
        "\"lstrip\":true,\"normalized\":false}],\"pre_tokenizer\":" BYTES
        ",\"normalizer\":{\"type\":\"NFC\"},\"model\":{\"vocab\":"
        "{\"a\":0,\"b\":1,\"ab\":2,\"aa\":3,\"aaaa\":4},\"merges\":[\"a b\",\"a a\",\"aa aa\"]}}";
    static const struct {
        const char *what;
        size_t tokens;
    } texts[] = {{"a", 250000}, {"ab", 1000000}, {"<x>", 1000000}, {" ", 1}, {"<x><", 1000000}};
    Arena *arena = arena_open();
    Tokenizer *tokenizer = must_open(arena, str_of(json));
    double begin = seconds();
    for (size_t i = 0; i < COUNT(texts); i++)
        CHECK(fixture_encode(tokenizer, arena, repeated(arena, texts[i].what, 1000000, "")).len == texts[i].tokens);
    CHECK(seconds() - begin < 60);
    tokenizer_close(tokenizer);
    arena_close(arena);
}

// An empty added token is left out, as Hugging Face does; a long one is refused.
static void check_added(void) {
    Arena *arena = arena_open();
    Tokenizer *tokenizer =
        must_open(arena, STR(FILE_ADDED("{\"content\":\"\",\"id\":3},{\"content\":\"x\",\"id\":3}")));
    CHECK(fixture_encode(tokenizer, arena, STR("axa")).len == 3);
    tokenizer_close(tokenizer);
    Error err = {0};
    Str json = str_format(arena, FILE_ADDED("{\"content\":\"%s\",\"id\":3}"), repeated(arena, "y", 1025, "").at);
    CHECK(!tokenizer_parse(arena, "t", json, &err) &&
          str_ends(str_of(err.text), STR("has 1025 bytes, at most 1024 are accepted")));
    CHECK(!tokenizer_open(arena, TESTS "/no such file", &err) && err.kind == ERR_SYSTEM);
    CHECK(!tokenizer_open(arena, TESTS, &err) && err.kind == ERR_INPUT);
    arena_close(arena);
}

int main(void) {
    check_cases();
    check_damage();
    check_texts();
    check_steps();
    check_long();
    check_added();
    return check_done();
}
