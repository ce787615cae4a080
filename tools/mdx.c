// mdx.c: the command: arguments, progress, Ctrl-C. Everything else is libmdx.
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mdx/mdx.h"

enum { EXIT_DIFFER = 3, EXIT_STOPPED = 130, MOST_FILES = 2 };

static Mdx *session; // for the signal handler

typedef struct {
    const char *files[MOST_FILES]; // arguments that are no options
    int count;          // of them
    const char *as;     // emit
    bool json;          // results or costs as JSON on stdout
    bool times;         // on stderr, of each phase of a run
} Arguments;

typedef struct {
    const char *name, *arguments, *help;
    int (*run)(const Arguments *arguments);
    int files; // that it needs
    const char *what; // they are, for messages
} Command;

// ---- Progress: one line on a terminal, rewritten at most ten times a second

typedef struct {
    double begin, shown;
    bool open; // a line without its end stands on the terminal
} Progress;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void show_progress(void *self, const char *phase, double done, double total) {
    Progress *progress = self;
    double time = now();
    if (progress->begin == 0) progress->begin = time;
    if (time - progress->shown < 0.1 && done < total) return;
    progress->shown = time;
    progress->open = true;
    if (total <= 0) {
        fprintf(stderr, "\r\033[K%s", phase);
        return;
    }
    double left = done > 0 ? (time - progress->begin) * (total - done) / done : 0;
    fprintf(stderr, "\r\033[K%s: %.0f %%, %.1f of %.1f GFLOP, %.0f s left", phase, 100 * done / total, done / 1e9, total / 1e9, left);
}

static void end_progress(Progress *progress) {
    if (progress->open) fputs("\r\033[K", stderr);
    progress->open = false;
}

// ---- Times: a line for each phase, when it ends

typedef struct {
    double zero;       // when the process began: its processor time until main lies before that
    const char *phase; // that goes on
    double began;
} Times;

static Times times;

static void start_times(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    times.zero = now() - (double)used.tv_sec - 1e-9 * (double)used.tv_nsec;
    times.phase = "loading";
    times.began = times.zero;
}

static void next_phase(const char *phase) {
    double time = now();
    fprintf(stderr, "%10.1f ms %10.1f ms  %s\n", 1e3 * (times.began - times.zero), 1e3 * (time - times.began), times.phase);
    times.phase = phase;
    times.began = time;
}

static void show_times(void *self, const char *phase, double done, double total) {
    (void)self, (void)done, (void)total;
    if (strcmp(phase, times.phase) != 0) next_phase(phase);
}

// The first Ctrl-C lets the step finish and keeps what is done, the second ends the program at once.
static void on_interrupt(int signal_number) {
    mdx_stop(session);
    signal(signal_number, SIG_DFL);
}

// ---- Commands

static int finish(bool ok) {
    fputs(mdx_messages(session), stderr);
    return ok ? 0 : 1;
}

static int print_text(const char *text) {
    if (text) fputs(text, stdout);
    return finish(text != NULL);
}

static int run_check(const Arguments *arguments) {
    return finish(mdx_read(session, arguments->files[0]));
}

static void watch(Progress *progress, bool timed) {
    if (timed || isatty(STDERR_FILENO)) mdx_on_progress(session, timed ? show_times : show_progress, progress);
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int run_run(const Arguments *arguments) {
    if (arguments->times) next_phase("reading the spec");
    if (!mdx_read(session, arguments->files[0])) return finish(false);
    Progress progress = {0};
    watch(&progress, arguments->times);
    bool ok = mdx_run(session);
    end_progress(&progress);
    if (arguments->times) next_phase("printing");
    fputs(mdx_dumps(session), stdout);
    fputs(arguments->json ? mdx_json(session) : mdx_tables(session), stdout);
    if (*mdx_folder(session)) fprintf(stderr, "results in %s\n", mdx_folder(session));
    int status = finish(ok);
    fputs(mdx_profile(session), stderr);
    if (arguments->times) next_phase(NULL);
    return mdx_stopped(session) ? EXIT_STOPPED : status;
}

static int run_bench(const Arguments *arguments) {
    if (!mdx_read(session, arguments->files[0])) return finish(false);
    Progress progress = {0};
    watch(&progress, false);
    const char *text = mdx_bench(session, arguments->json);
    end_progress(&progress);
    int status = print_text(text);
    return mdx_stopped(session) ? EXIT_STOPPED : status;
}

static int run_emit(const Arguments *arguments) {
    const char *as = arguments->as ? arguments->as : "graph";
    if (strcmp(as, "ast") == 0) mdx_option(session, "check", "off"); // a tree of what is wrong helps too
    if (!mdx_read(session, arguments->files[0])) return finish(false);
    const char *text = mdx_emit(session, as);
    fputs(mdx_dumps(session), stdout);
    return print_text(text);
}

static int run_explain(const Arguments *arguments) {
    return mdx_read(session, arguments->files[0]) ? print_text(mdx_explain(session, arguments->json)) : finish(false);
}

static int run_tokens(const Arguments *arguments) {
    return mdx_read(session, arguments->files[0]) ? print_text(mdx_tokens(session)) : finish(false);
}

static int run_sites(const Arguments *arguments) {
    return print_text(mdx_sites(session, arguments->files[0]));
}

static int run_devices(const Arguments *arguments) {
    return print_text(mdx_devices(session, arguments->json));
}

static int run_diff(const Arguments *arguments) {
    bool differ = false;
    const char *text = mdx_diff(session, arguments->files[0], arguments->files[1], arguments->json, &differ);
    int status = print_text(text);
    return differ ? EXIT_DIFFER : status;
}

static const Command commands[] = {
    {"check", "SPEC", "find every mistake of a spec; reads no weights", run_check, 1, "a spec"},
    {"run", "SPEC", "compute what the spec reports; results go to out/NAME-DIGEST/", run_run, 1, "a spec"},
    {"bench", "SPEC", "say what the spec costs and where, beside its bare matrix products; --json", run_bench, 1, "a spec"},
    {"emit", "SPEC", "show a stage of the compiler: --as=ast|exp|graph|dot|plan|kernels|llvm", run_emit, 1, "a spec"},
    {"explain", "SPEC", "say what a run will cost, which line makes it dear, and why; reads no weights", run_explain, 1, "a spec"},
    {"tokens", "SPEC", "show each prompt's tokens and what the spec reads, writes and measures there", run_tokens, 1, "a spec"},
    {"sites", "MODEL", "list the tensors of a model (its folder) that a spec can read and write", run_sites, 1, "a model's folder"},
    {"diff", "RUN RUN", "say what two results' folders have not in common; exit status 3 when they differ; --json", run_diff, 2, "two results' folders"},
    {"devices", "", "say where this machine can compute, or what it lacks for that; --json", run_devices, 0, ""},
};

static int print_help(FILE *to) {
    fputs("mdx: a compiler for experiments on language models\n\n  mdx COMMAND [FILE] [OPTIONS]\n\nCommands\n", to);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(to, "  %-7s %-7s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    fprintf(to, "\nOptions (--name=value or --name value)\n%s  --json\n        run, bench, explain, diff, devices: print as JSON\n", mdx_option_help());
    fputs("  --times\n        run: print on stderr when each phase began and how long it took\n"
          "  --as=STAGE\n        emit: which stage\n\n"
          "  mdx --help, mdx --version, mdx --passes, mdx --ops, mdx --functions\n\n"
          "A spec, line by line\n"
          "  model base = hf(\"models/base\")                               a Hugging Face folder\n"
          "  prompts val = jsonl(\"val.jsonl\", text: \"text\", chat: true)    one prompt a line\n"
          "  hook h = layers[4].attn_out @ end                           a tensor at token positions\n"
          "  sweep alpha in [0.5, 1.0]                                   what is varied\n"
          "  patch p = h <- alpha * base.h                               what is written there\n"
          "  run clean = base on val                                     a forward pass\n"
          "  run patched = base on val with p\n"
          "  metric effect = mean(kl(patched, clean))                    what is measured\n"
          "  report table(alpha, effect)                                 what is shown\n"
          "  report plot(effect, over: alpha)                            and drawn\n\n"
          "examples/ has whole specs; docs/language.md is the manual.\n",
          to);
    return to == stdout ? 0 : 1;
}

// ---- Arguments

// --name=value, --name value, --flag. Moves i over what it used; false after a message.
static bool read_option(int argc, char **argv, int *i, Arguments *out) {
    char name[64];
    const char *text = argv[*i] + 2, *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    if (length >= sizeof name) length = sizeof name - 1;
    memcpy(name, text, length);
    name[length] = '\0';
    bool *flag = strcmp(name, "json") == 0 ? &out->json : strcmp(name, "times") == 0 ? &out->times : NULL;
    if (flag) return *flag = true;
    bool switched = strcmp(name, "verify") == 0 || strcmp(name, "profile") == 0;
    if (switched && !equals) return mdx_option(session, name, "on");
    const char *value = equals ? equals + 1 : ++*i < argc ? argv[*i] : NULL;
    if (!value) {
        fprintf(stderr, "mdx: --%s needs a value\n", name);
        return false;
    }
    if (strcmp(name, "as") == 0) {
        out->as = value;
        return true;
    }
    return mdx_option(session, name, value);
}

static bool read_arguments(const Command *command, int argc, char **argv, Arguments *out) {
    for (int i = 2; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            if (!read_option(argc, argv, &i, out)) return false;
        } else if (command->files == 0) {
            fprintf(stderr, "mdx: mdx %s takes no file: '%s'\n", command->name, argv[i]);
            return false;
        } else if (out->count == command->files) {
            fprintf(stderr, "mdx: mdx %s needs %s, '%s' is one too many\n", command->name, command->what, argv[i]);
            return false;
        } else {
            out->files[out->count++] = argv[i];
        }
    }
    if (out->count < command->files) fprintf(stderr, "mdx: mdx %s needs %s\n", command->name, command->what);
    return out->count == command->files;
}

static int run_command(const Command *command, int argc, char **argv) {
    Arguments arguments = {0};
    if (argc == 3 && strcmp(argv[2], "--help") == 0) return print_help(stdout);
    return read_arguments(command, argc, argv, &arguments) ? command->run(&arguments) : finish(false);
}

static int run_main(int argc, char **argv) {
    if (argc < 2) return print_help(stderr);
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) return print_help(stdout);
    if (strcmp(word, "--version") == 0) return printf("mdx %s\n", mdx_version()) < 0;
    if (strncmp(word, "--", 2) == 0) {
        const char *text = mdx_emit(session, word + 2);
        return print_text(text);
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(word, commands[i].name) == 0) return run_command(&commands[i], argc, argv);
    fprintf(stderr, "mdx: there is no command '%s'; mdx --help lists them\n", word);
    return 1;
}

// What is freed is kept for what comes next: fits take and free the same matrices again and again, and a fifth of a ridge
// fit's time went to pages that the kernel took back and gave again.
static void keep_memory(void) {
    enum { KEPT = 256 << 20, OWN_PAGES = 32 << 20 }; // bytes; larger blocks have pages of their own
    mallopt(M_TRIM_THRESHOLD, KEPT);
    mallopt(M_MMAP_THRESHOLD, OWN_PAGES);
}

int main(int argc, char **argv) {
    keep_memory();
    start_times();
    session = mdx_open();
    int status = run_main(argc, argv);
    mdx_close(session);
    return status;
}
