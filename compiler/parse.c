// parse.c: runs the scanner and the parser over texts; follows includes.
#include <math.h>
#include <stdlib.h>

#include "compiler/parse.h"
#include "mdx.tab.h"
#include "mdx/file.h"
#include "mdx/json.h"

enum { LARGEST_SPEC = 16 << 20, DEEPEST_INCLUDE = 32 };

// ---- What the grammar's actions call

Span parse_span(const Parse *parse, uint32_t begin, uint32_t end) {
    return (Span){parse->source, begin, end};
}

Span parse_join(Span a, Span b) {
    return (Span){a.source, a.begin, b.end};
}

Str parse_text(const Parse *parse, Span span) {
    return str_part(parse->diags->sources->at[parse->source].text, span.begin, span.end);
}

Ast *parse_name(Parse *parse, Span span) {
    return ast_leaf(parse->arena, AST_name, span, parse_text(parse, span));
}

Ast *parse_number(Parse *parse, Span span) {
    Ast *ast = ast_leaf(parse->arena, AST_number, span, parse_text(parse, span));
    ast->number = strtod(str_c(parse->arena, ast->text), NULL);
    if (!isfinite(ast->number)) diag_error(parse->diags, span, "this number is too large");
    return ast;
}

static const char *unescaped(char c) {
    switch (c) {
    case 'n': return "\n";
    case 't': return "\t";
    case '"': return "\"";
    case '\\': return "\\";
    }
    return NULL;
}

Ast *parse_string(Parse *parse, Span span) {
    Str raw = parse_text(parse, parse_span(parse, span.begin + 1, span.end - 1));
    Text text = text_open(parse->arena);
    for (size_t i = 0; i < raw.len; i++) {
        const char *plain = raw.at[i] == '\\' ? unescaped(raw.at[i + 1]) : NULL;
        if (plain) {
            text_char(&text, *plain);
            i++;
        } else if (raw.at[i] == '\\') {
            uint32_t at = span.begin + 1 + (uint32_t)i;
            Diag *diag = diag_error(parse->diags, parse_span(parse, at, at + 2), "unknown escape in a text");
            diag_help(parse->diags, diag, "the escapes are \\n, \\t, \\\" and \\\\");
            i++;
        } else {
            text_char(&text, raw.at[i]);
        }
    }
    if (memchr(text.at, '\0', text.len)) diag_error(parse->diags, span, "a NUL byte in the text");
    return ast_leaf(parse->arena, AST_string, span, text_view(&text));
}

// A tree that is too deep is cut here, so that no later stage has to count.
Ast *parse_node(Parse *parse, AstKind kind, Span span, Str text, AstList kids) {
    Ast *ast = ast_node(parse->arena, kind, span, text, kids);
    if (ast->depth <= AST_MAX_DEPTH) return ast;
    if (!parse->cut) diag_error(parse->diags, kids.at[0]->span, "nested too deeply");
    parse->cut = parse->broken = true;
    return ast_leaf(parse->arena, AST_name, span, STR("it"));
}

Ast *parse_pair(Parse *parse, AstKind kind, Ast *left, Ast *right) {
    AstList kids = {0};
    list_push(parse->arena, &kids, left);
    list_push(parse->arena, &kids, right);
    return parse_node(parse, kind, parse_join(left->span, right->span), STR(""), kids);
}

void parse_statement(Parse *parse, Stmt stmt) {
    parse->cut = false;
    list_push(parse->arena, parse->out, stmt);
}

// ---- One text

static bool text_is_clean(Diags *diags, uint32_t source) {
    Str text = diags->sources->at[source].text;
    size_t valid = utf8_valid_prefix(text);
    const char *nul = text.len ? memchr(text.at, '\0', text.len) : NULL;
    uint32_t at = (uint32_t)(nul ? MIN(valid, (size_t)(nul - text.at)) : valid);
    if (at == text.len) return true;
    diag_error(diags, (Span){source, at, at + 1}, at == valid ? "not valid UTF-8" : "a NUL byte in the text");
    return false;
}

static void parse_run(Parse *parse, int first_token) {
    parse->broken = !text_is_clean(parse->diags, parse->source);
    if (parse->broken) return;
    parse->first_token = first_token;
    grammar_read(parse, parse->diags->sources->at[parse->source].text);
}

// ---- A file and what it includes

typedef struct {
    Arena *arena;
    Spec *spec;
    Diags *diags;
    StrList open; // real paths of the files that are being read, outermost first
    StrList done; // and of those that were
} Reader;

static bool list_has(const StrList *list, Str s) {
    for (size_t i = 0; i < list->len; i++)
        if (str_eq(list->at[i], s)) return true;
    return false;
}

static Str real_path(Arena *arena, Str path) {
    char *real = realpath(str_c(arena, path), NULL);
    Str out = real ? str_copy(arena, str_of(real)) : path;
    free(real);
    return out;
}

static void read_source(Reader *reader, Str name, Str text);

static void read_include(Reader *reader, const Stmt *stmt) {
    Str from = reader->spec->sources.at[stmt->span.source].name;
    Str path = path_beside(reader->arena, from, stmt->value->text);
    Str real = real_path(reader->arena, path);
    if (list_has(&reader->open, real)) {
        diag_error(reader->diags, stmt->value->span, "'%.*s' includes itself", STR_ARG(path));
        return;
    }
    if (reader->open.len == DEEPEST_INCLUDE) {
        diag_error(reader->diags, stmt->value->span, "files are included more than %d deep", DEEPEST_INCLUDE);
        return;
    }
    if (list_has(&reader->done, real)) return;
    Str text;
    Error err;
    if (!file_read(reader->arena, str_c(reader->arena, path), LARGEST_SPEC, &text, &err)) {
        reader->spec->broken = true;
        diag_error(reader->diags, stmt->value->span, "cannot include: %s", err.text);
        return;
    }
    list_push(reader->arena, &reader->open, real);
    read_source(reader, path, text);
    reader->open.len--;
}

// Statements of an included file take the place of the include, so that everything stays in the order of reading.
static void read_source(Reader *reader, Str name, Str text) {
    Spec *spec = reader->spec;
    list_push(reader->arena, &reader->done, real_path(reader->arena, name));
    list_push(reader->arena, &spec->sources, ((Source){.name = name, .text = text}));
    StmtList own = {0};
    Parse parse = {.arena = reader->arena, .diags = reader->diags, .source = (uint32_t)spec->sources.len - 1, .out = &own};
    parse_run(&parse, T_FILE);
    spec->broken |= parse.broken;
    for (size_t i = 0; i < own.len; i++) {
        if (own.at[i].kind == STMT_include)
            read_include(reader, &own.at[i]);
        else
            list_push(reader->arena, &spec->statements, own.at[i]);
    }
}

bool spec_parse(Arena *arena, Str name, Str text, Spec *spec, Diags *diags, Error *err) {
    if (text.len > LARGEST_SPEC)
        FAIL(err, ERR_INPUT, "%.*s: has %zu bytes, a spec has at most %d", STR_ARG(name), text.len, LARGEST_SPEC);
    Reader reader = {.arena = arena, .spec = spec, .diags = diags};
    list_push(arena, &reader.open, real_path(arena, name));
    read_source(&reader, name, text);
    return true;
}

bool spec_read(Arena *arena, const char *path, Spec *spec, Diags *diags, Error *err) {
    Str text;
    TRY(file_read(arena, path, LARGEST_SPEC, &text, err));
    return spec_parse(arena, str_copy(arena, str_of(path)), text, spec, diags, err);
}

void spec_add(Arena *arena, Spec *spec, Str name, Str text, Diags *diags) {
    list_push(arena, &spec->sources, ((Source){.name = name, .text = text, .made = true}));
    Parse parse = {.arena = arena, .diags = diags, .source = (uint32_t)spec->sources.len - 1, .out = &spec->statements};
    parse_run(&parse, T_FILE);
    spec->broken |= parse.broken;
}

// ---- --set name=value, --set name.argument=value

static Stmt *find_statement(Spec *spec, Str name) {
    for (size_t i = 0; i < spec->statements.len; i++) {
        Stmt *stmt = &spec->statements.at[i];
        if (stmt_info[stmt->kind].defines && str_eq(stmt->name, name)) return stmt;
    }
    return NULL;
}

static void set_argument(Arena *arena, Stmt *stmt, Str argument, Ast *value, Diags *diags) {
    if (stmt->value->kind != AST_call) {
        diag_error(diags, value->span, "%s '%.*s' is no call, so it has no argument '%.*s'", stmt_info[stmt->kind].name,
                   STR_ARG(stmt->name), STR_ARG(argument));
        return;
    }
    value->label = argument;
    value->label_span = value->span;
    AstList *kids = &stmt->value->kids;
    for (size_t i = 0; i < kids->len; i++) {
        if (!str_eq(kids->at[i]->label, argument)) continue;
        kids->at[i] = value;
        return;
    }
    list_push(arena, kids, value);
}

void spec_set(Arena *arena, Spec *spec, Str option, Diags *diags) {
    list_push(arena, &spec->sources, ((Source){.name = STR("--set"), .text = option}));
    uint32_t source = (uint32_t)spec->sources.len - 1;
    const char *equals = option.len ? memchr(option.at, '=', option.len) : NULL;
    Span whole = {source, 0, (uint32_t)option.len};
    if (!equals) {
        Diag *diag = diag_error(diags, whole, "this sets nothing");
        diag_help(diags, diag, "write --set name=value or --set name.argument=value");
        return;
    }
    // The parser sees the option with blanks up to the '=', so that its offsets stay right.
    size_t at = (size_t)(equals - option.at);
    char *blanked = str_c(arena, option);
    memset(blanked, ' ', at + 1);
    Parse parse = {.arena = arena, .diags = diags, .source = source, .out = &(StmtList){0}};
    size_t before = diags->errors;
    spec->sources.at[source].text = (Str){blanked, option.len};
    parse_run(&parse, T_SET);
    spec->sources.at[source].text = option;
    if (diags->errors > before || !parse.set_value) return;

    Str left = str_part(option, 0, at), argument = {0};
    const char *dot = left.len ? memchr(left.at, '.', left.len) : NULL;
    if (dot) {
        argument = str_part(left, (size_t)(dot - left.at) + 1, left.len);
        left = str_part(left, 0, (size_t)(dot - left.at));
    }
    Stmt *stmt = find_statement(spec, left);
    if (!stmt) {
        StrList names = {0};
        for (size_t i = 0; i < spec->statements.len; i++)
            if (spec->statements.at[i].name.len) list_push(arena, &names, spec->statements.at[i].name);
        Diag *diag = diag_error(diags, (Span){source, 0, (uint32_t)left.len}, "the spec defines no '%.*s'", STR_ARG(left));
        diag_suggest(diags, diag, left, &names, 8);
    } else if (dot) {
        set_argument(arena, stmt, argument, parse.set_value, diags);
    } else {
        stmt->value = parse.set_value;
    }
}
