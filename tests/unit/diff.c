// diff.c: lines of two texts, and which differences are which.
#include <math.h>

#include "api/diff.h"
#include "check.h"

// "-2 +3": which lines differ.
static Str lines(Arena *arena, const char *a, const char *b) {
    DiffLines list = {0};
    Text out = text_open(arena);
    CHECK(diff_lines(arena, str_of(a), str_of(b), &list));
    for (size_t i = 0; i < list.len; i++) text_add(&out, "%s%c%zu", i ? " " : "", list.at[i].added ? '+' : '-', list.at[i].number);
    return text_view(&out);
}

static void test_lines(Arena *arena) {
    CHECK(str_is(lines(arena, "", ""), ""));
    CHECK(str_is(lines(arena, "a\nb\n", "a\nb"), ""));
    CHECK(str_is(lines(arena, "", "a\nb\n"), "+1 +2"));
    CHECK(str_is(lines(arena, "a\nb\n", ""), "-1 -2"));
    CHECK(str_is(lines(arena, "a\nb\nc\n", "a\nx\nc\n"), "-2 +2"));
    CHECK(str_is(lines(arena, "a\nb\nc\nd\n", "b\nc\nx\nd\n"), "-1 +3"));
    CHECK(str_is(lines(arena, "a\na\na\n", "a\na\n"), "-3"));
    CHECK(str_is(lines(arena, "a\nb\na\nb\n", "b\na\nb\na\n"), "-1 +4"));
}

// Texts that have nothing in common, too long to be matched.
static void test_long(Arena *arena) {
    Text a = text_open(arena), b = text_open(arena);
    for (int i = 0; i < 5000; i++) text_add(&a, "a%d\n", i), text_add(&b, "b%d\n", i);
    DiffLines list = {0};
    CHECK(!diff_lines(arena, text_view(&a), text_view(&b), &list));
    CHECK(list.len == 10000 && !list.at[0].added && list.at[9999].added);
}

static RunFolder folder(Arena *arena, double floor, const double *values, size_t count) {
    RunFolder run = {.folder = STR("f"), .by_metric = strmap_open(arena, 16), .by_value = strmap_open(arena, 16)};
    RunMetric metric = {.name = STR("m"), .formula = STR("f"), .floor_known = floor >= 0, .floor = floor, .by_point = strmap_open(arena, 16)};
    for (size_t i = 0; i < count; i++) {
        Str point = str_format(arena, "a=%zu", i);
        strmap_put(&metric.by_point, point, (uint32_t)i);
        list_push(arena, &metric.points, ((RunPoint){point, values[i]}));
    }
    strmap_put(&run.by_metric, metric.name, 0);
    list_push(arena, &run.metrics, metric);
    return run;
}

static void test_points(Arena *arena) {
    const double a[] = {1, 2, NAN, 4, NAN}, b[] = {1, 2.25, NAN, 5, 6, 7};
    RunFolder one = folder(arena, 0.5, a, COUNT(a)), two = folder(arena, 0.125, b, COUNT(b));
    Diff diff = diff_folders(arena, &one, &two);
    CHECK(diff.differ && diff.same_points == 2 && diff.differ_points == 4 && diff.noise_points == 1);
    const DiffMetric *metric = &diff.metrics.at[0];
    CHECK(metric->floor == 0.5 && metric->points.len == 4);
    CHECK(metric->points.at[0].noise && metric->points.at[0].difference == 0.25);
    CHECK(!metric->points.at[1].noise && metric->points.at[1].difference == 1);
    CHECK(metric->points.at[2].has[0] && isnan(metric->points.at[2].difference) && !metric->points.at[2].noise);
    CHECK(!metric->points.at[3].has[0] && metric->points.at[3].value[1] == 7);
    CHECK(!diff_folders(arena, &one, &one).differ);
    RunFolder none = folder(arena, -1, a, COUNT(a));
    CHECK(diff_folders(arena, &none, &none).noise_points == 0);
}

// A file under another name is the same; another file under the same name is not.
static void test_inputs(Arena *arena) {
    static const RunInput first[] = {{STR("weights"), STR("a"), STR("11")}, {STR("weights"), STR("b"), STR("22")}, {STR("spec"), STR("s"), STR("33")}};
    static const RunInput second[] = {{STR("weights"), STR("moved"), STR("11")}, {STR("weights"), STR("b"), STR("99")}, {STR("spec"), STR("t"), STR("44")}, {STR("map"), STR("m"), STR("55")}};
    RunFolder a = folder(arena, 0, NULL, 0), b = folder(arena, 0, NULL, 0);
    for (size_t i = 0; i < COUNT(first); i++) list_push(arena, &a.inputs, first[i]);
    for (size_t i = 0; i < COUNT(second); i++) list_push(arena, &b.inputs, second[i]);
    Diff diff = diff_folders(arena, &a, &b);
    CHECK(diff.same_inputs == 1 && diff.inputs.len == 3);
    CHECK(str_is(diff.inputs.at[0].name[0], "b") && str_is(diff.inputs.at[0].hash[1], "99"));
    CHECK(str_is(diff.inputs.at[1].name[0], "s") && str_is(diff.inputs.at[1].name[1], "t"));
    CHECK(!diff.inputs.at[2].hash[0].len && str_is(diff.inputs.at[2].role, "map"));
}

int main(void) {
    Arena *arena = arena_open();
    test_lines(arena);
    test_long(arena);
    test_points(arena);
    test_inputs(arena);
    arena_close(arena);
    return check_done();
}
