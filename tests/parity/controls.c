// controls.c: the tables of examples/mapped.mdx and examples/controls.mdx, and intervals over seeds, against
// tests/data/controls, which PyTorch hooks and numpy made of the first prompts.
#include "parity.h"

// `from` becomes `to` in the text of the spec.
static const struct {
    const char *fixture, *spec, *from, *to;
    size_t numbers; // in the tables of the fixture, so that none is passed over
} runs[] = {
    {"mapped", "examples/mapped.mdx", "", "", 24},
    {"controls", "examples/controls.mdx", "", "", 80},
    {"controls-auto", "examples/controls.mdx", "early: 0", "early: 0, alpha: auto", 80},
    {"seeds", "tests/data/controls/seeds.mdx", "", "", 50},
};

static const double NEAR = 1e-4; // relative, of what is not a difference of larger numbers

// A difference of percentages is as right as these, a difference from itself as the rounding of sums.
static double allowed(const char *column, double want) {
    bool percent = strstr(column, "ahead") || strstr(column, "drop");
    return NEAR * fabs(want) + (percent ? 1e-3 : 0);
}

static void compare_cell(Parity *parity, const cJSON *got, const cJSON *want, const char *column, int row) {
    if (!cJSON_IsNumber(want)) {
        if (!cJSON_Compare(got, want, true)) parity_fail(parity, "row %d, %s is another", row, column);
        return;
    }
    double x = cJSON_IsNumber(got) ? got->valuedouble : NAN;
    if (!parity_near(parity, x, want->valuedouble, allowed(column, want->valuedouble)))
        parity_fail(parity, "row %d, %s: got %.9g, want %.9g", row, column, x, want->valuedouble);
}

static void compare_table(Parity *parity, const cJSON *got, const cJSON *want) {
    const cJSON *columns = json_member(want, "columns"), *rows = json_member(want, "rows"),
                *have = json_member(got, "rows");
    if (!cJSON_Compare(json_member(got, "columns"), columns, true)) parity_fail(parity, "other columns");
    if (cJSON_GetArraySize(have) != cJSON_GetArraySize(rows)) parity_fail(parity, "%d rows", cJSON_GetArraySize(have));
    for (int r = 0; r < cJSON_GetArraySize(rows); r++)
        for (int c = 0; c < cJSON_GetArraySize(columns); c++)
            compare_cell(parity, cJSON_GetArrayItem(cJSON_GetArrayItem(have, r), c),
                         cJSON_GetArrayItem(cJSON_GetArrayItem(rows, r), c),
                         cJSON_GetArrayItem(columns, c)->valuestring, r);
}

// What stands for norm_match(M) is told of the map, too.
static void compare_norm(Parity *parity, const cJSON *got, const cJSON *want) {
    const cJSON *norm = json_member(want, "norm_match"), *map = cJSON_GetArrayItem(json_member(got, "maps"), 0),
                *own = json_member(map, "norm_match");
    if (norm && !(cJSON_IsNumber(own) && fabs(own->valuedouble - norm->valuedouble) <= NEAR * norm->valuedouble))
        parity_fail(parity, "the map's norm_match: got %.9g, want %.9g", own ? own->valuedouble : NAN,
                    norm->valuedouble);
}

static void compare_tables(Parity *parity, const char *json, const cJSON *want) {
    Error err;
    cJSON *got = json_parse("results", str_of(json), &err);
    const cJSON *tables = json_member(want, "tables");
    if (!got) parity_fail(parity, "%s", err.text);
    for (int t = 0; got && t < cJSON_GetArraySize(tables); t++)
        compare_table(parity, cJSON_GetArrayItem(json_member(got, "tables"), t), cJSON_GetArrayItem(tables, t));
    if (got) compare_norm(parity, got, want);
    cJSON_Delete(got);
}

static Str replaced(Arena *arena, Str text, const char *from, const char *to) {
    const char *all = str_c(arena, text), *at = strstr(all, from);
    if (!*from) return text;
    MUST(at);
    return str_format(arena, "%.*s%s%s", (int)(at - all), all, to, at + strlen(from));
}

static void run_on(size_t i, const char *device) {
    Error err;
    Parity parity = {.arena = arena_open(), .name = runs[i].fixture, .device = device};
    Str path = str_format(parity.arena, REPO "/%s", runs[i].spec), text = {0};
    cJSON *want =
        json_read(str_format(parity.arena, TESTS "/data/controls/%s.json", runs[i].fixture).at, 1 << 20, &err);
    Mdx *mdx = mdx_open();
    if (!want || !file_read(parity.arena, path.at, 1 << 20, &text, &err)) {
        parity_fail(&parity, "%s", err.text);
    } else {
        Str spec = replaced(parity.arena, text, runs[i].from, runs[i].to);
        bool ran = fixture_options(mdx, device, want) && mdx_read_text(mdx, path.at, spec.at, spec.len) && mdx_run(mdx);
        if (ran)
            compare_tables(&parity, mdx_json(mdx), want);
        else
            parity_fail(&parity, "%s", mdx_messages(mdx));
    }
    fixture_close(&parity, mdx, want, runs[i].numbers);
}

int main(void) {
    for (size_t d = 0; d < test_devices()->count; d++)
        for (size_t i = 0; i < COUNT(runs); i++) {
            bool slow = strcmp(test_devices()->name[d], "ref") == 0; // the other runs have all that this one has, apart
            if (!slow || strcmp(runs[i].fixture, "controls-auto") != 0) run_on(i, test_devices()->name[d]);
        }
    return check_done();
}
