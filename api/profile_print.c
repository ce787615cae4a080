// profile_print.c: a profile as a table, a line a kind of step.
#include "api/profile.h"

enum { MOST_LINES = 24 }; // the shortest of more are one

static void print_rate(double amount, double seconds, double unit, const char *format, Text *out) {
    if (amount > 0 && seconds > 0)
        text_add(out, format, amount / seconds / unit);
    else
        text_add(out, "  %9s", "-");
}

// Of the nearer of its limits: a product's are the same products alone.
static double share_of_limit(const Profile *profile, const ProfileLine *line) {
    if (line->seconds <= 0) return 0;
    if (line->bare > 0) return line->bare / line->seconds;
    double memory = profile->copy_rate > 0 ? line->bytes / line->seconds / profile->copy_rate : 0;
    double products = profile->bare_rate > 0 ? line->flops / line->seconds / profile->bare_rate : 0;
    return MAX(memory, products);
}

static void print_time(const Profile *profile, const char *name, double seconds, Text *out) {
    double share = profile->whole > 0 ? 100 * seconds / profile->whole : 0;
    text_add(out, "  %-34s", name);
    text_add(out, "%12.3f  %5.1f %%", 1e3 * seconds, share);
}

static void print_line(const Profile *profile, const ProfileLine *line, Text *out) {
    double share = share_of_limit(profile, line);
    text_add(out, "%6zu", line->times);
    print_time(profile, line->name.at, line->seconds, out);
    print_rate(line->flops, line->seconds, 1e12, "  %9.3f", out);
    print_rate(line->bytes, line->seconds, 1e9, "  %9.1f", out);
    if (share > 0)
        text_add(out, "  %6.0f %%\n", 100 * share);
    else
        text_add(out, "  %8s\n", "-");
}

static void print_lines(const Profile *profile, Text *out) {
    size_t count = profile->lines.len, shown = count > MOST_LINES ? MOST_LINES - 1 : count;
    ProfileLine others = {.name = STR("other kinds of steps")};
    double left = profile->whole;
    for (size_t i = 0; i < count; i++) {
        const ProfileLine *line = &profile->lines.at[i];
        left -= line->seconds;
        if (i < shown) print_line(profile, line, out);
        if (i < shown) continue;
        others.times += line->times;
        others.seconds += line->seconds;
    }
    if (others.times) print_line(profile, &others, out);
    text_add(out, "%6s", "");
    print_time(profile, "reading results, the rest", MAX(left, 0), out);
    text_add(out, "\n%6s", "");
    print_time(profile, "the whole", profile->whole, out);
    text_char(out, '\n');
}

static void print_limit(const char *what, double rate, const char *unit, Text *out) {
    text_add(out, "%s ", what);
    if (rate > 0)
        text_add(out, "%.3g %s", rate, unit);
    else
        text_str(out, STR("not known"));
}

void profile_print(const Profile *profile, Text *out) {
    text_add(out, "%6s  %-34s%12s  %7s  %9s  %9s  %8s\n", "times", "steps", "ms", "of all", "TFLOP/s", "GB/s",
             "of limit");
    print_lines(profile, out);
    text_str(out, STR("limits: "));
    print_limit("the products alone", profile->bare_rate / 1e12, "TFLOP/s", out);
    text_str(out, STR(", "));
    print_limit("a copy in memory", profile->copy_rate / 1e9, "GB/s read and written", out);
    if (profile->why) text_add(out, " (%s)", profile->why);
    text_char(out, '\n');
}
