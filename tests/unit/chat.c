// chat.c: chat templates of model folders against transformers (tests/data/jinja/chats.json), and where the user's
// text stands in the result.
#include <stdlib.h>

#include "check.h"
#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/chat.h"

static char folder[] = "test-chat-XXXXXX";

static Str member(const cJSON *object, const char *key) {
    return str_of(cJSON_GetStringValue(json_member(object, key)));
}

static void write_file(Arena *arena, const char *name, Str text) {
    Error err;
    if (!file_write(path_join(arena, str_of(folder), str_of(name)).at, text, &err)) fprintf(stderr, "%s\n", err.text);
}

static void clear_folder(void) {
    Error err;
    CHECK(folder_remove(folder, &err) && folder_make(folder, &err));
}

static bool has(const StrList *list, Str s) {
    for (size_t i = 0; i < list->len; i++)
        if (str_eq(list->at[i], s)) return true;
    return false;
}

static void check_config(const cJSON *test, const ChatConfig *config) {
    const cJSON *special;
    CHECK_STR(config->bos_token, member(test, "bos_token"));
    cJSON_ArrayForEach(special, json_member(test, "special"))
        CHECK(has(&config->special, str_of(special->valuestring)));
    CHECK(!has(&config->special, STR("plain")));
}

static void check_chat(const cJSON *test) {
    Arena *arena = arena_open();
    Error err = {0};
    ChatConfig config;
    ChatText got;
    const cJSON *file;
    int failures = check_failures;
    clear_folder();
    cJSON_ArrayForEach(file, json_member(test, "files")) write_file(arena, file->string, str_of(file->valuestring));
    CHECK(chat_open(arena, folder, &config, &err) && config.chat);
    bool ok = config.chat && chat_render(config.chat, arena, member(test, "user"), &got, &err);
    CHECK(ok == (json_member(test, "content") != NULL));
    if (ok) {
        CHECK_STR(got.text, member(test, "text"));
        CHECK_STR(str_part(got.text, got.begin, got.end), member(test, "content"));
    }
    check_config(test, &config);
    if (failures != check_failures) fprintf(stderr, "  in %s: %s\n", member(test, "name").at, err.text);
    arena_close(arena);
}

// The message of a folder that cannot be opened, or whose template cannot be used.
static void check_message(const char *file, const char *text, Str user, const char *expected) {
    Arena *arena = arena_open();
    Error err = {0};
    ChatConfig config;
    ChatText got;
    clear_folder();
    write_file(arena, file, str_of(text));
    CHECK(!(chat_open(arena, folder, &config, &err) && chat_render(config.chat, arena, user, &got, &err)));
    bool in_folder = strncmp(err.text, folder, strlen(folder)) == 0;
    CHECK_STR(str_of(err.text + (in_folder ? strlen(folder) + 1 : 0)), str_of(expected));
    arena_close(arena);
}

static void check_messages(void) {
    static const char config[] = "tokenizer_config.json";
    check_message(config, "[]", STR("x"), "tokenizer_config.json: is a list, expected an object");
    check_message(
        config, "{\"bos_token\": 1}", STR("x"),
        "tokenizer_config.json: 'bos_token' is a number, expected a token: a string, or an object with 'content'");
    check_message(config, "{\"chat_template\": 1}", STR("x"),
                  "tokenizer_config.json: 'chat_template' is a number, expected a string or a list");
    check_message(
        config, "{\"chat_template\": [{\"name\": \"a\"}]}", STR("x"),
        "tokenizer_config.json: 'chat_template' is a list, expected objects with 'name' and 'template' in it");
    check_message(config, "{\"chat_template\": [{\"name\": \"a\", \"template\": \"\"}]}", STR("x"),
                  "tokenizer_config.json: of the chat templates 'a' none is named 'default'");
    check_message(config, "{\"added_tokens_decoder\": []}", STR("x"),
                  "tokenizer_config.json: 'added_tokens_decoder' is a list, expected an object");
    check_message(
        config, "{\"additional_special_tokens\": [1]}", STR("x"),
        "tokenizer_config.json: 'additional_special_tokens' is a number, expected a token: a string, or an object "
        "with 'content'");
    check_message(config, "{\"chat_template\": \"a\\n{% nonsense %}\"}", STR("x"),
                  "tokenizer_config.json: chat_template:2:4: unknown tag 'nonsense'");
    check_message("chat_template.jinja", "{{ messages[0].content }}{{ x.y }}", STR("x"),
                  "chat_template.jinja:1:30: 'x' is undefined");
    check_message("chat_template.jinja", "{{ messages[0].content * 2 }}", STR("x"),
                  "chat_template.jinja: the template writes the user's text more than once");
    check_message("chat_template.jinja", "constant", STR("x"),
                  "chat_template.jinja: the template does not write the user's text, or changes it beyond recognition");
    check_message("chat_template.jinja", "{{ messages }}", STR("x"), // repr() escapes the sentinel
                  "chat_template.jinja: the template does not write the user's text, or changes it beyond recognition");
    check_message("chat_template.jinja", "{{ messages[0].content|length }}:{{ messages[0].content }}", STR("x"),
                  "chat_template.jinja: the template treats this text in a way that hides where it stands");
    check_message("chat_template.jinja", "{{ messages[0].content[:3] }}", STR("x"),
                  "chat_template.jinja: the template does not write the user's text, or changes it beyond recognition");
    check_message("chat_template.jinja", "{{ messages[0].content }}", STR("a\0b"),
                  "a user's text is not valid UTF-8 without NUL characters");
    check_message("chat_template.jinja", "{{ messages[0].content }}", STR("\xff"),
                  "a user's text is not valid UTF-8 without NUL characters");
}

static void check_missing(void) {
    Arena *arena = arena_open();
    Error err;
    ChatConfig config;
    clear_folder();
    CHECK(chat_open(arena, folder, &config, &err));
    CHECK(!config.chat && !config.special.len && !config.bos_token.len);
    arena_close(arena);
}

int main(void) {
    if (!mkdtemp(folder)) return 1;
    Error err;
    cJSON *chats = json_read(TESTS "/data/jinja/chats.json", 1 << 20, &err);
    if (!chats) fprintf(stderr, "%s\n", err.text);
    CHECK(cJSON_GetArraySize(chats) > 20);
    const cJSON *test;
    cJSON_ArrayForEach(test, chats) check_chat(test);
    cJSON_Delete(chats);
    check_messages();
    check_missing();
    CHECK(folder_remove(folder, &err));
    return check_done();
}
