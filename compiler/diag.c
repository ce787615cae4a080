// diag.c: collecting diagnostics, and rendering them with carets.
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "compiler/diag.h"

enum { TAB_STOP = 4, QUOTE_COLUMNS = 110, QUOTE_BEFORE = 60, MOST_SHOWN = 100, LONGEST_MESSAGE = 800 };

Diags diags_open(Arena *arena, const Sources *sources) {
    return (Diags){.arena = arena, .sources = sources};
}

static bool inside_character(Str s, size_t at) {
    return at < s.len && ((unsigned char)s.at[at] & 0xc0) == 0x80;
}

// A name of a megabyte loses its middle.
static Str shortened(Arena *arena, Str message) {
    if (message.len <= LONGEST_MESSAGE) return message;
    size_t end = LONGEST_MESSAGE / 2, begin = message.len - LONGEST_MESSAGE / 2;
    while (inside_character(message, end)) end--;
    while (inside_character(message, begin)) begin++;
    Text text = text_open(arena);
    text_str(&text, str_part(message, 0, end));
    text_str(&text, STR("…"));
    text_str(&text, str_part(message, begin, message.len));
    return text_view(&text);
}

static Diag *diag_add(Diags *diags, Severity severity, Span span, const char *format, va_list args) {
    Text message = text_open(diags->arena);
    text_add_list(&message, format, args);
    Str kept = shortened(diags->arena, text_view(&message));
    for (size_t i = 0; i < diags->list.len; i++) {
        const Diag *seen = &diags->list.at[i];
        bool same_place = span_known(span) && seen->span.source == span.source && seen->span.begin == span.begin && seen->span.end == span.end;
        bool same_text = str_eq(seen->message, kept);
        if (seen->severity == severity && (same_place || (same_text && !span_known(span) && !span_known(seen->span)))) return NULL;
    }
    *(severity == DIAG_error ? &diags->errors : &diags->warnings) += 1;
    if (diags->list.len == MOST_SHOWN) {
        diags->dropped++;
        return NULL;
    }
    list_push(diags->arena, &diags->list,
              ((Diag){.severity = severity, .span = span, .also = NO_SPAN, .message = kept}));
    return &diags->list.at[diags->list.len - 1];
}

Diag *diag_error(Diags *diags, Span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Diag *diag = diag_add(diags, DIAG_error, span, format, args);
    va_end(args);
    return diag;
}

Diag *diag_warning(Diags *diags, Span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Diag *diag = diag_add(diags, DIAG_warning, span, format, args);
    va_end(args);
    return diag;
}

void diag_help(Diags *diags, Diag *diag, const char *format, ...) {
    if (!diag) return;
    Text text = text_open(diags->arena);
    va_list args;
    va_start(args, format);
    text_add_list(&text, format, args);
    va_end(args);
    diag->help = text_view(&text);
}

void diag_also(Diags *diags, Diag *diag, Span also, const char *format, ...) {
    if (!diag) return;
    Text text = text_open(diags->arena);
    va_list args;
    va_start(args, format);
    text_add_list(&text, format, args);
    va_end(args);
    diag->also = also;
    diag->also_message = text_view(&text);
}

// ---- Suggestions

// Edit distance with swaps of neighbours (Damerau-Levenshtein, restricted), for names of at most 63 bytes.
static size_t edit_distance(Str a, Str b) {
    enum { LONGEST = 63 };
    if (a.len > LONGEST || b.len > LONGEST) return SIZE_MAX;
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++) above[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = above[j - 1] + (a.at[i - 1] != b.at[j - 1]);
            best = MIN(best, MIN(above[j], row[j - 1]) + 1);
            bool swapped = i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1];
            if (swapped) best = MIN(best, before[j - 2] + 1);
            row[j] = best;
        }
        size_t *spare = before;
        before = above, above = row, row = spare;
    }
    return above[b.len];
}

void diag_suggest(Diags *diags, Diag *diag, Str name, const StrList *names, size_t list_up_to) {
    if (!diag || !names->len) return;
    size_t best = SIZE_MAX;
    Str nearest = {0};
    for (size_t i = 0; i < names->len; i++) {
        size_t distance = edit_distance(name, names->at[i]);
        if (distance < best) best = distance, nearest = names->at[i];
    }
    if (best <= name.len / 3 + 1 && best < name.len) {
        diag_help(diags, diag, "did you mean '%.*s'?", STR_ARG(nearest));
        return;
    }
    if (names->len > list_up_to) return;
    Text text = text_open(diags->arena);
    for (size_t i = 0; i < names->len; i++)
        text_add(&text, "%s%.*s", i == 0 ? "" : i + 1 == names->len ? " or " : ", ", STR_ARG(names->at[i]));
    diag_help(diags, diag, "it can be %s", text.at);
}

// ---- Rendering

typedef struct {
    size_t begin, end;   // the line, without its end
    size_t number;       // 1-based
    size_t column;       // of the offset, 1-based, in characters
} Line;

static Line line_of(Str text, size_t offset) {
    Line line = {.number = 1, .column = 1};
    offset = MIN(offset, text.len);
    for (size_t i = 0; i < offset; i++)
        if (text.at[i] == '\n') line.number++, line.begin = i + 1;
    for (size_t i = line.begin; i < offset; i++)
        if (((unsigned char)text.at[i] & 0xc0) != 0x80) line.column++;
    line.end = line.begin;
    while (line.end < text.len && text.at[line.end] != '\n') line.end++;
    if (line.end > line.begin && text.at[line.end - 1] == '\r') line.end--;
    return line;
}

void span_render(const Sources *sources, Span span, Text *out) {
    if (!span_known(span)) return;
    const Source *source = &sources->at[span.source];
    text_add(out, "%.*s:%zu", STR_ARG(source->name), line_of(source->text, span.begin).number);
}

// One character of a quoted line as it is shown: how many bytes it has, how many columns it takes.
typedef struct {
    size_t bytes, columns;
    bool printable;
} Glyph;

static Glyph glyph_at(Str line, size_t at, size_t column) {
    if (line.at[at] == '\t') return (Glyph){1, TAB_STOP - column % TAB_STOP, true};
    utf8proc_int32_t code;
    utf8proc_ssize_t bytes =
        utf8proc_iterate((const utf8proc_uint8_t *)line.at + at, (utf8proc_ssize_t)(line.len - at), &code);
    if (bytes <= 0) return (Glyph){1, 1, false};
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    int width = control ? 1 : utf8proc_charwidth(code);
    return (Glyph){(size_t)bytes, width > 0 ? (size_t)width : 0, !control};
}

// Column, from 0, at which the byte `at` of the line is shown.
static size_t shown_column(Str line, size_t at) {
    size_t column = 0;
    for (size_t i = 0; i < MIN(at, line.len);) {
        Glyph glyph = glyph_at(line, i, column);
        column += glyph.columns;
        i += glyph.bytes;
    }
    return column;
}

// Writes the columns [from, to) of the line; tabs become spaces, what cannot be printed becomes '?'.
static void quote_columns(Str line, size_t from, size_t to, Text *out) {
    size_t column = 0;
    for (size_t i = 0; i < line.len && column < to;) {
        Glyph glyph = glyph_at(line, i, column);
        if (column >= from) {
            if (line.at[i] == '\t')
                text_repeat(out, ' ', glyph.columns);
            else if (glyph.printable)
                text_str(out, str_part(line, i, i + glyph.bytes));
            else
                text_char(out, '?');
        }
        column += glyph.columns;
        i += glyph.bytes;
    }
}

static void mark(char *marks, size_t width, size_t from, size_t to, size_t left, char first, char rest) {
    for (size_t c = from; c < to; c++)
        if (c >= left && c - left < width) marks[c - left] = c == from ? first : rest;
}

// Columns [*from, *to) that the span covers on this line; at least one.
static void span_columns(Str line, size_t line_begin, Span span, size_t *from, size_t *to) {
    *from = shown_column(line, span.begin - line_begin);
    *to = shown_column(line, MAX(span.end, span.begin) - line_begin);
    if (*to <= *from) *to = *from + 1;
}

void span_quote(const Sources *sources, Span span, Span also, Text *out) {
    const Source *source = &sources->at[span.source];
    Line at = line_of(source->text, span.begin);
    Str line = str_part(source->text, at.begin, at.end);
    size_t from, to;
    span_columns(line, at.begin, span, &from, &to);
    size_t columns = shown_column(line, line.len);
    size_t left = from > QUOTE_COLUMNS - QUOTE_BEFORE / 2 ? from - QUOTE_BEFORE : 0;
    size_t right = MIN(MAX(columns, from + 1), left + QUOTE_COLUMNS);

    text_add(out, "%5zu | %s", at.number, left ? "…" : "");
    quote_columns(line, left, right, out);
    text_add(out, "%s\n      | %s", right < columns ? "…" : "", left ? " " : "");

    char marks[QUOTE_COLUMNS + 1];
    memset(marks, ' ', sizeof marks);
    bool same_line = span_known(also) && also.source == span.source && also.begin >= at.begin && also.begin <= at.end;
    if (same_line) {
        size_t also_from, also_to;
        span_columns(line, at.begin, also, &also_from, &also_to);
        mark(marks, QUOTE_COLUMNS, also_from, MIN(also_to, right), left, '~', '~');
    }
    mark(marks, QUOTE_COLUMNS, from, MIN(to, MAX(right, from + 1)), left, '^', '~');
    size_t used = QUOTE_COLUMNS;
    while (used && marks[used - 1] == ' ') used--;
    text_add(out, "%.*s\n", (int)used, marks);
}

static void render_place(const Diags *diags, Span span, const char *kind, Str message, Span also, Text *out) {
    const Source *source = &diags->sources->at[span.source];
    Line line = line_of(source->text, span.begin);
    text_add(out, "%.*s:%zu:%zu: %s: %.*s\n", STR_ARG(source->name), line.number, line.column, kind, STR_ARG(message));
    span_quote(diags->sources, span, also, out);
}

static const char *const severity_name[] = {[DIAG_error] = "error", [DIAG_warning] = "warning"};

static bool on_same_line(const Diags *diags, Span a, Span b) {
    if (a.source != b.source) return false;
    Str text = diags->sources->at[a.source].text;
    return line_of(text, a.begin).number == line_of(text, b.begin).number;
}

static void render_one(const Diags *diags, const Diag *diag, Text *out) {
    if (!span_known(diag->span)) {
        text_add(out, "mdx: %s: %.*s\n", severity_name[diag->severity], STR_ARG(diag->message));
    } else {
        render_place(diags, diag->span, severity_name[diag->severity], diag->message, diag->also, out);
        if (span_known(diag->also) && !on_same_line(diags, diag->span, diag->also))
            render_place(diags, diag->also, "note", diag->also_message, NO_SPAN, out);
    }
    if (diag->help.len) text_add(out, "      = help: %.*s\n", STR_ARG(diag->help));
}

static int diag_order(const void *a, const void *b) {
    const Diag *const *x = a, *const *y = b;
    Span p = (*x)->span, q = (*y)->span;
    if (p.source != q.source) return p.source < q.source ? -1 : 1;
    if (p.begin != q.begin) return p.begin < q.begin ? -1 : 1;
    return (*x > *y) - (*x < *y); // as collected
}

static bool is_made(const Diags *diags, const Diag *diag) {
    return span_known(diag->span) && diags->sources->at[diag->span.source].made;
}

// What is wrong with statements that mdx made of a line follows from what is wrong with the user's own, when something is.
static const Diag **diags_sorted(const Diags *diags, size_t *count) {
    const Diag **sorted = arena_many(diags->arena, const Diag *, diags->list.len);
    bool own = false;
    for (size_t i = 0; i < diags->list.len; i++) own |= diags->list.at[i].severity == DIAG_error && !is_made(diags, &diags->list.at[i]);
    *count = 0;
    for (size_t i = 0; i < diags->list.len; i++)
        if (!own || !is_made(diags, &diags->list.at[i])) sorted[(*count)++] = &diags->list.at[i];
    if (*count) qsort(sorted, *count, sizeof *sorted, diag_order);
    return sorted;
}

void diags_render(const Diags *diags, Text *out) {
    size_t count;
    const Diag **sorted = diags_sorted(diags, &count);
    for (size_t i = 0; i < count; i++) render_one(diags, sorted[i], out);
    if (diags->dropped) text_add(out, "mdx: %zu more like these are not shown\n", diags->dropped);
}

static void json_place(const Diags *diags, Span span, Text *out) {
    const Source *source = &diags->sources->at[span.source];
    Line begin = line_of(source->text, span.begin), end = line_of(source->text, span.end);
    text_str(out, STR("\"file\": "));
    text_json(out, source->name);
    text_add(out, ", \"line\": %zu, \"column\": %zu, \"end_line\": %zu, \"end_column\": %zu", begin.number,
             begin.column, end.number, end.column);
}

void diags_render_json(const Diags *diags, Text *out) {
    size_t count;
    const Diag **sorted = diags_sorted(diags, &count);
    for (size_t i = 0; i < count; i++) {
        const Diag *diag = sorted[i];
        text_add(out, "{\"severity\": \"%s\", ", severity_name[diag->severity]);
        if (span_known(diag->span)) {
            json_place(diags, diag->span, out);
            text_str(out, STR(", "));
        }
        text_str(out, STR("\"message\": "));
        text_json(out, diag->message);
        if (diag->help.len) {
            text_str(out, STR(", \"help\": "));
            text_json(out, diag->help);
        }
        if (span_known(diag->also)) {
            text_str(out, STR(", \"also\": {"));
            json_place(diags, diag->also, out);
            text_str(out, STR(", \"message\": "));
            text_json(out, diag->also_message);
            text_char(out, '}');
        }
        text_str(out, STR("}\n"));
    }
}
