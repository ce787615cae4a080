// examples.c: what examples say of their first prompts, against tests/data/examples, which PyTorch and numpy made.
#include "parity.h"

// Each with the fixture of its name, NAME.json: the options of the run, and members of results.json.
static const struct {
    const char *name;
    size_t numbers; // in the fixture, so that none is passed over
} examples[] = {
    {"transport", 16},
    {"maps", 260},
    {"positions", 114},
    {"patch", 70},
    {"alpha", 61},
    {"grid", 1472},
    {"stability", 18},
};

static const double NEAR = 1e-4; // relative

static void compare(Parity *parity, const cJSON *got, const cJSON *want, Str where);

static bool same_texts(const cJSON *got, const cJSON *want, int *texts) {
    const cJSON *item;
    *texts = 0;
    cJSON_ArrayForEach(item, want) {
        if (!cJSON_IsString(item)) continue;
        if (!cJSON_Compare(json_member(got, item->string), item, true)) return false;
        *texts += 1;
    }
    return true;
}

// Of objects with texts the one that has the same; of other items all, in their order.
static void compare_list(Parity *parity, const cJSON *got, const cJSON *want, Str where) {
    const cJSON *item, *have;
    int i = 0, texts = 0;
    cJSON_ArrayForEach(item, want) {
        cJSON_ArrayForEach(have, got) if (cJSON_IsObject(item) && same_texts(have, item, &texts) && texts) break;
        compare(parity,
                have    ? have
                : texts ? NULL
                        : cJSON_GetArrayItem(got, i),
                item, str_format(parity->arena, "%s %d", where.at, i));
        i++;
    }
    if (!texts && cJSON_GetArraySize(got) != i)
        parity_fail(parity, "%s has %d items, expected %d", where.at, cJSON_GetArraySize(got), i);
}

// Near: relative to the number, and to what it is a difference of: of percents 100.
static void compare_one(Parity *parity, const cJSON *got, double want, double least, Str where) {
    double x = cJSON_IsNumber(got) ? got->valuedouble : NAN;
    if (!parity_near(parity, x, want, NEAR * fmax(fabs(want), least) + 1e-12))
        parity_fail(parity, "%s: got %.9g, want %.9g", where.at, x, want);
}

// Of an object the members that are wanted.
static void compare(Parity *parity, const cJSON *got, const cJSON *want, Str where) {
    const cJSON *item, *percent = json_member(want, "percent"), *difference = json_member(want, "difference");
    if (!got) {
        parity_fail(parity, "there is no %s", where.at);
    } else if (cJSON_IsArray(want)) {
        compare_list(parity, got, want, where);
    } else if (percent) {
        compare_one(parity, got, percent->valuedouble, 100, where);
    } else if (difference) {
        compare_one(parity, got, difference->valuedouble, fabs(json_member(want, "of")->valuedouble), where);
    } else if (cJSON_IsObject(want)) {
        cJSON_ArrayForEach(item, want) compare(parity, json_member(got, item->string), item,
                                               str_format(parity->arena, "%s %s", where.at, item->string));
    } else if (cJSON_IsNumber(want)) {
        compare_one(parity, got, want->valuedouble, 0, where);
    } else if (!cJSON_Compare(got, want, true)) {
        parity_fail(parity, "%s is another", where.at);
    }
}

// ---- Runs

static void compare_results(Parity *parity, const char *json, const cJSON *want) {
    Error err;
    const cJSON *member;
    cJSON *got = json_parse("results", str_of(json), &err);
    if (!got) parity_fail(parity, "%s", err.text);
    cJSON_ArrayForEach(member, want) {
        if (strcmp(member->string, "set") != 0)
            compare(parity, json_member(got, member->string), member, str_of(member->string));
    }
    cJSON_Delete(got);
}

static void example_on(const char *name, size_t numbers, const char *device) {
    Error err;
    Parity parity = {.arena = arena_open(), .name = name, .device = device};
    cJSON *want = json_read(str_format(parity.arena, TESTS "/data/examples/%s.json", name).at, 1 << 20, &err);
    Mdx *mdx = mdx_open();
    if (!want)
        parity_fail(&parity, "%s", err.text);
    else if (fixture_options(mdx, device, want) &&
             mdx_read(mdx, str_format(parity.arena, REPO "/examples/%s.mdx", name).at) && mdx_run(mdx))
        compare_results(&parity, mdx_json(mdx), want);
    else
        parity_fail(&parity, "%s", mdx_messages(mdx));
    fixture_close(&parity, mdx, want, numbers);
}

int main(void) {
    for (size_t d = 0; d < test_devices()->count; d++)
        for (size_t i = 0; i < COUNT(examples); i++)
            example_on(examples[i].name, examples[i].numbers, test_devices()->name[d]);
    return check_done();
}
