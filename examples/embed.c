// embed.c: mdx inside another program: run a spec, read numbers out of it.
//
//     cc embed.c -lmdx … && ./embed transport.mdx kl_mapped
#include <stdio.h>

#include "mdx/mdx.h"

static void show(void *self, const char *phase, double done, double total) {
    (void)self;
    if (total > 0 && done >= total) fprintf(stderr, "%s: %.1f GFLOP done\n", phase, total / 1e9);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: embed SPEC METRIC [NAME=VALUE]\n");
        return 1;
    }
    Mdx *mdx = mdx_open();
    mdx_option(mdx, "write", "off"); // only the numbers are wanted
    if (argc > 3) mdx_option(mdx, "set", argv[3]);
    mdx_on_progress(mdx, show, NULL);
    bool ok = mdx_read(mdx, argv[1]) && mdx_run(mdx);
    for (size_t i = 0; ok && i < mdx_points(mdx, argv[2]); i++) {
        double value;
        if (mdx_value(mdx, argv[2], i, &value)) printf("%s[%zu] = %.6g\n", argv[2], i, value);
    }
    fputs(mdx_messages(mdx), stderr);
    mdx_close(mdx);
    return ok ? 0 : 1;
}
