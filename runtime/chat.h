// chat.h: a model's chat template (tokenizer_config.json), and where the user's text stands in its result.
#pragma once

#include "mdx/error.h"

typedef struct ChatTemplate ChatTemplate;

// What tokenizer_config.json says that the rest of mdx needs.
typedef struct {
    ChatTemplate *chat; // NULL when the model has no chat template
    StrList special;    // spellings of the tokens that the config names (bos_token, eos_token, pad_token …)
    Str bos_token;      // empty when it names none
} ChatConfig;

// Reads FOLDER/tokenizer_config.json (missing: everything empty) and, when they are there, FOLDER/chat_template.jinja,
// which then is the template, and FOLDER/special_tokens_map.json, which counts when the config lists no added tokens.
// A list of named templates gives the one called "default". A template that cannot be used is an error of
// chat_render only.
bool chat_open(Arena *arena, const char *folder, ChatConfig *out, Error *err);

typedef struct {
    Str text;          // the rendered conversation: one user message, then the generation prompt
    size_t begin, end; // the content: the bytes of `text` that the user's text became
} ChatText;

// Renders one user message with add_generation_prompt. The content is found by rendering a sentinel in the
// place of the user's text; a template that writes the text twice, or not at all, is an error.
bool chat_render(const ChatTemplate *chat, Arena *arena, Str user, ChatText *out, Error *err);
