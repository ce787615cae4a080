// session.c: opening, options, reading, messages.
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>

#include "api/session.h"

const char *mdx_version(void) {
    return MDX_VERSION;
}

static void call_progress(void *self, const char *phase, double done, double total) {
    Mdx *mdx = self;
    if (mdx->progress) mdx->progress(mdx->progress_self, phase, done, total);
}

static void call_warn(void *self, Span span, const char *text) {
    session_warning(self, span, text);
}

Mdx *mdx_open(void) {
    Arena *arena = arena_open();
    Mdx *mdx = arena_new(arena, Mdx);
    mdx->arena = arena;
    mdx->out = STR("out");
    mdx->write = true;
    mdx->device = device_named(STR("cpu"));
    mdx->device_options.cache = true;
    mdx->states = DTYPE_COUNT;
    mdx->build.batch_points = AUTO_POINTS;
    mdx->build.prove = true;
    mdx->bench_longest = 60;
    mdx->diags = diags_open(arena, &mdx->spec.sources);
    mdx->dumps = text_open(arena);
    mdx->profiled = text_open(arena);
    mdx->messages = text_open(arena);
    mdx->listener = (Listener){mdx, call_progress, call_warn};
    return mdx;
}

void mdx_close(Mdx *mdx) {
    if (!mdx) return;
    session_drop_executor(mdx);
    execute_close(&mdx->files);
    streams_close(mdx->streams);
    arena_close(mdx->arena);
}

void mdx_on_progress(Mdx *mdx, void (*call)(void *self, const char *phase, double done, double total), void *self) {
    mdx->progress = call;
    mdx->progress_self = self;
}

void session_phase(const Mdx *mdx, const char *name) {
    if (mdx->progress) mdx->progress(mdx->progress_self, name, 0, 0);
}

void mdx_stop(Mdx *mdx) {
    mdx->stop = 1;
}

bool mdx_stopped(const Mdx *mdx) {
    return mdx->stopped;
}

// ---- Messages

static void render_new(Mdx *mdx) {
    Diags fresh = mdx->diags;
    fresh.list.at += mdx->rendered;
    fresh.list.len -= mdx->rendered;
    if (fresh.list.len) (mdx->json ? diags_render_json : diags_render)(&fresh, &mdx->messages);
    mdx->rendered = mdx->diags.list.len;
}

const char *mdx_messages(const Mdx *mdx) {
    return mdx->messages.at;
}

bool session_refuse(Mdx *mdx, const char *format, ...) {
    Text text = text_open(mdx->arena);
    va_list args;
    va_start(args, format);
    text_add_list(&text, format, args);
    va_end(args);
    diag_error(&mdx->diags, NO_SPAN, "%s", text.at);
    render_new(mdx);
    return false;
}

bool session_failed(Mdx *mdx, const Error *err) {
    diag_error(&mdx->diags, err->span, "%s", err->text);
    render_new(mdx);
    return false;
}

void session_warning(Mdx *mdx, Span span, const char *text) {
    Diag *diag = diag_warning(&mdx->diags, span, "%s", text);
    if (!diag) return;
    Text line = text_open(mdx->arena);
    if (span_known(span)) {
        span_render(&mdx->spec.sources, span, &line);
        text_str(&line, STR(": "));
    }
    text_str(&line, str_of(text));
    list_push(mdx->arena, &mdx->results.warnings, text_view(&line));
    render_new(mdx);
}

// ---- Options

typedef struct {
    const char *name, *value, *help;
    bool (*set)(Mdx *mdx, const char *value);
} Option;

static bool set_set(Mdx *mdx, const char *value) {
    list_push(mdx->arena, &mdx->sets, str_copy(mdx->arena, str_of(value)));
    return true;
}

static bool set_out(Mdx *mdx, const char *value) {
    mdx->out = str_copy(mdx->arena, str_of(value));
    return mdx->out.len || session_refuse(mdx, "--out needs the name of a folder");
}

static bool set_device(Mdx *mdx, const char *value) {
    bool best = strcmp(value, "auto") == 0;
    mdx->device = best ? device_best(&mdx->device_options) : device_named(str_of(value));
    if (mdx->device) return true;
    Text known = text_open(mdx->arena);
    for (size_t i = 0; i < device_count; i++) text_add(&known, "%s, ", device_apis[i]->name);
    text_str(&known, STR("auto"));
    return session_refuse(mdx, "there is no device '%s'; it can be %s", value, known.at);
}

static bool set_dtype(Mdx *mdx, const char *value) {
    static const DType types[] = {DTYPE_f32, DTYPE_bf16, DTYPE_f16};
    mdx->states = DTYPE_COUNT;
    for (size_t i = 0; i < COUNT(types); i++)
        if (strcmp(value, dtype_info[types[i]].name) == 0) mdx->states = types[i];
    return mdx->states != DTYPE_COUNT || strcmp(value, "auto") == 0 ||
           session_refuse(mdx, "--dtype is '%s', it can be auto, f32, bf16 or f16", value);
}

static bool set_format(Mdx *mdx, const char *value) {
    mdx->json = strcmp(value, "json") == 0;
    return mdx->json || strcmp(value, "text") == 0 || session_refuse(mdx, "--format is '%s', it can be text or json", value);
}

// A list of names with commas between them, each the name of a pass.
static bool set_passes(Mdx *mdx, const char *value, bool disable, StrList *out) {
    for (Str rest = str_of(value); rest.len;) {
        const char *comma = memchr(rest.at, ',', rest.len);
        Str name = str_part(rest, 0, comma ? (size_t)(comma - rest.at) : rest.len);
        rest = str_part(rest, name.len + 1, rest.len);
        if (!pass_known(name, disable)) return session_refuse(mdx, "there is no pass '%.*s'; mdx --passes lists them", STR_ARG(name));
        list_push(mdx->arena, out, str_copy(mdx->arena, name));
    }
    return true;
}

static bool set_disable(Mdx *mdx, const char *value) {
    return set_passes(mdx, value, true, &mdx->passes.disabled);
}

static bool set_dump_after(Mdx *mdx, const char *value) {
    return set_passes(mdx, value, false, &mdx->passes.dump);
}

static bool set_verify(Mdx *mdx, const char *value) {
    mdx->passes.verify = strcmp(value, "off") != 0;
    return true;
}

static bool whole_number(Mdx *mdx, const char *option, const char *value, unsigned long most, unsigned long *out) {
    char *end;
    errno = 0;
    *out = strtoul(value, &end, 10);
    if (*value >= '0' && *value <= '9' && !*end && !errno && *out <= most) return true;
    return session_refuse(mdx, "--%s is '%s', expected a whole number up to %lu", option, value, most);
}

static bool set_batch(Mdx *mdx, const char *value) {
    unsigned long n;
    if (!whole_number(mdx, "batch-points", value, UINT32_MAX, &n)) return false;
    mdx->build.batch_points = n;
    return true;
}

static bool set_parts(Mdx *mdx, const char *value) {
    unsigned long n;
    if (!whole_number(mdx, "micro-batches", value, UINT32_MAX, &n)) return false;
    mdx->least_parts = (uint32_t)n;
    return true;
}

static bool set_threads(Mdx *mdx, const char *value) {
    unsigned long n;
    if (!whole_number(mdx, "threads", value, 1024, &n)) return false;
    mdx->device_options.threads = (uint32_t)n;
    return true;
}

static bool set_memory(Mdx *mdx, const char *value) {
    if (memory_parse(value, &mdx->memory)) return true;
    return session_refuse(mdx, "--memory is '%s', expected a size such as 2GiB or 500MB", value);
}

static bool set_cache(Mdx *mdx, const char *value) {
    mdx->device_options.cache = strcmp(value, "off") != 0;
    return true;
}

// A device whose products depend on the number of their rows takes its strict ones.
static bool set_strict(Mdx *mdx, const char *value) {
    mdx->device_options.strict = strcmp(value, "off") != 0;
    return true;
}

// Devices keep it; the session's memory outlives them.
static bool set_cuda_path(Mdx *mdx, const char *value) {
    mdx->device_options.cuda_path = str_copy(mdx->arena, str_of(value)).at;
    return *value || session_refuse(mdx, "--cuda-path needs the name of a folder");
}

static bool set_prove(Mdx *mdx, const char *value) {
    mdx->build.prove = strcmp(value, "off") != 0;
    return true;
}

static bool set_keep(Mdx *mdx, const char *value) {
    mdx->keep = strcmp(value, "off") != 0;
    return true;
}

static bool set_profile(Mdx *mdx, const char *value) {
    mdx->profile = strcmp(value, "off") != 0;
    return true;
}

static bool set_repeat(Mdx *mdx, const char *value) {
    unsigned long n;
    if (!whole_number(mdx, "repeat", value, 1000, &n)) return false;
    mdx->bench_repeat = (uint32_t)n;
    return true;
}

static bool set_longest(Mdx *mdx, const char *value) {
    unsigned long n;
    if (!whole_number(mdx, "longest", value, 1000000, &n)) return false;
    mdx->bench_longest = (double)n;
    return true;
}

static bool set_rows(Mdx *mdx, const char *value) {
    static const char *const all[] = {"all", "experiment", "forwards", "rerun", "start", "without"};
    const char *from = value;
    for (bool more = true; more; from++) {
        size_t length = strcspn(from, ",");
        bool known = false;
        for (size_t i = 0; i < COUNT(all); i++) known |= strlen(all[i]) == length && memcmp(all[i], from, length) == 0;
        if (!known) return session_refuse(mdx, "--rows has '%.*s', it can have experiment, forwards, rerun, start, without, or be all", (int)length, from);
        from += length;
        more = *from == ',';
    }
    mdx->bench_rows = strcmp(value, "all") == 0 ? (Str){0} : str_copy(mdx->arena, str_of(value));
    return true;
}

static bool set_write(Mdx *mdx, const char *value) {
    mdx->write = strcmp(value, "off") != 0;
    return true;
}

static bool set_check(Mdx *mdx, const char *value) {
    mdx->parse_only = strcmp(value, "off") == 0;
    return true;
}

static const Option options[] = {
    {"set", "NAME=VALUE", "replace the right side of a definition, or (NAME.ARGUMENT=VALUE) one of its arguments", set_set},
    {"out", "FOLDER", "where the results' folder is made (default: out)", set_out},
    {"device", "NAME", "where to compute (default: cpu); auto: on the GPU when it works (--cuda-path before it)", set_device},
    {"dtype", "TYPE", "what a GPU multiplies and keeps between products: f32, bf16, f16 (default: auto, as the weights are stored); cpu and ref: f32", set_dtype},
    {"threads", "N", "threads of the device cpu (default: one a core)", set_threads},
    {"memory", "SIZE", "memory that a run may use, weights not counted: prompts are cut into micro-batches that fit (2GiB, 500MB)", set_memory},
    {"micro-batches", "N", "cut the prompts into at least N micro-batches (default: as few as the memory allows)", set_parts},
    {"cuda-path", "FOLDER", "where the device cuda finds NVRTC and cuBLASLt: a CUDA toolkit, a Python environment or their folder; several with : between them (default: $MDX_CUDA_PATH, the system's, /usr/local/cuda, Python's)", set_cuda_path},
    {"cache", "on|off", "keep compiled kernels in $XDG_CACHE_HOME/mdx", set_cache},
    {"format", "text|json", "how errors and warnings are written", set_format},
    {"batch-points", "N", "points of a sweep that are computed together (default: as many as make it fast and fit the memory; 0: all)", set_batch},
    {"disable", "PASS,...", "leave out passes of the compiler; share: equal nodes stay apart", set_disable},
    {"dump-after", "PASS,...", "print the graph after these passes (all; build: before the first)", set_dump_after},
    {"verify", "on|off", "check the graph after every pass", set_verify},
    {"check", "on|off", "off: look at the syntax alone", set_check},
    {"prove", "on|off", "patched runs prove themselves: patched with their own values they must be the clean run (default: on)", set_prove},
    {"strict", "on|off", "results that do not depend on how much is computed at once, bit for bit (the devices cpu and ref always are strict)", set_strict},
    {"keep", "on|off", "keep what mdx_rerun needs in memory after mdx_run", set_keep},
    {"profile", "on|off", "mdx run: print on stderr where its time went, by kind of step, and how near to the device's limits that is", set_profile},
    {"repeat", "N", "mdx bench: runs of each row (default: 5 to 25, until their quartiles are within 3 % of the median)", set_repeat},
    {"longest", "SECONDS", "mdx bench: what a row may take; longer experiments without a saving are estimated from one point (default: 60)", set_longest},
    {"rows", "LIST", "mdx bench: what is measured beside the experiment: forwards, rerun, start, without (default: all; experiment: nothing else)", set_rows},
    {"write", "on|off", "whether mdx_run writes its folder (default: on)", set_write},
};

bool mdx_option(Mdx *mdx, const char *name, const char *value) {
    for (size_t i = 0; i < COUNT(options); i++)
        if (strcmp(name, options[i].name) == 0) return options[i].set(mdx, value);
    return session_refuse(mdx, "there is no option '%s'", name);
}

const char *mdx_option_help(void) {
    static char help[8192];
    size_t used = 0;
    for (size_t i = 0; i < COUNT(options) && used < sizeof help; i++)
        used += (size_t)snprintf(help + used, sizeof help - used, "  --%s=%s\n        %s\n", options[i].name, options[i].value, options[i].help);
    return help;
}

// ---- Reading

static bool check_spec(Mdx *mdx, bool readable, Error *err) {
    if (!readable) return session_failed(mdx, err);
    for (size_t i = 0; i < mdx->sets.len; i++) spec_set(mdx->arena, &mdx->spec, mdx->sets.at[i], &mdx->diags);
    Experiment *exp = mdx->spec.broken || mdx->parse_only ? NULL : check(mdx->arena, &mdx->spec, &mdx->diags);
    render_new(mdx);
    if (!mdx->diags.errors) mdx->exp = exp;
    if (mdx->exp) mdx->weights = session_weights(mdx);
    return mdx->exp || (mdx->parse_only && !mdx->diags.errors);
}

bool mdx_read(Mdx *mdx, const char *path) {
    Error err;
    if (mdx->spec.sources.len) return session_refuse(mdx, "a session reads one spec");
    return check_spec(mdx, spec_read(mdx->arena, path, &mdx->spec, &mdx->diags, &err), &err);
}

bool mdx_read_text(Mdx *mdx, const char *name, const char *text, size_t size) {
    Error err;
    if (mdx->spec.sources.len) return session_refuse(mdx, "a session reads one spec");
    Str copy = str_copy(mdx->arena, (Str){text, size});
    return check_spec(mdx, spec_parse(mdx->arena, str_copy(mdx->arena, str_of(name)), copy, &mdx->spec, &mdx->diags, &err), &err);
}
