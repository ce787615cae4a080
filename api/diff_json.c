// diff_json.c: what differs, for programs. "a" and "b" are the two folders; null: that one has none.
#include "api/diff.h"

static void key(const char *name, Text *out) {
    text_add(out, "\"%s\": ", name);
}

static void text_pair(const char *name, Str text, Text *out) {
    key(name, out);
    text_json(out, text);
    text_str(out, STR(", "));
}

// "a": …, "b": …, null for an empty one.
static void both_texts(const Str text[2], Text *out) {
    for (size_t k = 0; k < 2; k++) {
        text_str(out, str_of(k ? ", \"b\": " : "\"a\": "));
        if (text[k].len)
            text_json(out, text[k]);
        else
            text_str(out, STR("null"));
    }
}

static void both_numbers(const double x[2], Text *out) {
    for (size_t k = 0; k < 2; k++) {
        text_str(out, str_of(k ? ", \"b\": " : "\"a\": "));
        text_number(out, x[k]);
    }
}

// A list of objects, one a line.
#define LIST_OF(name, list, write)                                                                           \
    do {                                                                                                     \
        text_str(out, STR("  \"" name "\": ["));                                                             \
        for (size_t i = 0; i < (list).len; i++) {                                                            \
            text_str(out, str_of(i ? ",\n    {" : "\n    {"));                                               \
            write(&(list).at[i], out);                                                                       \
            text_char(out, '}');                                                                             \
        }                                                                                                    \
        text_str(out, STR("],\n"));                                                                          \
    } while (0)

static void fact_json(const DiffFact *fact, Text *out) {
    text_pair("what", fact->what, out);
    both_texts(fact->text, out);
}

static void input_json(const DiffInput *input, Text *out) {
    text_pair("role", input->role, out);
    key("name", out);
    text_char(out, '{');
    both_texts(input->name, out);
    text_str(out, STR("}, \"sha256\": {"));
    both_texts(input->hash, out);
    text_char(out, '}');
}

static void line_json(const DiffLine *line, Text *out) {
    text_add(out, "\"in\": \"%s\", \"line\": %zu, \"text\": ", line->added ? "b" : "a", line->number);
    text_json(out, line->text);
}

static void point_json(const DiffPoint *point, Text *out) {
    text_pair("point", point->point, out);
    text_add(out, "\"in\": \"%s\", ", point->has[0] ? point->has[1] ? "both" : "a" : "b");
    both_numbers(point->value, out);
    text_str(out, STR(", \"difference\": "));
    text_number(out, point->difference);
    text_add(out, ", \"within_noise\": %s", point->noise ? "true" : "false");
}

static void metric_json(const DiffMetric *metric, Text *out) {
    text_pair("name", metric->name, out);
    text_str(out, STR("\"formula\": {"));
    both_texts(metric->formula, out);
    text_str(out, STR("}, \"noise_floor\": "));
    if (metric->floor_known)
        text_number(out, metric->floor);
    else
        text_str(out, STR("null"));
    text_add(out, ", \"same\": %zu, \"differ\": %zu, \"within_noise\": %zu, \"points\": [", metric->same, metric->points.len, metric->noise);
    for (size_t i = 0; i < metric->points.len; i++) {
        text_str(out, str_of(i ? ",\n      {" : "\n      {"));
        point_json(&metric->points.at[i], out);
        text_char(out, '}');
    }
    text_char(out, ']');
}

static void values_json(const DiffValues *values, Text *out) {
    text_pair("metric", values->metric, out);
    text_pair("expression", values->expression, out);
    text_add(out, "\"same\": %zu, \"differ\": %zu, \"only_a\": %zu, \"only_b\": %zu, \"largest\": ", values->same, values->differ,
             values->only[0], values->only[1]);
    if (!values->differ) {
        text_str(out, STR("null"));
        return;
    }
    text_char(out, '{');
    text_pair("point", values->point, out);
    text_pair("prompt", values->prompt, out);
    both_numbers(values->value, out);
    text_str(out, STR(", \"difference\": "));
    text_number(out, values->value[1] - values->value[0]);
    text_char(out, '}');
}

void diff_json(const Diff *diff, Text *out) {
    text_str(out, STR("{\n  "));
    both_texts(diff->folder, out);
    text_add(out, ",\n  \"differ\": %s,\n", diff->differ ? "true" : "false");
    LIST_OF("facts", diff->facts, fact_json);
    LIST_OF("inputs", diff->inputs, input_json);
    LIST_OF("spec", diff->spec, line_json);
    LIST_OF("metrics", diff->metrics, metric_json);
    LIST_OF("values", diff->values, values_json);
    text_add(out, "  \"same\": {\"inputs\": %zu, \"points\": %zu, \"values\": %zu},\n", diff->same_inputs, diff->same_points, diff->same_values);
    text_add(out, "  \"points_differ\": %zu, \"points_within_noise\": %zu, \"values_differ\": %zu\n}\n", diff->differ_points,
             diff->noise_points, diff->differ_values);
}
