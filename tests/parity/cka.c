// cka.c: the tables of examples/cka.mdx against the fixture of stats, which has two of its layers at one site.
#include "parity.h"

static const double NEAR = 1e-4; // relative

static bool near(Parity *parity, const cJSON *got, const cJSON *want) {
    return cJSON_IsNumber(got) &&
           parity_near(parity, got->valuedouble, want->valuedouble, NEAR * fabs(want->valuedouble));
}

// The row of a layer at attn_out has the number and the bounds of the fixture's cka_end there.
static void compare_row(Parity *parity, const cJSON *rows, const cJSON *entry) {
    const cJSON *row, *layer = json_member(json_member(entry, "point"), "layer");
    cJSON_ArrayForEach(row, rows) {
        bool here = cJSON_GetArrayItem(row, 0)->valuedouble == layer->valuedouble &&
                    strcmp(cJSON_GetArrayItem(row, 1)->valuestring, "attn_out") == 0;
        if (!here) continue;
        CHECK(near(parity, cJSON_GetArrayItem(row, 2), json_member(entry, "value")));
        CHECK(near(parity, cJSON_GetArrayItem(row, 3), json_member(entry, "lo")));
        CHECK(near(parity, cJSON_GetArrayItem(row, 4), json_member(entry, "hi")));
    }
}

// What is lowest over the layers is the lowest of the first table.
static void compare_lowest(const cJSON *rows, const cJSON *lowest) {
    const cJSON *site, *row;
    cJSON_ArrayForEach(site, lowest) {
        double least = 2, at = -1;
        cJSON_ArrayForEach(row, rows) {
            double value = cJSON_GetArrayItem(row, 6)->valuedouble;
            bool same = strcmp(cJSON_GetArrayItem(row, 1)->valuestring, cJSON_GetArrayItem(site, 0)->valuestring) == 0;
            if (!same || value >= least) continue;
            least = value;
            at = cJSON_GetArrayItem(row, 0)->valuedouble;
        }
        CHECK(cJSON_GetArrayItem(site, 1)->valuedouble == at && cJSON_GetArrayItem(site, 2)->valuedouble == least);
    }
}

static void compare(Parity *parity, const cJSON *got, const cJSON *want) {
    const cJSON *tables = json_member(got, "tables"), *entry;
    const cJSON *rows = json_member(cJSON_GetArrayItem(tables, 0), "rows"),
                *lowest = json_member(cJSON_GetArrayItem(tables, 1), "rows");
    CHECK(cJSON_GetArraySize(rows) == 18 && cJSON_GetArraySize(lowest) == 3);
    cJSON_ArrayForEach(entry, json_member(want, "numbers")) if (strcmp(entry_text(entry, "metric"), "cka_end") == 0)
        compare_row(parity, rows, entry);
    compare_lowest(rows, lowest);
    CHECK(parity->compared == 6);
}

static void example_on(const char *device) {
    Error err;
    Parity parity = {.arena = arena_open(), .name = "cka", .device = device};
    cJSON *want = json_read(TESTS "/data/parity/stats.json", 64 << 20, &err);
    Mdx *mdx = mdx_open();
    bool ran = mdx_option(mdx, "device", device) && mdx_option(mdx, "dtype", "f32") &&
               mdx_option(mdx, "write", "off") && mdx_option(mdx, "set", "val.limit=25") &&
               mdx_option(mdx, "set", "alike.n=200") && mdx_read(mdx, REPO "/examples/cka.mdx") && mdx_run(mdx);
    cJSON *got = ran ? json_parse("results", str_of(mdx_json(mdx)), &err) : NULL;
    if (!ran || !got || !want)
        parity_fail(&parity, "%s", ran ? err.text : mdx_messages(mdx));
    else
        compare(&parity, got, want);
    double lo = 1, hi = 0;
    CHECK(mdx_interval(mdx, "alike", 0, &lo, &hi) && lo < hi && !mdx_interval(mdx, "dip", 0, &lo, &hi));
    printf("%-20s %s: %zu numbers, the worst at %.3f of what is allowed\n", parity.name, device, parity.compared,
           parity.worst);
    mdx_close(mdx);
    cJSON_Delete(got);
    cJSON_Delete(want);
    arena_close(parity.arena);
}

int main(void) {
    for (size_t d = 0; d < test_devices()->count; d++) example_on(test_devices()->name[d]);
    return check_done();
}
