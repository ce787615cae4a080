// intervals.c: how intervals are told, and that one that does not hold its own number is flagged everywhere.
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "runtime/results.h"

static double values[] = {0.5, 0.5, NAN, 1};
static bool done[] = {true, true, true, true};
static const Str points[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}};
static ResultInterval found[] = {{0.25, 0.75, 0}, {0.625, 0.75, 3}, {NAN, NAN, 7}, {1, 1 - 1e-16, 0}};

static bool has(Str text, const char *part) {
    if (text.len && strstr(text.at, part)) return true;
    fprintf(stderr, "lacks '%s':\n%s\n", part, text.at);
    return false;
}

static void told(const Results *results, Arena *arena) {
    Text out = text_open(arena);
    results_print(results, &out);
    CHECK(has(text_view(&out), "   a    0.5 [0.25, 0.75]\n"));
    CHECK(has(text_view(&out), "   b  0.5 [0.625, 0.75]!\n"));
    CHECK(has(text_view(&out), "   c           undefined\n"));
    CHECK(has(text_view(&out), "   d            1 [1, 1]\n"));
    CHECK(has(text_view(&out), "m: 1 of 4 intervals, marked !, do not hold the number itself"));
    CHECK(has(text_view(&out), "m: up to 7 draws of a point are undefined"));
}

static void written(const Results *results, Arena *arena) {
    Text json = text_open(arena), csv = text_open(arena);
    results_json(results, &json);
    CHECK(
        has(text_view(&json), "{\"site\": \"a\", \"value\": 0.5, \"lo\": 0.25, \"hi\": 0.75, \"holds_value\": true}"));
    CHECK(has(text_view(&json), "\"lo\": 0.625, \"hi\": 0.75, \"holds_value\": false, \"undefined_draws\": 3}"));
    CHECK(has(text_view(&json), "\"value\": null, \"lo\": null, \"hi\": null"));
    CHECK(has(text_view(&json), "{\"columns\": [\"site\", \"m\", \"m_lo\", \"m_hi\", \"m_holds\"]"));
    CHECK(has(text_view(&json), "[\"b\", 0.5, 0.625, 0.75, false]"));
    results_csv(results, &results->tables[0], &csv);
    CHECK(has(text_view(&csv), "site,m,m_lo,m_hi,m_holds\na,0.5,0.25,0.75,true\nb,0.5,0.625,0.75,false\nc,,,,\n"));
}

int main(void) {
    Arena *arena = arena_open();
    ResultAxis axis = {STR("site"), 4, points, NULL};
    ResultMetric metric = {STR("m"), STR("bootstrap(x)"), 1, 4, values, done, found, NULL};
    ResultColumn columns[] = {{true, 0, RESULT_value}, {false, 0, RESULT_value}};
    ResultTable table = {1, 4, 2, columns};
    Results results = {.experiment = STR("e"),
                       .axes = &axis,
                       .axis_count = 1,
                       .metrics = &metric,
                       .metric_count = 1,
                       .tables = &table,
                       .table_count = 1};
    told(&results, arena);
    written(&results, arena);
    arena_close(arena);
    return check_done();
}
