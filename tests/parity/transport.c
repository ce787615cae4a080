// transport.c: the table of examples/transport.mdx against tests/data/transport, which PyTorch hooks made of its first prompts.
#include "parity.h"

static const double NEAR = 1e-4; // relative

static void compare_row(Parity *parity, const cJSON *got, const cJSON *want, const cJSON *columns, int row) {
    for (int c = 0; c < cJSON_GetArraySize(columns); c++) {
        const cJSON *x = cJSON_GetArrayItem(got, c), *y = cJSON_GetArrayItem(want, c);
        bool near =
            cJSON_IsNumber(x) && parity_near(parity, x->valuedouble, y->valuedouble, NEAR * fabs(y->valuedouble));
        if (near) continue;
        parity_fail(parity, "row %d, %s: got %.9g, want %.9g", row, cJSON_GetArrayItem(columns, c)->valuestring,
                    cJSON_IsNumber(x) ? x->valuedouble : NAN, y->valuedouble);
    }
}

static void compare_table(Parity *parity, const cJSON *got, const cJSON *want) {
    const cJSON *columns = json_member(want, "columns"), *rows = json_member(want, "rows"),
                *got_rows = json_member(got, "rows");
    if (!cJSON_Compare(json_member(got, "columns"), columns, true)) parity_fail(parity, "other columns");
    if (cJSON_GetArraySize(got_rows) != cJSON_GetArraySize(rows))
        parity_fail(parity, "%d rows", cJSON_GetArraySize(got_rows));
    for (int r = 0; r < cJSON_GetArraySize(rows); r++)
        compare_row(parity, cJSON_GetArrayItem(got_rows, r), cJSON_GetArrayItem(rows, r), columns, r);
}

static void example_on(const char *device) {
    Error err;
    Parity parity = {.arena = arena_open(), .name = "transport", .device = device};
    cJSON *want = json_read(TESTS "/data/transport/transport.json", 1 << 20, &err);
    Mdx *mdx = mdx_open();
    bool ran = mdx_option(mdx, "device", device) && mdx_option(mdx, "dtype", "f32") && mdx_option(mdx, "write", "off") &&
               mdx_option(mdx, "set", "train.limit=150") && mdx_option(mdx, "set", "val.limit=25") &&
               mdx_read(mdx, REPO "/examples/transport.mdx") && mdx_run(mdx);
    cJSON *got = ran ? json_parse("results", str_of(mdx_json(mdx)), &err) : NULL;
    if (!ran || !got || !want)
        parity_fail(&parity, "%s", ran ? err.text : mdx_messages(mdx));
    else
        compare_table(&parity, cJSON_GetArrayItem(json_member(got, "tables"), 0), want);
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
