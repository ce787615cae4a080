// pattern.c: patterns compiled and searched with PCRE2, within a budget of steps.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "runtime/tokenizer/pattern.h"
#include "runtime/tokenizer/unicode.h"

enum {
    FIRST_LIMIT = 256,              // steps from one place of the text that nobody counts
    JIT_STACK_LEAST = 32 << 10,     // bytes
    JIT_STACK_MOST = 64 << 20,      // bytes
    HEAP_KIB = 256 << 10,           // for the interpreter
    BUDGET_BASE = 30 * 1000 * 1000, // steps: well under a second
    BUDGET_PER_BYTE = 256,
};

struct Pattern {
    Str source;
    pcre2_code *code;
};

struct Matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack; // only after a pattern needed more than PCRE2 has by itself
    uint64_t budget;        // steps left
};

static pcre2_code *compile(Str expression, uint32_t options, Str source, Error *err) {
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) BUG("no memory for PCRE2");
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int code;
    PCRE2_SIZE offset;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)expression.at, expression.len, options, &code, &offset, context);
    pcre2_compile_context_free(context);
    if (compiled) {
        pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); // without it the interpreter does the same
        return compiled;
    }
    PCRE2_UCHAR message[160];
    pcre2_get_error_message(code, message, sizeof message);
    error_set(err, ERR_INPUT, "pattern '%s': %s", quote(source).text, (char *)message);
    return NULL;
}

Pattern *pattern_open(Arena *arena, Str source, bool literal, Error *err) {
    Str expression = source;
    // The JIT of PCRE2 10.42 misses matches of (?>[^x]+?\n[^a-f]) when it looks for a start by itself.
    uint32_t options = PCRE2_UTF | PCRE2_NO_START_OPTIMIZE;
    options |= literal && source.len ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE;
    if (!literal && !pattern_translate(arena, source, &expression, err)) {
        error_prefix(err, "pattern '%s'", quote(source).text);
        return NULL;
    }
    pcre2_code *code = compile(expression, options, source, err);
    if (!code) return NULL;
    Pattern *pattern = arena_new(arena, Pattern);
    *pattern = (Pattern){str_copy(arena, source), code};
    return pattern;
}

void pattern_close(Pattern *pattern) {
    if (pattern) pcre2_code_free(pattern->code);
}

Matcher *matcher_open(Arena *arena, size_t text_bytes) {
    Matcher *matcher = arena_new(arena, Matcher);
    matcher->data = pcre2_match_data_create(1, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    if (!matcher->data || !matcher->context) BUG("no memory for PCRE2");
    pcre2_set_heap_limit(matcher->context, HEAP_KIB);
    matcher->budget = BUDGET_BASE + (uint64_t)BUDGET_PER_BYTE * text_bytes;
    return matcher;
}

void matcher_close(Matcher *matcher) {
    if (!matcher) return;
    pcre2_match_data_free(matcher->data);
    pcre2_match_context_free(matcher->context);
    if (matcher->stack) pcre2_jit_stack_free(matcher->stack);
}

// One call of PCRE2 in which no place of the text may take more than `limit` steps.
static int search(const Pattern *pattern, Matcher *matcher, Str text, size_t from, uint32_t options, uint32_t limit) {
    pcre2_set_match_limit(matcher->context, limit);
    PCRE2_SPTR at = (PCRE2_SPTR)(text.len ? text.at : "");
    options |= PCRE2_NO_UTF_CHECK;
    int rc = pcre2_match(pattern->code, at, text.len, from, options, matcher->data, matcher->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT && !matcher->stack) {
        matcher->stack = pcre2_jit_stack_create(JIT_STACK_LEAST, JIT_STACK_MOST, NULL);
        if (matcher->stack) pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
        rc = pcre2_match(pattern->code, at, text.len, from, options, matcher->data, matcher->context);
    }
    return rc;
}

// Tries one place with more and more steps, which are taken from the budget.
static int search_here(const Pattern *pattern, Matcher *matcher, Str text, size_t at) {
    for (uint32_t limit = FIRST_LIMIT;; limit = limit > UINT32_MAX / 8 ? UINT32_MAX : limit * 8) {
        limit = (uint32_t)MIN((uint64_t)limit, matcher->budget);
        matcher->budget -= limit;
        int rc = search(pattern, matcher, text, at, PCRE2_ANCHORED, limit);
        if (rc != PCRE2_ERROR_MATCHLIMIT || matcher->budget == 0) return rc;
    }
}

// The first call is cheap and nearly always enough. Where it gives up, the rest is searched place by place.
bool pattern_find(const Pattern *pattern, Matcher *matcher, Str text, size_t from, Match *out, Error *err) {
    int rc = search(pattern, matcher, text, from, 0, FIRST_LIMIT);
    if (rc == PCRE2_ERROR_MATCHLIMIT) {
        rc = PCRE2_ERROR_NOMATCH;
        for (size_t at = from; rc == PCRE2_ERROR_NOMATCH && at <= text.len;
             at += at < text.len ? utf8_length((unsigned char)text.at[at]) : 1)
            rc = search_here(pattern, matcher, text, at);
    }
    *out = (Match){.found = rc >= 0};
    if (rc >= 0) {
        const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(matcher->data);
        out->begin = bounds[0];
        out->end = bounds[1];
    }
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH) return true;
    FAIL(err, ERR_INPUT, "the pattern '%s' takes too many steps on this text", quote(pattern->source).text);
}
