// html.c: escaping, the page around a report, its tables and its looks.
#include <inttypes.h>
#include <stdio.h>

#include "api/html.h"
#include "mdx/json.h"

// ---- Text

// What stands for a character that XML does not allow.
#define REPLACEMENT STR("\xef\xbf\xbd")

static void html_byte(Text *out, char c) {
    static const struct {
        char c;
        Str as;
    } special[] = {{'&', {"&amp;", 5}}, {'<', {"&lt;", 4}}, {'>', {"&gt;", 4}}, {'"', {"&quot;", 6}}, {'\'', {"&#39;", 5}}};
    for (size_t i = 0; i < COUNT(special); i++) {
        if (c != special[i].c) continue;
        text_str(out, special[i].as);
        return;
    }
    bool control = (unsigned char)c < 0x20 && c != '\n' && c != '\t';
    if (c == '\r') return;
    if (control || c == 0x7f)
        text_str(out, REPLACEMENT);
    else
        text_char(out, c);
}

// U+FFFE and U+FFFF are valid UTF-8 and no characters.
static bool is_no_character(Str s, size_t i) {
    return s.len - i >= 3 && memcmp(s.at + i, "\xef\xbf", 2) == 0 && (unsigned char)s.at[i + 2] >= 0xbe;
}

void html_text(Text *out, Str s) {
    while (s.len) {
        size_t valid = utf8_valid_prefix(s);
        for (size_t i = 0; i < valid; i++) {
            bool none = is_no_character(s, i);
            if (none)
                text_str(out, REPLACEMENT);
            else
                html_byte(out, s.at[i]);
            i += none ? 2 : 0;
        }
        if (valid < s.len) text_str(out, REPLACEMENT);
        s = str_part(s, valid + 1, s.len);
    }
}

void html_element(Text *out, const char *tag, const char *class, Str text) {
    text_add(out, class ? "<%s class=\"%s\">" : "<%s>", tag, class);
    html_text(out, text);
    text_add(out, "</%s>", tag);
}

// ---- The page

static const char style[] =
    ":root{color-scheme:light dark;--back:#fff;--text:#1c2128;--dim:#59636e;--line:#d5dbe1;--soft:#f4f6f8;--mark:#0a58a8;"
    "--warn:#7a4100;--warn-back:#fff4de;--warn-line:#e8c88f}\n"
    "@media (prefers-color-scheme:dark){:root{--back:#14181d;--text:#e3e7ec;--dim:#9aa5b1;--line:#343c46;--soft:#1c2229;"
    "--mark:#7db7f5;--warn:#f3cf94;--warn-back:#33270f;--warn-line:#6b5323}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--back);color:var(--text);font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:70rem;margin:0 auto;padding:1.5rem 1.25rem 4rem}\n"
    "h1{font-size:1.7rem;line-height:1.25;margin:.2rem 0 .3rem;overflow-wrap:anywhere}\n"
    "h2{font-size:1.15rem;margin:2.4rem 0 .7rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}\n"
    "h3{font-size:.95rem;font-weight:600;margin:1.4rem 0 .4rem;overflow-wrap:anywhere}\n"
    "p,ul{margin:.5rem 0;max-width:48rem;overflow-wrap:anywhere}ul{padding-left:1.3rem}\n"
    ".dim,.note{color:var(--dim)}.note{font-size:.88rem}\n"
    ".box{overflow-x:auto;border:1px solid var(--line);border-radius:6px;width:fit-content;max-width:100%;margin:.6rem 0}\n"
    "table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.32rem .8rem;text-align:left;vertical-align:top;white-space:nowrap;unicode-bidi:isolate}\n"
    "th{background:var(--soft);font-weight:600;border-bottom:1px solid var(--line)}\n"
    "tbody tr+tr td{border-top:1px solid var(--line)}\n"
    ".value{white-space:normal}.value span{white-space:nowrap}.formula{white-space:normal;overflow-wrap:anywhere;min-width:18rem}\n"
    ".n{text-align:right}.none{color:var(--dim);font-style:italic}\n"
    "code,pre,.hash{font-family:ui-monospace,\"SF Mono\",Menlo,Consolas,\"DejaVu Sans Mono\",monospace}code,.hash{font-size:.9em}\n"
    "pre{margin:0;padding:.7rem 0;font-size:.85rem;line-height:1.55;counter-reset:line;width:max-content;min-width:100%;tab-size:4}\n"
    ".code{width:auto;background:var(--soft)}\n"
    ".l{display:block;padding-right:1rem;counter-increment:line;unicode-bidi:isolate}\n"
    ".l::before{content:counter(line);display:inline-block;width:3.2em;margin-right:1.2em;padding-right:.6em;text-align:right;"
    "color:var(--dim);border-right:1px solid var(--line);user-select:none}\n"
    ".warning{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--warn-back);color:var(--warn);border:1px solid var(--warn-line);"
    "border-radius:6px;padding:.5rem .8rem;margin:.5rem 0;max-width:none;font-size:.92rem}\n"
    ".badge{display:inline-block;background:var(--warn-back);color:var(--warn);border:1px solid var(--warn-line);border-radius:1em;"
    "padding:0 .7em;font-size:.85rem}\n"
    "figure{margin:1rem 0}figcaption{margin-top:.3rem}\n"
    "figure img{display:block;width:100%;max-width:48rem;height:auto;background:#fff;border:1px solid var(--line);border-radius:6px}\n"
    "@media (max-width:40rem){main{padding:1rem .8rem 3rem}th,td{padding:.3rem .55rem}.l::before{width:2.4em;margin-right:.8em}}\n"
    "@media print{main{max-width:none}.box{overflow:visible}}\n";

void html_open(Text *out, Str title) {
    text_str(out, STR("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\" />\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"));
    html_element(out, "title", NULL, title);
    text_add(out, "\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", style);
}

void html_close(Text *out) {
    text_str(out, STR("</main>\n</body>\n</html>\n"));
}

// ---- Tables

void html_table_open(Text *out, const HtmlColumn *columns, size_t count) {
    text_str(out, STR("<div class=\"box\"><table>\n<thead><tr>"));
    for (size_t i = 0; i < count; i++) html_element(out, "th", columns[i].number ? "n" : NULL, str_of(columns[i].name));
    text_str(out, STR("</tr></thead>\n<tbody>\n"));
}

void html_cell(Text *out, bool number, Str text) {
    html_element(out, "td", number ? "n" : NULL, text);
}

// Thousands apart.
void html_count(Text *out, uint64_t number) {
    char digits[24], shown[40];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
    size_t used = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) shown[used++] = ',';
        shown[used++] = digits[i];
    }
    html_cell(out, true, (Str){shown, used});
}

void html_hash(Text *out, const char *hex) {
    text_add(out, "<td class=\"hash\" title=\"%s\">%.12s…</td>", hex, hex);
}

void html_table_close(Text *out) {
    text_str(out, STR("</tbody>\n</table></div>\n"));
}

void html_image(Text *out, const char *type, Str bytes, Str what) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text_add(out, "<img src=\"data:image/%s;base64,", type);
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = MIN(bytes.len - i, 3);
        uint32_t word = 0;
        for (size_t k = 0; k < 3; k++) word = word << 8 | (k < left ? (unsigned char)bytes.at[i + k] : 0);
        for (size_t k = 0; k < 4; k++) text_char(out, k <= left ? digits[word >> (18 - 6 * k) & 63] : '=');
    }
    text_str(out, STR("\" alt=\""));
    html_text(out, what);
    text_str(out, STR("\" />"));
}

void html_code(Text *out, Str text) {
    text_str(out, STR("<div class=\"box code\"><pre>"));
    while (text.len) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t length = end ? (size_t)(end - text.at) : text.len;
        text_str(out, STR("<span class=\"l\">"));
        html_text(out, str_part(text, 0, length));
        text_str(out, STR("\n</span>"));
        text = str_part(text, length + 1, text.len);
    }
    text_str(out, STR("</pre></div>\n"));
}
