// mdx.h: the public interface of libmdx: what the mdx command itself lives on.
//
//     Mdx *mdx = mdx_open();
//     if (mdx_read(mdx, "transport.mdx") && mdx_run(mdx)) puts(mdx_tables(mdx));
//     fputs(mdx_messages(mdx), stderr);
//     mdx_close(mdx);
//
// Texts that a call returns belong to the session: valid until mdx_close. Functions that return bool put what went
// wrong into mdx_messages. A session is used by one thread; mdx_stop may be called from anywhere.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MDX_API __attribute__((visibility("default")))

typedef struct Mdx Mdx;

MDX_API const char *mdx_version(void);                                        // "0.1.0"
MDX_API Mdx *mdx_open(void);                                                  // a session: options, then one spec
MDX_API void mdx_close(Mdx *mdx);                                             // frees all; NULL is allowed
MDX_API bool mdx_option(Mdx *mdx, const char *name, const char *value);       // before mdx_read; names: mdx_option_help
MDX_API const char *mdx_option_help(void);                                    // the options, one a line
MDX_API void mdx_on_progress(Mdx *mdx, void (*call)(void *self, const char *phase, double done, double total), void *self);
MDX_API bool mdx_read(Mdx *mdx, const char *path);                            // reads and checks a spec and all it includes
MDX_API bool mdx_read_text(Mdx *mdx, const char *name, const char *text, size_t size); // the same from memory; paths are from the folder of `name`
MDX_API bool mdx_run(Mdx *mdx);                                               // computes everything that is reported, writes the results
// After an mdx_run with the option keep: the same with other values of a sweep of numbers, as many as it had. Only what
// they reach is computed again; the results are replaced.
MDX_API bool mdx_rerun(Mdx *mdx, const char *sweep, const double *values, size_t count);
// What the spec costs and where: a table, or JSON. Runs it and parts of it many times (options repeat, longest); writes
// no results. NULL on error; after mdx_stop what was measured by then.
MDX_API const char *mdx_bench(Mdx *mdx, bool json);
MDX_API void mdx_stop(Mdx *mdx);                                              // makes mdx_run and mdx_bench end soon; safe in a signal handler
MDX_API bool mdx_stopped(const Mdx *mdx);                                     // whether they ended because of mdx_stop
MDX_API const char *mdx_messages(const Mdx *mdx);                             // errors and warnings so far, with carets; "" when none
MDX_API const char *mdx_explain(Mdx *mdx, bool json);                         // what mdx_run will cost and why, as text or JSON; reads no weights; NULL on error
MDX_API const char *mdx_emit(Mdx *mdx, const char *as);                       // a stage as text: ast, exp, graph, plan, dot; NULL on error
MDX_API const char *mdx_dumps(const Mdx *mdx);                                // graphs after the passes of option "dump-after"
MDX_API const char *mdx_tables(const Mdx *mdx);                               // the reported tables, aligned
MDX_API const char *mdx_json(const Mdx *mdx);                                 // the results as JSON
MDX_API const char *mdx_profile(const Mdx *mdx);                              // with the option profile: where the run's time went, as a table
MDX_API const char *mdx_folder(const Mdx *mdx);                               // where the results were written
MDX_API size_t mdx_points(const Mdx *mdx, const char *metric);                // number of points of a reported metric; 0: no such
MDX_API bool mdx_value(const Mdx *mdx, const char *metric, size_t point, double *out); // false: not computed, or undefined
MDX_API bool mdx_interval(const Mdx *mdx, const char *metric, size_t point, double *lo, double *hi); // false: it has none
MDX_API const char *mdx_tokens(Mdx *mdx);                                     // each prompt's tokens, selected positions marked; NULL on error
MDX_API const char *mdx_sites(Mdx *mdx, const char *folder);                  // the sites of a model with their shapes; NULL on error
// Two results' folders beside each other: which inputs and which results differ, as text or JSON; NULL on error.
MDX_API const char *mdx_diff(Mdx *mdx, const char *a, const char *b, bool json, bool *differ);
MDX_API const char *mdx_devices(Mdx *mdx, bool json);                         // where this machine can compute, or what it lacks for that

#ifdef __cplusplus
}
#endif
