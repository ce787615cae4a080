// token_cache.h: tokens of prompts, kept from run to run, so that a rerun need not open the tokenizer.
#pragma once

#include "mdx/facts.h"
#include "mdx/hash.h"
#include "runtime/prompts.h"

// What the tokens depend on: the model's text files, the prompts, the chat template or not, the appended text.
Sha256 token_cache_key(const char *model, const PromptTexts *prompts, bool chat, Str appended);
// The stream of the key, in the arena, without the prompts' ids. False when there is none that is whole.
bool token_cache_get(const char *folder, const Sha256 *key, uint32_t prompts, Arena *arena, Stream *out);
void token_cache_put(const char *folder, const Sha256 *key, const Stream *stream);
