// diff_lines.c: which lines of a text another has not: the longest common subsequence of what lies between the first
// and the last difference.
#include "api/diff.h"

// Of the table: beyond it (two specs of 3000 lines that have nothing in common) lines are not matched.
enum { MOST_CELLS = 10000000 };

typedef struct {
    StrList lines;
    size_t begin, end; // those that are not in the common beginning and end
} Side;

static StrList lines_of(Arena *arena, Str text) {
    StrList lines = {0};
    while (text.len) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t length = end ? (size_t)(end - text.at) : text.len;
        list_push(arena, &lines, str_part(text, 0, length));
        text = str_part(text, length + 1, text.len);
    }
    return lines;
}

static void add_line(Arena *arena, const Side *side, size_t i, bool added, DiffLines *out) {
    list_push(arena, out, ((DiffLine){added, i + 1, side->lines.at[i]}));
}

static void add_all(Arena *arena, const Side *side, bool added, DiffLines *out) {
    for (size_t i = side->begin; i < side->end; i++) add_line(arena, side, i, added, out);
}

static bool same_line(const Side *a, size_t i, const Side *b, size_t j) {
    return str_eq(a->lines.at[i], b->lines.at[j]);
}

// length[i, j]: of the longest common subsequence of the lines of a from i on and of b from j on.
static void match(Arena *arena, const Side *a, const Side *b, DiffLines *out) {
    size_t rows = a->end - a->begin, columns = b->end - b->begin, wide = columns + 1;
    uint32_t *length = arena_many(arena, uint32_t, (rows + 1) * wide);
    for (size_t i = rows; i-- > 0;)
        for (size_t j = columns; j-- > 0;)
            length[i * wide + j] = same_line(a, a->begin + i, b, b->begin + j)
                                       ? length[(i + 1) * wide + j + 1] + 1
                                       : MAX(length[(i + 1) * wide + j], length[i * wide + j + 1]);
    for (size_t i = 0, j = 0; i < rows || j < columns;) {
        if (i < rows && j < columns && same_line(a, a->begin + i, b, b->begin + j)) {
            i++, j++;
        } else if (i < rows && (j == columns || length[(i + 1) * wide + j] >= length[i * wide + j + 1])) {
            add_line(arena, a, a->begin + i++, false, out);
        } else {
            add_line(arena, b, b->begin + j++, true, out);
        }
    }
}

bool diff_lines(Arena *arena, Str a, Str b, DiffLines *out) {
    Side from = {.lines = lines_of(arena, a)}, to = {.lines = lines_of(arena, b)};
    from.end = from.lines.len;
    to.end = to.lines.len;
    while (from.begin < from.end && to.begin < to.end && same_line(&from, from.begin, &to, to.begin)) from.begin++, to.begin++;
    while (from.end > from.begin && to.end > to.begin && same_line(&from, from.end - 1, &to, to.end - 1)) from.end--, to.end--;
    size_t rows = from.end - from.begin, columns = to.end - to.begin;
    bool few = rows == 0 || columns == 0 || (rows + 1) <= MOST_CELLS / (columns + 1);
    if (few && rows && columns) {
        match(arena, &from, &to, out);
        return true;
    }
    add_all(arena, &from, false, out);
    add_all(arena, &to, true, out);
    return few;
}
