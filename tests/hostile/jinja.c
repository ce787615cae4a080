// jinja.c: templates that want too much: every one must end soon, with an error that says where and why.
#include <time.h>

#include "check.h"
#include "mdx/json.h"
#include "runtime/jinja/jinja.h"

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// The template must fail with a message that has `expected` in it, within ten seconds even under a sanitizer.
static void check_refused(Str source, const char *expected) {
    Arena *arena = arena_open();
    Error err = {0};
    Str out;
    cJSON *variables = cJSON_CreateObject();
    double start = seconds();
    JinjaTemplate *jinja = jinja_parse(arena, STR("t"), source, &err);
    bool ok = jinja && jinja_render(jinja, arena, variables, &out, &err);
    bool good = !ok && strstr(err.text, expected) && strncmp(err.text, "t:", 2) == 0 && seconds() - start < 10;
    CHECK(good);
    if (!good)
        fprintf(stderr, "  %.1f s for %.*s: '%s', expected '%s'\n", seconds() - start,
                STR_ARG(str_part(source, 0, 120)), ok ? "rendered" : err.text, expected);
    cJSON_Delete(variables);
    arena_close(arena);
}

// before, `count` times middle, after.
static void check_repeated(const char *before, const char *middle, size_t count, const char *after,
                           const char *expected) {
    Arena *arena = arena_open();
    Text text = text_open(arena);
    text_str(&text, str_of(before));
    for (size_t i = 0; i < count; i++) text_str(&text, str_of(middle));
    text_str(&text, str_of(after));
    check_refused(text_view(&text), expected);
    arena_close(arena);
}

static void check_nesting(void) {
    static const struct {
        const char *before, *middle, *after;
    } cases[] = {
        {"{{ ", "(", ""},
        {"{{ ", "[", ""},
        {"{{ ", "{1:", ""},
        {"{{ ", "-", "1 }}"},
        {"{{ ", "not ", "1 }}"},
        {"{{ x", ".a", " }}"},
        {"{{ x", "[0]", " }}"},
        {"{{ x", "()", " }}"},
        {"{{ x", "|upper", " }}"},
        {"{{ 1", " + 1", " }}"},
        {"{{ 1", " ** 1", " }}"},
        {"{{ 1", " and 1", " }}"},
        {"{{ 1", " or 1", " }}"},
        {"{{ 1", " if 1", " }}"},
        {"{{ 1", " if 1 else 1", " }}"},
        {"{{ x", " is true is true", " }}"},
        {"{% for ", "(", ""},
        {"{{ x", "[", ""},
        {"", "{% if 1 %}", ""},
        {"", "{% for x in y %}", ""},
        {"", "{% set x %}", ""},
        {"", "{% macro m() %}", ""},
        {"", "{% filter upper %}", ""},
        {"", "{% with %}", ""},
        {"", "{% generation %}", ""},
        {"", "{% call m() %}", ""},
        {"{{ f(", "a=f(", ""},
        {"{{ x is in ", "(", ""},
        {"{% set ", "(", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check_repeated(cases[i].before, cases[i].middle, 10000, cases[i].after,
                       i == 15 ? "tests cannot be chained" : "nested more than 200 levels deep");
}

static void check_runaway(void) {
    check_refused(STR("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), "nested more than");
    check_refused(STR("{% macro f(n) %}{% call f(n) %}{% endcall %}{{ caller }}{% endmacro %}{{ f(1) }}"),
                  "nested more than");
    check_refused(STR("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"), "nested more than");
    check_refused(STR("{% set r = range(99999) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}"), "steps");
    check_refused(
        STR("{% set ns = namespace(l=[1]) %}{% for a in range(99999) %}{% set ns.l = ns.l + ns.l %}{% endfor %}"),
        "memory");
    check_refused(
        STR("{% set ns = namespace(l=[]) %}{% for a in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}"),
        "nested more than");
    check_refused(STR("{% set ns = namespace(l=[]) %}{% for a in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ "
                      "ns.l|tojson }}"),
                  "nested more than");
    check_refused(STR("{% set ns = namespace(l=[], m=[]) %}{% for a in range(9999) %}{% set ns.l = [ns.l] %}{% set "
                      "ns.m = [ns.m] %}"
                      "{% endfor %}{{ ns.l == ns.m }}"),
                  "nested more than");
    check_refused(STR("{% set ns = namespace(l=[], m=[]) %}{% for a in range(9999) %}{% set ns.l = [ns.l] %}{% set "
                      "ns.m = [ns.m] %}"
                      "{% endfor %}{{ ns.l < ns.m }}"),
                  "nested more than");
    check_refused(STR("{% set ns = namespace(l=[]) %}{% for a in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor "
                      "%}{{ ns.l }}"),
                  "MiB");
    check_refused(
        STR("{% set ns = namespace(l={}) %}{% for a in range(60) %}{% set ns.l = {'a': ns.l, 'b': ns.l} %}{% endfor %}"
            "{{ ns.l|tojson(indent=2) }}"),
        "MiB");
    check_refused(STR("{% set ns = namespace(l=[], m=[]) %}{% for a in range(60) %}{% set ns.l = [ns.l, ns.l] %}"
                      "{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}"),
                  "steps");
}

static void check_sizes(void) {
    check_refused(STR("{{ 'a' * 1000000000 }}"), "a string of more than 16 MiB");
    check_refused(STR("{{ 'a' * 9223372036854775807 }}"), "a string of more than 16 MiB");
    check_refused(STR("{{ 'ab' * 9223372036854775807 }}"), "a string of more than 16 MiB");
    check_refused(STR("{{ [1] * 1000000000000 }}"), "is too long");
    check_refused(STR("{{ [1, 2] * 9223372036854775807 }}"), "is too long");
    check_refused(STR("{{ range(1000000000)|list }}"), "a range of more than 100000 items");
    check_refused(STR("{{ range(0, -9223372036854775807, -1) }}"), "a range of more than 100000 items");
    check_refused(STR("{% set s = 'a' * 9000000 %}{{ s }}{{ s }}"), "MiB");
    check_refused(STR("{% set s = 'a' * 9000000 %}{{ s ~ s }}"), "a string of more than 16 MiB");
    check_refused(STR("{% set s = 'a' * 4000 %}{{ s|replace('a', s * 2) }}"), "a string of more than 16 MiB");
    check_refused(STR("{% set s = 'a' * 4000 %}{{ s.replace('', s * 2) }}"), "a string of more than 16 MiB");
    check_refused(STR("{{ ('x' * 100000)|join('y' * 100000) }}"), "MiB");
    check_refused(STR("{{ 'x'|center(1000000000) }}"), "a string of more than 16 MiB");
    check_refused(STR("{{ 'x'.ljust(1000000000) }}"), "a string of more than 16 MiB");
    check_refused(STR("{{ '%1000000000d' % 1 }}"), "too large");
    check_refused(STR("{{ '%*d' % (1000000000, 1) }}"), "too large");
    check_refused(STR("{{ '%.1000000000f' % 1 }}"), "too large");
    check_refused(STR("{{ 'a\nb'|indent(1000000000) }}"), "a string of more than 16 MiB");
    check_refused(STR("{{ [1]|tojson(indent=1000000000) }}"), "a string of more than 16 MiB");
    check_refused(STR("{{ [1]|batch(1000000000, 'x')|list }}"), "more than");
    check_refused(STR("{{ [1]|slice(1000000000)|list }}"), "must be 1 to");
    check_refused(STR("{{ 9 ** 99 }}"), "64 bits");
    check_refused(STR("{{ 9.0 ** 999 }}"), "too large");
    check_refused(STR("{{ (-9223372036854775807 - 1) // -1 }}"), "64 bits");
    check_refused(STR("{{ -(-9223372036854775807 - 1) }}"), "64 bits");
    check_refused(STR("{{ 99999999999999999999 }}"), "64 bits");
    check_refused(STR("{{ 1e30|int }}"), "64 bits");
}

// Work that does not allocate is counted too.
static void check_slow(void) {
    check_refused(STR("{% set s = 'a' * 4000000 %}{{ s.rfind('a' * 2000000 ~ 'b') }}"), "steps");
    check_refused(STR("{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% if 'b' in s %}{% endif %}{% endfor %}"),
                  "steps");
    check_refused(STR("{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% set n = s|length %}{% endfor %}"),
                  "steps");
    check_refused(STR("{% set l = range(99999)|list %}{% for i in l %}{% if 'b' in l %}{% endif %}{% endfor %}"),
                  "steps");
    check_refused(STR("{{ range(99999)|map('string')|unique|list|length }}"), "steps");
    check_refused(STR("{% set s = 'a' * 1000000 %}{{ s.strip('b' * 1000000 ~ 'a') }}"), "steps");
    check_refused(
        STR("{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% if s == s ~ '' %}{% endif %}{% endfor %}"),
        "memory");
    check_refused(STR("{% set s = 'a ' * 4000000 %}{{ s.rsplit()|length }}"), "steps");
    check_refused(STR("{% set ns = namespace(s='') %}{% for i in range(99999) %}{% set ns.s = ns.s ~ 'aaaaaaaaaa' %}{% "
                      "endfor %}"),
                  "memory");
}

// An error that waits in an iterator costs as much as finding its place in a long source.
static void check_waiting_errors(void) {
    check_repeated("{#", " ", 900000, "#}{% for a in range(99999) %}{% set x = 5|map('upper') %}{% endfor %}", "steps");
}

static void check_sources(void) {
    check_refused(STR("{{ '\xff' }}"), "not valid UTF-8");
    check_refused(STR("{{ \0 }}"), "unexpected character");
    check_refused(STR("{{ 'a"), "a string without its end");
    check_refused(STR("{{ 'a\\"), "a string without its end");
    check_refused(STR("{#"
                      "x"),
                  "a comment without");
    check_refused(STR("{%"), "expected a name, found the end of the template");
    check_refused(STR("{{"), "expected an expression, found the end of the template");
    check_refused(STR("{%- raw -%} {%"), "'raw' without 'endraw'");
    Arena *arena = arena_open();
    Error err = {0};
    Str large = {arena_alloc(arena, 2 << 20), 2 << 20};
    CHECK(!jinja_parse(arena, STR("t"), large, &err) && strstr(err.text, "at most 1048576 are accepted"));
    arena_close(arena);
}

int main(void) {
    check_nesting();
    check_runaway();
    check_sizes();
    check_slow();
    check_waiting_errors();
    check_sources();
    return check_done();
}
