// encode.c: text to tokens: added tokens, normalization, pieces, merges, and what the post-processor adds.
#include "mdx/json.h"
#include "runtime/tokenizer/pretokenize.h"

enum { LARGEST_TEXT = 1 << 30 };

// A stretch of the text between added tokens, after normalization.
typedef struct {
    Str text;
    const Origin *origin; // of its bytes, from `begin` on; NULL: each is itself
    size_t begin;         // in the original text
} Stretch;

typedef struct {
    PieceSink sink; // first, so that the sink is the encoder
    const Tokenizer *tokenizer;
    Arena *arena; // of the result
    Arena *scratch;
    Matcher *matcher;
    BpeScratch bpe;
    BpeTokens tokens; // of one piece
    Stretch stretch;
    TokenList *out;
} Encoder;

static void add_token(Encoder *encoder, uint32_t id, Origin origin) {
    bool special = tokenizer_is_special(encoder->tokenizer, id);
    list_push(encoder->arena, encoder->out, ((Token){id, origin.begin, origin.end, special}));
}

// Where the bytes [begin, end) of the stretch came from; where they are none, the place between two.
static Origin origin_of(const Stretch *stretch, size_t begin, size_t end) {
    Origin place = {(uint32_t)begin, (uint32_t)end};
    if (stretch->origin && begin < end)
        place = (Origin){stretch->origin[begin].begin, stretch->origin[end - 1].end};
    else if (stretch->origin)
        place.begin = place.end =
            begin < stretch->text.len ? stretch->origin[begin].begin : stretch->origin[begin - 1].end;
    return (Origin){(uint32_t)stretch->begin + place.begin, (uint32_t)stretch->begin + place.end};
}

static bool take_piece(PieceSink *sink, const Piece *piece, Error *err) {
    (void)err;
    Encoder *encoder = (Encoder *)sink;
    encoder->tokens.len = 0;
    bpe_encode(&encoder->tokenizer->bpe, &encoder->bpe, piece->text, &encoder->tokens);
    for (size_t i = 0; i < encoder->tokens.len; i++) {
        BpeToken token = encoder->tokens.at[i];
        size_t begin = token.begin - (piece->added_space && token.begin > 0), end = token.end - piece->added_space;
        add_token(encoder, token.id, origin_of(&encoder->stretch, piece->begin + begin, piece->begin + end));
    }
    return true;
}

// The second look for added tokens, in the normalized stretch.
static bool encode_stretch(Encoder *encoder, Str text, size_t begin, Error *err) {
    const Tokenizer *tokenizer = encoder->tokenizer;
    Normalized normalized = normalize(encoder->scratch, text, tokenizer->forms, tokenizer->form_count);
    Stretch whole = {normalized.text, normalized.origin, begin};
    AddedScan scan = {.set = &tokenizer->normalized, .text = whole.text};
    for (AddedPart part; added_next(&scan, &part);) {
        Origin origin = origin_of(&whole, part.begin, part.end);
        if (part.token) {
            add_token(encoder, part.token->id, origin);
            continue;
        }
        encoder->stretch = (Stretch){
            .text = str_part(whole.text, part.begin, part.end),
            .origin = whole.origin ? whole.origin + part.begin : NULL,
            .begin = whole.origin ? begin : begin + part.begin,
        };
        TRY(pretokenize(tokenizer, encoder->scratch, encoder->matcher, encoder->stretch.text, &encoder->sink, err));
    }
    return true;
}

static bool encode_text(Encoder *encoder, Str text, Error *err) {
    AddedScan scan = {.set = &encoder->tokenizer->plain, .text = text};
    for (AddedPart part; added_next(&scan, &part);) {
        if (part.token)
            add_token(encoder, part.token->id, (Origin){(uint32_t)part.begin, (uint32_t)part.end});
        else
            TRY(encode_stretch(encoder, str_part(text, part.begin, part.end), part.begin, err));
    }
    return true;
}

static bool check_text(const Tokenizer *tokenizer, Str text, Error *err) {
    const char *name = tokenizer->name.at;
    if (text.len > LARGEST_TEXT)
        FAIL(err, ERR_INPUT, "%s: a text of %zu bytes, at most %d are accepted", name, text.len, LARGEST_TEXT);
    size_t valid = utf8_valid_prefix(text);
    if (valid < text.len)
        FAIL(err, ERR_INPUT, "%s: the text is not valid UTF-8 at byte %zu (0x%02x)", name, valid,
             (unsigned char)text.at[valid]);
    return true;
}

static void add_all(Encoder *encoder, const U32List *ids, size_t at) {
    for (size_t i = 0; i < ids->len; i++) add_token(encoder, ids->at[i], (Origin){(uint32_t)at, (uint32_t)at});
}

bool tokenizer_encode(const Tokenizer *tokenizer, Arena *arena, Str text, bool add_special, TokenList *out,
                      Error *err) {
    TRY(check_text(tokenizer, text, err));
    Arena *scratch = arena_open();
    Encoder encoder = {
        .sink = {take_piece},
        .tokenizer = tokenizer,
        .arena = arena,
        .scratch = scratch,
        .matcher = matcher_open(scratch, text.len),
        .bpe = {.arena = scratch},
        .out = out,
    };
    if (add_special) add_all(&encoder, &tokenizer->prefix, 0);
    bool ok = encode_text(&encoder, text, err);
    if (ok && add_special) add_all(&encoder, &tokenizer->suffix, text.len);
    matcher_close(encoder.matcher);
    arena_close(scratch);
    return ok || error_prefix(err, "%s", tokenizer->name.at);
}
