// chat.c: tokenizer_config.json and the chat template in it.
//
// A template that cannot be used is no error until it is used: a model may be run on raw text all the same.
#include "runtime/chat.h"
#include "mdx/file.h"
#include "mdx/json.h"
#include "runtime/jinja/jinja.h"

enum { MAX_CONFIG = 64 << 20, MAX_TEMPLATE = 1 << 20 };

typedef struct {
    Str name, content;
} NamedToken;

struct ChatTemplate {
    Str name;             // what messages call it
    JinjaTemplate *jinja; // NULL: `problem` says why
    Str problem;
    LIST(NamedToken) tokens; // variables: bos_token and the like
};

typedef struct {
    Arena *arena;
    const char *name; // path of the file that is read
    ChatConfig *out;
    ChatTemplate *chat;
    StrMap seen; // what out->special has
    Error *err;
} Reader;

// ---- Tokens

// The names that every tokenizer of transformers has; others end with "_token".
static const char *const standard_tokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                              "pad_token", "cls_token", "mask_token"};

static bool is_standard(const char *name) {
    for (size_t i = 0; i < COUNT(standard_tokens); i++)
        if (strcmp(name, standard_tokens[i]) == 0) return true;
    return false;
}

// A token is a string, or an object that has it as "content". NULL when it is neither.
static const char *spelling(const cJSON *token) {
    if (cJSON_IsObject(token)) token = json_member(token, "content");
    return cJSON_GetStringValue(token);
}

static Str add_special(Reader *r, const char *content) {
    Str special = str_copy(r->arena, str_of(content));
    uint32_t ignored;
    if (!special.len || strmap_get(&r->seen, special, &ignored)) return special;
    strmap_put(&r->seen, special, 0);
    list_push(r->arena, &r->out->special, special);
    return special;
}

static void add_named(Reader *r, const char *name, const char *content) {
    Str special = add_special(r, content);
    NamedToken token = {str_copy(r->arena, str_of(name)), special};
    if (strcmp(name, "bos_token") == 0) r->out->bos_token = special;
    for (size_t i = 0; i < r->chat->tokens.len; i++) {
        if (!str_eq(r->chat->tokens.at[i].name, token.name)) continue;
        r->chat->tokens.at[i] = token; // special_tokens_map.json comes later and wins
        return;
    }
    list_push(r->arena, &r->chat->tokens, token);
}

static bool expected_token(Reader *r, const char *where, const cJSON *got) {
    FAIL(r->err, ERR_INPUT, "%s: '%s' is %s, expected a token: a string, or an object with 'content'", r->name, where,
         json_kind(got));
}

static bool read_named_tokens(Reader *r, const cJSON *config) {
    const cJSON *member;
    cJSON_ArrayForEach(member, config) {
        bool standard = is_standard(member->string);
        if (!standard && !str_ends(str_of(member->string), STR("_token"))) continue;
        const char *content = spelling(member);
        if (content)
            add_named(r, member->string, content);
        else if (standard && !cJSON_IsNull(member))
            return expected_token(r, member->string, member);
    }
    return true;
}

// additional_special_tokens, extra_special_tokens: a list of tokens, or an object of named ones.
static bool read_extra_tokens(Reader *r, const cJSON *config, const char *key) {
    const cJSON *extra = json_member(config, key), *member;
    if (extra && !cJSON_IsArray(extra) && !cJSON_IsObject(extra))
        FAIL(r->err, ERR_INPUT, "%s: '%s' is %s, expected a list of tokens", r->name, key, json_kind(extra));
    cJSON_ArrayForEach(member, extra) {
        const char *content = spelling(member);
        if (!content) return expected_token(r, key, member);
        if (member->string)
            add_named(r, member->string, content);
        else
            add_special(r, content);
    }
    return true;
}

static bool read_added_tokens(Reader *r, const cJSON *config) {
    const cJSON *added = json_member(config, "added_tokens_decoder"), *member;
    if (added && !cJSON_IsObject(added))
        FAIL(r->err, ERR_INPUT, "%s: 'added_tokens_decoder' is %s, expected an object", r->name, json_kind(added));
    cJSON_ArrayForEach(member, added) {
        const char *content = spelling(member);
        if (!cJSON_IsObject(member) || !content) return expected_token(r, member->string, member);
        if (cJSON_IsTrue(json_member(member, "special"))) add_special(r, content);
    }
    return true;
}

static bool read_tokens(Reader *r, const cJSON *config) {
    return read_named_tokens(r, config) && read_extra_tokens(r, config, "additional_special_tokens") &&
           read_extra_tokens(r, config, "extra_special_tokens") && read_added_tokens(r, config);
}

// ---- The template

static void use_template(Reader *r, Str name, Str source) {
    Error err;
    r->out->chat = r->chat;
    r->chat->name = name;
    r->chat->jinja = jinja_parse(r->arena, name, source, &err);
    r->chat->problem = r->chat->jinja ? STR("") : str_copy(r->arena, str_of(err.text));
}

// [{"name": "default", "template": …}, …]: the default is the one to use.
static bool read_template_list(Reader *r, const cJSON *list, const cJSON **out) {
    const cJSON *entry;
    Text names = text_open(r->arena);
    *out = NULL;
    cJSON_ArrayForEach(entry, list) {
        const cJSON *name = json_member(entry, "name"), *template = json_member(entry, "template");
        if (!cJSON_IsString(name) || !cJSON_IsString(template))
            FAIL(r->err, ERR_INPUT, "%s: 'chat_template' is a list, expected objects with 'name' and 'template' in it",
                 r->name);
        text_add(&names, "%s'%s'", names.len ? ", " : "", name->valuestring);
        if (strcmp(name->valuestring, "default") == 0) *out = template;
    }
    if (*out) return true;
    r->out->chat = r->chat;
    r->chat->problem = str_format(r->arena, "%s: of the chat templates %s none is named 'default'", r->name,
                                  names.len ? names.at : "(there are none)");
    return true;
}

static bool read_template(Reader *r, const cJSON *config) {
    const cJSON *template = json_member(config, "chat_template");
    if (!template) return true;
    if (cJSON_IsArray(template)) {
        TRY(read_template_list(r, template, &template));
        if (!template) return true;
    }
    if (!cJSON_IsString(template))
        FAIL(r->err, ERR_INPUT, "%s: 'chat_template' is %s, expected a string or a list", r->name, json_kind(template));
    use_template(r, str_format(r->arena, "%s: chat_template", r->name), str_of(template->valuestring));
    return true;
}

static bool read_template_file(Reader *r, const char *path) {
    Str source;
    if (!file_exists(path)) return true;
    TRY(file_read(r->arena, path, MAX_TEMPLATE, &source, r->err));
    use_template(r, str_of(path), source);
    return true;
}

// Reads a file of the folder as an object; NULL in *out when there is no such file.
static bool open_object(Reader *r, const char *path, cJSON **out) {
    *out = NULL;
    r->name = path;
    if (!file_exists(path)) return true;
    *out = json_read(path, MAX_CONFIG, r->err);
    if (!*out) return false;
    if (cJSON_IsObject(*out)) return true;
    error_set(r->err, ERR_INPUT, "%s: is %s, expected an object", path, json_kind(*out));
    cJSON_Delete(*out);
    return false;
}

// Older folders have their tokens here. It counts when the config lists no added tokens, as in transformers.
static bool read_tokens_map(Reader *r, const char *path) {
    cJSON *map;
    TRY(open_object(r, path, &map));
    bool ok = !map || read_tokens(r, map);
    cJSON_Delete(map);
    return ok;
}

static bool read_config(Reader *r, const char *path, const char *tokens_map) {
    cJSON *config;
    TRY(open_object(r, path, &config));
    bool ok = !config || (read_tokens(r, config) && read_template(r, config));
    bool lists_added = config && json_member(config, "added_tokens_decoder");
    cJSON_Delete(config);
    return ok && (lists_added || read_tokens_map(r, tokens_map));
}

bool chat_open(Arena *arena, const char *folder, ChatConfig *out, Error *err) {
    *out = (ChatConfig){0};
    Reader r = {.arena = arena, .out = out, .chat = arena_new(arena, ChatTemplate), .err = err};
    r.seen = strmap_open(arena, 0);
    Str at = str_of(folder);
    return read_config(&r, path_join(arena, at, STR("tokenizer_config.json")).at,
                       path_join(arena, at, STR("special_tokens_map.json")).at) &&
           read_template_file(&r, path_join(arena, at, STR("chat_template.jinja")).at);
}

// ---- Rendering

// Stands in the place of the user's text: private characters, which no template knows, without case and white space.
#define SENTINEL "\xee\x83\xb0\xee\x86\xa7\xee\x8a\xb5\xee\x8f\x89"

// What transformers gives a template for one user message.
static cJSON *make_variables(const ChatTemplate *chat, const char *user) {
    cJSON *variables = cJSON_CreateObject();
    bool ok = variables != NULL;
    for (size_t i = 0; i < chat->tokens.len; i++)
        ok = ok && cJSON_AddStringToObject(variables, chat->tokens.at[i].name.at, chat->tokens.at[i].content.at);
    cJSON *messages = cJSON_AddArrayToObject(variables, "messages"), *message = cJSON_CreateObject();
    ok = ok && cJSON_AddStringToObject(message, "role", "user") && cJSON_AddStringToObject(message, "content", user);
    if (!cJSON_AddItemToArray(messages, message)) {
        cJSON_Delete(message);
        ok = false;
    }
    ok = ok && cJSON_AddNullToObject(variables, "tools") && cJSON_AddNullToObject(variables, "documents") &&
         cJSON_AddTrueToObject(variables, "add_generation_prompt");
    if (ok) return variables;
    cJSON_Delete(variables);
    return NULL;
}

static bool render(const ChatTemplate *chat, Arena *arena, const char *user, Str *out, Error *err) {
    cJSON *variables = make_variables(chat, user);
    if (!variables) FAIL(err, ERR_SYSTEM, "%.*s: no memory for a conversation", STR_ARG(chat->name));
    bool ok = jinja_render(chat->jinja, arena, variables, out, err);
    cJSON_Delete(variables);
    return ok;
}

// The text in front of the sentinel and the text behind it.
static bool find_frame(const ChatTemplate *chat, Arena *arena, Str *front, Str *back, Error *err) {
    Str frame;
    TRY(render(chat, arena, SENTINEL, &frame, err));
    const char *at = strstr(frame.at, SENTINEL);
    if (!at || strlen(frame.at) != frame.len)
        FAIL(err, ERR_INPUT, "%.*s: the template does not write the user's text, or changes it beyond recognition",
             STR_ARG(chat->name));
    size_t begin = (size_t)(at - frame.at), end = begin + strlen(SENTINEL);
    if (strstr(at + 1, SENTINEL))
        FAIL(err, ERR_INPUT, "%.*s: the template writes the user's text more than once", STR_ARG(chat->name));
    *front = str_part(frame, 0, begin);
    *back = str_part(frame, end, frame.len);
    return true;
}

bool chat_render(const ChatTemplate *chat, Arena *arena, Str user, ChatText *out, Error *err) {
    Str front, back, text;
    if (!chat->jinja) FAIL(err, ERR_INPUT, "%.*s", STR_ARG(chat->problem));
    if (utf8_valid_prefix(user) < user.len || (user.len && memchr(user.at, '\0', user.len)))
        FAIL(err, ERR_INPUT, "a user's text is not valid UTF-8 without NUL characters");
    TRY(find_frame(chat, arena, &front, &back, err) && render(chat, arena, str_c(arena, user), &text, err));
    bool framed = text.len >= front.len + back.len && str_starts(text, front) && str_ends(text, back);
    if (!framed)
        FAIL(err, ERR_INPUT, "%.*s: the template treats this text in a way that hides where it stands",
             STR_ARG(chat->name));
    *out = (ChatText){text, front.len, text.len - back.len};
    return true;
}
