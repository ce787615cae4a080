// parts.c: the normalizer, the pre-tokenizer, the post-processor and the decoder of a tokenizer.json.
//
// Each is null, one part, or a "Sequence" of parts. A table a member names the types that are known; a type that
// is missing there is an error that lists them.
#include "mdx/json.h"
#include "runtime/tokenizer/internal.h"
#include "runtime/tokenizer/unicode.h"

enum { MAX_PARTS = 64, MAX_NESTING = 8, MAX_TEMPLATE = 256 };

#define REFUSE(reader, format, ...) FAIL((reader)->err, ERR_INPUT, "%s" format, (reader)->name, __VA_ARGS__)

typedef struct PartReader {
    Tokenizer *tokenizer;
    const char *name; // of the file and the member, for messages
    const struct PartTable *table;
    Error *err;
} PartReader;

typedef struct {
    const char *type;
    bool (*read)(PartReader *reader, const cJSON *part);
} PartKind;

typedef struct PartTable {
    const char *member, *list; // "pre_tokenizer", "pretokenizers"
    const PartKind *kinds;
    size_t count;
} PartTable;

// ---- Any member
static bool unknown_type(PartReader *reader, Str type) {
    Arena *arena = arena_open();
    Text known = text_open(arena);
    for (size_t i = 0; i < reader->table->count; i++) text_add(&known, "%s, ", reader->table->kinds[i].type);
    error_set(reader->err, ERR_INPUT, "%s type '%s' is not supported; known: %.*sSequence", reader->name,
              quote(type).text, STR_ARG(text_view(&known)));
    arena_close(arena);
    return false;
}

static bool read_part(PartReader *reader, const cJSON *part, int nesting, int *count) {
    Str type;
    if (!cJSON_IsObject(part)) REFUSE(reader, " is %s, expected an object", json_kind(part));
    TRY(json_str(reader->name, part, "type", &type, reader->err));
    if (++*count > MAX_PARTS) REFUSE(reader, " has more than %d parts", MAX_PARTS);
    if (!str_is(type, "Sequence")) {
        for (size_t i = 0; i < reader->table->count; i++)
            if (str_is(type, reader->table->kinds[i].type)) return reader->table->kinds[i].read(reader, part);
        return unknown_type(reader, type);
    }
    if (nesting == MAX_NESTING) REFUSE(reader, " nests more than %d sequences", MAX_NESTING);
    const cJSON *list = json_member(part, reader->table->list), *item;
    if (!cJSON_IsArray(list)) REFUSE(reader, ": '%s' is %s, expected a list", reader->table->list, json_kind(list));
    cJSON_ArrayForEach(item, list) TRY(read_part(reader, item, nesting + 1, count));
    return true;
}

static bool read_member(Tokenizer *tokenizer, const PartTable *table, const cJSON *root, Error *err) {
    Str name = str_format(tokenizer->arena, "%s: %s", tokenizer->name.at, table->member);
    PartReader reader = {tokenizer, name.at, table, err};
    const cJSON *member = json_member(root, table->member);
    int count = 0;
    return !member || read_part(&reader, member, 0, &count);
}

static bool flag(PartReader *reader, const cJSON *part, const char *key, bool otherwise, bool *out) {
    return json_bool(reader->name, part, key, otherwise, out, reader->err);
}

static bool no_effect(PartReader *reader, const cJSON *part) {
    (void)reader, (void)part;
    return true;
}

// ---- Normalizers
static bool read_form(PartReader *reader, NormalForm form) {
    Tokenizer *tokenizer = reader->tokenizer;
    if (tokenizer->form_count == COUNT(tokenizer->forms))
        REFUSE(reader, " has more than %zu parts", COUNT(tokenizer->forms));
    tokenizer->forms[tokenizer->form_count++] = form;
    return true;
}

#define FORM(name)                                                                                                     \
    static bool read_##name(PartReader *reader, const cJSON *part) {                                                   \
        (void)part;                                                                                                    \
        return read_form(reader, NORMAL_##name);                                                                       \
    }
FORM(NFC)
FORM(NFD)
FORM(NFKC)
FORM(NFKD)

static const PartKind normalizers[] = {{"NFC", read_NFC}, {"NFD", read_NFD}, {"NFKC", read_NFKC}, {"NFKD", read_NFKD}};
static const PartTable normalizer_table = {"normalizer", "normalizers", normalizers, COUNT(normalizers)};

// ---- Pre-tokenizers. ByteLevel must come last: what follows it would see bytes in their spelling.
static bool add_step(PartReader *reader, Str source, bool literal, SplitBehavior behavior, bool invert) {
    Tokenizer *tokenizer = reader->tokenizer;
    if (tokenizer->byte_level) REFUSE(reader, "%s", " has a part after ByteLevel, which is not supported");
    Pattern *pattern = pattern_open(tokenizer->arena, source, literal, reader->err);
    if (!pattern) return error_prefix(reader->err, "%s", reader->name);
    list_push(tokenizer->arena, &tokenizer->steps, ((SplitStep){pattern, behavior, invert}));
    return true;
}

static const char *const behaviors[] = {
    [SPLIT_removed] = "Removed",
    [SPLIT_isolated] = "Isolated",
    [SPLIT_merged_with_previous] = "MergedWithPrevious",
    [SPLIT_merged_with_next] = "MergedWithNext",
    [SPLIT_contiguous] = "Contiguous",
};

static bool read_split(PartReader *reader, const cJSON *part) {
    Str behavior, source;
    bool invert;
    TRY(flag(reader, part, "invert", false, &invert));
    TRY(json_str(reader->name, part, "behavior", &behavior, reader->err));
    const cJSON *pattern = json_member(part, "pattern");
    bool literal = json_member(pattern, "String") != NULL;
    TRY(json_str(reader->name, pattern, literal ? "String" : "Regex", &source, reader->err));
    for (size_t i = 0; i < COUNT(behaviors); i++)
        if (str_is(behavior, behaviors[i])) return add_step(reader, source, literal, (SplitBehavior)i, invert);
    REFUSE(reader, ": the behavior '%s' is not known", quote(behavior).text);
}

static bool read_digits(PartReader *reader, const cJSON *part) {
    bool individual;
    TRY(flag(reader, part, "individual_digits", false, &individual));
    return add_step(reader, STR("\\p{N}"), false, individual ? SPLIT_isolated : SPLIT_contiguous, false);
}

// GPT-2's pattern.
#define WORDS "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

static bool read_byte_level(PartReader *reader, const cJSON *part) {
    Tokenizer *tokenizer = reader->tokenizer;
    bool prefix_space, use_regex;
    TRY(flag(reader, part, "add_prefix_space", true, &prefix_space));
    TRY(flag(reader, part, "use_regex", true, &use_regex));
    if (tokenizer->byte_level) REFUSE(reader, "%s", " has ByteLevel twice");
    if (prefix_space) list_push(tokenizer->arena, &tokenizer->steps, ((SplitStep){0}));
    if (use_regex) TRY(add_step(reader, STR(WORDS), false, SPLIT_isolated, false));
    tokenizer->byte_level = true;
    return true;
}

static const PartKind pre_tokenizers[] = {
    {"Split", read_split}, {"Digits", read_digits}, {"ByteLevel", read_byte_level}};
static const PartTable pre_tokenizer_table = {"pre_tokenizer", "pretokenizers", pre_tokenizers, COUNT(pre_tokenizers)};

// ---- Post-processors
static bool add_template_token(PartReader *reader, const cJSON *known, Str name, U32List *ids) {
    const cJSON *token = cJSON_GetObjectItemCaseSensitive(known, name.at);
    const cJSON *list = json_member(token, "ids"), *item;
    if (!cJSON_IsArray(list)) REFUSE(reader, ": the token '%s' of the template has no ids", quote(name).text);
    cJSON_ArrayForEach(item, list) {
        double id = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(id >= 0 && id < reader->tokenizer->size && tokenizer_spelling(reader->tokenizer, (uint32_t)id).at))
            REFUSE(reader, ": '%s' stands for an id that no token has", quote(name).text);
        list_push(reader->tokenizer->arena, ids, (uint32_t)id);
    }
    return true;
}

static bool read_template(PartReader *reader, const cJSON *part) {
    Tokenizer *tokenizer = reader->tokenizer;
    const cJSON *known = json_member(part, "special_tokens"), *single = json_member(part, "single"), *item;
    if (!cJSON_IsArray(single)) REFUSE(reader, ": 'single' is %s, expected a list", json_kind(single));
    bool seen = false;
    if (tokenizer->has_template) REFUSE(reader, "%s", " has TemplateProcessing twice");
    tokenizer->has_template = true;
    int count = 0;
    cJSON_ArrayForEach(item, single) {
        if (++count > MAX_TEMPLATE) REFUSE(reader, ": the template has more than %d pieces", MAX_TEMPLATE);
        const cJSON *special = json_member(item, "SpecialToken"), *sequence = json_member(item, "Sequence");
        Str name;
        if (!special == !sequence) REFUSE(reader, "%s", ": a piece of the template is neither a token nor the text");
        TRY(json_str(reader->name, special ? special : sequence, "id", &name, reader->err));
        if (special) {
            TRY(add_template_token(reader, known, name, seen ? &tokenizer->suffix : &tokenizer->prefix));
        } else {
            if (seen || !str_is(name, "A")) REFUSE(reader, "%s", ": the template must hold the text 'A' once");
            seen = true;
        }
    }
    if (!seen) REFUSE(reader, "%s", ": the template must hold the text 'A' once");
    return true;
}

// The ByteLevel post-processor trims offsets, which mdx does not do.
static const PartKind post_processors[] = {{"TemplateProcessing", read_template}, {"ByteLevel", no_effect}};
static const PartTable post_processor_table = {"post_processor", "processors", post_processors, COUNT(post_processors)};

// ---- Decoders
static bool decode_bytes(PartReader *reader, const cJSON *part) {
    (void)part;
    if (reader->tokenizer->decoder.bytes) REFUSE(reader, "%s", " has ByteLevel twice");
    reader->tokenizer->decoder.bytes = true;
    return true;
}

static bool decode_fuse(PartReader *reader, const cJSON *part) {
    (void)part;
    if (!reader->tokenizer->decoder.bytes) reader->tokenizer->decoder.fuse_first = true;
    return true;
}

static const PartKind decoders[] = {{"ByteLevel", decode_bytes}, {"Fuse", decode_fuse}};
static const PartTable decoder_table = {"decoder", "decoders", decoders, COUNT(decoders)};

bool tokenizer_read_parts(Tokenizer *tokenizer, const cJSON *root, Error *err) {
    static const PartTable *const tables[] = {&normalizer_table, &pre_tokenizer_table, &post_processor_table,
                                              &decoder_table};
    for (size_t i = 0; i < COUNT(tables); i++) TRY(read_member(tokenizer, tables[i], root, err));
    tokenizer->decoder.joins = !json_member(root, decoder_table.member);
    return true;
}
