// added.c: finding added tokens: the leftmost, and of those the longest.
#include "runtime/tokenizer/added.h"
#include "runtime/tokenizer/unicode.h"

// Children of a node are a chain of siblings, at most 256.
typedef struct AddedNode {
    uint32_t child, sibling; // node + 1, or 0
    uint32_t token;          // index + 1 of the token that ends here, or 0
    uint8_t byte;
} AddedNode;

static uint32_t *find_child(const AddedSet *set, uint32_t *chain, uint8_t byte) {
    while (*chain && set->nodes.at[*chain - 1].byte != byte) chain = &set->nodes.at[*chain - 1].sibling;
    return chain;
}

static uint32_t add_node(AddedSet *set, uint8_t byte) {
    list_push(set->arena, &set->nodes, ((AddedNode){.byte = byte}));
    return (uint32_t)set->nodes.len;
}

static void add_text(AddedSet *set, Str text, uint32_t token) {
    uint32_t node = 0; // node + 1
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.at[i];
        uint32_t *chain = node ? &set->nodes.at[node - 1].child : &set->roots[byte];
        uint32_t next = *find_child(set, chain, byte);
        if (!next) {
            next = add_node(set, byte); // which may move the nodes
            chain = node ? &set->nodes.at[node - 1].child : &set->roots[byte];
            set->nodes.at[next - 1].sibling = *chain;
            *chain = next;
        }
        node = next;
    }
    if (node && !set->nodes.at[node - 1].token) set->nodes.at[node - 1].token = token + 1;
}

AddedSet added_open(Arena *arena, const AddedTokens *tokens, bool normalized) {
    AddedSet set = {.arena = arena, .tokens = tokens->at};
    for (size_t i = 0; i < tokens->len; i++)
        if (tokens->at[i].normalized == normalized) add_text(&set, tokens->at[i].text, (uint32_t)i);
    return set;
}

// The longest token that begins at `at`.
static const AddedToken *longest_at(const AddedSet *set, Str text, size_t at, size_t *end) {
    const AddedToken *found = NULL;
    uint32_t node = set->roots[(uint8_t)text.at[at]];
    for (size_t i = at + 1; node; i++) {
        const AddedNode *here = &set->nodes.at[node - 1];
        if (here->token) {
            found = &set->tokens[here->token - 1];
            *end = i;
        }
        if (i == text.len) break;
        node = here->child;
        while (node && set->nodes.at[node - 1].byte != (uint8_t)text.at[i]) node = set->nodes.at[node - 1].sibling;
    }
    return found;
}

// Where the character before `at` begins.
static size_t char_before(Str text, size_t at) {
    do at--;
    while (((unsigned char)text.at[at] & 0xc0) == 0x80);
    return at;
}

static bool stands_alone(Str text, size_t begin, size_t end) {
    if (begin > 0 && unicode_is_word(utf8_at(text.at + char_before(text, begin)))) return false;
    return end == text.len || !unicode_is_word(utf8_at(text.at + end));
}

// Not farther back than `least`.
static size_t spaces_before(Str text, size_t at, size_t least) {
    for (size_t before; at > least; at = before) {
        before = char_before(text, at);
        if (!unicode_is_space(utf8_at(text.at + before))) break;
    }
    return MAX(at, least);
}

// Remembers the run of spaces, which many tokens may ask about.
static size_t spaces_after(AddedScan *scan, size_t at) {
    if (at >= scan->run_begin && at <= scan->run_end) return scan->run_end;
    scan->run_begin = at;
    while (at < scan->text.len && unicode_is_space(utf8_at(scan->text.at + at)))
        at += utf8_length((unsigned char)scan->text.at[at]);
    return scan->run_end = at;
}

static bool find_token(AddedScan *scan, AddedPart *part) {
    Str text = scan->text;
    while (scan->searched < text.len) {
        size_t at = scan->searched, end = at;
        const AddedToken *token = longest_at(scan->set, text, at, &end);
        scan->searched = token ? end : at + 1;
        if (!token || (token->single_word && !stands_alone(text, at, end))) continue;
        size_t begin = token->lstrip ? spaces_before(text, at, scan->done) : at;
        if (token->rstrip) end = spaces_after(scan, end);
        if (begin >= end) continue; // all of it went with the token before
        *part = (AddedPart){token, begin, end};
        return true;
    }
    return false;
}

bool added_next(AddedScan *scan, AddedPart *part) {
    AddedPart token = scan->held;
    scan->held = (AddedPart){0};
    if (!token.token && !find_token(scan, &token)) token = (AddedPart){NULL, scan->text.len, scan->text.len};
    if (scan->done < token.begin) {
        *part = (AddedPart){NULL, scan->done, token.begin};
        scan->done = token.begin;
        scan->held = token;
        return true;
    }
    *part = token;
    scan->done = token.end;
    return token.token != NULL;
}
