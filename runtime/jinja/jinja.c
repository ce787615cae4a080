// jinja.c: the two doors of the template engine: parse and render.
//
//   source ─▶ lex.c ─▶ tokens ─▶ parse*.c ─▶ tree ─▶ scope.c (names) ─▶ JinjaTemplate
//   variables, tree ─▶ exec.c, loop.c (statements), eval.c, ops.c, access.c,
//   call.c (expressions) ─▶ text
//
// What a template can call stands in tables: filter_*.c, test.c, method*.c, global.c. Values
// are in value.c and print.c, strings in text.c. Functions shared between these files begin with
// jp_ (parsing), je_ (evaluating), jb_ (built-in things), jv_ (values), jt_ (text).
//
// The meaning is that of Jinja 3.1 as transformers 5 uses it; where a construct is not supported, or Python's
// integers would outgrow 64 bits, parsing or rendering fails rather than give another text.
#include "runtime/jinja/jinja.h"
#include "mdx/json.h"
#include "runtime/jinja/builtin.h"

// Line ends become "\n", and the last one goes, as in Jinja.
static Str normalize(Arena *arena, Str source) {
    Text text = text_open(arena);
    for (size_t i = 0; i < source.len; i++) {
        if (source.at[i] != '\r')
            text_char(&text, source.at[i]);
        else if (i + 1 == source.len || source.at[i + 1] != '\n')
            text_char(&text, '\n');
    }
    Str normal = text_view(&text);
    if (str_ends(normal, STR("\n"))) normal.len--;
    return normal;
}

JinjaTemplate *jinja_parse(Arena *arena, Str name, Str source, Error *err) {
    JinjaTemplate *jinja = arena_new(arena, JinjaTemplate);
    jinja->source = (Source){str_copy(arena, name), source};
    if (source.len > MAX_SOURCE) {
        error_set(err, ERR_INPUT, "%.*s: has %zu bytes, at most %d are accepted here", STR_ARG(name), source.len,
                  MAX_SOURCE);
        return NULL;
    }
    size_t valid = utf8_valid_prefix(source);
    if (valid < source.len) {
        jp_refuse_at(&jinja->source, (uint32_t)valid, err, "not valid UTF-8");
        return NULL;
    }
    jinja->source.text = normalize(arena, source);
    TokenList tokens = {0};
    if (!jp_lex(arena, &jinja->source, &tokens, err)) return NULL;
    Parser parser = {.arena = arena, .source = &jinja->source, .token = tokens.at, .err = err};
    jinja->root = jp_template(&parser);
    return jinja->root && jp_resolve(arena, &jinja->source, jinja->root, err) ? jinja : NULL;
}

// The variables make the outermost scope; functions that every template has stand behind it.
static bool bind_variables(Eval *e, const cJSON *variables) {
    Value all;
    if (!cJSON_IsObject(variables)) return je_fail(e, "the variables are no object");
    TRY(jv_of_json(e, variables, &all));
    for (size_t i = 0; i < all.dict->pairs.len; i++) {
        Pair pair = all.dict->pairs.at[i];
        list_push(e->arena, &e->scope->variables, ((Variable){pair.key.text, pair.value}));
    }
    return true;
}

static bool render(Eval *e, const cJSON *variables) {
    const Node *root = e->jinja->root;
    Scope *given = e->scope = arena_new(e->arena, Scope);
    TRY(bind_variables(e, variables));
    return je_open_scope(e, root, given) && je_run(e, &root->body);
}

bool jinja_render(const JinjaTemplate *jinja, Arena *arena, const cJSON *variables, Str *out, Error *err) {
    Arena *working = arena_open();
    Text text = text_open(working);
    Eval e = {.jinja = jinja, .arena = working, .err = err, .out = &text};
    err->kind = ERR_NONE;
    bool ok = render(&e, variables);
    if (ok) *out = str_copy(arena, text_view(&text));
    arena_close(working);
    return ok;
}
