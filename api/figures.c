// figures.c: gnuplot as a child process, which must not hold up or spoil the results.
#define _GNU_SOURCE // posix_spawn_file_actions_addchdir_np
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api/figures.h"
#include "mdx/file.h"

enum { MOST_SECONDS = 60, MOST_MESSAGE = 300 };

// ---- The child

// gnuplot's standard error, its beginning: until it ends or takes too long.
static bool read_errors(int from, char *message, size_t most) {
    struct timespec begin, now;
    size_t used = 0;
    char rest[256];
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (;;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        long left = MOST_SECONDS - (long)(now.tv_sec - begin.tv_sec);
        struct pollfd wait = {.fd = from, .events = POLLIN};
        int ready = left > 0 ? poll(&wait, 1, (int)left * 1000) : 0;
        if (ready == 0) return false;
        if (ready < 0) continue; // a signal
        bool room = used + 1 < most;
        ssize_t got = read(from, room ? message + used : rest, room ? most - 1 - used : sizeof rest);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return true;
        if (room) message[used += (size_t)got] = '\0';
    }
}

static int start(const char *folder, const char *script, int to, pid_t *child) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, to, STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, folder);
    char program[] = "gnuplot", defaults[] = "-d"; // no ~/.gnuplot
    char *const arguments[] = {program, defaults, (char *)(uintptr_t)script, NULL};
    int status = posix_spawnp(child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

// The first line of a message that says something, in `out`.
static void first_line(const char *message, Text *out) {
    while (*message && strchr(" \t\r\n^", *message)) message++;
    for (; *message && *message != '\n'; message++) text_char(out, (unsigned char)*message < 0x20 ? ' ' : *message);
}

// Draws one figure; false with why not.
static bool draw(const char *folder, const char *script, Text *why) {
    int ends[2], status = 0;
    char message[MOST_MESSAGE] = "";
    pid_t child;
    if (pipe2(ends, O_CLOEXEC) != 0) return text_str(why, str_of(strerror(errno))), false;
    int failed = start(folder, script, ends[1], &child);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        text_str(why, failed == ENOENT ? STR("gnuplot is not installed") : str_of(strerror(failed)));
        return false;
    }
    bool ended = read_errors(ends[0], message, sizeof message);
    close(ends[0]);
    if (!ended) kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    if (ended && *message)
        first_line(message, why);
    else
        text_add(why, ended ? "gnuplot failed" : "gnuplot took more than %d s", MOST_SECONDS);
    return false;
}

// ---- Figures

static bool write_figure(Mdx *mdx, ResultFigure *figure, Str below, Error *err) {
    Arena *arena = mdx->arena;
    Text data = text_open(arena), script = text_open(arena), why = text_open(arena);
    Str name = str_format(arena, "%.*s.gp", STR_ARG(figure->name));
    bool any = gnuplot_write(&mdx->results, figure, &data, &script);
    TRY(file_write(path_join(arena, below, str_format(arena, "%.*s.dat", STR_ARG(figure->name))).at, text_view(&data), err));
    TRY(file_write(path_join(arena, below, name).at, text_view(&script), err));
    if (!any)
        text_str(&why, STR("it has no defined point"));
    else if (draw(below.at, name.at, &why))
        return true;
    figure->why_not = text_view(&why);
    return true;
}

static void warn(Mdx *mdx, const ResultFigure *figure) {
    bool missing = str_is(figure->why_not, "gnuplot is not installed");
    Str help = missing ? STR("; install it (apt-get install gnuplot-nox) and run in the results' folder: cd figures && gnuplot *.gp") : STR("");
    Str text = str_format(mdx->arena, "figure '%.*s' is not drawn: %.*s%.*s", STR_ARG(figure->name), STR_ARG(figure->why_not), STR_ARG(help));
    session_warning(mdx, figure->span, text.at);
}

bool session_figures(Mdx *mdx, Str folder, Error *err) {
    Str below = path_join(mdx->arena, folder, STR("figures"));
    for (size_t i = 0; i < mdx->results.figure_count; i++) {
        ResultFigure *figure = &mdx->results.figures[i];
        TRY(folder_make(below.at, err) && write_figure(mdx, figure, below, err));
        if (figure->why_not.len) warn(mdx, figure);
    }
    return true;
}
