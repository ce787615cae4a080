// base.h: what every file stands on: arenas, strings, growable arrays, spans, text being built.
//
// Memory has three lifetimes (process, compilation, run), each with one arena.
// Nothing is freed singly: an arena is dropped whole. When the machine has no
// memory left, arena_alloc says so on stderr and ends the process with status 1.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define PRINTF_LIKE(format_arg, first_arg) __attribute__((format(printf, format_arg, first_arg)))

// A mistake of mdx itself, never of the user: says where and aborts.
_Noreturn void bug_at(const char *file, int line, const char *what);
#define BUG(what) bug_at(__FILE__, __LINE__, what)
#define MUST(condition) ((condition) ? (void)0 : BUG("must hold: " #condition))

// ---- Arena: memory that is dropped whole.
typedef struct Arena Arena;
Arena *arena_open(void);                         // never NULL
void arena_close(Arena *arena);                  // frees everything that was allocated in it; NULL is allowed
void *arena_alloc(Arena *arena, size_t bytes);   // zeroed, aligned to 16; never NULL
void *arena_array(Arena *arena, size_t count, size_t size); // as above; a product that overflows is out of memory
void *arena_copy(Arena *arena, const void *bytes, size_t size);
size_t arena_bytes(const Arena *arena);          // handed out so far
#define arena_new(arena, T) ((T *)arena_alloc((arena), sizeof(T)))
#define arena_many(arena, T, count) ((T *)arena_array((arena), (count), sizeof(T)))

// ---- Str: a view of bytes, not terminated, not owned.
typedef struct {
    const char *at;
    size_t len;
} Str;
#define STR(literal) ((Str){"" literal, sizeof(literal) - 1})
#define STR_ARG(s) (int)(s).len, (s).at          // for "%.*s"
Str str_of(const char *terminated);              // view of a C string; NULL gives an empty view
Str str_copy(Arena *arena, Str s);               // the copy is also terminated
Str str_format(Arena *arena, const char *format, ...) PRINTF_LIKE(2, 3); // terminated
char *str_c(Arena *arena, Str s);                // a terminated copy
bool str_eq(Str a, Str b);
bool str_is(Str a, const char *terminated);
int str_order(Str a, Str b);                     // as strcmp, by bytes
bool str_starts(Str s, Str prefix);
bool str_ends(Str s, Str suffix);
Str str_part(Str s, size_t begin, size_t end);   // the view [begin, end), clamped
uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed);

// ---- List: a growable array in an arena.  typedef LIST(uint32_t) Ids;
#define LIST(T) struct { T *at; size_t len, cap; }
void *list_grown(Arena *arena, void *at, size_t len, size_t *cap, size_t size);
#define list_push(arena, list, value)                                                                        \
    do {                                                                                                     \
        if ((list)->len == (list)->cap)                                                                      \
            (list)->at = list_grown((arena), (list)->at, (list)->len, &(list)->cap, sizeof *(list)->at);     \
        (list)->at[(list)->len++] = (value);                                                                 \
    } while (0)
typedef LIST(uint32_t) U32List;
typedef LIST(Str) StrList;

// ---- Text: a string being built.
typedef struct {
    Arena *arena;
    char *at; // always terminated once something was added
    size_t len, cap;
} Text;
Text text_open(Arena *arena);
void text_add(Text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_add_list(Text *text, const char *format, va_list args);
void text_str(Text *text, Str s);
void text_char(Text *text, char c);
void text_repeat(Text *text, char c, size_t count);
void text_json(Text *text, Str s);               // s as a quoted JSON string
void text_number(Text *text, double x);          // shortest decimal that reads back as x; "null" when not finite
Str text_view(const Text *text);

// ---- StrMap: from strings to numbers. Keys are not copied: they must outlive the map.
typedef struct {
    Arena *arena;
    struct StrMapSlot *slots;
    size_t len, cap;
} StrMap;
StrMap strmap_open(Arena *arena, size_t expected);
void strmap_put(StrMap *map, Str key, uint32_t value);          // the last put of a key wins
bool strmap_get(const StrMap *map, Str key, uint32_t *value);

// ---- Span: which bytes of which source text asked for something.
typedef struct {
    uint32_t source;     // index of the text in the Sources of a compilation
    uint32_t begin, end; // byte offsets, end exclusive
} Span;
#define NO_SPAN ((Span){UINT32_MAX, 0, 0})
static inline bool span_known(Span span) {
    return span.source != UINT32_MAX;
}
