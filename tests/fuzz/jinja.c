// jinja.c: any bytes as a template. The first one chooses the variables. What is rendered must be valid UTF-8, what is
// not must have a message.
#include <stdlib.h>

#include "mdx/json.h"
#include "runtime/jinja/jinja.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const variables[] = {
    "{\"x\": 5, \"y\": -3, \"f\": 2.5, \"yes\": true, \"no\": false, \"n\": null, \"s\": \"Hello World\", \"pad\": \"  "
    "a b \\n\","
    " \"kz\": \"Қазақ тілі — Әлем\", \"emoji\": \"a😀b\", \"html\": \"<a>'&'\", \"nums\": [3, 1, 2], \"empty\": [],"
    " \"words\": [\"pear\", \"Apple\", \"fig\"], \"pairs\": [[\"a\", 1], [\"b\", 2]], \"d\": {\"b\": 2, \"a\": 1},"
    " \"deep\": {\"a\": {\"b\": [10, {\"c\": \"end\"}]}}, \"users\": [{\"name\": \"Ann\", \"age\": 30, \"ok\": true}],"
    " \"messages\": [{\"role\": \"user\", \"content\": \" Hi \"}], \"strftime_now_value\": \"2024-07-26\"}",
    "{\"messages\": [{\"role\": \"system\", \"content\": \"Be kind.\"}, {\"role\": \"user\", \"content\": \"Сәлем\"}],"
    " \"add_generation_prompt\": true, \"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"tools\": null, "
    "\"documents\": null}",
    "{}",
};

static void check(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    Arena *arena = arena_open();
    Error err = {0};
    cJSON *given = json_parse("variables", str_of(variables[data[0] % COUNT(variables)]), &err);
    check(given != NULL);
    JinjaTemplate *jinja = jinja_parse(arena, STR("t"), (Str){(const char *)data + 1, size - 1}, &err);
    Str out;
    if (jinja && jinja_render(jinja, arena, given, &out, &err))
        check(utf8_valid_prefix(out) == out.len);
    else
        check(err.kind != ERR_NONE && strncmp(err.text, "t:", 2) == 0);
    cJSON_Delete(given);
    arena_close(arena);
    return 0;
}
