// jinja.c: the template engine against jinja2: snippets, and whole chat templates on many conversations.
//
// The expected texts are those of transformers (tests/data/jinja/make.py wrote them). With a file as its argument
// the program is make.py's driver instead: the file is a list of {"template", "variables"}; for each a line
// {"output"} or {"error"} is printed.
#include <stdlib.h>

#include "check.h"
#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/jinja/jinja.h"

#define DATA TESTS "/data/jinja/"

static cJSON *read_json(const char *path) {
    Error err;
    cJSON *json = json_read(path, 64 << 20, &err);
    if (json) return json;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

static Str member(const cJSON *object, const char *key) {
    return str_of(cJSON_GetStringValue(json_member(object, key)));
}

static bool render(Arena *arena, Str name, Str source, const cJSON *variables, Str *out, Error *err) {
    JinjaTemplate *jinja = jinja_parse(arena, name, source, err);
    return jinja && jinja_render(jinja, arena, variables, out, err);
}

// Does a message begin with name:line:column?
static bool has_place(const char *text, const char *name) {
    size_t line, column, length = strlen(name);
    return strncmp(text, name, length) == 0 && sscanf(text + length, ":%zu:%zu: ", &line, &column) == 2 && line &&
           column;
}

// One case: {"output": …} must come out, or, where it has "error", Jinja fails and so must we.
static void check_case(Arena *arena, Str name, Str source, const cJSON *variables, const cJSON *test) {
    Error err;
    Str got;
    bool ok = render(arena, name, source, variables, &got, &err);
    const cJSON *output = json_member(test, "output");
    int failures = check_failures;
    if (output && ok) CHECK_STR(got, str_of(output->valuestring));
    if (output && !ok) fprintf(stderr, "%s\n", err.text);
    CHECK(ok == (output != NULL));
    CHECK(ok || has_place(err.text, str_c(arena, name)));
    if (failures != check_failures)
        fprintf(stderr, "  in %.*s: %.*s\n", STR_ARG(name), STR_ARG(str_part(source, 0, 300)));
}

static void check_snippets(void) {
    cJSON *all = read_json(DATA "snippets.json");
    const cJSON *test;
    CHECK(cJSON_GetArraySize(json_member(all, "cases")) > 300);
    cJSON_ArrayForEach(test, json_member(all, "cases")) {
        Arena *arena = arena_open();
        check_case(arena, STR("snippet"), member(test, "template"), json_member(all, "variables"), test);
        arena_close(arena);
    }
    cJSON_Delete(all);
}

// One chat template on the conversations of conversations.json.
static void check_template(const cJSON *conversations, const cJSON *expected) {
    Arena *arena = arena_open();
    Error err;
    Str source, name = member(expected, "template");
    CHECK(file_read(arena, str_format(arena, DATA "templates/%.*s", STR_ARG(name)).at, 1 << 20, &source, &err));
    const cJSON *test;
    cJSON_ArrayForEach(test, json_member(expected, "cases")) {
        cJSON *variables = cJSON_Duplicate(json_member(expected, "variables"), true);
        const cJSON *messages = json_member(conversations, json_member(test, "conversation")->valuestring);
        cJSON_AddItemToObject(variables, "messages", cJSON_Duplicate(messages, true));
        cJSON_AddBoolToObject(variables, "add_generation_prompt", cJSON_IsTrue(json_member(test, "generation")));
        check_case(arena, name, source, variables, test);
        cJSON_Delete(variables);
    }
    arena_close(arena);
}

static void check_templates(void) {
    cJSON *conversations = read_json(DATA "conversations.json"), *all = read_json(DATA "expected.json");
    const cJSON *expected;
    CHECK(cJSON_GetArraySize(all) == 20);
    cJSON_ArrayForEach(expected, all) check_template(conversations, expected);
    cJSON_Delete(conversations);
    cJSON_Delete(all);
}

// ---- Messages, and what Jinja does not have

static void check_error(const char *source, const char *expected) {
    Arena *arena = arena_open();
    cJSON *variables = cJSON_CreateObject();
    Error err = {0};
    Str got = {0};
    CHECK(!render(arena, STR("t"), str_of(source), variables, &got, &err));
    CHECK_STR(str_of(err.text), str_of(expected));
    cJSON_Delete(variables);
    arena_close(arena);
}

static void check_output(const char *source, const char *json, const char *expected) {
    Arena *arena = arena_open();
    Error err = {0};
    cJSON *variables = json_parse("variables", str_of(json), &err);
    Str got = {0};
    if (!render(arena, STR("t"), str_of(source), variables, &got, &err)) got = str_of(err.text);
    CHECK_STR(got, str_of(expected));
    cJSON_Delete(variables);
    arena_close(arena);
}

static void check_messages(void) {
    check_error("a\nb {{ x.y }}", "t:2:7: 'x' is undefined");
    check_error("{{ {'a': 1}.b.c }}", "t:1:14: a mapping has no member 'b'");
    check_error("{% for x in 5 %}{% endfor %}", "t:1:13: an integer cannot be iterated over");
    check_error("{{ 'a' + 1 }}", "t:1:8: '+' does not take a string and an integer");
    check_error("{{ raise_exception('no\nsystem role') }}", "t:1:19: the template refuses: no system role");
    check_error("{% include 'x' %}", "t:1:4: unsupported tag 'include'");
    check_error("{% block b %}{% endblock %}", "t:1:4: unsupported tag 'block'");
    check_error("{% foo %}", "t:1:4: unknown tag 'foo'");
    check_error("{{ x | wordwrap }}", "t:1:8: unsupported filter 'wordwrap'");
    check_error("{{ x | from_json }}", "t:1:8: unknown filter 'from_json'");
    check_error("{% if true %}{{ x | from_json }}{% endif %}", "t:1:21: unknown filter 'from_json'");
    check_error("{{ x is grand }}", "t:1:9: unknown test 'grand'");
    check_error("{{ cycler(1) }}", "t:1:10: unsupported function 'cycler'");
    check_error("{{ 'x'.encode() }}", "t:1:14: unsupported function 'encode'");
    check_error("{{ [].append(1) }}", "t:1:13: 'append' of a list may not be used by a template");
    check_error("{% if x %}", "t:1:11: the template ends, expected 'elif' or 'else' or 'endif'");
    check_error("{{ (1, }}", "t:1:8: unexpected '}', expected ')'");
    check_error("{{ 9223372036854775807 + 1 }}", "t:1:24: an integer of more than 64 bits");
    check_error("{% break %}", "t:1:4: 'break' outside a loop");
    check_error("{% set x = 1 %}{% set x.y = 2 %}",
                "t:1:23: 'x' is an integer: only a namespace has attributes that can be set");
}

// The clock is an error unless the caller says what time it is.
static void check_clock(void) {
    check_error("{{ strftime_now('%Y') }}",
                "t:1:16: strftime_now: a template that reads the clock cannot be reproduced");
    check_output("{{ strftime_now('%A %d %b %Y %H:%M') }}", "{\"strftime_now_value\": \"2024-07-26T12:30:05\"}",
                 "Friday 26 Jul 2024 12:30");
    check_output("{{ strftime_now('%d %B') }}", "{\"strftime_now_value\": \"2025-02-01\"}", "01 February");
    check_output("{{ strftime_now('%d') }}", "{\"strftime_now_value\": \"tomorrow\"}",
                 "t:1:16: strftime_now_value is 'tomorrow', expected 2024-07-26T12:30:00");
}

// ---- make.py's driver

static void drive_case(const cJSON *test, Text *out) {
    Arena *arena = arena_open();
    Error err;
    Str got;
    bool ok = render(arena, STR("template"), member(test, "template"), json_member(test, "variables"), &got, &err);
    text_str(out, ok ? STR("{\"output\": ") : STR("{\"error\": "));
    text_json(out, ok ? got : str_of(err.text));
    text_str(out, STR("}\n"));
    arena_close(arena);
}

static int drive(const char *path) {
    cJSON *cases = read_json(path);
    const cJSON *test;
    cJSON_ArrayForEach(test, cases) {
        Arena *arena = arena_open();
        Text out = text_open(arena);
        drive_case(test, &out);
        fwrite(out.at, 1, out.len, stdout);
        arena_close(arena);
    }
    cJSON_Delete(cases);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2) return drive(argv[1]);
    check_snippets();
    check_templates();
    check_messages();
    check_clock();
    return check_done();
}
